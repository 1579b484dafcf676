"""What this app asks of Cognito, in the app's own words.

The only module that knows Cognito's parameter names and answers. It returns small frozen values and
raises only the family of ``cognito_mfa.exceptions``. It never touches a request, a session or a row.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import cached_property
from django.views.decorators.debug import sensitive_variables

from cognito_mfa.cognito import srp, token_verification
from cognito_mfa.cognito.transport import Reply, call, has_operation
from cognito_mfa.conf import Conf, get_conf
from cognito_mfa.exceptions import (
    BadCode,
    BadCredentials,
    BadReply,
    ChallengeLost,
    Misconfigured,
)
from cognito_mfa.values import untrusted
from cognito_mfa.values.secret_text import SecretText

MFA_SETUP = "MFA_SETUP"
NEW_PASSWORD_REQUIRED = "NEW_PASSWORD_REQUIRED"  # noqa: S105 - a challenge, not a password
SELECT_MFA_TYPE = "SELECT_MFA_TYPE"
SOFTWARE_TOKEN_MFA = "SOFTWARE_TOKEN_MFA"  # noqa: S105 - likewise
PASSWORD_VERIFIER = "PASSWORD_VERIFIER"  # noqa: S105 - likewise
SMS_MFA = "SMS_MFA"
EMAIL_OTP = "EMAIL_OTP"

CODE_KEYS = {
    SOFTWARE_TOKEN_MFA: "SOFTWARE_TOKEN_MFA_CODE",
    SMS_MFA: "SMS_MFA_CODE",
    EMAIL_OTP: "EMAIL_OTP_CODE",
}
MAX_USERNAME = 128
MAX_PASSWORD = 256
MAX_FRIENDLY_NAME = 64
MAX_SECRET = 512  # characters; no key of TOTP is as long, and a longer one has no QR code
TOLD = ("email", "email_verified", "identities")
MIN_SESSION = 20  # characters, by the service model; the upper bound moved once and is not checked


NOTHING = SecretText("")

# --------------------------------------------------------------------------------------- results


@dataclass(frozen=True, slots=True)
class Challenge:
    """Cognito wants another step before it gives tokens.

    Attributes:
        name: Cognito's name of the challenge.
        cognito_session: the string that the answer must carry; changes with every step.
        username: what the answer must name as USERNAME: the pool's own name, not the typed alias.
        parameters: what else Cognito says about the challenge.
    """

    name: str
    cognito_session: SecretText
    username: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def friendly_name(self) -> str:
        given = self.parameters.get("FRIENDLY_DEVICE_NAME")
        return untrusted.shown(given, MAX_FRIENDLY_NAME)

    @property
    def destination(self) -> str:
        """Return where a code was sent, masked by Cognito, such as ``+*******0839``."""
        given = self.parameters.get("CODE_DELIVERY_DESTINATION")
        return untrusted.shown(given, untrusted.DESTINATION_LENGTH)

    @property
    def factors(self) -> list[str]:
        """Return the factors to choose from, or that can be set up (facts §2.4)."""
        listed = self.parameters.get("MFAS_CAN_CHOOSE") or self.parameters.get("MFAS_CAN_SETUP")
        return untrusted.words(_json_list(listed))

    @property
    def required_attributes(self) -> list[str]:
        """Return the attributes that NEW_PASSWORD_REQUIRED wants, without Cognito's prefix."""
        names = _json_list(self.parameters.get("requiredAttributes"))
        bare = [name.removeprefix("userAttributes.") for name in names[: untrusted.MOST]]
        longest = untrusted.ATTRIBUTE_LENGTH
        return [name for name in bare if untrusted.is_name(name, longest)]


@dataclass(frozen=True, slots=True)
class Tokens:
    """A finished sign-in's tokens: kept by nobody."""

    access: SecretText
    id: SecretText = NOTHING
    refresh: SecretText = NOTHING


