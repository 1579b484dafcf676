"""Middleware of other packages that names the user of a request, sync and async."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest
from django.utils.decorators import sync_and_async_middleware


def naming(name: Callable[[HttpRequest], None]) -> Callable[[Callable[..., Any]], Any]:
    """Return middleware that calls ``name`` with each request, before any view."""

    @sync_and_async_middleware
    def named(get_response: Callable[..., Any]) -> Callable[..., Any]:
        if not iscoroutinefunction(get_response):

            def middleware(request: HttpRequest) -> Any:
                name(request)
                return get_response(request)

            return middleware

        async def amiddleware(request: HttpRequest) -> Any:
            await sync_to_async(name)(request)
            return await get_response(request)

        return amiddleware

    return named
