"""A proof records an answer: what once was true proves nothing.

Our rows say that a user has an authenticator. Outside this site that can be changed at any time; then
Cognito lets the password alone in, and no one tells us.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.authenticator import status
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.models import CognitoIdentity, MFAEvent, MFAReset, SoftwareToken
from cognito_mfa.pool_sync.plan import Plan
from cognito_mfa.pool_sync.synchronization import synchronize
from tests.local.browser import Browser
from tests.other_sign_ins import outside as elsewhere
from tests.other_sign_ins.conftest import make_pool
from tests.other_sign_ins.outside import LET_IN, Outside
from tests.other_sign_ins.person import Person
from tests.visitor import PASSWORD

PROOF = "_cognito_mfa_proof"


@pytest.fixture(autouse=True)
def site(mozilla: Settings) -> Settings:
    mozilla.AUTHENTICATION_BACKENDS = [
        *mozilla.AUTHENTICATION_BACKENDS,
        "cognito_mfa.backends.CognitoBackend",
    ]
    return mozilla


@pytest.fixture
def outside(person: Person) -> Outside:
    return Outside(person.cognito, person.pool)


def with_amr(person: Person) -> None:
    state = person.pool.state
    state.behavior = replace(state.behavior, acr_and_amr=True)


def password_alone(person: Person) -> Browser:
    """Type the password at managed login, which must be enough there; the way back is not followed yet."""
    browser = person.at_cognito()
    browser.fill_in(username="newcomer", password=PASSWORD)
    assert browser.page.status == 302, browser.text
    return browser


def another(person: Person) -> Person:
    """A browser of a user who knows the password and nothing else."""
    return Person(Client(), person.cognito, person.pool)


def assert_unproven(person: Person) -> None:
    assert PROOF not in person.client.session
    assert not person.is_in()


@pytest.mark.parametrize("amr", [False, True], ids=["no amr", "amr"])
@pytest.mark.parametrize("done", LET_IN)
def test_the_password_alone_proves_nothing_whatever_was_done_outside(
    person: Person, outside: Outside, done: Callable[[Outside], None], amr: bool
) -> None:
    """``evidence._doubt_of_enrolled``: the comparison of the factors, and of the pool's mode; with ``amr``
    ``evidence._doubt``. For a person made anew ``linking`` knows the sub."""
    if amr:
        with_amr(person)
    person.set_up_here()
    done(outside)
    thief = another(person)
    thief.come_back(password_alone(thief))
    assert_unproven(thief)


@pytest.mark.parametrize("done", LET_IN)
def test_nor_after_the_status_was_refreshed(
    person: Person, outside: Outside, done: Callable[[Outside], None]
) -> None:
    """AdminGetUserAuthFactors tells of a verified authenticator, asked for or not."""
    person.set_up_here()
    done(outside)
    status.refresh_status(CognitoIdentity.objects.get())
    thief = another(person)
    thief.come_back(password_alone(thief))
    assert_unproven(thief)


@pytest.mark.parametrize("word", ["enrolled", "everyone"])
def test_a_linked_provider_lets_a_user_in_without_a_code(
    person: Person, site: Settings, word: str
) -> None:
    """``evidence._doubt_without_amr``: the ID token names a provider; so does Cognito, when it is asked."""
    person.set_up_here()
    backend = next(iter(site.COGNITO_MFA["TRUSTED_BACKENDS"]))
    site.COGNITO_MFA = {**site.COGNITO_MFA, "TRUSTED_BACKENDS": {backend: word}}
    person.pool.link_identity("newcomer", "Google", "7")
    thief = another(person)
    thief.arrive_through("Google", "7")
    assert_unproven(thief)


def test_a_code_that_was_asked_for_goes_on_being_a_proof(person: Person, outside: Outside) -> None:
    """Also after the preference was off for a while."""
    person.set_up_here()
    elsewhere.admin_prefers_off(outside)
    outside.boto.admin_set_user_mfa_preference(**elsewhere.NAMED, **elsewhere.ON)
    person.sign_in_again()
    person.arrive_with_code()
    assert person.is_in()


def test_the_way_on_where_cognito_asked_for_no_code(person: Person, outside: Outside) -> None:
    """The page switches it on again; the next sign-in is asked, and proves."""
    person.set_up_here()
    elsewhere.admin_prefers_off(outside)
    person.sign_in_again()
    person.come_back(password_alone(person))
    again = person.start()
    assert again.url == "/account/sign-in/?again=1&next=%2Fprivate%2F"
    assert "Sign in again, and you’ll be asked" in person.text(person.get(again.url))
    person.sign_in_again()
    person.arrive_with_code()
    assert person.is_in()


class Killed(BaseException):
    """Ends the process that asked Cognito, after Cognito has done it."""


@contextmanager
def nothing_after(person: Person, end: str) -> Iterator[None]:
    """Let Cognito switch the code on, and the one who asked not write it down."""
    done = False

    def finish(answer: dict[str, Any]) -> dict[str, Any]:
        nonlocal done
        done = True
        return answer

    def statement(execute: Callable[..., Any], *given: Any) -> Any:
        if done and not given[0].startswith(("SAVEPOINT", "ROLLBACK", "RELEASE")):
            raise Killed
        return execute(*given)

    fault = faults.Truncated() if end == "the answer is lost" else faults.Edit(finish)
    for operation in set(OPERATIONS.values()):
        person.cognito.faults.on(operation, fault)
    with suppress(Killed), connection.execute_wrapper(statement):
        yield


def by_our_page(person: Person) -> None:
    person.come_back(password_alone(person))
    person.start()


def by_our_sign_in(person: Person) -> None:
    person.post(reverse("cognito_mfa:sign_in"), {"username": "newcomer", "password": PASSWORD})


def by_a_sync(_person: Person) -> None:
    CognitoIdentity.objects.update(checked_at=None)
    synchronize(Plan(rate=1000.0, set_preference=True))


HOW_IT_IS_SWITCHED_ON: dict[str, Callable[[Person], object]] = {
    "our page": by_our_page,
    "our sign-in": by_our_sign_in,
    "a sync": by_a_sync,
}
OPERATIONS = {
    "our page": "SetUserMFAPreference",
    "our sign-in": "SetUserMFAPreference",
    "a sync": "AdminSetUserMFAPreference",
}


class TestASignInThatBeganBefore:
    """A user with the password alone holds the way back, and follows it when the rows look better."""

    def test_our_page_switched_the_code_on(self, person: Person, outside: Outside) -> None:
        """``evidence._changes``: the event ``SWITCHED_ON``, which ``setup._has_authenticator`` records."""
        person.set_up_here()
        elsewhere.admin_prefers_off(outside)
        thief, second = another(person), another(person)
        held = password_alone(thief)
        second.come_back(password_alone(second))
        assert "again=1" in second.start().url
        thief.come_back(held)
        assert_unproven(thief)

    def test_our_own_sign_in_switched_the_code_on(self, person: Person, outside: Outside) -> None:
        """The same event, which ``missing_challenge.handle`` records."""
        person.set_up_here()
        elsewhere.admin_prefers_off(outside)
        thief, second = another(person), another(person)
        held = password_alone(thief)
        given = {"username": "newcomer", "password": PASSWORD}
        asked = second.post(reverse("cognito_mfa:sign_in"), given)
        assert asked.url == reverse("cognito_mfa:challenge")
        thief.come_back(held)
        assert_unproven(thief)

    @pytest.mark.parametrize("how", HOW_IT_IS_SWITCHED_ON)
    @pytest.mark.parametrize("end", ["the answer is lost", "the process is killed"])
    def test_the_code_was_switched_on_and_no_one_knows(
        self, how: str, end: str, person: Person, outside: Outside
    ) -> None:
        """``transitions.switch_on``: that it is asked for is recorded before Cognito is asked."""
        person.set_up_here()
        elsewhere.admin_prefers_off(outside)
        thief, second = another(person), another(person)
        held = password_alone(thief)
        with nothing_after(person, end):
            HOW_IT_IS_SWITCHED_ON[how](second)
        assert "SOFTWARE_TOKEN_MFA" in outside.pool.user("newcomer").enabled_factors
        CognitoIdentity.objects.update(status="ENABLED")  # as the next sync sees it
        thief.come_back(held)
        assert_unproven(thief)

    @pytest.mark.parametrize("how", HOW_IT_IS_SWITCHED_ON)
    def test_where_cognito_says_no_nothing_is_in_doubt(
        self, how: str, person: Person, outside: Outside
    ) -> None:
        person.set_up_here()
        elsewhere.admin_prefers_off(outside)
        refusal = faults.Error("InvalidParameterException")
        person.cognito.faults.on(OPERATIONS[how], refusal, times=1)
        HOW_IT_IS_SWITCHED_ON[how](another(person))
        assert person.cognito.operations().count(OPERATIONS[how]) > 0
        assert not MFAEvent.objects.filter(
            detail__startswith="switch", kind="STATUS_CHANGED"
        ).exists()

    def test_and_is_sent_to_sign_in_again_where_a_cookie_would_do(
        self, person: Person, outside: Outside
    ) -> None:
        """``evidence.changed_since``: only the second that is open may be settled by when."""
        person.set_up_here()
        elsewhere.admin_prefers_off(outside)
        thief = another(person)
        thief.cognito.clock.advance(-40)
        thief.come_back(password_alone(thief))
        assert "again=1" in thief.start().url
        thief.sign_in_again()
        held = thief.at_cognito()
        elsewhere.admin_prefers_off(outside)
        held.fill_in(
            username="newcomer", password=PASSWORD
        )  # as if by the cookie of 40 seconds ago
        outside.boto.admin_set_user_mfa_preference(**elsewhere.NAMED, **elsewhere.ON)
        thief.come_back(held)
        assert_unproven(thief)

    def test_the_owner_set_an_authenticator_up(self, person: Person) -> None:
        """``evidence._changes``: ``verified_at``."""
        thief = another(person)
        held = password_alone(thief)
        person.arrive()
        person.start()
        person.scan()
        person.confirm_setup()
        thief.come_back(held)
        assert_unproven(thief)

    def test_the_owner_replaced_a_stolen_phone(self, person: Person) -> None:
        """With ``amr``, and a code of the phone that was stolen. ``evidence._changes``: ``retired_at``."""
        with_amr(person)
        person.set_up_here()
        thief = another(person)
        thief.secret = person.secret
        held = password_and_code(thief)
        SoftwareToken.objects.get().identity.retire_token(SoftwareToken.Retired.REPLACED)
        thief.come_back(held)
        assert_unproven(thief)

    def test_an_administrator_reset_it(self, person: Person) -> None:
        """``evidence._changes``: ``requested_at``."""
        with_amr(person)
        person.set_up_here()
        thief = another(person)
        thief.secret = person.secret
        held = password_and_code(thief)
        MFAReset.objects.create(identity=CognitoIdentity.objects.get(), reason="stolen")
        thief.come_back(held)
        assert_unproven(thief)


def password_and_code(person: Person) -> Browser:
    browser = person.at_cognito()
    browser.fill_in(username="newcomer", password=PASSWORD)
    browser.fill_in(SOFTWARE_TOKEN_MFA_CODE=person.code())
    return browser


class TestASignInOfEarlier:
    """By managed login's cookie, or by a refresh token: ``auth_time`` is that of the sign-in before."""

    @pytest.mark.parametrize("seconds", [95, 3500])
    def test_proves_nothing_without_amr(self, person: Person, seconds: int) -> None:
        """``evidence._doubt_without_amr``: ``is_fresh``."""
        person.set_up_here()
        person.pass_time(seconds=86400)
        person.cognito.clock.advance(-seconds)
        person.sign_in_again()
        person.come_back(password_and_code(person))
        assert_unproven(person)
        assert person.cognito.operations() == []

    def test_proves_with_amr_and_is_no_younger(self, person: Person) -> None:
        with_amr(person)
        person.set_up_here()
        person.pass_time(seconds=86400)
        person.cognito.clock.advance(-600)
        person.sign_in_again()
        at = int(person.cognito.clock.now())
        person.come_back(password_and_code(person))
        assert person.is_in()
        assert person.client.session[PROOF]["at"] in (at, at + 1)

    def test_is_told_and_leads_to_our_own_page(self, person: Person) -> None:
        """Another sign-in there would end the same way: no one is sent round in a circle."""
        person.set_up_here()
        person.pass_time(seconds=86400)
        person.cognito.clock.advance(-600)
        person.sign_in_again()
        person.come_back(password_and_code(person))
        person.cognito.clock.advance(600)
        stopped = person.get("/private/")
        page = person.text(person.get(stopped.url))
        assert "couldn’t tell whether you entered a code" in page
        here = "/account/sign-in/?here=1&amp;next=%2Fprivate%2F"
        assert f'href="{here}"' in page

        here = here.replace("&amp;", "&")
        assert 'type="password"' in person.text(person.get(here))
        given = {"username": "newcomer", "password": PASSWORD, "next": "/private/"}
        assert person.post(here, given).url == reverse("cognito_mfa:challenge")
        person.pass_time()
        assert person.enter_code().url == "/private/"
        assert person.is_in()

    def test_our_page_takes_no_password_of_who_was_proven(self, person: Person) -> None:
        """``SignInView.dispatch``: the page is for those whom managed login cannot help."""
        person.set_up_here()
        person.sign_in_again()
        person.arrive_with_code()
        page = person.text(person.get("/account/sign-in/?here=1&again=1"))
        assert 'type="password"' not in page

    def test_new_tokens_of_a_proven_sign_in_change_nothing(
        self, person: Person, site: Settings
    ) -> None:
        """Where mozilla-django-oidc's SessionRefresh fetches them, it does not sign in again."""
        site.MIDDLEWARE = [*site.MIDDLEWARE, "mozilla_django_oidc.middleware.SessionRefresh"]
        person.set_up_here()
        person.pass_time(seconds=86400)
        person.sign_in_again()
        person.arrive_with_code()
        session = person.client.session
        at = session[PROOF]["at"] - 600
        session[PROOF] = {**session[PROOF], "at": at}
        session["oidc_id_token_expiration"] = 0
        session.save()
        sent = Browser(person.get("/private/").url)
        person.pass_time()
        person.cognito.clock.advance(at - person.cognito.clock.now() + 0.1)
        sent.fill_in(username="newcomer", password=PASSWORD)
        sent.fill_in(SOFTWARE_TOKEN_MFA_CODE=person.code())
        person.come_back(sent)
        assert person.client.session[PROOF]["at"] == at
        assert person.is_in()


