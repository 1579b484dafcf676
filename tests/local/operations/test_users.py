"""The administration of users, and ListUsers."""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, members, refused
from tests.local.conftest import START, populated


def create(boto: Any, username: str = "invited", **more: Any) -> Any:
    return boto.admin_create_user(UserPoolId=POOL_ID, Username=username, **more)


def attributes(**values: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in values.items()]


class TestReading:
    """AdminGetUser and GetUser."""

    def test_an_administrator_sees_a_user(self, either_boto: Any, pool: LocalPool) -> None:
        shown = members(either_boto.admin_get_user(UserPoolId=POOL_ID, Username="regular"))
        assert shown.pop("UserCreateDate").timestamp() == START
        assert shown.pop("UserLastModifiedDate").timestamp() == START
        assert shown == {
            "Username": "regular",
            "UserAttributes": attributes(email="regular@example.com", sub=pool.user("regular").sub),
            "Enabled": True,
            "UserStatus": "CONFIRMED",
            "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"],
            "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA",
        }

    def test_without_mfa_its_members_are_absent(self, boto: Any, pool: LocalPool) -> None:
        """Omitted, neither [] nor ""."""
        shown = boto.admin_get_user(UserPoolId=POOL_ID, Username="newcomer")
        assert {"UserMFASettingList", "PreferredMfaSetting", "MFAOptions"}.isdisjoint(shown)

    def test_a_sub_names_a_user_too(self, boto: Any, pool: LocalPool) -> None:
        shown = boto.admin_get_user(UserPoolId=POOL_ID, Username=pool.user("regular").sub)
        assert shown["Username"] == "regular"

    def test_an_unknown_user_is_not_found(self, either_boto: Any, pool: LocalPool) -> None:
        """PreventUserExistenceErrors does not cover operations of administrators."""
        with refused("UserNotFoundException", "User does not exist."):
            either_boto.admin_get_user(UserPoolId=POOL_ID, Username="nobody")

    def test_an_unknown_pool_is_not_found(self, boto: Any, pool: LocalPool) -> None:
        text = "User pool us-east-1_Nowhere00 does not exist."
        with refused("ResourceNotFoundException", text):
            boto.admin_get_user(UserPoolId="us-east-1_Nowhere00", Username="regular")


