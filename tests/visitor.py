"""A person with a browser: the Django client, true codes, and what they read on the page."""

from __future__ import annotations

import html
import re
import time
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import pyotp
from django.db.models import F
from django.test import Client
from django.urls import reverse

from cognito_mfa.enforcement import proof
from cognito_mfa.local import LocalCognito
from cognito_mfa.models import CodeFailures, CognitoIdentity

POOL_ID = "us-east-1_Example00"
CLIENT_ID = "exampleclient0000000000000"
PASSWORD = "Correct-Horse-7"


def prove(client: Any, identity: CognitoIdentity, *, seconds_ago: float = 0) -> None:
    """Give the session of ``client``, who is signed in, the proof that a sign-in with a code leaves."""
    session = client.session
    proof.write(session, identity, method="SOFTWARE_TOKEN_MFA", at=time.time() - seconds_ago)
    session.save()


class Visitor:
    """A user who goes through the pages of the site."""

    def __init__(self, client: Client, cognito: LocalCognito) -> None:
        self.client = client
        self.cognito = cognito
        self.secret = ""  # what the person's authenticator app knows

    def get(self, path: str, **kwargs: Any) -> Any:
        page: Any = self.client.get(path, **kwargs)
        page.answered = page.status_code
        return page

    def post(self, path: str, data: dict[str, str] | None = None, **kwargs: Any) -> Any:
        """Post, and return the page that a browser shows: after an error the one that it is redirected to.

        Its ``answered`` is the status that a script would have got.
        """
        answer: Any = self.client.post(path, data or {}, **kwargs)
        is_redirect = answer.status_code == HTTPStatus.SEE_OTHER
        page: Any = self.client.get(answer.url) if is_redirect else answer
        page.answered = getattr(answer, "answered", answer.status_code)
        page.retry_after = getattr(answer, "retry_after", "") or answer.get("Retry-After", "")
        return page

    def sign_in(
        self,
        username: str = "newcomer",
        password: str = PASSWORD,
        *,
        next_url: str = "",
        **kwargs: Any,
    ) -> Any:
        data = {"username": username, "password": password, "next": next_url}
        return self.post(reverse("cognito_mfa:sign_in"), data, **kwargs)

    def scan(self) -> str:
        """Read the secret off the setup page, as the app's camera would."""
        page = self.text(self.get(reverse("cognito_mfa:setup")))
        found = re.search(r'href="(otpauth://[^"]+)"', page)
        assert found, page
        uri = urlsplit(html.unescape(found[1]))
        self.secret = parse_qs(uri.query)["secret"][0]
        return self.secret

    def code(self, *, steps: int = 0) -> str:
        """Return what the app shows, ``steps`` times thirty seconds from now."""
        return pyotp.TOTP(self.secret).at(int(self.cognito.clock.now()) + 30 * steps)

    def wrong_code(self) -> str:
        """Return a code that fits no step near now."""
        near = {self.code(steps=steps) for steps in range(-3, 4)}
        return next(code for code in (f"{n:06d}" for n in range(1_000_000)) if code not in near)

    def confirm_setup(self, code: str | None = None, *, friendly_name: str = "") -> Any:
        data = {"code": self.code() if code is None else code, "friendly_name": friendly_name}
        return self.post(reverse("cognito_mfa:setup"), data)

    def enter_code(self, code: str | None = None) -> Any:
        data = {"code": self.code() if code is None else code}
        return self.post(reverse("cognito_mfa:challenge"), data)

    def choose_password(self, password: str) -> Any:
        """Choose the first password of one's own."""
        data = {"new_password1": password, "new_password2": password}
        return self.post(reverse("cognito_mfa:new_password"), data)

    def start_change(self, name: str) -> Any:
        """Begin what ``name`` says with the password, such as ``device_replace``."""
        return self.post(reverse(f"cognito_mfa:{name}"), {"password": PASSWORD})

    def another_browser(self) -> Visitor:
        """Return someone else, who uses the site in the same way."""
        return Visitor(Client(), self.cognito)

    def same_browser(self) -> Self:
        """Return another connection of this browser: the same cookies, and what it gets it keeps to itself."""
        copied: Any = self.another_browser()
        for name, cookie in self.client.cookies.items():
            copied.client.cookies[name] = cookie.value
        copied.secret = self.secret
        return copied  # type: ignore[no-any-return]

    def sign_out(self) -> Any:
        return self.post(reverse("cognito_mfa:sign_out"))

    def is_in(self) -> bool:
        """Tell whether the private page opens."""
        return bool(self.get("/private/").status_code == 200)

    def set_up(self, username: str = "newcomer", *, friendly_name: str = "Phone") -> None:
        """Go through a whole setup, then wait until the next code."""
        self.sign_in(username)
        self.scan()
        done = self.confirm_setup(friendly_name=friendly_name)
        assert done.status_code == 302
        assert done.url.startswith(reverse("cognito_mfa:setup_done"))
        self.cognito.clock.advance(30)
        self.cognito.forget_calls()

    def come_with_app(self, username: str = "newcomer", *, friendly_name: str = "Phone") -> None:
        """Sign in with an app that was set up elsewhere, then wait until the next code: quicker than
        ``set_up`` where the test is about what comes after.
        """
        pool = self.cognito.pool(POOL_ID)
        self.secret = pool.register_software_token(username, friendly_name=friendly_name)
        self.sign_in(username)
        assert self.enter_code().status_code == 302
        self.cognito.clock.advance(30)
        self.cognito.forget_calls()

    def wait(self, seconds: int) -> None:
        """Let time pass, for Cognito's clock and for what the site remembers."""
        self.cognito.clock.advance(seconds)
        earlier = F("last_at") - timedelta(seconds=seconds)
        CodeFailures.objects.update(last_at=earlier)

    @staticmethod
    def text(response: Any) -> str:
        """Return the page as the person sees it, without the CSRF token that changes each time."""
        page: str = response.content.decode()
        return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)
