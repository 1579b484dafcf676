"""The overview in a browser: under a strict Content-Security-Policy, light and dark, on any screen."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from cognito_mfa.authenticator import exemptions, reset
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, SoftwareToken
from tests.browser.album import add
from tests.browser.conftest import NewPerson
from tests.browser.person import Person
from tests.factories import make

pytestmark = pytest.mark.browser

BAR = ".cognito-mfa-bar"


def at_overview(pool: LocalPool, person: Person) -> None:
    """Sign in as a user who may, with a site in which something has happened."""
    root = make(pool, "root", is_staff=True, is_superuser=True).user
    now = timezone.now()
    for number in range(40):
        token = SoftwareToken.activate(make(pool, f"person-{number}"), friendly_name="")
        ago = dt.timedelta(weeks=(number * number) % 24)
        SoftwareToken.objects.filter(pk=token.pk).update(verified_at=now - ago)
        if number % 2:
            token.identity.record_status(CognitoIdentity.Status.ENABLED)
    for number in (2, 4, 6):
        user = get_user_model().objects.get(username=f"person-{number}")
        until = now + dt.timedelta(days=number)
        exemptions.grant(user, until=until, reason="Phone in repair", actor=None)
    reset.request(token.identity, actor=root, reason="Ticket 7")
    person.open("/admin/cognito_mfa/overviewsnapshot/")
    person.sign_in("root")
    person.scan()
    person.type("Code from your app", person.code())
    person.press("Confirm")
    person.follow("Continue")


def test_it_is_counted_and_drawn_in_light_and_dark(
    pool: LocalPool,
    new_person: NewPerson,
    album: Path,
) -> None:
    person = new_person(viewport={"width": 1200, "height": 800})
    at_overview(pool, person)
    person.press("Update now")
    assert "Overview updated." in person.page.inner_text("main")
    bars = person.page.locator(BAR)
    # Weeks, since the first setup was 16 weeks ago; and all users, those who must, staff.
    assert bars.count() == 17 + 3
    assert bars.last.is_hidden()  # folded
    for scheme in ("light", "dark"):
        person.page.emulate_media(color_scheme=scheme)
        add(album, f"admin-overview-{scheme}", person.photograph())


@pytest.mark.parametrize(
    "options",
    [
        {"viewport": {"width": 320, "height": 568}, "is_mobile": True},
        {"viewport": {"width": 1280, "height": 800}, "java_script_enabled": False},
    ],
    ids=["on a narrow phone", "without JavaScript"],
)
def test_it_fits_and_works(
    pool: LocalPool, new_person: NewPerson, options: dict[str, object]
) -> None:
    person = new_person(**options)
    at_overview(pool, person)
    person.press("Update now")
    assert person.page.locator(BAR).first.bounding_box()
    if "is_mobile" in options:
        assert person.overflow() == 0