class ReadableTokens:
    """The tokens that receivers of ``signed_in`` get: each is plain text when its attribute is read.

    The object itself shows nothing and is not pickled; what a receiver reads, it must not keep in a
    variable longer than it needs.
    """

    __slots__ = ("_tokens",)

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    @property
    def access(self) -> str:
        return self._tokens.access.reveal()

    @property
    def id(self) -> str:
        return self._tokens.id.reveal()

    @property
    def refresh(self) -> str:
        return self._tokens.refresh.reveal()


@dataclass(frozen=True, slots=True)
class Association:
    """A secret that waits to be verified.

    Attributes:
        secret: base32, as the authenticator app needs it; 52 characters at AWS.
        cognito_session: the next session string; empty when an access token was used.
    """

    secret: SecretText
    cognito_session: SecretText = NOTHING


@dataclass(frozen=True, slots=True)
class Person:
    """Who signed in, by what Cognito told; ``person_of`` alone makes one.

    Attributes:
        sub: Cognito's lasting id, the only thing that says who somebody is.
        username: the pool's name of the person; a label, which others may have had before.
        email: the person's address, and only where Cognito has verified it, or ``TRUST_POOL_EMAIL`` is on.
        unverified_email: what the person gave as an address. SECURITY: anybody can give anybody's. It is
            for diagnostics, and is compared with nothing, written nowhere, and written to by nobody.
        email_verified: whether there is an ``email``. Made with False, a person keeps it as ``unverified_email``.
        email_told: whether we were told of addresses at all: an access token alone says nothing.
        claims: what else the tokens say. An address that nobody verified is not among it.
    """

    sub: str
    username: str
    email: str = ""
    email_verified: bool | None = None
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    unverified_email: str = field(default="", repr=False)
    email_told: bool = True

    def __post_init__(self) -> None:
        # SECURITY: here, so that no maker of a person can forget it.
        if self.email_verified is False:
            object.__setattr__(self, "unverified_email", self.email or self.unverified_email)
            object.__setattr__(self, "email", "")
        object.__setattr__(self, "email_verified", bool(self.email))


@dataclass(frozen=True, slots=True)
class Factors:
    """What Cognito says about a user's second factors.

    Attributes:
        software_token: whether an authenticator app counts for this user.
        preferred: Cognito's name of the preferred factor, or empty.
        username: the pool's name of the user.
    """

    software_token: bool
    preferred: str = ""
    username: str = ""


@dataclass(frozen=True, slots=True)
class PoolFactors:
    """Which second factors the pool knows.

    Attributes:
        mode: Cognito's word: ``OFF``, ``OPTIONAL`` or ``ON``.
        software_token: whether authenticator apps are switched on.
        others: Cognito's names of the other factors that are.
    """

    mode: str
    software_token: bool
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AppClientSettings:
    """What is set for the app client, without its secret.

    Attributes:
        session_minutes: how long a challenge waits for its answer (AuthSessionValidity).
        hides_names: whether nobody learns which names exist (PreventUserExistenceErrors).
        scopes: what sign-ins through managed login may ask for (AllowedOAuthScopes); None when the client
            takes none.
        writable: which attributes people may write of themselves (WriteAttributes); None for all standard ones.
    """

    session_minutes: int
    hides_names: bool
    scopes: tuple[str, ...] | None = None
    writable: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """What Cognito says to the holder of an access token about its user.

    Attributes:
        factors: Cognito's names of the second factors that are switched on.
        providers: names of the identity providers that sign the user in.
        told: what else is of use: ``email``, ``email_verified`` and ``identities``, each as text.
    """

    sub: str
    username: str
    factors: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    told: Mapping[str, str] = field(default_factory=dict, repr=False)


# ------------------------------------------------------------------------------------ operations


