"""Parts of a site that fail; nothing here knows a secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.sessions.backends import db
from django.core.mail.backends.base import BaseEmailBackend
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from cognito_mfa.local import make_client
from cognito_mfa.managed_login import ProvidedTokens

FAILING: set[str] = set()  # which parts fail just now
KEPT: dict[str, str] = {}  # what the site keeps for its people, out of every user's sight


class Unforeseen(Exception):
    """What no one foresaw."""


def _fail(part: str) -> None:
    if part in FAILING:
        raise Unforeseen(part)


def resolver(_person: object, **_kwargs: object) -> None:
    _fail("resolver")


def context_processor(_request: HttpRequest) -> dict[str, str]:
    _fail("context processor")
    return {}


def late_context(_request: HttpRequest) -> dict[str, Callable[[], str]]:
    """Give a variable that fails when it is printed, at the end of every page."""

    def printed() -> str:
        _fail("page")
        return ""

    return {"printed_last": printed}


def saving(*, sender: Any, **_kwargs: object) -> None:
    """Fail where a user new gets a user of the site."""
    if sender._meta.label == "auth.User":
        _fail("saving")


def receiver(**_kwargs: object) -> None:
    _fail("receiver")


def client_secret() -> str:
    _fail("client secret")
    return KEPT["client secret"]


def bare_token(_request: HttpRequest) -> str:
    """Hand out the text itself; a ``TOKEN_PROVIDER``."""
    return KEPT["access token"]


def kept_sign_in(_request: HttpRequest) -> ProvidedTokens:
    return ProvidedTokens(KEPT["access token"], {})


def client_factory(**kwargs: Any) -> Any:
    _fail("client factory")
    client = make_client(**kwargs)
    client.meta.events.register_first("before-send.cognito-identity-provider", _on_the_way)
    return client


def _on_the_way(request: Any, **_kwargs: object) -> None:
    if "botocore" in FAILING:
        raise Unforeseen(request.body)


class SessionStore(db.SessionStore):
    """Sessions that cannot be loaded, or not saved."""

    def load(self) -> Any:
        _fail("session load")
        return super().load()

    def save(self, must_create: bool = False) -> None:
        _fail("session save")
        super().save(must_create)


class Mails(BaseEmailBackend):
    """A mail server that is away."""

    def send_messages(self, _messages: object) -> int:
        raise Unforeseen("mail")


class Middleware:
    """Fails after the view, before the page is rendered or when it is done."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "body read first" in FAILING:
            request.body  # noqa: B018 - as middlewares that sign or log requests do
        response = self.get_response(request)
        _fail("middleware")
        return response

    def process_view(self, *_args: object) -> None:
        _fail("middleware before the view")

    def process_template_response(
        self, _request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        _fail("middleware before the page")
        return response
