"""The steps of a sign-in: each function sends one answer of the user to Cognito, and says which
step comes next; views turn that into pages.

Every function here may talk to Cognito, so none is called on a GET.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from cognito_mfa.authenticator import (
    code_attempts,
    identity_lookup,
    recovery,
    recovery_codes,
    transitions,
    username_reuse,
    wrong_code_alerts,
)
from cognito_mfa.authenticator.identity_lookup import ChallengedUser
from cognito_mfa.cognito import admin_api, claims, user_api
from cognito_mfa.cognito.types import (
    CODE_PARAMETERS,
    MFA_SETUP,
    NEW_PASSWORD_REQUIRED,
    NOTHING,
    SELECT_MFA_TYPE,
    SOFTWARE_TOKEN_MFA,
    Challenge,
    Person,
    Tokens,
)
from cognito_mfa.enforcement import policy
from cognito_mfa.exceptions import (
    AccountActionNeeded,
    AttributesRejected,
    BadCredentials,
    BadReply,
    BadReplyReason,
    ChallengeLost,
    ChallengeLostReason,
    ChallengeNotSupported,
    CognitoMFAError,
    ConfirmationNeeded,
    LinkRefusedReason,
    Refused,
    RefusedReason,
    RemovalNotAllowed,
    TokenRejected,
    UserGone,
)
from cognito_mfa.models import CognitoIdentity, identity_of
from cognito_mfa.monitoring import log_events
from cognito_mfa.sign_in import (
    completion,
    enrollment,
    linking,
    password_change,
    removal,
    sign_out_elsewhere,
    vetoes,
)
from cognito_mfa.sign_in.caller import caller_of
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.factor_snapshot import Snapshot
from cognito_mfa.sign_in.linking import Consent
from cognito_mfa.sign_in.pending import (
    CHANGES,
    PendingSignIn,
    Purpose,
    Step,
    clear_pending,
    subject_of,
)
from cognito_mfa.values.secret_text import SecretText

logger = logging.getLogger(__name__)

REJECTED_HINT = "Compare the attribute's constraints in the user pool's schema."

Status = CognitoIdentity.Status
Unconfirmed = CognitoIdentity.Unconfirmed


def start_sign_in(
    request: HttpRequest,
    kept: PendingSignIn,
    *,
    username: str,
    password: SecretText,
    next_url: str = "",
    purpose: Purpose = Purpose.SIGN_IN,
    is_switching_user: bool = False,
) -> Outcome:
    """Send the password, and take whatever step Cognito wants next.

    Args:
        request: the one that carries the password.
        kept: this browser's pending sign-in, which this one replaces.
        username: as typed; an alias is fine.
        password: as typed.
        next_url: where to go afterwards; validated when it is used.
        purpose: what the user signs in for.
        is_switching_user: the user said that they are not the one who is signed in.

    Raises:
        CognitoMFAError: see ``user_api.start_sign_in``; nothing is pending then.
    """
    clear_pending(request)
    wrong_code_alerts.forget_entered_here(request)
    own = identity_of(request.user) if purpose in CHANGES else None
    snapshot, known = (Snapshot.of(own), None) if own else Snapshot.take(username)
    try:
        vetoes.check(request, username)
        reply = user_api.start_sign_in(username, password, caller=caller_of(request))
    except (BadCredentials, AccountActionNeeded, Refused) as error:
        _record_rejected_password(request, username, error)
        raise
    if own is None and recovery.is_possible() and _finish_recovery(reply):
        # What Cognito asks for has changed. Again before the password: what happens while it answers must count.
        snapshot, known = Snapshot.take(username)
        reply = user_api.start_sign_in(username, password, caller=caller_of(request))
    pending = replace(
        _resume_setup(kept, username),
        username=username,
        next_url=next_url,
        purpose=purpose,
        is_switching_user=is_switching_user,
        snapshot=snapshot,
    )
    if own is not None:
        pending = _bind_to(pending, own)
    if isinstance(reply, Tokens) and purpose is not Purpose.REMOVE:
        pending, reply = _handle_missing_challenge(request, pending, reply, password)
        known = None  # that may have changed them
    if isinstance(reply, Challenge) and own is None:
        # Who typed an alias is found by the pool's own name only now. What changed since the snapshot is noticed
        # before the code is sent.
        if known is None or reply.username != username:
            known = identity_lookup.all_of_username(reply.username)
        pending = replace(pending, snapshot=pending.required_snapshot.narrow(known))
    outcome = _next_step(request, pending, reply, rows=known)
    # Last: where a call above failed, Django sends no cookie, and the browser would lose its session.
    # A session that was never saved has no key yet that an attacker may know.
    if request.session.session_key:
        request.session.cycle_key()
    return outcome


def _finish_recovery(reply: Challenge | Tokens) -> bool:
    """Finish the reset that the user began with a recovery code, if it was interrupted; return whether it was done.

    SECURITY: a challenge contains only a name, which a former user may have had. The reset is about the ``sub`` that
    asked for it, and changes nothing for another user.
    """
    identity = (
        identity_lookup.by_sub(claims.read_person(reply).sub)
        if isinstance(reply, Tokens)
        else identity_lookup.by_username(reply.username)
    )
    return identity is not None and recovery.finish_interrupted(identity)


def _resume_setup(kept: PendingSignIn, username: str) -> PendingSignIn:
    """Return what an interrupted setup of ``username`` in this browser leaves to the next try."""
    if kept.username != username:
        return PendingSignIn()
    return PendingSignIn(
        friendly_name=kept.friendly_name,
        unconfirmed=kept.unconfirmed,
        earlier_secrets=kept.shown_secrets,
    )


def set_new_password(
    request: HttpRequest,
    pending: PendingSignIn,
    *,
    password: SecretText,
    attributes: dict[str, str],
) -> Outcome:
    """Answer NEW_PASSWORD_REQUIRED.

    Args:
        request: the one that carries the password.
        pending: this browser's pending sign-in.
        password: the new one, as typed.
        attributes: values of what the pool requires, by Cognito's names.

    Raises:
        PasswordRejected: the pool's policy refuses it; the same page may try again.
        AttributesRejected: Cognito refuses a value; likewise.
    """
    _check_current(request, pending, Step.NEW_PASSWORD)
    challenge = pending.required_challenge
    try:
        with pending.discarding_on_failure(request):
            reply = user_api.set_new_password(
                challenge, password, attributes, caller=caller_of(request)
            )
    except AttributesRejected as error:
        logger.warning("attributes_rejected: %s %s", error, REJECTED_HINT)
        if error.already_set:  # required again, the page could never be answered
            replace(pending, challenge=challenge.with_present(error.names)).save(request)
        raise
    return _next_step(request, replace(pending, chose_password=True), reply)


def choose_factor(request: HttpRequest, pending: PendingSignIn, *, factor: str) -> Outcome:
    """Answer SELECT_MFA_TYPE with one of the factors that Cognito offered.

    Args:
        request: the one that carries the choice.
        pending: this browser's pending sign-in.
        factor: Cognito's name of it.

    Raises:
        ChallengeLost: start again.
    """
    _check_current(request, pending, Step.CHALLENGE)
    if factor not in pending.required_challenge.factors:
        raise ChallengeLost(reason=ChallengeLostReason.NOT_OFFERED)
    with pending.discarding_on_failure(request):
        reply = user_api.choose_factor(
            pending.required_challenge, factor, caller=caller_of(request)
        )
    return _next_step(request, pending, reply)


def answer_code(request: HttpRequest, pending: PendingSignIn, *, code: SecretText) -> Outcome:
    """Answer the pending challenge with ``code``.

    Args:
        request: the one that carries the code.
        pending: this browser's pending sign-in.
        code: digits only.

    Raises:
        BadCode: the challenge is still valid, so the same page may try again.
        Busy: too soon after a wrong code; Cognito was not asked.
        CodeAttemptsLocked: too many wrong codes; Cognito was not asked.
        ChallengeLost: start again.
    """
    user = subject_of(pending, _check_current(request, pending, Step.CHALLENGE))
    challenge = pending.required_challenge
    with (
        pending.discarding_on_failure(request),
        code_attempts.attempt(request, user=user, method=challenge.name) as attempt,
    ):
        reply = user_api.answer_code(challenge, code, caller=caller_of(request))
    return _next_step(request, pending, reply, passed=challenge, counted_by_name=attempt.is_by_name)


def recover(request: HttpRequest, pending: PendingSignIn, *, code: SecretText) -> bool:
    """Reset the authenticator whose code is asked for, with a recovery code.

    The sign-in is over then: the password starts a new one, which leads to the setup.

    Args:
        request: the one that carries the recovery code.
        pending: this browser's pending sign-in.
        code: in normal form.

    Returns:
        Whether Cognito confirmed it. If not, the next sign-in finishes it.

    Raises:
        BadCode: wrong or used; the same page may try again.
        Busy: too soon after a wrong code, or Cognito throttles; the recovery code is still valid.
        CodeAttemptsLocked: too many wrong codes.
        ChallengeLost: start again.
        CognitoMFAError: Cognito refused the reset; the recovery code is still valid.
    """
    rows = _check_current(request, pending, Step.CHALLENGE)
    if not (pending.offers_recovery and recovery.is_possible()):
        raise ChallengeLost(reason=ChallengeLostReason.NOT_OFFERED)
    user = subject_of(pending, rows)
    with (
        pending.discarding_on_failure(request),
        code_attempts.attempt(request, user=user, method=recovery_codes.METHOD),
    ):
        identity = _certain_identity(user)
        found = recovery_codes.check(identity, code)
        completion.check_active(found.identity)
        begun = recovery.start(found.identity, found)
    _expect_setup(request, pending)  # now: what comes next may fail, and the challenge is void
    return recovery.finish(begun)


def _certain_identity(user: ChallengedUser) -> CognitoIdentity | None:
    """Return the identity of ``user``, if it is certainly theirs.

    SECURITY: a challenge contains only a name, which may be a former user's. Their codes must not be good for the
    account of the user who has the name now, so Cognito is asked who has it.

    Raises:
        CognitoMFAError: Cognito did not say; no code was looked at.
    """
    identity = user.identity
    if identity is None or user.sub:
        return identity
    try:
        factors = admin_api.read_factors(identity.sub)
    except UserGone:
        username_reuse.retire(identity)
        return None
    return identity if factors.username == user.username else None


def _expect_setup(request: HttpRequest, pending: PendingSignIn) -> None:
    """Let the next sign-in of this browser lead to the setup; a change by a signed-in user is over."""
    following = PendingSignIn(
        purpose=Purpose.SET_UP,
        username=pending.username,
        next_url="" if pending.is_change else pending.next_url,
        is_switching_user=pending.is_switching_user,
    )
    following.save(request)


def finish_setup(
    request: HttpRequest, pending: PendingSignIn, *, code: SecretText, friendly_name: str = ""
) -> Outcome:
    """Confirm the pending secret with ``code``, and finish the sign-in.

    Args:
        request: the one that carries the code.
        pending: this browser's pending sign-in.
        code: digits only.
        friendly_name: what the user calls the device.

    Raises:
        BadCode: the same secret and page may try again.
        Busy: too soon after a wrong code; Cognito was not asked.
        CodeAttemptsLocked: too many wrong codes; Cognito was not asked.
        ChallengeLost: start again.
    """
    user = subject_of(pending, _check_current(request, pending, Step.SETUP))
    pending = replace(pending, friendly_name=friendly_name)
    reply = enrollment.verify(request, pending, user, code)
    if isinstance(reply, Challenge):  # one page of the documentation says a code is asked for now
        # The setup is done: what is left is a sign-in, which records it.
        rest = replace(
            pending,
            secret=NOTHING,
            earlier_secrets=(),
            purpose=Purpose.SIGN_IN,
            unconfirmed=True,
        )
        return _next_step(request, rest, reply)
    return enrollment.finish(request, pending, reply)


def change_password(
    request: HttpRequest, pending: PendingSignIn, *, previous: SecretText, proposed: SecretText
) -> Outcome:
    """Change the password of the signed-in user.

    Args:
        request: the one that carries both passwords.
        pending: this browser's pending change.
        previous: the present password, as typed.
        proposed: the new one, as typed.

    Raises:
        BadCredentials: the present password is wrong; the same page may try again.
        PasswordRejected: the pool's policy refuses the new one; likewise.
        ChallengeLost: start again.
    """
    rows = _check_current(request, pending, Step.PASSWORD_CHANGE)
    identity = next((row for row in rows if row.sub == pending.sub), None)
    if identity is None:
        raise ChallengeLost(reason=ChallengeLostReason.NOTHING_PENDING)
    removal.check_own(request, identity)
    given = {"previous": previous, "proposed": proposed}
    return password_change.finish(request, pending, identity, **given)


def confirm_link(request: HttpRequest) -> Outcome:
    """Go on where the sign-in waited for who is signed in to say that both accounts are theirs.

    Raises:
        ChallengeLost: it waited for another user, or not at all.
        LinkRefused: it cannot be linked after all.
        TokenRejected: the user is gone, disabled or signed out everywhere since.
    """
    pending = _load_pending_link(request)
    _check_still_valid(request, pending)
    tokens, passed = pending.tokens or Tokens(NOTHING), pending.challenge
    rest = replace(pending, step=Step.START, tokens=None, link_user_pk="")
    if passed is not None and passed.name == MFA_SETUP:
        return enrollment.finish(request, rest, tokens, consent=Consent.GIVEN)
    return _finish_with_tokens(
        request, replace(rest, challenge=None), tokens, passed, Consent.GIVEN
    )


def decline_link(request: HttpRequest) -> None:
    """Forget the sign-in that waited: its account is not that of who is signed in.

    Raises:
        ChallengeLost: it waited for another user, or not at all.
    """
    pending = _load_pending_link(request)
    clear_pending(request)
    linking.record_refusal(person_to_link(pending), request.user, LinkRefusedReason.DECLINED)


def discard_foreign_link(request: HttpRequest) -> None:
    """Forget a sign-in that waits for another user than is signed in, or for tokens that say nothing here."""
    pending = PendingSignIn.load(request)
    if pending is None or pending.step is not Step.LINK:
        return
    try:
        person = person_to_link(pending)
    except CognitoMFAError:  # of another pool than the settings name by now
        clear_pending(request)
        return
    if not pending.is_for(request.user):
        clear_pending(request)
        linking.record_refusal(person, request.user, LinkRefusedReason.ANOTHER_USER)


def _load_pending_link(request: HttpRequest) -> PendingSignIn:
    discard_foreign_link(request)
    pending = PendingSignIn.load(request) or PendingSignIn()
    _check_current(request, pending, Step.LINK)
    return pending


def _check_still_valid(request: HttpRequest, pending: PendingSignIn) -> None:
    """Ask Cognito whether the sign-in is still valid, which waited until the user answered.

    SECURITY: a link lasts. A user who was deleted, disabled, or signed out everywhere in between must not get one,
    and a namesake who came after them must not be taken for a deleted user.
    """
    tokens, person = pending.tokens or Tokens(NOTHING), person_to_link(pending)
    try:
        account = user_api.own_account(tokens.access)
    except TokenRejected:
        pending.discard_progress(request)
        linking.record_refusal(person, request.user, LinkRefusedReason.SIGN_IN_EXPIRED)
        raise
    if account.sub != person.sub:
        pending.discard_progress(request)
        raise BadReply("GetUser", reason=BadReplyReason.ANOTHER_USER)


def person_to_link(pending: PendingSignIn) -> Person:
    """Return the user who waits to be linked, as the tokens say; Cognito is not asked."""
    return claims.read_person(pending.tokens or Tokens(NOTHING))


def link_question(pending: PendingSignIn) -> str:
    """Return what distinguishes this question from that of a sign-in in another tab.

    SECURITY: an answer is about the accounts that the page named, and about no others.
    """
    both = f"{person_to_link(pending).sub} {pending.link_user_pk}"
    return salted_hmac("cognito_mfa.link", both, algorithm="sha256").hexdigest()


def _next_step(
    request: HttpRequest,
    pending: PendingSignIn,
    reply: Challenge | Tokens,
    *,
    passed: Challenge | None = None,
    counted_by_name: bool = False,
    rows: list[CognitoIdentity] | None = None,
) -> Outcome:
    """Take the step that ``reply`` asks for.

    Args:
        request: the one that brought the reply.
        pending: what the reply belongs to.
        reply: Cognito's.
        passed: the factor that was answered just now.
        counted_by_name: its code was counted by the username, as the ``sub`` was not known.
        rows: the identities of the name in the reply; by default they are read.
    """
    if isinstance(reply, Tokens):
        return _finish_with_tokens(request, pending, reply, passed, counted_by_name=counted_by_name)
    if reply.name == MFA_SETUP:
        if pending.purpose is Purpose.REMOVE:
            raise RemovalNotAllowed("pool")  # nothing to turn off, and the pool wants it set up
        if pending.purpose is Purpose.SIGN_OUT:  # first things first; nothing was ended
            pending = replace(pending, purpose=Purpose.SIGN_IN)
        user = subject_of(replace(pending, challenge=reply), rows)
        was_reset = transitions.was_reset_by_administrator(user.identity)
        pending = replace(pending, was_reset=was_reset)
        return enrollment.start(request, pending, reply)
    if reply.name == NEW_PASSWORD_REQUIRED:
        return _save_step(request, replace(pending, step=Step.NEW_PASSWORD, challenge=reply))
    if not _is_supported(reply):
        unknown = ChallengeNotSupported(reply.name)
        log_events.write(
            "challenge_not_supported",
            f"challenge {reply.name!r:.64}",
            cause=unknown,
            level=logging.WARNING,
        )
        raise unknown
    offered = reply.name == SOFTWARE_TOKEN_MFA and recovery.is_possible()
    pending = replace(pending, step=Step.CHALLENGE, challenge=reply, offers_recovery=offered)
    if pending.purpose is not Purpose.REPLACE:  # no setup follows
        pending = replace(pending, earlier_secrets=())
    return _save_step(request, _with_device(pending, subject_of(pending, rows)))


def _with_device(pending: PendingSignIn, user: ChallengedUser) -> PendingSignIn:
    """Return ``pending`` with the name of the device that holds the authenticator.

    Ours first, where the user is known: Cognito knows only the name given at setup, and cannot change it.
    While it is unknown which of two devices has the active authenticator, none is named.

    SECURITY: by the username alone the row may be a former user's, and what they call their phone is their own
    affair. Then Cognito's name of the authenticator must be one that was given here.
    """
    if _may_be_renamed(user):
        pending, user = _identify_renamed_device(pending, user)
    identity, told = user.identity, user.device or pending.required_challenge.friendly_name
    is_unconfirmed = identity is not None and identity.unconfirmed == Unconfirmed.SET_UP
    # Of a first setup there is no other app: since Cognito asks for a code, it was confirmed.
    is_second = is_unconfirmed and identity is not None and identity.device_name is not None
    if identity and is_second and (user.sub or _has_known_name(identity, told)):
        return replace(pending, device_name="", is_setup_unconfirmed=True)
    ours = identity.device_name if identity and user.sub else ""
    return replace(pending, device_name=ours or told, is_setup_unconfirmed=False)


def _has_known_name(identity: CognitoIdentity, told: str) -> bool:
    """Return whether ``told``, Cognito's name of the authenticator, is one that ``identity`` gave it."""
    return bool(told) and told in transitions.names_in_cognito(identity)


