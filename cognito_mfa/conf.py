"""The app's settings: reads ``settings.COGNITO_MFA``, which no other module does.

Each setting has one reader, of ``values.setting_readers``. The system checks use the same ones, so a check accepts exactly
what the app can read. Nothing is read at import, and everything is read again after the setting has changed.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from cognito_mfa.values import setting_readers as readers
from cognito_mfa.values.password_rules import PasswordRules
from cognito_mfa.values.secret_text import SecretText

NAME = "COGNITO_MFA"
# Without this scope, an access token cannot set up an authenticator app ("Scope for self-service" in
# docs/cognito-behavior.md).
SELF_SERVICE_SCOPE = "aws.cognito.signin.user.admin"
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


def pool_region(pool_id: str) -> str:
    """Return the Region that the id of a user pool starts with; empty if it starts with none."""
    region = pool_id.rpartition("_")[0]
    return region if REGION.fullmatch(region) else ""


_PATH_HINT = "Set it to a callable or its dotted path, such as 'mysite.mfa.name'."
_TIME_HINT = "Set it to a datetime.timedelta or a number of seconds."
_FLAG_HINT = "Set it to True or False; with django-environ, use env.bool(...)."
MISSING = object()
SECRETS = ("CLIENT_SECRET", "REDIS_URL")  # the settings that hold a secret, or may

SETTINGS: Mapping[str, Setting] = {
    "USER_POOL_ID": Setting(
        readers.pool_id,
        MISSING,
        "Set it to the id of the user pool, such as 'eu-west-1_AbCdEfGhI'.",
    ),
    "CLIENT_ID": Setting(readers.word, MISSING, "Set it to the id of the user pool's app client."),
    "CLIENT_SECRET": Setting(
        readers.secret,
        None,
        "Set it to the app client's secret, a callable that returns it, or None.",
    ),
    "ISSUER": Setting(
        readers.optional_text,
        None,
        "Set it to the name that users know the site by, such as 'Example Ltd'.",
    ),
    "REGION": Setting(
        readers.optional_word, None, "Remove it, because the Region is part of USER_POOL_ID."
    ),
    "ENDPOINT_URL": Setting(
        readers.optional_url,
        None,
        "Remove it, or set it to the URL of a local Cognito, such as 'http://127.0.0.1:9229'.",
    ),
    "CLIENT_FACTORY": Setting(
        readers.callable_or_path, "cognito_mfa.cognito.make_client", _PATH_HINT
    ),
    "CIRCUIT_BREAKER": Setting(
        readers.optional_count,
        5,
        "Set it to the number of failures in a row after which Cognito counts as down, or None.",
    ),
    "AUTH_FLOW": Setting(
        readers.one_of("USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH"),
        "USER_PASSWORD_AUTH",
        "Set it to a flow that the app client allows.",
    ),
    "REQUIRED": Setting(
        readers.requirement,
        "everyone",
        "Set it to 'everyone', 'staff', {'groups': [...]}, False, or the dotted path of f(request) -> bool.",
    ),
    "ENFORCEMENT": Setting(
        readers.one_of("enforce", "observe", "off"),
        "enforce",
        "Set it to 'enforce', 'observe', or 'off'.",
    ),
    "REQUIRED_FROM": Setting(
        readers.moment,
        None,
        "Set it to a date, a datetime with a time zone, or either of them in ISO 8601.",
    ),
    "GRACE_PERIOD": Setting(readers.optional_seconds, None, _TIME_HINT),
    "PROOF_MAX_AGE": Setting(readers.seconds, 12 * 3600.0, _TIME_HINT),
    "REAUTH_MAX_AGE": Setting(readers.seconds, 300.0, _TIME_HINT),
    "ALLOW_REMOVE": Setting(readers.flag, False, _FLAG_HINT),
    "RECOVERY_CODES": Setting(readers.flag, False, _FLAG_HINT),
    "PASSWORD_PAGES": Setting(readers.flag, True, _FLAG_HINT),
    "PASSWORD_RULES": Setting(
        readers.password_rules,
        None,
        "Set it to the pool's password policy, such as {'length': 12, 'number': True}, or remove it.",
    ),
    "NOTIFY": Setting(readers.flag, True, _FLAG_HINT),
    "CELERY": Setting(readers.flag, False, _FLAG_HINT),
    "REDIS_URL": Setting(
        readers.optional_redis,
        None,
        "Set it to the address of a Redis, such as 'redis://127.0.0.1:6379/0', or remove it.",
    ),
    "CREATE_USERS": Setting(readers.flag, True, _FLAG_HINT),
    "USER_RESOLVER": Setting(
        readers.callable_or_path, "cognito_mfa.sign_in.linking.by_pool_and_sub", _PATH_HINT
    ),
    "USER_FIELDS": Setting(
        readers.user_fields, {}, "Set it to {claim: field}, such as {'given_name': 'first_name'}."
    ),
    "GROUPS": Setting(
        readers.group_names,
        {},
        "Set it to {pool_group: site_group}, or to {pool_group: [site_group, ...]}.",
    ),
    "STAFF_GROUPS": Setting(
        readers.names, (), "Set it to a list of the user pool's groups whose members are staff."
    ),
    "USER_UPDATER": Setting(readers.optional_callable_or_path, None, _PATH_HINT),
    "TRUSTED_BACKENDS": Setting(
        readers.trust,
        {},
        "Set it to a list of dotted paths of backends, or to {path: word}, such as {path: 'enrolled'}.",
    ),
    "TOKEN_PROVIDER": Setting(readers.optional_callable_or_path, None, _PATH_HINT),
    "FEDERATED": Setting(
        readers.one_of("block", "exempt"), "block", "Set it to 'block' or 'exempt'."
    ),
    "ALLAUTH_PROVIDER": Setting(
        readers.optional_text,
        None,
        "Set it to the id of the user pool's provider in django-allauth, such as 'cognito'.",
    ),
    "TRUST_POOL_EMAIL": Setting(
        readers.flag,
        False,
        "Set it to True only if no one but administrators can write addresses in the user pool.",
    ),
    "API_CLIENT_IDS": Setting(
        readers.client_ids,
        (),
        "Set it to a list of ids of app clients, such as ['1example23456789'], or remove it.",
    ),
    "JWKS_FILE": Setting(
        readers.optional_path,
        None,
        "Set it to the path of a file with the user pool's JWKS, or remove it.",
    ),
    "CLIENT_ADDRESS": Setting(readers.optional_callable_or_path, None, _PATH_HINT),
    "CLIENT_METADATA": Setting(readers.optional_callable_or_path, None, _PATH_HINT),
    "CLIENT_ENCODED_DATA": Setting(readers.optional_callable_or_path, None, _PATH_HINT),
    "TRIGGER_MESSAGES": Setting(readers.flag, False, _FLAG_HINT),
    "SESSION_IDLE": Setting(readers.optional_seconds, None, _TIME_HINT),
    "STATUS_MAX_AGE": Setting(readers.optional_seconds, None, _TIME_HINT),
    "GRANT_MAX_AGE": Setting(readers.seconds, 365 * 86400.0, _TIME_HINT),
    "API_ORIGINS": Setting(
        readers.origins,
        frozenset(),
        "Set it to a list of origins without a path, such as ['https://app.example.com'].",
    ),
    "SUPPORT_URL": Setting(
        readers.optional_text, None, "Set it to the URL of a page that says how to get help."
    ),
    "LOST_DEVICE_HELP": Setting(
        readers.shown_text,
        None,
        "Set it to a sentence that says whom to contact and with which proof.",
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
        secret = readers.trimmed(given() or "") if callable(given) else given
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
    """Return the keywords that ``TRUSTED_BACKENDS`` may give ``backend``.

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
    return tuple(word for word in readers.TRUST_WORDS if all(word in words for words in lists))


