"""Switches for points where sources about Cognito disagree, or that have not been measured.

The default is the most likely behavior. A switch names a behavior that was reported or
documented, never a convenience.

See "Where sources disagree" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from itertools import pairwise
from typing import Any, cast, get_args, get_type_hints
from urllib.parse import urlsplit

NONE = "none"
BOOLEANS = {"true": True, "false": False}
#: Least and most; numbers that are not here may be anything from 0.
RANGES = {"latency": (0.0, 60.0), "secret_bytes": (10, 64)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """How a pool behaves where it is not known how Cognito does."""

    tokens_before_first_setup: bool = False
    """A self-signed-up user of an ON pool gets tokens once before MFA_SETUP is forced
    (documented), instead of MFA_SETUP at once (measured)."""

    code_after_setup: bool = False
    """SOFTWARE_TOKEN_MFA follows MFA_SETUP (documented), instead of tokens (measured)."""

    required_mfa_refuses_preference_off: bool = False
    """Turning TOTP off in an ON pool is an error (documented), instead of 200 without any
    effect on the next sign-in (measured)."""

    association_drops_active_token: bool = False
    """Associating again removes the active token at once (measured until 2021), instead of when
    the new one is verified (documented today)."""

    association_once_per_session: bool = False
    """A second AssociateSoftwareToken with one session is refused, instead of the newest
    secret winning."""

    sign_in_ends_older_sessions: bool = False
    """A new sign-in of the same user ends sessions that are still open."""

    verified_token_asked_without_preference: bool = False
    """An OPTIONAL pool asks for a verified token although no preference was set."""

    srp_timestamp_tolerance: float | None = 900.0
    """How many seconds the TIMESTAMP of an SRP claim may be off. It was never measured;
    None checks only its form."""

    password_failures_before_lock: int | None = 5
    """How many wrong passwords lock the user; None never locks."""

    code_failures_before_lock: int | None = 5
    """Wrong TOTP and SMS codes before a lock; None never locks, as some have measured."""

    email_code_failures_lock: bool = False
    """Wrong email codes count too; six of them without a lock were measured."""

    setup_failures_lock: bool = False
    """Wrong codes at VerifySoftwareToken count too."""

    wrong_setup_code_is_a_status: bool = False
    """VerifySoftwareToken answers Status=ERROR to a wrong code (documented, never seen),
    instead of EnableSoftwareTokenMFAException."""

    secret_bytes: int = 32
    """32 random bytes make a SecretCode of 52 characters."""

    acr_and_amr: bool = False
    """Tokens carry the claims acr and amr."""

    updated_issuer: bool = False
    """The issuer is https://issuer-cognito-idp.<region>.amazonaws.com/<pool id>."""

    issuer: str | None = None
    """The issuer begins with this URL instead of AWS's address, as in http://127.0.0.1:9229,
    and the OpenID configuration names the endpoints below it. OpenID Connect clients can then
    be pointed here: they demand that the issuer is where the configuration was found."""

    deleting_absent_token_fails: bool = False
    """AdminDeleteSoftwareToken refuses a user who has none, instead of doing nothing."""

    deleting_token_ends_sessions: bool = False
    """AdminDeleteSoftwareToken ends the user's open sign-in sessions."""

    auth_factors_need_preference: bool = False
    """The AuthFactors operations show SOFTWARE_TOKEN only when it is enabled, instead of as
    soon as it is verified."""

    older_unused_codes_accepted: bool = False
    """Only the very code that was used is refused, instead of every step up to the last
    accepted one."""

    verify_without_association_is_not_found: bool = False
    """With no secret to verify, SoftwareTokenMFANotFoundException instead of
    EnableSoftwareTokenMFAException."""

    documented_spellings: bool = False
    """The spellings in the documentation's prose (MFAS_CAN_SELECT, EMAIL_MFA, email), instead
    of those that clients use."""

    admin_and_public_calls_mix: bool = False
    """AdminRespondToAuthChallenge may answer a session of InitiateAuth, and vice versa."""

    existence_errors_cover_admin_sign_in: bool = False
    """PreventUserExistenceErrors hides unknown users from AdminInitiateAuth too."""

    clients_default_to_standard_attributes: bool = False
    """An app client without ReadAttributes or WriteAttributes may read or write standard
    attributes only (documented), instead of the pool's own attributes too (measured)."""

    pool_updates_reset_everything: bool = False
    """UpdateUserPool resets each member that it does not name (documented, and measured in
    2018), instead of keeping the MFA configuration, both policies, and a few others
    (measured)."""

    alias_answers_challenges: bool = True
    """USERNAME in a challenge's answer may be an alias (measured, mixed); documented: not."""

    silent_invitation_needs_password: bool = False
    """AdminCreateUser with SUPPRESS and no password is refused (measured once), instead of
    getting a generated password (documented)."""

    hourly_limits: bool = True
    """Limits the requests of one user per hour (ForgotPassword, ConfirmForgotPassword,
    ConfirmSignUp, ResendConfirmationCode), then LimitExceededException."""

    request_quotas: bool = False
    """Limits the requests of the account per second, then TooManyRequestsException. Documented,
    but off, because a test or a demonstration is not a load test. Only the account's own
    Behavior is asked."""

    trigger_seconds: float | None = 5.0
    """Seconds that each of three calls of a pool's function may take; None waits without limit,
    for a debugger."""

    latency: float = 0.0
    """Seconds before each answer, in real time, as the network and AWS take (20 to 60
    milliseconds within a Region). Only the account's own Behavior is asked."""

    refresh_needs_tracked_device: bool = True
    """In a pool that tracks devices, refreshing needs DEVICE_KEY, and a confirmed device
    (reported), instead of the token alone."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value that is none of its switch."""
        for name, kind in kinds().items():
            _check(name, kind, getattr(self, name))


