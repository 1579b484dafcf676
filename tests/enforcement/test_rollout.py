"""The rollout: a date for every user, a period for each, and the banner that tells how long it is."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import engines
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path, reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from pytest_django import DjangoAssertNumQueries, Settings

from cognito_mfa.enforcement import policy, rollout
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAExemption
from tests import moments
from tests.enforcement.people import linked, never_linked, proven, signed_in
from tests.enforcement.servers import SERVERS, Ask, Send
from tests.urls import urlpatterns as site_urls
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
servers = pytest.mark.parametrize("send", SERVERS.values(), ids=SERVERS)
Conf = Callable[..., None]
DAY = dt.timedelta(days=1)

BANNER = engines["django"].from_string("{% load cognito_mfa %}[{% mfa_banner %}]")


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(BANNER.render({}, request))


async def apage(request: HttpRequest) -> HttpResponse:
    return HttpResponse(BANNER.render({}, request))


def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse(BANNER.render({}))


def own_template(request: HttpRequest) -> HttpResponse:
    given = {"days_left": 1, "until": timezone.now() + DAY, "url": "/x/"}
    return render(request, "cognito_mfa/partials/banner.html", given)


urlpatterns = [
    path("page/", page),
    path("apage/", apage),
    path("bare/", bare),
    path("one-day/", own_template),
    *site_urls,
]


@pytest.fixture(autouse=True)
def _site(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


# ------------------------------------------------------------------------------------------ calendar


def test_without_a_roll_out_there_is_no_time() -> None:
    assert policy.deadline(linked()) is None


def test_a_date_begins_where_the_site_is(conf: Conf) -> None:
    conf(REQUIRED_FROM=dt.date(2026, 12, 1))
    assert policy.deadline(linked()) == dt.datetime(2026, 11, 30, 23, tzinfo=dt.UTC)  # Berlin


def test_the_later_of_date_and_own_period_counts(conf: Conf) -> None:
    user = linked()
    CognitoIdentity.objects.update(created_at=now() - 3 * DAY)
    user.date_joined = now() - 2 * DAY
    conf(REQUIRED_FROM=now() + DAY, GRACE_PERIOD=30 * DAY)
    later = policy.deadline(user)
    assert later is not None
    assert later > now() + 26 * DAY
    conf(REQUIRED_FROM=now() + 100 * DAY, GRACE_PERIOD=30 * DAY)
    assert policy.deadline(user) > now() + 99 * DAY  # type: ignore[operator]


def test_the_own_period_starts_at_the_earlier_of_joined_and_linked(conf: Conf) -> None:
    """People can bring about being linked: by beginning a setup. It must give them no second period."""
    conf(GRACE_PERIOD=7 * DAY)
    user = linked()
    user.date_joined = now() - 8 * DAY
    user.save()
    assert not policy.has_time(policy.deadline(user))
    user.date_joined = now()
    CognitoIdentity.objects.filter(user=user).update(created_at=now() - 8 * DAY)
    user.cognito_identity.refresh_from_db()
    assert not policy.has_time(policy.deadline(user))


def test_who_has_no_known_beginning_has_no_period(conf: Conf) -> None:
    conf(GRACE_PERIOD=7 * DAY)

    class Other:
        pk = 1

    assert policy.first_seen(Other()) is None
    assert policy.deadline(Other()) is None


def test_times_without_a_zone_are_the_sites(conf: Conf, settings: Settings) -> None:
    settings.USE_TZ = False
    conf(GRACE_PERIOD=7 * DAY)

    class Joined:
        date_joined = dt.datetime.now() - DAY  # noqa: DTZ005 - as Django without USE_TZ has it

    assert policy.has_time(policy.deadline(Joined()))


@servers
def test_in_time_people_pass_and_afterwards_they_do_not(send: Send, conf: Conf) -> None:
    conf(GRACE_PERIOD=7 * DAY)
    browser = signed_in(linked())
    assert send(browser, [Ask("/private/")])[0].status_code == 200

    get_user_model().objects.update(date_joined=now() - 8 * DAY)
    assert send(browser, [Ask("/private/")])[0].status_code == 302


def test_a_new_beginning_as_the_same_person_gives_no_new_period(
    optional_pool: LocalPool, visitor: Visitor, conf: Conf
) -> None:
    conf(GRACE_PERIOD=7 * DAY)
    visitor.sign_in()
    assert visitor.is_in()
    get_user_model().objects.update(date_joined=now() - 8 * DAY)
    assert not visitor.is_in()

    visitor.sign_out()
    visitor.sign_in()
    assert not visitor.is_in()
    CognitoIdentity.objects.update(created_at=now())  # as if linked for the first time
    assert not visitor.is_in()


# -------------------------------------------------------------------------------------------- banner


def banner(response: Any) -> str:
    """Return what stands in the banner's place."""
    text: str = response.content.decode()
    assert text[0] + text[-1] == "[]"
    return text[1:-1].strip()


