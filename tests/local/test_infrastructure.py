"""Stacks of Terraform and of CDK: created, read without drift, changed in place, destroyed.

Terraform and its AWS provider cannot be downloaded here, where only PyPI, Debian, and npm can be
reached. So these are the calls that the provider makes, by its published source
(internal/service/cognitoidp), and its way to compare. The members of CDK's stacks are those of the
templates that its constructs synthesize by default.
"""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from tests.local.caller import PASSWORD, Caller, refused
from tests.local.infrastructure import (
    AppClient,
    Branding,
    Domain,
    Group,
    IdentityProvider,
    LogDelivery,
    ManagedAppClient,
    Pool,
    ResourceServer,
    RiskConfiguration,
    Stack,
    UiCustomization,
    User,
    UserInGroup,
)

ROLE = "arn:aws:iam::123456789012:role/cognito"
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/"
RECOVERY = {
    "RecoveryMechanisms": [
        {"Priority": 1, "Name": "verified_email"},
        {"Priority": 2, "Name": "verified_phone_number"},
    ]
}
POLICY = {
    "PasswordPolicy": {
        "MinimumLength": 12,
        "RequireLowercase": True,
        "RequireNumbers": True,
        "RequireSymbols": False,
        "RequireUppercase": True,
        "TemporaryPasswordValidityDays": 3,
    }
}
SCHEMA: list[dict[str, Any]] = [
    {
        "Name": "email",
        "AttributeDataType": "String",
        "DeveloperOnlyAttribute": False,
        "Mutable": True,
        "Required": True,
        "StringAttributeConstraints": {"MinLength": "5", "MaxLength": "200"},
    },
    {
        "Name": "tenant",
        "AttributeDataType": "String",
        "DeveloperOnlyAttribute": False,
        "Mutable": False,
        "Required": False,
        "StringAttributeConstraints": {"MinLength": "1", "MaxLength": "36"},
    },
    {
        "Name": "seats",
        "AttributeDataType": "Number",
        "DeveloperOnlyAttribute": False,
        "Mutable": True,
        "Required": False,
        "NumberAttributeConstraints": {"MinValue": "1", "MaxValue": "500"},
    },
]
FLOWS = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
SCOPES = [{"ScopeName": name, "ScopeDescription": name} for name in ("read", "write")]


def terraform_pool(**more: Any) -> Pool:
    return Pool(
        PoolName="customers",
        UsernameAttributes=["email"],
        UsernameConfiguration={"CaseSensitive": False},
        AutoVerifiedAttributes=["email"],
        AccountRecoverySetting=RECOVERY,
        AdminCreateUserConfig={"AllowAdminCreateUserOnly": True},
        Policies=POLICY,
        Schema=SCHEMA,
        VerificationMessageTemplate={"DefaultEmailOption": "CONFIRM_WITH_CODE"},
        EmailConfiguration={"EmailSendingAccount": "COGNITO_DEFAULT"},
        DeviceConfiguration={
            "ChallengeRequiredOnNewDevice": True,
            "DeviceOnlyRememberedOnUserPrompt": False,
        },
        UserPoolTags={"team": "web"},
        **more,
    )


def checked(stack: Stack) -> Stack:
    stack.apply()
    assert stack.plan() == []
    return stack


@pytest.mark.parametrize("mfa", ["OFF", "OPTIONAL", "ON"])
def test_a_pool_with_everything(boto: Any, mfa: str) -> None:
    factors = {"SoftwareTokenMfaConfiguration": {"Enabled": True}} if mfa != "OFF" else {}
    pool = terraform_pool(MfaConfiguration=mfa, **factors)
    stack = checked(Stack(boto, pool))
    stack.change(pool, AdminCreateUserConfig={"AllowAdminCreateUserOnly": False})
    assert stack.plan() == []
    stack.change(pool, UserPoolTags={"team": "data", "stage": "live"}, PoolName="people")
    assert stack.plan() == []
    stack.destroy()


