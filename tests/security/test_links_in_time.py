"""Links between accounts and what hangs on them, when a user is deleted, disabled, made anew or linked anew
in between; and sites whose own code, names and keys are not what a link expects."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core import mail
from django.db.models.signals import post_save
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.security.confirmations import (
    LINK,
    MODEL_BACKEND,
    bob,
    refusals,
    resolve_by,
)
from tests.security.successors import Ada, leave
from tests.visitor import PASSWORD, POOL_ID, Visitor

pytestmark = pytest.mark.django_db
BOB = {"UserPoolId": POOL_ID, "Username": "bob"}


# ------------------------------------------------------------------------------------ a link made anew


def test_a_link_that_is_made_anew_brings_no_old_proof_back(
    pool: LocalPool, visitor: Visitor
) -> None:
    """``proof.age``: the key of the link. Its generations begin at 0 again."""
    visitor.set_up()
    row = CognitoIdentity.objects.get()
    row.delete()
    assert not visitor.is_in()
    new = CognitoIdentity.objects.create(
        user=row.user, pool_id=POOL_ID, sub=row.sub, username=row.username
    )
    for generation in range(row.generation + 2):
        CognitoIdentity.objects.filter(pk=new.pk).update(generation=generation)
        assert not visitor.is_in()


# -------------------------------------------------------------------------------- while a question is open


@pytest.mark.parametrize(
    "operation", ["admin_delete_user", "admin_disable_user", "admin_user_global_sign_out"]
)
@pytest.mark.parametrize("factor", ["no code", "a code"])
def test_a_user_whom_the_pool_shut_out_in_the_meantime_is_not_linked(
    optional_pool: LocalPool, browser: Visitor, anna: Any, operation: str, factor: str
) -> None:
    """``link_question._check_still_valid``."""
    bob(optional_pool)
    if factor == "a code":
        browser.secret = optional_pool.register_software_token("bob")
    browser.sign_in("bob")
    if factor == "a code":
        browser.enter_code()
    getattr(browser.cognito.client(), operation)(**BOB)
    over = browser.post(reverse(LINK), {"answer": "yes"}, follow=True)
    assert over.status_code == 200
    assert not CognitoIdentity.objects.exists()
    assert refusals() == ["sign_in_expired"]
    assert not browser.is_in()


@pytest.mark.over_api
def test_a_yes_that_comes_late_retires_no_namesake(
    optional_pool: LocalPool, browser: Visitor, anna: Any
) -> None:
    """``link_question._check_still_valid``: tokens of before say nothing about who has the name by now."""
    bob(optional_pool)
    browser.sign_in("bob")
    browser.cognito.client().admin_delete_user(**BOB)
    bob(optional_pool)
    new = Visitor(Client(), browser.cognito)
    new.set_up("bob")
    browser.post(reverse(LINK), {"answer": "yes"})
    assert new.is_in()
    assert CognitoIdentity.objects.get().status == CognitoIdentity.Status.ENABLED
    assert not browser.is_in()


@pytest.mark.over_api
def test_a_question_that_meets_another_user_is_an_event(
    optional_pool: LocalPool, browser: Visitor, anna: Any
) -> None:
    """``link_question.discard_foreign``."""
    bob(optional_pool)
    browser.sign_in("bob")
    other = get_user_model().objects.create_user("other")
    waiting = browser.client.session["_cognito_mfa_pending"]
    browser.client.force_login(other, backend=MODEL_BACKEND)
    session = browser.client.session
    session["_cognito_mfa_pending"] = waiting
    session.save()
    for _ in range(2):
        browser.post(reverse(LINK), {"answer": "yes"})
    assert refusals() == ["another_user"]


@pytest.mark.over_api
@pytest.mark.parametrize("answer", ["yes", "no"])
def test_an_answer_is_about_the_accounts_that_the_page_named(
    optional_pool: LocalPool, browser: Visitor, anna: Any, answer: str
) -> None:
    """``LinkStep.submit``: another tab began to sign in as another user, and is asked as well."""
    bob(optional_pool)
    browser.sign_in("newcomer")
    page = browser.text(browser.get(reverse(LINK)))
    asked = set(re.findall(r'name="question" value="(\w+)"', page))
    assert len(asked) == 1
    browser.sign_in("bob")
    again = browser.post(reverse(LINK), {"answer": answer, "question": asked.pop()})
    assert again.url == reverse(LINK)
    assert not CognitoIdentity.objects.exists()
    assert refusals() == []

    page = browser.text(browser.get(reverse(LINK)))
    assert "bob@example.com" in page
    (asked_now,) = set(re.findall(r'name="question" value="(\w+)"', page))
    browser.post(reverse(LINK), {"answer": answer, "question": asked_now})
    linked = CognitoIdentity.objects.filter(user=anna, username="bob").exists()
    assert linked == (answer == "yes")


@pytest.mark.parametrize("name", ["\uff52\uff4f\uff4f\uff54@example.com", "root\uff20example.com"])
def test_a_name_that_is_read_as_an_address_is_none_either(
    optional_pool: LocalPool, visitor: Visitor, name: str
) -> None:
    """``new_users.candidate_names``: in normal form, as Django's own forms read it."""
    attributes = {"email": "root@example.com", "email_verified": "false"}
    optional_pool.create_user(name, password=PASSWORD, attributes=attributes)
    visitor.sign_in(name)
    identity = CognitoIdentity.objects.get()
    assert identity.user.get_username() == identity.sub


