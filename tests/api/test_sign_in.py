"""The sign-in over the API, step by step, with what Cognito was asked."""

from __future__ import annotations

import json

import pyotp
import pytest

from cognito_mfa.api import account, sign_in
from cognito_mfa.api.base import ApiStep
from cognito_mfa.authenticator import code_attempts
from cognito_mfa.cognito import circuit_breaker
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures
from cognito_mfa.sign_in.pending import Step
from tests.api.frontend import FrontEnd
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID

SETUP = ["AssociateSoftwareToken", "VerifySoftwareToken", "RespondToAuthChallenge"]
STEPS = [
    view
    for module in (account, sign_in)
    for view in vars(module).values()
    if isinstance(view, type) and issubclass(view, ApiStep) and view.members
    if view.step not in (Step.START, Step.LINK)  # whose question names both users
]
pytestmark = pytest.mark.usefixtures("pool")


def test_a_first_sign_in_sets_an_app_up(front_end: FrontEnd) -> None:
    before = front_end.see()
    assert before.body == {
        "signed_in": False,
        "username": "",
        "mfa": {"verified": False, "verified_at": None, "required": False, "set_up": False},
        "step": "sign_in",
        "step_data": {"username": "", "next": "", "elsewhere": False, "ended": None},
    }
    assert "csrftoken" in before.cookies

    begun = front_end.sign_in(next_url="/private/?page=2")
    assert (begun.status_code, begun.body["step"]) == (200, "setup")
    assert front_end.operations() == ["InitiateAuth", "AssociateSoftwareToken"]

    shown = front_end.see("setup").body
    assert front_end.see("setup").body["secret"] == shown["secret"]
    assert set(shown) == {"secret", "otpauth_uri", "qr_svg", "issuer", "account", "expires_in"}
    assert pyotp.parse_uri(shown["otpauth_uri"]).secret == shown["secret"]
    assert shown["qr_svg"].startswith("<svg")
    assert (shown["issuer"], shown["account"]) == ("Example Ltd", "newcomer")
    assert 170 <= shown["expires_in"] <= 180
    assert front_end.operations() == []  # a GET never talks to Cognito

    front_end.scan()
    done = front_end.confirm_setup(friendly_name="Phone").body
    assert front_end.operations()[:2] == SETUP[1:]
    assert done["step"] == "done"
    assert done["step_data"]["next"] == "/private/?page=2"
    assert (done["signed_in"], done["username"]) == (True, "newcomer")
    assert done["mfa"]["verified"] is True
    assert done["mfa"]["set_up"] is True
    assert done["mfa"]["verified_at"].endswith("Z")
    assert front_end.is_in()


def test_a_later_sign_in_asks_for_the_code(front_end: FrontEnd) -> None:
    front_end.set_up()
    assert front_end.sign_out().body["step"] == "sign_in"
    assert not front_end.is_in()

    asked = front_end.sign_in().body
    assert asked["step"] == "challenge"
    assert asked["step_data"].pop("sign_in")
    assert asked["step_data"] == {
        "username": "newcomer",
        "purpose": "sign_in",
        "method": "app",
        "destination": "",
        "device_name": "Phone",
        "unconfirmed": False,
        "recovery": False,
    }
    assert front_end.enter_code().body["step"] == "done"
    assert front_end.operations() == ["InitiateAuth", "RespondToAuthChallenge"]
    assert front_end.is_in()


def test_a_wrong_code_leaves_the_step_as_it_is(front_end: FrontEnd) -> None:
    front_end.set_up()
    front_end.sign_out()
    front_end.sign_in()
    wrong = front_end.enter_code(front_end.wrong_code())
    assert wrong.status_code == 400
    assert wrong["Content-Type"] == "application/problem+json"
    assert (wrong.body["code"], wrong.body["step"]) == ("bad_code", "challenge")
    assert wrong.body["fields"] == {"code": [wrong.body["detail"]]}
    assert wrong.body["detail"].startswith("That code didn’t work.")
    front_end.wait(30)
    assert front_end.enter_code().body["step"] == "done"


