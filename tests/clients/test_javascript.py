"""JavaScript on Node.js, in scripts as users of the libraries write them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.clients.conftest import BYE, CALLBACK, Site
from tests.local.caller import CLIENT_ID, POOL_ID

SITE = "https://site.example"
SECRET = "a+secret/with=signs" * 3


def test_the_sdk_on_the_whole_way(site: Site, node: str, project: Path) -> None:
    def run(part: str, known: str = "") -> str:
        done = site.run(
            [node, str(project / "journey.mjs")],
            URL=site.url,
            CLIENT_ID=CLIENT_ID,
            CLOCK=str(site.cognito.clock.now()),
            PART=part,
            KNOWN=known,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    known = run("first")
    site.cognito.clock.advance(30)
    assert json.loads(run("later", known)) == {"username": "ada"}


def test_openid_client_needs_the_issuer_only(web_site: Site, node: str, project: Path) -> None:
    web_site.cognito.behave(issuer=web_site.url)
    done = web_site.run(
        [node, str(project / "openid.mjs")],
        ISSUER=f"{web_site.url}/{POOL_ID}",
        CLIENT_ID=CLIENT_ID,
        CALLBACK=CALLBACK,
        BYE=BYE,
    )
    assert done.returncode == 0, done.stderr
    user = web_site.pool.user("ada")
    assert json.loads(done.stdout) == {"sub": user.sub, "username": "ada"}
    assert user.software_token is not None


def test_auth_js_needs_the_issuer_and_a_client(web_site: Site, node: str, project: Path) -> None:
    """Its provider sends the secret in the Authorization header, and asks for PKCE and a nonce."""
    web_site.cognito.behave(issuer=web_site.url)
    web_site.pool.create_client(
        "authjs",
        secret=SECRET,
        settings={
            "CallbackURLs": [f"{SITE}/api/auth/callback/cognito"],
            "AllowedOAuthFlows": ["code"],
            "AllowedOAuthFlowsUserPoolClient": True,
            "AllowedOAuthScopes": ["openid", "email", "profile"],
        },
    )
    done = web_site.run(
        [node, str(project / "authjs.mjs")],
        ISSUER=f"{web_site.url}/{POOL_ID}",
        CLIENT_ID="authjs",
        CLIENT_SECRET=SECRET,
        SITE=SITE,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["email"] == "ada@example.com"
    assert web_site.pool.user("ada").software_token is not None
