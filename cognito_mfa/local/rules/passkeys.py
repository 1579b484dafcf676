"""Passkeys: what a pool offers, the options for an authenticator, and the check of its response.

``fido2`` implements WebAuthn. Only pools with passkeys need it.

See "Passkeys" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cognito_mfa.local.errors import (
    CognitoError,
    InvalidParameterException,
    NotAuthorizedException,
    WebAuthnChallengeNotFoundException,
    WebAuthnConfigurationMissingException,
    WebAuthnCredentialNotSupportedException,
    WebAuthnOriginNotAllowedException,
    WebAuthnRelyingPartyMismatchException,
)
from cognito_mfa.local.rules.state import Passkey, User, UserPool

if TYPE_CHECKING:
    from fido2.server import Fido2Server
    from fido2.webauthn import AuthenticatorData, CollectedClientData

WEB_AUTHN = "WEB_AUTHN"
CONFIGURATION = "WebAuthnConfiguration"
MULTI_FACTOR = "MULTI_FACTOR_WITH_USER_VERIFICATION"
CHALLENGE_BYTES = 32
TIMEOUT = 60_000  # milliseconds, for the authenticator
#: ES256 and RS256, by their COSE numbers.
ALGORITHMS = (-7, -257)
PUBLIC_KEY = "public-key"
REQUIRED, PREFERRED = "required", "preferred"


def is_offered(pool: UserPool) -> bool:
    """Return whether users of a pool may sign in with passkeys."""
    return WEB_AUTHN in pool.first_factors


def count_as_mfa(pool: UserPool) -> bool:
    """Return whether a passkey with user verification is both factors in a pool."""
    return _configuration(pool).get("FactorConfiguration") == MULTI_FACTOR


def new_challenge() -> str:
    """Return what an authenticator must sign, in base64url."""
    return _encoded(secrets.token_bytes(CHALLENGE_BYTES))


def relying_party(pool: UserPool) -> str:
    """Return the domain that passkeys of a pool belong to.

    Raises:
        WebAuthnConfigurationMissingException: The pool has no relying party id, and no domain.
    """
    configured = _configuration(pool).get("RelyingPartyId")
    if configured:
        return str(configured)
    domains = sorted(pool.domains.values(), key=lambda domain: not domain.is_custom)
    if not domains:
        raise WebAuthnConfigurationMissingException(
            "The user pool has no relying party id and no domain."
        )
    domain = domains[0]
    return domain.name if domain.is_custom else _prefixed(pool, domain.name)


def creation_options(pool: UserPool, user: User, challenge: str) -> dict[str, Any]:
    """Return the options for ``navigator.credentials.create()``, as Cognito writes them.

    Args:
        pool: The user pool.
        user: The user.
        challenge: What the authenticator must sign.

    Returns:
        WebAuthn's PublicKeyCredentialCreationOptionsJSON.
    """
    party = relying_party(pool)
    return {
        "authenticatorSelection": {
            "requireResidentKey": True,
            "residentKey": "required",
            "userVerification": _verification(pool, user),
        },
        "challenge": challenge,
        "excludeCredentials": _descriptors(user),
        "pubKeyCredParams": [{"alg": number, "type": PUBLIC_KEY} for number in ALGORITHMS],
        "rp": {"id": party, "name": party},
        "timeout": TIMEOUT,
        "user": {
            "displayName": user.username,
            "id": _encoded(user.sub.encode()),
            "name": user.username,
        },
    }


def request_options(pool: UserPool, user: User, challenge: str) -> dict[str, Any]:
    """Return the options for ``navigator.credentials.get()``.

    Args:
        pool: The user pool.
        user: The user.
        challenge: What the authenticator must sign.

    Returns:
        WebAuthn's PublicKeyCredentialRequestOptionsJSON.
    """
    return {
        "challenge": challenge,
        "timeout": TIMEOUT,
        "rpId": relying_party(pool),
        "allowCredentials": _descriptors(user),
        "userVerification": _verification(pool, user),
    }


def registered(
    pool: UserPool, user: User, challenge: str, credential: Any, *, now: float
) -> Passkey:
    """Return the passkey of a RegistrationResponseJSON.

    Args:
        pool: The user pool.
        user: The user.
        challenge: What the authenticator had to sign.
        credential: What the authenticator answered.
        now: The time in Unix seconds.

    Returns:
        The passkey, which no user has yet.

    Raises:
        WebAuthnChallengeNotFoundException: The response answers another challenge.
        WebAuthnOriginNotAllowedException: It was made for a page of another domain.
        WebAuthnRelyingPartyMismatchException: It belongs to another relying party.
        WebAuthnCredentialNotSupportedException: Its key is of a kind that Cognito does not support.
        InvalidParameterException: It is not a RegistrationResponseJSON.
    """
    data = _checked_registration(pool, user, challenge, credential)
    found = data.credential_data
    if found is None or found.public_key.ALGORITHM not in ALGORITHMS:
        raise WebAuthnCredentialNotSupportedException("The key is neither ES256 nor RS256.")
    transports, attachment = _transports_and_attachment(credential)
    return Passkey(
        id=_encoded(found.credential_id),
        attested=_encoded(bytes(found)),
        name=f"Passkey {len(user.passkeys) + 1}",
        relying_party=relying_party(pool),
        attachment=attachment,
        transports=transports,
        counter=data.counter,
        created_at=now,
    )


def _checked_registration(pool: UserPool, user: User, challenge: str, credential: Any) -> Any:
    """Return the authenticator data of a RegistrationResponseJSON that fido2 accepts."""
    server = _server(pool)
    from fido2.webauthn import RegistrationResponse

    try:
        response = RegistrationResponse.from_dict(credential)
        data, attested = response.response.client_data, response.response.attestation_object
        _check_ceremony(server, data, attested.auth_data, challenge, "webauthn.create")
        state = {"challenge": challenge, "user_verification": _verification(pool, user)}
        return server.register_complete(state, response)
    except CognitoError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidParameterException(f"Invalid credential: {error}") from None
    except Exception as error:  # noqa: BLE001 - fido2 raises errors of many kinds
        raise WebAuthnCredentialNotSupportedException(str(error)) from None


def check_assertion(pool: UserPool, user: User, challenge: str, credential: str) -> None:
    """Check an AuthenticationResponseJSON, and count its use.

    Args:
        pool: The user pool.
        user: The user.
        challenge: What the authenticator had to sign.
        credential: What the authenticator answered, as text.

    Raises:
        NotAuthorizedException: The response does not sign this challenge with a passkey of the user,
            or lacks user verification although it is needed.
        InvalidParameterException: It is not an AuthenticationResponseJSON.
    """
    server = _server(pool)
    from fido2.webauthn import AttestedCredentialData, AuthenticationResponse

    keys = [AttestedCredentialData(_decoded(key.attested)) for key in user.passkeys.values()]
    try:
        response = AuthenticationResponse.from_dict(json.loads(credential) or {})
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidParameterException("Invalid CREDENTIAL.") from None
    handle = response.response.user_handle
    if handle and handle != user.sub.encode():  # the authenticator says whose passkey it is
        raise NotAuthorizedException("Passkey verification failed.")
    state = {"challenge": challenge, "user_verification": _verification(pool, user)}
    try:
        used = server.authenticate_complete(state, keys, response)
    except (ValueError, TypeError, KeyError):
        raise NotAuthorizedException("Passkey verification failed.") from None
    _count_use(user.passkeys[_encoded(used.credential_id)], response.response.authenticator_data)


def _transports_and_attachment(credential: Mapping[str, Any]) -> tuple[list[str], str]:
    """Return what a response says about its authenticator. Raises InvalidParameterException."""
    transports = credential["response"].get("transports") or []
    attachment = credential.get("authenticatorAttachment") or ""
    texts = isinstance(transports, list) and all(isinstance(one, str) for one in transports)
    if not texts or not isinstance(attachment, str):
        raise InvalidParameterException("Invalid credential: its authenticator has another form.")
    if credential.get("type", PUBLIC_KEY) != PUBLIC_KEY:
        raise InvalidParameterException("Invalid credential: it is no public key.")
    return transports, attachment


def _count_use(passkey: Passkey, data: AuthenticatorData) -> None:
    """Refuse a counter that went back, because the passkey was copied. Some authenticators always send 0."""
    if data.counter and data.counter <= passkey.counter:
        raise NotAuthorizedException("Passkey verification failed.")
    passkey.counter = data.counter


def _check_ceremony(
    server: Fido2Server,
    data: CollectedClientData,
    authenticator: AuthenticatorData,
    challenge: str,
    kind: str,
) -> None:
    """Raise Cognito's error for each mistake, because fido2 has one error for all of them."""
    if data.type != kind:
        raise InvalidParameterException("Invalid credential: it is of another ceremony.")
    if not secrets.compare_digest(_encoded(data.challenge), challenge):
        raise WebAuthnChallengeNotFoundException("The challenge was not found, or has expired.")
    if not _is_page_of(data.origin, str(server.rp.id)):
        raise WebAuthnOriginNotAllowedException("The origin does not belong to the relying party.")
    if authenticator.rp_id_hash != server.rp.id_hash:
        raise WebAuthnRelyingPartyMismatchException("The passkey is of another relying party.")


