"""The open SRP exchanges, each of which has a secret block for seconds and one correct answer.

A block is bound to pool, client, user, and kind of operation. Other modules check the answers.

See "Secure Remote Password" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
import hashlib
import secrets

from cognito_mfa.local.clock import Clock
from cognito_mfa.local.rules import srp
from cognito_mfa.local.rules.sessions import ENVELOPE
from cognito_mfa.local.rules.state import Account, AppClient, SrpExchange, User, UserPool

#: Seconds. The documentation says "a few seconds", but a user with a debugger needs more.
ANSWERED_WITHIN = 30.0
ID_BYTES = 16
FILLER_BYTES = 900


def secret_block(exchange: SrpExchange) -> str:
    """Return the secret block of an exchange, which is base64 and contains only its id."""
    identity = bytes.fromhex(exchange.id)
    filler = hashlib.shake_256(identity).digest(FILLER_BYTES)
    return base64.b64encode(ENVELOPE + identity + filler).decode()


def our_side(exchange: SrpExchange) -> srp.Challenge:
    """Return our side of an exchange."""
    return srp.Challenge(int(exchange.private, 16), int(exchange.public, 16))


class SrpExchanges:
    """The exchanges of an account."""

    def __init__(self, account: Account, clock: Clock) -> None:
        """Prepare for the exchanges of an account.

        Args:
            account: The account.
            clock: The account's clock.
        """
        self._exchanges = account.exchanges
        self._clock = clock

    def begin(
        self,
        pool: UserPool,
        client: AppClient,
        user: User | None,
        *,
        client_value: int,
        verifier: int,
        admin: bool,
    ) -> SrpExchange:
        """Begin an exchange.

        Args:
            pool: The user pool.
            client: The app client.
            user: The user; None if there is none with the name.
            client_value: The client's public value A.
            verifier: The verifier of the password.
            admin: Whether an Admin operation asks.

        Returns:
            An exchange. Without a user it looks the same, but no claim can be correct.
        """
        self._forget_old()
        ours = srp.challenge(verifier)
        exchange = SrpExchange(
            id=secrets.token_hex(ID_BYTES),
            pool_id=pool.id,
            client_id=client.id,
            sub=user.sub if user is not None else "",
            admin=admin,
            started_at=self._clock.now(),
            client_value=f"{client_value:x}",
            private=f"{ours.private:x}",
            public=f"{ours.public:x}",
        )
        self._exchanges[exchange.id] = exchange
        return exchange

    def find(self, block: str) -> SrpExchange | None:
        """Return the exchange of a secret block, if it can still be answered."""
        exchange = self._exchanges.get(_id_in(block))
        if exchange is None or exchange.spent or secret_block(exchange) != block:
            return None
        late = self._clock.now() - exchange.started_at >= ANSWERED_WITHIN
        return None if late else exchange

    def spend(self, exchange: SrpExchange) -> None:
        """Consume an exchange."""
        exchange.spent = True

    def _forget_old(self) -> None:
        horizon = self._clock.now() - ANSWERED_WITHIN
        while self._exchanges:
            oldest = next(iter(self._exchanges.values()))
            if oldest.started_at >= horizon:
                return
            del self._exchanges[oldest.id]


def _id_in(block: str) -> str:
    """Return the id in a secret block; "" for any other text."""
    try:
        raw = base64.b64decode(block, validate=True)
    except ValueError:
        return ""
    return raw[len(ENVELOPE) : len(ENVELOPE) + ID_BYTES].hex()
