"""Rules of a site's own, as ``REQUIRED`` may name them."""

from __future__ import annotations

import asyncio

from django.http import HttpRequest


def staff_only(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_staff", False))


async def astaff_only(request: HttpRequest) -> bool:
    await asyncio.sleep(0)
    return bool(getattr(request.user, "is_staff", False))


class Asynchronous:
    """A rule that is an object, which must be awaited and does not look like it."""

    async def __call__(self, request: HttpRequest) -> bool:
        return await astaff_only(request)


by_object = Asynchronous()


def nobody(_request: HttpRequest) -> bool:
    return False


def failing(_request: HttpRequest) -> bool:
    raise RuntimeError("unforeseen")


async def afailing(_request: HttpRequest) -> bool:
    raise RuntimeError("unforeseen")


def forgetful(_request: HttpRequest) -> None:
    """Forgets to return its answer."""


def asking_the_database(request: HttpRequest) -> bool:
    return bool(request.user.groups.filter(name="Editors").exists())


async def nobody_async(_request: HttpRequest) -> bool:
    return False
