"""Disabled or deleted in the pool: the next request of every session that Cognito opened ends it, and says why;
sessions that no one used or checked for too long end likewise."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cognito_mfa.authenticator import status
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.enforcement.people import THEIRS
from tests.enforcement.servers import CALLERS, Ask, Send
from tests.enforcement.site import SECRET
from tests.visitor import PASSWORD, POOL_ID, Visitor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]
SIGN_IN = "cognito_mfa:sign_in"
PAGE = {"Accept": "text/html"}


def disable(visitor: Visitor, username: str = "newcomer") -> None:
    visitor.cognito.client().admin_disable_user(UserPoolId=POOL_ID, Username=username)


def delete(visitor: Visitor) -> None:
    visitor.cognito.client().admin_delete_user(UserPoolId=POOL_ID, Username="newcomer")


def identity() -> CognitoIdentity:
    return CognitoIdentity.objects.get()


def shut_out(visitor: Visitor, what: str) -> None:
    {"disabled": disable, "no longer exists": delete}[what](visitor)
    status.refresh_status(identity())


WHATS = ["disabled", "no longer exists"]
PATHS = ["/gated/function/", "/gated/async-function/"]


@pytest.fixture
def without_code(optional_pool: LocalPool, visitor: Visitor, conf: Any) -> Visitor:
    """A user of whom the policy asks nothing, signed in with the password alone."""
    conf(REQUIRED=False)
    visitor.sign_in()
    assert visitor.is_in()
    return visitor


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("proven", [True, False])
def test_a_session_ends_whatever_the_policy_asks_for(
    what: str,
    path: str,
    proven: bool,
    optional_pool: LocalPool,
    visitor: Visitor,
    send: Send,
    conf: Any,
) -> None:
    """Turns red without ``access_lost`` in ``CognitoBackend.get_user``; the word why without ``_end_reason_without_user``
    in ``gate.decide`` and ``gate.adecide``."""
    conf(REQUIRED="everyone" if proven else False)
    if proven:
        visitor.come_with_app()
    else:
        visitor.sign_in()
        visitor.client.session.save()
    assert visitor.is_in()
    shut_out(visitor, what)

    (answer,) = send(visitor.client, [Ask(path, headers=PAGE)])

    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse(SIGN_IN))
    assert SECRET.encode() not in answer.body


@pytest.mark.parametrize("what", WHATS)
def test_the_sign_in_page_says_why(what: str, pool: LocalPool, visitor: Visitor) -> None:
    visitor.come_with_app()
    shut_out(visitor, what)
    page = visitor.text(visitor.get("/private/", follow=True))
    assert what in page
    assert 'name="password"' in page
    assert "_auth_user_id" not in visitor.client.session
    assert what not in visitor.text(visitor.get(reverse(SIGN_IN)))  # once


@pytest.mark.over_api
@pytest.mark.parametrize("caller", [name for name in CALLERS if name != "page"])
@pytest.mark.parametrize("what", WHATS)
def test_a_script_gets_a_problem_document(
    what: str, caller: str, pool: LocalPool, visitor: Visitor, send: Send
) -> None:
    visitor.come_with_app()
    shut_out(visitor, what)
    (answer,) = send(visitor.client, [Ask("/gated/function/", headers=CALLERS[caller])])
    assert answer.status_code == 403
    assert SECRET.encode() not in answer.body


def test_without_the_middleware_it_holds_as_well(without_code: Visitor, settings: Any) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "RequireMFA" not in name]
    without_code.client.handler.load_middleware()
    disable(without_code)
    status.refresh_status(identity())
    assert "_auth_user_id" in without_code.client.session
    response = without_code.get("/private/")
    assert not response.wsgi_request.user.is_authenticated


@pytest.mark.parametrize("enforcement", ["observe", "off"])
def test_it_holds_where_the_gate_only_looks_on(
    enforcement: str, without_code: Visitor, conf: Any
) -> None:
    conf(ENFORCEMENT=enforcement)
    shut_out(without_code, "disabled")
    assert not without_code.is_in()


def test_the_run_over_every_user_finds_out(without_code: Visitor) -> None:
    """Turns red without ``Judged.changes_enabled``."""
    before = identity().generation
    disable(without_code)
    call_command("cognito_mfa_sync")
    row = identity()
    assert row.disabled_at is not None
    assert row.generation == before + 1  # enabled again before the next request, it stays ended
    assert MFAEvent.objects.filter(kind="DISABLED").count() == 1
    call_command("cognito_mfa_sync")
    assert MFAEvent.objects.filter(kind="DISABLED").count() == 1
    without_code.cognito.client().admin_enable_user(UserPoolId=POOL_ID, Username="newcomer")
    call_command("cognito_mfa_sync")
    assert identity().disabled_at is None


@pytest.mark.over_api
def test_a_site_of_its_own_sign_in_decides_for_itself(
    pool: LocalPool, visitor: Visitor, conf: Any
) -> None:
    """A user with a local password is not let in by the pool: they lack a proof, and no more."""
    visitor.come_with_app()
    user = get_user_model().objects.get()
    shut_out(visitor, "disabled")
    browser = Client()
    browser.force_login(user, backend=THEIRS)
    answer: Any = browser.get("/private/")
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("cognito_mfa:setup"))
    conf(REQUIRED=False)
    assert browser.get("/private/").status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_a_session_of_cognitos_own_pages_ends_with_a_backend_that_loads_every_user(
    path: str, optional_pool: LocalPool, visitor: Visitor, send: Send, conf: Any
) -> None:
    """Turns red without ``access_lost`` in ``gate.decide_for_user`` and ``gate.adecide_for_user``."""
    visitor.sign_in()
    user = get_user_model().objects.get()
    conf(
        REQUIRED=False,
        TOKEN_PROVIDER="tests.security.test_shut_out.no_token",
        TRUSTED_BACKENDS={THEIRS: "enrolled"},
    )
    browser = Client()
    browser.force_login(user, backend=THEIRS)
    (answer,) = send(browser, [Ask(path, headers=PAGE)])
    assert answer.body == SECRET.encode()
    shut_out(visitor, "disabled")
    (answer,) = send(browser, [Ask(path, headers=PAGE)])
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse(SIGN_IN))


def no_token(_request: object) -> None:
    """Give no token."""


def test_a_proof_of_a_user_shut_out_is_none_in_a_foreign_session(
    pool: LocalPool, visitor: Visitor
) -> None:
    """Turns red without ``disabled_at`` in ``proof.age``."""
    visitor.come_with_app()
    session = visitor.client.session
    session["_auth_user_backend"] = THEIRS
    session.save()
    assert visitor.is_in()
    CognitoIdentity.objects.update(disabled_at=timezone.now())
    assert not visitor.is_in()
    CognitoIdentity.objects.update(disabled_at=None, status="GONE")
    assert not visitor.is_in()


@pytest.mark.over_api
def test_signing_in_again_clears_it(pool: LocalPool, visitor: Visitor) -> None:
    visitor.come_with_app()
    shut_out(visitor, "disabled")
    assert not visitor.is_in()
    visitor.sign_in()
    visitor.enter_code()
    assert not visitor.is_in()  # Cognito says no

    visitor.cognito.client().admin_enable_user(UserPoolId=POOL_ID, Username="newcomer")
    visitor.cognito.clock.advance(31)
    visitor.sign_in()
    visitor.enter_code()

    assert visitor.is_in()
    assert identity().disabled_at is None


# --------------------------------------------------------------------- not checked, or not used, for too long


def long_ago(seconds: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(seconds=seconds)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("ago", "ends"), [(0, False), (3500, False), (3700, True), (-20, False), (-86400, True)]
)
def test_a_status_older_than_the_limit_asks_to_sign_in_again(
    ago: float, ends: bool, path: str, pool: LocalPool, visitor: Visitor, send: Send, conf: Any
) -> None:
    """Also one of the future, by a clock that jumped. Turns red without ``is_check_overdue`` in ``proof.age``."""
    visitor.come_with_app()
    conf(STATUS_MAX_AGE=3600)
    CognitoIdentity.objects.update(checked_at=long_ago(ago))
    (answer,) = send(visitor.client, [Ask(path, headers=PAGE)])
    assert (answer.body != SECRET.encode()) == ends
    if ends:
        assert answer["Location"].startswith(f"{reverse(SIGN_IN)}?again=1")
        visitor.sign_in()
        visitor.enter_code()
        (answer,) = send(visitor.client, [Ask(path, headers=PAGE)])
        assert answer.body == SECRET.encode()


def test_the_page_says_that_the_status_is_old(pool: LocalPool, visitor: Visitor, conf: Any) -> None:
    visitor.come_with_app()
    conf(STATUS_MAX_AGE=3600)
    CognitoIdentity.objects.update(checked_at=long_ago(3700))
    assert "since your account was checked" in visitor.text(visitor.get("/private/", follow=True))


def test_a_status_older_than_the_limit_ends_a_session_without_a_code_too(
    without_code: Visitor, conf: Any
) -> None:
    """Turns red without ``is_check_overdue`` in ``gate.decide_for_user``."""
    conf(STATUS_MAX_AGE=3600)
    assert without_code.is_in()
    CognitoIdentity.objects.update(checked_at=long_ago(3700))
    assert not without_code.is_in()
    without_code.sign_in()
    assert without_code.is_in()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("ago", "ends"), [(0, False), (550, False), (650, True), (-20, False), (-86400, True)]
)
def test_an_idle_session_ends(
    ago: float, ends: bool, path: str, pool: LocalPool, visitor: Visitor, send: Send, conf: Any
) -> None:
    """Turns red without ``is_idle`` in ``proof.age``."""
    visitor.come_with_app()
    conf(SESSION_IDLE=600)
    session = visitor.client.session
    session["_cognito_mfa_proof"] = {
        **session["_cognito_mfa_proof"],
        "at": time.time() - 3000,
        "seen": time.time() - ago,
    }
    session.save()
    (answer,) = send(visitor.client, [Ask(path, headers=PAGE)])
    assert (answer.body != SECRET.encode()) == ends
    if ends:
        assert answer["Location"].startswith(f"{reverse(SIGN_IN)}?again=1")
        page = visitor.text(visitor.get("/private/", follow=True))
        assert "You were inactive" in page
        return
    seen = visitor.client.session["_cognito_mfa_proof"]["seen"]
    assert (abs(time.time() - seen) < 5) == (ago != -20)  # a visit is written down, once each tenth
    assert visitor.client.session["_cognito_mfa_proof"]["at"] < time.time() - 2990


def test_a_busy_session_goes_on_and_writes_seldom(
    pool: LocalPool, visitor: Visitor, conf: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turns red without ``proof.touch`` in ``gate.decide``."""
    visitor.come_with_app()
    conf(SESSION_IDLE=600)
    true, ahead = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: true() + ahead[0])
    writes = set()
    for _ in range(100):
        ahead[0] += 20
        assert visitor.is_in()
        writes.add(visitor.client.session["_cognito_mfa_proof"].get("seen"))
    assert len(writes) <= 100 * 20 / 60 + 1
    ahead[0] += 700
    assert not visitor.is_in()
    assert not visitor.is_in()


