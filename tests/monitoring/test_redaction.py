"""With botocore at DEBUG, no log has a secret value: because of how the app calls, and because of the filter."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime as dt
import functools
import io
import json
import logging
import pprint
import queue
import types
from collections.abc import Callable, Iterator
from logging.handlers import QueueHandler
from typing import Any

import pytest
from pythonjsonlogger.json import JsonFormatter

from cognito_mfa.cognito import clients
from cognito_mfa.local import LocalCognito
from cognito_mfa.monitoring import redaction
from cognito_mfa.monitoring.redaction import RemoveSecrets, redact
from cognito_mfa.signals import signed_in
from cognito_mfa.values.secret_text import MASK, SecretText
from tests.monitoring import outcomes
from tests.monitoring.outcomes import Site


def invited(site: Site) -> None:
    site.pool.create_user("invited", password=TEMPORARY, status="FORCE_CHANGE_PASSWORD")
    site.visitor.sign_in("invited", TEMPORARY)
    site.post("new_password", new_password1=outcomes.NEW, new_password2=outcomes.NEW)
    site.visitor.scan()
    site.visitor.confirm_setup()


def with_srp(site: Site) -> None:
    site.configure(AUTH_FLOW="USER_SRP_AUTH")
    outcomes.later_sign_in(site)


TEMPORARY = "Temporary-Horse-1"
JOURNEYS = [
    invited,
    with_srp,
    outcomes.first_sign_in,
    outcomes.later_sign_in,
    outcomes.wrong_password,
    outcomes.new_phone,
    outcomes.turned_off,
    outcomes.recovered,
    outcomes.password_changed,
    outcomes.password_reset,
]
# What the site sends and gets that is no secret, or is personal data only.
HARMLESS = {"CLIENT_ID", "ClientId", "SRP_A_LENGTH"}


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What ``boto3.set_stream_logger("", DEBUG)`` writes, to this stream."""
    written = io.StringIO()
    root, before = logging.getLogger(), list(logging.getLogger().handlers)
    level = root.level
    import boto3

    monkeypatch.setattr("sys.stderr", written)
    boto3.set_stream_logger("", logging.DEBUG)
    yield written
    for handler in set(root.handlers) - set(before):
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def filter_alone(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """The same, where only the filter on the handler keeps the secrets of the app's calls out."""
    monkeypatch.setattr(clients._drop_call_debug, "filter", lambda _record: True)
    for handler in logging.getLogger().handlers:
        if getattr(handler, "stream", None) is stream:
            handler.addFilter(RemoveSecrets())
    return stream


def secrets_of(cognito: LocalCognito) -> set[str]:
    """Return the secret values in all calls that were made."""
    found: set[str] = set()

    def collect(value: Any, *, inside: bool) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                is_map = name in ("AuthParameters", "ChallengeResponses")
                secret = name in redaction.MEMBERS | redaction.PARAMETERS
                collect(item, inside=(secret and not is_map))
        elif isinstance(value, str) and inside:
            found.add(value)

    for call in cognito.calls:
        collect(call.parameters, inside=False)
    return found


@pytest.fixture
def tokens() -> Iterator[set[str]]:
    """The tokens of every sign-in."""
    seen: set[str] = set()

    def keep(*, tokens: Any, **_given: object) -> None:
        seen.update(filter(None, (tokens.access, tokens.id, tokens.refresh)))

    signed_in.connect(keep)
    yield seen
    signed_in.disconnect(keep)


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.__name__)
@pytest.mark.parametrize("kept_out_by", ["the app", "the filter"])
def test_no_journey_logs_a_secret(
    kept_out_by: str,
    journey: Callable[[Site], None],
    site: Site,
    tokens: set[str],
    request: pytest.FixtureRequest,
) -> None:
    by_filter = kept_out_by == "the filter"
    stream = request.getfixturevalue("filter_alone" if by_filter else "stream")
    site.visitor.cognito.forget_calls = lambda: None  # type: ignore[method-assign]
    journey(site)
    text = stream.getvalue()
    secrets = secrets_of(site.visitor.cognito) | tokens | {site.visitor.secret} - {""}
    assert len(secrets) > (0 if journey is outcomes.wrong_password else 5)
    assert "signed_in" in text or "password_refused" in text
    assert ("Response body" in text) is by_filter
    assert [secret for secret in secrets if secret in text] == []


# ------------------------------------------------------------------------------------- forms of a line


