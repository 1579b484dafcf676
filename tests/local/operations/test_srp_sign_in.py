"""USER_SRP_AUTH and PASSWORD_VERIFIER, with the client's side of SRP as others wrote it.

The facts are in "Secure Remote Password" of docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from pycognito.aws_srp import pad_hex
from pycognito.exceptions import ForceChangePasswordException, SoftwareTokenMFAChallengeException

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules import srp
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, refused
from tests.local.conftest import http_client, populated
from tests.local.srp_client import Person

WRONG = "Incorrect username or password."
LOCKED = "Password attempts exceeded"
CLIENT_SECRET = "exampleclientsecret00000000000000"
NEW_PASSWORD = "Another-Horse-8"


@pytest.fixture
def plain(cognito: LocalCognito) -> LocalPool:
    return populated(cognito, mfa="OFF")


class TestWithPycognito:
    """Another project's client, as it comes."""

    def test_the_password_signs_in(self, cognito: LocalCognito, plain: LocalPool) -> None:
        answer = Person(cognito, "regular").authenticate_user()
        assert answer["ChallengeParameters"] == {}
        assert answer["AuthenticationResult"]["TokenType"] == "Bearer"

    def test_its_numbers_are_padded_as_ours(self) -> None:
        """Where one side pads otherwise, one sign-in in a few hundred fails."""
        for value in (1, 0x7F, 0x80, 0xFF, 0x100, 0x8FF, 0x7FFF, 0x8000, srp.N, srp.N >> 1):
            assert srp._padded(value).hex() == pad_hex(value)

    def test_a_wrong_password_is_refused(self, cognito: LocalCognito, plain: LocalPool) -> None:
        with refused("NotAuthorizedException", WRONG):
            Person(cognito, "regular", "Wrong-Horse-7").authenticate_user()

    def test_the_code_is_asked_for_next(self, cognito: LocalCognito, pool: LocalPool) -> None:
        person = Person(cognito, "regular")
        with pytest.raises(SoftwareTokenMFAChallengeException) as caught:
            person.authenticate_user()
        session = caught.value.get_tokens()["Session"]
        done = Caller(person.client).enter_code(session, pool.code_for("regular"))
        assert "AuthenticationResult" in done

    def test_setup_follows_for_a_new_user(self, cognito: LocalCognito, pool: LocalPool) -> None:
        answer = Person(cognito, "newcomer").authenticate_user()
        assert answer["ChallengeName"] == "MFA_SETUP"
        caller = Caller(cognito.client())
        associated = caller.associate(answer["Session"])
        code = pool.pending_code_for("newcomer")
        verified = caller.verify(associated["Session"], code)
        assert "AuthenticationResult" in caller.respond("MFA_SETUP", verified["Session"])

    def test_a_temporary_password_must_be_changed(
        self, cognito: LocalCognito, plain: LocalPool
    ) -> None:
        plain.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
        person = Person(cognito, "invited")
        with pytest.raises(ForceChangePasswordException):
            person.authenticate_user()
        done = Person(cognito, "invited").set_new_password_challenge(NEW_PASSWORD)
        assert "AuthenticationResult" in done
        assert Person(cognito, "invited", NEW_PASSWORD).authenticate_user()

    def test_a_confidential_client_signs_its_name(
        self, cognito: LocalCognito, plain: LocalPool
    ) -> None:
        """The first hash covers what was typed, the second one the stored username."""
        plain.create_client("confidential", secret=CLIENT_SECRET)
        person = Person(cognito, "Regular", client_id="confidential", client_secret=CLIENT_SECRET)
        assert "AuthenticationResult" in person.authenticate_user()
        with refused("NotAuthorizedException"):
            Person(
                cognito, "regular", client_id="confidential", client_secret="x" * 32
            ).authenticate_user()

    def test_an_address_signs_in_where_it_is_the_username(self, cognito: LocalCognito) -> None:
        """The claim is signed for USER_ID_FOR_SRP, not for what was typed."""
        pool = cognito.create_pool(POOL_ID, username_attributes=["email"])
        pool.create_client(CLIENT_ID)
        user = pool.create_user("regular@example.com", password=PASSWORD)
        person = Person(cognito, "regular@example.com")
        assert person.begin()["ChallengeParameters"]["USER_ID_FOR_SRP"] == user.sub
        assert "AuthenticationResult" in person.authenticate_user()

    def test_it_works_over_http(self, cognito: LocalCognito, plain: LocalPool) -> None:
        with cognito.serve() as server:
            person = Person(cognito, "regular", client=http_client(server.url))
            assert "AuthenticationResult" in person.authenticate_user()

    def test_a_password_set_by_the_api_is_the_one(
        self, cognito: LocalCognito, plain: LocalPool
    ) -> None:
        cognito.client().admin_set_user_password(
            UserPoolId=POOL_ID, Username="regular", Password=NEW_PASSWORD, Permanent=True
        )
        assert Person(cognito, "regular", NEW_PASSWORD).authenticate_user()
        with refused("NotAuthorizedException", WRONG):
            Person(cognito, "regular").authenticate_user()


