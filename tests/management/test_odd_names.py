"""Commands and the admin about users whose names are like options, keys, JSON, or one another."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.factories import delete_token
from tests.management.command_line import run
from tests.visitor import CLIENT_ID, POOL_ID, Visitor, prove

Status = CognitoIdentity.Status

IN_POOLS = [
    "-ada", "--json", "--", "None", "null", "0", "a,b;c", "\"quoted\"'s", "back\\slash", "100%", "{user}", "<b>bold</b>",
    "$HOME", "`id`", "🦊🦊", "Ada", "ada", "ADA", "ünïcödé", "=cmd|'/C'!A0", "@SUM(1)", "user@example.com",
    "3f1c9a52-7b1e-4c55-9f3e-2f6d6a1d0c11", "x" * 128, "1/2", "a:b",
]  # fmt: skip
ON_SITES = ["name with spaces", " leading", "trailing ", "two\nlines", "tab\there", "\u202eright"]


def link(name: str, sub: str, username: str) -> CognitoIdentity:
    user = User.objects.create(username=name, email="")
    return CognitoIdentity.objects.create(user=user, pool_id=POOL_ID, sub=sub, username=username)


@pytest.fixture
def pool(cognito: LocalCognito, db: None) -> LocalPool:
    """A pool that tells capitals from small letters, with users whose app only Cognito knows of."""
    pool = cognito.create_pool(POOL_ID, mfa="OPTIONAL", case_insensitive=False)
    pool.create_client(CLIENT_ID)
    for number, name in enumerate(IN_POOLS):
        sub = pool.create_user(name).sub
        if number % 2:
            pool.register_software_token(name)
        link(name, sub, name)
    for number, name in enumerate(ON_SITES):
        plain = f"plain-{number}"
        link(name, pool.create_user(plain).sub, plain)
    return pool


def result(*arguments: str) -> dict[str, Any]:
    code, text = run("sync", "--rate", "1000", "--json", *arguments)
    assert code == 0, text
    found: dict[str, Any] = json.loads(text[text.index("{") : text.rindex("}") + 1])
    return found


@pytest.mark.parametrize(
    "arguments", [(), ("--limit", "1000")], ids=["with the list", "one by one"]
)
def test_a_sync_finds_each_of_them(pool: LocalPool, arguments: tuple[str, ...]) -> None:
    told = result(*arguments)
    assert (told["asked"], told["failed"]) == (len(IN_POOLS) + len(ON_SITES), 0)
    rows = CognitoIdentity.objects.filter(username__in=IN_POOLS)
    found = dict(rows.values_list("username", "status"))
    wanted = {name: "ENABLED" if n % 2 else "NOT_SET_UP" for n, name in enumerate(IN_POOLS)}
    assert found == wanted
    assert {one["username"] for one in told["changed"]} >= set(IN_POOLS)
    assert (told.get("not_linked") or 0) == 0


def test_shards_share_them_out(pool: LocalPool) -> None:
    parts = [result("--shard", f"{number}/3")["asked"] for number in (1, 2, 3)]
    assert sum(parts) == len(IN_POOLS) + len(ON_SITES)
    assert not CognitoIdentity.objects.filter(checked_at=None).exists()


def test_each_line_of_a_sync_is_about_one_user(pool: LocalPool) -> None:
    code, text = run("sync", "--rate", "1000", "--verbosity", "2")
    assert code == 0
    lines = [line for line in text.splitlines() if "UNKNOWN -> " in line and "Checked" not in line]
    assert len(lines) == len(IN_POOLS) + len(ON_SITES)


def test_those_who_are_not_linked_are_named(pool: LocalPool) -> None:
    CognitoIdentity.objects.filter(username__in=IN_POOLS).delete()
    told = result()
    assert set(told["unlinked"]) == set(IN_POOLS)
    assert told["not_linked"] == len(IN_POOLS)


def test_reports_name_each_of_them_in_every_format(pool: LocalPool) -> None:
    names = [*IN_POOLS, *ON_SITES]
    code, text = run("report", "--preview", "--format", "json")
    assert code == 0
    assert {json.loads(line)["username"] for line in text.splitlines()} == set(names)
    code, text = run("report", "--preview")
    assert len(text.splitlines()) == len(names) + 1
    code, text = run("report", "--preview", "--format", "csv")
    cells = {row[1].removeprefix("'") for row in csv.reader(io.StringIO(text))}
    assert cells >= {name.removeprefix("'") for name in IN_POOLS}


@pytest.mark.skipif(
    not has_operation("AdminDeleteSoftwareToken"),
    reason="AdminDeleteSoftwareToken is newer than the installed botocore",
)
@pytest.mark.parametrize("name", IN_POOLS)
def test_a_reset_is_about_the_user_who_is_named(
    pool: LocalPool, cognito: LocalCognito, name: str
) -> None:
    """A name like an option comes after ``--``, as for every command."""
    options = ["--reason", "Ticket 7"]
    code, text = run("reset", *options, "--", name)
    assert code == 0, text
    called = [call for call in cognito.calls if call.operation == "AdminDeleteSoftwareToken"]
    row = CognitoIdentity.objects.get(username=name)
    assert {call.parameters["Username"] for call in called} == {row.sub}
    assert list(CognitoIdentity.objects.filter(resets__isnull=False)) == [row]


def test_a_refresh_in_the_admin_is_about_those_who_are_selected(
    pool: LocalPool, visitor: Visitor
) -> None:
    staff = User.objects.create_superuser("staff")
    own = CognitoIdentity.objects.create(
        user=staff, pool_id=POOL_ID, sub="staff", username="staff", status="ENABLED"
    )
    visitor.client.force_login(staff, backend="cognito_mfa.backends.CognitoBackend")
    prove(visitor.client, own)
    for name in IN_POOLS[1::2]:
        delete_token(visitor, name)
    rows = CognitoIdentity.objects.filter(username__in=IN_POOLS)
    url = reverse("admin:cognito_mfa_cognitoidentity_changelist")
    data = {"action": "refresh_status", "_selected_action": [row.pk for row in rows]}
    page = visitor.client.post(url, data, follow=True)
    assert page.status_code == 200
    assert set(rows.values_list("status", flat=True)) == {"NOT_SET_UP"}
    assert b"<b>bold</b>" not in page.content
