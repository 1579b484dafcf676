"""What a sign-in at Cognito's own pages proves: whether a code was asked for, and answered.

Nothing here believes a row of ours. The ground is the claim ``amr`` of a token that the pool signed, or
what Cognito says at that moment: to the holder of the access token about its user, and about the pool.
What our rows know can only take a proof away.

Without ``amr`` Cognito is asked after the sign-in, and what it says then must have been so when the
password was typed. That is why the sign-in must be of this minute, and why the authenticator must have been
seen before it: switched on before and switched on after, it was switched on in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from cognito_mfa.authenticator.transitions import SWITCHED_ON
from cognito_mfa.cognito import admin_api, user_api
from cognito_mfa.cognito.types import EMAIL_OTP, SMS_MFA, SOFTWARE_TOKEN_MFA, OwnAccount, Person
from cognito_mfa.exceptions import BadReply, BadReplyReason
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.values.clocks import SKEW, seconds_since
from cognito_mfa.values.secret_text import SecretText

FRESH = 60.0  # seconds from the sign-in at Cognito until the person is here, by redirects alone

LAST = 2**53  # seconds; what is later cannot be reckoned with
FACTORS = (SOFTWARE_TOKEN_MFA, SMS_MFA, EMAIL_OTP)  # that managed login asks for


class Doubt(Enum):
    """Why a sign-in proves nothing."""

    NO_TIME = "the token does not say when"
    EARLIER = "an authenticator was set up, changed or reset since"
    NO_CODE = "its amr says that no code was answered"
    STALE = "it is no sign-in of just now: a cookie of managed login, or a refresh token"
    DEVICE = "Cognito may have spared a remembered device the code"
    LINKED = "an identity provider may have let the person in, which asks for no code of Cognito's"
    UNTOLD = "no ID token came with it, which would say whether a provider was used"
    NOT_SEEN = "no authenticator was known here before it"
    OFF = "Cognito would not have asked for a code"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is at hand about one sign-in.

    Attributes:
        access_token: whose signature was checked.
        person: whom it speaks for, with the claims of tokens that the pool signed, and of no others.
        providers: that the ID token names; None without an ID token.
        account: what Cognito said to the holder of the token, where it was asked already.
        sent_at: when this browser was sent to sign in, in seconds since the epoch; None when nobody knows.
    """

    access_token: SecretText
    person: Person
    providers: tuple[str, ...] | None = None
    account: OwnAccount | None = None
    sent_at: float | None = None


def auth_time(person: Person) -> float | None:
    """Return when the person signed in at Cognito; None for a time that cannot be."""
    at = person.claims.get("auth_time")
    if type(at) is not int or not 0 <= at < LAST or seconds_since(at) is None:
        return None
    return float(at)


def is_fresh(at: float) -> bool:
    """Tell whether a sign-in at ``at`` is the one that led here, and none that was open still."""
    ago = seconds_since(at)
    return ago is not None and ago <= FRESH + SKEW


def doubt(evidence: Evidence, identity: CognitoIdentity, *, everyone: bool) -> Doubt | None:
    """Return why the sign-in proves nothing, or None when it is a proof.

    Args:
        evidence: what is at hand.
        identity: of the person.
        everyone: the pool is said to require MFA, and must say so now; else it is the person's own
            authenticator that must make Cognito ask.

    Raises:
        CognitoMFAError: Cognito was asked, and did not say.
    """
    at = auth_time(evidence.person)
    if at is None:
        return Doubt.NO_TIME
    found = _doubt(evidence, identity, at, everyone=everyone)
    return Doubt.STALE if found is not None and not is_fresh(at) else found


def _doubt(
    evidence: Evidence, identity: CognitoIdentity, at: float, *, everyone: bool
) -> Doubt | None:
    if _changed_since(identity, at, evidence.sent_at):
        return Doubt.EARLIER
    methods = evidence.person.claims.get("amr")
    if methods is not None:
        return None if _says_mfa(methods) else Doubt.NO_CODE
    return _doubt_without_amr(evidence, identity, at, everyone=everyone)


def _doubt_without_amr(
    evidence: Evidence, identity: CognitoIdentity, at: float, *, everyone: bool
) -> Doubt | None:
    if not is_fresh(at):
        return Doubt.STALE
    if "device_key" in evidence.person.claims:
        return Doubt.DEVICE
    if evidence.providers is None:
        return Doubt.UNTOLD
    if evidence.providers:
        return Doubt.LINKED
    return _not_asked_of_all(evidence) if everyone else _not_asked(evidence, identity)


def _says_mfa(methods: object) -> bool:
    """Tell whether ``amr`` says that Cognito asked for a second factor.

    With "fed" in it, it is the word of an identity provider (AcrMapping); about those FEDERATED decides.
    """
    return isinstance(methods, list) and "mfa" in methods and "fed" not in methods


def _changed_since(identity: CognitoIdentity, at: float, sent_at: float | None) -> bool:
    """Tell whether something happened since ``at`` that ends the proofs of older sign-ins.

    Managed login's cookie outlives a reset, and so does a way back that somebody has not followed yet. Within
    the one second that Cognito's time leaves open, whoever was sent to sign in afterwards came afterwards.
    """
    for when in _changes(identity):
        in_the_same_second = at < when < at + 1
        came_after = isinstance(sent_at, float) and sent_at >= when
        if when > at and not (in_the_same_second and came_after):
            return True
    return False


def _changes(identity: CognitoIdentity) -> list[float]:
    """Return when authenticators were set up, retired, reset, or made to count by us; seconds since the epoch."""
    tokens = identity.software_tokens.order_by().values_list("verified_at", "retired_at")
    resets = identity.resets.order_by("-pk").values_list("requested_at")[:1]
    ours = identity.events.filter(kind=MFAEvent.Kind.STATUS_CHANGED, detail=SWITCHED_ON)
    rows = (*tokens, *resets, *ours.order_by("-pk").values_list("at")[:1])
    return [when.timestamp() for row in rows for when in row if when is not None]


def _not_asked(evidence: Evidence, identity: CognitoIdentity) -> Doubt | None:
    """Ask whether this very authenticator makes Cognito ask for a code."""
    if identity.status != CognitoIdentity.Status.ENABLED or identity.software_token is None:
        return Doubt.NOT_SEEN
    account = _account(evidence)
    if account.providers:
        return Doubt.LINKED
    if SOFTWARE_TOKEN_MFA not in account.factors:
        return Doubt.OFF
    # In a pool with MFA off, people keep their factors, and are asked for none.
    return None if admin_api.pool_factors().mode in ("OPTIONAL", "ON") else Doubt.OFF


def _not_asked_of_all(evidence: Evidence) -> Doubt | None:
    """Ask whether the pool requires a code of everybody, and so of this person.

    Somebody without a factor may get tokens once before the pool demands a set-up: one page of AWS's
    documentation says so.
    """
    if admin_api.pool_factors().mode != "ON":
        return Doubt.OFF
    account = _account(evidence)
    if account.providers:
        return Doubt.LINKED
    if set(FACTORS) & set(account.factors):
        return None
    # Verified and never made preferred, it is asked for in such a pool, and is not in that list.
    return None if user_api.has_own_software_token(evidence.access_token) else Doubt.OFF


def _account(evidence: Evidence) -> OwnAccount:
    account = evidence.account or user_api.own_account(evidence.access_token)
    if account.sub != evidence.person.sub:
        raise BadReply("GetUser", reason=BadReplyReason.ANOTHER_USER)
    return account