def test_a_wrong_code_at_the_setup_keeps_the_secret(front_end: FrontEnd) -> None:
    front_end.sign_in()
    secret = front_end.scan()
    assert front_end.confirm_setup(front_end.wrong_code()).body["code"] == "bad_code"
    assert front_end.scan() == secret
    front_end.wait(30)
    assert front_end.confirm_setup().body["step"] == "done"


@pytest.mark.parametrize("username", ["newcomer", "nobody"])
def test_a_wrong_password_says_the_same_for_every_username(
    front_end: FrontEnd, username: str
) -> None:
    wrong = front_end.sign_in(username, "Wrong-Horse-7")
    assert wrong.status_code == 400
    assert {**wrong.body, "detail": ""} == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "code": "bad_credentials",
        "detail": "",
        "fields": {},
        "step": "sign_in",
    }
    assert wrong.body["detail"].startswith("Incorrect username or password.")


def test_a_code_works_once(front_end: FrontEnd) -> None:
    front_end.set_up()
    front_end.sign_out()
    code = front_end.code()
    front_end.sign_in()
    front_end.enter_code(code)
    front_end.sign_out()
    front_end.sign_in()
    again = front_end.enter_code(code)
    assert (again.status_code, again.body["code"]) == (400, "bad_code")
    assert again.body["detail"].startswith("You’ve already used this code.")
    assert not front_end.is_in()


def test_wrong_codes_are_throttled_and_then_locked(front_end: FrontEnd) -> None:
    front_end.set_up()
    front_end.sign_out()
    front_end.sign_in()
    for _attempt in range(10):
        answer = front_end.enter_code(front_end.wrong_code())
        if answer.status_code == 429:
            break
    assert (answer.status_code, answer.body["code"]) == (429, "slow_down")
    assert answer.body["step"] == "challenge"
    front_end.operations()
    front_end.wait(int(answer["Retry-After"]) + 1)

    number = code_attempts.MAX_ATTEMPTS
    CodeFailures.objects.update(failures=number, total=number)
    front_end.sign_in()
    locked = front_end.enter_code()
    assert (locked.status_code, locked.body["code"]) == (403, "code_entry_locked")
    assert "code entry is locked" in locked.body["detail"]
    assert front_end.operations() == ["InitiateAuth"]  # the code was not sent
    assert not front_end.is_in()


def test_wrong_codes_of_someone_else_are_told_at_the_next_sign_in(front_end: FrontEnd) -> None:
    """As a message, where the pages show one."""
    front_end.come_with_app()
    thief = front_end.another_browser()
    thief.secret = front_end.secret
    thief.sign_in()
    for _ in range(2):
        thief.enter_code(thief.wrong_code())
    front_end.sign_out()
    front_end.wait(3600)
    front_end.sign_in()
    (message,) = front_end.enter_code().body["step_data"]["messages"]
    assert "2 wrong codes were entered with your correct password" in message


def test_a_sign_in_whose_time_is_over_starts_again(front_end: FrontEnd) -> None:
    front_end.set_up()
    front_end.sign_out()
    front_end.sign_in()
    front_end.cognito.clock.advance(200)
    late = front_end.enter_code()
    assert (late.status_code, late.body["code"]) == (409, "start_again")
    assert late.body["step"] == "sign_in"
    assert front_end.see().body["step_data"]["username"] == "newcomer"


def test_a_service_that_is_down_is_told_with_a_reference(front_end: FrontEnd) -> None:
    front_end.cognito.faults.on("InitiateAuth", faults.Unreachable())
    down = front_end.sign_in()
    assert (down.status_code, down.body["code"]) == (503, "try_later")
    assert int(down["Retry-After"]) > 0
    assert "reference" in down.body["detail"]
    assert down.body["step"] == "sign_in"


