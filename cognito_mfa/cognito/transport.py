"""How a call reaches Cognito: the boto3 clients, attempts, deadline, and what counts as an answer.

Only this module and the local Cognito touch boto3, and both import it when the first call is made.
Nothing that botocore raises or logs leaves this module: its texts carry parameters, and parameters
carry passwords, codes and tokens. Those come closed (``SecretText``), are opened in the thread of the call
alone, and what is secret in the answer is closed there too.
"""

from __future__ import annotations

import contextvars
import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from cognito_mfa.cognito.errors import classify, hint_for
from cognito_mfa.conf import NAME, SETTINGS, Conf, get_conf
from cognito_mfa.exceptions import BadReply, CognitoMFAError, Misconfigured, Sent, Unavailable
from cognito_mfa.values.secret_text import SecretText, opened
from cognito_mfa.values.untrusted import word

if TYPE_CHECKING:
    from botocore.config import Config

# Not any name that ends like AWS's: buckets and API gateways there are everybody's.
AWS_HOST = re.compile(
    r"(?:[a-z0-9-]+\.)*cognito-idp(?:-fips)?\.[a-z]{2,}(?:-[a-z0-9]+)+"
    r"(?:\.vpce)?\.(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|api\.aws)"
)
ENDPOINT_VARIABLE = (
    "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"  # botocore's own, for this service alone
)
CONNECT_TIMEOUT = 3
READ_TIMEOUT = 8
DEADLINE = (
    12.0  # seconds for the whole call: READ_TIMEOUT holds for each packet, not for the answer
)
SERVICE = "cognito-identity-provider"  # in the names of botocore's events
MAX_BODY = 1_000_000  # bytes
CONNECTIONS = 50  # at least one for each thread of a worker; botocore's own default is 10

# What follows the region in the names of AWS's hosts, where it is another than in most regions.
DNS_SUFFIX = "amazonaws.com"
DNS_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "us-isof-": "csp.hci.ic.gov",
}

# A second send of these would fail, or do its work twice (security.md C.3): they are sent once.
CONSUMING = frozenset(
    {
        "InitiateAuth",
        "AdminInitiateAuth",
        "RespondToAuthChallenge",
        "AdminRespondToAuthChallenge",
        "AssociateSoftwareToken",
        "VerifySoftwareToken",
        "GetTokensFromRefreshToken",
    }
)

# Members of answers that are secret; a test compares them with the service model.
SECRET_MEMBERS = frozenset(
    {"AccessToken", "IdToken", "RefreshToken", "Session", "SecretCode", "ClientSecret"}
)

Reply = dict[str, Any]
_Answer = TypeVar("_Answer")


class Document(NamedTuple):
    """A public document of a pool's.

    Attributes:
        max_age: seconds for which it may be kept, as its sender says; None where it says nothing.
    """

    body: bytes
    max_age: float | None = None


class _Failure(NamedTuple):
    """What went wrong with a call, without botocore's texts.

    Attributes:
        message: Cognito's text, closed: it quotes what it refuses, a code or a password.
    """

    kind: Literal["cognito", "transport", "reply", "setup"]
    error: str
    message: SecretText = SecretText("")
    request_id: str = ""
    sent: Sent = "unknown"
    answered_at: float | None = None


class _Unbelievable(Exception):
    """An answer that is not whole, or not from Cognito; raised through botocore."""


class _CallThread(threading.Thread):
    """Carries one call, so that its caller can stop waiting; also marks whose log lines to drop."""


# --------------------------------------------------------------------------------------- clients


def make_client(
    *, region_name: str, endpoint_url: str | None = None, config: Config | None = None
) -> Any:
    """Build the boto3 client; the default of ``COGNITO_MFA["CLIENT_FACTORY"]``.

    Args:
        region_name: the pool's region.
        endpoint_url: another address than AWS's own, for a local Cognito.
        config: attempts, timeouts and connections; a factory of your own must honour it.
    """
    import boto3

    # A session of our own: boto3's default session is shared with the site and not thread-safe.
    session = boto3.session.Session()
    return session.client(
        "cognito-idp", region_name=region_name, endpoint_url=endpoint_url, config=config
    )


def _config(*, attempts: int) -> Config:
    from botocore.config import Config

    return Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        max_pool_connections=CONNECTIONS,
        # Said in full: botocore's default sends a lost answer five times, and may change (facts §9).
        retries={"mode": "standard", "total_max_attempts": attempts},
        tcp_keepalive=True,
    )


