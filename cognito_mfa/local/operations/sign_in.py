"""InitiateAuth and AdminInitiateAuth: the order of checks before any second factor (facts section
2.1), and refreshing. It must never look at a password before it knows that the client may use the
flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cognito_mfa.local import directory
from cognito_mfa.local.errors import (
    InvalidParameterException,
    NotAuthorizedException,
    PasswordResetRequiredException,
    UnsupportedOperationException,
    UserNotConfirmedException,
    UserNotFoundException,
)
from cognito_mfa.local.operations.context import (
    Parameters,
    Payload,
    check_secret_hash,
    required,
)
from cognito_mfa.local.operations.steps import Steps
from cognito_mfa.local.state import AppClient, Stage, User, UserPool

REFRESH_FLOWS = ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN")
PASSWORD_FLOWS = {
    "USER_PASSWORD_AUTH": frozenset({"ALLOW_USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH"}),
    "ADMIN_USER_PASSWORD_AUTH": frozenset({"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"}),
    "ADMIN_NO_SRP_AUTH": frozenset({"ALLOW_ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"}),
}
PUBLIC_FLOWS = frozenset(
    {"USER_PASSWORD_AUTH", "USER_SRP_AUTH", "CUSTOM_AUTH", "USER_AUTH", *REFRESH_FLOWS}
)
ADMIN_FLOWS = frozenset(
    {
        "ADMIN_USER_PASSWORD_AUTH",
        "ADMIN_NO_SRP_AUTH",
        "USER_SRP_AUTH",
        "CUSTOM_AUTH",
        "USER_AUTH",
        *REFRESH_FLOWS,
    }
)
WRONG = "Incorrect username or password."
LOCKED = "Password attempts exceeded"
TEMPORARY_EXPIRED = "Temporary password has expired and must be reset by an administrator."

Flow = Callable[[UserPool, AppClient, Mapping[str, str]], Payload]


class SignIn(Steps):
    """How a sign-in begins."""

    def initiate_auth(self, parameters: Parameters) -> Payload:
        pool, client = self.client(parameters)
        _check_door(parameters["AuthFlow"], PUBLIC_FLOWS)
        return self._begin(pool, client, parameters, admin=False)

    def admin_initiate_auth(self, parameters: Parameters) -> Payload:
        pool, client = self.client_of_pool(parameters)
        _check_door(parameters["AuthFlow"], ADMIN_FLOWS)
        return self._begin(pool, client, parameters, admin=True)

    def _begin(
        self, pool: UserPool, client: AppClient, parameters: Parameters, *, admin: bool
    ) -> Payload:
        flow = parameters["AuthFlow"]
        values = parameters.get("AuthParameters", {})
        if flow in REFRESH_FLOWS:
            return self._refresh(pool, client, values)
        if flow not in PASSWORD_FLOWS:
            raise _not_played(client, flow)
        _check_enabled(client, flow)
        return self._password(pool, client, values, admin=admin)

    def _password(
        self, pool: UserPool, client: AppClient, values: Mapping[str, str], *, admin: bool
    ) -> Payload:
        username, password = required(values, "USERNAME"), required(values, "PASSWORD")
        check_secret_hash(client, values, username)
        user = directory.user_named(pool, username)
        if user is None:
            raise _unknown(pool, client, admin=admin)
        self._check_password(pool, user, password)
        if pool.behaviour.sign_in_ends_older_sessions:
            self.sessions.end_all(user)
        if user.status == "FORCE_CHANGE_PASSWORD":
            stage = Stage.NEW_PASSWORD_REQUIRED
            session = self.sessions.begin(stage, pool, client, user, admin=admin)
            session.factors = ["pwd"]
            return self.challenge(pool, user, session)
        return self.after_first_factor(pool, client, user, admin=admin)

    def _check_password(self, pool: UserPool, user: User, password: str) -> None:
        """In Cognito's order (facts section 2.1): UNCONFIRMED shows before the password is looked
        at, RESET_REQUIRED only to whoever knows it."""
        now = self.clock.now()
        if not user.enabled:
            raise NotAuthorizedException("User is disabled.")
        if user.status == "UNCONFIRMED":
            raise UserNotConfirmedException("User is not confirmed.")
        if user.password_attempts.locked(now):
            raise NotAuthorizedException(LOCKED)
        if user.password is None or not user.password.matches(pool.id, user.username, password):
            threshold = pool.behaviour.password_failures_before_lock
            user.password_attempts.failed(now, threshold=threshold)
            raise NotAuthorizedException(WRONG)
        user.password_attempts.succeeded()
        if user.status == "RESET_REQUIRED":
            raise PasswordResetRequiredException("Password reset required for the user")
        if user.temporary_password_until is not None and now >= user.temporary_password_until:
            raise NotAuthorizedException(TEMPORARY_EXPIRED)

    def _refresh(self, pool: UserPool, client: AppClient, values: Mapping[str, str]) -> Payload:
        """Never an MFA challenge and never a new refresh token (facts sections 2.3 and 7.3)."""
        _check_refreshes(client)
        family = self.tokens.family_of(pool, client, required(values, "REFRESH_TOKEN"))
        user = directory.user_with_sub(pool, family.sub)
        if user is None:
            raise NotAuthorizedException("Invalid Refresh Token.")
        check_secret_hash(client, values, user.username)
        result = self.tokens.refresh(pool, client, user, family)
        return {"ChallengeParameters": {}, "AuthenticationResult": result}


def _check_door(flow: str, flows: frozenset[str]) -> None:
    if flow not in flows:
        raise InvalidParameterException("Initiate Auth method not supported.")


def _check_enabled(client: AppClient, flow: str) -> None:
    if PASSWORD_FLOWS[flow].isdisjoint(client.explicit_auth_flows):
        admin = flow.startswith("ADMIN_")
        subject = "Auth flow" if admin else f"{flow} flow"
        raise InvalidParameterException(f"{subject} not enabled for this client")


def _check_refreshes(client: AppClient) -> None:
    flows = client.explicit_auth_flows
    modern = any(flow.startswith("ALLOW_") for flow in flows)
    rotating = client.settings.get("RefreshTokenRotation", {}).get("Feature") == "ENABLED"
    if rotating or (modern and "ALLOW_REFRESH_TOKEN_AUTH" not in flows):
        raise InvalidParameterException("Auth flow not enabled for this client")


def _not_played(client: AppClient, flow: str) -> Exception:
    if f"ALLOW_{flow}" not in client.explicit_auth_flows:
        return InvalidParameterException(f"{flow} is not enabled for the client.")
    played = ", ".join(sorted({*PASSWORD_FLOWS, *REFRESH_FLOWS}))
    return UnsupportedOperationException(
        f"The local Cognito does not play the flow {flow}. It plays: {played}."
    )


def _unknown(pool: UserPool, client: AppClient, *, admin: bool) -> Exception:
    """Facts section 8.2."""
    hides = client.prevent_user_existence_errors == "ENABLED"
    if hides and (not admin or pool.behaviour.existence_errors_cover_admin_sign_in):
        return NotAuthorizedException(WRONG)
    return UserNotFoundException("User does not exist.")
