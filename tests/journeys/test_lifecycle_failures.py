"""Every change of an authenticator, each of its calls, each way a call can fail: what the person
sees, what Cognito was asked, what the database says, and how the next sign-in heals it.

A change is a list of steps and the calls they make. ``EFFECTS`` says what a failing call leaves
behind; everything else follows from the kind of failure.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from pytest_django import Settings

from cognito_mfa import exceptions as ex
from cognito_mfa.cognito.clients import CONSUMING, client_for
from cognito_mfa.cognito.errors import classify
from cognito_mfa.exceptions import RefusedReason
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

SIGN_IN, DEVICE, SETUP, CHALLENGE, DONE, REPLACE, REMOVE = (
    f"/account/{path}/"
    for path in (
        "sign-in",
        "device",
        "setup",
        "challenge",
        "setup/done",
        "device/replace",
        "device/remove",
    )
)
INITIATE, RESPOND, ASSOCIATE, VERIFY, PREFER, POOL, READ = (
    "InitiateAuth",
    "RespondToAuthChallenge",
    "AssociateSoftwareToken",
    "VerifySoftwareToken",
    "SetUserMFAPreference",
    "GetUserPoolMfaConfig",
    "GetUser",
)
Step = Callable[[Visitor], Any]


class Change(NamedTuple):
    """One way through our pages.

    Attributes:
        mfa: what the pool says.
        settings: of the site.
        steps: what the person does, and where each step leads when it works.
        calls: what Cognito is asked on the way.
        lost_leads_to: where a user is sent whose step is over.
    """

    mfa: str
    settings: dict[str, Any]
    steps: list[tuple[Step, str]]
    calls: list[str]
    lost_leads_to: str


def password(visitor: Visitor) -> Any:
    return visitor.sign_in()


def password_again(visitor: Visitor) -> Any:
    return visitor.sign_in(next_url=DEVICE)


def password_for(url: str) -> Step:
    return lambda visitor: visitor.post(url, {"password": PASSWORD})


def code(visitor: Visitor) -> Any:
    return visitor.enter_code()


def new_app(visitor: Visitor) -> Any:
    visitor.scan()
    return visitor.confirm_setup(friendly_name="New phone")


CHANGES = {
    "first set-up": Change(
        "ON",
        {},
        [(password, SETUP), (new_app, DONE)],
        [INITIATE, ASSOCIATE, VERIFY, RESPOND, PREFER],
        SIGN_IN,
    ),
    "set-up with token": Change(
        "OPTIONAL",
        {},
        [(password, SETUP), (new_app, DONE)],
        [INITIATE, ASSOCIATE, VERIFY, PREFER],
        SIGN_IN,
    ),
    "replace": Change(
        "OPTIONAL",
        {},
        [(password_for(REPLACE), CHALLENGE), (code, SETUP), (new_app, DONE)],
        [INITIATE, RESPOND, ASSOCIATE, VERIFY, PREFER],
        DEVICE,
    ),
    "remove": Change(
        "OPTIONAL",
        {"REQUIRED": False, "ALLOW_REMOVE": True},
        [(password_for(REMOVE), CHALLENGE), (code, DEVICE)],
        [INITIATE, RESPOND, POOL, PREFER, READ],
        DEVICE,
    ),
    "re-authentication": Change(
        "ON",
        {},
        [(password_again, CHALLENGE), (code, DEVICE)],
        [INITIATE, RESPOND],
        SIGN_IN,
    ),
}

# What a call that failed leaves behind: "same", "done", or what is open. First where Cognito refused
# it, throttled it, or never got it; then where it was executed and the answer lost; then where it was
# lost before that, which no one can tell apart; then where the answer is rubbish.
EFFECTS: dict[tuple[str, str], tuple[str, str, str, str]] = {
    ("first set-up", VERIFY): ("same", "same", "same", "same"),  # no one here yet to be in doubt
    ("first set-up", PREFER): ("enabled", "enabled", "enabled", "enabled"),  # asked for in any case
    ("set-up with token", VERIFY): ("same", "SET_UP", "SET_UP", "SET_UP"),
    ("set-up with token", PREFER): ("SWITCH_ON", "SWITCH_ON", "SWITCH_ON", "SWITCH_ON"),
    ("replace", VERIFY): ("same", "SET_UP", "SET_UP", "SET_UP"),
    ("replace", PREFER): ("SWITCH_ON", "SWITCH_ON", "SWITCH_ON", "SWITCH_ON"),
    ("remove", PREFER): ("same", "done", "same", "same"),  # read back
    ("remove", READ): ("REMOVAL", "REMOVAL", "REMOVAL", "REMOVAL"),
}
SAME = ("same", "same", "same", "same")
# Their failure does not stop what the person does.
BEST_EFFORT = {
    ("first set-up", PREFER),
    ("set-up with token", PREFER),
    ("replace", PREFER),
    ("remove", POOL),
}
# Words on the page when no one knows what became of the step.
LOST: dict[tuple[str, str], str] = {
    ("first set-up", VERIFY): "If you’re asked for a code, setup worked",
    ("first set-up", RESPOND): "If you’re asked for a code, setup worked",
    ("set-up with token", VERIFY): "If you’re asked for a code, setup worked",
    ("replace", RESPOND): "No new app was confirmed",
    ("replace", ASSOCIATE): "No new app was confirmed",
    ("replace", VERIFY): "Keep both entries",
    ("remove", RESPOND): "Nothing has changed",
    ("remove", PREFER): "know for sure the next time you sign in",
    ("remove", READ): "know for sure the next time you sign in",
    ("re-authentication", RESPOND): "wait until your app shows the next one",
}
STANDS = "Nothing has been lost"
# Words on the page when it is certain that nothing was done.
NOT_DONE = {
    ("replace", ASSOCIATE): "Nothing has changed, and your authenticator app works as before",
    ("remove", PREFER): "Nothing has changed, and your authenticator app works as before",
}
# A call before this one used the step up, so that it cannot be sent again even when it never left.
SPENT = {
    ("first set-up", RESPOND),
    ("replace", ASSOCIATE),
    ("remove", PREFER),
    ("remove", READ),
}


def body(payload: object) -> faults.Fault:
    return faults.Body(json.dumps(payload).encode())


FAULTS: dict[str, tuple[int, faults.Fault]] = {  # and which of the four effects
    "throttled": (0, faults.Error("TooManyRequestsException", "Rate exceeded")),
    "never left": (0, faults.Unreachable()),
    "lost, executed": (1, faults.Timeout(executed=True)),
    "lost, not executed": (2, faults.Timeout(executed=False)),
    "a page": (3, faults.Body(b"<html>please log in to the wifi</html>")),
    "a page, executed": (1, faults.Body(b"<html>", executed=True)),
    "a list": (3, body([{"Status": "SUCCESS"}])),
    "a field missing": (3, body({"Session": ""})),
    "nothing": (3, faults.Body(b"")),
}
# Where a failure changed nothing, here or at Cognito, the next sign-in is as any other: it is tried after these.
ANSWERED = ("nothing", "a field missing")  # by what means "done" at this operation
HEALED = {"throttled", "lost, executed", "a page, executed", "BrandNewException"}
CALLS = [
    pytest.param(name, operation, id=f"{name}, {operation}")
    for name, change in CHANGES.items()
    for operation in change.calls
]


class Record(NamedTuple):
    """What our database says about the person; sign-ins and wrong codes left out."""

    status: str
    unconfirmed: str
    generation: int
    tokens: list[tuple[str, str]]
    events: list[str]


def record() -> Record | None:
    identity = CognitoIdentity.objects.first()
    if identity is None:
        return None
    noise = ("SIGNED_IN", "CODE_REJECTED")
    return Record(
        identity.status,
        identity.unconfirmed,
        identity.generation,
        list(identity.software_tokens.values_list("friendly_name", "retired_because")),
        list(
            MFAEvent.objects.exclude(kind__in=noise).order_by("pk").values_list("kind", flat=True)
        ),
    )


@pytest.fixture
def begin(visitor: Visitor, settings: Settings) -> Callable[[str], tuple[Change, LocalPool]]:
    """Bring the person to where the change begins."""

    def bring(name: str) -> tuple[Change, LocalPool]:
        change = CHANGES[name]
        pool = visitor.cognito.create_pool(POOL_ID, mfa=change.mfa)
        pool.create_client(CLIENT_ID)
        attributes = {"email": "n@example.com", "email_verified": "true"}
        pool.create_user("newcomer", password=PASSWORD, attributes=attributes)
        if "set-up" not in name:
            visitor.come_with_app(friendly_name="Old phone")
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, **change.settings}
        visitor.cognito.forget_calls()
        return change, pool

    return bring


def go(visitor: Visitor, change: Change) -> Any:
    """Go on until a step does not lead where it should; return the last answer."""
    for step, leads_to in change.steps:
        response = step(visitor)
        if response.status_code != 302 or not response.url.startswith(leads_to):
            return response
    return response


def asked(visitor: Visitor) -> list[str]:
    """Return what Cognito was asked, and of what may be repeated only once in a row."""
    calls: list[str] = []
    for operation in visitor.cognito.operations():
        if operation in CONSUMING or calls[-1:] != [operation]:
            calls.append(operation)
    return calls


def expected_calls(
    change: Change, operation: str, *, sent: bool, goes_on: bool, repeated: bool
) -> list[str]:
    """Return what Cognito is asked; what it did not execute, for too many requests, is sent again."""
    index = change.calls.index(operation)
    before, after = change.calls[:index], change.calls[index + 1 :]
    times = (2 if repeated and operation in CONSUMING else 1) if sent else 0
    return before + [operation] * times + (after if goes_on else [])


def check_record(before: Record | None, now: Record | None, effect: str) -> None:
    if before is None and now is not None and effect == "same":
        # The password made them known; nothing is set up.
        assert now == Record("NOT_SET_UP", "", 0, [], [])
        return
    if effect == "same":
        assert now == before
        return
    assert now is not None
    generation = before.generation if before else 0
    assert now.generation == generation + 1  # other sessions end, in doubt too
    if effect == "done":
        assert now.status == "NOT_SET_UP"
        assert now.tokens == [("Old phone", "REMOVED")]
        assert now.events[-1] == "SOFTWARE_TOKEN_REMOVED"
        return
    if effect == "enabled":
        assert now == Record("ENABLED", "", 1, [("New phone", "")], ["SOFTWARE_TOKEN_VERIFIED"])
        return
    assert (now.status, now.unconfirmed) == ("UNKNOWN", effect)
    if effect == "SWITCH_ON":
        assert now.tokens[0] == ("New phone", "")
    else:
        assert now.tokens == (before.tokens if before else [])  # neither is claimed
        assert now.events[-1] == "CHANGE_UNCONFIRMED"


def heal(visitor: Visitor, pool: LocalPool) -> None:
    """Sign in again, as Cognito then wants it; whatever was open is settled, and true."""
    visitor.cognito.faults.clear()
    visitor.sign_out()
    visitor.wait(60)
    response = visitor.sign_in()
    if response.url == CHALLENGE:
        response = visitor.enter_code(pool.code_for("newcomer"))
    elif response.url.startswith(SETUP):
        visitor.scan()
        response = visitor.confirm_setup(friendly_name="Next phone")
    assert visitor.is_in(), response
    identity, theirs = CognitoIdentity.objects.get(), pool.user("newcomer")
    ours = identity.software_token
    counts = theirs.software_token if theirs.enabled_factors or pool.state.mfa == "ON" else None
    assert identity.unconfirmed == ""
    assert identity.status == ("ENABLED" if counts else "NOT_SET_UP")
    assert (ours.cognito_name if ours else None) == (counts.friendly_name if counts else None)
    page = visitor.text(visitor.get(DEVICE))
    assert ("protected by an authenticator app" in page) is (counts is not None)


@pytest.mark.over_api
@pytest.mark.parametrize("name", CHANGES)
def test_it_works(begin: Any, visitor: Visitor, name: str) -> None:
    change, pool = begin(name)
    assert go(visitor, change).url.startswith(change.steps[-1][1])
    assert visitor.cognito.operations() == change.calls
    assert visitor.is_in()
    heal(visitor, pool)


@pytest.mark.over_api
@pytest.mark.sweep
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize(("name", "operation"), CALLS)
def test_each_call_may_fail(
    begin: Any, visitor: Visitor, name: str, operation: str, kind: str
) -> None:
    change, pool = begin(name)
    before = record()
    which, fault = FAULTS[kind]
    effect = EFFECTS.get((name, operation), SAME)[which]
    if operation == PREFER and name != "remove" and kind in ("nothing", "a field missing"):
        effect = "believed"  # there is no field in its answer: an empty one is how AWS says "done"
    visitor.cognito.faults.on(operation, fault)

    response = go(visitor, change)

    best_effort = (name, operation) in BEST_EFFORT
    read_back = (name, operation) == ("remove", PREFER) and which > 0
    assert asked(visitor) == expected_calls(
        change,
        operation,
        sent=kind != "never left",
        goes_on=(best_effort and operation != POOL) or read_back,
        repeated=kind == "throttled",
    )
    if best_effort or effect == "done":
        assert response.status_code == 302
    elif kind == "throttled":
        assert response.answered == 429
        assert "Wait" in visitor.text(response)
    else:
        assert response.answered == 503
        over = kind != "never left" or (name, operation) in SPENT
        words = LOST.get((name, operation), STANDS) if over else STANDS
        if kind == "never left" or (read_back and kind in ANSWERED):
            words = NOT_DONE.get((name, operation), words)
        assert words in visitor.text(response)
    assert "wifi" not in visitor.text(response)
    if effect != "believed":
        check_record(before, record(), effect)
    row = CodeFailures.objects.first()
    assert row is None or row.failures == 0  # none of this was a guess
    if "set-up" not in name:
        assert visitor.is_in()  # who was in stays in
    else:
        assert visitor.is_in() is best_effort
    if effect != "same" or kind in HEALED:
        heal(visitor, pool)


# What is answered where it is not a code.
CHALLENGES = {("first set-up", RESPOND): "MFA_SETUP"}


def refusals() -> list[Any]:
    """For each call one error of each class that botocore's model declares; classes by our table."""
    rows = []
    for name, change in CHANGES.items():
        for operation in change.calls:
            shapes = (
                client_for(operation).meta.service_model.operation_model(operation).error_shapes
            )
            names = sorted(str(shape.name) for shape in shapes)
            challenge = CHALLENGES.get((name, operation), "")
            kinds = {_meaning(operation, error, challenge): error for error in names}
            errors = [*kinds.values(), "BrandNewException"]
            rows += [
                pytest.param(name, operation, error, id=f"{name}, {operation}, {error}")
                for error in errors
            ]
    return rows