@cache
def kinds() -> Mapping[str, tuple[type, ...]]:
    """Return the types of each switch's values."""
    hints = get_type_hints(Behavior)
    return {one.name: get_args(hints[one.name]) or (hints[one.name],) for one in fields(Behavior)}


def changed(behavior: Behavior, switches: Mapping[str, Any]) -> Behavior:
    """Return a behavior with some switches changed.

    Args:
        behavior: What it is now.
        switches: New values by the names of the switches.

    Returns:
        The behavior.

    Raises:
        ValueError: There is no such switch, or it has no such value.
    """
    for name in switches:
        _known(name)
    return replace(behavior, **switches)


def parse(text: str) -> tuple[str, Any]:
    """Return the switch and the value that ``name=value`` names, as on the command line.

    Raises:
        ValueError: There is no such switch, or it has no such value.
    """
    name, equals, value = text.partition("=")
    _known(name)
    if not equals:
        raise ValueError(f"{name} needs a value, as in {name}={_word(getattr(Behavior(), name))}")
    parsed = _parsed(value, kinds()[name])
    _check(name, kinds()[name], parsed)
    return name, parsed


def listed() -> str:
    """Return all switches with their defaults and what they mean, for people."""
    said = _docstrings()
    return "\n\n".join(
        f"{one.name}={_word(one.default)}\n    {' '.join(said.get(one.name, '').split())}"
        for one in fields(Behavior)
    )


def _known(name: str) -> None:
    if name not in kinds():
        raise ValueError(f"there is no behavior {name!r}: --behaviors and GET /behaviors list them")


def _check(name: str, allowed: tuple[type, ...], value: Any) -> None:
    numbers = (int, float) if float in allowed else (int,) if int in allowed else ()
    if isinstance(value, bool) or value is None:
        fits = type(value) in allowed
    elif isinstance(value, (int, float)):
        least, most = RANGES.get(name, (0, math.inf))
        fits = isinstance(value, numbers) and math.isfinite(value) and least <= value <= most
    else:
        fits = isinstance(value, str) and str in allowed and _is_base(value)
    if not fits:
        raise ValueError(f"{name} cannot be {value!r}: it is {_described(name, allowed)}")


def _described(name: str, allowed: tuple[type, ...]) -> str:
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "an http(s) URL"}
    least, most = RANGES.get(name, (0, math.inf))
    bounds = f" from {least} to {most}" if most < math.inf else ""
    return " or ".join(words.get(kind, NONE) for kind in allowed) + bounds


def _is_base(url: str) -> bool:
    """Whether a URL can be continued with a path."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it raises where there is none
    except ValueError:
        return False
    plain = url.isascii() and url.isprintable() and not set(url) & set("?#@\\ ")
    return plain and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _parsed(text: str, allowed: tuple[type, ...]) -> Any:
    """The value that a text stands for; the text itself where it stands for none."""
    word = text.lower()
    if word == NONE and type(None) in allowed:
        return None
    if bool in allowed:
        return BOOLEANS.get(word, text)
    for kind in (int, float):
        try:
            if kind in allowed:
                return kind(text)
        except ValueError:
            continue
    return text


def _word(value: Any) -> str:
    return NONE if value is None else str(value).lower()


@cache
def _docstrings() -> Mapping[str, str]:
    """The texts below the fields, which only the source has."""
    (class_,) = ast.parse(inspect.getsource(Behavior)).body
    return {
        field.target.id: str(text.value.value)
        for field, text in pairwise(cast("ast.ClassDef", class_).body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
