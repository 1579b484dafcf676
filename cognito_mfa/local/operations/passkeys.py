"""Registers, lists, and deletes the passkeys of users.

``choice_sign_in`` has the sign-in with a passkey.

See "Passkeys" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

from cognito_mfa.local.errors import (
    InvalidParameterException,
    LimitExceededException,
    NotAuthorizedException,
    ResourceNotFoundException,
    WebAuthnChallengeNotFoundException,
    WebAuthnClientMismatchException,
    WebAuthnNotEnabledException,
)
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.paging import page_start, page_token
from cognito_mfa.local.rules import passkeys
from cognito_mfa.local.rules.state import Passkey, PasskeyRegistration, User, UserPool

MOST = 20  # for each user
SECONDS = 300  # in which a registration must be completed


def start_web_authn_registration(context: Context, parameters: Parameters) -> Payload:
    """Return the options with which the caller's authenticator creates a passkey."""
    pool, user = _caller(context, parameters)
    _check_offered(pool)
    challenge = passkeys.new_challenge()
    options = passkeys.creation_options(pool, user, challenge)
    client = context.tokens.client_of(parameters["AccessToken"])
    user.passkey_registration = PasskeyRegistration(
        challenge=challenge, client_id=client.id, expires_at=context.clock.now() + SECONDS
    )
    return {"CredentialCreationOptions": options}


def complete_web_authn_registration(context: Context, parameters: Parameters) -> Payload:
    """Store the passkey that the caller's authenticator created."""
    pool, user = _caller(context, parameters)
    _check_offered(pool)
    registration = user.passkey_registration
    if registration is None or context.clock.now() >= registration.expires_at:
        raise WebAuthnChallengeNotFoundException("The challenge was not found, or has expired.")
    if registration.client_id != context.tokens.client_of(parameters["AccessToken"]).id:
        raise WebAuthnClientMismatchException("The registration was begun by another app client.")
    if len(user.passkeys) >= MOST:
        raise LimitExceededException("The user has the most passkeys that are allowed.")
    passkey = passkeys.registered(
        pool, user, registration.challenge, parameters["Credential"], now=context.clock.now()
    )
    if any(passkey.id in one.passkeys for one in pool.users.values()):
        raise InvalidParameterException("The passkey is registered already.")
    user.passkey_registration = None
    user.passkeys[passkey.id] = passkey
    return {}


def list_web_authn_credentials(context: Context, parameters: Parameters) -> Payload:
    """Return a page of the caller's passkeys."""
    _, user = _caller(context, parameters)
    start = page_start(parameters.get("NextToken"), "ListWebAuthnCredentials", user.sub)
    end = start + (parameters.get("MaxResults") or MOST)
    listed = list(user.passkeys.values())
    page: Payload = {"Credentials": [_described(passkey) for passkey in listed[start:end]]}
    if len(listed) > end:
        page["NextToken"] = page_token(end, "ListWebAuthnCredentials", user.sub)
    return page


def delete_web_authn_credential(context: Context, parameters: Parameters) -> Payload:
    """Delete a passkey of the caller. After the last one, passkeys are no longer a second factor."""
    _, user = _caller(context, parameters)
    if user.passkeys.pop(parameters["CredentialId"], None) is None:
        raise ResourceNotFoundException("The passkey does not exist.")
    user.passkey_mfa = user.passkey_mfa and bool(user.passkeys)
    return {}


def _caller(context: Context, parameters: Parameters) -> tuple[UserPool, User]:
    return context.caller(parameters, gone=NotAuthorizedException)


def _check_offered(pool: UserPool) -> None:
    if not passkeys.is_offered(pool):
        raise WebAuthnNotEnabledException("Passkeys are not enabled for the user pool.")


def _described(passkey: Passkey) -> dict[str, Any]:
    optional = {"AuthenticatorAttachment": passkey.attachment} if passkey.attachment else {}
    return {
        "CredentialId": passkey.id,
        "FriendlyCredentialName": passkey.name,
        "RelyingPartyId": passkey.relying_party,
        "AuthenticatorTransports": passkey.transports,
        "CreatedAt": passkey.created_at,
        **optional,
    }
