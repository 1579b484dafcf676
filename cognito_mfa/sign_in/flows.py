"""The steps of a sign-in: each function sends a user's answer to Cognito, and returns the next step.

Other steps have their own modules: ``link_question``, ``lost_device``, ``password_reset``. ``next_step`` judges what
Cognito answered. All of them may call Cognito, so none is called on a GET.
"""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest

from cognito_mfa.authenticator import code_attempts, identity_lookup, recovery, wrong_code_alerts
from cognito_mfa.authenticator.code_attempts import Attempt
from cognito_mfa.cognito import user_api
from cognito_mfa.cognito.types import NOTHING, SOFTWARE_TOKEN_MFA, Challenge, Tokens
from cognito_mfa.exceptions import (
    AccountActionNeeded,
    AttributesRejected,
    BadCredentials,
    ChallengeLost,
    ChallengeLostReason,
    CognitoMFAError,
    Refused,
)
from cognito_mfa.models import CognitoIdentity, identity_of
from cognito_mfa.monitoring import log_events
from cognito_mfa.sign_in import (
    enrollment,
    lost_device,
    missing_challenge,
    next_step,
    password_change,
    removal,
    vetoes,
)
from cognito_mfa.sign_in.caller import caller_of
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.factor_snapshot import Snapshot
from cognito_mfa.sign_in.pending import CHANGES, PendingSignIn, Purpose, Step, clear_pending
from cognito_mfa.sign_in.subject import (
    bind_to,
    bind_to_name,
    check_current,
    expected_identity,
    read_expected,
    subject_of,
)
from cognito_mfa.values.secret_text import SecretText

logger = logging.getLogger(__name__)

REJECTED_HINT = "Compare the attribute's constraints in the user pool's schema."


def start_sign_in(
    request: HttpRequest,
    kept: PendingSignIn,
    *,
    username: str,
    password: SecretText,
    next_url: str = "",
    purpose: Purpose = Purpose.SIGN_IN,
    is_switching_user: bool = False,
    renews_key: bool = True,
) -> Outcome:
    """Send the password, and take the step that Cognito asks for next.

    Args:
        request: the one that carries the password.
        kept: this browser's pending sign-in, which this one replaces.
        username: as typed; an alias is fine.
        password: as typed.
        next_url: where to go afterwards; validated when it is used.
        purpose: what the user signs in for.
        is_switching_user: the user said that they are not the one who is signed in.
        renews_key: whether the session gets another key; else the caller must call ``renew_key``.

    Raises:
        CognitoMFAError: see ``user_api.start_sign_in``; nothing is pending then.
    """
    clear_pending(request)
    wrong_code_alerts.forget_entered_here(request)
    own = identity_of(request.user) if purpose in CHANGES else None
    snapshot, known, reply = _ask_cognito(request, own, username, password)
    pending = replace(
        _resume_setup(kept, username),
        username=username,
        next_url=next_url,
        purpose=purpose,
        is_switching_user=is_switching_user,
        snapshot=snapshot,
    )
    if own is not None:
        has_app = own.software_token is not None
        pending = replace(bind_to(pending, own), expects_code=has_app)
    if isinstance(reply, Tokens) and purpose is not Purpose.REMOVE:
        pending, reply = missing_challenge.handle(request, pending, reply, password)
        known = None  # that may have changed them
    if isinstance(reply, Challenge) and own is None:
        # A user who typed an alias is found by the pool's own name only now. What changed since the snapshot is
        # noticed before the code is sent.
        if known is None or reply.username != username:
            known = identity_lookup.all_of_username(reply.username)
        pending = bind_to_name(pending, known, reply.username)
    outcome = next_step.take(request, pending, reply, rows=known)
    if renews_key:
        renew_key(request)
    return outcome


def _ask_cognito(
    request: HttpRequest, own: CognitoIdentity | None, username: str, password: SecretText
) -> tuple[Snapshot, list[CognitoIdentity] | None, Challenge | Tokens]:
    """Send the password.

    Args:
        request: the one that carries it.
        own: the identity of a user who changes something; None at a sign-in.
        username: as typed.
        password: likewise.

    Returns:
        What was known of the user before, the identities of the name as far as they were read, and Cognito's reply.
    """
    snapshot, known = (Snapshot.of(own), None) if own else Snapshot.take(username)
    reply = _send_password(request, username, password)
    if own is None and recovery.is_possible() and lost_device.finish_interrupted(reply):
        # What Cognito asks for has changed. Again before the password: what happens while it answers must count.
        snapshot, known = Snapshot.take(username)
        reply = user_api.start_sign_in(username, password, caller=caller_of(request))
    return snapshot, known, reply


def renew_key(request: HttpRequest) -> None:
    """Give the session another key than the one that an attacker may know.

    Call it last: where a call to Cognito failed, Django sends no cookie, and the browser would lose its session.
    """
    if request.session.session_key:  # one that was never saved has none yet
        request.session.cycle_key()


