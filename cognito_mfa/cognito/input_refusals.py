"""Reads from Cognito's texts why it refuses a new password or attributes.

Its error names stand for many things there: a phone number without "+" is an ``InvalidParameterException``, an
address that the user has already a ``NotAuthorizedException``. See "Refused input" in ``docs/cognito-behavior.md``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from cognito_mfa.exceptions import (
    AttributesRejected,
    BadCredentials,
    CognitoMFAError,
    Misconfigured,
    PasswordRejected,
)

SETS_ATTRIBUTES = frozenset({"RespondToAuthChallenge", "AdminRespondToAuthChallenge"})
SETS_PASSWORD = SETS_ATTRIBUTES | {"ConfirmForgotPassword", "ChangePassword"}
STANDARD_ATTRIBUTES = (
    "address", "birthdate", "email", "family_name", "gender", "given_name", "locale", "middle_name", "name",
    "nickname", "phone_number", "picture", "preferred_username", "profile", "updated_at", "website", "zoneinfo",
)  # fmt: skip
WRITE_HINT = (
    "The app client may not write an attribute that the pool requires: add it to WriteAttributes."
)

# Of the step that follows, such as a code that the pool cannot send to the new phone number.
_ABOUT_THE_POOL = ("configuration", "unable to send", "not enabled")
_ALREADY_SET = ("already provided", "non-mutable attribute", "attribute cannot be updated")
_NOT_WRITABLE = "unauthorized attribute"
# In its own sentences Cognito writes "phone number", in those about the schema "phone_number", and in newer ones
# "phone_numbers".
_IN_THE_PLURAL = {"address": "(?:es)?", "email": "s?", "phone_number": "s?"}
_ATTRIBUTE = re.compile(
    "|".join(
        rf"\b(?P<{name}>{name.replace('_', '[_ ]')}){_IN_THE_PLURAL.get(name, '')}\b"
        for name in sorted(STANDARD_ATTRIBUTES, key=len, reverse=True)
    )
)
_CUSTOM_ATTRIBUTE = re.compile(r"\bcustom:[\w.-]+")
_LENGTH = re.compile(
    r"(?P<name>\w+): string must be no (?P<limit>shorter|longer) than (?P<length>[0-9]{1,4}) characters"
)
# The model's checks name the member, such as "Value at 'password' failed to satisfy constraint".
_PASSWORD_MEMBER = re.compile(r"at '(?P<member>\w*password)'")
_LIMITS: Mapping[str, str] = {
    "greater than or equal to": "length",
    "less than or equal to": "too_long",
}


def refusal(operation: str, error: str, text: str, request_id: str) -> CognitoMFAError | None:
    """Return (not raise) the exception for refused input; None where ``text`` is about something else.

    Args:
        operation: the API operation.
        error: Cognito's name of the error.
        text: Cognito's text in lower case; read, never kept.
        request_id: the id that AWS gave the request.
    """
    name = error.removesuffix("Exception")
    if name == "InvalidParameter" and operation in SETS_PASSWORD:
        refused = _password_refusal(operation, error, text, request_id)
        if refused:
            return refused
    if operation in SETS_ATTRIBUTES:
        return _attribute_refusal(operation, error, text, request_id)
    return None


def _password_refusal(
    operation: str, error: str, text: str, request_id: str
) -> CognitoMFAError | None:
    found = _PASSWORD_MEMBER.search(text)
    if found is None:
        return None
    if found["member"] == "previouspassword":
        return BadCredentials(operation, error, request_id=request_id)
    rules = tuple(rule for words, rule in _LIMITS.items() if words in text)
    return PasswordRejected(operation, error, request_id=request_id, rules=rules)


def _attribute_refusal(
    operation: str, error: str, text: str, request_id: str
) -> CognitoMFAError | None:
    name = error.removesuffix("Exception")
    if name == "NotAuthorized" and _NOT_WRITABLE in text:
        return Misconfigured(operation, error, request_id=request_id, hint=WRITE_HINT)
    is_set = any(words in text for words in _ALREADY_SET)
    is_taken = name == "AliasExists"
    if any(words in text for words in _ABOUT_THE_POOL):
        return None
    may_be = is_taken or name == "InvalidParameter" or (is_set and name == "NotAuthorized")
    names = attributes_in(text) if may_be else ()
    if not names:
        return None
    return AttributesRejected(
        operation,
        error,
        request_id=request_id,
        names=names,
        already_set=is_set,
        taken=is_taken,
        shortest=_lengths(text, "shorter"),
        longest=_lengths(text, "longer"),
    )


def _lengths(text: str, limit: str) -> dict[str, int]:
    """Return how long the values must, or may be, by attribute."""
    found = (match for match in _LENGTH.finditer(text) if match["limit"] == limit)
    return {match["name"]: int(match["length"]) for match in found}


def attributes_in(text: str) -> tuple[str, ...]:
    """Return the attributes that Cognito's text names, each once, in the order of the text."""
    found = [match.lastgroup for match in _ATTRIBUTE.finditer(text)]
    names = [name for name in found if name] + _CUSTOM_ATTRIBUTE.findall(text)
    return tuple(dict.fromkeys(names))
