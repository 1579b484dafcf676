"""A process that ends while a password is changed, reset, or chosen for the first time."""

from __future__ import annotations

import pytest
from django.urls import reverse

from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import MFAEvent
from tests.kills.conftest import How
from tests.kills.ending import Way, each_end
from tests.kills.people import NEW, Person
from tests.visitor import PASSWORD
from tests.ways_in import PAGES

CHANGED, IN_DOUBT = "PASSWORD_CHANGED", "STATUS_CHANGED"


def change(person: Person, *, old: str = PASSWORD, new: str = NEW) -> None:
    """Change the password on one page, with the app's code."""
    given = {"old_password": old, "new_password1": new, "new_password2": new, "code": person.code()}
    person.post(reverse("cognito_mfa:password_change"), given)


def ask(person: Person) -> str:
    person.post(reverse("cognito_mfa:password_reset"), {"username": person.name})
    return person.cognito.outbox[-1].code


def reset(person: Person, code: str) -> None:
    given = {"code": code, "new_password1": NEW, "new_password2": NEW}
    person.post(reverse("cognito_mfa:password_reset_confirm"), given)


def check_told(person: Person, kind: str, *, was_changed: bool) -> None:
    """Check that a password which Cognito has is in the log, as a change or as a doubt."""
    told = [one for one in person.events if one in (kind, IN_DOUBT)]
    assert len(told) <= 2
    assert told or not was_changed


def test_a_change_ends_what_the_old_password_opened_at_the_next_sign_in(
    how: How, pool: LocalPool, cognito: LocalCognito
) -> None:
    """``password_changes.sending``: the intent is written first."""
    for name, process in each_end(cognito, how.way):
        person = Person.with_app(cognito, name, posts_to=how.posts_to)
        thief = person.come_back()
        person.wait(30)
        person.forget()
        with process.running():
            change(person)
        was_changed = "ChangePassword" in cognito.operations()
        same_browser = process.last % 2 == 0
        person.come_back(NEW if was_changed else PASSWORD, same_browser=same_browser)

        check_told(person, CHANGED, was_changed=was_changed)
        person.check_emails(process)
        assert thief.is_in() == (not set(person.events) & {CHANGED, IN_DOUBT})
        assert person.row.password_sent_at is None


def test_the_next_change_settles_it_and_the_browser_stays_signed_in(
    pool: LocalPool, cognito: LocalCognito
) -> None:
    """``next_step._check_change``: in the session in which the first one was tried."""
    for name, process in each_end(cognito, Way.KILLED):
        person = Person.with_app(cognito, name)
        thief = person.come_back()
        person.wait(30)
        person.forget()
        with process.running():
            change(person)
        if CHANGED in person.events or "ChangePassword" not in cognito.operations():
            continue
        person.wait(90)
        change(person, old=NEW, new="Sh-1")
        assert person.is_in()
        assert not thief.is_in()
        assert person.row.password_sent_at is None
        person.wait(30)
        change(person, old=NEW, new=PASSWORD)
        assert person.is_in()
        assert person.events[2:] == [IN_DOUBT, CHANGED]


@pytest.mark.parametrize("why", ["wrong password", "weak password", "throttled"])
def test_a_refused_change_leaves_no_doubt(pool: LocalPool, cognito: LocalCognito, why: str) -> None:
    person = Person.with_app(cognito, "ada")
    other = person.come_back()
    person.wait(30)
    if why == "throttled":
        cognito.faults.on("ChangePassword", faults.Error("TooManyRequestsException"), times=5)
    change(
        person,
        old="Wrong-Horse-7" if why == "wrong password" else PASSWORD,
        new="short" if why == "weak password" else NEW,
    )
    assert person.row.password_sent_at is None
    person.come_back()
    assert other.is_in()
    assert IN_DOUBT not in person.events


def test_a_refused_change_settles_no_earlier_one(pool: LocalPool, cognito: LocalCognito) -> None:
    """A wrong password after the process had ended says nothing about what it did."""
    person = Person.with_app(cognito, "ada")
    sent_at = person.row.checked_at
    type(person.row).objects.update(password_sent_at=sent_at)
    change(person, old="Wrong-Horse-7")
    assert person.row.password_sent_at == sent_at


def test_a_reset_ends_what_the_old_password_opened_at_the_next_sign_in(
    how: How, any_pool: LocalPool, cognito: LocalCognito
) -> None:
    """``reset_note.sending``: the browser remembers it before Cognito is asked."""
    for name, process in each_end(cognito, how.way):
        thief = Person.with_app(cognito, name)
        person = Person(cognito, name, posts_to=how.posts_to)
        person.secret = thief.secret
        code = ask(person)
        person.forget()
        with process.running():
            reset(person, code)
        was_changed = "ConfirmForgotPassword" in cognito.operations()
        assert not person.is_in()
        person.come_back(NEW if was_changed else PASSWORD, same_browser=True)

        check_told(person, "PASSWORD_RESET", was_changed=was_changed)
        person.check_emails(process)
        assert thief.is_in() == (not set(person.events) & {"PASSWORD_RESET", IN_DOUBT})


def test_a_refused_reset_keeps_what_the_browser_remembered(
    pool: LocalPool, cognito: LocalCognito
) -> None:
    """A wrong code after the process had ended says nothing about what it did."""
    thief = Person.with_app(cognito, "ada")
    person = Person(cognito, "ada")
    person.secret = thief.secret
    code = ask(person)
    cognito.faults.on("ConfirmForgotPassword", faults.Timeout(executed=True), times=1)
    reset(person, code)
    ask(person)
    reset(person, "000000")
    person.come_back(NEW, same_browser=True)
    assert not thief.is_in()


def test_a_wrong_code_alone_is_remembered_by_no_one(pool: LocalPool, cognito: LocalCognito) -> None:
    other = Person.with_app(cognito, "ada")
    person = Person(cognito, "ada")
    person.secret = other.secret
    ask(person)
    reset(person, "000000")
    person.come_back(same_browser=True)
    assert other.is_in()
    assert MFAEvent.objects.filter(kind=IN_DOUBT).count() == 0


def test_a_first_password_is_followed_by_the_setup(
    how: How, any_pool: LocalPool, cognito: LocalCognito
) -> None:
    for name, process in each_end(cognito, how.way):
        temporary = {"password": "Temporary-1", "status": "FORCE_CHANGE_PASSWORD"}
        person = Person.new(cognito, name, posts_to=how.posts_to, **temporary)
        person.sign_in(name, "Temporary-1")
        person.forget()
        with process.running():
            person.post(
                reverse("cognito_mfa:new_password"), {"new_password1": NEW, "new_password2": NEW}
            )
        was_chosen = "RespondToAuthChallenge" in cognito.operations()
        assert not person.is_in()
        if was_chosen:
            person.come_back(NEW, same_browser=how.posts_to == PAGES)
            assert person.events == ["SOFTWARE_TOKEN_VERIFIED", "SIGNED_IN"]
        else:
            assert person.sign_in(name, "Temporary-1").url == reverse("cognito_mfa:new_password")