def test_mfa_is_turned_on_and_off_in_place(boto: Any) -> None:
    pool = terraform_pool(MfaConfiguration="OFF")
    stack = checked(Stack(boto, pool))
    on = {"SoftwareTokenMfaConfiguration": {"Enabled": True}}
    sms = {"SnsCallerArn": ROLE, "ExternalId": "external"}
    for given in ({"MfaConfiguration": "OPTIONAL", **on}, {"MfaConfiguration": "ON", **on}):
        stack.change(pool, **given)
        assert stack.plan() == []
    stack.change(pool, SmsConfiguration=sms)
    assert stack.plan() == []
    assert boto.get_user_pool_mfa_config(UserPoolId=pool.id)["SmsMfaConfiguration"]
    del pool.given["SmsConfiguration"], pool.given["SoftwareTokenMfaConfiguration"]
    stack.change(pool, MfaConfiguration="OFF")
    assert stack.plan() == []


def test_a_pool_with_what_newer_providers_know(boto: Any) -> None:
    pool = Pool(
        PoolName="newer",
        UserPoolTier="PLUS",
        UserPoolAddOns={"AdvancedSecurityMode": "AUDIT"},
        AutoVerifiedAttributes=["email"],
        Policies={
            **POLICY,
            "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]},
        },
        EmailConfiguration={
            "EmailSendingAccount": "DEVELOPER",
            "SourceArn": "arn:aws:ses:us-east-1:123456789012:identity/example.com",
            "From": "Example <hello@example.com>",
        },
        AccountRecoverySetting={
            "RecoveryMechanisms": [{"Priority": 1, "Name": "verified_phone_number"}]
        },
        MfaConfiguration="OPTIONAL",
        SoftwareTokenMfaConfiguration={"Enabled": True},
        EmailMfaConfiguration={"Message": "Your code is {####}.", "Subject": "Your code"},
        DeletionProtection="ACTIVE",
    )
    stack = checked(Stack(boto, pool))
    with refused("InvalidParameterException"):
        stack.destroy()
    stack.change(
        pool, DeletionProtection="INACTIVE", UserPoolAddOns={"AdvancedSecurityMode": "OFF"}
    )
    assert stack.plan() == []
    stack.destroy()


SMS_ROLE = {"SnsCallerArn": ROLE, "ExternalId": "external"}
INVITATION = {
    "EmailMessage": "Your username is {username} and temporary password is {####}. ",
    "EmailSubject": "FooBar {####}",
    "SMSMessage": "Your username is {username} and temporary password is {####}.",
}
#: Each block of aws_cognito_user_pool, as the provider's own tests configure it, and what it needs.
BLOCKS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "recovery": {"AccountRecoverySetting": RECOVERY},
    "invitations": {
        "AdminCreateUserConfig": {
            "AllowAdminCreateUserOnly": True,
            "InviteMessageTemplate": INVITATION,
        }
    },
    "verified": {"AutoVerifiedAttributes": ["email"]},
    "protection": {"DeletionProtection": "ACTIVE"},
    "devices": {
        "DeviceConfiguration": {
            "ChallengeRequiredOnNewDevice": False,
            "DeviceOnlyRememberedOnUserPrompt": True,
        }
    },
    "email": {"EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"}},
    "texts": {
        "EmailVerificationMessage": "Foo {####} Bar",
        "EmailVerificationSubject": "FooBar {####}",
        "SmsVerificationMessage": "{####} Baz",
        "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"},
    },
    "template": {
        "VerificationMessageTemplate": {
            "DefaultEmailOption": "CONFIRM_WITH_LINK",
            "EmailMessage": "foo {####} bar",
            "EmailMessageByLink": "{##foobar##}",
            "EmailSubject": "foobar {####}",
            "EmailSubjectByLink": "foobar",
            "SmsMessage": "{####} baz",
        }
    },
    "long texts": {
        "VerificationMessageTemplate": {
            "DefaultEmailOption": "CONFIRM_WITH_LINK",
            "EmailMessage": "{####}" + 994 * "あ",
            "EmailMessageByLink": "{##foobar##}" + 988 * "い",
            "EmailSubject": 140 * "う",
            "EmailSubjectByLink": 140 * "え",
            "SmsMessage": "{####}" + 134 * "お",
        }
    },
    "text of a code": {"SmsAuthenticationMessage": "Your code: {####}"},
    "passwords": {"Policies": POLICY},
    "history": {"Policies": {"PasswordPolicy": {"MinimumLength": 6, "PasswordHistorySize": 24}}},
    "factors": {
        "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}}
    },
    "sms": {"SmsConfiguration": SMS_ROLE},
    "sms in a region": {"SmsConfiguration": {**SMS_ROLE, "SnsRegion": "us-east-1"}},
    "updates": {
        "AutoVerifiedAttributes": ["email"],
        "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]},
    },
    "protection off": {"UserPoolTier": "PLUS", "UserPoolAddOns": {"AdvancedSecurityMode": "OFF"}},
    "protection on": {"UserPoolTier": "PLUS", "UserPoolAddOns": {"AdvancedSecurityMode": "AUDIT"}},
    "tier": {"UserPoolTier": "LITE"},
    "passkeys": {
        "WebAuthnConfiguration": {"RelyingPartyId": "123456789", "UserVerification": "preferred"}
    },
    "tags": {"UserPoolTags": {"team": "web"}},
    "totp": {"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": {"Enabled": True}},
    "sms codes": {"MfaConfiguration": "ON", "SmsConfiguration": SMS_ROLE},
    "sms codes, and totp off": {
        "MfaConfiguration": "ON",
        "SmsConfiguration": SMS_ROLE,
        "SoftwareTokenMfaConfiguration": {"Enabled": False},
    },
    "email codes": {
        "MfaConfiguration": "ON",
        "EmailConfiguration": {
            "EmailSendingAccount": "DEVELOPER",
            "SourceArn": "arn:aws:ses:us-east-1:123456789012:identity/example.com",
            "ReplyToEmailAddress": "hello@example.com",
            "ConfigurationSet": "set",
        },
        "EmailMfaConfiguration": {},
    },
}


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_is_no_drift_and_goes_in_place(boto: Any, block: str) -> None:
    """What was read keeps its value where the provider keeps it, and all else is gone."""
    pool = Pool(PoolName="pool", **BLOCKS[block])
    stack = checked(Stack(boto, pool))
    stack.change(pool, **dict.fromkeys(BLOCKS[block]))
    assert stack.plan() == []
    stack.change(pool, **BLOCKS[block])
    assert stack.plan() == []
    stack.change(pool, PoolName="renamed")
    assert stack.plan() == []
    stack.change(pool, DeletionProtection="INACTIVE")
    stack.destroy()