class TestChallenge:
    """The answer to USER_SRP_AUTH."""

    def test_it_has_these_members(self, cognito: LocalCognito, plain: LocalPool) -> None:
        """Hex, hex, base64; no Session."""
        answer = Person(cognito, "regular").begin()
        assert answer["ChallengeName"] == "PASSWORD_VERIFIER"
        assert "Session" not in answer
        parameters = answer["ChallengeParameters"]
        assert set(parameters) == {
            "SALT", "SRP_B", "SECRET_BLOCK", "USERNAME", "USER_ID_FOR_SRP",
        }  # fmt: skip
        assert len(bytes.fromhex(parameters["SALT"])) == 16
        assert 0 < int(parameters["SRP_B"], 16) < srp.N
        assert base64.b64decode(parameters["SECRET_BLOCK"], validate=True)
        assert parameters["USER_ID_FOR_SRP"] == "regular"

    def test_no_two_exchanges_are_the_same(self, cognito: LocalCognito, plain: LocalPool) -> None:
        person = Person(cognito, "regular")
        first, second = person.begin(), person.begin()
        for name in ("SRP_B", "SECRET_BLOCK"):
            assert first["ChallengeParameters"][name] != second["ChallengeParameters"][name]
        assert first["ChallengeParameters"]["SALT"] == second["ChallengeParameters"]["SALT"]

    @pytest.mark.parametrize(
        "value", ["0", f"{srp.N:x}", f"{2 * srp.N:x}", "xyz", "-5", "0x5", "5" * 2000]
    )
    def test_a_value_that_proves_nothing_is_refused(
        self, boto: Any, plain: LocalPool, value: str
    ) -> None:
        """RFC 5054: with A = 0 (mod N) every user would know the key."""
        with refused("InvalidParameterException"):
            boto.initiate_auth(
                ClientId=CLIENT_ID,
                AuthFlow="USER_SRP_AUTH",
                AuthParameters={"USERNAME": "regular", "SRP_A": value},
            )

    @pytest.mark.parametrize("missing", ["USERNAME", "SRP_A"])
    def test_what_is_missing_is_named(self, boto: Any, plain: LocalPool, missing: str) -> None:
        values = {"USERNAME": "regular", "SRP_A": "5"}
        del values[missing]
        with refused("InvalidParameterException", f"Missing required parameter {missing}"):
            boto.initiate_auth(ClientId=CLIENT_ID, AuthFlow="USER_SRP_AUTH", AuthParameters=values)

    @pytest.mark.parametrize(
        ("flows", "allowed"),
        [
            (["ALLOW_USER_SRP_AUTH"], True),
            (["ALLOW_USER_PASSWORD_AUTH"], False),
            (["USER_PASSWORD_AUTH"], True),
            (["CUSTOM_AUTH_FLOW_ONLY"], False),
        ],
    )
    def test_the_client_must_allow_it(
        self, cognito: LocalCognito, plain: LocalPool, flows: list[str], allowed: bool
    ) -> None:
        plain.create_client("other", explicit_auth_flows=flows)
        person = Person(cognito, "regular", client_id="other")
        if allowed:
            assert person.begin()
            return
        text = "USER_SRP_AUTH is not enabled for the client."
        with refused("InvalidParameterException", text):
            person.begin()

    def test_admin_operations_have_it_too(self, cognito: LocalCognito, plain: LocalPool) -> None:
        person = Person(cognito, "regular")
        begun = person.client.admin_initiate_auth(
            UserPoolId=POOL_ID,
            ClientId=CLIENT_ID,
            AuthFlow="USER_SRP_AUTH",
            AuthParameters=person.get_auth_params(),
        )
        values = person.claim(begun)
        with refused("NotAuthorizedException", WRONG):  # Admin and public calls do not mix
            person.answer(values)
        done = person.client.admin_respond_to_auth_challenge(
            UserPoolId=POOL_ID,
            ClientId=CLIENT_ID,
            ChallengeName="PASSWORD_VERIFIER",
            ChallengeResponses=values,
        )
        assert "AuthenticationResult" in done


