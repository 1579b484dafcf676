"""Journey: people of mozilla-django-oidc, who sign in at the pool's own pages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken
from tests.local.browser import Browser
from tests.other_sign_ins.person import Person
from tests.visitor import POOL_ID

Status = CognitoIdentity.Status
SET_UP = "/account/setup/?next=%2Fprivate%2F"


@pytest.fixture(autouse=True)
def site(mozilla: Settings) -> Settings:
    return mozilla


@pytest.fixture(params=["ours", "theirs"])
def either_backend(request: pytest.FixtureRequest, site: Settings) -> None:
    """The same with the package's own backend, which keeps tokens in clear if told to."""
    if request.param == "theirs":
        backend = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"
        site.AUTHENTICATION_BACKENDS = [backend]
        site.OIDC_STORE_ACCESS_TOKEN = site.OIDC_STORE_ID_TOKEN = True
        site.COGNITO_MFA = {**site.COGNITO_MFA, "TRUSTED_BACKENDS": {backend: "enrolled"}}


@pytest.mark.usefixtures("either_backend")
def test_a_person_sets_up_here_and_is_asked_there_from_then_on(person: Person) -> None:
    assert person.arrive().url == "/private/"
    stopped = person.get("/private/")
    assert stopped.url == SET_UP
    page = person.text(person.get(stopped.url))
    assert "You’re signed in as" in page
    assert 'name="password"' not in page
    assert person.cognito.operations() == []

    assert person.start().url == reverse("cognito_mfa:setup")
    secret = person.scan()
    wrong = person.confirm_setup(person.wrong_code())
    assert "didn’t work" in person.text(wrong)
    assert person.scan() == secret
    done = person.confirm_setup(friendly_name="Work phone")
    assert done.url == "/account/setup/done/?next=%2Fprivate%2F"
    assert 'href="/private/"' in person.text(person.get(done.url))
    assert person.is_in()
    assert person.cognito.operations() == [
        "GetUser",
        "SetUserMFAPreference",
        "AssociateSoftwareToken",
        "VerifySoftwareToken",
        "VerifySoftwareToken",
        "SetUserMFAPreference",
    ]
    identity = CognitoIdentity.objects.get()
    assert (identity.status, identity.username) == (Status.ENABLED, "newcomer")
    assert (identity.email, identity.user) == (
        "newcomer@example.com",
        get_user_model().objects.get(),
    )

    person.pass_time()
    assert person.sign_in_again().url == "/oidc/authenticate/?next=%2Fprivate%2F"
    assert not person.is_in()
    assert person.arrive_with_code().url == "/private/"
    assert person.is_in()
    assert person.cognito.operations() == ["GetUser", "GetUserPoolMfaConfig"]
    token = SoftwareToken.objects.get()
    assert (token.friendly_name, token.last_used_at is not None) == ("Work phone", True)
    signed_in = MFAEvent.objects.filter(kind=MFAEvent.Kind.SIGNED_IN)
    assert signed_in[0].detail == "MANAGED_LOGIN"


@pytest.mark.usefixtures("either_backend")
def test_the_sign_in_of_the_package_stays_the_one_in_force(person: Person, site: Settings) -> None:
    """Its own middleware asks for the backend; and the setup changes the session's key."""
    person.arrive()
    backend, key = person.client.session["_auth_user_backend"], person.client.session.session_key
    person.start()
    person.scan()
    person.confirm_setup()
    session = person.client.session
    assert session["_auth_user_backend"] == backend == site.AUTHENTICATION_BACKENDS[0]
    assert session.session_key != key


def test_tokens_are_kept_encrypted_until_the_set_up_is_done(person: Person) -> None:
    person.arrive()
    raw = str(dict(person.client.session.items()))
    assert "_cognito_mfa_token" in raw
    assert ".eyJ" not in raw  # in every token, and by chance in no text that is encrypted
    person.start()
    person.scan()
    person.confirm_setup()
    assert "_cognito_mfa_token" not in person.client.session


def test_a_sign_in_without_a_code_proves_nothing(person: Person) -> None:
    """The pool leaves MFA optional, so that a person who has none is never asked."""
    person.arrive()
    assert not person.is_in()
    assert CognitoIdentity.objects.get().status == Status.UNKNOWN


