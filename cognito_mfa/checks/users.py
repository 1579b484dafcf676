"""Checks of the site's user model: what sign-ins write into it, and what it wants of a new user."""

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
    """E029: USER_FIELDS, GROUPS or STAFF_GROUPS name what the users lack, or what no claim may write."""
    conf = conf_or_none()
    for claim, name in conf.USER_FIELDS.items() if conf else ():
        if reason := user_fields.why_not(claim, name):
            yield Error(
                f"{NAME}['USER_FIELDS'] writes {claim!r} to {name!r}, and {reason}.",
                hint="Name another field, or write a USER_UPDATER (docs/user-models.md).",
                id="cognito_mfa.E029",
            )
    wanted = {"GROUPS": "groups", "STAFF_GROUPS": "is_staff"}
    for setting, name in wanted.items() if conf else ():
        if getattr(conf, setting) and not policy.user_model_has_field(name):
            yield Error(
                f"{NAME}[{setting!r}] is set, and the site's users have no field {name!r}.",
                hint="Write a USER_UPDATER instead (docs/user-models.md).",
                id="cognito_mfa.E029",
            )


def check_required_fields() -> Iterator[CheckMessage]:
    """W033: a new user lacks a value that the user model requires."""
    conf = conf_or_none()
    if conf is None or not _creates_users(conf):
        return
    filled = {"password", get_user_model().USERNAME_FIELD, *conf.USER_FIELDS.values()}
    missing = [field.name for field in _required_fields() if field.name not in filled]
    if missing:
        yield Caution(
            f"New users have no value for {', '.join(missing)}, which the user model requires.",
            hint=f"Fill them with {NAME}['USER_FIELDS'] or in the model's save(), or create users in a "
            "USER_RESOLVER of your own (docs/user-models.md).",
            id="cognito_mfa.W033",
        )


def check_addresses() -> Iterator[CheckMessage]:
    """W034: an address belongs to one user only, and nothing links users who have it already."""
    conf = conf_or_none()
    if conf is None or not _creates_users(conf) or _path(conf.USER_RESOLVER) == BY_EMAIL:
        return
    field = _address_field()
    if field is not None and field.unique:
        yield Caution(
            f"{field.name!r} is unique, and USER_RESOLVER does not look for addresses: a person whose address an "
            "existing user has is refused.",
            hint=f"Set USER_RESOLVER to {BY_EMAIL!r} if both sides verify addresses, or link users with "
            "cognito_mfa_link, then silence this check (docs/user-models.md).",
            id="cognito_mfa.W034",
        )


def _creates_users(conf: Conf) -> bool:
    """Tell whether sign-ins create users; with a resolver of the site's own, it may."""
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
    """Yield the fields without which the database refuses a row, or whose empty value one user only can have."""
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
