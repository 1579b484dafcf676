"""Attacks that people hear of, and alarms about nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core import mail
from django.db.models import F
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa import signals
from cognito_mfa.authenticator import reset, status, wrong_code_alerts
from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken
from tests.factories import delete_token, make
from tests.visitor import PASSWORD, POOL_ID, Visitor

Status = CognitoIdentity.Status
WRONG = "Example Ltd: Wrong codes were entered for your account"


@pytest.fixture(autouse=True)
def _at_once(django_capture_on_commit_callbacks: Any) -> Any:
    """Send mails as soon as a request is over."""
    with django_capture_on_commit_callbacks(execute=True):
        yield


# ------------------------------------------------------------- the right password and a wrong code


@pytest.fixture
def owner(pool: LocalPool, visitor: Visitor) -> Visitor:
    visitor.set_up()
    visitor.sign_out()
    return visitor


def guess(owner: Visitor, times: int) -> None:
    """A user who knows the password, in a browser of their own, guesses at the code."""
    stranger = Visitor(Client(), owner.cognito)
    stranger.secret = owner.secret
    stranger.sign_in()
    for _ in range(times):
        assert stranger.enter_code(stranger.wrong_code()).status_code == 200


def a_day_later(owner: Visitor) -> None:
    owner.wait(86400)
    MFAEvent.objects.update(at=F("at") - dt.timedelta(days=1))


def come_in(owner: Visitor) -> str:
    """The owner signs in; return what the next page tells."""
    owner.sign_in()
    owner.enter_code()
    assert owner.is_in()
    page = owner.text(owner.get(reverse("cognito_mfa:device")))
    owner.sign_out()
    return page


def test_four_wrong_codes_between_the_owners_daily_sign_ins_are_told_each_day(
    owner: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    """By mail: ``wrong_code_alerts._alerts``; at the sign-in: ``wrong_code_alerts.show_since_last_sign_in``. A right code takes the counter back."""
    mail.outbox.clear()
    for day in range(1, 6):
        with django_capture_on_commit_callbacks(execute=True):
            guess(owner, 4)
            owner.wait(960)  # Cognito's own lock
        assert "4 wrong codes were entered with your correct password" in come_in(owner)
        assert [message.subject for message in mail.outbox] == [WRONG] * day
        a_day_later(owner)


def test_one_wrong_code_is_told_once(owner: Visitor) -> None:
    mail.outbox.clear()
    guess(owner, 1)
    assert "1 wrong code was entered with your correct password" in come_in(owner)
    owner.wait(30)
    assert "with your correct password" not in come_in(owner)
    assert mail.outbox == []


@pytest.mark.parametrize("hours", [1, 8, 11, 23])
def test_whatever_hour_they_come_each_day_with_three_is_told_of(
    owner: Visitor, rf: RequestFactory, hours: int, django_capture_on_commit_callbacks: Any
) -> None:
    """``wrong_code_alerts._alerts``: not the third of a day, but any from the third on, when none was told of in a day."""
    identity = CognitoIdentity.objects.get()
    mail.outbox.clear()
    passed = 0
    with django_capture_on_commit_callbacks(execute=True):
        while passed < 10 * 24:
            request = rf.post("/")
            request.session = SessionStore()
            wrong_code_alerts.record(request, identity, "SOFTWARE_TOKEN_MFA", is_last_free=False)
            MFAEvent.objects.update(at=F("at") - dt.timedelta(hours=hours))
            passed += hours
    # Never three of them in a day; else one mail for each day in which there were three that none told of.
    least, most = (0, 0) if hours == 23 else (5, 10)
    assert least <= len(mail.outbox) <= most


def test_five_in_a_row_on_five_days_are_told_and_no_mail_comes_twice(
    owner: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    mail.outbox.clear()
    for day in range(5):
        with django_capture_on_commit_callbacks(execute=True):
            guess(owner, 1)
        assert len(mail.outbox) == (day == 4)
        a_day_later(owner)
    mail.outbox.clear()
    come_in(owner)
    owner.wait(30)
    with django_capture_on_commit_callbacks(execute=True):
        guess(owner, 4)
        owner.wait(960)
        guess(owner, 1)
    assert [message.subject for message in mail.outbox] == [WRONG]


def test_a_wrong_clock_silences_nothing(
    owner: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    """``wrong_code_alerts._recent``: an event of the future would be of the last day for years."""
    with django_capture_on_commit_callbacks(execute=True):
        guess(owner, 3)
    MFAEvent.objects.update(at=F("at") + dt.timedelta(days=400))
    owner.wait(960)
    come_in(owner)
    owner.wait(30)
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        guess(owner, 3)
    assert len(mail.outbox) == 1


@pytest.mark.over_api
def test_who_has_no_identity_yet_is_told_nothing(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.scan()
    for _ in range(3):
        visitor.confirm_setup(visitor.wrong_code())
    visitor.confirm_setup()
    assert "with your correct password" not in visitor.text(
        visitor.get(reverse("cognito_mfa:device"))
    )
    assert not MFAEvent.objects.filter(kind="CODE_REJECTED").exists()


# ----------------------------------------------------------------------------- alarms about nothing


WARNING = "with your correct password"


@pytest.mark.over_api
def test_a_typing_mistake_of_this_sign_in_is_no_alarm(owner: Visitor) -> None:
    owner.sign_in()
    owner.enter_code(owner.wrong_code())
    assert WARNING not in come_in_with_the_code(owner)
    assert MFAEvent.objects.filter(kind="CODE_REJECTED").count() == 1  # it stays in the activity


def test_the_codes_of_others_are_counted_without_ones_own(owner: Visitor) -> None:
    owner.sign_in()
    guess(owner, 2)
    owner.enter_code(owner.wrong_code())
    assert "2 wrong codes were entered" in come_in_with_the_code(owner)


def test_a_mistake_before_the_password_was_entered_again_may_be_another_persons(
    owner: Visitor,
) -> None:
    """At a shared computer, the next user of the browser isn't the one who guessed."""
    owner.sign_in()
    owner.enter_code(owner.wrong_code())
    assert "1 wrong code was entered" in come_in(owner)