def _meaning(operation: str, error: str, challenge: str) -> object:
    failure = classify(operation, error, "", challenge=challenge)
    # An unconfirmed account is told differently from one whose password must be reset.
    return type(failure), failure.reason, error == "UserNotConfirmedException"


# Why Cognito refuses, and the words that say so.
REFUSED: dict[object, str] = {
    RefusedReason.TRIGGER: "This site’s rules don’t allow this sign-in",
    RefusedReason.NO_METHOD: "no way to confirm it’s you",
    RefusedReason.TAKEN: "can’t use this account",
}


def not_matched(change: Change) -> str:
    """Return what a wrong password leads to: a change asks for nothing else."""
    return (
        "Incorrect password" if change.lost_leads_to == DEVICE else "Incorrect username or password"
    )


def seen(change: Change, name: str, operation: str, error: str) -> tuple[int, str, str]:
    """Return status, where to, and words that a refusal leads to."""
    failure = classify(operation, error, "", challenge=CHALLENGES.get((name, operation), ""))
    at_password = operation == INITIATE
    over = (302, change.lost_leads_to, "")
    if isinstance(failure, ex.BadCode):
        words = "already used this code" if failure.already_used else "didn’t work"
        return over if (name, operation) in SPENT else (200, "", words)
    if error == "UserNotConfirmedException":
        return (200, "", not_matched(change)) if at_password else over
    if (name, operation) == ("remove", PREFER) and error == "InvalidParameterException":
        return (302, DEVICE, "")
    if isinstance(failure, ex.Refused):
        return (403, "", REFUSED[failure.reason])
    by_class: dict[type[ex.CognitoMFAError], tuple[int, str, str]] = {
        ex.BadCredentials: (200, "", not_matched(change)),
        ex.ChallengeLost: over,
        ex.TokenRejected: over,
        ex.PasswordRejected: over,
        ex.AccountActionNeeded: (302, "/account/password/reset/confirm/", ""),
        ex.Busy: (429, "", "Wait"),
        ex.Unavailable: (503, "", "contact support and quote reference"),
        ex.Misconfigured: (503, "", "contact support and quote reference"),
    }
    return next(by_class[kind] for kind in type(failure).__mro__ if kind in by_class)