class CognitoGateway:
    """One user pool and app client, as the settings name them."""

    def __init__(self, conf: Conf) -> None:
        self.conf = conf

    @cached_property
    def _admin(self) -> bool:
        return self.conf.AUTH_FLOW == "ADMIN_USER_PASSWORD_AUTH"

    def start_sign_in(self, username: str, password: SecretText) -> Challenge | Tokens:
        """Send the password (InitiateAuth or AdminInitiateAuth), or with SRP a proof that it was typed.

        Args:
            username: as typed; an alias is fine.
            password: as typed.

        Raises:
            BadCredentials: wrong, unknown, disabled or locked: Cognito's reasons are not told apart.
            AccountActionNeeded: unconfirmed, or the password must be reset.
        """
        operation = "AdminInitiateAuth" if self._admin else "InitiateAuth"
        password = SecretText(password)  # whoever hands over a plain text has it closed here
        if not (_is_username(username) and _is_password(password)):
            raise BadCredentials(operation, "NotSent")  # nobody in any pool is called that
        if self.conf.AUTH_FLOW == "USER_SRP_AUTH":
            return self._start_with_srp(username, password)
        reply = self._initiate(operation, username, {"PASSWORD": password})
        return _challenge_or_tokens(operation, reply, username)

    def _start_with_srp(self, username: str, password: SecretText) -> Challenge | Tokens:
        """Answer PASSWORD_VERIFIER, where a wrong password shows first (facts §2.3)."""
        exchange = srp.begin()
        reply = self._initiate("InitiateAuth", username, {"SRP_A": exchange.srp_a})
        parameters = reply.get("ChallengeParameters") or {}
        if reply.get("ChallengeName") != PASSWORD_VERIFIER or reply.get("AuthenticationResult"):
            raise _bad_reply("InitiateAuth", reply)
        if not untrusted.is_username(parameters.get("USER_ID_FOR_SRP")):
            raise _bad_reply("InitiateAuth", reply)
        claim = _password_claim(exchange, parameters, self.conf.USER_POOL_ID, password)
        if claim is None:
            raise _bad_reply("InitiateAuth", reply)
        # The claim is signed for this name, and so must the hash be (facts §2.6).
        challenge = Challenge(PASSWORD_VERIFIER, NOTHING, parameters["USER_ID_FOR_SRP"])
        try:
            return self._answer(challenge, claim)
        except ChallengeLost as error:
            refusal = error
        if refusal.error not in ("NotAuthorizedException", "UserNotFoundException"):
            raise refusal
        raise BadCredentials(refusal.operation, refusal.error, request_id=refusal.request_id)

    def _initiate(
        self, operation: str, username: str, given: Mapping[str, str | SecretText]
    ) -> Reply:
        return call(
            operation,
            {
                "UserPoolId": self.conf.USER_POOL_ID if self._admin else None,
                "ClientId": self.conf.CLIENT_ID,
                "AuthFlow": self.conf.AUTH_FLOW,
                "AuthParameters": {"USERNAME": username, **given, **self._secret_hash(username)},
            },
        )

    def answer_code(self, challenge: Challenge, code: SecretText) -> Challenge | Tokens:
        """Answer SOFTWARE_TOKEN_MFA, SMS_MFA or EMAIL_OTP with ``code``.

        Raises:
            BadCode: wrong or used already; the same challenge may be answered again (facts §3.2).
            ChallengeLost: the sign-in starts again.
        """
        return self._answer(challenge, {CODE_KEYS[challenge.name]: code})

    def choose_factor(self, challenge: Challenge, factor: str) -> Challenge | Tokens:
        """Answer SELECT_MFA_TYPE with one of ``challenge.factors``."""
        return self._answer(challenge, {"ANSWER": factor})

    def set_new_password(
        self, challenge: Challenge, password: SecretText, attributes: Mapping[str, str]
    ) -> Challenge | Tokens:
        """Answer NEW_PASSWORD_REQUIRED.

        Args:
            challenge: as Cognito gave it.
            password: the new password, as typed.
            attributes: values for ``challenge.required_attributes``, by name.

        Raises:
            PasswordRejected: the pool's policy refuses it; the challenge stands.
        """
        wanted = {f"userAttributes.{name}": value for name, value in attributes.items()}
        return self._answer(challenge, {"NEW_PASSWORD": password, **wanted})

    def finish_setup(self, challenge: Challenge) -> Challenge | Tokens:
        """Answer MFA_SETUP with the session string that ``verify_software_token`` returned."""
        return self._answer(challenge, {})

    def associate_software_token(
        self, *, cognito_session: SecretText = NOTHING, access_token: SecretText = NOTHING
    ) -> Association:
        """Ask for a secret (AssociateSoftwareToken), with exactly one of the two credentials.

        Raises:
            ChallengeLost: session or token are no longer accepted.
            Misconfigured: the pool does not offer authenticator apps.
        """
        credential = _one_credential(cognito_session, access_token)
        reply = call("AssociateSoftwareToken", credential)
        secret = reply.get("SecretCode")
        if not isinstance(secret, SecretText) or not _is_base32(secret):
            raise _bad_reply("AssociateSoftwareToken", reply)
        return Association(
            secret, _next_session("AssociateSoftwareToken", reply, wanted=bool(cognito_session))
        )

    def verify_software_token(
        self,
        code: SecretText,
        *,
        friendly_name: str = "",
        cognito_session: SecretText = NOTHING,
        access_token: SecretText = NOTHING,
    ) -> SecretText:
        """Confirm the secret with a code (VerifySoftwareToken); on success it is registered.

        Args:
            code: six ASCII digits.
            friendly_name: what the person calls the device; may be empty.
            cognito_session: from ``associate_software_token``, or
            access_token: of the signed-in person; exactly one of the two.

        Returns:
            the session string that satisfies MFA_SETUP; empty with an access token.

        Raises:
            BadCode: the code does not fit; the same secret may be tried again (facts §3.2).
        """
        credential = _one_credential(cognito_session, access_token)
        reply = call(
            "VerifySoftwareToken",
            {"UserCode": code, "FriendlyDeviceName": friendly_name or None, **credential},
        )
        if reply.get("Status") == "ERROR":  # documented, never seen (facts §4): means a wrong code
            raise _wrong_code(reply)
        if reply.get("Status") != "SUCCESS":
            raise _bad_reply("VerifySoftwareToken", reply)
        return _next_session("VerifySoftwareToken", reply, wanted=bool(cognito_session))

    def prefer_software_token(self, access_token: SecretText) -> bool:
        """Switch the authenticator app on and make it preferred (SetUserMFAPreference).

        Only this block is sent: naming another factor fails for people without a phone (facts §6.1).

        Returns:
            False when this user has no verified software token.
        """
        enabled = {"Enabled": True, "PreferredMfa": True}
        try:
            call(
                "SetUserMFAPreference",
                {"AccessToken": access_token, "SoftwareTokenMfaSettings": enabled},
            )
        except Misconfigured as error:
            if error.error != "InvalidParameterException":
                raise
            return False
        return True

    def turn_off_software_token(self, access_token: SecretText) -> None:
        """Switch the authenticator app off (SetUserMFAPreference); the registration itself stays.

        In a pool that requires MFA Cognito says yes and changes nothing (facts §6.3).
        """
        disabled = {"Enabled": False, "PreferredMfa": False}
        call(
            "SetUserMFAPreference",
            {"AccessToken": access_token, "SoftwareTokenMfaSettings": disabled},
        )

    @sensitive_variables()
    def own_account(self, access_token: SecretText) -> OwnAccount:
        """Ask whose the access token is (GetUser): Cognito checks it, and so nobody need check more.

        Raises:
            TokenRejected: expired, revoked, or of somebody who is gone.
            ScopeMissing: the token allows no self-service (facts §7.1).
        """
        reply = call("GetUser", {"AccessToken": access_token})
        attributes = {
            pair["Name"]: pair.get("Value")
            for pair in reply.get("UserAttributes") or []
            if isinstance(pair.get("Name"), str)
        }
        username, sub = reply.get("Username"), attributes.get("sub")
        if not (untrusted.is_username(username) and untrusted.is_sub(sub)):
            raise _bad_reply("GetUser", reply)
        factors = tuple(untrusted.words(reply.get("UserMFASettingList")))
        told = {name: str(attributes[name]) for name in TOLD if attributes.get(name) is not None}
        return OwnAccount(
            str(sub), str(username), factors, providers_in(told.get("identities")), told
        )

    def own_factors(self, access_token: SecretText) -> tuple[str, ...]:
        """Return Cognito's names of the signed-in person's factors (GetUser)."""
        return self.own_account(access_token).factors

    def has_own_software_token(self, access_token: SecretText) -> bool:
        """Ask whether the signed-in person has a verified authenticator (GetUserAuthFactors).

        It tells of one that was never made preferred too, which GetUser does not. False where the
        installed botocore cannot ask.
        """
        operation = "GetUserAuthFactors"
        if not has_operation(operation):
            return False
        reply = call(operation, {"AccessToken": access_token})
        return "SOFTWARE_TOKEN" in (reply.get("ConfiguredUserAuthFactors") or [])

    def read_factors(self, sub: str) -> Factors:
        """Ask for a user's second factors with the site's AWS credentials.

        AdminGetUserAuthFactors where botocore has it (AdminGetUser counts the user as active for
        billing, facts §6.2), else AdminGetUser. A verified token that was never made preferred shows
        in neither list in a pool that requires MFA (facts §3.5).

        Raises:
            UserGone: the pool has no such user.
            Misconfigured: no credentials, or no permission.
        """
        operation = self.reading_operation()
        reply = self._for_user(operation, sub)
        if not isinstance(reply.get("Username"), str):
            raise _bad_reply(operation, reply)
        listed = reply.get("UserMFASettingList") or []
        configured = reply.get("ConfiguredUserAuthFactors") or []
        return Factors(
            software_token=SOFTWARE_TOKEN_MFA in listed or "SOFTWARE_TOKEN" in configured,
            preferred=untrusted.word(reply.get("PreferredMfaSetting"), untrusted.FACTOR_LENGTH),
            username=reply["Username"],
        )

    def is_enabled(self, sub: str) -> bool:
        """Ask whether the pool lets a user sign in, with the site's AWS credentials (ListUsers by ``sub``).

        AdminGetUser tells it too, and makes whoever it names a monthly active user (facts §6.2). The list may
        lag a moment behind, and then does not name a user who is new: nothing is known against them.

        Raises:
            Misconfigured: no credentials, or no permission.
        """
        quoted = sub.replace("\\", "\\\\").replace('"', '\\"')
        named = {"UserPoolId": self.conf.USER_POOL_ID, "Filter": f'sub = "{quoted}"', "Limit": 1}
        reply = call("ListUsers", {**named, "AttributesToGet": ["sub"]})
        users = reply.get("Users")
        if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
            raise _bad_reply("ListUsers", reply)
        return not any(user.get("Enabled") is False for user in users)

    def reading_operation(self) -> str:
        """Return the operation that ``read_factors`` calls with the installed botocore."""
        modern = has_operation("AdminGetUserAuthFactors")
        return "AdminGetUserAuthFactors" if modern else "AdminGetUser"

    def can_delete_software_token(self) -> bool:
        """Tell whether the installed botocore knows AdminDeleteSoftwareToken (August 2026)."""
        return has_operation("AdminDeleteSoftwareToken")

    def delete_software_token(self, sub: str) -> None:
        """Delete a user's registration and its preference (AdminDeleteSoftwareToken).

        Raises:
            UserGone: the pool has no such user.
        """
        self._for_user("AdminDeleteSoftwareToken", sub)

    def turn_off_software_token_of(self, sub: str) -> None:
        """Switch a user's authenticator app off (AdminSetUserMFAPreference).

        The registration stays, and a pool that requires MFA goes on asking for it (facts §6.3).
        """
        disabled = {"Enabled": False, "PreferredMfa": False}
        self._for_user("AdminSetUserMFAPreference", sub, SoftwareTokenMfaSettings=disabled)

    def sign_out_everywhere(self, sub: str) -> None:
        """Revoke a user's tokens (AdminUserGlobalSignOut)."""
        self._for_user("AdminUserGlobalSignOut", sub)

    def _for_user(self, operation: str, sub: str, **parameters: Any) -> Reply:
        """Call an administrators' operation about one person.

        SECURITY: by the ``sub``, since a name may be somebody else's by now. The service model says of
        Username: "If username isn't an alias attribute in your user pool, this value must be the sub of a
        local user or the username of a user from a third-party IdP." The latter have no row here.
        """
        named = {"UserPoolId": self.conf.USER_POOL_ID, "Username": sub}
        return call(operation, {**named, **parameters})

    def pool_requires_mfa(self) -> bool:
        """Ask whether the pool requires MFA (GetUserPoolMfaConfig), with the site's AWS credentials."""
        return self.pool_factors().mode == "ON"

    def pool_factors(self) -> PoolFactors:
        """Ask for the pool's second factors (GetUserPoolMfaConfig), with the site's AWS credentials.

        Raises:
            Misconfigured: no credentials, no permission, or no such pool.
        """
        reply = call("GetUserPoolMfaConfig", {"UserPoolId": self.conf.USER_POOL_ID})
        mode = reply.get("MfaConfiguration")
        if mode not in ("OFF", "OPTIONAL", "ON"):
            raise _bad_reply("GetUserPoolMfaConfig", reply)
        # Being there is what switches a factor on; every member of its block is optional.
        blocks = {"SmsMfaConfiguration": SMS_MFA, "EmailMfaConfiguration": EMAIL_OTP}
        return PoolFactors(
            mode,
            software_token=(reply.get("SoftwareTokenMfaConfiguration") or {}).get("Enabled")
            is True,
            others=tuple(name for block, name in blocks.items() if block in reply),
        )

    def remembered_devices_skip_mfa(self) -> bool:
        """Ask whether the pool spares devices that it remembers the second factor (DescribeUserPool).

        Raises:
            Misconfigured: no credentials, no permission, or no such pool.
        """
        reply = call("DescribeUserPool", {"UserPoolId": self.conf.USER_POOL_ID})
        pool = reply.get("UserPool")
        if not isinstance(pool, dict):
            raise _bad_reply("DescribeUserPool", reply)
        devices = pool.get("DeviceConfiguration") or {}
        return devices.get("ChallengeRequiredOnNewDevice") is True

    @sensitive_variables()
    def app_client(self) -> AppClientSettings:
        """Ask what is set for the app client (DescribeUserPoolClient); its secret is not looked at.

        Raises:
            Misconfigured: no credentials, no permission, or no such app client.
        """
        named = {"UserPoolId": self.conf.USER_POOL_ID, "ClientId": self.conf.CLIENT_ID}
        reply = call("DescribeUserPoolClient", named)
        client = reply.get("UserPoolClient")
        if not isinstance(client, dict):
            raise _bad_reply("DescribeUserPoolClient", reply)
        minutes = client.get("AuthSessionValidity")
        scopes = tuple(
            untrusted.shown(scope, untrusted.SCOPE_LENGTH)
            for scope in client.get("AllowedOAuthScopes") or []
        )
        return AppClientSettings(
            session_minutes=minutes if isinstance(minutes, int) else 3,  # the default (facts §3.3)
            hides_names=client.get("PreventUserExistenceErrors") == "ENABLED",
            scopes=scopes if client.get("AllowedOAuthFlowsUserPoolClient") else None,
            # None, and an empty list, mean every standard attribute (service model, CreateUserPoolClient).
            writable=tuple(str(name) for name in client.get("WriteAttributes") or []) or None,
        )

    @sensitive_variables()
    def person(
        self, tokens: Tokens, *, username: str = "", check_signatures: bool = False
    ) -> Person:
        """Read who signed in from the tokens' claims.

        Args:
            tokens: as Cognito gave them.
            username: the pool's own name of the user, when a challenge told it.
            check_signatures: unless Cognito answered one of our own calls with them, just now and over
                TLS. Tokens that somebody else fetched must be signed by the pool, be in force, and belong
                together.

        Raises:
            BadReply: they are another pool's or client's, or contradict each other or the challenge.
            Unavailable, Misconfigured: the pool's keys cannot be had.
        """
        access = self._claims(tokens.access, "access", check_signatures)
        told = self._claims(tokens.id, "id", check_signatures) if tokens.id else None
        person = person_of(access, told, trusts=self.conf.TRUST_POOL_EMAIL)
        disagree = username and username not in (person.username, person.sub)
        if disagree or (
            check_signatures and not token_verification.belong_together(tokens.access, told or {})
        ):
            raise BadReply("tokens", "ClaimsDisagree")
        return person

    @sensitive_variables()
    def _claims(
        self, token: SecretText, use: token_verification.Use, check: bool
    ) -> dict[str, Any]:
        return token_verification.read(token, self.conf, use=use, check_signature=check)

    def _answer(
        self, challenge: Challenge, answer: Mapping[str, str | SecretText]
    ) -> Challenge | Tokens:
        username = challenge.username
        operation = "AdminRespondToAuthChallenge" if self._admin else "RespondToAuthChallenge"
        reply = call(
            operation,
            {
                "UserPoolId": self.conf.USER_POOL_ID if self._admin else None,
                "ClientId": self.conf.CLIENT_ID,
                "ChallengeName": challenge.name,
                "Session": challenge.cognito_session or None,
                "ChallengeResponses": {
                    "USERNAME": username,
                    **answer,
                    **self._secret_hash(username),
                },
            },
        )
        return _challenge_or_tokens(operation, reply, username)

    def _secret_hash(self, username: str) -> dict[str, SecretText]:
        """Return SECRET_HASH over the very name that is sent along (facts §2.6)."""
        secret = self.conf.client_secret()
        if secret is None:
            return {}
        message = (username + self.conf.CLIENT_ID).encode()
        digest = hmac.new(secret.reveal().encode(), message, hashlib.sha256).digest()
        return {"SECRET_HASH": SecretText(base64.b64encode(digest).decode())}


