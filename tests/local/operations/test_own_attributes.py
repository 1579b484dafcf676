"""UpdateUserAttributes, GetUserAttributeVerificationCode, VerifyUserAttribute, DeleteUserAttributes,
AdminDeleteUserAttributes and DeleteUser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, POOL_ID, Caller, access_token, members, refused

NEW = {"Name": "email", "Value": "new@example.com"}


@pytest.fixture
def token(caller: Caller, optional_pool: LocalPool) -> str:
    return access_token(caller.password())


def update(boto: Any, token: str, *attributes: dict[str, str]) -> Any:
    return members(boto.update_user_attributes(AccessToken=token, UserAttributes=list(attributes)))


def verify(boto: Any, token: str, code: str, name: str = "email") -> Any:
    return members(boto.verify_user_attribute(AccessToken=token, AttributeName=name, Code=code))


def test_a_new_address_is_proven_by_a_code(
    cognito: LocalCognito, boto: Any, optional_pool: LocalPool, token: str
) -> None:
    user = optional_pool.user("newcomer")
    user.attributes["email_verified"] = "true"
    (details,) = update(boto, token, NEW)["CodeDeliveryDetailsList"]
    assert details["Destination"] == "n***@e***"
    assert user.attributes["email_verified"] == "false"
    assert verify(boto, token, cognito.outbox[-1].code) == {}
    assert user.attributes["email_verified"] == "true"
    with refused("ExpiredCodeException"):
        verify(boto, token, cognito.outbox[-1].code)


def test_a_client_writes_what_it_may(boto: Any, optional_pool: LocalPool, token: str) -> None:
    """WriteAttributes of the app client; without any, all standard attributes."""
    optional_pool.state.clients[CLIENT_ID].settings["WriteAttributes"] = ["name"]
    text = "A client attempted to write unauthorized attribute"
    with refused("NotAuthorizedException", text):
        update(boto, token, NEW)
    with refused("NotAuthorizedException", text):
        boto.delete_user_attributes(AccessToken=token, UserAttributeNames=["email"])
    assert optional_pool.user("newcomer").attributes["email"] == "newcomer@example.com"
    assert update(boto, token, {"Name": "name", "Value": "Somebody"}) == {}


def test_other_attributes_need_no_proof(
    cognito: LocalCognito, boto: Any, optional_pool: LocalPool, token: str
) -> None:
    same = {"Name": "email", "Value": "newcomer@example.com"}
    assert update(boto, token, {"Name": "name", "Value": "Somebody"}, same) == {}
    assert cognito.outbox == []
    assert optional_pool.user("newcomer").attributes["name"] == "Somebody"


def test_no_one_verifies_themselves(boto: Any, token: str) -> None:
    with refused("NotAuthorizedException"):
        update(boto, token, {"Name": "email_verified", "Value": "true"})


def test_a_code_can_be_asked_for(cognito: LocalCognito, boto: Any, token: str) -> None:
    answer = boto.get_user_attribute_verification_code(AccessToken=token, AttributeName="email")
    assert answer["CodeDeliveryDetails"]["AttributeName"] == "email"
    code = cognito.outbox[-1].code
    with refused("CodeMismatchException"):
        verify(boto, token, f"{(int(code) + 1) % 10**6:06}")
    assert verify(boto, token, code) == {}


@pytest.mark.parametrize("name", ["phone_number", "name"])
def test_only_for_an_address_that_is_there(boto: Any, token: str, name: str) -> None:
    with refused("InvalidParameterException"):
        boto.get_user_attribute_verification_code(AccessToken=token, AttributeName=name)
    with refused("InvalidParameterException"):
        verify(boto, token, "123456", name)


def test_attributes_can_be_taken_away(boto: Any, optional_pool: LocalPool, token: str) -> None:
    optional_pool.user("newcomer").attributes["name"] = "Somebody"
    boto.delete_user_attributes(AccessToken=token, UserAttributeNames=["name"])
    assert "name" not in optional_pool.user("newcomer").attributes
    boto.admin_delete_user_attributes(
        UserPoolId=POOL_ID, Username="newcomer", UserAttributeNames=["email"]
    )
    assert "email" not in optional_pool.user("newcomer").attributes


def test_a_user_leaves(boto: Any, optional_pool: LocalPool, token: str) -> None:
    assert members(boto.delete_user(AccessToken=token)) == {}
    with pytest.raises(LookupError):
        optional_pool.user("newcomer")
    with refused("UserNotFoundException"):
        boto.get_user(AccessToken=token)


class TestProofBeforeAnUpdate:
    """AttributesRequireVerificationBeforeUpdate: the old address stays until the new one is proven."""

    @pytest.fixture(autouse=True)
    def proven_first(self, optional_pool: LocalPool) -> None:
        optional_pool.state.settings["UserAttributeUpdateSettings"] = {
            "AttributesRequireVerificationBeforeUpdate": ["email"]
        }
        optional_pool.user("newcomer").attributes["email_verified"] = "true"

    @pytest.fixture
    def attributes(self, optional_pool: LocalPool) -> Callable[[], dict[str, str]]:
        return lambda: {
            name: optional_pool.user("newcomer").attributes[name]
            for name in ("email", "email_verified")
        }

    def admin_update(self, boto: Any, **attributes: str) -> None:
        pairs = [{"Name": name, "Value": value} for name, value in attributes.items()]
        boto.admin_update_user_attributes(
            UserPoolId=POOL_ID, Username="newcomer", UserAttributes=pairs
        )

    def test_the_old_address_stays_until_the_new_one_is_proven(
        self, cognito: LocalCognito, boto: Any, token: str, attributes: Any
    ) -> None:
        (details,) = update(boto, token, NEW)["CodeDeliveryDetailsList"]
        assert details["Destination"] == "n***@e***"
        assert cognito.outbox[-1].destination == "new@example.com"
        assert attributes() == {"email": "newcomer@example.com", "email_verified": "true"}
        verify(boto, token, cognito.outbox[-1].code)
        assert attributes() == {"email": "new@example.com", "email_verified": "true"}

    def test_other_changes_of_the_request_are_made_at_once(
        self, boto: Any, optional_pool: LocalPool, token: str
    ) -> None:
        update(boto, token, NEW, {"Name": "name", "Value": "Somebody"})
        assert optional_pool.user("newcomer").attributes["name"] == "Somebody"

    def test_a_code_can_be_sent_again_to_the_new_address(
        self, cognito: LocalCognito, boto: Any, token: str, attributes: Any
    ) -> None:
        update(boto, token, NEW)
        boto.get_user_attribute_verification_code(AccessToken=token, AttributeName="email")
        assert cognito.outbox[-1].destination == "new@example.com"
        verify(boto, token, cognito.outbox[-1].code)
        assert attributes()["email"] == "new@example.com"

    def test_an_administrator_waits_for_the_proof_too(
        self, cognito: LocalCognito, boto: Any, token: str, attributes: Any
    ) -> None:
        self.admin_update(boto, email="new@example.com")
        assert attributes() == {"email": "newcomer@example.com", "email_verified": "true"}
        verify(boto, token, cognito.outbox[-1].code)
        assert attributes()["email"] == "new@example.com"

    @pytest.mark.parametrize("together", [True, False], ids=["at once", "afterwards"])
    def test_an_administrator_who_verifies_it_needs_no_code(
        self, cognito: LocalCognito, boto: Any, token: str, attributes: Any, together: bool
    ) -> None:
        if together:
            self.admin_update(boto, email="new@example.com", email_verified="true")
            assert cognito.outbox == []
        else:
            update(boto, token, NEW)
            self.admin_update(boto, email_verified="true")
            with refused("ExpiredCodeException"):
                verify(boto, token, cognito.outbox[-1].code)
        assert attributes() == {"email": "new@example.com", "email_verified": "true"}

    def test_a_newer_change_ends_the_older_one(
        self, cognito: LocalCognito, boto: Any, token: str, attributes: Any
    ) -> None:
        update(boto, token, NEW)
        update(boto, token, {"Name": "email", "Value": "newcomer@example.com"})
        with refused("ExpiredCodeException"):
            verify(boto, token, cognito.outbox[-1].code)
        assert attributes()["email"] == "newcomer@example.com"

    def test_the_new_value_is_checked_at_once(
        self, cognito: LocalCognito, boto: Any, token: str
    ) -> None:
        with refused("InvalidParameterException", "Invalid email address format."):
            update(boto, token, {"Name": "email", "Value": "nonsense"})
        assert cognito.outbox == []


def test_a_code_proves_only_the_address_that_it_was_sent_to(
    cognito: LocalCognito, boto: Any, optional_pool: LocalPool, token: str
) -> None:
    update(boto, token, NEW)
    pairs = [{"Name": "email", "Value": "other@example.com"}]
    boto.admin_update_user_attributes(UserPoolId=POOL_ID, Username="newcomer", UserAttributes=pairs)
    with refused("ExpiredCodeException"):
        verify(boto, token, cognito.outbox[-1].code)
    assert optional_pool.user("newcomer").attributes.get("email_verified") != "true"