def _send_password(request: HttpRequest, username: str, password: SecretText) -> Challenge | Tokens:
    """Return Cognito's answer to the password, unless the site has a veto; a refusal is recorded."""
    try:
        vetoes.check(request, username)
        return user_api.start_sign_in(username, password, caller=caller_of(request))
    except (BadCredentials, AccountActionNeeded, Refused) as error:
        _record_rejected_password(request, username, error)
        raise


def _resume_setup(kept: PendingSignIn, username: str) -> PendingSignIn:
    """Return the earlier secrets of an interrupted setup of ``username`` in this browser."""
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
    check_current(request, pending, Step.NEW_PASSWORD)
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
    return next_step.take(request, pending, reply)


def choose_factor(request: HttpRequest, pending: PendingSignIn, *, factor: str) -> Outcome:
    """Answer SELECT_MFA_TYPE with one of the factors that Cognito offered.

    Args:
        request: the one that carries the choice.
        pending: this browser's pending sign-in.
        factor: Cognito's name of it.

    Raises:
        ChallengeLost: start again.
    """
    check_current(request, pending, Step.CHALLENGE)
    if factor not in pending.required_challenge.factors:
        raise ChallengeLost(reason=ChallengeLostReason.NOT_OFFERED)
    with pending.discarding_on_failure(request):
        reply = user_api.choose_factor(
            pending.required_challenge, factor, caller=caller_of(request)
        )
    return next_step.take(request, pending, reply)


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
    sending = _attempt(request, pending)
    challenge = pending.required_challenge
    with pending.discarding_on_failure(request), sending as attempt:
        reply = user_api.answer_code(challenge, code, caller=caller_of(request))
    return next_step.take(
        request, pending, reply, passed=challenge, counted_by_name=attempt.is_by_name
    )


def _attempt(request: HttpRequest, pending: PendingSignIn) -> AbstractContextManager[Attempt]:
    """Return what counts an attempt at the pending challenge, unless a change ended the sign-in.

    At most sign-ins, nothing has changed and nothing is counted, which takes one statement. Else it is read what is so.

    Raises:
        ChallengeLost: start again; nothing is to be sent.
    """
    expected = expected_identity(pending)
    counted = code_attempts.count_expected(expected) if expected else None
    if expected and counted:
        whose = partial(read_expected, pending, expected)
        return code_attempts.sending(
            request, counted, whose=whose, method=pending.required_challenge.name
        )
    user = subject_of(pending, check_current(request, pending, Step.CHALLENGE))
    return code_attempts.attempt(request, user=user, method=pending.required_challenge.name)


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
    user = subject_of(pending, check_current(request, pending, Step.SETUP))
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
        return next_step.take(request, rest, reply)
    return enrollment.finish(request, pending, reply)


def confirm_password_change(
    request: HttpRequest,
    kept: PendingSignIn,
    *,
    username: str,
    password: SecretText,
    code: SecretText = NOTHING,
) -> Outcome:
    """Send the password, and the code of the user's authenticator app if Cognito asks for it.

    Args:
        request: the one that carries both, and the new password. It goes on, so the session keeps its key.
        kept: this browser's pending sign-in, which the change replaces.
        username: the user's.
        password: the present one, as typed.
        code: digits only; empty where none was asked for.

    Returns:
        ``PASSWORD_CHANGE``, or the step of another challenge.

    Raises:
        BadCredentials: the password is wrong.
        BadCode: the code is; nothing is pending, as after every other error.
    """
    outcome = start_sign_in(
        request,
        kept,
        username=username,
        password=password,
        purpose=Purpose.CHANGE_PASSWORD,
        renews_key=False,
    )
    try:
        return _answer_with_app(request, code) or outcome
    except CognitoMFAError:
        clear_pending(request)
        raise


def _answer_with_app(request: HttpRequest, code: SecretText) -> Outcome | None:
    """Answer the pending challenge with a code of the app; None if it asks for something else."""
    pending = PendingSignIn.load(request)
    if not code or pending is None or pending.challenge is None:
        return None
    if SOFTWARE_TOKEN_MFA in pending.challenge.factors:  # of SELECT_MFA_TYPE
        choose_factor(request, pending, factor=SOFTWARE_TOKEN_MFA)
        return _answer_with_app(request, code)
    if pending.challenge.name != SOFTWARE_TOKEN_MFA:
        return None
    return answer_code(request, pending, code=code)


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
    rows = check_current(request, pending, Step.PASSWORD_CHANGE)
    identity = next((row for row in rows if row.sub == pending.sub), None)
    if identity is None:
        raise ChallengeLost(reason=ChallengeLostReason.NOTHING_PENDING)
    removal.check_own(request, identity)
    given = {"previous": previous, "proposed": proposed}
    return password_change.finish(request, pending, identity, **given)


def _record_rejected_password(request: HttpRequest, username: str, error: CognitoMFAError) -> None:
    if not isinstance(error, Refused):  # which its page logs
        log_events.write("password_refused", cause=error)
    user_login_failed.send(sender=__name__, credentials={"username": username}, request=request)
