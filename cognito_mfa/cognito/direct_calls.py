"""Sends the most frequent calls, of sign-ins and of a sync, without botocore's whole pipeline.

For each call a client of botocore works out the endpoint, emits some ten events, asks its settings again, and reads and
writes headers through several layers. A direct call takes less than half of its processor time, the thread that limits
its total time included (``benchmarks/README.md``). What decides is botocore's all the same: the credentials, the names and
keys in the signature, where calls go, and the parser. A test compares the requests of both ways header by header.

- **Only clients that nothing was added to.** A client of a site's factory, one with event handlers that botocore does not
  register by itself, and one whose methods were replaced, by a tracer perhaps, is used as it is. So is one of a newer
  botocore that has a handler or a part which is unknown here: that costs time, and is never wrong.
- **Only input that JSON writes as it is**: text, numbers, and whatever contains them. Serializing more is botocore's work.
- **Only one attempt.** What botocore would repeat is repeated by a client of botocore, which makes the other attempts.
  What consumes something is never repeated: after an answer that is none of Cognito's, such as that of a gateway which
  takes no other client than AWS's, further calls are made by botocore's client.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from types import FunctionType
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from cognito_mfa.cognito import clients, retry_budget
from cognito_mfa.cognito.direct_connections import PORTS, Connections
from cognito_mfa.cognito.errors import SERVICE_FAILURES, THROTTLED
from cognito_mfa.cognito.integrity import Unbelievable, refuse_unbelievable
from cognito_mfa.cognito.replies import Reply
from cognito_mfa.conf import get_conf

OPERATIONS = clients.CONSUMING | {"AdminGetUserAuthFactors", "AdminGetUser", "ListUsers"}
PAUSE = (0.0, 1.0)  # seconds before the second attempt, as in botocore's standard mode
ERRORS = 300  # HTTP statuses from here on
PASSING = frozenset(
    (*THROTTLED, *SERVICE_FAILURES, "429")
)  # errors that say nothing about the request
# Calls in a row that only botocore's client could make, after which it makes all of them.
RESCUES = 5
# How botocore's models say, by ``authtype`` and by ``auth``, whether an operation is signed.
SIGNED = ((None, None),)
UNSIGNED = (("none", None), ("none", ["smithy.api#noAuth"]))
# Input that JSON writes in one way only.
PLAIN = ("string", "boolean", "integer", "long")
# What may lead an operation to another endpoint, depending on its input.
OTHER_ENDPOINTS = (
    "static_context_parameters", "context_parameters", "operation_context_parameters", "endpoint",
)  # fmt: skip
# Where the methods that are gone around, and their decorators, are defined.
ORIGINS = (
    "botocore.client", "botocore.context", "botocore.endpoint", "botocore.httpsession", "urllib3.connectionpool",
)  # fmt: skip

EVENTS = (
    "provide-client-params", "before-parameter-build", "before-endpoint-resolution", "before-call", "request-created",
    "choose-signer", "before-sign", "before-send", "response-received", "needs-retry", "before-parse", "after-call",
    "after-call-error",
)  # fmt: skip
# What botocore's own handlers do is done here, or does not concern these operations.
HANDLERS = frozenset(
    {
        "botocore.handlers.generate_idempotent_uuid",
        "botocore.handlers._handle_request_validation_mode_member",
        "botocore.handlers.add_recursion_detection_header",  # only in AWS Lambda
        "botocore.handlers.inject_api_version_header_if_needed",
        "botocore.signers.RequestSigner.handler",
        "botocore.retries.standard.MaxAttemptsSeeder.seed_max_attempts",
        "botocore.useragent.UserAgentString.rebuild_and_replace_user_agent_handler",
        "botocore.handlers.add_retry_headers",
        "botocore.handlers.set_operation_specific_signer",
        "botocore.handlers._set_auth_scheme_preference_signer",
        "botocore.retries.standard.RetryHandler.needs_retry",
        "botocore.retries.standard.RetryQuotaChecker.release_retry_quota",
        f"{refuse_unbelievable.__module__}.{refuse_unbelievable.__qualname__}",
    }
)

Send = Callable[..., Reply]


def sender(client: Any, operation: str) -> Send:
    """Return the function that sends ``operation``: a direct call if equivalent, else the client's method.

    Args:
        client: of botocore, as ``clients.client_for`` returns it.
        operation: the API operation.
    """
    from botocore import xform_name

    if operation in OPERATIONS and _is_untouched(client):
        known = _directs.get(operation)
        if known is None or known[0] is not client:
            known = _directs[operation] = client, _direct(client, operation)
        if known[1] is not None and known[1].works:
            return known[1]
    send: Send = getattr(client, xform_name(operation))
    return send


_directs: dict[str, tuple[Any, DirectCall | None]] = {}


@dataclass(frozen=True, slots=True)
class DirectCall:
    """Sends one operation of a client.

    Attributes:
        operation: the API operation.
        attempts: at most; the second one and those after it are botocore's.
        headers: that are signed, and the same in each call.
        user_agent: as botocore has it.
        signing: the names of the service and of the Region in the signature.
        credentials: that sign it; botocore renews them. None where the operation is not signed.
        connections: to the endpoint.
        parse: reads an answer as botocore does.
        guard: refuses an answer that is not whole.
        final: errors that another attempt would end in, too.
        doubts: the errors of the last calls, which another client would perhaps not have got.
    """

    operation: str
    attempts: int
    headers: Mapping[str, str]
    user_agent: str
    signing: tuple[str, str]
    credentials: Any
    connections: Connections
    parse: Callable[[dict[str, Any]], Reply]
    guard: Callable[..., None]
    final: frozenset[str]
    doubts: list[str] = field(default_factory=list)

    @property
    def works(self) -> bool:
        """Return whether calls are answered as those of botocore's client are, as far as is known."""
        return len(self.doubts) < (1 if self.attempts == 1 else RESCUES)

    def __call__(self, **parameters: Any) -> Reply:
        """Return the answer.

        Args:
            **parameters: the operation's input.

        Raises:
            Exception: whatever a client of botocore raises.
        """
        if self.attempts == 1:
            return self._send_once(parameters)
        budget = retry_budget.budget
        try:
            reply = self._attempt(parameters)
        except Exception as error:
            name = _name_of(error)
            if name in self.final or not budget.take(self.operation):
                raise
        else:
            budget.add(self.operation)
            self.doubts.clear()
            return reply
        time.sleep(random.uniform(*PAUSE))  # noqa: S311 - no secret
        reply = self._repeat(parameters)
        budget.give_back(self.operation)
        if name not in PASSING:
            self.doubts.append(name)
        return reply

    def _send_once(self, parameters: Mapping[str, Any]) -> Reply:
        """Send a call that must not be sent twice. ``transport`` repeats throttled calls, from one budget."""
        from botocore.exceptions import ClientError

        try:
            return self._attempt(parameters)
        except ClientError as error:
            name = _name_of(error)
            if name not in self.final | PASSING:
                self.doubts.append(name)
            raise

    def request(self, parameters: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
        """Return the headers, signed if the operation is, and the body of a call.

        Args:
            parameters: the operation's input.
        """
        body = json.dumps(parameters).encode()
        return {
            **(self.headers if self.credentials is None else self._signed(body)),
            "user-agent": self.user_agent,
            "amz-sdk-invocation-id": str(uuid.uuid4()),
            "amz-sdk-request": f"attempt=1; max={self.attempts}",
            "content-length": str(len(body)),
            "accept-encoding": "identity",
        }, body

    def _signed(self, body: bytes) -> dict[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        now, credentials = AWSRequest(), self.credentials.get_frozen_credentials()
        auth = SigV4Auth(credentials, *self.signing)
        # Not by ``auth.add_auth``, which writes the same text, and takes half the time of a direct call.
        now.context["timestamp"] = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        signed = {**self.headers, "x-amz-date": now.context["timestamp"]}
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        names = ";".join(sorted(signed))
        lines = [f"{name}:{signed[name].strip()}" for name in sorted(signed)]
        text = "\n".join(["POST", "/", "", *lines, "", names, sha256(body).hexdigest()])
        signature = auth.signature(auth.string_to_sign(now, text), now)
        scope = f"Credential={auth.scope(now)}, SignedHeaders={names}, Signature={signature}"
        return {**signed, "authorization": f"AWS4-HMAC-SHA256 {scope}"}

    def _attempt(self, parameters: Mapping[str, Any]) -> Reply:
        from botocore.exceptions import ClientError

        headers, body = self.request(parameters)
        answer = self.connections.send(written(headers, body))
        told = {
            "status_code": answer.status,
            "headers": answer.headers,
            "body": answer.body,
            "context": {"operation_name": self.operation},
        }
        self.guard(response_dict=told)
        reply: Any = self.parse(told)
        if answer.status >= ERRORS:
            raise ClientError(reply, self.operation)
        return cast(Reply, reply)

    def _repeat(self, parameters: Mapping[str, Any]) -> Reply:
        from botocore import xform_name

        rest = clients.client_with(self.attempts - 1)
        reply: Reply = getattr(rest, xform_name(self.operation))(**parameters)
        return reply


def written(headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a request as it is sent.

    Args:
        headers: of the request.
        body: of the request.

    Raises:
        ValueError: a header has a line break, and would be two.
    """
    lines = ["POST / HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if any("\n" in line or "\r" in line for line in lines):
        raise ValueError("line break in a header")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _name_of(error: Exception) -> str:
    """Return Cognito's name of an error, or that of its class."""
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError):
        return type(error).__name__
    return str(error.response.get("Error", {}).get("Code")).removesuffix("Exception")


# ------------------------------------------------------------------------ which clients that may be


def _direct(client: Any, operation: str) -> DirectCall | None:
    """Return what sends ``operation`` directly; None where botocore would send it in another way."""
    try:
        if not makes_plain_calls(client, operation):
            return None
        return _made_of(client, operation)
    except Exception:  # noqa: BLE001 - another botocore, whose parts have other names
        return None


def makes_plain_calls(client: Any, operation: str) -> bool:
    """Return whether botocore does no more than sign, send, and parse.

    Args:
        client: of botocore.
        operation: the API operation.

    Raises:
        Exception: a part of botocore is missing, or has another name.
    """
    config, model = client.meta.config, client.meta.service_model.operation_model(operation)
    metadata, target = model.service_model.metadata, _target(client, operation)
    return (
        clients.makes_clients_itself(get_conf())
        and not os.environ.get("AWS_LAMBDA_FUNCTION_NAME")  # there, each call names its trace
        and not (config.user_agent_appid or config.user_agent_extra)
        and config.signature_version == "v4"
        and not getattr(config, "auth_scheme_preference", None)
        and _auth(model) in SIGNED + UNSIGNED
        and not any(getattr(model, name, None) for name in OTHER_ENDPOINTS)
        and not model.idempotent_members
        and (metadata["protocol"], metadata["jsonVersion"]) == ("json", "1.1")
        and getattr(model.service_model, "resolved_protocol", "json") == "json"
        and _is_plain(model.input_shape)
        and _connects_plainly(_part(client, "_endpoint", "http_session"), target.url)
        and target.headers == {}
        and target.auth_type in ((None,) if _auth(model) in UNSIGNED else (None, "v4"))
        and _names(client, operation) <= HANDLERS
    )


def _auth(model: Any) -> tuple[object, object]:
    return model.auth_type, getattr(model, "auth", None)


def _is_plain(shape: Any) -> bool:
    """Return whether JSON writes input of this shape as it is given."""
    if shape.type_name == "structure":
        return not shape.is_document_type and all(
            "name" not in member.serialization and _is_plain(member)
            for member in shape.members.values()
        )
    if shape.type_name in ("map", "list"):
        return _is_plain(shape.value if shape.type_name == "map" else shape.member)
    return shape.type_name in PLAIN


class _Target(NamedTuple):
    """Where botocore sends an operation, and what it signs it for."""

    url: str
    headers: Mapping[str, Any]
    auth_type: str | None
    signing: tuple[str, str]


def _target(client: Any, operation: str) -> _Target:
    # Not ``meta.endpoint_url``: see ``clients.url_of``.
    model = client.meta.service_model.operation_model(operation)
    context: dict[str, Any] = {}
    url, headers, _ = _part(client, "_resolve_endpoint_ruleset")(model, {}, context)
    named = context.get("signing", {})
    name = named.get("signing_name") or model.service_model.signing_name
    region = named.get("region") or client.meta.region_name
    return _Target(url, headers, context.get("auth_type"), (name, region))


def _made_of(client: Any, operation: str) -> DirectCall | None:
    guard, credentials = _guard(client, operation), clients.credentials_of(client)
    model, target = client.meta.service_model.operation_model(operation), _target(client, operation)
    is_signed = _auth(model) in SIGNED
    if guard is None or (is_signed and not hasattr(credentials, "get_frozen_credentials")):
        return None
    from botocore.parsers import create_parser

    return DirectCall(
        operation,
        client.meta.config.retries["total_max_attempts"],
        {
            "content-type": "application/x-amz-json-1.1",
            "host": _host(target.url),
            "x-amz-target": f"{model.service_model.metadata['targetPrefix']}.{operation}",
        },
        client.meta.config.user_agent,
        target.signing,
        credentials if is_signed else None,
        _connections(client, target.url),
        partial(create_parser("json").parse, shape=model.output_shape),
        guard,
        frozenset(shape.name.removesuffix("Exception") for shape in model.error_shapes) - PASSING
        | {Unbelievable.__name__},
    )


def _connects_plainly(session: Any, url: str) -> bool:
    """Return whether a client's connections need no proxy and no certificate, and check the endpoint's."""
    from botocore.httpsession import URLLib3Session

    return (
        type(session) is URLLib3Session
        and _part(session, "_proxy_config").proxy_url_for(url) is None
        and _part(session, "_cert_file") is None
        and _part(session, "_verify") is not False
        and re.fullmatch(r"https?://[^/?#@]+/?", url) is not None
    )


def _host(url: str) -> str:
    """Return the header for ``url``, which names the port only where it is not the usual one."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
    return host if parts.port in (None, PORTS[parts.scheme]) else f"{host}:{parts.port}"


# By the client, whose operations share them.
_connections_of: weakref.WeakKeyDictionary[Any, Connections] = weakref.WeakKeyDictionary()


def _connections(client: Any, url: str) -> Connections:
    from botocore.httpsession import get_cert_path

    config = client.meta.config
    cafile = get_cert_path(_part(client, "_endpoint", "http_session", "_verify"))
    new = Connections(
        url,
        timeouts=(config.connect_timeout, config.read_timeout),
        cafile=cafile if urlsplit(url).scheme == "https" else None,
    )
    return _connections_of.setdefault(client, new)


def _part(owner: Any, *names: str) -> Any:
    """Return what botocore keeps to itself; where a part has another name, there are no direct calls.

    Raises:
        AttributeError: it has.
    """
    for name in names:
        owner = getattr(owner, name)
    return owner


def _is_untouched(client: Any) -> bool:
    """Return whether the methods that a direct call goes around are the original ones, now."""
    from urllib3 import HTTPConnectionPool

    endpoint = getattr(client, "_endpoint", None)
    session = getattr(endpoint, "http_session", None)
    return (
        _is_original(getattr(client, "_make_api_call", None))
        and _is_original(getattr(endpoint, "make_request", None))
        and _is_original(getattr(session, "send", None))
        and _is_original(HTTPConnectionPool.urlopen)
    )


def _is_original(method: Any) -> bool:
    """Return whether botocore or urllib3 defines ``method`` and what decorates it, if anything does."""
    function = getattr(method, "__func__", method)
    while type(function) is FunctionType and function.__globals__["__name__"] in ORIGINS:
        if not hasattr(function, "__wrapped__"):
            return True
        function = function.__wrapped__
    return False


def _handlers(client: Any, operation: str) -> Iterator[Any]:
    found, service = _part(client.meta.events, "_emitter", "_handlers"), clients.SERVICE
    for event in EVENTS:
        yield from found.prefix_search(f"{event}.{service}.{operation}")


def _names(client: Any, operation: str) -> set[str]:
    functions = (getattr(one, "func", one) for one in _handlers(client, operation))
    return {f"{one.__module__}.{one.__qualname__}" for one in functions}


def _guard(client: Any, operation: str) -> Callable[..., None] | None:
    """Return our own handler, which refuses answers that are not whole."""
    found = _handlers(client, operation)
    return next((one for one in found if getattr(one, "func", None) is refuse_unbelievable), None)
