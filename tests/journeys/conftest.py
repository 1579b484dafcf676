"""Which of Cognito's sign-in flows the site uses: journeys run through each flow that their mark names.

A journey marked ``over_api`` also runs with posts to the API instead of the pages.

Tests name the flow USER_PASSWORD_AUTH. For the others, what they ask of the local Cognito is
translated, so that one list of operations says what happened whatever the flow; the operations
themselves are in ``test_auth_flows``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from cognito_mfa.local import LocalCognito
from tests import moments
from tests.visitor import Visitor
from tests.ways_in import API, PAGES, ByApi, keep_first_case, posts_to, use_api

__all__ = ["posts_to"]

PASSWORD, ADMIN, SRP = "USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH"
# The operation that plays the part of another.
ADMIN_DOOR = {
    "InitiateAuth": "AdminInitiateAuth",
    "RespondToAuthChallenge": "AdminRespondToAuthChallenge",
}
# With SRP, what Cognito has to say about a password comes when it is proven.
PASSWORD_ANSWERED = {"InitiateAuth": "RespondToAuthChallenge"}
STANDS_FOR: dict[str, dict[str, str]] = {PASSWORD: {}, ADMIN: ADMIN_DOOR, SRP: PASSWORD_ANSWERED}


class Translated(LocalCognito):
    """Says what the site asked for in the words of the plain password flow."""

    def operations(self) -> list[str]:
        back = {theirs: plain for plain, theirs in ADMIN_DOOR.items()}
        return [
            back.get(call.operation, call.operation)
            for call in self.calls
            if call.parameters.get("ChallengeName") != "PASSWORD_VERIFIER"
        ]


@pytest.fixture
def auth_flow(request: pytest.FixtureRequest, settings: Settings) -> str:
    """The flow of this test, set for the site."""
    flow: str = getattr(request, "param", PASSWORD)
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "AUTH_FLOW": flow}
    return flow


@pytest.fixture
def cognito(auth_flow: str) -> Iterator[LocalCognito]:
    """A local Cognito that the site reaches; it has no pool yet."""
    cognito = Translated(moments.clock())
    plain_on, stands_for = cognito.faults.on, STANDS_FOR[auth_flow]

    def on(operation: str, *args: Any, **kwargs: Any) -> Any:
        return plain_on(stands_for.get(operation, operation), *args, **kwargs)

    cognito.faults.on = on  # type: ignore[method-assign]
    with cognito.installed():
        yield cognito


@pytest.fixture
def visitor(posts_to: str, db: None, cognito: LocalCognito, settings: Settings) -> Visitor:
    """A person with a browser, signed in nowhere."""
    use_api(posts_to, settings)
    return (ByApi if posts_to == API else Visitor)(Client(), cognito)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test marked ``auth_flows`` again for each flow that the mark names, and one marked ``over_api`` over the API."""
    find = metafunc.definition.get_closest_marker
    flows, over_api = find("auth_flows"), find("over_api")
    if flows is None and over_api is None:
        return
    named = flows.args if flows is not None and "auth_flow" in metafunc.fixturenames else ()
    cases: list[Any] = [(flow, PAGES) for flow in (PASSWORD, *named)]
    if over_api is not None:
        cases.append(pytest.param(PASSWORD, API, marks=pytest.mark.sweep))
    given = [name for name in ("auth_flow", "posts_to") if name in metafunc.fixturenames]
    if given == ["auth_flow", "posts_to"]:
        metafunc.parametrize(given, cases, indirect=True)
    elif given == ["auth_flow"]:
        metafunc.parametrize("auth_flow", [PASSWORD, *named], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep one case of each test over the API."""
    keep_first_case(config, items)
