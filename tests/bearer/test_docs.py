"""The examples of docs/bearer-tokens.md, run as they stand there."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.template import engines
from django.test import Client, RequestFactory
from django.urls import path
from pytest_django import Settings
from rest_framework.settings import reload_api_settings

import cognito_mfa
from cognito_mfa import context_processors
from cognito_mfa.models import CognitoIdentity
from tests.bearer.conftest import Caller
from tests.enforcement.people import proven
from tests.urls import urlpatterns as site

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "bearer-tokens.md").read_text()
MFA = ["pwd", "otp", "mfa"]
pytestmark = pytest.mark.django_db


def example(name: str) -> dict[str, Any]:
    (text,) = re.findall(rf"^```python\n# {name}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    place = f"example_{name.removesuffix('.py')}"
    module = sys.modules.get(place) or ModuleType(place)
    exec(compile(text, name, "exec"), vars(module))  # noqa: S102 - our own page
    return vars(module)


@pytest.fixture
def _site(settings: Settings) -> Iterator[None]:
    (text,) = re.findall(r"^```python\n(REST_FRAMEWORK = .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    given: dict[str, Any] = {}
    exec(text, given)  # noqa: S102 - our own page
    settings.REST_FRAMEWORK = given["REST_FRAMEWORK"]
    reload_api_settings(setting="REST_FRAMEWORK")
    urls: Any = ModuleType("tests.bearer.examples")
    urls.urlpatterns = [
        path("orders/", example("orders.py")["Orders"].as_view()),
        path("ninja/", example("api.py")["api"].urls),
        path("plain/", example("views.py")["orders"]),
        *site,
    ]
    sys.modules[urls.__name__] = urls
    settings.ROOT_URLCONF = urls.__name__
    yield
    del sys.modules[urls.__name__]
    del settings.REST_FRAMEWORK
    reload_api_settings(setting="REST_FRAMEWORK")


@pytest.mark.usefixtures("_site")
def test_examples_accept_and_refuse(caller: Caller) -> None:
    for place in ("/orders/", "/ninja/orders", "/plain/"):
        caller.signs_in(amr=MFA, scope="orders/read", origin_jti="good")
        assert caller.calls(place).json() == {"of": "alice"}, place
        caller.signs_in(amr=["pwd"], scope="orders/read", origin_jti="bad")
        assert caller.calls(place).json()["code"] == "mfa_required", place
        assert caller.has("x.y.z").calls(place).json()["code"] == "invalid_token", place
    for place in ("/orders/", "/ninja/orders"):
        assert caller.signs_in(amr=MFA).calls(place).json()["code"] == "insufficient_scope", place


@pytest.mark.usefixtures("_site")
def test_the_plain_example_takes_posts_of_an_app_without_cookies(caller: Caller) -> None:
    token = caller.signs_in(amr=MFA).token
    app = Client(enforce_csrf_checks=True)
    answer: Any = app.post("/plain/", headers={"Authorization": f"Bearer {token}"})
    assert answer.json() == {"of": "alice"}


@pytest.mark.usefixtures("_site")
def test_callers_without_a_token_are_told_so() -> None:
    """The page says that django-ninja, which answers by itself here, has no such header."""
    answers: list[Any] = [Client().get(place) for place in ("/orders/", "/plain/", "/ninja/orders")]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert [answer.get("WWW-Authenticate") for answer in answers] == ["Bearer", "Bearer", None]


def test_the_public_question(alice: CognitoIdentity, rf: RequestFactory) -> None:
    (source,) = re.findall(
        r"^```python\n(import cognito_mfa\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
    )
    asked = source.strip().splitlines()[-1].partition("#")[0]
    request: Any = rf.get("/")
    request.session, request.user = proven(alice.user).session, alice.user
    assert eval(asked, {"cognito_mfa": cognito_mfa, "request": request}) is True  # noqa: S307 - our own page
    request.session = {}
    assert eval(asked, {"cognito_mfa": cognito_mfa, "request": request}) is False  # noqa: S307 - likewise


def test_graphql(
    caller: Caller, settings: Settings, alice: CognitoIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schema of the page, over HTTP: with a good token, a poor one, none, and a session instead of one."""
    pytest.importorskip("strawberry", reason="strawberry-graphql is not installed")
    monkeypatch.setitem(sys.modules, "example_schema", ModuleType("example_schema"))
    urls: Any = ModuleType("tests.bearer.graphql")
    urls.urlpatterns = [path("graphql/", example("schema.py")["view"]), *site]
    monkeypatch.setitem(sys.modules, urls.__name__, urls)
    settings.ROOT_URLCONF = urls.__name__
    asked = {"query": "{ verified ordersOf }"}

    def ask(client: Client, token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return client.post("/graphql/", asked, content_type="application/json", headers=headers)

    def code(answer: Any) -> str:
        return str(answer.json()["errors"][0]["extensions"]["code"])

    browser = proven(alice.user)
    browser.handler.enforce_csrf_checks = True
    good = ask(Client(), caller.signs_in(amr=MFA, origin_jti="good").token)
    assert good.json()["data"] == {"verified": True, "ordersOf": "alice"}
    for poor in (
        ask(Client(), caller.signs_in(amr=["pwd"], origin_jti="bad").token),
        ask(Client()),
        ask(browser),
    ):
        assert (poor.status_code, code(poor)) == (200, "mfa_required")
        assert poor.json()["data"] is None
    forged = ask(Client(), "x.y.z")
    assert (forged.status_code, code(forged)) == (401, "invalid_token")
    assert forged["WWW-Authenticate"].startswith("Bearer")
    asked["query"] = "{ verified }"
    anyone = ask(Client(), caller.signs_in(amr=["pwd"], origin_jti="bad").token)
    assert anyone.json() == {"data": {"verified": False}}
    assert ask(browser).json() == {"data": {"verified": False}}


def test_the_template_variable(alice: Any, rf: RequestFactory) -> None:
    (source,) = re.findall(r"^```django\n(.*?)\n```$", PAGE, re.MULTILINE | re.DOTALL)
    request: Any = rf.get("/")
    request.session, request.user = proven(alice.user).session, alice.user
    template = engines["django"].from_string(source)
    assert template.render(context_processors.mfa(request)) == "Signed in with a code"
    request.session = {}
    assert template.render(context_processors.mfa(request)) == ""
