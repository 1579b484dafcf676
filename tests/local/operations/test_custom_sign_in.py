"""CUSTOM_AUTH: the loop of functions that define, create, and verify challenges.

The facts are in "Custom authentication" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import DEFAULT_FLOWS, LocalPool
from tests.local.caller import (
    CLIENT_ID,
    INVALID,
    PASSWORD,
    POOL_ID,
    USED,
    access_token,
    refused,
    secret_hash,
)
from tests.local.conftest import populated
from tests.local.recorder import Event, Recorder
from tests.local.srp_client import Person

DEFINE = "DefineAuthChallenge_Authentication"
CREATE = "CreateAuthChallenge_Authentication"
VERIFY = "VerifyAuthChallengeResponse_Authentication"
CHALLENGES = ("DefineAuthChallenge", "CreateAuthChallenge", "VerifyAuthChallengeResponse")
WRONG = "Incorrect username or password."
METADATA = {"shop": "7"}


def define(event: Event) -> dict[str, Any]:
    """A password where it begins with one, then three tries at a question."""
    session = event["request"]["session"]
    names = [one["challengeName"] for one in session]
    asked = [one for one in session if one["challengeName"] == "CUSTOM_CHALLENGE"]
    if names == ["SRP_A"]:
        return {"challengeName": "PASSWORD_VERIFIER", "issueTokens": False}
    if asked and asked[-1]["challengeResult"]:
        return {"issueTokens": True, "failAuthentication": False}
    if len(asked) == 3:
        return {"issueTokens": False, "failAuthentication": True}
    return {"challengeName": "CUSTOM_CHALLENGE", "issueTokens": False}


def create(event: Event) -> dict[str, Any]:
    number = len(event["request"]["session"])
    return {
        "publicChallengeParameters": {"question": f"number {number}"},
        "privateChallengeParameters": {"answer": f"answer {number}"},
        "challengeMetadata": f"QUESTION_{number}",
    }


def verify(event: Event) -> dict[str, Any]:
    request = event["request"]
    right = request["privateChallengeParameters"]["answer"] == request["challengeAnswer"]
    return {"answerCorrect": right}


@pytest.fixture
def asking(cognito: LocalCognito) -> LocalPool:
    pool = populated(cognito, mfa="OFF")
    pool.create_client(CLIENT_ID, explicit_auth_flows=[*DEFAULT_FLOWS, "ALLOW_CUSTOM_AUTH"])
    return pool


@pytest.fixture
def recorder(asking: LocalPool) -> Recorder:
    recorder = Recorder(asking, *CHALLENGES)
    recorder.responses = {DEFINE: define, CREATE: create, VERIFY: verify}
    return recorder


def begin(boto: Any, username: str = "newcomer", **more: str) -> Any:
    return boto.initiate_auth(
        ClientId=CLIENT_ID,
        AuthFlow="CUSTOM_AUTH",
        AuthParameters={"USERNAME": username, **more},
        ClientMetadata=METADATA,
    )


def answer(boto: Any, session: str, text: str, username: str = "newcomer", **more: Any) -> Any:
    return boto.respond_to_auth_challenge(
        ClientId=CLIENT_ID,
        ChallengeName="CUSTOM_CHALLENGE",
        Session=session,
        ChallengeResponses={"USERNAME": username, "ANSWER": text},
        **more,
    )


class TestWithoutPassword:
    def test_a_right_answer_signs_in(self, boto: Any, recorder: Recorder) -> None:
        asked = begin(boto)
        assert asked["ChallengeName"] == "CUSTOM_CHALLENGE"
        assert asked["ChallengeParameters"] == {"USERNAME": "newcomer", "question": "number 0"}
        assert access_token(answer(boto, asked["Session"], "answer 0", ClientMetadata=METADATA))
        assert recorder.sources == [DEFINE, CREATE, VERIFY, DEFINE]

    def test_what_each_function_is_told(
        self, boto: Any, asking: LocalPool, recorder: Recorder
    ) -> None:
        asked = begin(boto)
        answer(boto, asked["Session"], "answer 0", ClientMetadata=METADATA)
        first, created, verified, last = (event["request"] for event in recorder.events)
        assert first["session"] == []
        assert "clientMetadata" not in first
        assert created["challengeName"] == "CUSTOM_CHALLENGE"
        assert verified["challengeAnswer"] == "answer 0"
        assert verified["privateChallengeParameters"] == {"answer": "answer 0"}
        assert last["session"] == [
            {
                "challengeName": "CUSTOM_CHALLENGE",
                "challengeResult": True,
                "challengeMetadata": "QUESTION_0",
            }
        ]
        for request in (verified, last):
            assert request["clientMetadata"] == METADATA
            assert request["userNotFound"] is False
            assert request["userAttributes"]["sub"] == asking.user("newcomer").sub

    def test_a_wrong_answer_brings_another_challenge(self, boto: Any, recorder: Recorder) -> None:
        first = begin(boto)
        second = answer(boto, first["Session"], "wrong")
        assert second["ChallengeParameters"]["question"] == "number 1"
        assert second["Session"] != first["Session"]
        with refused("NotAuthorizedException", USED):
            answer(boto, first["Session"], "answer 0")
        assert access_token(answer(boto, second["Session"], "answer 1"))

    def test_the_function_gives_up(self, boto: Any, recorder: Recorder) -> None:
        session = begin(boto)["Session"]
        for _ in range(2):
            session = answer(boto, session, "wrong")["Session"]
        with refused("NotAuthorizedException", WRONG):
            answer(boto, session, "wrong")

    def test_it_asks_for_no_second_factor(
        self, boto: Any, asking: LocalPool, recorder: Recorder
    ) -> None:
        """As the service team explains: MFA depends on the password."""
        asking.state.mfa = "ON"
        asked = begin(boto, "regular")
        assert access_token(answer(boto, asked["Session"], "answer 0", "regular"))

    def test_a_temporary_password_does_not_matter(
        self, boto: Any, asking: LocalPool, recorder: Recorder
    ) -> None:
        asking.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
        asked = begin(boto, "invited")
        assert access_token(answer(boto, asked["Session"], "answer 0", "invited"))

    @pytest.mark.parametrize(
        ("status", "enabled", "code"),
        [
            ("UNCONFIRMED", True, "UserNotConfirmedException"),
            ("CONFIRMED", False, "NotAuthorizedException"),
        ],
    )
    def test_who_cannot_sign_in(
        self,
        boto: Any,
        asking: LocalPool,
        recorder: Recorder,
        status: str,
        enabled: bool,
        code: str,
    ) -> None:
        asking.create_user("other", password=PASSWORD, status=status, enabled=enabled)
        with refused(code):
            begin(boto, "other")
        assert recorder.sources == []

    def test_one_right_answer_wins(self, cognito: LocalCognito, recorder: Recorder) -> None:
        """The session is used up before the function runs, which could answer again."""
        boto: Any = cognito.client()
        session = begin(boto)["Session"]
        inner: list[str] = []

        def answer_again(event: Event) -> dict[str, Any]:
            with refused("NotAuthorizedException", USED):
                answer(boto, session, "answer 0")
            inner.append("refused")
            return {"answerCorrect": True}

        recorder.responses[VERIFY] = answer_again
        assert access_token(answer(boto, session, "answer 0"))
        assert inner == ["refused"]

    def test_an_error_of_the_function_uses_the_session_up(
        self, boto: Any, recorder: Recorder
    ) -> None:
        session = begin(boto)["Session"]
        recorder.responses[VERIFY] = ValueError("Broken")
        text = "VerifyAuthChallengeResponse failed with error Broken."
        with refused("UserLambdaValidationException", text):
            answer(boto, session, "answer 0")
        recorder.responses[VERIFY] = verify
        with refused("NotAuthorizedException", USED):
            answer(boto, session, "answer 0")

    def test_administrators_have_their_own_operations(self, boto: Any, recorder: Recorder) -> None:
        asked = boto.admin_initiate_auth(
            UserPoolId=POOL_ID,
            ClientId=CLIENT_ID,
            AuthFlow="CUSTOM_AUTH",
            AuthParameters={"USERNAME": "newcomer"},
        )
        with refused("NotAuthorizedException", INVALID):
            answer(boto, asked["Session"], "answer 0")
        answered = boto.admin_respond_to_auth_challenge(
            UserPoolId=POOL_ID,
            ClientId=CLIENT_ID,
            ChallengeName="CUSTOM_CHALLENGE",
            Session=asked["Session"],
            ChallengeResponses={"USERNAME": "newcomer", "ANSWER": "answer 0"},
        )
        assert access_token(answered)

    def test_another_user_cannot_answer(self, boto: Any, recorder: Recorder) -> None:
        session = begin(boto)["Session"]
        for username in ("regular", "stranger"):
            with refused("NotAuthorizedException", WRONG):
                answer(boto, session, "answer 0", username)

    def test_a_client_with_a_secret_sends_its_hash(
        self, cognito: LocalCognito, asking: LocalPool, recorder: Recorder
    ) -> None:
        boto: Any = cognito.client()
        asking.create_client("secret", secret="s" * 51, explicit_auth_flows=["ALLOW_CUSTOM_AUTH"])
        hashed = {
            "USERNAME": "newcomer",
            "SECRET_HASH": secret_hash("s" * 51, "newcomer", "secret"),
        }
        asked = boto.initiate_auth(ClientId="secret", AuthFlow="CUSTOM_AUTH", AuthParameters=hashed)
        responses = {"ANSWER": "answer 0", "USERNAME": "newcomer"}
        for more, code in (({}, "NotAuthorizedException"), (hashed, None)):
            request = {
                "ClientId": "secret",
                "ChallengeName": "CUSTOM_CHALLENGE",
                "Session": asked["Session"],
                "ChallengeResponses": {**responses, **more},
            }
            if code is None:
                assert access_token(boto.respond_to_auth_challenge(**request))
            else:
                with refused(code):
                    boto.respond_to_auth_challenge(**request)


class TestWithPassword:
    """CHALLENGE_NAME SRP_A: the password first, then what the function says."""

    def verify_password(self, cognito: LocalCognito, username: str = "newcomer") -> Any:
        person = Person(cognito, username)
        asked = begin(
            cognito.client(), username, CHALLENGE_NAME="SRP_A",
            SRP_A=person.get_auth_params()["SRP_A"],
        )  # fmt: skip
        assert asked["ChallengeName"] == "PASSWORD_VERIFIER"
        return person.client.respond_to_auth_challenge(
            ClientId=CLIENT_ID,
            ChallengeName="PASSWORD_VERIFIER",
            Session=asked["Session"],
            ChallengeResponses=person.claim(asked),
        )

    def test_the_function_hears_of_both_steps(
        self, cognito: LocalCognito, recorder: Recorder
    ) -> None:
        asked = self.verify_password(cognito)
        assert asked["ChallengeName"] == "CUSTOM_CHALLENGE"
        session = recorder.last(DEFINE)["request"]["session"]
        assert session == [
            {"challengeName": name, "challengeResult": True, "challengeMetadata": None}
            for name in ("SRP_A", "PASSWORD_VERIFIER")
        ]
        assert access_token(answer(cognito.client(), asked["Session"], "answer 2"))

    def test_mfa_comes_between_without_the_function(
        self, cognito: LocalCognito, asking: LocalPool, recorder: Recorder
    ) -> None:
        asking.state.mfa = "ON"
        asked = self.verify_password(cognito, "regular")
        assert asked["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
        assert recorder.sources == [DEFINE]
        boto: Any = cognito.client()
        then = boto.respond_to_auth_challenge(
            ClientId=CLIENT_ID,
            ChallengeName="SOFTWARE_TOKEN_MFA",
            Session=asked["Session"],
            ChallengeResponses={
                "USERNAME": "regular",
                "SOFTWARE_TOKEN_MFA_CODE": cognito.code_for("regular"),
            },
        )
        assert then["ChallengeName"] == "CUSTOM_CHALLENGE"
        names = [one["challengeName"] for one in recorder.last(DEFINE)["request"]["session"]]
        assert names == ["SRP_A", "PASSWORD_VERIFIER", "SOFTWARE_TOKEN_MFA"]
        assert access_token(answer(boto, then["Session"], "answer 3", "regular"))

    def test_a_setup_that_is_required_comes_between(
        self, cognito: LocalCognito, asking: LocalPool, recorder: Recorder
    ) -> None:
        asking.state.mfa = "ON"
        assert self.verify_password(cognito)["ChallengeName"] == "MFA_SETUP"

    def test_a_wrong_password_reaches_no_function(
        self, cognito: LocalCognito, recorder: Recorder
    ) -> None:
        person = Person(cognito, "newcomer", "Wrong-Horse-7")
        asked = begin(
            cognito.client(), CHALLENGE_NAME="SRP_A", SRP_A=person.get_auth_params()["SRP_A"]
        )
        with refused("NotAuthorizedException", WRONG):
            person.answer(person.claim(asked))
        assert recorder.sources == [DEFINE]

    def test_a_temporary_password_leads_past_the_function(
        self, cognito: LocalCognito, asking: LocalPool, recorder: Recorder
    ) -> None:
        asking.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
        asked = self.verify_password(cognito, "invited")
        assert asked["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
        boto: Any = cognito.client()
        answered = boto.respond_to_auth_challenge(
            ClientId=CLIENT_ID,
            ChallengeName="NEW_PASSWORD_REQUIRED",
            Session=asked["Session"],
            ChallengeResponses={"USERNAME": "invited", "NEW_PASSWORD": "Another-Horse-8"},
        )
        assert access_token(answered)
        assert recorder.sources == [DEFINE]


class TestUnknownUsers:
    def test_they_are_played_to_the_functions_and_never_get_in(
        self, boto: Any, recorder: Recorder
    ) -> None:
        asked = begin(boto, "stranger")
        assert asked["ChallengeParameters"] == {"USERNAME": "stranger", "question": "number 0"}
        with refused("NotAuthorizedException", WRONG):
            answer(boto, asked["Session"], "answer 0", "stranger")
        assert recorder.sources == [DEFINE, CREATE, VERIFY, DEFINE]
        for event in recorder.events:
            assert event["userName"] == "stranger"
            assert event["request"]["userNotFound"] is True
            assert event["request"]["userAttributes"] == {}

    def test_others_are_told(self, boto: Any, asking: LocalPool, recorder: Recorder) -> None:
        asking.state.clients[CLIENT_ID].prevent_user_existence_errors = "LEGACY"
        with refused("UserNotFoundException"):
            begin(boto, "stranger")
        assert recorder.sources == []

    def test_a_user_who_comes_into_being_cannot_use_the_session(
        self, boto: Any, asking: LocalPool, recorder: Recorder
    ) -> None:
        session = begin(boto, "stranger")["Session"]
        asking.create_user("stranger", password=PASSWORD)
        with refused("NotAuthorizedException", WRONG):
            answer(boto, session, "answer 0", "stranger")


class TestFunctions:
    @pytest.mark.parametrize("missing", CHALLENGES)
    def test_all_three_are_needed(
        self, boto: Any, asking: LocalPool, recorder: Recorder, missing: str
    ) -> None:
        del asking.state.lambda_config[missing]
        text = "null failed with error Generate callenges lambda cannot be called."
        with refused("UserLambdaValidationException", text):
            asked = begin(boto)
            answer(boto, asked["Session"], "answer 0")

    @pytest.mark.parametrize("name", [None, "SOFTWARE_TOKEN_MFA", "PASSWORD_VERIFIER", "other"])
    def test_only_a_custom_challenge_can_come_without_a_password(
        self, boto: Any, recorder: Recorder, name: str | None
    ) -> None:
        recorder.responses[DEFINE] = {"challengeName": name, "issueTokens": False}
        with refused("InvalidLambdaResponseException", "Unrecognizable lambda output"):
            begin(boto)

    def test_tokens_may_come_at_once(self, boto: Any, recorder: Recorder) -> None:
        recorder.responses[DEFINE] = {"issueTokens": True}
        assert access_token(begin(boto))

    def test_failing_comes_before_tokens(self, boto: Any, recorder: Recorder) -> None:
        recorder.responses[DEFINE] = {"issueTokens": True, "failAuthentication": True}
        with refused("NotAuthorizedException", WRONG):
            begin(boto)

    @pytest.mark.parametrize(
        ("source", "response"),
        [
            (DEFINE, {"issueTokens": "perhaps"}),
            (DEFINE, {"challengeName": ["CUSTOM_CHALLENGE"]}),
            (CREATE, {"publicChallengeParameters": ["a"]}),
            (CREATE, {"privateChallengeParameters": {"a": ["b"]}}),
        ],
    )
    def test_a_response_of_another_form_is_refused(
        self, boto: Any, recorder: Recorder, source: str, response: dict[str, Any]
    ) -> None:
        recorder.responses[source] = response
        with refused("InvalidLambdaResponseException", "Unrecognizable lambda output"):
            begin(boto)

    def test_the_other_triggers_are_called_too(
        self, boto: Any, asking: LocalPool, recorder: Recorder
    ) -> None:
        for trigger in ("PreAuthentication", "PostAuthentication", "PreTokenGeneration"):
            asking.set_trigger(trigger, recorder)
        answer(boto, begin(boto)["Session"], "answer 0")
        assert recorder.sources == [
            "PreAuthentication_Authentication",
            DEFINE,
            CREATE,
            VERIFY,
            DEFINE,
            "PostAuthentication_Authentication",
            "TokenGeneration_Authentication",
        ]
