"""What Cognito's operations return, as small frozen values, and Cognito's names of challenges.

Texts of Cognito that are shown or stored pass through ``values.untrusted`` here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from cognito_mfa.values import untrusted
from cognito_mfa.values.secret_text import SecretText

MFA_SETUP = "MFA_SETUP"
NEW_PASSWORD_REQUIRED = "NEW_PASSWORD_REQUIRED"  # noqa: S105 - a challenge, not a password
SELECT_MFA_TYPE = "SELECT_MFA_TYPE"
SOFTWARE_TOKEN_MFA = "SOFTWARE_TOKEN_MFA"  # noqa: S105 - likewise
PASSWORD_VERIFIER = "PASSWORD_VERIFIER"  # noqa: S105 - likewise
SELECT_CHALLENGE = "SELECT_CHALLENGE"
SMS_MFA = "SMS_MFA"
EMAIL_OTP = "EMAIL_OTP"

# The challenges that a code answers, and the parameter that carries the code.
CODE_PARAMETERS = {
    SOFTWARE_TOKEN_MFA: "SOFTWARE_TOKEN_MFA_CODE",
    SMS_MFA: "SMS_MFA_CODE",
    EMAIL_OTP: "EMAIL_OTP_CODE",
}
MAX_FRIENDLY_NAME = 64  # characters; Cognito allows 131,072 of any kind

NOTHING = SecretText("")


@dataclass(frozen=True, slots=True)
class Challenge:
    """Another step that Cognito requires before it returns tokens.

    Attributes:
        name: Cognito's name of the challenge.
        cognito_session: the string that the answer must carry; changes with every step.
        username: what the answer must send as USERNAME: the stored username, not the alias that was typed.
        parameters: Cognito's ``ChallengeParameters``.
        names_user: whether this challenge or an earlier one of the sign-in named the user; else ``username`` is what
            was typed, which may be an alias.
    """

    name: str
    cognito_session: SecretText
    username: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    names_user: bool = True

    @property
    def told_username(self) -> str:
        """Return the username that the tokens must name; empty where no challenge told one."""
        return self.username if self.names_user else ""

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
        """Return the factors to choose from at SELECT_MFA_TYPE, or to set up at MFA_SETUP."""
        listed = self.parameters.get("MFAS_CAN_CHOOSE") or self.parameters.get("MFAS_CAN_SETUP")
        return untrusted.words(_json_list(listed))

    @property
    def required_attributes(self) -> list[str]:
        """Return the attributes that NEW_PASSWORD_REQUIRED wants, without Cognito's prefix."""
        names = _json_list(self.parameters.get("requiredAttributes"))
        bare = [name.removeprefix("userAttributes.") for name in names[: untrusted.MOST]]
        longest = untrusted.ATTRIBUTE_LENGTH
        return [name for name in bare if untrusted.is_name(name, longest)]

    @property
    def present_attributes(self) -> frozenset[str]:
        """Return the names of attributes that NEW_PASSWORD_REQUIRED says the user has already."""
        present = self.parameters.get("userAttributes")
        if isinstance(present, str):
            try:
                present = json.loads(present)
            except (ValueError, RecursionError):
                present = None
        return frozenset(present) if isinstance(present, dict) else frozenset()

    def with_present(self, names: Collection[str]) -> Challenge:
        """Return the same challenge, in which the user has the attributes ``names`` as well."""
        present = dict.fromkeys((*self.present_attributes, *names), "")
        return replace(self, parameters={**self.parameters, "userAttributes": present})


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a finished sign-in; they are never stored."""

    access: SecretText
    id: SecretText = NOTHING
    refresh: SecretText = NOTHING


class ReadableTokens:
    """The tokens for receivers of ``signed_in``: each is plain text when its attribute is read.

    The object itself shows nothing and cannot be pickled. A receiver must not keep what it reads in a
    variable for longer than it needs.
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
        secret: base32, as the authenticator app needs it; about 52 characters at AWS.
        cognito_session: the next session string; empty when an access token was used.
    """

    secret: SecretText
    cognito_session: SecretText = NOTHING


@dataclass(frozen=True, slots=True)
class Person:
    """A user pool user who signed in; only ``claims.person_of`` makes one.

    Attributes:
        sub: Cognito's lasting id, the only thing that identifies a user.
        username: the stored username; a label, which another user may have had before.
        email: the address, only where Cognito has verified it or ``TRUST_POOL_EMAIL`` is on.
        unverified_email: an address that the user only claims. SECURITY: anyone can claim anyone's. It is
            for diagnostics, and is never compared, stored, or written to.
        email_verified: whether there is an ``email``. Made with False, a person keeps it as ``unverified_email``.
        email_told: whether Cognito said anything about addresses; an access token alone does not.
        phone_number: likewise, such as ``+12025550123``; empty unless Cognito has verified it.
        claims: the other claims of the tokens, without an unverified address or phone number.
    """

    sub: str
    username: str
    email: str = ""
    email_verified: bool | None = None
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    unverified_email: str = field(default="", repr=False)
    email_told: bool = True
    phone_number: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        # SECURITY: here, so that no maker of a person can forget it.
        if self.email_verified is False:
            object.__setattr__(self, "unverified_email", self.email or self.unverified_email)
            object.__setattr__(self, "email", "")
        object.__setattr__(self, "email_verified", bool(self.email))


@dataclass(frozen=True, slots=True)
class Factors:
    """A user's second factors, as Cognito lists them.

    Attributes:
        software_token: whether an authenticator app is enabled for this user, or registered.
        preferred: Cognito's name of the preferred factor, or empty.
        username: the stored username.
        listed: whether it is among the factors that are switched on; one that was only turned off is registered still.
    """

    software_token: bool
    preferred: str = ""
    username: str = ""
    listed: bool = True


@dataclass(frozen=True, slots=True)
class PoolFactors:
    """The second factors that the pool allows.

    Attributes:
        mode: Cognito's word: ``OFF``, ``OPTIONAL`` or ``ON``.
        software_token: whether authenticator apps are enabled.
        others: Cognito's names of the other enabled factors.
        passkeys: whether a passkey that verifies its user counts as both factors.
    """

    mode: str
    software_token: bool
    others: tuple[str, ...] = ()
    passkeys: bool = False


@dataclass(frozen=True, slots=True)
class AppClientSettings:
    """The settings of the app client, without its secret.

    Attributes:
        session_minutes: how long a challenge waits for its answer (AuthSessionValidity).
        hides_usernames: whether sign-ins hide which usernames exist (PreventUserExistenceErrors).
        scopes: what sign-ins at managed login may request (AllowedOAuthScopes); None when the client
            allows none.
        writable: the attributes that users may write (WriteAttributes); None for all standard ones.
    """

    session_minutes: int
    hides_usernames: bool
    scopes: tuple[str, ...] | None = None
    writable: tuple[str, ...] | None = None


class Provider(NamedTuple):
    """An identity provider that an account names.

    Attributes:
        name: of the provider, in the pool.
        made_account: the account was created for this provider's user, and not linked to them later.
    """

    name: str
    made_account: bool


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """What Cognito tells the holder of an access token about its user.

    Attributes:
        factors: Cognito's names of the enabled second factors.
        providers: the identity providers that are linked to the user.
        told: the attributes ``email``, ``email_verified``, ``identities`` and those of ``USER_FIELDS``, each as text.
    """

    sub: str
    username: str
    factors: tuple[str, ...] = ()
    providers: tuple[Provider, ...] = ()
    told: Mapping[str, str] = field(default_factory=dict, repr=False)


def _json_list(value: object) -> list[str]:
    """Return a list that Cognito sends as JSON text, and some emulators as a list."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    return [str(item) for item in value] if isinstance(value, list) else []
