"""JSON as it is on the wire: without blanks, in the values of other JSON as well."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cognito_mfa import local
from cognito_mfa.local import LocalCognito
from cognito_mfa.local.json_text import compact
from cognito_mfa.local.wire.server import HttpServer
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID
from tests.local.raw import post, request


@pytest.fixture
def server(cognito: LocalCognito) -> Iterator[HttpServer]:
    pool = cognito.create_pool(
        POOL_ID, mfa="ON", sms=True, email=True, required_attributes=["given_name", "family_name"]
    )
    pool.create_client(CLIENT_ID)
    attributes = {"email": "new@example.com", "name": "New"}
    pool.create_user("invited", password=PASSWORD, attributes=attributes)
    pool.create_user("bare", password=PASSWORD)
    pool.user("invited").status = "FORCE_CHANGE_PASSWORD"
    with cognito.serve() as server:
        yield server


@pytest.mark.parametrize(
    ("username", "expected"),
    [
        ("invited", rb'"userAttributes":"{\"email\":\"new@example.com\",\"name\":\"New\"}"'),
        ("invited", rb'"[\"userAttributes.given_name\",\"userAttributes.family_name\"]"'),
        ("bare", rb'"MFAS_CAN_SETUP":"[\"SOFTWARE_TOKEN_MFA\",\"EMAIL_OTP\"]"'),
    ],
)
def test_challenges_have_no_blanks(server: HttpServer, username: str, expected: bytes) -> None:
    body = {
        "ClientId": CLIENT_ID,
        "AuthFlow": "USER_PASSWORD_AUTH",
        "AuthParameters": {"USERNAME": username, "PASSWORD": PASSWORD},
    }
    assert expected in post(server.url, "InitiateAuth", body).body


@pytest.mark.parametrize(
    "path",
    ["/outbox", "/health", "/behaviors", f"/{POOL_ID}/.well-known/openid-configuration"],
)
def test_documents_have_none(server: HttpServer, path: str) -> None:
    answer = request(server.url, "GET", path)
    assert answer.body == compact(answer.json()).encode()


def test_nothing_else_writes_json() -> None:
    def is_loose(node: Any) -> bool:
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"dumps", "dump"}
            and "separators" not in {one.arg for one in node.keywords}
        )

    files = list(Path(local.__path__[0]).rglob("*.py"))
    assert len(files) > 60
    assert [
        one.name for one in files if any(map(is_loose, ast.walk(ast.parse(one.read_text()))))
    ] == []