@pytest.mark.parametrize(
    "names",
    [
        {"UsernameAttributes": ["phone_number"]},
        {"AliasAttributes": ["email", "preferred_username"]},
        {"UsernameConfiguration": {"CaseSensitive": True}},
    ],
)
def test_what_people_sign_in_with_is_no_drift(boto: Any, names: dict[str, Any]) -> None:
    pool = Pool(PoolName="pool", **names)
    stack = checked(Stack(boto, pool))
    stack.change(pool, AutoVerifiedAttributes=["email"])
    assert stack.plan() == []
    stack.destroy()


@pytest.mark.parametrize("after", ["sms codes", "sms codes, and totp off", "totp"])
@pytest.mark.parametrize("before", ["sms codes", "sms codes, and totp off", "totp"])
def test_one_second_factor_replaces_another(boto: Any, before: str, after: str) -> None:
    """A role for text messages stays, where the configuration does not name it any more."""
    pool = Pool(PoolName="pool", AccountRecoverySetting=RECOVERY, **BLOCKS[before])
    stack = checked(Stack(boto, pool))
    stack.change(pool, **{**dict.fromkeys(BLOCKS[before]), **BLOCKS[after]})
    assert stack.plan() == []
    has_sms = "SmsConfiguration" in {*BLOCKS[before], *BLOCKS[after]}
    assert ("SmsConfiguration" in pool.read(boto)) is has_sms
    stack.destroy()


def test_a_schema_grows_in_place(boto: Any) -> None:
    pool = terraform_pool()
    stack = checked(Stack(boto, pool))
    more = {"Name": "plan", "AttributeDataType": "String", "Mutable": True}
    constraints = {"StringAttributeConstraints": {"MinLength": "0", "MaxLength": "20"}}
    stack.change(pool, Schema=[*SCHEMA, {**more, **constraints}])
    assert stack.plan() == []


def test_what_is_not_declared_is_as_in_any_pool(boto: Any) -> None:
    """The provider leaves out standard attributes that are as AWS describes them by default."""
    plain, full = (
        boto.create_user_pool(PoolName="pool", **more)["UserPool"]["SchemaAttributes"]
        for more in ({}, {"Schema": SCHEMA})
    )
    declared = {one["Name"] for one in SCHEMA}
    rest = [one for one in full if one["Name"].removeprefix("custom:") not in declared]
    assert rest == [one for one in plain if one["Name"] not in declared]


