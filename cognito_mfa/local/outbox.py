"""The emails and text messages that Cognito would have sent.

Nothing leaves the machine. Only ``code`` contains the code, because no representation shows it.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

Medium = Literal["SMS", "EMAIL"]


@dataclass(frozen=True, slots=True)
class Message:
    """An email or a text that was not sent."""

    medium: Medium
    destination: str
    code: str = field(repr=False)
    text: str = field(repr=False)
    username: str
    at: float
    subject: str = ""


class Outbox:
    """The newest ``limit`` messages."""

    def __init__(self, limit: int) -> None:
        self._messages: deque[Message] = deque(maxlen=limit)

    def send(self, message: Message) -> None:
        """Add a message, and drop the oldest one beyond the limit."""
        self._messages.append(message)

    def all(self) -> list[Message]:
        """Return the messages, the oldest first."""
        return list(self._messages)


def masked(medium: Medium, destination: str) -> str:
    """Return an address as challenges show it: +*******0839 or j***@g***.

    Args:
        medium: ``SMS`` or ``EMAIL``.
        destination: The address.

    Returns:
        The masked address.
    """
    if medium == "SMS":
        return "+" + "*" * max(len(destination) - 5, 0) + destination[-4:]
    return re.sub(r"^(.?)[^@]*@(.?).*$", r"\1***@\2***", destination)
