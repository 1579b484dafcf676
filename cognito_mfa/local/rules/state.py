"""The state of the local Cognito: an account with its pools, clients, users, and sign-ins.

It consists of plain dataclasses that can be written to a file. It has none of Cognito's rules, and no
``repr()`` shows a secret.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cognito_mfa.local.behavior import Behavior
from cognito_mfa.local.rules.lockout import Attempts
from cognito_mfa.local.rules.passwords import Password, PasswordPolicy
from cognito_mfa.local.rules.recording import Part

SOFTWARE_TOKEN_MFA = "SOFTWARE_TOKEN_MFA"  # noqa: S105 - the name of a factor
SMS_MFA = "SMS_MFA"
EMAIL_OTP = "EMAIL_OTP"
SMS_OTP = "SMS_OTP"

REMEMBERED_STEPS = 8

#: Marks a field that is derived from others, so that it is not written to a file.
DERIVED: Mapping[str, bool] = {"derived": True}


class Stage(StrEnum):
    """The stage of a sign-in: its challenge, and three stages for MFA_SETUP."""

    NEW_PASSWORD_REQUIRED = "NEW_PASSWORD_REQUIRED"  # noqa: S105 - the name of a challenge
    MFA_SETUP = "MFA_SETUP"
    MFA_SETUP_ASSOCIATED = "MFA_SETUP_ASSOCIATED"
    MFA_SETUP_VERIFIED = "MFA_SETUP_VERIFIED"
    SOFTWARE_TOKEN_MFA = SOFTWARE_TOKEN_MFA
    SMS_MFA = SMS_MFA
    EMAIL_OTP = EMAIL_OTP
    SELECT_MFA_TYPE = "SELECT_MFA_TYPE"
    SELECT_CHALLENGE = "SELECT_CHALLENGE"
    PASSWORD = "PASSWORD"  # noqa: S105 - the name of a challenge
    SMS_OTP = SMS_OTP
    WEB_AUTHN = "WEB_AUTHN"
    DEVICE_SRP_AUTH = "DEVICE_SRP_AUTH"
    CUSTOM_AUTH = "CUSTOM_AUTH"
    CUSTOM_CHALLENGE = "CUSTOM_CHALLENGE"
    SIGN_UP = "SIGN_UP"
    SIGNED_UP = "SIGNED_UP"

    @property
    def challenge(self) -> str:
        """Return the name of the challenge that is answered at this stage."""
        return "MFA_SETUP" if self.startswith("MFA_SETUP") else self.value


@dataclass(slots=True)
class SoftwareToken(Part):
    """A verified authenticator app, with the steps whose codes were accepted."""

    secret: str = field(repr=False)
    friendly_name: str = ""
    used_steps: list[int] = field(default_factory=list)

    def accept(self, step: int) -> None:
        """Record that the code of a step was used. Steps that no clock can reach any more are dropped."""
        self.used_steps = [*self.used_steps[-REMEMBERED_STEPS:], step]


@dataclass(slots=True)
class SentCode(Part):
    """A confirmation code that was sent to a user, and the attribute that it proves."""

    code: str = field(repr=False)
    attribute: str
    expires_at: float
    value: str = field(default="", repr=False)
    """A new address that replaces the attribute once the code proves it."""


@dataclass(slots=True, kw_only=True)
class Device(Part):
    """A device that a user signed in from; it can prove itself once it has a verifier."""

    key: str
    group_key: str
    name: str = ""
    salt: str = field(default="", repr=False)
    verifier: str = field(default="", repr=False)
    remembered: bool = False
    created_at: float
    modified_at: float
    authenticated_at: float


@dataclass(slots=True, kw_only=True)
class Identity(Part):
    """A user at an identity provider, who signs in as the pool's user that has this identity."""

    provider: str
    provider_type: str
    attribute: str
    """What identifies the user there: an attribute, or Cognito_Subject for the provider's own id."""
    value: str = field(repr=False)
    primary: bool = False
    """Whether the user of the pool was made by a sign-in through this provider."""
    created_at: float


@dataclass(slots=True, kw_only=True)
class Passkey(Part):
    """The public half of a user's passkey, as the authenticator sent it."""

    id: str
    attested: str
    """The credential's id and public key, as WebAuthn encodes them, in base64url."""
    name: str
    relying_party: str
    attachment: str = ""
    transports: list[str] = field(default_factory=list)
    counter: int = 0
    created_at: float


@dataclass(slots=True, kw_only=True)
class PasskeyRegistration(Part):
    """A started registration of a passkey: what the authenticator must sign, and for which client."""

    challenge: str = field(repr=False)
    client_id: str
    expires_at: float


