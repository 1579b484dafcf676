"""Whom a request is from: the user that the site says, found the same way in sync and async code.

Other middleware puts users of its own into a request: of a token, of an impersonation. They are usually lazy
objects of the very class that Django uses, so that the class says nothing about where one comes from. A lazy user
is therefore always evaluated, never replaced, and the request keeps the object that the site put there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.auth.middleware import auser as djangos_auser
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model
from django.http import HttpRequest

LOADED = "_cognito_mfa_loaded"  # of the request: the lazy user that was evaluated already
ABSENT = object()
PLAIN = (Model, AnonymousUser)  # users that are not lazy


def users_of(request: HttpRequest) -> tuple[Any, ...]:
    """Return the users whom the site says ``request`` is from, loaded.

    There is one, unless the site has an ``auser`` of its own, with another answer than ``request.user``: a view
    may ask for either, so that both must be judged. Where ``auser`` is Django's it answers as ``user`` from here
    on, or an async view would get the session's user although the site named another.
    """
    user: Any = request.user
    ask = _site_auser(request, user)
    return (user,) if ask is None else _distinct(user, async_to_sync(_await_user)(ask))


async def ausers_of(request: HttpRequest) -> tuple[Any, ...]:
    """Async version of ``users_of``."""
    user: Any = request.user
    if not _is_plain(user):
        await _resolve_lazy_user(request, user)
    ask = _site_auser(request, user)
    return (user,) if ask is None else _distinct(user, await _await_user(ask))


def is_signed_in(user: Any) -> bool:
    """Return whether ``user`` is signed in. Evaluates a lazy user.

    A site may use ``None`` for a visitor, and a lazy object may wrap it.
    """
    try:
        return bool(user.is_authenticated)
    except AttributeError:
        if user == None:  # noqa: E711 - see above
            return False
        raise


@contextmanager
def as_user(request: HttpRequest, person: Any) -> Generator[None]:
    """Give ``request`` another user within the block, for ``user`` and for ``auser``.

    Args:
        request: changed for as long as the context lasts.
        person: the user.
    """
    given = vars(request)
    before = {name: given.get(name, ABSENT) for name in ("user", "auser")}
    request.user, request.auser = person, partial(_return_user, person)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is ABSENT:
                given.pop(name, None)
            else:
                given[name] = value


def set_user(request: HttpRequest, user: Any) -> None:
    """Make ``user`` the user of ``request`` from here on, for ``user`` and for ``auser``.

    Args:
        request: whose own credentials named them.
        user: the user.
    """
    request.user, request.auser = user, partial(_return_user, user)


async def _return_user(user: Any) -> Any:
    """Return ``user``.

    A partial of this is bound to the user alone: a request that holds itself would live until a collection.
    """
    return user


FOLLOWS = (djangos_auser, _return_user)  # what ``auser`` is where the site has none of its own


def _site_auser(request: HttpRequest, user: Any) -> Callable[[], Awaitable[Any]] | None:
    """Return the site's own ``auser``. Where it is Django's, it returns ``user`` from here on; None then."""
    ask: Callable[[], Awaitable[Any]] | None = getattr(request, "auser", None)
    if type(ask) is not partial or ask.func not in FOLLOWS:
        return ask
    request.auser = partial(_return_user, user)
    return None


async def _await_user(ask: Callable[[], Awaitable[Any]]) -> Any:
    user = await ask()
    if not _is_plain(user):
        await sync_to_async(is_signed_in)(user)
    return user


async def _resolve_lazy_user(request: HttpRequest, user: Any) -> None:
    """Evaluate a lazy user in a thread, once for each request."""
    if vars(request).get(LOADED) is user:
        return
    await sync_to_async(is_signed_in)(user)
    vars(request)[LOADED] = user


def _is_plain(user: Any) -> bool:
    # By type(): a lazy object says of itself that it is what it stands for, and is evaluated to say so.
    return user is None or issubclass(type(user), PLAIN)


def _distinct(user: Any, other: Any) -> tuple[Any, ...]:
    return (user,) if other == user else (user, other)
