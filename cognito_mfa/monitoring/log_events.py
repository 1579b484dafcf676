"""The log events: one line for each outcome, with fields for machines.

All go to the logger ``cognito_mfa.events``. The message is for people, and each field is an attribute of the record whose
name begins with ``cognito_mfa_``, so that a JSON formatter writes it as it is. ``docs/monitoring.md`` lists the events.

SECURITY: users appear by primary key. No field holds a username, an address, a device name, or anything secret.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple, TypedDict, Unpack

from cognito_mfa.exceptions import (
    BadCredentials,
    BadReply,
    Busy,
    ChallengeLost,
    CodeAttemptsLocked,
    CognitoMFAError,
    Misconfigured,
    PermissionMissing,
    Refused,
    ScopeMissing,
    TriggerFailed,
    Unavailable,
)
from cognito_mfa.monitoring import calls, metrics

LOGGER = "cognito_mfa.events"
PREFIX = "cognito_mfa_"

logger = logging.getLogger(LOGGER)


class Event(NamedTuple):
    """One kind of outcome.

    Attributes:
        vocabulary: OWASP's name of the event, or our extension in the same style; see ``EXTENSIONS``.
        level: of the line, unless the error or the caller says otherwise.
        follows_call: whether the outcome is Cognito's, so that the id of the last request belongs to it.
    """

    vocabulary: str
    level: int = logging.INFO
    follows_call: bool = True


class Fields(TypedDict, total=False):
    """The fields of an event; a field that is None or empty is left out.

    Attributes:
        user: primary key of the site's user whom it is about.
        by: primary key of the administrator who did it, or "command".
        method: Cognito's name of the factor.
        view: name of the requested view.
        step: of the sign-in.
        operation: the API operation that was called last.
        cognito_error: Cognito's name of the error.
        error: the app's own code of the error, such as ``bad_credentials``.
        reason: why, in one of the app's own words.
        request_id: AWS's id of the request.
        reference: which the user's page shows.
        sub: of the user in the user pool, where the site has no user.
        email: its name, such as ``mfa_reset``.
        count: how many.
        failed: how many of them failed.
        seconds: how long it took.
    """

    user: object
    by: object
    method: str
    view: str
    step: str
    operation: str
    cognito_error: str
    error: str
    reason: str
    request_id: str
    reference: str
    sub: str
    email: str
    count: int
    failed: int
    seconds: float


def _local(vocabulary: str, level: int = logging.INFO) -> Event:
    """Return an event that follows no call."""
    return Event(vocabulary, level, follows_call=False)


# Not in OWASP's vocabulary, which has no words for second factors and for services of other companies.
EXTENSIONS = {
    "authn_factor_added": "an authenticator app or recovery codes were added",
    "authn_factor_fail": "a change of an authenticator app failed, or its outcome is unknown",
    "authn_factor_removed": "an authenticator app was removed or reset",
    "authn_factor_replaced": "an authenticator app was replaced by another one",
    "authn_login_unlock": "code entry was unlocked",
    "sys_dependency_fail": "Cognito did not answer as it should",
    "sys_dependency_recovered": "Cognito answers again",
    "sys_job_failed": "a job ended early",
    "sys_job_finished": "a job was completed",
}

EVENTS = {
    # Sign-in
    "signed_in": Event("authn_login_success"),
    "password_refused": Event("authn_login_fail"),
    "code_rejected": Event("authn_login_fail"),
    "code_entry_locked": Event("authn_login_lock", logging.WARNING),
    "sign_in_refused": Event("authn_login_fail", logging.WARNING),
    "stale_step": _local("sequence_fail"),
    "step_refused": _local("authn_login_fail"),
    "cognito_refused": Event("authn_login_fail"),
    "cognito_failed": Event("sys_dependency_fail", logging.ERROR),
    "challenge_not_supported": Event("authn_login_fail", logging.WARNING),
    "circuit_opened": _local("sys_dependency_fail", logging.WARNING),
    "circuit_closed": _local("sys_dependency_recovered", logging.WARNING),
    "storage_failed": _local("sys_dependency_fail", logging.ERROR),
    "signed_out_elsewhere": Event("session_expired"),
    "token_refused": Event("authn_login_fail"),
    "token_not_verified": Event("sys_dependency_fail", logging.WARNING),
    # Authenticator apps and recovery codes
    "software_token_verified": Event("authn_factor_added"),
    "software_token_replaced": Event("authn_factor_replaced"),
    "software_token_removed": Event("authn_factor_removed"),
    "change_unconfirmed": Event("authn_factor_fail", logging.WARNING),
    "removal_refused": Event("authn_factor_fail"),
    "device_renamed": _local("user_updated"),
    "recovery_codes_created": _local("authn_factor_added"),
    "recovery_code_used": _local("authn_factor_removed"),
    "recovery_code_returned": Event("authn_factor_fail", logging.WARNING),
    # Passwords
    "password_changed": Event("authn_password_change"),
    "password_reset": Event("authn_password_change"),
    "password_change_refused": Event("authn_password_change_fail"),
    "reset_code_not_sent": Event("authn_password_change_fail"),
    # Users
    "user_created": Event("user_created"),
    "linked": Event("user_updated"),
    "link_moved": Event("user_updated"),
    "link_refused": Event("authn_login_fail", logging.WARNING),
    "unlinked": _local("user_updated"),
    "user_deleted": _local("user_deleted"),
    "user_disabled": Event("user_archived"),
    "status_changed": Event("user_updated"),
    "rights_changed": Event("privilege_permissions_changed"),
    # Administrators
    "mfa_reset_requested": _local("authz_admin"),
    "mfa_reset": Event("authn_factor_removed"),
    "mfa_reset_interrupted": Event("authn_factor_fail", logging.WARNING),
    "exemption_granted": _local("authz_change"),
    "exemption_revoked": _local("authz_change"),
    "failures_cleared": _local("authn_login_unlock"),
    "permission_denied": _local("authz_fail", logging.WARNING),
    "events_exported": _local("sensitive_read"),
    "events_purged": _local("sensitive_delete"),
    # Jobs
    "sync_finished": _local("sys_job_finished"),
    "sync_part": _local("sys_job_finished"),
    "sync_interrupted": _local("sys_job_failed", logging.WARNING),
    "refresh_finished": _local("sys_job_finished"),
    "refresh_interrupted": _local("sys_job_failed", logging.WARNING),
    "email_not_sent": _local("sys_job_failed", logging.ERROR),
    # Enforcement
    "request_blocked": _local("authz_fail"),
    "would_block": _local("authz_fail"),
}

# Events whose count has the error as a label, and the errors that operators must act on.
COUNTED_BY_ERROR: dict[str, tuple[str, ...]] = {
    "password_refused": (BadCredentials.code,),
    "step_refused": (Busy.code, CodeAttemptsLocked.code),
    "cognito_refused": (Busy.code, Refused.code, ChallengeLost.code),
    "cognito_failed": (
        *(Unavailable.code, BadReply.code, Misconfigured.code),
        *(ScopeMissing.code, PermissionMissing.code, TriggerFailed.code),
    ),
}
for _name in EVENTS:
    metrics.declare_event(_name, *COUNTED_BY_ERROR.get(_name, ()))

# The error that a page shows matters more than where it happened.
BY_ERROR = {
    "password_policy": "authn_password_change_fail",
    "refused": "authz_fail",
    "sign_in_again": "authn_token_revoked",
    "slow_down": "excess_rate_limit_exceeded",
    "start_again": "sequence_fail",
    "code_entry_locked": "authn_login_lock",
}


def write(
    name: str,
    text: str = "",
    *,
    cause: CognitoMFAError | None = None,
    level: int | None = None,
    **fields: Unpack[Fields],
) -> None:
    """Log an event, and count it.

    Args:
        name: one of ``EVENTS``.
        text: of the line, after the name; by default the fields.
        cause: the error of the outcome. Its operation, code, reason, and request id become fields.
        level: of the line; by default the error's or the event's.
        **fields: see ``Fields``.
    """
    event = EVENTS[name]
    told = _all_fields(event, cause, fields)
    error = cause.code if cause else ""
    vocabulary = BY_ERROR.get(error, event.vocabulary)
    metrics.count_event(name, error=error if name in COUNTED_BY_ERROR else "")
    if level is None:
        level = cause.log_level if cause else event.level
    if not logger.isEnabledFor(level):
        return
    said = text or (f"{cause} {cause.hint}".strip() if cause else _line(told))
    reference = f" [{told['reference']}]" if "reference" in told else ""
    extra = {PREFIX + key: value for key, value in told.items()}
    extra |= {f"{PREFIX}event": name, f"{PREFIX}owasp": vocabulary}
    logger.log(level, "%s%s: %s", name, reference, said, extra=extra)


def _all_fields(
    event: Event, cause: CognitoMFAError | None, fields: Mapping[str, object]
) -> dict[str, object]:
    """Return the fields of the caller, the error, and the call, without empty ones."""
    told = {**(_fields_of(cause) if cause else {}), **fields}
    if event.follows_call and "request_id" not in told:
        told["request_id"] = calls.last_request_id()
    told = {key: value for key, value in told.items() if value not in (None, "")}
    return told | {key: str(told[key]) for key in ("user", "by") if key in told}


def _fields_of(cause: CognitoMFAError) -> dict[str, object]:
    return {
        "operation": cause.operation,
        "cognito_error": cause.error,
        "error": cause.code,
        "reason": str(cause.reason or cause.detail),
        "request_id": cause.request_id,
    }


def _line(told: dict[str, object]) -> str:
    """Return the fields for people: ``user 7 by 3, method SOFTWARE_TOKEN_MFA``."""
    by = f" by {told['by']}" if "by" in told else ""
    rest = {
        key: value
        for key, value in told.items()
        if key not in ("user", "by", "reference", "request_id")
    }
    pairs = [f"{key.replace('_', ' ')} {value}" for key, value in rest.items()]
    if "count" in told:  # the event is about many users
        return ", ".join([*([f"by {told['by']}"] if by else []), *pairs])
    return ", ".join([f"user {told.get('user', 'unknown')}{by}", *pairs])
