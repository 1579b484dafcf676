"""A site that changed to another user pool: no one comes in by a link of the former one, and no one gets a second account."""

from __future__ import annotations

import datetime as dt
import logging

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa.authenticator import exemptions, reset
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent, MFAExemption, RecoveryCode
from tests.factories import make
from tests.management.command_line import run
from tests.visitor import PASSWORD, POOL_ID, Visitor

NEW_POOL, NEW_CLIENT = "us-east-1_Rebuilt00", "rebuiltclient0000000000000"
RESOLVERS = [f"by_{name}" for name in ("pool_and_sub", "username", "verified_email")]


def rebuild_pool(cognito: LocalCognito, settings: Settings, *names: str) -> LocalPool:
    """Make another pool with users of the same names and addresses, and the site's."""
    pool = cognito.create_pool(NEW_POOL, mfa="ON")
    pool.create_client(NEW_CLIENT)
    for name in names:
        address = {"email": f"{name}@example.com", "email_verified": "true"}
        pool.create_user(name, password=PASSWORD, attributes=address)
    use_pool(settings, NEW_POOL, NEW_CLIENT)
    return pool


def use_pool(settings: Settings, pool_id: str, client_id: str) -> None:
    named = {"USER_POOL_ID": pool_id, "CLIENT_ID": client_id}
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, **named}


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_every_user_is_refused_for_the_true_reason(
    pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    resolver: str,
) -> None:
    ada = make(pool, "ada", email="ada@example.com")
    rebuild_pool(visitor.cognito, settings, "ada")
    path = f"cognito_mfa.sign_in.linking.{resolver}"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "USER_RESOLVER": path}
    with caplog.at_level(logging.WARNING, "cognito_mfa"):
        visitor.sign_in("ada")
        visitor.scan()
        answer = visitor.confirm_setup()
    assert answer.answered == 403
    assert "linked_in_another_pool" in caplog.text
    assert "--from-pool" in caplog.text
    event = MFAEvent.objects.get(kind="LINK_REFUSED")
    assert (event.reason, f"user {ada.user_id}" in event.detail) == ("linked_in_another_pool", True)
    assert User.objects.count() == 1
    assert CognitoIdentity.objects.get() == ada


