"""What ``cognito_mfa_link`` says of each link: done, refused, or failed."""

from __future__ import annotations

from typing import Any

from cognito_mfa.authenticator.links import Change, Plan
from cognito_mfa.cognito.user_directory import PoolUser
from cognito_mfa.exceptions import CognitoMFAError, LinkRefused, LinkRefusedReason
from cognito_mfa.management.lookup import display_name
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.reports.escaping import visible

Reason = LinkRefusedReason
Job = Plan | CognitoIdentity  # to be linked, or unlinked


def told(job: Job, *, dry_run: bool) -> str:
    """Return what was done, or would be.

    Args:
        job: a link to make, or one to end.
        dry_run: whether nothing was done.
    """
    if isinstance(job, CognitoIdentity):
        return (
            f"{'Would unlink' if dry_run else 'Unlinked'} {_name(job.user)} from {_of_pool(job)}."
        )
    user, pool_user, own, theirs = _name(job.user), _of_pool(job.pool_user), job.own, job.theirs
    if job.change is Change.NONE:
        return f"{user} is linked to {pool_user} already."
    text = f"{'Would link' if dry_run else 'Linked'} {user} to {pool_user}"
    if theirs is not None:
        text += f", until now linked to {_name(theirs.user)}"
    if own is not None:
        text += f", instead of {_of_pool(own)}"
    return f"{text}."


def why(refused: LinkRefused, planned: Plan | None) -> str:
    """Return why a user cannot be linked, and what to do.

    Args:
        refused: as it was raised.
        planned: what was to be done; None where it did not come to a plan.
    """
    reason = LinkRefusedReason(str(refused.reason))
    if planned is not None and reason is planned.obstacle:
        return _in_the_way(planned)
    return {
        Reason.NOT_IN_POOL: "The user pool has no such user. Write the username or sub exactly as the pool has it. Where people "
        "sign in with their address, use --email.",
        Reason.SEVERAL_IN_POOL: "Several users of the pool have this address. Give the username or the sub.",
        Reason.EMAIL_NOT_VERIFIED: "The pool has not verified this address. Give the username or the sub.",
        Reason.POOL_USERS_DIFFER: "Username, address, and sub are not of one user of the pool, or the address is not verified.",
        Reason.FEDERATED: "This user of the pool signs in with another identity provider and cannot be linked.",
        Reason.SEVERAL_USERS: "Several users of the former pool have this address. Link them one by one.",
        Reason.GONE: "The former pool had deleted this user. Unlink the user, or link them one by one.",
        Reason.RESET_UNFINISHED: "A reset of this user is unfinished and would be lost with the link. Finish it first, with "
        "cognito_mfa_reset --unfinished.",
        Reason.OVERTAKEN: "A sign-in or another administrator changed this link at the same moment. Run the command again.",
    }.get(reason, f"This is not possible: {reason}.")


def _in_the_way(planned: Plan) -> str:
    user, own, theirs = _name(planned.user), planned.own, planned.theirs
    if theirs is not None:
        text = f"{_of_pool(theirs)} is linked to {_name(theirs.user)}"
    elif own is not None:
        gone = ", who is no longer in the pool" if own.status == CognitoIdentity.Status.GONE else ""
        text = f"{user} is linked to {_of_pool(own)}{gone}"
    return f"{text}. Add --move to link {user} to {_of_pool(planned.pool_user)} instead."


def _name(user: Any) -> str:
    note = " (a superuser)" if getattr(user, "is_superuser", False) else ""
    return f"{display_name(user)}{note}"


def _of_pool(one: CognitoIdentity | PoolUser) -> str:
    """Return the username and the ``sub``, and the pool where it is a former one."""
    pool = ""
    if isinstance(one, CognitoIdentity) and not one.in_this_pool:
        pool = f" of the pool {visible(one.pool_id)}"
    return f"{visible(one.username)} ({visible(one.sub)}){pool}"


def failure(error: CognitoMFAError) -> str:
    """Return what is wrong with Cognito or the AWS credentials, and what to look at."""
    return f"{error}. {error.hint}".strip()
