"""Moves a sign-in to its next step: another challenge, a code that is sent, or tokens.

Nothing here reads a request.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence

from cognito_mfa.local.errors import MFAMethodNotFoundException
from cognito_mfa.local.operations.context import Context, Payload
from cognito_mfa.local.outbox import Medium
from cognito_mfa.local.rules import challenges
from cognito_mfa.local.rules.remembered_devices import remembered
from cognito_mfa.local.rules.sessions import session_string
from cognito_mfa.local.rules.state import AppClient, Device, SignInSession, Stage, User, UserPool

CODE_DIGITS = 6
CODE_PLACE = "{####}"
DEFAULT_TEXT = f"Your authentication code is {CODE_PLACE}."
#: Where SetUserPoolMfaConfig keeps a text of the pool's own.
TEXT_MEMBERS: dict[Medium, tuple[str, str]] = {
    "SMS": ("SmsMfaConfiguration", "SmsAuthenticationMessage"),
    "EMAIL": ("EmailMfaConfiguration", "Message"),
}


def after_first_factor(
    context: Context,
    pool: UserPool,
    client: AppClient,
    user: User,
    *,
    admin: bool,
    device_key: str = "",
) -> Payload:
    """Go on after the first factor.

    Args:
        context: The account, its clock and its open sign-ins.
        pool: The user pool.
        client: The app client.
        user: The user.
        admin: Whether an Admin operation asks.
        device_key: The device that the client names; "" for none.

    Returns:
        The next challenge, or the end of the sign-in.
    """
    device = remembered(user, device_key) if pool.device_tracking is not None else None
    factors = challenges.next_factors(pool, user)
    asked = factors is not None and (bool(factors) or not _setup_can_wait(pool, user))
    if device is not None and _device_answers(pool, factors):
        stage = Stage.DEVICE_SRP_AUTH
    elif not asked or factors is None:
        return finish(context, pool, client, user, factors=["pwd"], device_key=device_key)
    else:
        stage = challenges.stage_for(factors)
    session = context.sessions.begin(stage, pool, client, user, admin=admin)
    session.factors = ["pwd"]
    session.choices = factors or []
    session.device_key = device_key
    return challenge(context, pool, user, session)


def challenge(context: Context, pool: UserPool, user: User, session: SignInSession) -> Payload:
    """Return the answer that asks for the stage of a session, and send its code where it has one.

    Args:
        context: The account, its clock and its open sign-ins.
        pool: The user pool.
        user: The user.
        session: The sign-in session.

    Returns:
        The answer with the challenge.

    Raises:
        MFAMethodNotFoundException: The user has no address for the code.
    """
    if session.stage in challenges.DELIVERY:
        _send_code(context, pool, user, session)
    return {
        "ChallengeName": session.stage.value,
        "Session": session_string(session),
        "ChallengeParameters": challenges.parameters(pool, user, session),
    }


def finish(
    context: Context,
    pool: UserPool,
    client: AppClient,
    user: User,
    *,
    factors: Sequence[str],
    device_key: str = "",
) -> Payload:
    """End a sign-in.

    Args:
        context: The account, its clock and its open sign-ins.
        pool: The user pool.
        client: The app client.
        user: The user.
        factors: What was answered, as ``amr`` names it.
        device_key: The device that the client names; "" for none.

    Returns:
        The tokens, or what the Context gives instead.
    """
    if context.complete is not None:
        return context.complete(user, factors)
    user.has_signed_in = True
    device, new = _device(context, pool, user, device_key)
    key = device.key if device is not None else ""
    result = context.tokens.issue(pool, client, user, factors=factors, device_key=key)
    if device is not None and new:
        result["NewDeviceMetadata"] = {
            "DeviceKey": device.key,
            "DeviceGroupKey": device.group_key,
        }
    # Present and empty beside tokens, never omitted.
    return {"ChallengeParameters": {}, "AuthenticationResult": result}


def _device(context: Context, pool: UserPool, user: User, key: str) -> tuple[Device | None, bool]:
    """The device of this sign-in, and whether it is a new one; None where none is tracked."""
    if pool.device_tracking is None:
        return None, False
    known = user.devices.get(key)
    if known is not None:
        return known, False
    now = context.clock.now()
    device = Device(
        key=f"{pool.region}_{uuid.uuid4()}",
        group_key=f"-{secrets.token_urlsafe(6)}",
        created_at=now,
        modified_at=now,
        authenticated_at=now,
    )
    user.devices[device.key] = device
    return device, True


def _send_code(context: Context, pool: UserPool, user: User, session: SignInSession) -> None:
    medium, attribute = challenges.DELIVERY[session.stage]
    if attribute not in user.attributes:
        raise MFAMethodNotFoundException(f"{session.stage} cannot reach the user.")
    session.code = str(secrets.randbelow(10**CODE_DIGITS)).zfill(CODE_DIGITS)
    block, member = TEXT_MEMBERS[medium]
    template = pool.settings.get(block, {}).get(member, DEFAULT_TEXT)
    text = template.replace(CODE_PLACE, session.code)
    context.deliver(user, medium, user.attributes[attribute], session.code, text)


def _device_answers(pool: UserPool, factors: Sequence[str] | None) -> bool:
    """Whether a remembered device is asked, instead of these factors: where there are none to ask
    for, or where the pool says so. Setting a factor up is never skipped."""
    if factors is None:
        return True
    return bool(factors) and pool.device_tracking is not None and pool.device_tracking.replaces_mfa


def _setup_can_wait(pool: UserPool, user: User) -> bool:
    first = user.signed_up and not user.has_signed_in
    return first and pool.behavior.tokens_before_first_setup