_clients: dict[bool, Any] = {}
_lock = threading.Lock()


def client_for(operation: str) -> Any:
    """Return the process's client for ``operation``: one attempt where a call consumes something."""
    once = operation in CONSUMING
    client = _clients.get(once)
    if client is None:
        with _lock:
            client = _clients.get(once) or _clients.setdefault(once, _build(get_conf(), once=once))
    return client


def _build(conf: Conf, *, once: bool) -> Any:
    factory = conf.CLIENT_FACTORY
    make: Callable[..., Any] = import_string(factory) if isinstance(factory, str) else factory
    client = make(
        region_name=conf.REGION,
        endpoint_url=conf.ENDPOINT_URL,
        config=_config(attempts=1 if once else 3),
    )
    _refuse_endpoint(conf, str(client.meta.endpoint_url))
    guard = partial(_guard, from_aws=".amazonaws.com" in client.meta.endpoint_url)
    client.meta.events.register(f"before-parse.{SERVICE}", guard)
    _silence_debug_logs()
    return client


class EndpointRefused(Exception):
    """Calls would go where nobody said that passwords may go."""


def _refuse_endpoint(conf: Conf, url: str) -> None:
    """Refuse an address that is not AWS's and was not named for Cognito, or that would be reached without TLS.

    SECURITY: ``AWS_ENDPOINT_URL`` is often set for a file store alone. A check tells of it, and a server
    process runs no checks. Where DEBUG is on, developers may do as they like.

    Raises:
        EndpointRefused: nothing was sent.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if settings.DEBUG or (parts.scheme == "https" and AWS_HOST.fullmatch(host)):
        return
    named = conf.ENDPOINT_URL or os.environ.get(ENDPOINT_VARIABLE)
    own_factory = SETTINGS["CLIENT_FACTORY"].default != conf.CLIENT_FACTORY
    if not (named or own_factory):
        raise EndpointRefused("named for another service")
    if parts.scheme != "https" and not _is_this_machine(host):
        raise EndpointRefused("no TLS")


def _is_this_machine(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def forget_clients(**kwargs: object) -> None:
    """Drop the clients: settings changed, or this is a forked child that must not share sockets."""
    if kwargs.get("setting", NAME) == NAME:
        _clients.clear()


setting_changed.connect(forget_clients, dispatch_uid="cognito_mfa.cognito.transport")
os.register_at_fork(after_in_child=forget_clients)


class _DropCallDebug(logging.Filter):
    """SECURITY: botocore's DEBUG lines print passwords, codes, secrets, tokens and session strings."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG or not isinstance(
            threading.current_thread(), _CallThread
        )


_drop_call_debug = _DropCallDebug()


def _silence_debug_logs() -> None:
    # Filters are not inherited, so each logger gets it. A site's other AWS calls stay as loud as they were.
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("botocore", "boto3", "urllib3"):
            logging.getLogger(name).addFilter(_drop_call_debug)


# ----------------------------------------------------------------------------------------- calls


