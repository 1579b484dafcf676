"""Calls that go around botocore's pipeline, beside the same calls that go through it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
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
from urllib3.util import wait_for_read

from cognito_mfa.cognito import admin_api, clients, deadline, direct_calls, retry_budget, transport
from cognito_mfa.cognito.clients import client_for
from cognito_mfa.cognito.direct_calls import OPERATIONS, DirectCall, sender
from cognito_mfa.cognito.transport import call
from cognito_mfa.exceptions import Busy, CognitoMFAError, Unavailable, UserGone
from cognito_mfa.local import LocalCognito, faults
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID

GIVEN = {"UserPoolId": POOL_ID, "Username": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}
SECRETS = {"USERNAME": "ada", "PASSWORD": PASSWORD}
SIGN_IN = {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": CLIENT_ID, "AuthParameters": SECRETS}
OPERATION, ONCE = "AdminGetUser", "InitiateAuth"
GIVENS: dict[str, dict[str, Any]] = {OPERATION: GIVEN, ONCE: SIGN_IN}
ANSWER = {"ClientId": CLIENT_ID, "ChallengeName": "SOFTWARE_TOKEN_MFA", "Session": "s" * 40}
LONG = 60.0  # seconds, after which a test fails instead of waiting
UNUSED = {"RetryAttempts", "MaxAttemptsReached"}  # what nothing here reads of an answer
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


def whole_input(shape: Any) -> Any:
    """Return input with each member that ``shape`` has, at any depth."""
    if shape.type_name == "structure":
        return {name: whole_input(member) for name, member in shape.members.items()}
    if shape.type_name == "map":
        return {"näme": whole_input(shape.value), "other": whole_input(shape.value)}
    if shape.type_name == "list":
        return [whole_input(shape.member)] * 2
    if shape.type_name == "integer":
        return 7
    assert shape.type_name == "string"
    return 'gïven "text" \U0001f511'


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
    given = whole_input(client.meta.service_model.operation_model(operation).input_shape)
    while True:
        headers, body = direct.request(given)
        del headers["accept-encoding"]  # which urllib3 adds
        with pytest.raises(_Kept):
            client._make_api_call(operation, given)
        theirs = {
            k.lower(): v if isinstance(v, str) else v.decode() for k, v in kept[0].headers.items()
        }
        if theirs.get("x-amz-date") == headers.get("x-amz-date"):
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
    is_signed = "authorization" in theirs[0]
    assert is_signed == operation.startswith(("Admin", "List"))
    assert ours[0].get("x-amz-security-token", "") == (token if is_signed else "")


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
    """Return whether calls, signed or not, are made by the client's own methods."""
    (found,) = {
        isinstance(sender(client_for(operation), operation), DirectCall) for operation in GIVENS
    }
    return not found


def test_other_operations_go_through_botocore() -> None:
    client = client_for("DescribeUserPool")
    assert sender(client, "DescribeUserPool") == client.describe_user_pool


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
    [
        ("botocore.client.BaseClient", "_make_api_call"), ("botocore.endpoint.Endpoint", "make_request"),
        ("botocore.httpsession.URLLib3Session", "send"), ("urllib3.HTTPConnectionPool", "urlopen"),
    ],
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


def test_without_keys_botocore_says_so_where_it_needs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    assert not isinstance(sender(client_for(OPERATION), OPERATION), DirectCall)
    assert isinstance(sender(client_for(ONCE), ONCE), DirectCall)


# ----------------------------------------------------------------------------------- what comes back


@pytest.fixture
def ada(cognito: LocalCognito, url: str) -> str:
    """A user of the pool; returns the ``sub``."""
    pool = cognito.create_pool(POOL_ID, mfa="OPTIONAL")
    pool.create_client(CLIENT_ID)
    return str(pool.create_user("ada", password=PASSWORD).sub)


def test_an_answer_is_botocores(ada: str, cognito: LocalCognito) -> None:
    given = {"UserPoolId": POOL_ID, "Username": ada}
    client = client_for(OPERATION)
    direct, theirs = sender(client, OPERATION)(**given), client.admin_get_user(**given)
    told = direct.pop("ResponseMetadata"), theirs.pop("ResponseMetadata")
    assert direct == theirs
    assert told[0].keys() == told[1].keys() - UNUSED
    assert cognito.operations() == [OPERATION] * 2


@pytest.mark.usefixtures("ada")
def test_the_first_answer_of_a_sign_in_is_botocores() -> None:
    client = client_for(ONCE)
    direct, theirs = sender(client, ONCE)(**SIGN_IN), client.initiate_auth(**SIGN_IN)
    assert direct["ResponseMetadata"].keys() == theirs["ResponseMetadata"].keys() - UNUSED
    assert direct["AuthenticationResult"].keys() == theirs["AuthenticationResult"].keys()


def direct_call(operation: str) -> DirectCall:
    """Return what sends ``operation``, which it does directly."""
    direct = sender(client_for(operation), operation)
    assert isinstance(direct, DirectCall)
    return direct


def test_connections_are_kept(ada: str) -> None:
    for _ in range(3):
        admin_api.read_factors(ada)
    assert len(direct_call(OPERATION).connections._idle) == 1


@pytest.mark.usefixtures("ada")
def test_the_calls_of_a_sign_in_share_connections() -> None:
    """Each operation's own would be ten times as many as calls at a time."""
    assert call(ONCE, SIGN_IN)["AuthenticationResult"]
    connections = direct_call(ONCE).connections
    kept = list(connections._idle)
    with pytest.raises(CognitoMFAError):
        call("RespondToAuthChallenge", ANSWER)
    assert direct_call("RespondToAuthChallenge").connections is connections
    assert connections._idle == kept


