"""Signing out everywhere else: every other session of the user ends, and this one goes on."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import AsyncClient, Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa import signals
from cognito_mfa.authenticator import links, reset
from cognito_mfa.enforcement import gate
from cognito_mfa.exceptions import ChallengeLost
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.sign_in import sign_out_elsewhere
from tests.factories import make
from tests.visitor import PASSWORD, Visitor

PAGE, DEVICE = reverse("cognito_mfa:sign_out_elsewhere"), reverse("cognito_mfa:device")
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
REMOTE = "django.contrib.auth.backends.RemoteUserBackend"
DENIED = faults.Error("AccessDeniedException", "no")


@pytest.fixture
def optional_site(settings: Settings) -> None:
    """A site that leaves the second factor to its people."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}


def elsewhere(person: Visitor) -> Visitor:
    """Return the same person, signed in in another browser, with a code where Cognito asks for one."""
    other = Visitor(Client(), person.cognito)
    other.secret = person.secret
    if "challenge" in other.sign_in().url:
        other.enter_code()
    other.cognito.clock.advance(30)
    assert other.is_in()
    return other


def identity() -> CognitoIdentity:
    return CognitoIdentity.objects.get()


def identity_of_user(user: Any) -> CognitoIdentity:
    return CognitoIdentity.objects.get(user=user)