def test_a_user_who_was_never_here_is_new_as_before(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    make(pool, "ada")
    gone = make(pool, "bob")
    gone.record_status(CognitoIdentity.Status.GONE)
    rebuild_pool(visitor.cognito, settings, "zoe", "bob")
    for name in ("zoe", "bob"):  # this bob is another one: the former pool deleted the first
        person = Visitor(Client(), visitor.cognito)
        person.set_up(name)
        assert person.is_in()
    assert CognitoIdentity.objects.in_pool().count() == 2


def test_an_address_that_is_not_verified_says_nothing_of_who_was_here(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    make(pool, "ada")
    new = rebuild_pool(visitor.cognito, settings)
    claimed = {"email": "ada@example.com", "email_verified": "false"}
    new.create_user("zoe", password=PASSWORD, attributes=claimed)
    visitor.set_up("zoe")
    assert visitor.is_in()


def test_sessions_of_the_former_pool_end(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    make(pool, "ada")
    visitor.come_with_app("ada")
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    assert visitor.is_in()
    rebuild_pool(visitor.cognito, settings, "ada")
    assert not visitor.is_in()
    assert "_auth_user_id" not in visitor.client.session


def test_what_the_former_pool_said_is_shown_to_no_one(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """A session of another backend stays, and is led to set up instead of being told that it is."""
    ada = make(pool, "ada")
    visitor.come_with_app("ada", friendly_name="Old phone")
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    rebuild_pool(visitor.cognito, settings, "ada")
    visitor.client.force_login(ada.user, backend="django.contrib.auth.backends.ModelBackend")
    for name in ("device", "history"):
        assert "Old phone" not in visitor.text(visitor.get(reverse(f"cognito_mfa:{name}")))
    for name in ("device_rename", "device_replace", "device_remove"):
        answer = visitor.get(reverse(f"cognito_mfa:{name}"), follow=True)
        assert "Old phone" not in visitor.text(answer)


# ------------------------------------------------------------------------------- the documented move


def relink(*arguments: str) -> tuple[int, str]:
    return run("link", "--from-pool", POOL_ID, *arguments, "--reason", "Pool rebuilt")


def link_of(name: str) -> CognitoIdentity:
    return CognitoIdentity.objects.get(user__username=name)


@pytest.mark.parametrize("match", ["email", "username"])
def test_every_user_is_relinked_and_sets_up_anew(
    pool: LocalPool, visitor: Visitor, settings: Settings, match: str
) -> None:
    before = make(pool, "ada")
    make(pool, "root", is_superuser=True, is_staff=True)
    visitor.come_with_app("ada")
    exemption = exemptions.grant(
        before.user, until=timezone.now() + dt.timedelta(days=3), reason="x", actor=None
    )
    RecoveryCode.objects.create(identity=before, position=1, digest="x")
    new = rebuild_pool(visitor.cognito, settings, "ada", "root")

    code, said = relink("--match", match, "--dry-run")
    assert (code, "Would be: 2 moved to this pool." in said) == (0, True), said
    assert link_of("ada").pool_id == POOL_ID
    code, said = relink("--match", match)
    assert code == 0, said
    assert f"ada: Linked ada to ada ({new.user('ada').sub}), instead of ada ({before.sub})" in said
    assert "2 moved to this pool." in said

    after = link_of("ada")
    assert (after.pk, after.sub, after.pool_id) == (before.pk, new.user("ada").sub, NEW_POOL)
    assert (after.status, after.software_token, after.checked_at) == ("UNKNOWN", None, None)
    assert after.created_at == before.created_at  # or the grace period would begin again
    assert not after.recovery_codes.exists()
    assert after.software_tokens.get().retired_because == "ANOTHER_POOL"
    assert MFAExemption.objects.valid_for(after.user).get() == exemption
    assert after.events.filter(kind="SIGNED_IN").exists()
    event = after.events.get(kind="LINK_MOVED")
    assert event.detail == f"{POOL_ID} {before.sub} → {NEW_POOL}"
    assert event.reason == "Pool rebuilt"
    assert not visitor.is_in()

    exemptions.revoke(exemption, reason="x", actor=None)
    visitor.set_up("ada")
    assert visitor.text(visitor.get("/private/")) == "private page of ada"
    assert User.objects.count() == 2


def test_what_is_not_clear_is_left_to_the_operator(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    for name in ("ada", "bob", "cleo", "dora", "emil", "fay", "gil"):
        make(pool, name)
    rows = CognitoIdentity.objects
    rows.filter(username="bob").update(email="")
    rows.filter(username__in=["cleo", "dora"]).update(email="both@example.com")
    rows.filter(username="emil").update(status="GONE")
    new = rebuild_pool(visitor.cognito, settings, "ada", "bob", "emil")
    for name in ("both", "gil1", "gil2"):
        address = "both@example.com" if name == "both" else "gil@example.com"
        new.create_user(name, attributes={"email": address, "email_verified": "true"})
    claimed = {"email": "fay@example.com", "email_verified": "false"}
    new.create_user("fay", attributes=claimed)

    code, said = relink("--match", "email")
    assert code == 1
    reasons = {line.partition(": ")[0]: line.partition(": ")[2][:30] for line in said.splitlines()}
    assert reasons["ada"].startswith("Linked ada to ada")
    assert reasons["bob"] == "The pool has not verified this"
    assert reasons["cleo"] == reasons["dora"] == "Several users of the former po"
    assert reasons["emil"] == "This user was deleted from the"
    assert reasons["fay"] == "The user pool has no such user"
    assert reasons["gil"] == "Several users of the pool have"
    assert "6 users were not changed." in said
    assert rows.filter(pool_id=POOL_ID).count() == 6

    assert run("link", "bob", "--username", "bob", "--reason", "x")[0] == 1
    assert run("link", "bob", "--username", "bob", "--move", "--reason", "x")[0] == 0
    assert link_of("bob").pool_id == NEW_POOL
    assert relink("--unlink")[0] == 0
    assert not CognitoIdentity.objects.in_other_pools().exists()
    assert MFAEvent.objects.filter(kind="UNLINKED", username="emil").exists()


def test_a_second_account_that_was_made_first_is_in_the_way(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    ada = make(pool, "ada")
    new = rebuild_pool(visitor.cognito, settings, "ada")
    other = User.objects.create_user("second")
    sub = new.user("ada").sub
    CognitoIdentity.objects.create(user=other, pool_id=NEW_POOL, sub=sub, username="ada")
    code, said = relink("--match", "username")
    assert (code, f"ada ({sub}) is linked to second. Add --move" in said) == (1, True), said
    assert relink("--match", "username", "--move")[0] == 0
    assert link_of("ada").sub == sub
    assert link_of("ada").user == ada.user
    assert not CognitoIdentity.objects.filter(user=other).exists()


def test_an_unfinished_reset_does_not_reach_into_the_new_pool(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    unfinished = reset.request(make(pool, "ada"), actor=None, reason="Lost")
    rebuild_pool(visitor.cognito, settings, "ada")
    assert relink("--match", "email")[0] == 0
    visitor.set_up("ada")
    visitor.cognito.forget_calls()
    assert run("reset", "--unfinished") == (0, "No unfinished resets.\n")
    unfinished.refresh_from_db()
    assert (unfinished.finished_at is not None, unfinished.trouble) == (True, "another user pool")
    assert visitor.cognito.operations() == []


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--from-pool", NEW_POOL, "--match", "email"], 1, "the current USER_POOL_ID"),
        (["--from-pool", "us-east-1_None", "--match", "email"], 1, f"links to {POOL_ID} (1)"),
        (["--from-pool", POOL_ID], 2, "Specify --match or --unlink"),
        (["--from-pool", POOL_ID, "--csv", "x"], 2, "Specify one of"),
        (["ada", "--from-pool", POOL_ID], 2, "Specify one of"),
    ],
)
def test_what_a_change_of_pools_refuses(
    pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    arguments: list[str],
    code: int,
    told: str,
) -> None:
    make(pool, "ada")
    rebuild_pool(visitor.cognito, settings, "ada")
    found, said = run("link", *arguments, "--reason", "x")
    assert (found, told in said) == (code, True), said
    assert link_of("ada").pool_id == POOL_ID


def test_a_pool_that_cannot_be_read_changes_no_one(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    for name in ("ada", "bob"):
        make(pool, name)
    rebuild_pool(visitor.cognito, settings, "ada", "bob", *(f"p{number}" for number in range(60)))
    fault = faults.Error("InternalErrorException", status=500)
    visitor.cognito.faults.on("ListUsers", fault, skip=1)
    code, _said = relink("--match", "username")
    assert code == 3
    assert CognitoIdentity.objects.filter(pool_id=POOL_ID).count() == 2


def test_the_rules_of_the_admin_hold_for_each_user(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    make(pool, "ada")
    make(pool, "root", is_superuser=True)
    staff = User.objects.create_user("helpdesk", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="link_user"))
    rebuild_pool(visitor.cognito, settings, "ada", "root")
    code, said = relink("--match", "username", "--by", "helpdesk")
    assert (code, "1 moved to this pool." in said) == (1, True)
    assert link_of("root").pool_id == POOL_ID
    assert MFAEvent.objects.get(kind="PERMISSION_DENIED").username == "root"


def test_the_address_of_the_former_pool_still_hears_of_changes(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    make(pool, "ada")
    new = rebuild_pool(visitor.cognito, settings)
    address = {"email": "ada@new.example", "email_verified": "true"}
    new.create_user("ada", password=PASSWORD, attributes=address)
    assert relink("--match", "username")[0] == 0
    after = link_of("ada")
    assert (after.email, after.previous_email) == ("ada@new.example", "ada@example.com")
