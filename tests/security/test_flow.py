"""Skipping or bending the sign-in. Other attacks are beside the journeys that they attack."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.urls import reverse

from cognito_mfa.authenticator import reset
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, SoftwareToken
from tests.enforcement.people import THEIRS
from tests.enforcement.servers import CALLERS, Ask, Send
from tests.enforcement.site import SECRET
from tests.security import old_boto3
from tests.visitor import CLIENT_ID, PASSWORD, Visitor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]
SIGN_IN = "cognito_mfa:sign_in"
SETUP = "cognito_mfa:setup"


@pytest.mark.over_api
@pytest.mark.parametrize("caller", CALLERS)
def test_the_password_alone_opens_nothing(
    pool: LocalPool, visitor: Visitor, send: Send, caller: str
) -> None:
    """No one is signed in before the code: to every view, the visitor is anonymous."""
    visitor.set_up()
    visitor.sign_out()
    assert visitor.sign_in().url == reverse("cognito_mfa:challenge")

    assert "_auth_user_id" not in visitor.client.session
    asks = [
        Ask("/private/", headers=CALLERS[caller]),
        Ask("/required/async-mixin/", headers=CALLERS[caller]),
        Ask("/admin/", headers=CALLERS[caller]),
    ]
    for answer in send(visitor.client, asks):
        assert answer.status_code in (302, 403)
        assert b"private page" not in answer.body
        assert SECRET.encode() not in answer.body


@pytest.mark.over_api
def test_choosing_a_password_signs_no_one_in(pool: LocalPool, visitor: Visitor) -> None:
    pool.create_user("invited", password="Temporary-1", status="FORCE_CHANGE_PASSWORD")
    visitor.sign_in("invited", "Temporary-1")
    data = {"new_password1": "My-own-Horse-8", "new_password2": "My-own-Horse-8"}
    assert visitor.post(reverse("cognito_mfa:new_password"), data).url == reverse(SETUP)

    assert not visitor.is_in()
    assert "_auth_user_id" not in visitor.client.session


@pytest.mark.over_api
def test_a_stolen_token_is_no_way_in(pool: LocalPool, visitor: Visitor, send: Send) -> None:
    visitor.set_up()
    tokens = pool.issue_tokens("newcomer", CLIENT_ID, scopes=["aws.cognito.signin.user.admin"])
    visitor.sign_out()
    for kind in ("AccessToken", "IdToken"):
        headers = {"Authorization": f"Bearer {tokens[kind]}"}
        pages = [reverse(f"cognito_mfa:{name}") for name in ("sign_in", "setup", "challenge")]
        asks = [
            Ask(page, method, headers)
            for page in [*pages, "/private/"]
            for method in ("GET", "POST")
        ]
        for answer in send(visitor.client, asks):
            assert answer.status_code in (200, 302, 303)
            assert b"private page" not in answer.body
        assert visitor.cognito.operations() == []
    assert not visitor.is_in()


@pytest.mark.over_api
@pytest.mark.parametrize("caller", CALLERS)
def test_tokens_without_a_code_meet_the_gate(
    optional_pool: LocalPool, visitor: Visitor, send: Send, settings: Any, caller: str
) -> None:
    """However they came about: an optional pool, the first sign-in, a federated one."""
    enforcing = settings.COGNITO_MFA
    settings.COGNITO_MFA = {**enforcing, "REQUIRED": False}
    visitor.sign_in()
    assert visitor.is_in()

    settings.COGNITO_MFA = enforcing
    (answer,) = send(visitor.client, [Ask("/gated/function/", headers=CALLERS[caller])])
    assert SECRET.encode() not in answer.body
    assert answer.status_code == (302 if caller == "page" else 403)


@pytest.mark.over_api
def test_no_device_is_ever_remembered(pool: LocalPool, visitor: Visitor) -> None:
    """Cognito asks a remembered device for no code; so we never tell it of one."""
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in()
    visitor.enter_code()
    for call in visitor.cognito.calls:
        assert "DEVICE_KEY" not in str(call.parameters)
    assert "ConfirmDevice" not in visitor.cognito.operations()
    assert "UpdateDeviceStatus" not in visitor.cognito.operations()


def test_no_visit_makes_the_proof_younger(
    pool: LocalPool, visitor: Visitor, send: Send, settings: Any
) -> None:
    visitor.set_up()
    session = visitor.client.session
    session["_cognito_mfa_proof"]["at"] -= 12 * 3600 - 60
    session.save()
    before = dict(session["_cognito_mfa_proof"])
    for answer in send(visitor.client, [Ask("/gated/function/")] * 3):
        assert answer.body == SECRET.encode()

    assert visitor.client.session["_cognito_mfa_proof"] == before
    assert "GetTokensFromRefreshToken" not in visitor.cognito.operations()
    session["_cognito_mfa_proof"]["at"] = int(time.time()) - 12 * 3600 - 1
    session.save()
    (answer,) = send(visitor.client, [Ask("/gated/function/")])
    assert SECRET.encode() not in answer.body


@pytest.mark.over_api
def test_the_secret_is_shown_to_no_one_once_it_is_confirmed(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.set_up()
    secret = visitor.secret
    pages = ("setup", "setup_done", "device", "device_replace", "history", "challenge")
    for name in pages:
        page = visitor.text(visitor.get(reverse(f"cognito_mfa:{name}"), follow=True))
        assert secret not in page
        assert "otpauth:" not in page
    assert secret not in str(dict(visitor.client.session.items()))


def test_a_confirmation_counts_once(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.scan()
    code = visitor.code()
    visitor.confirm_setup(code)
    token = SoftwareToken.objects.get()
    visitor.cognito.forget_calls()

    again = visitor.confirm_setup(code)

    assert again.url.startswith(reverse(SIGN_IN))
    assert visitor.cognito.operations() == []
    assert SoftwareToken.objects.get() == token
    assert visitor.is_in()


@pytest.mark.over_api
def test_a_reset_in_between_kills_the_open_challenge(
    optional_pool: LocalPool, visitor: Visitor, settings: Any
) -> None:
    """Also with a boto3 that can delete nothing: the registration stays, and Cognito would take the code.

    Turns red without the look at ``Snapshot.is_outdated`` in ``subject.check_current``. Every other step and action is in
    ``test_pending_sign_ins``.
    """
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in()
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_FACTORY": old_boto3.FACTORY}
    done = reset.run(reset.request(CognitoIdentity.objects.get(), actor=None, reason="lost"))
    assert done.finished_at
    assert optional_pool.user("newcomer").software_token
    visitor.cognito.clock.advance(31)
    visitor.cognito.forget_calls()

    answer = visitor.enter_code()

    assert answer.url.startswith(reverse(SIGN_IN))
    assert visitor.cognito.operations() == []
    assert not visitor.is_in()


@pytest.mark.over_api
def test_an_answer_with_both_or_neither_is_no_sign_in(pool: LocalPool, visitor: Visitor) -> None:
    tokens = pool.issue_tokens("newcomer", CLIENT_ID, scopes=["aws.cognito.signin.user.admin"])

    def both(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "AuthenticationResult": tokens}

    visitor.cognito.faults.on("InitiateAuth", faults.Edit(both), times=1)
    assert visitor.sign_in().answered == 503
    assert not visitor.is_in()
    assert not get_user_model().objects.exists()


def test_another_backends_sign_in_is_no_proof(
    pool: LocalPool, visitor: Visitor, send: Send
) -> None:
    visitor.set_up()
    user = get_user_model().objects.get()
    visitor.client.force_login(user, backend=THEIRS)  # the same person, in the same browser

    assert "_cognito_mfa_proof" not in visitor.client.session
    (answer,) = send(visitor.client, [Ask("/gated/function/")])
    assert answer.status_code == 302


@pytest.mark.over_api
def test_nothing_that_was_planted_survives_another_backends_sign_in(
    pool: LocalPool, visitor: Visitor
) -> None:
    """A half-finished sign-in of ours, and a proof, in the session that another sign-in takes over."""
    visitor.sign_in()
    session = visitor.client.session
    session["_cognito_mfa_proof"] = {"owner": ["1"]}
    session["basket"] = ["book"]
    session.save()
    user = get_user_model().objects.create_user("other", password=PASSWORD)

    assert visitor.client.login(username="other", password=PASSWORD)

    kept = visitor.client.session
    assert [key for key in kept.keys() if key.startswith("_cognito_mfa_")] == []  # noqa: SIM118
    assert kept["basket"] == ["book"]
    assert kept["_auth_user_id"] == str(user.pk)


@pytest.mark.over_api
def test_a_sign_in_changes_no_local_password(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    before = get_user_model().objects.get().password
    visitor.sign_out()
    visitor.sign_in()
    visitor.enter_code()
    assert get_user_model().objects.get().password == before
    assert before.startswith("!")


def test_a_session_that_ends_during_a_request_stays_ended(
    pool: LocalPool, visitor: Visitor, settings: Any
) -> None:
    """The slow request would write the old session back. It gets Django's 400, and its key stays dead."""
    visitor.sign_in()
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.EndsMeanwhile"]
    visitor.client.handler.load_middleware()

    response = visitor.sign_in()

    assert response.status_code == 400
    assert not Session.objects.exists()
    assert not visitor.is_in()


class EndsMeanwhile:
    """Another request of the same browser, which ends the session while this one is answered."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        Session.objects.all().delete()
        return response
