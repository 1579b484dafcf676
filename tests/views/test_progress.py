"""The numbers of steps: none, or from the first page of a journey to its last one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from tests.visitor import PASSWORD, Visitor

Journey = Callable[[Visitor], list[str]]


def see(visitor: Visitor, name: str, **query: str) -> str:
    """Return the number in a page's title, which its text repeats; empty for none."""
    page = visitor.text(visitor.get(reverse(f"cognito_mfa:{name}"), data=query))
    titled = re.search(r"<title>(?:(Step \d of \d): )?", page)
    shown = re.search(r'class="cognito-mfa-progress">([^<]*)<', page)
    assert titled
    assert (titled[1] or "") == (shown[1] if shown else "")
    return titled[1] or ""


def first_sign_in(visitor: Visitor) -> list[str]:
    first = see(visitor, "sign_in")
    visitor.sign_in()
    return [first, see(visitor, "setup")]


def invited(visitor: Visitor) -> list[str]:
    first = see(visitor, "sign_in")
    visitor.sign_in("invited", "Temporary-1")
    second = see(visitor, "new_password")
    visitor.choose_password("Another-Horse-8")
    return [first, second, see(visitor, "setup")]


def later_sign_in(visitor: Visitor) -> list[str]:
    visitor.come_with_app()
    visitor.sign_out()
    first = see(visitor, "sign_in")
    visitor.sign_in()
    return [first, see(visitor, "challenge")]


def replacement(visitor: Visitor) -> list[str]:
    visitor.come_with_app()
    pages = [see(visitor, "device_replace")]
    visitor.start_change("device_replace")
    pages.append(see(visitor, "challenge"))
    visitor.enter_code()
    return [*pages, see(visitor, "setup")]


def password_change(visitor: Visitor) -> list[str]:
    visitor.come_with_app()
    return [see(visitor, "password_change")]


@pytest.fixture
def invitation(pool: LocalPool) -> None:
    pool.create_user("invited", password="Temporary-1", status="FORCE_CHANGE_PASSWORD")


@pytest.mark.usefixtures("pool", "invitation")
@pytest.mark.parametrize(
    ("journey", "total"),
    [
        (first_sign_in, 0), (invited, 0), (later_sign_in, 0), (replacement, 3), (password_change, 0),
    ],
)  # fmt: skip
def test_the_pages_of_a_journey_are_counted_from_the_first_one(
    visitor: Visitor, journey: Journey, total: int
) -> None:
    numbers = journey(visitor)
    counted = [f"Step {one} of {total}" for one in range(1, total + 1)]
    assert numbers == (counted or [""] * len(numbers))


@pytest.mark.usefixtures("optional_pool")
def test_a_setup_from_the_account_page_is_counted(visitor: Visitor, settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    visitor.sign_in()
    first = see(visitor, "device_replace")
    visitor.start_change("device_replace")
    assert [first, see(visitor, "setup")] == ["Step 1 of 2", "Step 2 of 2"]


@pytest.mark.usefixtures("optional_pool")
def test_a_setup_that_a_page_asks_for_is_not_counted(visitor: Visitor, settings: Settings) -> None:
    """The same page confirms who has an app, and is asked for a code next."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    visitor.sign_in()
    first = see(visitor, "sign_in", setup="1")
    data = {"username": "newcomer", "password": PASSWORD, "setup": "1"}
    visitor.post(reverse("cognito_mfa:sign_in"), data)
    assert [first, see(visitor, "setup")] == ["", ""]


def test_a_code_that_the_first_page_did_not_know_of_is_not_counted(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """An app that was set up elsewhere after the sign-in: 1 of 2, then a code, then 2 of 2."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    visitor.sign_in()
    first = see(visitor, "device_replace")
    visitor.secret = optional_pool.register_software_token("newcomer", friendly_name="Elsewhere")
    visitor.start_change("device_replace")
    second = see(visitor, "challenge")
    visitor.enter_code()
    assert [first, second, see(visitor, "setup")] == ["Step 1 of 2", "", "Step 2 of 2"]