def test_a_typing_mistake_in_a_setup_is_no_alarm_on_its_last_page(owner: Visitor) -> None:
    come_in_and_stay(owner)
    owner.wait(30)
    owner.post(reverse("cognito_mfa:device_replace"), {"password": PASSWORD})
    owner.enter_code()
    owner.scan()
    owner.confirm_setup(owner.wrong_code())
    done = owner.get(owner.confirm_setup().url)
    assert "You’re all set" in owner.text(done)
    assert WARNING not in owner.text(done)


def test_typing_mistakes_in_a_setup_are_no_alarm_later(
    optional_pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    """They guess at nothing: the secret was on the screen of the one who typed them."""
    with django_capture_on_commit_callbacks(execute=True):
        visitor.sign_in()
        visitor.scan()
        for _ in range(5):
            visitor.confirm_setup(visitor.wrong_code())
        visitor.wait(30)
        visitor.confirm_setup()
        visitor.sign_out()
        visitor.wait(30)
        visitor.sign_in()
        visitor.enter_code(visitor.wrong_code())
    subjects = [message.subject for message in mail.outbox]
    assert "Example Ltd: An authenticator app was set up for your account" in subjects
    assert WRONG not in subjects


def test_an_abandoned_setup_is_no_alarm_at_the_next(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    visitor.sign_in()
    visitor.scan()
    visitor.confirm_setup(visitor.wrong_code())
    visitor.sign_out()
    visitor.set_up()
    assert WARNING not in visitor.text(visitor.get(reverse("cognito_mfa:device")))


def come_in_with_the_code(owner: Visitor) -> str:
    owner.enter_code()
    assert owner.is_in()
    return owner.text(owner.get(reverse("cognito_mfa:device")))


def come_in_and_stay(owner: Visitor) -> None:
    owner.sign_in()
    come_in_with_the_code(owner)


@pytest.fixture
def told() -> Any:
    """What receivers of ``software_token_removed`` are told."""
    heard: list[Any] = []

    def keep(**given: Any) -> None:
        heard.append(given)

    signals.software_token_removed.connect(keep)
    yield heard
    signals.software_token_removed.disconnect(keep)


def test_a_user_who_never_had_an_authenticator_hears_of_none_turned_off(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings, told: list[Any]
) -> None:
    """``transitions.record_removal``: an event needs an object. UNKNOWN means "never asked"."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    identity = make(optional_pool, "ada")
    assert identity.status == Status.UNKNOWN
    visitor.sign_in("ada")
    assert visitor.is_in()
    identity.refresh_from_db()
    assert (identity.status, identity.generation) == (Status.NOT_SET_UP, 0)
    assert (mail.outbox, told) == ([], [])
    assert not MFAEvent.objects.filter(identity=identity).exclude(kind="LINKED").exists()


@pytest.mark.parametrize("known_by", ["a row", "what Cognito said"])
def test_an_authenticator_that_was_turned_off_elsewhere_is_told_of(
    optional_pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    told: list[Any],
    known_by: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    identity = make(optional_pool, "ada")
    optional_pool.register_software_token("ada")
    if known_by == "a row":
        SoftwareToken.activate(identity, friendly_name="Phone")
    else:
        status.refresh_status(identity)
    delete_token(visitor, "ada")
    with django_capture_on_commit_callbacks(execute=True):
        visitor.sign_in("ada")
    assert visitor.is_in()
    assert len(told) == 1
    assert "turned off" in mail.outbox[0].subject
    assert MFAEvent.objects.filter(kind="SOFTWARE_TOKEN_REMOVED").count() == 1


@pytest.mark.parametrize("told_of", [True, False])
def test_an_authenticator_that_cognito_told_of_long_ago_is_no_news(
    pool: LocalPool, visitor: Visitor, told_of: bool, django_capture_on_commit_callbacks: Any
) -> None:
    """``transitions.reconcile``: set up elsewhere since Cognito said "none" is news; what it told of is not."""
    identity = make(pool, "ada")
    if not told_of:
        status.refresh_status(identity)
    visitor.secret = pool.register_software_token("ada")
    if told_of:
        status.refresh_status(identity)
    with django_capture_on_commit_callbacks(execute=True):
        visitor.sign_in("ada")
        visitor.enter_code()
    assert visitor.is_in()
    identity.refresh_from_db()
    assert identity.software_token is not None
    assert (len(mail.outbox), identity.generation) == ((0, 0) if told_of else (1, 1))


@pytest.mark.skipif(
    not has_operation("AdminDeleteSoftwareToken"),
    reason="AdminDeleteSoftwareToken is newer than the installed botocore",
)
def test_who_is_gone_from_the_pool_is_not_told_to_set_up_anew(
    pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    """``reset._finish``: there was nothing left to remove."""
    identity = make(pool, "ada")
    visitor.cognito.client().admin_delete_user(UserPoolId=POOL_ID, Username="ada")
    with django_capture_on_commit_callbacks(execute=True):
        reset.run(reset.request(identity, actor=None, reason="x"))
    assert identity.status == Status.GONE
    assert mail.outbox == []


# ------------------------------------------------------------------------------------- names


def test_no_more_than_ten_names_an_hour(pool: LocalPool, visitor: Visitor) -> None:
    """``lifecycle._refuse_too_many_names``: each is a row in the log."""
    visitor.set_up()
    rename = reverse("cognito_mfa:device_rename")
    for number in range(10):
        assert visitor.post(rename, {"friendly_name": f"Phone {number}"}).status_code == 302
    refused = visitor.post(rename, {"friendly_name": "Phone 10"})
    assert refused.answered == 429
    assert "renamed your device too many times" in visitor.text(refused)
    assert 3500 < int(refused.retry_after) <= 3601
    assert MFAEvent.objects.filter(kind="RENAMED").count() == 10
    token = SoftwareToken.objects.get()
    assert token.friendly_name == "Phone 9"

    MFAEvent.objects.update(at=F("at") - dt.timedelta(hours=1))
    assert visitor.post(rename, {"friendly_name": "Phone 10"}).status_code == 302


def test_every_event_is_a_line_in_the_log_too(
    pool: LocalPool, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    """``MFAEventQuerySet.record``: a log that is sent elsewhere at once tells as much as the table."""
    with caplog.at_level("INFO"):
        visitor.set_up(friendly_name="Secret phone")
    kinds = set(MFAEvent.objects.values_list("kind", flat=True))
    assert "SOFTWARE_TOKEN_VERIFIED" in kinds
    for kind in kinds:
        assert f"{kind.lower()}: user " in caplog.text
    assert "Secret phone" not in caplog.text