def get_gateway() -> CognitoGateway:
    """Return a gateway to the pool that the settings name; cheap, nothing is opened."""
    return CognitoGateway(get_conf())


# ---------------------------------------------------------------------------- reading the answers


# What an access token says of itself; the other token's words for it would hide that they are missing.
_OF_ACCESS = frozenset({"auth_time", "client_id", "exp", "iat", "nbf", "scope", "username"})


def person_of(access: Mapping[str, Any], told: Mapping[str, Any] | None, *, trusts: bool) -> Person:
    """Return who the claims speak of: the one place where an address becomes one to rely on.

    Args:
        access: claims of the access token.
        told: claims of the ID token, or what the user information endpoint said; None when nobody knows.
        trusts: whether every address of the pool counts as verified (``TRUST_POOL_EMAIL``).

    Raises:
        BadReply: the claims name nobody, or two different people.
    """
    sub, name = access.get("sub"), access.get("username")
    said = {key: value for key, value in (told or {}).items() if key not in _OF_ACCESS}
    if not (untrusted.is_sub(sub) and untrusted.is_username(name)):
        raise BadReply("tokens", "ClaimsDisagree")
    if said.get("sub", sub) != sub:
        raise BadReply("tokens", "ClaimsDisagree")
    address = untrusted.address(said.get("email"))
    flag = said.get("email_verified")
    verified = trusts or flag is True or flag == "true"  # tokens say true, user information "true"
    if not (verified and address):
        said.pop("email", None)
    return Person(
        str(sub),
        str(name),
        email=address,
        email_verified=verified,
        claims={**said, **access},
        email_told=told is not None,
    )


