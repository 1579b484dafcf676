"""Reset and exemption from a shell: exit codes, dry runs, the admin's rules, and what a terminal gets."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa.authenticator import exemptions, reset
from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent, MFAExemption, MFAReset
from tests.factories import make
from tests.management.command_line import run
from tests.visitor import Visitor

Status = CognitoIdentity.Status
needs_delete = pytest.mark.skipif(
    not has_operation("AdminDeleteSoftwareToken"),
    reason="AdminDeleteSoftwareToken is newer than the installed botocore",
)


@pytest.fixture
def lost(pool: LocalPool, visitor: Visitor) -> Visitor:
    make(pool, "ada")
    visitor.set_up("ada", friendly_name="Lost phone")
    return visitor


def ada() -> CognitoIdentity:
    return CognitoIdentity.objects.get(username="ada")


def staff(*codes: str, **user: Any) -> User:
    person = User.objects.create_user("helpdesk", is_staff=True, **user)
    person.user_permissions.set(Permission.objects.filter(codename__in=codes))
    return person


# ---------------------------------------------------------------------------------------- reset


@needs_delete
def test_reset(pool: LocalPool, lost: Visitor) -> None:
    assert run("reset", "ada", "--reason", "Ticket 7") == (0, "Reset ada (ada in the user pool).\n")
    assert not lost.is_in()
    assert ada().status == Status.NOT_SET_UP
    event = MFAEvent.objects.get(kind="MFA_RESET")
    assert (event.reason, event.actor) == ("Ticket 7", None)
    lost.cognito.clock.advance(30)
    assert lost.sign_in("ada").url.endswith("/setup/")


@needs_delete
def test_reset_by_the_name_in_the_pool(pool: LocalPool, lost: Visitor) -> None:
    User.objects.filter(username="ada").update(username="ada.l")
    assert run("reset", "ada", "--reason", "x")[0] == 0
    assert ada().status == Status.NOT_SET_UP


@pytest.mark.parametrize("pasted", ["\u200eada", " ada\u00a0", "{sub}\u200b", "{SUB}", "{sub2010}"])
def test_people_are_found_however_their_name_was_pasted(
    pool: LocalPool, lost: Visitor, pasted: str
) -> None:
    sub = ada().sub
    name = pasted.format(sub=sub, SUB=sub.upper(), sub2010=sub.replace("-", "\u2010"))
    code, text = run("reset", name, "--reason", "x", "--dry-run")
    assert (code, text) == (0, "Would reset ada (ada in the user pool).\n")


def test_a_dry_run_changes_nothing(pool: LocalPool, lost: Visitor) -> None:
    User.objects.filter(username="ada").update(is_superuser=True)
    code, text = run("reset", "ada", "--reason", "x", "--dry-run")
    assert (code, text) == (0, "Would reset ada (ada in the user pool, a superuser).\n")
    assert lost.is_in()
    assert not MFAReset.objects.exists()
    assert lost.cognito.operations() == []


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["nobody", "--reason", "x"], 1, "No user is named nobody"),
        (["\x1b[2Jada", "--reason", "x"], 1, r"named \x1b[2Jada"),
        (["local", "--reason", "x"], 1, "has never signed in with this user pool"),
        (["elsewhere", "--reason", "x"], 1, "has never signed in with this user pool"),
        (["twin", "--reason", "x"], 1, "on this site, but user"),
        (
            ["ada", "--reason", "x", "--by", "helpdesk"],
            1,
            "does not have the permission cognito_mfa.reset_mfa",
        ),
        (["ada", "--reason", "x", "--by", "nobody"], 1, "No user is named nobody"),
        (["ada"], 2, "--reason is required"),
        (["ada", "--reason", "  "], 2, "--reason is required"),
        (["ada", "--unfinished"], 2, "Specify either USER or --unfinished"),
        (["--reason", "x"], 2, "Specify either USER or --unfinished"),
    ],
)
def test_what_it_refuses(
    pool: LocalPool, lost: Visitor, arguments: list[str], code: int, told: str
) -> None:
    User.objects.create_user("local")
    make(pool, "elsewhere")
    CognitoIdentity.objects.filter(username="elsewhere").update(pool_id="us-east-1_Other0000")
    User.objects.filter(username=make(pool, "twin").username).update(username="other")
    User.objects.create_user("twin")
    staff()
    found, text = run("reset", *arguments)
    assert (found, told in text) == (code, True), text
    assert lost.is_in()
    assert not MFAReset.objects.exists()
    assert lost.cognito.operations() == []


@needs_delete
def test_with_by_the_rules_of_the_admin_apply(pool: LocalPool, lost: Visitor) -> None:
    person = staff("reset_mfa")
    identity = CognitoIdentity.objects.filter(username="ada")
    User.objects.filter(username="ada").update(is_superuser=True)
    assert run("reset", "ada", "--reason", "x", "--by", "helpdesk")[0] == 1
    identity.update(user=person)
    assert run("reset", "helpdesk", "--reason", "x", "--by", "helpdesk")[0] == 1
    identity.update(user=User.objects.get(username="ada"))
    assert not MFAReset.objects.exists()

    User.objects.filter(username="ada").update(is_superuser=False)
    assert run("reset", "ada", "--reason", "x", "--by", "helpdesk")[0] == 0
    assert MFAEvent.objects.get(kind="MFA_RESET").actor == person


@needs_delete
@pytest.mark.parametrize(
    "fault",
    [
        faults.Error("AccessDeniedException", "arn:aws:iam::1:user/x is not authorized"),
        faults.Error("TooManyRequestsException", "Rate exceeded"),
        faults.Unreachable(),
        faults.Timeout(executed=True),
        faults.Timeout(executed=False),
    ],
    ids=["refused", "throttled", "unreachable", "lost, executed", "lost, not executed"],
)
def test_half_done_is_said_and_finished_by_the_next_run(
    pool: LocalPool, lost: Visitor, fault: faults.Fault
) -> None:
    lost.cognito.faults.on("AdminDeleteSoftwareToken", fault)
    code, text = run("reset", "ada", "--reason", "Ticket 7")
    assert code == 3
    assert "not finished" in text
    assert "--unfinished" in text
    assert ".." not in text
    assert "Reset ada" not in text
    assert "arn:aws" not in text
    assert not lost.is_in()

    assert run("reset", "--unfinished", "--dry-run") == (
        0,
        "Not finished: ada (ada in the user pool).\n",
    )
    code, text = run("reset", "--unfinished")
    assert (code, "1 reset is not finished" in text) == (3, True), text
    assert MFAReset.objects.get().finished_at is None

    lost.cognito.faults.clear()
    assert run("reset", "--unfinished") == (0, "Finished ada (ada in the user pool).\n")
    assert ada().status == Status.NOT_SET_UP
    assert run("reset", "--unfinished") == (0, "No unfinished resets.\n")


@needs_delete
def test_when_cognito_is_down_not_every_user_waits_for_it(
    pool: LocalPool, visitor: Visitor
) -> None:
    for number in range(5):
        reset.request(make(pool, f"p{number}"), actor=None, reason="x")
    visitor.cognito.faults.on("AdminDeleteSoftwareToken", faults.Error("TooManyRequestsException"))
    code, text = run("reset", "--unfinished")
    assert (code, "5 resets are not finished" in text) == (3, True), text
    assert MFAReset.objects.exclude(trouble="").count() == 3


@needs_delete
def test_one_that_fails_does_not_stop_the_others(pool: LocalPool, visitor: Visitor) -> None:
    for number in range(3):
        reset.request(make(pool, f"p{number}"), actor=None, reason="x")
    CognitoIdentity.objects.filter(username="p1").update(pool_id="us-east-1_Other0000")
    code, text = run("reset", "--unfinished")
    assert (code, "1 reset is not finished" in text) == (3, True), text
    assert "p1 (p1 in the user pool): belongs to another user pool" in text
    assert MFAReset.objects.filter(finished_at=None).count() == 1


# ------------------------------------------------------------------------------------ exemption


@pytest.fixture
def local(db: None, settings: Settings) -> Visitor:
    """A user of another backend, on a site that grants for longer than these tests will be run."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "GRANT_MAX_AGE": 99 * 366 * 86400}
    from cognito_mfa.local import LocalCognito

    visitor = Visitor(Client(), LocalCognito())
    user = User.objects.create_user("local")
    visitor.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return visitor


