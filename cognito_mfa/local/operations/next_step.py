"""Moves a sign-in to its next step: another challenge, for which a code may be sent, or its end.

Nothing here reads a request.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from cognito_mfa.local.errors import MFAMethodNotFoundException
from cognito_mfa.local.operations import completion, custom_challenges, messages
from cognito_mfa.local.operations.completion import AUTHENTICATION
from cognito_mfa.local.operations.context import Context, Payload
from cognito_mfa.local.operations.triggers import About
from cognito_mfa.local.outbox import Medium
from cognito_mfa.local.rules import challenges, passkeys
from cognito_mfa.local.rules.remembered_devices import remembered
from cognito_mfa.local.rules.sessions import session_string
from cognito_mfa.local.rules.state import AppClient, SignInSession, Stage, User, UserPool

CODE_DIGITS = 6
DEFAULT_TEXT = "Your authentication code is {####}."
MESSAGE = "CustomMessage_Authentication"
#: Where SetUserPoolMfaConfig stores the pool's own texts.
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
    source: str = AUTHENTICATION,
    custom: SignInSession | None = None,
) -> Payload:
    """Continue after the first factor.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        pool: The user pool.
        client: The app client.
        user: The user.
        admin: Whether an Admin operation asks.
        device_key: The key of the device that the client names; "" for none.
        source: The triggerSource of the tokens, if they come next.
        custom: The custom sign-in, if this is a step of one.

    Returns:
        The next challenge, or the end of the sign-in.
    """
    device = remembered(user, device_key) if pool.device_tracking is not None else None
    factors = challenges.next_factors(pool, user)
    asked = factors is not None and (bool(factors) or not _setup_can_wait(pool, user))
    if device is not None and _device_answers(pool, factors):
        stage = Stage.DEVICE_SRP_AUTH
    elif not asked or factors is None:
        if custom is not None:
            return custom_challenges.take_next_step(context, pool, client, user, custom)
        return completion.finish(
            context, pool, client, user, factors=["pwd"], device_key=device_key, source=source
        )
    else:
        stage = challenges.stage_for(factors)
    session = context.sessions.begin(stage, pool, client, user, admin=admin)
    session.factors = ["pwd"]
    session.choices = factors or []
    session.device_key = device_key
    if custom is not None:
        session.custom, session.history = True, list(custom.history)
        session.typed = custom.typed
    return challenge(context, pool, user, session)


def challenge(context: Context, pool: UserPool, user: User, session: SignInSession) -> Payload:
    """Return the response with the challenge of a session's stage, and send its code if it has one.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
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
    if session.stage is Stage.WEB_AUTHN:
        session.code = passkeys.new_challenge()
    return {
        "ChallengeName": session.stage.value,
        "Session": session_string(session),
        "ChallengeParameters": challenges.parameters(pool, user, session),
    }


def _send_code(context: Context, pool: UserPool, user: User, session: SignInSession) -> None:
    medium, attribute = challenges.DELIVERY[session.stage]
    if attribute not in user.attributes:
        raise MFAMethodNotFoundException(f"{session.stage} cannot reach the user.")
    block, member = TEXT_MEMBERS[medium]
    # The pool has SmsAuthenticationMessage as well.
    template = pool.settings.get(block, {}).get(member) or pool.settings.get(member, DEFAULT_TEXT)
    client = pool.clients.get(session.client_id)
    destination = user.attributes[attribute]
    letter = messages.written(context, About(pool, client, user), MESSAGE, medium, template)
    session.code = str(secrets.randbelow(10**CODE_DIGITS)).zfill(CODE_DIGITS)
    text = letter.text(session.code)
    context.deliver(user, medium, destination, session.code, text, subject=letter.subject)


def _device_answers(pool: UserPool, factors: Sequence[str] | None) -> bool:
    """Return whether a remembered device can answer instead of these factors.

    That is so without factors, or if the pool's settings say so. It never replaces a setup.
    """
    if factors is None:
        return True
    return bool(factors) and pool.device_tracking is not None and pool.device_tracking.replaces_mfa


def _setup_can_wait(pool: UserPool, user: User) -> bool:
    first = user.signed_up and not user.has_signed_in
    return first and pool.behavior.tokens_before_first_setup
