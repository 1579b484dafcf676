"""Readers of settings: each returns the value of a setting in the one form that the app uses.

Whatever they are given, they raise ``ValueError`` for what is wrong, with the end of a sentence about the setting.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from django.utils import timezone
from django.utils.functional import Promise

from cognito_mfa.values.password_rules import PasswordRules
from cognito_mfa.values.secret_text import SecretText

REQUIRED_WORDS = ("everyone", "staff")
TRUST_WORDS = ("elsewhere", "enrolled", "everyone")
MAX_SECONDS = 100 * 366 * 86400.0
MAX_COUNT = 100
REDIS_SCHEMES = ("redis://", "rediss://")
# From the service model of AWS.
USER_POOL_ID_LENGTH = 55
USER_POOL_ID = re.compile(r"[\w-]+_[0-9a-zA-Z]+", re.ASCII)
# RFC 6454, as browsers write it: no path, no wildcard, and not "null", which is many origins.
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?")


def text(value: object) -> str:
    """Return a string that is not blank."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a non-empty string")
    return value


def word(value: object) -> str:
    """Return an id or a URL without the whitespace that files of secrets put around it."""
    return text(value).strip()


def optional_word(value: object) -> str | None:
    """Return what ``word`` returns; None if nothing is set."""
    return None if value in (None, "") else word(value)


def optional_url(value: object) -> str | None:
    """Return a URL of HTTP or HTTPS; None if nothing is set."""
    url = optional_word(value)
    if url is not None and not url.startswith(("https://", "http://")):
        raise ValueError("must start with https:// or http://")
    return url


def optional_redis(value: object) -> SecretText | None:
    """Return the address of a Redis, which may contain a password; None if nothing is set."""
    if value in (None, ""):
        return None
    if not isinstance(value, (str, SecretText)) or not trimmed(value):
        raise ValueError("must be a non-empty string")
    url = trimmed(value)
    if not url.reveal().startswith(REDIS_SCHEMES):
        raise ValueError("must start with redis:// or rediss://")
    return url


def optional_text(value: object) -> str | None:
    """Return a string that is not blank; None if nothing is set."""
    # An environment variable that is set but empty means "none".
    return None if value in (None, "") else text(value)


def shown_text(value: object) -> str | Promise | None:
    """Return a text for people, which may be a lazy translation."""
    return value if isinstance(value, Promise) else optional_text(value)


def pool_id(value: object) -> str:
    """Return the id of a user pool."""
    pool_id = word(value)
    if not USER_POOL_ID.fullmatch(pool_id) or len(pool_id) > USER_POOL_ID_LENGTH:
        raise ValueError("is not a valid user pool id")
    return pool_id


def flag(value: object) -> bool:
    """Return a Boolean."""
    # The string "False" from an environment variable is true, so strings are rejected.
    if not isinstance(value, bool):
        raise ValueError("must be True or False")  # noqa: TRY004 - one kind of error for all readers
    return value


def dotted_path(value: object) -> str:
    """Return a dotted path, which is imported when it is used."""
    path = text(value)
    if not all(part.isidentifier() for part in path.split(".")) or "." not in path:
        raise ValueError("must be a dotted path, such as 'mysite.module.name'")
    return path


def callable_or_path(value: object) -> object:
    """Return a callable, or the dotted path of one."""
    return value if callable(value) else dotted_path(value)


def optional_callable_or_path(value: object) -> object:
    """Return a callable, or the dotted path of one; None if nothing is set."""
    return None if value is None else callable_or_path(value)


def secret(value: object) -> object:
    """Return an app client's secret or the callable that returns it; None if nothing is set."""
    if callable(value):
        return value
    if not isinstance(value, (str, SecretText)):
        return optional_text(value)
    secret = trimmed(value)
    if value and not secret:
        raise ValueError("must be a non-empty string")
    return secret or None


def trimmed(secret: str | SecretText) -> SecretText:
    """Return an app client's secret without surrounding whitespace; a secret contains none."""
    return SecretText(SecretText(secret).reveal().strip())