AWKWARD = ["Plain-Secret1", 'it\'s "both"\\', "x}y{z,", "ends with \\", "',\"", "Ünïcode-Secret"]


def forms(body: dict[str, Any]) -> list[str]:
    """Return how botocore, boto3, http.client, and others write a body."""
    text = json.dumps(body)
    return [
        text,
        repr(body),
        repr(text),
        repr(text.encode()),
        repr({"body": text, "headers": {"X": "y"}}),
        repr({"body": text.encode()}),
        json.dumps({"request": text}),
        repr(repr({"body": text})),
        f"send: {('POST / HTTP/1.1' + chr(13) + chr(10) + text).encode()!r}",
        text[: len(text) - 3],  # cut
    ]


@pytest.mark.parametrize("password", AWKWARD)
@pytest.mark.parametrize("number", range(10))
def test_a_secret_is_found_in_every_form(number: int, password: str) -> None:
    body = {
        "AuthFlow": "USER_PASSWORD_AUTH",
        "AuthParameters": {"USERNAME": "bob", "SECRET_HASH": f"H{password}", "PASSWORD": password},
        "Session": f"S{password}",
    }
    clean = redact(forms(body)[number])
    assert "USER_PASSWORD_AUTH" in clean
    for part in ("Secret1", "both", "z,", "ends with", "Secret"):
        assert part not in clean.replace("SECRET_HASH", "")


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("Authorization: AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=abc", "AKIA"),
        ("x-amz-security-token:FwoGZXIv\nhost:x", "FwoGZXIv"),
        ("headers {'Authorization': b'Bearer abc.def'}", "abc.def"),
        ("header: Set-Cookie: cognito=abc123; Path=/", "abc123"),
        ("POST /oauth2/token grant_type=authorization_code&code=4711&client_secret=shh", "4711"),
        ("client_secret=shh&x=1", "shh"),
        ("otpauth://totp/Site:bob?secret=GEZDGNBV&issuer=Site", "GEZDGNBV"),
        ("got eyJraWQiOiJ4In0.eyJzdWIiOiJ5In0.c2ln from Cognito", "c2ln"),
        ("call(Password='Plain-Secret1', Username='bob')", "Plain-Secret1"),
    ],
)
def test_headers_fields_and_tokens_are_found(line: str, secret: str) -> None:
    clean = redact(line)
    assert secret not in clean
    assert MASK in clean


def test_ordinary_lines_stay() -> None:
    for line in ("signed_in: user 7, method SOFTWARE_TOKEN_MFA", "session 5 of 7", "code=", ""):
        assert redact(line) == line


def record(message: object, *args: object, name: str = "site", **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.DEBUG, "x.py", 1, message, args, None)
    vars(made).update(extra)
    assert RemoveSecrets().filter(made)
    return made


def test_arguments_and_added_fields_are_cleaned() -> None:
    made = record(
        "sent %s", {"Password": "shh"}, body='{"Session": "abc"}', other={"Session": "abc"}
    )
    assert made.getMessage() == f"sent {{'Password': '{MASK}'}}"
    assert "abc" not in f"{vars(made)}"


def test_a_record_without_secrets_keeps_its_arguments() -> None:
    made = record("user %s by %d", "x", 3, count=3, names=("a",))
    assert made.args == ("x", 3)
    assert vars(made)["names"] == ("a",)


def test_tracebacks_are_cleaned() -> None:
    try:
        int('{"SecretCode": "GEZDGNBV"}')
    except ValueError as error:
        raised = (type(error), error, error.__traceback__)
    made = logging.LogRecord("site", logging.ERROR, "x.py", 1, "failed", (), raised)
    made.stack_info = "Stack: Password='shh'"
    assert RemoveSecrets().filter(made)
    text = logging.Formatter().format(made)
    assert "GEZDGNBV" not in text
    assert "shh" not in text
    assert "Traceback" in text


def test_names_are_removed_from_the_lines_of_aws_libraries_only() -> None:
    assert record("%s", {"Username": "bob"}, name="botocore.parsers").getMessage() == (
        f"{{'Username': '{MASK}'}}"
    )
    assert "bob" in record("%s", {"Username": "bob"}).getMessage()


def test_a_record_that_cannot_be_formatted_is_left_to_logging() -> None:
    made = record("%d Password='shh'", "x")
    assert "shh" not in str(made.msg)