def providers_in(identities: object) -> tuple[str, ...]:
    """Return the identity providers that ``identities`` names: a claim, or an attribute as JSON text."""
    if isinstance(identities, str):
        try:
            identities = json.loads(identities)
        except (ValueError, RecursionError):
            identities = None
    entries = identities if isinstance(identities, list) else []
    return tuple(str(entry.get("providerName")) for entry in entries if isinstance(entry, dict))


def _password_claim(
    exchange: srp.Exchange, parameters: Mapping[str, str], pool_id: str, password: SecretText
) -> dict[str, str | SecretText] | None:
    """Return the answer to PASSWORD_VERIFIER; None for a challenge that must not be answered."""
    try:
        return srp.answer(exchange, parameters, pool_id=pool_id, password=password, now=time.time())
    except srp.BadChallenge:
        return None


def _challenge_or_tokens(operation: str, reply: Reply, username: str) -> Challenge | Tokens:
    """Return what the answer is; one that is neither, or both, is refused (security.md C.2)."""
    result = reply.get("AuthenticationResult") or {}
    if bool(reply.get("ChallengeName")) == bool(result):
        raise _bad_reply(operation, reply)
    if not result:
        return _challenge(operation, reply, username)
    access, identity, refresh = (
        _closed(operation, reply, result.get(name))
        for name in ("AccessToken", "IdToken", "RefreshToken")
    )
    if not access:
        raise _bad_reply(operation, reply)
    return Tokens(access, identity, refresh)


