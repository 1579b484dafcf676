"""What error reports and collectors of frame variables would see, and which secrets are in it.

How deep the collector looks:

- every frame of the traceback, and of the exceptions that it names as cause or context: all local variables,
  among which are the arguments of the functions that wrap others;
- of each value both ``repr`` and ``str``; in dictionaries, lists, tuples, sets, ``partial`` objects and
  exceptions each item; of subclasses of ``str`` and of bytes the text;
- objects of this app, whether they keep attributes in ``__dict__`` or ``__slots__``: each attribute;
- of Django's own: of a request what was posted, the body that it keeps, and the session; of a form its data,
  values and errors; of a template's context each entry. Of a response, ``repr`` and ``str`` alone: a page that
  shows the secret holds it.

Beside the frames: Django's report as text and as HTML, with ``DEBUG`` and without, and the mail to
administrators with HTML in it; every line of any logger at DEBUG, with the arguments it was given and the
traceback it carries; all mails.
"""

from __future__ import annotations

import functools
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from types import TracebackType
from typing import Any

import django
from django.contrib.sessions.backends.base import SessionBase
from django.core import mail
from django.core.signals import got_request_exception
from django.forms import BaseForm
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.context import BaseContext
from django.test import override_settings
from django.utils.log import AdminEmailHandler
from django.views.debug import ExceptionReporter

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.protocol import witnessed
from cognito_mfa.local.wire.messages import Answer
from cognito_mfa.steps.qr import otpauth_uri, qr_svg

DEPTH = 8
ADMIN = "admin@example.com"
ADMINS: list[Any] = [ADMIN] if django.VERSION >= (6, 0) else [("Admin", ADMIN)]
# Members of requests and answers that are secret. Not those of SRP that anyone may see.
SECRET_MEMBERS = frozenset(
    [
        "AccessToken",
        "IdToken",
        "RefreshToken",
        "Session",
        "SecretCode",
        "UserCode",
        "PASSWORD",
        "NEW_PASSWORD",
        "SECRET_HASH",
        "SOFTWARE_TOKEN_MFA_CODE",
        "SMS_MFA_CODE",
        "EMAIL_OTP_CODE",
        "PASSWORD_CLAIM_SIGNATURE",
        "ConfirmationCode",
        "Password",
        "PreviousPassword",
        "ProposedPassword",
        "SecretHash",
    ]
)


class Secrets:
    """Everything secret that came about since this began, by what it is.

    Args:
        known: what is secret from the beginning.
    """

    def __init__(self, cognito: LocalCognito, known: Mapping[str, str]) -> None:
        self._cognito = cognito
        self._texts = {text: name for name, text in known.items()}

    def __call__(self, _operation: str, answer: Answer) -> None:
        """Take what Cognito answered, as its witness."""
        self._take(answer.payload)

    def add(self, name: str, text: str) -> None:
        self._texts[text] = name

    def _take(self, members: Mapping[str, Any]) -> None:
        for name, value in members.items():
            if isinstance(value, Mapping):
                self._take(value)
            elif name in SECRET_MEMBERS and isinstance(value, str) and value:
                self._texts[value] = name

    def in_(self, text: str) -> list[str]:
        """Return the names of the secrets that are in ``text``, in whatever form."""
        for call in self._cognito.calls:
            self._take(call.parameters)
        found = {name for secret, name in self._texts.items() if _appears(secret, text)}
        if re.search(r"otpauth(:|%3A)", text, re.IGNORECASE):
            found.add("otpauth address")
        for secret, name in self._texts.items():
            if name == "SecretCode":
                found |= _forms_of(secret, text)
        return sorted(found)


def _appears(secret: str, text: str) -> bool:
    """Tell whether ``secret`` is in ``text``; six digits within a longer number are no code."""
    if secret.isdigit():
        return bool(re.search(rf"(?<![\d.]){secret}(?!\d)", text))
    return secret in text


def _forms_of(secret: str, text: str) -> set[str]:
    """Return in which other forms the key is in ``text``: lower case, in groups, as a picture."""
    found = {"SecretCode, in some case"} if secret.lower() in text.lower() else set()
    groups = [secret[at : at + 4] for at in range(0, 20, 4)]
    if re.search(".{1,40}?".join(groups), text, re.IGNORECASE | re.DOTALL):
        found.add("SecretCode, in groups")
    if any(picture in text for picture in _pictures(secret)):
        found.add("QR code")
    return found


@cache
def _pictures(secret: str) -> list[str]:
    """Return a distinct part of each picture that the key may be shown in."""
    found = []
    for account in ("newcomer", "invited", "somebody"):
        uri = otpauth_uri(secret, issuer="Example Ltd", account=account)
        path = re.search(r' d="([^"]+)"', qr_svg(uri))
        assert path
        found.append(path[1][-80:])
    return found