class TestCognitoCannotBeAsked:
    @pytest.mark.parametrize("operation", ["GetUser", "GetUserPoolMfaConfig"])
    @pytest.mark.parametrize(
        "fault",
        [
            faults.Timeout(executed=False),
            faults.Error("AccessDeniedException", "no"),
            faults.Error("TooManyRequestsException", "slow"),
            faults.Body(b"{}"),
        ],
        ids=["silence", "not allowed", "throttled", "empty"],
    )
    def test_the_sign_in_goes_on_and_proves_nothing(
        self, person: Person, operation: str, fault: Any
    ) -> None:
        """``login.on_signed_in``: the except."""
        person.set_up_here()
        person.sign_in_again()
        person.cognito.faults.on(operation, fault, times=9)
        assert person.arrive_with_code().url == "/private/"
        assert "_auth_user_id" in person.client.session
        assert_unproven(person)

    def test_the_way_on_is_our_own_page(self, person: Person) -> None:
        """Where the site's AWS credentials may not look at the pool, it will be the same next time."""
        person.set_up_here()
        person.sign_in_again()
        refusal = faults.Error("AccessDeniedException", "no")
        person.cognito.faults.on("GetUserPoolMfaConfig", refusal, times=99)
        person.arrive_with_code()
        again = person.start()
        page = person.text(person.get(again.url))
        assert "couldn’t tell whether you entered a code" in page
        assert "here=1" in page

    def test_a_token_without_the_scope_proves_nothing(self, person: Person, site: Settings) -> None:
        person.set_up_here()
        person.sign_in_again()
        site.OIDC_RP_SCOPES = "openid email"
        person.arrive_with_code()
        assert_unproven(person)


