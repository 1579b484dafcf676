"""The referee: every answer of the local Cognito is held against botocore's service model, members,
types, bounds and enums, and every error against those that the operation declares."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from botocore.validate import ParamValidator  # noqa: TID253

#: Errors that AWS puts in front of every service, declared by none (facts section 10).
FROM_THE_FRONT = frozenset(
    {
        "MissingAuthenticationTokenException",
        "SerializationException",
        "UnknownOperationException",
    }
)
#: Facts section 1.4: declared is not complete.
UNDECLARED = frozenset({("VerifySoftwareToken", "ExpiredCodeException")})
#: The model's limit is for the names that one may choose; phone_number_verified has 21 characters.
LONGER_THAN_DECLARED = frozenset({"CustomAttributeNameType"})
#: Members that Cognito sends although they are empty.
MAY_BE_EMPTY = frozenset(
    {
        "ChallengeParameters",
        "Devices",
        "Groups",
        "LambdaConfig",
        "TokenValidityUnits",
        "UserPoolClients",
        "UserPools",
        "Users",
    }
)


class Referee:
    """A handler for botocore's after-call event."""

    def __init__(self) -> None:
        self.watching = False
        self.seen = 0

    def __call__(self, http_response: Any, parsed: Any, model: Any, **_: object) -> None:
        if not self.watching:
            return
        self.seen += 1
        headers = {name.lower(): value for name, value in http_response.headers.items()}
        body = json.loads(http_response.content)
        assert headers.get("x-amzn-requestid"), f"{model.name}: no request id"
        assert headers["content-length"] == str(len(http_response.content))
        if http_response.status_code == 200:
            problems = list(_problems(model.output_shape, body))
            assert not problems, f"{model.name} answered {problems}"
        else:
            _check_error(model, http_response.status_code, headers, body)


def _check_error(model: Any, status: int, headers: dict[str, str], body: dict[str, Any]) -> None:
    code = body["__type"]
    declared = {shape.name for shape in model.error_shapes} | FROM_THE_FRONT
    assert status == 400
    assert code in declared or (model.name, code) in UNDECLARED, f"{model.name} declares no {code}"
    assert headers["x-amzn-errortype"] == f"{code}:"
    assert set(body) == {"__type", "message"}


def _problems(shape: Any, value: Any) -> Iterator[str]:
    if shape is None:
        yield from ([] if value == {} else [f"members where there are none: {sorted(value)}"])
        return
    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        yield report.generate_report()
        return
    yield from _beyond_botocore(shape, value, shape.name)


def _beyond_botocore(shape: Any, value: Any, path: str) -> Iterator[str]:
    """What botocore's own validator leaves out: maxima, enums, and members that should not be."""
    limits = shape.metadata
    if shape.type_name == "string" and "enum" in limits and value not in limits["enum"]:
        yield f"{path}: {value!r} is not one of {limits['enum']}"
    if "max" in limits and _size(value) > limits["max"] and shape.name not in LONGER_THAN_DECLARED:
        yield f"{path}: more than {limits['max']}"
    if value in ("", [], {}) and path.rpartition(".")[2] not in MAY_BE_EMPTY and "." in path:
        yield f"{path}: empty, so it should be absent"
    for step, child, item in _children(shape, value):
        yield from _beyond_botocore(child, item, f"{path}.{step}")


def _size(value: Any) -> int:
    return value if isinstance(value, int) else len(value)


def _children(shape: Any, value: Any) -> Iterator[tuple[str, Any, Any]]:
    if shape.type_name == "structure":
        for name, item in value.items():
            yield name, shape.members[name], item
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield str(index), shape.member, item
    elif shape.type_name == "map":
        for name, item in value.items():
            yield name, shape.value, item