def _may_be_renamed(user: ChallengedUser) -> bool:
    identity = user.identity
    if user.sub or identity is None or identity.device_name in (None, "", user.device):
        return False
    return identity.device_cognito_name == user.device


def _identify_renamed_device(
    pending: PendingSignIn, user: ChallengedUser
) -> tuple[PendingSignIn, ChallengedUser]:
    """Bind ``pending`` to the user of a renamed device, if Cognito says that it is they.

    SECURITY: many users call theirs "Phone", and a former user of the same name may have, too. What they call it now
    is private. Asked only about users who renamed it; where this site may not ask, Cognito's name is shown.
    """
    identity = user.identity
    if identity is None:
        return pending, user
    try:
        factors = admin_api.read_factors(identity.sub)
    except UserGone:
        username_reuse.retire(identity)
        return pending, subject_of(pending)
    except CognitoMFAError as error:  # no AWS credentials, or no reply: then it is unknown
        logger.info("device_not_named: user %s, %s", identity.user_id, error)
        return pending, user
    if factors.username != user.username:
        return pending, user
    return replace(pending, sub=identity.sub), replace(user, sub=identity.sub)


def _is_supported(challenge: Challenge) -> bool:
    if challenge.name == SELECT_MFA_TYPE:
        return any(factor in CODE_PARAMETERS for factor in challenge.factors)
    return challenge.name in CODE_PARAMETERS


