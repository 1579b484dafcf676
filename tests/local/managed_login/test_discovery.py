"""The OpenID configuration, with a client that knows nothing else, and the issuer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import jwt  # noqa: TID253
import pytest

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire.server import HttpServer
from tests.local.browser import FORM, Browser
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, access_token, refused
from tests.local.conftest import http_client
from tests.local.raw import Response, request
from tests.local.web_client import CALLBACK, CHALLENGE, SELF_SERVICE, VERIFIER, WEB

BYE = WEB["LogoutURLs"][0]
AWS = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL_ID}"
#: The members of a real pool's, as clients of real pools have published them.
MEMBERS = {
    "authorization_endpoint",
    "end_session_endpoint",
    "id_token_signing_alg_values_supported",
    "issuer",
    "jwks_uri",
    "response_types_supported",
    "revocation_endpoint",
    "scopes_supported",
    "subject_types_supported",
    "token_endpoint",
    "token_endpoint_auth_methods_supported",
    "userinfo_endpoint",
}


@pytest.fixture
def web_pool(cognito: LocalCognito) -> LocalPool:
    pool = cognito.create_pool(POOL_ID, mfa="OPTIONAL")
    settings = {
        **WEB,
        "AllowedOAuthFlows": ["code", "implicit"],
        "AllowedOAuthScopes": [*WEB["AllowedOAuthScopes"], "phone"],
    }
    pool.create_client(CLIENT_ID, settings=settings)
    pool.create_user("newcomer", password=PASSWORD, attributes={"email": "new@example.com"})
    return pool


@pytest.fixture
def server(cognito: LocalCognito, web_pool: LocalPool) -> Iterator[HttpServer]:
    with cognito.serve() as server:
        yield server


class Client:
    """Reads the configuration once, and goes where it leads."""

    def __init__(self, issuer: str, reach: str = "") -> None:
        """``reach`` is where the issuer's name leads from here, if elsewhere."""
        self.issuer, self._reach = issuer, reach
        self.known: dict[str, Any] = self._ask(
            "GET", f"{issuer}/.well-known/openid-configuration"
        ).json()

    def token(self, **form: str) -> Response:
        return self._ask("POST", self.known["token_endpoint"], {"client_id": CLIENT_ID, **form})

    def sign_in(self, **changes: str) -> Browser:
        query = {
            "client_id": CLIENT_ID,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "scope": " ".join(self.known["scopes_supported"]),
            "nonce": "once",
            **changes,
        }
        browser = Browser(f"{self.known['authorization_endpoint']}?{urlencode(query)}")
        browser.fill_in(username="newcomer", password=PASSWORD)
        return browser

    def tokens(self) -> dict[str, Any]:
        code = self.sign_in().answer["code"]
        answer = self.token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=CALLBACK,
            code_verifier=VERIFIER,
        )
        assert answer.status == 200, answer.body
        return dict(answer.json())

    def claims(self, token: str, **options: Any) -> dict[str, Any]:
        """With the keys, the algorithm, and the issuer of the configuration."""
        keys = self._ask("GET", self.known["jwks_uri"]).json()["keys"]
        kid = jwt.get_unverified_header(token)["kid"]
        claims: dict[str, Any] = jwt.decode(
            token,
            next(jwt.PyJWK(one) for one in keys if one["kid"] == kid),
            algorithms=self.known["id_token_signing_alg_values_supported"],
            issuer=self.issuer,
            options={"verify_exp": False, "verify_iat": False, "require": ["iss"]},
            **options,
        )
        return claims

    def user_info(self, token: str) -> Response:
        headers = {"Authorization": f"Bearer {token}"}
        return request(self.known["userinfo_endpoint"], "GET", "/oauth2/userInfo", None, headers)

    def revoke(self, **form: str) -> Response:
        return self._ask(
            "POST", self.known["revocation_endpoint"], {"client_id": CLIENT_ID, **form}
        )

    def _ask(self, method: str, url: str, form: dict[str, str] | None = None) -> Response:
        path = "/" + url.split("/", 3)[3]
        body = urlencode(form) if form is not None else None
        return request(self._reach or url, method, path, body, FORM if form is not None else None)