def test_the_names_are_those_of_botocores_model(cognito_model: Any) -> None:
    """What the model calls sensitive is removed; the app's client id is in every address of managed login."""
    sensitive = {
        name
        for shape in map(cognito_model.shape_for, cognito_model.shape_names)
        for name, member in getattr(shape, "members", {}).items()
        if member.metadata.get("sensitive") or member.serialization.get("sensitive")
    }
    assert sensitive
    assert sensitive - redaction.MEMBERS - redaction.PERSONAL == {"ClientId"}


# ------------------------------------------------------------------------------- kinds of records


SHH = "Plain-Secret1"
BODY = {"AuthParameters": {"USERNAME": "bob", "PASSWORD": SHH}}


class Shown:
    """An object of a library that shows what it holds, in an attribute that no name gives away."""

    def __repr__(self) -> str:
        return f"<Request {BODY}>"


@dataclasses.dataclass
class Login:
    Password: str


def dumps_everything(record: logging.LogRecord) -> str:
    """Write each attribute, as formatters for log collectors do."""
    return json.dumps({**vars(record), "message": record.getMessage()}, default=repr)


class Everything(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        super().format(record)
        return dumps_everything(record)


FORMATTERS = {
    "plain": logging.Formatter,
    "json": JsonFormatter,
    "everything": Everything,
}
ARGUMENTS: list[tuple[Any, ...]] = [
    ("%(Password)s for %(user)s", {"Password": SHH, "user": 7}),
    ("Cookie: a='x'; sessionid=%s", SHH),
    ("Cookie: sessionid=%s; b=c", f'"{SHH}"'),
    ("send: %r", f"POST / HTTP/1.1\r\nAuthorization: Bearer {SHH}\r\nHost: x"),
    ("%r", [("Authorization", f"Bearer {SHH}")]),
    ("%r", [(b"authorization", b"Bearer " + SHH.encode())]),
    ("%s", json.dumps([["authorization", f"Bearer {SHH}"]])),
    ("<QueryDict: %s>", {"new_password1": ["x", SHH], "next": ["/"]}),
    ("%s", json.dumps({"password": ["x", SHH]})),
    ("%s", {"code": [SHH], "state": ["x"]}),
    ("%s", collections.OrderedDict(Password=SHH)),
    ("%s", Login(SHH)),
    ("%s", types.SimpleNamespace(client_secret=SHH)),
    ("%s", Shown()),
    ("https://site/callback#access_token=%s&x=1", SHH),
    ("https://site/%s", f"?state=x&session={SHH}"),
    ("username=bob&new_password1=%s", SHH),
    ("POST https://client:%s@pool.example.com/oauth2/token", SHH),
    ("secret_hash=%r", SHH),
    ("<Credentials><SecretAccessKey>%s</SecretAccessKey>", SHH),
    ("%s", pprint.pformat({"Session": f"{SHH} " * 20})),
    ({"Password": SHH},),
    ({"request": {"body": BODY}},),
    (Shown(),),
    (json.dumps(BODY).encode(),),
    # What cannot be formatted is printed by logging itself, with its arguments.
    ("%d", json.dumps(BODY)),
    ("%s %s", json.dumps(BODY)),
    ("no place for it", json.dumps(BODY)),
    (f"%d Password={SHH!r}", "x"),
]
FIELDS: dict[str, Any] = {
    "Password": SHH,
    "access_token": SHH,
    "headers": {"authorization": f"Bearer {SHH}"},
    "pair": ("Set-Cookie", f"sessionid={SHH}"),
    "body": BODY,
    "text": json.dumps(BODY),
    "raw": bytearray(json.dumps(BODY).encode()),
    "several": {json.dumps(BODY)},
    "frozen": frozenset({json.dumps(BODY)}),
    "deep": [[{"a": ({"NEW_PASSWORD": SHH},)}]],
    "too_deep": [[[[[[[[[[json.dumps(BODY)]]]]]]]]]],
    "shown": Shown(),
    "login": Login(SHH),
    "error": ValueError(json.dumps(BODY)),
    "message": json.dumps(BODY),  # left by the formatter of an earlier handler
}


def a_record(message: str, /, **fields: Any) -> logging.LogRecord:
    """Return a record as code that makes its own has it."""
    given = {"msg": message, "levelno": logging.ERROR, "levelname": "ERROR", "name": "site"}
    return logging.makeLogRecord({**given, **fields})


def written(log: Callable[[logging.Logger], object], formatter: str, *, queued: bool) -> str:
    """Return what a handler with the filter writes, and what logging prints about its own errors."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(FORMATTERS[formatter]())
    logger = logging.Logger("site")  # noqa: LOG001 - of this test only
    if queued:
        records: queue.SimpleQueue[Any] = queue.SimpleQueue()
        first: logging.Handler = QueueHandler(records)
    else:
        first = handler
    first.addFilter(RemoveSecrets())
    logger.addHandler(first)
    with contextlib.redirect_stderr(stream):
        log(logger)
        if queued:
            while not records.empty():
                handler.handle(records.get())
    return stream.getvalue()


@pytest.fixture(params=[(name, queued) for name in FORMATTERS for queued in (False, True)])
def write(request: pytest.FixtureRequest) -> Callable[[Callable[[logging.Logger], object]], str]:
    formatter, queued = request.param
    return lambda log: written(log, formatter, queued=queued)


Write = Callable[[Callable[[logging.Logger], object]], str]


def test_no_message_and_no_argument_leaks(write: Write) -> None:
    for message, *arguments in ARGUMENTS:
        text = write(functools.partial(_log, message=message, arguments=arguments))
        assert text, message
        assert SHH not in text, message


def test_no_added_field_leaks(write: Write) -> None:
    for name, value in FIELDS.items():
        made = a_record("sent", **{name: value})
        text = write(functools.partial(logging.Logger.handle, record=made))
        assert "sent" in text or name == "message"
        assert SHH not in text, name


def test_no_exception_leaks(write: Write) -> None:
    for fail in (_chained, _grouped, _with_note, _formatted_shortly):
        text = write(fail)
        assert "failed" in text
        assert SHH not in text, fail.__name__


def _log(logger: logging.Logger, *, message: Any, arguments: list[Any]) -> None:
    logger.error(message, *arguments)


def _chained(logger: logging.Logger) -> None:
    try:
        try:
            int(json.dumps(BODY))
        except ValueError as error:
            raise RuntimeError("the cause says it") from error
    except RuntimeError:
        logger.exception("failed")


def _grouped(logger: logging.Logger) -> None:
    error = ExceptionGroup("several", [KeyError("x"), ValueError(json.dumps(BODY))])
    logger.error("failed", exc_info=error)


def _with_note(logger: logging.Logger) -> None:
    error = ValueError("x")
    error.add_note(json.dumps(BODY))
    logger.error("failed", exc_info=error)


def _formatted_shortly(logger: logging.Logger) -> None:
    """An earlier handler's formatter left its own text of the exception in the record."""
    error = ValueError(json.dumps(BODY))
    made = a_record("failed", exc_info=(ValueError, error, None), exc_text="ValueError")
    logger.handle(made)


def test_formatters_that_read_the_arguments_still_work() -> None:
    """uvicorn's and gunicorn's access lines do."""
    path = f"/callback?code={SHH}&state=x"
    made = record('%s - "%s %s HTTP/%s" %d', "127.0.0.1", "GET", path, "1.1", 302)
    assert made.args == ("127.0.0.1", "GET", f"/callback?code={MASK}&state=x", "1.1", 302)
    made = record('%(h)s "%(r)s"', {"h": "::1", "r": f"GET {path}"})
    assert made.args == {"h": "::1", "r": f"GET /callback?code={MASK}&state=x"}


def test_a_message_that_is_a_dictionary_stays_one() -> None:
    """structlog and JSON formatters make fields of it."""
    assert record({"event": "sent", "user": 7}).msg == {"event": "sent", "user": 7}
    assert record({"event": "sent", "Session": SHH}).msg == {"event": "sent", "Session": MASK}


def test_values_that_are_no_secret_stay() -> None:
    fields: dict[str, Any] = {
        "code": 404,
        "status_code": 200,
        "token_type": "Bearer",
        "reason": "password_policy",
        "params": (1, "x", None, 2.5),
        "when": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        "secret": SecretText("x"),
        "password": "",
    }
    made = record("x", **fields)
    for name, value in fields.items():
        assert vars(made)[name] is value, name


def test_a_code_that_is_a_number_is_removed() -> None:
    assert redact('{"SOFTWARE_TOKEN_MFA_CODE": 123456}') == f'{{"SOFTWARE_TOKEN_MFA_CODE": {MASK}}}'
    assert vars(record("x", user_code=123456))["user_code"] == MASK
