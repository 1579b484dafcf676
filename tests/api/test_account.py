"""What signed-in users do with their own account, and forgotten passwords, over the API."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.api.frontend import FrontEnd
from tests.visitor import PASSWORD, prove

NEW = "Another-Horse-8"


@pytest.fixture
def person(pool: LocalPool, front_end: FrontEnd) -> FrontEnd:
    front_end.set_up()
    return front_end


def age(person: FrontEnd) -> None:
    """Let the code that was entered be of half an hour ago."""
    prove(person.client, CognitoIdentity.objects.get(), seconds_ago=1800)


OWN = [
    ("GET", "device"),
    ("PATCH", "device"),
    ("POST", "device_replace"),
    ("POST", "device_remove"),
    ("POST", "change_password"),
    ("POST", "sign_out_elsewhere"),
    ("GET", "recovery_codes"),
    ("POST", "recovery_codes"),
    ("POST", "recovery_codes_saved"),
    ("GET", "activity"),
]


@pytest.mark.parametrize(("method", "name"), OWN)
def test_a_visitor_must_sign_in(method: str, name: str, front_end: FrontEnd) -> None:
    front_end.see()
    answer = front_end.call(method, name)
    assert (answer.status_code, answer.body["code"]) == (401, "sign_in_required")


@pytest.mark.parametrize(("method", "name"), OWN)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_the_gate_answers_with_json(
    method: str, name: str, accept: str, front_end: FrontEnd, django_user_model: Any
) -> None:
    front_end.client.force_login(django_user_model.objects.create_user("ada"))
    front_end.see()
    answer = front_end.call(method, name, HTTP_ACCEPT=accept, HTTP_SEC_FETCH_MODE="navigate")
    assert (answer.status_code, answer.body["code"]) == (403, "mfa_required")
    assert answer.body["session_url"] == "http://testserver/account/api/session/"


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_gate_names_the_api_and_the_page_that_asked(
    front_end: FrontEnd, django_user_model: Any, method: str
) -> None:
    """What a script asked for is no page: a browser that is sent there shows JSON."""
    front_end.client.force_login(django_user_model.objects.create_user("ada"))
    page = {"Accept": "application/json", "Referer": "http://testserver/orders/?page=2#top"}
    blocked = getattr(front_end.client, method)("/private/?format=json", headers=page).json()
    assert blocked["session_url"] == "http://testserver/account/api/session/"
    assert blocked["next"] == "/orders/?page=2#top"
    way = "http://testserver/account/setup/?next=%2Forders%2F%3Fpage%3D2%23top"
    assert blocked["setup_url"] == way
    assert front_end.see().body["step"] == "sign_in"


@pytest.mark.parametrize(
    "page", ["", "https://app.example.com/orders/", "//evil.example/", "http://testserver//evil/"]
)
def test_a_page_of_another_origin_is_not_named(
    front_end: FrontEnd, django_user_model: Any, page: str
) -> None:
    front_end.client.force_login(django_user_model.objects.create_user("ada"))
    headers = {"Accept": "application/json", "Referer": page}
    blocked = front_end.client.get("/private/", headers=headers).json()
    assert blocked["next"] == ""
    assert blocked["setup_url"] == "http://testserver/account/setup/"


def test_the_device_is_shown_and_renamed(person: FrontEnd) -> None:
    shown = person.see("device").body
    assert set(shown) == {"friendly_name", "set_up_at", "last_used_at", "status"}
    assert (shown["friendly_name"], shown["status"]) == ("Phone", "enabled")
    assert shown["set_up_at"].endswith("Z")

    assert person.call("PATCH", "device", {"friendly_name": "Tablet"}).body["step"] == "done"
    assert person.see("device").body["friendly_name"] == "Tablet"
    long = person.call("PATCH", "device", {"friendly_name": "x" * 300})
    assert (long.status_code, list(long.body["fields"])) == (400, ["friendly_name"])
    missing = person.call("PATCH", "device", {})
    assert missing.body["fields"] == {"friendly_name": ["This field is required."]}
    assert person.operations() == []

    kinds = [event["kind"] for event in person.see("activity").body["events"]]
    assert kinds[0] == "RENAMED"
    assert "SOFTWARE_TOKEN_VERIFIED" in kinds

    age(person)
    stale = person.call("PATCH", "device", {"friendly_name": "Other"})
    assert (stale.status_code, stale.body["code"]) == (403, "mfa_too_old")
    for number in range(9):
        prove(person.client, CognitoIdentity.objects.get())
        person.call("PATCH", "device", {"friendly_name": f"Phone {number}"})
    often = person.call("PATCH", "device", {"friendly_name": "One more"})
    assert (often.status_code, often.body["code"]) == (429, "slow_down")
    assert int(often["Retry-After"]) > 3000


def test_activity_has_pages(person: FrontEnd) -> None:
    first = person.see("activity").body
    assert (first["page"], first["pages"], first["count"]) == (1, 1, len(first["events"]))
    assert set(first["events"][0]) == {"at", "kind", "text", "detail", "by_administrator"}


def test_another_phone_replaces_the_first(person: FrontEnd) -> None:
    wrong = person.tell("device_replace", password="Wrong-Horse-7")
    assert (wrong.status_code, wrong.body["code"]) == (400, "bad_credentials")
    assert list(wrong.body["fields"]) == ["password"]
    person.operations()
    asked = person.tell("device_replace", password=PASSWORD).body
    assert (asked["step"], asked["step_data"]["purpose"]) == ("challenge", "replace")
    assert asked["signed_in"] is True
    assert person.enter_code().body["step"] == "setup"
    old = person.secret
    assert person.scan() != old
    person.cognito.clock.advance(30)
    done = person.confirm_setup(friendly_name="New phone").body
    assert (done["step"], done["mfa"]["verified"]) == ("done", True)
    assert person.operations()[:4] == [
        "InitiateAuth",
        "RespondToAuthChallenge",
        "AssociateSoftwareToken",
        "VerifySoftwareToken",
    ]
    assert person.see("device").body["friendly_name"] == "New phone"


def test_a_replacement_can_be_canceled(person: FrontEnd) -> None:
    person.tell("device_replace", password=PASSWORD)
    ended = person.tell("cancel").body
    assert ended["step"] == "done"
    assert ended["step_data"]["messages"] == [
        "Canceled. Nothing has changed, and your authenticator app works as before."
    ]
    assert person.is_in()


def test_the_policy_forbids_turning_it_off(person: FrontEnd) -> None:
    refused = person.tell("device_remove", password=PASSWORD)
    assert (refused.status_code, refused.body["code"]) == (403, "removal_not_allowed")
    assert "requires two-step verification" in refused.body["detail"]
    assert person.operations() == []


def test_it_is_turned_off_where_that_is_allowed(
    optional_pool: LocalPool, front_end: FrontEnd, settings: Settings
) -> None:
    front_end.set_up()
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False, "ALLOW_REMOVE": True}
    assert front_end.tell("device_remove", password=PASSWORD).body["step"] == "challenge"
    done = front_end.enter_code().body
    assert front_end.operations() == [
        "InitiateAuth",
        "RespondToAuthChallenge",
        "GetUserPoolMfaConfig",
        "SetUserMFAPreference",
        "GetUser",
    ]
    assert (done["step"], done["mfa"]["set_up"]) == ("done", False)
    assert front_end.see("device").body == {
        "friendly_name": "",
        "set_up_at": None,
        "last_used_at": None,
        "status": "not_set_up",
    }
    rename = front_end.call("PATCH", "device", {"friendly_name": "x"})
    assert (rename.status_code, rename.body["code"]) == (409, "not_set_up")


def test_a_password_is_changed(person: FrontEnd) -> None:
    other = person.sign_in_elsewhere()
    person.operations()
    assert other.is_in()

    given = {"password": PASSWORD, "code": person.code()}
    refused = person.tell("change_password", **given, new_password="short").body
    assert (refused["code"], list(refused["fields"])) == ("password_rejected", ["new_password"])
    assert refused["step"] == "change_password"
    wrong = person.tell("change_password", password="Wrong-Horse-7", new_password=NEW)
    assert (wrong.body["code"], list(wrong.body["fields"])) == ("bad_credentials", ["password"])
    weak = person.tell("change_password", password=PASSWORD, new_password="short")
    assert (weak.body["code"], list(weak.body["fields"])) == ("password_rejected", ["new_password"])
    done = person.tell("change_password", password=PASSWORD, new_password=NEW)
    assert done.body["step"] == "done"
    assert "Your password was changed." in done.body["step_data"]["messages"][0]
    assert person.operations()[:2] == ["InitiateAuth", "RespondToAuthChallenge"]
    assert person.is_in()
    assert not other.is_in()
    late = person.tell("change_password", password=PASSWORD, new_password=NEW)
    assert (late.status_code, late.body["code"], list(late.body["fields"])) == (
        400,
        "invalid",
        ["code"],
    )


def test_a_password_is_changed_with_one_request(person: FrontEnd) -> None:
    given = {"password": PASSWORD, "new_password": NEW}
    wrong = person.tell("change_password", **given, code=person.wrong_code())
    assert (wrong.status_code, wrong.body["code"], wrong.body["step"]) == (400, "bad_code", "done")
    person.wait(30)
    done = person.tell("change_password", **given, code=person.code())
    assert (done.status_code, done.body["step"]) == (200, "done")
    assert person.operations()[-2:] == ["RespondToAuthChallenge", "ChangePassword"]
    assert person.is_in()


def test_a_password_is_changed_step_by_step(person: FrontEnd) -> None:
    """A front end that does not know whether there is an app, or that codes are sent."""
    assert person.tell("change_password", password=PASSWORD).body["step"] == "challenge"
    assert person.enter_code().body["step"] == "change_password"
    done = person.tell("change_password", password=PASSWORD, new_password=NEW)
    assert done.body["step"] == "done"


@pytest.mark.parametrize("username", ["newcomer", "nobody"])
def test_a_forgotten_password_says_the_same_for_every_username(
    pool: LocalPool, front_end: FrontEnd, username: str
) -> None:
    front_end.see()
    asked = front_end.tell("forgot_password", username=username)
    data = asked.body["step_data"]
    assert (asked.status_code, asked.body["step"]) == (200, "reset_password")
    assert data.pop("sign_in")
    assert {**data, "rules": []} == {
        "rules": [],
        "username": username,
        "code_kept": False,
        "required": False,
    }
    wrong = front_end.tell("reset_password", code="000000", password=NEW)
    assert (wrong.status_code, wrong.body["code"], wrong.body["fields"]) == (400, "bad_code", {})
    assert wrong.body["detail"].startswith("That didn’t work.")


def test_a_forgotten_password_is_reset(person: FrontEnd) -> None:
    person.sign_out()
    person.tell("forgot_password", username="newcomer", next="/private/")
    code = person.cognito.outbox[-1].code
    weak = person.tell("reset_password", code=code, password="short")
    assert weak.body["code"] == "password_rejected"
    assert person.see().body["step_data"]["code_kept"] is True
    done = person.tell("reset_password", password=NEW)
    assert done.body["step"] == "sign_in"
    assert done.body["step_data"]["next"] == "/private/"
    assert not person.is_in()
    assert person.sign_in(password=NEW).body["step"] == "challenge"
    assert person.enter_code().body["step_data"]["next"] == "/private/"


def test_the_password_steps_can_be_off(
    pool: LocalPool, front_end: FrontEnd, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "PASSWORD_PAGES": False}
    front_end.see()
    off = front_end.tell("forgot_password", username="newcomer")
    assert (off.status_code, off.body["code"]) == (404, "not_found")


def test_other_sessions_end(person: FrontEnd) -> None:
    other = person.sign_in_elsewhere()
    done = person.tell("sign_out_elsewhere")
    assert done.status_code == 200
    assert "signed out everywhere else" in done.body["step_data"]["messages"][0]
    assert person.is_in()
    assert not other.is_in()
    age(person)
    assert person.tell("sign_out_elsewhere").body["fields"] == {
        "password": ["This field is required."]
    }
    assert person.tell("sign_out_elsewhere", password=PASSWORD).body["step"] == "challenge"


@pytest.mark.skipif(
    not has_operation("AdminDeleteSoftwareToken"),
    reason="AdminDeleteSoftwareToken is newer than the installed botocore",
)
def test_a_recovery_code_replaces_a_lost_device(person: FrontEnd, settings: Settings) -> None:
    assert person.tell("recovery_codes").status_code == 404
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": True}
    assert person.see("recovery_codes").body == {"left": 0, "codes": []}
    made = person.tell("recovery_codes").body
    assert (made["left"], len(made["codes"])) == (10, 10)
    assert person.see("recovery_codes").body == made
    assert person.tell("recovery_codes_saved").status_code == 200
    assert person.see("recovery_codes").body == {"left": 10, "codes": []}

    person.sign_out()
    assert person.sign_in().body["step_data"]["recovery"] is True
    wrong = person.tell("recover", code="AAAA-AAAA-AAAA-AAAA")
    assert (wrong.status_code, wrong.body["code"]) == (400, "bad_code")
    person.wait(60)
    done = person.tell("recover", code=made["codes"][0]).body
    assert done["step"] == "sign_in"
    assert done["step_data"]["messages"] == [
        "Your authenticator app was removed. Enter your password to set up a new one."
    ]
    assert person.sign_in().body["step"] == "setup"
