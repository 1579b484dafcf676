"""What Cognito refuses of the settings of pools and app clients, and that an update keeps the rest.

The facts are in "Settings of a pool" and "Settings of an app client" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire import service_model
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, refused

SMS = {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms", "ExternalId": "one"}
SES = {
    "EmailSendingAccount": "DEVELOPER",
    "SourceArn": "arn:aws:ses:us-east-1:123456789012:identity/example.com",
    "From": "Example <no-reply@example.com>",
}
DAY = 86400
NEEDS_SMS = (
    "SMS configuration and Auto verification for phone_number are required when MFA is "
    "required/optional"
)
NEEDS_DEVELOPER = (
    "Cannot set EmailMfaConfiguration when user pool EmailConfiguration contains an "
    "EmailSendingAccount of COGNITO_DEFAULT."
)
LITE = "The following features need to be disabled for the LITE pricing tier configured: "
TOTP = {"SoftwareTokenMfaConfiguration": {"Enabled": True}}
HTTPS = "https://example.com/"
BY_CODE = {
    "AllowedOAuthFlowsUserPoolClient": True,
    "AllowedOAuthFlows": ["code"],
    "AllowedOAuthScopes": ["openid"],
    "CallbackURLs": [HTTPS],
}
ANALYTICS = "arn:aws:mobiletargeting:us-east-1:123456789012:apps/0123456789abcdef"


def recovery(*mechanisms: tuple[int, str]) -> dict[str, Any]:
    options = [{"Priority": priority, "Name": name} for priority, name in mechanisms]
    return {"AccountRecoverySetting": {"RecoveryMechanisms": options}}


def policies(**members: Any) -> dict[str, Any]:
    return {"Policies": members}


#: Settings of a pool that contradict each other, the error, and its text.
POOL_REFUSALS: dict[str, tuple[dict[str, Any], str, str]] = {
    "mfa on without sms": ({"MfaConfiguration": "ON"}, "InvalidParameter", NEEDS_SMS),
    "mfa optional without sms": ({"MfaConfiguration": "OPTIONAL"}, "InvalidParameter", NEEDS_SMS),
    "a phone number to verify without sms": (
        {"AutoVerifiedAttributes": ["email", "phone_number"]},
        "InvalidParameter",
        "SMS configuration is required when phone_number is selected for auto verification",
    ),
    "proof before an update of what is not verified": (
        {
            "AutoVerifiedAttributes": ["email"],
            "UserAttributeUpdateSettings": {
                "AttributesRequireVerificationBeforeUpdate": ["email", "phone_number"]
            },
        },
        "InvalidParameter",
        (
            "All attributes in AttributesRequireVerificationBeforeUpdate must exist in "
            "AutoVerifiedAttributes"
        ),
    ),
    "earlier passwords in the smallest tier": (
        {"UserPoolTier": "LITE", **policies(PasswordPolicy={"PasswordHistorySize": 3})},
        "FeatureUnavailableInTier",
        (
            "The following features need to be disabled for the LITE pricing tier configured: "
            "Password History"
        ),
    ),
    "no password": (
        policies(SignInPolicy={"AllowedFirstAuthFactors": ["EMAIL_OTP"]}),
        "InvalidParameter",
        "Password should be configured as one of the allowed first auth factors.",
    ),
    "codes as a first factor in the tier LITE": (
        {
            **policies(SignInPolicy={"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}),
            "UserPoolTier": "LITE",
        },
        "FeatureUnavailableInTier",
        f"{LITE}Passwordless Sign-In",
    ),
    "recovery by an administrator and by email": (
        recovery((1, "admin_only"), (2, "verified_email")),
        "InvalidParameter",
        (
            "Account Recovery Setting cannot use admin_only setting with any other recovery "
            "mechanisms."
        ),
    ),
    "two ways of recovery of one priority": (
        recovery((1, "verified_phone_number"), (1, "verified_email")),
        "InvalidParameter",
        "Account Recovery Setting cannot have duplicate priorities or recovery mechanisms.",
    ),
    "one way of recovery twice": (
        recovery((1, "verified_email"), (2, "verified_email")),
        "InvalidParameter",
        "Account Recovery Setting cannot have duplicate priorities or recovery mechanisms.",
    ),
    "two lives of a temporary password": (
        {
            **policies(PasswordPolicy={"TemporaryPasswordValidityDays": 3}),
            "AdminCreateUserConfig": {"UnusedAccountValidityDays": 3},
        },
        "InvalidParameter",
        (
            "Please use TemporaryPasswordValidityDays in PasswordPolicy instead of "
            "UnusedAccountValidityDays"
        ),
    ),
    "email by a developer who has no address": (
        {"EmailConfiguration": {"EmailSendingAccount": "DEVELOPER"}},
        "InvalidParameter",
        "Source ARN is required to use DEVELOPER email sending owner",
    ),
    "a sender that is no address": (
        {"EmailConfiguration": {**SES, "From": "nobody"}},
        "InvalidParameter",
        "Provided From email address is invalid",
    ),
    "codes by sms as a first factor without sms": (
        policies(SignInPolicy={"AllowedFirstAuthFactors": ["PASSWORD", "SMS_OTP"]}),
        "InvalidParameter",
        (
            "SMS_OTP can not be configured as AuthFactor as user pool is missing valid SMS "
            "configuration."
        ),
    ),
}
if "required" not in service_model.shape("SmsConfigurationType"):  # an older botocore wants one
    POOL_REFUSALS["no service for sms"] = (
        {"SmsConfiguration": {"ExternalId": "one"}},
        "InvalidParameter",
        "SmsConfiguration needs either SnsCallerArn or EumsSms, and not both.",
    )

#: The same for app clients.
CLIENT_REFUSALS: dict[str, tuple[dict[str, Any], str, str]] = {
    "flows of two ages": (
        {"ExplicitAuthFlows": ["ADMIN_NO_SRP_AUTH", "ALLOW_USER_SRP_AUTH"]},
        "InvalidParameter",
        "Auth flow name with prefix 'ALLOW' cannot be used with legacy auth flow names.",
    ),
    "oauth without flows": (
        {"AllowedOAuthFlowsUserPoolClient": True, "AllowedOAuthScopes": ["openid"]},
        "InvalidParameter",
        (
            "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to "
            "use OAuth flows."
        ),
    ),
    "oauth without scopes": (
        {**BY_CODE, "AllowedOAuthScopes": []},
        "InvalidParameter",
        (
            "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to "
            "use OAuth flows."
        ),
    ),
    "the code flow without a callback": (
        {**BY_CODE, "CallbackURLs": []},
        "InvalidOAuthFlow",
        "CallbackUrls can not be empty when code flow or implicit flow is selected",
    ),
    "the code flow of a machine": (
        {**BY_CODE, "AllowedOAuthFlows": ["code", "client_credentials"]},
        "InvalidOAuthFlow",
        "client_credentials flow can not be selected along with code flow or implicit flow.",
    ),
    "a machine without a secret": (
        {"AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthScopes": ["api/read"]},
        "InvalidOAuthFlow",
        "client_credentials flow can not be selected if client does not have a client secret.",
    ),
    "a scope that does not exist": (
        {**BY_CODE, "AllowedOAuthScopes": ["api/write"]},
        "ScopeDoesNotExist",
        "Invalid scope requested: api/write",
    ),
    "a provider that does not exist": (
        {"SupportedIdentityProviders": ["COGNITO", "Google"]},
        "InvalidParameter",
        f"The provider Google does not exist for User Pool {POOL_ID}.",
    ),
    "a callback over http": (
        {**BY_CODE, "CallbackURLs": ["http://example.com/"]},
        "InvalidParameter",
        "http://example.com/ cannot use the HTTP protocol.",
    ),
    "a callback over http at a name like localhost": (
        {**BY_CODE, "CallbackURLs": ["http://localhost.example.com/"]},
        "InvalidParameter",
        "http://localhost.example.com/ cannot use the HTTP protocol.",
    ),
    "a callback with a fragment": (
        {**BY_CODE, "CallbackURLs": [f"{HTTPS}#there"]},
        "InvalidParameter",
        f"{HTTPS}#there cannot use fragment",
    ),
    "a callback that is no address": (
        {**BY_CODE, "CallbackURLs": ["/callback"]},
        "InvalidParameter",
        "/callback is not an absolute URI",
    ),
    "a sign-out over http": (
        {"LogoutURLs": ["http://example.com/"]},
        "InvalidParameter",
        "http://example.com/ cannot use the HTTP protocol.",
    ),
    "a default callback that is none": (
        {**BY_CODE, "DefaultRedirectURI": "https://example.com/other"},
        "InvalidParameter",
        "The default redirect URI https://example.com/other is not in the callback URIs list.",
    ),
    "short tokens": (
        {"AccessTokenValidity": 4, "TokenValidityUnits": {"AccessToken": "minutes"}},
        "InvalidParameter",
        "Invalid range for token validity.",
    ),
    "tokens that outlive their refresh token": (
        {
            "AccessTokenValidity": 2,
            "RefreshTokenValidity": 90,
            "TokenValidityUnits": {"RefreshToken": "minutes"},
        },
        "InvalidParameter",
        (
            "Access and Id Token expiration times must be less than or equal to refresh token "
            "expiration times."
        ),
    ),
    "an address of users without a secret": (
        {"EnablePropagateAdditionalUserContextData": True},
        "InvalidParameter",
        "Client Secret is required to set EnablePropagateAdditionalUserContextData as true",
    ),
    "analytics by two names": (
        {
            "AnalyticsConfiguration": {
                "ApplicationArn": ANALYTICS,
                "ApplicationId": "0123456789abcdef",
            }
        },
        "InvalidParameter",
        (
            "Invalid analytics configuration given, either <application arn> or "
            "<application id, role arn, external id> are valid"
        ),
    ),
}

#: Settings that look like those, and are accepted.
CLIENT_SETTINGS: dict[str, dict[str, Any]] = {
    "callbacks on the machine itself": {
        **BY_CODE,
        "CallbackURLs": [
            "http://localhost",
            "http://localhost:8000/callback",
            "http://127.0.0.1:8000/",
            "http://[::1]/callback",
            "myapp://example",
        ],
    },
    "a default callback": {**BY_CODE, "DefaultRedirectURI": HTTPS},
    "flows of the older kind": {"ExplicitAuthFlows": ["ADMIN_NO_SRP_AUTH", "USER_PASSWORD_AUTH"]},
    "no tokens' lives": {"RefreshTokenValidity": 0},
    "rotation beside refreshing": {
        "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        "RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": 10},
    },
}


@pytest.mark.parametrize("case", POOL_REFUSALS)
def test_a_pool_is_not_created_with_them(cognito: LocalCognito, boto: Any, case: str) -> None:
    settings, error, text = POOL_REFUSALS[case]
    with refused(f"{error}Exception", text):
        boto.create_user_pool(PoolName="mine", **settings)
    assert cognito.pools() == []


@pytest.mark.parametrize("case", POOL_REFUSALS)
def test_a_pool_is_not_changed_to_them(boto: Any, case: str) -> None:
    settings, error, text = POOL_REFUSALS[case]
    made = boto.create_user_pool(PoolName="mine", UserPoolTags={"a": "b"})["UserPool"]
    with refused(f"{error}Exception", text):
        boto.update_user_pool(UserPoolId=made["Id"], PoolName="other", **settings)
    assert boto.describe_user_pool(UserPoolId=made["Id"])["UserPool"] == made


@pytest.fixture
def api(boto: Any, optional_pool: LocalPool) -> LocalPool:
    boto.create_resource_server(
        UserPoolId=POOL_ID,
        Identifier="api",
        Name="API",
        Scopes=[{"ScopeName": "read", "ScopeDescription": "Read"}],
    )
    return optional_pool


@pytest.mark.parametrize("case", CLIENT_REFUSALS)
def test_a_client_is_not_created_with_them(boto: Any, api: LocalPool, case: str) -> None:
    settings, error, text = CLIENT_REFUSALS[case]
    with refused(f"{error}Exception", text):
        boto.create_user_pool_client(UserPoolId=POOL_ID, ClientName="web", **settings)
    assert list(api.state.clients) == [CLIENT_ID]


@pytest.mark.parametrize("case", CLIENT_REFUSALS)
def test_a_client_is_not_changed_to_them(boto: Any, api: LocalPool, case: str) -> None:
    settings, error, text = CLIENT_REFUSALS[case]
    which = {"UserPoolId": POOL_ID, "ClientId": CLIENT_ID}
    before = boto.describe_user_pool_client(**which)["UserPoolClient"]
    with refused(f"{error}Exception", text):
        boto.update_user_pool_client(**which, ClientName="other", **settings)
    assert boto.describe_user_pool_client(**which)["UserPoolClient"] == before


@pytest.mark.parametrize("case", CLIENT_SETTINGS)
def test_a_client_may_have_these(boto: Any, api: LocalPool, case: str) -> None:
    made = boto.create_user_pool_client(
        UserPoolId=POOL_ID, ClientName="web", **CLIENT_SETTINGS[case]
    )["UserPoolClient"]
    boto.update_user_pool_client(
        UserPoolId=POOL_ID, ClientId=made["ClientId"], **CLIENT_SETTINGS[case]
    )


def test_a_machine_has_scopes_of_resource_servers_only(boto: Any, api: LocalPool) -> None:
    machine = {"UserPoolId": POOL_ID, "ClientName": "machine", "GenerateSecret": True}
    flows = {"AllowedOAuthFlows": ["client_credentials"], "AllowedOAuthFlowsUserPoolClient": True}
    text = "openid is not supported with client_credentials flow"
    with refused("InvalidOAuthFlowException", text):
        boto.create_user_pool_client(**machine, **flows, AllowedOAuthScopes=["openid"])
    boto.create_user_pool_client(**machine, **flows, AllowedOAuthScopes=["api/read"])


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("read", ["custom:none"]),
        ("read", ["shoe"]),
        ("write", ["name", "custom:none"]),
        ("write", ["custom:shoe"]),
        ("write", ["name", "email_verified"]),
        ("write", ["name", "sub"]),
    ],
)
def test_a_client_has_attributes_that_the_pool_has(
    cognito: LocalCognito, boto: Any, kind: str, names: list[str]
) -> None:
    """What it writes includes what the pool requires."""
    pool = cognito.create_pool(
        POOL_ID, required_attributes=["name"], custom_attributes=["custom:shoe"]
    )
    pool.create_client(CLIENT_ID)
    member = {"read": "ReadAttributes", "write": "WriteAttributes"}[kind]
    text = f"Invalid {kind} attributes specified while creating a client"
    with refused("InvalidParameterException", text):
        boto.create_user_pool_client(UserPoolId=POOL_ID, ClientName="web", **{member: names})
    with refused("InvalidParameterException", text.replace("creating", "updating")):
        boto.update_user_pool_client(UserPoolId=POOL_ID, ClientId=CLIENT_ID, **{member: names})
    good = ["name", "custom:shoe"]
    boto.create_user_pool_client(UserPoolId=POOL_ID, ClientName="web", **{member: good})


class TestMfa:
    def test_a_totp_pool_is_created_without_mfa_and_then_given_it(self, boto: Any) -> None:
        """CreateUserPool can turn on SMS only."""
        pool_id = boto.create_user_pool(PoolName="mine")["UserPool"]["Id"]
        boto.set_user_pool_mfa_config(UserPoolId=pool_id, MfaConfiguration="ON", **TOTP)
        # An update repeats what is to stay, and needs no SMS for a factor that the pool has.
        boto.update_user_pool(UserPoolId=pool_id, MfaConfiguration="ON")
        shown = boto.get_user_pool_mfa_config(UserPoolId=pool_id)
        assert shown["MfaConfiguration"] == "ON"
        assert shown["SoftwareTokenMfaConfiguration"] == {"Enabled": True}

    @pytest.mark.parametrize("way", ["created", "updated"])
    def test_with_sms_a_pool_asks_for_codes_at_once(self, boto: Any, way: str) -> None:
        settings = {"MfaConfiguration": "ON", "SmsConfiguration": SMS}
        given = settings if way == "created" else {}
        pool_id = boto.create_user_pool(PoolName="mine", **given)["UserPool"]["Id"]
        if way == "updated":
            boto.update_user_pool(UserPoolId=pool_id, **settings)
        shown = boto.get_user_pool_mfa_config(UserPoolId=pool_id)
        assert shown["SmsMfaConfiguration"]["SmsConfiguration"] == SMS
        assert "SoftwareTokenMfaConfiguration" not in shown

    def test_its_role_for_sms_is_the_one_that_was_set_last(self, boto: Any) -> None:
        settings = {"MfaConfiguration": "ON", "SmsConfiguration": SMS}
        pool_id = boto.create_user_pool(PoolName="mine")["UserPool"]["Id"]
        block = {"SmsConfiguration": SMS, "SmsAuthenticationMessage": "{####}"}
        boto.set_user_pool_mfa_config(
            UserPoolId=pool_id, MfaConfiguration="ON", SmsMfaConfiguration=block
        )
        newer = {**SMS, "ExternalId": "two"}
        boto.update_user_pool(UserPoolId=pool_id, **{**settings, "SmsConfiguration": newer})
        shown = boto.get_user_pool_mfa_config(UserPoolId=pool_id)["SmsMfaConfiguration"]
        assert shown == {**block, "SmsConfiguration": newer}

    def test_an_empty_block_turns_email_on(self, boto: Any) -> None:
        made = boto.create_user_pool(PoolName="mine", EmailConfiguration=SES)["UserPool"]
        boto.set_user_pool_mfa_config(
            UserPoolId=made["Id"], MfaConfiguration="ON", EmailMfaConfiguration={}
        )
        shown = boto.get_user_pool_mfa_config(UserPoolId=made["Id"])
        assert shown["EmailMfaConfiguration"] == {}
        assert "SoftwareTokenMfaConfiguration" not in shown

    def test_its_sms_is_the_pools(self, boto: Any) -> None:
        pool_id = boto.create_user_pool(PoolName="mine")["UserPool"]["Id"]
        boto.set_user_pool_mfa_config(
            UserPoolId=pool_id,
            MfaConfiguration="ON",
            SmsMfaConfiguration={"SmsConfiguration": SMS},
        )
        assert boto.describe_user_pool(UserPoolId=pool_id)["UserPool"]["SmsConfiguration"] == SMS

    def test_email_needs_an_account_of_ones_own(self, boto: Any) -> None:
        by_email = {"MfaConfiguration": "ON", "EmailMfaConfiguration": {"Subject": "Code"}}
        pool_id = boto.create_user_pool(PoolName="mine")["UserPool"]["Id"]
        with refused("InvalidParameterException", NEEDS_DEVELOPER):
            boto.set_user_pool_mfa_config(UserPoolId=pool_id, **by_email)
        assert boto.get_user_pool_mfa_config(UserPoolId=pool_id)["MfaConfiguration"] == "OFF"
        boto.update_user_pool(UserPoolId=pool_id, EmailConfiguration=SES)
        boto.set_user_pool_mfa_config(UserPoolId=pool_id, **by_email)

    def test_email_needs_more_than_the_tier_lite(self, boto: Any) -> None:
        made = boto.create_user_pool(PoolName="p", UserPoolTier="LITE", EmailConfiguration=SES)
        with refused("FeatureUnavailableInTierException"):
            boto.set_user_pool_mfa_config(
                UserPoolId=made["UserPool"]["Id"], MfaConfiguration="ON", EmailMfaConfiguration={}
            )

    def test_no_pool_requires_a_factor_that_it_lacks(self, cognito: LocalCognito) -> None:
        for settings in (
            {"mfa": "ON", "software_token": False},
            {"mfa": "REQUIRED"},
            {"username_attributes": ["email"], "alias_attributes": ["email"]},
        ):
            with pytest.raises(ValueError, match=r"pool"):
                cognito.create_pool(POOL_ID, **settings)
        assert cognito.pools() == []


CODES_BESIDE_MFA = "Only PASSWORD and WEB_AUTHN (if configured) can be enabled as an auth factor if MFA is enabled."
PASSKEYS_BESIDE_MFA = (
    "WEB_AUTHN cannot be used as an auth factor when MFA is enabled if not configured for MFA."
)
PASSKEYS_ARE_ONE = (
    "Cannot set WebAuthn factor configuration to SINGLE_FACTOR if MFA is required and WebAuthn is an "
    "allowed first auth factor."
)


@pytest.mark.parametrize(
    ("factor", "at_mfa", "at_update"),
    [
        ("EMAIL_OTP", CODES_BESIDE_MFA, CODES_BESIDE_MFA),
        ("SMS_OTP", CODES_BESIDE_MFA, CODES_BESIDE_MFA),
        ("WEB_AUTHN", PASSKEYS_ARE_ONE, PASSKEYS_BESIDE_MFA),
    ],
)
def test_required_mfa_excludes_first_factors_that_are_enough(
    boto: Any, factor: str, at_mfa: str, at_update: str
) -> None:
    """With OPTIONAL, each is accepted. The list of an earlier request counts."""
    both = policies(SignInPolicy={"AllowedFirstAuthFactors": ["PASSWORD", factor]})
    pool_id = boto.create_user_pool(PoolName="m", SmsConfiguration=SMS, **both)["UserPool"]["Id"]
    boto.set_user_pool_mfa_config(UserPoolId=pool_id, MfaConfiguration="OPTIONAL", **TOTP)
    boto.update_user_pool(UserPoolId=pool_id, SmsConfiguration=SMS)
    with refused("InvalidParameterException", at_mfa):
        boto.set_user_pool_mfa_config(UserPoolId=pool_id, MfaConfiguration="ON", **TOTP)
    only = policies(SignInPolicy={"AllowedFirstAuthFactors": ["PASSWORD"]})
    boto.update_user_pool(UserPoolId=pool_id, SmsConfiguration=SMS, **only)
    boto.set_user_pool_mfa_config(UserPoolId=pool_id, MfaConfiguration="ON", **TOTP)
    with refused("InvalidParameterException", at_update):
        boto.update_user_pool(UserPoolId=pool_id, SmsConfiguration=SMS, **both)


def test_the_choice_of_factors_needs_more_than_the_tier_lite(boto: Any) -> None:
    made = boto.create_user_pool(PoolName="mine", UserPoolTier="LITE")["UserPool"]
    with refused("FeatureUnavailableInTierException"):
        boto.create_user_pool_client(
            UserPoolId=made["Id"], ClientName="web", ExplicitAuthFlows=["ALLOW_USER_AUTH"]
        )


def test_a_protected_pool_is_not_deleted(boto: Any) -> None:
    made = boto.create_user_pool(PoolName="mine", DeletionProtection="ACTIVE")["UserPool"]
    text = (
        "The user pool cannot be deleted because deletion protection is activated. "
        "Deletion protection must be inactivated first."
    )
    with refused("InvalidParameterException", text):
        boto.delete_user_pool(UserPoolId=made["Id"])
    boto.update_user_pool(UserPoolId=made["Id"], DeletionProtection="INACTIVE")
    boto.delete_user_pool(UserPoolId=made["Id"])


def test_an_update_protects_a_pool_or_ends_that(boto: Any) -> None:
    made = boto.create_user_pool(PoolName="mine")["UserPool"]
    assert made["DeletionProtection"] == "INACTIVE"
    boto.update_user_pool(UserPoolId=made["Id"], DeletionProtection="ACTIVE")
    with refused("InvalidParameterException"):
        boto.delete_user_pool(UserPoolId=made["Id"])
    boto.update_user_pool(UserPoolId=made["Id"], PoolName="still protected")
    with refused("InvalidParameterException"):
        boto.delete_user_pool(UserPoolId=made["Id"])
    boto.update_user_pool(UserPoolId=made["Id"], DeletionProtection="INACTIVE")
    boto.delete_user_pool(UserPoolId=made["Id"])


@pytest.mark.parametrize("member", ["older", "newer"])
def test_a_temporary_password_lives_as_long_as_the_pool_says(
    cognito: LocalCognito, boto: Any, member: str
) -> None:
    settings = {
        "older": {"AdminCreateUserConfig": {"UnusedAccountValidityDays": 2}},
        "newer": policies(PasswordPolicy={"TemporaryPasswordValidityDays": 2}),
    }
    pool_id = boto.create_user_pool(PoolName="mine", **settings[member])["UserPool"]["Id"]
    client = boto.create_user_pool_client(
        UserPoolId=pool_id, ClientName="web", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]
    caller = Caller(boto, client["ClientId"])
    boto.admin_create_user(
        UserPoolId=pool_id, Username="ada", TemporaryPassword=PASSWORD, MessageAction="SUPPRESS"
    )
    cognito.clock.advance(seconds=DAY)
    assert caller.password("ada")["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    cognito.clock.advance(seconds=2 * DAY)
    with refused("NotAuthorizedException"):
        caller.password("ada")


#: Everything that UpdateUserPool can be given, as far as it is implemented.
EVERY_SETTING_OF_A_POOL: dict[str, Any] = {
    "PoolName": "mine",
    "Policies": {
        "PasswordPolicy": {
            "MinimumLength": 10,
            "RequireUppercase": False,
            "RequireLowercase": True,
            "RequireNumbers": False,
            "RequireSymbols": False,
            "PasswordHistorySize": 3,
            "TemporaryPasswordValidityDays": 2,
        },
        "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]},
    },
    "DeletionProtection": "ACTIVE",
    "LambdaConfig": {},
    "AutoVerifiedAttributes": ["email", "phone_number"],
    "SmsVerificationMessage": "Code: {####}",
    "EmailVerificationMessage": "Your code: {####}",
    "EmailVerificationSubject": "Your code",
    "VerificationMessageTemplate": {
        "DefaultEmailOption": "CONFIRM_WITH_CODE",
        "EmailMessage": "Your code: {####}",
        "EmailMessageByLink": "Click {##here##}",
        "EmailSubject": "Your code",
        "SmsMessage": "Code: {####}",
    },
    "SmsAuthenticationMessage": "Sign in with {####}",
    "MfaConfiguration": "OPTIONAL",
    "DeviceConfiguration": {
        "ChallengeRequiredOnNewDevice": True,
        "DeviceOnlyRememberedOnUserPrompt": False,
    },
    "EmailConfiguration": SES,
    "SmsConfiguration": SMS,
    "UserPoolTags": {"team": "web"},
    "AdminCreateUserConfig": {
        "AllowAdminCreateUserOnly": True,
        "InviteMessageTemplate": {
            "EmailMessage": "{username}: {####}",
            "EmailSubject": "Welcome",
            "SMSMessage": "{username}: {####}",
        },
    },
    "UserPoolAddOns": {"AdvancedSecurityMode": "OFF"},
    "AccountRecoverySetting": {
        "RecoveryMechanisms": [
            {"Priority": 2, "Name": "verified_phone_number"},
            {"Priority": 1, "Name": "verified_email"},
        ]
    },
    "UserPoolTier": "PLUS",
}
if "KeyConfiguration" in service_model.input_shape("UpdateUserPool")["members"]:
    EVERY_SETTING_OF_A_POOL["KeyConfiguration"] = {"KeyType": "AWS_OWNED_KEY"}


def test_a_pool_is_described_as_it_was_given(boto: Any) -> None:
    given = {**EVERY_SETTING_OF_A_POOL, "UsernameAttributes": ["email"]}
    made = boto.create_user_pool(**given)["UserPool"]
    shown = {"PoolName": made["Name"], **made}
    assert {name: shown[name] for name in given} == given
    bare = boto.create_user_pool(PoolName="mine")["UserPool"]
    boto.update_user_pool(UserPoolId=bare["Id"], **EVERY_SETTING_OF_A_POOL)
    shown = boto.describe_user_pool(UserPoolId=bare["Id"])["UserPool"]
    shown["PoolName"] = shown["Name"]
    assert {name: shown[name] for name in EVERY_SETTING_OF_A_POOL} == EVERY_SETTING_OF_A_POOL


EMPTY_OF_A_POOL: dict[str, dict[str, Any]] = {
    "AccountRecoverySetting": {},
    "AdminCreateUserConfig": {"InviteMessageTemplate": {}},
    "DeviceConfiguration": {},
    "EmailConfiguration": {},
    "LambdaConfig": {},
    "Policies": {"PasswordPolicy": {}, "SignInPolicy": {}},
    "UserAttributeUpdateSettings": {},
    "UserPoolTags": {},
    "VerificationMessageTemplate": {},
}


@pytest.mark.parametrize("member", EMPTY_OF_A_POOL)
def test_what_is_given_empty_is_not_described(boto: Any, member: str) -> None:
    plain = boto.create_user_pool(PoolName="mine")["UserPool"]
    empty = boto.create_user_pool(PoolName="mine", **{member: EMPTY_OF_A_POOL[member]})
    own = {name: plain[name] for name in ("Id", "Arn", "CreationDate", "LastModifiedDate")}
    assert {**empty["UserPool"], **own} == plain


TEXTS = {
    "EmailVerificationMessage": "EmailMessage",
    "EmailVerificationSubject": "EmailSubject",
    "SmsVerificationMessage": "SmsMessage",
}


@pytest.mark.parametrize("newer", [False, True])
@pytest.mark.parametrize("member", TEXTS)
def test_a_text_is_described_in_both_places(boto: Any, member: str, newer: bool) -> None:
    template = {"VerificationMessageTemplate": {TEXTS[member]: "{####}"}}
    given = template if newer else {member: "{####}"}
    made = boto.create_user_pool(PoolName="mine", **given)["UserPool"]
    assert made[member] == made["VerificationMessageTemplate"][TEXTS[member]] == "{####}"
    boto.update_user_pool(UserPoolId=made["Id"])
    shown = boto.describe_user_pool(UserPoolId=made["Id"])["UserPool"]
    assert member not in shown
    assert TEXTS[member] not in shown["VerificationMessageTemplate"]


def test_an_update_with_what_is_described_changes_no_pool(
    cognito: LocalCognito, boto: Any, cognito_model: Any
) -> None:
    """As infrastructure tools read, change one thing, and write. Python's pools count as well."""
    boto.create_user_pool(**EVERY_SETTING_OF_A_POOL)
    boto.create_user_pool(PoolName="bare")
    cognito.create_pool(POOL_ID, mfa="ON", sms=True, email=True, first_factors=["PASSWORD"])
    members = cognito_model.operation_model("UpdateUserPool").input_shape.members
    for pool in cognito.pools():
        before = everything(boto, pool.id)
        given = {name: value for name, value in before["pool"].items() if name in members}
        boto.update_user_pool(UserPoolId=pool.id, PoolName=before["pool"]["Name"], **given)
        assert everything(boto, pool.id) == before


