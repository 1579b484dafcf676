"""``cognito_mfa_sync`` against a Cognito that throttles, fails, resets connections and is slow, over HTTP."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from tests.factories import reading
from tests.management.sync_process import Meanwhile, start_sync
from tests.visitor import POOL_ID

pytestmark = pytest.mark.sweep

USERS, BATCH = 24, 5
THROTTLED = faults.Error("TooManyRequestsException", "Rate exceeded")
FAILED = faults.Error("InternalErrorException", "Something broke", 500)


@pytest.fixture
def subs(cognito: LocalCognito, optional_pool: LocalPool) -> dict[str, str]:
    """The subs of users by their names; some have an app, and some are gone."""
    made = {}
    for number in range(USERS):
        name = f"user-{number}"
        made[name] = optional_pool.create_user(name).sub
        if number % 3 == 0:
            optional_pool.register_software_token(name)
    for number in range(1, USERS, 8):
        cognito.client().admin_delete_user(UserPoolId=POOL_ID, Username=f"user-{number}")
    return made


def table(database: Path) -> list[Any]:
    """Return what the site knows about each user."""
    connection = sqlite3.connect(database)
    columns = "username, status, preferred_factor, unconfirmed, disabled_at, generation"
    query = (
        f"SELECT {columns}, checked_at IS NULL FROM cognito_mfa_cognitoidentity ORDER BY username"  # noqa: S608
    )
    found = connection.execute(query).fetchall()
    connection.close()
    return found


def sync(
    cognito: LocalCognito, subs: dict[str, str], database: Path, *arguments: str
) -> tuple[int, dict[str, Any]]:
    """Run it, and return the exit code and the result."""
    with cognito.serve() as server:
        process = start_sync(
            subs, server.url, database, BATCH, "--json", "--concurrency", "4", *arguments
        )
        written, _ = process.communicate()
    return process.returncode, json.loads(written)


@pytest.mark.parametrize(
    "disturbances",
    [
        pytest.param([(THROTTLED, 40)], id="throttled"),
        pytest.param([(THROTTLED, 15), (FAILED, 4), (THROTTLED, 15)], id="throttled and failing"),
        pytest.param(
            [(faults.Delay(0.5), 4), (THROTTLED, 10), (faults.Reset(executed=True), 6)],
            id="slow, throttled and cut off",
        ),
    ],
)
def test_it_ends_with_the_table_of_an_undisturbed_run(
    cognito: LocalCognito, subs: dict[str, str], tmp_path: Path, disturbances: list[Any]
) -> None:
    quiet, noisy = tmp_path / "quiet.sqlite3", tmp_path / "noisy.sqlite3"
    code, expected = sync(cognito, subs, quiet)
    assert code == 0
    cognito.forget_calls()
    for fault, times in disturbances:
        cognito.faults.on(reading(), fault, times=times, skip=3)
    cognito.faults.on("ListUsers", THROTTLED, times=4)

    code, told = sync(cognito, subs, noisy)
    assert (code, told["asked"], told["failed"], told["overtaken"]) == (0, USERS, 0, 0)
    assert (told["listed"], told["changes"]) == (expected["listed"], expected["changes"])
    assert table(noisy) == table(quiet)
    assert not cognito.faults.listed()
    undisturbed = [call for call in cognito.calls if call.operation == reading() and not call.error]
    assert len(undisturbed) <= USERS + 10


def test_what_a_user_did_while_it_was_throttled_stays(
    cognito: LocalCognito, optional_pool: LocalPool, subs: dict[str, str], tmp_path: Path
) -> None:
    """The row is another one when the answer comes; it is asked about again."""
    database = tmp_path / "site.sqlite3"

    def set_up() -> None:
        optional_pool.register_software_token("user-2")
        connection = sqlite3.connect(database)
        with connection:
            connection.execute(
                "UPDATE cognito_mfa_cognitoidentity SET status = 'ENABLED', generation = 7"
                " WHERE username = 'user-2'"
            )
        connection.close()

    cognito.faults.on(reading(), THROTTLED, times=12)
    cognito.faults.on(reading(), Meanwhile(set_up), times=1, skip=USERS - 6)
    code, _told = sync(cognito, subs, database)
    assert code == 0
    assert next(row for row in table(database) if row[0] == "user-2")[1::4][:2] == ("ENABLED", 7)