@pytest.mark.over_api
@pytest.mark.sweep
@pytest.mark.parametrize(("name", "operation", "error"), refusals())
def test_each_call_may_be_refused(
    begin: Any, visitor: Visitor, name: str, operation: str, error: str
) -> None:
    change, pool = begin(name)
    before = record()
    status = 500 if error == "InternalErrorException" else 400
    visitor.cognito.faults.on(operation, faults.Error(error, "arn:aws:secret", status))

    response = go(visitor, change)

    best_effort = (name, operation) in BEST_EFFORT
    effect = EFFECTS.get((name, operation), SAME)[0]
    if operation == VERIFY and error == "InternalErrorException" and name != "first set-up":
        effect = "SET_UP"  # it may have failed after it was done
    read_back = (name, operation) == ("remove", PREFER) and error == "InternalErrorException"
    assert asked(visitor) == expected_calls(
        change,
        operation,
        sent=True,
        goes_on=(best_effort and operation != POOL) or read_back,
        repeated=error == "TooManyRequestsException",
    )
    page = visitor.text(response)
    assert "arn:aws" not in page
    if best_effort:
        assert response.status_code == 302
    else:
        wanted, leads_to, words = seen(change, name, operation, error)
        assert response.answered == wanted
        assert words in page
        assert getattr(response, "url", "").startswith(leads_to)
    check_record(before, record(), effect)
    rows = CodeFailures.objects.all()
    guess = (
        isinstance(classify(operation, error, ""), ex.BadCode) and (name, operation) not in SPENT
    )
    assert [row.failures for row in rows] == [int(guess)] * len(rows)
    assert visitor.is_in() is ("set-up" not in name or best_effort)
    if effect != "same" or error in HEALED:
        heal(visitor, pool)
