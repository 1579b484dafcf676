"""Everything the gateway may raise, sorted by who must act.

::

    CognitoMFAError
    ├── UserFacingError              the person can do something about it
    │   ├── BadCredentials           name or password wrong, or nobody by that name
    │   ├── BadCode                  wrong code, or one that was used already
    │   ├── CodeAttemptsLocked             too many wrong codes: an administrator must lift it
    │   ├── ChallengeLost            the half-finished sign-in is over: start again
    │   ├── TokenRejected            the access token is no longer accepted: sign in again
    │   ├── SignInAgain              the sign-in at Cognito was too long ago, or must show a code
    │   ├── AccountActionNeeded      the account must be confirmed, or its password reset, first
    │   ├── PasswordRejected         the new password breaks the pool's policy
    │   ├── Refused                  a firewall rule, a Lambda trigger or an alias says no
    │   │   └── LinkRefused          no user of this site may be linked to the person
    │   ├── ConfirmationNeeded       who is signed in must say first that both accounts are theirs
    │   ├── UserGone                 the pool has no such user (told to administrators only)
    │   ├── ChallengeNotSupported    Cognito asks for something this app does not answer
    │   └── RemovalNotAllowed        the second factor cannot be turned off
    ├── Busy                         wait: throttled, or locked for some seconds
    └── ServiceError                 the operator must act, or AWS
        ├── Unavailable              no answer, or an internal error
        ├── BadReply                 an answer that must not be believed
        └── Misconfigured            pool, client, permissions or credentials do not fit
            └── ScopeMissing         the access token does not allow a set-up

No exception carries a password, code, token, session string or AWS's own text: what they carry may
reach a page, a log or an error report. Wrong Django settings are not in this family: they raise
``django.core.exceptions.ImproperlyConfigured``, which no view swallows.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Sent = Literal["no", "unknown", "yes"]


class CognitoMFAError(Exception):
    """Something about Cognito went wrong.

    Args:
        operation: the API operation that was called, such as ``VerifySoftwareToken``.
        error: Cognito's name of the error, such as ``CodeMismatchException``; empty when it gave none.
        request_id: the id AWS gave the request, for its support; empty when there is none.

    Attributes:
        answered_at: Cognito's own time, in seconds since the epoch; None when it did not answer, or told none.
    """

    code: ClassVar[str] = "error"
    answered_at: float | None = None

    def __init__(self, operation: str = "", error: str = "", *, request_id: str = "") -> None:
        super().__init__(operation, error)
        self.operation = operation
        self.error = error
        self.request_id = request_id

    def __str__(self) -> str:
        parts = (
            self.code,
            self.operation,
            self.error,
            self.request_id and f"request {self.request_id}",
        )
        return " · ".join(part for part in parts if part)


class UserFacingError(CognitoMFAError):
    """The person can do something about it."""


class BadCredentials(UserFacingError):
    """Name or password are wrong, or there is nobody by that name: never say which."""

    code = "bad_credentials"


class BadCode(UserFacingError):
    """The code is wrong, or was used already; the challenge stands (facts §3.2)."""

    code = "bad_code"

    def __init__(self, operation: str = "", error: str = "", *, request_id: str = "") -> None:
        super().__init__(operation, error, request_id=request_id)
        self.already_used = error == "ExpiredCodeException"


class CodeAttemptsLocked(UserFacingError):
    """Too many wrong codes in a row; Cognito is not asked until an administrator lifts it."""

    code = "codes_stopped"


class ChallengeLost(UserFacingError):
    """Cognito no longer accepts this session string: the sign-in starts again (facts §3.2)."""

    code = "start_again"


class TokenRejected(UserFacingError):
    """The access token expired, was revoked, or lacks the scope (facts §7.1)."""

    code = "sign_in_again"


class SignInAgain(UserFacingError):
    """Somebody who signs in at Cognito's own pages must do so once more first.

    Attributes:
        error: why: ``NoToken`` none was kept, ``TooOld`` it was too long ago, ``AlreadySetUp`` an
            authenticator counts already, so that Cognito asks for its code, ``NotToldThere`` the same, and
            whether it asked cannot be seen from here.
    """

    code = "sign_in_again"


class AccountActionNeeded(UserFacingError):
    """The account must be confirmed, or its password reset, before anybody can sign in with it."""

    code = "account_action"

    @property
    def action(self) -> Literal["confirm", "reset_password"]:
        return "confirm" if self.error == "UserNotConfirmedException" else "reset_password"


class PasswordRejected(UserFacingError):
    """The new password breaks the pool's policy.

    Attributes:
        reasons: which rules, as far as Cognito's text tells: ``length``, ``uppercase``,
            ``lowercase``, ``number``, ``symbol``, ``history``.
    """

    code = "password_policy"

    def __init__(
        self,
        operation: str = "",
        error: str = "",
        *,
        request_id: str = "",
        reasons: tuple[str, ...] = (),
    ) -> None:
        super().__init__(operation, error, request_id=request_id)
        self.reasons = reasons


class Refused(UserFacingError):
    """A firewall rule, a Lambda trigger or an alias conflict refused the request."""

    code = "refused"


class LinkRefused(Refused):
    """No user of this site may be linked to the person of the pool.

    Args:
        reason: why, in a word for the log and the events; ``cognito_mfa.sign_in.linking`` has them all.
        user_pk: of the user that it was about, if there was one.
    """

    code = "link_refused"

    def __init__(self, reason: str, *, user_pk: object = None) -> None:
        super().__init__("link", reason)
        self.user_pk = user_pk


class ConfirmationNeeded(UserFacingError):
    """Whoever is signed in must say first that the account of the pool is theirs as well."""

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

    def __init__(self, operation: str = "", challenge: str = "", *, request_id: str = "") -> None:
        super().__init__(operation, challenge, request_id=request_id)
        self.challenge = challenge


class RemovalNotAllowed(UserFacingError):
    """The second factor cannot be turned off.

    Args:
        by: who wants it: the site's ``policy``, or the ``pool``; or that is ``unknown``.
    """

    code = "removal_not_allowed"

    def __init__(self, by: Literal["policy", "pool", "unknown"]) -> None:
        super().__init__("remove", by)
        self.by = by


class Busy(CognitoMFAError):
    """Wait and try again.

    Attributes:
        retry_after: seconds after which a next attempt makes sense.
    """

    code = "slow_down"

    def __init__(
        self, operation: str = "", error: str = "", *, request_id: str = "", retry_after: int = 5
    ) -> None:
        super().__init__(operation, error, request_id=request_id)
        self.retry_after = retry_after


class ServiceError(CognitoMFAError):
    """The operator must act, or AWS; the person can only try later."""

    retry_after: ClassVar[int] = 30


class Unavailable(ServiceError):
    """No usable answer came.

    Attributes:
        sent: whether Cognito may have acted: ``no`` (nothing left this machine), ``unknown``
            (the answer was lost on its way), ``yes`` (it answered that it failed).
    """

    code = "try_later"

    def __init__(
        self, operation: str = "", error: str = "", *, request_id: str = "", sent: Sent = "unknown"
    ) -> None:
        super().__init__(operation, error, request_id=request_id)
        self.sent = sent


class BadReply(ServiceError):
    """The answer breaks Cognito's contract: it is not believed, and nothing changes."""

    code = "bad_reply"


class Misconfigured(ServiceError):
    """Pool, app client, permissions or credentials do not fit what the app asked for.

    Attributes:
        hint: what the operator should look at; for the log and for staff, never for the public.
    """

    code = "service_problem"

    def __init__(
        self, operation: str = "", error: str = "", *, request_id: str = "", hint: str = ""
    ) -> None:
        super().__init__(operation, error, request_id=request_id)
        self.hint = hint


class ScopeMissing(Misconfigured):
    """The access token lacks the scope ``aws.cognito.signin.user.admin`` (facts §7.1)."""

    code = "scope_missing"
