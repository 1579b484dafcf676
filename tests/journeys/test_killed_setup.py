"""A process that ends after Cognito confirmed an authenticator, and before the site recorded it.

What a killed process leaves is what there is while Cognito answers the call after the confirmation, so the next
sign-in happens then, in another browser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.urls import reverse

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import MFAEvent, SoftwareToken
from tests.security.during_calls import while_cognito_answers
from tests.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.django_db


def kinds() -> list[str]:
    return list(MFAEvent.objects.order_by("pk").values_list("kind", flat=True))


def interrupt(visitor: Visitor, what: Callable[[], object]) -> None:
    """Confirm a new authenticator; ``what`` happens when Cognito has it, and the site has recorded nothing."""
    visitor.scan()
    while_cognito_answers(visitor, "VerifySoftwareToken", what)
    visitor.confirm_setup(friendly_name="New phone")


def sign_in_again(visitor: Visitor, *, same_browser: bool) -> None:
    """Sign in with the new app, with a wrong code first."""
    other = visitor.same_browser() if same_browser else visitor.another_browser()
    other.secret = visitor.secret
    other.wait(30)
    other.sign_in()
    other.enter_code(other.wrong_code())
    other.enter_code()
    assert other.is_in()


@pytest.mark.parametrize("same_browser", [True, False], ids=["same browser", "another browser"])
def test_the_next_sign_in_records_and_tells_of_a_first_setup(
    same_browser: bool,
    pool: LocalPool,
    visitor: Visitor,
    django_capture_on_commit_callbacks: Any,
) -> None:
    visitor.sign_in()
    found: list[Any] = []

    def later() -> None:
        with django_capture_on_commit_callbacks(execute=True):
            sign_in_again(visitor, same_browser=same_browser)
        found.append((kinds(), [message.subject for message in mail.outbox]))

    interrupt(visitor, later)
    events, subjects = found[0]
    assert events == ["SOFTWARE_TOKEN_VERIFIED", "SIGNED_IN"]
    assert subjects == ["Example Ltd: An authenticator app was set up for your account"]


def test_the_next_sign_in_records_a_replacement(optional_pool: LocalPool, visitor: Visitor) -> None:
    visitor.come_with_app(friendly_name="Old phone")
    visitor.post(reverse("cognito_mfa:device_replace"), {"password": PASSWORD})
    visitor.enter_code()
    found: list[Any] = []

    def later() -> None:
        sign_in_again(visitor, same_browser=False)
        devices = SoftwareToken.objects.order_by("pk").values_list(
            "friendly_name", "retired_because"
        )
        found.append((kinds()[-2:], list(devices)))

    interrupt(visitor, later)
    events, devices = found[0]
    assert events == ["SOFTWARE_TOKEN_REPLACED", "SIGNED_IN"]
    assert devices == [("Old phone", "REPLACED"), ("New phone", "")]


def test_a_recorded_setup_is_not_recorded_again(pool: LocalPool, visitor: Visitor) -> None:
    """Even if Cognito names another app at the next sign-in, of another site of the same pool."""
    visitor.set_up()
    visitor.secret = pool.register_software_token("newcomer", friendly_name="Tablet")
    visitor.sign_out()
    visitor.sign_in()
    visitor.enter_code()
    assert visitor.is_in()
    assert kinds() == ["SOFTWARE_TOKEN_VERIFIED", "SIGNED_IN", "SIGNED_IN"]


def test_an_app_that_was_set_up_elsewhere_is_no_change(pool: LocalPool, visitor: Visitor) -> None:
    """Nothing of it was seen here, so nothing is told."""
    visitor.come_with_app()
    assert kinds() == ["SIGNED_IN"]
    assert mail.outbox == []
