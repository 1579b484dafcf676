"""Groups, as far as tokens carry them: "Claims" in docs/cognito-behavior.md."""

from __future__ import annotations

from typing import Any

import jwt  # noqa: TID253
import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import POOL_ID, Caller, members, refused
from tests.local.conftest import populated

POOL = {"UserPoolId": POOL_ID}
ROLE = "arn:aws:iam::123456789012:role/editors"


@pytest.fixture(autouse=True)
def plain(cognito: LocalCognito) -> LocalPool:
    return populated(cognito)


def create(boto: Any, name: str, **more: Any) -> Any:
    return boto.create_group(**POOL, GroupName=name, **more)["Group"]


def add(boto: Any, name: str, username: str = "newcomer") -> Any:
    return boto.admin_add_user_to_group(**POOL, Username=username, GroupName=name)


def names(answer: Any) -> list[str]:
    return [group["GroupName"] for group in answer["Groups"]]


def claims(boto: Any, kind: str) -> Any:
    result = Caller(boto).password()["AuthenticationResult"]
    return jwt.decode(result[kind], options={"verify_signature": False})


def test_a_group_is_described_as_it_was_made(either_boto: Any) -> None:
    made = create(either_boto, "editors", Description="Write", Precedence=3, RoleArn=ROLE)
    assert made["Description"] == "Write"
    assert (made["Precedence"], made["RoleArn"]) == (3, ROLE)
    assert either_boto.list_groups(**POOL)["Groups"] == [made]
    assert "Precedence" not in create(either_boto, "others")


def test_a_group_changes_in_part(boto: Any) -> None:
    create(boto, "editors", Description="Write", Precedence=3)
    changed = boto.update_group(**POOL, GroupName="editors", Precedence=1)["Group"]
    assert (changed["Description"], changed["Precedence"]) == ("Write", 1)
    assert boto.get_group(**POOL, GroupName="editors")["Group"] == changed


def test_an_empty_description_is_none(boto: Any) -> None:
    """So Terraform takes a description away."""
    assert "Description" not in create(boto, "viewers", Description="")
    create(boto, "editors", Description="Write")
    changed = boto.update_group(**POOL, GroupName="editors", Description="")["Group"]
    assert "Description" not in changed


def test_a_name_is_taken_once(boto: Any) -> None:
    create(boto, "editors")
    with refused("GroupExistsException", "A group with the name already exists."):
        create(boto, "editors")


@pytest.mark.parametrize("kind", ["IdToken", "AccessToken"])
def test_both_tokens_carry_the_groups(boto: Any, kind: str) -> None:
    """The most important first."""
    for name, precedence in (("others", None), ("editors", 5), ("owners", 0)):
        create(boto, name, **({} if precedence is None else {"Precedence": precedence}))
        add(boto, name)
    assert claims(boto, kind)["cognito:groups"] == ["owners", "editors", "others"]


def test_without_groups_there_is_no_claim(boto: Any) -> None:
    create(boto, "editors")
    assert "cognito:groups" not in claims(boto, "AccessToken")


def test_the_id_token_carries_the_roles(boto: Any) -> None:
    create(boto, "editors", RoleArn=ROLE)
    add(boto, "editors")
    said = claims(boto, "IdToken")
    assert (said["cognito:roles"], said["cognito:preferred_role"]) == ([ROLE], ROLE)
    assert "cognito:roles" not in claims(boto, "AccessToken")


def test_a_refresh_sees_what_changed(boto: Any) -> None:
    create(boto, "editors")
    token = Caller(boto).password()["AuthenticationResult"]["RefreshToken"]
    add(boto, "editors")
    refreshed = Caller(boto).refresh(token)["AuthenticationResult"]["AccessToken"]
    assert jwt.decode(refreshed, options={"verify_signature": False})["cognito:groups"] == [
        "editors"
    ]


def test_a_user_comes_and_goes(boto: Any) -> None:
    create(boto, "editors")
    assert members(add(boto, "editors")) == {}
    add(boto, "editors")
    who = {**POOL, "Username": "newcomer"}
    assert names(boto.admin_list_groups_for_user(**who)) == ["editors"]
    listed = boto.list_users_in_group(**POOL, GroupName="editors")["Users"]
    assert [user["Username"] for user in listed] == ["newcomer"]
    for _ in range(2):
        boto.admin_remove_user_from_group(**who, GroupName="editors")
    assert names(boto.admin_list_groups_for_user(**who)) == []
    assert boto.list_users_in_group(**POOL, GroupName="editors")["Users"] == []


def test_a_group_that_is_deleted_is_no_ones(boto: Any) -> None:
    create(boto, "editors")
    add(boto, "editors")
    boto.delete_group(**POOL, GroupName="editors")
    create(boto, "editors")
    assert names(boto.admin_list_groups_for_user(**POOL, Username="newcomer")) == []


def test_pages(boto: Any) -> None:
    for number in range(3):
        create(boto, f"group{number}")
    first = boto.list_groups(**POOL, Limit=2)
    second = boto.list_groups(**POOL, Limit=2, NextToken=first["NextToken"])
    assert names(first) + names(second) == ["group0", "group1", "group2"]
    assert "NextToken" not in second


@pytest.mark.parametrize(
    "call",
    [
        "admin_add_user_to_group",
        "admin_remove_user_from_group",
        "delete_group",
        "get_group",
        "update_group",
        "list_users_in_group",
    ],
)
def test_an_unknown_group_is_not_found(boto: Any, call: str) -> None:
    who = {"Username": "newcomer"} if call.startswith("admin") else {}
    with refused("ResourceNotFoundException", "Group not found."):
        getattr(boto, call)(**POOL, GroupName="nobody", **who)


def test_an_unknown_user_is_not_found(boto: Any) -> None:
    create(boto, "editors")
    with refused("UserNotFoundException"):
        add(boto, "editors", "nobody")
