"""The local Cognito's HTTP door and the web pages that a developer happens to have open. What keeps
them out is what a browser does, so a browser is asked, and afterwards the pool.

A page of another origin lies on a port of its own; ``evil.test`` is a name of a stranger's that
leads to this machine (DNS rebinding)."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire.server import HttpServer
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID
from tests.local.web_client import CHALLENGE, SELF_SERVICE, VERIFIER, WEB, Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

TARGET = "AWSCognitoIdentityProviderService."
CALLBACK = "https://site.example/callback"
#: What the page got, or that its browser did not let it.
FETCH = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options);
        return {status: answer.status, text: await answer.text()};
    } catch (error) {
        return {blocked: String(error)};
    }
}"""


@pytest.fixture
def pool(cognito: LocalCognito) -> LocalPool:
    made = cognito.create_pool(POOL_ID, mfa="OPTIONAL")
    made.create_client(CLIENT_ID, settings=WEB)
    made.create_user("newcomer", password=PASSWORD, attributes={"email": "new@example.com"})
    return made


@pytest.fixture
def door(cognito: LocalCognito, pool: LocalPool) -> Generator[HttpServer]:
    with cognito.serve() as door:
        yield door


@pytest.fixture
def page(chromium: Browser) -> Generator[Page]:
    context = chromium.new_context()
    yield context.new_page()
    context.close()


class EmptyPage(BaseHTTPRequestHandler):
    """A page of another user."""

    def do_GET(self) -> None:
        body = b"<!DOCTYPE html><title>Somebody else's</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        pass


@contextmanager
def somebody_elses_site() -> Generator[int]:
    """The port of a site that has nothing to do with ours."""
    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(params=["localhost", "127.0.0.1", "evil.test"])
def foreign(request: pytest.FixtureRequest, page: Page) -> Generator[Page]:
    """A page of another origin: of this machine's other sites, and of a stranger's."""
    with somebody_elses_site() as port:
        page.goto(f"http://{request.param}:{port}/")
        yield page


def ask(page: Page, url: str, **options: Any) -> dict[str, Any]:
    answer: dict[str, Any] = page.evaluate(FETCH, [url, options])
    return answer


def call(page: Page, url: str, operation: str, body: str, **headers: str) -> dict[str, Any]:
    names = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": TARGET + operation}
    return ask(page, url, method="POST", headers={**names, **headers}, body=body)


IAM_CALLS = {
    "ListUserPools": '{"MaxResults": 10}',
    "ListUsers": f'{{"UserPoolId": "{POOL_ID}"}}',
    "AdminDeleteUser": f'{{"UserPoolId": "{POOL_ID}", "Username": "newcomer"}}',
    "DeleteUserPool": f'{{"UserPoolId": "{POOL_ID}"}}',
}


@pytest.mark.parametrize("operation", IAM_CALLS)
def test_a_page_of_another_origin_runs_no_iam_operation(
    cognito: LocalCognito, door: HttpServer, foreign: Page, operation: str
) -> None:
    """Kept by ``SENT_BY_LIBRARIES`` and ``Caller.may`` in local/wire/origins.py."""
    answer = call(foreign, door.url, operation, IAM_CALLS[operation], Authorization="x")
    assert "blocked" in answer
    assert cognito.operations() == []
    assert [user.username for user in cognito.pool(POOL_ID).state.users.values()] == ["newcomer"]


@pytest.mark.parametrize("operation", IAM_CALLS)
def test_a_page_that_asks_without_reading_runs_none_either(
    cognito: LocalCognito, door: HttpServer, foreign: Page, operation: str
) -> None:
    """Without CORS a browser sends no headers of the page's choice, and the operation is in one."""
    headers = {"X-Amz-Target": TARGET + operation, "Authorization": "x"}
    body = IAM_CALLS[operation]
    ask(foreign, door.url, method="POST", mode="no-cors", headers=headers, body=body)
    assert cognito.operations() == []
    assert POOL_ID in cognito.account.pools