def test_the_attribute_of_a_provider_is_no_drift(boto: Any) -> None:
    """The provider knows this one by all of its members."""
    pool = terraform_pool()
    google = {"client_id": "c", "client_secret": "s", "authorize_scopes": "email openid"}
    provider = IdentityProvider(
        ProviderName="Google", ProviderType="Google", ProviderDetails=google
    )
    stack = checked(Stack(boto, pool, provider))
    described = boto.describe_user_pool(UserPoolId=pool.id)["UserPool"]["SchemaAttributes"]
    assert [one for one in described if one["Name"] == "identities"] == [
        {
            "Name": "identities",
            "AttributeDataType": "String",
            "DeveloperOnlyAttribute": False,
            "Mutable": True,
            "Required": False,
            "StringAttributeConstraints": {},
        }
    ]
    stack.destroy()


def web_client(**more: Any) -> AppClient:
    return AppClient(
        ClientName="web",
        GenerateSecret=True,
        ExplicitAuthFlows=FLOWS,
        AllowedOAuthFlows=["code"],
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthScopes=["openid", "email", "orders/read"],
        CallbackURLs=["https://example.com/callback", "http://localhost:8000/callback"],
        LogoutURLs=["https://example.com/bye"],
        DefaultRedirectURI="https://example.com/callback",
        SupportedIdentityProviders=["COGNITO", "Corporate"],
        PreventUserExistenceErrors="ENABLED",
        EnableTokenRevocation=True,
        AccessTokenValidity=30,
        IdTokenValidity=30,
        RefreshTokenValidity=7,
        TokenValidityUnits={"AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "days"},
        ReadAttributes=["email", "email_verified", "name"],
        WriteAttributes=["email", "name"],
        **more,
    )


def corporate() -> IdentityProvider:
    details = {
        "client_id": "at-the-provider",
        "client_secret": "known-to-the-provider",
        "attributes_request_method": "GET",
        "oidc_issuer": "https://login.example.com",
        "authorize_scopes": "openid email",
    }
    return IdentityProvider(
        ProviderName="Corporate",
        ProviderType="OIDC",
        ProviderDetails=details,
        AttributeMapping={"email": "mail", "username": "sub"},
        IdpIdentifiers=["example.com"],
    )


def test_a_stack_with_managed_login(boto: Any) -> None:
    pool, provider = terraform_pool(), corporate()
    orders = ResourceServer(Identifier="orders", Name="Orders", Scopes=SCOPES)
    domain, client = Domain(Domain="customers-of-example"), web_client()
    stack = checked(Stack(boto, pool, domain, provider, orders, client))
    stack.change(client, AllowedOAuthScopes=["openid", "orders/read", "orders/write"])
    stack.change(client, CallbackURLs=["https://example.com/callback"], RefreshTokenValidity=14)
    stack.change(orders, Scopes=[*SCOPES, {"ScopeName": "admin", "ScopeDescription": "All"}])
    stack.change(provider, AttributeMapping={"email": "mail", "name": "cn", "username": "sub"})
    stack.change(domain, ManagedLoginVersion=2)
    assert stack.plan() == []
    stack.change(pool, Policies=POLICY)
    assert stack.plan() == [], "an update of the pool touches nothing around it"
    stack.destroy()


def test_a_secret_stays_when_a_client_is_changed(boto: Any) -> None:
    client = web_client()
    orders = ResourceServer(Identifier="orders", Name="Orders", Scopes=SCOPES)
    stack = checked(Stack(boto, terraform_pool(), corporate(), orders, client))
    secret = client.read(boto)["ClientSecret"]
    stack.change(client, ClientName="shop")
    assert client.read(boto)["ClientSecret"] == secret
    stack.destroy()


def test_a_plain_client_is_read_and_sent_back(boto: Any) -> None:
    """Nothing is configured, and an update sends what was read."""
    client = AppClient(ClientName="plain")
    stack = checked(Stack(boto, terraform_pool(), client))
    before = client.read(boto)
    stack.change(client, ClientName="renamed")
    dates = ("LastModifiedDate", "ClientName")
    assert {k: v for k, v in client.read(boto).items() if k not in dates} == {
        k: v for k, v in before.items() if k not in dates
    }


HOURS = {"AccessToken": "hours", "IdToken": "hours", "RefreshToken": "days"}
#: Blocks and arguments of aws_cognito_user_pool_client that stand alone.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "older flows": {"ExplicitAuthFlows": ["ADMIN_NO_SRP_AUTH"]},
    "no revocation": {"EnableTokenRevocation": False},
    "access tokens": {"AccessTokenValidity": 5},
    "refresh tokens": {"RefreshTokenValidity": 60},
    "units": {"TokenValidityUnits": HOURS},
    "a unit with a life": {"IdTokenValidity": 1, "TokenValidityUnits": HOURS},
    "sessions": {"AuthSessionValidity": 15},
    "existence": {"PreventUserExistenceErrors": "LEGACY"},
    "attributes": {"ReadAttributes": ["email"], "WriteAttributes": ["email"]},
    "providers": {"SupportedIdentityProviders": ["COGNITO"]},
    "addresses": {"CallbackURLs": ["https://example.com/"], "LogoutURLs": ["https://example.com/"]},
    "rotation": {
        "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH"],
        "RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": 10},
    },
    "analytics": {
        "AnalyticsConfiguration": {
            "ApplicationArn": "arn:aws:mobiletargeting:us-east-1:123456789012:apps/0123456789abcdef"
        }
    },
    "analytics by id": {
        "AnalyticsConfiguration": {
            "ApplicationId": "0123456789abcdef",
            "ExternalId": "external",
            "RoleArn": ROLE,
            "UserDataShared": True,
        }
    },
}


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_an_argument_of_a_client_is_no_drift(boto: Any, argument: str) -> None:
    client = AppClient(ClientName="web", **ARGUMENTS[argument])
    stack = checked(Stack(boto, Pool(PoolName="pool"), client))
    stack.change(client, ClientName="renamed")
    assert stack.plan() == []
    stack.change(client, **dict.fromkeys(ARGUMENTS[argument]))
    assert stack.plan() == []
    stack.change(client, **ARGUMENTS[argument])
    assert stack.plan() == []
    stack.destroy()


