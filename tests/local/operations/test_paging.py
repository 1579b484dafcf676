"""The tokens of pages, in every operation that has any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cognito_mfa.local import operations
from cognito_mfa.local.operations.paging import page_token
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire import service_model
from tests.local.caller import CLIENT_ID, POOL_ID, Caller, access_token, refused

TOKENS = ("NextToken", "PaginationToken")


def with_pages() -> Iterator[tuple[str, str]]:
    """The operations that go on with a token, and what they call it."""
    for operation in sorted(operations.ALL):
        if not service_model.describes(operation):
            continue
        for name in TOKENS:
            if name in service_model.input_shape(operation)["members"]:
                yield operation, name


@pytest.mark.parametrize("made_up", ["mine", "Mg==", "MS4=", page_token(1, "ListOfAnother")])
@pytest.mark.parametrize(("operation", "name"), list(with_pages()))
def test_a_token_of_no_list_is_refused(
    boto: Any, optional_pool: LocalPool, caller: Caller, operation: str, name: str, made_up: str
) -> None:
    optional_pool.state.settings |= {
        "UserPoolTier": "PLUS",
        "UserPoolAddOns": {"AdvancedSecurityMode": "AUDIT"},
    }
    optional_pool.state.tracks_sessions = True
    boto.create_group(UserPoolId=POOL_ID, GroupName="staff")
    shape = service_model.input_shape(operation)
    values = {
        "AccessToken": access_token(caller.password()),
        "ClientId": CLIENT_ID,
        "GroupName": "staff",
        "MaxResults": 1,
        "UserPoolId": POOL_ID,
        "Username": "newcomer",
    }
    request = {one: values[one] for one in shape.get("required", ())}
    method = getattr(boto, _method(boto, operation))
    with refused("InvalidParameterException"):
        method(**request, **{name: made_up})


def _method(boto: Any, operation: str) -> str:
    names: dict[str, str] = boto.meta.method_to_api_mapping
    return next(python for python, wire in names.items() if wire == operation)


def test_the_token_of_another_list_is_refused(boto: Any, optional_pool: LocalPool) -> None:
    for name in ("first", "second"):
        boto.create_group(UserPoolId=POOL_ID, GroupName=name)
    users = boto.list_users(UserPoolId=POOL_ID, Limit=1)["PaginationToken"]
    groups = boto.list_groups(UserPoolId=POOL_ID, Limit=1)["NextToken"]
    with refused("InvalidParameterException", "Invalid pagination token provided"):
        boto.list_users(UserPoolId=POOL_ID, PaginationToken=groups)
    with refused("InvalidParameterException", "Invalid pagination token provided"):
        boto.list_groups(UserPoolId=POOL_ID, NextToken=users)
    (second,) = boto.list_groups(UserPoolId=POOL_ID, NextToken=groups)["Groups"]
    assert second["GroupName"] == "second"