@servers
@pytest.mark.parametrize("path", ["/page/", "/apage/"])
def test_the_banner_counts_the_days(send: Send, path: str, conf: Conf) -> None:
    begins = moments.today() + 5 * DAY
    conf(REQUIRED_FROM=begins)
    (answer,) = send(signed_in(linked()), [Ask(f"{path}?q=1")])
    text = answer.body.decode()
    assert "You have 5 days left" in text
    date = date_format(begins)
    assert re.search(
        rf'Starting <time datetime="[^"]+">{re.escape(date)}</time>, you’ll need', text
    )
    way = reverse("cognito_mfa:sign_in") + f"?setup=1&amp;next=%2F{path.strip('/')}%2F%3Fq%3D1"
    assert f'href="{way}"' in text


def test_the_banner_names_one_day_and_today(conf: Conf) -> None:
    conf(REQUIRED_FROM=moments.noon(1))
    browser = signed_in(linked())
    assert "You have 1 day left" in browser.get("/one-day/").content.decode()
    conf(REQUIRED_FROM=now() + dt.timedelta(minutes=5))
    text = browser.get("/page/").content.decode()
    assert "Starting today" in text or "1 day left" in text  # just before midnight


@pytest.mark.parametrize(("language", "shown"), [("ar", "en"), ("de", "de")])
def test_the_banner_is_in_a_language_that_has_a_catalog(
    conf: Conf, language: str, shown: str
) -> None:
    """Also between the site's own texts, which may be in another one."""
    conf(REQUIRED_FROM=now() + 5 * DAY)
    browser = signed_in(linked())
    with translation.override(language):
        text = browser.get("/page/").content.decode()
        assert translation.get_language() == language
    (banner_tag,) = re.findall(r'<div class="cognito-mfa-banner"[^>]*>', text)
    assert f'lang="{shown}" dir="ltr"' in banner_tag
    assert not re.search("[\u0600-\u06ff]", text)


def test_who_has_no_time_or_needs_none_sees_no_banner(conf: Conf) -> None:
    assert banner(proven(linked()).get("/page/")) == ""
    conf(REQUIRED_FROM=now() + 5 * DAY)
    user = get_user_model().objects.get()
    assert banner(proven(user).get("/page/")) == ""
    assert banner(Client().get("/page/")) == ""
    assert banner(signed_in(user).get("/bare/")) == ""
    conf(REQUIRED="staff")
    assert banner(signed_in(user).get("/page/")) == ""
    conf(REQUIRED="everyone", ENFORCEMENT="off")
    assert banner(signed_in(user).get("/page/")) == ""


@servers
def test_the_banner_costs_no_query(send: Send, conf: Conf) -> None:
    conf(REQUIRED_FROM=now() + 5 * DAY)
    browser = signed_in(linked())
    with CaptureQueriesContext(connection) as queries:
        (answer,) = send(browser, [Ask("/page/")])
    assert b"5 days" in answer.body or b"4 days" in answer.body or b"6 days" in answer.body
    assert len(queries) == 2  # the session, and the user


def test_the_banner_leads_to_a_set_up_and_back(
    optional_pool: LocalPool, visitor: Visitor, conf: Conf
) -> None:
    conf(REQUIRED_FROM=now() + 5 * DAY)
    visitor.sign_in()
    visitor.get(reverse("cognito_mfa:sign_in") + "?setup=1&next=/page/")
    visitor.post(
        reverse("cognito_mfa:sign_in"),
        {"username": "newcomer", "password": "Correct-Horse-7", "next": "/page/", "setup": "1"},
    )
    visitor.scan()
    done = visitor.confirm_setup()

    assert done.url.endswith("?next=%2Fpage%2F")
    assert banner(visitor.get("/page/")) == ""


def test_who_was_never_linked_is_not_led_in_a_circle(settings: Settings, conf: Conf) -> None:
    conf(REQUIRED=False)
    browser = never_linked()
    first = browser.get(reverse("cognito_mfa:device_replace"))
    assert "setup=1" in first["Location"]
    assert browser.get(first["Location"]).status_code == 200


# ------------------------------------------------------------------------------------------- preview


def named() -> list[str]:
    return [user.username for user in rollout.preview()]


