"""What a user tries who has a part of what it takes: the password and not the phone, an old code, a
copied cookie, another browser. Each of these is also asked of lenient Cognitos (test_mutants): there
it must fail, or it would not notice a mistake either."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyotp
import pytest
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.cognito import user_api
from cognito_mfa.cognito.caller import NO_CALLER
from cognito_mfa.cognito.types import Challenge
from cognito_mfa.exceptions import ChallengeLost, CognitoMFAError
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures
from cognito_mfa.values.secret_text import SecretText
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor
from tests.ways_in import visitor

__all__ = ["visitor"]

CHALLENGE, SETUP = "cognito_mfa:challenge", "cognito_mfa:setup"
SECRET = "clientsecretclientsecretclientsecret"


def seen_sessions(visitor: Visitor, operation: str) -> list[str]:
    """Fills with the session strings that this operation answers from now on."""
    seen: list[str] = []

    def note(answer: dict[str, Any]) -> dict[str, Any]:
        seen.append(answer["Session"])
        return answer

    visitor.cognito.faults.on(operation, faults.Edit(note))
    return seen


def enrolled(visitor: Visitor, username: str = "newcomer") -> Visitor:
    """A user with an authenticator, who signed out."""
    visitor.set_up(username)
    visitor.sign_out()
    return visitor


def test_a_wrong_password_opens_nothing(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in(password="Wrong-Horse-7")
    assert visitor.get(reverse(SETUP)).status_code == 302
    assert not visitor.is_in()


def test_a_guessed_code_opens_nothing(pool: LocalPool, visitor: Visitor) -> None:
    enrolled(visitor).sign_in()
    visitor.enter_code(visitor.wrong_code())
    assert not visitor.is_in()


def test_a_guessed_code_sets_nothing_up(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.scan()
    visitor.confirm_setup(visitor.wrong_code())
    assert not visitor.is_in()
    assert pool.user("newcomer").software_token is None


def test_a_code_read_over_the_shoulder_is_spent(pool: LocalPool, visitor: Visitor) -> None:
    enrolled(visitor).sign_in()
    code = visitor.code()
    visitor.enter_code(code)
    assert visitor.is_in()
    thief = visitor.another_browser()
    thief.sign_in()
    thief.enter_code(code)
    assert not thief.is_in()


def test_the_code_of_the_set_up_is_spent(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.scan()
    code = visitor.code()
    visitor.confirm_setup(code)
    thief = visitor.another_browser()
    thief.sign_in()
    thief.enter_code(code)
    assert not thief.is_in()


@pytest.mark.parametrize("steps", [-20, -2, 2, 20])
def test_a_code_of_another_time_opens_nothing(
    pool: LocalPool, visitor: Visitor, steps: int
) -> None:
    enrolled(visitor).cognito.clock.advance(1200)
    visitor.sign_in()
    visitor.enter_code(visitor.code(steps=steps))
    assert not visitor.is_in()


def test_no_two_people_get_the_same_key(pool: LocalPool, visitor: Visitor) -> None:
    pool.create_user("second", password=PASSWORD)
    visitor.sign_in()
    other = visitor.another_browser()
    other.sign_in("second")
    assert visitor.scan() != other.scan()


def test_another_persons_phone_opens_nothing(pool: LocalPool, visitor: Visitor) -> None:
    pool.create_user("second", password=PASSWORD)
    other = enrolled(visitor.another_browser(), "second")
    enrolled(visitor).sign_in()
    visitor.enter_code(other.code())
    assert not visitor.is_in()


def test_a_copied_session_cannot_be_answered_again(pool: LocalPool, visitor: Visitor) -> None:
    """Anyone who copied the browser's session before the code has a step that is over."""
    enrolled(visitor).sign_in()
    copied = dict(visitor.client.session.items())
    visitor.enter_code()
    assert visitor.is_in()
    visitor.cognito.clock.advance(30)

    thief = visitor.another_browser()
    session = thief.client.session
    session.update(copied)
    session.save()
    thief.client.cookies["sessionid"] = session.session_key or ""
    thief.enter_code(visitor.code())
    assert not thief.is_in()


def test_a_sign_in_left_open_closes_by_itself(pool: LocalPool, visitor: Visitor) -> None:
    enrolled(visitor).sign_in()
    visitor.cognito.clock.advance(200)
    visitor.enter_code()
    assert not visitor.is_in()


