"""Journeys and attacks that are tried twice: through the pages, and through the API."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from http import HTTPStatus
from importlib import import_module
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.test import Client
from django.urls import include, path, resolve, reverse
from pytest_django import Settings

from cognito_mfa.api import urls
from cognito_mfa.local import LocalCognito
from tests.api.frontend import FrontEnd
from tests.visitor import Visitor

PAGES, API = "pages", "api"
OVER_API = pytest.param(API, marks=pytest.mark.sweep)
WAYS = [PAGES, OVER_API]
# The names of the API by those of the pages, and members of its bodies by fields of their forms.
NAMES = {
    "setup_cancel": "cancel",
    "password_reset": "forgot_password",
    "password_reset_confirm": "reset_password",
    "password_change": "change_password",
    "password_change_confirm": "change_password",
}
OFFERED = {pattern.name for pattern in urls.urlpatterns}
MEMBERS = {"new_password1": "password", "new_password2": ""}
OF_A_CHANGE = {"old_password": "password", "new_password1": "new_password", "new_password2": ""}
# These end at one's own page.
OWN = (
    "device_rename",
    "sign_out_elsewhere",
    "recovery_codes_saved",
    "password_change",
    "password_change_confirm",
)
BOOLEANS = ("setup", "switch", "have_code")
# The pages of the API's steps.
STEP_PAGES = {
    "challenge": "challenge",
    "select_challenge": "challenge",
    "new_password": "new_password",
    "link": "link",
    "setup": "setup",
    "reset_password": "password_reset_confirm",
    "change_password": "password_change_confirm",
}


@pytest.fixture
def posts_to(request: pytest.FixtureRequest) -> str:
    """Where the visitor's posts go: to the pages, or to the API."""
    return str(getattr(request, "param", PAGES))


def keep_first_case(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the first case of each test over the API: the others ask about values, which both ways read by the same rules.

    The first is that of the parameters, not of the order in which this run happens to be shuffled.

    Args:
        config: of the run.
        items: the tests that were collected; changed in place.
    """
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is not None and callspec.params.get("posts_to") == API:
            cases[item.nodeid.partition("[")[0]].append(item)
    left_out = {
        item.nodeid for several in cases.values() for item in sorted(several, key=_place)[1:]
    }
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid in left_out])
    items[:] = [item for item in items if item.nodeid not in left_out]


def _place(item: Any) -> tuple[int, ...]:
    """Where a case is among those of its test."""
    return tuple(index for _name, index in sorted(item.callspec.indices.items()))


@pytest.fixture(params=WAYS)
def visitor(
    request: pytest.FixtureRequest, db: None, cognito: LocalCognito, settings: Settings
) -> Visitor:
    """A person with a browser, who uses the pages or a front end; signed in nowhere."""
    use_api(request.param, settings)
    return FrontEnd(cognito) if request.param == API else Visitor(Client(), cognito)


class ByApi(Visitor):
    """A visitor whose posts go to the API, and are answered as the pages would: what is read stays on the pages."""

    def __init__(self, client: Client, cognito: LocalCognito) -> None:
        super().__init__(client, cognito)
        self.purpose = "sign_in"  # of what is pending, as the last answer said

    def post(self, path: str, data: dict[str, str] | None = None, **kwargs: Any) -> Any:
        url = urlsplit(path)
        page = str(resolve(url.path).url_name)
        method, name = (
            ("PATCH", "device") if page == "device_rename" else ("POST", NAMES.get(page, page))
        )
        if name not in OFFERED:  # of the site, or what the API has no need of
            return super().post(path, data, **kwargs)
        members = OF_A_CHANGE if page.startswith("password_change") else MEMBERS
        body: dict[str, Any] = {}
        for field, value in {**dict(parse_qsl(url.query)), **(data or {})}.items():
            if member := members.get(field, field):
                body[member] = bool(value) if field in BOOLEANS else value
        kwargs.pop("follow", None)
        answer = FrontEnd(self.cognito, self.client).call(method, name, body, **kwargs)
        return self._as_page(answer, page)

    def scan(self) -> str:
        self.secret = FrontEnd(self.cognito, self.client).scan()
        return self.secret

    def another_browser(self) -> Visitor:
        return ByApi(Client(), self.cognito)

    def _as_page(self, answer: Any, page: str) -> Any:
        """Give the answer the status and the address that the page's would have."""
        answer.answered, answer.retry_after = answer.status_code, answer.get("Retry-After", "")
        answer.content = json.dumps(answer.body, ensure_ascii=False).encode()
        answer.url = ""
        if answer.answered == HTTPStatus.OK:
            answer.status_code, answer.url = 302, self._page_after(answer.body, page)
        elif answer.answered in (HTTPStatus.CONFLICT, HTTPStatus.UNAUTHORIZED):
            place = "device" if answer.body.get("step") == "done" else "sign_in"
            answer.status_code, answer.url = 302, reverse(f"cognito_mfa:{place}")
        else:
            answer.status_code = 200
        return answer

    def _page_after(self, body: dict[str, Any], page: str) -> str:
        if "step" not in body:  # no session object: what the page shows itself
            return reverse(f"cognito_mfa:{page}")
        step, data = body["step"], body["step_data"]
        if step in STEP_PAGES:
            self.purpose = data.get("purpose", self.purpose)
            return reverse(f"cognito_mfa:{STEP_PAGES[step]}")
        if page == "setup":
            return reverse("cognito_mfa:setup_done")
        if page in OWN or self.purpose in ("remove", "sign_out_elsewhere"):
            return reverse("cognito_mfa:device")
        return str(data.get("next") or reverse("cognito_mfa:sign_in"))


def use_api(way: str, settings: Settings) -> None:
    """Give the site the API where ``way`` leads through it.

    Args:
        way: one of ``WAYS``.
        settings: of the site.
    """
    if way != API:
        return
    pages = import_module(settings.ROOT_URLCONF)
    both: Any = ModuleType(f"{settings.ROOT_URLCONF}.with_api")
    both.urlpatterns = [
        path("account/api/", include("cognito_mfa.api.urls")),
        *pages.urlpatterns,
    ]
    sys.modules[both.__name__] = both
    settings.ROOT_URLCONF = both.__name__