def test_another_step_is_a_conflict(front_end: FrontEnd) -> None:
    front_end.set_up()
    assert front_end.enter_code().body["code"] == "wrong_step"  # signed in, nothing pending
    front_end.sign_out()
    lost = front_end.enter_code()
    assert (lost.status_code, lost.body["code"]) == (409, "start_again")
    front_end.sign_in()
    front_end.operations()
    for name in ("setup", "new_password", "link", "reset_password"):
        other = front_end.tell(name)
        assert (other.status_code, other.body["code"]) == (409, "wrong_step"), name
        assert other.body["step"] == "challenge"
    assert front_end.see("setup").body["code"] == "wrong_step"
    assert front_end.operations() == []


def test_canceling_forgets_the_secret(front_end: FrontEnd) -> None:
    front_end.sign_in()
    front_end.scan()
    ended = front_end.tell("cancel").body
    assert ended["step"] == "sign_in"
    assert ended["step_data"]["messages"] == ["Setup canceled. Delete the new entry from your app."]
    assert front_end.see("setup").status_code == 409
    assert front_end.tell("cancel").status_code == 200


def test_two_tabs_share_what_is_pending(front_end: FrontEnd) -> None:
    """The newest sign-in wins; the older tab's code is for the newer one, or starts again."""
    front_end.sign_in()
    first = front_end.scan()
    code = front_end.code()
    front_end.sign_in()
    assert front_end.scan() != first
    assert front_end.confirm_setup(code).status_code == 400


