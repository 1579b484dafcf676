"""Managed login and what is behind it: /oauth2/authorize, /oauth2/token, /oauth2/userInfo, /logout."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt  # noqa: TID253
import pyotp
import pytest

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.managed_login.pages import CODE_KEYS
from cognito_mfa.local.managed_login.qr_code import otpauth_link, svg
from cognito_mfa.local.pool import LocalPool
from tests.local.browser import FORM, Browser
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID
from tests.local.raw import Response, request
from tests.local.web_client import CALLBACK, CHALLENGE, SELF_SERVICE, VERIFIER, WEB, Site

SECRET = "clientsecretclientsecretclientsecret"
ANOTHER_CLIENT, CLIENT_OF_ANOTHER_POOL = "anotherclient0000000000000", "strangeclient0000000000000"
STEPS = [*CODE_KEYS, "MFA_SETUP", "", "password", "provider", "CUSTOM_CHALLENGE", "<script>"]
FIELDS = [*CODE_KEYS.values(), "code", "username", "password"]
INVALID_REQUEST = {"error": "invalid_request"}
INVALID_SCOPE = {"error": "invalid_request", "error_description": "invalid_scope"}


@pytest.fixture
def site(cognito: LocalCognito) -> Iterator[Site]:
    with cognito.serve() as server:
        yield Site(server.url)


def pool_of(cognito: LocalCognito, *, secret: str | None = None, **settings: Any) -> LocalPool:
    pool = cognito.create_pool(POOL_ID, **settings)
    pool.create_client(CLIENT_ID, secret=secret, settings=WEB)
    attributes = {"email": "newcomer@example.com", "email_verified": "true", "name": "New"}
    pool.create_user("newcomer", password=PASSWORD, attributes=attributes)
    pool.create_user("regular", password=PASSWORD)
    pool.register_software_token("regular", friendly_name="Old phone")
    return pool


@pytest.fixture
def web_pool(cognito: LocalCognito) -> LocalPool:
    return pool_of(cognito, mfa="OPTIONAL")


def claims(token: str) -> dict[str, Any]:
    decoded: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return decoded


class TestSigningIn:
    def test_a_password_leads_back_with_code_and_state(
        self, site: Site, web_pool: LocalPool
    ) -> None:
        browser = site.open(login_hint="newcomer")
        assert 'name="username" value="newcomer"' in browser.text
        assert "no-store" in browser.page.headers["cache-control"]
        browser.fill_in(password=PASSWORD)
        assert browser.sent_back_to.startswith(CALLBACK + "?")
        assert set(browser.answer) == {"code", "state"}
        assert browser.answer["state"] == "as it was"

    def test_a_wrong_password_shows_the_form_again(self, site: Site, web_pool: LocalPool) -> None:
        browser = site.open()
        browser.fill_in(username="newcomer", password="Wrong-Horse-7")
        assert "Incorrect username or password." in browser.text
        assert "Wrong-Horse-7" not in browser.text
        browser.fill_in(username="newcomer", password=PASSWORD)
        assert "code" in browser.answer

    def test_an_optional_pool_asks_only_users_with_an_authenticator(
        self, site: Site, web_pool: LocalPool
    ) -> None:
        assert site.code("newcomer")
        browser = site.open()
        browser.fill_in(username="regular", password=PASSWORD)
        assert "Old phone" in browser.text
        browser.fill_in(SOFTWARE_TOKEN_MFA_CODE="000000")
        assert "Invalid code received for user" in browser.text
        browser.fill_in(SOFTWARE_TOKEN_MFA_CODE=web_pool.code_for("regular"))
        assert "code" in browser.answer

    def test_a_pool_that_requires_mfa_leads_through_the_set_up(
        self, cognito: LocalCognito, site: Site
    ) -> None:
        pool = pool_of(cognito, mfa="ON")
        browser = site.open()
        browser.fill_in(username="newcomer", password=PASSWORD)
        key = browser.key
        assert '<svg role="img" aria-label="QR code"' in browser.text
        link = f"otpauth://totp/local:newcomer?secret={key}&amp;issuer=local"
        assert f'<a href="{link}">' in browser.text
        browser.fill_in(code="000000")
        assert "Code mismatch" in browser.text
        assert browser.key == key
        browser.fill_in(code=pyotp.TOTP(key).at(int(cognito.clock.now())))
        assert "code" in browser.answer
        assert pool.user("newcomer").software_token is not None

    def test_an_invited_person_chooses_a_password_first(
        self, site: Site, web_pool: LocalPool
    ) -> None:
        web_pool.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
        browser = site.open()
        browser.fill_in(username="invited", password=PASSWORD)
        browser.fill_in(NEW_PASSWORD="short")
        assert "Password not long enough" in browser.text
        browser.fill_in(NEW_PASSWORD="My-own-Horse-8")
        assert "code" in browser.answer

    def test_a_session_of_another_step_is_not_taken(self, site: Site, web_pool: LocalPool) -> None:
        """The step is in the form; what counts is the session."""
        browser = site.open()
        browser.fill_in(username="regular", password=PASSWORD)
        browser.page = Response(
            200, {}, browser.page.body.replace(b'"SOFTWARE_TOKEN_MFA"', b'"MFA_SETUP"')
            .replace(b"SOFTWARE_TOKEN_MFA_CODE", b"code"),
        )  # fmt: skip
        browser.fill_in(code=web_pool.code_for("regular"))
        assert browser.page.status == 400
        assert "Invalid session for the user." in browser.text

    @pytest.mark.parametrize("username", ["newcomer", "regular"])
    @pytest.mark.parametrize("client", [CLIENT_ID, ANOTHER_CLIENT, CLIENT_OF_ANOTHER_POOL])
    def test_no_session_is_taken_at_another_step_or_by_another_client(
        self, cognito: LocalCognito, site: Site, username: str, client: str
    ) -> None:
        """``sign_in.live_session``: each form names a session and a step, and any text may be in either."""
        pool = pool_of(cognito, mfa="ON")
        pool.create_client(ANOTHER_CLIENT, settings=WEB)
        other = cognito.create_pool("us-east-1_Another00", mfa="ON")
        other.create_client(CLIENT_OF_ANOTHER_POOL, settings=WEB)
        for step in STEPS:
            begun = site.open()
            begun.fill_in(username=username, password=PASSWORD)
            found = re.search(r'name="session" value="([^"]+)"', begun.text)
            assert found
            key = re.search(r"Setup key: <code>(\w+)", begun.text)
            browser = site.open(client_id=client)
            browser.page = browser._ask(
                "POST", urlencode({"step": step, "session": found[1], **dict.fromkeys(FIELDS, "1")})
            )
            assert browser.page.status == 400, (step, browser.text)
            assert "<script" not in browser.text
            shows_key = key is not None and key[1] in browser.text
            assert shows_key is (step == "MFA_SETUP" and key is not None and client == CLIENT_ID)

    def test_a_provider_makes_its_people_and_no_one_asks_for_a_code(
        self, cognito: LocalCognito, site: Site
    ) -> None:
        """Cognito asks federated users for no MFA, not even in an ON pool."""
        pool = pool_of(cognito, mfa="ON")
        pool.create_identity_provider("Google", provider_type="Google")
        for _visit in range(2):
            browser = site.open(identity_provider="Google")
            browser.fill_in(subject="1138", email="someone@example.com")
            tokens = site.exchange(browser.answer["code"]).json()
        assert pool.user("Google_1138").status == "EXTERNAL_PROVIDER"
        assert claims(tokens["access_token"])["username"] == "Google_1138"
        told = claims(tokens["id_token"])["identities"]
        assert [(one["providerName"], one["userId"]) for one in told] == [("Google", "1138")]
        info = site.user_info(tokens["access_token"]).json()
        assert json.loads(info["identities"])[0]["providerName"] == "Google"

    def test_a_linked_provider_signs_in_as_the_pools_own_user(
        self, site: Site, web_pool: LocalPool
    ) -> None:
        web_pool.link_identity("regular", "Google", "7")
        browser = site.open(identity_provider="Google")
        browser.fill_in(subject="7")
        tokens = site.exchange(browser.answer["code"]).json()
        assert claims(tokens["access_token"])["username"] == "regular"

    def test_acr_and_amr_say_how(self, cognito: LocalCognito, site: Site) -> None:
        pool = pool_of(cognito, mfa="OPTIONAL", behavior=Behavior(acr_and_amr=True))
        assert claims(site.tokens()["access_token"])["amr"] == ["pwd"]
        browser = site.open()
        browser.fill_in(username="regular", password=PASSWORD)
        browser.fill_in(SOFTWARE_TOKEN_MFA_CODE=pool.code_for("regular"))
        tokens = site.exchange(browser.answer["code"]).json()
        assert claims(tokens["id_token"])["amr"] == ["pwd", "otp", "mfa"]


class TestTheRequest:
    @pytest.mark.parametrize(
        "changes",
        [
            {"client_id": "unknown"},
            {"redirect_uri": "https://evil.example/callback"},
            {"redirect_uri": CALLBACK + "/"},
            {"redirect_uri": None},
        ],
    )
    def test_no_one_is_sent_to_an_address_that_is_not_registered(
        self, site: Site, web_pool: LocalPool, changes: dict[str, str | None]
    ) -> None:
        browser = site.open(**changes)
        assert browser.page.status == 400
        assert "location" not in browser.page.headers

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"scope": "openid nonsense"}, INVALID_SCOPE),
            ({"scope": "openid phone"}, INVALID_SCOPE),
            ({"scope": "email profile"}, INVALID_SCOPE),
            ({"response_type": "id_token"}, INVALID_REQUEST),
            ({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, INVALID_REQUEST),
            ({"code_challenge": CHALLENGE}, INVALID_REQUEST),
            ({"code_challenge_method": "S256"}, INVALID_REQUEST),
            ({"code_challenge": "x" * 42, "code_challenge_method": "S256"}, INVALID_REQUEST),
            ({"code_challenge": "x" * 42 + "=", "code_challenge_method": "S256"}, INVALID_REQUEST),
            ({"resource": "api"}, INVALID_REQUEST),
            ({"resource": "http://api.example"}, INVALID_REQUEST),
            ({"resource": "https://api.example/#part"}, INVALID_REQUEST),
        ],
    )
    def test_other_mistakes_are_told_to_the_client(
        self, site: Site, web_pool: LocalPool, changes: dict[str, str], error: dict[str, str]
    ) -> None:
        assert site.open(**changes).answer == {**error, "state": "as it was"}

    @pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
    def test_no_one_is_sent_to_one_of_two_addresses(
        self, site: Site, web_pool: LocalPool, name: str
    ) -> None:
        browser = Browser(f"{site.open().url}&{name}=x")
        assert (browser.page.status, "location" in browser.page.headers) == (400, False)

    @pytest.mark.parametrize("name", ["scope", "state", "response_type", "nonce"])
    def test_a_parameter_comes_once(self, site: Site, web_pool: LocalPool, name: str) -> None:
        browser = Browser(f"{site.open(nonce='1').url}&{name}=x")
        assert browser.answer == {**INVALID_REQUEST, "state": "as it was"}

    def test_a_client_without_the_flow_gets_no_code(
        self, site: Site, cognito: LocalCognito, pool: LocalPool
    ) -> None:
        pool.state.clients[CLIENT_ID].settings["CallbackURLs"] = [CALLBACK]
        assert site.open().answer["error"] == "unauthorized_client"

    @pytest.mark.parametrize(
        "resource", ["https://api.example/v1", "http://localhost:8000", "shop://orders"]
    )
    def test_an_access_token_is_for_the_resource(
        self, site: Site, web_pool: LocalPool, boto: Any, resource: str
    ) -> None:
        tokens = site.tokens(resource=resource)
        given = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        for bound in (tokens, site.exchange("", **given).json()):
            assert claims(bound["access_token"])["aud"] == resource
            assert claims(bound["id_token"])["aud"] == CLIENT_ID
            boto.get_user(AccessToken=bound["access_token"])

    def test_without_a_scope_all_of_the_clients_are_given(
        self, site: Site, web_pool: LocalPool
    ) -> None:
        token = site.tokens(scope=None)["access_token"]
        assert claims(token)["scope"].split() == WEB["AllowedOAuthScopes"]


class TestTheCode:
    def test_it_is_good_once(self, site: Site, web_pool: LocalPool) -> None:
        code = site.code()
        assert site.exchange(code).status == 200
        again = site.exchange(code)
        assert (again.status, again.json()) == (400, {"error": "invalid_grant"})

    @pytest.mark.parametrize(("seconds", "status"), [(299, 200), (300, 400)])
    def test_it_is_good_for_five_minutes(
        self, cognito: LocalCognito, site: Site, web_pool: LocalPool, seconds: int, status: int
    ) -> None:
        code = site.code()
        cognito.clock.advance(seconds)
        assert site.exchange(code).status == status

    def test_it_is_bound_to_the_address_and_the_client(
        self, site: Site, web_pool: LocalPool
    ) -> None:
        web_pool.create_client("otherclient", settings=WEB)
        other_address = site.exchange(site.code(), redirect_uri=CALLBACK + "2")
        other_client = site.exchange(site.code(), client_id="otherclient")
        assert other_client.json() == {"error": "invalid_grant"}
        assert (other_address.status, other_address.json()) == (
            400,
            {"error": "unauthorized_client", "error_description": "invalid_redirect"},
        )

    def test_pkce(self, site: Site, web_pool: LocalPool) -> None:
        code = site.code(code_challenge=CHALLENGE, code_challenge_method="S256")
        assert site.exchange(code, code_verifier=VERIFIER).status == 200

    @pytest.mark.parametrize(
        ("verifier", "error"),
        [
            ("w" * 43, "invalid_grant"),
            ("w" * 128, "invalid_grant"),
            ("", "invalid_request"),
            (VERIFIER[1:], "invalid_request"),
            ("w" * 129, "invalid_request"),
            (VERIFIER + " ", "invalid_request"),
            ("é" * 43, "invalid_request"),
        ],
    )
    def test_another_verifier_gets_nothing(
        self, site: Site, web_pool: LocalPool, verifier: str, error: str
    ) -> None:
        code = site.code(code_challenge=CHALLENGE, code_challenge_method="S256")
        refused = site.exchange(code, code_verifier=verifier)
        assert (refused.status, refused.json()) == (400, {"error": error})

    def test_a_parameter_comes_once(self, site: Site, web_pool: LocalPool) -> None:
        form = {"grant_type": "authorization_code", "client_id": CLIENT_ID, "code": site.code()}
        twice = urlencode([*form.items(), ("redirect_uri", CALLBACK), ("redirect_uri", CALLBACK)])
        refused = request(site.url, "POST", "/oauth2/token", twice, FORM)
        assert (refused.status, refused.json()) == (400, INVALID_REQUEST)

    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("application/x-www-form-urlencoded; charset=utf-8", 200),
            ("Application/X-WWW-Form-URLEncoded", 200),
            ("application/x-www-form-urlencoded2", 400),
            ("application/json", 400),
        ],
    )
    def test_it_comes_in_a_form(
        self, site: Site, web_pool: LocalPool, kind: str, status: int
    ) -> None:
        form = {"grant_type": "authorization_code", "client_id": CLIENT_ID, "code": site.code()}
        body = urlencode({**form, "redirect_uri": CALLBACK})
        answer = request(site.url, "POST", "/oauth2/token", body, {"Content-Type": kind})
        assert answer.status == status
        assert status == 200 or answer.json() == INVALID_REQUEST

    def test_a_user_who_is_disabled_in_the_meantime_gets_nothing(
        self, site: Site, web_pool: LocalPool
    ) -> None:
        code = site.code()
        web_pool.user("newcomer").enabled = False
        assert site.exchange(code).json() == {"error": "invalid_grant"}


class TestTheClientsSecret:
    @pytest.fixture(autouse=True)
    def confidential(self, cognito: LocalCognito) -> LocalPool:
        return pool_of(cognito, mfa="OPTIONAL", secret=SECRET)

    def test_basic_or_post(self, site: Site) -> None:
        assert site.exchange(site.code(), basic=SECRET).status == 200
        assert site.exchange(site.code(), client_secret=SECRET).status == 200

    @pytest.mark.parametrize(
        "sent", [{}, {"client_secret": "wrong"}, {"basic": "wrong"}, {"basic": SECRET, "client_id": "x"}]
    )  # fmt: skip
    def test_without_the_right_one_there_is_nothing(self, site: Site, sent: dict[str, str]) -> None:
        refused = site.exchange(site.code(), **sent)
        assert (refused.status, refused.json()) == (400, {"error": "invalid_client"})

    @pytest.mark.parametrize(
        ("basic", "body", "status"),
        [(SECRET, SECRET, 200), (SECRET, "wrong", 400), ("wrong", SECRET, 400)],
    )
    def test_each_one_that_is_sent_must_be_right(
        self, site: Site, basic: str, body: str, status: int
    ) -> None:
        assert site.exchange(site.code(), basic=basic, client_secret=body).status == status

    def test_a_public_client_has_none(self, site: Site, confidential: LocalPool) -> None:
        confidential.create_client("public", settings=WEB)
        for sent in ({"client_secret": "any"}, {"basic": "any"}):
            form = {"client_id": "public", **sent}
            refused = site.exchange(site.code(client_id="public"), **form)
            assert refused.json() == {"error": "invalid_client"}
        assert site.exchange(site.code(client_id="public"), client_id="public").status == 200

    def test_a_header_that_is_none(self, site: Site) -> None:
        headers = {**FORM, "Authorization": "Basic %%%"}
        refused = request(site.url, "POST", "/oauth2/token", "grant_type=x", headers)
        assert refused.json() == {"error": "invalid_client"}


class TestTheTokens:
    def test_they_are_cognitos(
        self, cognito: LocalCognito, site: Site, web_pool: LocalPool
    ) -> None:
        before = int(cognito.clock.now())
        code = site.code(nonce="once")
        cognito.clock.advance(20)
        tokens = site.exchange(code).json()
        assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
        keys = request(site.url, "GET", f"/{POOL_ID}/.well-known/jwks.json").json()
        kid = jwt.get_unverified_header(tokens["id_token"])["kid"]
        key = next(jwt.PyJWK(one) for one in keys["keys"] if one["kid"] == kid)
        told = jwt.decode(
            tokens["id_token"],
            key,
            algorithms=["RS256"],
            audience=CLIENT_ID,
            options={"verify_exp": False, "verify_iat": False},
        )
        assert (told["nonce"], told["auth_time"]) == ("once", before)
        digest = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
        assert told["at_hash"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
        access = claims(tokens["access_token"])
        assert access["scope"] == f"openid email {SELF_SERVICE}"
        assert access["client_id"] == CLIENT_ID

    @pytest.mark.parametrize(
        ("scope", "shown"),
        [
            ("openid", {"email", "email_verified", "name"}),
            ("openid email", {"email", "email_verified"}),
            ("openid email profile", {"email", "email_verified", "name"}),
        ],
    )
    def test_scopes_choose_the_attributes(
        self, site: Site, web_pool: LocalPool, scope: str, shown: set[str]
    ) -> None:
        tokens = site.tokens(scope=scope)
        every = {"email", "email_verified", "name"}
        assert every & set(claims(tokens["id_token"])) == shown
        info = site.user_info(tokens["access_token"]).json()
        assert set(info) == shown | {"sub", "username"}
        assert info.get("email_verified") == "true"

    def test_attributes_of_the_pools_own_need_the_scope_profile(
        self, site: Site, web_pool: LocalPool
    ) -> None:
        """Those of users, and those of administrators."""
        own = {"custom:shoe": "42", "dev:custom:plan": "free"}
        web_pool.user("newcomer").attributes |= own
        assert not own.keys() & claims(site.tokens(scope="openid email")["id_token"]).keys()
        assert own.items() <= claims(site.tokens(scope="openid profile")["id_token"]).items()

    def test_without_openid_there_is_neither_id_token_nor_user_info(
        self, site: Site, web_pool: LocalPool
    ) -> None:
        tokens = site.tokens(scope=SELF_SERVICE)
        assert "id_token" not in tokens
        assert site.user_info(tokens["access_token"]).status == 401
        assert site.user_info("x").status == 401

    def test_user_info_says_what_is_wrong(self, site: Site, web_pool: LocalPool) -> None:
        refused = site.user_info("x")
        text = "Access token is expired, disabled, or deleted, or the user has globally signed out."
        assert refused.json() == {"error": "invalid_token", "error_description": text}
        assert refused.headers["www-authenticate"] == (
            f'error="invalid_token", error_description="{text}"'
        )
        for header in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}):
            refused = request(site.url, "GET", "/oauth2/userInfo", None, header)
            assert (refused.status, refused.json()["error"]) == (400, "invalid_request")
            assert 'error="invalid_request"' in refused.headers["www-authenticate"]

    def test_the_api_takes_them_with_the_scope_only(
        self, site: Site, web_pool: LocalPool, boto: Any
    ) -> None:
        boto.get_user(AccessToken=site.tokens()["access_token"])
        with pytest.raises(boto.exceptions.NotAuthorizedException) as caught:
            boto.get_user(AccessToken=site.tokens(scope="openid email")["access_token"])
        text = caught.value.response["Error"]["Message"]
        assert text == "Access Token does not have required scopes"

    def test_refreshing_keeps_the_time_of_the_sign_in(
        self, cognito: LocalCognito, site: Site, web_pool: LocalPool
    ) -> None:
        tokens = site.tokens()
        cognito.clock.advance(60)
        given = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        fresh = site.exchange("", **given).json()
        assert "refresh_token" not in fresh
        old, new = claims(tokens["id_token"]), claims(fresh["id_token"])
        assert (new["auth_time"], new["iat"]) == (old["auth_time"], old["iat"] + 60)
        wrong = site.exchange("", grant_type="refresh_token", refresh_token="x")
        assert wrong.json() == {"error": "invalid_grant"}

    @pytest.mark.parametrize(
        ("code", "form"),
        [
            ("", {"grant_type": "refresh_token"}),
            ("", {}),
            ("x", {"redirect_uri": ""}),
            ("x", {"grant_type": ""}),
        ],
    )
    def test_a_request_must_have_what_its_grant_needs(
        self, site: Site, web_pool: LocalPool, code: str, form: dict[str, str]
    ) -> None:
        response = site.exchange(code, **form)
        assert (response.status, response.json()) == (400, {"error": "invalid_request"})

    def test_other_grants_are_not_played(self, site: Site, web_pool: LocalPool) -> None:
        refused = site.exchange("", grant_type="password")
        assert refused.json() == {"error": "unsupported_grant_type"}
        assert request(site.url, "GET", "/oauth2/token").status == 405


def test_signing_out_leads_to_a_registered_address_only(site: Site, web_pool: LocalPool) -> None:
    query = f"/logout?client_id={CLIENT_ID}&logout_uri="
    good = request(site.url, "GET", query + "https%3A%2F%2Fsite.example%2Fbye")
    assert (good.status, good.headers["location"]) == (302, "https://site.example/bye")
    assert request(site.url, "GET", query + "https%3A%2F%2Fevil.example").status == 400


def test_signing_out_may_lead_to_the_next_sign_in(site: Site, web_pool: LocalPool) -> None:
    """Everything that the sign-in needs is in the request, and comes back unchanged."""
    signing_out = site.open("/logout")
    assert urlsplit(signing_out.sent_back_to).path == "/login"
    assert signing_out.answer == dict(parse_qsl(urlsplit(signing_out.url).query))
    page = Browser(signing_out.sent_back_to)
    page.fill_in(username="newcomer", password=PASSWORD)
    assert page.answer["state"] == "as it was"
    assert site.exchange(page.answer["code"]).status == 200
    asked = urlsplit(signing_out.url).query + "&b=2&a=1&b=%32"
    again = request(site.url, "GET", f"/logout?{asked}")
    assert again.headers["location"] == f"/login?{asked}"
    elsewhere = urlencode({"client_id": CLIENT_ID, "redirect_uri": "https://evil.example"})
    assert request(site.url, "GET", f"/logout?{elsewhere}").status == 400


def test_a_sign_in_without_a_page_needs_a_cookie(
    site: Site, web_pool: LocalPool, boto: Any
) -> None:
    """A page in a hidden frame asks so whether the user is still signed in."""
    domain = {"UserPoolId": POOL_ID, "Domain": "example", "ManagedLoginVersion": 2}
    boto.create_user_pool_domain(**domain)
    answer = site.open(prompt="none").answer
    assert answer == {"error": "login_required", "state": "as it was"}
    assert site.open(prompt="login").page.status == 200
    boto.update_user_pool_domain(**{**domain, "ManagedLoginVersion": 1})
    assert site.open(prompt="none").page.status == 200  # the classic pages do not know it


@pytest.mark.parametrize(
    ("issuer", "account", "label"),
    [
        ("Example Ltd", "ada@example.com", "Example%20Ltd:ada%40example.com"),
        ("a:b&c", "x:y/\u00fc", "a%20b%26c:x%20y%2F%C3%BC"),
    ],
)
def test_the_link_names_site_and_user(issuer: str, account: str, label: str) -> None:
    link = otpauth_link("ABCD", issuer=issuer, account=account)
    assert link == f"otpauth://totp/{label}?secret=ABCD&issuer={label.partition(':')[0]}"
    assert svg(link).startswith("<svg ")
    assert "style" not in svg(link)


def test_pages_run_nothing_and_load_nothing(site: Site, web_pool: LocalPool) -> None:
    page = site.open().page
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    style = re.search(r"<style>(.*?)</style>", page.body.decode(), re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert " style=" not in page.body.decode()
    # With "no-referrer", browsers would send the page's own forms with the origin "null".
    assert page.headers["referrer-policy"] == "same-origin"


def test_pages_in_a_browser_may_not_read_it(site: Site, web_pool: LocalPool) -> None:
    assert "access-control-allow-origin" not in site.open().page.headers


def test_the_configuration_leads_here(
    cognito: LocalCognito, site: Site, web_pool: LocalPool
) -> None:
    found = request(site.url, "GET", f"/{POOL_ID}/.well-known/openid-configuration").json()
    assert found["authorization_endpoint"] == f"{site.url}/oauth2/authorize"
    assert found["token_endpoint"] == f"{site.url}/oauth2/token"
    assert found["userinfo_endpoint"] == f"{site.url}/oauth2/userInfo"
