"""Confirming a sign-up with a link: "Codes by email and SMS" in docs/cognito-behavior.md."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urlsplit

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, refused, secret_hash
from tests.local.raw import request

SECRET = "s" * 30
TEMPLATE = {
    "DefaultEmailOption": "CONFIRM_WITH_LINK",
    "EmailMessageByLink": "Follow {##this link##}.",
}


@pytest.fixture
def link_pool(cognito: LocalCognito, boto: Any) -> LocalPool:
    pool = cognito.create_pool(POOL_ID)
    pool.create_client(CLIENT_ID)
    pool.state.settings["VerificationMessageTemplate"] = TEMPLATE
    boto.create_user_pool_domain(UserPoolId=POOL_ID, Domain="example")
    return pool


def sign_up(boto: Any, **more: str) -> None:
    email = [{"Name": "email", "Value": "new&user@example.com"}]
    boto.sign_up(
        ClientId=CLIENT_ID, Username="new&user", Password=PASSWORD, UserAttributes=email, **more
    )


def address(cognito: LocalCognito) -> str:
    """The address in the newest message."""
    found = re.fullmatch(r'Follow <a href="(.*)">this link</a>\.', cognito.outbox[-1].text)
    assert found is not None
    return html.unescape(found[1])


def follow(cognito: LocalCognito, link: str) -> Any:
    url = urlsplit(link)
    with cognito.serve() as server:
        return request(server.url, "GET", f"{url.path}?{url.query}")


@pytest.mark.parametrize("secret", [None, SECRET], ids=["public", "confidential"])
def test_a_link_confirms_a_sign_up(
    cognito: LocalCognito, boto: Any, link_pool: LocalPool, secret: str | None
) -> None:
    link_pool.state.clients[CLIENT_ID].secret = secret
    sign_up(boto, **({"SecretHash": secret_hash(secret, "new&user")} if secret else {}))
    link = address(cognito)
    assert link.startswith("https://example.auth.us-east-1.amazoncognito.com/confirmUser?")
    answer = follow(cognito, link)
    assert (answer.status, b"has been confirmed" in answer.body) == (200, True)
    user = link_pool.user("new&user")
    assert (user.status, user.attributes["email_verified"]) == ("CONFIRMED", "true")
    assert follow(cognito, link).status == 400


def test_the_code_in_it_can_be_typed_as_well(
    cognito: LocalCognito, boto: Any, link_pool: LocalPool
) -> None:
    sign_up(boto)
    boto.resend_confirmation_code(ClientId=CLIENT_ID, Username="new&user")
    code = cognito.outbox[-1].code
    assert address(cognito).endswith(f"&confirmation_code={code}")
    boto.confirm_sign_up(ClientId=CLIENT_ID, Username="new&user", ConfirmationCode=code)
    assert link_pool.user("new&user").status == "CONFIRMED"


def test_to_look_at_a_link_confirms_no_one(
    cognito: LocalCognito, boto: Any, link_pool: LocalPool
) -> None:
    """Programs that look for dangerous links ask with HEAD before anyone reads the message."""
    sign_up(boto)
    url = urlsplit(address(cognito))
    with cognito.serve() as server:
        answer = request(server.url, "HEAD", f"{url.path}?{url.query}")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, OPTIONS")
    assert link_pool.user("new&user").status == "UNCONFIRMED"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?client_id=unknown&user_name=new%26user&confirmation_code=123456",
        f"?client_id={CLIENT_ID}&user_name=no-one&confirmation_code=123456",
        f"?client_id={CLIENT_ID}&user_name=new%26user&confirmation_code=wrong",
        f"?client_id={CLIENT_ID}&user_name=new%26user",
    ],
)
def test_a_wrong_link_confirms_no_one(
    cognito: LocalCognito, boto: Any, link_pool: LocalPool, query: str
) -> None:
    sign_up(boto)
    assert follow(cognito, f"/confirmUser{query}").status == 400
    assert link_pool.user("new&user").status == "UNCONFIRMED"


def test_a_link_needs_a_domain(boto: Any, link_pool: LocalPool) -> None:
    sign_up(boto)
    boto.delete_user_pool_domain(UserPoolId=POOL_ID, Domain="example")
    text = (
        "Cannot perform specific action because there does not exist a valid use pool domain "
        "associated with the user pool"
    )
    with refused("InvalidParameterException", text):
        boto.sign_up(ClientId=CLIENT_ID, Username="other", Password=PASSWORD)
    with refused("InvalidParameterException", text):
        boto.resend_confirmation_code(ClientId=CLIENT_ID, Username="new&user")
    assert list(link_pool.state.users) == ["new&user"]
