"""Commands and sign-ins on sites whose users have no small number as primary key. ``tests/test_user_models.py`` runs this."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAExemption, MFAReset
from tests.management.command_line import run
from tests.visitor import PASSWORD, POOL_ID, Visitor

NAMES = [
    "-ada", "None", "0", "a,b", "a/b", "100%41", "\"quoted\"'s", "Ada", "ada", "🦊", "with space", "two\nlines",
    "3f1c9a52-7b1e-4c55-9f3e-2f6d6a1d0c11", "x" * 128,
]  # fmt: skip


def new_user(name: str) -> Any:
    users: Any = get_user_model()._default_manager
    return users.create(name=name)


@pytest.fixture
def rows(optional_pool: LocalPool, db: None) -> list[CognitoIdentity]:
    """Users with these names on the site, each linked to a user with an app that only Cognito knows of."""
    made = []
    for number, name in enumerate(NAMES):
        username = f"user-{number}"
        person = optional_pool.create_user(username)
        optional_pool.register_software_token(username)
        user = new_user(name)
        row = CognitoIdentity(user=user, pool_id=POOL_ID, sub=person.sub, username=username)
        row.save()
        made.append(row)
    return made


def test_a_sync_and_its_shards_find_each_of_them(rows: list[CognitoIdentity]) -> None:
    asked = 0
    for shard in ("1/2", "2/2"):
        code, text = run("sync", "--rate", "1000", "--json", "--shard", shard)
        assert code == 0, text
        told: dict[str, Any] = json.loads(text[text.index("{") : text.rindex("}") + 1])
        asked += told["asked"]
    assert asked == len(NAMES)
    assert set(CognitoIdentity.objects.values_list("status", flat=True)) == {"ENABLED"}
    code, text = run("sync", "--rate", "1000", "--limit", "5")
    assert (code, text.partition(".")[0]) == (0, "Checked 5 users")


def test_a_report_names_their_keys(rows: list[CognitoIdentity]) -> None:
    code, text = run("report", "--preview", "--format", "json")
    assert code == 0
    told = {one["user"]: one["username"] for one in map(json.loads, text.splitlines())}
    assert told == {str(row.user_id): NAMES[number] for number, row in enumerate(rows)}
    code, text = run("report", "--preview")
    assert len(text.splitlines()) == len(NAMES) + 1


@pytest.mark.skipif(
    not has_operation("AdminDeleteSoftwareToken"),
    reason="AdminDeleteSoftwareToken is newer than the installed botocore",
)
def test_a_reset_is_about_the_user_who_is_named(
    rows: list[CognitoIdentity], cognito: LocalCognito
) -> None:
    for number, name in enumerate(NAMES):
        cognito.forget_calls()
        code, text = run("reset", "--reason", "Ticket 7", "--", name)
        assert code == 0, (name, text)
        named = {
            call.parameters["Username"]
            for call in cognito.calls
            if call.operation == "AdminDeleteSoftwareToken"
        }
        assert named == {rows[number].sub}


def test_no_one_acts_for_a_user_of_a_model_without_permissions(
    rows: list[CognitoIdentity],
) -> None:
    """``permissions.has_permission``: a plain refusal."""
    by, other = ("--by", NAMES[7]), NAMES[8]
    for command, more in (("reset", ()), ("exempt", ("--until", "2099-01-01"))):
        code, text = run(command, "--reason", "Ticket 7", *more, *by, "--", other)
        assert code == 1
        assert "permission" in text
    assert not MFAReset.objects.exists()
    assert not MFAExemption.objects.exists()


@pytest.mark.parametrize("has_left", [False, True])
def test_a_worker_asks_the_user_themself_whether_they_are_active(
    rows: list[CognitoIdentity], caplog: pytest.LogCaptureFixture, has_left: bool
) -> None:
    """Which a property may say, and no column. None of these users may refresh another, so each is skipped."""
    pytest.importorskip("celery")
    from cognito_mfa.tasks.selections import refresh

    actor = rows[0].user
    if has_left and hasattr(actor, "left_at"):
        actor.left_at = timezone.now()
    elif has_left:
        actor.is_active = False
    actor.save()
    caplog.set_level("INFO")
    refresh(
        identities=[row.pk for row in rows], actor=actor.pk, asked_at=timezone.now().isoformat()
    )
    assert ("not_active" in caplog.text) == has_left
    assert ("refresh_finished" in caplog.text) != has_left


@pytest.mark.parametrize("name", NAMES)
def test_they_sign_in_with_a_code(optional_pool: LocalPool, visitor: Visitor, name: str) -> None:
    """Django's session and our proof have the key as text."""
    person = optional_pool.create_user("person", password=PASSWORD)
    user = new_user(name)
    CognitoIdentity.objects.create(user=user, pool_id=POOL_ID, sub=person.sub, username="person")
    visitor.come_with_app("person")
    assert visitor.is_in()
    visitor.sign_out()
    assert not visitor.is_in()
