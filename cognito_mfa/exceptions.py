"""The exceptions of this app about Cognito and sign-ins, grouped by who must act.

::

    CognitoMFAError
    ├── UserFacingError              the user can do something about it
    │   ├── BadCredentials           username or password wrong, or no such user
    │   ├── BadCode                  wrong code, or one that was used already
    │   ├── CodeAttemptsLocked       too many wrong codes: an administrator must reset the app
    │   ├── ChallengeLost            the pending sign-in is over: start again
    │   ├── TokenRejected            the access token is no longer accepted: sign in again
    │   ├── SignInAgain              the sign-in at Cognito was too long ago, or must ask for a code
    │   ├── AccountActionNeeded      the account must be confirmed, or its password reset, first
    │   ├── PasswordRejected         the new password breaks the pool's policy
    │   ├── AttributesRejected       Cognito refuses what the user entered about themselves
    │   ├── Refused                  a Lambda trigger, threat protection or an alias conflict, or our own refusal
    │   │   └── LinkRefused          no Django user may be linked to the user of the pool
    │   ├── ConfirmationNeeded       the signed-in user must confirm first that both accounts are theirs
    │   ├── UserGone                 the pool has no such user (told to administrators only)
    │   ├── ChallengeNotSupported    Cognito asks for something this app does not answer
    │   └── RemovalNotAllowed        the authenticator app cannot be turned off
    ├── Busy                         wait: throttled, or locked for some seconds
    └── ServiceError                 the operator must act, or AWS
        ├── Unavailable              no answer, or an internal error
        ├── BadReply                 an answer that must not be believed
        └── Misconfigured            pool, app client, permissions or credentials are not as needed
            ├── PermissionMissing    the AWS credentials may not call an operation
            ├── TriggerFailed        a Lambda trigger of the pool broke
            └── ScopeMissing         the access token does not allow a setup

``operation`` and ``error`` are Cognito's words only. Our own reasons are the members of an enum for each
class, such as ``BadReplyReason`` for ``BadReply``.

No exception carries a password, code, token, session string or AWS's own text, because it may reach a
page, a log or an error report. Wrong Django settings are not in this family: they raise
``django.core.exceptions.ImproperlyConfigured``, which no view catches.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar, Literal

Sent = Literal["no", "unknown", "yes"]


class BadCredentialsReason(StrEnum):
    """Why a right password may be refused, or Cognito was not asked; only for the log, never for the page."""

    VETOED = "vetoed"  # another of the site's backends refuses the sign-in
    NOT_SENT = "not_sent"  # it cannot be sent at all
    FORM = "form"  # Cognito allows no such username
    LOCKED = "locked"  # for a while, after wrong passwords
    DISABLED = "disabled"
    TEMPORARY_PASSWORD_EXPIRED = "temporary_password_expired"  # noqa: S105 - a reason
    UNRECOGNIZED = "unrecognized"  # a text that is not known yet


class BadCodeReason(StrEnum):
    """Why a code was refused, where Cognito's error does not say it."""

    STATUS_ERROR = "status_error"  # an answer with the status ERROR
    RECOVERY_CODE = "recovery_code"  # one of ours: wrong, used already, or of an earlier set
    EARLIER_SECRET = "earlier_secret"  # noqa: S105 - a reason: a code of a QR code that was replaced
    TOO_EARLY = "too_early"  # valid some minutes from now: the device's clock is ahead
    TOO_LATE = "too_late"  # valid some minutes ago: typed late, or the device's clock is behind


class ChallengeLostReason(StrEnum):
    """Why a sign-in is over: the first three are ours, the others Cognito's."""

    NOTHING_PENDING = "nothing_pending"
    NOT_OFFERED = "not_offered"  # a factor or a way that the challenge did not offer
    OVERTAKEN = "overtaken"  # something else changed the authenticator app or the sign-in since
    TIMED_OUT = "timed_out"  # Cognito's session string has expired
    USED_ALREADY = "used_already"  # the session string was; so the step was accepted before
    SESSION_OVER = "session_over"  # likewise, or another one took its place: Cognito does not say
    STARTED_TWICE = "started_twice"  # two requests at once
    ACCOUNT_CHANGED = "account_changed"  # deleted or unconfirmed since the password was right
    FACTOR_GONE = "factor_gone"  # nothing is set up any more that could be asked for
    UNRECOGNIZED = "unrecognized"  # a text that is not known yet


