"""A name of the pool that is used again: ``ada`` sets up here, is deleted, and a new ``ada`` is created.

A person is a pool id and a ``sub``; the two are looked at from both sides.
"""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.authenticator import reset, status, username_reuse
from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent, MFAReset, SoftwareToken
from tests.factories import reading
from tests.security.successors import REPLACE, Ada, leave
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

pytestmark = pytest.mark.django_db
Status = CognitoIdentity.Status


@pytest.fixture
def old(pool: LocalPool, visitor: Visitor) -> Ada:
    """The first ada: here for long, and now gone."""
    ada = Ada(pool, visitor)
    ada.come()
    assert ada.replace().status_code == 302  # a life of her own: her generation is not 0
    leave(pool, ada)
    mail.outbox.clear()
    return ada


@pytest.fixture
def new(pool: LocalPool, old: Ada) -> Ada:
    """The second ada: no one here has seen her yet."""
    return Ada(pool, old)


# --------------------------------------------------------------------------- administrators' calls


@pytest.mark.skipif(
    not has_operation("AdminDeleteSoftwareToken"),
    reason="AdminDeleteSoftwareToken is newer than the installed botocore",
)
def test_a_reset_of_the_old_one_leaves_the_new_one_alone(
    pool: LocalPool, old: Ada, new: Ada, django_capture_on_commit_callbacks: Any
) -> None:
    """``reset._delete_token``: the ``sub`` goes to Cognito, never the name; ``reset._finish``: no mail."""
    new.set_up_elsewhere(pool)
    with django_capture_on_commit_callbacks(execute=True):
        row = reset.run(reset.request(old.row, actor=None, reason="Ticket 7"))
    assert row.finished_at is not None
    assert old.row.status == Status.GONE
    assert old.row.software_token is None
    assert pool.user("ada").software_token is not None
    assert mail.outbox == []


def test_a_refresh_of_the_old_one_finds_her_gone(pool: LocalPool, old: Ada, new: Ada) -> None:
    """``status.refresh_status``: likewise, and her row is retired."""
    new.set_up_elsewhere(pool)
    generation = old.row.generation
    assert status.refresh_status(old.row) == Status.GONE
    assert (old.row.status, old.row.software_token) == (Status.GONE, None)
    assert old.row.generation == generation + 1


@pytest.mark.over_api
def test_every_call_about_a_person_names_their_sub(pool: LocalPool, visitor: Visitor) -> None:
    """Each operation of administrators; ``admin_api._for_user``."""
    ada = Ada(pool, visitor)
    ada.come()
    ada.cognito.forget_calls()
    reset.run(reset.request(ada.row, actor=None, reason="x"))
    status.refresh_status(ada.row)
    named = [call for call in ada.cognito.calls if call.operation.startswith("Admin")]
    assert named
    assert {call.parameters["Username"] for call in named} == {ada.sub}
    assert User.objects.count() == 1


# ------------------------------------------------------------------------------------------- rows


@pytest.mark.over_api
def test_the_new_one_gets_a_row_of_her_own_and_the_old_row_is_retired(
    pool: LocalPool, old: Ada, new: Ada
) -> None:
    """``linking.link`` → ``username_reuse.retire_namesakes``: at one moment a pool has one ada."""
    generation = old.row.generation
    new.come()
    assert new.row.user != old.row.user
    assert (old.row.status, old.row.software_token) == (Status.GONE, None)
    assert old.row.software_tokens.latest("pk").retired_because == "REMOVED_ELSEWHERE"
    assert old.row.generation == generation + 1
    assert old.row.events.filter(kind="STATUS_CHANGED").count() == 1
    assert new.is_in()
    assert not old.is_in()


def test_the_new_one_replaces_her_phone(pool: LocalPool, old: Ada, new: Ada) -> None:
    """``Snapshot.is_outdated_for``: another row's generation says nothing about hers."""
    new.come()
    assert new.replace().url.startswith(reverse("cognito_mfa:setup_done"))
    assert new.is_in()
    assert new.row.software_token is not None
    assert new.row.software_token.friendly_name == "Another phone"


def test_the_new_one_who_set_up_elsewhere_replaces_her_phone(
    pool: LocalPool, old: Ada, new: Ada
) -> None:
    """Likewise."""
    new.set_up_elsewhere(pool)
    new.sign_in("ada")
    new.enter_code()
    assert new.is_in()
    assert old.row.status == Status.GONE
    new.cognito.clock.advance(30)
    assert new.replace().url.startswith(reverse("cognito_mfa:setup_done"))


