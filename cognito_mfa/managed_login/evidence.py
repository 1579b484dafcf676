"""Whether a sign-in at Cognito's own pages proves that a code was asked for and answered.

The proof rests on the claim ``amr`` of a token that the pool signed, or on what Cognito says at that moment
about the user and the pool. Our own rows can only take a proof away.

Without ``amr``, Cognito is asked after the sign-in, and its answer must have been true when the password was
typed. That is why the sign-in must be less than a minute old, and why the authenticator app must have been
known here before: if it was on before and is on after, it was on in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cognito_mfa.authenticator.transitions import SWITCHED_ON, SWITCHING_ON
from cognito_mfa.cognito import admin_api, user_api
from cognito_mfa.cognito.deadline import DEADLINE
from cognito_mfa.cognito.types import (
    EMAIL_OTP,
    SMS_MFA,
    SOFTWARE_TOKEN_MFA,
    OwnAccount,
    Person,
    Provider,
)
from cognito_mfa.exceptions import BadReply, BadReplyReason
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.values.clocks import SKEW, seconds_since
from cognito_mfa.values.secret_text import SecretText

FRESH = 60.0  # seconds from the sign-in at Cognito until the redirects lead here

LATEST = 2**53  # seconds since the epoch; a later time would lose precision as a float
FACTORS = (SOFTWARE_TOKEN_MFA, SMS_MFA, EMAIL_OTP)  # that managed login asks for


class Doubt(StrEnum):
    """Why a sign-in proves nothing; the values are for the log and the session."""

    NO_TIME = "no_time"  # the token does not say when the user signed in
    CHANGED_SINCE = "changed_since"  # an authenticator app was set up, changed or reset since
    NO_CODE = "no_code"  # ``amr`` says that no code was answered
    STALE = "stale"  # an older sign-in, by managed login's cookie or a refresh token
    REMEMBERED_DEVICE = "remembered_device"  # Cognito may not have asked it for a code
    LINKED_PROVIDER = "linked_provider"  # may have signed the user in, without a code of Cognito's
    NO_ID_TOKEN = "no_id_token"  # noqa: S105 - a reason; it would say whether a provider was used
    UNKNOWN_BEFORE = "unknown_before"  # no authenticator app was known here before the sign-in
    NOT_ASKED = "not_asked"  # Cognito would not have asked for a code
    NO_ANSWER = "no_answer"  # Cognito did not say


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one sign-in.

    Attributes:
        access_token: its signature was checked.
        person: whom it names, with the claims of signed tokens only.
        providers: the identity providers that the ID token names; None without an ID token.
        account: Cognito's answer to GetUser; None when it was not called yet.
        redirected_at: when this browser was sent to sign in, in seconds since the epoch; None when unknown.
    """

    access_token: SecretText
    person: Person
    providers: tuple[Provider, ...] | None = None
    account: OwnAccount | None = None
    redirected_at: float | None = None


def auth_time(person: Person) -> float | None:
    """Return when the user signed in at Cognito, in seconds since the epoch; None if it is not plausible."""
    at = person.claims.get("auth_time")
    if type(at) is not int or not 0 <= at < LATEST or seconds_since(at) is None:
        return None
    return float(at)


def is_fresh(at: float) -> bool:
    """Return whether a sign-in at ``at`` (since the epoch) led here directly, not by an older cookie."""
    ago = seconds_since(at)
    return ago is not None and ago <= FRESH + SKEW


def doubt(evidence: Evidence, identity: CognitoIdentity, *, everyone: bool) -> Doubt | None:
    """Return why the sign-in proves nothing, or None if it is a proof.

    Args:
        evidence: what is known about the sign-in.
        identity: of the user.
        everyone: True where the site says that the pool requires MFA, which Cognito must confirm now. False
            where the user's own authenticator app must have made Cognito ask.

    Raises:
        CognitoMFAError: Cognito was asked, and did not answer.
    """
    at = auth_time(evidence.person)
    if at is None:
        return Doubt.NO_TIME
    found = _doubt(evidence, identity, at, everyone=everyone)
    return Doubt.STALE if found is not None and not is_fresh(at) else found


def _doubt(
    evidence: Evidence, identity: CognitoIdentity, at: float, *, everyone: bool
) -> Doubt | None:
    if changed_since(identity, at, evidence.redirected_at):
        return Doubt.CHANGED_SINCE
    methods = evidence.person.claims.get("amr")
    if methods is not None:
        return None if says_mfa(methods) else Doubt.NO_CODE
    return _doubt_without_amr(evidence, identity, at, everyone=everyone)