def everything(boto: Any, pool_id: str) -> dict[str, Any]:
    pool = boto.describe_user_pool(UserPoolId=pool_id)["UserPool"]
    mfa = boto.get_user_pool_mfa_config(UserPoolId=pool_id)
    return {"pool": pool, "mfa": {k: v for k, v in mfa.items() if k != "ResponseMetadata"}}


EVERY_SETTING_OF_A_CLIENT: dict[str, Any] = {
    **BY_CODE,
    "ClientName": "web",
    "RefreshTokenValidity": 10,
    "AccessTokenValidity": 10,
    "IdTokenValidity": 2,
    "TokenValidityUnits": {"AccessToken": "minutes", "IdToken": "hours", "RefreshToken": "days"},
    "ReadAttributes": ["email", "name"],
    "WriteAttributes": ["email"],
    "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH"],
    "SupportedIdentityProviders": ["COGNITO"],
    "LogoutURLs": ["https://example.com/bye"],
    "DefaultRedirectURI": HTTPS,
    "AnalyticsConfiguration": {
        "ApplicationId": "0123456789abcdef",
        "RoleArn": "arn:aws:iam::123456789012:role/analytics",
        "ExternalId": "one",
        "UserDataShared": False,
    },
    "PreventUserExistenceErrors": "ENABLED",
    "EnableTokenRevocation": False,
    "EnablePropagateAdditionalUserContextData": True,
    "AuthSessionValidity": 5,
    "RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": 20},
}


