"""A pool that has Lambda triggers: what users see when a function refuses, fails, or adds users.

Each function runs in the local Cognito. What single errors look like is in ``test_error_texts``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from pytest_django import Settings

from cognito_mfa.local import Behavior
from cognito_mfa.local.pool import LocalPool
from tests.visitor import PASSWORD, Visitor

RULES = "This site’s rules don’t allow this sign-in"
NEW_PASSWORD = "My-own-Horse-8"
Handler = Callable[[dict[str, Any]], Any]


def refusing(words: str) -> Handler:
    def handler(event: dict[str, Any]) -> Any:
        raise ValueError(words)

    return handler


class TestRefusals:
    """403, no words of the function unless the site lets them through, and no one is signed in."""

    def at_the_password(self, pool: LocalPool, visitor: Visitor) -> Any:
        pool.set_trigger("PreAuthentication", refusing("Come <b>back</b> on Monday"))
        return visitor.sign_in()

    def at_the_code(self, pool: LocalPool, visitor: Visitor) -> Any:
        visitor.secret = pool.register_software_token("newcomer")
        pool.set_trigger("PostAuthentication", refusing("Come <b>back</b> on Monday"))
        visitor.sign_in()
        return visitor.enter_code()

    def at_the_setup(self, pool: LocalPool, visitor: Visitor) -> Any:
        pool.set_trigger("PreTokenGeneration", refusing("Come <b>back</b> on Monday"))
        visitor.sign_in()
        visitor.scan()
        return visitor.confirm_setup()

    def at_a_new_password(self, pool: LocalPool, visitor: Visitor) -> Any:
        pool.state.mfa = "OPTIONAL"
        pool.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
        pool.set_trigger("PostAuthentication", refusing("Come <b>back</b> on Monday"))
        visitor.sign_in("invited")
        return visitor.choose_password(NEW_PASSWORD)

    STEPS = ("at_the_password", "at_the_code", "at_the_setup", "at_a_new_password")

    @pytest.mark.parametrize("step", STEPS)
    def test_the_page_says_that_the_site_does_not_allow_it(
        self, pool: LocalPool, visitor: Visitor, step: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        response = getattr(self, step)(pool, visitor)
        assert response.answered == 403
        assert RULES in visitor.text(response)
        assert "Monday" not in visitor.text(response)
        assert "UserLambdaValidationException" in caplog.text
        assert not visitor.is_in()

    @pytest.mark.parametrize("step", STEPS)
    def test_a_site_may_show_the_functions_words(
        self, pool: LocalPool, visitor: Visitor, settings: Settings, step: str
    ) -> None:
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, "TRIGGER_MESSAGES": True}
        page = getattr(self, step)(pool, visitor).content.decode()
        assert "Come &lt;b&gt;back&lt;/b&gt; on Monday" in page
        assert "failed with error" not in page

    def test_a_user_who_is_let_in_again_signs_in(self, pool: LocalPool, visitor: Visitor) -> None:
        """The authenticator app that was set up before the refusal counts."""
        self.at_the_setup(pool, visitor)
        pool.state.lambda_config = {}
        visitor.wait(60)
        visitor.sign_in()
        visitor.enter_code(pool.code_for("newcomer"))
        assert visitor.is_in()


def test_a_function_that_is_too_slow_is_a_failure_of_the_service(
    pool: LocalPool, visitor: Visitor
) -> None:
    pool.state.behavior = Behavior(trigger_seconds=1.0)

    def slow(event: dict[str, Any]) -> Any:
        visitor.cognito.clock.advance(2)
        return event

    pool.set_trigger("PreAuthentication", slow)
    response = visitor.sign_in()
    assert response.answered == 503
    assert "Nothing has been lost" in visitor.text(response)


def migrating(event: dict[str, Any]) -> Any:
    if event["userName"] != "ada" or event["request"]["password"] != PASSWORD:
        return event
    event["response"] |= {
        "userAttributes": {"email": "ada@example.com", "email_verified": "true"},
        "finalUserStatus": "CONFIRMED",
        "messageAction": "SUPPRESS",
    }
    return event


def test_a_migrated_user_sets_up_an_app_at_the_first_sign_in(
    pool: LocalPool, visitor: Visitor
) -> None:
    pool.set_trigger("UserMigration", migrating)
    visitor.sign_in("ada")
    visitor.scan()
    visitor.confirm_setup(friendly_name="Phone")
    assert visitor.is_in()
    user = get_user_model().objects.get()
    assert user.email == "ada@example.com"
    visitor.sign_out()
    visitor.wait(60)
    visitor.sign_in("ada")
    visitor.enter_code(pool.code_for("ada"))
    assert visitor.is_in()


def test_a_user_whom_the_function_does_not_know_gets_the_usual_answer(
    pool: LocalPool, visitor: Visitor
) -> None:
    wrong = visitor.text(visitor.sign_in("newcomer", "Wrong-Horse-7"))
    pool.set_trigger("UserMigration", migrating)
    unknown = visitor.text(visitor.sign_in("stranger"))
    assert unknown.replace("stranger", "newcomer") == wrong


def test_tokens_without_self_service_still_sign_in(pool: LocalPool, visitor: Visitor) -> None:
    """The preference cannot be set then, but the code was right."""

    def suppress(event: dict[str, Any]) -> Any:
        event["response"] = {
            "claimsAndScopeOverrideDetails": {
                "idTokenGeneration": {"claimsToAddOrOverride": {"tenants": ["a", "b"]}},
                "accessTokenGeneration": {"scopesToSuppress": ["aws.cognito.signin.user.admin"]},
            }
        }
        return event

    pool.set_trigger("PreTokenGeneration", suppress, version="V2_0")
    visitor.sign_in()
    visitor.scan()
    visitor.confirm_setup(friendly_name="Phone")
    assert visitor.is_in()
    visitor.sign_out()
    visitor.wait(60)
    visitor.sign_in()
    visitor.enter_code(pool.code_for("newcomer"))
    assert visitor.is_in()


def test_a_function_cannot_make_a_user_another_one(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}

    def claim(event: dict[str, Any]) -> Any:
        added = {"sub": "another-user", "cognito:username": "regular", "iss": "elsewhere"}
        event["response"] = {"claimsOverrideDetails": {"claimsToAddOrOverride": added}}
        return event

    optional_pool.set_trigger("PreTokenGeneration", claim)
    visitor.sign_in()
    identity = get_user_model().objects.get().cognito_identity
    assert identity.sub == optional_pool.user("newcomer").sub
    assert identity.username == "newcomer"
