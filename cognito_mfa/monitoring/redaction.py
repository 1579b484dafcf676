"""A logging filter that removes what Cognito's requests and answers hold: passwords, codes, keys, tokens, names.

botocore logs whole requests and answers at DEBUG. The app's own calls are kept out of that; this is for a site's other
calls, and for what other packages log. Put it on each handler: a logger's filters don't see the records of the
loggers below it.
"""

from __future__ import annotations

import logging
import re
import traceback
from typing import Any

from cognito_mfa.values.secret_text import MASK

# Members of requests and answers, in the service's spelling. A test compares them with botocore's model.
MEMBERS = frozenset(
    {
        *("AccessToken", "ActorToken", "AuthParameters", "ChallengeResponses", "ClientSecret"),
        *(
            "ClientSecretValue",
            "Code",
            "ConfirmationCode",
            "EncodedData",
            "FeedbackToken",
            "IdToken",
        ),
        *("IssuedToken", "Password", "PasswordVerifier", "PreviousPassword", "ProposedPassword"),
        *("RefreshToken", "Salt", "Secret", "SecretCode", "SecretHash", "Session", "SubjectToken"),
        *("TemporaryPassword", "Token", "TokenSession", "UserCode"),
    }
)
# Keys of ``AuthParameters``, ``ChallengeResponses`` and ``ChallengeParameters``.
PARAMETERS = frozenset(
    {
        *("ANSWER", "CREDENTIAL", "EMAIL_OTP_CODE", "NEW_PASSWORD", "PASSWORD"),
        *("PASSWORD_CLAIM_SECRET_BLOCK", "PASSWORD_CLAIM_SIGNATURE", "REFRESH_TOKEN", "SALT"),
        *("SECRET_BLOCK", "SECRET_HASH", "SMS_MFA_CODE", "SMS_OTP_CODE", "SOFTWARE_TOKEN_MFA_CODE"),
        *("SRP_A", "SRP_B"),
    }
)
# Fields of OAuth 2.0, at the pool's own domain.
FIELDS = frozenset(
    {
        "access_token",
        "client_secret",
        "code",
        "code_verifier",
        "id_token",
        "password",
        "refresh_token",
    }
)
HEADERS = frozenset(
    {"Authorization", "Cookie", "Proxy-Authorization", "Set-Cookie", "X-Amz-Security-Token"}
)
# Personal data, not secret: removed from the lines of AWS's libraries only, because other code uses the same words.
PERSONAL = frozenset(
    {
        *("IpAddress", "LastIPAddress", "UserContextData", "Username", "Value"),
        *("USERNAME", "USER_ID_FOR_SRP"),
    }
)
LIBRARIES = ("boto3", "botocore", "http", "s3transfer", "urllib3")

_QUOTE = r"\\*[\"']"
_VALUE = rf"(?P<open>b?(?P<quote>{_QUOTE})).*?(?:(?<!\\)(?P=quote)|\Z)"


def _quoted(names: frozenset[str]) -> re.Pattern[str]:
    """Return what finds ``"Name": "value"``, in JSON, in JSON within JSON, and as Python shows a dictionary.

    A quotation mark within the value has more backslashes before it than the one that ends it. Where the value has no
    end, because the line was cut, it is what is left.
    """
    listed = "|".join(sorted(map(re.escape, names)))
    return re.compile(
        rf"(?P<key>b?(?P<mark>{_QUOTE})(?:{listed})(?P=mark)\s*[:=,]\s*){_VALUE}", re.DOTALL
    )


_SECRETS = _quoted(MEMBERS | PARAMETERS | FIELDS)
_HEADERS = re.compile(
    rf"(?P<key>b?(?P<mark>{_QUOTE})(?:{'|'.join(sorted(HEADERS))})(?P=mark)\s*[:=,]\s*){_VALUE}",
    re.DOTALL | re.IGNORECASE,
)
_PERSONAL = _quoted(PERSONAL)
_MAPS = re.compile(
    rf"(?P<key>(?P<mark>{_QUOTE})(?:AuthParameters|ChallengeResponses|UserContextData)(?P=mark)\s*:\s*)\{{[^{{}}]*\}}"
)
# Without quotation marks: lines of headers, forms, and the arguments of a call.
_HEADER_LINES = re.compile(
    rf"(?P<key>\b(?:{'|'.join(sorted(HEADERS))}):\s*)[^\r\n\\\"']+", re.IGNORECASE
)
_FORM_FIELDS = re.compile(
    rf"(?P<key>(?:^|[?&\s\"'])(?:{'|'.join(sorted(FIELDS | {'secret'}))})=)[^&\s\"']+"
)
_ARGUMENTS = re.compile(
    rf"(?P<key>\b(?:{'|'.join(sorted(MEMBERS | PARAMETERS))})=){_VALUE}", re.DOTALL
)
# Tokens are recognized wherever they are: signed ones have three parts, encrypted ones five.
_TOKENS = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){2,4}")
# One of these is in every name above, in lower case. Most lines have none, and cost a microsecond.
_STEMS = (
    *("answer", "authorization", "challengeresponses", "code", "cookie", "credential"),
    *("encodeddata", "eyj", "parameters", "password", "salt", "secret", "session", "srp_", "token"),
)
_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def redact(text: str, *, personal: bool = False) -> str:
    """Return ``text`` without the values of secret members, headers, and tokens.

    Args:
        text: a line of a log.
        personal: also without usernames, addresses, and attributes.
    """
    lower = text.lower()
    if any(stem in lower for stem in _STEMS):
        for pattern in (_SECRETS, _HEADERS, _ARGUMENTS):
            text = pattern.sub(rf"\g<key>\g<open>{MASK}\g<quote>", text)
        for pattern in (_MAPS, _HEADER_LINES, _FORM_FIELDS):
            text = pattern.sub(rf"\g<key>{MASK}", text)
        text = _TOKENS.sub(MASK, text)
    return _PERSONAL.sub(rf"\g<key>\g<open>{MASK}\g<quote>", text) if personal else text


class RemoveSecrets(logging.Filter):
    """Removes secrets from each record: from its message, its traceback, and the fields that were added to it.

    A record that holds none stays as it is. One that does loses its arguments, which are in the message then.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True: no record is dropped."""
        personal = record.name.partition(".")[0] in LIBRARIES
        text = _message(record)
        clean = redact(text, personal=personal)
        if clean != text or not isinstance(record.msg, str):
            record.msg, record.args = clean, None
        _clean_exception(record, personal=personal)
        if record.stack_info:
            record.stack_info = redact(record.stack_info, personal=personal)
        for name, value in list(vars(record).items()):
            if name not in _ORDINARY:
                vars(record)[name] = _clean_field(value, personal=personal)
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - logging itself reports it, with the arguments that would be printed
        return str(record.msg)


def _clean_exception(record: logging.LogRecord, *, personal: bool) -> None:
    """Replace the traceback by its clean text, where it holds something; collectors would read the frames."""
    if not record.exc_info and not record.exc_text:
        return
    text = record.exc_text or "".join(traceback.format_exception(*_exception(record))).rstrip()
    clean = redact(text, personal=personal)
    if clean != text:
        record.exc_info, record.exc_text = None, clean


def _exception(record: logging.LogRecord) -> Any:
    return record.exc_info if isinstance(record.exc_info, tuple) else (None, None, None)


def _clean_field(value: Any, *, personal: bool) -> Any:
    if isinstance(value, str):
        return redact(value, personal=personal)
    if isinstance(value, (dict, list, tuple, bytes)):
        text = repr(value)
        clean = redact(text, personal=personal)
        return value if clean == text else clean
    return value