def _save_step(request: HttpRequest, pending: PendingSignIn) -> Outcome:
    pending.save(request)
    return Outcome(pending.step, pending.next_url)


def _finish_with_tokens(
    request: HttpRequest,
    pending: PendingSignIn,
    tokens: Tokens,
    passed: Challenge | None,
    consent: Consent = Consent.UNASKED,
    *,
    counted_by_name: bool = True,
) -> Outcome:
    """Sign in, or lead into the setup.

    Tokens alone say nothing about MFA: in a pool where it is optional, a password is enough for them.

    Args:
        request: the one that brought the tokens.
        pending: what they belong to.
        tokens: Cognito's.
        passed: the factor that was answered for them.
        consent: what the user said about also being the one who is signed in in this browser.
        counted_by_name: its code may have been counted by the username.
    """
    pending.discard_progress(
        request
    )  # Cognito has used up its session string, whatever happens now
    person = claims.read_person(tokens, username=passed.told_username if passed else "")
    method = passed.name if passed else ""
    if passed:
        completion.check_factor_claims(person)
    if pending.is_change and linking.known(person) is None:
        raise Refused(reason=RefusedReason.ANOTHER_USER)  # a change creates no user
    try:
        with completion.marking_refusals(has_authenticator=method == SOFTWARE_TOKEN_MFA):
            identity = completion.identify(
                request, person, pending.required_snapshot, _effective_consent(pending, consent)
            )
    except ConfirmationNeeded:
        return enrollment.ask_to_link(request, replace(pending, challenge=passed), tokens)
    is_recorded = passed is not None and method == SOFTWARE_TOKEN_MFA
    if passed and counted_by_name:
        code_attempts.move_to_sub(identity.username, identity.sub)
    if passed and is_recorded:
        completion.record_use(request, identity, passed, unconfirmed=pending.unconfirmed)
    pending = _bind_to(pending, identity)
    if pending.is_change:
        return _change(request, pending, identity, tokens, method=method)
    if not passed and _wants_factor(request, pending, identity):
        was_reset = transitions.was_reset_by_administrator(identity)
        pending = replace(pending, was_reset=was_reset)
        return enrollment.start(request, pending, tokens)
    completion.complete_sign_in(request, identity, tokens, method=method, is_recorded=is_recorded)
    return Outcome(Step.DONE, pending.next_url)


