"""What happens around a change of the authenticator: doubts and how they end, two people at it at
once, the other behavior of Cognito, sessions, and mails."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django import Settings

from cognito_mfa.authenticator import reset
from cognito_mfa.local import Behavior, LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

SIGN_IN, SETUP, CHALLENGE, CANCEL, DEVICE, RENAME, REPLACE, REMOVE = (
    f"/account/{path}/"
    for path in (
        "sign-in",
        "setup",
        "challenge",
        "setup/cancel",
        "device",
        "device/rename",
        "device/replace",
        "device/remove",
    )
)
LOST = faults.Timeout(executed=True)
NOT_EXECUTED = faults.Timeout(executed=False)
FREE = {"REQUIRED": False, "ALLOW_REMOVE": True}


def be_free(settings: Settings) -> None:
    """Leave the second factor to the people."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, **FREE}


@pytest.fixture
def person(optional_pool: LocalPool, visitor: Visitor) -> Visitor:
    """A user with an old phone, signed in."""
    visitor.set_up(friendly_name="Old phone")
    return visitor


def identity() -> CognitoIdentity:
    return CognitoIdentity.objects.get()


def active_name() -> str | None:
    token = identity().software_token
    return token.friendly_name if token else None


def kinds() -> set[str]:
    return set(MFAEvent.objects.values_list("kind", flat=True))


def come_to_the_picture(visitor: Visitor) -> str:
    """Give password and old code for a replacement; return what the old app knows."""
    old = visitor.secret
    visitor.post(REPLACE, {"password": PASSWORD})
    visitor.enter_code()
    visitor.scan()
    return old


def come_back(visitor: Visitor) -> Any:
    """Sign out, wait, and give the password again."""
    visitor.cognito.faults.clear()
    visitor.sign_out()
    visitor.wait(60)
    return visitor.sign_in()


# ---------------------------------------------------------------------------------- a lost answer


@pytest.mark.over_api
@pytest.mark.parametrize("fault", [LOST, NOT_EXECUTED], ids=str)
def test_until_the_next_sign_in_no_one_claims_which_app_counts(
    person: Visitor, fault: faults.Fault, django_capture_on_commit_callbacks: Any
) -> None:
    old = come_to_the_picture(person)
    new = person.secret
    person.cognito.faults.on("VerifySoftwareToken", fault)
    person.confirm_setup(friendly_name="New phone")

    page = person.text(person.get(DEVICE))
    assert "which of your two authenticator apps is active" in page
    assert "protected by an authenticator app" not in page
    assert person.get(SETUP).url.startswith(SIGN_IN)  # the secret is not shown again
    assert person.client.session.get("_cognito_mfa_pending") is None

    come_back(person)
    page = person.text(person.get(CHALLENGE))
    assert "try the code from the old entry" in page
    assert "Old phone" not in page
    assert "New phone" not in page
    person.secret = new if fault is LOST else old
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        person.enter_code()

    assert person.is_in()
    assert active_name() == ("New phone" if fault is LOST else "Old phone")
    assert ("SOFTWARE_TOKEN_REPLACED" in kinds()) is (fault is LOST)
    subjects = [message.subject for message in mail.outbox]
    assert subjects == (
        ["Example Ltd: Your authenticator app was replaced"] if fault is LOST else []
    )
    assert identity().unconfirmed == ""


def test_find_out_now_settles_it_in_the_same_session(person: Visitor) -> None:
    come_to_the_picture(person)
    person.cognito.faults.on("VerifySoftwareToken", LOST, times=1)
    person.confirm_setup(friendly_name="New phone")
    person.wait(60)
    page = person.text(person.get(DEVICE))
    assert f"{SIGN_IN}?again=1&amp;next={DEVICE}" in page
    person.sign_in(next_url=DEVICE)
    assert person.enter_code().url == DEVICE
    assert "protected by an authenticator app" in person.text(person.get(DEVICE))
    assert active_name() == "New phone"


