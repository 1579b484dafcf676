"""Every answer of the local Cognito's HTTP server, and every kind of caller. What a browser makes of it is
in tests/browser/test_local_cognito.py; this is the whole table, byte by byte."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.cognito import PLACES
from cognito_mfa.local.controls import PLACES as CONTROLS
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire.origins import Hosts
from cognito_mfa.local.wire.server import HttpServer
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID
from tests.local.web_client import WEB

TARGET = b"X-Amz-Target: AWSCognitoIdentityProviderService."
SIGNED = b"Authorization: AWS4-HMAC-SHA256 x"
FORM = b"Content-Type: application/x-www-form-urlencoded"
JSON = b"Content-Type: application/json"
QUERY = f"client_id={CLIENT_ID}&redirect_uri=https://site.example/callback&response_type=code"
PASSWORD_FORM = f"username=newcomer&password={PASSWORD}".encode()
ALLOWED_ORIGIN = "access-control-allow-origin"

SHARED, UNSHARED, REFUSED = "shared", "unshared", "refused"


@dataclass(frozen=True)
class Ask:
    """A request, its status where the caller may ask, and what a page of another origin gets: the
    answer, an answer that its browser keeps from it, or a refusal."""

    method: str
    path: str
    status: int
    foreign: str
    headers: tuple[bytes, ...] = ()
    body: bytes = b""


LIST_USERS = f'{{"UserPoolId": "{POOL_ID}"}}'.encode()
ROUTES = {
    "an IAM operation": Ask("POST", "/", 200, REFUSED, (TARGET + b"ListUsers", SIGNED), LIST_USERS),
    "an IAM operation at another path": Ask(
        "POST", "/oauth2/userInfo/", 200, REFUSED, (TARGET + b"ListUsers", SIGNED), LIST_USERS
    ),
    "an IAM operation without a signature": Ask(
        "POST", "/", 400, SHARED, (TARGET + b"ListUsers",), LIST_USERS
    ),
    "an operation that needs no signature": Ask(
        "POST", "/", 400, SHARED, (TARGET + b"GetUser",), b'{"AccessToken": "x"}'
    ),
    "the same, signed": Ask(
        "POST", "/", 400, REFUSED, (TARGET + b"GetUser", SIGNED), b'{"AccessToken": "x"}'
    ),
    "no operation": Ask("POST", "/", 400, SHARED),
    "the outbox": Ask("GET", "/outbox", 200, REFUSED),
    "the outbox with a query": Ask("GET", "/outbox?/.well-known/jwks.json", 200, REFUSED),
    "nothing": Ask("GET", "/nothing", 404, UNSHARED),
    "nothing that looks public": Ask("GET", "/outbox/.well-known/jwks.json", 404, UNSHARED),
    "the keys": Ask("GET", f"/{POOL_ID}/.well-known/jwks.json", 200, SHARED),
    "discovery": Ask("GET", f"/{POOL_ID}/.well-known/openid-configuration", 200, SHARED),
    "managed login": Ask("GET", f"/oauth2/authorize?{QUERY}", 200, UNSHARED),
    "managed login by its other name": Ask("GET", f"/login?{QUERY}", 200, UNSHARED),
    "managed login's form": Ask(
        "POST", f"/oauth2/authorize?{QUERY}", 302, REFUSED, (FORM,), PASSWORD_FORM
    ),
    "leaving": Ask(
        "GET",
        f"/logout?client_id={CLIENT_ID}&logout_uri=https://site.example/bye",
        302,
        UNSHARED,
    ),
    "a link that confirms": Ask("GET", f"/confirmUser?client_id={CLIENT_ID}", 400, UNSHARED),
    "a form to leave": Ask("POST", "/logout", 405, REFUSED, (FORM,)),
    "the token endpoint": Ask(
        "POST", "/oauth2/token", 400, SHARED, (FORM,), f"client_id={CLIENT_ID}".encode()
    ),
    "the token endpoint with a secret": Ask(
        "POST", "/oauth2/token", 400, SHARED, (FORM, b"Authorization: Basic eDp5")
    ),
    "the token endpoint, read": Ask("GET", "/oauth2/token", 405, SHARED),
    "the end of a token": Ask(
        "POST", "/oauth2/revoke", 200, SHARED, (FORM,), f"client_id={CLIENT_ID}&token=x".encode()
    ),
    "the end of no token": Ask(
        "POST", "/oauth2/revoke", 400, SHARED, (FORM,), f"client_id={CLIENT_ID}".encode()
    ),
    "the end of a stranger's token": Ask(
        "POST", "/oauth2/revoke", 401, SHARED, (FORM, b"Authorization: Basic eDp5")
    ),
    "who a token speaks for, posted": Ask(
        "POST", "/oauth2/userInfo", 401, SHARED, (b"Authorization: Bearer x",)
    ),
    "the keys, posted": Ask("POST", f"/{POOL_ID}/.well-known/jwks.json", 405, SHARED),
    "whether it is ready": Ask("GET", "/health", 200, REFUSED),
    "the clock": Ask("GET", "/clock", 200, REFUSED),
    "a move of the clock": Ask("POST", "/clock", 200, REFUSED, (JSON,), b'{"advance": 30}'),
    "a move of the clock as a form": Ask(
        "POST", "/clock", 415, REFUSED, (b"Content-Type: text/plain",), b'{"advance": 30}'
    ),
    "the behaviors": Ask("GET", "/behaviors", 200, REFUSED),
    "another behavior": Ask(
        "POST", "/behaviors", 200, REFUSED, (JSON,), b'{"email_code_failures_lock": true}'
    ),
    "the faults": Ask("GET", "/faults", 200, REFUSED),
    "a fault": Ask(
        "POST",
        "/faults",
        200,
        REFUSED,
        (JSON,),
        b'{"operation": "SignUp", "fault": "Unreachable"}',
    ),
    "no more faults": Ask("DELETE", "/faults", 200, REFUSED),
    "who a token speaks for": Ask(
        "GET", "/oauth2/userInfo", 401, SHARED, (b"Authorization: Bearer x",)
    ),
    "an unknown method": Ask("DELETE", "/", 405, UNSHARED),
}


@pytest.fixture
def pool(cognito: LocalCognito) -> LocalPool:
    made = cognito.create_pool(POOL_ID, mfa="OPTIONAL")
    made.create_client(CLIENT_ID, settings=WEB)
    made.create_user("newcomer", password=PASSWORD, attributes={"email": "new@example.com"})
    return made


@pytest.fixture
def server(cognito: LocalCognito, pool: LocalPool) -> Iterator[HttpServer]:
    with cognito.serve() as server:
        yield server


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes


def send(server: HttpServer, ask: Ask, *more: bytes, host: bytes | None = None) -> Got:
    """``host`` is a whole header, or several; None is the right one."""
    own = f"Host: 127.0.0.1:{server.port}".encode() if host is None else host
    lines = [f"{ask.method} {ask.path} HTTP/1.1".encode(), *([own] if own else []), *ask.headers]
    lines += [*more, b"Connection: close", b"Content-Length: %d" % len(ask.body), b"", ask.body]
    received = bytearray()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(b"\r\n".join(lines))
        while chunk := connection.recv(65536):
            received += chunk
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    return Got(int(first.split()[1]), headers, body)


def foreign_origins(server: HttpServer) -> list[str]:
    return [
        "http://evil.example",
        "https://evil.example",
        f"http://evil.example:{server.port}",
        "null",
        "",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        f"http://localhost:{server.port}",
        f"http://127.0.0.1:{server.port}.evil.example",
        f"http://evil.example/http://127.0.0.1:{server.port}",
        f"http://127.0.0.1:{server.port}@evil.example",
        f"ftp://127.0.0.1:{server.port}",
        f"127.0.0.1:{server.port}",
        "file://",
        "chrome-extension://abcdefgh",
    ]


def is_private(got: Got) -> bool:
    """Neither readable for a page of another origin, nor to be loaded or framed by it."""
    return ALLOWED_ORIGIN not in got.headers and (
        got.headers["cross-origin-resource-policy"],
        got.headers["x-content-type-options"],
        got.headers["x-frame-options"],
    ) == ("same-origin", "nosniff", "DENY")


@pytest.mark.parametrize("name", ROUTES)
class TestOrigins:
    """Kept by ``Caller.may`` and ``Caller.headers`` in local/wire/origins.py; with ``is_foreign`` always
    false, or with SHARED for every answer, these fail."""

    def test_a_program_and_our_own_page_may_ask(self, server: HttpServer, name: str) -> None:
        ask = ROUTES[name]
        for more in ([], [f"Origin: http://127.0.0.1:{server.port}".encode()]):
            got = send(server, ask, *more)
            assert got.status == ask.status
            assert (ALLOWED_ORIGIN in got.headers) == (ask.foreign == SHARED)
            assert (ALLOWED_ORIGIN in got.headers) != is_private(got)

    def test_a_page_of_another_origin_gets_what_is_open(
        self, cognito: LocalCognito, server: HttpServer, name: str
    ) -> None:
        ask = ROUTES[name]
        for origin in foreign_origins(server):
            cognito.forget_calls()
            got = send(server, ask, f"Origin: {origin}".encode())
            assert got.status == (403 if ask.foreign == REFUSED else ask.status), origin
            assert (got.headers.get(ALLOWED_ORIGIN) == "*") == (ask.foreign == SHARED), origin
            if ask.foreign != SHARED:
                assert is_private(got), origin
            if ask.foreign == REFUSED:
                assert cognito.operations() == []
                assert b"newcomer" not in got.body
                assert "location" not in got.headers

    def test_two_origins_are_a_bad_request(self, server: HttpServer, name: str) -> None:
        own = f"Origin: http://127.0.0.1:{server.port}".encode()
        got = send(server, ROUTES[name], own, b"Origin: http://evil.example")
        assert got.status == 400
        assert ALLOWED_ORIGIN not in got.headers

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "evil.example:{port}",
            "localhost.evil.example:{port}",
            "127.0.0.1.evil.example",
            "evil.example:{port}@127.0.0.1",
            "127.0.0.1@evil.example",
            "127.0.0.1:{port}, evil.example",
            "127.0.0.1:{port}/evil.example",
            "127.0.0.1:80x",
            "127.0.0.2",
            "0.0.0.0",  # noqa: S104 - a header
            "[::]",
            "[::1",
            "[fe80::1]",
            "2130706433",
            "0x7f.1",
            "localhost.",
            "foo.localhost",
            "",
            ":{port}",
        ],
    )
    def test_another_name_is_refused(
        self, cognito: LocalCognito, server: HttpServer, name: str, host: str
    ) -> None:
        """Kept by ``Hosts.include``, local/wire/origins.py. That page's origin is our own."""
        text = host.format(port=server.port)
        got = send(
            server, ROUTES[name], f"Origin: http://{text}".encode(), host=f"Host: {text}".encode()
        )
        assert got.status == 403
        assert is_private(got)
        assert b"newcomer" not in got.body
        assert cognito.operations() == []

    def test_no_name_is_a_bad_request(self, server: HttpServer, name: str) -> None:
        got = send(server, ROUTES[name], host=b"")
        assert got.status == 400
        assert ALLOWED_ORIGIN not in got.headers

    def test_two_names_are_a_bad_request(self, server: HttpServer, name: str) -> None:
        """Whichever of the two another user would take."""
        for hosts in (
            b"Host: localhost\r\nHost: evil.example",
            b"Host: evil.example\r\nHost: localhost",
            b"Host: localhost\r\nhost: localhost",
            b"Host: evil.example\r\nHost : localhost",
            b"Host: evil.example\r\n Host: localhost",
        ):
            got = send(server, ROUTES[name], host=hosts)
            assert got.status == 400
            assert ALLOWED_ORIGIN not in got.headers

    def test_an_address_with_a_host_of_its_own_is_a_bad_request(
        self, server: HttpServer, name: str
    ) -> None:
        ask = ROUTES[name]
        whole = Ask(
            ask.method, f"http://evil.example{ask.path}", 400, REFUSED, ask.headers, ask.body
        )
        assert send(server, whole).status == 400