class TestEveryone:
    """The word for a pool that requires MFA."""

    @pytest.fixture
    def pool(self, cognito: LocalCognito) -> Any:
        return make_pool(cognito, mfa="ON")

    @pytest.fixture(autouse=True)
    def declared(self, site: Settings) -> None:
        backend = next(iter(site.COGNITO_MFA["TRUSTED_BACKENDS"]))
        site.COGNITO_MFA = {**site.COGNITO_MFA, "TRUSTED_BACKENDS": {backend: "everyone"}}

    @pytest.mark.parametrize(
        "done", [elsewhere.the_pool_turns_mfa_off, elsewhere.the_pool_is_updated_without_mfa]
    )
    def test_the_pool_no_longer_does(
        self, person: Person, outside: Outside, done: Callable[[Outside], None]
    ) -> None:
        """``evidence._doubt_of_everyone``: the comparison of the mode."""
        done(outside)
        person.come_back(password_alone(person))
        assert_unproven(person)

    def test_the_pool_only_offers_it(self, person: Person, outside: Outside) -> None:
        on = {"SoftwareTokenMfaConfiguration": {"Enabled": True}}
        outside.boto.set_user_pool_mfa_config(
            UserPoolId=person.pool.id, MfaConfiguration="OPTIONAL", **on
        )
        person.come_back(password_alone(person))
        assert_unproven(person)

    def test_the_first_tokens_after_a_sign_up(self, person: Person) -> None:
        """Given without a second factor, says one page of AWS's documentation. ``_doubt_of_everyone``: the
        comparison of the factors."""
        state = person.pool.state
        state.behavior = replace(state.behavior, tokens_before_first_setup=True)
        person.pool.user("newcomer").signed_up = True
        person.come_back(password_alone(person))
        assert_unproven(person)

    def test_a_code_that_was_asked_for_is_a_proof(self, person: Person) -> None:
        person.secret = person.pool.register_software_token("newcomer")
        person.arrive_with_code()
        assert person.is_in()

    def test_the_pool_cannot_be_asked(self, person: Person) -> None:
        person.secret = person.pool.register_software_token("newcomer")
        refusal = faults.Error("AccessDeniedException", "no")
        person.cognito.faults.on("GetUserPoolMfaConfig", refusal, times=9)
        person.arrive_with_code()
        assert_unproven(person)