def test_an_earlier_sign_in_does_not_become_one_with_a_code(person: Person) -> None:
    """A user with the password alone signed in before the authenticator counted, and kept the token."""
    person.set_up_here()
    other = Person(type(person.client)(), person.cognito, person.pool)
    browser = other.at_cognito()
    SoftwareToken.objects.update(verified_at="2999-01-01T00:00:00Z")
    browser.fill_in(username="newcomer", password="Correct-Horse-7")
    browser.fill_in(SOFTWARE_TOKEN_MFA_CODE=person.code())
    other.come_back(browser)
    assert not other.is_in()


def test_an_authenticator_from_elsewhere_is_found_and_asked_for(person: Person) -> None:
    """Set up in another application of the same pool: nothing is replaced."""
    person.secret = person.pool.register_software_token("newcomer")
    person.arrive_with_code()
    assert not person.is_in()
    again = person.start()
    assert again.url == "/account/sign-in/?again=1&next=%2Fprivate%2F"
    assert "already set up an authenticator app" in person.text(person.get(again.url))
    assert "AssociateSoftwareToken" not in person.cognito.operations()

    person.pass_time()
    person.sign_in_again()
    person.arrive_with_code()
    assert person.is_in()


def test_a_preference_that_was_lost_is_made_good(person: Person) -> None:
    """The token is verified, but an OPTIONAL pool does not ask for it without a preference."""
    person.cognito.faults.on("SetUserMFAPreference", faults.Timeout(executed=False), times=6)
    person.arrive()
    person.cognito.faults.clear()
    person.start()
    person.cognito.faults.on("SetUserMFAPreference", faults.Timeout(executed=False), times=3)
    person.scan()
    person.confirm_setup()
    assert person.is_in()
    assert CognitoIdentity.objects.get().status == Status.UNKNOWN
    person.cognito.faults.clear()
    person.pass_time()
    person.sign_in_again()

    person.arrive()
    assert not person.is_in()
    assert "again=1" in person.start().url
    person.sign_in_again()
    person.arrive_with_code()
    assert person.is_in()
    assert SoftwareToken.objects.count() == 1