def test_every_path_is_in_the_table() -> None:
    paths = {ask.path.partition("?")[0] for ask in ROUTES.values()}
    assert set(PLACES) - paths == set()


def test_a_page_learns_of_an_internal_error(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its browser shows it the answers, it shows it this one, too."""

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    for name in ("answer", "web", "document"):
        monkeypatch.setattr(LocalCognito, name, broken)
    for name in ("no operation", "the token endpoint", "the keys", "the outbox"):
        got = send(server, ROUTES[name])
        assert got.status == 500
        assert (ALLOWED_ORIGIN in got.headers) == (ROUTES[name].foreign == SHARED)


@pytest.mark.parametrize("name", [name for name in ROUTES if ROUTES[name].path in CONTROLS])
class TestControls:
    """What changes the behavior is for programs, whatever a page's request looks like."""

    @pytest.mark.parametrize("site", [b"cross-site", b"same-site", b"", b"None", b"x"])
    def test_a_browser_says_that_a_page_asks(
        self, cognito: LocalCognito, server: HttpServer, name: str, site: bytes
    ) -> None:
        """Some requests of pages have no Origin: a script's address, a link, a picture."""
        before, began = (cognito.behavior, cognito.faults.listed()), cognito.clock.now()
        got = send(server, ROUTES[name], b"Sec-Fetch-Site: " + site)
        assert got.status == 403
        assert is_private(got)
        assert (cognito.behavior, cognito.faults.listed()) == before
        assert cognito.clock.now() < began + 30

    @pytest.mark.parametrize("site", [b"same-origin", b"none"])
    def test_a_person_may_look(self, server: HttpServer, name: str, site: bytes) -> None:
        got = send(server, ROUTES[name], b"Sec-Fetch-Site: " + site)
        assert got.status == ROUTES[name].status
        assert is_private(got)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]", "[0:0:0:0:0:0:0:1]"]
)
@pytest.mark.parametrize("port", ["", ":", ":1", ":{port}"])
def test_the_loopback_names_lead_here_through_any_port(
    server: HttpServer, host: str, port: str
) -> None:
    """A container's port is often another one outside."""
    text = f"Host: {host}{port.format(port=server.port)}".encode()
    assert send(server, ROUTES["the outbox"], host=text).status == 200


