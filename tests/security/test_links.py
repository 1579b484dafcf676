"""Who may become a user of the site, and what both sides must have said before."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, User
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.security.confirmations import (
    LINK,
    MODEL_BACKEND,
    SIGN_IN,
    bob,
    refusals,
    resolve_by,
)
from tests.security.rivals import faster
from tests.visitor import PASSWORD, POOL_ID, Visitor


def links() -> list[tuple[str, str]]:
    return list(MFAEvent.objects.filter(kind="LINKED").values_list("username", "detail"))


def is_linked(user: Any) -> bool:
    return CognitoIdentity.objects.filter(user=user).exists()


# --------------------------------------------------------------------------- who is signed in is asked


class TestConsent:
    """``links._resolve_user``: the two last lines, and ``Consent.WITHHELD``."""

    @pytest.mark.over_api
    @pytest.mark.parametrize("drops", [False, True], ids=["as the page does", "in the form alone"])
    def test_another_user_never_becomes_who_is_signed_in(
        self, optional_pool: LocalPool, browser: Visitor, anna: Any, *, drops: bool
    ) -> None:
        bob(optional_pool)
        to = browser.get("/admin/login/").url
        assert "switch=1" in to
        page = browser.text(browser.get(to))
        assert 'name="switch" value="1"' in page
        data = {"username": "bob", "password": PASSWORD, "switch": "1"}
        browser.post(reverse(SIGN_IN) if drops else to, data)
        browser.scan()
        browser.confirm_setup()

        identity = CognitoIdentity.objects.get()
        assert (identity.username, identity.user.get_username()) == ("bob", "bob")
        assert not is_linked(anna)
        assert browser.client.session["_auth_user_id"] == str(identity.user_id)

    def test_switch_is_not_forgotten_on_the_way(
        self, pool: LocalPool, browser: Visitor, anna: Any
    ) -> None:
        """In a pool that requires MFA a whole setup lies between; and a step may start again."""
        bob(pool)
        browser.post(f"{reverse(SIGN_IN)}?switch=1", {"username": "bob", "password": PASSWORD})
        browser.scan()
        browser.cognito.clock.advance(200)
        lost = browser.confirm_setup()
        assert 'name="switch" value="1"' in browser.text(browser.get(lost.url))
        browser.sign_in("bob")
        browser.scan()
        browser.confirm_setup()
        assert CognitoIdentity.objects.get().user.get_username() == "bob"

    @pytest.mark.over_api
    def test_a_script_that_drops_the_switch_is_asked(
        self, optional_pool: LocalPool, browser: Visitor, anna: Any
    ) -> None:
        bob(optional_pool)
        browser.get(browser.get("/admin/login/").url)
        assert browser.sign_in("bob").url == reverse(LINK)
        assert not CognitoIdentity.objects.exists()

    def test_the_page_names_both_and_only_a_yes_links(
        self, optional_pool: LocalPool, browser: Visitor, anna: Any
    ) -> None:
        bob(optional_pool)
        assert browser.sign_in("bob", next_url="/private/").url == reverse(LINK)
        browser.cognito.forget_calls()
        shown = browser.get(reverse(LINK))
        page = browser.text(shown)
        assert shown.status_code == 200
        for text in ("anna", "bob", "bob@example.com"):
            assert text in page
        assert "no-store" in shown["Cache-Control"]
        for answer in ({}, {"answer": ""}, {"answer": "maybe"}, {"answer": "YES"}):
            assert browser.post(reverse(LINK), answer).status_code == 200
        assert browser.cognito.operations() == []
        assert not CognitoIdentity.objects.exists()

        assert browser.post(reverse(LINK), {"answer": "yes"}).url == reverse("cognito_mfa:setup")
        assert CognitoIdentity.objects.get().user == anna
        assert links() == [("bob", "CONFIRMED")]
        assert not browser.is_in()
        browser.scan()
        done = browser.confirm_setup()
        assert done.url.endswith("next=%2Fprivate%2F")
        assert browser.is_in()
        assert browser.client.session["_auth_user_id"] == str(anna.pk)

    @pytest.mark.over_api
    def test_no_links_nothing_and_is_written_down(
        self, optional_pool: LocalPool, browser: Visitor, anna: Any
    ) -> None:
        bob(optional_pool)
        browser.sign_in("bob")
        declined = browser.post(reverse(LINK), {"answer": "no"}, follow=True)
        assert "weren’t linked" in browser.text(declined)
        assert not CognitoIdentity.objects.exists()
        assert refusals() == ["declined"]
        event = MFAEvent.objects.get()
        assert (event.username, event.sub) == ("bob", optional_pool.user("bob").sub)
        assert browser.client.session["_auth_user_id"] == str(anna.pk)
        assert browser.post(reverse(LINK), {"answer": "yes"}).url.startswith(reverse(SIGN_IN))
        assert not CognitoIdentity.objects.exists()

    def test_where_the_code_comes_first_the_question_comes_after_it(
        self, pool: LocalPool, browser: Visitor, anna: Any
    ) -> None:
        bob(pool)
        browser.sign_in("bob")
        browser.scan()
        assert browser.confirm_setup(friendly_name="Phone").url == reverse(LINK)
        assert not CognitoIdentity.objects.exists()
        assert not browser.is_in()
        done = browser.post(reverse(LINK), {"answer": "yes"})
        assert done.url == reverse("cognito_mfa:setup_done")
        identity = CognitoIdentity.objects.get()
        assert identity.user == anna
        assert [token.friendly_name for token in identity.software_tokens.all()] == ["Phone"]
        assert browser.is_in()

    @pytest.mark.over_api
    def test_who_has_an_authenticator_already_is_asked_after_its_code(
        self, optional_pool: LocalPool, browser: Visitor, anna: Any
    ) -> None:
        bob(optional_pool)
        browser.secret = optional_pool.register_software_token("bob")
        browser.sign_in("bob")
        assert browser.enter_code().url == reverse(LINK)
        assert not browser.is_in()
        browser.post(reverse(LINK), {"answer": "yes"})
        assert browser.is_in()
        assert CognitoIdentity.objects.get().user == anna

    @pytest.mark.over_api
    def test_the_question_is_for_who_was_asked_alone(
        self, optional_pool: LocalPool, browser: Visitor, anna: Any
    ) -> None:
        """``link_question._load_pending``, ``LinkView.dispatch``: ``is_for``."""
        bob(optional_pool)
        browser.sign_in("bob")
        other = get_user_model().objects.create_user("other")
        waiting = browser.client.session["_cognito_mfa_pending"]
        browser.client.force_login(other, backend=MODEL_BACKEND)
        session = browser.client.session
        session["_cognito_mfa_pending"] = waiting  # as if it had been kept, or copied
        session.save()
        assert browser.post(reverse(LINK), {"answer": "yes"}).url.startswith(reverse(SIGN_IN))
        assert not CognitoIdentity.objects.exists()
        anonymous = Visitor(Client(), browser.cognito)
        assert anonymous.post(reverse(LINK), {"answer": "yes"}).url == reverse(SIGN_IN)

    def test_it_wants_the_csrf_token(self, optional_pool: LocalPool, db: None) -> None:
        careful = Client(enforce_csrf_checks=True)
        assert careful.post(reverse(LINK), {"answer": "yes"}).status_code == 303

    def test_a_resolver_of_the_sites_own_links_no_one_silently_either(
        self, optional_pool: LocalPool, browser: Visitor, settings: Settings, anna: Any
    ) -> None:
        resolve_by(settings, lambda _person, *, request: request.user)
        bob(optional_pool)
        assert browser.sign_in("bob").url == reverse(LINK)
        browser.post(f"{reverse(SIGN_IN)}?switch=1", {"username": "bob", "password": PASSWORD})
        assert refusals() == ["signed_in_as_another_user"]
        assert not CognitoIdentity.objects.exists()

    def test_a_yes_is_worth_nothing_for_another_user(
        self, optional_pool: LocalPool, browser: Visitor, settings: Settings, anna: Any
    ) -> None:
        bob(optional_pool)
        browser.sign_in("bob")
        victim = get_user_model().objects.create_user("victim")
        resolve_by(settings, lambda _person, *, request: victim)
        assert browser.post(reverse(LINK), {"answer": "yes"}).answered == 403
        assert refusals() == ["another_user"]

    @pytest.mark.over_api
    @pytest.mark.parametrize("flag", ["is_staff", "is_superuser"])
    def test_staff_cannot_be_linked_there(
        self, optional_pool: LocalPool, browser: Visitor, anna: Any, flag: str
    ) -> None:
        bob(optional_pool)
        User.objects.filter(pk=anna.pk).update(**{flag: True})
        refused = browser.sign_in("bob")
        assert refused.answered == 403
        assert "special permissions" in browser.text(refused)
        assert refusals() == ["staff"]
        assert "AssociateSoftwareToken" not in browser.cognito.operations()

    @pytest.mark.over_api
    def test_nor_who_became_staff_while_the_question_was_open(
        self, optional_pool: LocalPool, browser: Visitor, anna: Any
    ) -> None:
        bob(optional_pool)
        browser.sign_in("bob")
        User.objects.filter(pk=anna.pk).update(is_staff=True)
        assert browser.post(reverse(LINK), {"answer": "yes"}).answered == 403
        assert not CognitoIdentity.objects.exists()

    @pytest.mark.over_api
    def test_a_change_makes_no_one(
        self, optional_pool: LocalPool, visitor: Visitor, settings: Settings
    ) -> None:
        """``next_step.finish_with_tokens``: the ``if pending.is_change``."""
        visitor.set_up()
        CognitoIdentity.objects.update(
            username="bob"
        )  # the name went to another user in the meantime
        bob(optional_pool)
        refused = visitor.post(reverse("cognito_mfa:device_replace"), {"password": PASSWORD})
        assert refused.answered == 403
        assert get_user_model().objects.count() == 1


# ------------------------------------------------------------------------------------ staff and the like


class TestByHandOnly:
    """``linkability.check_linkable``."""

    @pytest.fixture
    def user(self, db: None) -> Any:
        return get_user_model().objects.create_user("newcomer", "newcomer@example.com")

    @pytest.mark.over_api
    @pytest.mark.parametrize("resolver", ["by_username", "by_verified_email", "own"])
    @pytest.mark.parametrize(
        ("right", "reason"),
        [
            ("staff", "staff"),
            ("superuser", "staff"),
            ("permission", "permissions"),
            ("group", "permissions"),
            ("inactive", "inactive"),
        ],
    )
    def test_a_user_with_a_permission_is_linked_by_nothing_else(
        self,
        optional_pool: LocalPool,
        visitor: Visitor,
        settings: Settings,
        user: Any,
        resolver: str,
        right: str,
        reason: str,
    ) -> None:
        resolve_by(settings, resolver if resolver != "own" else lambda _person, *, request: user)
        permission = Permission.objects.get(codename="view_group")
        group = Group.objects.create(name="Editors")
        group.permissions.add(permission)
        give: dict[str, Any] = {
            "staff": lambda: User.objects.update(is_staff=True),
            "superuser": lambda: User.objects.update(is_superuser=True),
            "permission": lambda: user.user_permissions.add(permission),
            "group": lambda: user.groups.add(group),
            "inactive": lambda: User.objects.update(is_active=False),
        }
        give[right]()
        refused = visitor.sign_in()
        assert refused.answered == 403
        assert not CognitoIdentity.objects.exists()
        assert refusals() == [reason]
        event = MFAEvent.objects.get()
        assert event.username == "newcomer"
        assert event.detail.startswith(f"user {user.pk} · reference ")
        assert event.sub == optional_pool.user("newcomer").sub
        assert "AssociateSoftwareToken" not in visitor.cognito.operations()

    @pytest.mark.over_api
    def test_nor_where_the_set_up_comes_first(
        self, pool: LocalPool, visitor: Visitor, settings: Settings, user: Any
    ) -> None:
        resolve_by(settings, "by_username")
        User.objects.update(is_staff=True)
        visitor.sign_in()
        visitor.scan()
        assert visitor.confirm_setup().answered == 403
        assert not CognitoIdentity.objects.exists()
        assert refusals() == ["staff"]

    def test_a_group_without_permissions_is_no_right(
        self, optional_pool: LocalPool, visitor: Visitor, settings: Settings, user: Any
    ) -> None:
        resolve_by(settings, "by_username")
        user.groups.add(Group.objects.create(name="Readers"))
        visitor.set_up()
        assert CognitoIdentity.objects.get().user == user
        assert links() == [("newcomer", "RESOLVER")]

    def test_by_hand_they_are(
        self, optional_pool: LocalPool, visitor: Visitor, settings: Settings, user: Any
    ) -> None:
        """As the README says."""
        User.objects.update(is_staff=True, is_superuser=True)
        sub = optional_pool.user("newcomer").sub
        CognitoIdentity.objects.create(user=user, pool_id=POOL_ID, sub=sub, username="newcomer")
        visitor.set_up()
        assert visitor.client.session["_auth_user_id"] == str(user.pk)
        assert refusals() == []

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (5, "not_a_user"),
            ("newcomer", "not_a_user"),
            (True, "not_a_user"),
            (Group(name="x"), "not_a_user"),
            (User(username="unsaved"), "not_saved"),
            (User(pk=4711, username="gone"), "not_saved"),
        ],
        ids=["number", "name", "flag", "another model", "unsaved", "deleted"],
    )
    def test_an_answer_that_is_no_user_is_a_page_and_no_error(
        self,
        optional_pool: LocalPool,
        visitor: Visitor,
        settings: Settings,
        answer: object,
        reason: str,
    ) -> None:
        resolve_by(settings, lambda _person, *, request: answer)
        assert visitor.sign_in().answered == 403
        assert refusals() == [reason]
        assert not get_user_model().objects.exists()

    @pytest.mark.parametrize("error", [RuntimeError, IntegrityError, KeyError, AssertionError])
    def test_a_resolver_that_fails_is_a_refusal_and_shows_nothing(
        self,
        optional_pool: LocalPool,
        visitor: Visitor,
        settings: Settings,
        caplog: pytest.LogCaptureFixture,
        error: type[Exception],
    ) -> None:
        def fail(person: Any, *, request: Any) -> None:
            raise error(person.sub, "a secret")

        resolve_by(settings, fail)
        with caplog.at_level(logging.INFO):
            assert visitor.sign_in().answered == 403
        assert refusals() == ["resolver_failed"]
        assert f"resolver_failed, sub {optional_pool.user('newcomer').sub}, {error.__name__}" in (
            caplog.text
        )
        assert "a secret" not in caplog.text
        assert "Traceback" not in caplog.text
        assert not visitor.is_in()

    def test_a_lazy_user_is_one(
        self, optional_pool: LocalPool, visitor: Visitor, settings: Settings, user: Any
    ) -> None:
        resolve_by(settings, lambda _person, *, request: SimpleLazyObject(lambda: user))
        visitor.set_up()
        assert CognitoIdentity.objects.get().user == user

    def test_a_user_linked_to_another_identity_is_refused_with_an_event(
        self, optional_pool: LocalPool, visitor: Visitor, settings: Settings, user: Any
    ) -> None:
        resolve_by(settings, "by_username")
        CognitoIdentity.objects.create(user=user, pool_id=POOL_ID, sub="x", username="newcomer")
        assert visitor.sign_in().answered == 403
        assert refusals() == ["linked_to_another"]

    def test_a_site_that_makes_no_users_says_so_in_an_event(
        self, optional_pool: LocalPool, visitor: Visitor, settings: Settings
    ) -> None:
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CREATE_USERS": False}
        assert visitor.sign_in().answered == 403
        assert refusals() == ["no_user"]


# -------------------------------------------------------------------------------------------- new users


class TestNewUsers:
    """``links._link_new_user`` and ``new_users``."""

    @pytest.mark.over_api
    def test_a_name_and_a_sub_that_are_both_taken_are_a_page(
        self, optional_pool: LocalPool, visitor: Visitor, caplog: pytest.LogCaptureFixture
    ) -> None:
        sub = optional_pool.user("newcomer").sub
        for name in ("newcomer", sub):
            get_user_model().objects.create_user(name)
        for _time in range(2):
            refused = visitor.sign_in()
            assert refused.answered == 403
            assert "couldn’t sign you in" in visitor.text(refused)
        assert refusals() == ["username_taken", "username_taken"]
        assert "]: username_taken, sub " in caplog.text
        assert "AssociateSoftwareToken" not in visitor.cognito.operations()

    def test_nor_is_it_an_error_after_a_set_up(self, pool: LocalPool, visitor: Visitor) -> None:
        sub = pool.user("newcomer").sub
        for name in ("newcomer", sub):
            get_user_model().objects.create_user(name)
        visitor.sign_in()
        visitor.scan()
        assert visitor.confirm_setup().answered == 403
        assert refusals() == ["username_taken"]

    @pytest.mark.parametrize(
        ("theirs", "hers"),
        [
            ("Newcomer", "newcomer"),
            ("\u00c4rger", "\u00e4rger"),
            ("ivan", "\u0131van"),
            ("sam", "\u017fam"),
            ("kelvin", "\u212aelvin"),
            ("ff", "\ufb00"),
            ("ada", "\uff41\uff44\uff41"),
            ("\u00e1da", "a\u0301da"),
            ("strasse", "stra\u00dfe"),
        ],
        ids=ascii,
    )
    def test_a_name_that_may_be_read_as_anothers_is_taken(
        self, optional_pool: LocalPool, visitor: Visitor, theirs: str, hers: str
    ) -> None:
        get_user_model().objects.create(username=theirs)
        if hers != "newcomer":
            optional_pool.create_user(hers, password=PASSWORD)
        visitor.set_up(hers)
        identity = CognitoIdentity.objects.get()
        assert identity.user.get_username() == identity.sub

    def test_a_user_who_takes_the_name_at_this_moment_is_not_taken_for_another_tab(
        self, optional_pool: LocalPool, visitor: Visitor
    ) -> None:
        def take() -> None:
            User.objects.bulk_create([User(username="newcomer")], ignore_conflicts=True)

        with faster(User, take):
            visitor.set_up()
        identity = CognitoIdentity.objects.get()
        assert identity.user.get_username() == identity.sub
        assert visitor.is_in()

    def test_rows_that_cannot_be_made_are_a_page(
        self, optional_pool: LocalPool, visitor: Visitor
    ) -> None:
        """A column of the site's own that refuses the value, or is unique and taken."""
        from django.db.models.signals import pre_save

        def refuse(**_kwargs: object) -> None:
            raise IntegrityError("employee_number")

        pre_save.connect(refuse, sender=User)
        try:
            assert visitor.sign_in().answered == 403
        finally:
            pre_save.disconnect(refuse, sender=User)
        assert refusals() == ["user_not_created"]

    @pytest.mark.over_api
    @pytest.mark.parametrize("links", [True, False], ids=["resolver", "new user"])
    def test_the_same_person_in_two_tabs_at_once_is_one_user(
        self, optional_pool: LocalPool, visitor: Visitor, settings: Settings, *, links: bool
    ) -> None:
        """``links._make_or_find``: the rows of the other tab are ours as well."""
        other = User.objects.create(username="other")
        mine = User.objects.create(username="mine") if links else None
        sub = optional_pool.user("newcomer").sub

        def other_tab() -> None:
            CognitoIdentity.objects.bulk_create(
                [CognitoIdentity(sub=sub, user=other, pool_id=POOL_ID, username="newcomer")],
                ignore_conflicts=True,
            )

        resolve_by(settings, lambda _person, *, request: mine)
        with faster(CognitoIdentity, other_tab):
            visitor.set_up()
        assert CognitoIdentity.objects.get().user == other
        assert get_user_model().objects.count() == 1 + links
        assert refusals() == []