class Collector(logging.Handler):
    """Writes down all that could be seen.

    Attributes:
        failures: how often a request failed with an exception.
    """

    def __init__(self) -> None:
        super().__init__(level=0)
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))
        self.failures = 0
        self._seen: dict[str, str] = {}

    @property
    def everything(self) -> str:
        mails = [str(message.message()) for message in getattr(mail, "outbox", [])]
        return "\n".join([*self._seen, *mails])

    def where(self, secrets: Secrets) -> list[str]:
        """Return where which secrets were seen; empty when none was."""
        if not secrets.in_(self.everything):
            return []
        found = ((place, secrets.in_(text)) for text, place in self._seen.items())
        return sorted({f"{', '.join(names)} in {place}" for place, names in found if names}) or [
            "a mail"
        ]

    # ------------------------------------------------------------------- what there is to be seen

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(Exception):
            self._note("log", self.format(record))
            self._look(dict(record.__dict__), f"log record {record.name}", 0, {})
        if record.exc_info and record.exc_info[1] is not None:
            self._walk(record.exc_info[1], {})

    def on_failure(self, request: Any = None, **_kwargs: object) -> None:
        """Receive ``got_request_exception``."""
        kind, error, traceback = sys.exc_info()
        assert error is not None
        assert kind is not None
        self.failures += 1
        failure = (kind, error, traceback)
        with override_settings(DEBUG=True):
            self._note("Django's page", ExceptionReporter(request, *failure).get_traceback_html())
        # Without DEBUG, the page and the text report are in the mail to administrators.
        self._walk(error, {})

    def _walk(self, error: BaseException, done: dict[int, object]) -> None:
        if id(error) in done:
            return
        self._look(error, type(error).__name__, 0, done)
        traceback: TracebackType | None = error.__traceback__
        while traceback is not None:
            frame = traceback.tb_frame
            place = f"{frame.f_code.co_filename.rpartition('/site-packages/')[2]}:{frame.f_code.co_name}"
            for name, value in list(frame.f_locals.items()):
                self._look(value, f"{place} → {name}", 0, done)
            traceback = traceback.tb_next
        for other in (error.__cause__, error.__context__):
            if other is not None:
                self._walk(other, done)

    def _look(self, value: object, place: str, depth: int, done: dict[int, object]) -> None:
        kind = type(value)  # nothing lazy is asked what it is
        if depth > DEPTH or id(value) in done or issubclass(kind, type):
            return
        done[id(value)] = value  # kept, so that no other object gets its number
        with suppress(Exception):
            self._note(place, repr(value))
        with suppress(Exception):
            self._note(place, str(value))
        if issubclass(kind, (bytes, bytearray)):
            self._note(place, bytes(value).decode(errors="replace"))  # type: ignore[call-overload]
        with suppress(Exception):
            for name, item in _parts(value):
                self._look(item, f"{place}.{name}", depth + 1, done)

    def _note(self, place: str, text: str) -> None:
        self._seen.setdefault(text, place)


Parts = Iterator[tuple[str, object]]


def _parts(value: Any) -> Parts:
    """Yield what a collector finds inside ``value``."""
    for kind, look in _LOOKS:
        if issubclass(type(value), kind):  # by its own type: nothing lazy is asked for anything
            yield from look(value)
            return
    if type(value).__module__.startswith("cognito_mfa"):
        yield from getattr(value, "__dict__", {}).items()
        slots = [getattr(kind, "__slots__", ()) for kind in type(value).__mro__]
        yield from ((name, getattr(value, name, None)) for names in slots for name in names)


def _of_mapping(value: Mapping[Any, Any]) -> Parts:
    for name, item in value.items():
        yield "key", name
        yield str(name), item


def _of_request(value: HttpRequest) -> Parts:
    yield from (("POST", value.POST), ("body", getattr(value, "_body", b"")))
    yield "attributes", value.__dict__


def _of_form(value: BaseForm) -> Parts:
    yield from (("data", value.data), ("values", getattr(value, "cleaned_data", {})))
    yield "errors", {name: errors.as_data() for name, errors in value.errors.items()}


_LOOKS: list[tuple[Any, Callable[[Any], Parts]]] = [
    (Mapping, _of_mapping),
    ((list, tuple, set, frozenset), lambda items: ((str(n), item) for n, item in enumerate(items))),
    (functools.partial, lambda part: iter([("args", part.args), ("keywords", part.keywords)])),
    (BaseException, lambda error: iter([("args", error.args), ("attributes", vars(error))])),
    (HttpRequest, _of_request),
    (HttpResponseBase, lambda _response: iter([])),
    (SessionBase, lambda session: iter([("data", getattr(session, "_session_cache", {}))])),
    (BaseForm, _of_form),
    (BaseContext, lambda context: iter([("entries", context.dicts)])),
]


@contextmanager
def collecting(secrets: Secrets) -> Iterator[Collector]:
    """Collect what happens inside; what Cognito answers there is secret too."""
    collector = Collector()
    mailer = AdminEmailHandler(include_html=True)
    root, before = logging.getLogger(), logging.getLogger().level
    with ExitStack() as undo:
        undo.enter_context(witnessed(secrets))
        undo.enter_context(override_settings(ADMINS=ADMINS))
        root.addHandler(collector)
        undo.callback(root.removeHandler, collector)
        root.setLevel(logging.DEBUG)
        undo.callback(root.setLevel, before)
        mailer.setLevel(logging.ERROR)
        requests = logging.getLogger("django.request")
        requests.addHandler(mailer)
        undo.callback(requests.removeHandler, mailer)
        got_request_exception.connect(collector.on_failure)
        undo.callback(got_request_exception.disconnect, collector.on_failure)
        yield collector
