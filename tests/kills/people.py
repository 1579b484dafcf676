"""Users of a site whose processes end, and what must be true of them whenever one did."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.core import mail
from django.db.models import F
from django.test import Client
from django.urls import reverse

from cognito_mfa.authenticator.emails import EVENTS_WITH_EMAIL
from cognito_mfa.local import LocalCognito
from cognito_mfa.models import CognitoIdentity, MFAEvent, PostedStep, RecoveryCode
from tests.kills.ending import EMAIL, Process
from tests.visitor import PASSWORD, POOL_ID, Visitor
from tests.ways_in import API, PAGES, ByApi

NEW = "Another horse 8!"
CODES = ("0AAAAAAAAAAAAAAA", "1BBBBBBBBBBBBBBB")


class _Hasher(PBKDF2PasswordHasher):
    iterations = 1  # these codes are not secret


class Person(Visitor):
    """A user with a browser, in a pool with others."""

    def __init__(self, cognito: LocalCognito, name: str, *, posts_to: str = PAGES) -> None:
        super().__init__(Client(raise_request_exception=False), cognito)
        self.name, self.posts_to = name, posts_to

    @classmethod
    def new(cls, cognito: LocalCognito, name: str, *, posts_to: str = PAGES, **user: Any) -> Person:
        """Return a user whom this site has never seen."""
        verified = {"email": f"{name}@example.com", "email_verified": "true"}
        cognito.pool(POOL_ID).create_user(
            name, **{"password": PASSWORD, "attributes": verified, **user}
        )
        return cls(cognito, name, posts_to=posts_to)

    @classmethod
    def with_app(cls, cognito: LocalCognito, name: str, *, posts_to: str = PAGES) -> Person:
        """Return a user who is signed in with the code of an app."""
        person = cls.new(cognito, name, posts_to=posts_to)
        person.come_with_app(name)
        return person

    def post(self, path: str, data: dict[str, str] | None = None, **kwargs: Any) -> Any:
        if self.posts_to == API:
            return ByApi(self.client, self.cognito).post(path, data, **kwargs)
        return super().post(path, data, **kwargs)

    def wait(self, seconds: int) -> None:
        super().wait(seconds)
        # What a process that ended was about to answer is waited for.
        PostedStep.objects.update(at=F("at") - timedelta(seconds=seconds))

    def elsewhere(self, *, same_browser: bool = False) -> Person:
        """Return the same user at another browser, or at another connection of this one."""
        other = Person(self.cognito, self.name)
        other.secret = self.secret
        if same_browser:
            for name, cookie in self.client.cookies.items():
                other.client.cookies[name] = cookie.value
        return other

    def come_back(self, password: str = PASSWORD, *, same_browser: bool = False) -> Person:
        """Sign in after a while, with whatever Cognito wants, and return the browser."""
        other = self.elsewhere(same_browser=same_browser)
        other.wait(90)
        if other.sign_in(self.name, password).url.startswith(reverse("cognito_mfa:setup")):
            other.scan()
            other.confirm_setup(friendly_name="Another phone")
            self.secret = other.secret
        else:
            other.enter_code()
        assert other.is_in()
        assert self.row.code_failures == 0
        return other

    @property
    def row(self) -> CognitoIdentity:
        return CognitoIdentity.objects.get(username=self.name)

    @property
    def events(self) -> list[str]:
        """Return what the log says about the user."""
        rows = MFAEvent.objects.filter(username=self.name).order_by("pk")
        return list(rows.values_list("kind", flat=True))

    @property
    def emails(self) -> list[str]:
        """Return the subjects of the emails to the user."""
        own = [message for message in mail.outbox if message.to == [f"{self.name}@example.com"]]
        return [str(message.subject).removeprefix("Example Ltd: ") for message in own]

    def give_codes(self) -> None:
        """Give the user a set of recovery codes, which takes seconds the usual way."""
        RecoveryCode.objects.bulk_create(
            RecoveryCode(
                identity=self.row, position=position, digest=_Hasher().encode(code, "salt")
            )
            for position, code in enumerate(CODES)
        )

    def forget(self) -> None:
        """Forget calls and emails of before."""
        self.cognito.forget_calls()
        mail.outbox.clear()

    def check_emails(self, process: Process) -> None:
        """Check that the user was told by email what the log says: but for one that a killed process was about to send."""
        told = [kind for kind in self.events if kind in EVENTS_WITH_EMAIL]
        assert len(told) - len(self.emails) == (process.ended_at == EMAIL), (told, self.emails)
