"""Who would be linked to whom, before the rollout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from pytest_django import Settings

from cognito_mfa.cognito.types import Person
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.pool_sync.pacing import TokenBucket
from tests.factories import make
from tests.management.command_line import run
from tests.visitor import Visitor


def creating(person: Person, *, request: HttpRequest | None) -> Any:
    """A resolver that creates users itself, as the README allows."""
    return User.objects.create_user(person.username)


def failing(person: Person, *, request: HttpRequest | None) -> Any:
    raise RuntimeError("needs a request")


@pytest.fixture
def people(pool: LocalPool, visitor: Visitor, settings: Settings) -> LocalPool:
    path = "cognito_mfa.sign_in.linking.by_verified_email"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "USER_RESOLVER": path}
    make(pool, "linked")
    for name in ("anna", "root", "twin"):
        User.objects.create_user(
            f"{name}.l", email=f"{name}@example.com", is_superuser=name == "root"
        )
    for name, email, verified in (
        ("anna", "anna@example.com", "true"),
        ("claims", "anna@example.com", "false"),
        ("root", "root@example.com", "true"),
        ("twin1", "twin@example.com", "true"),
        ("twin2", "twin@example.com", "true"),
    ):
        pool.create_user(name, attributes={"email": email, "email_verified": verified})
    pool.create_user("google_1")
    pool.user("google_1").status = "EXTERNAL_PROVIDER"
    visitor.cognito.forget_calls()
    return pool


def test_each_user_of_the_pool_with_what_a_sign_in_would_lead_to(
    people: LocalPool, visitor: Visitor
) -> None:
    code, said = run("link", "--preview")
    assert code == 0
    assert said.splitlines() == [
        "newcomer (newcomer@example.com): new user",
        "linked (linked@example.com): already linked linked",
        "anna (anna@example.com): link anna.l",
        "claims: new user",
        "root (root@example.com): staff root.l",
        "twin1 (twin@example.com): link twin.l",
        "twin2 (twin@example.com): linked_to_another twin.l",
        "google_1: federated",
        "already linked: 1, federated: 1, link: 2, linked_to_another: 1, new user: 2, staff: 1.",
    ]
    assert visitor.cognito.operations() == ["ListUsers"]
    assert CognitoIdentity.objects.count() == 1
    assert not MFAEvent.objects.exists()


def test_a_name_or_an_address_that_is_taken_is_no_new_user(
    pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the first sign-in would refuse; the model is asked, and nothing is saved."""
    pool.create_user("anna", attributes={"email": "anna@example.com", "email_verified": "true"})
    other = User.objects.create_user("anna.l", email="anna@example.com")
    assert "anna (anna@example.com): new user" in run("link", "--preview")[1]
    monkeypatch.setattr(User._meta.get_field("email"), "unique", True)
    assert "anna (anna@example.com): user_not_created anna.l" in run("link", "--preview")[1]
    monkeypatch.undo()

    monkeypatch.setattr(User, "USERNAME_FIELD", "email")
    pool.create_user("carl", attributes={"email": "carl@example.com", "email_verified": "false"})
    said = run("link", "--preview")[1]
    assert f"anna (anna@example.com): username_taken {other.email}" in said
    assert "carl: email_not_verified" in said
    assert "newcomer (newcomer@example.com): new user" in said
    assert User.objects.count() == 1


def test_a_row_of_its_file_without_a_user_says_so(
    pool: LocalPool, visitor: Visitor, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    path.write_text(run("link", "--preview", "--format", "csv")[1])
    assert "line 2: The username is empty." in run("link", "--csv", str(path))[1]


def test_its_file_links_those_that_are_left_in_it(people: LocalPool, tmp_path: Path) -> None:
    lines = run("link", "--preview", "--format", "csv")[1].splitlines()
    assert lines[0] == "user,username,email,sub,outcome"
    wanted = [lines[0], *(line for line in lines if line.endswith(",link") or "root" in line)]
    path = tmp_path / "people.csv"
    path.write_text("\n".join(wanted))
    assert run("link", "--csv", str(path), "--reason", "Rollout")[0] == 0
    linked = set(CognitoIdentity.objects.values_list("user__username", "username"))
    assert {("anna.l", "anna"), ("root.l", "root"), ("twin.l", "twin1")} < linked


def test_json_lines(people: LocalPool) -> None:
    lines = run("link", "--preview", "--format", "json")[1].splitlines()
    assert json.loads(lines[2]) == {
        "user": "anna.l",
        "username": "anna",
        "email": "anna@example.com",
        "sub": people.user("anna").sub,
        "outcome": "link",
    }


def test_sites_that_make_no_users(people: LocalPool, settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CREATE_USERS": False}
    assert "claims: no_user" in run("link", "--preview")[1]


@pytest.mark.parametrize(
    ("resolver", "outcome"), [(creating, "link"), (failing, "resolver_failed")]
)
def test_a_resolver_of_the_sites_own_is_asked_and_leaves_nothing(
    pool: LocalPool, visitor: Visitor, settings: Settings, resolver: Any, outcome: str
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "USER_RESOLVER": resolver}
    assert f": {outcome}" in run("link", "--preview")[1]
    assert not User.objects.exists()


def test_a_pool_of_many_pages_is_read_to_the_end(pool: LocalPool, visitor: Visitor) -> None:
    for number in range(130):
        pool.create_user(f"p{number}")
    assert "new user: 131." in run("link", "--preview")[1]
    assert visitor.cognito.operations() == ["ListUsers"] * 3


def test_a_pool_that_cannot_be_read_is_no_preview(pool: LocalPool, visitor: Visitor) -> None:
    visitor.cognito.faults.on("ListUsers", faults.Error("AccessDeniedException"))
    code, said = run("link", "--preview")
    assert (code, "Add the permissions" in said) == (3, True)
    same_page = {"Users": [], "PaginationToken": "again"}
    visitor.cognito.faults.on("ListUsers", faults.Body(json.dumps(same_page).encode()))
    assert run("link", "--preview")[0] == 3


@pytest.mark.parametrize("way", ["--preview", "--from-pool", "--csv"])
def test_no_more_calls_a_second_than_the_sync_makes(
    people: LocalPool,
    visitor: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    way: str,
) -> None:
    """The quota of ListUsers is shared with the sign-ins of the site."""
    asked: list[int] = []
    monkeypatch.setattr(
        TokenBucket, "acquire", lambda _self: asked.append(len(visitor.cognito.calls))
    )
    for number in range(60):
        people.create_user(f"more-{number}")
    CognitoIdentity.objects.update(pool_id="us-east-1_Former000")
    file = tmp_path / "links.csv"
    file.write_text("user,username\nanna.l,anna\ntwin.l,twin1\n")
    options = {
        "--preview": ["--preview"],
        "--from-pool": ["--from-pool", "us-east-1_Former000", "--match", "username", "--dry-run"],
        "--csv": ["--csv", str(file)],
    }
    visitor.cognito.forget_calls()
    run("link", *options[way], "--reason", "Pool rebuilt")
    assert asked == [0, 1]
    assert visitor.cognito.operations().count("ListUsers") == 2
