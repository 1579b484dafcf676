"""The examples of docs/api.md, sent one after the other to a site as the page describes it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.urls import include, path, reverse
from django.utils import timezone

from cognito_mfa.api import problems
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.steps.error_answers import ERROR_ANSWERS
from tests.api.frontend import FrontEnd
from tests.visitor import PASSWORD

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()


CUSTOM = "content-type, x-csrftoken"


def blocks(language: str, page: str = PAGE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def test_the_urls_of_the_page_are_those_of_the_tests() -> None:
    found: dict[str, Any] = {"path": path, "include": include}
    exec(blocks("python")[0], found)  # noqa: S102 - our own page
    assert [str(one.pattern) for one in found["urlpatterns"]] == ["account/api/", "account/"]


@pytest.mark.usefixtures("pool")
def test_a_front_end_at_another_origin_works_with_the_settings_of_the_page(
    front_end: FrontEnd, settings: Any
) -> None:
    """With django-cors-headers itself: the question before a post, the post, and an origin that is not listed."""
    told: dict[str, Any] = {"COGNITO_MFA": {**settings.COGNITO_MFA}}
    for block in blocks("python")[1:3]:
        exec(block, told)  # noqa: S102 - our own page
    del told["__builtins__"]
    for name, value in told.items():
        setattr(settings, name, value)
    settings.MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", *settings.MIDDLEWARE]
    settings.INSTALLED_APPS = ["corsheaders", *settings.INSTALLED_APPS]
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    app, path = "https://app.example.com", reverse("cognito_mfa_api:sign_in")
    asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": CUSTOM}
    allowed = front_end.client.options(path, headers={"Origin": app, **asking})
    assert allowed["Access-Control-Allow-Origin"] == app
    assert allowed["Access-Control-Allow-Credentials"] == "true"
    assert set(CUSTOM.split(", ")) <= set(allowed["Access-Control-Allow-Headers"].split(", "))

    secure: dict[str, Any] = {"HTTP_ORIGIN": app, "secure": True}
    seen = front_end.see(**secure)
    assert seen["Access-Control-Allow-Origin"] == app
    assert "x-csrftoken" in seen["Access-Control-Expose-Headers"].lower()
    cookie = seen.cookies["csrftoken"]
    assert (cookie["samesite"], cookie["secure"]) == ("None", True)
    right = {"username": "newcomer", "password": PASSWORD}
    token = {"HTTP_X_CSRFTOKEN": seen["X-CSRFToken"]}
    done = front_end.call("POST", "sign_in", right, **secure, **token)
    assert done.body["step"] == "setup"
    assert done.cookies["sessionid"]["samesite"] == "None"
    stranger = front_end.see(HTTP_ORIGIN="https://evil.example", secure=True)
    assert stranger.status_code == 403
    assert "Access-Control-Allow-Origin" not in stranger


SECTIONS = [part for part in PAGE.split("\n## ") if "```http" in part]


@pytest.mark.usefixtures("pool")
@pytest.mark.parametrize("section", SECTIONS, ids=lambda part: part.split("\n")[0])
def test_each_request_is_answered_as_the_page_says(
    section: str, front_end: FrontEnd, django_user_model: Any
) -> None:
    if "mfa_required" in section.partition("| `code`")[0]:
        front_end.client.force_login(django_user_model.objects.create_user("ada"))
    front_end.see()
    for block in blocks("http", section):
        send(front_end, block)


def send(front_end: FrontEnd, block: str) -> None:
    head, expected = block.split("\n\n", 1)
    request, *rest = head.splitlines()
    method, address = request.split()
    body = next((line for line in rest if line.startswith("{")), "")
    given = body.replace("{password}", PASSWORD)
    if "{code}" in given:
        front_end.scan()
        given = given.replace("{code}", front_end.code())
    headers = dict(line.split(": ", 1) for line in rest if line and line != body)
    token = front_end.client.cookies.get("csrftoken")
    headers["X-CSRFToken"] = token.value if token else ""
    response = front_end.client.generic(
        method,
        address,
        given,
        content_type="application/json" if given else "",
        headers=headers,
        secure=headers.get("Referer", "").startswith("https:"),
    )
    status, answer = expected.split("\n", 1)
    assert response.status_code == int(status), response.content
    assert includes(json.loads(response.content), json.loads(answer)), response.content


def includes(found: Any, expected: Any) -> bool:
    """Return whether ``found`` has everything that the page shows; it may have more."""
    if isinstance(expected, dict):
        return all(includes(found.get(name), value) for name, value in expected.items())
    return bool(found == expected)


@pytest.mark.usefixtures("pool")
def test_why_a_session_ended_is_said_as_on_the_page(front_end: FrontEnd) -> None:
    (block,) = blocks("json")
    front_end.come_with_app()
    CognitoIdentity.objects.update(disabled_at=timezone.now())
    assert front_end.see().body["step_data"]["ended"] == json.loads(block)


@pytest.mark.usefixtures("pool")
def test_another_request_may_be_told_instead_as_on_the_page(front_end: FrontEnd) -> None:
    front_end.come_with_app()
    other = front_end.another_browser()
    other.secret = front_end.secret
    other.sign_in()
    other.enter_code()
    other.tell("sign_out_elsewhere")
    told = front_end.see("device")
    assert (told.status_code, told.body["code"]) == (403, "signed_out")
    assert front_end.see().body["step_data"]["ended"] is None


@pytest.mark.usefixtures("pool")
def test_next_is_an_address_of_the_own_site_as_on_the_page(front_end: FrontEnd) -> None:
    front_end.come_with_app()
    own = "http://testserver/private/"
    for given, kept in ((own, own), ("https://evil.example/private/", "/")):
        front_end.sign_out()
        front_end.sign_in(next_url=given)
        assert front_end.enter_code().body["step_data"]["next"] == kept
        front_end.cognito.clock.advance(30)


def test_a_mobile_app_must_send_the_header_of_its_chapter(front_end: FrontEnd) -> None:
    """Without it, the request of the page is refused over HTTPS."""
    front_end.see(secure=True)
    answer = front_end.call("POST", "sign_out", secure=True)
    assert (answer.status_code, answer.body["code"]) == (403, "csrf_failed")


def test_every_code_is_in_the_table_with_its_status() -> None:
    table = re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE, re.MULTILINE)
    statuses = {code: problem.status for code, problem in problems.PROBLEMS.items()}
    statuses |= {answer.code: answer.status for answer in ERROR_ANSWERS.values()}
    assert {code: int(status) for code, status in table} == statuses
    assert len(table) == len(statuses)