@pytest.mark.parametrize("path", ["/outbox", "/nothing", "/login", "/oauth2/authorize"])
def test_a_page_of_another_origin_reads_nothing_that_is_not_public(
    door: HttpServer, foreign: Page, path: str
) -> None:
    """Kept by the routes in local/wire/server.py, which give CORS headers to public documents only."""
    assert "blocked" in ask(foreign, door.url + path)
    script = f"""() => new Promise(done => {{
        const image = Object.assign(document.createElement("script"), {{src: "{door.url}{path}"}});
        image.onload = () => done("loaded");
        image.onerror = () => done("refused");
        document.head.append(image);
    }})"""
    assert foreign.evaluate(script) == "refused"


def test_a_page_of_a_name_that_was_pointed_here_reads_and_does_nothing(
    cognito: LocalCognito, door: HttpServer, page: Page
) -> None:
    """For the browser it is our own origin. Kept by ``Hosts``, local/wire/origins.py."""
    page.goto(f"http://evil.test:{door.port}/nothing")
    assert page.evaluate("location.origin") == f"http://evil.test:{door.port}"
    outbox = ask(page, "/outbox")
    assert outbox["status"] == 403
    assert "messages" not in outbox["text"]
    for operation, body in IAM_CALLS.items():
        assert call(page, "/", operation, body, Authorization="x")["status"] == 403
    assert ask(page, f"/{POOL_ID}/.well-known/jwks.json")["status"] == 403
    json = {"Content-Type": "application/json"}
    for path, body in CONTROLS.items():
        assert ask(page, path, method="POST", headers=json, body=body)["status"] == 403
    assert cognito.faults.listed() == []
    assert cognito.operations() == []
    assert POOL_ID in cognito.account.pools


CONTROLS = {
    "/clock": '{"advance": 3600}',
    "/behaviors": '{"password_failures_before_lock": null}',
    "/faults": '{"operation": "*", "fault": "Unreachable"}',
}
#: Every way of a page to send a request to another site: with a script, as a form, as an address.
WAYS = """async ([url, body]) => {
    const kinds = ["application/json", "text/plain", "application/x-www-form-urlencoded"];
    for (const mode of ["cors", "no-cors", "same-origin"]) {
        for (const type of kinds) {
            const headers = {"Content-Type": type};
            await fetch(url, {method: "POST", mode, headers, body}).catch(() => {});
        }
        await fetch(url, {method: "DELETE", mode}).catch(() => {});
    }
    navigator.sendBeacon(url, new Blob([body], {type: "application/json"}));
    navigator.sendBeacon(url, body);
    const loaded = await new Promise(done => {
        const script = Object.assign(document.createElement("script"), {src: url});
        script.onload = () => done(true);
        script.onerror = () => done(false);
        document.head.append(script);
    });
    const read = await fetch(url).then(answer => answer.text()).catch(() => "");
    const frame = document.createElement("iframe");
    frame.name = "hidden";
    const form = document.createElement("form");
    Object.assign(form, {method: "post", action: url, target: "hidden", enctype: "text/plain"});
    const [start, end] = [body.slice(0, -1) + ', "', '": 1}'];
    form.append(Object.assign(document.createElement("input"), {name: start, value: end}));
    document.body.append(frame, form);
    await new Promise(done => { frame.onload = done; form.submit(); });
    return [loaded, read];
}"""


@pytest.mark.parametrize("path", CONTROLS)
def test_a_page_of_another_origin_changes_no_test(
    cognito: LocalCognito, door: HttpServer, foreign: Page, path: str
) -> None:
    """Neither the clock nor what comes of calls. Kept by ``Caller.may``, local/wire/origins.py."""
    cognito.faults.on("SignUp", faults.Unreachable())
    before, began = (cognito.behavior, cognito.faults.listed()), cognito.clock.now()
    assert foreign.evaluate(WAYS, [door.url + path, CONTROLS[path]]) == [False, ""]
    foreign.goto(door.url + path, referer="http://evil.test/")
    assert (cognito.behavior, cognito.faults.listed()) == before
    assert cognito.clock.now() < began + 600