class TokenRejectedReason(StrEnum):
    """Why Cognito no longer accepts an access token, where it says so."""

    TIMED_OUT = "timed_out"
    REVOKED = "revoked"  # a sign-out everywhere, by the user or an administrator


class SignInAgainReason(StrEnum):
    """Why a user must sign in at Cognito's own pages again."""

    NO_TOKEN = "no_token"  # noqa: S105 - a reason
    TOO_OLD = "too_old"
    ALREADY_SET_UP = (
        "already_set_up"  # an authenticator app works already, so Cognito will ask for its code
    )
    PROOF_UNKNOWN = "proof_unknown"  # likewise, but we cannot see whether Cognito asks


class RefusedReason(StrEnum):
    """Why this app refuses a request; the last five are Cognito's reasons."""

    ANOTHER_POOL = "another_pool"  # the identity belongs to a pool that the settings do not name
    ANOTHER_USER = "another_user"  # not the account of the user who is signed in
    FEDERATED = "federated"  # the account belongs to an identity provider
    LINKED_PROVIDER = "linked_provider"  # an identity provider is linked to the account
    TOO_MANY_FAILURES = "too_many_failures"  # only another authenticator app lifts the lock
    TRIGGER = "trigger"  # a Lambda function of the pool says no
    RISK = "risk"  # threat protection
    DISABLED = "disabled"  # after the password was right
    NO_METHOD = "no_method"  # the pool requires a factor and finds none that the user can use
    TAKEN = "taken"  # an address or a number is another user's


class LinkRefusedReason(StrEnum):
    """Why no Django user may be linked to a user of the pool; also the ``reason`` of the event."""

    NOT_A_USER = "not_a_user"  # the resolver returned something else
    NOT_SAVED = "not_saved"  # the resolver returned a user without a row
    INACTIVE = "inactive"
    STAFF = "staff"
    PERMISSIONS = "permissions"
    LINKED_TO_ANOTHER = "linked_to_another"
    LINKED_IN_ANOTHER_POOL = "linked_in_another_pool"  # than the settings name
    RESOLVER_FAILED = "resolver_failed"
    SIGNED_IN_AS_ANOTHER_USER = "signed_in_as_another_user"  # than the one who was signed in before
    DECLINED = "declined"  # the confirmation page was answered with no
    ANOTHER_USER = "another_user"  # the confirmation page was for a user who is no longer signed in
    SIGN_IN_EXPIRED = (
        "sign_in_expired"  # Cognito no longer accepts the token of the sign-in that asked
    )
    EMAIL_NOT_VERIFIED = "email_not_verified"  # and something here hangs on the address
    EMAIL_DIFFERS = "email_differs"  # at a sign-in by another package
    ATTRIBUTES_UNKNOWN = (
        "attributes_unknown"  # likewise: Cognito did not say whether an address is verified
    )
    NO_USER = "no_user"  # ``CREATE_USERS`` is off
    NOT_IN_POOL = "not_in_pool"  # by hand, as those that follow: no such user of the pool
    SEVERAL_IN_POOL = "several_in_pool"  # users have the address
    POOL_USERS_DIFFER = "pool_users_differ"  # username, address, and sub are not of one user
    FEDERATED = "federated"  # another identity provider signs the user in
    USER_LINKED = "user_linked"  # to another user of the pool; may be moved
    OVERTAKEN = "overtaken"  # by a sign-in or another administrator
    GONE = "gone"  # the former pool had deleted the user
    RESET_UNFINISHED = "reset_unfinished"  # of the link that would end, and with it the reset
    SEVERAL_USERS = "several_users"  # of the site have what the resolver looks for
    USERNAME_TAKEN = "username_taken"  # no new user could be created
    NO_VALID_USERNAME = "no_valid_username"  # likewise: the site's users have names of another kind
    USER_NOT_CREATED = "user_not_created"  # likewise: the site's own user model or code refuses
    LOGIN_FAILED = "login_failed"  # of a linked user: the site's own model or receivers refuse
    RIGHTS_NOT_SAVED = "rights_not_saved"  # likewise: ``GROUPS`` or ``STAFF_GROUPS``
    UPDATER_FAILED = "updater_failed"  # likewise: ``USER_UPDATER``


