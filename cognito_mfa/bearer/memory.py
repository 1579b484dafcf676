"""Remembers results about a sign-in in Django's cache, so that ordinary requests don't call Cognito.

The keys are made with ``SECRET_KEY``, so an attacker who can write to the cache cannot create an entry for a token. An
entry names no user and contains no secret. If the cache fails or loses entries, that costs calls to Cognito, never a
proof.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from django.core.cache import cache
from django.utils.crypto import salted_hmac

from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement.identity_state import Identity

logger = logging.getLogger(__name__)

REMEMBERED = 300.0  # seconds for which a result is remembered
VERIFIED = "verified"
_SALT = "cognito_mfa.bearer"


def recall(identity: Identity, claims: Mapping[str, Any]) -> tuple[str, float] | None:
    """Return the remembered result for the sign-in, and its age in seconds; None if there is none.

    Args:
        identity: of the user. A reset, a removal, and any other change of generation change the key.
        claims: of the access token.
    """
    found = _get(_key_of_sign_in(identity, claims))
    try:
        word, at = found
        ago = time.time() - at
    except (TypeError, ValueError):  # there is none, or other code wrote it
        return None
    return (str(word), ago) if 0.0 <= ago <= get_conf().PROOF_MAX_AGE else None


def remember(identity: Identity, claims: Mapping[str, Any], word: str) -> None:
    """Remember the result for the sign-in.

    Args:
        identity: of the user.
        claims: of the access token.
        word: ``VERIFIED``, or why the sign-in proves nothing.
    """
    lasts = get_conf().PROOF_MAX_AGE if word == VERIFIED else REMEMBERED
    _set(_key_of_sign_in(identity, claims), (word, time.time()), lasts)


def is_first_sight(user: Any, claims: Mapping[str, Any]) -> bool:
    """Return whether this token was not used in the last minutes, so that its groups must be read.

    Args:
        user: of this site, whom the token names.
        claims: of the access token.
    """
    key = _key("seen", user.pk, claims.get("jti"), claims.get("iat"))
    try:
        return bool(cache.add(key, 1, REMEMBERED))
    except Exception as error:  # noqa: BLE001 - each cache fails in its own way
        _log(error)
        return True


def refused_link(claims: Mapping[str, Any]) -> str | None:
    """Return why the user pool user was refused a moment ago; None if they were not."""
    found = _get(_key("refused", claims.get("sub"), *_sign_in(claims)))
    return found if isinstance(found, str) else None


def remember_refused_link(claims: Mapping[str, Any], reason: str) -> None:
    """Remember a refusal, so that one client cannot fill the log and the events.

    Args:
        claims: of the access token.
        reason: one of ``LinkRefusedReason``.
    """
    _set(_key("refused", claims.get("sub"), *_sign_in(claims)), str(reason), REMEMBERED / 5)


def _key_of_sign_in(identity: Identity, claims: Mapping[str, Any]) -> str:
    # SECURITY: everything that ends proofs changes one of these.
    state = (identity.id, identity.user_id, identity.sub, identity.generation, identity.nonce)
    return _key("mfa", *state, identity.sign_outs, *_sign_in(claims))


def _sign_in(claims: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the id of a sign-in, which is the same in all tokens of its refresh token.

    Cognito leaves out ``origin_jti`` if tokens cannot be revoked. Then each token is judged by itself.
    """
    return (
        claims.get("client_id"),
        claims.get("origin_jti") or claims.get("jti"),
        claims.get("auth_time"),
    )


def _key(*parts: object) -> str:
    text = "\x1f".join(map(repr, (get_conf().USER_POOL_ID, *parts)))
    return f"cognito_mfa.{salted_hmac(_SALT, text, algorithm='sha256').hexdigest()}"


def _get(key: str) -> Any:
    try:
        return cache.get(key)
    except Exception as error:  # noqa: BLE001 - each cache fails in its own way
        _log(error)
        return None


def _set(key: str, value: object, seconds: float) -> None:
    try:
        cache.set(key, value, seconds)
    except Exception as error:  # noqa: BLE001 - likewise
        _log(error)


def _log(error: Exception) -> None:
    logger.warning("cache_failed: %s", type(error).__name__)
