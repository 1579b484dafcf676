"""What libraries in a browser really send is accepted, with its nulls.

The requests were recorded (tests/clients/recorded/README.md). ``tests/clients`` runs the libraries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cognito_mfa.local import LocalCognito, operations, selection
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.protocol import TARGET_PREFIX
from cognito_mfa.local.wire import service_model, validation
from cognito_mfa.local.wire.messages import WireRequest
from tests.local.caller import CLIENT_ID, Caller

RECORDED = Path(__file__).parents[1] / "clients" / "recorded"
LIBRARIES = ["amazon-cognito-identity-js", "aws-amplify"]


def call(cognito: LocalCognito, operation: str, body: Mapping[str, Any]) -> dict[str, Any]:
    request = WireRequest(
        target=TARGET_PREFIX + operation, body=json.dumps(body).encode(), signed=True
    )
    answer: dict[str, Any] = json.loads(cognito.answer(request).body)
    return answer


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return value


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_a_library_sends_is_supported(library: str) -> None:
    """Nothing in it breaks a constraint of the model, and nothing in it is refused by its name."""
    calls = json.loads((RECORDED / f"{library}.json").read_text())
    assert len({one["operation"] for one in calls}) > 15
    for one in calls:
        parameters = without_nulls(one["body"])
        validation.validate(one["operation"], parameters)
        assert selection.select(one["operation"], parameters) == parameters


def test_a_null_device_key_refreshes(cognito: LocalCognito, optional_pool: LocalPool) -> None:
    """amazon-cognito-identity-js reads the key from the browser's storage, which answers null."""
    tokens = Caller(cognito.client()).password()["AuthenticationResult"]
    (recorded,) = [
        one["body"]
        for one in json.loads((RECORDED / f"{LIBRARIES[0]}.json").read_text())
        if one["operation"] == "InitiateAuth"
        and one["body"]["AuthFlow"] == "REFRESH_TOKEN_AUTH"
        and one["body"]["AuthParameters"]["DEVICE_KEY"] is None
    ]
    values = {**recorded["AuthParameters"], "REFRESH_TOKEN": tokens["RefreshToken"]}
    sent = {**recorded, "ClientId": CLIENT_ID, "AuthParameters": values}
    answer = call(cognito, "InitiateAuth", sent)
    assert answer["AuthenticationResult"]["AccessToken"]


def maps_of(operation: str) -> Iterator[tuple[str, ...]]:
    """The way to each map in the input of an operation, and to each structure that may be null."""
    yield from _maps(service_model.input_shape(operation), ())


def _maps(shape: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, reference in shape.get("members", {}).items():
        inside = service_model.shape(reference["shape"])
        if inside["type"] == "map":
            yield (*path, name)
        elif inside["type"] == "structure":
            yield from _maps(inside, (*path, name))


def test_a_null_in_any_map_is_a_key_that_was_not_sent(cognito: LocalCognito) -> None:
    """The answer is the one to a request with an empty map."""
    known = service_model.operations() & operations.ALL.keys()
    found = {(operation, path) for operation in known for path in maps_of(operation)}
    assert {name for _, path in found for name in path} >= {
        "AuthParameters", "ChallengeResponses", "ClientMetadata", "UserPoolTags", "Tags",
        "ProviderDetails", "AttributeMapping",
    }  # fmt: skip
    for operation, path in sorted(found):
        with_null, empty = (_nested(path, value) for value in ({"key": None}, {}))
        assert call(cognito, operation, with_null) == call(cognito, operation, empty)


def _nested(path: tuple[str, ...], value: Any) -> Any:
    for step in reversed(path):
        value = {step: value}
    return value


@pytest.mark.parametrize("key", ["USERNAME", "PASSWORD"])
def test_a_needed_key_that_is_null_is_missing(
    cognito: LocalCognito, optional_pool: LocalPool, key: str
) -> None:
    values = {"USERNAME": "newcomer", "PASSWORD": "x", key: None}
    sent = {"ClientId": CLIENT_ID, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": values}
    answer = call(cognito, "InitiateAuth", sent)
    assert answer["message"] == f"Missing required parameter {key}"


def test_a_null_in_a_list_is_refused(cognito: LocalCognito) -> None:
    """No source says what Cognito does."""
    answer = call(cognito, "CreateUserPool", {"PoolName": "p", "AutoVerifiedAttributes": [None]})
    assert answer["__type"] == "SerializationException"