def test_two_apps_of_one_name_leave_no_wrong_name(person: Visitor) -> None:
    """Cognito's name is all there is to tell them apart; a later name of the old one may be wrong."""
    person.post(RENAME, {"friendly_name": "Red phone"})
    come_to_the_picture(person)
    person.cognito.faults.on("VerifySoftwareToken", LOST, times=1)
    person.confirm_setup(friendly_name="Old phone")
    come_back(person)
    person.enter_code()
    assert person.is_in()
    assert active_name() == "Old phone"
    assert identity().unconfirmed == ""


def test_in_doubt_other_sessions_end_and_ones_own_goes_on(person: Visitor) -> None:
    elsewhere = Visitor(Client(), person.cognito)
    elsewhere.secret = person.secret
    elsewhere.sign_in()
    elsewhere.enter_code()
    person.wait(30)
    come_to_the_picture(person)
    assert elsewhere.is_in()
    person.cognito.faults.on("VerifySoftwareToken", LOST, times=1)
    person.confirm_setup(friendly_name="New phone")
    assert person.is_in()
    assert not elsewhere.is_in()


def test_a_step_that_stands_can_be_confirmed_after_a_doubt(person: Visitor) -> None:
    """An internal error may come after the action; the same secret may be tried again."""
    come_to_the_picture(person)
    broken = faults.Error("InternalErrorException", "", 500)
    person.cognito.faults.on("VerifySoftwareToken", broken, times=1)
    assert person.confirm_setup(friendly_name="New phone").answered == 503
    assert identity().unconfirmed == "SET_UP"
    assert person.confirm_setup(friendly_name="New phone").url.startswith("/account/setup/done/")
    assert (active_name(), identity().unconfirmed) == ("New phone", "")


@pytest.mark.over_api
@pytest.mark.parametrize("operation", ["VerifySoftwareToken", "RespondToAuthChallenge"])
def test_a_first_set_up_that_was_lost_is_written_down_and_told_by_mail(
    pool: LocalPool, visitor: Visitor, operation: str, django_capture_on_commit_callbacks: Any
) -> None:
    visitor.sign_in()
    visitor.scan()
    visitor.cognito.faults.on(operation, LOST, times=1)
    visitor.confirm_setup(friendly_name="Phone")
    visitor.wait(60)
    visitor.sign_in()
    with django_capture_on_commit_callbacks(execute=True):
        visitor.enter_code()
    assert visitor.is_in()
    assert "SOFTWARE_TOKEN_VERIFIED" in kinds()
    assert [m.subject for m in mail.outbox] == [
        "Example Ltd: An authenticator app was set up for your account"
    ]