def test_the_mails_go_to_the_new_one_alone(
    pool: LocalPool, old: Ada, new: Ada, django_capture_on_commit_callbacks: Any
) -> None:
    """``username_reuse.retire`` tells no one; ``transitions.record_setup`` writes to the row of the tokens."""
    with django_capture_on_commit_callbacks(execute=True):
        new.come()
        new.replace()
    assert [message.to for message in mail.outbox] == [[new.email]] * 2
    assert old.row.events.filter(kind="SOFTWARE_TOKEN_REPLACED").count() == 1


# --------------------------------------------------------------------------------------- code page


def code_page(person: Ada) -> str:
    person.sign_in(person.name)
    return person.text(person.get(reverse("cognito_mfa:challenge")))


def test_the_code_page_does_not_name_the_old_ones_phone(
    pool: LocalPool, old: Ada, new: Ada
) -> None:
    """``device_naming._has_known_name``: what the old one called her phone is her own affair."""
    new.set_up_elsewhere(pool, friendly_name="Mine")
    page = code_page(new)
    assert "Another phone" not in page
    assert "Mine" in page


def test_two_phones_of_the_same_name_are_told_apart(pool: LocalPool, visitor: Visitor) -> None:
    """``device_naming._identify_renamed_device``, and the ``sub`` in ``device_naming.with_device``: what the old one called hers later."""
    old = Ada(pool, visitor)
    old.set_up("ada", friendly_name="Phone")
    old.post(reverse("cognito_mfa:device_rename"), {"friendly_name": "Present from Bob"})
    leave(pool, old)
    new = Ada(pool, old)
    new.set_up_elsewhere(pool, friendly_name="Phone")
    assert "Present from Bob" not in code_page(new)
    assert old.row.status == Status.GONE
    new.enter_code()
    assert new.is_in()


def test_where_no_one_knows_cognitos_name_is_shown(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """``device_naming._identify_renamed_device``: the error that means nothing."""
    ada = Ada(pool, visitor)
    ada.set_up("ada", friendly_name="Phone")
    ada.post(reverse("cognito_mfa:device_rename"), {"friendly_name": "Present from Bob"})
    for operation in {reading(), "AdminGetUser"}:
        ada.cognito.faults.on(operation, faults.Error("AccessDeniedException", "no"))
    page = code_page(signed_out(ada))
    assert "Present from Bob" not in page
    assert "Phone" in page
    ada.enter_code()
    assert ada.is_in()


def test_a_phone_without_a_name_is_not_taken_for_another_without_one(
    pool: LocalPool, old: Ada, new: Ada
) -> None:
    """``device_naming._has_known_name``: two empty names are not the same name."""
    SoftwareToken.objects.filter(retired_at=None).update(cognito_name="")
    new.set_up_elsewhere(pool, friendly_name="")
    assert "Another phone" not in code_page(new)


def test_the_code_page_names_her_own_phone_as_she_calls_it_now(
    pool: LocalPool, old: Ada, new: Ada
) -> None:
    new.come()
    new.post(reverse("cognito_mfa:device_rename"), {"friendly_name": "My green phone"})
    new.sign_out()
    assert "My green phone" in code_page(new)


def test_the_old_ones_lost_set_up_is_no_news_for_the_new_one(
    pool: LocalPool, old: Ada, new: Ada
) -> None:
    """``device_naming.with_device``: likewise."""
    CognitoIdentity.objects.update(unconfirmed="SET_UP")
    new.set_up_elsewhere(pool, friendly_name="Mine")
    assert "Mine" in code_page(new)


# --------------------------------------------------------------------------- commands and the admin


def run(*arguments: str) -> tuple[int, str]:
    """Run a command as a shell would; return its exit code and what it said."""
    out = io.StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=out)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{error}"
    return 0, out.getvalue()


def test_a_command_refuses_a_name_that_two_people_had_and_takes_a_sub(
    pool: LocalPool, old: Ada, new: Ada
) -> None:
    """``management.lookup.find_user``: never one of two by chance."""
    new.come()
    code, text = run("cognito_mfa_reset", "ada", "--reason", "x")
    assert code == 1
    assert old.sub in text
    assert new.sub in text
    assert not MFAReset.objects.exists()
    code, text = run("cognito_mfa_reset", new.sub, "--reason", "x")
    assert code == 0, text
    assert MFAReset.objects.get().identity == new.row
    assert old.row.software_tokens.latest("pk").retired_because == "REMOVED_ELSEWHERE"


def test_a_sync_finds_the_old_one_gone_and_says_what_the_new_one_has(
    pool: LocalPool, old: Ada, new: Ada
) -> None:
    """``cognito_mfa_sync``: by the ``sub``; the old row does not take on what the new person has."""
    new.set_up_elsewhere(pool)
    assert run("cognito_mfa_sync", "--rate", "1000")[0] == 0
    assert old.row.status == Status.GONE
    new.sign_in("ada")
    new.enter_code()
    assert new.is_in()
    assert run("cognito_mfa_sync", "--rate", "1000")[0] == 0
    assert (old.row.status, new.row.status) == (Status.GONE, Status.ENABLED)


