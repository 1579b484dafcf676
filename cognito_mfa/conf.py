"""The app's settings: reads ``settings.COGNITO_MFA``, which no other module does.

Each setting has one reader here. The system checks use the same readers, so a check accepts exactly what the
app can read. Nothing is read at import, and everything is read again after the setting has changed.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from cognito_mfa.values.password_rules import PasswordRules
from cognito_mfa.values.secret_text import SecretText

NAME = "COGNITO_MFA"
# Without this scope, an access token cannot set up an authenticator app ("Scope for self-service" in
# docs/cognito-behavior.md).
SELF_SERVICE_SCOPE = "aws.cognito.signin.user.admin"
REQUIRED_WORDS = ("everyone", "staff")
MAX_SECONDS = 100 * 366 * 86400.0  # seconds
MAX_COUNT = 100
REDIS_SCHEMES = ("redis://", "rediss://")
TRUST_WORDS = ("elsewhere", "enrolled", "everyone")
USER_POOL_ID_LENGTH = 55
# From the service model of AWS.
USER_POOL_ID = re.compile(r"[\w-]+_[0-9a-zA-Z]+", re.ASCII)
# RFC 6454, as browsers write it: no path, no wildcard, and not "null", which is many origins.
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?")
REGION = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+)+")


IS_MISSING = "is missing"
IS_UNKNOWN = "is not a setting of this app"


class Problem(NamedTuple):
    """One thing that is wrong with a setting, and a hint for the developer."""

    setting: str
    message: str
    hint: str


class Setting(NamedTuple):
    """The reader of a setting, its default, and a hint for the developer."""

    read: Callable[[object], object]
    default: object
    hint: str


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a non-empty string")
    return value


def _word(value: object) -> str:
    """Return an id or a URL without the whitespace that files of secrets put around it."""
    return _text(value).strip()


def _optional_word(value: object) -> str | None:
    return None if value in (None, "") else _word(value)


def _optional_url(value: object) -> str | None:
    url = _optional_word(value)
    if url is not None and not url.startswith(("https://", "http://")):
        raise ValueError("must start with https:// or http://")
    return url


def _optional_redis(value: object) -> SecretText | None:
    """Return the address of a Redis, which may contain a password."""
    if isinstance(value, SecretText):
        return value
    url = _optional_word(value)
    if url is not None and not url.startswith(REDIS_SCHEMES):
        raise ValueError("must start with redis:// or rediss://")
    return url if url is None else SecretText(url)


def _optional_text(value: object) -> str | None:
    # An environment variable that is set but empty means "none".
    return None if value in (None, "") else _text(value)


def _shown_text(value: object) -> str | Promise | None:
    """Return a text for people, which may be a lazy translation."""
    return value if isinstance(value, Promise) else _optional_text(value)


def _pool_id(value: object) -> str:
    pool_id = _word(value)
    if not USER_POOL_ID.fullmatch(pool_id) or len(pool_id) > USER_POOL_ID_LENGTH:
        raise ValueError("is not a valid user pool id")
    return pool_id


def pool_region(pool_id: str) -> str:
    """Return the Region that the id of a user pool starts with; empty if it starts with none."""
    region = pool_id.rpartition("_")[0]
    return region if REGION.fullmatch(region) else ""


def _flag(value: object) -> bool:
    # The string "False" from an environment variable is true, so strings are rejected.
    if not isinstance(value, bool):
        raise ValueError("must be True or False")  # noqa: TRY004 - one kind of error for all readers
    return value


def _dotted_path(value: object) -> str:
    path = _text(value)
    if not all(part.isidentifier() for part in path.split(".")) or "." not in path:
        raise ValueError("must be a dotted path, such as 'mysite.module.name'")
    return path


def _callable_or_path(value: object) -> object:
    return value if callable(value) else _dotted_path(value)


def _optional_callable_or_path(value: object) -> object:
    return None if value is None else _callable_or_path(value)


def _secret(value: object) -> object:
    if callable(value):
        return value
    if not isinstance(value, (str, SecretText)):
        return _optional_text(value)
    secret = _trimmed(value)
    if value and not secret:
        raise ValueError("must be a non-empty string")
    return secret or None


def _trimmed(secret: str | SecretText) -> SecretText:
    """Return an app client's secret without surrounding whitespace; a secret contains none."""
    return SecretText(SecretText(secret).reveal().strip())


