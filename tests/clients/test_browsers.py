"""Libraries for single-page applications, in Chromium, on a page of another origin than Cognito's."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cognito_mfa.local.rules.passkeys import MULTI_FACTOR
from tests.clients.conftest import PATIENCE, Site, missing
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
# A phone with its own passkeys, whose user shows a fingerprint whenever it is asked for.
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
HTML = b'<!DOCTYPE html><title>Application</title><script src="/page.js"></script>'


@pytest.fixture(scope="module")
def bundle(node: str, project: Path) -> bytes:
    """The application with its libraries, as a browser loads it."""
    command = [
        node,
        str(project / "node_modules" / "esbuild" / "bin" / "esbuild"),
        str(project / "page.mjs"),
        "--bundle",
        "--define:global=globalThis",
        "--log-level=warning",
    ]
    done = subprocess.run(  # noqa: S603 - esbuild, on the application of these tests
        command, cwd=project, capture_output=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not util.find_spec("playwright"):
        missing("Playwright", "run `tox run -e clients`")
    from playwright.sync_api import sync_playwright

    path = os.environ.get("COGNITO_MFA_TEST_CHROMIUM") or shutil.which("chromium")
    if not path:
        missing("Chromium", "Debian's package is chromium; COGNITO_MFA_TEST_CHROMIUM names another")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def origin(bundle: bytes) -> Iterator[str]:
    """Where the application is: a site of its own, on another port."""

    class Application(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bundle if self.path == "/page.js" else HTML
            kind = "text/javascript" if self.path == "/page.js" else "text/html"
            self.send_response(200)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Application) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(chromium: Browser, web_site: Site, origin: str) -> Iterator[Page]:
    """The application, open. It must write no error to the console."""
    settings = web_site.pool.state.clients[CLIENT_ID].settings
    settings["CallbackURLs"] = [f"{origin}/callback"]
    settings["LogoutURLs"] = [f"{origin}/bye"]
    context = chromium.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.goto(origin)
    yield page
    context.close()
    assert errors == []


class Application:
    """The application's functions, by their names in javascript/page.mjs."""

    def __init__(self, page: Page, site: Site) -> None:
        self._page = page
        self.site = {"url": site.url, "pool": POOL_ID, "client": CLIENT_ID}
        self.person = {**self.site, "username": "ada", "password": PASSWORD}

    def call(self, name: str, *arguments: Any) -> Any:
        return self._page.evaluate(
            "([name, given]) => application[name](...given)", [name, list(arguments)]
        )

    def leave(self, name: str, *arguments: Any) -> None:
        """Call what ends with the browser on its way to another page."""
        self._page.evaluate(
            "([name, given]) => { application[name](...given); }", [name, list(arguments)]
        )


@pytest.fixture
def application(page: Page, web_site: Site) -> Application:
    return Application(page, web_site)


def next_code(site: Site) -> str:
    """What the app of the user shows once it shows another code."""
    site.cognito.clock.advance(30)
    return site.pool.code_for("ada")


def test_amazon_cognito_identity_js(application: Application, web_site: Site) -> None:
    asked = application.call("signInWithIdentity", application.person)
    assert asked["step"] == "mfaSetup"
    assert asked["secret"] == web_site.pool.user("ada").pending_secret
    first = application.call("setUpWithIdentity", web_site.pool.pending_code_for("ada"))
    assert first["step"] == "done"
    asked = application.call("signInWithIdentity", application.person)
    assert (asked["step"], asked["parameters"]["FRIENDLY_DEVICE_NAME"]) == (
        "totpRequired",
        "My phone",
    )
    second = application.call("answerWithIdentity", next_code(web_site))
    third = application.call("refreshWithIdentity")
    assert len({first["access"], second["access"], third["access"]}) == 3
    refresh = web_site.cognito.calls[-1]
    # Without a remembered device, the library sends DEVICE_KEY as null.
    assert refresh.parameters["AuthParameters"].keys() == {"REFRESH_TOKEN"}


def test_aws_amplify(application: Application, web_site: Site) -> None:
    asked = application.call("signInWithAmplify", application.person)
    assert asked["step"] == "CONTINUE_SIGN_IN_WITH_TOTP_SETUP"
    done = application.call("answerWithAmplify", web_site.pool.pending_code_for("ada"))
    assert done["step"] == "DONE"
    told = application.call("refreshWithAmplify")
    assert told["username"] == "ada"
    assert len(set(told["tokens"])) == 2
    application.call("signOutWithAmplify")
    asked = application.call("signInWithAmplify", application.person)
    assert asked["step"] == "CONFIRM_SIGN_IN_WITH_TOTP_CODE"
    assert application.call("answerWithAmplify", next_code(web_site))["step"] == "DONE"


