"""The report and the purge from a shell."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import load_command_class
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa.authenticator import exemptions, reset
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import (
    CognitoIdentity,
    MFAEvent,
    MFAExemption,
    MFAReset,
    OverviewSnapshot,
    SoftwareToken,
)
from cognito_mfa.reports import overview, retention
from tests.factories import make
from tests.management.command_line import run
from tests.visitor import PASSWORD, Visitor

Status = CognitoIdentity.Status


@pytest.fixture
def people(pool: LocalPool, visitor: Visitor) -> None:
    make(pool, "root", is_staff=True, is_superuser=True)
    visitor.set_up("root")
    for name in ("ada", "bea"):
        make(pool, name).record_status(Status.NOT_SET_UP)
    until = timezone.now() + dt.timedelta(days=3)
    exemptions.grant(User.objects.get(username="bea"), until=until, reason="x", actor=None)
    Group.objects.create(name="=Group\x1b").user_set.add(*User.objects.all())


def test_a_table(people: None) -> None:
    code, text = run("report")
    lines = text.splitlines()
    assert code == 0
    assert [line.split() for line in lines[:4]] == [
        ["group", "users", "enabled", "percent", "exempt", "missing"],
        ["required", "3", "1", "33.3", "1", "1"],
        ["all", "3", "1", "33.3", "1", "1"],
        ["staff", "1", "1", "100.0", "0", "0"],
    ]
    assert lines[4].startswith(r"group =Group\x1b")
    assert "\x1b" not in text
    assert ["status", "ENABLED", "1"] in [line.split() for line in lines]
    assert sum("-" in line and line.endswith(" 1") for line in lines) == 1  # this week's setup
    assert overview.read(OverviewSnapshot.objects.get()).all_users.people == 3


def test_a_young_site_has_no_rows_of_zeros(people: None) -> None:
    lines = run("report")[1].splitlines()
    assert not [
        line for line in lines if line.endswith(" 0") and not line.startswith(("all", "staff"))
    ]
    assert "All other counts are 0." in lines
    weeks = lines[lines.index(next(line for line in lines if line.startswith("week of"))) :]
    assert len(weeks) == 2


def test_weeks_without_a_setup_are_printed_after_the_first_one(people: None) -> None:
    SoftwareToken.objects.update(verified_at=timezone.now() - dt.timedelta(weeks=3))
    lines = run("report")[1].splitlines()
    numbers = [line.split()[-1] for line in lines if line.startswith("20")]
    assert numbers == ["1", "0", "0", "0"]


def test_nothing_is_said_in_sentences(db: None) -> None:
    assert run("report") == (
        0,
        (
            "There are no active users.\n"
            "\n"
            "All counts are 0.\n"
            "\n"
            "No authenticator app was set up in the last 26 weeks.\n"
        ),
    )
    assert run("purge", "--older-than", "90") == (0, "Nothing deleted.\n")
    assert run("purge", "--older-than", "90", "--dry-run") == (0, "Nothing would be deleted.\n")


def test_csv_and_json(people: None) -> None:
    code, text = run("report", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert (code, [row["group"] for row in rows]) == (
        0,
        ["required", "all", "staff", r"group =Group\x1b"],
    )
    assert rows[0] == {
        "group": "required",
        "users": "3",
        "enabled": "1",
        "percent": "33.3",
        "exempt": "1",
        "missing": "1",
    }
    code, text = run("report", "--format", "json")
    kept = json.loads(text)
    assert (code, kept["required"]["enabled"], len(kept["weeks"])) == (0, 1, overview.WEEKS)
    assert kept == OverviewSnapshot.objects.latest().numbers


def test_it_never_asks_cognito(people: None, visitor: Visitor) -> None:
    visitor.cognito.forget_calls()
    run("report")
    assert visitor.cognito.operations() == []


def test_the_last_count_and_the_dry_run_keep_nothing(people: None, pool: LocalPool) -> None:
    assert run("report", "--last") == (1, "No figures have been saved yet.")
    assert run("report", "--dry-run")[0] == 0
    assert not OverviewSnapshot.objects.exists()
    run("report")
    make(pool, "late")
    code, text = run("report", "--last", "--format", "json")
    assert (code, json.loads(text)["all_users"]["people"]) == (0, 3)
    assert OverviewSnapshot.objects.count() == 1


@pytest.mark.parametrize(("percent", "code"), [("0", 0), ("66.6", 0), ("67", 1), ("100", 1)])
def test_a_build_can_fail_under_a_percentage(people: None, percent: str, code: int) -> None:
    found, text = run("report", "--fail-under", percent)
    assert found == code
    assert ("is below" in text) == bool(code)
    assert "required" in text


def test_without_users_every_percentage_is_reached(db: None) -> None:
    assert run("report", "--fail-under", "100")[0] == 0


def rule(_request: object) -> bool:
    return True


def test_with_a_rule_that_is_code_there_is_no_percentage(people: None, settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": rule}
    code, text = run("report")
    assert (code, "required" in text) == (0, False)
    code, text = run("report", "--fail-under", "1")
    assert (code, "is a function" in text) == (1, True)


def test_commands_load_no_library_of_aws_before_they_need_it() -> None:
    script = (
        "import sys, django; django.setup()\n"
        "from django.core.management import load_command_class\n"
        "for name in ('report', 'reset', 'exempt', 'purge'):\n"
        "    load_command_class('cognito_mfa', f'cognito_mfa_{name}').create_parser('manage.py', name)\n"
        "late = {'boto3', 'botocore', 'cognito_mfa.local'} & set(sys.modules)\n"
        "sys.exit(f'imported too early: {late}' if late else 0)\n"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)  # noqa: S603


def test_a_mistake_on_the_command_line_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["cognito_mfa_purge", "--older-than", "0"],
        ["cognito_mfa_purge"],
        ["cognito_mfa_report", "--format", "xml"],
        ["cognito_mfa_exempt", "x", "--until", "tomorrow", "--reason", "x"],
        ["cognito_mfa_reset"],
    ):
        name, *options = arguments
        with pytest.raises(SystemExit) as ended:
            load_command_class("cognito_mfa", name).run_from_argv(["manage.py", name, *options])
        assert ended.value.code == 2, (arguments, capsys.readouterr().err)


# ---------------------------------------------------------------------------------------- purge


@pytest.fixture
def past(db: None, pool: LocalPool) -> None:
    """Rows of 100 days ago and of now, open ones and closed ones."""
    ada = make(pool, "ada")
    long_ago = timezone.now() - dt.timedelta(days=100)
    tomorrow = timezone.now() + dt.timedelta(days=1)
    for _ in range(2):
        reset.request(ada, actor=None, reason="x")
        exemptions.grant(ada.user, until=tomorrow, reason="x", actor=None)
        overview.count()
        MFAReset.objects.update(finished_at=timezone.now())
    exemptions.grant(ada.user, until=tomorrow, reason="open", actor=None)
    old_reset, old_exemption = MFAReset.objects.earliest("pk"), MFAExemption.objects.earliest("pk")
    MFAReset.objects.filter(pk=old_reset.pk).update(requested_at=long_ago, finished_at=long_ago)
    MFAExemption.objects.filter(pk=old_exemption.pk).update(expires_at=long_ago)
    MFAExemption.objects.filter(reason="open").update(granted_at=long_ago)
    OverviewSnapshot.objects.update(taken_at=long_ago)
    unfinished = reset.request(ada, actor=None, reason="open")
    MFAReset.objects.filter(pk=unfinished.pk).update(requested_at=long_ago)
    MFAEvent.objects.update(at=long_ago)
    MFAEvent.objects.record(MFAEvent.Kind.RENAMED, ada)


def test_what_is_over_long_enough_is_forgotten(past: None) -> None:
    events = MFAEvent.objects.count() - 1
    told = f"MFAEvent: {events} {{0}}\nMFAReset: 1 {{0}}\nMFAExemption: 1 {{0}}\nOverviewSnapshot: 1 {{0}}\n"
    code, text = run("purge", "--older-than", "90", "--dry-run")
    assert (code, text) == (0, told.format("would be deleted"))
    assert MFAEvent.objects.count() == events + 1

    code, text = run("purge", "--older-than", "90")
    assert (code, text) == (0, told.format("deleted"))
    assert list(MFAEvent.objects.values_list("kind", flat=True)) == ["EVENTS_PURGED", "RENAMED"]
    purged = MFAEvent.objects.get(kind="EVENTS_PURGED")
    assert f"MFAEvent {events}, MFAReset 1, MFAExemption 1, OverviewSnapshot 1" in purged.detail
    assert sorted(MFAReset.objects.values_list("reason", flat=True)) == ["open", "x"]
    assert sorted(MFAExemption.objects.values_list("reason", flat=True)) == ["open", "x"]
    assert OverviewSnapshot.objects.count() == 1  # the last one, however old

    run("purge", "--older-than", "90")
    assert MFAEvent.objects.filter(kind="EVENTS_PURGED").count() == 1  # nothing done, nothing said


def test_it_deletes_in_batches(db: None, pool: LocalPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    ada = make(pool, "ada")
    for _ in range(25):
        MFAEvent.objects.record(MFAEvent.Kind.RENAMED, ada)
    MFAEvent.objects.update(at=timezone.now() - dt.timedelta(days=2))
    assert retention.purge(timezone.now() - dt.timedelta(days=1))[MFAEvent] == 25


# --------------------------------------------------------------------------------------- unlinked


@pytest.fixture
def some_unlinked(db: None, pool: LocalPool) -> None:
    make(pool, "linked")
    make(pool, "gone").record_status(CognitoIdentity.Status.GONE)
    make(pool, "moved")
    CognitoIdentity.objects.filter(username="moved").update(pool_id="us-east-1_Other0000")
    User.objects.create_user("never", email="never@example.com")
    User.objects.create_user("inactive", is_active=False)
    User.objects.create_user("root", is_superuser=True, is_staff=True)
    User.objects.create_user("\x1b[2J=x", is_staff=True)


@pytest.mark.usefixtures("some_unlinked", "visitor")
def test_who_is_not_linked() -> None:
    assert run("report", "--unlinked") == (
        0,
        (
            "gone  (linked to a user who is not in the pool)\n"
            "moved  (linked to another user pool)\n"
            "never  never@example.com\n"
            "root  (superuser)\n"
            "\\x1b[2J=x  (staff)\n"
            "5 users are not linked.\n"
        ),
    )


@pytest.mark.usefixtures("some_unlinked")
def test_who_is_not_linked_for_machines(visitor: Visitor) -> None:
    visitor.cognito.forget_calls()
    assert run("report", "--unlinked", "--format", "csv")[1].splitlines() == [
        "user,email,link,rights",
        "gone,,not in the pool,",
        "moved,,another pool,",
        "never,never@example.com,none,",
        "root,,none,superuser",
        "\\x1b[2J=x,,none,staff",
    ]
    lines = run("report", "--unlinked", "--format", "json")[1].splitlines()
    assert json.loads(lines[2]) == {
        "user": "never",
        "email": "never@example.com",
        "link": "none",
        "rights": "",
        "key": str(User.objects.get(username="never").pk),
    }
    assert visitor.cognito.operations() == []


def test_the_file_of_who_is_not_linked_is_one_that_links(
    pool: LocalPool, visitor: Visitor, tmp_path: Path
) -> None:
    """A name that a spreadsheet would run has an apostrophe in front, which is not part of it."""
    for name, email in (("=ada", "ada@example.com"), ("bob", "bob@example.com")):
        User.objects.create_user(name, email=email)
        attributes = {"email": email, "email_verified": "true"}
        pool.create_user(name.lstrip("="), password=PASSWORD, attributes=attributes)
    path = tmp_path / "people.csv"
    path.write_text(run("report", "--unlinked", "--format", "csv")[1])
    assert "'=ada" in path.read_text()
    assert run("link", "--csv", str(path), "--reason", "Rollout")[0] == 0
    linked = CognitoIdentity.objects.values_list("user__username", "username")
    assert sorted(linked) == [("=ada", "ada"), ("bob", "bob")]
