"""Calls that go around botocore's pipeline, beside the same calls that go through it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from pytest_django import Settings

from cognito_mfa.cognito import admin_api, clients, direct_calls
from cognito_mfa.cognito.clients import client_for
from cognito_mfa.cognito.direct_calls import OPERATIONS, DirectCall, sender
from cognito_mfa.cognito.transport import call
from cognito_mfa.exceptions import Busy, Unavailable, UserGone
from cognito_mfa.local import LocalCognito, faults
from tests.visitor import POOL_ID

GIVEN = {"UserPoolId": POOL_ID, "Username": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}
OPERATION = "AdminGetUser"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def own_clients(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[None]:
    """Let calls have keys, the app's own clients, and no pause before a second attempt."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example/secret+key")
    monkeypatch.setattr(direct_calls, "PAUSE", (0.0, 0.0))
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    use(settings)
    yield
    for client in clients._clients.values():
        client.close()


def use(settings: Settings, **values: object) -> None:
    """Set the app to clients of its own."""
    factory = "cognito_mfa.cognito.make_client"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_FACTORY": factory, **values}


@pytest.fixture
def url(cognito: LocalCognito, settings: Settings) -> Iterator[str]:
    """Serve a local Cognito, to which calls go."""
    with cognito.serve() as server:
        use(settings, ENDPOINT_URL=server.url)
        yield server.url


# --------------------------------------------------------------------------------- the same request


class _Kept(BaseException):
    """Ends a call before it is sent."""


def both_requests(operation: str) -> list[tuple[dict[str, str], bytes]]:
    """Return the headers and the body of a direct call, and of botocore's own, in the same second."""
    client = client_for(operation)
    direct = sender(client, operation)
    assert isinstance(direct, DirectCall)
    kept: list[Any] = []

    def keep(request: Any, **_kwargs: object) -> None:
        kept[:] = [request]
        raise _Kept

    client.meta.events.register("before-send", keep)
    while True:
        headers, body = direct.request(GIVEN)
        del headers["accept-encoding"]  # which urllib3 adds
        with pytest.raises(_Kept):
            client._make_api_call(operation, GIVEN)
        theirs = {
            k.lower(): v if isinstance(v, str) else v.decode() for k, v in kept[0].headers.items()
        }
        if theirs["x-amz-date"] == headers["x-amz-date"]:
            url, host = urlsplit(kept[0].url), urlsplit(f"//{headers.pop('host')}").hostname
            assert (kept[0].method, url.path, url.hostname) == ("POST", "/", host)
            return [(headers, body), (theirs, kept[0].body)]


@pytest.fixture
def one_uuid(monkeypatch: pytest.MonkeyPatch) -> None:
    same = uuid.UUID(int=7)
    monkeypatch.setattr(uuid, "uuid4", lambda: same)


