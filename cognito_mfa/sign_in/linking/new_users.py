"""Makes a user of the site for a person of the pool: under which name, and with what in its columns."""

from __future__ import annotations

import logging
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.validators import ASCIIUsernameValidator, UnicodeUsernameValidator
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.validators import validate_email

from cognito_mfa.cognito.types import Person
from cognito_mfa.databases import current
from cognito_mfa.exceptions import LinkRefused, LinkRefusedReason
from cognito_mfa.sign_in import site_code, user_fields, usernames
from cognito_mfa.sign_in.linking.linkability import stored_user
from cognito_mfa.values.comparison import same

logger = logging.getLogger(__name__)

# Django's own say what people may type into its forms; a name in the pool may have more characters.
FOR_FORMS = (ASCIIUsernameValidator, UnicodeUsernameValidator)


def create(person: Person, name: object) -> Any:
    """Make a user without a password, who has an address only where the pool has verified it.

    Args:
        person: the pool's user, from Cognito's tokens.
        name: one of ``candidate_names``.

    Raises:
        LinkRefused: the site's user model refuses, or its default manager does not find the new user.
    """
    model = get_user_model()
    user: Any = model(**{model.USERNAME_FIELD: name})
    _set_address(user, person)
    user_fields.fill(user, person)
    user.set_unusable_password()
    site_code.save_new(user)
    row = stored_user(user.pk)
    if row is None:  # no one could sign in as this user
        cause = "the default manager does not find the new user"
        raise LinkRefused(LinkRefusedReason.USER_NOT_CREATED, user_pk=user.pk, cause=cause)
    return row


def candidate_names(person: Person) -> list[object]:
    """Return names for a new Django user, the best first, each of the kind that the column is for.

    A name that is an address is one only where the pool has verified it for this person. A column for
    addresses, or for phone numbers, takes nothing else.

    Raises:
        LinkRefused: the person has no name of that kind.
    """
    field = usernames.name_field()
    if usernames.is_for_addresses(field) and not person.email:
        cause = f"{field.name}: the user pool has verified no address that mail can be sent to"
        raise LinkRefused(LinkRefusedReason.EMAIL_NOT_VERIFIED, cause=cause)
    names = dict.fromkeys(_valid_names(field, _wanted_names(field, person)))
    if not names:
        cause = f"{field.name}: no verified name of the person is valid"
        raise LinkRefused(LinkRefusedReason.NO_VALID_USERNAME, cause=cause)
    return list(names)


def _wanted_names(field: Any, person: Person) -> Iterable[str]:
    if usernames.is_for_addresses(field):
        return [person.email]
    if usernames.is_for_phone_numbers(field):
        return [person.phone_number]
    name = person.username
    if name == person.sub:
        name = person.email or person.sub
    if _is_address(unicodedata.normalize("NFKC", name)) and not same(name, person.email):
        name = person.sub
    return [name, person.sub]


def _valid_names(field: Any, names: Iterable[str]) -> Iterable[object]:
    """Yield those that the column accepts, as values of its kind."""
    for name in names:
        try:
            value = _clean_name(field, name)
        except Exception as error:  # noqa: BLE001 - a site's own field or validator may fail in any way
            logger.debug("username_not_valid: %s", site_code.describe(error))
            continue
        yield value


def _clean_name(field: Any, name: str) -> object:
    value = field.to_python(name)
    field.validate(value, None)
    for validator in field.validators:
        if not isinstance(validator, FOR_FORMS):
            validator(value)
    return value


def _set_address(user: Any, person: Person) -> None:
    """Write the verified address into the site's column for it, if it is one that the column accepts."""
    try:
        field = user._meta.get_field(user.get_email_field_name())
    except FieldDoesNotExist:
        return
    if not person.email or field.name == user.USERNAME_FIELD:
        return
    try:
        setattr(user, field.attname, field.clean(person.email, user))
    except ValidationError as error:
        # No user is found by it, so it decides nothing: the user can do without.
        logger.warning(
            "user_field_skipped: %s, %s, sub %s", field.name, site_code.describe(error), person.sub
        )


def holder_of_unique_address(person: Person) -> Any:
    """Return the key of a user whose address, in a unique column, is the person's; None without one."""
    model = get_user_model()
    try:
        field = model._meta.get_field(model.get_email_field_name())
    except FieldDoesNotExist:
        return None
    if not person.email or not getattr(field, "unique", False):
        return None
    rows = current(model._base_manager.all()).filter(**{field.name: person.email})
    return rows.values_list("pk", flat=True).first()


def _is_address(name: str) -> bool:
    try:
        validate_email(name)
    except ValidationError:
        return False
    return True