def _doubt_without_amr(
    evidence: Evidence, identity: CognitoIdentity, at: float, *, everyone: bool
) -> Doubt | None:
    if not is_fresh(at):
        return Doubt.STALE
    if "device_key" in evidence.person.claims:
        return Doubt.REMEMBERED_DEVICE
    if evidence.providers is None:
        return Doubt.NO_ID_TOKEN
    if evidence.providers:
        return Doubt.LINKED_PROVIDER
    return _doubt_of_everyone(evidence) if everyone else _doubt_of_enrolled(evidence, identity)


def says_mfa(methods: object) -> bool:
    """Return whether ``amr`` says that Cognito asked for MFA.

    With "fed" in it, it is the word of an identity provider (AcrMapping). ``FEDERATED`` decides about those.
    """
    return isinstance(methods, list) and "mfa" in methods and "fed" not in methods


def changed_since(identity: CognitoIdentity, at: float, redirected_at: float | None) -> bool:
    """Return whether something happened since ``at`` that ends the proofs of older sign-ins.

    Managed login's cookie outlives a reset, and so does a redirect that was not followed yet. Cognito's times
    are whole seconds: within the same second, a browser that was sent to sign in after the change came after it.

    Args:
        identity: of the user.
        at: when the user signed in at Cognito, in seconds since the epoch.
        redirected_at: when this browser was sent to sign in, likewise; None when unknown.
    """
    for when in _changes(identity):
        in_the_same_second = at < when < at + 1
        came_after = isinstance(redirected_at, float) and redirected_at >= when
        if when > at and not (in_the_same_second and came_after):
            return True
    return False


def _changes(identity: CognitoIdentity) -> list[float]:
    """Return when we set up, retired, reset, or enabled authenticator apps.

    In seconds since the epoch.
    """
    tokens = identity.software_tokens.order_by().values_list("verified_at", "retired_at")
    resets = identity.resets.order_by("-pk").values_list("requested_at")[:1]
    rows = (*tokens, *resets)
    times = [when.timestamp() for row in rows for when in row if when is not None]
    return times + _switched_on(identity)


def _switched_on(identity: CognitoIdentity) -> list[float]:
    """Return when we last made Cognito ask for the code.

    Where its answer is not known, it may have done so until the call had to be over.
    """
    ours = identity.events.filter(
        kind=MFAEvent.Kind.STATUS_CHANGED, detail__in=(SWITCHING_ON, SWITCHED_ON)
    )
    last = ours.order_by("-pk").values_list("detail", "at")[:1]
    return [at.timestamp() + (DEADLINE if detail == SWITCHING_ON else 0) for detail, at in last]


def _doubt_of_enrolled(evidence: Evidence, identity: CognitoIdentity) -> Doubt | None:
    """Ask Cognito whether the user's own authenticator app made it ask for a code."""
    if identity.status != CognitoIdentity.Status.ENABLED or identity.software_token is None:
        return Doubt.UNKNOWN_BEFORE
    account = ask(evidence)
    if account.providers:
        return Doubt.LINKED_PROVIDER
    if SOFTWARE_TOKEN_MFA not in account.factors:
        return Doubt.NOT_ASKED
    # In a pool with MFA off, users keep their factors, and Cognito asks for none.
    return None if admin_api.pool_factors().mode in ("OPTIONAL", "ON") else Doubt.NOT_ASKED


def _doubt_of_everyone(evidence: Evidence) -> Doubt | None:
    """Ask Cognito whether the pool requires a code of every user, and whether this one has a factor."""
    if admin_api.pool_factors().mode != "ON":
        return Doubt.NOT_ASKED
    return doubt_of_factors(evidence)


def doubt_of_factors(evidence: Evidence) -> Doubt | None:
    """Return why a fresh sign-in proves nothing in a pool that requires codes; None if it proves MFA.

    One page of AWS's documentation says that a user without a factor may get tokens once before the pool
    demands a setup.
    """
    account = ask(evidence)
    if account.providers:
        return Doubt.LINKED_PROVIDER
    if set(FACTORS) & set(account.factors):
        return None
    # A verified token that was never made preferred is asked for in such a pool, but is not in that list.
    return None if user_api.has_own_software_token(evidence.access_token) else Doubt.NOT_ASKED


def ask(evidence: Evidence) -> OwnAccount:
    """Return Cognito's answer about the user (GetUser), who must be the one that the token names.

    Raises:
        CognitoMFAError: Cognito did not answer, or named another user.
    """
    account = evidence.account or user_api.own_account(evidence.access_token)
    if account.sub != evidence.person.sub:
        raise BadReply("GetUser", reason=BadReplyReason.ANOTHER_USER)
    return account