def _is_page_of(origin: str, party: str) -> bool:
    """Return whether a page may use a relying party's passkeys: over TLS, or on the machine itself."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    if host != party and not host.endswith(f".{party}"):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host == "localhost")


def _verification(pool: UserPool, user: User) -> str:
    if count_as_mfa(pool) and user.passkey_mfa:
        return REQUIRED
    return str(_configuration(pool).get("UserVerification", PREFERRED))


def _configuration(pool: UserPool) -> Mapping[str, Any]:
    found: Mapping[str, Any] = pool.settings.get(CONFIGURATION, {})
    return found


def _prefixed(pool: UserPool, prefix: str) -> str:
    return f"{prefix}.auth.{pool.region}.amazoncognito.com"


def _descriptors(user: User) -> list[dict[str, str]]:
    return [{"id": key, "type": PUBLIC_KEY} for key in user.passkeys]


def _server(pool: UserPool) -> Fido2Server:
    try:
        from fido2.server import Fido2Server
        from fido2.webauthn import PublicKeyCredentialRpEntity
    except ImportError:
        raise InvalidParameterException(
            "The local Cognito needs fido2 for passkeys: pip install django-cognito-mfa[passkeys]"
        ) from None
    party = relying_party(pool)
    entity = PublicKeyCredentialRpEntity(id=party, name=party)
    return Fido2Server(entity, verify_origin=lambda origin: _is_page_of(origin, party))


def _encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return b""
