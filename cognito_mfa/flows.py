"""What happens in each step of a sign-in: Cognito, then our rows, then the session, then signals.

A flow tells a whole step in one place and says which step comes next; views turn that into pages.
Only a GET-free path leads here: every function below may talk to Cognito.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import NamedTuple

from django.contrib.auth import login
from django.contrib.auth.signals import user_login_failed
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from cognito_mfa import gateway as cognito
from cognito_mfa import linking, pending, policy, proof, signals
from cognito_mfa.exceptions import (
    AccountActionNeeded,
    BadCode,
    BadCredentials,
    BadReply,
    ChallengeLost,
    ChallengeNotSupported,
    CognitoMFAError,
    Refused,
    Unavailable,
)
from cognito_mfa.gateway import Challenge, Person, Tokens, get_gateway
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken
from cognito_mfa.pending import PendingSignIn, Step

logger = logging.getLogger(__name__)

BACKEND = "cognito_mfa.backends.CognitoBackend"
Status = CognitoIdentity.Status


class Outcome(NamedTuple):
    """Which step comes next, and where the person wanted to go; still to be validated."""

    step: Step
    next_url: str


# --------------------------------------------------------------------------------------- sign-in


@sensitive_variables()
def start_sign_in(
    request: HttpRequest, *, username: str, password: str, next_url: str = ""
) -> Outcome:
    """Send the password, and take whatever step Cognito wants next.

    Raises:
        CognitoMFAError: see ``CognitoGateway.start_sign_in``; nothing is pending then.
    """
    kept = PendingSignIn.load(request)
    pending.clear(request)
    try:
        reply = get_gateway().start_sign_in(username, password)
    except (BadCredentials, AccountActionNeeded) as error:
        _password_refused(request, username, error)
        raise
    # A set-up that broke off restarts with the name that was typed for the device.
    name = kept.friendly_name if kept and kept.username == username else ""
    begun = PendingSignIn(username=username, next_url=next_url, friendly_name=name)
    request.session.cycle_key()
    if isinstance(reply, Tokens) and (
        again := _switched_on_again(request, reply, username, password)
    ):
        reply = again
    return _go_on(request, begun, reply)


@sensitive_variables()
def set_new_password(request: HttpRequest, *, password: str, attributes: dict[str, str]) -> Outcome:
    """Answer NEW_PASSWORD_REQUIRED.

    Raises:
        PasswordRejected: the pool's policy refuses it; the step stands.
    """
    begun, challenge = _pending_challenge(request, Step.NEW_PASSWORD)
    with _StartingAgain(request, begun):
        reply = get_gateway().set_new_password(challenge, password, attributes)
    return _go_on(request, begun, reply)


def choose_factor(request: HttpRequest, *, factor: str) -> Outcome:
    """Answer SELECT_MFA_TYPE with one of the factors that Cognito offered."""
    begun, challenge = _pending_challenge(request, Step.CHALLENGE)
    if factor not in challenge.factors:
        raise ChallengeLost("choose_factor", "NotOffered")
    with _StartingAgain(request, begun):
        reply = get_gateway().choose_factor(challenge, factor)
    return _go_on(request, begun, reply)


@sensitive_variables()
def answer_code(request: HttpRequest, *, code: str) -> Outcome:
    """Answer the pending challenge with ``code``, six digits already checked.

    Raises:
        BadCode: the challenge stands, the same page may try again.
        ChallengeLost: start again.
    """
    begun, challenge = _pending_challenge(request, Step.CHALLENGE)
    try:
        with _StartingAgain(request, begun):
            reply = get_gateway().answer_code(challenge, code)
    except BadCode:
        _code_refused(request, challenge.username, challenge.name)
        raise
    return _go_on(request, begun, reply, passed=challenge)


def device_name(challenge: Challenge) -> str:
    """Return what the person calls the device that holds the authenticator.

    Ours first: Cognito knows only the name given at set-up, and cannot change it (facts §4).
    """
    identity = _identity_named(challenge.username)
    token = identity.software_token if identity else None
    return token.friendly_name if token and token.friendly_name else challenge.friendly_name


def _identity_named(username: str) -> CognitoIdentity | None:
    pool_id = get_gateway().conf.USER_POOL_ID
    return CognitoIdentity.objects.filter(pool_id=pool_id, username=username).first()


def _go_on(
    request: HttpRequest,
    begun: PendingSignIn,
    reply: Challenge | Tokens,
    *,
    passed: Challenge | None = None,
) -> Outcome:
    """Take the step that ``reply`` asks for; ``passed`` is the second factor answered just now."""
    if isinstance(reply, Tokens):
        return _with_tokens(request, begun, reply, passed)
    if reply.name == cognito.MFA_SETUP:
        return _begin_setup(request, begun, reply)
    if reply.name == cognito.NEW_PASSWORD_REQUIRED:
        return _wait_for(request, replace(begun, step=Step.NEW_PASSWORD, challenge=reply))
    answerable = reply.name in cognito.CODE_KEYS or (
        reply.name == cognito.SELECT_MFA_TYPE and _choices(reply)
    )
    if not answerable:
        logger.warning("challenge_not_supported: Cognito asked for %.64r", reply.name)
        raise ChallengeNotSupported("sign-in", reply.name)
    return _wait_for(request, replace(begun, step=Step.CHALLENGE, challenge=reply))


def _choices(challenge: Challenge) -> list[str]:
    return [factor for factor in challenge.factors if factor in cognito.CODE_KEYS]


def _wait_for(request: HttpRequest, begun: PendingSignIn) -> Outcome:
    begun.save(request)
    return Outcome(begun.step, begun.next_url)


@sensitive_variables()
def _with_tokens(
    request: HttpRequest, begun: PendingSignIn, tokens: Tokens, passed: Challenge | None
) -> Outcome:
    """Finish, or lead into set-up: tokens alone say nothing about a second factor (facts §2.2)."""
    begun.start_again(request)  # Cognito has used up its session string, whatever happens now
    person = get_gateway().person(tokens, username=passed.username if passed else "")
    if passed:
        _agree(person.claims.get("amr"))
    identity = _identity(request, person)
    if passed is None and policy.enforced() and policy.required(request, identity.user):
        return _begin_setup(request, begun, tokens)
    if passed and passed.name == cognito.SOFTWARE_TOKEN_MFA:
        _token_used(identity, passed.friendly_name)
    _complete(request, identity, tokens, method=passed.name if passed else "")
    return Outcome(Step.DONE, begun.next_url)


def _identity(request: HttpRequest, person: Person) -> CognitoIdentity:
    identity = linking.link(person, request=request)
    if not identity.user.is_active:
        raise Refused("sign-in", "UserInactive")
    return identity


def _agree(methods: object) -> None:
    """Refuse tokens whose ``amr`` claim denies the factor just answered; most pools send none (facts §7.2)."""
    if isinstance(methods, list) and "mfa" not in methods:
        raise BadReply("tokens", "FactorNotInClaims")


@sensitive_variables()
def _switched_on_again(
    request: HttpRequest, tokens: Tokens, username: str, password: str
) -> Challenge | Tokens | None:
    """Have the person asked for a code again where Cognito forgot to.

    A verified authenticator whose preference call was lost signs in with the password alone in an
    OPTIONAL pool (security.md B-19b). Setting the preference now and starting over asks for the code.
    """
    person = get_gateway().person(tokens)
    identity = CognitoIdentity.objects.filter(
        sub=person.sub, pool_id=get_gateway().conf.USER_POOL_ID
    ).first()
    if identity is None or identity.status not in (Status.ENABLED, Status.UNKNOWN):
        return None
    if not (policy.enforced() and policy.required(request, identity.user)):
        return None
    if not get_gateway().prefer_software_token(tokens.access):
        identity.learn(Status.NOT_SET_UP)
        return None
    return get_gateway().start_sign_in(username, password)


# ---------------------------------------------------------------------------------------- set-up


@sensitive_variables()
def _begin_setup(request: HttpRequest, begun: PendingSignIn, given: Challenge | Tokens) -> Outcome:
    """Ask for a secret once; the page shows it as often as it is loaded."""
    if isinstance(given, Tokens):
        association = get_gateway().associate_software_token(access_token=given.access)
        begun = replace(
            begun, step=Step.SETUP, tokens=given, challenge=None, secret=association.secret
        )
        return _wait_for(request, begun)
    if given.factors and cognito.SOFTWARE_TOKEN_MFA not in given.factors:
        raise ChallengeNotSupported("sign-in", "MFA_SETUP without an authenticator app")
    association = get_gateway().associate_software_token(cognito_session=given.cognito_session)
    challenge = replace(given, cognito_session=association.cognito_session)
    return _wait_for(
        request,
        replace(
            begun, step=Step.SETUP, challenge=challenge, tokens=None, secret=association.secret
        ),
    )


@sensitive_variables()
def finish_setup(request: HttpRequest, *, code: str, friendly_name: str = "") -> Outcome:
    """Confirm the pending secret with ``code``, and finish the sign-in.

    Raises:
        BadCode: the same secret and page may try again.
        ChallengeLost: start again.
    """
    begun = _pending(request, Step.SETUP)
    begun = replace(begun, friendly_name=friendly_name)
    challenge, tokens = begun.challenge, begun.tokens
    try:
        with _StartingAgain(request, begun):
            session = get_gateway().verify_software_token(
                code,
                friendly_name=friendly_name,
                cognito_session=challenge.cognito_session if challenge else "",
                access_token=tokens.access if tokens else "",
            )
    except BadCode:
        _code_refused(
            request, challenge.username if challenge else begun.username, cognito.MFA_SETUP
        )
        raise
    except (Unavailable, BadReply) as error:
        if getattr(error, "sent", "unknown") != "no":
            _outcome_unknown(tokens)
        raise
    # From here on Cognito has the authenticator, whatever happens to us (facts §3.1).
    if challenge:
        return _finish_setup_challenge(request, begun, replace(challenge, cognito_session=session))
    return _set_up(request, begun, tokens or Tokens(""))


@sensitive_variables()
def _finish_setup_challenge(
    request: HttpRequest, begun: PendingSignIn, challenge: Challenge
) -> Outcome:
    with _StartingAgain(request, begun, even_if_refused=True):
        reply = get_gateway().finish_setup(challenge)
    if isinstance(reply, Challenge):  # one page of the documentation says a code is asked for now
        return _go_on(request, begun, reply)
    return _set_up(request, begun, reply, username=challenge.username)


@sensitive_variables()
def _set_up(
    request: HttpRequest, begun: PendingSignIn, tokens: Tokens, *, username: str = ""
) -> Outcome:
    begun.start_again(request)  # the secret is spent: it is never shown again
    identity = _identity(request, get_gateway().person(tokens, username=username))
    with transaction.atomic():
        token = SoftwareToken.activate(identity, friendly_name=begun.friendly_name)
        MFAEvent.objects.record(
            MFAEvent.Kind.SOFTWARE_TOKEN_VERIFIED, identity, detail=token.friendly_name
        )
        identity.learn(Status.ENABLED)
    _prefer(identity, tokens, needed=begun.challenge is None)
    signals.software_token_verified.send_robust(
        sender=CognitoIdentity, request=request, identity=identity, software_token=token
    )
    _complete(request, identity, tokens, method=cognito.SOFTWARE_TOKEN_MFA)
    return Outcome(Step.SETUP_DONE, begun.next_url)


@sensitive_variables()
def _prefer(identity: CognitoIdentity, tokens: Tokens, *, needed: bool) -> None:
    """Make the authenticator the preferred factor; ``needed`` where Cognito asks for no code without.

    In a pool that requires MFA this only makes the status readable (facts §3.5): when it fails,
    nothing is lost. After a set-up with the access token the status is in doubt until the next
    sign-in repairs it.
    """
    try:
        preferred = get_gateway().prefer_software_token(tokens.access)
    except CognitoMFAError as error:
        logger.warning("preference_not_set: %s", error)
        preferred = False
    if preferred:
        identity.learn(Status.ENABLED, preferred_factor=cognito.SOFTWARE_TOKEN_MFA)
    elif needed:
        identity.learn(Status.UNKNOWN)


def _outcome_unknown(tokens: Tokens | None) -> None:
    """Remember that a code may have been accepted; the next sign-in finds out."""
    if tokens is None:  # in session mode the next challenge tells it: a code, or a set-up
        return
    person = get_gateway().person(tokens)
    CognitoIdentity.objects.filter(sub=person.sub, pool_id=get_gateway().conf.USER_POOL_ID).update(
        status=Status.UNKNOWN, checked_at=timezone.now()
    )


# ------------------------------------------------------------------------------------- promotion


@sensitive_variables()
def _complete(
    request: HttpRequest, identity: CognitoIdentity, tokens: Tokens, *, method: str
) -> None:
    """Sign in: from a clean slate of ours, under a new session key, with a proof if there was one."""
    proof.drop_all(request.session)
    key = request.session.session_key
    login(request, identity.user, backend=BACKEND)
    if request.session.session_key == key:  # the same person again: login() keeps the key
        request.session.cycle_key()
    if method:
        proof.write(request.session, identity, method=method)
        MFAEvent.objects.record(MFAEvent.Kind.SIGNED_IN, identity, detail=method)
    logger.info("signed_in: user %s, method %s", identity.user_id, method or "none")
    signals.signed_in.send_robust(
        sender=CognitoIdentity,
        request=request,
        identity=identity,
        user=identity.user,
        method=method,
        tokens=tokens,
    )


def _token_used(identity: CognitoIdentity, friendly_name: str) -> None:
    """Note that the authenticator was used, learning of one that was set up elsewhere."""
    if not identity.software_tokens.filter(retired_at=None).update(last_used_at=timezone.now()):
        token = SoftwareToken.activate(identity, friendly_name=friendly_name[:64])
        identity.software_tokens.filter(pk=token.pk).update(last_used_at=timezone.now())
    identity.learn(Status.ENABLED, preferred_factor=cognito.SOFTWARE_TOKEN_MFA)


# --------------------------------------------------------------------------------------- refusals


class _StartingAgain:
    """Drop what is pending when Cognito no longer stands by it, or may have used it up.

    A wrong code, a rejected password, throttling, or a call that never left leave it as it is.

    Args:
        even_if_refused: for the answer after a verified set-up, where no second try is possible.
    """

    def __init__(
        self, request: HttpRequest, begun: PendingSignIn, *, even_if_refused: bool = False
    ) -> None:
        self.request, self.begun, self.always = request, begun, even_if_refused

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, CognitoMFAError) and (self.always or self._is_over(error)):
            self.begun.start_again(self.request, friendly_name=self.begun.friendly_name)

    def _is_over(self, error: CognitoMFAError) -> bool:
        if isinstance(error, Unavailable):
            return error.sent == "unknown"
        return isinstance(error, (ChallengeLost, BadReply, Refused, AccountActionNeeded))


def _pending(request: HttpRequest, step: Step) -> PendingSignIn:
    begun = PendingSignIn.load(request)
    if begun is None or begun.step is not step:
        raise ChallengeLost(step.value, "NothingPending")
    return begun


def _pending_challenge(request: HttpRequest, step: Step) -> tuple[PendingSignIn, Challenge]:
    begun = _pending(request, step)
    return begun, begun.open_challenge


def _password_refused(request: HttpRequest, username: str, error: CognitoMFAError) -> None:
    logger.info("password_refused: %s", error)
    user_login_failed.send(sender=__name__, credentials={"username": username}, request=request)


def _code_refused(request: HttpRequest, username: str, method: str) -> None:
    """Note a wrong code with the person it was meant for, when we know them."""
    identity = _identity_named(username)
    if identity is not None:
        MFAEvent.objects.record(MFAEvent.Kind.CODE_REJECTED, identity, detail=method)
    logger.info(
        "code_rejected: user %s, method %s", identity.user_id if identity else "new", method
    )
    signals.code_rejected.send_robust(
        sender=CognitoIdentity, request=request, identity=identity, method=method
    )
