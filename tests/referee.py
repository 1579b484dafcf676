"""The referee: every answer of the local Cognito is held against botocore's service model, members,
types, bounds and enums, and every error against those that the operation declares."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from botocore.model import ServiceModel  # noqa: TID253
from botocore.validate import ParamValidator  # noqa: TID253

from cognito_mfa.local.wire.client import boto3_session
from cognito_mfa.local.wire.messages import Answer

#: Errors that AWS puts in front of every service, and that no operation declares.
FROM_THE_FRONT = frozenset(
    {
        "MissingAuthenticationTokenException",
        "SerializationException",
        "UnknownOperationException",
    }
)
#: Errors that Cognito sends although the operation does not declare them.
UNDECLARED = frozenset(
    {
        ("VerifySoftwareToken", "ExpiredCodeException"),
        *(
            (operation, "TooManyRequestsException")
            for operation in ("SetUserMFAPreference", "AdminSetUserMFAPreference")
        ),
    }
)
#: Values of enums that older models do not have.
NEWER_VALUES = frozenset({("AuthFactorType", "SOFTWARE_TOKEN")})
#: The model's limits are for what one may declare: phone_number_verified has 21 characters, and 50
#: custom attributes stand beside the standard ones.
LONGER_THAN_DECLARED = frozenset({"CustomAttributeNameType", "SchemaAttributesListType"})
#: Members that Cognito sends although they are empty, or the shapes of values in a map.
MAY_BE_EMPTY = frozenset(
    {
        "AttributesRequireVerificationBeforeUpdate",
        "AuthEvents",
        "ChallengeParameters",
        "ClientSecrets",
        "Credentials",
        "Devices",
        "DomainDescription",
        "EmailMfaConfiguration",
        "Groups",
        "IdpIdentifiers",
        "LambdaConfig",
        "LogConfigurations",
        "NumberAttributeConstraints",
        "Providers",
        "ResourceServers",
        "Sessions",
        "StringAttributeConstraints",
        "TagValueType",
        "Tags",
        "TokenValidityUnits",
        "UICustomization",
        "UserPoolClients",
        "UserPoolTags",
        "UserPools",
        "Users",
    }
)
#: Structures that Cognito sends empty, although the model requires members of them.
HOLLOW = ("CustomDomainConfig",)


class Referee:
    """Judges what a local Cognito executed, before a fault can get at it. It only writes down what
    is wrong: an exception could be caught by the program under test."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.problems: list[str] = []
        self.seen = 0

    def __call__(self, operation: str, answer: Answer) -> None:
        if operation not in self._model.operation_names:
            return  # newer than this botocore
        self.seen += 1
        model = self._model.operation_model(operation)
        response = answer.response()
        headers = {name.lower(): value for name, value in response.headers.items()}
        body = json.loads(response.body)
        found = [*_head(headers, response.body)]
        if response.status == 200:
            found += _problems(model.output_shape, body)
        else:
            found += _error(model, response.status, headers, body)
        self.problems += [f"{operation}: {problem}" for problem in found]


def service_model() -> Any:
    """The installed botocore's."""
    session = boto3_session()._session
    return ServiceModel(session.get_service_data("cognito-idp"), "cognito-idp")


def _head(headers: dict[str, str], body: bytes) -> Iterator[str]:
    if not headers.get("x-amzn-requestid"):
        yield "there is no request id"
    if headers.get("content-length") != str(len(body)):
        yield "the length is wrong"


def _error(model: Any, status: int, headers: dict[str, str], body: dict[str, Any]) -> Iterator[str]:
    code = body["__type"]
    declared = {shape.name for shape in model.error_shapes} | FROM_THE_FRONT
    if status != 400:
        yield f"an error has status {status}"
    if code not in declared and (model.name, code) not in UNDECLARED:
        yield f"{code} is not declared"
    if headers.get("x-amzn-errortype") != f"{code}:":
        yield "the header says another error"
    if set(body) != {"__type", "message"}:
        yield f"an error has the members {sorted(body)}"


def _problems(shape: Any, value: Any) -> Iterator[str]:
    if shape is None:
        yield from ([] if value == {} else [f"members where there are none: {sorted(value)}"])
        return
    solid = _solid(value)
    report = ParamValidator().validate(solid, shape)
    if report.has_errors():
        yield report.generate_report()
        return
    yield from _beyond_botocore(shape, solid, shape.name)


def _solid(value: Any) -> Any:
    """A value without structures that may be hollow."""
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if k not in HOLLOW or v != {}}
        return {name: _solid(item) for name, item in kept.items()}
    return [_solid(item) for item in value] if isinstance(value, list) else value


def _beyond_botocore(shape: Any, value: Any, path: str) -> Iterator[str]:
    """What botocore's own validator leaves out: maxima, enums, and members that should not be."""
    limits = shape.metadata
    newer = (shape.name, value) in NEWER_VALUES if shape.type_name == "string" else False
    if "enum" in limits and value not in limits["enum"] and not newer:
        yield f"{path}: {value!r} is not one of {limits['enum']}"
    if "max" in limits and _size(value) > limits["max"] and shape.name not in LONGER_THAN_DECLARED:
        yield f"{path}: more than {limits['max']}"
    named = {path.rpartition(".")[2], shape.name}
    if value in ("", [], {}) and not named & MAY_BE_EMPTY and "." in path:
        yield f"{path}: empty, so it should be absent"
    for step, child, item in _children(shape, value):
        yield from _beyond_botocore(child, item, f"{path}.{step}")


def _size(value: Any) -> int:
    return value if isinstance(value, int) else len(value)


def _children(shape: Any, value: Any) -> Iterator[tuple[str, Any, Any]]:
    if getattr(shape, "is_document_type", False):  # any JSON, which the model does not describe
        return
    if shape.type_name == "structure":
        for name, item in value.items():
            yield name, shape.members[name], item
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield str(index), shape.member, item
    elif shape.type_name == "map":
        for name, item in value.items():
            yield name, shape.value, item