@dataclass(slots=True, kw_only=True)
class AuthEvent(Part):
    """An event of a user, as threat protection records it."""

    id: str
    type: str
    response: str
    created_at: float
    challenges: list[list[str]] = field(default_factory=list)
    """The name of each challenge, and the result."""
    feedback: str = ""
    feedback_at: float = 0.0


@dataclass(slots=True, kw_only=True)
class User(Part):
    """A user of a pool."""

    username: str
    sub: str
    number: int
    status: str
    enabled: bool = True
    attributes: dict[str, str] = field(default_factory=dict, repr=False)
    created_at: float = 0.0
    modified_at: float = 0.0
    password: Password | None = field(default=None, repr=False)
    earlier_passwords: list[Password] = field(default_factory=list, repr=False)
    temporary_password_until: float | None = None
    password_attempts: Attempts = field(default_factory=Attempts)
    code_attempts: Attempts = field(default_factory=Attempts)
    software_token: SoftwareToken | None = None
    pending_secret: str | None = field(default=None, repr=False)
    enabled_factors: list[str] = field(default_factory=list)
    preferred_factor: str | None = None
    sent_codes: dict[str, SentCode] = field(default_factory=dict, repr=False)
    """By what each is for."""
    groups: list[str] = field(default_factory=list)
    devices: dict[str, Device] = field(default_factory=dict, repr=False)
    identities: list[Identity] = field(default_factory=list, repr=False)
    passkeys: dict[str, Passkey] = field(default_factory=dict, repr=False)
    passkey_registration: PasskeyRegistration | None = field(default=None, repr=False)
    passkey_mfa: bool = False
    """WebAuthnMfaSettings: a passkey of the user stands for both factors, where the pool allows it."""
    events: list[AuthEvent] = field(default_factory=list, repr=False)
    signed_up: bool = False
    has_signed_in: bool = False


@dataclass(slots=True, kw_only=True)
class ClientSecret(Part):
    """One of the secrets of an app client."""

    id: str
    value: str = field(repr=False)
    created_at: float


@dataclass(slots=True, kw_only=True)
class AppClient(Part):
    """An app client of a pool."""

    id: str
    name: str = ""
    secrets: list[ClientSecret] = field(default_factory=list, repr=False)
    """None for a public client, and two while its secret is being replaced; the oldest is first."""
    explicit_auth_flows: list[str] = field(default_factory=list)
    auth_session_validity: int = 3
    prevent_user_existence_errors: str = "LEGACY"
    enable_token_revocation: bool = True
    access_token_seconds: int = 3600
    id_token_seconds: int = 3600
    refresh_token_seconds: int = 30 * 86400
    created_at: float = 0.0
    modified_at: float = 0.0
    sso_minutes: int = 60
    rotation_grace: float | None = None
    """Seconds that a refresh token works on after it was replaced; None does not replace any."""
    settings: dict[str, Any] = field(default_factory=dict)
    """What CreateUserPoolClient was given and nothing here acts on; described as it came."""

    @property
    def secret(self) -> str | None:
        """Return the client's oldest secret, which DescribeUserPoolClient shows."""
        return self.secrets[0].value if self.secrets else None

    @secret.setter
    def secret(self, value: str | None) -> None:
        self.secrets = []
        if value is not None:
            self.add_secret(value, self.created_at)

    def add_secret(self, value: str, now: float) -> ClientSecret:
        """Add a secret to the client.

        Args:
            value: The secret.
            now: The time in Unix seconds.

        Returns:
            The secret with its id, which says when it was made.
        """
        taken, moment = {one.id for one in self.secrets}, int(now)
        while f"{self.id}--{moment}" in taken:
            moment += 1
        secret = ClientSecret(id=f"{self.id}--{moment}", value=value, created_at=now)
        self.secrets.append(secret)
        return secret


@dataclass(slots=True, kw_only=True)
class TokenFamily(Part):
    """The tokens of one sign-in, through all refreshes."""

    event_id: str
    origin_jti: str
    sub: str
    client_id: str
    auth_time: int
    factors: list[str]
    scopes: list[str]
    expires_at: float
    revoked: bool = False
    device_key: str = ""
    session_id: str = ""
    """The user session that this is; "" where the pool did not track them."""
    audience: str = ""
    """The resource that the access tokens are for; "" for none."""
    created_at: float = 0.0
    active_at: float = 0.0
    refresh_tokens: dict[str, float | None] = field(default_factory=dict, repr=False)
    """By digest, when each was replaced by another, where they rotate."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id under which its public half is published."""

    kid: str
    pem: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PoolKeys:
    """The keys of a pool: Cognito signs ID and access tokens with different ones."""

    id: SigningKey
    access: SigningKey


