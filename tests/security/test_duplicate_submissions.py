"""Of equal posts at once, a double click, one goes to Cognito, and no one is told that it failed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, PostedStep
from cognito_mfa.sign_in import duplicate_submissions
from cognito_mfa.sign_in.duplicate_submissions import ABANDONED_AFTER
from tests.security.during_calls import while_cognito_answers
from tests.threads import in_threads
from tests.visitor import PASSWORD, Visitor

SIGN_IN, CHALLENGE, SETUP = (f"cognito_mfa:{name}" for name in ("sign_in", "challenge", "setup"))
SAME = 8


def is_neutral(answer: Any) -> bool:
    """Tell whether the answer says nothing of a failure and leaves the browser's session as it is."""
    assert "sessionid" not in answer.cookies
    if answer.status_code == 302:
        return "messages" not in answer.cookies
    return answer.status_code == 200 and "One moment" in answer.content.decode()


@pytest.fixture
def at_the_code(pool: LocalPool, visitor: Visitor) -> Visitor:
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in(next_url="/private/")
    visitor.cognito.forget_calls()
    return visitor


@pytest.mark.django_db
@pytest.mark.parametrize("save_every", [False, True])
def test_while_the_first_is_on_its_way_the_second_waits(
    save_every: bool, at_the_code: Visitor, settings: Settings
) -> None:
    """Turns red without ``duplicate_submissions.claim`` in ``StepView.post``, and without ``keep_session_unchanged``."""
    settings.SESSION_SAVE_EVERY_REQUEST = save_every
    second, answers = at_the_code.same_browser(), []
    code = at_the_code.code()
    while_cognito_answers(
        at_the_code, "RespondToAuthChallenge", lambda: answers.append(second.enter_code(code))
    )

    assert at_the_code.enter_code(code).url == "/private/"

    (answer,) = answers
    assert is_neutral(answer)
    assert f"{reverse(CHALLENGE)}?next=%2Fprivate%2F" in answer.content.decode()
    assert at_the_code.cognito.operations() == ["RespondToAuthChallenge"]
    assert CodeFailures.objects.get().failures == 0
    # The browser has the first one's session, and goes on where the page leads.
    assert at_the_code.get(f"{reverse(CHALLENGE)}?next=/private/", follow=True).status_code == 200
    assert at_the_code.is_in()


@pytest.mark.django_db
def test_after_the_first_is_done_the_second_is_told_no_failure(at_the_code: Visitor) -> None:
    """Its session is gone by then; Django would delete the cookie that the first one gave.

    Turns red without ``is_late`` in ``StepRules.leave_step``.
    """
    second, code = at_the_code.same_browser(), at_the_code.code()
    at_the_code.enter_code(code)

    assert is_neutral(second.enter_code(code))

    assert at_the_code.cognito.operations() == ["RespondToAuthChallenge"]
    assert not second.is_in()  # nor does it learn the new session


@pytest.mark.django_db
def test_with_the_new_session_the_second_is_told_no_failure(at_the_code: Visitor) -> None:
    """Turns red without the look at the proof in ``StepRules.leave_step``."""
    code = at_the_code.code()
    at_the_code.enter_code(code)
    answer = at_the_code.enter_code(code)
    assert "messages" not in answer.cookies
    assert at_the_code.is_in()


@pytest.mark.django_db
def test_a_session_that_another_tab_replaced_in_the_meantime_is_no_bare_error(
    pool: LocalPool, visitor: Visitor
) -> None:
    """Turns red without ``_save_now`` in ``StepView.post``."""
    pool.create_user("invited", password="Temporary-1", status="FORCE_CHANGE_PASSWORD")
    visitor.sign_in("invited", "Temporary-1")
    tab = visitor.same_browser()
    while_cognito_answers(visitor, "RespondToAuthChallenge", lambda: tab.sign_in("newcomer"))
    data = {"new_password1": "My-own-Horse-8", "new_password2": "My-own-Horse-8"}
    assert is_neutral(visitor.post(reverse("cognito_mfa:new_password"), data))