class BusyReason(StrEnum):
    """What is limited; the first three are this app's own limits."""

    TOO_MANY_AT_ONCE = "too_many_at_once"  # codes for one user
    TOO_MANY_FAILURES = "too_many_failures"  # wrong codes in a row
    TOO_MANY_NAMES = "too_many_names"  # changes of a device name
    TOO_MANY_SETS = "too_many_sets"  # of recovery codes
    THROTTLED = "throttled"  # the AWS account's rate of calls, by all its applications
    LOCKED = "locked"  # the user's codes, by Cognito


class UnavailableReason(StrEnum):
    """Why we stopped waiting for Cognito, or did not ask."""

    DEADLINE_EXCEEDED = "deadline_exceeded"
    CIRCUIT_OPEN = "circuit_open"  # Cognito did not respond to the calls before
    TOO_MANY_CALLS = "too_many_calls"  # of this process wait for Cognito already
    ASKED_JUST_NOW = "asked_just_now"  # another thread has just failed to fetch the pool's keys


class MisconfiguredReason(StrEnum):
    """What is wrong with the settings, where Cognito's error does not say it."""

    CONTEXT = "context"  # the app client takes no address of the browser
    JWKS_FILE = "jwks_file"  # cannot be read, or has no keys


class BadReplyReason(StrEnum):
    """How an answer or a token breaks Cognito's contract."""

    UNEXPECTED_ANSWER = "unexpected_answer"
    CLAIMS_DISAGREE = "claims_disagree"
    OUT_OF_DATE = "out_of_date"
    FOREIGN_TOKEN = "foreign_token"  # noqa: S105 - another pool's or client's
    NOT_SIGNED = "not_signed"  # by none of the pool's keys
    ANOTHER_USER = "another_user"  # GetUser names another user than the token
    FACTOR_NOT_ASKED = "factor_not_asked"  # no challenge, although a factor is enabled
    FACTOR_NOT_IN_CLAIMS = "factor_not_in_claims"  # ``amr`` lacks the factor that was answered
    STILL_LISTED = "still_listed"  # a factor that was turned off
    UNKNOWN_USER_EXISTS = "unknown_user_exists"  # an answer about a random username


# Reasons that an operator should know, and that a stranger cannot cause by trying usernames.
NOTEWORTHY = frozenset({"unrecognized", "temporary_password_expired"})


class CognitoMFAError(Exception):
    """Something about Cognito or a sign-in went wrong.

    Args:
        operation: the API operation that was called, such as ``VerifySoftwareToken``; empty when none was.
        error: Cognito's name of the error, such as ``CodeMismatchException``, an HTTP status, or the class of
            what the call raised; empty when there is none.
        reason: our own reason, from the enum that is named after the class; None when ``error`` says it.
        request_id: the id that AWS gave the request, for its support; empty when there is none.
        sent: whether Cognito may have acted: ``no`` (nothing left this machine), ``unknown``
            (the answer was lost on its way), ``yes`` (it answered that it failed).
        hint: what the operator should look at; for the log and for staff, never for the public.

    Attributes:
        answered_at: Cognito's own time, in seconds since the epoch; None when its answer does not say it.
    """

    code: ClassVar[str] = "error"
    level: ClassVar[int] = logging.INFO
    answered_at: float | None = None

    def __init__(
        self,
        operation: str = "",
        error: str = "",
        *,
        reason: StrEnum | None = None,
        request_id: str = "",
        sent: Sent = "unknown",
        hint: str = "",
    ) -> None:
        super().__init__(operation, error)
        self.operation = operation
        self.error = error
        self.reason = reason
        self.request_id = request_id
        self.sent = sent
        self.hint = hint

    @property
    def detail(self) -> str:
        """Return the reason of ``error`` for the log, which its class alone does not tell."""
        return self.reason or ""

    @property
    def log_level(self) -> int:
        """Return the level of the log line that is written when the error ends on a page."""
        return logging.WARNING if self.reason in NOTEWORTHY else self.level

    @property
    def is_definite(self) -> bool:
        """Return whether it is certain that Cognito did nothing."""
        return self.sent != "unknown"

    def __str__(self) -> str:
        request = self.request_id and f"request {self.request_id}"
        parts = (self.code, self.operation, self.error, self.detail, request)
        return " · ".join(part for part in parts if part)


