"""Verifies tokens of the pool by issuer, kind, app client, time, and signature.

Issuer, kind and app client must equal what the settings name. The signature is checked unless Cognito has
just sent the token to us over TLS: with the pool's own keys, and only by RS256. A token's header chooses
one of these keys; it never brings a key, or the address of one.

The keys are fetched at a sign-in, or at the first request with a bearer token, and kept for an hour. While they cannot
be fetched again, the old ones are used for a day: a signature that they verify was made by Cognito. A site without a way
to AWS pins them in a file (``JWKS_FILE``).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import os
import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from django.conf import settings
from django.core.signals import setting_changed

from cognito_mfa.cognito.endpoints import ENDPOINT_VARIABLE, aws_host
from cognito_mfa.cognito.public_documents import fetch_document
from cognito_mfa.conf import NAME, Conf
from cognito_mfa.exceptions import (
    BadReply,
    BadReplyReason,
    CognitoMFAError,
    Misconfigured,
    MisconfiguredReason,
    Unavailable,
    UnavailableReason,
)
from cognito_mfa.values.clocks import SKEW
from cognito_mfa.values.secret_text import SecretText

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from jwt.types import Options

ALGORITHM = "RS256"
SMALLEST_KEY = 2048  # bits
KEYS_MAX_AGE = 3600.0  # seconds
# Seconds for which old keys are used while new ones cannot be fetched.
KEYS_LAST_RESORT = 24 * 3600.0
ASK_AGAIN_AFTER = 60.0  # seconds: how often an unknown key name may make us fetch the keys again
# The rest is checked here, with an allowance for clocks; the library checks only the signature.
SIGNATURE_ONLY: Options = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}

Use = Literal["access", "id"]
CLIENT_CLAIM: Mapping[Use, str] = {"access": "client_id", "id": "aud"}


def issuers(conf: Conf) -> frozenset[str]:
    """Return the issuers whose tokens are accepted.

    AWS has two forms, and a pool has one of them (IssuerConfiguration). A local Cognito that the settings
    name may use its own address.
    """
    # The id of an emulator's pool may begin with another word than REGION.
    hosts = {aws_host(name) for name in (conf.REGION, conf.USER_POOL_ID.rpartition("_")[0])}
    own = conf.ENDPOINT_URL or os.environ.get(ENDPOINT_VARIABLE)
    if not own and settings.DEBUG:  # calls go there too, see endpoints.refuse_endpoint
        own = os.environ.get("AWS_ENDPOINT_URL")
    aws = [f"https://{prefix}{host}" for host in hosts for prefix in ("", "issuer-")]
    places = [*aws, *([own.rstrip("/")] if own else [])]
    return frozenset(f"{place}/{conf.USER_POOL_ID}" for place in places)


def read(
    token: SecretText,
    conf: Conf,
    *,
    use: Use,
    check_signature: bool,
    clients: Collection[str] = (),
) -> dict[str, Any]:
    """Return the claims of a token of the pool and app client that the settings name.

    Args:
        token: as it was given.
        conf: the app's settings.
        use: which kind it must be.
        check_signature: whether to check signature and time; False only for a token that Cognito has just
            sent us over TLS.
        clients: ids of the app clients that it may be for; by default ``CLIENT_ID`` alone.

    Raises:
        BadReply: it is no token, another pool's or client's, or out of date.
        Unavailable: the pool's keys cannot be fetched.
        Misconfigured: likewise.
    """
    claims = _verify_signature(token, conf) if check_signature else _decode_unverified(token)
    if check_signature and not is_in_force(claims):
        raise BadReply(reason=BadReplyReason.OUT_OF_DATE)
    if not _is_ours(claims, conf, use, clients or (conf.CLIENT_ID,)):
        hint = "The token is for another user pool or app client than USER_POOL_ID and CLIENT_ID."
        raise BadReply(reason=BadReplyReason.FOREIGN_TOKEN, hint=hint)
    return claims


def is_in_force(claims: Mapping[str, Any]) -> bool:
    """Return whether a token with these claims is valid now, by ``nbf``, ``iat``, and ``exp``."""
    moments = [claims.get("exp"), claims.get("nbf", 0), claims.get("iat", 0)]
    if any(type(moment) is not int for moment in moments):
        return False
    expires, begins, issued = moments
    return bool(max(begins, issued) - SKEW <= time.time() <= expires + SKEW)


def belong_together(access_token: SecretText, id_claims: Mapping[str, Any]) -> bool:
    """Return whether an ID token was issued with ``access_token``; True when it has no ``at_hash``.

    Args:
        access_token: the one that it came with.
        id_claims: claims of the ID token.
    """
    said = id_claims.get("at_hash")
    if said is None:
        return True
    digest = hashlib.sha256(access_token.reveal().encode()).digest()[:16]
    wanted = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return isinstance(said, str) and hmac.compare_digest(said.encode(), wanted.encode())


def _is_ours(claims: Mapping[str, Any], conf: Conf, use: Use, clients: Collection[str]) -> bool:
    """Compare issuer, kind and client. Each must be text: a list that contains the right one is refused."""
    issuer, client = claims.get("iss"), claims.get(CLIENT_CLAIM[use])
    return (
        isinstance(issuer, str)
        and issuer in issuers(conf)
        and claims.get("token_use") == use
        and isinstance(client, str)
        and client in clients
    )


# ------------------------------------------------------------------------------------ signatures


def _decode_unverified(token: SecretText) -> dict[str, Any]:
    # By hand: the library also decodes header and signature, of which nothing is used then, ten times as long.
    try:
        _header, payload, _signature = token.reveal().split(".")
        claims = json.loads(base64.urlsafe_b64decode(f"{payload}==="))
    except Exception:  # noqa: BLE001 - an unforeseen error would leave with the token in its frames
        claims = None
    return claims if isinstance(claims, dict) else {}


def _verify_signature(token: SecretText, conf: Conf) -> dict[str, Any]:
    """Return the claims of a token that one of the pool's keys signed.

    Raises:
        BadReply: none of them did.
    """
    import jwt

    key = _key(_kid(token), conf)
    claims: dict[str, Any] = {}
    if key is not None:
        try:
            claims = jwt.decode(token.reveal(), key, algorithms=[ALGORITHM], options=SIGNATURE_ONLY)
        except Exception:  # noqa: BLE001 - likewise
            claims = {}
    if not claims:
        raise BadReply(reason=BadReplyReason.NOT_SIGNED)
    return claims


def _kid(token: SecretText) -> str:
    """Return the name of the key that signed the token. SECURITY: nothing else in its header is used."""
    import jwt

    try:
        kid = jwt.get_unverified_header(token.reveal()).get("kid")
    except Exception:  # noqa: BLE001 - likewise
        kid = None
    return kid if isinstance(kid, str) else ""


class _Keys(NamedTuple):
    """The pool's keys, as they were fetched.

    Attributes:
        by_kid: the keys by their names.
        good_until: when they must be fetched again, by the monotonic clock.
        asked_at: when they were last asked for, by the monotonic clock.
    """

    by_kid: Mapping[str, RSAPublicKey]
    good_until: float
    asked_at: float


_known: dict[str, _Keys] = {}
_failed_at: dict[str, float] = {}
_lock = threading.Lock()


def forget_keys(**kwargs: object) -> None:
    """Drop the keys: settings changed."""
    if kwargs.get("setting", NAME) == NAME:
        _known.clear()
        _failed_at.clear()


def _new_lock() -> None:
    """Replace the lock in a forked child, where a thread that no longer exists may have held it."""
    global _lock
    _lock = threading.Lock()


setting_changed.connect(forget_keys, dispatch_uid="cognito_mfa.cognito.token_verification")
os.register_at_fork(after_in_child=_new_lock)


def _key(kid: str, conf: Conf) -> RSAPublicKey | None:
    """Return the pool's key of that name; None when it has none.

    An unknown name may be a new key's. Tokens with invented names make us fetch the keys once a minute at most.

    Raises:
        Unavailable: the keys cannot be fetched.
        BadReply: likewise.
        Misconfigured: likewise.
    """
    pool, came_at = conf.USER_POOL_ID, time.monotonic()
    known = _known.get(pool)
    if known is not None and came_at < known.good_until and kid in known.by_kid:
        return known.by_kid[kid]
    # One thread fetches; the others continue with old keys, where these have signed the token.
    old = _last_resort(pool, kid)
    if not _lock.acquire(blocking=old is None):
        return old
    try:
        return _fetched_key(kid, conf, came_at)
    except CognitoMFAError:
        if old is None:
            raise
        return old
    finally:
        _lock.release()


def _last_resort(pool: str, kid: str) -> RSAPublicKey | None:
    """Return the key of that name from old keys; None without one."""
    known = _known.get(pool)
    if known is None or time.monotonic() >= known.good_until + KEYS_LAST_RESORT:
        return None
    return known.by_kid.get(kid)


def _fetched_key(kid: str, conf: Conf, came_at: float) -> RSAPublicKey | None:
    """Return the pool's key of that name, from keys that are fetched where they may have changed.

    Called under the lock.
    """
    pool, now = conf.USER_POOL_ID, time.monotonic()
    known = _known.get(pool)
    if known is None or now >= known.good_until:
        # While this thread waited, another one failed; or, with old keys, one failed a moment ago.
        failed_at = _failed_at.get(pool, 0.0)
        if failed_at > came_at or (known is not None and now - failed_at < ASK_AGAIN_AFTER):
            raise Unavailable(reason=UnavailableReason.ASKED_JUST_NOW, sent="no")
        known = _fetch(conf)
    elif kid not in known.by_kid and now - known.asked_at >= ASK_AGAIN_AFTER:
        _known[pool] = known._replace(asked_at=now)  # also where it fails
        known = _fetch(conf)
    _known[pool] = known
    return known.by_kid.get(kid)


def _fetch(conf: Conf) -> _Keys:
    if conf.JWKS_FILE is not None:
        return _Keys(_pinned_keys(conf.JWKS_FILE), math.inf, math.inf)
    try:
        document = fetch_document(f"{conf.USER_POOL_ID}/.well-known/jwks.json")
    except CognitoMFAError:
        _failed_at[conf.USER_POOL_ID] = time.monotonic()
        raise
    found = read_keys(document.body)
    if not found:
        raise BadReply(reason=BadReplyReason.UNEXPECTED_ANSWER)
    said = KEYS_MAX_AGE if document.max_age is None else document.max_age
    now = time.monotonic()
    return _Keys(found, now + min(max(said, ASK_AGAIN_AFTER), KEYS_MAX_AGE), now)


def _pinned_keys(path: str) -> dict[str, RSAPublicKey]:
    try:
        found, why = read_keys(Path(path).read_bytes()), "it contains no RSA key that signs tokens"
    except OSError as error:
        found, why = {}, str(error.strerror)
    if not found:
        hint = f"JWKS_FILE cannot be used: {why}."
        raise Misconfigured(reason=MisconfiguredReason.JWKS_FILE, hint=hint)
    return found


def read_keys(document: bytes) -> dict[str, RSAPublicKey]:
    """Return the keys of a JWKS document that sign tokens, by their names; none for any other document."""
    try:
        listed = json.loads(document)["keys"]
        keys = {entry["kid"]: _public_key(entry) for entry in listed if _is_signing_key(entry)}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        keys = {}
    return {kid: key for kid, key in keys.items() if key is not None}


def _is_signing_key(entry: Mapping[str, Any]) -> bool:
    """Return whether a listed key is one that signs tokens."""
    usual = {"kty": "RSA", "use": "sig", "alg": ALGORITHM}
    return isinstance(entry["kid"], str) and all(
        entry.get(name, wanted) == wanted for name, wanted in usual.items()
    )


def _public_key(entry: Mapping[str, Any]) -> RSAPublicKey | None:
    import jwt
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    try:
        key = jwt.PyJWK(dict(entry), algorithm=ALGORITHM).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= SMALLEST_KEY else None