def test_a_page_signs_no_one_in_at_managed_login(
    cognito: LocalCognito, door: HttpServer, foreign: Page
) -> None:
    """Login CSRF: a form of a stranger's, with the stranger's name and password in it."""
    query = f"client_id={CLIENT_ID}&redirect_uri={CALLBACK}&response_type=code"
    foreign.evaluate(
        """([url, password]) => {
            const form = Object.assign(document.createElement("form"), {method: "post", action: url});
            for (const [name, value] of [["username", "newcomer"], ["password", password]]) {
                form.append(Object.assign(document.createElement("input"), {name, value}));
            }
            document.body.append(form);
            form.submit();
        }""",
        [f"{door.url}/oauth2/authorize?{query}", PASSWORD],
    )
    foreign.wait_for_url(door.url + "/**")
    assert "another site" in foreign.content()


def test_managed_login_shows_itself_in_no_frame(door: HttpServer, foreign: Page) -> None:
    query = f"client_id={CLIENT_ID}&redirect_uri={CALLBACK}&response_type=code"
    address = f"{door.url}/oauth2/authorize?{query}"
    foreign.set_content(f'<iframe src="{address}"></iframe>')
    foreign.wait_for_load_state("networkidle")
    texts = [frame.content() for frame in foreign.frames]
    assert not [text for text in texts if "Password" in text]


def test_managed_login_works_in_a_browser(door: HttpServer, page: Page) -> None:
    query = f"client_id={CLIENT_ID}&redirect_uri={CALLBACK}&response_type=code"
    page.goto(f"{door.url}/oauth2/authorize?{query}")
    page.get_by_label("Username").fill("newcomer")
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_request(CALLBACK + "?code=*"):
        page.get_by_role("button", name="Continue").click()


def test_what_browsers_call_at_aws_stays_open(door: HttpServer, foreign: Page) -> None:
    """As Amplify and amazon-cognito-identity-js do it, with the headers that they send."""
    headers = {
        "X-Amz-User-Agent": "aws-amplify/5.0.4 js",
        "Cache-Control": "no-store",
        "amz-sdk-invocation-id": "8d6a0ab7",
        "amz-sdk-request": "attempt=1; max=3",
    }
    body = (
        f'{{"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "{CLIENT_ID}", "AuthParameters": '
        f'{{"USERNAME": "newcomer", "PASSWORD": "{PASSWORD}"}}}}'
    )
    answer = call(foreign, door.url, "InitiateAuth", body, **headers)
    assert answer["status"] == 200
    assert "AccessToken" in answer["text"]
    refused = call(foreign, door.url, "GetUser", '{"AccessToken": "x"}', **headers)
    assert refused["status"] == 400
    assert "NotAuthorizedException" in refused["text"]


def test_what_browsers_ask_of_oauth_at_aws_stays_open(door: HttpServer, foreign: Page) -> None:
    """A page without a server of its own: discovery, the token endpoint with PKCE, userInfo."""
    keys = ask(foreign, f"{door.url}/{POOL_ID}/.well-known/jwks.json")
    assert keys["status"] == 200
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    code = Site(door.url).code(
        scope=f"openid {SELF_SERVICE}", code_challenge=CHALLENGE, code_challenge_method="S256"
    )
    body = (
        f"grant_type=authorization_code&client_id={CLIENT_ID}&code={code}"
        f"&redirect_uri={CALLBACK}&code_verifier={VERIFIER}"
    )
    url = f"{door.url}/oauth2/token"
    answer = ask(foreign, url, method="POST", headers=form, body=body)
    assert answer["status"] == 200
    token = foreign.evaluate("text => JSON.parse(text).access_token", answer["text"])
    bearer = {"Authorization": f"Bearer {token}"}
    told = ask(foreign, f"{door.url}/oauth2/userInfo", headers=bearer)
    assert told["status"] == 200
    assert "newcomer" in told["text"]
    again = ask(foreign, f"{door.url}/oauth2/userInfo", headers={"Authorization": "Bearer x"})
    assert again["status"] == 401
