"""What the values of standard attributes must look like, with Cognito's words where they do not.

See "Refused input" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from cognito_mfa.local.errors import InvalidParameterException

LONGEST = 2048
PHONE_NUMBER = re.compile(r"\+[0-9]{2,15}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
BIRTHDATE_LENGTH = 10  # the schema's minimum and maximum
NUMBER = re.compile(r"[0-9]+")


def check(attributes: Mapping[str, str]) -> None:
    """Refuse values that are not in their format; an empty value removes an attribute.

    Raises:
        InvalidParameterException: One of them is not.
    """
    for name, value in attributes.items():
        problem = _problem(name, value) if value else ""
        if problem:
            raise InvalidParameterException(problem)


def _problem(name: str, value: str) -> str:
    if name == "phone_number" and not PHONE_NUMBER.fullmatch(value):
        return "Invalid phone number format."
    if name == "email" and not EMAIL.fullmatch(value):
        return "Invalid email address format."
    if name == "birthdate" and len(value) != BIRTHDATE_LENGTH:
        return _not_conforming(name, f"String must be {BIRTHDATE_LENGTH} characters long")
    if name == "updated_at" and not NUMBER.fullmatch(value):
        return _not_conforming(name, "Value must be a number")
    if len(value) > LONGEST:
        return _not_conforming(name, f"String must be no longer than {LONGEST} characters")
    return ""


def _not_conforming(name: str, reason: str) -> str:
    return f"Attributes did not conform to the schema: {name}: {reason}"
