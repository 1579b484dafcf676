"""The half-finished sign-in: one object under one session key, encrypted, minutes long.

It never holds the password, never leaves the server, and there is one for each browser: the newest
wins, an older tab starts again.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Self

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from cognito_mfa.cognito.types import NOTHING, SOFTWARE_TOKEN_MFA, Challenge, Tokens
from cognito_mfa.enforcement.proof import PREFIX
from cognito_mfa.exceptions import (
    AccountActionNeeded,
    BadReply,
    ChallengeLost,
    ChallengeLostReason,
    CognitoMFAError,
    Refused,
    TokenRejected,
    TriggerFailed,
    Unavailable,
)
from cognito_mfa.sign_in.encryption import decrypt, encrypt
from cognito_mfa.sign_in.factor_snapshot import Snapshot
from cognito_mfa.values.clocks import seconds_since
from cognito_mfa.values.secret_text import SecretText

KEY = f"{PREFIX}pending"
# The longest that an app client can make its session strings last (AuthSessionValidity).
# The client's own value is not readable without AWS credentials; when it is shorter, Cognito says so.
TTL = 15 * 60
EARLIER_SECRETS = 3  # of one setup that are remembered at most


class Step(Enum):
    """The step that a sign-in is at; the values are names of our URLs."""

    START = "sign_in"
    NEW_PASSWORD = "new_password"  # noqa: S105 - the name of a page
    CHALLENGE = "challenge"
    LINK = "link"
    PASSWORD_RESET = "password_reset_confirm"  # noqa: S105 - likewise
    PASSWORD_CHANGE = "password_change_confirm"  # noqa: S105 - likewise
    SETUP = "setup"
    SETUP_DONE = "setup_done"
    OWN_PAGE = "device"
    DONE = "done"


class Purpose(Enum):
    """What the user signs in for: to enter the site, or to change something that needs a token.

    No Cognito token is kept after a sign-in, so a change asks for the password again, which is the
    re-authentication that such a change requires.
    """

    SIGN_IN = "sign in"
    SET_UP = "sign in and set up, whatever the policy says"
    REPLACE = "replace the authenticator"
    REMOVE = "remove the authenticator"
    CHANGE_PASSWORD = "change the password"  # noqa: S105 - what a sign-in is for
    SIGN_OUT = "end all other sessions"


# By a user who is already signed in.
CHANGES = (Purpose.REPLACE, Purpose.REMOVE, Purpose.CHANGE_PASSWORD, Purpose.SIGN_OUT)


@dataclass(frozen=True, kw_only=True)
class PendingSignIn:
    """What must be remembered between two steps of one sign-in.

    Attributes:
        step: which page comes next.
        purpose: what all this is for.
        username: as the user typed it.
        sub: whose sign-in it is, once tokens named it, or of the user who changes something; a challenge contains only a
            name. Read it through ``subject.subject_of``.
        named_sub: of the only identity that the challenge's username meant when it came; empty for none, or several.
        next_url: where to go afterwards; validated when it is used.
        challenge: what Cognito wants answered, with its current session string.
        secret: of the software token that waits to be verified, during setup.
        earlier_secrets: that this setup showed before, so that their codes are recognized; none of them was ever
            confirmed, and none outlives the setup.
        expects_code: of a user who changes something: an authenticator app was set up here when that began.
        shown_at: when the QR code was asked for, in seconds since the epoch.
        has_old_app: the setup replaces an authenticator app that is still active.
        was_reset: the setup follows a reset by an administrator.
        follows_lost_setup: an earlier setup, whose outcome was unknown, turned out not to be confirmed.
        tokens: of a password sign-in without challenge, during a setup with the access token.
        friendly_name: what the user typed as the device's name before the setup was interrupted.
        signed_in_already: by another package, whose sign-in stays as it is.
        snapshot: what was known of the user's MFA when this began; None before it begins.
        unconfirmed: a setup may have been confirmed in Cognito, and is not recorded here.
        is_switching_user: the user signs in as another one than the one who is signed in in this browser.
        link_user_pk: key of the user who is signed in, and is asked whether the pool's account is theirs.
        device_name: of the device whose code is asked for; empty where none may be named.
        offers_recovery: a recovery code may be entered instead of the code.
        is_setup_unconfirmed: either of two authenticators may be the active one.
        nonce: distinguishes one reset or change of a password from the next in the same browser.
        reset_code: that was sent for a forgotten password, and is kept while the new one is refused.
        code_requested: a code was asked for in this browser, and not only announced by its user.
        reset_required: the password works no more, and has to be reset before the next sign-in.
        expires_at: seconds since the epoch.
    """

    step: Step = Step.START
    purpose: Purpose = Purpose.SIGN_IN
    username: str = ""
    sub: str = ""
    named_sub: str = ""
    next_url: str = ""
    challenge: Challenge | None = field(default=None, repr=False)
    secret: SecretText = NOTHING
    earlier_secrets: tuple[SecretText, ...] = ()
    expects_code: bool = False
    shown_at: float = 0.0
    has_old_app: bool = False
    was_reset: bool = False
    follows_lost_setup: bool = False
    tokens: Tokens | None = field(default=None, repr=False)
    friendly_name: str = ""
    signed_in_already: bool = False
    snapshot: Snapshot | None = None
    unconfirmed: bool = False
    is_switching_user: bool = False
    link_user_pk: str = ""
    device_name: str = ""
    offers_recovery: bool = False
    is_setup_unconfirmed: bool = False
    nonce: str = ""
    reset_code: SecretText = NOTHING
    code_requested: bool = False
    reset_required: bool = False
    expires_at: float = 0.0

    @classmethod
    def load(cls, request: HttpRequest) -> Self | None:
        """Return this browser's pending sign-in, or None if there is none or it has expired."""
        kept, is_in_time = cls._read(request)
        return kept if is_in_time else None

    @classmethod
    def take_expired(cls, request: HttpRequest) -> Self | None:
        """Forget this browser's pending sign-in if it has expired; return its purpose."""
        kept, is_in_time = cls._read(request)
        if kept is None or is_in_time:
            return None
        clear_pending(request)
        return cls(
            purpose=kept.purpose, next_url=kept.next_url, signed_in_already=kept.signed_in_already
        )

    @classmethod
    def _read(cls, request: HttpRequest) -> tuple[Self | None, bool]:
        """Return what the session keeps, and whether it is in time."""
        payload = decrypt(request.session.get(KEY))
        try:
            if payload is not None:
                return cls(**_deserialize(payload)), _is_in_time(payload["expires_at"])
        except (KeyError, TypeError):  # of another version of this app, minutes ago
            pass
        return None, False

    def save(self, request: HttpRequest) -> None:
        """Make this the browser's pending sign-in, with a fresh time limit."""
        kept = {
            **vars(self),
            "step": self.step.name,
            "purpose": self.purpose.name,
            "expires_at": time.time() + TTL,
        }
        request.session[KEY] = encrypt(kept)

    @property
    def is_change(self) -> bool:
        """Return whether a signed-in user changes something."""
        return self.purpose in CHANGES

    @property
    def form_id(self) -> str:
        """Return what distinguishes the forms of this sign-in or change from those of another one.

        SECURITY: it names who signs in, and what for. A form of an older tab must not answer for another user, nor
        for another change: a code for a new phone would turn MFA off. Two tabs with the same account are the same.
        """
        is_reset = self.step is Step.PASSWORD_RESET
        kind = "reset" if is_reset else self.purpose.name if self.is_change else "sign in"
        text = f"{kind} {self.username}"
        return salted_hmac("cognito_mfa.form_id", text, algorithm="sha256").hexdigest()[:32]

    @property
    def uses_app(self) -> bool:
        """Return whether the user has an authenticator app, as far as this sign-in has shown."""
        asked = self.challenge.name if self.challenge else ""
        return self.has_old_app or asked == SOFTWARE_TOKEN_MFA

    @property
    def shown_secrets(self) -> tuple[SecretText, ...]:
        """Return the earlier secrets that the next setup should recognize, the newest last.

        SECURITY: none that Cognito may have confirmed, because that one is not kept.
        """
        shown = (*self.earlier_secrets, self.secret) if self.secret else self.earlier_secrets
        return () if self.unconfirmed else shown[-EARLIER_SECRETS:]

    @property
    def required_snapshot(self) -> Snapshot:
        """Return what was known when this began.

        Raises:
            ChallengeLost: it is unknown, and so is what happened since.
        """
        if self.snapshot is None:
            raise ChallengeLost(reason=ChallengeLostReason.NOTHING_PENDING)
        return self.snapshot

    def is_for(self, user: Any) -> bool:
        """Return whether ``user``, of the request, is the one who was asked about a link."""
        return (
            bool(self.link_user_pk) and user.is_authenticated and str(user.pk) == self.link_user_pk
        )

    @property
    def required_challenge(self) -> Challenge:
        """Return the challenge to answer.

        Raises:
            ChallengeLost: there is none at this step.
        """
        if self.challenge is None:
            raise ChallengeLost(reason=ChallengeLostReason.NOTHING_PENDING)
        return self.challenge

    def discard_progress(self, request: HttpRequest, *, keeps_secrets: bool = False) -> None:
        """Keep the typed names and the way back; forget everything else.

        An interrupted change is over: nothing was changed, and the user is still signed in. So is
        the setup of a user who signed in elsewhere.

        Args:
            request: whose session keeps the pending sign-in.
            keeps_secrets: recognize codes of this setup in the next one.
        """
        if self.is_change or self.signed_in_already:
            clear_pending(request)
            return
        PendingSignIn(
            purpose=self.purpose,
            username=self.username,
            next_url=self.next_url,
            friendly_name=self.friendly_name,
            unconfirmed=self.unconfirmed,
            earlier_secrets=self.shown_secrets if keeps_secrets else (),
            is_switching_user=self.is_switching_user,
        ).save(request)

    @contextmanager
    def discarding_on_failure(
        self, request: HttpRequest, *, always: bool = False
    ) -> Generator[None]:
        """Drop the pending sign-in when Cognito no longer accepts it, or may have used it up.

        A wrong code, a rejected password, throttling, or a call that never left leave it as it is.

        Args:
            request: whose session keeps the pending sign-in.
            always: also then, where no second try is possible.
        """
        try:
            yield
        except CognitoMFAError as error:
            if always or _ends_sign_in(error):
                self.discard_progress(request, keeps_secrets=isinstance(error, ChallengeLost))
            raise


def clear_pending(request: HttpRequest) -> None:
    """Forget the browser's pending sign-in."""
    if KEY in request.session:
        del request.session[KEY]


def _is_in_time(expires_at: float) -> bool:
    """Return whether it was saved at most ``TTL`` ago.

    By a clock that was ahead it would last as long as that.
    """
    ago = seconds_since(expires_at - TTL)
    return ago is not None and ago < TTL


def _ends_sign_in(error: CognitoMFAError) -> bool:
    if isinstance(error, Unavailable):
        return error.sent == "unknown"
    return isinstance(
        error,
        (ChallengeLost, TokenRejected, BadReply, Refused, AccountActionNeeded, TriggerFailed),
    )


def _deserialize(payload: Mapping[str, Any]) -> dict[str, Any]:
    challenge, tokens, snapshot = payload["challenge"], payload["tokens"], payload["snapshot"]
    return {
        **payload,
        "step": Step[payload["step"]],
        "purpose": Purpose[payload["purpose"]],
        "challenge": Challenge(**challenge) if challenge else None,
        "tokens": Tokens(**tokens) if tokens else None,
        "earlier_secrets": tuple(payload["earlier_secrets"]),
        "snapshot": Snapshot(**snapshot) if snapshot else None,
    }