@pytest.fixture
def crowd(db: None) -> dict[str, Any]:
    people = {name: linked(name) for name in ("new", "ready", "exempted", "gone", "other-pool")}
    identity = CognitoIdentity.objects.filter
    identity(username="ready").update(status="ENABLED")
    identity(username="other-pool").update(status="ENABLED", pool_id="us-east-1_Another")
    MFAExemption.objects.create(user=people["exempted"], reason="x", expires_at=now() + DAY)
    MFAExemption.objects.create(user=people["new"], reason="x", expires_at=now() - DAY)
    MFAExemption.objects.create(
        user=people["other-pool"], reason="x", expires_at=now() + DAY, revoked_at=now()
    )
    get_user_model().objects.filter(username="gone").update(is_active=False)
    people["stranger"] = get_user_model().objects.create_user("stranger", is_staff=True)
    return people


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize("enforcement", ["off", "observe", "enforce"])
def test_the_preview_names_who_would_have_to_set_up(enforcement: str, conf: Conf) -> None:
    conf(ENFORCEMENT=enforcement)
    assert named() == ["new", "other-pool", "stranger"]


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (False, []),
        ("staff", ["stranger"]),
        ({"groups": ["Editors"]}, ["new"]),
        ("tests.enforcement.rules.staff_only", ["stranger"]),
        ("tests.enforcement.rules.astaff_only", ["stranger"]),
        ("tests.enforcement.rules.failing", ["new", "other-pool", "stranger"]),
    ],
)
def test_the_preview_asks_the_rule(
    rule: object, expected: list[str], crowd: dict[str, Any], conf: Conf
) -> None:
    editors = Group.objects.create(name="Editors")
    crowd["new"].groups.add(editors)
    crowd["ready"].groups.add(editors)
    conf(REQUIRED=rule)
    assert named() == expected


@pytest.mark.usefixtures("crowd")
def test_the_preview_knows_the_calendar(conf: Conf) -> None:
    conf(REQUIRED_FROM=now() + 5 * DAY)
    assert named() == []
    then = [user.username for user in rollout.preview(at=now() + 6 * DAY)]
    assert then == ["new", "exempted", "other-pool", "stranger"]


@pytest.mark.usefixtures("crowd")
def test_the_report_names_them_in_each_format() -> None:
    def report(style: str) -> list[str]:
        out = StringIO()
        call_command("cognito_mfa_report", "--preview", "--format", style, stdout=out)
        return out.getvalue().splitlines()

    get_user_model().objects.filter(username="new").update(username="=new\x1b")
    assert report("table") == [
        "=new\\x1b",
        "other-pool",
        "stranger",
        "3 users would have to set up MFA.",
    ]
    names = [line.partition(",")[2] for line in report("csv")]
    assert names == ["'=new\\x1b", "other-pool", "stranger"]
    people = [json.loads(line)["username"] for line in report("json")]
    assert people == ["=new\x1b", "other-pool", "stranger"]


@pytest.mark.usefixtures("crowd")
def test_the_report_says_why_it_names_no_one_yet(conf: Conf) -> None:
    """During the rollout "0 users would have to set up MFA." is true, and reads as if all were done."""

    def report(*options: str) -> list[str]:
        out = StringIO()
        call_command("cognito_mfa_report", "--preview", *options, stdout=out)
        return out.getvalue().splitlines()

    conf(REQUIRED_FROM="2999-01-01")
    zero, why = report()
    assert zero == "0 users would have to set up MFA."
    assert why.startswith(
        "3 more users have time left (REQUIRED_FROM, GRACE_PERIOD), until 2999-01-01 00:00"
    )
    assert why.partition("--at ")[2] == "2999-01-01T00:00:00+01:00"
    # An exemption ends before that.
    assert report("--at", "2999-01-01")[-1] == "4 users would have to set up MFA."
    assert report(*why.split()[-2:])[:-1] == ["new", "exempted", "other-pool", "stranger"]
    assert report("--at", "2998-12-31T23:59")[0].startswith("0 ")

    conf(REQUIRED=False)
    assert report()[1:] == ["COGNITO_MFA['REQUIRED'] is False, so the policy applies to no user."]


def test_a_moment_needs_a_preview() -> None:
    with pytest.raises(CommandError, match="--at requires --preview"):
        call_command("cognito_mfa_report", "--at", "2999-01-01")


@pytest.mark.usefixtures("crowd")
def test_the_preview_reads_every_user_in_one_query(
    django_assert_num_queries: DjangoAssertNumQueries, conf: Conf
) -> None:
    conf(GRACE_PERIOD=1)
    get_user_model().objects.update(date_joined=now() - DAY)
    CognitoIdentity.objects.update(created_at=now() - DAY)
    with django_assert_num_queries(1):
        assert len(named()) == 3
