"""Emails that the site would have sent, in files: the backend that writes them, and how pages read them."""

from __future__ import annotations

import datetime as dt
import email.policy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage as StoredMessage
from pathlib import Path

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from example_project import settings

ON_PAGE = 50


class EmailBackend(BaseEmailBackend):
    """Write each email into a file of its own; no mail server is needed."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the emails, and return how many."""
        folder: Path = settings.EMAIL_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            (folder / f"{time.time_ns()}.eml").write_bytes(message.message().as_bytes())
        return len(email_messages)


@dataclass(frozen=True)
class Email:
    """An email in a file."""

    number: int
    message: StoredMessage

    @property
    def at(self) -> dt.datetime:
        """When it was written."""
        return dt.datetime.fromtimestamp(self.number / 1e9, dt.UTC)

    @property
    def subject(self) -> str:
        """The subject."""
        return str(self.message["Subject"])

    @property
    def to(self) -> str:
        """The addresses that it goes to."""
        return str(self.message["To"])

    @property
    def text(self) -> str:
        """The text part."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part; empty where there is none."""
        return self._part("html")

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part else ""


def newest() -> list[Email]:
    """Return the newest emails, the newest first."""
    numbers = sorted((int(path.stem) for path in _folder().glob("*.eml")), reverse=True)
    return [found for number in numbers[:ON_PAGE] if (found := read(number))]


def read(number: int) -> Email | None:
    """Return one email, or None where there is no such file."""
    try:
        content = (_folder() / f"{number}.eml").read_bytes()
    except (
        OSError,
        ValueError,
    ):  # also a number that is too long for the name of a file, or for text
        return None
    message = email.message_from_bytes(content, _class=StoredMessage, policy=email.policy.default)
    return Email(number, message)


def _folder() -> Path:
    folder: Path = settings.EMAIL_FOLDER
    return folder
