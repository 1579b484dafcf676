"""SignUp, ConfirmSignUp, ResendConfirmationCode and AdminConfirmSignUp (facts sections 1.3, 8.1 and
8.2). Whoever signs up may say nothing of themselves that only Cognito can know."""

from __future__ import annotations

from collections.abc import Mapping

from cognito_mfa.local.errors import (
    ExpiredCodeException,
    InvalidParameterException,
    NotAuthorizedException,
    UsernameExistsException,
    UserNotFoundException,
)
from cognito_mfa.local.operations.context import (
    Parameters,
    Payload,
    attributes_in,
    check_secret_hash_member,
    check_writable,
    hides_existence,
)
from cognito_mfa.local.operations.sent_codes import (
    EXPIRED,
    SIGN_UP,
    SentCodes,
    pretended_delivery,
)
from cognito_mfa.local.rules import credentials, directory, limits
from cognito_mfa.local.rules.sessions import INVALID, session_string
from cognito_mfa.local.rules.state import AppClient, SignInSession, Stage, User, UserPool

NOT_FOUND = "Username/client id combination not found."
PASSWORDLESS = {"EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"}


class SignUp(SentCodes):
    """How somebody becomes a user by themselves."""

    def sign_up(self, parameters: Parameters) -> Payload:
        pool, client = self.client(parameters)
        check_secret_hash_member(client, parameters)
        if pool.sign_up_closed:
            raise NotAuthorizedException("SignUp is not permitted for this user pool")
        password = parameters.get("Password")
        _check_password(pool, password)
        user = self._add(pool, client, parameters)
        if password is not None:
            credentials.give(pool, user, password, self.clock.now())
        answer: Payload = {"UserConfirmed": False, "UserSub": user.sub}
        attribute = _attribute_to_prove(pool, user)
        if attribute is not None:
            answer["CodeDeliveryDetails"] = self.send_code(pool, user, SIGN_UP, attribute)
        return {**answer, **self._session_member(pool, client, user)}

    def confirm_sign_up(self, parameters: Parameters) -> Payload:
        pool, client, user = self._meant(parameters, "ConfirmSignUp")
        if user is None:
            raise ExpiredCodeException(EXPIRED)
        _check_unconfirmed(user)
        sent = self.check_sent_code(user, SIGN_UP, parameters["ConfirmationCode"])
        session = self._sign_up_session(parameters, client, user)
        directory.set_attributes(
            pool,
            user,
            {directory.VERIFIED_FLAG[sent.attribute]: "true"},
            now=self.clock.now(),
            force_alias=parameters.get("ForceAliasCreation", False),
        )
        self._confirm(user)
        if session is None:
            return {}
        self.sessions.spend(session)
        following = self.sessions.advance(session, Stage.SIGNED_UP, client)
        return {"Session": session_string(following)}

    def resend_confirmation_code(self, parameters: Parameters) -> Payload:
        pool, _, user = self._meant(parameters, "ResendConfirmationCode")
        if user is None:
            pretended = pretended_delivery(pool, parameters["Username"])
            return {"CodeDeliveryDetails": pretended}
        if user.status != "UNCONFIRMED":
            raise InvalidParameterException("User is already confirmed.")
        attribute = _attribute_to_prove(pool, user)
        if attribute is None:
            raise InvalidParameterException("Auto verification not turned on.")
        return {"CodeDeliveryDetails": self.send_code(pool, user, SIGN_UP, attribute)}

    def admin_confirm_sign_up(self, parameters: Parameters) -> Payload:
        """Proves no address: email_verified stays as it is."""
        _, user = self.user(parameters)
        _check_unconfirmed(user)
        self._confirm(user)
        return {}

    def _meant(
        self, parameters: Parameters, operation: str
    ) -> tuple[UserPool, AppClient, User | None]:
        """Whom a request without a sign-in is about; None where that must not be told."""
        pool, client = self.client(parameters)
        check_secret_hash_member(client, parameters)
        name = parameters["Username"]
        user = directory.user_named(pool, name)
        if user is None and not hides_existence(pool, client):
            raise UserNotFoundException(NOT_FOUND)
        counted = user.username if user is not None else name
        limits.count_hourly(pool, operation, counted, self.clock.now())
        return pool, client, user

    def _add(self, pool: UserPool, client: AppClient, parameters: Parameters) -> User:
        given = attributes_in(parameters.get("UserAttributes", []))
        check_writable(client, given)
        username = parameters["Username"]
        names_itself = _attributes_named_by(pool, username)
        _check_required(pool, {**given, **names_itself})
        try:
            user = directory.add_user(
                pool, username, given, status="UNCONFIRMED", now=self.clock.now()
            )
        except UsernameExistsException:
            raise UsernameExistsException("User already exists") from None
        user.signed_up = True
        return user

    def _confirm(self, user: User) -> None:
        user.sent_codes.pop(SIGN_UP, None)
        user.status = "CONFIRMED"
        user.modified_at = self.clock.now()

    def _session_member(self, pool: UserPool, client: AppClient, user: User) -> dict[str, str]:
        """For clients that go on with USER_AUTH once the user is confirmed."""
        if "ALLOW_USER_AUTH" not in client.explicit_auth_flows:
            return {}
        session = self.sessions.begin(Stage.SIGN_UP, pool, client, user, admin=False)
        return {"Session": session_string(session)}

    def _sign_up_session(
        self, parameters: Parameters, client: AppClient, user: User
    ) -> SignInSession | None:
        if "Session" not in parameters:
            return None
        session = self.sessions.find(parameters["Session"])
        self.sessions.require(session, "ConfirmSignUp")
        if (session.client_id, session.sub) != (client.id, user.sub):
            raise NotAuthorizedException(INVALID)
        return session


def _check_password(pool: UserPool, password: str | None) -> None:
    if password is not None:
        credentials.check_new(pool, None, password)
    elif PASSWORDLESS.isdisjoint(pool.first_factors):
        raise InvalidParameterException("User is required to have a password")


def _check_unconfirmed(user: User) -> None:
    if user.status != "UNCONFIRMED":
        raise NotAuthorizedException(f"User cannot be confirmed. Current status is {user.status}")


def _check_required(pool: UserPool, attributes: Mapping[str, str]) -> None:
    for name in pool.required_attributes:
        if not attributes.get(name):
            raise InvalidParameterException(
                f"Attributes did not conform to the schema: {name}: The attribute is required"
            )


def _attributes_named_by(pool: UserPool, username: str) -> dict[str, str]:
    """A username that is an address is that attribute as well."""
    return {
        name: username
        for name in pool.username_attributes
        if directory.ALIAS_FORMATS[name].fullmatch(username)
    }


def _attribute_to_prove(pool: UserPool, user: User) -> str | None:
    """A phone comes first where both would do."""
    for name in ("phone_number", "email"):
        if name in pool.auto_verified and name in user.attributes:
            return name
    return None
