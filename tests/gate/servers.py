"""Requests through Django's two handlers, with the cookies of the same browser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from http.cookies import SimpleCookie
from typing import Any, NamedTuple

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
    """One request."""

    path: str
    method: str = "GET"
    headers: dict[str, str] = {}
    options: dict[str, Any] = {}


def over_wsgi(browser: Client, asks: Sequence[Ask]) -> list[Any]:
    """Send requests through the WSGI handler; the browser keeps none of the answers' cookies."""
    client, _ = _clients(tuple(settings.MIDDLEWARE))
    answers = []
    for ask in asks:
        client.cookies = _copied(browser)
        answers.append(
            _read(client.generic(ask.method, ask.path, headers=ask.headers, **ask.options))
        )
    return answers


def over_asgi(browser: Client, asks: Sequence[Ask]) -> list[Any]:
    """Send requests through the ASGI handler; the browser keeps none of the answers' cookies."""
    _, client = _clients(tuple(settings.MIDDLEWARE))

    async def send() -> list[Any]:
        answers = []
        for ask in asks:
            client.cookies = _copied(browser)
            response: Any = await client.generic(
                ask.method, ask.path, headers=ask.headers, **ask.options
            )
            if isinstance(response, StreamingHttpResponse) and response.is_async:
                response.streaming_content = [part async for part in response]
            answers.append(_read(response))
        return answers

    return async_to_sync(send)()


@cache
def _clients(_middleware: tuple[str, ...]) -> tuple[Client, AsyncClient]:
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