@dataclass(frozen=True, slots=True)
class SigningCertificate:
    """A pool's public certificate for SAML, without the header and footer of PEM."""

    base64: str
    issued_at: float


@dataclass(slots=True, kw_only=True)
class Group(Part):
    """A group of a pool."""

    name: str
    description: str | None = None
    role_arn: str | None = None
    precedence: int | None = None
    created_at: float
    modified_at: float


@dataclass(slots=True, kw_only=True)
class Domain(Part):
    """A domain of managed login: a prefix of Cognito's own domain, or a custom domain."""

    name: str
    custom: dict[str, str] = field(default_factory=dict)
    """The CustomDomainConfig; empty for a prefix domain."""
    managed_login_version: int = 1
    created_at: float

    @property
    def is_custom(self) -> bool:
        """Return whether this is a custom domain."""
        return bool(self.custom)


@dataclass(slots=True, kw_only=True)
class ResourceServer(Part):
    """An API, with the scopes that clients can have."""

    identifier: str
    name: str
    scopes: dict[str, str] = field(default_factory=dict)
    """Descriptions by the names of the scopes, which are without the identifier."""


@dataclass(slots=True, kw_only=True)
class IdentityProvider(Part):
    """An identity provider with which users can sign in instead of with a password of the pool."""

    name: str
    type: str
    details: dict[str, str] = field(default_factory=dict, repr=False)
    """ProviderDetails: addresses, scopes, and the client secret at the provider."""
    attribute_mapping: dict[str, str] = field(default_factory=dict)
    """The provider's claims by the attributes of the pool that they are written to."""
    identifiers: list[str] = field(default_factory=list)
    acr_mapping: dict[str, str] = field(default_factory=dict)
    created_at: float
    modified_at: float


@dataclass(slots=True, kw_only=True)
class UiCustomization(Part):
    """The look of the classic pages, for an app client or for all."""

    client_id: str
    css: str | None = None
    image: str | None = None
    """The image in base64."""
    created_at: float
    modified_at: float


@dataclass(slots=True, kw_only=True)
class Branding(Part):
    """A style of managed login, for one app client."""

    id: str
    client_id: str
    default: bool = False
    """UseCognitoProvidedValues: Cognito's own style."""
    settings: dict[str, Any] = field(default_factory=dict)
    assets: list[dict[str, Any]] = field(default_factory=list)
    created_at: float
    modified_at: float


@dataclass(slots=True, kw_only=True)
class RiskConfiguration(Part):
    """How threat protection would respond to risks, for an app client or for the pool."""

    settings: dict[str, Any] = field(default_factory=dict)
    modified_at: float


@dataclass(slots=True, kw_only=True)
class ImportJob(Part):
    """A job that waits for a file of users."""

    id: str
    name: str
    role_arn: str
    hashing: str | None = None
    created_at: float


@dataclass(slots=True, kw_only=True)
class DeviceTracking(Part):
    """A pool's DeviceConfiguration."""

    replaces_mfa: bool = False
    """ChallengeRequiredOnNewDevice: a remembered device answers instead of a second factor."""
    only_on_prompt: bool = False
    """DeviceOnlyRememberedOnUserPrompt: confirming a device does not remember it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaAttribute:
    """An attribute of a pool's schema, as it was declared."""

    name: str
    """With ``custom:`` or ``dev:custom:``, unless it is a standard attribute."""
    data_type: str = "String"
    developer_only: bool = False
    mutable: bool = True
    required: bool = False
    constraints: Mapping[str, str] = field(default_factory=dict)
    """MinLength and MaxLength, or MinValue and MaxValue, as text."""


