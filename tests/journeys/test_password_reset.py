"""A forgotten password: the same pages for every user, and no one is signed in by a code from a mailbox."""

from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local import LocalCognito, PasswordPolicy, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.sign_in import duplicate_submissions
from cognito_mfa.sign_in.pending import KEY, PendingSignIn
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

NEW = "Another horse 8!"
START, CONFIRM = "cognito_mfa:password_reset", "cognito_mfa:password_reset_confirm"


def ask(visitor: Visitor, username: str = "newcomer", **data: str) -> Any:
    return visitor.post(reverse(START), {"username": username, **data})


def choose(visitor: Visitor, code: str, password: str = NEW, again: str | None = None) -> Any:
    both = {"new_password1": password, "new_password2": again or password}
    return visitor.post(reverse(CONFIRM), {"code": code, **both})


def sent(visitor: Visitor) -> str:
    return visitor.cognito.outbox[-1].code


def other(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


@pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH")
def test_a_code_and_a_new_password_then_an_ordinary_sign_in(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.set_up()
    visitor.sign_out()
    link = f"{reverse(START)}?next=%2Fprivate%2F"
    assert link in visitor.text(visitor.get(f"{reverse('cognito_mfa:sign_in')}?next=/private/"))

    assert ask(visitor, next="/private/").url == reverse(CONFIRM)
    done = choose(visitor, sent(visitor))

    assert done.url == reverse("cognito_mfa:sign_in")
    assert not visitor.is_in()
    page = visitor.text(visitor.get(done.url))
    assert "password was changed" in page
    assert 'value="newcomer"' in page
    assert visitor.sign_in(password=NEW).url == reverse("cognito_mfa:challenge")
    assert not visitor.is_in()
    assert visitor.enter_code().url == "/private/"
    assert visitor.is_in()
    assert "Incorrect username or password" in visitor.text(visitor.sign_in(password=PASSWORD))


def shown(stranger: Visitor, response: Any, username: str) -> str:
    """Return the page without the name that was typed, and without the form's own id, which chance makes."""
    page = re.sub(r'name="sign_in" value="\w+"', "", stranger.text(response))
    return page.replace(username, "X")


def answers(visitor: Visitor, username: str) -> list[tuple[int, str, str]]:
    """Return what a stranger sees of a reset with a wrong code, in a browser of its own."""
    stranger = Visitor(Client(), visitor.cognito)
    asked = ask(stranger, username)
    page = stranger.get(asked.url)
    wrong = choose(stranger, "000000")
    return [
        (
            one.status_code,
            one.headers.get("Location", ""),
            shown(stranger, one, username),
        )
        for one in (asked, page, wrong)
    ]


@pytest.mark.over_api
@pytest.mark.parametrize("existence", ["ENABLED", "LEGACY"])
def test_every_username_gets_the_same_answers(
    cognito: LocalCognito, db: None, visitor: Visitor, existence: str
) -> None:
    """Unknown, unverified, disabled, invited, unconfirmed, federated, without a mailbox that works."""
    pool = cognito.create_pool(POOL_ID, mfa="ON")
    pool.create_client(CLIENT_ID, prevent_user_existence_errors=existence)
    verified = {"email": "a@example.com", "email_verified": "true"}
    pool.create_user("known", password=PASSWORD, attributes=verified)
    pool.create_user("disabled", password=PASSWORD, attributes=verified).enabled = False
    pool.create_user("unverified", password=PASSWORD, attributes={"email": "b@example.com"})
    pool.create_user("bare", password=PASSWORD)
    for status in ("UNCONFIRMED", "FORCE_CHANGE_PASSWORD", "EXTERNAL_PROVIDER"):
        pool.create_user(status, password=PASSWORD, attributes=verified, status=status)
    expected = answers(visitor, "known")
    assert [status for status, _url, _text in expected] == [302, 200, 200]

    for username in (
        "unknown", "disabled", "unverified", "bare", "UNCONFIRMED", "FORCE_CHANGE_PASSWORD", "EXTERNAL_PROVIDER",
        "no@example.com", "two words", "x" * 128,
    ):  # fmt: skip
        assert answers(visitor, username) == expected, username


@pytest.mark.parametrize(
    "error",
    [
        "CodeDeliveryFailureException", "UserLambdaValidationException", "InvalidSmsRoleAccessPolicyException",
        "InvalidEmailRoleAccessPolicyException", "UnexpectedLambdaException", "UserNotConfirmedException",
    ],
)  # fmt: skip
def test_what_only_existing_users_meet_shows_in_the_log_alone(
    pool: LocalPool, visitor: Visitor, caplog: pytest.LogCaptureFixture, error: str
) -> None:
    expected = answers(visitor, "unknown")
    visitor.cognito.faults.on(
        "ForgotPassword", faults.Error(error, "newcomer@example.com"), times=1
    )
    with caplog.at_level(logging.INFO):
        assert answers(visitor, "newcomer") == expected
    assert error in caplog.text
    assert "newcomer" not in caplog.text.split("reset_code_not_sent")[1].splitlines()[0]


def test_queries_do_not_depend_on_who_exists(
    pool: LocalPool,
    visitor: Visitor,
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    visitor.set_up()
    numbers = set()
    for username in ("newcomer", "unknown"):
        stranger = Visitor(Client(), visitor.cognito)
        with CaptureQueriesContext(connection) as queries:
            ask(stranger, username)
            stranger.get(reverse(CONFIRM))
            choose(stranger, "000000")
        numbers.add(len(queries))
    assert len(numbers) == 1


@pytest.mark.parametrize("username", ["newcomer", "unknown"])
def test_a_limit_is_told_and_nothing_else(pool: LocalPool, visitor: Visitor, username: str) -> None:
    for _ in range(5):
        assert ask(visitor, username).status_code == 302
    limited = ask(visitor, username)

    assert limited.answered == 429
    assert limited.retry_after == "3600"
    assert "Wait 60 minutes" in visitor.text(limited)
    assert f'value="{username}"' in visitor.text(limited)


@pytest.mark.over_api
@pytest.mark.parametrize("username", ["newcomer", "unknown"])
def test_wrong_codes_end_in_a_limit(pool: LocalPool, visitor: Visitor, username: str) -> None:
    ask(visitor, username)
    texts = {visitor.text(choose(visitor, "000000")) for _ in range(5)}
    assert len(texts) == 1
    assert "That didn’t work." in texts.pop()
    assert choose(visitor, "000000").answered == 429


def test_passwords_of_before_tell_a_stranger_nothing(cognito: LocalCognito, db: None) -> None:
    """Else a user without the code could try passwords, past the lock on wrong ones."""
    pool = cognito.create_pool(POOL_ID, mfa="ON", policy=PasswordPolicy(history=5))
    pool.create_client(CLIENT_ID)
    verified = {"email": "a@example.com", "email_verified": "true"}
    pool.create_user("newcomer", password=PASSWORD, attributes=verified)
    seen = set()
    for username in ("newcomer", "unknown"):
        stranger = Visitor(Client(), cognito)
        ask(stranger, username)
        for password in (PASSWORD, NEW):
            seen.add(shown(stranger, choose(stranger, "000000", password), username))
    assert len(seen) == 1

    visitor = Visitor(Client(), cognito)
    ask(visitor)
    again = choose(visitor, sent(visitor), PASSWORD)
    assert "haven’t used before" in visitor.text(again)
    assert choose(visitor, sent(visitor)).url == reverse("cognito_mfa:sign_in")


@pytest.mark.over_api
def test_an_expired_code_is_one_that_does_not_work(pool: LocalPool, visitor: Visitor) -> None:
    ask(visitor)
    visitor.cognito.clock.advance(3601)
    expired = choose(visitor, sent(visitor))
    assert "That didn’t work." in visitor.text(expired)

    again = visitor.post(reverse(START), {"username": "newcomer"})  # "Send another code"
    assert again.url == reverse(CONFIRM)
    assert choose(visitor, sent(visitor)).url == reverse("cognito_mfa:sign_in")


@pytest.mark.parametrize("written", ["{0}{1}", " {0} {1}\u200e"], ids=["plain", "pasted"])
def test_a_refused_password_is_said_at_its_field_and_the_code_stays(
    pool: LocalPool, visitor: Visitor, written: str
) -> None:
    ask(visitor)
    refused = choose(visitor, written.format(sent(visitor)[:3], sent(visitor)[3:]), "short")
    page = visitor.text(refused)

    assert 'id="id_new_password1_error"' in page
    assert "too short" in page
    assert "code you already entered" in page
    assert sent(visitor) not in page
    assert sent(visitor) not in str(dict(visitor.client.session))
    assert choose(visitor, "").url == reverse("cognito_mfa:sign_in")
    visitor.sign_in(password=NEW)


def test_a_kept_code_is_of_no_use_in_the_session_of_before(
    pool: LocalPool, visitor: Visitor
) -> None:
    """A user who planted the session's key cannot set the password with a code that was typed into it."""
    ask(visitor)
    planted = visitor.client.cookies["sessionid"].value
    choose(visitor, sent(visitor), "short")
    attacker = Visitor(Client(), visitor.cognito)
    attacker.client.cookies["sessionid"] = planted

    assert choose(attacker, "", "Attackers-1!").url == reverse(START)
    assert "password=" not in visitor.text(visitor.sign_in())


@pytest.mark.over_api
def test_a_wrong_code_is_not_kept(pool: LocalPool, visitor: Visitor) -> None:
    ask(visitor)
    wrong = choose(visitor, other(sent(visitor)))
    assert "That didn’t work." in visitor.text(wrong)
    empty = choose(visitor, "")
    assert "Enter the code." in visitor.text(empty)
    assert visitor.cognito.operations() == ["ForgotPassword", "ConfirmForgotPassword"]


@pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH")
def test_a_password_reset_by_an_administrator_leads_there(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.set_up()
    visitor.sign_out()
    visitor.cognito.client().admin_reset_user_password(UserPoolId=POOL_ID, Username="newcomer")
    code = sent(visitor)
    leads = visitor.sign_in(next_url="/private/")

    assert leads.url == reverse(CONFIRM)
    page = visitor.text(visitor.get(leads.url))
    assert "before you can sign in" in page
    assert choose(visitor, code).url == reverse("cognito_mfa:sign_in")
    visitor.sign_in(password=NEW)
    assert visitor.enter_code().url == "/private/"


def test_a_wrong_password_does_not_tell_that_a_reset_is_needed(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.cognito.client().admin_reset_user_password(UserPoolId=POOL_ID, Username="newcomer")
    assert "Incorrect username or password" in visitor.text(
        visitor.sign_in(password="Wrong-Horse-7")
    )


@pytest.mark.over_api
def test_a_code_that_one_has_needs_no_other(pool: LocalPool, visitor: Visitor) -> None:
    visitor.cognito.client().admin_reset_user_password(UserPoolId=POOL_ID, Username="newcomer")
    code = sent(visitor)
    visitor.cognito.forget_calls()

    assert ask(visitor, have_code="1").url == reverse(CONFIRM)
    page = visitor.text(visitor.get(reverse(CONFIRM)))
    assert "Enter the code you received" in page
    assert "sending a code" not in page, "none was asked for"
    assert choose(visitor, code).url == reverse("cognito_mfa:sign_in")
    assert visitor.cognito.operations()[0] == "ConfirmForgotPassword"


def test_two_posts_at_once_are_one_reset(
    pool: LocalPool, visitor: Visitor, rf: RequestFactory
) -> None:
    """The one that comes second must not say that the code of the first does not work."""
    ask(visitor)
    first = rf.post(reverse(CONFIRM))
    first.session = visitor.client.session
    pending = PendingSignIn.load(first)
    assert pending is not None
    assert duplicate_submissions.claim(first, pending) is not None

    second = choose(visitor, sent(visitor))
    assert second.status_code == 200
    assert "didn’t work" not in visitor.text(second)
    assert visitor.cognito.operations() == ["ForgotPassword"]


def test_other_sessions_end_and_the_owner_is_told(
    pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    visitor.set_up()
    assert visitor.is_in()
    elsewhere = Visitor(Client(), visitor.cognito)
    ask(elsewhere)
    with django_capture_on_commit_callbacks(execute=True):
        choose(elsewhere, sent(elsewhere))

    assert not visitor.is_in()
    message = mail.outbox[-1]
    assert message.to == ["newcomer@example.com"]
    assert "with a code that was sent" in message.body
    assert NEW not in message.body
    events = MFAEvent.objects.values_list("kind", flat=True)
    assert list(events[:1]) == ["PASSWORD_RESET"]


def test_sessions_without_a_second_factor_end_too(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    visitor.sign_in()
    assert visitor.is_in()
    elsewhere = Visitor(Client(), visitor.cognito)
    ask(elsewhere)
    choose(elsewhere, sent(elsewhere))
    assert not visitor.is_in()
    elsewhere.sign_in(password=NEW)
    assert elsewhere.is_in()


def test_an_address_finds_its_owner(cognito: LocalCognito, visitor: Visitor) -> None:
    pool = cognito.create_pool(POOL_ID, mfa="ON", username_attributes=["email"])
    pool.create_client(CLIENT_ID)
    pool.create_user("ada@example.com", password=PASSWORD, attributes={"email_verified": "true"})
    visitor.set_up("ada@example.com")
    ask(visitor, "ada@example.com")
    choose(visitor, sent(visitor))

    assert not visitor.is_in()
    assert MFAEvent.objects.filter(kind="PASSWORD_RESET").count() == 1


class TestWithoutCredentials:
    """Cognito does not tell whose password it was, so only the next sign-in does."""

    @pytest.fixture(autouse=True)
    def denied(self, pool: LocalPool, visitor: Visitor) -> None:
        visitor.set_up()
        visitor.cognito.faults.on("AdminGetUser", faults.Error("AccessDeniedException"))
        mail.outbox.clear()

    def reset(self, visitor: Visitor) -> Visitor:
        browser = Visitor(Client(), visitor.cognito)
        browser.secret = visitor.secret
        ask(browser)
        assert choose(browser, sent(browser)).url == reverse("cognito_mfa:sign_in")
        return browser

    def test_sessions_end_at_once_and_no_mail_guesses(
        self, visitor: Visitor, django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            self.reset(visitor)
        assert not visitor.is_in()
        assert mail.outbox == []
        assert not MFAEvent.objects.filter(kind="PASSWORD_RESET").exists()

    def test_the_next_sign_in_tells_who_it_was(
        self, visitor: Visitor, django_capture_on_commit_callbacks: Any
    ) -> None:
        browser = self.reset(visitor)
        browser.sign_in(password=NEW)
        with django_capture_on_commit_callbacks(execute=True):
            browser.enter_code()

        assert browser.is_in()
        assert [message.to for message in mail.outbox] == [["newcomer@example.com"]]
        assert MFAEvent.objects.filter(kind="PASSWORD_RESET").count() == 1

    def test_another_user_who_signs_in_there_is_not_told(
        self, pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
    ) -> None:
        pool.create_user("ada", password=PASSWORD)
        secret = pool.register_software_token("ada")
        browser = self.reset(visitor)
        browser.secret = secret
        browser.sign_in("ada")
        with django_capture_on_commit_callbacks(execute=True):
            browser.enter_code()

        assert browser.is_in()
        assert mail.outbox == []
        assert not MFAEvent.objects.filter(kind="PASSWORD_RESET").exists()


@pytest.mark.over_api
def test_a_lost_answer_is_told_as_what_it_is(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    browser = Visitor(Client(), visitor.cognito)
    browser.secret = visitor.secret
    ask(browser)
    browser.cognito.forget_calls()
    browser.cognito.faults.on("ConfirmForgotPassword", faults.Timeout(executed=True), times=1)
    lost = choose(browser, sent(browser))

    assert lost.answered == 503
    assert "couldn’t confirm that your password was changed" in browser.text(lost)
    assert browser.cognito.operations() == ["ConfirmForgotPassword"]  # sent once
    assert visitor.is_in()  # no one knows whether the code was right
    browser.sign_in(password=NEW)
    browser.enter_code()
    assert browser.is_in()
    assert not visitor.is_in()


def test_a_trigger_that_fails_afterwards_leaves_it_open(pool: LocalPool, visitor: Visitor) -> None:
    ask(visitor)
    error = faults.Error("UserLambdaValidationException", "PostConfirmation failed with error x.")
    visitor.cognito.faults.on("ConfirmForgotPassword", error, times=1)
    failed = choose(visitor, sent(visitor))
    assert failed.answered == 503
    assert "couldn’t confirm that your password was changed" in visitor.text(failed)


@pytest.mark.parametrize("operation", ["ForgotPassword", "ConfirmForgotPassword"])
def test_an_outage_keeps_what_was_typed(pool: LocalPool, visitor: Visitor, operation: str) -> None:
    visitor.cognito.faults.on(operation, faults.Error("InternalErrorException"), times=1)
    asked = ask(visitor)
    response = asked if operation == "ForgotPassword" else choose(visitor, sent(visitor))
    assert response.answered == 503
    assert 'value="newcomer"' in visitor.text(response)
    ask(visitor)
    assert choose(visitor, sent(visitor)).status_code == 302


@pytest.mark.over_api
def test_too_many_requests_is_a_throttle(pool: LocalPool, visitor: Visitor) -> None:
    visitor.cognito.faults.on("ForgotPassword", faults.Error("TooManyRequestsException"), times=2)
    assert ask(visitor).answered == 429


def test_a_client_secret_is_proven(
    cognito: LocalCognito, db: None, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_SECRET": "hush" * 13}
    pool = cognito.create_pool(POOL_ID, mfa="ON")
    pool.create_client(CLIENT_ID, secret="hush" * 13)
    verified = {"email": "a@example.com", "email_verified": "true"}
    pool.create_user("newcomer", password=PASSWORD, attributes=verified)
    visitor = Visitor(Client(), cognito)
    ask(visitor)
    assert choose(visitor, sent(visitor)).url == reverse("cognito_mfa:sign_in")

    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_SECRET": "other"}
    assert ask(visitor).answered == 503
    assert "CLIENT_SECRET" in caplog.text


def test_the_pages_can_be_turned_off(pool: LocalPool, visitor: Visitor, settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "PASSWORD_PAGES": False}
    assert visitor.get(reverse(START)).status_code == 404
    assert ask(visitor).status_code == 404
    assert choose(visitor, "123456").status_code == 404
    assert "Forgot" not in visitor.text(visitor.get(reverse("cognito_mfa:sign_in")))
    visitor.cognito.client().admin_reset_user_password(UserPoolId=POOL_ID, Username="newcomer")
    blocked = visitor.sign_in()
    assert blocked.answered == 403
    assert "must be reset" in visitor.text(blocked)


def test_nothing_is_asked_by_looking(pool: LocalPool, visitor: Visitor) -> None:
    assert visitor.get(reverse(START)).status_code == 200
    assert visitor.get(reverse(CONFIRM)).url == reverse(START)
    ask(visitor)
    visitor.cognito.forget_calls()
    assert visitor.get(reverse(CONFIRM)).status_code == 200
    assert visitor.cognito.operations() == []


def test_the_newest_step_of_a_browser_wins(pool: LocalPool, visitor: Visitor) -> None:
    ask(visitor)
    visitor.sign_in()
    assert choose(visitor, sent(visitor)).url == reverse("cognito_mfa:setup")
    ask(visitor)
    assert visitor.get(reverse("cognito_mfa:setup")).url == reverse(CONFIRM)


def test_a_second_click_is_told_nothing_untrue(pool: LocalPool, visitor: Visitor) -> None:
    """The answer to the second post is what the browser shows."""
    ask(visitor)
    code = sent(visitor)
    assert choose(visitor, code).url == reverse("cognito_mfa:sign_in")
    assert choose(visitor, code).url == reverse("cognito_mfa:sign_in")
    page = visitor.text(visitor.get(reverse("cognito_mfa:sign_in")))
    assert "password was changed" in page
    assert "timed out" not in page


@pytest.mark.over_api
def test_two_resets_of_one_browser(pool: LocalPool, visitor: Visitor) -> None:
    for password in (NEW, "Third horse 9!"):
        ask(visitor)
        assert choose(visitor, sent(visitor), password).url == reverse("cognito_mfa:sign_in")
    assert visitor.sign_in(password="Third horse 9!").url == reverse("cognito_mfa:setup")


def test_password_managers_are_told_whose_password_it_is(pool: LocalPool, visitor: Visitor) -> None:
    ask(visitor)
    page = visitor.text(visitor.get(reverse(CONFIRM)))
    for part in (
        'name="username" value="newcomer" autocomplete="username"', 'autocomplete="one-time-code"',
        'autocomplete="new-password"',
    ):  # fmt: skip
        assert part in page
    assert "onpaste" not in page


def test_where_the_browser_goes_afterwards_is_checked(pool: LocalPool, visitor: Visitor) -> None:
    ask(visitor, next="https://evil.example/")
    choose(visitor, sent(visitor))
    visitor.sign_in(password=NEW)
    visitor.scan()
    assert "evil" not in visitor.confirm_setup().url


def test_what_waits_is_encrypted(pool: LocalPool, visitor: Visitor) -> None:
    ask(visitor)
    assert "newcomer" not in str(dict(visitor.client.session))
    assert KEY in visitor.client.session
    assert PendingSignIn.load is not None
    assert CognitoIdentity.objects.count() == 0