def _effective_consent(pending: PendingSignIn, given: Consent) -> Consent:
    return Consent.WITHHELD if pending.is_switching_user else given


def _change(
    request: HttpRequest,
    pending: PendingSignIn,
    identity: CognitoIdentity,
    tokens: Tokens,
    *,
    method: str,
) -> Outcome:
    removal.check_own(request, identity)
    if pending.purpose is Purpose.SIGN_OUT:
        return sign_out_elsewhere.with_token(request, identity, tokens.access, method=method)
    if pending.purpose is Purpose.REPLACE:
        has_old = method == SOFTWARE_TOKEN_MFA or identity.software_token is not None
        return enrollment.start(request, replace(pending, has_old_app=has_old), tokens)
    if pending.purpose is Purpose.CHANGE_PASSWORD:
        return password_change.start(request, pending, tokens)
    return removal.remove(request, identity, tokens)


def _handle_missing_challenge(
    request: HttpRequest, pending: PendingSignIn, tokens: Tokens, password: SecretText
) -> tuple[PendingSignIn, Challenge | Tokens]:
    """Find out why Cognito asked a user for no code who has an authenticator, as far as we knew.

    Where policy or person want it, it is switched on again, and the sign-in starts over: a verified
    authenticator whose preference call was lost lets the password alone in.
    Else it was turned off, here or elsewhere, and that is written down.

    Returns:
        the sign-in with what is written down now as its start, and the next challenge or the tokens.
    """
    identity = identity_lookup.by_sub(claims.read_person(tokens).sub)
    if identity is None or identity.status not in (Status.ENABLED, Status.UNKNOWN):
        return pending, tokens
    if pending.required_snapshot.is_outdated_for(identity):
        raise ChallengeLost(reason=ChallengeLostReason.OVERTAKEN)
    if transitions.was_removed_or_reset(identity):
        # SECURITY: where a reset could only turn it off, the lost phone would be in charge again.
        transitions.record_expected_absence(identity)
        return _bind_to(pending, identity), tokens
    required = _wants_factor(request, pending, identity)
    if required or identity.unconfirmed in (Unconfirmed.SET_UP, Unconfirmed.SWITCH_ON):
        if user_api.prefer_software_token(tokens.access):
            transitions.record_switched_on(identity)
            reply = _retry_with_factor(request, pending.username, password)
            return _bind_to(pending, identity), reply
        if identity.software_token is None:
            identity.record_status(Status.NOT_SET_UP)
            return pending, tokens
    elsewhere = identity.unconfirmed != Unconfirmed.REMOVAL
    transitions.record_removal(request, identity, elsewhere=elsewhere)
    return _bind_to(pending, identity), tokens


