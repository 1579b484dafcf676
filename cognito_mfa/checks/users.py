"""Checks of the site's user model: the fields that sign-ins write, and those that new users need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution
from django.core.exceptions import FieldDoesNotExist

from cognito_mfa.checks.settings import conf_or_none
from cognito_mfa.conf import NAME, Conf
from cognito_mfa.enforcement import policy
from cognito_mfa.sign_in import user_fields, usernames

OURS = "cognito_mfa.sign_in.linking."
BY_EMAIL = f"{OURS}by_verified_email"


def check_writable() -> Iterator[CheckMessage]:
    """Check that USER_FIELDS, GROUPS, and STAFF_GROUPS only write fields that may be written (E029)."""
    conf = conf_or_none()
    for claim, name in conf.USER_FIELDS.items() if conf else ():
        if reason := user_fields.why_not(claim, name):
            yield Error(
                f"{NAME}['USER_FIELDS'] writes {claim!r} to {name!r}, but {reason}.",
                hint="Use another field, or set USER_UPDATER (see docs/user-models.md).",
                id="cognito_mfa.E029",
            )
    wanted = {"GROUPS": "groups", "STAFF_GROUPS": "is_staff"}
    for setting, name in wanted.items() if conf else ():
        if getattr(conf, setting) and not policy.user_model_has_field(name):
            yield Error(
                f"{NAME}[{setting!r}] is set, but the user model has no {name} field.",
                hint="Set USER_UPDATER instead (see docs/user-models.md).",
                id="cognito_mfa.E029",
            )


def check_required_fields() -> Iterator[CheckMessage]:
    """Check that new users have a value for each field that the user model requires (W033)."""
    conf = conf_or_none()
    if conf is None or not _creates_users(conf):
        return
    filled = {"password", get_user_model().USERNAME_FIELD, *conf.USER_FIELDS.values()}
    missing = [field.name for field in _required_fields() if field.name not in filled]
    if missing:
        yield Caution(
            f"The user model requires {', '.join(missing)}, which no sign-in fills, so new users are refused or get an "
            "empty value.",
            hint=f"Fill them with {NAME}['USER_FIELDS'], in the model's save(), or in your own USER_RESOLVER (see "
            "docs/user-models.md).",
            id="cognito_mfa.W033",
        )


def check_addresses() -> Iterator[CheckMessage]:
    """Check that new users do not collide with users who have the same email address (W034)."""
    conf = conf_or_none()
    if conf is None or not _creates_users(conf) or _path(conf.USER_RESOLVER) == BY_EMAIL:
        return
    field = _address_field()
    if field is not None and field.unique:
        yield Caution(
            f"{field.name!r} is unique, but USER_RESOLVER does not look users up by address, so users whose address is "
            "already taken on this site are refused.",
            hint=f"Set USER_RESOLVER to {BY_EMAIL!r} if both sides verify addresses, or link these users with "
            "cognito_mfa_link and silence this check (see docs/user-models.md).",
            id="cognito_mfa.W034",
        )


def _creates_users(conf: Conf) -> bool:
    """Return whether sign-ins certainly create users; the site's own resolver may not."""
    return conf.CREATE_USERS and _path(conf.USER_RESOLVER).startswith(OURS)


def _path(resolver: Any) -> str:
    if isinstance(resolver, str):
        return resolver
    name = f"{resolver.__module__}.{getattr(resolver, '__name__', '')}"
    return name.replace("linking.resolvers.", "linking.")


def _address_field() -> Any:
    name = usernames.name_field()
    if usernames.is_for_addresses(name):
        return name
    try:
        return get_user_model()._meta.get_field(get_user_model().get_email_field_name())
    except FieldDoesNotExist:
        return None


def _required_fields() -> Iterator[Any]:
    """Yield the fields without which the database refuses a row.

    Also those whose empty value only one user can have.
    """
    address = _address_field()
    for field in get_user_model()._meta.concrete_fields:
        has_value = field.null or field.has_default() or field.has_db_default()
        is_made = (
            field.primary_key
            or getattr(field, "auto_now", False)
            or getattr(field, "auto_now_add", False)
        )
        is_parent = getattr(field.remote_field, "parent_link", False)
        if has_value or is_made or is_parent or field is address:
            continue
        if not field.empty_strings_allowed or field.unique or not field.blank:
            yield field
