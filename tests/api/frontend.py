"""A front end in a browser: JSON over Django's test client, with the CSRF token and true codes."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client
from django.urls import reverse

from cognito_mfa.local import LocalCognito
from tests.visitor import PASSWORD, Visitor

SCRIPT = {"HTTP_SEC_FETCH_MODE": "cors", "HTTP_ACCEPT": "application/json"}


class FrontEnd(Visitor):
    """A user who goes through a front end of the site. Each call returns the response, with ``body`` as JSON."""

    def __init__(self, cognito: LocalCognito, client: Client | None = None) -> None:
        super().__init__(client or Client(enforce_csrf_checks=True), cognito)

    def call(self, method: str, name: str, body: Any = None, **headers: Any) -> Any:
        """Send a request to the view of this name, as a script in the page does."""
        data = body if isinstance(body, (str, bytes)) else json.dumps({} if body is None else body)
        token = self.client.cookies.get("csrftoken")
        response: Any = self.client.generic(
            method,
            reverse(f"cognito_mfa_api:{name}"),
            data if method not in ("GET", "HEAD") else "",
            content_type="application/json",
            **{"HTTP_X_CSRFTOKEN": token.value if token else "", **SCRIPT, **headers},
        )
        response.body = json.loads(response.content)
        return response

    def see(self, name: str = "session", **headers: Any) -> Any:
        return self.call("GET", name, **headers)

    def tell(self, name: str, /, **body: Any) -> Any:
        return self.call("POST", name, body)

    def sign_in(
        self,
        username: str = "newcomer",
        password: str = PASSWORD,
        *,
        next_url: str = "",
        **kwargs: Any,
    ) -> Any:
        self.see()
        more = {"next": next_url} if next_url else {}
        return self.tell("sign_in", username=username, password=password, **more, **kwargs)

    def scan(self) -> str:
        self.secret = self.see("setup").body["secret"]
        return self.secret

    def confirm_setup(self, code: str | None = None, *, friendly_name: str = "") -> Any:
        given = self.code() if code is None else code
        return self.tell("setup", code=given, friendly_name=friendly_name)

    def enter_code(self, code: str | None = None) -> Any:
        return self.tell("challenge", code=self.code() if code is None else code)

    def choose_password(self, password: str) -> Any:
        return self.tell("new_password", password=password)

    def start_change(self, name: str) -> Any:
        return self.tell(name, password=PASSWORD)

    def another_browser(self) -> FrontEnd:
        return FrontEnd(self.cognito)

    def sign_in_elsewhere(self) -> FrontEnd:
        """Return the same user in another browser, signed in with a code."""
        other = self.another_browser()
        other.secret = self.secret
        other.sign_in()
        other.enter_code()
        self.cognito.clock.advance(30)
        return other

    def sign_out(self) -> Any:
        return self.tell("sign_out")

    def set_up(self, username: str = "newcomer", *, friendly_name: str = "Phone") -> None:
        self.sign_in(username)
        self.scan()
        done = self.confirm_setup(friendly_name=friendly_name)
        assert done.body["step"] == "done", done.body
        self.cognito.clock.advance(30)
        self.cognito.forget_calls()

    def come_with_app(self, username: str = "newcomer", *, friendly_name: str = "Phone") -> None:
        self.secret = self.cognito.pool("us-east-1_Example00").register_software_token(
            username, friendly_name=friendly_name
        )
        self.sign_in(username)
        done = self.enter_code()
        assert done.body["step"] == "done", done.body
        self.cognito.clock.advance(30)
        self.cognito.forget_calls()

    def operations(self) -> list[str]:
        """Return what Cognito was asked since the last time, and forget it."""
        found = list(self.cognito.operations())
        self.cognito.forget_calls()
        return found