# ------------------------------------------------------------------- what consumes is sent only once


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("executed", [False, True])
@pytest.mark.parametrize("fault", [faults.Reset, faults.Timeout])
def test_a_sign_in_whose_answer_is_lost_is_not_sent_again(
    executed: bool, fault: Any, cognito: LocalCognito
) -> None:
    """Also where it went out on a connection that had carried others."""
    call(ONCE, SIGN_IN)
    cognito.forget_calls()
    cognito.faults.on("*", fault(executed=executed))
    with deadline.within(1), pytest.raises(Unavailable) as raised:
        call(ONCE, SIGN_IN)
    assert raised.value.sent == "unknown"
    assert cognito.operations() == [ONCE]
    cognito.faults.clear()
    assert call(ONCE, SIGN_IN)["AuthenticationResult"]


@pytest.mark.usefixtures("ada")
def test_a_throttled_sign_in_is_repeated_as_often_as_through_botocore(
    cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, by ``transport``, whose budget is not taken twice."""
    monkeypatch.setattr(transport, "PAUSE", (0.0, 0.0))
    cognito.faults.on("*", faults.Error("TooManyRequestsException"))
    with pytest.raises(Busy):
        call(ONCE, SIGN_IN)
    assert cognito.operations() == [ONCE] * 2
    assert retry_budget.budget._tokens == {ONCE: retry_budget.TOKENS - 1}
    assert direct_call(ONCE).works


@pytest.mark.parametrize("error", ["NotAuthorizedException", "InternalErrorException"])
@pytest.mark.usefixtures("ada")
def test_an_error_of_cognitos_raises_no_doubts(error: str, cognito: LocalCognito) -> None:
    cognito.faults.on("*", faults.Error(error))
    with pytest.raises(CognitoMFAError):
        call(ONCE, SIGN_IN)
    assert direct_call(ONCE).works


def test_a_connection_that_ended_while_it_was_kept_is_not_used(settings: Settings) -> None:
    """Nothing was sent on it, so nothing is lost."""
    with other_server(ends=True) as url:
        use(settings, ENDPOINT_URL=url)
        for number in range(1, 4):
            assert call(ONCE, SIGN_IN)["ChallengeName"]
            (kept,) = direct_call(ONCE).connections._idle
            assert wait_for_read(kept, LONG), "the server did not end it"
            assert len(_Answering.asked) == number
        close(direct_call(ONCE))


def test_a_server_that_does_not_begin_tls_is_cut_at_the_deadline(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate_for("127.0.0.1", tmp_path)))
    with socket.create_server(("127.0.0.1", 0)) as server:
        use(settings, ENDPOINT_URL=f"https://127.0.0.1:{server.getsockname()[1]}")
        direct_call(ONCE)  # made before, so that the time is that of the connection
        with deadline.within(0.2), pytest.raises(Unavailable) as raised:
            call(ONCE, SIGN_IN)
    assert raised.value.reason == "deadline_exceeded"


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


@pytest.mark.parametrize("operation", GIVENS)
def test_nothing_listening_is_told_as_not_sent(operation: str, settings: Settings) -> None:
    use(settings, ENDPOINT_URL="http://127.0.0.1:9")
    assert direct_call(operation).works
    with pytest.raises(Unavailable) as raised:
        call(operation, GIVENS[operation])
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
    ends = False  # whether the connection does, after an answer that does not say so

    def do_POST(self) -> None:
        self.asked.append({name.lower(): value for name, value in self.headers.items()})
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"Username": "ada", "ChallengeName": "SELECT_CHALLENGE"}'
        direct = "content-type" in self.headers.keys()  # noqa: SIM118 - botocore has capitals there
        self.send_response(self.status_of_first if direct else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection |= self.ends

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


@contextmanager
def other_server(
    certificate: Path | None = None, *, status: int = 200, ends: bool = False
) -> Iterator[str]:
    """Answer, over TLS where there is a certificate, and return the address by number."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answering)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    _Answering.asked.clear()
    _Answering.status_of_first, _Answering.ends = status, ends
    try:
        yield f"http{'s' if certificate else ''}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.usefixtures("one_uuid")
@pytest.mark.parametrize("operation", GIVENS)
def test_what_arrives_is_botocores(operation: str, settings: Settings) -> None:
    """Also what its connections add."""
    from botocore import xform_name

    with other_server() as url:
        use(settings, ENDPOINT_URL=url)
        client, direct = client_for(operation), direct_call(operation)
        direct(**GIVENS[operation])
        getattr(client, xform_name(operation))(**GIVENS[operation])
        close(direct, client)
    ours, theirs = _Answering.asked
    for varying in ("x-amz-date", "authorization"):
        assert len(ours.pop(varying, "")) == len(theirs.pop(varying, ""))
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
        found = sender(client_for(OPERATION), OPERATION)
        assert isinstance(found, DirectCall) == (status == 500)
        close(direct, *clients._clients.values())
    assert len(_Answering.asked) == direct_calls.RESCUES * 2 + (2 if status == 500 else 1)


@pytest.mark.parametrize("status", [302, 400, 403, 500])
def test_what_consumes_is_not_repeated_where_direct_calls_do_not_work(
    status: int, settings: Settings
) -> None:
    """The next call is made by botocore, unless the server fails, which says nothing about the request."""
    with other_server(status=status) as url:
        use(settings, ENDPOINT_URL=url)
        direct = direct_call(ONCE)
        with pytest.raises(CognitoMFAError):
            call(ONCE, SIGN_IN)
        assert len(_Answering.asked) == 1
        assert direct.works == (status == 500)
        if not direct.works:
            assert call(ONCE, SIGN_IN)["ChallengeName"]
            assert direct_call("RespondToAuthChallenge").works, "each operation on its own"
        close(direct, *clients._clients.values())


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
