"""The mails and texts that Cognito would have sent. Nothing ever leaves the machine; whoever wants
to read a code asks for ``code``, since no representation shows it."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

Medium = Literal["SMS", "EMAIL"]


@dataclass(frozen=True, slots=True)
class Message:
    medium: Medium
    destination: str
    code: str = field(repr=False)
    text: str = field(repr=False)
    username: str
    at: float


class Outbox:
    """The newest ``limit`` messages."""

    def __init__(self, limit: int) -> None:
        self._messages: deque[Message] = deque(maxlen=limit)

    def send(self, message: Message) -> None:
        self._messages.append(message)

    def all(self) -> list[Message]:
        return list(self._messages)


def masked(medium: Medium, destination: str) -> str:
    """The destination as a challenge shows it: +*******0839 or j***@g***."""
    if medium == "SMS":
        return "+" + "*" * max(len(destination) - 5, 0) + destination[-4:]
    return re.sub(r"^(.?)[^@]*@(.?).*$", r"\1***@\2***", destination)