def test_a_backend_that_is_only_listed_proves_nothing_beside_a_token_provider(
    person: Person, site: Settings
) -> None:
    """``Conf.trust_in``: which word is meant, no one said."""
    person.set_up_here()
    backend = next(iter(site.COGNITO_MFA["TRUSTED_BACKENDS"]))
    site.COGNITO_MFA = {**site.COGNITO_MFA, "TRUSTED_BACKENDS": [backend]}
    other = another(person)
    other.secret = person.secret
    other.arrive_with_code()
    assert_unproven(other)


def test_what_was_kept_for_one_user_is_not_given_out_for_another(person: Person) -> None:
    """``tokens.load``: the comparison of the user."""
    from cognito_mfa.managed_login import load

    person.arrive()
    request: Any = person.get("/account/setup/").wsgi_request
    assert load(request) is not None
    request.user = get_user_model()(pk=request.user.pk + 1)
    assert load(request) is None


def test_no_event_of_a_code_where_none_was_answered(person: Person, outside: Outside) -> None:
    person.set_up_here()
    elsewhere.admin_prefers_off(outside)
    before = MFAEvent.objects.filter(kind="SIGNED_IN").count()
    thief = another(person)
    thief.come_back(password_alone(thief))
    assert MFAEvent.objects.filter(kind="SIGNED_IN").count() == before
