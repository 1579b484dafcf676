"""DEVICE_SRP_AUTH and DEVICE_PASSWORD_VERIFIER, which let a remembered device replace a code.

The device proves itself with a password that it keeps. It never replaces the first factor.

See "Remembered devices" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime

from cognito_mfa.local.errors import NotAuthorizedException, ResourceNotFoundException
from cognito_mfa.local.operations import challenge_response, srp_sign_in
from cognito_mfa.local.operations.challenge_response import ChallengeResponse, Values
from cognito_mfa.local.operations.context import Context, Payload, required
from cognito_mfa.local.operations.password_attempts import WRONG
from cognito_mfa.local.operations.secret_hash import check_secret_hash
from cognito_mfa.local.operations.srp_sign_in import (
    client_value,
    parse_timestamp,
    timestamp,
)
from cognito_mfa.local.rules import directory, srp
from cognito_mfa.local.rules.remembered_devices import NO_DEVICE
from cognito_mfa.local.rules.sessions import INVALID
from cognito_mfa.local.rules.srp_exchanges import our_side, secret_block
from cognito_mfa.local.rules.state import (
    AppClient,
    Device,
    SignInSession,
    SrpExchange,
    Stage,
    UserPool,
)


def open_device_session(
    context: Context, pool: UserPool, client: AppClient, values: Values
) -> SignInSession:
    """Return the newest session that waits for a device, for clients that send no session.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        pool: The user pool.
        client: The app client.
        values: The values of the request, as a map of strings.

    Returns:
        The session.

    Raises:
        NotAuthorizedException: No sign-in of this user waits for this device.
    """
    user = directory.user_named(pool, required(values, "USERNAME"))
    key = required(values, "DEVICE_KEY")
    if user is not None:
        for session in context.sessions.open_of(user, client, Stage.DEVICE_SRP_AUTH):
            if session.device_key == key:
                return session
    raise NotAuthorizedException(INVALID)


def answer_device_srp(context: Context, given: ChallengeResponse) -> Payload:
    """Handle the response to DEVICE_SRP_AUTH.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        given: The response to a challenge, and its user.

    Returns:
        DEVICE_PASSWORD_VERIFIER, with the server's side of the exchange.

    Raises:
        ResourceNotFoundException: The sign-in is not on this device.
    """
    key = required(given.values, "DEVICE_KEY")
    device = given.user.devices.get(key)
    if device is None or key != given.session.device_key:
        raise ResourceNotFoundException(NO_DEVICE)
    exchange = context.exchanges.begin(
        given.pool,
        given.client,
        given.user,
        client_value=client_value(required(given.values, "SRP_A")),
        verifier=int(device.verifier, 16),
        admin=given.session.admin,
    )
    exchange.device_key = key
    exchange.session = given.session.id
    return {
        "ChallengeName": "DEVICE_PASSWORD_VERIFIER",
        "ChallengeParameters": {
            "SALT": device.salt,
            "SRP_B": exchange.public,
            "SECRET_BLOCK": secret_block(exchange),
            "DEVICE_KEY": key,
            "USERNAME": given.user.username,
        },
    }


def verify_device_claim(
    context: Context, pool: UserPool, client: AppClient, values: Values, *, admin: bool
) -> Payload:
    """Handle the response to DEVICE_PASSWORD_VERIFIER.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        pool: The user pool.
        client: The app client.
        values: The values of the request, as a map of strings.
        admin: Whether an Admin operation asks.

    Returns:
        The tokens, or what the context returns instead.

    Raises:
        NotAuthorizedException: The claim is wrong or too late, or the user is locked.
    """
    username = required(values, "USERNAME")
    block = required(values, "PASSWORD_CLAIM_SECRET_BLOCK")
    claim = required(values, "PASSWORD_CLAIM_SIGNATURE")
    sent_at = parse_timestamp(required(values, "TIMESTAMP"))
    key = required(values, "DEVICE_KEY")
    check_secret_hash(client, values, username)
    exchange = context.exchanges.find(block)
    if exchange is None or exchange.device_key != key:
        raise NotAuthorizedException(WRONG)
    user = srp_sign_in.bound_to_exchange(context, exchange, pool, client, username, admin=admin)
    device, session = user.devices.get(key), context.sessions.get_open(exchange.session)
    if device is None or session is None or not user.enabled:
        raise NotAuthorizedException(WRONG)
    challenge_response.check_code_lock(context, user)
    if not hmac.compare_digest(_right_claim(device, exchange, sent_at), claim.encode()):
        user.code_attempts.failed(
            context.clock.now(), threshold=pool.behavior.code_failures_before_lock
        )
        raise NotAuthorizedException(WRONG)
    srp_sign_in.check_fresh(context, pool, sent_at)
    context.exchanges.spend(exchange)
    device.authenticated_at = context.clock.now()
    return challenge_response.finish_with(
        context, ChallengeResponse(pool, client, user, session, values), "swk"
    )


def _right_claim(device: Device, exchange: SrpExchange, sent_at: datetime) -> bytes:
    key = srp.session_key(
        int(exchange.client_value, 16), our_side(exchange), int(device.verifier, 16)
    )
    return srp.signature(
        key,
        device.group_key.encode(),
        device.key.encode(),
        base64.b64decode(secret_block(exchange)),
        timestamp(sent_at).encode(),
    ).encode()
