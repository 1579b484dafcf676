"""The functions of a pool at managed login and /oauth2/token.

The facts are in "Lambda triggers" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt  # noqa: TID253
import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules.lambda_config import TRIGGERS
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID
from tests.local.conftest import populated
from tests.local.recorder import Recorder
from tests.local.web_client import WEB, Site

HOSTED = "TokenGeneration_HostedAuth"
REFRESH = "TokenGeneration_RefreshTokens"
MACHINE = {
    "AllowedOAuthFlows": ["client_credentials"],
    "AllowedOAuthFlowsUserPoolClient": True,
    "AllowedOAuthScopes": ["photos/read"],
}
SECRET = "s" * 51


@pytest.fixture
def open_pool(cognito: LocalCognito) -> LocalPool:
    pool = populated(cognito, mfa="OFF")
    pool.create_client(CLIENT_ID, settings=WEB)
    pool.create_identity_provider("Google", provider_type="Google")
    return pool


@pytest.fixture
def recorder(open_pool: LocalPool) -> Recorder:
    return Recorder(open_pool, *(name for name in TRIGGERS if name != "UserMigration"))


@pytest.fixture
def site(cognito: LocalCognito) -> Iterator[Site]:
    with cognito.serve() as server:
        yield Site(server.url)


def claims(answer: Any, token: str) -> Any:
    return jwt.decode(answer[token], options={"verify_signature": False})


def test_a_sign_in_calls_them_in_order(site: Site, recorder: Recorder) -> None:
    recorder.responses[HOSTED] = {
        "claimsOverrideDetails": {"claimsToAddOrOverride": {"tenant": "acme"}}
    }
    tokens = site.exchange(site.code()).json()
    assert claims(tokens, "id_token")["tenant"] == "acme"
    site.exchange("", grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert recorder.sources == [
        "PreAuthentication_Authentication",
        "PostAuthentication_Authentication",
        HOSTED,
        REFRESH,
    ]


def test_a_refusal_is_on_the_page(site: Site, recorder: Recorder) -> None:
    recorder.responses["PreAuthentication_Authentication"] = ValueError("Come <b>back</b>")
    browser = site.open()
    browser.fill_in(username="newcomer", password=PASSWORD)
    assert "PreAuthentication failed with error Come &lt;b&gt;back" in browser.text


@pytest.mark.parametrize("source", [HOSTED, REFRESH])
def test_a_refusal_of_tokens_is_an_error_response(
    site: Site, recorder: Recorder, source: str
) -> None:
    code = site.code()
    if source == HOSTED:
        recorder.responses[source] = ValueError("No")
        response = site.exchange(code)
    else:
        token = site.exchange(code).json()["refresh_token"]
        recorder.responses[source] = ValueError("No")
        response = site.exchange("", grant_type="refresh_token", refresh_token=token)
    assert (response.status, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("operation", ["admin_disable_user", "admin_delete_user"])
def test_a_user_who_is_gone_when_tokens_are_made_gets_none(
    cognito: LocalCognito, site: Site, recorder: Recorder, operation: str
) -> None:
    boto: Any = cognito.client()

    def change(event: dict[str, Any]) -> dict[str, Any]:
        getattr(boto, operation)(UserPoolId=POOL_ID, Username=event["userName"])
        return {}

    recorder.responses[HOSTED] = change
    response = site.exchange(site.code())
    assert (response.status, response.json()) == (400, {"error": "invalid_grant"})


def test_tokens_of_an_implicit_grant_are_changed_too(
    open_pool: LocalPool, site: Site, recorder: Recorder
) -> None:
    open_pool.state.clients[CLIENT_ID].settings["AllowedOAuthFlows"] = ["implicit"]
    recorder.responses[HOSTED] = {
        "claimsOverrideDetails": {
            "claimsToAddOrOverride": {"tenant": "acme"}, "claimsToSuppress": ["email"],
        }
    }  # fmt: skip
    browser = site.open(response_type="token")
    browser.fill_in(username="newcomer", password=PASSWORD)
    told = dict(parse_qsl(urlsplit(browser.sent_back_to).fragment))
    said = claims(told, "id_token")
    assert (said["tenant"], "email" in said) == ("acme", False)
    recorder.responses[HOSTED] = ValueError("Not today")
    refused = site.open(response_type="token")
    refused.fill_in(username="newcomer", password=PASSWORD)
    assert "PreTokenGeneration failed with error Not today." in refused.text


def test_a_user_of_another_provider(site: Site, open_pool: LocalPool, recorder: Recorder) -> None:
    for _ in range(2):
        browser = site.open(identity_provider="Google")
        browser.fill_in(subject="1138", email="ada@example.com")
        site.exchange(str(browser.answer["code"]))
    assert recorder.sources == [
        "PreSignUp_ExternalProvider",
        "PostConfirmation_ConfirmSignUp",
        HOSTED,
        "PreAuthentication_Authentication",
        "PostAuthentication_Authentication",
        HOSTED,
    ]
    assert recorder.events[0]["userName"] == "Google_1138"


def test_a_user_of_another_provider_can_be_refused(
    site: Site, open_pool: LocalPool, recorder: Recorder
) -> None:
    recorder.responses["PreSignUp_ExternalProvider"] = ValueError("Not from there")
    browser = site.open(identity_provider="Google")
    browser.fill_in(subject="1138", email="ada@example.com")
    assert "PreSignUp failed with error Not from there." in browser.text
    with pytest.raises(LookupError):
        open_pool.user("Google_1138")


def test_an_unknown_user_is_migrated(site: Site, open_pool: LocalPool) -> None:
    recorder = Recorder(open_pool, "UserMigration")
    recorder.responses["UserMigration_Authentication"] = {
        "userAttributes": {"email": "ada@example.com"},
        "finalUserStatus": "CONFIRMED",
        "messageAction": "SUPPRESS",
    }
    assert claims(site.exchange(site.code("ada")).json(), "id_token")["cognito:username"] == "ada"


class TestClientCredentials:
    def ask(
        self, cognito: LocalCognito, site: Site, version: str, **form: str
    ) -> tuple[Any, Recorder]:
        boto: Any = cognito.client()
        boto.create_resource_server(
            UserPoolId=POOL_ID,
            Identifier="photos",
            Name="Photos",
            Scopes=[{"ScopeName": "read", "ScopeDescription": "read"}],
        )
        pool = cognito.pool(POOL_ID)
        pool.create_client(CLIENT_ID, secret=SECRET, settings=MACHINE)
        recorder = Recorder(pool)
        pool.set_trigger("PreTokenGeneration", recorder, version=version)
        recorder.responses["TokenGeneration_ClientCredentials"] = {
            "claimsAndScopeOverrideDetails": {
                "accessTokenGeneration": {"claimsToAddOrOverride": {"robot": True}}
            }
        }
        response = site.exchange("", basic=SECRET, grant_type="client_credentials", **form)
        return claims(response.json(), "access_token"), recorder

    def test_the_third_version_changes_their_token(
        self, cognito: LocalCognito, open_pool: LocalPool, site: Site
    ) -> None:
        said, recorder = self.ask(cognito, site, "V3_0")
        assert said["robot"] is True
        event = recorder.only("TokenGeneration_ClientCredentials")
        assert (event["version"], event["userName"]) == ("3", "ClientCredentials")
        assert event["request"]["scopes"] == ["photos/read"]
        assert event["request"]["userAttributes"] == {}
        assert event["request"]["groupConfiguration"] is None

    def test_the_function_gets_what_the_client_tells(
        self, cognito: LocalCognito, open_pool: LocalPool, site: Site
    ) -> None:
        _, recorder = self.ask(cognito, site, "V3_0", aws_client_metadata='{"stage": "dev"}')
        event = recorder.only("TokenGeneration_ClientCredentials")
        assert event["request"]["clientMetadata"] == {"stage": "dev"}

    @pytest.mark.parametrize("metadata", ["dev", "[]", '{"stage": 1}'])
    def test_other_json_is_refused(
        self, cognito: LocalCognito, open_pool: LocalPool, site: Site, metadata: str
    ) -> None:
        self.ask(cognito, site, "V3_0")
        asked = {"grant_type": "client_credentials", "aws_client_metadata": metadata}
        assert site.exchange("", basic=SECRET, **asked).json() == {"error": "invalid_request"}

    @pytest.mark.parametrize("version", ["V1_0", "V2_0"])
    def test_earlier_versions_do_not(
        self, cognito: LocalCognito, open_pool: LocalPool, site: Site, version: str
    ) -> None:
        said, recorder = self.ask(cognito, site, version)
        assert "robot" not in said
        assert recorder.sources == []