def test_a_token_without_the_scope_gets_a_clear_page(
    person: Person, site: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    site.OIDC_RP_SCOPES = "openid email"
    person.arrive()
    for response in (person.get(SET_UP), person.start()):
        assert response.answered == 503
        page = person.text(response)
        assert "doesn’t have permission to set up two-step verification" in page
        assert "aws.cognito" not in page
    assert caplog.text.count("Allow the scope aws.cognito.signin.user.admin") == 2
    assert person.cognito.operations() == ["GetUser"]
    assert not person.is_in()


@pytest.mark.parametrize("minutes", [16, 10 * 60])
def test_an_old_sign_in_must_be_made_again_first(person: Person, minutes: int) -> None:
    person.cognito.clock.advance(-60 * minutes)
    person.arrive()
    assert "Your last sign-in was too long ago" in person.text(person.get(SET_UP))
    assert "again=1" in person.start().url
    assert person.cognito.operations() == []


def test_a_session_without_token_must_be_made_again_too(person: Person) -> None:
    person.arrive()
    session = person.client.session
    del session["_cognito_mfa_token"]
    session.save()
    assert "Sign in again" in person.text(person.get(SET_UP))
    assert "again=1" in person.start().url


def test_what_cognito_refuses_while_a_set_up_is_open_leads_to_a_new_beginning(
    person: Person,
) -> None:
    person.arrive()
    person.start()
    person.scan()
    person.pool.state.families.clear()
    lost = person.confirm_setup()
    assert lost.url.startswith("/account/sign-in/?again=1")
    assert "Please sign in again" in person.text(person.get(lost.url))


def test_breaking_off_changes_nothing(person: Person) -> None:
    person.arrive()
    person.start()
    person.scan()
    left = person.post(reverse("cognito_mfa:setup_cancel"))
    assert "canceled" in person.text(person.get(left.url, follow=True))
    assert person.pool.user("newcomer").software_token is None
    assert person.start().url == reverse("cognito_mfa:setup")


def test_a_failing_cognito_is_a_page_to_try_again_from(person: Person) -> None:
    person.arrive()
    person.cognito.faults.on("GetUser", faults.Timeout(executed=False), times=3)
    response = person.start()
    assert (response.answered, response.retry_after) == (503, "30")
    assert "Start" in person.text(response)
    assert person.start().url == reverse("cognito_mfa:setup")


def test_no_one_is_ever_asked_for_a_password_here(person: Person) -> None:
    person.set_up_here()
    for path in ("sign_in", "device_replace", "device_remove"):
        page = person.text(person.get(reverse(f"cognito_mfa:{path}") + "?again=1"))
        assert 'type="password"' not in page
    given = {"username": "newcomer", "password": "Correct-Horse-7"}
    assert person.post(reverse("cognito_mfa:sign_in"), given).url == "/oidc/authenticate/"
    assert person.cognito.operations() == []


def test_a_password_is_changed_where_the_person_signs_in(person: Person) -> None:
    person.set_up_here()
    assert "password" not in person.text(person.get(reverse("cognito_mfa:device"))).lower()
    for path in ("password_change", "password_change_confirm"):
        assert person.get(reverse(f"cognito_mfa:{path}")).status_code == 404
    assert person.cognito.operations() == []


@pytest.mark.usefixtures("either_backend")
def test_the_packages_middleware_may_renew_the_token_before_the_set_up(
    person: Person, site: Settings
) -> None:
    """Its way leads past the gate, or the two would send people around in a circle."""
    site.MIDDLEWARE = [*site.MIDDLEWARE, "mozilla_django_oidc.middleware.SessionRefresh"]
    person.arrive()
    session = person.client.session
    session["oidc_id_token_expiration"] = 0
    session.save()
    sent = person.get(SET_UP)
    assert "/oauth2/authorize?" in sent.url
    browser = Browser(sent.url)
    browser.fill_in(username="newcomer", password="Correct-Horse-7")
    assert person.come_back(browser).url == SET_UP
    assert person.start().url == reverse("cognito_mfa:setup")
    person.scan()
    person.confirm_setup()
    assert person.is_in()


class TestReplacing:
    def test_right_after_a_sign_in_with_a_code(self, person: Person) -> None:
        person.set_up_here()
        person.sign_in_again()
        person.arrive_with_code()
        person.pass_time()

        started = person.post(reverse("cognito_mfa:device_replace"))
        assert started.url == reverse("cognito_mfa:setup")
        old = person.secret
        person.scan()
        done = person.confirm_setup(friendly_name="New phone")
        assert done.url == reverse("cognito_mfa:setup_done")
        assert person.is_in()
        assert person.secret != old
        names = SoftwareToken.objects.filter(retired_at=None).values_list("friendly_name")
        assert list(names) == [("New phone",)]

    def test_not_with_an_older_one(self, person: Person, site: Settings) -> None:
        person.set_up_here()
        person.sign_in_again()
        person.arrive_with_code()
        session = person.client.session
        proof: Any = session["_cognito_mfa_proof"]
        session["_cognito_mfa_proof"] = {**proof, "at": proof["at"] - 301}
        session.save()
        person.cognito.forget_calls()
        refused = person.post(reverse("cognito_mfa:device_replace"))
        assert refused.url.startswith(
            "/account/sign-in/?again=1&next=%2Faccount%2Fdevice%2Freplace"
        )
        assert person.cognito.operations() == []

    def test_not_with_the_token_of_the_set_up(self, person: Person) -> None:
        person.set_up_here()
        refused = person.post(reverse("cognito_mfa:device_replace"))
        assert "again=1" in refused.url

    def test_removing_where_the_site_allows_it(self, person: Person, site: Settings) -> None:
        person.set_up_here()
        person.sign_in_again()
        person.arrive_with_code()
        site.COGNITO_MFA = {**site.COGNITO_MFA, "ALLOW_REMOVE": True, "REQUIRED": False}
        removed = person.post(reverse("cognito_mfa:device_remove"))
        assert removed.url == reverse("cognito_mfa:device")
        assert CognitoIdentity.objects.get().status == Status.NOT_SET_UP
        assert person.get("/private/").status_code == 200
        backend = person.client.session["_auth_user_backend"]
        assert backend == site.AUTHENTICATION_BACKENDS[0]


def test_a_reset_ends_the_proof_of_a_sign_in_elsewhere(person: Person) -> None:
    person.set_up_here()
    person.sign_in_again()
    person.arrive_with_code()
    assert person.is_in()
    CognitoIdentity.objects.get().invalidate_proofs()
    assert not person.is_in()


@pytest.mark.parametrize("with_app", [True, False])
def test_signing_out_elsewhere_needs_no_password_here(
    person: Person, site: Settings, with_app: bool
) -> None:
    """``managed_login.start_setup``: with the token of a recent sign-in, or with the site's AWS keys after a code."""
    site.COGNITO_MFA = {**site.COGNITO_MFA, "REQUIRED": False, "RECOVERY_CODES": True}
    other = Person(Client(), person.cognito, person.pool)
    if with_app:
        person.set_up_here()
        other.secret = person.secret
        other.arrive_with_code()
        person.pass_time()
    else:
        person.arrive()
        other.arrive()
    assert other.is_in()
    url = reverse("cognito_mfa:sign_out_elsewhere")
    assert 'name="password"' not in person.text(person.get(url))
    person.cognito.forget_calls()
    assert person.post(url).url == reverse("cognito_mfa:device")
    page = person.text(person.get(reverse("cognito_mfa:device")))
    assert "signed out everywhere else" in page
    assert "ecovery code" not in page, "which Cognito's own pages do not accept"
    revoked = "AdminUserGlobalSignOut" if with_app else "GlobalSignOut"
    assert revoked in person.cognito.operations()
    assert person.is_in()
    assert not other.is_in()


def test_a_proof_is_as_old_as_the_sign_in_at_cognito(person: Person, site: Settings) -> None:
    """Coming back by a cookie for ever makes no proof young."""
    state = person.pool.state
    state.behavior = replace(state.behavior, acr_and_amr=True)
    person.set_up_here()
    person.pass_time(seconds=86400)
    person.sign_in_again()
    site.COGNITO_MFA = {**site.COGNITO_MFA, "PROOF_MAX_AGE": 3600}
    person.cognito.clock.advance(-3660)
    at = int(person.cognito.clock.now())
    browser = person.at_cognito()
    browser.fill_in(username="newcomer", password="Correct-Horse-7")
    browser.fill_in(SOFTWARE_TOKEN_MFA_CODE=person.code())
    person.come_back(browser)
    assert person.client.session["_cognito_mfa_proof"]["at"] in (at, at + 1)
    assert not person.is_in()


class TestAPoolThatRequiresMFA:
    @pytest.fixture
    def pool(self, cognito: LocalCognito) -> Any:
        from tests.other_sign_ins.conftest import make_pool

        return make_pool(cognito, mfa="ON")

    @pytest.fixture
    def declared(self, site: Settings) -> None:
        backend = site.AUTHENTICATION_BACKENDS[0]
        site.COGNITO_MFA = {**site.COGNITO_MFA, "TRUSTED_BACKENDS": {backend: "everyone"}}

    def arrive_with_set_up(self, person: Person) -> None:
        browser = person.at_cognito()
        browser.fill_in(username="newcomer", password="Correct-Horse-7")
        person.secret = browser.key
        browser.fill_in(code=person.code())
        person.come_back(browser)

    @pytest.mark.usefixtures("declared")
    def test_declared_every_sign_in_is_a_proof(self, person: Person) -> None:
        self.arrive_with_set_up(person)
        assert person.is_in()
        assert person.cognito.operations() == [
            "GetUserPoolMfaConfig",
            "GetUser",
            "GetUserAuthFactors",
        ]
        assert CognitoIdentity.objects.get().status == Status.UNKNOWN

    def test_undeclared_it_costs_one_more_sign_in(self, person: Person) -> None:
        self.arrive_with_set_up(person)
        assert not person.is_in()
        assert "again=1" in person.start().url
        person.pass_time()
        person.sign_in_again()
        person.arrive_with_code()
        assert person.is_in()

    @pytest.mark.usefixtures("declared")
    def test_a_provider_is_asked_for_nothing_there_either(self, person: Person) -> None:
        """Cognito asks federated users for no MFA, whatever the pool says."""
        person.arrive_through("Google")
        assert not person.is_in()


class TestPeopleOfProviders:
    def test_are_stopped_with_a_clear_page(self, person: Person) -> None:
        person.arrive_through("Google")
        stopped = person.get("/private/")
        assert stopped.url == SET_UP
        for response in (person.get(SET_UP), person.start()):
            assert response.answered == 403
            assert "can only be set up there" in person.text(response)
        assert "Google" in person.text(person.get(SET_UP))
        assert "AssociateSoftwareToken" not in person.cognito.operations()
        script = person.get("/private/", headers={"Accept": "application/json"})
        assert script.json()["code"] == "mfa_required"

    def test_are_let_in_where_the_site_says_so(self, person: Person, site: Settings) -> None:
        site.COGNITO_MFA = {**site.COGNITO_MFA, "FEDERATED": "exempt"}
        person.arrive_through("Google")
        assert person.is_in()
        assert person.get("/async-private/").status_code == 200
        person.sign_in_again()
        person.arrive()
        assert not person.is_in()

    @pytest.mark.parametrize("word", ["block", "exempt"])
    def test_who_has_a_provider_linked_is_not_taken_for_one(
        self, person: Person, site: Settings, word: str
    ) -> None:
        """No one can tell whether the password and a code, or the provider, let such a person in."""
        site.COGNITO_MFA = {**site.COGNITO_MFA, "FEDERATED": word}
        person.set_up_here()
        person.pool.link_identity("newcomer", "Google", "7")
        person.sign_in_again()
        person.arrive_through("Google", "7")
        assert not person.is_in()
        person.sign_in_again()
        person.arrive_with_code()
        assert not person.is_in()
        assert "can’t see which one" in person.text(person.start())

    def test_unless_the_tokens_say_how(self, person: Person) -> None:
        state = person.pool.state
        state.behavior = replace(state.behavior, acr_and_amr=True)
        person.pool.link_identity("newcomer", "Google", "7")
        person.set_up_here()
        person.sign_in_again()
        person.arrive_through("Google", "7")
        assert not person.is_in()
        person.sign_in_again()
        person.arrive_with_code()
        assert person.is_in()


def test_a_name_that_looks_like_a_providers_is_not_one(person: Person, site: Settings) -> None:
    """A stranger who may choose a name must not choose an exemption."""
    site.COGNITO_MFA = {**site.COGNITO_MFA, "FEDERATED": "exempt"}
    attributes = {"email": "google@example.com", "email_verified": "true"}
    person.pool.create_user("Google_1138", password="Correct-Horse-7", attributes=attributes)
    person.arrive("Google_1138")
    assert not person.is_in()


def test_nor_is_one_that_has_the_provider_linked(person: Person, site: Settings) -> None:
    """``Provider.made_account``: it has a password, and the provider was linked to it later."""
    site.COGNITO_MFA = {**site.COGNITO_MFA, "FEDERATED": "exempt"}
    person.pool.create_user("Google_mallory", password="Correct-Horse-7")
    person.pool.link_identity("Google_mallory", "Google", "1138")
    person.arrive("Google_mallory")
    assert not person.is_in()


def put_into_editors(person: Person) -> None:
    boto, user = person.cognito.client(), {"UserPoolId": POOL_ID, "Username": "newcomer"}
    boto.create_group(UserPoolId=POOL_ID, GroupName="editors")
    boto.admin_add_user_to_group(**user, GroupName="editors")
    Group.objects.create(name="Editors")


@pytest.mark.usefixtures("either_backend")
def test_claims_and_groups_are_written_here_too_and_once(person: Person, site: Settings) -> None:
    """mozilla/mozilla-django-oidc#207, #351, #384, #538."""
    calls = []
    site.COGNITO_MFA = {
        **site.COGNITO_MFA,
        "USER_FIELDS": {"email": "last_name"},
        "GROUPS": {"editors": "Editors"},
        "USER_UPDATER": lambda user, person, *, request: calls.append(person.email),
    }
    put_into_editors(person)
    assert person.arrive().url == "/private/"
    user = CognitoIdentity.objects.get().user
    assert user.last_name == "newcomer@example.com"
    assert [group.name for group in user.groups.all()] == ["Editors"]
    assert calls == ["newcomer@example.com"]


def test_a_function_of_the_sites_that_fails_signs_no_one_in(person: Person, site: Settings) -> None:
    def fail(user: Any, person: Any, *, request: Any) -> None:
        raise RuntimeError

    site.COGNITO_MFA = {**site.COGNITO_MFA, "USER_UPDATER": fail}
    person.arrive()
    assert "_auth_user_id" not in person.client.session
    assert MFAEvent.objects.get(kind="SIGN_IN_REFUSED").reason == "updater_failed"