def test_a_visit_brings_no_ended_proof_back(
    optional_pool: LocalPool, visitor: Visitor, conf: Any
) -> None:
    """The policy lets the person go on without; that is no answer to a code.

    Turns red without ``holds`` in ``proof._is_due``.
    """
    visitor.come_with_app()
    conf(SESSION_IDLE=600, REQUIRED=False)
    session = visitor.client.session
    session["_cognito_mfa_proof"] = {**session["_cognito_mfa_proof"], "seen": time.time() - 700}
    session.save()
    assert visitor.is_in()
    conf(REQUIRED="everyone")
    assert not visitor.is_in()


def test_off_it_costs_nothing(
    pool: LocalPool, visitor: Visitor, django_assert_num_queries: Any
) -> None:
    visitor.come_with_app()
    with django_assert_num_queries(2):
        assert visitor.is_in()


def test_no_one_without_a_password_learns_anything(pool: LocalPool, visitor: Visitor) -> None:
    """A stranger's sign-in with a shut-out name looks like any other."""
    visitor.come_with_app()
    shut_out(visitor, "disabled")
    stranger = Visitor(Client(), visitor.cognito)
    page = stranger.text(stranger.sign_in("newcomer", "Wrong-Horse-7"))
    other = stranger.text(stranger.sign_in("nobody", "Wrong-Horse-7"))
    assert page.replace("newcomer", "nobody") == other
    assert PASSWORD not in page