def test_an_older_tab_never_answers_for_another_user(
    front_end: FrontEnd, pool: LocalPool, cognito: LocalCognito
) -> None:
    for name in ("invited-1", "invited-2"):
        pool.create_user(name, password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
    older = front_end.sign_in("invited-1").body["step_data"]["sign_in"]
    newer = front_end.sign_in("invited-2").body["step_data"]["sign_in"]
    front_end.operations()
    refused = front_end.tell("new_password", password="Another-Horse-8", sign_in=older)
    assert (refused.status_code, refused.body["code"]) == (409, "wrong_step")
    assert refused.body["step"] == "new_password"
    assert front_end.operations() == []
    chosen = front_end.tell("new_password", password="Another-Horse-8", sign_in=newer)
    assert chosen.body["step"] == "setup"
    assert chosen.body["step_data"]["sign_in"] == newer  # the same sign-in, one step later


@pytest.mark.parametrize("view", STEPS, ids=lambda view: view.__name__)
def test_every_step_accepts_the_id_of_its_sign_in(view: type[ApiStep]) -> None:
    assert "sign_in" in view.members


class TestInvited:
    @pytest.fixture
    def pool(self, cognito: LocalCognito) -> LocalPool:
        pool = cognito.create_pool(POOL_ID, mfa="ON", required_attributes=["birthdate"])
        pool.create_client(CLIENT_ID)
        pool.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
        return pool

    def test_a_password_is_chosen_with_what_the_pool_requires(self, front_end: FrontEnd) -> None:
        asked = front_end.sign_in("invited").body
        assert (asked["step"], asked["signed_in"]) == ("new_password", False)
        [attribute] = asked["step_data"]["attributes"]
        assert (attribute["name"], attribute["required"]) == ("birthdate", True)
        front_end.operations()

        odd = front_end.tell("new_password", password="short", attributes={"birthdate": "May"})
        assert (odd.status_code, odd.body["code"]) == (400, "invalid")
        assert list(odd.body["fields"]) == ["attributes.birthdate"]
        assert front_end.operations() == []
        own = {"birthdate": "1990-05-17"}
        short = front_end.tell("new_password", password="short", attributes=own)
        assert (short.status_code, short.body["code"]) == (400, "password_rejected")
        assert list(short.body["fields"]) == ["password"]
        done = front_end.tell("new_password", password="Another-Horse-8", attributes=own)
        assert done.body["step"] == "setup"
        front_end.scan()
        assert front_end.confirm_setup().body["step"] == "done"
        assert front_end.is_in()


class TestInvitedToAStrictPool:
    @pytest.fixture
    def pool(self, cognito: LocalCognito) -> LocalPool:
        name = {
            "Name": "given_name",
            "AttributeDataType": "String",
            "Required": True,
            "StringAttributeConstraints": {"MinLength": "3"},
        }
        pool = cognito.create_pool(POOL_ID, mfa="ON", schema=[name])
        pool.create_client(CLIENT_ID)
        pool.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
        return pool

    def test_what_the_schema_refuses_is_said_of_the_attribute(self, front_end: FrontEnd) -> None:
        front_end.sign_in("invited")
        name = {"given_name": "Al"}
        short = front_end.tell("new_password", password="Another-Horse-8", attributes=name)
        assert (short.status_code, short.body["code"]) == (400, "attributes_rejected")
        [problem] = short.body["fields"]["attributes.given_name"]
        assert "at least 3 characters" in str(problem)
        name = {"given_name": "Ada"}
        done = front_end.tell("new_password", password="Another-Horse-8", attributes=name)
        assert done.body["step"] == "setup"


class TestSeveralFactors:
    @pytest.fixture
    def pool(self, cognito: LocalCognito) -> LocalPool:
        pool = cognito.create_pool(POOL_ID, mfa="ON")
        pool.create_client(CLIENT_ID)
        pool.create_user("newcomer", password=PASSWORD)
        return pool

    def test_one_is_chosen(self, front_end: FrontEnd, cognito: LocalCognito) -> None:
        front_end.set_up()
        front_end.sign_out()
        asked = {
            "ChallengeName": "SELECT_MFA_TYPE",
            "Session": "s" * 32,
            "ChallengeParameters": {
                "MFAS_CAN_CHOOSE": '["SOFTWARE_TOKEN_MFA","EMAIL_OTP"]',
                "USER_ID_FOR_SRP": "newcomer",
            },
        }
        cognito.faults.on("InitiateAuth", faults.Body(json.dumps(asked).encode()))
        body = front_end.sign_in().body
        assert body["step"] == "select_challenge"
        names = [one["name"] for one in body["step_data"]["factors"]]
        assert names == ["SOFTWARE_TOKEN_MFA", "EMAIL_OTP"]
        odd = front_end.tell("challenge", factor="SMS_MFA")
        assert (odd.status_code, list(odd.body["fields"])) == (400, ["factor"])
        following = {
            "ChallengeName": "EMAIL_OTP",
            "Session": "t" * 32,
            "ChallengeParameters": {"CODE_DELIVERY_DESTINATION": "n***@e***"},
        }
        cognito.faults.on("RespondToAuthChallenge", faults.Body(json.dumps(following).encode()))
        chosen = front_end.tell("challenge", factor="EMAIL_OTP").body
        assert chosen["step"] == "challenge"
        assert chosen["step_data"]["method"] == "email"
        assert chosen["step_data"]["destination"] == "n***@e***"


def test_while_the_circuit_is_open_all_are_answered_at_once(
    front_end: FrontEnd, cognito: LocalCognito
) -> None:
    cognito.faults.on("*", faults.Unreachable())
    for _ in range(5):
        front_end.sign_in()
    assert circuit_breaker.state() == "open"
    cognito.faults.clear()
    cognito.forget_calls()
    refused = front_end.sign_in()
    assert (refused.status_code, refused.body["code"]) == (503, "try_later")
    assert refused["Retry-After"] == "30"
    assert cognito.operations() == []
    assert not front_end.see().body["signed_in"]


def test_a_lost_answer_comes_with_what_to_do(pool: LocalPool, front_end: FrontEnd) -> None:
    """As on the page: whether the app was confirmed shows at the next sign-in."""
    front_end.sign_in()
    front_end.scan()
    front_end.cognito.faults.on("VerifySoftwareToken", faults.Timeout(executed=True))
    answer = front_end.tell("setup", code=front_end.code())
    assert (answer.status_code, answer.body["code"]) == (503, "try_later")
    assert "If you’re asked for a code, setup worked." in answer.body["detail"]