def test_a_client_that_was_renamed_reads_all_it_read_before(boto: Any) -> None:
    """The provider sends empty lists for what is not described."""
    client = AppClient(ClientName="web", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"])
    user = User(Username="ada", Attributes={"email": "ada@example.com"}, Password=PASSWORD)
    stack = checked(Stack(boto, Pool(PoolName="pool"), client, user))
    stack.change(client, ClientName="renamed")
    token = Caller(boto, client.id).password("ada")["AuthenticationResult"]["AccessToken"]
    shown = {
        one["Name"]: one["Value"] for one in boto.get_user(AccessToken=token)["UserAttributes"]
    }
    assert shown["email"] == "ada@example.com"
    boto.update_user_attributes(
        AccessToken=token, UserAttributes=[{"Name": "name", "Value": "Ada"}]
    )
    stack.change(user, Attributes={"email": "ada@example.com", "name": "Ada"})
    assert stack.plan() == []


def test_a_client_that_another_service_made(boto: Any) -> None:
    theirs = AppClient(ClientName="AmazonOpenSearchService-domain", GenerateSecret=True)
    ours = ManagedAppClient(ClientName="AmazonOpenSearchService-domain")
    stack = checked(Stack(boto, Pool(PoolName="pool"), theirs, ours))
    stack.change(ours, RefreshTokenValidity=7, SupportedIdentityProviders=["COGNITO"])
    assert stack.plan() == []
    theirs.delete(boto)
    with refused("ResourceNotFoundException"):
        ours.read(boto)


def test_a_client_for_programs(boto: Any) -> None:
    orders = ResourceServer(Identifier="orders", Name="Orders", Scopes=SCOPES)
    client = AppClient(
        ClientName="machine",
        GenerateSecret=True,
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthScopes=["orders/read"],
    )
    checked(Stack(boto, terraform_pool(), orders, client)).destroy()


def test_a_custom_domain_gets_a_new_certificate_in_place(boto: Any) -> None:
    domain = Domain(
        Domain="auth.example.com", CustomDomainConfig={"CertificateArn": f"{CERTIFICATE}one"}
    )
    stack = checked(Stack(boto, terraform_pool(), domain))
    stack.change(domain, CustomDomainConfig={"CertificateArn": f"{CERTIFICATE}two"})
    assert stack.plan() == []
    stack.destroy()


def test_groups_and_users(boto: Any) -> None:
    pool = Pool(PoolName="people", Schema=SCHEMA)
    group = Group(GroupName="editors", Description="Write", Precedence=3, RoleArn=ROLE)
    attributes = {"email": "ada@example.com", "email_verified": "true", "name": "Ada"}
    user = User(Username="ada", Attributes=attributes, Password=PASSWORD)
    member = UserInGroup(Username="ada", GroupName="editors")
    stack = checked(Stack(boto, pool, group, user, member))
    stack.change(group, Description="Write and read", Precedence=1)
    stack.change(user, Attributes={"email": "ada@example.com", "email_verified": "true"})
    assert stack.plan() == []
    stack.change(user, Enabled=False)
    assert stack.plan() == []
    stack.change(group, Description=None, Precedence=None, RoleArn=None)
    stack.destroy()


def test_a_group_can_be_nothing_but_a_name(boto: Any) -> None:
    checked(Stack(boto, Pool(PoolName="people"), Group(GroupName="any/of/them"))).destroy()


def test_users_with_attributes_of_the_pools_own(boto: Any) -> None:
    names = ("one", "two", "three", "four")
    schema = [{"Name": name, "AttributeDataType": "String", "Mutable": True} for name in names]
    user = User(
        Username="ada",
        Attributes={"custom:one": "1", "custom:two": "2", "custom:three": "3"},
        TemporaryPassword=PASSWORD,
        Enabled=False,
    )
    stack = checked(Stack(boto, Pool(PoolName="people", Schema=schema), user))
    assert user.read(boto)["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    four = {"custom:two": "2", "custom:three": "three", "custom:four": "4"}
    stack.change(user, Attributes=four, Enabled=True, TemporaryPassword="Another-Horse-7")
    assert stack.plan() == []
    stack.change(user, Attributes={}, TemporaryPassword=None)
    assert stack.plan() == []
    stack.destroy()


def protected_stack(boto: Any) -> Stack:
    """A pool in the plan Plus, with everything around it that is a record here."""
    pool = terraform_pool(
        UserPoolTier="PLUS",
        UserPoolAddOns={"AdvancedSecurityMode": "AUDIT"},
        UserAttributeUpdateSettings={"AttributesRequireVerificationBeforeUpdate": ["email"]},
    )
    blocked = {"BlockedIPRangeList": ["192.0.2.0/24"]}
    logs = {
        "LogLevel": "ERROR",
        "EventSource": "userNotification",
        "CloudWatchLogsConfiguration": {"LogGroupArn": f"{ROLE}-logs"},
    }
    client = AppClient(ClientName="web", SupportedIdentityProviders=["COGNITO"])
    return Stack(
        boto,
        pool,
        Domain(Domain="customers-of-example", ManagedLoginVersion=2),
        client,
        UiCustomization(CSS=".banner-customizable {padding: 0;}"),
        Branding(client, Settings={"components": {"favicon": {"enabledTypes": ["ICO"]}}}),
        RiskConfiguration(RiskExceptionConfiguration=blocked),
        LogDelivery(LogConfigurations=[logs]),
    )


def test_a_stack_with_looks_and_protection(boto: Any) -> None:
    stack = checked(protected_stack(boto))
    *_, look, style, risks, _ = stack.resources
    stack.change(look, CSS=".banner-customizable {padding: 1px;}")
    stack.change(style, Settings={"components": {"favicon": {"enabledTypes": ["SVG"]}}})
    stack.change(risks, RiskExceptionConfiguration={"SkippedIPRangeList": ["192.0.2.1/32"]})
    assert stack.plan() == []
    stack.destroy()


CSS = ".label-customizable {font-weight: 400;}"


def test_looks_of_a_client_and_of_all(boto: Any) -> None:
    client = AppClient(ClientName="web")
    everyone, own = UiCustomization(CSS=CSS), UiCustomization(client, CSS=CSS)
    domain = Domain(Domain="customers-of-example")
    stack = checked(Stack(boto, Pool(PoolName="pool"), domain, client, everyone, own))
    stack.change(own, CSS=".label-customizable {font-weight: 100;}")
    assert stack.plan() == []
    stack.change(everyone, CSS=CSS, ImageFile=b"image")
    assert stack.plan() == []
    stack.change(everyone, CSS=None)
    assert stack.plan() == []
    stack.destroy()


def test_a_look_cannot_be_read_without_a_domain(boto: Any) -> None:
    domain, look = Domain(Domain="customers-of-example"), UiCustomization(CSS=CSS)
    stack = checked(Stack(boto, Pool(PoolName="pool"), domain, look))
    domain.delete(boto)
    with refused(
        "InvalidParameterException",
        "There has to be an existing domain associated with this user pool.",
    ):
        look.read(boto)
    assert stack.boto is boto


FOOTER = {
    "Category": "PAGE_FOOTER_BACKGROUND",
    "ColorMode": "DARK",
    "Extension": "SVG",
    "Bytes": b"<svg/>",
}
HEADER = {**FOOTER, "Category": "PAGE_HEADER_BACKGROUND", "ColorMode": "LIGHT"}


def test_styles_of_cognitos_own_may_have_images(boto: Any) -> None:
    """Each change of images is another style."""
    pool, client = Pool(PoolName="pool"), AppClient(ClientName="web")
    stack = checked(Stack(boto, pool, client, Branding(client, UseCognitoProvidedValues=True)))
    for images in ([FOOTER], [HEADER], [HEADER, FOOTER]):
        *others, style = stack.resources
        style.delete(boto)
        style = Branding(client, UseCognitoProvidedValues=True, Assets=images)
        style.create(boto, stack)
        stack.resources = (*others, style)
        assert stack.plan() == []
    stack.destroy()


def test_a_style_goes_back_to_cognitos_own(boto: Any) -> None:
    client = AppClient(ClientName="web")
    style = Branding(client, Settings={"components": {"form": {"displayGraphics": True}}})
    stack = checked(Stack(boto, Pool(PoolName="pool"), client, style))
    stack.change(style, Settings={"components": {"form": {"displayGraphics": False}}})
    assert stack.plan() == []
    stack.change(style, Settings=None, UseCognitoProvidedValues=True)
    assert stack.plan() == []
    stack.destroy()


def test_each_risk_and_each_log_goes_in_place(boto: Any) -> None:
    pool = terraform_pool(UserPoolTier="PLUS", UserPoolAddOns={"AdvancedSecurityMode": "AUDIT"})
    takeover = {
        "Actions": {
            "MediumAction": {"EventAction": "MFA_REQUIRED", "Notify": False},
            "HighAction": {"EventAction": "BLOCK", "Notify": False},
        }
    }
    compromised = {"EventFilter": ["SIGN_IN"], "Actions": {"EventAction": "BLOCK"}}
    risks = RiskConfiguration(RiskExceptionConfiguration={"BlockedIPRangeList": ["10.0.0.1/32"]})
    mails = {
        "LogLevel": "ERROR",
        "EventSource": "userNotification",
        "CloudWatchLogsConfiguration": {"LogGroupArn": f"{ROLE}-logs"},
    }
    events = {
        "LogLevel": "INFO",
        "EventSource": "userAuthEvents",
        "FirehoseConfiguration": {"StreamArn": f"{ROLE}-stream"},
    }
    logs = LogDelivery(LogConfigurations=[mails])
    stack = checked(Stack(boto, pool, risks, logs))
    stack.change(risks, AccountTakeoverRiskConfiguration=takeover)
    stack.change(logs, LogConfigurations=[events, mails])
    assert stack.plan() == []
    stack.change(risks, RiskExceptionConfiguration=None)
    stack.change(risks, CompromisedCredentialsRiskConfiguration=compromised)
    stack.change(logs, LogConfigurations=[mails])
    assert stack.plan() == []
    stack.change(risks, AccountTakeoverRiskConfiguration=None)
    assert stack.plan() == []
    stack.destroy()


def test_records_live_through_the_state_file(
    boto: Any, cognito: LocalCognito, tmp_path: Any
) -> None:
    stack = checked(protected_stack(boto))
    cognito.save(tmp_path / "pool.json")
    stack.boto = LocalCognito.load(tmp_path / "pool.json").client()
    assert stack.plan() == []


def test_a_stack_lives_through_the_state_file(
    boto: Any, cognito: LocalCognito, tmp_path: Any
) -> None:
    orders = ResourceServer(Identifier="orders", Name="Orders", Scopes=SCOPES)
    domain, client = Domain(Domain="customers-of-example"), web_client()
    stack = checked(Stack(boto, terraform_pool(), domain, corporate(), orders, client))
    cognito.save(tmp_path / "pool.json")
    stack.boto = LocalCognito.load(tmp_path / "pool.json").client()
    assert stack.plan() == []
    stack.destroy()


def test_a_change_by_hand_is_drift(boto: Any) -> None:
    """What a person changed shows in the plan, and the next apply takes it back."""
    orders = ResourceServer(Identifier="orders", Name="Orders", Scopes=SCOPES)
    pool, domain = terraform_pool(), Domain(Domain="customers-of-example")
    stack = checked(Stack(boto, pool, domain, orders))
    arn = pool.read(boto)["Arn"]
    boto.tag_resource(ResourceArn=arn, Tags={"team": "nobody"})
    boto.update_resource_server(
        **orders.pool, Identifier="orders", Name="Orders", Scopes=SCOPES[:1]
    )
    boto.update_user_pool_domain(
        **domain.pool, Domain="customers-of-example", ManagedLoginVersion=2
    )
    domain.given["ManagedLoginVersion"] = 1
    assert [found.partition(":")[0] for found in stack.plan()] == [
        "Pool.UserPoolTags.team",
        "Domain.ManagedLoginVersion",
        "ResourceServer.Scopes",
    ]
    for resource in stack.resources:
        resource.update(boto)
    assert stack.plan() == []


def test_tags_change_without_an_update_of_the_pool(boto: Any) -> None:
    """As the provider does for tags alone."""
    pool = terraform_pool()
    stack = checked(Stack(boto, pool))
    arn = pool.read(boto)["Arn"]
    boto.tag_resource(ResourceArn=arn, Tags={"stage": "live"})
    boto.untag_resource(ResourceArn=arn, TagKeys=["team"])
    assert boto.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"stage": "live"}
    pool.given["UserPoolTags"] = {"stage": "live"}
    assert stack.plan() == []


CODE_TEXT = "The verification code to your new account is {####}"


def cdk_pool(**more: Any) -> Pool:
    """new UserPool(this, "Pool")"""
    return Pool(
        PoolName="Pool",
        AccountRecoverySetting={
            "RecoveryMechanisms": [
                {"Name": "verified_phone_number", "Priority": 1},
                {"Name": "verified_email", "Priority": 2},
            ]
        },
        AdminCreateUserConfig={"AllowAdminCreateUserOnly": True},
        EmailVerificationMessage=CODE_TEXT,
        EmailVerificationSubject="Verify your new account",
        SmsVerificationMessage=CODE_TEXT,
        VerificationMessageTemplate={
            "DefaultEmailOption": "CONFIRM_WITH_CODE",
            "EmailMessage": CODE_TEXT,
            "EmailSubject": "Verify your new account",
            "SmsMessage": CODE_TEXT,
        },
        **more,
    )


def test_the_defaults_of_cdk(boto: Any) -> None:
    """A pool, addClient, addDomain, addResourceServer, as CDK makes them by default."""
    client = AppClient(
        ClientName="Client",
        AllowedOAuthFlows=["implicit", "code"],
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthScopes=[
            "profile",
            "phone",
            "email",
            "openid",
            "aws.cognito.signin.user.admin",
        ],
        CallbackURLs=["https://example.com"],
        SupportedIdentityProviders=["COGNITO"],
    )
    domain = Domain(Domain="from-cdk")
    server = ResourceServer(Identifier="orders", Name="orders", Scopes=SCOPES)
    checked(Stack(boto, cdk_pool(), domain, server, client)).destroy()


def test_a_pool_of_cdk_with_mfa(boto: Any) -> None:
    """selfSignUpEnabled, signInAliases, standardAttributes, mfa, and a role for text messages."""
    pool = cdk_pool(
        AliasAttributes=["email"],
        AutoVerifiedAttributes=["email"],
        Schema=[{"Name": "email", "Mutable": True, "Required": True}],
        SmsConfiguration={"SnsCallerArn": ROLE, "ExternalId": "external"},
        MfaConfiguration="ON",
        SoftwareTokenMfaConfiguration={"Enabled": True},
        DeletionProtection="ACTIVE",
    )
    stack = checked(Stack(boto, pool))
    stack.change(pool, DeletionProtection="INACTIVE")
    assert stack.plan() == []
    stack.destroy()
