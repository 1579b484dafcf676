"""Checks the values of attributes, and who may write them, with Cognito's error texts.

Every write goes through ``check``, which ``directory`` calls.

See "Written attributes" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from enum import Enum

from cognito_mfa.local.errors import InvalidParameterException
from cognito_mfa.local.rules import attribute_schema
from cognito_mfa.local.rules.state import SchemaAttribute, UserPool

PHONE_NUMBER = re.compile(r"\+[0-9]{2,15}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
BOOLEANS = ("true", "false")
#: The address that each verified flag is about, and Cognito's text if the user has none.
ADDRESS_OF = {
    "email_verified": ("email", "Email is required to verify/un-verify an email"),
    "phone_number_verified": (
        "phone_number",
        "Phone Number is required to verify/un-verify a phone number",
    ),
}


class Write(Enum):
    """Why attributes are written. Cognito's rules and error texts depend on it."""

    CREATION = "a user is created, or signs up"
    UPDATE = "attributes are changed"
    DELETION = "attributes are deleted"
    FIRST_PASSWORD = "a temporary password is replaced"  # noqa: S105 - no password
    COGNITO = "Cognito itself knows something new, such as that an address is verified"


INVALID = "Invalid user attributes: "
PREFIX = {
    Write.CREATION: "Attributes did not conform to the schema: ",
    Write.UPDATE: "",
    Write.DELETION: INVALID,
    Write.FIRST_PASSWORD: INVALID,
}


def check(
    pool: UserPool, known: Mapping[str, str], changes: Mapping[str, str], write: Write
) -> None:
    """Refuse changes that the pool's schema does not allow.

    Args:
        pool: The user pool.
        known: The attributes of the user before, by name.
        changes: Values by name; an empty one removes the attribute.
        write: Why they are written.

    Raises:
        InvalidParameterException: At least one is not allowed; the text names every one.
    """
    if write is Write.COGNITO:
        return
    for name in changes:
        _check_owner(pool, known, name, write)
    _check_removals(pool, known, changes, write)
    lines = [
        f"{'user.' if write is Write.UPDATE else ''}{name}: {found}\n"
        for name, value in changes.items()
        if (found := _problem(pool, name, value, write))
    ]
    if lines:
        raise InvalidParameterException(PREFIX[write] + "".join(lines))
    _check_formats(changes)
    _check_flags({**known, **changes}, changes)


def check_required(pool: UserPool, attributes: Mapping[str, str]) -> None:
    """Refuse a new user without an attribute that the pool requires.

    Args:
        pool: The user pool.
        attributes: The attributes of the user, by name.

    Raises:
        InvalidParameterException: At least one is missing; the text names every one.
    """
    missing = [name for name in pool.required_attributes if not attributes.get(name)]
    if missing:
        lines = "".join(f"{name}: The attribute is required\n" for name in missing)
        raise InvalidParameterException(PREFIX[Write.CREATION] + lines)


def normalized(pool: UserPool, changes: Mapping[str, str]) -> dict[str, str]:
    """Return values as Cognito stores them: Booleans in lower case, others unchanged.

    Args:
        pool: The user pool.
        changes: Values by name.

    Returns:
        Values by name.
    """
    kept = {}
    for name, value in changes.items():
        attribute = attribute_schema.attribute_named(pool, name)
        is_flag = attribute is not None and attribute.data_type == "Boolean"
        kept[name] = value.lower() if is_flag else value
    return kept


def _check_owner(pool: UserPool, known: Mapping[str, str], name: str, write: Write) -> None:
    attribute = attribute_schema.attribute_named(pool, name)
    fixed = name in attribute_schema.COGNITOS_OWN or (
        write is Write.FIRST_PASSWORD
        and attribute is not None
        and not attribute.mutable
        and not (attribute.required and name not in known)
    )
    if fixed:
        raise InvalidParameterException(f"Cannot modify the non-mutable attribute {name}")


def _check_removals(
    pool: UserPool, known: Mapping[str, str], changes: Mapping[str, str], write: Write
) -> None:
    for name in pool.required_attributes:
        if name in known and changes.get(name) == "" and _may_change(pool, name, write):
            raise InvalidParameterException(
                f"{INVALID}{name}: Required attribute cannot be deleted.\n"
            )


def _may_change(pool: UserPool, name: str, write: Write) -> bool:
    attribute = attribute_schema.attribute_named(pool, name)
    only_at_first = attribute is not None and not attribute.mutable
    return not (only_at_first and write in (Write.UPDATE, Write.DELETION))


def _problem(pool: UserPool, name: str, value: str, write: Write) -> str:
    attribute = attribute_schema.attribute_named(pool, name)
    if attribute is None:
        return "Attribute does not exist in the schema."
    if not _may_change(pool, name, write):
        return "Attribute cannot be updated."
    return _unlike_type(attribute, value) if value else ""


def _unlike_type(attribute: SchemaAttribute, value: str) -> str:
    if attribute.data_type == "Number":
        return _unlike_number(attribute.constraints, value)
    if attribute.data_type == "Boolean":
        return "" if value.lower() in BOOLEANS else "Value must be true or false"
    if attribute.data_type == "DateTime":
        return "" if _is_date_and_time(value) else "Value must be a date and time in ISO 8601"
    return _unlike_string(attribute.constraints, value)


def _unlike_number(constraints: Mapping[str, str], value: str) -> str:
    if not attribute_schema.NUMBER.fullmatch(value):
        return "Value must be a number"
    lowest, highest = constraints.get("MinValue"), constraints.get("MaxValue")
    if lowest and int(value) < int(lowest):
        return f"Value must be no less than {lowest}"
    if highest and int(value) > int(highest):
        return f"Value must be no more than {highest}"
    return ""


def _unlike_string(constraints: Mapping[str, str], value: str) -> str:
    # Cognito counts UTF-16 units, as Java does.
    length = len(value.encode("utf-16-le", "surrogatepass")) // 2
    shortest = constraints.get("MinLength") or "0"
    longest = constraints.get("MaxLength") or str(attribute_schema.LONGEST_STRING)
    if length < int(shortest):
        return f"String must be no shorter than {shortest} characters"
    if length > int(longest):
        return f"String must be no longer than {longest} characters"
    return ""


def _is_date_and_time(value: str) -> bool:
    try:
        dt.datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _check_formats(changes: Mapping[str, str]) -> None:
    phone, email = changes.get("phone_number"), changes.get("email")
    if phone and not PHONE_NUMBER.fullmatch(phone):
        raise InvalidParameterException("Invalid phone number format.")
    if email and not EMAIL.fullmatch(email):
        raise InvalidParameterException("Invalid email address format.")
    birthdate = changes.get("birthdate")
    if birthdate and not _is_date(birthdate):
        raise InvalidParameterException("Invalid birthdate format: it must be YYYY-MM-DD.")


def _is_date(value: str) -> bool:
    """Return whether a value is a date. OpenID Connect allows the year 0000, if users keep it private."""
    known_year = value.replace("0000-", "2000-", 1) if value.startswith("0000-") else value
    return bool(DATE.fullmatch(value)) and _is_date_and_time(known_year)


def _check_flags(after: Mapping[str, str], changes: Mapping[str, str]) -> None:
    for flag, (address, text) in ADDRESS_OF.items():
        if changes.get(flag) and not after.get(address):
            raise InvalidParameterException(text)