class TestCreating:
    """AdminCreateUser."""

    def test_an_invitation_goes_out_and_signs_in(
        self, cognito: LocalCognito, either: Caller, pool: LocalPool
    ) -> None:
        made = create(either.boto, UserAttributes=attributes(email="ivy@example.com"))["User"]
        assert made["UserStatus"] == "FORCE_CHANGE_PASSWORD"
        assert made["Enabled"] is True
        (message,) = cognito.outbox
        assert (message.medium, message.destination) == ("EMAIL", "ivy@example.com")
        assert message.code in message.text
        answer = either.password("invited", message.code)
        assert answer["ChallengeName"] == "NEW_PASSWORD_REQUIRED"

    def test_a_temporary_password_may_be_given(self, caller: Caller, pool: LocalPool) -> None:
        create(caller.boto, TemporaryPassword=PASSWORD)
        assert caller.password("invited")["ChallengeName"] == "NEW_PASSWORD_REQUIRED"

    def test_it_must_keep_the_policy(self, boto: Any, pool: LocalPool) -> None:
        with refused("InvalidPasswordException"):
            create(boto, TemporaryPassword="short")
        with pytest.raises(LookupError):
            pool.user("invited")

    def test_nothing_is_sent_in_silence(
        self, cognito: LocalCognito, boto: Any, pool: LocalPool
    ) -> None:
        address = attributes(email="ivy@example.com")
        create(boto, UserAttributes=address, MessageAction="SUPPRESS")
        assert cognito.outbox == []

    def test_an_invitation_can_be_a_text(
        self, cognito: LocalCognito, boto: Any, pool: LocalPool
    ) -> None:
        both = attributes(email="ivy@example.com", phone_number="+15555550839")
        create(boto, UserAttributes=both, DesiredDeliveryMediums=["SMS"])
        assert [message.medium for message in cognito.outbox] == ["SMS"]

    def test_an_invitation_is_sent_again_with_a_new_password(
        self, cognito: LocalCognito, caller: Caller, pool: LocalPool
    ) -> None:
        create(caller.boto, UserAttributes=attributes(email="ivy@example.com"))
        cognito.clock.advance(8 * 86400)
        create(caller.boto, MessageAction="RESEND")
        first, second = (message.code for message in cognito.outbox)
        assert first != second
        assert caller.password("invited", second)["ChallengeName"] == "NEW_PASSWORD_REQUIRED"

    def test_only_to_an_invited_user(self, boto: Any, pool: LocalPool) -> None:
        with refused("UnsupportedUserStateException"):
            create(boto, "regular", MessageAction="RESEND")
        with refused("UserNotFoundException"):
            create(boto, "nobody", MessageAction="RESEND")

    @pytest.mark.parametrize("username", ["regular", "REGULAR"])
    def test_a_name_is_taken_once(self, boto: Any, pool: LocalPool, username: str) -> None:
        with refused("UsernameExistsException", "User account already exists"):
            create(boto, username)

    def test_an_attribute_must_be_in_the_schema(self, boto: Any, pool: LocalPool) -> None:
        with refused("InvalidParameterException"):
            create(boto, UserAttributes=[{"Name": "custom:shoe", "Value": "42"}])

    def test_a_silent_invitation_may_need_a_password(self, cognito: LocalCognito) -> None:
        """Measured once, against the documentation."""
        populated(cognito, behavior=Behavior(silent_invitation_needs_password=True))
        with refused("InvalidParameterException", "User is required to have a password"):
            create(cognito.client(), MessageAction="SUPPRESS")

    def test_a_pool_without_passwords_confirms_at_once(self, boto: Any) -> None:
        """A silent invitation makes up a password, unless another first factor is allowed."""
        made = boto.create_user_pool(
            PoolName="passwordless",
            Policies={"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}},
        )["UserPool"]
        user = boto.admin_create_user(
            UserPoolId=made["Id"], Username="ada", MessageAction="SUPPRESS"
        )["User"]
        assert user["UserStatus"] == "CONFIRMED"

    def test_an_address_is_the_name_where_the_pool_says_so(self, cognito: LocalCognito) -> None:
        cognito.create_pool(POOL_ID, username_attributes=["email"])
        boto = cognito.client()
        made = create(boto, "ada@example.com")["User"]
        assert {"Name": "email", "Value": "ada@example.com"} in made["Attributes"]
        assert {"Name": "sub", "Value": made["Username"]} in made["Attributes"]
        with refused("UsernameExistsException"):
            create(boto, "ADA@example.com")
        with refused("InvalidParameterException", "Username should be an email."):
            create(boto, "ada")

    def test_an_address_as_username_is_the_only_one(self, cognito: LocalCognito) -> None:
        pool = cognito.create_pool(POOL_ID, username_attributes=["email", "phone_number"])
        pool.create_client(CLIENT_ID)
        boto: Any = cognito.client()
        given = attributes(email="bob@example.com", phone_number="+15550100")
        text = "User email should be empty or same as username, since username attribute is email"
        with refused("InvalidParameterException", text):
            create(boto, "ada@example.com", UserAttributes=given)
        with refused("InvalidParameterException", text):
            boto.sign_up(
                ClientId=CLIENT_ID,
                Username="ada@example.com",
                Password=PASSWORD,
                UserAttributes=given,
            )
        assert pool.state.users == {}
        create(boto, "Bob@example.com", UserAttributes=given)
        assert pool.user("+15550100") is pool.user("bob@example.com")

    @pytest.mark.parametrize(
        ("name", "kind"), [("ada@example.com", "email"), ("+15550100", "phone number")]
    )
    def test_a_username_does_not_look_like_an_alias(
        self, cognito: LocalCognito, name: str, kind: str
    ) -> None:
        pool = cognito.create_pool(POOL_ID, alias_attributes=["email", "phone_number"])
        pool.create_client(CLIENT_ID)
        boto: Any = cognito.client()
        text = (
            f"Username cannot be of {kind} format, since user pool is configured for {kind} alias."
        )
        with refused("InvalidParameterException", text):
            create(boto, name)
        with refused("InvalidParameterException", text):
            boto.sign_up(ClientId=CLIENT_ID, Username=name, Password=PASSWORD)
        assert pool.state.users == {}

    def test_an_alias_is_taken_once_unless_forced(self, cognito: LocalCognito) -> None:
        pool = cognito.create_pool(POOL_ID, alias_attributes=["email"])
        pool.create_client(CLIENT_ID)
        boto: Any = cognito.client()
        address = attributes(email="ada@example.com", email_verified="true")
        create(boto, "ada", UserAttributes=address, TemporaryPassword=PASSWORD)
        with refused("AliasExistsException"):
            boto.admin_update_user_attributes(
                UserPoolId=POOL_ID,
                Username=create(boto, "bob")["User"]["Username"],
                UserAttributes=address,
            )
        create(boto, "cyd", UserAttributes=address, ForceAliasCreation=True)
        assert pool.user("ada@example.com").username == "cyd"


class TestChanging:
    """AdminSetUserPassword, AdminUpdateUserAttributes and the switches."""

    def test_a_permanent_password_confirms(self, caller: Caller, pool: LocalPool) -> None:
        create(caller.boto)
        caller.boto.admin_set_user_password(
            UserPoolId=POOL_ID, Username="invited", Password=PASSWORD, Permanent=True
        )
        assert caller.password("invited")["ChallengeName"] == "MFA_SETUP"

    def test_another_password_must_be_changed(self, caller: Caller, pool: LocalPool) -> None:
        caller.boto.admin_set_user_password(
            UserPoolId=POOL_ID, Username="regular", Password="Another-Horse-8"
        )
        answer = caller.password("regular", "Another-Horse-8")
        assert answer["ChallengeName"] == "NEW_PASSWORD_REQUIRED"

    def test_the_policy_holds(self, boto: Any, pool: LocalPool) -> None:
        with refused("InvalidPasswordException"):
            boto.admin_set_user_password(
                UserPoolId=POOL_ID, Username="regular", Password="short", Permanent=True
            )

    def test_attributes_change_and_go(
        self, cognito: LocalCognito, boto: Any, pool: LocalPool
    ) -> None:
        cognito.clock.advance(60)
        boto.admin_update_user_attributes(
            UserPoolId=POOL_ID, Username="regular", UserAttributes=attributes(name="Ada", email="")
        )
        shown = boto.admin_get_user(UserPoolId=POOL_ID, Username="regular")
        names = [pair["Name"] for pair in shown["UserAttributes"]]
        assert names == ["name", "sub"]
        assert shown["UserLastModifiedDate"].timestamp() == START + 60

    def test_a_new_address_is_not_verified(self, boto: Any, pool: LocalPool) -> None:
        pool.user("regular").attributes["email_verified"] = "true"
        boto.admin_update_user_attributes(
            UserPoolId=POOL_ID, Username="regular", UserAttributes=attributes(email="b@example.com")
        )
        assert pool.user("regular").attributes["email_verified"] == "false"

    def test_a_sub_never_changes(self, boto: Any, pool: LocalPool) -> None:
        with refused("InvalidParameterException"):
            boto.admin_update_user_attributes(
                UserPoolId=POOL_ID, Username="regular", UserAttributes=attributes(sub="another")
            )

    def test_disabled_and_enabled(self, caller: Caller, pool: LocalPool) -> None:
        who = {"UserPoolId": POOL_ID, "Username": "newcomer"}
        assert members(caller.boto.admin_disable_user(**who)) == {}
        assert caller.boto.admin_get_user(**who)["Enabled"] is False
        with refused("NotAuthorizedException", "User is disabled."):
            caller.password()
        assert members(caller.boto.admin_enable_user(**who)) == {}
        assert caller.password()["ChallengeName"] == "MFA_SETUP"

    def test_deleted_and_created_again_is_another_user(self, boto: Any, pool: LocalPool) -> None:
        sub = pool.user("regular").sub
        boto.admin_delete_user(UserPoolId=POOL_ID, Username="regular")
        with refused("UserNotFoundException"):
            boto.admin_delete_user(UserPoolId=POOL_ID, Username="regular")
        create(boto, "regular")
        assert pool.user("regular").sub != sub
        assert pool.user("regular").software_token is None
        with pytest.raises(LookupError):
            pool.user(sub)

    def test_an_alias_is_free_again(self, cognito: LocalCognito) -> None:
        pool = cognito.create_pool(POOL_ID, username_attributes=["email"])
        boto: Any = cognito.client()
        who = {"UserPoolId": POOL_ID, "Username": "ada@example.com"}
        create(boto, "ada@example.com")
        boto.admin_update_user_attributes(**who, UserAttributes=attributes(email="ada@example.org"))
        with refused("UserNotFoundException"):
            boto.admin_get_user(**who)
        create(boto, "ada@example.com")
        boto.admin_delete_user(**who)
        create(boto, "ada@example.com")
        assert len(pool.state.users) == 2


class TestListUsers:
    """See "What an operation returns" in docs/cognito-behavior.md."""

    def test_it_shows_nothing_of_mfa(self, either_boto: Any, pool: LocalPool) -> None:
        listed = either_boto.list_users(UserPoolId=POOL_ID)["Users"]
        assert [user["Username"] for user in listed] == ["newcomer", "regular"]
        for user in listed:
            assert set(user) == {
                "Attributes",
                "Enabled",
                "UserCreateDate",
                "UserLastModifiedDate",
                "UserStatus",
                "Username",
            }

    def test_a_page_has_sixty_at_most(self, either_boto: Any, pool: LocalPool) -> None:
        for number in range(130):
            pool.create_user(f"user{number:03}")
        names: list[str] = []
        sizes: list[int] = []
        token: dict[str, str] = {}
        while True:
            page = either_boto.list_users(UserPoolId=POOL_ID, **token)
            names += [user["Username"] for user in page["Users"]]
            sizes.append(len(page["Users"]))
            if "PaginationToken" not in page:
                break
            token = {"PaginationToken": page["PaginationToken"]}
        assert sizes == [60, 60, 12]
        assert len(set(names)) == 132

    def test_boto3_pages_through(self, boto: Any, pool: LocalPool) -> None:
        pages = boto.get_paginator("list_users").paginate(
            UserPoolId=POOL_ID, PaginationConfig={"PageSize": 1}
        )
        assert [len(page["Users"]) for page in pages] == [1, 1]

    def test_pages_survive_a_deletion_between_them(self, boto: Any, pool: LocalPool) -> None:
        pool.create_user("third")
        first = boto.list_users(UserPoolId=POOL_ID, Limit=1)
        boto.admin_delete_user(UserPoolId=POOL_ID, Username="newcomer")
        token = first["PaginationToken"]
        rest = boto.list_users(UserPoolId=POOL_ID, PaginationToken=token)
        assert [user["Username"] for user in rest["Users"]] == ["regular", "third"]

    def test_a_token_must_be_ours(self, boto: Any, pool: LocalPool) -> None:
        with refused("InvalidParameterException"):
            boto.list_users(UserPoolId=POOL_ID, PaginationToken="mine")

    def test_more_than_sixty_is_refused(self, boto: Any, pool: LocalPool) -> None:
        with refused("InvalidParameterException"):
            boto.list_users(UserPoolId=POOL_ID, Limit=61)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", ["newcomer", "regular", "Zed"]),
            ('username = "regular"', ["regular"]),
            ('username = "Regular"', []),
            ('username ^= "n"', ["newcomer"]),
            ('email = "regular@example.com"', ["regular"]),
            ('"email" ^= "new"', ["newcomer"]),
            ('name = "Zed \\"Z\\" Zone"', ["Zed"]),
            ('cognito:user_status = "confirmed"', ["newcomer", "regular"]),
            ('cognito:user_status = "UNCONFIRMED"', ["Zed"]),
            ('status = "Enabled"', ["newcomer", "regular"]),
            ('status = "Disabled"', ["Zed"]),
            ('phone_number ^= "+1"', []),
        ],
    )
    def test_a_filter(self, boto: Any, pool: LocalPool, text: str, expected: list[str]) -> None:
        pool.create_user(
            "Zed", status="UNCONFIRMED", enabled=False, attributes={"name": 'Zed "Z" Zone'}
        )
        listed = boto.list_users(UserPoolId=POOL_ID, Filter=text)["Users"]
        assert [user["Username"] for user in listed] == expected

    def test_a_sub_can_be_searched_for(self, boto: Any, pool: LocalPool) -> None:
        text = f'sub = "{pool.user("regular").sub}"'
        listed = boto.list_users(UserPoolId=POOL_ID, Filter=text)["Users"]
        assert [user["Username"] for user in listed] == ["regular"]

    @pytest.mark.parametrize("text", ["email", 'email ~ "x"', "email = x", 'custom:a = "x"'])
    def test_a_filter_that_makes_no_sense(self, boto: Any, pool: LocalPool, text: str) -> None:
        with refused("InvalidParameterException"):
            boto.list_users(UserPoolId=POOL_ID, Filter=text)

    def test_attributes_may_be_chosen(self, boto: Any, pool: LocalPool) -> None:
        listed = boto.list_users(UserPoolId=POOL_ID, AttributesToGet=["email"])["Users"]
        assert [user["Attributes"] for user in listed] == [
            attributes(email="newcomer@example.com"),
            attributes(email="regular@example.com"),
        ]

    def test_an_attribute_that_the_pool_lacks_is_not_chosen(
        self, boto: Any, pool: LocalPool
    ) -> None:
        text = "One or more requested attributes do not exist."
        with refused("InvalidParameterException", text):
            boto.list_users(UserPoolId=POOL_ID, AttributesToGet=["email", "custom:none"])

    def test_no_attribute_is_no_empty_list(self, boto: Any, pool: LocalPool) -> None:
        listed = boto.list_users(UserPoolId=POOL_ID, AttributesToGet=["name"])["Users"]
        assert all("Attributes" not in user for user in listed)