def test_a_row_that_was_thought_gone_lives_again_when_its_person_comes(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """``linking.link``: tokens say who is there, also without a code."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    ada = Ada(optional_pool, visitor)
    ada.sign_in("ada")
    username_reuse.retire(ada.row)
    ada.sign_in("ada")
    assert ada.row.status == Status.NOT_SET_UP
    assert ada.is_in()


def test_a_token_of_before_the_new_link_retires_no_one(pool: LocalPool, old: Ada, new: Ada) -> None:
    """``username_reuse.retire_namesakes``, ``told_at``: the old one's token is good for an hour, and says nothing new."""
    new.come()
    username_reuse.retire_namesakes(
        "ada", old.sub, told_at=new.row.created_at - timedelta(minutes=5)
    )
    assert new.row.status == Status.ENABLED


def test_two_people_whose_names_differ_in_case_do_not_retire_each_other(
    cognito: LocalCognito, visitor: Visitor
) -> None:
    """``username_reuse.retire_namesakes``: exact names, in a pool that tells them apart."""
    pool = cognito.create_pool(POOL_ID, mfa="ON", case_insensitive=False)
    pool.create_client(CLIENT_ID)
    small, great = Ada(pool, visitor), Ada(pool, visitor, name="Ada")
    small.come()
    great.come()
    assert {small.row.status, great.row.status} == {Status.ENABLED}
    assert "Phone of ada" in code_page(signed_out(small))
    assert "Phone of Ada" in code_page(signed_out(great))
    for person in (small, great):
        person.enter_code()
        person.cognito.clock.advance(30)
        assert person.replace().status_code == 302


def signed_out(person: Ada) -> Ada:
    person.sign_out()
    return person


def test_where_the_pools_names_are_subs_an_address_used_again_is_another_person(
    cognito: LocalCognito, visitor: Visitor
) -> None:
    """``identity_lookup.challenged_user``: the name that Cognito tells is lasting there."""
    pool = cognito.create_pool(POOL_ID, mfa="ON", username_attributes=["email"])
    pool.create_client(CLIENT_ID)
    people_of_one_address = []
    for number in (1, 2):
        person = Ada(pool, visitor, name="ada@example.com")
        person.come()
        assert person.replace().status_code == 302
        assert "Another phone" in code_page(signed_out(person))
        people_of_one_address.append(person)
        if number == 1:
            leave(pool, person)
    first, second = people_of_one_address
    assert first.sub != second.sub
    assert first.row.user != second.row.user
    assert first.row.code_failures == second.row.code_failures == 0


def test_a_reset_of_the_new_one_leaves_the_old_row_alone(
    pool: LocalPool, old: Ada, new: Ada
) -> None:
    new.come()
    generation = old.row.generation
    reset.run(reset.request(new.row, actor=None, reason="x"))
    assert pool.user("ada").software_token is None
    assert (new.row.status, old.row.generation) == (Status.NOT_SET_UP, generation)
    new.cognito.clock.advance(30)
    new.come()
    assert new.is_in()


def test_what_the_old_ones_browser_begins_changes_nothing_of_the_new_one(
    pool: LocalPool, old: Ada, new: Ada
) -> None:
    """``removal.check_own``, ``next_step.finish_with_tokens``: a session of the old one, and the new one's password and code."""
    new.set_up_elsewhere(pool)
    old.secret = new.secret
    old.post(reverse(REPLACE), {"password": PASSWORD})
    old.enter_code()
    assert not CognitoIdentity.objects.filter(sub=new.sub).exists()
    assert pool.user("ada").pending_secret is None
    new.cognito.clock.advance(30)
    new.sign_in("ada")
    new.enter_code()
    assert new.is_in()


def test_the_old_row_is_retired_also_where_the_new_one_may_not_have_its_user(
    pool: LocalPool, old: Ada, new: Ada, settings: Settings
) -> None:
    """``linking.link``: by a resolver that names the old one's user, which is hers; an event tells the operator."""
    resolver = "cognito_mfa.sign_in.linking.by_username"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "USER_RESOLVER": resolver}
    new.set_up_elsewhere(pool)
    new.sign_in("ada")
    assert new.enter_code().answered == 403
    assert not new.is_in()
    assert old.row.status == Status.GONE
    assert MFAEvent.objects.filter(kind="LINK_REFUSED", sub=new.sub).count() == 1

    user = old.row.user
    old.row.delete()  # as the manual says, where the two are one human being
    new.cognito.clock.advance(30)
    new.sign_in("ada")
    new.enter_code()
    assert new.is_in()
    assert new.row.user == user
    assert MFAEvent.objects.filter(sub=old.sub, identity=None).exists()