@pytest.mark.parametrize("as_both_factors", [False, True])
def test_a_passkey_with_aws_amplify(
    application: Application, page: Page, web_site: Site, as_both_factors: bool
) -> None:
    """Made and used by Chromium's own virtual authenticator."""
    settings = {"options": AUTHENTICATOR}
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", settings)
    state = web_site.pool.state
    state.mfa, state.first_factors = "OPTIONAL", ["PASSWORD", "WEB_AUTHN"]
    state.settings["WebAuthnConfiguration"] = {"RelyingPartyId": "localhost"}
    state.clients[CLIENT_ID].explicit_auth_flows += ["ALLOW_USER_AUTH"]
    assert application.call("signInWithAmplify", application.person)["step"] == "DONE"
    passkeys = application.call("registerWithAmplify")
    assert passkeys == list(web_site.pool.user("ada").passkeys)
    application.call("signOutWithAmplify")
    if as_both_factors:
        state.mfa = "ON"
        state.settings["WebAuthnConfiguration"]["FactorConfiguration"] = MULTI_FACTOR
        web_site.pool.register_software_token("ada")
        web_site.pool.user("ada").passkey_mfa = True
    person = {**application.site, "username": "ada", "flow": "USER_AUTH", "preferred": "WEB_AUTHN"}
    assert application.call("signInWithAmplify", person)["step"] == "DONE"
    (family,) = [one for one in state.families.values() if not one.revoked]
    assert family.factors == (["swk", "mfa"] if as_both_factors else ["swk"])


def ask_riddles(site: Site) -> None:
    """A custom sign-in: a riddle, after the password where the client begins with that, and without MFA."""
    site.pool.state.mfa = "OFF"
    site.pool.state.clients[CLIENT_ID].explicit_auth_flows += ["ALLOW_CUSTOM_AUTH"]

    def define(event: dict[str, Any]) -> dict[str, Any]:
        session = event["request"]["session"]
        last = session[-1] if session else {"challengeName": "", "challengeResult": False}
        solved = last["challengeName"] == "CUSTOM_CHALLENGE" and last["challengeResult"]
        password = last["challengeName"] == "SRP_A"
        name = "PASSWORD_VERIFIER" if password else "CUSTOM_CHALLENGE"
        event["response"] |= {
            "challengeName": name,
            "issueTokens": solved,
            "failAuthentication": False,
        }
        return event

    def create(event: dict[str, Any]) -> dict[str, Any]:
        event["response"] |= {
            "publicChallengeParameters": {"riddle": "2 + 2"},
            "privateChallengeParameters": {"answer": "4"},
        }
        return event

    def verify(event: dict[str, Any]) -> dict[str, Any]:
        request = event["request"]
        right = request["privateChallengeParameters"]["answer"] == request["challengeAnswer"]
        event["response"]["answerCorrect"] = right
        return event

    site.pool.set_trigger("DefineAuthChallenge", define)
    site.pool.set_trigger("CreateAuthChallenge", create)
    site.pool.set_trigger("VerifyAuthChallengeResponse", verify)


def test_a_custom_challenge_with_amazon_cognito_identity_js(
    application: Application, web_site: Site
) -> None:
    ask_riddles(web_site)
    asked = application.call("signInWithIdentity", {**application.person, "flow": "CUSTOM_AUTH"})
    assert asked["parameters"]["riddle"] == "2 + 2"
    again = application.call("answerChallengeWithIdentity", "5")
    assert again["step"] == "customChallenge"
    assert application.call("answerChallengeWithIdentity", "4")["step"] == "done"


@pytest.mark.parametrize("flow", ["CUSTOM_WITH_SRP", "CUSTOM_WITHOUT_SRP"])
def test_a_custom_challenge_with_aws_amplify(
    application: Application, web_site: Site, flow: str
) -> None:
    ask_riddles(web_site)
    person = {**application.person, "flow": flow}
    if flow == "CUSTOM_WITHOUT_SRP":
        del person["password"]
    asked = application.call("signInWithAmplify", person)
    assert asked["step"] == "CONFIRM_SIGN_IN_WITH_CUSTOM_CHALLENGE"
    assert asked["parameters"]["riddle"] == "2 + 2"
    assert application.call("answerWithAmplify", "5")["step"] == asked["step"]
    assert application.call("answerWithAmplify", "4")["step"] == "DONE"


def test_oidc_client_ts(application: Application, page: Page, web_site: Site, origin: str) -> None:
    site = application.site
    application.leave("signInWithOidc", site)
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button").click()
    page.get_by_role("img", name="QR code").wait_for()
    page.get_by_label("Code from").fill(web_site.pool.pending_code_for("ada"))
    page.get_by_role("button").click()
    page.wait_for_url(f"{origin}/callback?**")
    came = application.call("comeBackWithOidc", site)
    assert came["profile"]["email"] == "ada@example.com"
    assert came["profile"]["username"] == "ada"  # which only user info has
    fresh = application.call("refreshWithOidc", site)
    assert fresh["profile"]["sub"] == came["profile"]["sub"]
    assert fresh["tokens"][0] not in came["tokens"]
    application.leave("signOutWithOidc", site)
    page.wait_for_url(f"{origin}/bye")
    assert all(family.revoked for family in web_site.pool.state.families.values())