def test_a_set_up_left_open_closes_by_itself(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.scan()
    visitor.cognito.clock.advance(200)
    visitor.confirm_setup()
    assert not visitor.is_in()


def test_an_answer_for_another_user_is_lost(pool: LocalPool, visitor: Visitor) -> None:
    """The name in an answer must be the session's: Cognito says so, and we believe nothing else."""
    pool.create_user("thief", password=PASSWORD)
    pool.register_software_token("thief")
    pool.register_software_token("newcomer")
    begun = user_api.start_sign_in("thief", SecretText(PASSWORD), caller=NO_CALLER)
    assert isinstance(begun, Challenge)
    stolen = replace(begun, username="newcomer")
    for code in (pool.code_for("thief"), pool.code_for("newcomer")):
        with pytest.raises(CognitoMFAError) as caught:
            user_api.answer_code(stolen, SecretText(code), caller=NO_CALLER)
        assert isinstance(caught.value, ChallengeLost)


def test_a_sign_in_begun_for_another_client_starts_again(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    enrolled(visitor).sign_in()
    pool.create_client("secondclient")
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_ID": "secondclient"}
    visitor.enter_code()
    assert not visitor.is_in()


def test_a_verification_that_never_happened_signs_no_one_in(
    pool: LocalPool, visitor: Visitor
) -> None:
    """A user between us and Cognito says SUCCESS; Cognito's own last word counts."""
    sessions = seen_sessions(visitor, "AssociateSoftwareToken")
    visitor.sign_in()
    visitor.scan()
    (second,) = sessions
    said = faults.Reply({"Status": "SUCCESS", "Session": second}, executed=False)
    visitor.cognito.faults.on("VerifySoftwareToken", said)
    visitor.confirm_setup(visitor.wrong_code())
    assert not visitor.is_in()


def test_a_session_from_before_the_key_verifies_nothing(pool: LocalPool, visitor: Visitor) -> None:
    """Each step has a session of its own; an earlier one must not do a later one's work."""
    sessions = seen_sessions(visitor, "InitiateAuth")
    swap = faults.Edit(lambda answer: {**answer, "Session": sessions[0]})
    visitor.cognito.faults.on("AssociateSoftwareToken", swap)
    visitor.sign_in()
    visitor.scan()
    visitor.confirm_setup()
    assert not visitor.is_in()


def test_the_password_alone_cannot_replace_the_authenticator(
    pool: LocalPool, visitor: Visitor
) -> None:
    """A setup begun elsewhere with the password dies when the owner finishes theirs.

    On this site by ``Snapshot.is_outdated``; and by Cognito's own rule, for who asks Cognito without us.
    """
    thief, cognito = visitor.another_browser(), visitor.cognito.client()
    thief.sign_in()
    thief.scan()
    credentials = {"USERNAME": "newcomer", "PASSWORD": PASSWORD}
    begun = cognito.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH", ClientId=CLIENT_ID, AuthParameters=credentials
    )
    without_us = cognito.associate_software_token(Session=begun["Session"])
    visitor.set_up()
    owners = pool.user("newcomer").software_token
    thief.confirm_setup()
    assert not thief.is_in()
    code = pyotp.TOTP(without_us["SecretCode"]).at(int(visitor.cognito.clock.now()))
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        cognito.verify_software_token(Session=without_us["Session"], UserCode=code)
    assert pool.user("newcomer").software_token is owners


def test_a_new_user_gets_nowhere_without_an_authenticator(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.sign_in()
    assert visitor.cognito.operations() == ["InitiateAuth", "AssociateSoftwareToken"]
    assert not visitor.is_in()
    assert "_auth_user_id" not in visitor.client.session


def test_a_pool_that_requires_mfa_is_enough(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """A site without a policy of its own leaves it to the pool."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    visitor.sign_in()
    assert not visitor.is_in()
    assert "_auth_user_id" not in visitor.client.session


def test_in_an_optional_pool_the_code_is_asked_for_too(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    """Else the password alone would come to a new setup."""
    enrolled(visitor).sign_in()
    assert visitor.get(reverse(CHALLENGE)).status_code == 200
    assert not visitor.is_in()


def test_guessing_codes_is_slowed_down_by_cognito_as_well(
    pool: LocalPool, visitor: Visitor
) -> None:
    """Our own budget is the narrower one (test_budget); this is Cognito's lock, without it."""
    enrolled(visitor).cognito.clock.advance(120)
    visitor.sign_in()
    for _ in range(5):
        visitor.enter_code(visitor.wrong_code())
        CodeFailures.objects.all().delete()
    visitor.cognito.clock.advance(-60)  # well within the lock, however slow this machine is
    visitor.enter_code()
    assert not visitor.is_in()


def test_guessing_passwords_is_slowed_down(pool: LocalPool, visitor: Visitor) -> None:
    for _ in range(5):
        visitor.sign_in(password="Wrong-Horse-7")
    visitor.cognito.clock.advance(-60)
    visitor.sign_in()
    assert visitor.get(reverse(SETUP)).status_code == 302
    assert not visitor.is_in()


def test_a_disabled_person_stays_out(pool: LocalPool, visitor: Visitor) -> None:
    enrolled(visitor)
    pool.user("newcomer").enabled = False
    visitor.sign_in()
    visitor.enter_code()
    assert not visitor.is_in()


def test_a_person_disabled_between_password_and_code_stays_out(
    pool: LocalPool, visitor: Visitor
) -> None:
    enrolled(visitor).sign_in()
    pool.user("newcomer").enabled = False
    visitor.enter_code()
    assert not visitor.is_in()


def test_an_unconfirmed_person_stays_out(pool: LocalPool, visitor: Visitor) -> None:
    pool.create_user("early", password=PASSWORD, status="UNCONFIRMED")
    visitor.sign_in("early")
    assert visitor.get(reverse(SETUP)).status_code == 302


def test_an_invitation_expires(pool: LocalPool, visitor: Visitor) -> None:
    pool.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
    visitor.cognito.clock.advance(7 * 86400)
    visitor.sign_in("invited")
    assert visitor.get(reverse("cognito_mfa:new_password")).status_code == 302


def test_an_invitation_is_taken_up_once(pool: LocalPool, visitor: Visitor) -> None:
    """Anyone who read the invitation may hold the same step open in another browser."""
    pool.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
    thief = visitor.another_browser()
    for browser in (thief, visitor):
        browser.sign_in("invited")
    visitor.choose_password("My-own-Horse-8")
    thief.choose_password("Thiefs-Horse-9")
    assert visitor.get(reverse(SETUP)).status_code == 200
    assert thief.get(reverse(SETUP)).status_code == 302


def test_a_weak_password_is_not_taken(pool: LocalPool, visitor: Visitor) -> None:
    pool.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
    visitor.sign_in("invited")
    visitor.choose_password("short")
    assert visitor.get(reverse(SETUP)).status_code == 302


def test_a_client_that_knows_the_secret_is_needed(
    cognito: LocalCognito, visitor: Visitor, settings: Settings
) -> None:
    pool = cognito.create_pool(POOL_ID, mfa="ON")
    pool.create_client(CLIENT_ID, secret=SECRET)
    pool.create_user("newcomer", password=PASSWORD)
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_SECRET": "x" * 36}
    visitor.sign_in()
    assert visitor.get(reverse(SETUP)).status_code == 302


def test_a_token_changed_on_the_way_sets_nothing_up(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    """We do not check signatures of what comes straight from Cognito; Cognito checks what it is
    shown again."""

    def break_signature(answer: dict[str, Any]) -> dict[str, Any]:
        result = answer["AuthenticationResult"]
        head, claims, signature = result["AccessToken"].split(".")
        other = "B" if signature[9] == "A" else "A"
        broken = f"{head}.{claims}.{signature[:9]}{other}{signature[10:]}"
        return {**answer, "AuthenticationResult": {**result, "AccessToken": broken}}

    visitor.cognito.faults.on("InitiateAuth", faults.Edit(break_signature))
    visitor.sign_in()
    assert visitor.get(reverse(SETUP)).status_code != 200
    assert optional_pool.user("newcomer").pending_secret is None


def test_an_old_authenticator_is_worthless_once_replaced(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    old = visitor.secret
    visitor.start_change("device_replace")
    visitor.enter_code()
    visitor.scan()
    visitor.confirm_setup()
    visitor.sign_out()
    visitor.cognito.clock.advance(30)

    visitor.secret = old
    visitor.sign_in()
    visitor.enter_code()
    assert not visitor.is_in()