class TestClaim:
    """The answer to PASSWORD_VERIFIER."""

    def test_wrong_claims_may_be_followed_by_a_right_one(
        self, cognito: LocalCognito, plain: LocalPool
    ) -> None:
        person = Person(cognito, "regular")
        begun = person.begin()
        for _ in range(3):
            with refused("NotAuthorizedException", WRONG):
                person.answer(person.claim(begun, PASSWORD_CLAIM_SIGNATURE="AAAA"))
        assert "AuthenticationResult" in person.answer(person.claim(begun))

    def test_a_right_claim_is_right_once(self, cognito: LocalCognito, plain: LocalPool) -> None:
        person = Person(cognito, "regular")
        values = person.claim(person.begin())
        person.answer(values)
        with refused("NotAuthorizedException", WRONG):
            person.answer(values)

    def test_it_must_come_within_seconds(self, cognito: LocalCognito, plain: LocalPool) -> None:
        """AuthSessionValidity does not apply to the secret block."""
        person = Person(cognito, "regular")
        begun = person.begin()
        cognito.clock.advance(29)
        late = person.begin()
        cognito.clock.advance(1)
        with refused("NotAuthorizedException", WRONG):
            person.answer(person.claim(begun))
        assert "AuthenticationResult" in person.answer(person.claim(late))

    @pytest.mark.parametrize("block", ["AAAA", "not base64!", "é"])
    def test_an_unknown_secret_block_is_a_wrong_password(
        self, cognito: LocalCognito, plain: LocalPool, block: str
    ) -> None:
        person = Person(cognito, "regular")
        values = person.claim(person.begin(), PASSWORD_CLAIM_SECRET_BLOCK=block)
        with refused("NotAuthorizedException", WRONG):
            person.answer(values)

    def test_it_is_of_one_user(self, cognito: LocalCognito, plain: LocalPool) -> None:
        person = Person(cognito, "regular")
        with refused("NotAuthorizedException", WRONG):
            person.answer(person.claim(person.begin(), USERNAME="newcomer"))

    def test_it_is_of_one_client(self, cognito: LocalCognito, plain: LocalPool) -> None:
        plain.create_client("other")
        person = Person(cognito, "regular")
        values = person.claim(person.begin())
        person.client_id = "other"
        with refused("NotAuthorizedException", WRONG):
            person.answer(values)

    @pytest.mark.parametrize(
        "missing",
        ["USERNAME", "PASSWORD_CLAIM_SECRET_BLOCK", "PASSWORD_CLAIM_SIGNATURE", "TIMESTAMP"],
    )
    def test_what_is_missing_is_named(
        self, cognito: LocalCognito, plain: LocalPool, missing: str
    ) -> None:
        person = Person(cognito, "regular")
        values = person.claim(person.begin())
        del values[missing]
        with refused("InvalidParameterException", f"Missing required parameter {missing}"):
            person.answer(values)

    @pytest.mark.parametrize(
        "text",
        [
            "2026-05-28T20:26:50Z",
            "Thu mai 28 20:26:50 UTC 2026",
            "Thu May 28 20:26:50 CEST 2026",
            "Thu May 32 20:26:50 UTC 2026",
            "Thu May 28 25:26:50 UTC 2026",
            "",
        ],
    )
    def test_the_timestamp_has_one_form(
        self, cognito: LocalCognito, plain: LocalPool, text: str
    ) -> None:
        """In English, in UTC, the day without a leading zero."""
        person = Person(cognito, "regular")
        with refused("InvalidParameterException"):
            person.answer(person.claim(person.begin(), TIMESTAMP=text))

    def test_the_day_has_no_zero_in_front(self, cognito: LocalCognito, plain: LocalPool) -> None:
        """It is read, and then it is not what was signed."""
        cognito.clock.set(datetime(2026, 9, 5, 12, tzinfo=UTC).timestamp())
        person = Person(cognito, "regular")
        values = person.claim(person.begin())
        assert values["TIMESTAMP"] == "Sat Sep 5 12:00:00 UTC 2026"
        padded = self.signed_anew(person, "Sat Sep 05 12:00:00 UTC 2026")
        with refused("NotAuthorizedException", WRONG):
            person.answer(padded)
        assert "AuthenticationResult" in person.answer(values)

    def test_the_timestamp_must_be_about_now(self, cognito: LocalCognito, plain: LocalPool) -> None:
        person = Person(cognito, "regular")
        with refused("NotAuthorizedException", WRONG):
            person.answer(self.signed_anew(person, "Thu May 28 19:00:00 UTC 2026"))

    def test_its_age_can_be_left_out_of_it(self, cognito: LocalCognito) -> None:
        populated(cognito, behavior=Behavior(srp_timestamp_tolerance=None))
        person = Person(cognito, "regular")
        values = self.signed_anew(person, "Thu May 28 19:00:00 UTC 2026")
        assert "AuthenticationResult" in person.answer(values)

    def signed_anew(self, person: Person, timestamp: str) -> dict[str, str]:
        person.says_it_is = timestamp
        values = person.claim(person.begin())
        person.says_it_is = None
        return values