def test_a_client_is_described_as_it_was_given(boto: Any, api: LocalPool) -> None:
    given = EVERY_SETTING_OF_A_CLIENT
    made = boto.create_user_pool_client(UserPoolId=POOL_ID, GenerateSecret=True, **given)
    assert {name: made["UserPoolClient"][name] for name in given} == given
    bare = boto.create_user_pool_client(UserPoolId=POOL_ID, ClientName="b", GenerateSecret=True)
    which = {"UserPoolId": POOL_ID, "ClientId": bare["UserPoolClient"]["ClientId"]}
    boto.update_user_pool_client(**which, **given)
    shown = boto.describe_user_pool_client(**which)["UserPoolClient"]
    assert {name: shown[name] for name in given} == given


def test_analytics_are_described_with_what_cognito_adds(boto: Any, api: LocalPool) -> None:
    made = boto.create_user_pool_client(
        UserPoolId=POOL_ID,
        ClientName="web",
        AnalyticsConfiguration={"ApplicationArn": ANALYTICS},
    )["UserPoolClient"]
    assert made["AnalyticsConfiguration"] == {
        "ApplicationArn": ANALYTICS,
        "RoleArn": (
            "arn:aws:iam::123456789012:role/aws-service-role/cognito-idp.amazonaws.com/"
            "AWSServiceRoleForAmazonCognitoIdp"
        ),
        "UserDataShared": False,
    }


