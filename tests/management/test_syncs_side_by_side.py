"""Syncs that run at the same time on PostgreSQL: each in a process of its own, over the same users."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken, SyncRun
from tests.management.sync_process import CREDENTIALS
from tests.visitor import CLIENT_ID, POOL_ID

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.skipif(
        connection.vendor != "postgresql",
        reason="needs PostgreSQL: SQLite has one writer at a time",
    ),
    pytest.mark.django_db(transaction=True),
]

USERS = 300
SYNC = """
import sys
from django.conf import settings
pool_id, client_id, url, *arguments = sys.argv[1:]
settings.COGNITO_MFA = {"USER_POOL_ID": pool_id, "CLIENT_ID": client_id, "ENDPOINT_URL": url}
import django
django.setup()
from django.core.management import execute_from_command_line
from cognito_mfa.pool_sync import synchronization
synchronization.BATCH = 20
execute_from_command_line(["manage.py", "cognito_mfa_sync", "--rate", "1000", "--json", "--skip-checks", *arguments])
"""


@pytest.fixture
def url(cognito: LocalCognito, optional_pool: LocalPool) -> Iterator[str]:
    """The address of a Cognito in which most users are not as the site believes."""
    people, rows = [], []
    for number in range(USERS):
        name = f"user-{number}"
        person = optional_pool.create_user(name)
        if number % 3 == 0:
            optional_pool.register_software_token(name)
        if number % 7 == 0:
            person.enabled = False
        people.append(User(username=name))
        status = "ENABLED" if number % 2 else "UNKNOWN"
        rows.append(CognitoIdentity(pool_id=POOL_ID, sub=person.sub, username=name, status=status))
        if number % 5 == 0:
            cognito.client().admin_delete_user(UserPoolId=POOL_ID, Username=person.sub)
    for user, linked in zip(User.objects.bulk_create(people), rows, strict=True):
        linked.user = user
    SoftwareToken.objects.bulk_create(
        SoftwareToken(identity=row, friendly_name="Phone")
        for row in CognitoIdentity.objects.bulk_create(rows)
        if row.status == "ENABLED"
    )
    cognito.forget_calls()
    with cognito.serve() as server:
        yield server.url


def start(url: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a sync of the database of this test."""
    given = connection.settings_dict
    address = f"{given['USER']}:{given['PASSWORD']}@{given['HOST']}:{given['PORT']}"
    return subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", SYNC, POOL_ID, CLIENT_ID, url, *arguments],
        env={
            **os.environ,
            **CREDENTIALS,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": f"postgres://{address}/{given['NAME']}",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def table() -> dict[str, tuple[Any, ...]]:
    """Return what the site knows about each user, but for when it was checked."""
    columns = ("status", "preferred_factor", "unconfirmed", "generation")
    rows = CognitoIdentity.objects.order_by("pk").values_list("username", *columns, "disabled_at")
    return {name: (*known, disabled_at is not None) for name, *known, disabled_at in rows}


def expected(number: int) -> tuple[Any, ...]:
    """Return what is true of the user with this number after one sync."""
    had_app, is_gone, is_set_up = number % 2, number % 5 == 0, number % 3 == 0
    is_disabled = number % 7 == 0 and not is_gone
    status = "GONE" if is_gone else "ENABLED" if is_set_up else "NOT_SET_UP"
    ends = is_gone or (had_app and not is_set_up)
    preferred = "SOFTWARE_TOKEN_MFA" if is_set_up and not is_gone else ""
    return status, preferred, "", int(ends) + is_disabled, is_disabled


@pytest.mark.parametrize(
    "runs",
    [
        pytest.param([(), ()], id="two"),
        pytest.param([(), ("--resume",)], id="one continues"),
        pytest.param([(), ("--shard", "1/2"), ("--shard", "2/2")], id="beside shards"),
    ],
)
def test_all_end_well_and_nothing_is_recorded_twice(url: str, runs: list[tuple[str, ...]]) -> None:
    processes = [start(url, *arguments) for arguments in runs]
    for process in processes:
        written, told = process.communicate()
        assert process.returncode == 0, told
        assert json.loads(written)["complete"], told
        assert "deadlock" not in told
    wrong = {
        name: (found, expected(int(name.partition("-")[2])))
        for name, found in table().items()
        if found != expected(int(name.partition("-")[2]))
    }
    assert wrong == {}
    for number in range(USERS):
        events = MFAEvent.objects.filter(username=f"user-{number}")
        details = list(events.values_list("kind", "detail"))
        assert len(details) == len(set(details)), number
    active = SoftwareToken.objects.active().filter(identity__status__in=("GONE", "NOT_SET_UP"))
    assert not active.exists()
    assert not SyncRun.objects.filter(finished_at=None).exists()
    assert not CognitoIdentity.objects.filter(checked_at=None).exists()
