"""The API against its own description: schemathesis invents requests, and every answer must be one that is declared.

Asked by a visitor and by a user at each step, so that not all requests end at the first refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings

from cognito_mfa.api.openapi import document
from cognito_mfa.local import LocalCognito
from tests.api.frontend import FrontEnd
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
validator = pytest.importorskip(
    "openapi_spec_validator", reason="openapi-spec-validator is not installed"
)

from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

DECLARED = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
EXAMPLES = 4  # of each operation, in each state
BOUNDS = hypothesis_settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def front_end(db: None, settings: Any) -> Any:
    settings.ROOT_URLCONF = "tests.api.urls"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": True}
    cognito = LocalCognito()
    with cognito.installed():
        pool = cognito.create_pool(POOL_ID, mfa="ON")
        pool.create_client(CLIENT_ID)
        pool.create_user("newcomer", password=PASSWORD)
        pool.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
        yield FrontEnd(cognito, Client(enforce_csrf_checks=True))


def at_challenge(front_end: FrontEnd) -> None:
    front_end.set_up()
    front_end.sign_out()
    front_end.sign_in()


def at_reset(front_end: FrontEnd) -> None:
    front_end.see()
    front_end.tell("forgot_password", username="newcomer")


def at_change(front_end: FrontEnd) -> None:
    front_end.set_up()
    front_end.tell("change_password", password=PASSWORD)
    front_end.enter_code()


STATES: dict[str, Callable[[FrontEnd], Any]] = {
    "visitor": lambda front_end: front_end.see(),
    "setup": lambda front_end: front_end.sign_in(),
    "new_password": lambda front_end: front_end.sign_in("invited"),
    "challenge": at_challenge,
    "reset_password": at_reset,
    "change_password": at_change,
    "done": lambda front_end: front_end.set_up(),
}


def test_the_document_is_valid() -> None:
    validator.validate(document())


@pytest.mark.parametrize("state", STATES)
def test_every_answer_is_declared(state: str, front_end: FrontEnd) -> None:
    STATES[state](front_end)
    schema = schemathesis.openapi.from_wsgi("/account/api/openapi.json", get_wsgi_application())
    seen = {
        status
        for found in schema.get_all_operations()
        for status in ask(found.ok(), front_end.client.cookies)
    }
    assert 200 in seen
    assert seen & {400, 401, 409}


def ask(operation: Any, jar: SimpleCookie) -> set[int]:
    """Send invented requests to one operation, each in a session as it was; return the statuses.

    Args:
        operation: of the document.
        jar: the browser's cookies.
    """
    seen = set()
    token = jar["csrftoken"].value
    key = jar["sessionid"].value if "sessionid" in jar else ""

    @BOUNDS
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        cookies = {"csrftoken": token}
        if key:
            cookies["sessionid"] = key
        case.headers.pop("X-CSRFToken", None)
        with transaction.atomic():  # the next request finds everything as it was
            headers = {"X-CSRFToken": token, "Sec-Fetch-Mode": "cors"}
            response = case.call(headers=headers, cookies=cookies)
            transaction.set_rollback(True)
        seen.add(response.status_code)
        checks = DECLARED if response.status_code == 503 else [*DECLARED, not_a_server_error]
        case.validate_response(response, checks=checks)

    send()
    return seen
