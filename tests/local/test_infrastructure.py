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
from tests.local.caller import PASSWORD, refused
from tests.local.infrastructure import (
    AppClient,
    Branding,
    Domain,
    Group,
    IdentityProvider,
    LogDelivery,
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
        UiCustomization(ClientId="ALL", CSS=".banner-customizable {padding: 0;}"),
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
