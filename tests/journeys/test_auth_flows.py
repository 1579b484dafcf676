"""What each AUTH_FLOW asks Cognito for, operation by operation, and what is particular about SRP.

The journeys themselves run through each flow; see ``conftest``.
"""

from __future__ import annotations

import hashlib
import hmac
import locale
import logging
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pycognito import AWSSRP
from pytest_django import Settings

from cognito_mfa.cognito import srp
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.values.secret_text import SecretText
from tests.journeys.conftest import ADMIN, PASSWORD, SRP
from tests.visitor import CLIENT_ID, POOL_ID, Visitor
from tests.visitor import PASSWORD as PERSONS_PASSWORD

SECRET = "clientsecretclientsecretclientsecret"
ASSOCIATE_AND_VERIFY = ["AssociateSoftwareToken", "VerifySoftwareToken"]
with_srp = pytest.mark.parametrize("auth_flow", [SRP], indirect=True)


def asked(visitor: Visitor) -> list[str]:
    """The operations as they were, and which challenge an answer was for."""
    return [
        ":".join(filter(None, (call.operation, call.parameters.get("ChallengeName"))))
        for call in visitor.cognito.calls
    ]


SIGN_IN = {
    PASSWORD: ["InitiateAuth"],
    ADMIN: ["AdminInitiateAuth"],
    SRP: ["InitiateAuth", "RespondToAuthChallenge:PASSWORD_VERIFIER"],
}
ANSWER = {
    PASSWORD: "RespondToAuthChallenge",
    ADMIN: "AdminRespondToAuthChallenge",
    SRP: "RespondToAuthChallenge",
}


@pytest.mark.parametrize("auth_flow", [PASSWORD, ADMIN, SRP], indirect=True)
def test_the_operations_of_set_up_and_sign_in(
    pool: LocalPool, visitor: Visitor, auth_flow: str
) -> None:
    visitor.sign_in()
    visitor.scan()
    visitor.confirm_setup()
    assert visitor.is_in()
    assert asked(visitor) == [
        *SIGN_IN[auth_flow],
        *ASSOCIATE_AND_VERIFY,
        f"{ANSWER[auth_flow]}:MFA_SETUP",
        "SetUserMFAPreference",
    ]
    assert visitor.cognito.calls[0].parameters["AuthFlow"] == auth_flow

    visitor.cognito.forget_calls()
    visitor.cognito.clock.advance(30)
    visitor.sign_out()
    visitor.sign_in()
    visitor.enter_code()
    assert visitor.is_in()
    assert asked(visitor) == [*SIGN_IN[auth_flow], f"{ANSWER[auth_flow]}:SOFTWARE_TOKEN_MFA"]