#: As Terraform sends what was not described.
EMPTY: dict[str, list[str]] = {
    "AllowedOAuthFlows": [],
    "AllowedOAuthScopes": [],
    "CallbackURLs": [],
    "ExplicitAuthFlows": [],
    "LogoutURLs": [],
    "ReadAttributes": [],
    "SupportedIdentityProviders": [],
    "WriteAttributes": [],
}


def test_an_empty_list_is_none(boto: Any, api: LocalPool) -> None:
    plain, empty = (
        boto.create_user_pool_client(UserPoolId=POOL_ID, ClientName="web", **given)[
            "UserPoolClient"
        ]
        for given in ({}, EMPTY)
    )
    own = {"ClientId": plain["ClientId"]}
    assert {**empty, **own} == plain
    which = {"UserPoolId": POOL_ID, "ClientId": plain["ClientId"]}
    boto.update_user_pool_client(**which, **EMPTY)
    assert boto.describe_user_pool_client(**which)["UserPoolClient"] == plain


def test_empty_analytics_are_none(boto: Any, api: LocalPool) -> None:
    made = boto.create_user_pool_client(
        UserPoolId=POOL_ID, ClientName="web", AnalyticsConfiguration={}
    )
    assert "AnalyticsConfiguration" not in made["UserPoolClient"]


