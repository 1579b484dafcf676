"""Where sources about Cognito disagree, or nobody has measured, a switch: the points of facts
section 14, and a few that other sections leave open. The defaults are what the facts call the
model. A switch must name a behavior that somebody reported or documented, never a convenience."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """How a pool behaves where it is not known how Cognito does."""

    tokens_before_first_setup: bool = False
    """14.1: a self-signed-up user of an ON pool gets tokens once before MFA_SETUP is forced
    (documented), instead of MFA_SETUP at once (measured)."""

    code_after_setup: bool = False
    """14.2: SOFTWARE_TOKEN_MFA follows MFA_SETUP (documented), instead of tokens (measured)."""

    required_mfa_refuses_preference_off: bool = False
    """14.3: turning TOTP off in an ON pool is an error (documented), instead of 200 without any
    effect on the next sign-in (measured)."""

    association_drops_active_token: bool = False
    """14.4: associating anew kills the active token at once (measured until 2021), instead of when
    the new one is verified (documented today)."""

    association_once_per_session: bool = False
    """14.5: a second AssociateSoftwareToken with one session is refused, instead of the newest
    secret winning."""

    sign_in_ends_older_sessions: bool = False
    """14.5: a new sign-in of the same user ends sessions that are still open."""

    verified_token_asked_without_preference: bool = False
    """14.6: an OPTIONAL pool asks for a verified token although no preference was set."""

    srp_timestamp_tolerance: float | None = 900.0
    """2.3: how many seconds the TIMESTAMP of an SRP claim may be off. Nobody has measured it; None
    looks at its form only."""

    password_failures_before_lock: int | None = 5
    """8.3: None never locks."""

    code_failures_before_lock: int | None = 5
    """14.7: wrong TOTP and SMS codes before a lock; None never locks, as some have measured."""

    email_code_failures_lock: bool = False
    """14.7: wrong e-mail codes count too; six of them without a lock were measured."""

    setup_failures_lock: bool = False
    """14.7: wrong codes at VerifySoftwareToken count too."""

    wrong_setup_code_is_a_status: bool = False
    """14.8: VerifySoftwareToken answers Status=ERROR to a wrong code (documented, never seen),
    instead of EnableSoftwareTokenMFAException."""

    secret_bytes: int = 32
    """14.9: 32 random bytes make a SecretCode of 52 characters."""

    acr_and_amr: bool = False
    """14.10: tokens carry the claims acr and amr."""

    updated_issuer: bool = False
    """14.10: the issuer is https://issuer-cognito-idp.<region>.amazonaws.com/<pool id>."""

    deleting_absent_token_fails: bool = False
    """14.11: AdminDeleteSoftwareToken refuses a user who has none, instead of doing nothing."""

    deleting_token_ends_sessions: bool = False
    """14.11: AdminDeleteSoftwareToken ends the user's open sign-in sessions."""

    auth_factors_need_preference: bool = False
    """14.11: the AuthFactors operations show SOFTWARE_TOKEN only when it is enabled, instead of as
    soon as it is verified."""

    older_unused_codes_accepted: bool = False
    """14.12: only the very code that was used is refused, instead of every step up to the last
    accepted one."""

    verify_without_association_is_not_found: bool = False
    """Section 4: with no secret to verify, SoftwareTokenMFANotFoundException instead of
    EnableSoftwareTokenMFAException."""

    documented_spellings: bool = False
    """14.13: the words of the documentation's prose (MFAS_CAN_SELECT, EMAIL_MFA, email), instead
    of those that clients use."""

    admin_and_public_calls_mix: bool = False
    """14.14: AdminRespondToAuthChallenge may answer a session of InitiateAuth, and vice versa."""

    existence_errors_cover_admin_sign_in: bool = False
    """8.2: PreventUserExistenceErrors hides unknown users from AdminInitiateAuth too."""

    alias_answers_challenges: bool = True
    """2.6: USERNAME in a challenge's answer may be an alias (measured, mixed); documented: not."""

    silent_invitation_needs_password: bool = False
    """8.1: AdminCreateUser with SUPPRESS and no password is refused (measured once), instead of a
    password being made up (documented)."""

    hourly_limits: bool = True
    """9: so many requests an hour for one user (ForgotPassword, ConfirmForgotPassword,
    ConfirmSignUp, ResendConfirmationCode), then LimitExceededException."""

    request_quotas: bool = False
    """9: so many requests a second for the account, then TooManyRequestsException. Documented; off,
    since a test or a demonstration is no load test. Only the account's own Behavior is asked."""

    refresh_needs_tracked_device: bool = True
    """7.3: in a pool that tracks devices, refreshing needs DEVICE_KEY, and a confirmed device
    (reported), instead of the token alone."""