def test_an_app_that_was_in_use_before_this_site_is_no_news(
    pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    pool.register_software_token("newcomer", friendly_name="Known phone")
    visitor.sign_in()
    with django_capture_on_commit_callbacks(execute=True):
        visitor.enter_code(pool.code_for("newcomer"))
    assert visitor.is_in()
    assert active_name() == "Known phone"
    assert mail.outbox == []


@pytest.mark.parametrize("required", [True, False])
def test_an_app_that_was_not_switched_on_is_at_the_next_sign_in(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings, required: bool
) -> None:
    """A user who set it up freely wants it as much as one who had to."""
    if not required:
        be_free(settings)
        visitor.sign_in()
        visitor.post(REPLACE, {"password": PASSWORD})
    else:
        visitor.sign_in()
    visitor.scan()
    visitor.cognito.faults.on("SetUserMFAPreference", faults.Unreachable())
    done = visitor.confirm_setup(friendly_name="Phone")
    assert "We couldn’t confirm that codes are now required" in visitor.text(visitor.get(done.url))
    assert "are required yet" in visitor.text(visitor.get(DEVICE))

    assert come_back(visitor).url == CHALLENGE
    visitor.enter_code()
    assert visitor.is_in()
    assert (identity().status, identity().unconfirmed) == ("ENABLED", "")
    assert identity().software_tokens.count() == 1


@pytest.mark.over_api
def test_a_removal_that_was_lost_and_happened_is_not_undone(
    person: Visitor, settings: Settings, django_capture_on_commit_callbacks: Any
) -> None:
    be_free(settings)
    person.post(REMOVE, {"password": PASSWORD})
    person.cognito.faults.on("GetUser", faults.Unreachable())
    person.enter_code()
    assert identity().unconfirmed == "REMOVAL"
    assert "whether two-step verification is still on" in person.text(person.get(DEVICE))

    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        come_back(person)
    assert person.is_in()
    assert (identity().status, active_name()) == ("NOT_SET_UP", None)
    assert "only by your password" in person.text(person.get(DEVICE))
    assert [m.subject for m in mail.outbox] == [
        "Example Ltd: Two-step verification was turned off for your account"
    ]


def test_turned_off_elsewhere_is_written_down_and_told(
    optional_pool: LocalPool,
    person: Visitor,
    settings: Settings,
    django_capture_on_commit_callbacks: Any,
) -> None:
    """Cognito asks no code any more: our page must not go on saying that the account is protected."""
    be_free(settings)
    person.cognito.client().admin_set_user_mfa_preference(
        UserPoolId=optional_pool.id,
        Username="newcomer",
        SoftwareTokenMfaSettings={"Enabled": False, "PreferredMfa": False},
    )
    with django_capture_on_commit_callbacks(execute=True):
        come_back(person)
    assert person.is_in()
    assert (identity().status, active_name()) == ("NOT_SET_UP", None)
    assert identity().software_tokens.get().retired_because == "REMOVED_ELSEWHERE"
    assert "outside this site" in mail.outbox[-1].body
    assert "only by your password" in person.text(person.get(DEVICE))


def test_a_pool_that_never_asks_lets_no_one_set_up_over_what_is_there(
    optional_pool: LocalPool, person: Visitor
) -> None:
    """The password alone must not replace an authenticator because Cognito forgets to ask."""
    optional_pool.state.mfa = "OFF"
    response = come_back(person)
    assert response.answered == 503
    assert not person.is_in()
    assert "AssociateSoftwareToken" not in person.cognito.operations()
    assert active_name() == "Old phone"


def test_a_failure_signs_no_one_out(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """Django keeps no session and sends no cookie with a server error; a new key would be lost."""
    be_free(settings)
    visitor.sign_in()
    assert visitor.is_in()
    visitor.cognito.faults.on("AssociateSoftwareToken", faults.Unreachable(), times=2)
    assert visitor.post(REPLACE, {"password": PASSWORD}).answered == 503
    assert visitor.is_in()
    assert visitor.post(REPLACE, {"password": PASSWORD}).url == SETUP


# -------------------------------------------------------------------------------- two at it at once


def staff() -> Any:
    return get_user_model().objects.create_superuser("root", password="x")


@pytest.mark.over_api
def test_a_reset_in_the_meantime_ends_the_replacement(person: Visitor) -> None:
    come_to_the_picture(person)
    row = reset.run(reset.request(identity(), actor=staff(), reason="lost"))
    assert row.finished_at is not None
    person.cognito.forget_calls()
    person.confirm_setup(friendly_name="New phone")
    assert person.cognito.operations() == []
    assert not person.is_in()
    assert (identity().status, active_name()) == ("NOT_SET_UP", None)


def test_a_reset_that_cognito_did_not_hear_of_yet_ends_it_too(person: Visitor) -> None:
    come_to_the_picture(person)
    reset.request(identity(), actor=staff(), reason="lost")
    person.cognito.forget_calls()
    person.confirm_setup(friendly_name="New phone")
    assert person.cognito.operations() == []
    assert not person.is_in()
    assert active_name() == "Old phone"


@pytest.mark.over_api
def test_a_reset_at_the_very_moment_of_the_answer_leaves_it_open(
    optional_pool: LocalPool, person: Visitor
) -> None:
    come_to_the_picture(person)

    def reset_then(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not happened and "VerifySoftwareToken" in person.cognito.operations():
            happened.append(True)
            identity().invalidate_proofs()
        return execute(sql, params, many, context)

    happened: list[bool] = []
    with connection.execute_wrapper(reset_then):
        person.confirm_setup(friendly_name="New phone")
    assert happened
    assert not person.is_in()
    assert identity().unconfirmed == "SET_UP"
    assert active_name() == "Old phone"

    come_back(person)
    person.enter_code(optional_pool.code_for("newcomer"))
    assert person.is_in()
    assert active_name() == "New phone"


@pytest.mark.over_api
@pytest.mark.parametrize("what", ["a reset", "an unlinking"])
def test_what_comes_between_the_answer_and_the_record_ends_the_sign_in(
    person: Visitor, what: str
) -> None:
    """``CognitoIdentity.record_right_code``: only the row that was read, of the generation that was read."""
    come_back(person)

    def end_then(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not happened and sql.startswith("UPDATE") and '"app_used_at" =' in sql:
            happened.append(True)
            if what == "a reset":
                reset.request(identity(), actor=None, reason="lost")
            else:
                identity().delete()
        return execute(sql, params, many, context)

    happened: list[bool] = []
    with connection.execute_wrapper(end_then):
        answer = person.enter_code()
    assert happened
    assert answer.url.startswith(SIGN_IN)
    assert not person.is_in()
    assert MFAEvent.objects.filter(kind=MFAEvent.Kind.SIGNED_IN).count() == 1


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_phones_at_once_one_counts_and_the_other_is_told(
    optional_pool: LocalPool, person: Visitor, first: int
) -> None:
    """Two replacements side by side: Cognito and we name the same phone."""
    other = Visitor(Client(), person.cognito)
    other.secret = person.secret
    other.sign_in()
    other.enter_code()
    other.wait(30)
    come_to_the_picture(person)
    other.wait(30)
    come_to_the_picture(other)
    both = [(person, "A"), (other, "B")]
    for visitor, name in (both[first], both[1 - first]):
        visitor.confirm_setup(friendly_name=name)

    token = optional_pool.user("newcomer").software_token
    assert token is not None
    assert (
        active_name() == token.friendly_name == "B"
    )  # the newest secret is the one that is waiting
    assert identity().unconfirmed == ""
    assert other.is_in()
    assert not person.is_in()


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_first_set_ups_at_once_the_last_confirmed_counts(
    pool: LocalPool, visitor: Visitor, first: int
) -> None:
    other = Visitor(Client(), visitor.cognito)
    for person in (visitor, other):
        person.sign_in()
        person.scan()
    both = [(visitor, "A"), (other, "B")]
    for person, name in (both[first], both[1 - first]):
        person.confirm_setup(friendly_name=name)
    token = pool.user("newcomer").software_token
    assert token is not None
    assert active_name() == token.friendly_name
    people = {"A": visitor, "B": other}
    assert people[token.friendly_name].is_in()
    assert not people["B" if token.friendly_name == "A" else "A"].is_in()


# ----------------------------------------------------------------------- the older way of Cognito


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("mfa", ["ON", "OPTIONAL"])
def test_canceling_where_the_old_app_is_dropped_at_once(
    cognito: LocalCognito, visitor: Visitor, settings: Settings, mfa: str, required: bool
) -> None:
    """The page promises nothing about the old app, and the next sign-in shows what is true."""
    behavior = Behavior(association_drops_active_token=True)
    pool = cognito.create_pool(POOL_ID, mfa=mfa, behavior=behavior)
    pool.create_client(CLIENT_ID)
    pool.create_user("newcomer", password=PASSWORD)
    visitor.set_up(friendly_name="Old phone")
    if not required:
        be_free(settings)
    come_to_the_picture(visitor)
    visitor.post(CANCEL)
    page = visitor.text(visitor.get(DEVICE))
    assert "keep using the old one" in page
    assert "Nothing has changed" not in page

    response = come_back(visitor)
    if mfa == "OPTIONAL" and not required:
        assert visitor.is_in()
        assert "only by your password" in visitor.text(visitor.get(DEVICE))
        assert (identity().status, active_name()) == ("NOT_SET_UP", None)
        return
    assert response.url == SETUP
    assert not visitor.is_in()
    visitor.scan()
    visitor.confirm_setup(friendly_name="Next phone")
    assert visitor.is_in()
    assert (identity().status, active_name()) == ("ENABLED", "Next phone")


def test_a_removal_where_cognito_wants_a_set_up_turns_nothing_on(
    optional_pool: LocalPool, person: Visitor, settings: Settings
) -> None:
    be_free(settings)
    optional_pool.state.mfa = "ON"
    optional_pool.user("newcomer").software_token = None
    response = person.post(REMOVE, {"password": PASSWORD})
    assert response.url == DEVICE
    assert "requires two-step verification for all" in person.text(person.get(DEVICE))
    assert "AssociateSoftwareToken" not in person.cognito.operations()


# ------------------------------------------------------------------------------- re-authentication


@pytest.mark.over_api
def test_wrong_passwords_at_a_change_lead_nowhere_and_lock_no_codes(
    person: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = person.cognito.clock
    clock.advance(0)
    monkeypatch.setattr(clock, "_ticking", False)  # the lock is on for a second only
    for _ in range(8):
        response = person.post(REPLACE, {"password": "Wrong-Horse-7"})
        assert response.status_code == 200
        assert "Incorrect password" in person.text(response)
    # Cognito's own lock on passwords is on by now, and looks the same.
    locked = person.text(person.post(REPLACE, {"password": PASSWORD}))
    assert "Incorrect password" in locked
    assert "wait 15 minutes" in locked
    assert set(person.cognito.operations()) == {"InitiateAuth"}
    assert CodeFailures.objects.get().failures == 0
    assert person.is_in()
    person.wait(3600)
    assert person.post(REPLACE, {"password": PASSWORD}).url == CHALLENGE


def test_no_one_without_an_app_is_asked_for_ever_to_confirm_a_new_name(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    be_free(settings)
    visitor.sign_in()
    assert visitor.get(RENAME).url == DEVICE
    assert "don’t have an authenticator app to rename" in visitor.text(visitor.get(DEVICE))


# ------------------------------------------------------------------------------------------- mails


def set_it_up(visitor: Visitor, _settings: Settings) -> None:
    visitor.sign_in()
    visitor.scan()
    visitor.confirm_setup(friendly_name="<b>New</b>")


def replace_it(visitor: Visitor, _settings: Settings) -> None:
    visitor.set_up(friendly_name="Old phone")
    mail.outbox.clear()
    come_to_the_picture(visitor)
    visitor.confirm_setup(friendly_name="<b>New</b>")


def remove_it(visitor: Visitor, settings: Settings) -> None:
    visitor.set_up(friendly_name="Old phone")
    mail.outbox.clear()
    be_free(settings)
    visitor.post(REMOVE, {"password": PASSWORD})
    visitor.enter_code()


def enter_wrong_codes(visitor: Visitor, _settings: Settings) -> None:
    visitor.set_up(friendly_name="Old phone")
    mail.outbox.clear()
    visitor.sign_out()
    visitor.sign_in()
    for _ in range(5):
        visitor.enter_code(visitor.wrong_code())


def enter_too_many_wrong_codes(visitor: Visitor, settings: Settings) -> None:
    enter_wrong_codes(visitor, settings)
    mail.outbox.clear()
    CodeFailures.objects.update(failures=99)
    visitor.wait(3600)
    visitor.sign_in()
    visitor.enter_code(visitor.wrong_code())


Change = Callable[[Visitor, Settings], None]
# What is done, how its mail begins, and how its text does.
MAILS: list[tuple[Change, str, str]] = [
    (set_it_up, "An authenticator app was set up", "From now on, you’ll sign in"),
    (replace_it, "Your authenticator app was replaced", "no longer works"),
    (remove_it, "Two-step verification was turned off for your account", "only by your password"),
    (enter_wrong_codes, "Wrong codes were entered", "with the correct password"),
    (enter_too_many_wrong_codes, "Code entry is locked for your account", "verify your identity"),
]


def plain_and_html(message: Any) -> tuple[str, str]:
    ((content, kind),) = message.alternatives
    assert kind == "text/html"
    return message.body, content


@pytest.mark.over_api
@pytest.mark.parametrize(("do", "subject", "words"), MAILS)
def test_each_is_told_by_mail_after_the_commit(
    *,
    optional_pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    django_capture_on_commit_callbacks: Any,
    do: Change,
    subject: str,
    words: str,
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "SUPPORT_URL": "https://example.com/help/"}
    with django_capture_on_commit_callbacks() as callbacks:
        do(visitor, settings)
        assert mail.outbox == []
    callbacks[-1]()
    (message,) = mail.outbox
    assert message.subject.startswith(f"Example Ltd: {subject}")
    assert message.to == ["newcomer@example.com"]
    plain, html = plain_and_html(message)
    assert '<html lang="en"' in html
    assert "<b>New" not in html
    for text in (plain, html):
        assert words in text
        assert "newcomer" in text
        assert "https://example.com/help/" in text
        assert "Wasn’t you?" in text or "someone knows your password" in text
        assert visitor.secret not in text
        assert PASSWORD not in text


@pytest.mark.parametrize(("do", "subject", "words"), MAILS)
def test_in_the_language_of_the_recipient(
    *,
    optional_pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    do: Change,
    subject: str,
    words: str,
) -> None:
    """Their language at the last sign-in; not that of the administrator, nor the site's."""
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[:2],
        "django.middleware.locale.LocaleMiddleware",
        *settings.MIDDLEWARE[2:],
    ]
    visitor.client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    # Not captured: at the first setup, the language is that of this very request.
    monkeypatch.setattr("django.db.transaction.on_commit", lambda deliver, using: deliver())
    with translation.override("en"):
        do(visitor, settings)
    plain, html = plain_and_html(mail.outbox[-1])
    assert '<html lang="de"' in html
    assert re.search(
        r"\d+\. \w+ 20\d\d \d\d:\d\d \(UTC", plain
    )  # the date, which Django itself translates


@pytest.mark.parametrize(("do", "subject", "words"), MAILS)
def test_no_one_is_written_to_where_the_site_does_not_want_it(
    *,
    optional_pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    django_capture_on_commit_callbacks: Any,
    do: Change,
    subject: str,
    words: str,
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "NOTIFY": False}
    with django_capture_on_commit_callbacks(execute=True):
        do(visitor, settings)
    assert mail.outbox == []


@pytest.mark.parametrize(("do", "subject", "words"), MAILS)
def test_a_mail_server_that_fails_breaks_nothing(
    *,
    optional_pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    do: Change,
    subject: str,
    words: str,
) -> None:
    def fail(*_args: object, **_kwargs: object) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", fail)
    with django_capture_on_commit_callbacks(execute=True):
        do(visitor, settings)
    assert "email_not_sent" in caplog.text
    assert visitor.secret not in caplog.text
    identity = CognitoIdentity.objects.get()
    assert identity.status == ("NOT_SET_UP" if do is remove_it else "ENABLED")


def test_every_address_is_written_to_and_none_twice(
    pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    """Anyone who took over one of them must not be the only one told."""
    visitor.set_up()
    get_user_model().objects.update(email="else@example.com")
    come_to_the_picture(visitor)
    with django_capture_on_commit_callbacks(execute=True):
        visitor.confirm_setup()
    assert [message.to for message in mail.outbox] == [
        ["else@example.com"],
        ["newcomer@example.com"],
    ]


def test_reverse_names_are_those_of_the_contract() -> None:
    """The paths above are written out; they are ours."""
    assert [reverse(f"cognito_mfa:{name}") for name in ("device", "setup")] == [DEVICE, SETUP]