class UserFacingError(CognitoMFAError):
    """An error that the user can do something about."""


class BadCredentials(UserFacingError):
    """Username or password is wrong, or there is no such user: never say which."""

    code = "bad_credentials"


class BadCode(UserFacingError):
    """The code is wrong, or was used already; the same challenge may be answered again.

    Attributes:
        seconds_off: how far in the future or past the code is valid; zero where that is unknown.
    """

    code = "bad_code"
    seconds_off = 0

    @property
    def already_used(self) -> bool:
        return self.error == "ExpiredCodeException"


class CodeAttemptsLocked(UserFacingError):
    """Too many wrong codes; Cognito is not asked until an administrator resets the authenticator app."""

    code = "code_entry_locked"


class ChallengeLost(UserFacingError):
    """The pending sign-in is over, because Cognito refused its session string or something changed."""

    code = "start_again"


class TokenRejected(UserFacingError):
    """The access token expired, was revoked, or belongs to a user who was disabled or deleted."""

    code = "sign_in_again"


class SignInAgain(UserFacingError):
    """A user who signs in at Cognito's own pages must do so again first; the ``reason`` says why."""

    code = "sign_in_again"


class AccountActionNeeded(UserFacingError):
    """The account must be confirmed, or its password reset, before it can be used to sign in."""

    code = "account_action"
    level = logging.WARNING

    @property
    def action(self) -> Literal["confirm", "reset_password"]:
        return "confirm" if self.error == "UserNotConfirmedException" else "reset_password"


class PasswordRejected(UserFacingError):
    """The new password breaks the pool's policy.

    Args:
        operation: as in the base class.
        error: as in the base class.
        request_id: as in the base class.
        rules: the broken rules, as far as Cognito's text names them: ``length``, ``uppercase``,
            ``lowercase``, ``number``, ``symbol``, ``history``.
    """

    code = "password_policy"

    def __init__(
        self,
        operation: str = "",
        error: str = "",
        *,
        request_id: str = "",
        rules: tuple[str, ...] = (),
    ) -> None:
        super().__init__(operation, error, request_id=request_id)
        self.rules = rules