def _retry_with_factor(request: HttpRequest, username: str, password: SecretText) -> Challenge:
    """Start over with the authenticator switched on.

    Args:
        request: the one that carries the password.
        username: as typed.
        password: as typed.

    Raises:
        BadReply: Cognito asks no code all the same; the password alone must not lead any further.
    """
    reply = user_api.start_sign_in(username, password, caller=caller_of(request))
    if isinstance(reply, Tokens):
        raise BadReply("InitiateAuth", reason=BadReplyReason.FACTOR_NOT_ASKED)
    return reply


def _wants_factor(request: HttpRequest, pending: PendingSignIn, identity: CognitoIdentity) -> bool:
    """Return whether this sign-in must not end without MFA."""
    if pending.purpose is Purpose.SET_UP:
        return True
    return policy.is_enforced() and policy.is_required(request, identity.user)


def _bind_to(pending: PendingSignIn, identity: CognitoIdentity) -> PendingSignIn:
    """Bind ``pending`` to the user of ``identity`` only, by the values that were read."""
    pending = replace(pending, snapshot=pending.required_snapshot.for_identity(identity))
    if not identity.in_this_pool or identity.status == Status.GONE:
        return pending
    return replace(pending, sub=identity.sub)


def _check_current(
    request: HttpRequest, pending: PendingSignIn, step: Step
) -> list[CognitoIdentity]:
    """Return the identities that ``pending`` is about, none of which has changed since it began.

    Asked before anything is sent, so that Cognito is not told a code in vain.

    Args:
        request: the one that answers the step.
        pending: this browser's pending sign-in.
        step: the one that the request answers.

    Raises:
        ChallengeLost: another step is pending, or one of the identities changed.
    """
    if pending.step is not step:
        raise ChallengeLost(reason=ChallengeLostReason.NOTHING_PENDING)
    # A challenge contains only a name, which may be a former user's.
    name = pending.challenge.username if pending.challenge and not pending.sub else ""
    snapshot = pending.required_snapshot
    rows = snapshot.identities(name)
    # A former user of that name says nothing of who has it now.
    is_new = bool(name) and all(row.status == Status.GONE for row in rows)
    if snapshot.is_outdated(rows) or (is_new and snapshot.is_outdated_for_newcomer(username=name)):
        pending.discard_progress(request)
        raise ChallengeLost(reason=ChallengeLostReason.OVERTAKEN)
    return rows


def _record_rejected_password(request: HttpRequest, username: str, error: CognitoMFAError) -> None:
    if not isinstance(error, Refused):  # which its page logs
        log_events.write("password_refused", cause=error)
    user_login_failed.send(sender=__name__, credentials={"username": username}, request=request)