def trust(value: object) -> dict[str, str]:
    """Return the keyword for each backend; empty if the site only lists the backend."""
    if isinstance(value, (list, tuple)):
        return {dotted_path(item): "" for item in value}
    if not isinstance(value, Mapping):
        raise ValueError("must be a list of dotted paths, or a dictionary of them")  # noqa: TRY004
    if any(word not in TRUST_WORDS for word in value.values()):
        raise ValueError(f"must map each backend to one of {', '.join(map(repr, TRUST_WORDS))}")
    return {dotted_path(path): str(word) for path, word in value.items()}


def seconds(value: object) -> float:
    """Return a duration in seconds."""
    if isinstance(value, dt.timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ValueError("must be a timedelta or a number of seconds above zero")
    # Infinity would be no limit, and adding more than about a century to a date overflows.
    if value > MAX_SECONDS:
        raise ValueError("must be at most 100 years")
    return float(value)


def moment(value: object) -> dt.datetime | None:
    """Return an aware datetime; a date becomes its first moment in the site's time zone."""
    if value in (None, ""):
        return None
    if isinstance(value, str):
        value = _from_iso(value)
    if isinstance(value, dt.datetime):
        if value.tzinfo is None:
            raise ValueError("must be a datetime with a time zone, or a date")
        return value
    if isinstance(value, dt.date):
        start = dt.datetime.combine(value, dt.time.min)
        return timezone.make_aware(start, timezone.get_default_timezone())
    raise ValueError("must be a datetime with a time zone, or a date")


def _from_iso(text: str) -> dt.date | None:
    for kind in (dt.date, dt.datetime):
        with suppress(ValueError):
            return kind.fromisoformat(text)
    return None


def optional_count(value: object) -> int | None:
    """Return a whole number above zero; None if nothing is set."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_COUNT:
        raise ValueError(f"must be a whole number from 1 to {MAX_COUNT}, or None")
    return value


def optional_seconds(value: object) -> float | None:
    """Return a duration in seconds; None if nothing is set."""
    return None if value is None else seconds(value)


def password_rules(value: object) -> PasswordRules | None:
    """Return a password policy; None if nothing is set."""
    return None if value is None else PasswordRules.read(value)


def one_of(*words: str) -> Callable[[object], str]:
    """Return a reader that accepts one of ``words``."""

    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(map(repr, words))}")
        return str(value)

    return read


def names(value: object) -> tuple[str, ...]:
    """Return a list of names."""
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise ValueError("must be a list of names")  # noqa: TRY004 - one kind of error for all readers
    return tuple(text(name) for name in value)


def client_ids(value: object) -> tuple[str, ...]:
    """Return the ids of app clients; an empty list means only ``CLIENT_ID``."""
    return tuple(map(word, names(value)))


def optional_path(value: object) -> str | None:
    """Return the path of a file as text; None if nothing is set."""
    return str(value) if isinstance(value, Path) else optional_text(value)


def origins(value: object) -> frozenset[str]:
    """Return origins as browsers send them.

    Scheme and host are in lower case, with the port if it is not the usual one.
    """
    origins = names(value)
    if any(not ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("must be a list of origins")
    return frozenset(origins)


def user_fields(value: object) -> dict[str, str]:
    """Return the name of the user's field for each claim."""
    if not isinstance(value, Mapping):
        raise ValueError("must map claims to fields of the user model")  # noqa: TRY004
    return {text(claim): text(name) for claim, name in value.items()}


def group_names(value: object) -> dict[str, tuple[str, ...]]:
    """Return the names of Django's groups for each group of the user pool."""
    if not isinstance(value, Mapping):
        raise ValueError("must map groups of the user pool to groups of the site")  # noqa: TRY004
    return {
        text(group): (text(given),) if isinstance(given, str) else names(given)
        for group, given in value.items()
    }


def requirement(value: object) -> object:
    """Return who must use MFA: False, a keyword, groups, or a callable."""
    if value is False or callable(value) or value in REQUIRED_WORDS:
        return value
    if isinstance(value, Mapping):
        return _groups(value)
    if isinstance(value, str) and "." in value:
        return dotted_path(value)
    raise ValueError("is not a valid policy")


def _groups(value: Mapping[object, object]) -> object:
    names = value.get("groups")
    if (
        set(value) != {"groups"}
        or not isinstance(names, (list, tuple, set, frozenset))
        or not names
    ):
        raise ValueError("must have the one key 'groups' with a list of group names")
    return {"groups": frozenset(text(name) for name in names)}