def backend_class(path: str) -> type:
    """Return the class of the backend at ``path``, which is a class or a callable that returns a backend.

    Any error of importing or calling it is raised.
    """
    found: Any = import_string(path)
    return found if isinstance(found, type) else type(found())


def given_settings() -> Mapping[str, object]:
    """Return the site's dictionary, or an empty one if the setting is missing or not a dictionary.

    The client secret and Redis's address are already wrapped in ``SecretText``, because error reports about other
    settings show frames with the whole dictionary.
    """
    return _closed() or {}


def _closed() -> Mapping[str, object] | None:
    """Return the site's dictionary with its secrets closed; the same object where none is open.

    SECURITY: read here, because no function of this app is given a secret as text.
    """
    given = getattr(settings, NAME, None)
    if not isinstance(given, Mapping):
        return None
    closed: dict[str, object] = {}
    for name in SECRETS:
        value = given.get(name)
        if isinstance(value, str):
            closed[name] = SecretText(value)
        elif not (value is None or callable(value) or isinstance(value, SecretText)):
            closed[name] = object()  # such as bytes: rejected, and never shown
    return {**given, **closed} if closed else given


def close_secrets() -> None:
    """Close the secrets in ``settings.COGNITO_MFA`` itself, once the site has started.

    SECURITY: Django's error reports contain every setting, and hide values only by the words in their names. An address
    with a password in it has none of those words.
    """
    closed = _closed()
    if closed is not None and closed is not getattr(settings, NAME):
        setattr(settings, NAME, closed)


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
    return bool(readers.USER_POOL_ID.fullmatch(pool_id.strip())) and not pool_region(
        pool_id.strip()
    )


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
