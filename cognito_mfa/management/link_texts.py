"""The texts of ``cognito_mfa_link`` about links that were made, were refused, or failed."""

from __future__ import annotations

from typing import Any

from cognito_mfa.authenticator.links import Change, Plan
from cognito_mfa.cognito.user_directory import PoolUser
from cognito_mfa.exceptions import CognitoMFAError, LinkRefused, LinkRefusedReason
from cognito_mfa.management.link_file import Row
from cognito_mfa.management.lookup import display_name
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.reports.escaping import visible

Reason = LinkRefusedReason
Job = Plan | CognitoIdentity  # a link to make, or one to remove


def told(job: Job, *, dry_run: bool) -> str:
    """Return a sentence about a change.

    Args:
        job: a link to make, or one to remove.
        dry_run: whether nothing was done.
    """
    if isinstance(job, CognitoIdentity):
        return (
            f"{'Would unlink' if dry_run else 'Unlinked'} {_name(job.user)} from {_of_pool(job)}."
        )
    user, pool_user, own, theirs = _name(job.user), _of_pool(job.pool_user), job.own, job.theirs
    if job.change is Change.NONE:
        return f"{user} is already linked to {pool_user}."
    text = f"{'Would link' if dry_run else 'Linked'} {user} to {pool_user}"
    if theirs is not None:
        text += f", previously linked to {_name(theirs.user)}"
    if own is not None:
        text += f", instead of {_of_pool(own)}"
    return f"{text}."


def why(refused: LinkRefused, planned: Plan | None, row: Row | None = None) -> str:
    """Return why a user cannot be linked, and what to do.

    Args:
        refused: the exception.
        planned: the intended change; None if there was none yet.
        row: what was looked up in the pool; None if nothing was.
    """
    reason = LinkRefusedReason(str(refused.reason))
    if planned is not None and reason is planned.obstacle:
        return _in_the_way(planned)
    if reason is Reason.NOT_IN_POOL and row is not None:
        return _not_in_pool(row)
    return {
        Reason.NOT_IN_POOL: "The user pool has no such user. Link or unlink the user individually.",
        Reason.SEVERAL_IN_POOL: "Several users of the pool have this email address. Specify the username or the sub.",
        Reason.EMAIL_NOT_VERIFIED: "The pool has not verified this email address. Specify the username or the sub.",
        Reason.POOL_USERS_DIFFER: "The username, email address, and sub do not belong to the same user of the pool, or the address is not "
        "verified.",
        Reason.FEDERATED: "This is a federated user, who cannot be linked.",
        Reason.SEVERAL_USERS: "Several users of the former pool have this email address. Link them one by one.",
        Reason.GONE: "This user was deleted from the former pool. Unlink or link the user individually.",
        Reason.RESET_UNFINISHED: "This user has an unfinished reset, which would be lost with the link. Finish it first with "
        "cognito_mfa_reset --unfinished.",
        Reason.OVERTAKEN: "A sign-in or another administrator changed this link at the same moment. Run the command again.",
    }.get(reason, f"The link was refused: {reason}.")


def _not_in_pool(row: Row) -> str:
    """Return what was looked up, because a row may come from a file of thousands."""
    given = {"username": row.username, "email address": row.email, "sub": row.sub}
    named = " and ".join(f"the {kind} {visible(value)}" for kind, value in given.items() if value)
    if row.email:
        hint = "The pool must have verified the address. If it has not, specify the username or the sub."
    elif row.username:
        hint = "Specify it exactly as in the pool. If users sign in with their email address, use --email."
    else:
        hint = "Copy it exactly from the pool."
    return f"The user pool has no user with {named}. {hint}"


def _in_the_way(planned: Plan) -> str:
    user, own, theirs = _name(planned.user), planned.own, planned.theirs
    if theirs is not None:
        text = f"{_of_pool(theirs)} is linked to {_name(theirs.user)}"
    elif own is not None:
        gone = (
            ", who is no longer in the user pool"
            if own.status == CognitoIdentity.Status.GONE
            else ""
        )
        text = f"{user} is linked to {_of_pool(own)}{gone}"
    return f"{text}. Add --move to link {user} to {_of_pool(planned.pool_user)} instead."


def _name(user: Any) -> str:
    note = " (a superuser)" if getattr(user, "is_superuser", False) else ""
    return f"{display_name(user)}{note}"


def _of_pool(one: CognitoIdentity | PoolUser) -> str:
    """Return the username and the ``sub``, and the pool if it is a former one."""
    pool = ""
    if isinstance(one, CognitoIdentity) and not one.in_this_pool:
        pool = f" of the pool {visible(one.pool_id)}"
    return f"{visible(one.username)} ({visible(one.sub)}){pool}"


def failure(error: CognitoMFAError) -> str:
    """Return what went wrong at Cognito or with the AWS credentials, and what to check."""
    return f"{error.hint} ({error})" if error.hint else f"{error}."
