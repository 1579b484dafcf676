"""Switches for points where sources about Cognito disagree, or that have not been measured.

The default is the most likely behavior. A switch names a behavior that was reported or
documented, never a convenience.

See "Where sources disagree" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """How a pool behaves where it is not known how Cognito does."""

    tokens_before_first_setup: bool = False
    """A self-signed-up user of an ON pool gets tokens once before MFA_SETUP is forced
    (documented), instead of MFA_SETUP at once (measured)."""

    code_after_setup: bool = False
    """SOFTWARE_TOKEN_MFA follows MFA_SETUP (documented), instead of tokens (measured)."""

    required_mfa_refuses_preference_off: bool = False
    """Turning TOTP off in an ON pool is an error (documented), instead of 200 without any
    effect on the next sign-in (measured)."""

    association_drops_active_token: bool = False
    """Associating anew kills the active token at once (measured until 2021), instead of when
    the new one is verified (documented today)."""

    association_once_per_session: bool = False
    """A second AssociateSoftwareToken with one session is refused, instead of the newest
    secret winning."""

    sign_in_ends_older_sessions: bool = False
    """A new sign-in of the same user ends sessions that are still open."""

    verified_token_asked_without_preference: bool = False
    """An OPTIONAL pool asks for a verified token although no preference was set."""

    srp_timestamp_tolerance: float | None = 900.0
    """How many seconds the TIMESTAMP of an SRP claim may be off. It was never measured;
    None looks at its form only."""

    password_failures_before_lock: int | None = 5
    """How many wrong passwords lock; None never locks."""

    code_failures_before_lock: int | None = 5
    """Wrong TOTP and SMS codes before a lock; None never locks, as some have measured."""

    email_code_failures_lock: bool = False
    """Wrong email codes count too; six of them without a lock were measured."""

    setup_failures_lock: bool = False
    """Wrong codes at VerifySoftwareToken count too."""

    wrong_setup_code_is_a_status: bool = False
    """VerifySoftwareToken answers Status=ERROR to a wrong code (documented, never seen),
    instead of EnableSoftwareTokenMFAException."""

    secret_bytes: int = 32
    """32 random bytes make a SecretCode of 52 characters."""

    acr_and_amr: bool = False
    """Tokens carry the claims acr and amr."""

    updated_issuer: bool = False
    """The issuer is https://issuer-cognito-idp.<region>.amazonaws.com/<pool id>."""

    deleting_absent_token_fails: bool = False
    """AdminDeleteSoftwareToken refuses a user who has none, instead of doing nothing."""

    deleting_token_ends_sessions: bool = False
    """AdminDeleteSoftwareToken ends the user's open sign-in sessions."""

    auth_factors_need_preference: bool = False
    """The AuthFactors operations show SOFTWARE_TOKEN only when it is enabled, instead of as
    soon as it is verified."""

    older_unused_codes_accepted: bool = False
    """Only the very code that was used is refused, instead of every step up to the last
    accepted one."""

    verify_without_association_is_not_found: bool = False
    """With no secret to verify, SoftwareTokenMFANotFoundException instead of
    EnableSoftwareTokenMFAException."""

    documented_spellings: bool = False
    """The words of the documentation's prose (MFAS_CAN_SELECT, EMAIL_MFA, email), instead
    of those that clients use."""

    admin_and_public_calls_mix: bool = False
    """AdminRespondToAuthChallenge may answer a session of InitiateAuth, and vice versa."""

    existence_errors_cover_admin_sign_in: bool = False
    """PreventUserExistenceErrors hides unknown users from AdminInitiateAuth too."""

    alias_answers_challenges: bool = True
    """USERNAME in a challenge's answer may be an alias (measured, mixed); documented: not."""

    silent_invitation_needs_password: bool = False
    """AdminCreateUser with SUPPRESS and no password is refused (measured once), instead of a
    password being made up (documented)."""

    hourly_limits: bool = True
    """So many requests an hour for one user (ForgotPassword, ConfirmForgotPassword,
    ConfirmSignUp, ResendConfirmationCode), then LimitExceededException."""

    request_quotas: bool = False
    """So many requests a second for the account, then TooManyRequestsException. Documented; off,
    since a test or a demonstration is no load test. Only the account's own Behavior is asked."""

    latency: float = 0.0
    """So many seconds before each answer, in real time, as the network and AWS take (20 to 60
    milliseconds within a Region). Only the account's own Behavior is asked."""

    refresh_needs_tracked_device: bool = True
    """In a pool that tracks devices, refreshing needs DEVICE_KEY, and a confirmed device
    (reported), instead of the token alone."""
