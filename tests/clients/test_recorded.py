"""Requests as the SDKs of five languages write them, byte for byte (recorded/README.md)."""

from __future__ import annotations

import http.client
import re
import socket
import threading
from pathlib import Path

import pytest

from tests.clients.conftest import Site
from tests.local.caller import PASSWORD, Caller
from tests.local.conftest import http_client
from tests.local.raw import Response

RECORDED = Path(__file__).parent / "recorded"
SAMPLES = sorted(path.stem for path in RECORDED.glob("*.http"))


@pytest.fixture
def session(site: Site) -> str:
    """Of a user who has just scanned a secret."""
    site.pool.create_user("ada", password=PASSWORD)
    caller = Caller(http_client(site.url))
    return str(caller.associate(caller.password("ada")["Session"])["Session"])


def request(language: str, host: str, session: str, user_code: str) -> bytes:
    head, _, body = (RECORDED / f"{language}.http").read_text().partition("\n\n")
    body = body.replace("{session}", session).replace("{user_code}", user_code)
    head = head.replace("{host}", host).replace("{content_length}", str(len(body.encode())))
    return (head + "\n\n").replace("\n", "\r\n").encode() + body.encode()


def exchange(site: Site, language: str, session: str, user_code: str) -> Response:
    """The answer to those bytes, on a connection of its own."""
    host = site.url.removeprefix("http://")
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port)), 5) as connection:
        connection.sendall(request(language, host, session, user_code))
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, headers, answer.read())


def test_every_language_of_the_page_is_there() -> None:
    assert SAMPLES == ["cpp", "dotnet", "java", "kotlin", "python"]


@pytest.mark.parametrize("language", SAMPLES)
def test_a_right_code(site: Site, session: str, language: str) -> None:
    answer = exchange(site, language, session, site.pool.pending_code_for("ada"))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert answer.headers["x-amzn-requestid"]
    assert set(answer.json()) == {"Status", "Session"}
    assert answer.json()["Status"] == "SUCCESS"
    caller = Caller(http_client(site.url))
    done = caller.respond("MFA_SETUP", answer.json()["Session"], "ada")
    assert done["AuthenticationResult"]["AccessToken"]


@pytest.mark.parametrize("language", SAMPLES)
def test_a_wrong_code(site: Site, session: str, language: str) -> None:
    """SDKs read the error from the header, or from the body: both say the same. The session
    stays, and the same request with a right code goes through."""
    near = {site.pool.pending_code_for("ada", offset=steps) for steps in range(-2, 4)}
    wrong = next(code for code in (str(digit) * 6 for digit in range(10)) if code not in near)
    answer = exchange(site, language, session, wrong)
    assert answer.status == 400
    assert answer.headers["x-amzn-errortype"] == "EnableSoftwareTokenMFAException:"
    assert answer.json() == {
        "__type": "EnableSoftwareTokenMFAException",
        "message": "Code mismatch",
    }
    again = exchange(site, language, session, site.pool.pending_code_for("ada"))
    assert again.json()["Status"] == "SUCCESS"


@pytest.mark.parametrize("language", SAMPLES)
def test_a_session_is_used_once(site: Site, session: str, language: str) -> None:
    code = site.pool.pending_code_for("ada")
    assert exchange(site, language, session, code).status == 200
    answer = exchange(site, language, session, code)
    assert answer.headers["x-amzn-errortype"] == "NotAuthorizedException:"
    assert "session can only be used once" in answer.json()["message"]


def test_the_one_for_python_is_what_boto3_sends(tmp_path: Path) -> None:
    sent: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        thread = threading.Thread(target=_answer_one, args=[listener, sent])
        thread.start()
        http_client(f"http://{host}:{port}").verify_software_token(
            Session="S" * 30, UserCode="123456"
        )
        thread.join()
    recorded = request("python", f"{host}:{port}", "S" * 30, "123456")
    assert _comparable(sent[0]) == _comparable(recorded)


def _answer_one(listener: socket.socket, sent: list[bytes]) -> None:
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as stream:
        head = b"".join(iter(stream.readline, b"\r\n")) + b"\r\n"
        size = re.search(rb"(?i)content-length: (\d+)", head)
        assert size is not None
        sent.append(head + stream.read(int(size[1])))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def _comparable(data: bytes) -> tuple[list[str], str]:
    """The head without what differs from call to call and from version to version, and the body."""
    head, _, body = data.decode().partition("\r\n\r\n")
    lines = head.split("\r\n")
    varying = ("user-agent", "amz-sdk-invocation-id", "amz-sdk-request")
    plain = [line.partition(":")[0] if line.lower().startswith(varying) else line for line in lines]
    return plain, body
