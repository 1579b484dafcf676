"""A logging filter that removes passwords, codes, keys, tokens, and names in requests to Cognito.

botocore logs whole requests and responses at DEBUG. The app keeps its own calls out of that, so the filter is for a
site's other calls, and for what other packages log. Put it on each handler, because a logger's filters don't see the
records of the loggers below it.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from cognito_mfa.values.secret_text import MASK, SecretText

# Members of requests and responses, in the service's spelling. A test compares them with botocore's model.
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
# Fields of OAuth 2.0 and SAML, at the pool's domain, and of signed URLs.
FIELDS = frozenset(
    {
        *("access_token", "client_assertion", "client_secret", "code", "code_verifier", "id_token"),
        *("password", "refresh_token", "session", "SAMLResponse", "X-Amz-Signature"),
    }
)
# Other spellings: form fields, Python arguments, and AWS credentials.
_OTHER_NAMES = (
    r"(?i:[\w-]{0,40}(?:passw(?:or)?d|passphrase|secret)[\w-]{0,40}"
    r"|[\w-]{0,40}(?:token|sessionid|(?:confirmation|mfa|otp|recovery|user|verification)_?code))"
)
HEADERS = frozenset(
    {"Authorization", "Cookie", "Proxy-Authorization", "Set-Cookie", "X-Amz-Security-Token"}
)
# Personal data that is not secret. Only removed from the lines of AWS's libraries, because other code uses the words, too.
PERSONAL = frozenset(
    {
        *("IpAddress", "LastIPAddress", "UserContextData", "Username", "Value"),
        *("USERNAME", "USER_ID_FOR_SRP"),
    }
)
LIBRARIES = ("aiobotocore", "boto3", "botocore", "http", "s3transfer", "urllib3")
MAPS = ("AuthParameters", "ChallengeResponses", "UserContextData")

_QUOTE = r"\\{0,31}[\"']"  # four levels of JSON within JSON; without a limit, time would grow with the square
_END = r"(?:(?<!\\)(?P=quote)|\Z)"
# What pprint writes on several lines continues with a quotation mark at the beginning of the next one.
_VALUE = (
    rf"(?P<open>b?(?P<quote>{_QUOTE})).*?{_END}(?:[ \t]*\n[ \t]*b?(?P=quote).*?(?<!\\)(?P=quote))*"
)
_LIST = rf"[\[(](?:\s*b?(?P<quote>{_QUOTE}).*?{_END},?)+"


def _any_of(names: frozenset[str] | tuple[str, ...]) -> str:
    return "|".join(sorted(map(re.escape, names)))


_NAMES = _any_of(MEMBERS | PARAMETERS | FIELDS)


def _key(names: str, separators: str = ":=,") -> str:
    """Return a pattern for ``"Name":`` in JSON, in JSON within JSON, and in Python's dictionaries.

    Args:
        names: a pattern.
        separators: of a name and its value.
    """
    return rf"(?P<key>b?(?P<mark>{_QUOTE})(?:{names})(?P=mark)\s*[{separators}]\s*)"


def _pattern(*parts: str) -> re.Pattern[str]:
    return re.compile("".join(parts), re.DOTALL)


# A quotation mark within the value has more backslashes before it than the one that ends it. If the line was cut, so that
# the value has no end, the value is the rest of the line.
_QUOTED = (
    _pattern(_key(_NAMES), _VALUE),
    _pattern(_key(_OTHER_NAMES, ":="), _VALUE),
    _pattern(_key(f"(?i:{_any_of(HEADERS)})"), _VALUE),
    # Without quotation marks around the name: the arguments of a call.
    _pattern(rf"(?P<key>\b(?:{_any_of(MEMBERS | PARAMETERS)}|{_OTHER_NAMES})=)", _VALUE),
)
_PERSONAL = _pattern(_key(_any_of(PERSONAL)), _VALUE)
_EVERYTHING = f"{_NAMES}|{_OTHER_NAMES}"
_BEGIN = r"(?:(?<![\w.-])|(?<=\\[nrt]))"  # of a word, even after an escaped line break
_UNQUOTED = (
    _pattern(_key(_any_of(MAPS), ":"), r"\{[^{}]*\}"),
    _pattern(_key(_EVERYTHING, ":="), _LIST),  # as Django shows a form
    _pattern(_key(_EVERYTHING, ":="), r"\d{6,}"),  # a code that is a number
    _pattern(
        rf"(?P<key>{_BEGIN}(?i:{_any_of(HEADERS)}):\s*)", r"(?:(?!\\[rn])[^\r\n])+"
    ),  # lines of headers
    _pattern(
        rf"(?P<key>{_BEGIN}(?:{_any_of(FIELDS)}|{_OTHER_NAMES})=)", r"[^&\s\"']+"
    ),  # forms and addresses
    _pattern(rf"(?P<key><(?:{_EVERYTHING})>)", r"[^<]+"),  # AWS's older services answer with XML
)
# Tokens are recognized wherever they are: signed ones have three parts, encrypted ones five.
_TOKENS = re.compile(r"\beyJ[\w-]{8,}(?:\.[\w-]*){2,4}")
_PASSWORDS_IN_ADDRESSES = re.compile(r"(?P<key>\w://[^\s/@:\"']*:)[^\s/\"']+(?=@)")
# Every name above contains one of these in lower case. Most lines contain none, and take a microsecond.
_STEMS = (
    *("answer", "assertion", "authorization", "challengeresponses", "code", "cookie", "credential"),
    *("encodeddata", "eyj", "parameters", "passphrase", "passw", "salt", "samlresponse", "secret"),
    *("session", "signature", "srp_", "token", "://"),
)
_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"asctime", "taskName"}
_HARMLESS = (type(None), bool, float, complex, dt.date, dt.time, dt.timedelta, SecretText)
SIX_DIGITS = 100_000  # smaller numbers, such as the status 404, are not codes of a user
PAIR = 2  # name and value of a header, as many libraries store it
MAX_DEPTH = 8  # of nested containers


def redact(text: str, *, personal: bool = False) -> str:
    """Return ``text`` without the values of secret members, headers, and tokens.

    Args:
        text: a line of a log.
        personal: also without usernames, addresses, and attributes.
    """
    lower = text.lower()
    if any(stem in lower for stem in _STEMS):
        for pattern in _QUOTED:
            text = pattern.sub(rf"\g<key>\g<open>{MASK}\g<quote>", text)
        for pattern in (*_UNQUOTED, _PASSWORDS_IN_ADDRESSES):
            text = pattern.sub(rf"\g<key>{MASK}", text)
        text = _TOKENS.sub(MASK, text)
    return _PERSONAL.sub(rf"\g<key>\g<open>{MASK}\g<quote>", text) if personal else text


class RemoveSecrets(logging.Filter):
    """Removes secrets from each record: its message, its traceback, and the fields that were added.

    A record without secrets is left unchanged. In a record with secrets, the values that contain them are replaced.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Return True: no record is dropped."""
        personal = record.name.partition(".")[0] in LIBRARIES
        _clean_message(record, personal=personal)
        _clean_exception(record, personal=personal)
        if record.stack_info:
            record.stack_info = redact(record.stack_info, personal=personal)
        for name, value in list(vars(record).items()):
            if name not in _ORDINARY:
                vars(record)[name] = _clean(value, name, personal=personal)
        return True


def _clean_message(record: logging.LogRecord, *, personal: bool) -> None:
    """Clean the arguments by their names, and then the message, because a formatter may read either."""
    if not isinstance(record.msg, str):
        record.msg = _clean(record.msg, personal=personal)
    record.args = _clean(record.args, personal=personal)
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001 - logging reports it, with the message and the arguments
        record.msg = redact(str(record.msg), personal=personal)
        return
    clean = redact(text, personal=personal)
    if clean != text and not isinstance(record.msg, Mapping):
        record.msg, record.args = clean, None


def _clean_exception(record: logging.LogRecord, *, personal: bool) -> None:
    """Replace a traceback that has secrets with its clean text, because collectors would read the frames.

    Another handler may have left a shorter text of it in the record.
    """
    if isinstance(record.exc_info, tuple):
        traced = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        clean = redact(traced, personal=personal)
        if clean != traced:
            record.exc_info, record.exc_text = None, record.exc_text or clean
    if record.exc_text:
        record.exc_text = redact(record.exc_text, personal=personal)


def _clean(value: Any, name: str = "", *, personal: bool, depth: int = 0) -> Any:
    """Return ``value`` without its secrets; the same object if it has none.

    Args:
        value: of any type, containers included.
        name: of the value, such as its key; empty for none.
        personal: also without usernames, addresses, and attributes.
        depth: the number of containers around it.
    """
    if isinstance(value, _HARMLESS):
        return value
    if isinstance(value, (str, bytes, bytearray)):
        return _clean_text(value, name, personal=personal)
    if isinstance(value, int):
        return MASK if value >= SIX_DIGITS and _is_secret(name) else value
    if depth < MAX_DEPTH:
        if isinstance(value, Mapping):
            return _clean_map(value, name, personal=personal, depth=depth)
        if type(value) in (list, tuple, set, frozenset):
            return _clean_items(value, name, personal=personal, depth=depth)
    return _clean_object(value, personal=personal)


def _clean_text(value: str | bytes | bytearray, name: str, *, personal: bool) -> Any:
    if value and (_is_secret(name) or (personal and name in PERSONAL)):
        return MASK
    text = value if isinstance(value, str) else value.decode("latin-1")
    clean = redact(text, personal=personal)
    if clean == text:
        return value
    return clean if isinstance(value, str) else clean.encode("latin-1")


def _clean_map(value: Mapping[Any, Any], name: str, *, personal: bool, depth: int) -> Any:
    if name in MAPS:
        return MASK
    clean = {
        key: _clean(item, _name(key), personal=personal, depth=depth + 1)
        for key, item in value.items()
    }
    return value if all(clean[key] is item for key, item in value.items()) else clean


def _clean_items(value: Any, name: str, *, personal: bool, depth: int) -> Any:
    items = list(value)
    if len(items) == PAIR and _is_secret(_name(items[0])):
        clean = [items[0], _clean(items[1], _name(items[0]), personal=personal, depth=depth + 1)]
    else:
        clean = [_clean(item, name, personal=personal, depth=depth + 1) for item in items]
    if all(now is before for now, before in zip(clean, items, strict=True)):
        return value
    return type(value)(clean) if isinstance(value, (list, tuple)) else clean


def _clean_object(value: Any, *, personal: bool) -> Any:
    """Return the clean text of an object, as a formatter would write it, or the object if it is clean."""
    for show in (str, repr):
        text = _shown(value, show)
        clean = redact(text, personal=personal)
        if clean != text:
            return clean
    return value


def _shown(value: object, show: Callable[[object], str]) -> str:
    try:
        return show(value)
    except Exception:  # noqa: BLE001 - an object that raises any error shows nothing
        return ""


def _name(key: object) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else key if isinstance(key, str) else ""


_SECRET_NAME = re.compile(f"{_EVERYTHING}|(?i:{_any_of(HEADERS)})")


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.fullmatch(name) is not None
