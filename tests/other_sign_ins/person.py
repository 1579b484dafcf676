"""A person who signs in at Cognito's own pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from django.db.models import F
from django.test import Client
from django.urls import reverse

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import SoftwareToken
from tests.local.browser import Browser
from tests.visitor import PASSWORD, Visitor


class Person(Visitor):
    """A visitor for whom managed login asks for the password."""

    def __init__(self, client: Client, cognito: LocalCognito, pool: LocalPool) -> None:
        super().__init__(client, cognito)
        self.pool = pool
        self.begin = "/oidc/authenticate/?next=/private/"

    def at_cognito(self, **extra: str) -> Browser:
        """Follow the site's link to the pool's own page."""
        sent = self.get(self.begin)
        more = "".join(f"&{name}={value}" for name, value in extra.items())
        return Browser(sent.url + more)

    def come_back(self, browser: Browser) -> Any:
        """Follow the link that leads from there to the site."""
        parts = urlsplit(browser.sent_back_to)
        return self.get(f"{parts.path}?{parts.query}")

    def arrive(self, username: str = "newcomer", *, code: str = "") -> Any:
        """Sign in at Cognito, with a code if it asks for one, and return what the site says."""
        browser = self.at_cognito()
        browser.fill_in(username=username, password=PASSWORD)
        if code:
            browser.fill_in(SOFTWARE_TOKEN_MFA_CODE=code)
        return self.come_back(browser)

    def arrive_through(self, provider: str, subject: str = "1138") -> Any:
        """Sign in at Cognito through an identity provider, which the pool gets if it lacks it."""
        if unquote(provider) not in self.pool.state.identity_providers:
            self.pool.create_identity_provider(unquote(provider))
        browser = self.at_cognito(identity_provider=provider)
        browser.fill_in(subject=subject, email="somebody@example.com")
        return self.come_back(browser)

    def arrive_with_code(self, username: str = "newcomer") -> Any:
        return self.arrive(username, code=self.code())

    def start(self, *, next_url: str = "/private/") -> Any:
        """Press the button on the setup page."""
        return self.post(reverse("cognito_mfa:setup"), {"next": next_url})

    def set_up_here(self, username: str = "newcomer") -> None:
        """Sign in and go through a whole setup; then some time passes."""
        self.arrive(username)
        assert self.start().url == reverse("cognito_mfa:setup")
        self.scan()
        assert self.confirm_setup(friendly_name="Phone").status_code == 302
        self.pass_time(username)

    def pass_time(self, username: str = "newcomer", *, seconds: int = 60) -> None:
        """Let time pass since the setup, without a clock that the tokens would be ahead of."""
        earlier = F("verified_at") - timedelta(seconds=seconds)
        SoftwareToken.objects.update(verified_at=earlier)
        token = self.pool.user(username).software_token
        if token is not None:
            token.used_steps.clear()
        self.cognito.forget_calls()

    def sign_in_again(self) -> Any:
        """Press the button that leads out and to the sign-in."""
        return self.post(reverse("cognito_mfa:sign_in"), {"next": "/private/"})
