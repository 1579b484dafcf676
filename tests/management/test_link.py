"""Links made, moved, and ended from a shell: one user or a file."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.db.models.signals import pre_save
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.authenticator import reset
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.factories import make
from tests.management.command_line import run
from tests.visitor import PASSWORD, POOL_ID, Visitor

OLD_POOL = "us-east-1_Other0000"
WHY = ("--reason", "Ticket 7")


def user(name: str, **fields: Any) -> User:
    return User.objects.create_user(name, **fields)


def in_pool(pool: LocalPool, name: str, email: str = "", *, verified: bool = True) -> str:
    """Create a user of the pool, and return the sub."""
    attributes = {"email": email, "email_verified": str(verified).lower()} if email else {}
    return pool.create_user(name, password=PASSWORD, attributes=attributes).sub


def link_of(name: str) -> CognitoIdentity | None:
    return CognitoIdentity.objects.filter(user__username=name).first()


def events(*kinds: str) -> list[MFAEvent]:
    return list(MFAEvent.objects.filter(kind__in=kinds).order_by("pk"))


# ------------------------------------------------------------------------------------- one user


@pytest.mark.parametrize("by", ["--username", "--email", "--sub"])
def test_the_pool_is_asked_for_the_sub(pool: LocalPool, visitor: Visitor, by: str) -> None:
    user("anna.l")
    sub = in_pool(pool, "anna", "Anna@example.com")
    value = {"--username": "anna", "--email": "anna@Example.com", "--sub": sub}[by]
    if by == "--email":
        value = "Anna@example.com"
    assert run("link", "anna.l", by, value, *WHY) == (0, f"Linked anna.l to anna ({sub}).\n")
    identity = link_of("anna.l")
    assert identity is not None
    assert (identity.pool_id, identity.sub, identity.username) == (POOL_ID, sub, "anna")
    assert (identity.email, identity.status) == ("Anna@example.com", "UNKNOWN")
    (event,) = events("LINKED")
    assert (event.identity, event.actor, event.reason) == (identity, None, "Ticket 7")
    assert event.detail == "BY_HAND"
    assert set(visitor.cognito.operations()) == {"ListUsers"}  # AdminGetUser would be billed


def test_a_list_that_lags_behind_is_no_answer(pool: LocalPool, visitor: Visitor) -> None:
    user("anna")
    sub = in_pool(pool, "anna")
    visitor.cognito.faults.on("ListUsers", faults.Body(b'{"Users": []}'))
    assert run("link", "anna", "--username", "anna", *WHY)[0] == 0
    assert visitor.cognito.operations() == ["ListUsers", "AdminGetUser"]
    identity = link_of("anna")
    assert identity is not None
    assert identity.sub == sub


@pytest.mark.parametrize(
    ("typed", "by", "value"),
    [
        (" anna ", "--username", "\u200eanna\u00a0"),
        ("\ufeffanna", "--email", " <anna@example.com> "),
        ("anna", "--email", "mailto:anna@example.com"),
        ("anna\u200b", "--sub", "{{{sub}}}\n"),
    ],
)
def test_what_copying_brings_along_is_left_out(
    pool: LocalPool, visitor: Visitor, typed: str, by: str, value: str
) -> None:
    user("anna")
    sub = in_pool(pool, "anna", "anna@example.com")
    code, text = run("link", typed, by, value.format(sub=sub), *WHY)
    assert code == 0, text


def refused_cases(pool: LocalPool) -> None:
    for name in ("anna", "free", "other"):
        user(name)
    in_pool(pool, "anna", "claimed@example.com", verified=False)
    for name in ("twin1", "twin2"):
        in_pool(pool, name, "twin@example.com")
    in_pool(pool, "Free", "free@example.com")
    make(pool, "linked")
    pool.create_user("google_1", attributes={"email": "g@example.com", "email_verified": "true"})
    pool.user("google_1").status = "EXTERNAL_PROVIDER"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["nobody", "--username", "anna"], 1, "This site has no user named nobody"),
        (["\x1b[2J", "--username", "anna"], 1, "no user named"),
        (
            ["free", "--username", "nobody"],
            1,
            "The user pool has no user with the username nobody. Specify it exactly as in the pool.",
        ),
        (["free", "--username", "free"], 1, "The user pool has no user with the username"),
        (
            ["free", "--username", "twin@example.com"],
            1,
            "The user pool has no user with the username",
        ),
        (["free", "--sub", "twin1"], 1, "has no user with the sub twin1. Copy it exactly"),
        (["free", "--username", 'x" or "'], 1, "The user pool has no user with the username"),
        (["free", "--username", "a b"], 1, "The user pool has no user with the username"),
        (["free", "--username", "x" * 200], 1, "The user pool has no user with the username"),
        (
            ["free", "--email", "x" * 250 + "@example.com"],
            1,
            "The pool must have verified the address.",
        ),
        (["free", "--email", "claimed@example.com"], 1, "has not verified"),
        (["free", "--email", "twin@example.com"], 1, "Several users"),
        (
            ["free", "--username", "twin1", "--email", "free@example.com"],
            1,
            "do not belong to the same user",
        ),
        (
            ["anna", "--username", "anna", "--email", "claimed@example.com"],
            1,
            "do not belong to the same user",
        ),
        (["free", "--username", "google_1"], 1, "federated user"),
        (["free", "--username", "linked"], 1, "is linked to linked. Add --move"),
        (["linked", "--username", "twin1"], 1, "linked is linked to linked"),
        (["free"], 2, "Specify --username, --email, or --sub"),
        (["free", "--username", "Free", "--unlink"], 2, "or else --unlink"),
        (["free", "--username", "\u200e"], 2, "Specify --username, --email, or --sub"),
        (["free", "--unlink"], 1, "free is not linked"),
        ([], 2, "Specify one of USER"),
    ],
)
def test_what_it_refuses(
    pool: LocalPool, visitor: Visitor, arguments: list[str], code: int, told: str
) -> None:
    refused_cases(pool)
    before = list(CognitoIdentity.objects.values_list("pk", "user", "sub", "generation"))
    found, text = run("link", *arguments, *WHY)
    assert (found, told in text) == (code, True), text
    assert "\x1b" not in text
    assert list(CognitoIdentity.objects.values_list("pk", "user", "sub", "generation")) == before
    assert not events("LINKED", "LINK_MOVED", "UNLINKED")


@pytest.mark.parametrize("change", [["--move"], ["--unlink"], ["--by", "anna"]])
def test_a_change_of_links_wants_a_reason(
    pool: LocalPool, visitor: Visitor, change: list[str]
) -> None:
    user("anna")
    for reason in ([], ["--reason", " "]):
        named = ["--username", "newcomer", *change, *reason]
        assert run("link", "anna", *named) == (2, "--reason is required.")
    assert visitor.cognito.operations() == []


def test_a_first_link_needs_none(pool: LocalPool, visitor: Visitor) -> None:
    user("anna")
    assert run("link", "anna", "--username", "newcomer")[0] == 0
    assert events("LINKED")[0].reason == ""


def test_an_invited_person_is_linked_before_they_ever_came(
    pool: LocalPool, visitor: Visitor
) -> None:
    user("anna.l")
    visitor.cognito.client().admin_create_user(
        UserPoolId=POOL_ID, Username="anna", TemporaryPassword="Temp-Pass-77"
    )
    assert run("link", "anna.l", "--username", "anna", *WHY)[0] == 0
    visitor.sign_in("anna", "Temp-Pass-77")
    new = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    visitor.post(reverse("cognito_mfa:new_password"), new)
    visitor.scan()
    visitor.confirm_setup()
    assert visitor.text(visitor.get("/private/")) == "private page of anna.l"


def test_in_a_pool_that_leaves_mfa_to_the_site_they_set_up_too(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    user("anna")
    assert run("link", "anna", "--username", "newcomer", *WHY)[0] == 0
    visitor.set_up("newcomer")
    assert visitor.text(visitor.get("/private/")) == "private page of anna"


def test_an_app_that_was_set_up_elsewhere_works_after_the_link(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    user("anna")
    assert run("link", "anna", "--username", "newcomer", *WHY)[0] == 0
    visitor.come_with_app("newcomer")
    assert visitor.text(visitor.get("/private/")) == "private page of anna"


def test_without_the_permission_for_admin_get_user_the_list_decides(
    pool: LocalPool, visitor: Visitor
) -> None:
    user("anna")
    visitor.cognito.faults.on("AdminGetUser", faults.Error("AccessDeniedException", "arn:aws"))
    code, text = run("link", "anna", "--username", "nobody", *WHY)
    assert (code, "has no user with the username nobody" in text) == (1, True)


@pytest.fixture
def somebody_faster(db: None) -> Iterator[None]:
    """At the moment in which a link is made, a first sign-in of the same person makes another one."""

    def sign_in(*, instance: CognitoIdentity, **_given: Any) -> None:
        pre_save.disconnect(sign_in, sender=CognitoIdentity)
        other = user("second account")
        named = {"pool_id": instance.pool_id, "sub": instance.sub, "username": instance.username}
        CognitoIdentity.objects.create(user=other, **named)

    pre_save.connect(sign_in, sender=CognitoIdentity, weak=False)
    yield
    pre_save.disconnect(sign_in, sender=CognitoIdentity)


@pytest.mark.usefixtures("somebody_faster")
def test_a_sign_in_at_the_same_moment_is_no_error(pool: LocalPool, visitor: Visitor) -> None:
    user("anna")
    code, text = run("link", "anna", "--username", "newcomer", *WHY)
    assert (code, "at the same moment" in text) == (1, True), text
    assert link_of("anna") is None
    assert not events("LINKED")


@pytest.mark.parametrize(
    "fault",
    [
        faults.Error("AccessDeniedException", "arn:aws:iam::1:user/x is not authorized"),
        faults.Error("TooManyRequestsException", "Rate exceeded"),
        faults.Unreachable(),
        faults.Body(b"[]"),
        faults.Body(b'{"Users": [{"Username": "anna", "Attributes": []}]}'),
    ],
)
def test_cognito_that_does_not_answer_links_no_one(
    pool: LocalPool, visitor: Visitor, fault: faults.Fault
) -> None:
    user("anna")
    in_pool(pool, "anna")
    visitor.cognito.faults.on("ListUsers", fault)
    code, text = run("link", "anna", "--username", "anna", *WHY)
    assert code == 3, text
    assert "arn:aws" not in text
    assert link_of("anna") is None


def test_an_error_starts_with_what_to_do(pool: LocalPool, visitor: Visitor) -> None:
    user("anna")
    visitor.cognito.faults.on("ListUsers", faults.Error("ResourceNotFoundException", ""))
    told = run("link", "anna", "--username", "anna", *WHY)[1]
    assert told.startswith("The user pool or the app client does not exist. Check USER_POOL_ID,")
    assert "(service_problem · ListUsers · ResourceNotFoundException" in told


def test_a_dry_run_asks_and_changes_nothing(pool: LocalPool, visitor: Visitor) -> None:
    user("root", is_superuser=True)
    identity = make(pool, "ada")
    said = f"Would link root (a superuser) to ada ({identity.sub}), previously linked to ada.\n"
    assert run("link", "root", "--username", "ada", "--move", "--dry-run", *WHY) == (0, said)
    assert link_of("ada") == identity
    assert run("link", "ada", "--unlink", "--dry-run", *WHY)[1].startswith("Would unlink ada from")
    assert link_of("ada") == identity
    assert not MFAEvent.objects.exists()


def test_twice_is_once(pool: LocalPool, visitor: Visitor) -> None:
    identity = make(pool, "ada")
    code, text = run("link", "ada", "--username", "ada", *WHY)
    assert (code, "already" in text) == (0, True)
    identity.refresh_from_db()
    assert identity.generation == 0
    assert not MFAEvent.objects.exists()


def test_a_link_that_was_thought_dead_lives_again(pool: LocalPool, visitor: Visitor) -> None:
    identity = make(pool, "ada")
    identity.record_status(CognitoIdentity.Status.GONE)
    assert run("link", "ada", "--username", "ada", *WHY)[0] == 0
    identity.refresh_from_db()
    assert identity.status == "UNKNOWN"
    assert events("STATUS_CHANGED")[0].detail == "GONE → UNKNOWN"


def test_a_disabled_user_is_linked_as_one(pool: LocalPool, visitor: Visitor) -> None:
    user("anna")
    in_pool(pool, "anna")
    pool.user("anna").enabled = False
    assert run("link", "anna", "--username", "anna", *WHY)[0] == 0
    identity = link_of("anna")
    assert identity is not None
    assert identity.disabled_at is not None


def test_the_database_does_not_decide_what_is_equal(pool: LocalPool, visitor: Visitor) -> None:
    """Usernames here differ in case, and so do those of a case-sensitive pool."""
    user("Anna")
    in_pool(pool, "anna")
    code, text = run("link", "anna", "--username", "anna", *WHY)
    assert (code, "no user named anna" in text) == (1, True)


# --------------------------------------------------------------------------------- move and end


def test_a_moved_link_carries_the_app_and_no_session(
    pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    identity = make(pool, "ada", email="ada@old.example")
    user("ada.new", email="ada@new.example")
    visitor.come_with_app("ada")
    assert visitor.is_in()
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        assert run("link", "ada.new", "--username", "ada", "--move", *WHY)[0] == 0
    assert not visitor.is_in()
    moved = link_of("ada.new")
    assert moved is not None
    assert (moved.sub, moved.software_token is not None) == (identity.sub, True)
    assert link_of("ada") is None
    (event,) = events("LINK_MOVED")
    old, new = User.objects.get(username="ada").pk, User.objects.get(username="ada.new").pk
    assert event.detail == f"user {old} → user {new}"
    unlinked, linked = (
        f"Example Ltd: Your account was {what} a sign-in" for what in ("unlinked from", "linked to")
    )
    assert [(message.subject, message.to) for message in mail.outbox] == [
        (unlinked, ["ada@example.com"]),
        (unlinked, ["ada@old.example"]),
        (linked, ["ada@example.com"]),
        (linked, ["ada@new.example"]),
    ]

    visitor.sign_in("ada")
    visitor.enter_code()
    assert visitor.text(visitor.get("/private/")) == "private page of ada.new"


def test_a_sign_in_that_began_before_a_move_ends_there(pool: LocalPool, visitor: Visitor) -> None:
    make(pool, "ada")
    user("ada.new")
    visitor.come_with_app("ada")
    visitor.sign_out()
    visitor.sign_in("ada")
    assert run("link", "ada.new", "--username", "ada", "--move", *WHY)[0] == 0
    assert visitor.enter_code().status_code != 302 or not visitor.is_in()
    assert not visitor.is_in()


def test_a_corrected_link_begins_anew(pool: LocalPool, visitor: Visitor) -> None:
    """The person was deleted and created again in the pool, as is usual after a lost phone."""
    old = make(pool, "ada")
    visitor.come_with_app("ada")
    visitor.cognito.client().admin_delete_user(UserPoolId=POOL_ID, Username="ada")
    sub = in_pool(pool, "ada", "ada@example.com")
    code, text = run("link", "ada", "--username", "ada", *WHY)
    assert (code, "Add --move" in text) == (1, True)
    assert run("link", "ada", "--username", "ada", "--move", *WHY)[0] == 0
    assert not visitor.is_in()
    identity = link_of("ada")
    assert identity is not None
    assert (identity.sub, identity.software_token) == (sub, None)
    assert identity.pk != old.pk
    ended, linked = events("UNLINKED", "LINKED")
    assert (ended.kind, ended.sub, ended.identity) == ("UNLINKED", old.sub, None)
    assert (linked.kind, linked.sub) == ("LINKED", sub)
    assert not events("USER_DELETED")

    visitor.set_up("ada")
    assert visitor.text(visitor.get("/private/")) == "private page of ada"


def test_two_links_that_cross_are_moved_in_one_step(pool: LocalPool, visitor: Visitor) -> None:
    ada, bob = make(pool, "ada"), make(pool, "bob")
    assert run("link", "ada", "--username", "bob", "--move", *WHY)[0] == 0
    moved = link_of("ada")
    assert moved is not None
    assert moved.sub == bob.sub
    assert not CognitoIdentity.objects.filter(sub=ada.sub).exists()
    assert [event.kind for event in events("UNLINKED", "LINK_MOVED")] == ["UNLINKED", "LINK_MOVED"]


def test_an_ended_link_ends_sessions_and_says_so(
    pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    identity = make(pool, "ada")
    visitor.come_with_app("ada")
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        code, text = run("link", "ada", "--unlink", *WHY)
    assert (code, text) == (0, f"Unlinked ada from ada ({identity.sub}).\n")
    assert not visitor.is_in()
    (event,) = events("UNLINKED", "USER_DELETED")
    assert (event.kind, event.sub, event.reason) == ("UNLINKED", identity.sub, "Ticket 7")
    assert mail.outbox[0].subject == "Example Ltd: Your account was unlinked from a sign-in"
    assert User.objects.filter(username="ada").exists()


def test_an_email_can_be_left_out(
    pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    user("anna", email="anna@example.com")
    with django_capture_on_commit_callbacks(execute=True):
        run("link", "anna", "--username", "newcomer", "--no-email", *WHY)
        run("link", "anna", "--unlink", "--no-email", *WHY)
    assert mail.outbox == []


def test_an_unfinished_reset_goes_with_the_pools_user(pool: LocalPool, visitor: Visitor) -> None:
    unfinished = reset.request(make(pool, "ada"), actor=None, reason="Lost")
    user("ada.new")
    assert run("link", "ada.new", "--username", "ada", "--move", *WHY)[0] == 0
    unfinished.refresh_from_db()
    assert unfinished.identity.user.username == "ada.new"


def test_with_by_the_rules_of_the_admin_apply(pool: LocalPool, visitor: Visitor) -> None:
    helpdesk = user("helpdesk", is_staff=True)
    user("anna")
    user("root", is_superuser=True)
    by = ("--by", "helpdesk")
    code, text = run("link", "anna", "--username", "newcomer", *WHY, *by)
    assert (code, "does not have the permission cognito_mfa.link_user" in text) == (1, True)
    helpdesk.user_permissions.add(Permission.objects.get(codename="link_user"))
    for target in ("root", "helpdesk"):
        assert run("link", target, "--username", "newcomer", *WHY, *by)[0] == 1
    assert [event.detail for event in events("PERMISSION_DENIED")] == [
        "link_user: no permission",
        "link_user: a more powerful user",
        "link_user: oneself",
    ]
    assert run("link", "anna", "--username", "newcomer", *WHY, *by)[0] == 0
    assert events("LINKED")[0].actor == helpdesk


# ---------------------------------------------------------------------------------------- a file


def write(folder: Path, text: str | bytes) -> str:
    path = folder / "people.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_a_file_has_a_line_of_report_for_each_row(
    pool: LocalPool, visitor: Visitor, tmp_path: Path
) -> None:
    subs = {name: in_pool(pool, name, f"{name}@example.com") for name in ("anna", "bert", "cleo")}
    for name in subs:
        user(name)
    make(pool, "dora")
    text = (
        "user,username,email,sub,remark\n"
        "anna,anna,,,first\n"
        "\n"
        f"bert,,,{subs['bert']},\n"
        "nobody,cleo,,,\n"
        "cleo,,cleo@example.com,,\n"
        "dora,dora,,,\n"
        "anna,anna,,,\n"
    )
    code, told = run("link", "--csv", write(tmp_path, text), *WHY)
    assert code == 1
    assert told.splitlines() == [
        f"line 2: Linked anna to anna ({subs['anna']}).",
        f"line 4: Linked bert to bert ({subs['bert']}).",
        "line 5: This site has no user named nobody.",
        f"line 6: Linked cleo to cleo ({subs['cleo']}).",
        f"line 7: dora is already linked to dora ({pool.user('dora').sub}).",
        "line 8: This user is already in line 2.",
        "3 linked, 1 unchanged.",
        "2 users were not changed.",
    ]


@pytest.mark.usefixtures("somebody_faster")
def test_all_or_nothing_also_when_the_last_one_fails(
    pool: LocalPool, visitor: Visitor, tmp_path: Path
) -> None:
    for name in ("anna", "bert"):
        user(name)
        in_pool(pool, name)
    path = write(tmp_path, "user,username\nbert,bert\nanna,anna\n")
    code, told = run("link", "--csv", path, "--atomic", *WHY)
    assert (code, "No changes." in told) == (1, True), told
    assert not CognitoIdentity.objects.exists()
    assert not events("LINKED")


def test_all_or_nothing(pool: LocalPool, visitor: Visitor, tmp_path: Path) -> None:
    for name in ("anna", "bert"):
        user(name)
        in_pool(pool, name)
    bad = write(tmp_path, "user,username\nanna,anna\nbert,nobody\n")
    code, told = run("link", "--csv", bad, "--atomic", *WHY)
    assert (code, "line 3: The user pool has no user with the username nobody" in told) == (1, True)
    assert "No changes." in told
    assert not CognitoIdentity.objects.exists()
    good = write(tmp_path, "user,username\nanna,anna\nbert,bert\n")
    assert run("link", "--csv", good, "--atomic", "--dry-run", *WHY)[0] == 0
    assert not CognitoIdentity.objects.exists()
    assert run("link", "--csv", good, "--atomic", *WHY)[0] == 0
    assert CognitoIdentity.objects.count() == 2


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffuser;username\r\nanna;anna\r\n".encode(),
        "user\tusername\nanna\tanna\n".encode("utf-16"),
        b'"User", "USERNAME"\n"anna","anna"\n',
        "username,user\n\u00a0anna , anna\u200e\n".encode(),
        b"user,username\nanna,anna",
    ],
    ids=["BOM and semicolons", "UTF-16 and tabs", "quotes", "pasted", "no last line end"],
)
def test_files_as_spreadsheets_write_them(
    pool: LocalPool, visitor: Visitor, tmp_path: Path, content: bytes
) -> None:
    user("anna")
    in_pool(pool, "anna")
    code, told = run("link", "--csv", write(tmp_path, content), *WHY)
    assert code == 0, told
    assert link_of("anna") is not None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"anna,anna\n", "must have the column user"),
        (b"user\nanna\n", "must have one of the columns"),
        (b"user,user,sub\n", "has the column user twice"),
        (b"user,username\n\xe4nna,anna\n", "not UTF-8"),
        (b'user,username\n"anna,anna\n', "is not a CSV file"),
        (b"user,username\n" + b"x" * 140_000 + b",anna\n", "is not a CSV file"),
    ],
)
def test_files_that_are_none(
    pool: LocalPool, visitor: Visitor, tmp_path: Path, content: bytes, told: str
) -> None:
    code, text = run("link", "--csv", write(tmp_path, content), *WHY)
    assert (code, told in text) == (2, True), text
    assert visitor.cognito.operations() == []


def test_a_file_that_is_not_there_or_too_large(
    pool: LocalPool, visitor: Visitor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, text = run("link", "--csv", str(tmp_path / "none.csv"), *WHY)
    assert (code, "No such file" in text) == (2, True)
    monkeypatch.setattr("cognito_mfa.management.link_file.MAX_BYTES", 10)
    code, text = run("link", "--csv", write(tmp_path, "user,username\n"), *WHY)
    assert (code, "larger than" in text) == (2, True)


def test_standard_input(pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    user("anna")
    in_pool(pool, "anna")
    given = io.TextIOWrapper(io.BytesIO(b"user,username\nanna,anna\n"))
    monkeypatch.setattr(sys, "stdin", given)
    assert run("link", "--csv", "-", *WHY)[0] == 0
    assert link_of("anna") is not None


def test_a_file_of_links_to_end(pool: LocalPool, visitor: Visitor, tmp_path: Path) -> None:
    make(pool, "anna")
    user("bert")
    code, told = run("link", "--unlink", "--csv", write(tmp_path, "user\nanna\nbert\n"), *WHY)
    assert (code, "line 3: bert is not linked." in told) == (1, True)
    assert "1 unlinked." in told
    assert not CognitoIdentity.objects.exists()


def test_missing_permissions_stop_a_file_at_once(
    pool: LocalPool, visitor: Visitor, tmp_path: Path
) -> None:
    for name in ("anna", "bert"):
        user(name)
        in_pool(pool, name)
    visitor.cognito.faults.on(
        "ListUsers", faults.Error("AccessDeniedException", "arn:aws:iam::1:user/x")
    )
    path = write(tmp_path, "user,username\nanna,anna\nbert,bert\n")
    code, told = run("link", "--csv", path, *WHY)
    assert code == 3
    assert "line 3: Skipped, with all following lines." in told
    assert visitor.cognito.operations() == ["ListUsers"]


def test_a_failure_of_one_row_does_not_stop_the_next(
    pool: LocalPool, visitor: Visitor, tmp_path: Path
) -> None:
    for name in ("anna", "bert"):
        user(name)
        in_pool(pool, name)
    visitor.cognito.faults.on("ListUsers", faults.Body(b"[]"), times=1)
    path = write(tmp_path, "user,username\nanna,anna\nbert,bert\n")
    code, told = run("link", "--csv", path, *WHY)
    assert (code, "1 linked." in told) == (3, True)
    assert link_of("bert") is not None


# ---------------------------------------------------------------------------------- former sessions


def test_the_page_and_scripts_are_told_why_a_session_ended(
    pool: LocalPool, visitor: Visitor
) -> None:
    for name in ("ada", "bob"):
        make(pool, name)
    visitor.come_with_app("ada")
    script = Visitor(Client(), visitor.cognito)
    script.come_with_app("bob")
    for name in ("ada", "bob"):
        assert run("link", name, "--unlink", *WHY)[0] == 0
    page = visitor.text(visitor.get("/private/", follow=True))
    assert "no longer linked to this account" in page
    answer = script.get("/private/", headers={"accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (403, "account_unlinked")


def test_a_session_without_a_code_ends_with_the_link(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """Where no code is required, the account would stay open to anyone who was linked by mistake."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    make(optional_pool, "ada")
    user("ada.new")
    visitor.sign_in("ada")
    assert visitor.is_in()
    other = Visitor(Client(), visitor.cognito)
    other.sign_in("ada")
    assert run("link", "ada.new", "--username", "ada", "--move", *WHY)[0] == 0
    assert not visitor.is_in()
    assert run("link", "ada", "--username", "ada", "--move", *WHY)[0] == 0
    assert not other.is_in()
