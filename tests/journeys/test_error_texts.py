"""Each known text of Cognito's errors at each step: what people read, whether the step stands, what the log says.

The texts are those of "Error texts" in ``docs/cognito-behavior.md``. Nothing that Cognito says is shown, unless the
site lets a trigger's words through.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from tests.visitor import Visitor

SIGN_IN = "/account/sign-in/"
NEW = "My-own-Horse-8"


class Position(NamedTuple):
    """Where a person is.

    Attributes:
        come: brings them there.
        submit: what they do there.
        operation: the call that fails.
    """

    come: Callable[[Visitor], object]
    submit: Callable[[Visitor], Any]
    operation: str


def come_to_new_password(visitor: Visitor) -> None:
    visitor.cognito.pools()[0].create_user(
        "invited", password="Temporary-1", status="FORCE_CHANGE_PASSWORD"
    )
    visitor.sign_in("invited", "Temporary-1")


def choose_password(visitor: Visitor) -> Any:
    data = {"new_password1": NEW, "new_password2": NEW}
    return visitor.post(reverse("cognito_mfa:new_password"), data)


def come_to_setup(visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.scan()


def come_to_code(visitor: Visitor) -> None:
    visitor.come_with_app()
    visitor.sign_out()
    visitor.sign_in()


POSITIONS = {
    "password": Position(lambda _visitor: None, lambda one: one.sign_in(), "InitiateAuth"),
    "new password": Position(come_to_new_password, choose_password, "RespondToAuthChallenge"),
    "setup": Position(come_to_setup, lambda one: one.confirm_setup(), "VerifySoftwareToken"),
    "end": Position(come_to_setup, lambda one: one.confirm_setup(), "RespondToAuthChallenge"),
    "code": Position(come_to_code, lambda one: one.enter_code(), "RespondToAuthChallenge"),
}


class Outcome(NamedTuple):
    """What comes of an error.

    Attributes:
        status: of the response.
        words: on the page, or on the page that a redirect leads to.
        stands: whether the step can be submitted again.
        level: of our line in the log.
        log: words in that line.
    """

    status: int
    words: str
    stands: bool
    level: int
    log: str


NO_MATCH = "Incorrect username or password"
ENDED = "is no longer valid"
TIMED_OUT = "Your sign-in timed out"
FAILED = "isn’t responding as expected"
INFO, WARNING, ERROR = logging.INFO, logging.WARNING, logging.ERROR

WRONG = Outcome(200, NO_MATCH, True, INFO, "password_refused")
PASSWORD_LOCKED = Outcome(200, NO_MATCH, True, INFO, "· locked ·")
USER_DISABLED = Outcome(200, NO_MATCH, True, INFO, "· disabled ·")
INVITED_LONG_AGO = Outcome(200, NO_MATCH, True, WARNING, "temporary_password_expired")
UNKNOWN_AT_PASSWORD = Outcome(200, NO_MATCH, True, WARNING, "· unrecognized ·")
UNCONFIRMED = Outcome(200, NO_MATCH, True, WARNING, "UserNotConfirmedException")
RISK = Outcome(403, "blocked to protect your account", False, WARNING, "Threat protection")
TRIGGER = Outcome(403, "This site’s rules", False, WARNING, "UserLambdaValidationException")
DISABLED = Outcome(403, "account is disabled", False, WARNING, "The user is disabled")
# The page on which the password is reset.
RESET = Outcome(302, "before you can sign in", True, WARNING, "PasswordResetRequired")
RESET_AT_PASSWORD = RESET._replace(log="password_refused")
NO_METHOD = Outcome(403, "no way to confirm it’s you", False, WARNING, "MFA methods")
OVER = Outcome(302, ENDED, False, INFO, "session_over")
EXPIRED = Outcome(302, TIMED_OUT, False, INFO, "timed_out")
SPENT = Outcome(302, "already completed", False, INFO, "used_already")
UNKNOWN = Outcome(302, "couldn’t complete your sign-in", False, WARNING, "unrecognized")
CHANGED = Outcome(302, "Your account was changed", False, INFO, "account_changed")
FACTOR_GONE = Outcome(302, "no longer set up for this account", False, INFO, "factor_gone")
WAF = Outcome(503, FAILED, True, ERROR, "AWS WAF")
BROKEN_TRIGGER = Outcome(503, "That didn’t work", False, ERROR, "Lambda trigger")
BROKEN_TRIGGER_AT_PASSWORD = Outcome(503, "Nothing has been lost", True, ERROR, "Lambda trigger")
SECRET = Outcome(503, FAILED, True, ERROR, "CLIENT_SECRET")
FLOW = Outcome(503, FAILED, True, ERROR, "AUTH_FLOW")
POOL = Outcome(503, FAILED, True, ERROR, "USER_POOL_ID")
APPS_OFF = Outcome(503, FAILED, True, ERROR, "Enable authenticator apps")
DELIVERY = Outcome(503, FAILED, True, ERROR, "cannot send codes")
NO_PERMISSION = Outcome(503, FAILED, True, ERROR, "is not allowed")
THROTTLED = Outcome(429, "The sign-in service is busy", True, WARNING, "quotas")
LIMITED = Outcome(429, "Too many attempts", True, WARNING, "Cognito limits the attempts")
CODES_LOCKED = Outcome(429, "Too many attempts", True, WARNING, "locked")
INTERNAL = Outcome(503, FAILED, True, WARNING, "InternalErrorException")
WRONG_CODE = Outcome(200, "didn’t work", True, INFO, "code_rejected")
USED_CODE = Outcome(200, "already used this code", True, INFO, "code_rejected")
NEW_ENTRY = "If you’re asked for a code, setup worked"


def at_the_end(outcome: Outcome) -> Outcome:
    """Return the same at the end of a setup: the app is confirmed, and cannot be confirmed again."""
    return outcome._replace(words=NEW_ENTRY, stands=False)


NA, IP = "NotAuthorizedException", "InvalidParameterException"
LATER = ("new password", "setup", "end", "code")


def everywhere(outcome: Outcome, **others: Outcome) -> dict[str, Outcome]:
    """Return the same outcome for all steps after the password, unless ``others`` names one."""
    return {step: others.get(step.replace(" ", "_"), outcome) for step in LATER}


TEXTS: list[tuple[str, str, dict[str, Outcome]]] = [
    (NA, "Incorrect username or password.", {"password": WRONG, **everywhere(UNKNOWN)}),
    ("UserNotFoundException", "User does not exist.", {"password": WRONG, **everywhere(CHANGED)}),
    (NA, "Password attempts exceeded", {"password": PASSWORD_LOCKED, **everywhere(CODES_LOCKED, end=at_the_end(CODES_LOCKED))}),
    (NA, "User is disabled.", {"password": USER_DISABLED, **everywhere(DISABLED)}),
    (NA, "Temporary password has expired and must be reset by an administrator.", {"password": INVITED_LONG_AGO}),
    (NA, "User account has expired, it must be reset by an administrator.", {"password": INVITED_LONG_AGO}),
    (NA, "Unable to login because of security reasons.", {"password": RISK._replace(stands=True), **everywhere(RISK)}),
    (NA, "Request not allowed due to security reasons.", {"password": RISK._replace(stands=True), **everywhere(RISK)}),
    (NA, "Something that nobody has reported yet.", {"password": UNKNOWN_AT_PASSWORD, **everywhere(UNKNOWN)}),
    (NA, "Invalid session for the user.", everywhere(OVER)),
    (NA, "Invalid session for the user, session is expired.", everywhere(EXPIRED)),
    (NA, "Invalid session for the user, session can only be used once.", everywhere(SPENT)),
    (NA, "Too many invalid credentials attempts. User temporarily locked. Please try again after few seconds.", everywhere(CODES_LOCKED, end=at_the_end(CODES_LOCKED))),
    (NA, "User temporarily locked. Try again soon", everywhere(CODES_LOCKED, end=at_the_end(CODES_LOCKED))),
    (NA, "Unable to verify secret hash for client abc", {"password": SECRET, **everywhere(SECRET, end=at_the_end(SECRET))}),
    (NA, "SecretHash does not match for the client: abc", {"password": SECRET}),
    (NA, "Client abc is configured for secret but secret was not received", {"password": SECRET}),
    (NA, "Client abc is configured with secret but SECRET_HASH was not received", {"password": SECRET}),
    (IP, "App client abc is not configured for secret but secret hash was received", {"password": SECRET}),
    (IP, "USER_PASSWORD_AUTH flow not enabled for this client", {"password": FLOW}),
    (IP, "Auth flow not enabled for this client", {"password": FLOW}),
    (IP, "Initiate Auth method not supported.", {"password": FLOW}),
    (IP, "1 validation error detected: Value 'a b' at 'username' failed to satisfy constraint: x", {"password": WRONG._replace(log="· form ·")}),
    ("UserNotConfirmedException", "User is not confirmed.", {"password": UNCONFIRMED, **everywhere(CHANGED)}),
    ("PasswordResetRequiredException", "Password reset required for the user", {"password": RESET_AT_PASSWORD, **everywhere(RESET)}),
    ("UserLambdaValidationException", "PreAuthentication failed with error Your subscription ended..", {"password": TRIGGER._replace(stands=True), **everywhere(TRIGGER)}),
    ("UnexpectedLambdaException", "PreAuthentication invocation failed due to error AccessDeniedException.", {"password": BROKEN_TRIGGER_AT_PASSWORD, **everywhere(BROKEN_TRIGGER, end=at_the_end(BROKEN_TRIGGER), setup=BROKEN_TRIGGER._replace(words=NEW_ENTRY))}),
    ("InvalidLambdaResponseException", "Unrecognizable lambda output", {"password": BROKEN_TRIGGER_AT_PASSWORD, "code": BROKEN_TRIGGER}),
    ("ForbiddenException", "Request not allowed due to WAF block.", {"password": WAF, **everywhere(WAF, end=at_the_end(WAF))}),
    ("TooManyRequestsException", "Too many requests", {"password": THROTTLED, **everywhere(THROTTLED, end=at_the_end(THROTTLED))}),
    ("TooManyRequestsException", "Rate exceeded", {"password": THROTTLED}),
    ("LimitExceededException", "Attempt limit exceeded, please try after some time.", {"password": LIMITED, "code": LIMITED}),
    ("MFAMethodNotFoundException", "x", {"password": NO_METHOD._replace(stands=True), "code": NO_METHOD, "new password": NO_METHOD}),
    ("SoftwareTokenMFANotFoundException", "Software Token MFA has not been enabled by the userPool", {"code": FACTOR_GONE, "setup": APPS_OFF}),
    ("InvalidSmsRoleAccessPolicyException", "x", {"password": DELIVERY}),
    ("CodeDeliveryFailureException", "x", {"password": DELIVERY}),
    ("ResourceNotFoundException", "User pool client abc does not exist.", {"password": POOL, "code": POOL, "setup": POOL}),
    ("AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized to perform: cognito-idp:AdminInitiateAuth", {"password": NO_PERMISSION}),
    (NA, "User: arn:aws:iam::1:user/x is not authorized to perform: cognito-idp:AdminInitiateAuth", {"password": NO_PERMISSION, "code": NO_PERMISSION}),
    ("InternalErrorException", "oh", {"password": INTERNAL, "code": INTERNAL, "new password": INTERNAL}),
    ("CodeMismatchException", "Invalid code received for user", {"code": WRONG_CODE}),
    ("ExpiredCodeException", "Your software token has already been used once.", {"code": USED_CODE}),
    ("EnableSoftwareTokenMFAException", "Code mismatch", {"setup": WRONG_CODE}),
    ("ConcurrentModificationException", "x", {"setup": Outcome(302, "started twice", False, INFO, "started_twice")}),
]  # fmt: skip
TRIES = [
    pytest.param(name, error, text, outcome, id=f"{name}-{error.removesuffix('Exception')}-{text[:40]}")
    for error, text, outcomes in TEXTS
    for name, outcome in outcomes.items()
]  # fmt: skip


def words_of(visitor: Visitor, response: Any) -> str:
    """Return the page, or that to which the answer leads."""
    return visitor.text(visitor.get(response.url) if response.status_code == 302 else response)


@pytest.mark.parametrize(("name", "error", "text", "outcome"), TRIES)
def test_the_truth_for_each_cause(
    pool: LocalPool,
    visitor: Visitor,
    caplog: pytest.LogCaptureFixture,
    name: str,
    error: str,
    text: str,
    outcome: Outcome,
) -> None:
    """aws-amplify/amplify-js#1234, #1182, #9844, #10079, #11260, aws/aws-sdk-js#4642, aws-amplify/amplify-ui#4960."""
    position = POSITIONS[name]
    position.come(visitor)
    visitor.cognito.faults.on(position.operation, faults.Error(error, text))
    with caplog.at_level(logging.INFO, "cognito_mfa"):
        response = position.submit(visitor)

    page = words_of(visitor, response)
    assert response.answered == outcome.status
    assert outcome.words in page
    assert "arn:aws" not in page
    assert "subscription" not in page
    lines = [one for one in caplog.records if outcome.log in one.getMessage()]
    assert [one.levelno for one in lines] == [outcome.level], caplog.text
    assert text not in caplog.text or len(text) < 3  # which may quote what was typed
    assert not visitor.is_in()

    visitor.cognito.faults.clear()
    visitor.wait(60)
    again = position.submit(visitor)
    assert (again.status_code == 302 and not again.url.startswith(SIGN_IN)) is outcome.stands


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (
            "PreAuthentication failed with error Your subscription ended..",
            "Your subscription ended.",
        ),
        ("UserMigration failed with error <b>Two\nlines</b>.", "&lt;b&gt;Twolines&lt;/b&gt;"),
        ("PreAuthentication failed with error " + "x" * 2000, "x" * 300 + "<"),
        ("Something else", "This site’s rules"),
    ],
    ids=["sentence", "markup", "long", "no trigger"],
)
def test_a_site_may_let_a_triggers_own_words_through(
    pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    told: str,
    shown: str,
) -> None:
    """aws-amplify/amplify-ui#4960: the words reached no one, and nothing was logged."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "TRIGGER_MESSAGES": True}
    fault = faults.Error("UserLambdaValidationException", told)
    visitor.cognito.faults.on("InitiateAuth", fault)
    page = visitor.sign_in().content.decode()
    assert shown in page
    assert "failed with error" not in page
    assert "subscription" not in caplog.text  # our log has the request's id, and no words


def test_the_log_of_a_refusal_has_operation_error_and_request(
    pool: LocalPool, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    """aws-amplify/amplify-ui#4960."""
    visitor.cognito.faults.on("InitiateAuth", faults.Error("UserLambdaValidationException", "x"))
    visitor.sign_in()
    line = next(one for one in caplog.records if "cognito_refused" in one.getMessage())
    for part in ("InitiateAuth", "UserLambdaValidationException", "request "):
        assert part in line.getMessage()


def test_the_same_advice_for_every_user_gives_nothing_away(
    pool: LocalPool, visitor: Visitor
) -> None:
    """aws/aws-sdk-js#4642: each retry prolonged a lock that nothing told of."""
    pages = []
    for error, text in (
        ("NotAuthorizedException", "Incorrect username or password."),
        ("UserNotFoundException", "User does not exist."),
        ("NotAuthorizedException", "Password attempts exceeded"),
        ("NotAuthorizedException", "User is disabled."),
        (
            "NotAuthorizedException",
            "Temporary password has expired and must be reset by an administrator.",
        ),
        ("UserNotConfirmedException", "User is not confirmed."),
    ):
        visitor.cognito.faults.clear()
        visitor.cognito.faults.on("InitiateAuth", faults.Error(error, text))
        pages.append(visitor.text(visitor.sign_in()))
    assert len(set(pages)) == 1
    assert "wait 15 minutes" in pages[0]
    assert "ask your site administrator for a new invitation" in pages[0]
