"""From every page there is a way to the site, to help, and out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.template import engines
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from pytest_django import Settings

from cognito_mfa.enforcement.policy import DEADLINE
from cognito_mfa.local.pool import LocalPool
from tests.visitor import Visitor

OWN = ("device", "device_rename", "device_replace", "device_remove", "history", "password_change")
HELP = "Bring your ID card to room 12. It takes a day."


@pytest.mark.django_db
@pytest.mark.parametrize("name", OWN)
def test_a_page_of_the_user_leads_to_the_others_to_the_site_and_out(
    pool: LocalPool, visitor: Visitor, settings: Settings, name: str
) -> None:
    settings.LOGIN_REDIRECT_URL = "/private/"
    visitor.come_with_app()
    page = visitor.text(visitor.get(reverse(f"cognito_mfa:{name}")))
    assert '<a href="/private/"><bdi>Example Ltd</bdi></a>' in page
    for other in ("device", "history"):
        assert f'href="{reverse(f"cognito_mfa:{other}")}"' in page
    assert f'<form method="post" action="{reverse("cognito_mfa:sign_out")}">' in page
    assert "Signed in as <bdi>newcomer</bdi>" in page


@pytest.mark.django_db
def test_visitors_are_shown_the_way_to_the_site_and_nothing_to_sign_out_of(
    pool: LocalPool, visitor: Visitor
) -> None:
    page = visitor.text(visitor.get(reverse("cognito_mfa:sign_in")))
    assert '<a href="/"><bdi>Example Ltd</bdi></a>' in page
    assert reverse("cognito_mfa:sign_out") not in page


@pytest.mark.django_db
@pytest.mark.parametrize("text", [HELP, gettext_lazy("Lost this device?")])
def test_a_lost_device_is_told_what_the_site_asks_for(
    pool: LocalPool, visitor: Visitor, settings: Settings, text: object
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "LOST_DEVICE_HELP": text}
    visitor.come_with_app()
    page = visitor.text(visitor.get(reverse("cognito_mfa:device_replace")))
    assert f"<p>{text}</p>" in page
    visitor.sign_out()
    visitor.sign_in()
    assert f"<p>{text}</p>" in visitor.text(visitor.get(reverse("cognito_mfa:challenge")))


def test_the_banner_brings_its_style_and_can_be_hidden() -> None:
    request = RequestFactory().get("/private/")
    setattr(request, DEADLINE, timezone.now() + timedelta(days=5))
    banner = engines["django"].from_string("{% load cognito_mfa %}{% mfa_banner %}")
    page = banner.render(request=request)
    assert '<link rel="stylesheet" href="/static/cognito_mfa/banner.css">' in page
    assert '<script src="/static/cognito_mfa/banner.js"></script>' in page
    # Shown by the script only: without it the banner stays.
    assert '<button type="button" hidden>Not now</button>' in page
    assert " style=" not in page