@pytest.mark.usefixtures("one_uuid")
@pytest.mark.parametrize("operation", sorted(OPERATIONS))
@pytest.mark.parametrize("token", ["", "example+session/token=="])
def test_each_header_is_botocores(
    operation: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if token:
        monkeypatch.setenv("AWS_SESSION_TOKEN", token)
    ours, theirs = both_requests(operation)
    assert ours == theirs
    assert ours[0].get("x-amz-security-token", "") == token


@pytest.mark.usefixtures("one_uuid")
@pytest.mark.parametrize("fips", ["false", "true"])
@pytest.mark.parametrize("dual_stack", ["false", "true"])
@pytest.mark.parametrize(
    "region", ["eu-west-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "eusc-de-east-1"]
)
def test_so_it_is_in_each_partition(
    region: str, dual_stack: str, fips: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from botocore.exceptions import BotoCoreError

    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", fips)
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", dual_stack)
    use(settings, REGION=region)
    try:
        client_for(OPERATION)
    except BotoCoreError:
        pytest.skip("botocore knows no such endpoint")
    ours, theirs = both_requests(OPERATION)
    assert ours == theirs
    assert f"/{region}/cognito-idp/aws4_request" in ours[0]["authorization"]


@pytest.mark.usefixtures("one_uuid")
@pytest.mark.parametrize(
    "endpoint",
    ["https://cognito.example.com", "https://cognito.example.com:443/", "http://127.0.0.1:9229", "http://[::1]:9229/"],
)  # fmt: skip
def test_so_it_is_at_other_endpoints(endpoint: str, settings: Settings) -> None:
    use(settings, ENDPOINT_URL=endpoint)
    ours, theirs = both_requests(OPERATION)
    assert ours == theirs


# --------------------------------------------------------------------------- which calls are direct


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_the_installed_botocore_needs_no_more(operation: str) -> None:
    assert isinstance(sender(client_for(operation), operation), DirectCall)


def goes_through_botocore() -> bool:
    """Return whether a call is made by the client's own method."""
    return not isinstance(sender(client_for(OPERATION), OPERATION), DirectCall)


def test_other_operations_go_through_botocore() -> None:
    client = client_for("ListUsers")
    assert sender(client, "ListUsers") == client.list_users


def test_a_factory_of_the_site_is_used_as_it_is(settings: Settings) -> None:
    use(settings, CLIENT_FACTORY=partial(clients.make_client))
    assert goes_through_botocore()


@pytest.mark.parametrize("event", ["before-send", "before-call", "needs-retry", "request-created"])
def test_handlers_that_others_register_are_called(
    event: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As moto and Sentry do, in each client that botocore makes."""
    import botocore.handlers

    more = (f"{event}.cognito-identity-provider", lambda **_kwargs: None)
    monkeypatch.setattr(
        botocore.handlers, "BUILTIN_HANDLERS", [*botocore.handlers.BUILTIN_HANDLERS, more]
    )
    assert goes_through_botocore()


@pytest.mark.parametrize(
    ("place", "name"),
    [("botocore.client.BaseClient", "_make_api_call"), ("botocore.endpoint.Endpoint", "make_request")],
)  # fmt: skip
def test_methods_that_a_tracer_replaces_are_called(
    place: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where that is done after the first call."""
    from functools import wraps

    from django.utils.module_loading import import_string

    assert not goes_through_botocore()
    owner = import_string(place)
    original = getattr(owner, name)

    @wraps(original)
    def traced(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, traced)
    assert goes_through_botocore()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTPS_PROXY", "http://proxy.example.com:3128"),
        ("AWS_LAMBDA_FUNCTION_NAME", "site"),
        ("AWS_SDK_UA_APP_ID", "billing"),
        ("AWS_AUTH_SCHEME_PREFERENCE", "sigv4a"),
    ],
)
def test_what_only_botocore_knows_is_left_to_it(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert goes_through_botocore()


def test_an_endpoint_with_a_path_is_left_to_botocore(settings: Settings) -> None:
    use(settings, ENDPOINT_URL="https://gateway.example.com/cognito")
    assert goes_through_botocore()


def test_without_keys_botocore_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    assert goes_through_botocore()


# ----------------------------------------------------------------------------------- what comes back


@pytest.fixture
def ada(cognito: LocalCognito, url: str) -> str:
    """A user of the pool; returns the ``sub``."""
    pool = cognito.create_pool(POOL_ID, mfa="OPTIONAL")
    return str(pool.create_user("ada", password="Correct-Horse-7").sub)


def test_an_answer_is_botocores(ada: str, cognito: LocalCognito) -> None:
    given = {"UserPoolId": POOL_ID, "Username": ada}
    client = client_for(OPERATION)
    direct, theirs = sender(client, OPERATION)(**given), client.admin_get_user(**given)
    told = direct.pop("ResponseMetadata"), theirs.pop("ResponseMetadata")
    assert direct == theirs
    assert told[0].keys() == told[1].keys() - {"RetryAttempts"}
    assert cognito.operations() == [OPERATION] * 2


def test_connections_are_kept(ada: str) -> None:
    for _ in range(3):
        admin_api.read_factors(ada)
    direct = sender(client_for(OPERATION), admin_api.reading_operation())
    assert isinstance(direct, DirectCall)
    assert len(direct.connections._idle) == 1


def test_a_refusal_is_not_repeated(ada: str, cognito: LocalCognito) -> None:
    with pytest.raises(UserGone):
        admin_api.read_factors(GIVEN["Username"])
    assert len(cognito.operations()) == 1


def test_a_throttled_call_has_as_many_attempts_as_botocores(
    ada: str, cognito: LocalCognito
) -> None:
    cognito.faults.on("*", faults.Error("TooManyRequestsException"))
    with pytest.raises(Busy):
        admin_api.read_factors(ada)
    assert len(cognito.operations()) == clients.READ_ATTEMPTS


@pytest.mark.parametrize(
    "fault", [faults.Reset(executed=True), faults.Error("InternalErrorException")]
)
def test_a_failure_that_passes_is_not_noticed(fault: Any, ada: str, cognito: LocalCognito) -> None:
    cognito.faults.on("*", fault, times=1)
    assert admin_api.read_factors(ada).username
    assert len(cognito.operations()) == 2


def test_nothing_listening_is_told_as_not_sent(settings: Settings) -> None:
    use(settings, ENDPOINT_URL="http://127.0.0.1:9")
    with pytest.raises(Unavailable) as raised:
        call(OPERATION, GIVEN)
    assert raised.value.sent == "no"


def test_a_header_has_no_line_break(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token\r\nX-Forged: yes")
    direct = sender(client_for(OPERATION), OPERATION)
    assert isinstance(direct, DirectCall)
    with pytest.raises(ValueError, match="line break"):
        direct_calls.written(*direct.request(GIVEN))


# -------------------------------------------------------------------------------------- other servers


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[dict[str, str]]] = []
    status_of_first = 200

    def do_POST(self) -> None:
        self.asked.append({name.lower(): value for name, value in self.headers.items()})
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"Username": "ada"}'
        direct = "content-type" in self.headers.keys()  # noqa: SIM118 - botocore has capitals there
        self.send_response(self.status_of_first if direct else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@contextmanager
def other_server(certificate: Path | None = None, *, status: int = 200) -> Iterator[str]:
    """Answer, over TLS where there is a certificate, and return the address by number."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    _Answering.asked.clear()
    _Answering.status_of_first = status
    try:
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.usefixtures("one_uuid")
def test_what_arrives_is_botocores(settings: Settings) -> None:
    """Also what its connections add."""
    with other_server() as url:
        use(settings, ENDPOINT_URL=url)
        client = client_for(OPERATION)
        direct = sender(client, OPERATION)
        direct(**GIVEN)
        client.admin_get_user(**GIVEN)
        close(direct, client)
    ours, theirs = _Answering.asked
    for varying in ("x-amz-date", "authorization"):
        assert len(ours.pop(varying)) == len(theirs.pop(varying))
    assert ours == theirs


@pytest.mark.parametrize("status", [400, 403, 500])
def test_where_direct_calls_do_not_work_botocore_makes_them(
    status: int, settings: Settings
) -> None:
    """Not for a server that fails, which says nothing about the request."""
    with other_server(status=status) as url:
        use(settings, ENDPOINT_URL=url)
        direct = sender(client_for(OPERATION), OPERATION)
        for _ in range(direct_calls.RESCUES + 1):
            assert call(OPERATION, GIVEN)["Username"] == "ada"
        assert goes_through_botocore() == (status != 500)
        close(direct, *clients._clients.values())
    assert len(_Answering.asked) == direct_calls.RESCUES * 2 + (2 if status == 500 else 1)


def close(direct: Any, *others: Any) -> None:
    """Close the connections, for which the server waits."""
    assert isinstance(direct, DirectCall)
    direct.connections.close()
    for client in others:
        client.close()


def certificate_for(address: str, folder: Path) -> Path:
    """Return a file with a key and a certificate that vouches for itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Example")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    builder = builder.add_extension(names, critical=False)
    day = dt.timedelta(days=1)
    signed = (
        builder.not_valid_before(now - day).not_valid_after(now + day).sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", ""])
@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2"])
def test_who_answers_is_who_botocore_believes(
    variable: str, address: str, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = certificate_for(address, tmp_path)
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(certificate))
    with other_server(certificate) as url:
        use(settings, ENDPOINT_URL=url)
        direct = sender(client_for(OPERATION), OPERATION)
        assert isinstance(direct, DirectCall)
        if variable and address == "127.0.0.1":
            assert call(OPERATION, GIVEN)["Username"] == "ada"
            assert call(OPERATION, GIVEN)["Username"] == "ada"
        else:
            with pytest.raises(Unavailable) as raised:
                call(OPERATION, GIVEN)
            assert raised.value.error == "SSLError"
            assert not _Answering.asked
        direct.connections.close()
