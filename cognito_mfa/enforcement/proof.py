"""What the session says about MFA: our record of an accepted code, or of a federated sign-in.

A proof is bound to the user, the user pool, the ``sub``, the identity's row, and its generation, and it ages. A user
who is linked anew starts again with generation 0, and a restored database counts on from an older one, so the number
alone would make older proofs valid again: each generation has a nonce.
Anything missing or odd means "not proven". Reading costs no query.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.contrib.sessions.backends.base import UpdateError

from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement.account_state import is_check_overdue
from cognito_mfa.enforcement.identity_state import Identity
from cognito_mfa.models import CognitoIdentity, identity_of, key_of
from cognito_mfa.values import clocks, untrusted

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

PREFIX = "_cognito_mfa_"  # of every session key of ours
KEY = f"{PREFIX}proof"
FEDERATED_KEY = f"{PREFIX}federated"
LINK_KEY = f"{PREFIX}link"
SIGN_OUTS_KEY = f"{PREFIX}sign_outs"
UNNAMED_PROVIDER = "?"  # a provider whose name cannot be shown; an empty name is a provider too
SKEW = clocks.SKEW  # seconds
GONE = CognitoIdentity.Status.GONE
SEEN = (
    "seen"  # in the record: when something was last asked for with it; without it, when it was made
)


def write(
    session: SessionBase, identity: CognitoIdentity, *, method: str, at: float | None = None
) -> None:
    """Record that the user entered a code, or answered another factor.

    Args:
        session: of the browser.
        identity: of the user.
        method: Cognito's name of the factor.
        at: when, in seconds since the epoch; by default now.
    """
    # As the database will give it back: a user that was made from a claim has text for a number still.
    key = identity._meta.get_field("user").target_field.to_python(identity.user_id)
    owner = _owner(identity, key, identity.pool_id)
    when = float(int(time.time() if at is None else at))  # quicker to subtract than a whole number
    session[KEY] = {"owner": owner, "method": method, "at": when}


def _owner(identity: Identity, key: Any, pool_id: str) -> list[object]:
    """Return the owner that a proof must name to be valid."""
    return [
        key if type(key) is int else str(key),  # what every serializer of sessions keeps
        pool_id,
        identity.sub,
        identity.id,
        identity.generation,
        identity.nonce,
    ]


def age(record: Any, identity: Identity | None) -> float | None:
    """Return how many seconds ago the proof was made; None if it is not valid.

    Args:
        record: what the session has under ``KEY``.
        identity: of the signed-in user; None if they have none.
    """
    if record is None or identity is None:
        return None
    conf = get_conf()
    try:
        if (
            list(record["owner"]) != _owner(identity, identity.user_id, conf.USER_POOL_ID)
            or identity.status == GONE
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
    # A time in the future would never age: a clock jumped. Nor is "not a number" any time.
    return 0.0 if seconds >= -SKEW else None


def holds(record: Any, identity: Identity | None) -> bool:
    """Return whether a proof is valid.

    Args:
        record: what the session has under ``KEY``.
        identity: of the signed-in user; None if they have none.
    """
    return age(record, identity) is not None


def is_idle(record: Any) -> bool:
    """Return whether the proof ``record`` was last used longer ago than ``SESSION_IDLE`` allows."""
    limit = get_conf().SESSION_IDLE
    if limit is None:
        return False
    ago = clocks.seconds_since(record.get(SEEN, record["at"]))
    return ago is None or ago > limit


def is_only_idle(record: Any, identity: Identity | None) -> bool:
    """Return whether ``SESSION_IDLE`` is the only reason why a proof is void.

    Args:
        record: what the session has under ``KEY``.
        identity: of the signed-in user; None if they have none.
    """
    if record is None:
        return False
    try:
        return is_idle(record) and age({**record, SEEN: time.time()}, identity) is not None
    except (KeyError, TypeError, ValueError, OverflowError):
        return False


def touch(session: SessionBase, identity: Identity | None) -> None:
    """Record activity in the session's proof, where ``SESSION_IDLE`` would end it.

    At most ten times in ``SESSION_IDLE``, so a proof may end up to a tenth of that early.

    Args:
        session: of the browser.
        identity: of the signed-in user; None if they have none.
    """
    record = touched(session.get(KEY), identity)
    if record is not None:
        session[KEY] = record
        save_now(session)


def touched(record: Any, identity: Identity | None) -> dict[str, Any] | None:
    """Return a proof with the time of this activity; None if that need not be recorded.

    Args:
        record: what the session has under ``KEY``.
        identity: of the signed-in user; None if they have none.
    """
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
    """Save the session before the view runs.

    Saved with the response, a session that another request ended would become an error.
    """
    session.modified = False
    with suppress(UpdateError):
        session.save()


def carry_over(session: SessionBase, identity: CognitoIdentity, *, since: int) -> None:
    """Make a valid proof valid in the identity's new generation, too. It gets no younger.

    Args:
        session: of the browser, with a proof.
        identity: in its new generation.
        since: the generation before, read under the lock that changed it. A proof of an older one was ended by
            something else, and stays so.
    """
    record = session[KEY]
    *whose, generation, _nonce = record["owner"]
    if generation == since:
        session[KEY] = {**record, "owner": [*whose, identity.generation, identity.nonce]}


def record_federated_sign_in(session: SessionBase, user: Any, *, provider: str) -> None:
    """Record that an identity provider, and not Cognito, authenticated the user.

    Args:
        session: of the browser.
        user: who signed in.
        provider: its name, from Cognito; cut and cleaned here.
    """
    name = untrusted.shown(provider, untrusted.PROVIDER_LENGTH) or UNNAMED_PROVIDER
    session[FEDERATED_KEY] = {"user": str(user.pk), "provider": name}


def federated_provider(record: object, user: Any) -> str:
    """Return the identity provider through which ``user`` signed in; an empty string without one.

    Args:
        record: what the session has under ``FEDERATED_KEY``.
        user: signed in.
    """
    if not isinstance(record, dict) or record.get("user") != key_of(user):
        return ""
    return str(record.get("provider") or "")


def record_link(session: SessionBase, identity: CognitoIdentity) -> None:
    """Record the link between user and user pool user through which the session was signed in.

    Args:
        session: of the browser.
        identity: of the user who signed in.
    """
    session[LINK_KEY] = _link(identity)


def link_ended(record: object, identity: Identity | None) -> bool:
    """Return whether the link that a session was signed in with has ended, moved, or is of a former pool.

    SECURITY: where no code is required, the session would otherwise stay open for a user of the pool to whom the
    account no longer belongs.

    Args:
        record: what the session has under ``LINK_KEY``; None for sign-ins that were not ours.
        identity: of the signed-in user; None if they have none.
    """
    if record is None:
        return False
    return identity is None or record != [get_conf().USER_POOL_ID, *_link(identity)[1:]]


def _link(identity: Identity) -> list[object]:
    """Return what is new with each link: a moved one keeps its row, but not its time."""
    pool = identity.pool_id if isinstance(identity, CognitoIdentity) else ""
    return [pool, identity.sub, identity.id, identity.created_at.timestamp()]


def record_sign_outs(session: SessionBase, number: object) -> None:
    """Record how often the user had ended all other sessions when this one began or continued.

    Args:
        session: of the browser.
        number: ``CognitoIdentity.sign_outs``.
    """
    if number:  # most users never do, and a session without a record is one of theirs
        session[SIGN_OUTS_KEY] = number


def signed_out_since(record: object, identity: Identity | None) -> bool:
    """Return whether the user has ended all other sessions since this one began.

    Args:
        record: what the session has under ``SIGN_OUTS_KEY``.
        identity: of the signed-in user; None if they have none.
    """
    if identity is None or not identity.sign_outs:
        return False
    return not isinstance(record, int) or record < identity.sign_outs


def drop_all(session: SessionBase) -> None:
    """Remove every session key of ours, so that a completed sign-in starts from nothing.

    A session that an attacker prepared, or that another user of the same browser left, must not lend its records.
    """
    for key in [key for key in session.keys() if key.startswith(PREFIX)]:  # noqa: SIM118 - no mapping
        del session[key]


def on_logged_in(*, request: Any, user: Any = None, **_kwargs: Any) -> None:
    """Receive Django's ``user_logged_in``: a user who just signed in has proven nothing yet.

    ``login()`` keeps the session's values, and for the same user even its key. Our own sign-in writes the proof
    afterwards. A new sign-in, by any backend, comes after all earlier sign-outs.

    Args:
        request: with the new session.
        user: who signed in.
    """
    session = getattr(request, "session", None)
    if session is not None:
        drop_all(session)
        identity = identity_of(user)
        record_sign_outs(session, identity.sign_outs if identity else 0)
