"""Fields by which a site identifies its users: the kind of name of each, and who already has a name."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.validators import EmailValidator
from django.db import models

from cognito_mfa.databases import atomic_for, current
from cognito_mfa.exceptions import LinkRefused, LinkRefusedReason
from cognito_mfa.sign_in import site_code
from cognito_mfa.values.comparison import spellings

PHONE_WORDS = ("phone", "mobile")


def name_field() -> Any:
    """Return the column by which the site knows its users."""
    return get_user_model()._meta.get_field(get_user_model().USERNAME_FIELD)


def is_for_addresses(field: Any) -> bool:
    """Return whether a column is for email addresses."""
    validators = getattr(field, "validators", ())
    named = (get_user_model().get_email_field_name(), "email")
    return field.name in named or any(isinstance(one, EmailValidator) for one in validators)


def is_for_phone_numbers(field: Any) -> bool:
    """Return whether a column is for phone numbers, by its own name or its class's."""
    names = f"{field.name} {type(field).__name__}".lower()
    return any(word in names for word in PHONE_WORDS)


def holder_of(name: object, *, other_than: Any = None) -> Any:
    """Return the primary key of a user who has the name, or one that looks like it; None if there is none.

    Also of a user whom the site's default manager hides: the database refuses the name all the same.

    Args:
        name: a value of the column's kind.
        other_than: the primary key of the user who is to have the name; None for a new one.

    Raises:
        LinkRefused: no user can have the name.
    """
    model, field = get_user_model(), get_user_model().USERNAME_FIELD
    same_name = models.Q(**{field: name})
    for spelling in spellings(name) if isinstance(name, str) else ():
        same_name |= models.Q(**{f"{field}__iexact": spelling})
    try:
        with atomic_for(model):
            rows = current(model._base_manager.all()).filter(same_name).exclude(pk=other_than)
            return rows.values_list("pk", flat=True).first()
    except site_code.INVALID_VALUE_ERRORS as error:
        failed = site_code.describe(error)
    raise LinkRefused(LinkRefusedReason.NO_VALID_USERNAME, cause=f"{field}: {failed}")