def _challenge(operation: str, reply: Reply, username: str) -> Challenge:
    parameters = reply.get("ChallengeParameters") or {}
    known_as = parameters.get("USER_ID_FOR_SRP") or parameters.get("USERNAME") or username
    if not untrusted.is_username(known_as):
        raise _bad_reply(operation, reply)
    return Challenge(
        untrusted.word(reply["ChallengeName"]),
        _next_session(operation, reply, wanted=True),
        known_as,
        parameters,
    )


def _next_session(operation: str, reply: Reply, *, wanted: bool) -> SecretText:
    session = _closed(operation, reply, reply.get("Session")) if wanted else NOTHING
    if wanted and len(session.reveal()) < MIN_SESSION:
        raise _bad_reply(operation, reply)
    return session


def _closed(operation: str, reply: Reply, value: object) -> SecretText:
    """Return a secret of ``reply``, which the transport closed."""
    if value is None:
        return NOTHING
    if not isinstance(value, SecretText):
        raise _bad_reply(operation, reply)
    return value


def _one_credential(cognito_session: SecretText, access_token: SecretText) -> dict[str, SecretText]:
    if bool(cognito_session) == bool(access_token):
        raise ValueError("give a Cognito session or an access token, never both, never neither")
    return {"Session": cognito_session} if cognito_session else {"AccessToken": access_token}


