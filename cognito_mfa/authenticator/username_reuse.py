"""Handles usernames that the pool gave to another user: finds and retires the former user's identity.

At any moment a pool has one user of a username, and no user's name ever changes. Two identities of the same
username and different ``sub`` therefore mean that one of the two users is gone.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterable

from cognito_mfa.authenticator import identity_lookup
from cognito_mfa.authenticator.identity_lookup import ChallengedUser
from cognito_mfa.cognito import admin_api
from cognito_mfa.databases import atomic_for
from cognito_mfa.exceptions import CognitoMFAError, UserGone
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken
from cognito_mfa.values import clocks

logger = logging.getLogger(__name__)

Status = CognitoIdentity.Status

ASK_EVERY = 300  # seconds between two calls about the same user, in each process
MAX_REMEMBERED = 1000  # users
_last_asked: dict[
    int, tuple[str, float]
] = {}  # key of the row: sub, and when by the monotonic clock


def retire(identity: CognitoIdentity) -> None:
    """Record that the pool no longer has this user: the authenticator is over, and sessions end.

    No email is sent, because the username, and with it the mailbox, may belong to someone else by now.
    """
    with atomic_for(CognitoIdentity):
        row = CognitoIdentity.objects.select_for_update().filter(pk=identity.pk).first()
        if row is None or row.status == Status.GONE:
            return
        detail = f"{row.status} → {Status.GONE}"
        row.invalidate_proofs(MFAEvent.Kind.STATUS_CHANGED, detail=detail)
        row.retire_token(SoftwareToken.Retired.REMOVED_ELSEWHERE)
        row.record_status(Status.GONE)
    identity.refresh_from_db()


def retire_namesakes(
    username: str,
    sub: str,
    *,
    told_at: dt.datetime | None = None,
    rows: Iterable[CognitoIdentity] | None = None,
) -> None:
    """Retire every other identity of the same username.

    Args:
        username: the user's, from Cognito's tokens.
        sub: the user's, from the same tokens.
        told_at: when the tokens were issued; identities linked later may know better. None for just now.
        rows: identities of this pool, among them all of that username; by default they are read.
    """
    for row in identity_lookup.all_of_username(username) if rows is None else rows:
        older = told_at is None or row.created_at < told_at
        other = row.username == username and row.sub != sub
        if older and other and row.status != Status.GONE:
            retire(row)


def belongs_to_former_user(user: ChallengedUser, identity: CognitoIdentity) -> bool:
    """Return whether Cognito says that the identity's user is gone, and retire it then.

    Cognito is asked only where the identity may be a former user's, and at most once in ``ASK_EVERY``.

    Args:
        user: whose code is asked for, known by the username alone.
        identity: the row found by that username.
    """
    return _may_be_former(user, identity) and _is_gone(identity)


def _may_be_former(user: ChallengedUser, identity: CognitoIdentity) -> bool:
    """Return whether Cognito asks for another software token than ours, or last told of it long ago."""
    token = identity.software_token
    if token is None or token.cognito_name != user.device or identity.checked_at is None:
        return True
    since = clocks.seconds_since(identity.checked_at)
    return since is None or since > ASK_EVERY


def _is_gone(identity: CognitoIdentity) -> bool:
    now, last = time.monotonic(), _last_asked.get(identity.pk)
    if last is not None and last[0] == identity.sub and now - last[1] < ASK_EVERY:
        return False
    if len(_last_asked) >= MAX_REMEMBERED:
        _last_asked.clear()
    _last_asked[identity.pk] = (identity.sub, now)
    try:
        admin_api.read_factors(identity.sub)
    except UserGone:
        retire(identity)
        logger.info("previous_user_gone: user %s", identity.user_id)
        return True
    except CognitoMFAError as error:  # no AWS credentials, or no reply: then it is unknown
        logger.info("previous_user_unknown: user %s, %s", identity.user_id, error)
    return False
