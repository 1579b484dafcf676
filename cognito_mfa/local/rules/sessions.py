"""The session strings of a sign-in, bound to user, client, and kind of operation.

They expire by the clock, and a correct answer consumes them, never a wrong one. Other modules check
the answers.

See "Sessions of a challenge" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace

from cognito_mfa.local.clock import Clock
from cognito_mfa.local.errors import NotAuthorizedException
from cognito_mfa.local.rules.state import Account, AppClient, SignInSession, Stage, User, UserPool

SETUP_BY_EMAIL = "MFA_SETUP by email"

#: The stages that each operation or answered challenge accepts. Any other stage is refused with
#: "Invalid session for the user."
ACCEPTED: Mapping[str, Stage] = {
    "AssociateSoftwareToken": Stage.MFA_SETUP,
    "VerifySoftwareToken": Stage.MFA_SETUP_ASSOCIATED,
    "NEW_PASSWORD_REQUIRED": Stage.NEW_PASSWORD_REQUIRED,
    "MFA_SETUP": Stage.MFA_SETUP_VERIFIED,
    SETUP_BY_EMAIL: Stage.MFA_SETUP,
    "SOFTWARE_TOKEN_MFA": Stage.SOFTWARE_TOKEN_MFA,
    "SMS_MFA": Stage.SMS_MFA,
    "EMAIL_OTP": Stage.EMAIL_OTP,
    "SELECT_MFA_TYPE": Stage.SELECT_MFA_TYPE,
    "SELECT_CHALLENGE": Stage.SELECT_CHALLENGE,
    "PASSWORD": Stage.PASSWORD,
    "SMS_OTP": Stage.SMS_OTP,
    "WEB_AUTHN": Stage.WEB_AUTHN,
    "DEVICE_SRP_AUTH": Stage.DEVICE_SRP_AUTH,
    "CUSTOM_CHALLENGE": Stage.CUSTOM_CHALLENGE,
    "ConfirmSignUp": Stage.SIGN_UP,
    "InitiateAuth": Stage.SIGNED_UP,
}

INVALID = "Invalid session for the user."
EXPIRED = "Invalid session for the user, session is expired."
USED = "Invalid session for the user, session can only be used once."

#: The header of an AWS Encryption SDK message, so that sessions begin with AYABe as Cognito's do.
ENVELOPE = b"\x01\x80\x01\x78"
ID_BYTES = 16
FILLER_BYTES = 1138
REMEMBERED_AFTER_EXPIRY = 900.0


def session_string(session: SignInSession) -> str:
    """Return the string of a session, which contains only its id.

    It has 1,544 characters. Cognito's have 1,543 or 1,587.
    """
    identity = bytes.fromhex(session.id)
    filler = hashlib.shake_256(identity).digest(FILLER_BYTES)
    return base64.urlsafe_b64encode(ENVELOPE + identity + filler).decode().rstrip("=")


class Sessions:
    """The open sign-ins of an account."""

    def __init__(self, account: Account, clock: Clock) -> None:
        """Prepare for the sign-ins of an account.

        Args:
            account: The account.
            clock: The account's clock.
        """
        self._sessions = account.sessions
        self._ids = account.session_ids
        self._clock = clock

    def begin(
        self, stage: Stage, pool: UserPool, client: AppClient, user: User | None, *, admin: bool
    ) -> SignInSession:
        """Begin a sign-in.

        Args:
            stage: The stage of the sign-in.
            pool: The user pool.
            client: The app client.
            user: The user; None if there is none with the name.
            admin: Whether an Admin operation asks.

        Returns:
            A session, whose string looks the same with and without a user.
        """
        self._forget_long_expired()
        session = SignInSession(
            id=secrets.token_hex(ID_BYTES),
            stage=stage,
            pool_id=pool.id,
            client_id=client.id,
            sub=user.sub if user is not None else "",
            admin=admin,
            expires_at=self._expiry(client),
        )
        self._add(session)
        return session

    def find(self, token: str) -> SignInSession:
        """Return the session that belongs to a session string.

        Raises:
            NotAuthorizedException: There is none, or it has expired or was used. The text is Cognito's.
        """
        session = self._sessions.get(_id_in(token))
        if session is None or session_string(session) != token:
            raise NotAuthorizedException(INVALID)
        if self._clock.now() >= session.expires_at:
            raise NotAuthorizedException(EXPIRED)
        if session.spent:
            raise NotAuthorizedException(USED)
        return session

    def get_open(self, session_id: str) -> SignInSession | None:
        """Return an open session by its id, for a step that does not send its string."""
        session = self._sessions.get(session_id)
        over = session is None or session.spent or self._clock.now() >= session.expires_at
        return None if over else session

    def open_of(self, user: User, client: AppClient, stage: Stage) -> list[SignInSession]:
        """Return the open sessions of a user at a stage.

        Args:
            user: The user.
            client: The app client.
            stage: The stage of the sign-in.

        Returns:
            The sessions, the newest first.
        """
        bound = (client.id, user.sub, stage)
        found = [
            session
            for session in self._of(user)
            if (session.client_id, session.sub, session.stage) == bound
            and self.get_open(session.id) is not None
        ]
        return found[::-1]

    def require(self, session: SignInSession, purpose: str) -> None:
        """Refuse a session that is not at the right stage.

        Args:
            session: The sign-in session.
            purpose: The name of the operation, or of the challenge that is answered.

        Raises:
            NotAuthorizedException: It is at another stage.
        """
        if session.stage is not ACCEPTED.get(purpose):
            raise NotAuthorizedException(INVALID)

    def advance(self, session: SignInSession, stage: Stage, client: AppClient) -> SignInSession:
        """Replace a session with one at the next stage.

        Args:
            session: The sign-in session.
            stage: The stage of the sign-in.
            client: The app client.

        Returns:
            The new session, which is valid as long as a first one.
        """
        following = replace(
            session,
            id=secrets.token_hex(ID_BYTES),
            stage=stage,
            expires_at=self._expiry(client),
            spent=False,
            parent=session.id,
            child=None,
        )
        self._add(following)
        session.child = following.id
        return following

    def spend(self, session: SignInSession) -> None:
        """Consume a session."""
        session.spent = True

    def drop_child(self, session: SignInSession) -> None:
        """End the session that an earlier use of a session created."""
        if session.child is not None:
            self._drop(session.child)

    def spend_parent(self, session: SignInSession) -> None:
        """Consume the session from which this one was created."""
        parent = self._sessions.get(session.parent or "")
        if parent is not None:
            parent.spent = True

    def end_all(self, user: User) -> None:
        """End all sign-ins of a user."""
        for session in self._of(user):
            self._drop(session.id)

    def _expiry(self, client: AppClient) -> float:
        return self._clock.now() + client.auth_session_validity * 60

    def _forget_long_expired(self) -> None:
        horizon = self._clock.now() - REMEMBERED_AFTER_EXPIRY
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if oldest.expires_at >= horizon:
                return
            self._drop(oldest.id)

    def _of(self, user: User) -> list[SignInSession]:
        return [self._sessions[one] for one in self._ids.get(user.sub, {})]

    def _add(self, session: SignInSession) -> None:
        self._sessions[session.id] = session
        _index(self._ids, session)

    def _drop(self, session_id: str) -> None:
        session = self._sessions.pop(session_id, None)
        if session is not None:
            mine = self._ids[session.sub]
            del mine[session_id]
            if not mine:
                del self._ids[session.sub]


def reindex(account: Account) -> None:
    """Rebuild the indexes of the sessions, after a state file was read."""
    for session in account.sessions.values():
        _index(account.session_ids, session)


def _index(ids: dict[str, dict[str, None]], session: SignInSession) -> None:
    ids.setdefault(session.sub, {})[session.id] = None


def _id_in(token: str) -> str:
    """Return the id in a session string; "" for any other text."""
    try:
        raw = base64.urlsafe_b64decode(token[:28])
    except ValueError:
        return ""
    return raw[len(ENVELOPE) : len(ENVELOPE) + ID_BYTES].hex()