class TestTheIssuer:
    def test_it_is_that_of_aws(self, server: HttpServer) -> None:
        """What a site checks in tests is what it checks in production."""
        found = Client(f"{server.url}/{POOL_ID}").known
        assert found["issuer"] == AWS
        assert found["token_endpoint"] == f"{server.url}/oauth2/token"

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_a_client_that_knows_the_issuer_only_finds_the_rest(
        self, cognito: LocalCognito, server: HttpServer, slash: str
    ) -> None:
        cognito.behave(issuer=server.url + slash)
        client = Client(f"{server.url}/{POOL_ID}")
        assert client.known["issuer"] == client.issuer
        tokens = client.tokens()
        told = client.claims(tokens["id_token"], audience=CLIENT_ID)
        assert (told["nonce"], told["email"]) == ("once", "new@example.com")
        assert (
            client.claims(tokens["access_token"])["scope"].split()
            == client.known["scopes_supported"]
        )
        info = client.user_info(tokens["access_token"]).json()
        assert info["sub"] == told["sub"]
        fresh = client.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert client.claims(fresh.json()["id_token"], audience=CLIENT_ID)["sub"] == told["sub"]
        gone = client.revoke(token=tokens["refresh_token"])
        assert (gone.status, gone.body) == (200, b"")
        assert client.user_info(tokens["access_token"]).status == 401
        again = client.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
        assert again.json() == {"error": "invalid_grant"}

    def test_the_person_leaves_where_the_configuration_says(
        self, cognito: LocalCognito, server: HttpServer
    ) -> None:
        cognito.behave(issuer=server.url)
        client = Client(f"{server.url}/{POOL_ID}")
        query = urlencode({"client_id": CLIENT_ID, "logout_uri": BYE})
        page = Browser(f"{client.known['end_session_endpoint']}?{query}")
        assert page.sent_back_to == BYE

    def test_all_addresses_are_those_of_the_issuer(
        self, cognito: LocalCognito, web_pool: LocalPool
    ) -> None:
        """In a container network, the server is asked by another name than browsers know."""
        cognito.behave(issuer="http://cognito.test:9229/base")
        with cognito.serve() as server:
            issuer = f"http://cognito.test:9229/base/{POOL_ID}"
            path = f"/{POOL_ID}/.well-known/openid-configuration"
            for host in ("localhost", "cognito.test:9229"):
                found = request(server.url, "GET", path, headers={"Host": host}).json()
                assert found["issuer"] == issuer
                addresses = [text for text in found.values() if str(text).startswith("http")]
                assert len(addresses) == 7
                assert all(one.startswith("http://cognito.test:9229/base/") for one in addresses)
            tokens = Caller(http_client(server.url)).password()
            token = access_token(tokens)
            told = jwt.decode(token, options={"verify_signature": False})
            assert told["iss"] == issuer
            assert http_client(server.url).get_user(AccessToken=token)["Username"] == "newcomer"

    def test_a_token_of_another_issuer_is_refused(
        self, cognito: LocalCognito, web_pool: LocalPool, caller: Caller
    ) -> None:
        token = access_token(caller.password())
        cognito.behave(issuer="http://127.0.0.1:9229")
        with refused("NotAuthorizedException", "Invalid Access Token"):
            caller.boto.get_user(AccessToken=token)

    def test_it_goes_before_the_newer_host(
        self, cognito: LocalCognito, caller: Caller, web_pool: LocalPool
    ) -> None:
        web_pool.state.behavior = Behavior(updated_issuer=True, issuer="http://localhost")
        told = jwt.decode(access_token(caller.password()), options={"verify_signature": False})
        assert told["iss"] == f"http://localhost/{POOL_ID}"


