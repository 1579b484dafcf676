"""The SRP exchanges under way: what a secret block stands for, bound to pool, client, user and door,
for seconds only, and answered right once. Whether an answer is right is decided
elsewhere.

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

#: "A few seconds" in the documentation; a debugger must not be too slow for it.
ANSWERED_WITHIN = 30.0
ID_BYTES = 16
FILLER_BYTES = 900


def secret_block(exchange: SrpExchange) -> str:
    """Base64 that carries nothing but the exchange's id."""
    identity = bytes.fromhex(exchange.id)
    filler = hashlib.shake_256(identity).digest(FILLER_BYTES)
    return base64.b64encode(ENVELOPE + identity + filler).decode()


def our_side(exchange: SrpExchange) -> srp.Challenge:
    return srp.Challenge(int(exchange.private, 16), int(exchange.public, 16))


class SrpExchanges:
    """Those of an account."""

    def __init__(self, account: Account, clock: Clock) -> None:
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
        """Without a user, an exchange that looks like any other and that nobody can win."""
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
        """The one that this secret block was made for, if it can still be answered."""
        exchange = self._exchanges.get(_id_in(block))
        if exchange is None or exchange.spent or secret_block(exchange) != block:
            return None
        late = self._clock.now() - exchange.started_at >= ANSWERED_WITHIN
        return None if late else exchange

    def spend(self, exchange: SrpExchange) -> None:
        exchange.spent = True

    def _forget_old(self) -> None:
        horizon = self._clock.now() - ANSWERED_WITHIN
        for key in [k for k, one in self._exchanges.items() if one.started_at < horizon]:
            del self._exchanges[key]


def _id_in(block: str) -> str:
    """The id that a secret block carries; "" for anything that is not one of ours."""
    try:
        raw = base64.b64decode(block, validate=True)
    except ValueError:
        return ""
    return raw[len(ENVELOPE) : len(ENVELOPE) + ID_BYTES].hex()