def test_an_update_with_what_is_described_changes_no_client(
    boto: Any, api: LocalPool, cognito_model: Any
) -> None:
    boto.create_user_pool_client(
        UserPoolId=POOL_ID, GenerateSecret=True, **EVERY_SETTING_OF_A_CLIENT
    )
    boto.create_user_pool_client(UserPoolId=POOL_ID, ClientName="bare")
    boto.create_user_pool_client(
        UserPoolId=POOL_ID,
        ClientName="analyzed",
        AnalyticsConfiguration={"ApplicationArn": ANALYTICS},
    )
    api.create_client(
        "python", access_token_seconds=600, refresh_token_seconds=7200, rotation_grace=5
    )
    members = cognito_model.operation_model("UpdateUserPoolClient").input_shape.members
    for client_id in list(api.state.clients):
        which = {"UserPoolId": POOL_ID, "ClientId": client_id}
        before = boto.describe_user_pool_client(**which)["UserPoolClient"]
        kept = api.state.clients[client_id]
        lifetimes = (kept.access_token_seconds, kept.refresh_token_seconds, kept.rotation_grace)
        boto.update_user_pool_client(**{k: v for k, v in before.items() if k in members})
        assert boto.describe_user_pool_client(**which)["UserPoolClient"] == before
        kept = api.state.clients[client_id]
        assert lifetimes == (
            kept.access_token_seconds,
            kept.refresh_token_seconds,
            kept.rotation_grace,
        )


def test_a_list_of_registered_clients_is_empty(boto: Any, api: LocalPool) -> None:
    """Nothing here registers app clients dynamically."""
    if "ClientType" not in service_model.input_shape("ListUserPoolClients")["members"]:
        pytest.skip("this botocore cannot send ClientType")
    listed = boto.list_user_pool_clients(UserPoolId=POOL_ID, ClientType="DCR")
    assert listed["UserPoolClients"] == []
    listed = boto.list_user_pool_clients(UserPoolId=POOL_ID, ClientType="REGULAR")
    assert [one["ClientId"] for one in listed["UserPoolClients"]] == [CLIENT_ID]
