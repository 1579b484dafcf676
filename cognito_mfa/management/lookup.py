"""Functions that the commands share: finding users, parsing times, exit codes, and tables."""

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

# Exit codes. 0 is success, and 2 is a mistake on the command line, as in argparse.
REFUSED = 1  # nothing was found, or it is not allowed; nothing was changed
NOT_DONE = 3  # Cognito did not respond or failed; what was started is stored


def find_user(name: str) -> Any:
    """Return the user with this name on the site or, if there is none, in the user pool.

    Args:
        name: a username of the site, or a username or ``sub`` of the pool.

    Raises:
        CommandError: there is no such user, or several.
    """
    _check_given(name)
    user, identities = _lookup(name)
    if user is None and not identities:
        raise CommandError(f"No user is named {visible(name)}.", returncode=REFUSED)
    if len(identities) > 1:
        raise CommandError(
            f"{len(identities)} users in the user pool are named {visible(name)}. Specify one of these subs instead: "
            f"{_subs(identities)}.",
            returncode=REFUSED,
        )
    identity = identities[0] if identities else None
    if user is not None and identity is not None and identity.user_id != user.pk:
        own = identity_of(user)
        raise CommandError(
            f"{visible(name)} is user {user.pk} on this site, but user {identity.user_id} in the user pool. Use the admin, "
            f"or specify the sub: {_subs([identity] if own is None else [own, identity])}.",
            returncode=REFUSED,
        )
    return user if identity is None else identity.user


def _check_given(name: str) -> None:
    if not name:
        raise CommandError("The username is empty.", returncode=REFUSED)


def find_site_user(name: str) -> Any:
    """Return the user of the site whose username is exactly ``name``, apart from pasted spaces.

    Raises:
        CommandError: there is no such user.
    """
    _check_given(name)
    named = map(_site_user, filter(untrusted.is_storable, typed.spellings(name)))
    user = next((user for user in named if user is not None), None)
    if user is None:
        raise CommandError(f"This site has no user named {visible(name)}.", returncode=REFUSED)
    return user


def _lookup(name: str) -> tuple[Any, list[CognitoIdentity]]:
    """Return the site's user and the identities with this name, apart from pasted spaces."""
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
    """Return the identity of the user with this name.

    Raises:
        CommandError: the user has none, or one in another pool.
    """
    identity = identity_of(find_user(name))
    if identity is None or not identity.in_this_pool:
        raise CommandError(
            f"{visible(name)} has never signed in with this user pool.", returncode=REFUSED
        )
    return identity


def find_actor(name: str | None) -> Any:
    """Return the user that ``--by`` names, or None without it.

    Raises:
        CommandError: there is no such user.
    """
    return None if name is None else find_user(name)


def clean_reason(text: str | None) -> str:
    """Return the reason as it is stored; empty if there is none."""
    return untrusted.shown(typed.line(text or ""), 200)


def require(right: Right, actor: Any, row: Any = None, *, dry_run: bool = False) -> None:
    """Require that ``actor`` may perform the action, by the same rules as in the admin.

    Args:
        right: the right to the action.
        actor: the user that ``--by`` names; None allows everything.
        row: what the action is about, as for ``permissions.denial_reason``.
        dry_run: whether a denial is not recorded.

    Raises:
        CommandError: the action is not allowed; nothing was done.
    """
    try:
        permissions.require(right, actor, row)
    except ActionDenied as denied:
        raise refusal(denied, dry_run=dry_run) from None


def refusal(denied: ActionDenied, *, dry_run: bool = False) -> CommandError:
    """Return (not raise) the error for a denied action, and record the denial.

    Args:
        denied: the exception; nothing was done.
        dry_run: whether the denial is not recorded.
    """
    if not dry_run:
        permissions.record_denial(denied)
    return CommandError(_refusal(denied), returncode=REFUSED)


def _refusal(denied: ActionDenied) -> str:
    name = display_name(denied.actor)
    return {
        DenialReason.PERMISSION: f"{name} does not have the permission {denied.right.permission}.",
        DenialReason.ONESELF: f"{name} cannot do this for their own account.",
        DenialReason.POWER: f"{name} has fewer permissions than the user. Only a superuser can do this for a superuser.",
        DenialReason.POOL: "The user belongs to another user pool.",
    }[denied.reason]


def display_name(user: Any) -> str:
    """Return the username without control characters."""
    return visible(user.get_username())


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return ``rows`` as a table with one line per row and without control characters.

    Args:
        headings: the headings of the columns.
        rows: rows with one cell for each heading.
    """
    lines = [list(headings), *([visible(str(cell)) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def first_moment(text: str) -> dt.datetime:
    """Parse a time in ISO 8601; a day becomes its start in the site's time zone."""
    return _moment(text, days=0)


def last_moment(text: str) -> dt.datetime:
    """Parse a time in ISO 8601; a day becomes its end in the site's time zone."""
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
        raise ArgumentTypeError("must look like 2030-12-31 or 2030-12-31T18:00")
    if settings.USE_TZ and timezone.is_naive(moment):
        return timezone.make_aware(moment)
    return moment


def local(moment: dt.datetime) -> str:
    """Return ``moment`` as text in the site's time zone."""
    shown = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    return f"{shown:%Y-%m-%d %H:%M %Z}".strip()
