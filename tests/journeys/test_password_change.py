"""Another password by the user's own choice: after the password and a code, in a session that stays verified."""

from __future__ import annotations

import re
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
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

NEW = "Another horse 8!"
BEGIN, CONFIRM = "cognito_mfa:password_change", "cognito_mfa:password_change_confirm"
DEVICE = "cognito_mfa:device"


@pytest.fixture
def person(pool: LocalPool, visitor: Visitor) -> Visitor:
    visitor.come_with_app()
    return visitor


def passwords(new: str = NEW, old: str = PASSWORD) -> dict[str, str]:
    return {"old_password": old, "new_password1": new, "new_password2": new}


def change(person: Visitor, new: str = NEW, old: str = PASSWORD, code: str = "") -> Any:
    """Change the password on one page, with the app's code."""
    return person.post(reverse(BEGIN), {**passwords(new, old), "code": code or person.code()})


def change_again(person: Visitor, new: str = NEW, old: str = PASSWORD) -> Any:
    """Go on where only the change itself was refused: without another code."""
    return person.post(reverse(CONFIRM), passwords(new, old))


def confirm_identity(person: Visitor) -> Any:
    """Get to the page that asks for both passwords: the new one of before was refused."""
    return change(person, "Sh-1")


@pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH")
def test_both_passwords_and_the_code_on_one_page(
    person: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    assert reverse(BEGIN) in person.text(person.get(reverse(DEVICE)))
    page = person.text(person.get(reverse(BEGIN)))
    assert re.findall(r'type="password" name="(\w+)"', page) == [
        "old_password", "new_password1", "new_password2",
    ]  # fmt: skip
    assert 'name="code"' in page
    person.cognito.forget_calls()
    with django_capture_on_commit_callbacks(execute=True):
        done = change(person)

    assert done.url == reverse(DEVICE)
    assert person.cognito.operations()[-2:] == ["RespondToAuthChallenge", "ChangePassword"]
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
    assert "Sh-1" not in opened
    change_again(person)
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
    visitor.secret = "A" * 32
    assert change(visitor).url.startswith(reverse("cognito_mfa:setup"))
    assert change_again(visitor).url.startswith(reverse("cognito_mfa:setup"))
    assert visitor.cognito.operations() == []


def test_a_verified_session_alone_changes_nothing(person: Visitor) -> None:
    """A user at an open screen has to know the password and a code."""
    assert change_again(person).url == reverse(DEVICE)
    assert person.get(reverse(CONFIRM)).url == reverse(BEGIN)
    without_code = person.text(person.post(reverse(BEGIN), passwords()))
    assert 'id="id_code_error"' in without_code
    assert person.cognito.operations() == []


def test_a_code_is_not_asked_for_in_vain(person: Visitor) -> None:
    different = {**passwords(), "new_password2": "Another horse 9!", "code": person.code()}
    page = person.text(person.post(reverse(BEGIN), different))
    assert "The passwords don’t match." in page
    assert PASSWORD not in page
    assert person.cognito.operations() == []
    assert change(person).url == reverse(DEVICE)


@pytest.mark.over_api
def test_a_wrong_code_changes_nothing(person: Visitor) -> None:
    wrong = change(person, code=person.wrong_code())
    assert wrong.answered in (200, 400)
    assert "ChangePassword" not in person.cognito.operations()
    assert person.get(reverse("cognito_mfa:challenge")).status_code == 302  # nothing is pending
    assert person.is_in()
    person.wait(30)
    assert change(person).url == reverse(DEVICE)


def test_a_wrong_code_is_said_at_its_field(person: Visitor) -> None:
    page = person.text(change(person, code=person.wrong_code()))
    assert 'id="id_code_error"' in page
    assert "Change password" in page


def test_a_wrong_password_at_either_place_is_said_there(person: Visitor) -> None:
    first = person.text(change(person, old="Wrong-Horse-7"))
    assert "Incorrect password" in first
    assert "Check both" not in first  # no username was asked for
    assert 'id="id_old_password_error"' in first
    assert "RespondToAuthChallenge" not in person.cognito.operations()  # the code is still good
    confirm_identity(person)
    wrong = change_again(person, old="Wrong-Horse-7")
    assert "Incorrect password" in person.text(wrong)
    assert 'id="id_old_password_error"' in person.text(wrong)
    assert change_again(person).url == reverse(DEVICE)


@pytest.mark.over_api
def test_a_refused_password_needs_no_other_code(person: Visitor) -> None:
    assert "too short" in person.text(change(person, "Sh-1"))
    assert person.is_in()
    assert "too short" in person.text(change_again(person, "Sh-1"))
    assert change_again(person).url == reverse(DEVICE)


def test_a_refused_password_is_said_on_the_page_that_goes_on(person: Visitor) -> None:
    page = person.text(change(person, "Sh-1"))
    assert 'id="id_new_password1_error"' in page
    assert 'name="code"' not in page
    assert f'action="{reverse(CONFIRM)}"' in page


@pytest.mark.parametrize("code", [0, 1])
def test_htmx_gets_the_same_page_at_once(person: Visitor, code: int) -> None:
    given = {**passwords("Sh-1"), "code": person.code() if code else person.wrong_code()}
    answer = person.client.post(reverse(BEGIN), given, headers={"HX-Request": "true"})
    page = person.text(answer)
    assert ('name="code"' in page) == (not code)
    assert ("too short" in page) == bool(code)


def test_a_stolen_cookie_does_not_go_on_after_a_refused_password(person: Visitor) -> None:
    """The access token waits in the session, whose key the thief has."""
    thief = person.same_browser()
    confirm_identity(person)
    assert thief.get(reverse(CONFIRM)).url.startswith(reverse("cognito_mfa:sign_in"))
    assert person.get(reverse(CONFIRM)).status_code == 200


@pytest.mark.parametrize("operation", ["InitiateAuth", "RespondToAuthChallenge", "ChangePassword"])
def test_a_script_whose_change_fails_stays_signed_in(person: Visitor, operation: str) -> None:
    """Django sends no cookie with a server error: the session must keep its key."""
    person.cognito.faults.on(operation, faults.Timeout(executed=False), times=1)
    given = {**passwords(), "code": person.code()}
    answer = person.client.post(reverse(BEGIN), given, headers={"Accept": "application/json"})
    assert answer.status_code == 503
    assert person.is_in()


@pytest.mark.over_api
def test_wrong_passwords_end_in_a_lock(person: Visitor) -> None:
    confirm_identity(person)
    for _ in range(5):
        change_again(person, old="Wrong-Horse-7")
    locked = change_again(person)
    assert locked.answered == 429
    person.cognito.clock.advance(901)
    assert change_again(person).url == reverse(DEVICE)


@pytest.mark.over_api
def test_spaces_around_the_old_password_are_left_out(person: Visitor) -> None:
    assert change(person, old=f" {PASSWORD} ").url == reverse(DEVICE)


def test_a_token_that_was_revoked_starts_again(person: Visitor) -> None:
    confirm_identity(person)
    person.cognito.client().admin_user_global_sign_out(
        UserPoolId="us-east-1_Example00", Username="newcomer"
    )
    assert change_again(person).url == reverse(DEVICE)
    assert "wasn’t completed" in person.text(person.get(reverse(DEVICE)))


@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_answer_is_told_and_ends_other_sessions(person: Visitor, executed: bool) -> None:
    other = Visitor(Client(), person.cognito)
    other.secret = person.secret
    other.sign_in()
    other.enter_code()
    person.cognito.clock.advance(30)
    person.cognito.forget_calls()
    person.cognito.faults.on("ChangePassword", faults.Timeout(executed=executed), times=1)
    lost = change(person)

    assert lost.answered == 503
    assert "couldn’t confirm that your password was changed" in person.text(lost)
    assert person.cognito.operations()[-1:] == ["ChangePassword"]
    assert person.is_in()
    assert not other.is_in()


@pytest.mark.over_api
def test_a_reset_in_between_ends_it(person: Visitor) -> None:
    confirm_identity(person)
    CognitoIdentity.objects.get().invalidate_proofs(MFAEvent.Kind.MFA_RESET)
    person.cognito.forget_calls()
    assert change_again(person).answered in (302, 403)
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
    assert 'name="code"' not in visitor.text(visitor.get(reverse(BEGIN)))
    other = Visitor(Client(), visitor.cognito)
    other.sign_in()
    assert other.is_in()
    assert visitor.post(reverse(BEGIN), passwords()).url == reverse(DEVICE)
    assert visitor.is_in()
    assert not other.is_in()
    visitor.sign_out()
    visitor.sign_in(password=NEW)
    assert visitor.is_in()


def test_a_stolen_cookie_of_the_session_that_stays_is_of_no_use(person: Visitor) -> None:
    thief = Visitor(Client(), person.cognito)
    thief.client.cookies["sessionid"] = person.client.cookies["sessionid"].value
    assert thief.is_in()
    change(person)
    assert person.is_in()
    assert not thief.is_in()


def test_the_pages_can_be_turned_off(person: Visitor, settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "PASSWORD_PAGES": False}
    assert person.get(reverse(BEGIN)).status_code == 404
    assert change(person).status_code == 404
    assert change_again(person).status_code == 404
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


def test_a_sign_in_does_not_go_on_with_a_change(person: Visitor) -> None:
    """``SignInStep.purpose``: who signs in at the page for it is let in, and asked for nothing else."""
    person.start_change("device_replace")
    person.sign_in(next_url="/private/")
    assert person.enter_code().url == "/private/"


# ------------------------------------------------------------------------ a code that only Cognito knows of


def test_an_app_that_was_set_up_elsewhere_is_asked_for_on_a_page_of_its_own(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    visitor.sign_in()
    visitor.secret = optional_pool.register_software_token("newcomer", friendly_name="Elsewhere")
    asked = visitor.post(reverse(BEGIN), passwords())
    assert asked.url == reverse("cognito_mfa:challenge")
    assert "hasn’t been changed yet" in visitor.text(visitor.get(asked.url))
    assert visitor.enter_code().url == reverse(CONFIRM)
    assert change_again(visitor).url == reverse(DEVICE)
    visitor.sign_out()
    assert visitor.sign_in(password=NEW).url == reverse("cognito_mfa:challenge")


def test_an_app_that_was_turned_off_elsewhere_needs_no_code(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    visitor.come_with_app()
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    visitor.cognito.client().admin_set_user_mfa_preference(
        UserPoolId=optional_pool.id,
        Username="newcomer",
        SoftwareTokenMfaSettings={"Enabled": False, "PreferredMfa": False},
    )
    visitor.cognito.forget_calls()
    assert change(visitor).url == reverse(DEVICE)
    assert visitor.cognito.operations()[-1] == "ChangePassword"


@pytest.fixture
def many_ways(cognito: LocalCognito) -> LocalPool:
    """A pool that requires MFA and offers every factor."""
    pool = cognito.create_pool(POOL_ID, mfa="ON", sms=True, email=True)
    pool.create_client(CLIENT_ID)
    return pool


def test_who_gets_codes_sent_enters_the_password_before_and_after(
    many_ways: LocalPool, visitor: Visitor
) -> None:
    """Cognito sends the code after the password, which no one keeps until the change."""
    many_ways.create_user("ada", password=PASSWORD, attributes={"phone_number": "+15555550839"})
    visitor.sign_in("ada")
    visitor.enter_code(visitor.cognito.outbox[-1].code)
    page = visitor.text(visitor.get(reverse(BEGIN)))
    assert "the code that we’ll send you" in page
    assert "new_password1" not in page
    wrong = visitor.text(visitor.post(reverse(BEGIN), {"password": "Wrong-Horse-7"}))
    assert 'id="id_password_error"' in wrong
    assert visitor.post(reverse(BEGIN), {"password": PASSWORD}).url == reverse(
        "cognito_mfa:challenge"
    )
    assert visitor.enter_code(visitor.cognito.outbox[-1].code).url == reverse(CONFIRM)
    assert change_again(visitor).url == reverse(DEVICE)


def test_of_several_factors_the_app_is_asked_whose_code_was_entered(
    many_ways: LocalPool, visitor: Visitor
) -> None:
    attributes = {"phone_number": "+15555550839", "phone_number_verified": "true"}
    many_ways.create_user("ada", password=PASSWORD, attributes=attributes)
    visitor.come_with_app("ada")
    visitor.cognito.client().admin_set_user_mfa_preference(
        UserPoolId=many_ways.id,
        Username="ada",
        SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": False},
        SMSMfaSettings={"Enabled": True, "PreferredMfa": False},
    )
    visitor.cognito.forget_calls()
    assert change(visitor).url == reverse(DEVICE)
    assert visitor.cognito.operations() == [
        "InitiateAuth", "RespondToAuthChallenge", "RespondToAuthChallenge", "ChangePassword",
    ]  # fmt: skip