@dataclass(slots=True, kw_only=True)
class UserPool(Part):
    """A user pool with everything in it."""

    id: str
    name: str
    number: int
    mfa: str = "OFF"
    software_token: bool = True
    sms: bool = False
    email: bool = False
    username_attributes: list[str] = field(default_factory=list)
    alias_attributes: list[str] = field(default_factory=list)
    schema: dict[str, SchemaAttribute] = field(default_factory=dict)
    """The attributes that were declared, by name; standard ones that were not have defaults."""
    account_recovery: list[str] = field(default_factory=list)
    auto_verified: list[str] = field(default_factory=list)
    sign_up_closed: bool = False
    device_tracking: DeviceTracking | None = None
    first_factors: list[str] = field(default_factory=lambda: ["PASSWORD"])
    case_insensitive: bool = True
    policy: PasswordPolicy = field(default_factory=PasswordPolicy)
    behavior: Behavior = field(default_factory=Behavior)
    created_at: float = 0.0
    modified_at: float = 0.0
    clients: dict[str, AppClient] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict, repr=False)
    users_made: int = 0
    subs: dict[str, str] = field(default_factory=dict, repr=False, metadata=DERIVED)
    aliases: dict[str, str] = field(default_factory=dict, repr=False, metadata=DERIVED)
    families: dict[str, TokenFamily] = field(default_factory=dict, repr=False)
    family_ids: dict[str, dict[str, None]] = field(
        default_factory=dict, repr=False, metadata=DERIVED
    )
    """The families of each user, by sub."""
    refresh_tokens: dict[str, str] = field(default_factory=dict, repr=False, metadata=DERIVED)
    """The family of each refresh token, by the token's digest."""
    groups: dict[str, Group] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    domains: dict[str, Domain] = field(default_factory=dict)
    resource_servers: dict[str, ResourceServer] = field(default_factory=dict)
    identity_providers: dict[str, IdentityProvider] = field(default_factory=dict)
    ui_customizations: dict[str, UiCustomization] = field(default_factory=dict)
    """By the id of the app client, or "ALL"."""
    brandings: dict[str, Branding] = field(default_factory=dict)
    risk_configurations: dict[str, RiskConfiguration] = field(default_factory=dict)
    """By the id of the app client; "" is the pool's own."""
    log_configurations: list[dict[str, Any]] = field(default_factory=list)
    import_jobs: dict[str, ImportJob] = field(default_factory=dict)
    tracks_sessions: bool = False
    most_sessions: int = 20
    """Of one user, where sessions are tracked."""
    attempts: dict[str, list[float]] = field(default_factory=dict, repr=False)
    """The times of attempts that are limited per hour."""
    keys: PoolKeys | None = field(default=None, repr=False)
    signing_certificate: SigningCertificate | None = None
    pretence: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    """From this comes what people who do not exist are shown, the same each time."""
    lambda_config: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    """What CreateUserPool was given and nothing here acts on; described as it came."""

    @property
    def region(self) -> str:
        """Return the region, which the id begins with."""
        return self.id.partition("_")[0]

    @property
    def required_attributes(self) -> list[str]:
        """Return the names of the attributes that every user must have, besides the sub."""
        return [attribute.name for attribute in self.schema.values() if attribute.required]

    @property
    def offers_software_token(self) -> bool:
        """Return whether users can set up a software token."""
        return self.software_token and self.mfa != "OFF"


@dataclass(frozen=True, slots=True)
class ChallengeResult:
    """A challenge of a custom sign-in, and whether its answer was correct."""

    name: str
    result: bool
    metadata: str = ""


@dataclass(slots=True, kw_only=True)
class SignInSession(Part):
    """What Cognito stores for a session string. The string itself is never stored."""

    id: str
    stage: Stage
    pool_id: str
    client_id: str
    sub: str
    admin: bool
    expires_at: float
    spent: bool = False
    factors: list[str] = field(default_factory=list)
    secret: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    choices: list[str] = field(default_factory=list)
    device_key: str = ""
    custom: bool = False
    """Whether functions of the pool say what comes next."""
    typed: str = ""
    """The name that a custom sign-in began with."""
    history: list[ChallengeResult] = field(default_factory=list)
    private_parameters: dict[str, str] = field(default_factory=dict, repr=False)
    challenge_metadata: str = ""
    parent: str | None = None
    child: str | None = None


@dataclass(slots=True, kw_only=True)
class SrpExchange(Part):
    """What Cognito stores for a secret block. Without a ``sub``, it belongs to no user."""

    id: str
    pool_id: str
    client_id: str
    sub: str
    admin: bool
    started_at: float
    client_value: str = field(repr=False)
    private: str = field(repr=False)
    public: str = field(repr=False)
    session: str = ""
    """The sign-in session that this is a step of, where there is one."""
    device_key: str = ""
    spent: bool = False


@dataclass(slots=True)
class Account(Part):
    """One AWS account in one region."""

    region: str
    id: str = "123456789012"
    pools: dict[str, UserPool] = field(default_factory=dict)
    sessions: dict[str, SignInSession] = field(default_factory=dict, repr=False)
    session_ids: dict[str, dict[str, None]] = field(
        default_factory=dict, repr=False, metadata=DERIVED
    )
    """The sessions of each user, by sub."""
    exchanges: dict[str, SrpExchange] = field(default_factory=dict, repr=False)

    def next_number(self) -> int:
        """Return a number that no pool of the account has."""
        newest = next(reversed(self.pools.values()), None)
        return 0 if newest is None else newest.number + 1