def test_a_recent_code_is_enough_and_this_session_stays_verified(
    pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    visitor.set_up()
    other = elsewhere(visitor)
    key = visitor.client.session.session_key
    assert PAGE in visitor.text(visitor.get(DEVICE))
    assert 'name="password"' not in visitor.text(visitor.get(PAGE))
    visitor.cognito.forget_calls()
    with django_capture_on_commit_callbacks(execute=True):
        done = visitor.post(PAGE)
    assert visitor.cognito.operations() == ["AdminUserGlobalSignOut"]
    assert done.url == DEVICE
    assert "signed out everywhere else" in visitor.text(visitor.get(DEVICE))
    assert visitor.is_in()
    assert visitor.client.session.session_key != key, "a stolen cookie is of this very session"

    ended = other.get("/private/")
    assert ended.url.startswith(reverse("cognito_mfa:sign_in"))
    assert "signed out here" in other.text(other.get(ended.url))
    assert "_auth_user_id" not in other.client.session
    assert MFAEvent.objects.filter(kind="SIGNED_OUT_ELSEWHERE").count() == 1
    assert mail.outbox[-1].subject == "Example Ltd: You were signed out everywhere else"
    other.sign_in()
    other.enter_code()
    assert other.is_in()
    assert visitor.is_in()


@pytest.mark.over_api
def test_sessions_without_a_code_end_as_well(
    optional_pool: LocalPool, visitor: Visitor, optional_site: None
) -> None:
    """``proof.signed_out_since``: they have no proof that the generation could end. The password is asked for."""
    visitor.sign_in()
    other = elsewhere(visitor)
    assert 'name="password"' in visitor.text(visitor.get(PAGE))
    visitor.cognito.forget_calls()
    assert visitor.post(PAGE, {"password": PASSWORD}).url == DEVICE
    assert visitor.cognito.operations() == ["InitiateAuth", "GlobalSignOut"]
    assert visitor.is_in()
    assert not other.is_in()
    other.sign_in()
    assert other.is_in()


@pytest.mark.over_api
def test_sessions_of_another_backend_end_as_well(
    pool: LocalPool, visitor: Visitor, optional_site: None
) -> None:
    """``gate._sign_in_ended``: however it was signed in."""
    visitor.set_up()
    other = Client()
    other.force_login(get_user_model().objects.get(), backend=MODEL_BACKEND)
    assert other.get("/private/").status_code == 200
    visitor.post(PAGE)
    assert other.get("/private/").status_code == 302
    other.force_login(get_user_model().objects.get(), backend=MODEL_BACKEND)
    assert other.get("/private/").status_code == 200, "a sign-in after it"


@pytest.mark.parametrize("has_other_link", [False, True], ids=["relinked", "moved"])
def test_they_stay_ended_when_the_user_is_linked_anew(
    pool: LocalPool, visitor: Visitor, optional_site: None, has_other_link: bool
) -> None:
    """``links._carry_out``: the number of sign-outs is in the row of the link, which ends or changes."""
    visitor.set_up()
    user = get_user_model().objects.get()
    other = Client()
    other.force_login(user, backend=MODEL_BACKEND)
    visitor.post(PAGE)
    if has_other_link:
        make(pool, "second")
    else:
        pool.create_user("second", password=PASSWORD)
    second = links.find_in_pool(username="second")
    links.link(user, second, actor=None, reason="Ticket 7", move=True)
    assert identity_of_user(user).sub == second.sub
    assert other.get("/private/").status_code == 302
    other.force_login(get_user_model().objects.get(pk=user.pk), backend=MODEL_BACKEND)
    assert other.get("/private/").status_code == 200, "a sign-in after it"


def test_sessions_of_a_trusted_backend_end_as_well(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """``gate._is_trusted``: its sign-ins leave no proof."""
    settings.AUTHENTICATION_BACKENDS = [
        *settings.AUTHENTICATION_BACKENDS,
        REMOTE,
    ]
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "TRUSTED_BACKENDS": {REMOTE: "elsewhere"},
    }
    visitor.set_up()
    other = Client()
    other.force_login(get_user_model().objects.get(), backend=REMOTE)
    assert other.get("/private/").status_code == 200
    request = other.get("/imprint/").wsgi_request
    assert gate.is_proven(request, request.user)
    visitor.post(PAGE)
    request = other.get("/imprint/").wsgi_request
    assert not gate.is_proven(request, request.user), "as a decorator would ask, without middleware"
    assert other.get("/private/").status_code == 302


def test_they_end_where_nothing_is_enforced(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "ENFORCEMENT": "off"}
    visitor.sign_in()
    other = elsewhere(visitor)
    visitor.post(PAGE, {"password": PASSWORD})
    assert visitor.is_in()
    assert not other.is_in()


def test_they_end_under_asgi(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    other = elsewhere(visitor)
    browser: Any = AsyncClient()
    browser.cookies = other.client.cookies
    assert async_to_sync(browser.get)("/async-private/").status_code == 200
    visitor.post(PAGE)
    assert async_to_sync(browser.get)("/async-private/").status_code == 302


def test_scripts_are_told(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    other = elsewhere(visitor)
    visitor.post(PAGE)
    told = other.get("/private/", headers={"Accept": "application/json"})
    assert (told.status_code, told.json()["code"]) == (403, "signed_out")


def test_without_aws_permissions_the_page_asks_for_the_password_and_says_what_was_done(
    pool: LocalPool, visitor: Visitor
) -> None:
    """``sign_out_elsewhere.with_site_credentials``: the sessions here have ended, the tokens have not."""
    visitor.set_up()
    other = elsewhere(visitor)
    visitor.cognito.faults.on("AdminUserGlobalSignOut", DENIED)
    done = visitor.post(PAGE)
    assert done.url == PAGE + "?password=1"
    page = visitor.text(visitor.get(done.url))
    assert "Your other sessions on this site have ended." in page
    assert 'name="password"' in page
    assert not other.is_in()
    visitor.cognito.forget_calls()
    visitor.post(done.url, {"password": PASSWORD})
    assert visitor.enter_code().url == DEVICE
    assert visitor.cognito.operations()[-1] == "GlobalSignOut"
    assert "signed out everywhere else" in visitor.text(visitor.get(DEVICE))
    assert visitor.is_in()


def test_where_nothing_revokes_the_tokens_the_page_says_so(
    optional_pool: LocalPool, visitor: Visitor, optional_site: None
) -> None:
    visitor.sign_in()
    visitor.cognito.faults.on("GlobalSignOut", faults.Timeout(executed=False))
    told: list[bool] = []

    def receive(*, tokens_revoked: bool, **_given: Any) -> None:
        told.append(tokens_revoked)

    signals.signed_out_elsewhere.connect(receive)
    try:
        visitor.post(PAGE, {"password": PASSWORD})
    finally:
        signals.signed_out_elsewhere.disconnect(receive)
    assert "didn’t confirm" in visitor.text(visitor.get(DEVICE))
    assert told == [False]


def test_an_old_code_is_asked_for_again(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """``SignOutElsewhereStep.is_confirmed``."""
    visitor.set_up()
    other = elsewhere(visitor)
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REAUTH_MAX_AGE": 0.001}
    assert visitor.post(PAGE).status_code == 200
    assert other.is_in()
    visitor.post(PAGE, {"password": PASSWORD})
    assert other.is_in(), "the password is not all of it"
    visitor.enter_code()
    assert visitor.is_in()
    assert not other.is_in()


def test_another_users_password_ends_nothing(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    other = elsewhere(visitor)
    assert visitor.post(PAGE + "?password=1", {"password": "Wrong-Horse-7"}).status_code == 200
    assert other.is_in()
    assert identity().sign_outs == 0


def test_an_ended_session_ends_no_other(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    other = elsewhere(visitor)
    visitor.post(PAGE)
    assert other.post(PAGE).status_code == 302
    assert visitor.is_in()
    assert identity().sign_outs == 1


def test_a_reset_in_between_leaves_nothing_verified(pool: LocalPool, visitor: Visitor) -> None:
    """``subject.check_current``: what began before the reset is over."""
    visitor.set_up()
    visitor.post(PAGE + "?password=1", {"password": PASSWORD})
    reset.request(identity(), actor=None, reason="x")
    visitor.enter_code()
    assert not visitor.is_in()
    assert identity().sign_outs == 0


def test_a_reset_at_the_same_moment_wins(pool: LocalPool, visitor: Visitor) -> None:
    """``_end_other_sessions``: ``since``, under the lock."""
    visitor.set_up()
    request, read = visitor.get("/private/").wsgi_request, identity()
    reset.request(identity(), actor=None, reason="x")
    with pytest.raises(ChallengeLost):
        sign_out_elsewhere.with_site_credentials(request, read)
    assert not visitor.is_in()


def test_it_costs_other_sessions_no_query(
    pool: LocalPool, visitor: Visitor, django_assert_num_queries: Any
) -> None:
    """``IdentityState.sign_outs``: loaded with the user. One for the session, one for the user."""
    visitor.set_up()
    visitor.post(PAGE)
    visitor.get("/private/")
    with django_assert_num_queries(2):
        visitor.get("/private/")