@pytest.mark.over_api
def test_a_question_of_another_pool_is_over(
    optional_pool: LocalPool, browser: Visitor, settings: Settings
) -> None:
    """``link_question.discard_foreign``: the tokens that wait are foreign by now."""
    bob(optional_pool)
    browser.sign_in("bob")
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "USER_POOL_ID": "us-east-1_Another00"}
    assert browser.get(reverse(LINK)).status_code == 302
    assert not CognitoIdentity.objects.exists()


# ------------------------------------------------------------------------------------- sites' own code


@pytest.mark.parametrize("key", ["abc", "\0", b"\0", [1], float("nan"), 10**30, -1], ids=repr)
def test_a_user_whose_key_is_none_is_a_page(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings, key: Any
) -> None:
    """``linkability.stored_user``."""
    resolve_by(settings, lambda _person, *, request: User(pk=key))
    assert visitor.sign_in().answered == 403
    assert refusals() == ["not_saved"]


def test_a_receiver_that_fails_is_a_page(optional_pool: LocalPool, visitor: Visitor) -> None:
    """``site_code.run``."""

    def fails(**_given: Any) -> None:
        raise RuntimeError

    post_save.connect(fails, sender=User)
    try:
        assert visitor.sign_in().answered == 403
    finally:
        post_save.disconnect(fails, sender=User)
    assert refusals() == ["user_not_created"]
    assert not User.objects.exists()


@pytest.mark.parametrize("field", ["id", "date_joined", "is_active", "groups"])
def test_names_that_the_sites_users_cannot_have_are_a_page(
    optional_pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    """``new_users.candidate_names``: users who are known by a number, say."""
    monkeypatch.setattr(User, "USERNAME_FIELD", field)
    assert visitor.sign_in().answered == 403
    assert refusals() == ["no_valid_username"]


# ----------------------------------------------------------------------------------- a name used again


def test_wrong_codes_of_a_successor_are_no_news_for_the_predecessor(
    pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    """``code_attempts._identity_to_record``: Cognito asks for an authenticator that was not set up here."""
    old = Ada(pool, visitor)
    old.come()
    leave(pool, old)
    mail.outbox.clear()
    new = Ada(pool, old)
    new.set_up_elsewhere(pool)
    new.sign_in("ada")
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(4):
            new.enter_code(new.wrong_code())
    assert mail.outbox == []
    assert not old.row.events.filter(kind="CODE_REJECTED").exists()
    assert old.row.status == CognitoIdentity.Status.GONE