def test_exempt_list_and_revoke(local: Visitor) -> None:
    assert not local.is_in()
    code, text = run("exempt", "local", "--until", "2099-12-30", "--reason", "Phone in repair")
    assert (code, text) == (0, "Exempted local until 2099-12-31 00:00 CET.\n")
    assert local.is_in()
    event = MFAEvent.objects.get(kind="EXEMPTION_GRANTED")
    assert (event.username, event.reason, event.actor) == ("local", "Phone in repair", None)

    for arguments in (["--list"], ["local", "--list"]):
        code, text = run("exempt", *arguments)
        assert code == 0
        assert text.splitlines() == [
            "User   Until                 Granted by  Reason",
            "local  2099-12-31 00:00 CET  -           Phone in repair",
        ]
    told = "exemption of local until 2099-12-31 00:00 CET.\n"
    revoke = ("exempt", "local", "--revoke", "--reason", "Phone is back")
    assert run(*revoke, "--dry-run") == (0, f"Would revoke the {told}")
    assert local.is_in()
    assert run(*revoke) == (0, f"Revoked the {told}")
    assert not local.is_in()
    assert MFAEvent.objects.get(kind="EXEMPTION_REVOKED").reason == "Phone is back"
    assert run(*revoke) == (1, "local has no valid exemption.")
    assert run("exempt", "--list") == (0, "No valid exemptions.\n")


