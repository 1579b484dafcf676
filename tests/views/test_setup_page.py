"""The setup page: a name for the device, until when its QR code is good, and starting again with another one."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from cognito_mfa.local.pool import LocalPool
from tests.visitor import PASSWORD, Visitor

SETUP, CANCEL = reverse("cognito_mfa:setup"), reverse("cognito_mfa:setup_cancel")
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148 Safari/604.1"
TABLET = "Mozilla/5.0 (Linux; Android 15; SM-X710) AppleWebKit/537.36 Chrome/131.0 Safari/537.36"
PHONE = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/131.0 Mobile Safari/537.36"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"


def name_on(page: str) -> str:
    field = re.search(r'<input[^>]*name="friendly_name"[^>]*>', page)
    assert field
    value = re.search(r'value="([^"]*)"', field[0])
    return value[1] if value else ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (IPHONE, "iPhone"),
        (PHONE, "Android phone"),
        (TABLET, "Android tablet"),
        (DESKTOP, ""),  # the app is on another device
        ("<script>iPhone</script>", "iPhone"),
        ("", ""),
    ],
)
def test_the_device_name_is_suggested(
    pool: LocalPool, visitor: Visitor, agent: str, name: str
) -> None:
    visitor.sign_in()
    page = visitor.text(visitor.get(SETUP, headers={"User-Agent": agent}))
    assert name_on(page) == name


@pytest.mark.django_db
def test_a_name_that_was_emptied_stays_empty(pool: LocalPool, visitor: Visitor) -> None:
    visitor.client.defaults["HTTP_USER_AGENT"] = IPHONE
    visitor.sign_in()
    visitor.scan()
    page = visitor.text(visitor.confirm_setup(visitor.wrong_code(), friendly_name=""))
    assert name_on(page) == ""


@pytest.mark.django_db
def test_who_switches_is_told_the_name_in_use(pool: LocalPool, visitor: Visitor) -> None:
    visitor.client.defaults["HTTP_USER_AGENT"] = IPHONE
    visitor.come_with_app(friendly_name="iPhone")
    visitor.post(reverse("cognito_mfa:device_replace"), {"password": PASSWORD})
    visitor.enter_code()
    page = visitor.text(visitor.get(SETUP))
    assert name_on(page) == "iPhone 2"
    assert "Your current device is named" in page
    assert "<title>Step 3 of 3: " in page


@pytest.mark.django_db
def test_it_says_until_when_the_code_is_accepted_at_least(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.sign_in()
    page = visitor.text(visitor.get(SETUP))
    shown = re.search(r"You have until at least <time datetime=\"([^\"]+)\"", page)
    assert shown
    visitor.confirm_setup(visitor.wrong_code() if visitor.scan() else "")
    again = visitor.text(visitor.get(SETUP))
    assert shown[1] in again, "an error makes no QR code good for longer"


@pytest.mark.django_db
def test_starting_again_leads_to_another_qr_code(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in(next_url="/private/")
    first = visitor.scan()
    visitor.cognito.forget_calls()

    answer = visitor.post(CANCEL, {"again": "1"})
    assert answer.url.startswith(reverse("cognito_mfa:sign_in"))
    assert visitor.cognito.operations() == []
    page = visitor.text(visitor.get(answer.url))
    assert "to get a new QR code" in page
    assert 'value="/private/"' in page

    visitor.sign_in(next_url="/private/")
    assert visitor.scan() != first
    assert "This is a new QR code" in visitor.text(visitor.get(SETUP))
    assert visitor.confirm_setup().status_code == 302


@pytest.mark.django_db
def test_starting_again_while_switching_leaves_the_old_app(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.come_with_app()
    old = visitor.secret
    visitor.post(reverse("cognito_mfa:device_replace"), {"password": PASSWORD})
    visitor.enter_code()
    visitor.scan()
    answer: Any = visitor.post(CANCEL, {"again": "1"})
    assert answer.url == reverse("cognito_mfa:device_replace")
    assert "to get a new QR code" in visitor.text(visitor.get(answer.url))
    visitor.secret = old
    visitor.cognito.clock.advance(30)
    visitor.sign_out()
    visitor.sign_in()
    assert visitor.enter_code().url == "/"