class TestTheConfiguration:
    @pytest.fixture
    def client(self, cognito: LocalCognito, server: HttpServer) -> Client:
        cognito.behave(issuer=server.url)
        return Client(f"{server.url}/{POOL_ID}")

    def test_it_has_the_members_of_a_real_pools(self, client: Client) -> None:
        assert set(client.known) == MEMBERS

    def test_every_kind_of_response_that_it_lists_is_given(self, client: Client) -> None:
        assert client.known["response_types_supported"] == ["code", "token"]
        assert set(client.sign_in().answer) == {"code"}
        implicit = client.sign_in(response_type="token", state="as it was")
        told = dict(pair.split("=") for pair in implicit.sent_back_to.partition("#")[2].split("&"))
        assert told.keys() == {"access_token", "id_token", "token_type", "expires_in", "state"}
        assert (told["token_type"], told["expires_in"]) == ("Bearer", "3600")
        assert client.claims(told["id_token"], audience=CLIENT_ID)["nonce"] == "once"
        assert client.user_info(told["access_token"]).status == 200

    def test_a_client_without_the_implicit_flow_gets_no_token(
        self, client: Client, web_pool: LocalPool
    ) -> None:
        web_pool.state.clients[CLIENT_ID].settings["AllowedOAuthFlows"] = ["code"]
        query = urlencode(
            {"client_id": CLIENT_ID, "redirect_uri": CALLBACK, "response_type": "token"}
        )
        page = Browser(f"{client.known['authorization_endpoint']}?{query}")
        assert page.sent_back_to == f"{CALLBACK}#error=unauthorized_client"

    @pytest.mark.parametrize("scope", ["openid", "email", "phone", "profile"])
    def test_every_scope_that_it_lists_is_given(self, client: Client, scope: str) -> None:
        assert scope in client.known["scopes_supported"]
        scopes = " ".join(dict.fromkeys(["openid", scope]))
        assert set(client.sign_in(scope=scopes).answer) == {"code"}


class TestTheEndOfAToken:
    @pytest.fixture
    def client(self, server: HttpServer) -> Client:
        return Client(f"{server.url}/{POOL_ID}")

    def test_an_unknown_token_is_no_error(self, client: Client) -> None:
        assert client.revoke(token="x").status == 200
        tokens = client.tokens()
        for _ in range(2):
            assert client.revoke(token=tokens["refresh_token"]).status == 200

    def test_only_refresh_tokens_end(self, client: Client) -> None:
        tokens = client.tokens()
        for kind in ("access_token", "id_token"):
            refused = client.revoke(token=tokens[kind])
            assert (refused.status, refused.json()) == (400, {"error": "unsupported_token_type"})
        assert client.user_info(tokens["access_token"]).status == 200

    def test_a_request_without_one_is_refused(self, client: Client) -> None:
        refused = client.revoke()
        assert (refused.status, refused.json()) == (400, {"error": "invalid_request"})

    def test_a_client_that_does_not_revoke_is_refused(
        self, client: Client, web_pool: LocalPool
    ) -> None:
        tokens = client.tokens()
        web_pool.state.clients[CLIENT_ID].enable_token_revocation = False
        refused = client.revoke(token=tokens["refresh_token"])
        assert (refused.status, refused.json()) == (400, {"error": "invalid_request"})

    def test_another_client_ends_none(self, client: Client, web_pool: LocalPool) -> None:
        web_pool.create_client("otherclient", settings=WEB)
        web_pool.create_client("confidential", secret="s" * 30, settings=WEB)
        tokens = client.tokens()
        for other in ("otherclient", "confidential", "unknown", ""):
            refused = client.revoke(token=tokens["refresh_token"], client_id=other)
            assert (refused.status, refused.json()) == (401, {"error": "invalid_client"})
        assert client.user_info(tokens["access_token"]).status == 200


def test_self_service_is_a_scope_that_is_not_listed(server: HttpServer) -> None:
    """As at Cognito."""
    assert SELF_SERVICE not in Client(f"{server.url}/{POOL_ID}").known["scopes_supported"]