def _trust(value: object) -> dict[str, str]:
    """Return the word for each backend; empty if the site only lists the backend."""
    if isinstance(value, (list, tuple)):
        return {_dotted_path(item): "" for item in value}
    if not isinstance(value, Mapping):
        raise ValueError("must be a list of dotted paths, or a dictionary of them")  # noqa: TRY004
    if any(word not in TRUST_WORDS for word in value.values()):
        raise ValueError(f"must map each backend to one of {', '.join(map(repr, TRUST_WORDS))}")
    return {_dotted_path(path): str(word) for path, word in value.items()}


def _seconds(value: object) -> float:
    if isinstance(value, dt.timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ValueError("must be a timedelta or a number of seconds above zero")
    # Infinity would be no limit, and adding more than about a century to a date overflows.
    if value > MAX_SECONDS:
        raise ValueError("must be at most 100 years")
    return float(value)


def _moment(value: object) -> dt.datetime | None:
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


def _optional_count(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_COUNT:
        raise ValueError(f"must be a whole number from 1 to {MAX_COUNT}, or None")
    return value


def _optional_seconds(value: object) -> float | None:
    return None if value is None else _seconds(value)


def _password_rules(value: object) -> PasswordRules | None:
    return None if value is None else PasswordRules.read(value)


def _one_of(*words: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(map(repr, words))}")
        return str(value)

    return read


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise ValueError("must be a list of names")  # noqa: TRY004 - one kind of error for all readers
    return tuple(_text(name) for name in value)


def _client_ids(value: object) -> tuple[str, ...]:
    """Return the ids of app clients; an empty list means ``CLIENT_ID`` alone."""
    return tuple(map(_word, _names(value)))


def _optional_path(value: object) -> str | None:
    return str(value) if isinstance(value, Path) else _optional_text(value)


def _origins(value: object) -> frozenset[str]:
    """Return origins as browsers send them.

    Scheme and host are in lower case, with the port if it is not the usual one.
    """
    origins = _names(value)
    if any(not ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("must be a list of origins")
    return frozenset(origins)


def _user_fields(value: object) -> dict[str, str]:
    """Return the name of the user's field for each claim."""
    if not isinstance(value, Mapping):
        raise ValueError("must map claims to fields of the user model")  # noqa: TRY004
    return {_text(claim): _text(name) for claim, name in value.items()}


def _group_names(value: object) -> dict[str, tuple[str, ...]]:
    """Return the names of Django's groups for each group of the user pool."""
    if not isinstance(value, Mapping):
        raise ValueError("must map groups of the user pool to groups of the site")  # noqa: TRY004
    return {
        _text(group): (_text(names),) if isinstance(names, str) else _names(names)
        for group, names in value.items()
    }


def _requirement(value: object) -> object:
    """Return who must have MFA: False, a word, groups, or a callable."""
    if value is False or callable(value) or value in REQUIRED_WORDS:
        return value
    if isinstance(value, Mapping):
        return _groups(value)
    if isinstance(value, str) and "." in value:
        return _dotted_path(value)
    raise ValueError("is not a valid policy")


def _groups(value: Mapping[object, object]) -> object:
    names = value.get("groups")
    if (
        set(value) != {"groups"}
        or not isinstance(names, (list, tuple, set, frozenset))
        or not names
    ):
        raise ValueError("must have the one key 'groups' with a list of group names")
    return {"groups": frozenset(_text(name) for name in names)}


_PATH_HINT = "Set it to a callable or its dotted path, such as 'mysite.mfa.name'."
_TIME_HINT = "Set it to a datetime.timedelta or a number of seconds."
_FLAG_HINT = "Set it to True or False; with django-environ, use env.bool(...)."
MISSING = object()

SETTINGS: Mapping[str, Setting] = {
    "USER_POOL_ID": Setting(
        _pool_id, MISSING, "Set it to the id of the user pool, such as 'eu-west-1_AbCdEfGhI'."
    ),
    "CLIENT_ID": Setting(_word, MISSING, "Set it to the id of the user pool's app client."),
    "CLIENT_SECRET": Setting(
        _secret, None, "Set it to the app client's secret, a callable that returns it, or None."
    ),
    "ISSUER": Setting(
        _optional_text,
        None,
        "Set it to the name that users know the site by, such as 'Example Ltd'.",
    ),
    "REGION": Setting(
        _optional_word, None, "Remove it, because the Region is part of USER_POOL_ID."
    ),
    "ENDPOINT_URL": Setting(
        _optional_url,
        None,
        "Remove it, or set it to the URL of a local Cognito, such as 'http://127.0.0.1:9229'.",
    ),
    "CLIENT_FACTORY": Setting(_callable_or_path, "cognito_mfa.cognito.make_client", _PATH_HINT),
    "CIRCUIT_BREAKER": Setting(
        _optional_count,
        5,
        "Set it to the number of failures in a row after which Cognito counts as down, or None.",
    ),
    "AUTH_FLOW": Setting(
        _one_of("USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH"),
        "USER_PASSWORD_AUTH",
        "Set it to a flow that the app client allows.",
    ),
    "REQUIRED": Setting(
        _requirement,
        "everyone",
        "Set it to 'everyone', 'staff', {'groups': [...]}, False, or the dotted path of f(request) -> bool.",
    ),
    "ENFORCEMENT": Setting(
        _one_of("enforce", "observe", "off"), "enforce", "Set it to 'enforce', 'observe', or 'off'."
    ),
    "REQUIRED_FROM": Setting(
        _moment,
        None,
        "Set it to a date, a datetime with a time zone, or either of them in ISO 8601.",
    ),
    "GRACE_PERIOD": Setting(_optional_seconds, None, _TIME_HINT),
    "PROOF_MAX_AGE": Setting(_seconds, 12 * 3600.0, _TIME_HINT),
    "REAUTH_MAX_AGE": Setting(_seconds, 300.0, _TIME_HINT),
    "ALLOW_REMOVE": Setting(_flag, False, _FLAG_HINT),
    "RECOVERY_CODES": Setting(_flag, False, _FLAG_HINT),
    "PASSWORD_PAGES": Setting(_flag, True, _FLAG_HINT),
    "PASSWORD_RULES": Setting(
        _password_rules,
        None,
        "Set it to the pool's password policy, such as {'length': 12, 'number': True}, or remove it.",
    ),
    "NOTIFY": Setting(_flag, True, _FLAG_HINT),
    "CELERY": Setting(_flag, False, _FLAG_HINT),
    "REDIS_URL": Setting(
        _optional_redis,
        None,
        "Set it to the address of a Redis, such as 'redis://127.0.0.1:6379/0', or remove it.",
    ),
    "CREATE_USERS": Setting(_flag, True, _FLAG_HINT),
    "USER_RESOLVER": Setting(
        _callable_or_path, "cognito_mfa.sign_in.linking.by_pool_and_sub", _PATH_HINT
    ),
    "USER_FIELDS": Setting(
        _user_fields, {}, "Set it to {claim: field}, such as {'given_name': 'first_name'}."
    ),
    "GROUPS": Setting(
        _group_names,
        {},
        "Set it to {pool_group: site_group}, or to {pool_group: [site_group, ...]}.",
    ),
    "STAFF_GROUPS": Setting(
        _names, (), "Set it to a list of the user pool's groups whose members are staff."
    ),
    "USER_UPDATER": Setting(_optional_callable_or_path, None, _PATH_HINT),
    "TRUSTED_BACKENDS": Setting(
        _trust,
        {},
        "Set it to a list of dotted paths of backends, or to {path: word}, such as {path: 'enrolled'}.",
    ),
    "TOKEN_PROVIDER": Setting(_optional_callable_or_path, None, _PATH_HINT),
    "FEDERATED": Setting(_one_of("block", "exempt"), "block", "Set it to 'block' or 'exempt'."),
    "ALLAUTH_PROVIDER": Setting(
        _optional_text,
        None,
        "Set it to the id of the user pool's provider in django-allauth, such as 'cognito'.",
    ),
    "TRUST_POOL_EMAIL": Setting(
        _flag,
        False,
        "Set it to True only if no one but administrators can write addresses in the user pool.",
    ),
    "API_CLIENT_IDS": Setting(
        _client_ids,
        (),
        "Set it to a list of ids of app clients, such as ['1example23456789'], or remove it.",
    ),
    "JWKS_FILE": Setting(
        _optional_path,
        None,
        "Set it to the path of a file with the user pool's JWKS, or remove it.",
    ),
    "CLIENT_ADDRESS": Setting(_optional_callable_or_path, None, _PATH_HINT),
    "CLIENT_METADATA": Setting(_optional_callable_or_path, None, _PATH_HINT),
    "CLIENT_ENCODED_DATA": Setting(_optional_callable_or_path, None, _PATH_HINT),
    "TRIGGER_MESSAGES": Setting(_flag, False, _FLAG_HINT),
    "SESSION_IDLE": Setting(_optional_seconds, None, _TIME_HINT),
    "STATUS_MAX_AGE": Setting(_optional_seconds, None, _TIME_HINT),
    "GRANT_MAX_AGE": Setting(_seconds, 365 * 86400.0, _TIME_HINT),
    "API_ORIGINS": Setting(
        _origins,
        frozenset(),
        "Set it to a list of origins without a path, such as ['https://app.example.com'].",
    ),
    "SUPPORT_URL": Setting(
        _optional_text, None, "Set it to the URL of a page that says how to get help."
    ),
    "LOST_DEVICE_HELP": Setting(
        _shown_text, None, "Set it to a sentence that says whom to contact and with which proof."
    ),
}


@final
class Conf:
    """The settings in ``settings.COGNITO_MFA``, validated and typed. Durations are in seconds."""

    USER_POOL_ID: str
    CLIENT_ID: str
    CLIENT_SECRET: SecretText | Callable[[], str | None] | None
    ISSUER: str | None
    REGION: str
    ENDPOINT_URL: str | None
    CLIENT_FACTORY: str | Callable[..., Any]
    CIRCUIT_BREAKER: int | None
    AUTH_FLOW: str
    REQUIRED: Any
    ENFORCEMENT: str
    REQUIRED_FROM: dt.datetime | None
    GRACE_PERIOD: float | None
    PROOF_MAX_AGE: float
    REAUTH_MAX_AGE: float
    ALLOW_REMOVE: bool
    RECOVERY_CODES: bool
    PASSWORD_PAGES: bool
    PASSWORD_RULES: PasswordRules | None
    NOTIFY: bool
    CELERY: bool
    REDIS_URL: SecretText | None
    CREATE_USERS: bool
    USER_RESOLVER: str | Callable[..., Any]
    USER_FIELDS: Mapping[str, str]
    GROUPS: Mapping[str, tuple[str, ...]]
    STAFF_GROUPS: tuple[str, ...]
    USER_UPDATER: str | Callable[..., Any] | None
    TRUSTED_BACKENDS: Mapping[str, str]
    TOKEN_PROVIDER: str | Callable[..., Any] | None
    FEDERATED: str
    ALLAUTH_PROVIDER: str | None
    TRUST_POOL_EMAIL: bool
    API_CLIENT_IDS: tuple[str, ...]
    JWKS_FILE: str | None
    CLIENT_ADDRESS: str | Callable[..., Any] | None
    CLIENT_METADATA: str | Callable[..., Any] | None
    CLIENT_ENCODED_DATA: str | Callable[..., Any] | None
    TRIGGER_MESSAGES: bool
    SESSION_IDLE: float | None
    STATUS_MAX_AGE: float | None
    GRANT_MAX_AGE: float
    API_ORIGINS: frozenset[str]
    SUPPORT_URL: str | None
    LOST_DEVICE_HELP: str | Promise | None

    def __init__(self, given: Mapping[str, object]) -> None:
        for problem in problems(given):
            raise ImproperlyConfigured(
                f"{NAME}[{problem.setting!r}] {problem.message}. {problem.hint}"
            )
        for name, setting in SETTINGS.items():
            setattr(self, name, setting.read(given[name]) if name in given else setting.default)
        self.REGION = self.REGION or pool_region(self.USER_POOL_ID)

    def __repr__(self) -> str:
        # An error report may show one that is not finished.
        pool = getattr(self, "USER_POOL_ID", "no pool yet")
        return f"<Conf of {pool}>"

    def client_secret(self) -> SecretText | None:
        """Return the app client's secret, calling the site's callable if the setting is one."""
        given = self.CLIENT_SECRET
        secret = _trimmed(given() or "") if callable(given) else given
        return secret or None

    def trust_in(self, backend: object) -> str | None:
        """Return what a sign-in through ``backend`` proves about MFA.

        Returns:
            ``elsewhere`` if the backend verifies a second factor that has nothing to do with Cognito. For sign-ins at
            managed login, ``everyone`` if the pool requires MFA, or ``enrolled`` if it is optional there. None if
            the sign-in proves nothing, as for a backend listed without a word when ``TOKEN_PROVIDER`` is set.
        """
        word = self.TRUSTED_BACKENDS.get(str(backend))
        if word is None:
            return None
        if word == "":
            word = None if self.TOKEN_PROVIDER else "elsewhere"
        # SECURITY: enforced here and not only in a check, which a server process never runs.
        return word if word in trustable(str(backend)) else None


def trustable(backend: str) -> tuple[str, ...]:
    """Return the words that ``TRUSTED_BACKENDS`` may give ``backend``.

    A backend class lists them in ``trust_words``, and its subclasses may narrow the list. Ours allows none: its
    sign-ins store a proof when the user has entered a code, and trust without a proof would let every user pass.

    Args:
        backend: dotted path, as in ``AUTHENTICATION_BACKENDS``; if it cannot be imported, no words are returned.
    """
    try:
        return _trust_words(backend)
    except Exception:  # noqa: BLE001 - a site's module may fail in any way
        return ()


@cache
def _trust_words(backend: str) -> tuple[str, ...]:
    # SECURITY: only words that every base class allows. Otherwise a subclass of our backend could list more words,
    # and sign-ins without a code would pass.
    lists = [
        vars(one)["trust_words"]
        for one in backend_class(backend).__mro__
        if "trust_words" in vars(one)
    ]
    return tuple(word for word in TRUST_WORDS if all(word in words for words in lists))


def backend_class(path: str) -> type:
    """Return the class of the backend at ``path``, which is a class or a callable that returns a backend.

    Any error of importing or calling it is raised.
    """
    found: Any = import_string(path)
    return found if isinstance(found, type) else type(found())


def given_settings() -> Mapping[str, object]:
    """Return the site's dictionary, or an empty one if the setting is missing or not a dictionary.

    The client secret and Redis's password are already wrapped in ``SecretText``, because error reports about other
    settings show frames with the whole dictionary.
    """
    given = getattr(settings, NAME, None)
    if not isinstance(given, Mapping):
        return {}
    if isinstance(given.get("REDIS_URL"), str) and str(given["REDIS_URL"]).startswith(
        REDIS_SCHEMES
    ):
        given = {**given, "REDIS_URL": SecretText(given["REDIS_URL"].strip())}
    if isinstance(given.get("CLIENT_SECRET"), str):
        return {**given, "CLIENT_SECRET": SecretText(given["CLIENT_SECRET"])}
    if given.get("CLIENT_SECRET") is None or callable(given["CLIENT_SECRET"]):
        return given
    return {**given, "CLIENT_SECRET": object()}  # such as bytes: rejected, and never shown


def problems(given: Mapping[str, object]) -> Iterator[Problem]:
    """Yield the problems of ``given``: unknown names, missing names, and invalid values."""
    for name in given:
        if name not in SETTINGS:
            yield Problem(str(name), IS_UNKNOWN, _nearest(str(name)))
    for name, setting in SETTINGS.items():
        if name in given:
            try:
                setting.read(given[name])
            except ValueError as error:
                yield Problem(name, str(error), setting.hint)
        elif setting.default is MISSING:
            yield Problem(name, IS_MISSING, setting.hint)
    if _lacks_region(given):
        hint = "Correct the id, or set REGION if the id belongs to an emulator."
        yield Problem("USER_POOL_ID", "does not start with an AWS Region", hint)


def _lacks_region(given: Mapping[str, object]) -> bool:
    """Return whether neither the pool's id nor ``REGION`` names the Region."""
    pool_id = given.get("USER_POOL_ID")
    if given.get("REGION") or not isinstance(pool_id, str):
        return False
    return bool(USER_POOL_ID.fullmatch(pool_id.strip())) and not pool_region(pool_id.strip())


def _nearest(name: str) -> str:
    close = difflib.get_close_matches(name.upper(), SETTINGS, n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else f"The settings are: {', '.join(SETTINGS)}."


_conf: Conf | None = None


def get_conf() -> Conf:
    """Return the settings, read once.

    Raises:
        ImproperlyConfigured: a required setting is missing, or one cannot be read.
    """
    global _conf
    conf = _conf
    if conf is None:
        conf = _conf = Conf(given_settings())
    return conf


def _drop(*, setting: str, **_kwargs: object) -> None:
    global _conf
    if setting in (NAME, "TIME_ZONE"):
        _conf = None


setting_changed.connect(_drop, dispatch_uid="cognito_mfa.conf")