class TestPreflights:
    """What a browser asks before it sends a page's request. Kept by ``preflight``, local/wire/origins.py."""

    def allowed(self, server: HttpServer, path: str, *headers: bytes) -> set[str] | None:
        got = send(server, Ask("OPTIONS", path, 204, SHARED, headers))
        if ALLOWED_ORIGIN not in got.headers:
            return None
        assert (got.status, got.headers[ALLOWED_ORIGIN]) == (204, "*")
        return set(got.headers["access-control-allow-headers"].split(","))

    @pytest.mark.parametrize("origin", [b"http://evil.example", b"null"])
    @pytest.mark.parametrize("path", ["/", "/us-east-1/", "/nothing", "/oauth2/token/", "/oauth2"])
    def test_the_api_takes_no_signature_of_a_page(
        self, server: HttpServer, path: str, origin: bytes
    ) -> None:
        asked = (
            b"Origin: " + origin,
            b"Access-Control-Request-Headers: authorization,x-amz-target",
        )
        names = self.allowed(server, path, *asked)
        assert names is not None
        assert {"content-type", "x-amz-target", "x-amz-user-agent", "cache-control"} <= names
        assert not names & {"authorization", "*"}

    @pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/userInfo", "/oauth2/revoke"])
    def test_oauths_endpoints_take_a_bearers(self, server: HttpServer, path: str) -> None:
        names = self.allowed(server, path, b"Origin: http://evil.example")
        assert names is not None
        assert {"content-type", "authorization"} <= names

    @pytest.mark.parametrize(
        "path",
        [
            "/outbox",
            "/login",
            "/oauth2/authorize",
            "/logout",
            "/confirmUser",
            "/health",
            "/clock",
            "/behaviors",
            "/faults",
        ],
    )
    def test_the_rest_takes_nothing(self, server: HttpServer, path: str) -> None:
        assert self.allowed(server, path, b"Origin: http://evil.example") is None

    def test_another_name_is_told_nothing(self, server: HttpServer) -> None:
        got = send(server, Ask("OPTIONS", "/", 204, SHARED), host=b"Host: evil.example")
        assert got.status == 403
        assert ALLOWED_ORIGIN not in got.headers