@pytest.mark.parametrize("auth_flow", [ADMIN], indirect=True)
def test_a_client_that_does_not_allow_the_flow_is_the_operators_problem(
    pool: LocalPool, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    pool.create_client(CLIENT_ID, explicit_auth_flows=["ALLOW_USER_PASSWORD_AUTH"])
    assert visitor.sign_in().answered == 503
    assert "ExplicitAuthFlows" in caplog.text


@with_srp
def test_the_password_is_never_sent(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    assert PERSONS_PASSWORD not in str([call.parameters for call in visitor.cognito.calls])


@with_srp
def test_a_wrong_password_shows_at_the_verifier_and_looks_as_always(
    pool: LocalPool, visitor: Visitor
) -> None:
    wrong = visitor.sign_in("newcomer", "Wrong-Horse-7")
    unknown = visitor.sign_in("nobodyyy", "Wrong-Horse-7")
    assert "Incorrect username or password" in visitor.text(wrong)
    assert visitor.text(wrong).replace("newcomer", "nobodyyy") == visitor.text(unknown)
    assert asked(visitor) == SIGN_IN[SRP] * 2
    errors = [call.error for call in visitor.cognito.calls]
    assert errors == [None, "NotAuthorizedException"] * 2


@with_srp
def test_where_cognito_tells_who_does_not_exist_the_page_does_not(
    pool: LocalPool, visitor: Visitor
) -> None:
    pool.create_client(CLIENT_ID, prevent_user_existence_errors="LEGACY")
    wrong = visitor.sign_in("newcomer", "Wrong-Horse-7")
    unknown = visitor.sign_in("nobodyyy", "Wrong-Horse-7")
    assert visitor.cognito.calls[-1].error == "UserNotFoundException"
    assert visitor.text(wrong).replace("newcomer", "nobodyyy") == visitor.text(unknown)


@with_srp
@pytest.mark.parametrize("typed", ["newcomer", "newcomer@example.com"])
def test_each_hash_is_over_the_name_that_goes_with_it(
    pool: LocalPool, visitor: Visitor, settings: Settings, typed: str
) -> None:
    """The first hash covers the typed name, the later ones USER_ID_FOR_SRP."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_SECRET": SECRET}
    pool.create_client(CLIENT_ID, secret=SECRET)
    pool.state.alias_attributes.append("email")
    pool.state.aliases["newcomer@example.com"] = "newcomer"
    visitor.set_up(typed)
    visitor.sign_out()
    visitor.sign_in(typed)
    visitor.enter_code()
    assert visitor.is_in()

    start, *answers = visitor.cognito.calls
    assert start.parameters["AuthParameters"]["SECRET_HASH"] == hash_over(typed)
    assert len(answers) == 2
    for answer in answers:
        responses = answer.parameters["ChallengeResponses"]
        assert responses["USERNAME"] == "newcomer"
        assert responses["SECRET_HASH"] == hash_over("newcomer")


def hash_over(username: str) -> str:
    digest = hmac.new(SECRET.encode(), (username + CLIENT_ID).encode(), hashlib.sha256).digest()
    return b64encode(digest).decode()


class TestAChallengeThatBreaksTheRules:
    """A hostile or broken Cognito: nothing is answered, least of all with what a zero would give."""

    @with_srp
    @pytest.mark.parametrize(
        "change",
        [
            {"SRP_B": "0"},
            {"SRP_B": f"{srp.N:x}"},
            {"SRP_B": f"{2 * srp.N:x}"},
            {"SRP_B": "not a number"},
            {"SRP_B": None},
            {"SALT": ""},
            {"SALT": 7},
            {"SECRET_BLOCK": "not base64!"},
            {"USER_ID_FOR_SRP": None},
        ],
        ids=str,
    )
    def test_is_not_answered(
        self, pool: LocalPool, visitor: Visitor, change: dict[str, Any]
    ) -> None:
        def broken(answer: dict[str, Any]) -> dict[str, Any]:
            parameters = {**answer["ChallengeParameters"], **change}
            kept = {name: value for name, value in parameters.items() if value is not None}
            return {**answer, "ChallengeParameters": kept}

        self.begin_badly(visitor, broken)

    @with_srp
    def test_nor_is_another_one(self, pool: LocalPool, visitor: Visitor) -> None:
        self.begin_badly(visitor, lambda answer: {**answer, "ChallengeName": "CUSTOM_CHALLENGE"})

    @with_srp
    def test_nor_are_tokens_believed_that_come_without_a_password(
        self, pool: LocalPool, visitor: Visitor
    ) -> None:
        tokens = pool.issue_tokens("newcomer", CLIENT_ID, scopes=["openid"])
        self.begin_badly(visitor, lambda _answer: {"AuthenticationResult": tokens})
        self.begin_badly(visitor, lambda answer: {**answer, "AuthenticationResult": tokens})

    @staticmethod
    def begin_badly(visitor: Visitor, change: Callable[[Any], Any]) -> None:
        visitor.cognito.forget_calls()
        # Not faults.on: with SRP that names the answer to the password.
        type(visitor.cognito.faults).on(
            visitor.cognito.faults, "InitiateAuth", faults.Edit(change), times=1
        )
        response = visitor.sign_in()
        assert response.answered == 503
        assert asked(visitor) == ["InitiateAuth"]
        assert not visitor.is_in()


class TestWhatIsSigned:
    """Against another project's client, which works with AWS."""

    @pytest.mark.parametrize("_round", range(20))
    def test_is_what_another_client_signs(self, _round: int) -> None:
        """Several times: a wrong padding shows in one of some hundred."""
        other = AWSSRP("newcomer", PERSONS_PASSWORD, POOL_ID, CLIENT_ID, client=object())
        exchange = srp.Exchange(other.small_a_value, other.large_a_value)
        theirs = srp.begin()
        parameters = {
            "SALT": f"{0x80 + _round:x}" * 16,
            "SRP_B": theirs.srp_a,
            "SECRET_BLOCK": b64encode(b"secret block").decode(),
            "USER_ID_FOR_SRP": "newcomer",
        }
        password = SecretText(PERSONS_PASSWORD)
        ours = srp.answer(
            exchange, parameters, pool_id=POOL_ID, password=password, now=1_780_000_000
        )
        key = other.get_password_authentication_key(
            "newcomer", PERSONS_PASSWORD, theirs.public, parameters["SALT"]
        )
        message = POOL_ID.split("_")[1].encode() + b"newcomer" + b"secret block"
        signed = hmac.digest(key, message + str(ours["TIMESTAMP"]).encode(), "sha256")
        assert ours["PASSWORD_CLAIM_SIGNATURE"] == b64encode(signed).decode()

    def test_our_number_is_the_one_of_the_group(self) -> None:
        exchange = srp.begin()
        assert int(exchange.srp_a, 16) == pow(2, exchange.private, srp.N)
        assert "private" not in repr(exchange)
        assert re.fullmatch("Exchange\\(\\)", repr(exchange))


class TestTheTime:
    @pytest.mark.parametrize(
        ("now", "text"),
        [
            (1_780_000_000, "Thu May 28 20:26:40 UTC 2026"),
            (1_780_272_000, "Mon Jun 1 00:00:00 UTC 2026"),
            (1_798_675_199, "Wed Dec 30 23:59:59 UTC 2026"),
        ],
    )
    def test_is_written_as_cognito_wants_it(self, now: int, text: str) -> None:
        assert srp.timestamp(now) == text

    @pytest.fixture
    def german(self) -> Iterator[None]:
        before = locale.setlocale(locale.LC_ALL)
        for name in ("de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"):
            try:
                locale.setlocale(locale.LC_ALL, name)
                break
            except locale.Error:
                continue
        else:
            pytest.skip("this machine has no locale but English ones")
        yield
        locale.setlocale(locale.LC_ALL, before)

    @pytest.mark.usefixtures("german")
    def test_in_english_whatever_the_locale(self) -> None:
        assert srp.timestamp(1_780_272_000) == "Mon Jun 1 00:00:00 UTC 2026"


@with_srp
@pytest.mark.parametrize("broken", [True, False])
def test_neither_password_nor_numbers_are_in_a_log(
    pool: LocalPool, visitor: Visitor, caplog: pytest.LogCaptureFixture, broken: bool
) -> None:
    if broken:
        fault = faults.Body(b"<html>")
        type(visitor.cognito.faults).on(
            visitor.cognito.faults, "RespondToAuthChallenge", fault, times=1
        )
    with caplog.at_level(logging.DEBUG):
        response = visitor.sign_in()
    assert response.answered == (503 if broken else 302)
    sent = visitor.cognito.calls
    assert PERSONS_PASSWORD not in caplog.text
    assert sent[0].parameters["AuthParameters"]["SRP_A"] not in caplog.text
    if not broken:
        claim = sent[1].parameters["ChallengeResponses"]["PASSWORD_CLAIM_SIGNATURE"]
        assert claim not in caplog.text
