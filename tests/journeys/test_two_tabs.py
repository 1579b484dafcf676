"""Two tabs of one browser: what an older tab sends never goes to a sign-in or a change that it does not show."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from pytest_django import Settings

import cognito_mfa
from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity
from cognito_mfa.sign_in.pending import Step
from cognito_mfa.views import passwords, recovery, setup, sign_in
from cognito_mfa.views.base import StepView
from tests.visitor import PASSWORD, Visitor

CHALLENGE, SETUP, NEW_PASSWORD, RECOVER, RESET = (
    reverse(f"cognito_mfa:{name}")
    for name in ("challenge", "setup", "new_password", "recover", "password_reset_confirm")
)
OUTDATED = "This page is out of date"
NOT_SENT = "What you entered here wasn’t sent."
TEMPLATES = Path(cognito_mfa.__file__).parent / "templates"
STEPS = [
    view
    for module in (passwords, recovery, setup, sign_in)
    for view in vars(module).values()
    if isinstance(view, type) and issubclass(view, StepView) and view.__module__ == module.__name__
    if getattr(view, "step", Step.START) is not Step.START and hasattr(view, "template_name")
]


@pytest.fixture
def two(pool: LocalPool) -> LocalPool:
    """A pool with two users, each with an authenticator app."""
    for name in ("anna", "bob"):
        pool.create_user(name, password=PASSWORD)
    return pool


def form_of(visitor: Visitor, path: str) -> dict[str, str]:
    """Return what the first form of a page sends besides what is typed."""
    page = visitor.text(visitor.get(path))
    form = page[page.index('<form method="post"') :]
    form = form[: form.index("</form>")]
    hidden = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
    return {name: value for name, value in hidden if name != "csrfmiddlewaretoken"}


def assert_outdated(visitor: Visitor, page: Any, *said: str) -> None:
    text = visitor.text(page)
    assert page.answered == 409
    assert f"<title>{OUTDATED}</title>" in text
    for each in (NOT_SENT, *said):
        assert each in text


def test_a_code_of_an_older_tab_is_not_sent_to_another_sign_in(
    two: LocalPool, visitor: Visitor, cognito: LocalCognito
) -> None:
    visitor.secret = two.register_software_token("anna", friendly_name="Anna’s phone")
    secret_of_bob = two.register_software_token("bob", friendly_name="Bob’s phone")
    visitor.sign_in("anna")
    older = form_of(visitor, CHALLENGE)
    visitor.sign_in("bob")
    cognito.forget_calls()

    page = visitor.post(CHALLENGE, {**older, "code": visitor.code()})
    assert_outdated(visitor, page, "You started signing in as <strong>", ">bob<", "Continue as")
    assert cognito.operations() == []
    assert not CodeFailures.objects.exists()

    visitor.secret = secret_of_bob
    newer = form_of(visitor, CHALLENGE)  # once read, the page is the newer one
    assert visitor.post(CHALLENGE, {**newer, "code": visitor.code()}).status_code == 302
    assert visitor.is_in()
    assert CognitoIdentity.objects.get().username == "bob"


def test_two_tabs_with_the_same_account_are_one_sign_in(two: LocalPool, visitor: Visitor) -> None:
    visitor.secret = two.register_software_token("anna", friendly_name="Phone")
    visitor.sign_in("anna")
    older = form_of(visitor, CHALLENGE)
    visitor.sign_in("anna")
    assert visitor.post(CHALLENGE, {**older, "code": visitor.code()}).status_code == 302
    assert visitor.is_in()


def test_a_new_password_is_never_set_for_another_user(
    pool: LocalPool, visitor: Visitor, cognito: LocalCognito
) -> None:
    for name in ("invited-1", "invited-2"):
        pool.create_user(name, password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
    visitor.sign_in("invited-1")
    older = form_of(visitor, NEW_PASSWORD)
    visitor.sign_in("invited-2")
    cognito.forget_calls()
    chosen = {"new_password1": "Another-Horse-8", "new_password2": "Another-Horse-8"}
    page = visitor.post(NEW_PASSWORD, {**older, **chosen})
    assert_outdated(visitor, page, ">invited-2<")
    assert cognito.operations() == []
    assert "Another-Horse-8" not in visitor.text(page)


def test_a_setup_of_an_older_tab_is_not_that_of_another_user(
    two: LocalPool, visitor: Visitor, cognito: LocalCognito
) -> None:
    visitor.sign_in("anna")
    older = form_of(visitor, SETUP)
    visitor.scan()
    code = visitor.code()
    visitor.sign_in("bob")
    cognito.forget_calls()
    assert_outdated(visitor, visitor.post(SETUP, {**older, "code": code}), ">bob<")
    assert cognito.operations() == []


def test_a_tab_at_another_step_of_another_sign_in_says_so_too(
    two: LocalPool, visitor: Visitor, cognito: LocalCognito
) -> None:
    visitor.secret = two.register_software_token("anna", friendly_name="Phone")
    visitor.sign_in("anna")
    older = form_of(visitor, CHALLENGE)
    visitor.sign_in("bob")  # who has to set up an app
    cognito.forget_calls()
    page = visitor.post(CHALLENGE, {**older, "code": visitor.code()})
    assert_outdated(visitor, page, ">bob<", f'href="{SETUP}"')
    assert cognito.operations() == []


def test_a_code_for_one_change_never_confirms_another(
    optional_pool: LocalPool, visitor: Visitor, cognito: LocalCognito, settings: Settings
) -> None:
    """Else a code for a new phone would turn two-step verification off."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "ALLOW_REMOVE": True, "REQUIRED": False}
    visitor.come_with_app()
    visitor.start_change("device_replace")
    older = form_of(visitor, CHALLENGE)
    visitor.start_change("device_remove")
    cognito.forget_calls()
    page = visitor.post(CHALLENGE, {**older, "code": visitor.code()})
    assert_outdated(
        visitor, page, "“Turn off two-step verification”", "Back to two-step verification"
    )
    assert cognito.operations() == []
    assert CognitoIdentity.objects.get().software_token is not None


def test_a_recovery_code_of_an_older_tab_is_not_counted_for_another_user(
    two: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": True}
    for name in ("anna", "bob"):
        two.register_software_token(name, friendly_name="Phone")
    visitor.sign_in("anna")
    older = form_of(visitor, RECOVER)
    visitor.sign_in("bob")
    page = visitor.post(RECOVER, {**older, "code": "AAAA-BBBB-CCCC-DDDD"})
    assert_outdated(visitor, page, ">bob<")
    assert not CodeFailures.objects.exists()


def test_a_password_reset_of_an_older_tab_is_not_that_of_another_user(
    two: LocalPool, visitor: Visitor, cognito: LocalCognito
) -> None:
    for name in ("anna", "bob"):
        visitor.post(reverse("cognito_mfa:password_reset"), {"username": name})
        if name == "anna":
            older = form_of(visitor, RESET)
    cognito.forget_calls()
    chosen = {"new_password1": "Another-Horse-8", "new_password2": "Another-Horse-8"}
    page = visitor.post(RESET, {**older, "code": "123456", **chosen})
    assert_outdated(visitor, page, "You started a password reset for", ">bob<")
    assert cognito.operations() == []


@pytest.mark.parametrize("view", STEPS, ids=lambda view: view.__name__)
def test_every_form_of_a_step_says_whose_it_is(view: type[StepView]) -> None:
    source = (TEMPLATES / str(view.template_name)).read_text()
    form = source[source.index("data-cognito-mfa-busy") :]
    assert form.index("partials/whose.html") < form.index("</form>")