@pytest.mark.django_db
def test_a_set_up_is_confirmed_once(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.scan()
    second, answers = visitor.same_browser(), []
    code = visitor.code()
    visitor.cognito.forget_calls()
    while_cognito_answers(
        visitor, "VerifySoftwareToken", lambda: answers.append(second.confirm_setup(code))
    )
    visitor.confirm_setup(code)
    assert visitor.is_in()
    assert is_neutral(answers[0])
    assert visitor.cognito.operations().count("VerifySoftwareToken") == 1


@pytest.mark.django_db
def test_a_wrong_code_lets_the_next_one_in(at_the_code: Visitor) -> None:
    """Turns red without ``release``."""
    before = PostedStep.objects.count()
    assert "didn’t work" in at_the_code.text(at_the_code.enter_code(at_the_code.wrong_code()))
    assert PostedStep.objects.count() == before
    at_the_code.enter_code()
    assert at_the_code.is_in()


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", [ABANDONED_AFTER, -86400])
def test_a_post_that_never_ended_is_forgotten(seconds: float, at_the_code: Visitor) -> None:
    """Of a process that was killed, or of a server whose clock was ahead."""
    from django.db.models import F

    second, code = at_the_code.same_browser(), at_the_code.code()
    answers: list[Any] = []

    def later() -> None:
        PostedStep.objects.update(at=F("at") - timedelta(seconds=seconds))
        answers.append(second.enter_code(code))

    at_the_code.cognito.faults.on("RespondToAuthChallenge", faults.Timeout(executed=False), times=1)
    at_the_code.enter_code(code)
    PostedStep.objects.all().delete()
    at_the_code.sign_in(next_url="/private/")
    second = at_the_code.same_browser()
    while_cognito_answers(at_the_code, "RespondToAuthChallenge", later)
    at_the_code.enter_code(code)
    assert at_the_code.cognito.operations().count("RespondToAuthChallenge") == 3


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite has one writer at a time"
)
@pytest.mark.parametrize("step", ["code", "set-up"])
def test_of_many_at_once_one_goes_to_cognito(step: str, pool: LocalPool, visitor: Visitor) -> None:
    if step == "code":
        visitor.set_up()
        visitor.sign_out()
        visitor.sign_in()
    else:
        visitor.sign_in()
        visitor.scan()
    visitor.cognito.forget_calls()
    code = visitor.code()
    browsers = [visitor.same_browser() for _ in range(SAME)]
    waiting, taking, answers = iter(browsers), threading.Lock(), []

    def post() -> None:
        with taking:
            browser = next(waiting)
        send: Callable[[str], Any] = browser.enter_code if step == "code" else browser.confirm_setup
        answers.append((browser, send(code)))

    in_threads(SAME, post)

    operation = "RespondToAuthChallenge" if step == "code" else "VerifySoftwareToken"
    assert visitor.cognito.operations().count(operation) == 1
    winners = [browser for browser, answer in answers if "sessionid" in answer.cookies]
    assert [browser.is_in() for browser in winners] == [True]
    assert all(is_neutral(answer) for browser, answer in answers if browser not in winners)
    assert CodeFailures.objects.get().failures == 0


@pytest.mark.django_db
def test_claims_of_abandoned_steps_are_deleted(
    at_the_code: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row of a browser that never comes back would stay for good."""
    monkeypatch.setattr(duplicate_submissions, "DELETE_EVERY", 1)
    long_ago = timezone.now() - timedelta(hours=1)
    abandoned = PostedStep.objects.create(browser="a browser", step="a step", at=long_ago)
    recent = PostedStep.objects.create(browser="another browser", step="a step")
    at_the_code.enter_code()
    left = PostedStep.objects.filter(pk__in=[abandoned.pk, recent.pk])
    assert list(left) == [recent]


@pytest.mark.django_db
def test_a_password_is_changed_once(pool: LocalPool, visitor: Visitor) -> None:
    """All is in one post, so that the second one's code would be refused as used."""
    visitor.come_with_app()
    second, answers = visitor.same_browser(), []
    new = {"new_password1": "Another-Horse-8", "new_password2": "Another-Horse-8"}
    given = {"old_password": PASSWORD, **new, "code": visitor.code()}
    path = reverse("cognito_mfa:password_change")
    while_cognito_answers(
        visitor, "RespondToAuthChallenge", lambda: answers.append(second.post(path, given))
    )

    assert visitor.post(path, given).url == reverse("cognito_mfa:device")

    (answer,) = answers
    assert is_neutral(answer)
    assert f'href="{path}"' in answer.content.decode()
    assert visitor.cognito.operations().count("RespondToAuthChallenge") == 1
    assert visitor.is_in()
