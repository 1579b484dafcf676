"""Every member of every input is decided: implemented, described only, or refused by its name.

The table is in ``operations.members``. A newer botocore with new members fails here, instead of
having them ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import botocore  # noqa: TID253
import pytest
from botocore.config import Config  # noqa: TID253
from botocore.session import get_session  # noqa: TID253
from packaging.version import Version

from cognito_mfa.local import LocalCognito, operations, selection
from cognito_mfa.local.errors import CognitoError
from cognito_mfa.local.operations import members
from cognito_mfa.local.operations.members import Names
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire import service_model
from tests.local.caller import CLIENT_ID, POOL_ID, refused
from tests.local.raw import post

PAGE = Path(__file__).parents[2] / "docs" / "local-cognito-fidelity.md"
IMPLEMENTED, DESCRIBED, REFUSED = "implemented", "described", "refused"
#: The table was written for this botocore; an older one does not know all that it names.
NEWEST = Version("1.44.8")
HAS_ALL = Version(botocore.__version__) >= NEWEST
KNOWN = frozenset(operations.ALL) & (service_model.operations() | service_model.SAME_INPUT.keys())


class Place(NamedTuple):
    """A member, a key of a map, or a value of an enum."""

    path: tuple[str, ...]
    """The steps to it; a value begins with "="."""
    shape: str
    table: str
    """What of the table decides it."""
    names: Names
    name: str

    @property
    def decisions(self) -> list[str]:
        kinds = (IMPLEMENTED, DESCRIBED, REFUSED)
        return [kind for kind in kinds if self.name in getattr(self.names, kind).split()]

    def __str__(self) -> str:
        return ".".join(self.path).replace(".=", "=")


def places(operation: str) -> Iterator[Place]:
    """Everything that the input of an operation can have, as deep as it is looked at."""
    own = members.OPERATIONS[operation]
    names = Names(
        *(
            f"{getattr(own, kind)} {getattr(members.EVERYWHERE, kind)}"
            for kind in (IMPLEMENTED, DESCRIBED, REFUSED)
        )
    )
    yield from _members(service_model.input_shape(operation), names, (), f"OPERATIONS {operation}")


def _members(
    shape: Mapping[str, Any], names: Names, path: tuple[str, ...], table: str
) -> Iterator[Place]:
    for name, reference in shape["members"].items():
        place = Place((*path, name), reference["shape"], table, names, name)
        yield place
        if IMPLEMENTED in place.decisions:
            yield from _inside(reference["shape"], place.path)


def _inside(name: str, path: tuple[str, ...]) -> Iterator[Place]:
    shape = service_model.shape(name)
    if shape["type"] == "structure":
        names = members.STRUCTURES.get(name, Names())
        yield from _members(shape, names, path, f"STRUCTURES {name}")
    elif shape["type"] == "list":
        yield from _inside(shape["member"]["shape"], path)
    elif shape["type"] == "map" and name in members.MAPS:
        names = members.MAPS[name]
        for key in documented_keys(name):
            yield Place((*path, key), "", f"MAPS {name}", names, key)
    elif "enum" in shape:
        names = members.VALUES.get(name, Names())
        for value in shape["enum"]:
            yield Place((*path, f"={value}"), name, f"VALUES {name}", names, value)


#: How AWS's documentation writes the keys of each map.
KEYS = {
    "AuthParametersType": (
        "InitiateAuth",
        "AuthParameters",
        r"(?<=<code>)[A-Z][A-Z_]+(?=</code>)",
    ),
    "ChallengeResponsesType": (
        "RespondToAuthChallenge",
        "ChallengeResponses",
        r'\b[A-Z][A-Z_]+(?=": ?["\[])|\bSECRET_HASH\b',
    ),
}


#: What the developer guide and the SDKs say, and the model does not.
BESIDES = {"AuthParametersType": ["CHALLENGE_NAME"]}


@cache
def documented_keys(shape: str) -> frozenset[str]:
    operation, member, written = KEYS[shape]
    model: Any = get_session().get_service_model("cognito-idp").operation_model(operation)
    text = model.input_shape.members[member].documentation
    # REFRESH_TOKEN is a flow and a key.
    flows = {*service_model.shape("AuthFlowType")["enum"]} - {"REFRESH_TOKEN"}
    found = {*re.findall(written, text), *BESIDES.get(shape, ())}
    return frozenset(found - flows - {"SESSION"})


@cache
def everywhere(kind: str) -> dict[str, tuple[str, Place]]:
    """The places of one kind: by its path, an operation that has it."""
    found = {}
    for operation in sorted(KNOWN):
        for place in places(operation):
            if place.decisions == [kind]:
                found[str(place)] = (operation, place)
            for one in getattr(place.names, kind).split():
                if one.startswith(f"{place.name}="):
                    path = (*place.path, "=" + one.partition("=")[2])
                    found[f"{place}={path[-1][1:]}"] = (operation, place._replace(path=path))
    return found


def request_with(operation: str, path: tuple[str, ...], leaf: Any) -> Any:
    """A request that has this at a path, and nothing else."""
    steps = [step for step in path if not step.startswith("=")]
    return _nested(service_model.input_shape(operation), steps, leaf)


def _nested(shape: Mapping[str, Any], steps: list[str], leaf: Any) -> Any:
    if shape["type"] == "list" and (steps or not selection.is_off(leaf)):
        return [_nested(service_model.shape(shape["member"]["shape"]), steps, leaf)]
    if not steps:
        return leaf
    step, *rest = steps
    if shape["type"] == "map":
        return {step: leaf}
    return {step: _nested(service_model.shape(shape["members"][step]["shape"]), rest, leaf)}


def test_every_operation_is_in_the_table() -> None:
    assert members.OPERATIONS.keys() == operations.ALL.keys()


def test_every_member_and_every_value_is_decided() -> None:
    """To decide: put the name into one list of operations/members.py."""
    undecided = {
        f"{place.name} in {place.table}"
        for operation in KNOWN
        for place in places(operation)
        if len(place.decisions) != 1
    }
    assert undecided == set()


@pytest.mark.skipif(not HAS_ALL, reason="this botocore is older than the table")
def test_the_table_names_nothing_that_is_not_there() -> None:
    there = {
        **{("OPERATIONS", name): service_model.input_shape(name)["members"] for name in KNOWN},
        **{
            ("STRUCTURES", name): service_model.shape(name)["members"]
            for name in members.STRUCTURES
        },
        **{("MAPS", name): documented_keys(name) for name in members.MAPS},
        **{("VALUES", name): service_model.shape(name)["enum"] for name in members.VALUES},
    }
    for (table, key), existing in there.items():
        names = getattr(members, table)[key]
        listed = f"{names.implemented} {names.described} {names.refused}".split()
        assert {one.partition("=")[0] for one in listed} - set(existing) == set(), key


def test_each_refusal_names_what_is_not_supported() -> None:
    for path, (operation, place) in everywhere(REFUSED).items():
        leaf = {"False": False}.get(path.partition("=")[2], path.partition("=")[2] or {"a": "b"})
        with pytest.raises(CognitoError) as caught:
            selection.select(operation, request_with(operation, place.path, leaf))
        text = f"The local Cognito does not support {path} in {operation}."
        assert caught.value.message == text


def test_each_refusal_is_declared(cognito_model: Any) -> None:
    for operation in KNOWN & set(cognito_model.operation_names):
        shapes = cognito_model.operation_model(operation).error_shapes
        declared = {shape.name for shape in shapes}
        assert "InvalidParameterException" in declared
        unsupported = "UnsupportedOperationException" in declared
        assert unsupported is (operation in members.DECLARE_UNSUPPORTED), operation


@pytest.mark.parametrize(
    "off", [{}, [], "", False, {"Enabled": False}, {"EnableStatus": "Disabled", "Scopes": []}]
)
def test_what_is_turned_off_may_be_named(off: Any) -> None:
    """Infrastructure tools always send it."""
    for operation, place in everywhere(REFUSED).values():
        if not place.path[-1].startswith("="):
            given = request_with(operation, place.path, off)
            assert selection.select(operation, given) == given


def test_what_is_not_in_the_model_is_dropped(cognito: LocalCognito) -> None:
    """As AWS JSON does; no answer repeats it."""
    given = {
        "PoolName": "mine",
        "EnabledMfas": ["SOFTWARE_TOKEN_MFA"],
        "SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms", "New": 1},
    }
    with cognito.serve() as server:
        made = post(server.url, "CreateUserPool", given, signed=True).json()["UserPool"]
        asked = {"UserPoolId": made["Id"]}
        shown = post(server.url, "DescribeUserPool", asked, signed=True).json()["UserPool"]
    for pool in (made, shown):
        assert "EnabledMfas" not in pool
        assert "New" not in pool["SmsConfiguration"]


def with_strangers(shape: Mapping[str, Any]) -> Any:
    """A value with all members of its shape, and one that is none in each structure."""
    if shape["type"] == "structure" and not shape.get("document"):
        known = shape["members"].items()
        inside = {name: with_strangers(service_model.shape(one["shape"])) for name, one in known}
        return {**inside, "Stranger": 1}
    if shape["type"] == "list":
        return [with_strangers(service_model.shape(shape["member"]["shape"]))]
    return {} if shape["type"] == "map" else ""


@pytest.mark.parametrize("operation", sorted(KNOWN))
def test_it_is_dropped_at_any_depth(operation: str) -> None:
    """In what is described only as well: otherwise an answer would break the model."""
    members_of_input = service_model.input_shape(operation)["members"].items()
    given = {
        name: with_strangers(service_model.shape(one["shape"])) for name, one in members_of_input
    }
    for name, value in given.items():
        try:
            selected = selection.select(operation, {name: value, "Stranger": 1})
        except CognitoError:
            continue  # the member itself is refused
        assert "Stranger" not in repr(selected)


def test_a_refusal_changes_nothing(cognito: LocalCognito, pool: LocalPool) -> None:
    boto: Any = cognito.client(config=Config(parameter_validation=False))
    before = boto.describe_user_pool(UserPoolId=POOL_ID)["UserPool"]
    text = "The local Cognito does not support LambdaConfig.KMSKeyID in UpdateUserPool."
    with refused("InvalidParameterException", text):
        boto.update_user_pool(
            UserPoolId=POOL_ID,
            LambdaConfig={"KMSKeyID": "arn:aws:kms:us-east-1:123456789012:key/one"},
        )
    assert boto.describe_user_pool(UserPoolId=POOL_ID)["UserPool"] == before


def test_a_null_is_a_key_that_was_not_sent(cognito: LocalCognito, pool: LocalPool) -> None:
    """In maps and structures, at any depth; a needed key with null is missing."""
    values = {"USERNAME": "newcomer", "PASSWORD": None}
    asked = {"ClientId": CLIENT_ID, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": values}
    nested = {"PoolName": "mine", "Policies": {"PasswordPolicy": None}, "UserPoolTags": {"a": None}}
    with cognito.serve() as server:
        refusal = post(server.url, "InitiateAuth", asked).json()
        made = post(server.url, "CreateUserPool", nested, signed=True)
    assert refusal["message"] == "Missing required parameter PASSWORD"
    assert made.status == 200


def _on_page(heading: str) -> set[str]:
    section = PAGE.read_text().partition(f"\n### {heading}\n")[2]
    section = re.split(r"\n##", section)[0]
    return set(re.findall(r"`([^`]+)`", section))


@pytest.mark.skipif(not HAS_ALL, reason="this botocore is older than the page")
def test_the_page_names_everything_that_is_refused() -> None:
    assert _on_page("Refused members and values") == set(everywhere(REFUSED))


@pytest.mark.skipif(not HAS_ALL, reason="this botocore is older than the page")
def test_the_page_names_everything_that_has_no_effect() -> None:
    assert _on_page("Members without effect") == set(everywhere(DESCRIBED))
