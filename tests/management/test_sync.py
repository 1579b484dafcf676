"""Every user's status, as Cognito has it today: what a command asks, how fast, and when it gives up."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire.messages import WireResponse
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.pool_sync.synchronization import WAIT
from tests.factories import delete_token, make, reading
from tests.management.command_line import run
from tests.management.sync_process import Meanwhile
from tests.visitor import POOL_ID, Visitor

Status = CognitoIdentity.Status
LIST = "The pool has 4 users, 1 of them not linked.\n"  # the pool's own newcomer
needs_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql",
    reason="needs PostgreSQL: a thread has no connection to a database in memory",
)


@pytest.fixture
def people(pool: LocalPool, visitor: Visitor) -> Visitor:
    """Three who are linked and of whom nothing is known here; ben alone has an authenticator in the pool."""
    for name in ("ada", "ben", "cleo"):
        make(pool, name)
    pool.register_software_token("ben")
    visitor.cognito.forget_calls()
    return visitor


def fail(person: Visitor, error: str, *, times: int | None = None) -> None:
    person.cognito.faults.on(reading(), faults.Error(error), times=times)


def statuses() -> dict[str, str]:
    return dict(CognitoIdentity.objects.values_list("username", "status"))


def test_every_user_is_asked_about(pool: LocalPool, people: Visitor) -> None:
    code, text = run("sync", "--rate", "1000")
    assert (code, text) == (
        0,
        "Checked 3 users. Changed: UNKNOWN -> ENABLED: 1, UNKNOWN -> NOT_SET_UP: 2.\n" + LIST,
    )
    assert statuses() == {
        "ada": Status.NOT_SET_UP,
        "ben": Status.ENABLED,
        "cleo": Status.NOT_SET_UP,
    }
    assert MFAEvent.objects.filter(kind="STATUS_CHANGED", actor=None).count() == 3
    assert run("sync", "--rate", "1000") == (0, "Checked 3 users. No changes.\n" + LIST)


def test_who_was_enrolled_and_is_no_longer_loses_the_proof_here(
    pool: LocalPool, visitor: Visitor
) -> None:
    make(pool, "ada")
    visitor.set_up("ada", friendly_name="Phone")
    assert visitor.is_in()
    delete_token(visitor, "ada")
    pool.state.mfa = "OPTIONAL"  # where Cognito's list says all there is
    code, text = run("sync", "--verbosity", "2")
    assert code == 0
    assert "ada: ENABLED -> NOT_SET_UP\n" in text
    assert not visitor.is_in()


def test_a_user_whom_the_pool_no_longer_has(pool: LocalPool, people: Visitor) -> None:
    del pool.state.users["cleo"]
    assert run("sync", "--rate", "1000")[0] == 0
    assert statuses()["cleo"] == Status.GONE


def test_people_of_another_pool_are_left_alone(pool: LocalPool, people: Visitor) -> None:
    CognitoIdentity.objects.filter(username="ben").update(pool_id="us-east-1_Other0000")
    assert run("sync", "--rate", "1000")[1].startswith("Checked 2 users.")
    assert statuses()["ben"] == Status.UNKNOWN


def test_a_dry_run_asks_and_writes_nothing(people: Visitor) -> None:
    before = list(CognitoIdentity.objects.values())
    expected = "Checked 3 users. Would change: UNKNOWN -> ENABLED: 1, UNKNOWN -> NOT_SET_UP: 2.\n"
    assert run("sync", "--dry-run", "--rate", "1000") == (0, expected + LIST)
    assert list(CognitoIdentity.objects.values()) == before
    assert not MFAEvent.objects.exists()


def test_a_run_goes_on_where_it_was_interrupted(pool: LocalPool, people: Visitor) -> None:
    long_ago = timezone.now() - dt.timedelta(hours=30)
    CognitoIdentity.objects.filter(username="ada").update(checked_at=long_ago)
    assert run("sync", "--limit", "2")[0] == 0
    assert statuses()["ada"] == Status.UNKNOWN, "whom nobody ever asked about comes first"
    assert run("sync", "--older-than", "24")[1].startswith("Checked 1 user.")
    assert statuses()["ada"] == Status.NOT_SET_UP
    assert run("sync", "--older-than", "24") == (0, "Checked 0 users. No changes.\n" + LIST)


def test_no_more_people_a_second_than_were_allowed(people: Visitor) -> None:
    began = time.monotonic()
    assert run("sync", "--rate", "10")[0] == 0
    assert time.monotonic() - began >= 0.2  # the first at once, two a tenth of a second each later


def test_permission_is_missing(people: Visitor) -> None:
    fail(people, "AccessDeniedException")
    people.cognito.faults.on("AdminGetUser", faults.Error("AccessDeniedException"))
    code, text = run("sync")
    assert code == 4
    assert "AccessDeniedException" in text
    assert "Add the permissions that cognito_mfa_doctor --iam-policy prints." in text
    assert set(statuses().values()) == {Status.UNKNOWN}


@pytest.fixture
def without_circuit_breaker(settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CIRCUIT_BREAKER": None}


@pytest.mark.usefixtures("without_circuit_breaker")
def test_it_gives_up_when_cognito_does_not_answer(people: Visitor, pool: LocalPool) -> None:
    for number in range(9):
        make(pool, f"person-{number}")
    fail(people, "InternalErrorException")
    code, text = run("sync", "--rate", "1000")
    assert code == 4
    assert text.count("InternalErrorException") == 1
    assert text.endswith(
        "Stopped after 10 failures in a row. Run the command again with --resume to continue."
    )


def test_subs_that_cognito_does_not_take_stop_no_other_user(people: Visitor) -> None:
    users = [User.objects.create_user(f"import-{number}") for number in range(12)]
    CognitoIdentity.objects.bulk_create(
        CognitoIdentity(
            user=user, pool_id=POOL_ID, sub=f"user {user.pk}", username=f"import-{user.pk}"
        )
        for user in users
    )
    CognitoIdentity.objects.filter(username="ada").update(checked_at=timezone.now())
    code, text = run("sync", "--rate", "1000")
    assert code == 3
    assert text.endswith("12 users could not be checked.")
    assert statuses()["ada"] == Status.NOT_SET_UP, "who comes last"


@pytest.mark.postgresql
@needs_postgresql
@pytest.mark.django_db(transaction=True)
def test_what_a_user_does_while_cognito_is_asked_stays(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    """The answer is of a moment before the person finished the setup."""
    make(optional_pool, "ada")
    visitor.cognito.faults.on(reading(), _Meanwhile(lambda: visitor.set_up("ada")), times=1)
    assert run("sync")[0] == 0
    assert statuses()["ada"] == Status.ENABLED
    assert visitor.is_in()


@pytest.mark.postgresql
@needs_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_user_who_is_deleted_while_cognito_is_asked(people: Visitor) -> None:
    delete = CognitoIdentity.objects.filter(username="ada").delete
    people.cognito.faults.on(reading(), _Meanwhile(delete), times=1)
    assert run("sync", "--rate", "1000")[0] == 0
    assert "ada" not in statuses()


class _Meanwhile(Meanwhile):
    """The same in a thread of this process, whose connections are closed."""

    def play(self, execute: faults.Execute) -> WireResponse:
        response = super().play(execute)
        connections.close_all()
        return response


def test_one_failure_among_many_is_told_at_the_end(people: Visitor) -> None:
    people.cognito.faults.on(reading(), faults.Reply({}), times=1)
    code, text = run("sync", "--rate", "1000")
    assert code == 3
    assert "Checked 2 users." in text
    assert text.endswith("1 user could not be checked.")


def test_it_waits_when_cognito_says_that_it_is_too_much(
    people: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    fail(people, "TooManyRequestsException", times=9)  # botocore asks three times
    code, text = run("sync", "--rate", "1000")
    assert (code, text.partition(".")[0]) == (0, "Checked 3 users")
    assert waits.count(WAIT) >= 9, "a second of rest, beside botocore's own waits"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--rate", "0"),
        ("--rate", "nan"),
        ("--older-than", "-1"),
        ("--older-than", "x"),
        ("--limit", "0"),
    ],
)
def test_mistakes_on_the_command_line(arguments: tuple[str, ...]) -> None:
    _code, text = run("sync", *arguments)
    assert "must be" in text


def test_one_question_about_each(people: Visitor) -> None:
    run("sync", "--rate", "1000")
    assert people.cognito.operations().count(reading()) == 3
