"""Sets up, replaces, and removes authenticator apps with the tokens of another package's sign-in."""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from cognito_mfa.authenticator import transitions
from cognito_mfa.cognito import user_api
from cognito_mfa.cognito.claims import owning_provider
from cognito_mfa.cognito.types import SOFTWARE_TOKEN_MFA, OwnAccount, Person, Tokens
from cognito_mfa.conf import SELF_SERVICE_SCOPE, get_conf
from cognito_mfa.enforcement import gate, guards, proof
from cognito_mfa.exceptions import (
    BadReply,
    BadReplyReason,
    Refused,
    RefusedReason,
    SignInAgain,
    SignInAgainReason,
)
from cognito_mfa.managed_login import evidence, judgment, tokens
from cognito_mfa.models import CognitoIdentity, identity_of
from cognito_mfa.sign_in import enrollment, linking, removal, sign_out_elsewhere
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.factor_snapshot import Snapshot
from cognito_mfa.sign_in.pending import TTL, PendingSignIn, Purpose, clear_pending
from cognito_mfa.values.clocks import seconds_since
from cognito_mfa.values.secret_text import SecretText

SETUP_MAX_AGE = TTL  # seconds from the sign-in to a first setup, as after our own sign-in

Status = CognitoIdentity.Status


def allows_setup(person: Person) -> bool:
    """Return whether the access token has the scope that every setup needs."""
    return SELF_SERVICE_SCOPE in str(person.claims.get("scope", "")).split()


def is_recent(person: Person, limit: float) -> bool:
    """Return whether the user signed in at Cognito a short time ago.

    Args:
        person: with the claims of the tokens.
        limit: seconds.
    """
    at = evidence.auth_time(person)
    ago = None if at is None else seconds_since(at)
    return ago is not None and ago <= limit


@sensitive_variables()
def start_setup(
    request: HttpRequest, *, purpose: Purpose = Purpose.SIGN_IN, next_url: str = ""
) -> Outcome:
    """Start a setup, or a change, with the session's tokens; calls Cognito.

    Args:
        request: of the user who is signed in.
        purpose: a first setup, a replacement, or a removal.
        next_url: where the user wants to go after the setup.

    Raises:
        SignInAgain: there is no token, it is too old for this, or an authenticator app works already.
        ScopeMissing: the token allows no setup; the operator must request the scope at the sign-in.
        Refused: an identity provider signs the user in, or the tokens name another user.
        BadReply: Cognito answered about another user.
    """
    kept = PendingSignIn.load(request)
    clear_pending(request)
    provided = _tokens_of_session(request)
    person, access = tokens.read_person(provided), provided.access_token
    change = purpose in (Purpose.REPLACE, Purpose.REMOVE)
    # A user without a code may sign out elsewhere too, and a recent sign-in is all that can be asked of them.
    within = SETUP_MAX_AGE if purpose is Purpose.SIGN_IN else get_conf().REAUTH_MAX_AGE
    _check_recent(request, person, within=within, with_code=change)
    account = _own_account(access, person)
    identity = _identity(request, person)
    if purpose is Purpose.SIGN_OUT:
        return sign_out_elsewhere.with_token(request, identity, access, method="")
    if purpose is Purpose.REMOVE:
        return removal.remove(request, identity, Tokens(access), signed_in_already=True)
    if not change:
        _refuse_second_setup(request, identity, account, access)
    pending = PendingSignIn(
        purpose=purpose,
        username=account.username,
        sub=identity.sub,
        next_url=next_url,
        snapshot=Snapshot.of(identity),
        signed_in_already=True,
        earlier_secrets=kept.shown_secrets if kept and kept.sub == identity.sub else (),
        has_old_app=change and identity.software_token is not None,
        was_reset=transitions.was_reset_by_administrator(identity),
    )
    return enrollment.start(request, pending, Tokens(access))


@sensitive_variables()
def _tokens_of_session(request: HttpRequest) -> tokens.ProvidedTokens:
    if proof.federated_provider(request.session.get(proof.FEDERATED_KEY), request.user):
        raise Refused(reason=RefusedReason.FEDERATED)  # as Cognito said at the sign-in
    provided = tokens.ask_provider(request)
    if provided is None:
        raise SignInAgain(reason=SignInAgainReason.NO_TOKEN)
    return provided


@sensitive_variables()
def _own_account(access_token: SecretText, person: Person) -> OwnAccount:
    account = user_api.own_account(access_token)
    if account.sub != person.sub:
        raise BadReply("GetUser", reason=BadReplyReason.ANOTHER_USER)
    _refuse_federated_users(account, person)
    return account


def _identity(request: HttpRequest, person: Person) -> CognitoIdentity:
    """Return the identity that was linked at the sign-in.

    SECURITY: no user is linked here. A sign-in may leave a token in the session without making its owner
    the session's user; that user would get an authenticator app of the token's owner.
    """
    linking.check_signed_in(person, request.user)
    identity = identity_of(request.user)
    if identity is None:  # signed in before the site used TOKEN_PROVIDER
        raise SignInAgain(reason=SignInAgainReason.TOO_OLD)
    return identity


def _refuse_federated_users(account: OwnAccount, person: Person) -> None:
    """Refuse where Cognito would never ask for a code, or we could not see whether it did."""
    if owning_provider(account.username, account.providers):
        raise Refused(reason=RefusedReason.FEDERATED)
    if account.providers and not isinstance(person.claims.get("amr"), list):
        raise Refused(reason=RefusedReason.LINKED_PROVIDER)


def _check_recent(request: HttpRequest, person: Person, *, within: float, with_code: bool) -> None:
    """Require a recent sign-in, and for a change of the authenticator a recent code as well."""
    if not is_recent(person, within):
        raise SignInAgain(reason=SignInAgainReason.TOO_OLD)
    if with_code and guards.require_recent(gate.proof_age(request, request.user)):
        raise SignInAgain(reason=SignInAgainReason.TOO_OLD)


@sensitive_variables()
def _refuse_second_setup(
    request: HttpRequest, identity: CognitoIdentity, account: OwnAccount, access_token: SecretText
) -> None:
    if _has_authenticator(request, identity, account, access_token):
        will_ask = judgment.last_doubt(request) not in judgment.ENDS_THE_SAME
        reasons = SignInAgainReason
        raise SignInAgain(reason=reasons.ALREADY_SET_UP if will_ask else reasons.PROOF_UNKNOWN)


@sensitive_variables()
def _has_authenticator(
    request: HttpRequest, identity: CognitoIdentity, account: OwnAccount, access_token: SecretText
) -> bool:
    """Return whether an authenticator app works for the user already, as far as Cognito says so.

    Where nothing is known, setting the preference answers it: the call fails without a verified
    software token, and it enables one whose preference was lost. It is not made where the app was removed
    here, because the user may no longer have the device that this would enable again.
    """
    found = SOFTWARE_TOKEN_MFA in account.factors
    may_work = identity.status in (Status.ENABLED, Status.UNKNOWN)
    if not found and may_work and not transitions.was_removed_or_reset(identity):
        found = transitions.switch_on(
            identity, partial(user_api.prefer_software_token, access_token)
        )
    if not found:
        identity.record_status(Status.NOT_SET_UP)
        return False
    if identity.software_token is None:
        transitions.reconcile(request, identity, "", unconfirmed=False)
    identity.record_status(Status.ENABLED, preferred_factor=SOFTWARE_TOKEN_MFA)
    return True