def call(operation: str, parameters: Mapping[str, Any]) -> Reply:
    """Call ``operation`` and return Cognito's answer.

    Args:
        operation: the API operation, such as ``InitiateAuth``.
        parameters: its input members, secrets closed; a member that is None is left out.

    Returns:
        the answer, with its ``SECRET_MEMBERS`` closed.

    Raises:
        CognitoMFAError: one of the family in ``cognito_mfa.exceptions``; nothing else.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    outcome = _within_deadline(partial(_attempt, operation, given))
    if not isinstance(outcome, _Failure):
        return outcome
    raise _exception(operation, outcome)


def fetch_document(path: str) -> Document:
    """Fetch a public document of the pool's from where Cognito answers; a local one answers in process.

    Args:
        path: below the address, such as ``eu-west-1_AbCdEfGhI/.well-known/jwks.json``.

    Raises:
        Unavailable, BadReply, Misconfigured: it cannot be had.
    """
    outcome = _within_deadline(partial(_get, path))
    if isinstance(outcome, _Failure):
        raise _exception("GET", outcome)
    return outcome


def aws_host(pool_id: str) -> str:
    """Return AWS's host for the pool's region."""
    region = pool_id.partition("_")[0]
    known = (suffix for start, suffix in DNS_SUFFIXES.items() if region.startswith(start))
    return f"cognito-idp.{region}.{next(known, DNS_SUFFIX)}"


@contextmanager
def within(seconds: float) -> Generator[None]:
    """Let all calls made inside take ``seconds`` together, and no longer."""
    ends_at, outer = time.monotonic() + seconds, _ends_at.get()
    token = _ends_at.set(ends_at if outer is None else min(ends_at, outer))
    try:
        yield
    finally:
        _ends_at.reset(token)


_ends_at: contextvars.ContextVar[float | None] = contextvars.ContextVar("ends_at", default=None)


def has_operation(operation: str) -> bool:
    """Tell whether the installed botocore knows ``operation``: some are newer than many botocores.

    Raises:
        Misconfigured: no client can be made, such as for a profile that does not exist.
    """
    try:
        client = client_for(operation)
    except Exception as error:  # noqa: BLE001 - as in a call; what a credential process printed stays here
        name = type(error).__name__
    else:
        return operation in client.meta.service_model.operation_names
    raise Misconfigured(operation, name, hint=hint_for(name))


def _seconds_left() -> float:
    ends_at = _ends_at.get()
    return DEADLINE if ends_at is None else max(0.0, min(DEADLINE, ends_at - time.monotonic()))


def _within_deadline(work: Callable[[], _Answer | _Failure]) -> _Answer | _Failure:
    # A thread, because no timeout of botocore or urllib3 bounds a reply that drips in byte by byte.
    # It ends by itself; being a daemon it never keeps a worker from stopping.
    if _seconds_left() <= 0:
        return _Failure("transport", "DeadlineExceeded", sent="no")
    answers: list[_Answer | _Failure] = []
    context = contextvars.copy_context()

    def carry() -> None:
        try:
            answers.append(context.run(work))
        except BaseException as error:  # noqa: BLE001 - hooks for threads would see opened secrets in its frames
            answers.append(_Failure("reply", type(error).__name__))

    thread = _CallThread(target=carry, name="cognito-mfa-call", daemon=True)
    thread.start()
    thread.join(_seconds_left())
    return answers[0] if answers else _Failure("transport", "DeadlineExceeded")


def _attempt(operation: str, given: dict[str, Any]) -> Reply | _Failure:
    from botocore import xform_name

    try:
        send = getattr(client_for(operation), xform_name(operation))
    except Exception as error:  # noqa: BLE001 - no region, a broken profile, a factory that fails
        return _Failure("setup", type(error).__name__, sent="no")
    outcome = _send(send, given)
    if isinstance(outcome, _Failure) and outcome.sent == "no" and outcome.kind == "transport":
        outcome = _send(send, given)  # nothing left this machine, so nothing can happen twice
    return outcome


def _send(send: Callable[..., Reply], given: dict[str, Any]) -> Reply | _Failure:
    """Open what is given, send it, and close what comes back; nothing is raised from here."""
    from botocore import exceptions as aws

    try:
        return _closed(send(**opened(given)))
    except aws.ClientError as error:
        return _from_cognito(error.response)
    except (
        aws.EndpointConnectionError,
        aws.ConnectTimeoutError,
        aws.ProxyConnectionError,
    ) as error:
        return _Failure("transport", type(error).__name__, sent="no")
    except (aws.HTTPClientError, aws.ConnectionError) as error:
        return _Failure("transport", type(error).__name__, sent="unknown")
    except aws.BotoCoreError as error:
        return _Failure("setup", type(error).__name__, sent="no")
    except Exception as error:  # noqa: BLE001 - a JSON list, bad UTF-8: botocore's parser just breaks
        return _Failure("reply", type(error).__name__)


def _closed(reply: Reply) -> Reply:
    """Return ``reply`` with its secrets closed, at whatever depth they stand."""
    return {
        name: _closed(value)
        if isinstance(value, dict)
        else _secret(value)
        if name in SECRET_MEMBERS
        else value
        for name, value in reply.items()
    }


def _secret(value: object) -> object:
    """Return a secret member closed; of what is no text only the type, which nobody takes for one."""
    if value is None:
        return None
    return SecretText(value) if isinstance(value, str) else type(value)


def _get(path: str) -> Document | _Failure:
    """Send a GET as botocore sends its calls, so that its address, its proxies and a local Cognito hold."""
    from botocore import exceptions as aws
    from botocore.awsrequest import AWSRequest

    try:
        client = client_for("GetUser")
        request = AWSRequest("GET", f"{_address(client)}/{path}").prepare()
        answers = client.meta.events.emit(f"before-send.{SERVICE}.GetDocument", request=request)
        local = next((answer for _, answer in answers if answer is not None), None)
        response = _send_get(client, request) if local is None else local
        return _document(response)
    except (aws.HTTPClientError, aws.ConnectionError) as error:
        return _Failure("transport", type(error).__name__)
    except aws.BotoCoreError as error:
        return _Failure("setup", type(error).__name__)
    except Exception as error:  # noqa: BLE001 - as in a call
        return _Failure("reply", type(error).__name__)


def _address(client: Any) -> str:
    """Return where the pool's documents are: at AWS's own host, or where the site says that Cognito is.

    Other names of AWS's (FIPS, VPC endpoints) take calls alone.
    """
    endpoint: str = client.meta.endpoint_url
    if AWS_HOST.fullmatch(urlsplit(endpoint).hostname or ""):
        return f"https://{aws_host(get_conf().USER_POOL_ID)}"
    return endpoint.rstrip("/")


def _send_get(client: Any, request: Any) -> Any:
    from botocore.httpsession import URLLib3Session
    from botocore.utils import get_environ_proxies

    make: Any = URLLib3Session  # its stub knows neither files of certificates nor two timeouts
    session = make(
        verify=os.environ.get("AWS_CA_BUNDLE") or True,
        proxies=client.meta.config.proxies or get_environ_proxies(request.url),
        timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
    )
    try:
        return session.send(request)  # follows no redirect
    finally:
        session.close()


def _document(response: Any) -> Document | _Failure:
    body: bytes = response.content
    if response.status_code != HTTPStatus.OK or len(body) > MAX_BODY:
        return _Failure("reply", str(response.status_code))
    headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
    kept = headers.get("cache-control", "").lower()
    if "no-store" in kept or "no-cache" in kept:
        return Document(body, 0.0)
    found = re.search(r"\bmax-age=(\d{1,9})", kept)
    return Document(body, float(found[1]) if found else None)


def _from_cognito(response: Mapping[str, Any]) -> _Failure:
    error = response.get("Error", {})
    metadata = response.get("ResponseMetadata", {})
    code = word(error.get("Code"))
    request_id = word(metadata.get("RequestId"))
    if not code or (code.isdigit() and code not in {"429", "500", "502", "503", "504"}):
        return _Failure("reply", code, request_id=request_id)  # a firewall's HTML page, a redirect
    return _Failure(
        "cognito",
        code,
        SecretText(str(error.get("Message", ""))),
        request_id,
        answered_at=_date_of(response),
    )


def _date_of(response: Mapping[str, Any]) -> float | None:
    """Return when ``response`` was given, by the clock of who gave it, in seconds since the epoch."""
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _exception(operation: str, failure: _Failure) -> CognitoMFAError:
    error, request_id = failure.error, failure.request_id
    if failure.kind == "cognito":
        answer = classify(operation, error, failure.message.reveal(), request_id=request_id)
        answer.answered_at = failure.answered_at
        return answer
    if failure.kind == "transport":
        return Unavailable(operation, error, sent=failure.sent)
    if failure.kind == "reply":
        return BadReply(operation, error, request_id=request_id)
    return Misconfigured(operation, error, hint=hint_for(error))


def _guard(response_dict: Mapping[str, Any], *, from_aws: bool, **_kwargs: object) -> None:
    """Refuse an answer that is cut short, too long, or not Cognito's.

    botocore takes an empty, truncated or foreign body with status 200 for success, and operations
    such as SetUserMFAPreference have nothing in their answer that could be missed (security.md C.2).
    """
    headers = {str(name).lower(): str(value) for name, value in response_dict["headers"].items()}
    body = response_dict["body"]
    if len(body) > MAX_BODY:
        raise _Unbelievable("too long")
    length = headers.get("content-length")
    if length is None and "chunked" not in headers.get("transfer-encoding", "").lower():
        raise _Unbelievable("no length")
    if length is not None and length != str(len(body)):
        raise _Unbelievable("cut short")
    if response_dict["status_code"] != HTTPStatus.OK:
        return
    if from_aws and not headers.get("x-amzn-requestid"):
        raise _Unbelievable("no request id")
    # An empty body is how some AWS services say "done"; anything else must be a JSON object.
    if body and not isinstance(json.loads(body), dict):
        raise _Unbelievable("no object")
