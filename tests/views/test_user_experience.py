"""What the pages owe their users, as docs/user-experience.md has it, where no journey holds it."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from tests.visitor import Visitor

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


@pytest.fixture
def at_setup(pool: LocalPool, visitor: Visitor) -> Visitor:
    visitor.sign_in()
    return visitor


def setup_page(visitor: Visitor, **headers: str) -> str:
    return str(visitor.client.get(reverse("cognito_mfa:setup"), headers=headers).content.decode())


def otpauth_uri(page: str) -> str:
    found = re.search(r'otpauth://[^"]+', page)
    assert found
    return found[0]


def test_starting_again_is_a_button_that_gives_another_qr_code(at_setup: Visitor) -> None:
    before = setup_page(at_setup)
    assert otpauth_uri(setup_page(at_setup)) == otpauth_uri(before)
    at_setup.post(reverse("cognito_mfa:setup_cancel"), {"again": "1"})
    at_setup.sign_in()
    after = setup_page(at_setup)
    assert otpauth_uri(after) != otpauth_uri(before)
    assert "delete that entry from your app" in after


@pytest.mark.parametrize(("agent", "name"), [(IPHONE, "iPhone"), (DESKTOP, "")])
def test_a_phone_suggests_its_name(at_setup: Visitor, agent: str, name: str) -> None:
    page = setup_page(at_setup, **{"User-Agent": agent})
    field = re.search(r'<input[^>]+name="friendly_name"[^>]*>', page)
    assert field
    assert (f'value="{name}"' in field[0]) if name else ("value=" not in field[0])
    assert "required" not in field[0]


def test_setup_says_until_when_the_code_can_be_entered(at_setup: Visitor) -> None:
    text = at_setup.text(at_setup.get(reverse("cognito_mfa:setup")))
    assert re.search(r"You have until at least .+ to enter the code\.", text)


def test_setup_names_examples_of_apps(at_setup: Visitor) -> None:
    text = at_setup.text(at_setup.get(reverse("cognito_mfa:setup")))
    assert "What is an authenticator app?" in text
    assert "Any of them works." in text


def test_the_code_page_says_before_it_is_needed_who_helps(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "SUPPORT_URL": "https://example.com/help/"}
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in()
    page = visitor.get(reverse("cognito_mfa:challenge"))
    text = visitor.text(page)
    assert "Lost this device?" in text
    assert "after verifying your identity" in text
    assert 'href="https://example.com/help/"' in page.content.decode()