def test_a_dry_run_exempts_no_one(local: Visitor) -> None:
    code, text = run("exempt", "local", "--until", "2099-12-30", "--reason", "x", "--dry-run")
    assert (code, text) == (0, "Would exempt local until 2099-12-31 00:00 CET.\n")
    assert not MFAExemption.objects.exists()


@pytest.mark.parametrize(
    ("until", "end"),
    [
        ("2099-12-30T18:00", "2099-12-30T17:00+00:00"),
        ("2099-12-30 18:00", "2099-12-30T17:00+00:00"),
        ("2099-12-30T18:00+00:00", "2099-12-30T18:00+00:00"),
        ("2099-07-30", "2099-07-30T22:00+00:00"),
    ],
)
def test_an_end_is_a_day_or_a_moment_in_the_time_zone_of_the_site(
    local: Visitor, until: str, end: str
) -> None:
    assert run("exempt", "local", "--until", until, "--reason", "x")[0] == 0
    assert MFAExemption.objects.get().expires_at == dt.datetime.fromisoformat(end)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["nobody", "--until", "2099-12-30", "--reason", "x"], 1, "No user is named nobody"),
        (["local", "--until", "2001-01-01", "--reason", "x"], 2, "must be in the future"),
        (["local", "--until", "2099-12-30"], 2, "--reason is required."),
        (["local", "--until", "2099-12-30", "--reason", " "], 2, "--reason is required."),
        (["--revoke", "--reason", "x"], 2, "USER is required."),
        (["--revoke"], 2, "USER and --reason are required."),
        (
            ["local", "--until", "2099-12-30", "--reason", "x", "--by", "helpdesk"],
            1,
            "does not have the permission cognito_mfa.grant_exemption",
        ),
        (["helpdesk", "--until", "2099-12-30", "--reason", "x", "--by", "boss"], 0, "Exempted"),
        (["boss", "--until", "2099-12-30", "--reason", "x", "--by", "boss"], 1, "own account"),
    ],
)
def test_what_exempting_refuses(local: Visitor, arguments: list[str], code: int, told: str) -> None:
    staff()
    User.objects.create_superuser("boss")
    found, text = run("exempt", *arguments)
    assert (found, told in text) == (code, True), text
    assert MFAExemption.objects.exists() == (code == 0)


@pytest.mark.parametrize("until", ["tomorrow", "2099-13-01", "2099-02-30", "12/31/2099"])
def test_a_day_that_is_none_is_a_mistake_on_the_command_line(local: Visitor, until: str) -> None:
    code, text = run("exempt", "local", "--until", until, "--reason", "x")
    assert (code, "must look like 2030-12-31" in text) == (1, True)  # 2 from a real command line
    assert not MFAExemption.objects.exists()


def test_only_a_superuser_excuses_a_superuser(local: Visitor) -> None:
    User.objects.filter(username="local").update(is_superuser=True)
    staff("grant_exemption")
    arguments = ("exempt", "local", "--until", "2099-12-30", "--reason", "x")
    assert run(*arguments, "--by", "helpdesk")[0] == 1
    assert run(*arguments)[0] == 0  # anyone who has a shell on the server stands above the site


def test_a_list_is_harmless_in_a_terminal(db: None) -> None:
    user = User.objects.create_user("local")
    until = timezone.now() + dt.timedelta(days=1)
    exemptions.grant(user, until=until, reason="\x1b[31mred\u202e\nnext", actor=None)
    code, text = run("exempt", "--list")
    assert code == 0
    assert r"\x1b[31mred\u202e\nnext" in text
    assert len(text.splitlines()) == 2
