"""Another password by the user's own choice: after the password and a code, in a session that stays verified."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.visitor import PASSWORD, Visitor

NEW = "Another horse 8!"
BEGIN, CONFIRM = "cognito_mfa:password_change", "cognito_mfa:password_change_confirm"
DEVICE = "cognito_mfa:device"


@pytest.fixture
def person(pool: LocalPool, visitor: Visitor) -> Visitor:
    visitor.come_with_app()
    return visitor


def confirm_identity(person: Visitor, password: str = PASSWORD) -> Any:
    begun = person.post(reverse(BEGIN), {"password": password})
    return person.enter_code() if begun.status_code == 302 else begun


def change(person: Visitor, new: str = NEW, old: str = PASSWORD) -> Any:
    given = {"old_password": old, "new_password1": new, "new_password2": new}
    return person.post(reverse(CONFIRM), given)


@pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH")
def test_password_and_code_then_the_new_password(
    person: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    assert reverse(BEGIN) in person.text(person.get(reverse(DEVICE)))
    assert person.get(reverse(BEGIN)).status_code == 200
    assert confirm_identity(person).url == reverse(CONFIRM)
    assert person.get(reverse(CONFIRM)).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        done = change(person)

    assert done.url == reverse(DEVICE)
    page = person.text(person.get(done.url))
    assert "Your password was changed" in page
    assert "Password changed" in page
    assert person.is_in()
    assert person.cognito.operations()[-1] == "ChangePassword"
    assert [message.to for message in mail.outbox] == [["newcomer@example.com"]]
    assert "you changed the password" in mail.outbox[0].body
    person.sign_out()
    assert "Incorrect username or password" in person.text(person.sign_in())
    assert person.sign_in(password=NEW).url == reverse("cognito_mfa:challenge")


@pytest.mark.over_api
def test_other_sessions_end(person: Visitor) -> None:
    other = Visitor(Client(), person.cognito)
    other.secret = person.secret
    other.sign_in()
    other.enter_code()
    person.cognito.clock.advance(30)
    assert other.is_in()
    confirm_identity(person)
    change(person)

    assert person.is_in()
    assert not other.is_in()


def test_no_password_is_kept_in_between(person: Visitor) -> None:
    from cognito_mfa.sign_in.encryption import decrypt
    from cognito_mfa.sign_in.pending import KEY

    confirm_identity(person)
    kept = decrypt(person.client.session[KEY])
    assert kept is not None
    opened = str(
        {name: getattr(value, "reveal", lambda v=value: v)() for name, value in kept.items()}
    )
    assert PASSWORD not in opened
    change(person)
    assert KEY not in person.client.session


@pytest.mark.parametrize("step", [BEGIN, CONFIRM])
def test_no_one_gets_there_without_a_verified_session(
    pool: LocalPool, visitor: Visitor, step: str
) -> None:
    assert reverse("cognito_mfa:sign_in") in visitor.get(reverse(step)).url
    person = CognitoIdentity.objects.create(
        user=User.objects.create_user("ada"),
        pool_id=pool.id,
        sub=pool.user("newcomer").sub,
        username="newcomer",
    )
    visitor.client.force_login(person.user, backend="cognito_mfa.backends.CognitoBackend")
    assert visitor.get(reverse(step)).status_code == 302
    assert change(visitor).url.startswith(reverse("cognito_mfa:setup"))
    assert visitor.cognito.operations() == []


def test_a_verified_session_alone_changes_nothing(person: Visitor) -> None:
    """A user at an open screen has to know the password and a code."""
    assert change(person).url == reverse(DEVICE)
    assert person.get(reverse(CONFIRM)).url == reverse(BEGIN)
    assert person.cognito.operations() == []


def test_a_wrong_password_at_either_place_is_said_there(person: Visitor) -> None:
    begin = person.text(confirm_identity(person, "Wrong-Horse-7"))
    assert "Incorrect password" in begin
    assert "Check both" not in begin  # only the password was asked for
    assert 'id="id_password_error"' in begin
    confirm_identity(person)
    wrong = change(person, old="Wrong-Horse-7")
    assert "Incorrect password" in person.text(wrong)
    assert 'id="id_old_password_error"' in person.text(wrong)
    assert change(person).url == reverse(DEVICE)


@pytest.mark.over_api
def test_a_refused_password_keeps_the_step(person: Visitor) -> None:
    confirm_identity(person)
    assert "too short" in person.text(change(person, "Sh-1"))
    assert change(person).url == reverse(DEVICE)


@pytest.mark.over_api
def test_wrong_passwords_end_in_a_lock(person: Visitor) -> None:
    confirm_identity(person)
    for _ in range(5):
        change(person, old="Wrong-Horse-7")
    locked = change(person)
    assert locked.answered == 429
    person.cognito.clock.advance(901)
    assert change(person).url == reverse(DEVICE)


@pytest.mark.over_api
def test_spaces_around_the_old_password_are_left_out(person: Visitor) -> None:
    confirm_identity(person, f"{PASSWORD} ")
    assert change(person, old=f" {PASSWORD}").url == reverse(DEVICE)


def test_a_token_that_was_revoked_starts_again(person: Visitor) -> None:
    confirm_identity(person)
    person.cognito.client().admin_user_global_sign_out(
        UserPoolId="us-east-1_Example00", Username="newcomer"
    )
    assert change(person).url == reverse(DEVICE)
    assert "wasn’t completed" in person.text(person.get(reverse(DEVICE)))


@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_answer_is_told_and_ends_other_sessions(person: Visitor, executed: bool) -> None:
    other = Visitor(Client(), person.cognito)
    other.secret = person.secret
    other.sign_in()
    other.enter_code()
    person.cognito.clock.advance(30)
    confirm_identity(person)
    person.cognito.forget_calls()
    person.cognito.faults.on("ChangePassword", faults.Timeout(executed=executed), times=1)
    lost = change(person)

    assert lost.answered == 503
    assert "couldn’t confirm that your password was changed" in person.text(lost)
    assert person.cognito.operations() == ["ChangePassword"]
    assert person.is_in()
    assert not other.is_in()


@pytest.mark.over_api
def test_a_reset_in_between_ends_it(person: Visitor) -> None:
    confirm_identity(person)
    CognitoIdentity.objects.get().invalidate_proofs(MFAEvent.Kind.MFA_RESET)
    assert change(person).answered in (302, 403)
    assert "ChangePassword" not in person.cognito.operations()


def test_it_can_be_canceled(person: Visitor) -> None:
    confirm_identity(person)
    canceled = person.post(reverse("cognito_mfa:setup_cancel"))
    assert "wasn’t changed" in person.text(person.get(canceled.url))
    assert person.get(reverse(CONFIRM)).url == reverse(BEGIN)


@pytest.mark.over_api
def test_without_a_second_factor_the_password_is_enough(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    visitor.sign_in()
    assert visitor.post(reverse(BEGIN), {"password": PASSWORD}).url == reverse(CONFIRM)
    other = Visitor(Client(), visitor.cognito)
    other.sign_in()
    assert other.is_in()
    assert change(visitor).url == reverse(DEVICE)
    assert visitor.is_in()
    assert not other.is_in()
    visitor.sign_out()
    visitor.sign_in(password=NEW)
    assert visitor.is_in()


def test_a_stolen_cookie_of_the_session_that_stays_is_of_no_use(person: Visitor) -> None:
    thief = Visitor(Client(), person.cognito)
    thief.client.cookies["sessionid"] = person.client.cookies["sessionid"].value
    assert thief.is_in()
    confirm_identity(person)
    change(person)
    assert person.is_in()
    assert not thief.is_in()


def test_the_pages_can_be_turned_off(person: Visitor, settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "PASSWORD_PAGES": False}
    assert person.get(reverse(BEGIN)).status_code == 404
    assert change(person).status_code == 404
    assert "Change password" not in person.text(person.get(reverse(DEVICE)))


@pytest.mark.over_api
def test_a_required_reset_leads_there_from_a_change_too(
    cognito: LocalCognito, person: Visitor
) -> None:
    cognito.client().admin_reset_user_password(
        UserPoolId="us-east-1_Example00", Username="newcomer"
    )
    leads = person.post(reverse("cognito_mfa:device_replace"), {"password": PASSWORD})
    assert leads.url == reverse("cognito_mfa:password_reset_confirm")
    assert "newcomer" in person.text(person.get(leads.url))