class TestAllowedNames:
    def test_a_name_that_is_given_leads_here(self, cognito: LocalCognito, pool: LocalPool) -> None:
        with cognito.serve(allow_hosts=["Cognito", "fd00:0::1", "local_cognito"]) as server:
            for host in (
                b"cognito",
                b"COGNITO:9229",
                b"[fd00::1]:9229",
                b"local_cognito",
                b"localhost",
            ):
                assert send(server, ROUTES["the outbox"], host=b"Host: " + host).status == 200
            assert send(server, ROUTES["the outbox"], host=b"Host: evil.example").status == 403

    def test_its_page_is_our_own(self, cognito: LocalCognito, pool: LocalPool) -> None:
        with cognito.serve(allow_hosts=["cognito"]) as server:
            iam, host = ROUTES["an IAM operation"], b"Host: cognito:9229"
            assert send(server, iam, b"Origin: http://cognito:9229", host=host).status == 200
            assert send(server, iam, b"Origin: http://localhost:9229", host=host).status == 403

    @pytest.mark.parametrize("bound", ["0.0.0.0", ""])  # noqa: S104 - as in a container
    def test_a_server_on_the_network_answers_to_no_more_names(
        self, cognito: LocalCognito, pool: LocalPool, bound: str
    ) -> None:
        with cognito.serve(host=bound) as server:
            assert send(server, ROUTES["the outbox"]).status == 200
            for host in (b"evil.example", b"192.0.2.1", b"cognito"):
                assert send(server, ROUTES["the outbox"], host=b"Host: " + host).status == 403

    def test_the_address_that_it_is_bound_to_is_its_name(
        self, cognito: LocalCognito, pool: LocalPool
    ) -> None:
        assert Hosts("192.0.2.1").include("192.0.2.1:9229")
        assert Hosts("2001:db8::1").include("[2001:DB8:0::1]:9229")
        assert not Hosts("192.0.2.1").include("192.0.2.2")

    @pytest.mark.parametrize(
        "name", ["*", "", "a b", "evil.example/x", "http://x", "x:80", "[::1", "ü"]
    )
    def test_what_is_no_name_is_said(self, cognito: LocalCognito, name: str) -> None:
        with pytest.raises(ValueError, match="is not the name of a host"):
            cognito.serve(allow_hosts=[name])

    def test_a_program_is_told_which_option_it_needs(self, server: HttpServer) -> None:
        got = send(server, ROUTES["an IAM operation"], host=b"Host: cognito:9229")
        assert b"AccessDeniedException" in got.body
        assert b"--allow-host" in got.body
        assert b"--allow-host" in send(server, ROUTES["the outbox"], host=b"Host: cognito").body
