"""Pools and app clients over the API.

The facts are in "App clients" and "Updates replace" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from botocore.config import Config  # noqa: TID253

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, members, refused
from tests.local.conftest import populated
from tests.local.raw import post

TOGETHER = "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."
NONE_LEFT = (
    "Invalid MFA configuration given, can't disable all MFAs with a required or optional "
    "configuration."
)
NONE_YET = (
    "Invalid MFA Configuration given. SMS MFA, Email MFA, or Software Token MFA must be enabled."
)
ENABLED, DISABLED = {"Enabled": True}, {"Enabled": False}


@pytest.fixture
def sending_pool(cognito: LocalCognito) -> LocalPool:
    """An ON pool that can send codes by email."""
    return populated(cognito, mfa="ON", email=True)


def mfa(boto: Any, **config: Any) -> Any:
    return boto.set_user_pool_mfa_config(UserPoolId=POOL_ID, **config)


class TestPools:
    def test_a_pool_made_over_the_api_plays_at_once(self, either_boto: Any) -> None:
        pool_id = either_boto.create_user_pool(PoolName="mine")["UserPool"]["Id"]
        either_boto.set_user_pool_mfa_config(
            UserPoolId=pool_id, MfaConfiguration="ON", SoftwareTokenMfaConfiguration=ENABLED
        )
        client = either_boto.create_user_pool_client(
            UserPoolId=pool_id,
            ClientName="web",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
        )["UserPoolClient"]
        either_boto.admin_create_user(UserPoolId=pool_id, Username="ada", MessageAction="SUPPRESS")
        either_boto.admin_set_user_password(
            UserPoolId=pool_id, Username="ada", Password=PASSWORD, Permanent=True
        )
        answer = Caller(either_boto, client["ClientId"]).password("ada")
        assert answer["ChallengeName"] == "MFA_SETUP"

    def test_its_description_has_no_software_token(self, boto: Any, pool: LocalPool) -> None:
        shown = boto.describe_user_pool(UserPoolId=POOL_ID)["UserPool"]
        assert shown["MfaConfiguration"] == "ON"
        assert shown["Id"] == POOL_ID
        assert shown["EstimatedNumberOfUsers"] == 2
        assert "SoftwareTokenMfaConfiguration" not in shown

    def test_what_it_was_given_is_described(self, boto: Any) -> None:
        given = {
            "UsernameAttributes": ["email"],
            "UsernameConfiguration": {"CaseSensitive": True},
            "AutoVerifiedAttributes": ["email"],
            "AccountRecoverySetting": {
                "RecoveryMechanisms": [{"Priority": 1, "Name": "verified_email"}]
            },
            "DeletionProtection": "ACTIVE",
            "UserPoolTier": "PLUS",
        }
        made = boto.create_user_pool(PoolName="mine", **given)["UserPool"]
        shown = boto.describe_user_pool(UserPoolId=made["Id"])["UserPool"]
        assert {name: shown[name] for name in given} == given

    def test_a_plain_one_is_described_with_its_defaults(self, boto: Any) -> None:
        """Scripts read them without asking whether they are there."""
        made = boto.create_user_pool(PoolName="mine")["UserPool"]
        assert made["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": False}
        assert made["EmailConfiguration"] == {"EmailSendingAccount": "COGNITO_DEFAULT"}
        assert made["VerificationMessageTemplate"] == {"DefaultEmailOption": "CONFIRM_WITH_CODE"}

    def test_its_policy_and_schema_hold(self, boto: Any) -> None:
        policy = {"MinimumLength": 12, "RequireSymbols": False}
        made = boto.create_user_pool(
            PoolName="mine",
            Policies={"PasswordPolicy": policy},
            Schema=[
                {"Name": "shoe", "AttributeDataType": "String"},
                {"Name": "name", "AttributeDataType": "String", "Required": True},
            ],
        )["UserPool"]
        shown = made["Policies"]["PasswordPolicy"]
        assert (shown["MinimumLength"], shown["RequireSymbols"]) == (12, False)
        schema = {item["Name"]: item for item in made["SchemaAttributes"]}
        assert schema["name"]["Required"] is True
        assert schema["email_verified"]["AttributeDataType"] == "Boolean"
        boto.admin_create_user(
            UserPoolId=made["Id"],
            Username="ada",
            UserAttributes=[{"Name": "custom:shoe", "Value": "42"}],
            TemporaryPassword="Symbolless12",
        )
        with refused("InvalidPasswordException"):
            boto.admin_create_user(
                UserPoolId=made["Id"], Username="bob", TemporaryPassword="Short-one-1"
            )

    def test_aliases_and_username_attributes_exclude_each_other(self, boto: Any) -> None:
        with refused("InvalidParameterException"):
            boto.create_user_pool(
                PoolName="mine", AliasAttributes=["email"], UsernameAttributes=["email"]
            )

    def test_pools_are_listed_in_pages(self, boto: Any) -> None:
        made = [boto.create_user_pool(PoolName=f"p{n}")["UserPool"]["Id"] for n in range(3)]
        first = boto.list_user_pools(MaxResults=2)
        rest = boto.list_user_pools(MaxResults=2, NextToken=first["NextToken"])
        assert [one["Id"] for one in first["UserPools"] + rest["UserPools"]] == made
        assert "NextToken" not in rest

    def test_an_account_without_pools_lists_none(self, boto: Any) -> None:
        assert members(boto.list_user_pools(MaxResults=60)) == {"UserPools": []}

    def test_ids_name_the_region(self) -> None:
        cognito = LocalCognito(region="eu-west-1")
        made = cognito.client().create_user_pool(PoolName="mine")["UserPool"]
        assert made["Id"].startswith("eu-west-1_")
        assert made["Arn"].startswith("arn:aws:cognito-idp:eu-west-1:")


class TestMfaConfig:
    """The refusals were measured on a live pool."""

    def test_it_is_read(self, either_boto: Any, pool: LocalPool) -> None:
        assert members(either_boto.get_user_pool_mfa_config(UserPoolId=POOL_ID)) == {
            "MfaConfiguration": "ON",
            "SoftwareTokenMfaConfiguration": ENABLED,
        }

    def test_it_is_echoed(self, boto: Any, sending_pool: LocalPool) -> None:
        given = {
            "MfaConfiguration": "OPTIONAL",
            "SoftwareTokenMfaConfiguration": ENABLED,
            "SmsMfaConfiguration": {"SmsAuthenticationMessage": "Code {####}"},
            "EmailMfaConfiguration": {"Message": "Code {####}", "Subject": "Code"},
        }
        assert members(mfa(boto, **given)) == given
        assert members(boto.get_user_pool_mfa_config(UserPoolId=POOL_ID)) == given

    def test_it_replaces_and_never_merges(self, boto: Any, sending_pool: LocalPool) -> None:
        mfa(boto, MfaConfiguration="ON", EmailMfaConfiguration={"Message": "Code {####}"})
        shown = boto.get_user_pool_mfa_config(UserPoolId=POOL_ID)
        assert "SoftwareTokenMfaConfiguration" not in shown

    def test_a_disabled_factor_is_shown_if_it_was_given(
        self, boto: Any, sending_pool: LocalPool
    ) -> None:
        given = {"EmailMfaConfiguration": {}, "SoftwareTokenMfaConfiguration": DISABLED}
        assert members(mfa(boto, MfaConfiguration="ON", **given)) == {
            "MfaConfiguration": "ON",
            **given,
        }

    @pytest.mark.parametrize("block", [ENABLED, DISABLED])
    def test_off_takes_no_factor_not_even_a_disabled_one(
        self, boto: Any, pool: LocalPool, block: dict[str, bool]
    ) -> None:
        with refused("InvalidParameterException", TOGETHER):
            mfa(boto, MfaConfiguration="OFF", SoftwareTokenMfaConfiguration=block)

    def test_off_alone_is_accepted(self, caller: Caller, pool: LocalPool) -> None:
        assert members(mfa(caller.boto, MfaConfiguration="OFF")) == {"MfaConfiguration": "OFF"}
        assert "AuthenticationResult" in caller.password()

    @pytest.mark.parametrize("name", ["ON", "OPTIONAL"])
    @pytest.mark.parametrize("blocks", [{}, {"SoftwareTokenMfaConfiguration": DISABLED}])
    def test_mfa_without_a_factor_is_refused(
        self, boto: Any, pool: LocalPool, name: str, blocks: dict[str, Any]
    ) -> None:
        with refused("InvalidParameterException", NONE_LEFT):
            mfa(boto, MfaConfiguration=name, **blocks)

    @pytest.mark.parametrize("blocks", [{}, {"WebAuthnConfiguration": {}}])
    def test_a_pool_that_never_had_one_is_told_so(self, boto: Any, blocks: Any) -> None:
        pool_id = boto.create_user_pool(PoolName="mine")["UserPool"]["Id"]
        with refused("InvalidParameterException", NONE_YET):
            boto.set_user_pool_mfa_config(UserPoolId=pool_id, MfaConfiguration="OPTIONAL", **blocks)

    def test_python_made_factors_are_shown(self, cognito: LocalCognito) -> None:
        cognito.create_pool(POOL_ID, mfa="ON", sms=True, email=True)
        boto: Any = cognito.client()
        shown = members(boto.get_user_pool_mfa_config(UserPoolId=POOL_ID))
        assert set(shown) == {
            "EmailMfaConfiguration",
            "MfaConfiguration",
            "SmsMfaConfiguration",
            "SoftwareTokenMfaConfiguration",
        }


class TestClients:
    def test_the_defaults_of_the_api(self, boto: Any, pool: LocalPool) -> None:
        made = boto.create_user_pool_client(UserPoolId=POOL_ID, ClientName="web")["UserPoolClient"]
        assert "PreventUserExistenceErrors" not in made
        assert made["EnablePropagateAdditionalUserContextData"] is False
        assert made["AuthSessionValidity"] == 3
        assert made["EnableTokenRevocation"] is True
        assert made["RefreshTokenValidity"] == 30
        assert sorted(made["ExplicitAuthFlows"]) == [
            "ALLOW_CUSTOM_AUTH",
            "ALLOW_REFRESH_TOKEN_AUTH",
            "ALLOW_USER_SRP_AUTH",
        ]
        assert "ClientSecret" not in made

    def test_a_secret_is_made_or_given(self, boto: Any, pool: LocalPool) -> None:
        made = boto.create_user_pool_client(
            UserPoolId=POOL_ID, ClientName="web", GenerateSecret=True
        )["UserPoolClient"]
        shown = boto.describe_user_pool_client(UserPoolId=POOL_ID, ClientId=made["ClientId"])
        assert shown["UserPoolClient"]["ClientSecret"] == made["ClientSecret"]

    def test_a_secret_may_be_ones_own(self, cognito: LocalCognito, pool: LocalPool) -> None:
        """As it is on the wire: not every supported botocore knows the member."""
        own = "mysecretmysecretmysecret"
        asked = {"UserPoolId": POOL_ID, "ClientName": "web", "ClientSecret": own}
        with cognito.serve() as server:
            made = post(server.url, "CreateUserPoolClient", asked, signed=True).json()
            assert made["UserPoolClient"]["ClientSecret"] == own
            both = {**asked, "GenerateSecret": True}
            refusal = post(server.url, "CreateUserPoolClient", both, signed=True).json()
        assert refusal["__type"] == "InvalidParameterException"

    def test_what_it_was_given_is_described(self, boto: Any, pool: LocalPool) -> None:
        given = {
            "ClientName": "web",
            "AuthSessionValidity": 15,
            "RefreshTokenValidity": 180,
            "AccessTokenValidity": 2,
            "TokenValidityUnits": {"RefreshToken": "minutes"},
            "PreventUserExistenceErrors": "ENABLED",
            "CallbackURLs": ["https://example.com/"],
        }
        made = boto.create_user_pool_client(UserPoolId=POOL_ID, **given)["UserPoolClient"]
        shown = boto.describe_user_pool_client(UserPoolId=POOL_ID, ClientId=made["ClientId"])
        assert {name: shown["UserPoolClient"][name] for name in given} == given

    @pytest.mark.parametrize(
        "given",
        [
            {"AccessTokenValidity": 1, "TokenValidityUnits": {"AccessToken": "minutes"}},
            {"AccessTokenValidity": 25},
            {"RefreshTokenValidity": 4000},
            {"RefreshTokenValidity": 59, "TokenValidityUnits": {"RefreshToken": "minutes"}},
        ],
    )
    def test_lifetimes_have_limits(self, boto: Any, pool: LocalPool, given: Any) -> None:
        with refused("InvalidParameterException"):
            boto.create_user_pool_client(UserPoolId=POOL_ID, ClientName="web", **given)

    @pytest.mark.parametrize("minutes", [2, 16])
    def test_a_session_lives_three_to_fifteen_minutes(
        self, cognito: LocalCognito, pool: LocalPool, minutes: int
    ) -> None:
        """botocore, left to itself, would check the minimum."""
        boto = cognito.client(config=Config(parameter_validation=False))
        with refused("InvalidParameterException"):
            boto.create_user_pool_client(
                UserPoolId=POOL_ID, ClientName="web", AuthSessionValidity=minutes
            )

    def test_old_and_new_flow_names_do_not_mix(self, boto: Any, pool: LocalPool) -> None:
        with refused("InvalidParameterException"):
            boto.create_user_pool_client(
                UserPoolId=POOL_ID,
                ClientName="web",
                ExplicitAuthFlows=["ADMIN_NO_SRP_AUTH", "ALLOW_USER_SRP_AUTH"],
            )

    def test_clients_are_listed_in_pages(self, boto: Any, pool: LocalPool) -> None:
        for name in ("web", "app"):
            boto.create_user_pool_client(UserPoolId=POOL_ID, ClientName=name)
        first = boto.list_user_pool_clients(UserPoolId=POOL_ID, MaxResults=2)
        rest = boto.list_user_pool_clients(
            UserPoolId=POOL_ID, MaxResults=2, NextToken=first["NextToken"]
        )
        listed = first["UserPoolClients"] + rest["UserPoolClients"]
        assert [one["ClientName"] for one in listed] == ["local", "web", "app"]
        assert listed[0]["ClientId"] == CLIENT_ID

    def test_an_unknown_client_is_not_found(self, boto: Any, pool: LocalPool) -> None:
        text = "User pool client nobody does not exist."
        with refused("ResourceNotFoundException", text):
            boto.describe_user_pool_client(UserPoolId=POOL_ID, ClientId="nobody")

    def test_an_update_resets_what_it_leaves_out(self, boto: Any, pool: LocalPool) -> None:
        """Measured."""
        made = boto.create_user_pool_client(
            UserPoolId=POOL_ID,
            ClientName="web",
            GenerateSecret=True,
            AuthSessionValidity=15,
            PreventUserExistenceErrors="ENABLED",
            ReadAttributes=["email"],
        )["UserPoolClient"]
        which = {"UserPoolId": POOL_ID, "ClientId": made["ClientId"]}
        flows = ["ALLOW_USER_PASSWORD_AUTH"]
        boto.update_user_pool_client(**which, ExplicitAuthFlows=flows)
        now = boto.describe_user_pool_client(**which)["UserPoolClient"]
        assert now["ExplicitAuthFlows"] == flows
        assert now["AuthSessionValidity"] == 3
        assert "PreventUserExistenceErrors" not in now
        assert "ReadAttributes" not in now
        for kept in ("ClientName", "ClientSecret", "CreationDate"):
            assert now[kept] == made[kept]

    def test_a_refused_update_changes_nothing(self, boto: Any, pool: LocalPool) -> None:
        before = boto.describe_user_pool_client(UserPoolId=POOL_ID, ClientId=CLIENT_ID)
        with refused("InvalidParameterException"):
            boto.update_user_pool_client(
                UserPoolId=POOL_ID, ClientId=CLIENT_ID, ClientName="x", AccessTokenValidity=100
            )
        after = boto.describe_user_pool_client(UserPoolId=POOL_ID, ClientId=CLIENT_ID)
        assert before["UserPoolClient"] == after["UserPoolClient"]

    def test_a_deleted_client_is_not_found(self, boto: Any, pool: LocalPool) -> None:
        boto.delete_user_pool_client(UserPoolId=POOL_ID, ClientId=CLIENT_ID)
        with refused("ResourceNotFoundException"):
            Caller(boto).password("regular")


class TestChangingPools:
    FACTORS: ClassVar[dict[str, Any]] = {"AllowedFirstAuthFactors": ["PASSWORD"]}
    PASSWORDS: ClassVar[dict[str, Any]] = {"MinimumLength": 20, "RequireSymbols": False}
    STAYING: ClassVar[dict[str, Any]] = {
        "DeletionProtection": "ACTIVE",
        "MfaConfiguration": "ON",
        "UserPoolTags": {"team": "web"},
        "UserPoolTier": "PLUS",
    }

    @pytest.fixture
    def made(self, boto: Any) -> Any:
        return self.a_pool(boto)

    def a_pool(self, boto: Any) -> Any:
        made = boto.create_user_pool(
            PoolName="p",
            AutoVerifiedAttributes=["email"],
            AdminCreateUserConfig={"AllowAdminCreateUserOnly": True},
            DeviceConfiguration={"ChallengeRequiredOnNewDevice": True},
            UserAttributeUpdateSettings={"AttributesRequireVerificationBeforeUpdate": []},
            Policies={"PasswordPolicy": self.PASSWORDS, "SignInPolicy": self.FACTORS},
            **{k: v for k, v in self.STAYING.items() if k != "MfaConfiguration"},
        )["UserPool"]
        boto.set_user_pool_mfa_config(
            UserPoolId=made["Id"], MfaConfiguration="ON", SoftwareTokenMfaConfiguration=ENABLED
        )
        return boto.describe_user_pool(UserPoolId=made["Id"])["UserPool"]

    @pytest.mark.parametrize("policies", [{}, {"SignInPolicy": FACTORS}])
    def test_an_update_resets_some_of_what_it_leaves_out(
        self, boto: Any, made: Any, policies: dict[str, Any]
    ) -> None:
        boto.update_user_pool(UserPoolId=made["Id"], Policies=policies)
        now = boto.describe_user_pool(UserPoolId=made["Id"])["UserPool"]
        assert {name: now[name] for name in self.STAYING} == self.STAYING
        for kept in ("Policies", "UserAttributeUpdateSettings", "Name"):
            assert now[kept] == made[kept]
        assert now["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is False
        assert "AutoVerifiedAttributes" not in now
        assert "DeviceConfiguration" not in now

    def test_a_password_policy_alone_leaves_first_factors_alone(self, boto: Any) -> None:
        factors = {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}
        made = boto.create_user_pool(PoolName="p", Policies={"SignInPolicy": factors})["UserPool"]
        policy = {"MinimumLength": 12}
        boto.update_user_pool(UserPoolId=made["Id"], Policies={"PasswordPolicy": policy})
        now = boto.describe_user_pool(UserPoolId=made["Id"])["UserPool"]["Policies"]
        assert now["SignInPolicy"] == factors
        assert now["PasswordPolicy"]["MinimumLength"] == 12

    def test_a_switch_lets_an_update_reset_everything(
        self, cognito: LocalCognito, boto: Any
    ) -> None:
        """As documented, and as measured of old: so an update turns TOTP off unasked."""
        cognito.behave(pool_updates_reset_everything=True)
        made = self.a_pool(boto)
        boto.update_user_pool(UserPoolId=made["Id"])
        now = boto.describe_user_pool(UserPoolId=made["Id"])["UserPool"]
        assert now["MfaConfiguration"] == "OFF"
        assert now["Policies"]["PasswordPolicy"]["MinimumLength"] == 8
        assert now["UserPoolTags"] == {}
        assert now["DeletionProtection"] == "INACTIVE"

    @pytest.mark.parametrize("sensitive", [None, True, False])
    def test_case_is_what_its_creator_says(self, boto: Any, sensitive: bool | None) -> None:
        """Terraform replaces a pool that is described with more than it was given."""
        given = {} if sensitive is None else {"UsernameConfiguration": {"CaseSensitive": sensitive}}
        made = boto.create_user_pool(PoolName="p", **given)["UserPool"]
        boto.update_user_pool(UserPoolId=made["Id"])
        shown = boto.describe_user_pool(UserPoolId=made["Id"])["UserPool"]
        assert {k: v for k, v in shown.items() if k == "UsernameConfiguration"} == given
        ada = {"UserPoolId": made["Id"], "MessageAction": "SUPPRESS"}
        boto.admin_create_user(Username="ada", **ada)
        if sensitive is False:
            with refused("UsernameExistsException"):
                boto.admin_create_user(Username="Ada", **ada)
        else:
            boto.admin_create_user(Username="Ada", **ada)

    def test_an_update_leaves_people_and_factors_alone(
        self, caller: Caller, pool: LocalPool
    ) -> None:
        caller.boto.update_user_pool(UserPoolId=POOL_ID, MfaConfiguration="ON")
        assert caller.password("regular")["ChallengeName"] == "SOFTWARE_TOKEN_MFA"

    def test_a_deleted_pool_is_not_found(
        self, cognito: LocalCognito, boto: Any, pool: LocalPool
    ) -> None:
        token = Caller(boto).password("regular")["Session"]
        boto.delete_user_pool(UserPoolId=POOL_ID)
        with refused("ResourceNotFoundException"):
            boto.describe_user_pool(UserPoolId=POOL_ID)
        with refused("NotAuthorizedException"):
            boto.associate_software_token(Session=token)
        cognito.create_pool("us-east-1_Another00")
        assert len(cognito.pools()) == 1
