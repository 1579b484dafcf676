"""The end of every sign-in: who signed in, and a session without any earlier records of ours."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

from django.contrib.auth import login
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils import translation

from cognito_mfa import signals
from cognito_mfa.authenticator import transitions, wrong_code_alerts
from cognito_mfa.cognito.types import SOFTWARE_TOKEN_MFA, Challenge, Person, ReadableTokens, Tokens
from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import proof
from cognito_mfa.enforcement.account_state import BACKEND, own_backend
from cognito_mfa.exceptions import (
    BadReply,
    BadReplyReason,
    ChallengeLost,
    ChallengeLostReason,
    LinkRefusedReason,
    Refused,
    RefusedReason,
    SignInRefused,
)
from cognito_mfa.models import (
    FRIENDLY_NAME_LENGTH,
    LANGUAGE_LENGTH,
    CognitoIdentity,
    MFAEvent,
    identity_of,
)
from cognito_mfa.monitoring import log_events
from cognito_mfa.sign_in import (
    duplicate_submissions,
    linking,
    reset_note,
    site_code,
    user_updates,
)
from cognito_mfa.sign_in.factor_snapshot import Snapshot
from cognito_mfa.sign_in.linking import Consent
from cognito_mfa.sign_in.pending import Step


class Outcome(NamedTuple):
    """Which step comes next, and where the user wanted to go; still to be validated."""

    step: Step
    next_url: str


@contextmanager
def marking_refusals(*, has_authenticator: bool) -> Generator[None]:
    """Mark a refusal as one that leaves an authenticator app in Cognito, so that the page can say so.

    Args:
        has_authenticator: whether Cognito has accepted a code of it in this sign-in.
    """
    try:
        yield
    except Refused as error:
        error.has_authenticator = has_authenticator
        raise


def identify(
    request: HttpRequest,
    person: Person,
    snapshot: Snapshot,
    consent: Consent = Consent.UNASKED,
) -> CognitoIdentity:
    """Return the identity of ``person``, who must be active here.

    Args:
        request: the one that brought the tokens.
        person: the pool's user, from Cognito's tokens.
        snapshot: what was known when the sign-in began.
        consent: what the user said about also being the one who is signed in in this browser.

    Raises:
        ConfirmationNeeded: the user must be asked first.
        Refused: the site has no user for them, or has deactivated it.
        ChallengeLost: something changed the user's MFA since.
    """
    rows = linking.identities_of(person)
    own = linking.own_of(person, rows)
    # SECURITY: by what was read just now, whose generation the proof is going to name; before a row is made.
    if (
        snapshot.is_outdated_for(own)
        if own
        else snapshot.lacks(person.sub) or snapshot.is_outdated_for_newcomer(sub=person.sub)
    ):
        raise ChallengeLost(reason=ChallengeLostReason.OVERTAKEN)
    identity = linking.link(person, request=request, consent=consent, rows=rows)
    if identity is not own and snapshot.is_outdated_for(identity):
        raise ChallengeLost(reason=ChallengeLostReason.OVERTAKEN)
    check_active(identity)
    user_updates.apply(identity, identity.user, person, request=request)
    _remember_language(identity)  # now: what comes next may be told by mail at once
    return identity


def identify_signed_in(request: HttpRequest, person: Person, snapshot: Snapshot) -> CognitoIdentity:
    """Return the identity of the signed-in user, who must be ``person``.

    Args:
        request: of the signed-in user.
        person: the pool's user, from Cognito's tokens.
        snapshot: what was known when the setup began.

    Raises:
        Refused: another user signed in.
        ChallengeLost: something changed the user's MFA since this began.
    """
    identity = identity_of(request.user)
    wanted = (get_conf().USER_POOL_ID, person.sub)
    if identity is None or (identity.pool_id, identity.sub) != wanted:
        raise Refused(reason=RefusedReason.ANOTHER_USER)
    if snapshot.is_outdated_for(identity):
        raise ChallengeLost(reason=ChallengeLostReason.OVERTAKEN)
    return identity


def check_active(identity: CognitoIdentity) -> None:
    """Check that the site lets the user in, and record it if not.

    Raises:
        SignInRefused: it has deactivated them, or its default manager hides them, as after a soft deletion.
    """
    user = identity.user
    with linking.recording_refusals(identity):
        if not user.is_active:
            raise SignInRefused(LinkRefusedReason.INACTIVE, user_pk=user.pk)
        hidden = site_code.run(
            partial(site_code.is_hidden, user),
            reason=LinkRefusedReason.LOGIN_FAILED,
            user_pk=user.pk,
            refusal=SignInRefused,
        )
        if hidden:
            cause = "the default manager does not find the user"
            raise SignInRefused(LinkRefusedReason.INACTIVE, user_pk=user.pk, cause=cause)


def check_factor_claims(person: Person) -> None:
    """Refuse tokens whose ``amr`` claim denies the factor just answered.

    Most pools send none, so that its absence says nothing.

    Raises:
        BadReply: it names other factors only.
    """
    methods = person.claims.get("amr")
    if isinstance(methods, list) and "mfa" not in methods:
        raise BadReply(reason=BadReplyReason.FACTOR_NOT_IN_CLAIMS)


def complete_sign_in(
    request: HttpRequest,
    identity: CognitoIdentity,
    tokens: Tokens,
    *,
    method: str,
    signed_in_already: bool = False,
    is_recorded: bool = False,
) -> None:
    """Sign in, under a new session key, with a proof if MFA was passed.

    Args:
        request: whose session becomes the signed-in one.
        identity: who signs in.
        tokens: Cognito's, for the receivers of the signal; they are not kept.
        method: Cognito's name of the factor; empty without one.
        signed_in_already: by another package, whose sign-in stays as it is.
        is_recorded: ``record_use`` has just recorded that the pool lets the user in.
    """
    if not is_recorded:
        identity.record_enabled()
        if not signed_in_already and method != SOFTWARE_TOKEN_MFA:
            identity.record_sent_codes(method)
    reset_note.settle(request, identity)
    own = wrong_code_alerts.entered_here(request)
    _open_session(request, identity, signed_in_already=signed_in_already)
    if method:
        proof.write(request.session, identity, method=method)
        wrong_code_alerts.show_since_last_sign_in(request, identity, own=own)
        MFAEvent.objects.record(MFAEvent.Kind.SIGNED_IN, identity, detail=method)
    log_events.write("signed_in", user=identity.user_id, method=method or "none")
    signals.send(
        signals.signed_in,
        request=request,
        identity=identity,
        user=identity.user,
        method=method,
        tokens=ReadableTokens(tokens),
    )


def _open_session(
    request: HttpRequest, identity: CognitoIdentity, *, signed_in_already: bool
) -> None:
    """Sign in under a new session key, with nothing of ours from before."""
    # A session that the user ended from another one does not come to life again.
    sign_outs = request.session.get(proof.SIGN_OUTS_KEY)
    proof.drop_all(request.session)
    key = request.session.session_key
    if signed_in_already:
        proof.record_sign_outs(request.session, sign_outs)
    else:
        _login(request, identity)
    if request.session.session_key == key:  # the same person again: login() keeps the key
        request.session.cycle_key()
    proof.record_link(request.session, identity)


def record_use(
    request: HttpRequest, identity: CognitoIdentity, challenge: Challenge, *, unconfirmed: bool
) -> None:
    """Record that a code of the authenticator was right, which settles an earlier unknown outcome.

    Args:
        request: the one that carried the code.
        identity: whose code it was.
        challenge: what the code answered.
        unconfirmed: the setup that led here was never recorded.

    Raises:
        ChallengeLost: a reset or another change ended this sign-in since ``identity`` was read.
    """
    # Two authenticators may be in question while something is open. A row that was made just now has none.
    known, told = vars(identity).get(linking.KNOWN_APP), challenge.friendly_name
    if identity.unconfirmed or known is None or told[:FRIENDLY_NAME_LENGTH] not in ("", known):
        # A process that was killed can't have said that the setup is unconfirmed.
        lost = unconfirmed or duplicate_submissions.has_unrecorded_setup(identity.username)
        transitions.reconcile(request, identity, told, unconfirmed=lost)
    identity.record_right_code()


def _login(request: HttpRequest, identity: CognitoIdentity) -> None:
    """Make the session the user's. Django saves the user at this moment, and calls the site's receivers.

    Raises:
        SignInRefused: one of them failed; the session has no user.
    """
    user = identity.user
    try:
        with linking.recording_refusals(identity):
            site_code.run(
                partial(login, request, user, backend=own_backend() or BACKEND),
                reason=LinkRefusedReason.LOGIN_FAILED,
                user_pk=user.pk,
                refusal=SignInRefused,
                spares_sessions=True,
            )
    except SignInRefused:
        # SECURITY: Django writes the user into the session before it calls the receivers.
        request.session.flush()
        request.user = AnonymousUser()
        raise


def _remember_language(identity: CognitoIdentity) -> None:
    language = translation.get_language() or ""
    if len(language) > LANGUAGE_LENGTH:  # a code of the site's own; mails are in LANGUAGE_CODE then
        language = ""
    if identity.language != language:
        identity.language = language
        identity.save(update_fields=["language"])
