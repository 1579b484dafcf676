"""Journeys and attacks that are tried twice: through the pages, and through the API."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve, reverse
from pytest_django import Settings

from cognito_mfa.local import LocalCognito
from tests.api.frontend import FrontEnd
from tests.visitor import Visitor

WITH_API = "tests.api.urls"
WAYS = ["pages", pytest.param("api", marks=pytest.mark.sweep)]
# The names of the API by those of the pages, and members of its bodies by fields of their forms.
NAMES = {
    "setup_cancel": "cancel",
    "password_reset": "forgot_password",
    "password_reset_confirm": "reset_password",
    "password_change": "change_password",
    "password_change_confirm": "change_password",
}
MEMBERS = {"new_password1": "password", "new_password2": ""}
OF_A_CHANGE = {"old_password": "password", "new_password1": "new_password", "new_password2": ""}
OWN = ("device_rename", "sign_out_elsewhere", "recovery_codes_saved")  # these end at one's own page
BOOLEANS = ("setup", "switch", "have_code")
# The pages of the API's steps.
PAGES = {
    "challenge": "challenge",
    "select_challenge": "challenge",
    "new_password": "new_password",
    "link": "link",
    "setup": "setup",
    "reset_password": "password_reset_confirm",
    "change_password": "password_change_confirm",
}


@pytest.fixture(params=WAYS)
def visitor(
    request: pytest.FixtureRequest, db: None, cognito: LocalCognito, settings: Settings
) -> Visitor:
    """A person with a browser, who uses the pages or a front end; signed in nowhere."""
    use_api(request.param, settings)
    return FrontEnd(cognito) if request.param == "api" else Visitor(Client(), cognito)


class ByApi(Visitor):
    """A visitor whose posts go to the API, and are answered as the pages would: what is read stays on the pages."""

    def __init__(self, client: Client, cognito: LocalCognito) -> None:
        super().__init__(client, cognito)
        self.purpose = "sign_in"  # of what is pending, as the last answer said

    def post(self, path: str, data: dict[str, str] | None = None, **kwargs: Any) -> Any:
        page = str(resolve(path).url_name)
        members = OF_A_CHANGE if page == "password_change_confirm" else MEMBERS
        body: dict[str, Any] = {}
        for field, value in (data or {}).items():
            if member := members.get(field, field):
                body[member] = bool(value) if field in BOOLEANS else value
        front_end = FrontEnd(self.cognito, self.client)
        kwargs.pop("follow", None)
        if page == "device_rename":
            return self._as_page(front_end.call("PATCH", "device", body, **kwargs), page)
        return self._as_page(front_end.call("POST", NAMES.get(page, page), body, **kwargs), page)

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
        if step in PAGES:
            self.purpose = data.get("purpose", self.purpose)
            return reverse(f"cognito_mfa:{PAGES[step]}")
        if page == "setup":
            return reverse("cognito_mfa:setup_done")
        if page in OWN or self.purpose in ("remove", "change_password", "sign_out_elsewhere"):
            return reverse("cognito_mfa:device")
        return str(data.get("next") or reverse("cognito_mfa:sign_in"))


def use_api(way: str, settings: Settings) -> None:
    """Give the site the API where ``way`` leads through it.

    Args:
        way: one of ``WAYS``.
        settings: of the site.
    """
    if way == "api":
        settings.ROOT_URLCONF = WITH_API