class AttributesRejected(UserFacingError):
    """Cognito refuses what the user entered about themselves; the same challenge may be answered again.

    Args:
        operation: as in the base class.
        error: as in the base class.
        request_id: as in the base class.
        names: Cognito's names of the attributes, as far as its text has them.
        already_set: whether the user has them already, and they cannot be changed at this step.
        taken: whether another user of the pool has the same value.
        shortest: how many characters a value must have, by attribute, where one has too few.
        longest: how many it may have, where one has too many.
    """

    code = "attributes_rejected"

    def __init__(
        self,
        operation: str = "",
        error: str = "",
        *,
        request_id: str = "",
        names: tuple[str, ...] = (),
        already_set: bool = False,
        taken: bool = False,
        shortest: Mapping[str, int] | None = None,
        longest: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(operation, error, request_id=request_id)
        self.names, self.already_set, self.taken = names, already_set, taken
        self.shortest, self.longest = dict(shortest or {}), dict(longest or {})

    @property
    def detail(self) -> str:
        return " ".join(self.names)


class Refused(UserFacingError):
    """A Lambda trigger, threat protection or an alias conflict refused the request, or we did.

    Attributes:
        has_authenticator: whether Cognito had accepted a code of the user's authenticator app before, which stays
            as it is.
        message: the trigger's own words, cut; only where ``TRIGGER_MESSAGES`` lets them through. For the page,
            never for the log.
    """

    code = "refused"
    level = logging.WARNING
    has_authenticator = False
    message = ""


class LinkRefused(Refused):
    """No Django user may be linked to the user of the pool.

    Args:
        reason: why, for the log and the event.
        user_pk: of the Django user in question; None when there is none.
        cause: what the reason does not say, such as the field or constraint; without any value.

    Attributes:
        reference: of the line in the log and the event; empty until it is written down.
    """

    code = "link_refused"
    reason: LinkRefusedReason
    reference = ""

    def __init__(
        self, reason: LinkRefusedReason, *, user_pk: object = None, cause: str = ""
    ) -> None:
        super().__init__(reason=reason)
        self.user_pk = user_pk
        self.cause = cause

    @property
    def detail(self) -> str:
        return f"{self.reason} · {self.cause}" if self.cause else self.reason


class SignInRefused(LinkRefused):
    """The site refuses a sign-in of a user who is linked already."""

    code = "sign_in_refused"


class ConfirmationNeeded(UserFacingError):
    """The signed-in user must confirm first that the account of the pool is theirs as well."""

    code = "confirm_link"


class UserGone(UserFacingError):
    """The pool has no such user; only administrators and commands are told."""

    code = "user_gone"


class ChallengeNotSupported(UserFacingError):
    """Cognito asks for something this app does not answer.

    Args:
        challenge: Cognito's name of the challenge.
    """

    code = "challenge_not_supported"

    def __init__(self, challenge: str) -> None:
        super().__init__()
        self.challenge = challenge

    @property
    def detail(self) -> str:
        return self.challenge


class RemovalNotAllowed(UserFacingError):
    """The authenticator app cannot be turned off.

    Args:
        by: who requires it: the site's ``policy``, or the ``pool``; or Cognito refuses, since no other ``factor``
            would be left; or that is ``unknown``.
    """

    code = "removal_not_allowed"

    def __init__(self, by: Literal["policy", "pool", "factor", "unknown"]) -> None:
        super().__init__()
        self.by = by

    @property
    def detail(self) -> str:
        return self.by


class Busy(CognitoMFAError):
    """The user must wait and try again.

    Args:
        operation: as in the base class.
        error: as in the base class.
        reason: as in the base class.
        request_id: as in the base class.
        retry_after: seconds after which a next attempt makes sense.
    """

    code = "slow_down"
    level = logging.WARNING

    def __init__(
        self,
        operation: str = "",
        error: str = "",
        *,
        reason: BusyReason | None = None,
        request_id: str = "",
        retry_after: int = 5,
    ) -> None:
        super().__init__(operation, error, reason=reason, request_id=request_id)
        self.retry_after = retry_after


class ServiceError(CognitoMFAError):
    """The operator or AWS must act; the user can only try again later."""

    retry_after: ClassVar[int] = 30
    level = logging.ERROR


class Unavailable(ServiceError):
    """No usable answer came; ``sent`` says whether Cognito may have acted."""

    code = "try_later"
    level = logging.WARNING

    @property
    def is_definite(self) -> bool:
        # An internal error may have come after the work was done.
        return self.sent == "no"


class BadReply(ServiceError):
    """The answer breaks Cognito's contract: it is not believed, and nothing changes."""

    code = "bad_reply"


class Misconfigured(ServiceError):
    """Pool, app client, permissions, or credentials are wrong; ``hint`` says what to check."""

    code = "service_problem"


class ScopeMissing(Misconfigured):
    """The access token lacks the scope ``aws.cognito.signin.user.admin``."""

    code = "scope_missing"


class PermissionMissing(Misconfigured):
    """The AWS credentials may not call the operation."""

    code = "permission_missing"

    @property
    def detail(self) -> str:
        return f"cognito-idp:{self.operation} is not allowed"


class TriggerFailed(Misconfigured):
    """A Lambda trigger of the pool failed. Cognito has used up what the step sent."""

    code = "trigger_failed"
