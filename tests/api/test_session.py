"""Where things stand, as ``session/`` says it: whose session it is, and why one is over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa.authenticator import status
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.api.frontend import FrontEnd
from tests.visitor import PASSWORD, POOL_ID, prove

pytestmark = pytest.mark.usefixtures("pool")


def ended(person: FrontEnd) -> Any:
    return person.see().body["step_data"].get("ended")


def disable(person: FrontEnd) -> None:
    person.cognito.client().admin_disable_user(UserPoolId=POOL_ID, Username="newcomer")
    status.refresh_status(CognitoIdentity.objects.get())


def delete(person: FrontEnd) -> None:
    person.cognito.client().admin_delete_user(UserPoolId=POOL_ID, Username="newcomer")
    status.refresh_status(CognitoIdentity.objects.get())


@pytest.mark.parametrize(
    ("shut_out", "code", "text"),
    [
        (disable, "account_disabled", "your account was disabled"),
        (delete, "account_gone", "your account no longer exists"),
    ],
)
def test_a_session_that_the_pool_ended_says_why(
    front_end: FrontEnd, shut_out: Any, code: str, text: str
) -> None:
    """As often as it is asked, and to no other browser."""
    front_end.come_with_app()
    assert ended(front_end) is None
    shut_out(front_end)
    front_end.operations()
    for _ in range(2):
        seen = front_end.see().body
        assert (seen["signed_in"], seen["username"], seen["step"]) == (False, "", "sign_in")
        assert seen["step_data"]["ended"]["code"] == code
        assert text in seen["step_data"]["ended"]["detail"]
        assert seen["step_data"]["username"] == ""
    assert front_end.operations() == []
    assert ended(front_end.another_browser()) is None
    assert front_end.tell("sign_out").body["step_data"]["ended"] is None
    assert ended(front_end) is None


def test_the_next_sign_in_forgets_it(front_end: FrontEnd, pool: LocalPool) -> None:
    front_end.come_with_app()
    disable(front_end)
    pool.create_user("other", password=PASSWORD)
    front_end.set_up("other")
    front_end.sign_out()
    assert ended(front_end) is None


def test_a_session_that_the_user_ended_elsewhere_says_so(front_end: FrontEnd) -> None:
    front_end.come_with_app()
    other = front_end.another_browser()
    other.secret = front_end.secret
    other.sign_in()
    other.enter_code()
    other.tell("sign_out_elsewhere")
    assert ended(front_end)["code"] == "signed_out"
    assert ended(other) is None


def test_an_idle_session_says_so(front_end: FrontEnd, settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "SESSION_IDLE": timedelta(minutes=10)}
    front_end.come_with_app()
    prove(front_end.client, CognitoIdentity.objects.get(), seconds_ago=700)
    assert ended(front_end)["code"] == "session_idle"


def test_a_check_that_is_overdue_is_named(front_end: FrontEnd, settings: Settings) -> None:
    front_end.come_with_app()
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "STATUS_MAX_AGE": timedelta(hours=1)}
    CognitoIdentity.objects.update(checked_at=timezone.now() - timedelta(hours=2))
    prove(front_end.client, CognitoIdentity.objects.get(), seconds_ago=13 * 3600)
    assert ended(front_end)["code"] == "account_unchecked"


AFTERWARDS: list[str] = []


class NamedByHeader:
    """A middleware of the site: who calls with its header is the user that it names, with or without a session."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        name = request.headers.get("X-User")
        if name:
            request.user = get_user_model().objects.get(username=name)
        response = self.get_response(request)
        AFTERWARDS.append(request.user.get_username())
        return response


@pytest.mark.parametrize("with_session", [False, True])
def test_the_user_of_the_request_stays_the_sites(
    front_end: FrontEnd, settings: Settings, django_user_model: Any, with_session: bool
) -> None:
    """Also after a post, and for what the site's middleware does afterwards."""
    if with_session:
        front_end.come_with_app()
    django_user_model.objects.create_user("ada")
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.NamedByHeader"]
    front_end.client.handler.load_middleware()
    AFTERWARDS.clear()
    for method, name, body in (
        ("GET", "session", {}),
        ("POST", "cancel", {}),
        ("POST", "challenge", {"code": "123456"}),
    ):
        answer = front_end.call(method, name, body, HTTP_X_USER="ada")
        if name != "challenge":
            assert (answer.body["signed_in"], answer.body["username"]) == (True, "ada"), name
    assert AFTERWARDS == ["ada"] * 3