def _json_list(value: object) -> list[str]:
    """Return a list that Cognito sends as JSON text, and some emulators as a list (facts §12.11)."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    return [str(item) for item in value] if isinstance(value, list) else []


def _is_username(text: str) -> bool:
    """Tell whether Cognito's model allows ``text`` as a name: letters, marks, symbols, numbers, punctuation."""
    return 0 < len(text) <= MAX_USERNAME and all(
        unicodedata.category(char)[0] in "LMSNP" for char in text
    )


def _is_password(password: SecretText) -> bool:
    """Tell whether Cognito's model allows ``password``; half a surrogate pair cannot even be sent."""
    return 0 < len(password.reveal()) <= MAX_PASSWORD and not any(
        char.isspace() or unicodedata.category(char) == "Cs" for char in password.reveal()
    )


def _is_base32(secret: SecretText) -> bool:
    """Tell whether an authenticator app can use ``secret``, whatever its case, and show it as a QR code."""
    padding = "=" * (-len(secret.reveal()) % 8)
    try:
        key = base64.b32decode(secret.reveal().upper() + padding)
    except (binascii.Error, ValueError):
        return False
    return bool(key) and len(secret.reveal()) <= MAX_SECRET


def _bad_reply(operation: str, reply: Reply) -> BadReply:
    return BadReply(operation, "UnexpectedAnswer", request_id=_request_id(reply))


def _wrong_code(reply: Reply) -> BadCode:
    return BadCode("VerifySoftwareToken", "StatusError", request_id=_request_id(reply))


def _request_id(reply: Reply) -> str:
    return untrusted.word(reply.get("ResponseMetadata", {}).get("RequestId"))
