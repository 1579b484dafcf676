"""Our record that this session answered a second factor: the only thing that opens the gate.

It is bound to the user, the pool, the person's ``sub``, the link between them and its generation, and it ages.
A link that is made anew counts its generations anew, so that these alone would bring older proofs back. Anything missing or odd means "not proven". Reading it costs no query.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.contrib.sessions.backends.base import UpdateError

from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement.account_state import is_check_overdue
from cognito_mfa.enforcement.identity_state import Identity
from cognito_mfa.models import CognitoIdentity, key_of
from cognito_mfa.values import clocks, untrusted

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

PREFIX = "_cognito_mfa_"  # of every session key of ours
KEY = f"{PREFIX}proof"
FEDERATED_KEY = f"{PREFIX}federated"
UNNAMED_PROVIDER = "?"  # a provider whose name cannot be shown; nobody's empty name is one
SKEW = clocks.SKEW  # seconds
SEEN = (
    "seen"  # in the record: when something was last asked for with it; without it, when it was made
)


def write(
    session: SessionBase, identity: CognitoIdentity, *, method: str, at: float | None = None
) -> None:
    """Record that ``identity``'s person answered ``method``, Cognito's name of the factor.

    Args:
        at: when, in seconds since the epoch; by default just now.
    """
    # As the database will give it back: a user that was made from a claim has text for a number still.
    key = identity._meta.get_field("user").target_field.to_python(identity.user_id)
    owner = [
        key if type(key) is int else str(key),  # what every serializer of sessions keeps
        identity.pool_id,
        identity.sub,
        identity.pk,
        identity.generation,
    ]
    when = float(int(time.time() if at is None else at))  # quicker to subtract than a whole number
    session[KEY] = {"owner": owner, "method": method, "at": when}


def age(record: Any, identity: Identity | None) -> float | None:
    """Return how many seconds ago the second factor was answered; None when it was not, or is too long ago.

    Args:
        record: what the browser's session has under ``KEY``.
        identity: of the signed-in user; None when the user has none.
    """
    if record is None or identity is None:
        return None
    conf = get_conf()
    try:
        user, pool, sub, link, generation = record["owner"]
        key = identity.user_id
        # No text of a number, since this is on every request.
        if (
            user != (key if type(key) is int else str(key))
            or pool != conf.USER_POOL_ID
            or sub != identity.sub
            or link != identity.id
            or generation != identity.generation
            or identity.status == CognitoIdentity.Status.GONE
            or identity.disabled_at is not None
            or (conf.STATUS_MAX_AGE is not None and is_check_overdue(identity))
            or (conf.SESSION_IDLE is not None and is_idle(record))
        ):
            return None
        seconds: float = time.time() - record["at"]
    except (KeyError, TypeError, ValueError, OverflowError):  # not of our making
        return None
    if seconds >= 0.0:
        return seconds if seconds <= conf.PROOF_MAX_AGE else None
    # A time in the future would never age: somebody's clock jumped. Nor is "not a number" any time.
    return 0.0 if seconds >= -SKEW else None


def holds(record: Any, identity: Identity | None) -> bool:
    """Tell whether ``record`` is good for ``identity`` today."""
    return age(record, identity) is not None


def is_idle(record: Any) -> bool:
    """Tell whether nothing was asked for with the proof ``record`` for longer than ``SESSION_IDLE`` allows."""
    limit = get_conf().SESSION_IDLE
    if limit is None:
        return False
    ago = clocks.seconds_since(record.get(SEEN, record["at"]))
    return ago is None or ago > limit


def is_only_idle(record: Any, identity: Identity | None) -> bool:
    """Tell whether ``record`` proves nothing because nothing was asked for with it, and would else."""
    if record is None:
        return False
    try:
        return is_idle(record) and age({**record, SEEN: time.time()}, identity) is not None
    except (KeyError, TypeError, ValueError, OverflowError):
        return False


def touch(session: SessionBase, identity: Identity | None) -> None:
    """Note that something was asked for with the session's proof, where it would end if nothing were.

    At most ten times in ``SESSION_IDLE``; so a proof may end up to a tenth of that early.
    """
    record = touched(session.get(KEY), identity)
    if record is not None:
        session[KEY] = record
        save_now(session)


def touched(record: Any, identity: Identity | None) -> dict[str, Any] | None:
    """Return ``record`` as one with which something was asked for just now; None where that need not be noted."""
    if not _is_due(record, identity):
        return None
    return {**record, SEEN: float(int(time.time()))}


def _is_due(record: Any, identity: Identity | None) -> bool:
    limit = get_conf().SESSION_IDLE
    # SECURITY: one that ended stays ended; a visit does not bring it back.
    if limit is None or not holds(record, identity):
        return False
    ago = clocks.seconds_since(record.get(SEEN, record["at"]))
    return ago is not None and ago > limit / 10


def save_now(session: SessionBase) -> None:
    """Save here rather than when the answer leaves: a session that ended meanwhile must not become an error."""
    session.modified = False
    with suppress(UpdateError):
        session.save()


def carry_over(session: SessionBase, identity: CognitoIdentity, *, since: int) -> None:
    """Let a proof that held until now hold in ``identity``'s new generation too, getting no younger.

    Args:
        since: the generation before, as the lock under which it was moved told. A proof of an older one was
            ended by something else, and stays so.
    """
    record = session[KEY]
    *whose, generation = record["owner"]
    if generation == since:
        session[KEY] = {**record, "owner": [*whose, identity.generation]}


def record_federated_sign_in(session: SessionBase, user: Any, *, provider: str) -> None:
    """Write down that ``provider``, and not Cognito, checked who ``user`` is."""
    name = untrusted.shown(provider, untrusted.PROVIDER_LENGTH) or UNNAMED_PROVIDER
    session[FEDERATED_KEY] = {"user": str(user.pk), "provider": name}


def federated_provider(record: object, user: Any) -> str:
    """Return the identity provider through which ``user`` came, or an empty string.

    Args:
        record: what the session has under ``FEDERATED_KEY``.
    """
    if not isinstance(record, dict) or record.get("user") != key_of(user):
        return ""
    return str(record.get("provider") or "")


def drop_all(session: SessionBase) -> None:
    """Remove every session key of ours: a promotion starts from nothing (security.md B-21)."""
    for key in [key for key in session.keys() if key.startswith(PREFIX)]:  # noqa: SIM118 - no mapping
        del session[key]


def on_logged_in(*, request: Any, **_kwargs: Any) -> None:
    """Receive Django's ``user_logged_in``: whoever just signed in has proven nothing yet.

    ``login()`` keeps the session's values, and for the same person even its key (security.md B-21, B-27).
    Our own promotion writes the proof afterwards.
    """
    session = getattr(request, "session", None)
    if session is not None:
        drop_all(session)
