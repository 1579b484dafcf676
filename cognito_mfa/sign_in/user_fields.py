"""Writes claims into fields of the user, as ``USER_FIELDS`` says, at creation and at each sign-in.

A claim never stops a sign-in. If a field does not accept a claim, the app logs the field's name and skips it.

SECURITY: users can write most attributes themselves, with any client of the pool. Only a verified address goes
into a field for addresses, and no claim goes into a field that decides about permissions.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models

from cognito_mfa.cognito.types import Person
from cognito_mfa.conf import get_conf
from cognito_mfa.exceptions import LinkRefused, LinkRefusedReason
from cognito_mfa.sign_in import site_code, usernames
from cognito_mfa.values import untrusted

logger = logging.getLogger(__name__)

# Rights, and what the gate, proofs and Django's sessions go by.
OF_RIGHTS = frozenset(
    {"is_active", "is_staff", "is_superuser", "password", "last_login", "date_joined"}
)
LONGEST = 2048  # characters; what Cognito allows for an attribute
_VERIFIABLE = ("email", "phone_number")
_TRUTH = {"true": True, "false": False}


def why_not(claim: str, name: str) -> str:
    """Return why ``claim`` must not be written to the user's field ``name``; empty when it may.

    Args:
        claim: Cognito's name of it, such as ``given_name``.
        name: of a field of the site's user model.
    """
    try:
        field: Any = get_user_model()._meta.get_field(name)
    except FieldDoesNotExist:
        return "the user model has no such field"
    if field.is_relation or not field.concrete:
        return "that field is a relation"
    if field.primary_key or not field.editable or isinstance(field, models.FileField):
        return "that field cannot be written"
    if name in OF_RIGHTS or (isinstance(field, models.BooleanField) and name.startswith("is_")):
        return "that field grants permissions"
    return _why_not_this_claim(field, claim)


def fill(user: Any, person: Person) -> dict[str, object]:
    """Write the claims into the columns of ``user``, without saving.

    Args:
        user: the site's, new or not.
        person: the pool's user, from Cognito's tokens.

    Returns:
        The former values of the fields that changed, by name.
    """
    former: dict[str, object] = {}
    for claim, name in get_conf().USER_FIELDS.items():
        # SECURITY: here and not only in a check, which a server process never runs.
        if why_not(claim, name):
            continue
        field: Any = user._meta.get_field(name)
        value = _claim(person, claim)
        if value is None:
            continue
        try:
            cleaned = _clean(field, value, user)
        except Exception as error:  # noqa: BLE001 - a site's own field or validator may fail in any way
            _log_left(name, site_code.describe(error), person)
            continue
        if cleaned != getattr(user, field.attname):
            former[name] = getattr(user, field.attname)
            setattr(user, field.attname, cleaned)
    return former


def update(user: Any, person: Person) -> None:
    """Write the claims to the row of ``user``; costs no query where nothing changed.

    Args:
        user: the site's, who is linked.
        person: the pool's user, from Cognito's tokens.
    """
    former = fill(user, person)
    wanted = {name: getattr(user, name) for name in former}
    if wanted.get(user.USERNAME_FIELD) and _is_taken(user):
        _log_left(user.USERNAME_FIELD, "another user has the name", person)
        setattr(user, user.USERNAME_FIELD, former.pop(user.USERNAME_FIELD))
        wanted.pop(user.USERNAME_FIELD)
    if not wanted or not _save(user, list(wanted)):
        return
    _set(user, former)
    for name, value in wanted.items():  # one of them is refused, and the others are not
        _set(user, {name: value})
        cause = _save(user, [name])
        if cause:
            _set(user, {name: former[name]})
            _log_left(name, cause, person)


def _why_not_this_claim(field: Any, claim: str) -> str:
    is_address, is_number = (
        usernames.is_for_addresses(field),
        usernames.is_for_phone_numbers(field),
    )
    if is_address and claim != "email":
        return "that field is for email addresses, and only the claim 'email' is verified"
    if is_number and claim != "phone_number":
        return "that field is for phone numbers, and only the claim 'phone_number' is verified"
    if field.name == get_user_model().USERNAME_FIELD and not (is_address or is_number):
        return "that field identifies users on this site"
    return ""


def _claim(person: Person, claim: str) -> object:
    """Return the claim's value; None where Cognito does not say it, or does not call it verified."""
    if claim in _VERIFIABLE:
        return (person.email if claim == "email" else person.phone_number) or None
    flag = person.claims.get(f"{claim}_verified", True)
    return person.claims.get(claim) if flag in (True, "true") else None


def _clean(field: Any, value: object, user: Any) -> object:
    """Return ``value`` as the column accepts it; free text is cut to its length."""
    if isinstance(value, str):
        value = _clean_text(field, value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and _is_text(field):
        value = str(value)
    elif isinstance(value, (bool, list, dict)) and _is_text(field):
        raise ValidationError("is no text", code="not_text")
    if value == "" and field.null:
        value = None
    return field.clean(value, user)


def _clean_text(field: Any, value: str) -> object:
    if isinstance(field, models.BooleanField):
        return _TRUTH.get(value.strip().lower(), value)
    if type(field) in (models.CharField, models.TextField) and not field.choices:
        return untrusted.shown(value, field.max_length or LONGEST)
    if untrusted.has_odd(value) or len(value) > LONGEST:
        raise ValidationError("holds what no value may", code="odd")
    return value.strip()


def _is_text(field: Any) -> bool:
    return isinstance(field, (models.CharField, models.TextField))


def _is_taken(user: Any) -> bool:
    try:
        return usernames.holder_of(user.get_username(), other_than=user.pk) is not None
    except LinkRefused:
        return True


def _save(user: Any, names: list[str]) -> str:
    """Save the fields; return why the site refuses them, or an empty string."""
    dated = [one.name for one in user._meta.concrete_fields if getattr(one, "auto_now", False)]
    try:
        site_code.run(
            partial(user.save, update_fields=[*names, *dated]),
            reason=LinkRefusedReason.LOGIN_FAILED,
            of=[type(user)],
        )
    except LinkRefused as refusal:
        return refusal.cause
    return ""


def _set(user: Any, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        setattr(user, name, value)


def _log_left(name: str, cause: str, person: Person) -> None:
    logger.warning("user_field_skipped: %s, %s, sub %s", name, cause, person.sub)
