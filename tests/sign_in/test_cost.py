"""What a sign-in costs: each statement that a later sign-in with a code sends to the database, and why."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

pytestmark = pytest.mark.django_db
TABLE = re.compile(r'(?:FROM|INTO|^UPDATE) "(?:cognito_mfa_|django_|auth_)?(\w+)"')
MARKS = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")


@contextmanager
def statements() -> Generator[list[str]]:
    """Give what is sent to the database, each as its verb and its first table; marks of transactions left out."""
    found: list[str] = []

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if not sql.startswith(MARKS):
            verb, tables = sql.split(maxsplit=1)[0], TABLE.findall(sql)
            # The subqueries of a SELECT come first, those of a condition come last.
            found.append(f"{verb} {tables[-1 if verb == 'SELECT' else 0]}")
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        yield found


LATER_SIGN_IN = [
    # The password: what is known before it is sent, with the name of the device, and the pending sign-in.
    "SELECT cognitoidentity",
    "SELECT session",
    "INSERT session",
    # The page that asks for the code.
    "SELECT session",
    # The code: once. It counts as wrong before it is sent, if its user was not reset since the password, and is
    # forgiven when it was right.
    "SELECT session",
    "INSERT postedstep",
    "UPDATE codefailures",
    "UPDATE codefailures",
    # Who it is by Cognito's tokens, whether something changed while Cognito answered, and whether there were
    # wrong codes since the last sign-in. Then what Cognito said, and that the app was used.
    "SELECT cognitoidentity",
    "UPDATE cognitoidentity",
    # Django's login() with a new session.
    "SELECT session",
    "INSERT session",
    "SELECT session",
    "DELETE session",
    "UPDATE user",
    # The event, and the proof.
    "INSERT mfaevent",
    "UPDATE session",
    # The page behind the gate.
    "SELECT session",
    "SELECT user",
]


def sign_in_later(visitor: Visitor, username: str = "newcomer") -> list[str]:
    """Return what a sign-in in a browser without cookies sends to the database."""
    visitor.sign_out()
    visitor.client.cookies.clear()
    with statements() as found:
        visitor.get(reverse("cognito_mfa:sign_in"))
        visitor.sign_in(username, next_url="/private/")
        assert "Phone" in visitor.text(visitor.get(reverse("cognito_mfa:challenge")))
        visitor.enter_code()
        assert visitor.is_in()
    return found


def test_a_later_sign_in(pool: LocalPool, visitor: Visitor) -> None:
    """A statement more needs a reason here; the benchmark ``sign_in.py`` counts the same ones."""
    visitor.set_up()
    assert sign_in_later(visitor) == LATER_SIGN_IN


def test_who_types_an_alias_is_looked_for_again(cognito: LocalCognito, visitor: Visitor) -> None:
    """By the pool's own name, which Cognito's challenge tells."""
    pool = cognito.create_pool(POOL_ID, mfa="ON", alias_attributes=["email"])
    pool.create_client(CLIENT_ID)
    address = {"email": "newcomer@example.com", "email_verified": "true"}
    pool.create_user("newcomer", password=PASSWORD, attributes=address)
    visitor.set_up()
    found = sign_in_later(visitor, "newcomer@example.com")
    searched = [
        # The name as typed, which no one has; with the newest event.
        "SELECT cognitoidentity",
        "SELECT mfaevent",
        # The pool's own name, and whether something happened to its user since.
        "SELECT cognitoidentity",
        "SELECT mfaevent",
    ]
    assert found == searched + LATER_SIGN_IN[1:]
