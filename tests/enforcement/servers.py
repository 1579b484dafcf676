"""Requests through Django's two handlers, with the cookies of the same browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from http.cookies import SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from asgiref.sync import async_to_sync
from django.conf import settings
from django.http.response import HttpResponseBase, StreamingHttpResponse
from django.test import AsyncClient, Client

Send = Callable[..., list[Any]]

CALLERS: dict[str, dict[str, str]] = {
    "page": {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"},
    "json": {"Accept": "application/json", "Sec-Fetch-Mode": "cors"},
    "htmx": {"HX-Request": "true", "HX-Current-URL": "http://testserver/", "Accept": "text/html"},
}


class Ask(NamedTuple):
    """One request.

    Attributes:
        raw: the path as a server hands it over, where the client would tidy it up.
        prefix: where the server mounted the site.
    """

    path: str
    method: str = "GET"
    headers: dict[str, str] = {}
    raw: str = ""
    prefix: str = ""

    def as_wsgi(self) -> dict[str, Any]:
        path = {"PATH_INFO": self.raw.encode("utf-8", "surrogateescape").decode("latin-1")}
        return {**(path if self.raw else {}), "SCRIPT_NAME": self.prefix}

    def as_asgi(self) -> dict[str, Any]:
        address = urlsplit(self.path)
        headers = {"host": "testserver", **self.headers}
        return {
            "method": self.method,
            "path": self.prefix + (self.raw or unquote(address.path)),
            "root_path": self.prefix,
            "query_string": address.query,
            "headers": [(name.lower().encode(), text.encode()) for name, text in headers.items()],
        }


def over_wsgi(browser: Client, asks: Sequence[Ask]) -> list[Any]:
    """Send requests through the WSGI handler; the browser keeps none of the answers' cookies."""
    client, _ = _clients(tuple(settings.MIDDLEWARE), settings.SESSION_ENGINE)
    answers = []
    for ask in asks:
        client.cookies = _copied(browser)
        answers.append(
            _read(client.generic(ask.method, ask.path, headers=ask.headers, **ask.as_wsgi()))
        )
    return answers


def over_asgi(browser: Client, asks: Sequence[Ask]) -> list[Any]:
    """Send requests through the ASGI handler; the browser keeps none of the answers' cookies."""
    _, client = _clients(tuple(settings.MIDDLEWARE), settings.SESSION_ENGINE)

    async def send() -> list[Any]:
        answers = []
        for ask in asks:
            client.cookies = _copied(browser)
            response: Any = await client.request(**ask.as_asgi())
            if isinstance(response, StreamingHttpResponse) and response.is_async:
                response.streaming_content = [part async for part in response]
            answers.append(_read(response))
        return answers

    return async_to_sync(send)()


@cache
def _clients(_middleware: tuple[str, ...], _sessions: str) -> tuple[Client, AsyncClient]:
    """Return clients whose handlers load the middleware only once."""
    return Client(), AsyncClient()


def _copied(browser: Client) -> SimpleCookie:
    return SimpleCookie(browser.cookies.output(header="", sep=";"))


SERVERS: dict[str, Send] = {"wsgi": over_wsgi, "asgi": over_asgi}


def _read(response: HttpResponseBase) -> Any:
    """Give every answer a ``body``, streamed or not."""
    answer: Any = response
    answer.body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer
