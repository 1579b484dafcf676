"""The overview in the admin: what it counts, when it counts, and who sees it."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from pytest_django import DjangoAssertNumQueries, Settings

from cognito_mfa.authenticator import exemptions, reset
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import (
    CodeFailures,
    CognitoIdentity,
    MFAEvent,
    MFAExemption,
    OverviewSnapshot,
    SoftwareToken,
)
from cognito_mfa.reports import overview
from tests import moments
from tests.factories import make
from tests.visitor import Visitor

PAGE = "admin:cognito_mfa_overviewsnapshot_changelist"
COUNT = "admin:cognito_mfa_overviewsnapshot_count"
Status = CognitoIdentity.Status


def count_again(admin: Visitor) -> str:
    return admin.text(admin.post(reverse(COUNT), follow=True))


def cells(page: str, heading: str) -> list[str]:
    """Return what stands beside ``heading`` in a table of the page."""
    row = re.search(rf'<th scope="row">(?:<a [^>]*>)?{re.escape(heading)}.*?</tr>', page, re.DOTALL)
    assert row, heading
    return [cell.strip() for cell in re.findall(r"<td>(.*?)</td>", row[0], re.DOTALL)]


def share(page: str, heading: str) -> list[str]:
    """Return the coverage beside ``heading``, without its bar, and the numbers."""
    bar, *numbers = cells(page, heading)
    assert bar.startswith('<meter class="cognito-mfa-bar"')
    return [bar.rpartition("</meter> ")[2], *numbers]


def exempt(user: User, *, days: int = 3, reason: str = "Phone in repair") -> MFAExemption:
    until = timezone.now() + dt.timedelta(days=days)
    return exemptions.grant(user, until=until, reason=reason, actor=None)


def test_before_the_first_count_it_says_so_and_offers_one(pool: LocalPool, admin: Visitor) -> None:
    page = admin.text(admin.get(reverse(PAGE)))
    assert "No data yet" in page
    assert 'value="Update now"' in page
    assert "Setups per week" not in page
    page = count_again(admin)
    assert "Updated just now" in page
    assert 'value="Update now"' in page
    assert share(page, "Required to use MFA") == ["100%", "1", "0", "0", "1"]


def test_every_user_is_counted_once(pool: LocalPool, admin: Visitor) -> None:
    make(pool, "nothing", is_staff=True).record_status(Status.NOT_SET_UP)
    make(pool, "excused").record_status(Status.NOT_SET_UP)
    make(pool, "gone").record_status(Status.GONE)
    make(pool, "barred", is_active=False).record_status(Status.ENABLED)
    make(pool, "elsewhere").record_status(Status.ENABLED)
    CognitoIdentity.objects.filter(username="elsewhere").update(pool_id="us-east-1_Other0000")
    User.objects.create_user("never")
    exempt(User.objects.get(username="excused"))
    exempt(User.objects.get(username="excused"), reason="again")
    exempt(User.objects.get(username="root"))
    group = Group.objects.create(name="<Editors>")
    group.user_set.add(*User.objects.filter(username__in=["root", "never", "barred", "excused"]))

    page = count_again(admin)

    assert share(page, "Required to use MFA") == ["16.6%", "1", "1", "4", "6"]
    assert share(page, "All active users") == ["16.6%", "1", "1", "4", "6"]
    assert share(page, "Staff") == ["50.0%", "1", "0", "1", "2"]
    assert share(page, "Group: &lt;Editors&gt;") == ["33.3%", "1", "1", "1", "3"]
    assert cells(page, "Set up") == ["1"]
    assert cells(page, "Not set up") == ["2"]
    assert cells(page, "Not in the user pool") == ["1"]
    assert cells(page, "Never signed in with this user pool") == ["2"]
    numbers = overview.read(OverviewSnapshot.objects.get())
    assert numbers.exempted == 2
    assert sum(numbers.statuses.values()) + numbers.unlinked == numbers.all_users.people


@pytest.mark.parametrize(
    ("required", "people"), [(False, 0), ("everyone", 3), ("staff", 2), ({"groups": ["a", "b"]}, 1)]
)
def test_who_must_is_what_the_policy_says(
    pool: LocalPool, admin: Visitor, settings: Settings, required: Any, people: int
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": required}
    make(pool, "ada", is_staff=True)
    member = make(pool, "bea").user
    member.groups.set([Group.objects.create(name=name) for name in ("a", "b")])
    numbers = overview.measure()
    assert numbers.required is not None
    assert numbers.required.people == people


def rule(_request: Any) -> bool:
    return True


def test_a_rule_that_is_code_cannot_be_counted_and_the_page_says_so(
    pool: LocalPool, admin: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": rule}
    page = count_again(admin)
    assert "a function on this site decides" in page
    assert "Required to use MFA" not in page
    assert cells(page, "All active users")[-1] == "1"


def test_what_is_stale_is_said(pool: LocalPool, admin: Visitor) -> None:
    old, fresh = make(pool, "old"), make(pool, "fresh")
    make(pool, "never")
    for identity in (old, fresh):
        identity.record_status(Status.ENABLED)
    long_ago = timezone.now() - overview.STALE_AFTER - dt.timedelta(minutes=1)
    CognitoIdentity.objects.filter(username="old").update(checked_at=long_ago)
    assert cells(count_again(admin), "Stale status") == ["2"]


def test_each_week_has_its_number_and_a_bar(pool: LocalPool, admin: Visitor) -> None:
    monday = moments.today() - dt.timedelta(days=moments.today().weekday())
    for number, weeks in enumerate((1, 1, 25, 26)):
        wednesday = monday + dt.timedelta(days=2) - dt.timedelta(weeks=weeks)
        at = timezone.make_aware(dt.datetime.combine(wednesday, dt.time(12)))
        token = SoftwareToken.activate(make(pool, f"p{number}"), friendly_name="")
        SoftwareToken.objects.filter(pk=token.pk).update(verified_at=at)
    page = count_again(admin)
    numbers = overview.read(OverviewSnapshot.objects.get())
    counts = {week.monday: week.set_up for week in numbers.weeks}
    assert list(counts)[-1] == monday
    assert len(counts) == overview.WEEKS
    found = [(ago, counts[monday - dt.timedelta(weeks=ago)]) for ago in range(overview.WEEKS)]
    assert [pair for pair in found if pair[1]] == [(0, 1), (1, 2), (25, 1)]

    setups = page[page.index("Setups per week") :]
    assert setups.count("<meter") == overview.WEEKS
    assert setups.partition("<details>")[2].count("<meter") == overview.WEEKS - 8
    assert 'max="2"' in page
    for week in numbers.weeks:
        day = date_format(week.monday, "DATE_FORMAT")
        shown, bar = cells(setups, day)
        assert shown == str(week.set_up)
        assert f'value="{week.set_up}"' in bar
        assert 'aria-hidden="true"' in bar


def test_a_young_site_has_no_rows_of_zeros(pool: LocalPool, admin: Visitor) -> None:
    page = count_again(admin)
    for title in ("Failures", "Status in Cognito", "Setups per week"):
        rows = re.findall(r"<td>([^<]*)</td>", section(page, title))
        assert "0" not in rows, title
    assert "None." in section(page, "Failures")
    assert (
        section(page, "Setups per week").count("<tr>") == 2
    )  # the headings, and the week of admin's own


def section(page: str, title: str) -> str:
    """Return the part of the page below a heading."""
    return page.split(f"<h2>{title}</h2>")[1].split("</section>", maxsplit=1)[0]


def test_recent_failures_link_to_their_lists(pool: LocalPool, admin: Visitor) -> None:
    ada, bea = make(pool, "ada"), make(pool, "bea")
    for kind in ("CODE_REJECTED", "CODE_REJECTED", "CODE_ENTRY_LOCKED"):
        MFAEvent.objects.record(MFAEvent.Kind(kind), ada)
    old = MFAEvent.objects.record(MFAEvent.Kind.CODE_REJECTED, ada)
    eight_days_ago = timezone.now() - dt.timedelta(days=8)
    MFAEvent.objects.filter(pk=old.pk).update(at=eight_days_ago)
    CodeFailures.objects.create(pool_id=pool.id, username="ada", failures=100)
    CodeFailures.objects.create(pool_id=pool.id, username="bea", failures=99)
    reset.request(bea, actor=None, reason="Ticket 7")

    page = count_again(admin)

    assert cells(page, "Wrong codes in the last 7 days") == ["2"]
    assert cells(page, "Locked after too many wrong codes in the last 7 days") == ["1"]
    assert cells(page, "Locked users") == ["1"]
    assert cells(page, "Unfinished resets") == ["1"]
    links = re.findall(r'<th scope="row"><a href="([^"]+)"', page)
    assert len(links) == 4 + 2
    for link in links:
        assert admin.get(link.replace("&amp;", "&")).status_code == 200, link
    stopped = next(link for link in links if "codefailures" in link)
    counters = admin.text(admin.get(stopped))
    assert ">ada<" in counters
    assert ">bea<" not in counters


def test_whom_the_gate_would_have_stopped_while_the_site_observed(
    pool: LocalPool, admin: Visitor, settings: Settings
) -> None:
    assert "Observe mode" not in count_again(admin)
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "ENFORCEMENT": "observe"}
    person = Visitor(Client(), admin.cognito)
    user = User.objects.create_user("local")
    person.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    for _ in range(2):
        assert person.is_in()

    page = count_again(admin)

    assert cells(page, "Users who would have been blocked") == ["1"]
    assert cells(page, "Users who would have been blocked in the last 7 days") == ["1"]
    assert cells(page, "Their requests") == ["2"]
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "ENFORCEMENT": "enforce"}
    assert "Observe mode" in admin.text(admin.get(reverse(PAGE)))  # and is not forgotten afterwards


def test_names_are_those_of_this_moment(pool: LocalPool, admin: Visitor) -> None:
    count_again(admin)
    for number in range(11):
        user = User.objects.create_user(f"person-{number:02}")
        exempt(user, days=20 - number, reason="<b>")
    reset.request(make(pool, "ada"), actor=None, reason="x")
    page = admin.text(admin.get(reverse(PAGE)))
    ends = page[page.index("Next exemptions to expire") : page.index("Status in Cognito")]
    assert re.findall(r"person-\d\d", ends) == [f"person-{n:02}" for n in range(10, 0, -1)]
    assert "&lt;b&gt;" in ends
    assert cells(page, "ada")[1] == "Interrupted"
    MFAExemption.objects.update(expires_at=timezone.now())
    assert "person-" not in admin.text(admin.get(reverse(PAGE)))


def test_a_page_view_counts_nothing(
    pool: LocalPool, admin: Visitor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    count_again(admin)
    admin.get(reverse(PAGE))
    with django_assert_num_queries(5) as few:  # session, person, snapshot, resets, exemptions
        admin.get(reverse(PAGE))
    assert not any("COUNT(" in query["sql"] for query in few.captured_queries)
    for number in range(12):
        exempt(make(pool, f"p{number}").user)
        reset.request(CognitoIdentity.objects.get(username=f"p{number}"), actor=None, reason="x")
    with django_assert_num_queries(5):
        page = admin.text(admin.get(reverse(PAGE)))
    assert cells(page, "Required to use MFA")[-1] == "1"  # as it was then
    assert cells(count_again(admin), "Required to use MFA")[-1] == "13"


def test_counting_takes_the_same_number_of_queries_for_any_users(
    pool: LocalPool, admin: Visitor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(10):
        overview.measure()
    for number in range(5):
        make(pool, f"p{number}").user.groups.add(Group.objects.create(name=f"g{number}"))
    with django_assert_num_queries(10):
        overview.measure()


def test_it_never_asks_cognito(pool: LocalPool, admin: Visitor) -> None:
    make(pool, "ada")
    admin.cognito.forget_calls()
    count_again(admin)
    assert admin.cognito.operations() == []


def test_counting_is_a_post_from_the_page_itself(pool: LocalPool, admin: Visitor) -> None:
    assert admin.get(reverse(COUNT)).status_code == 405
    careful = type(admin.client)(enforce_csrf_checks=True)
    careful.cookies = admin.client.cookies
    assert careful.post(reverse(COUNT)).status_code == 403
    assert not OverviewSnapshot.objects.exists()


def test_it_is_a_right_of_its_own_and_the_admins_menu_leads_to_it(
    pool: LocalPool, admin: Visitor
) -> None:
    root = User.objects.get(username="root")
    root.is_superuser = False
    root.save()
    root.user_permissions.set(Permission.objects.filter(codename="view_cognitoidentity"))
    link = f'href="{reverse(PAGE)}"'
    identities = reverse("admin:cognito_mfa_cognitoidentity_changelist")
    assert admin.get(reverse(PAGE)).status_code == 403
    assert admin.post(reverse(COUNT)).status_code == 403
    assert link not in admin.text(admin.get(identities))
    assert not OverviewSnapshot.objects.exists()

    root.user_permissions.add(Permission.objects.get(codename="view_overview"))
    assert admin.get(reverse(PAGE)).status_code == 200
    assert link in admin.text(admin.get(identities))
    root.user_permissions.set([Permission.objects.get(codename="view_overview")])
    for page in (reverse("admin:index"), reverse("admin:app_list", args=["cognito_mfa"])):
        assert link in admin.text(admin.get(page))


def test_the_strictest_policy_for_content_lets_it_be(pool: LocalPool, admin: Visitor) -> None:
    page = count_again(admin)
    main = page[page.index('id="content-main"') :]
    main = main[: main.index("<footer") if "<footer" in main else None]
    for forbidden in ("style=", "<script", "<style", "onclick", "javascript:", "data:"):
        assert forbidden not in main


def test_numbers_and_days_are_written_as_the_language_wants(
    pool: LocalPool, admin: Visitor
) -> None:
    count_again(admin)
    kept = OverviewSnapshot.objects.get()
    kept.numbers["wrong_codes"] = 1234567
    kept.save()
    with translation.override("de"):
        page = admin.text(admin.get(reverse(PAGE), headers={"Accept-Language": "de"}))
    assert cells(page, "Falsche Codes in den letzten 7 Tagen") == ["1.234.567"]
    rectangles = re.findall(r'<rect [^>]*height="([^"]+)"', page)
    assert all(re.fullmatch(r"\d+\.\d\d", height) for height in rectangles)


def test_a_snapshot_of_another_version_is_not_shown(pool: LocalPool, admin: Visitor) -> None:
    OverviewSnapshot.objects.create(numbers={"format": 0})
    assert "No data yet" in admin.text(admin.get(reverse(PAGE)))


def test_the_last_count_is_shown(pool: LocalPool, admin: Visitor) -> None:
    first = overview.count()
    OverviewSnapshot.objects.filter(pk=first.pk).update(
        taken_at=timezone.now() - dt.timedelta(days=3)
    )
    assert "Updated 3\u00a0days ago" in admin.text(admin.get(reverse(PAGE)))
    make(pool, "ada")
    overview.count()
    page = admin.text(admin.get(reverse(PAGE)))
    assert "Updated just now" in page
    assert cells(page, "All active users")[-1] == "2"
