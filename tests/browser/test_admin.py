"""The admin in a browser: our lists fit a small laptop beside both side bars, and one user's page acts."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from cognito_mfa.authenticator import exemptions, reset
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent, SoftwareToken
from tests.browser.conftest import NewPerson
from tests.browser.person import Person
from tests.factories import make

pytestmark = pytest.mark.browser

HOME = "/admin/cognito_mfa/"
LISTS = ("cognitoidentity", "mfaexemption", "mfaevent", "mfareset", "codefailures")
NAMES = ("ada", "a.rather.long.name@subdomain.example.com", "franz-josef.huber")


@pytest.fixture
def staff(pool: LocalPool, new_person: NewPerson) -> Person:
    """A superuser in the admin of a site where something has happened."""
    root = make(pool, "root", is_staff=True, is_superuser=True)
    now = timezone.now()
    for number, name in enumerate(NAMES):
        identity = make(pool, f"user{number}")
        CognitoIdentity.objects.filter(pk=identity.pk).update(username=name)
        identity.refresh_from_db()
        identity.record_status(CognitoIdentity.Status.ENABLED)
        SoftwareToken.activate(identity, friendly_name="Work phone")
        CognitoIdentity.objects.filter(pk=identity.pk).update(app_used_at=now)
        MFAEvent.objects.record(MFAEvent.Kind.STATUS_CHANGED, identity, detail="GONE → ENABLED")
        CodeFailures.objects.create(
            pool_id=pool.id, username=name, sub=identity.sub, failures=7, total=7
        )
        until = now + dt.timedelta(days=3)
        exemptions.grant(identity.user, until=until, reason="Phone in repair", actor=root.user)
    reset.request(identity, actor=root.user, reason="Ticket 7")
    Group.objects.create(name="Editors")
    person = new_person(viewport={"width": 1280, "height": 800})
    person.open(HOME)
    person.sign_in("root")
    person.scan()
    person.type("Code from your app", person.code())
    person.press("Confirm")
    person.follow("Continue")
    return person


def test_each_list_fits_1280_pixels(staff: Person) -> None:
    for name in LISTS:
        staff.open(f"{HOME}{name}/")
        table = staff.page.locator("#result_list")
        cut = table.evaluate("e => e.scrollWidth - e.closest('.results').clientWidth")
        assert (name, cut) == (name, 0)


def test_no_page_is_wider_than_a_phone(staff: Person) -> None:
    staff.page.set_viewport_size({"width": 390, "height": 844})
    ada = CognitoIdentity.objects.get(username="ada")
    pages = [
        *(f"{name}/" for name in LISTS),
        f"cognitoidentity/{ada.pk}/change/",
        f"cognitoidentity/{ada.pk}/confirm/reset_mfa/",
        f"mfaexemption/add/?user={ada.user_id}",
        "cognitoidentity/link/",
        "mfaevent/export/",
        "overviewsnapshot/",
    ]
    for page in pages:
        staff.open(HOME + page)
        assert (page, staff.overflow()) == (page, 0)


def test_one_users_page_acts_and_says_what_was_done(staff: Person) -> None:
    staff.open(f"{HOME}cognitoidentity/")
    staff.follow("ada")
    staff.press("Refresh status")
    assert "Refreshed the status of ada." in staff.page.inner_text("main")
    staff.follow("Unlock code entry…")
    staff.page.locator("#id_reason").fill("Ticket 7")
    staff.press("Unlock code entry")
    text = staff.page.inner_text("main")
    assert "Unlocked code entry for ada." in text
    assert "Open, no failed attempts" in text
    assert staff.page.get_by_role("link", name="Unlock code entry…").count() == 0


def test_an_exemption_is_granted_by_name(staff: Person) -> None:
    User.objects.create_user("somebody.new")
    staff.open(f"{HOME}mfaexemption/add/")
    staff.page.locator(".select2-selection").click()
    staff.page.locator(".select2-search__field").fill("somebody")
    staff.page.get_by_role("option", name="somebody.new").click()
    staff.page.locator("#id_reason").fill("No phone yet")
    staff.press("Grant exemption")
    assert "Exempted somebody.new from MFA until" in staff.page.inner_text("main")