class TestAccount:
    """The same checks as with a password that is sent, at the answer."""

    @pytest.mark.parametrize("password", [PASSWORD, "Wrong-Horse-7"])
    @pytest.mark.parametrize(
        ("user", "code"),
        [
            ({"enabled": False}, "NotAuthorizedException"),
            ({"status": "UNCONFIRMED"}, "UserNotConfirmedException"),
        ],
    )
    def test_what_is_said_before_the_password_is_looked_at(
        self, cognito: LocalCognito, plain: LocalPool, user: Any, code: str, password: str
    ) -> None:
        plain.create_user("stopped", password=PASSWORD, **user)
        person = Person(cognito, "stopped", password)
        begun = person.begin()
        with refused(code):
            person.answer(person.claim(begun))

    def test_a_required_reset_shows_only_to_the_right_password(
        self, cognito: LocalCognito, plain: LocalPool
    ) -> None:
        plain.create_user("stale", password=PASSWORD, status="RESET_REQUIRED")
        with refused("NotAuthorizedException", WRONG):
            Person(cognito, "stale", "Wrong-Horse-7").authenticate_user()
        with refused("PasswordResetRequiredException"):
            Person(cognito, "stale").authenticate_user()

    def test_wrong_claims_lock_as_wrong_passwords_do(
        self, cognito: LocalCognito, plain: LocalPool
    ) -> None:
        """One counter for both flows."""
        for _ in range(3):
            with refused("NotAuthorizedException", WRONG):
                Person(cognito, "regular", "Wrong-Horse-7").authenticate_user()
        caller = Caller(cognito.client())
        for _ in range(2):
            with refused("NotAuthorizedException", WRONG):
                caller.password("regular", "Wrong-Horse-7")
        with refused("NotAuthorizedException", LOCKED):
            Person(cognito, "regular").authenticate_user()
        cognito.clock.advance(1)
        assert Person(cognito, "regular").authenticate_user()

    def test_who_has_no_password_cannot_prove_one(
        self, cognito: LocalCognito, plain: LocalPool
    ) -> None:
        plain.create_user("Google_123", status="EXTERNAL_PROVIDER")
        with refused("NotAuthorizedException", WRONG):
            Person(cognito, "Google_123").authenticate_user()


class TestUnknownUser:
    """See "Unknown users" in docs/cognito-behavior.md."""

    def test_a_legacy_client_is_told(self, cognito: LocalCognito, plain: LocalPool) -> None:
        plain.create_client("legacy", prevent_user_existence_errors="LEGACY")
        with refused("UserNotFoundException", "User does not exist."):
            Person(cognito, "nobody", client_id="legacy").begin()

    def test_others_get_a_challenge_that_no_one_wins(
        self, cognito: LocalCognito, plain: LocalPool
    ) -> None:
        person = Person(cognito, "nobody")
        known, unknown = Person(cognito, "regular").begin(), person.begin()
        shown, real = unknown["ChallengeParameters"], known["ChallengeParameters"]
        assert set(shown) == set(real)
        assert shown["USER_ID_FOR_SRP"] == "nobody"
        for name in ("SALT", "SECRET_BLOCK"):
            assert len(shown[name]) == len(real[name])
        with refused("NotAuthorizedException", WRONG):
            person.answer(person.claim(unknown))

    def test_the_salt_and_the_name_last(self, cognito: LocalCognito, plain: LocalPool) -> None:
        """RFC 5054: else two questions tell."""
        answers = [Person(cognito, "nobody").begin() for _ in range(2)]
        first, second = (answer["ChallengeParameters"] for answer in answers)
        assert first["SALT"] == second["SALT"]
        other = Person(cognito, "somebody").begin()["ChallengeParameters"]
        assert other["SALT"] != first["SALT"]

    @pytest.mark.parametrize("setting", ["username_attributes", "alias_attributes"])
    def test_an_address_gets_a_name_like_those_that_exist(
        self, cognito: LocalCognito, setting: str
    ) -> None:
        by_address: dict[str, Any] = {setting: ["email"]}
        pool = cognito.create_pool(POOL_ID, **by_address)
        pool.create_client(CLIENT_ID)
        answers = [Person(cognito, "no@example.com").begin() for _ in range(2)]
        first, second = (answer["ChallengeParameters"]["USER_ID_FOR_SRP"] for answer in answers)
        assert first == second
        assert uuid.UUID(first).version == 4


def test_an_exchange_outlives_a_restart(cognito: LocalCognito, tmp_path: Any) -> None:
    populated(cognito)
    person = Person(cognito, "regular")
    values = person.claim(person.begin())
    cognito.save(tmp_path / "pool.json")
    later = LocalCognito.load(tmp_path / "pool.json", clock=cognito.clock)
    person.client = later.client()
    assert "AuthenticationResult" in person.answer(values)
