"""From one step of a sign-in to the next: the challenge that follows a right answer, the code that
is sent with it, or the tokens at the end. Operations call this; it never reads a request."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from cognito_mfa.local import challenges
from cognito_mfa.local.errors import MFAMethodNotFoundException
from cognito_mfa.local.operations.context import Context, Payload
from cognito_mfa.local.outbox import Medium
from cognito_mfa.local.sessions import session_string
from cognito_mfa.local.state import AppClient, SignInSession, User, UserPool

CODE_DIGITS = 6
CODE_PLACE = "{####}"
DEFAULT_TEXT = f"Your authentication code is {CODE_PLACE}."
#: Where SetUserPoolMfaConfig keeps a text of the pool's own.
TEXT_MEMBERS: dict[Medium, tuple[str, str]] = {
    "SMS": ("SmsMfaConfiguration", "SmsAuthenticationMessage"),
    "EMAIL": ("EmailMfaConfiguration", "Message"),
}


class Steps(Context):
    """What follows what."""

    def after_first_factor(
        self, pool: UserPool, client: AppClient, user: User, *, admin: bool
    ) -> Payload:
        factors = challenges.next_factors(pool, user)
        if factors is None or (not factors and _setup_can_wait(pool, user)):
            return self.finish(pool, client, user, factors=["pwd"])
        session = self.sessions.begin(
            challenges.stage_for(factors), pool, client, user, admin=admin
        )
        session.factors = ["pwd"]
        session.choices = factors
        return self.challenge(pool, user, session)

    def challenge(self, pool: UserPool, user: User, session: SignInSession) -> Payload:
        """The answer that asks for the session's stage, its code sent where it needs one."""
        if session.stage in challenges.DELIVERY:
            self._send_code(pool, user, session)
        return {
            "ChallengeName": session.stage.value,
            "Session": session_string(session),
            "ChallengeParameters": challenges.parameters(pool, user, session),
        }

    def finish(
        self, pool: UserPool, client: AppClient, user: User, *, factors: Sequence[str]
    ) -> Payload:
        user.has_signed_in = True
        result = self.tokens.issue(pool, client, user, factors=factors)
        # Present and empty beside tokens, never omitted (facts section 2.4).
        return {"ChallengeParameters": {}, "AuthenticationResult": result}

    def _send_code(self, pool: UserPool, user: User, session: SignInSession) -> None:
        medium, attribute = challenges.DELIVERY[session.stage]
        if attribute not in user.attributes:
            raise MFAMethodNotFoundException(f"{session.stage} cannot reach the user.")
        session.code = str(secrets.randbelow(10**CODE_DIGITS)).zfill(CODE_DIGITS)
        block, member = TEXT_MEMBERS[medium]
        template = pool.settings.get(block, {}).get(member, DEFAULT_TEXT)
        text = template.replace(CODE_PLACE, session.code)
        self.deliver(user, medium, user.attributes[attribute], session.code, text)


def _setup_can_wait(pool: UserPool, user: User) -> bool:
    first = user.signed_up and not user.has_signed_in
    return first and pool.behaviour.tokens_before_first_setup
