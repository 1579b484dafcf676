"""What the commands share: which user or moment a text means, exit codes, and how rows are shown in a terminal."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentTypeError
from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from cognito_mfa.authenticator import identity_lookup, permissions
from cognito_mfa.authenticator.permissions import ActionDenied, DenialReason, Right
from cognito_mfa.databases import current_rows
from cognito_mfa.models import CognitoIdentity, identity_of
from cognito_mfa.reports.escaping import visible
from cognito_mfa.values import typed, untrusted

# 0 is done, and 2 a mistake on the command line, as argparse has it.
REFUSED = 1  # nothing found, or not allowed; nothing was changed
NOT_DONE = 3  # Cognito did not do or answer it; what was begun is written down


def find_user(name: str) -> Any:
    """Return the user that ``name`` means on this site or, failing that, in the user pool.

    Args:
        name: a username of the site, or a username or ``sub`` of the pool.

    Raises:
        CommandError: there is none, or it may mean several users.
    """
    _check_given(name)
    user, identities = _lookup(name)
    if user is None and not identities:
        raise CommandError(f"There is no user named {visible(name)}.", returncode=REFUSED)
    if len(identities) > 1:
        raise CommandError(
            f"{visible(name)} is the name of {len(identities)} people in the user pool: give the sub instead, "
            f"one of {_subs(identities)}.",
            returncode=REFUSED,
        )
    identity = identities[0] if identities else None
    if user is not None and identity is not None and identity.user_id != user.pk:
        own = identity_of(user)
        raise CommandError(
            f"{visible(name)} is one person on this site and another one in the user pool "
            f"(user {user.pk} and user {identity.user_id}): do it in the admin, or give the sub: "
            f"{_subs([identity] if own is None else [own, identity])}.",
            returncode=REFUSED,
        )
    return user if identity is None else identity.user


def _check_given(name: str) -> None:
    if not name:
        raise CommandError("No user of this site is named.", returncode=REFUSED)


def find_site_user(name: str) -> Any:
    """Return the user of the site whose username is exactly ``name``, as given or as it was pasted.

    Raises:
        CommandError: there is none.
    """
    _check_given(name)
    named = map(_site_user, filter(untrusted.is_storable, typed.spellings(name)))
    user = next((user for user in named if user is not None), None)
    if user is None:
        raise CommandError(f"This site has no user named {visible(name)}.", returncode=REFUSED)
    return user


def _lookup(name: str) -> tuple[Any, list[CognitoIdentity]]:
    """Return the site's user and the pool's identities that ``name`` means, as given or as it was pasted."""
    for spelling in filter(untrusted.is_storable, typed.spellings(name)):
        user, identities = _site_user(spelling), identity_lookup.matching(spelling)
        if user is not None or identities:
            return user, identities
    return None, []


def _site_user(name: str) -> Any:
    model = get_user_model()
    users: Any = current_rows(model).filter(**{model.USERNAME_FIELD: name})
    return next((user for user in users if user.get_username() == name), None)


def _subs(identities: Iterable[CognitoIdentity]) -> str:
    return ", ".join(f"{visible(one.sub)} (user {one.user_id})" for one in identities)


def find_identity(name: str) -> CognitoIdentity:
    """Return the identity of the user that ``name`` means.

    Raises:
        CommandError: the user has none, or one in another pool.
    """
    identity = identity_of(find_user(name))
    if identity is None or not identity.in_this_pool:
        raise CommandError(
            f"{visible(name)} never signed in with this user pool.", returncode=REFUSED
        )
    return identity


def find_actor(name: str | None) -> Any:
    """Return the user that ``--by`` names, or None without it.

    Raises:
        CommandError: there is none.
    """
    return None if name is None else find_user(name)


def clean_reason(text: str | None) -> str:
    """Return the reason as it is kept; empty where there is none."""
    return untrusted.shown(typed.line(text or ""), 200)


def require(right: Right, actor: Any, row: Any = None, *, dry_run: bool = False) -> None:
    """Raise where ``actor`` may not do it in the admin either.

    Args:
        right: to the action.
        actor: the user that ``--by`` names; None without it, and then everything is allowed.
        row: what it is about, as for ``permissions.denial_reason``.
        dry_run: whether a denial is not recorded either.

    Raises:
        CommandError: nothing was done.
    """
    try:
        permissions.require(right, actor, row)
    except ActionDenied as denied:
        raise refusal(denied, dry_run=dry_run) from None


def refusal(denied: ActionDenied, *, dry_run: bool = False) -> CommandError:
    """Return (not raise) the error for a denied action, and record the denial.

    Args:
        denied: what was raised; nothing was done.
        dry_run: whether it is not recorded.
    """
    if not dry_run:
        permissions.record_denial(denied)
    return CommandError(_refusal(denied), returncode=REFUSED)


def _refusal(denied: ActionDenied) -> str:
    name = display_name(denied.actor)
    return {
        DenialReason.PERMISSION: f"{name} has no permission {denied.right.permission}.",
        DenialReason.ONESELF: "Nobody does this to themselves.",
        DenialReason.POWER: f"{name} may do less on this site than the person, so may not do this to them.",
        DenialReason.POOL: "The person is of another user pool.",
    }[denied.reason]


def display_name(user: Any) -> str:
    """Return the username without control characters."""
    return visible(user.get_username())


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return ``rows`` in columns, each cell on one line and without control characters.

    Args:
        headings: of the columns.
        rows: each with one cell for each heading.
    """
    lines = [list(headings), *([visible(str(cell)) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def first_moment(text: str) -> dt.datetime:
    """Return the moment that ``text`` names in ISO 8601; of a day, its beginning in the site's time zone."""
    return _moment(text, days=0)


def last_moment(text: str) -> dt.datetime:
    """Return the moment that ``text`` names in ISO 8601; of a day, its end in the site's time zone."""
    return _moment(text, days=1)


def _moment(text: str, *, days: int) -> dt.datetime:
    text = typed.line(text)
    try:
        day, moment = parse_date(text), parse_datetime(text)
    except ValueError:  # well formed, but not a date
        day = moment = None
    if day is not None:
        moment = dt.datetime.combine(day + dt.timedelta(days=days), dt.time.min)
    if moment is None:
        raise ArgumentTypeError("write it like 2030-12-31 or 2030-12-31T18:00")
    if settings.USE_TZ and timezone.is_naive(moment):
        return timezone.make_aware(moment)
    return moment


def local(moment: dt.datetime) -> str:
    """Return ``moment`` for a terminal, in the site's time zone."""
    shown = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    return f"{shown:%Y-%m-%d %H:%M %Z}".strip()
