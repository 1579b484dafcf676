"""Our record that this session answered a second factor: the only thing that opens the gate.

It is bound to the user, the pool, the person's ``sub`` and the identity's generation, and it ages.
Anything missing or odd means "not proven". Reading it costs no query.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cognito_mfa.conf import get_conf

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

    from cognito_mfa.models import CognitoIdentity

PREFIX = "_cognito_mfa_"  # of every session key of ours
KEY = f"{PREFIX}proof"
SKEW = 30  # seconds that the clocks of a site's servers may differ


def write(
    session: SessionBase, identity: CognitoIdentity, *, method: str, at: float | None = None
) -> None:
    """Record that ``identity``'s person answered ``method``, Cognito's name of the factor.

    Args:
        at: when, in seconds since the epoch; by default just now.
    """
    session[KEY] = {
        "user": str(identity.user_id),
        "pool": identity.pool_id,
        "sub": identity.sub,
        "generation": identity.generation,
        "method": method,
        "at": int(time.time() if at is None else at),
    }


def age(record: Any, identity: CognitoIdentity | None) -> float | None:
    """Return how many seconds ago the second factor was answered, or None when it was not.

    Args:
        record: what the browser's session has under ``KEY``.
        identity: of the signed-in user; None when the user has none.
    """
    if identity is None or not isinstance(record, dict):
        return None
    row = vars(
        identity
    )  # plain values: a column that is not loaded costs no query, and proves nothing
    try:
        at = record["at"]
        bound = (
            record["generation"] == row["generation"]
            and record["sub"] == row["sub"]
            and record["user"] == str(row["user_id"])
            and record["pool"] == get_conf().USER_POOL_ID
        )
    except KeyError:
        return None
    if not bound or not isinstance(at, int):
        return None
    seconds = time.time() - at
    if seconds >= 0:
        return seconds
    # A time in the future would never age: somebody's clock jumped.
    return 0.0 if seconds >= -SKEW else None


def holds(record: Any, identity: CognitoIdentity | None) -> bool:
    """Tell whether ``record`` is good for ``identity`` today."""
    seconds = age(record, identity)
    return seconds is not None and seconds <= get_conf().PROOF_MAX_AGE


def carry_over(session: SessionBase, identity: CognitoIdentity) -> None:
    """Let a proof that held until now hold in ``identity``'s new generation too, getting no younger."""
    session[KEY] = {**session[KEY], "generation": identity.generation}


def drop_all(session: SessionBase) -> None:
    """Remove every session key of ours: a promotion starts from nothing (security.md B-21)."""
    for key in [key for key in session.keys() if key.startswith(PREFIX)]:  # noqa: SIM118 - no mapping
        del session[key]


def forget(*, request: Any, **_kwargs: Any) -> None:
    """Receive Django's ``user_logged_in``: whoever just signed in has proven nothing yet.

    ``login()`` keeps the session's values, and for the same person even its key (security.md B-21, B-27).
    Our own promotion writes the proof afterwards.
    """
    session = getattr(request, "session", None)
    if session is not None:
        drop_all(session)
