"""Functions for the triggers of a pool that remember what they were told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cognito_mfa.local.pool import LocalPool

Event = dict[str, Any]


class Recorder:
    """Every trigger of a pool: it remembers the events, and answers what a test wants."""

    def __init__(self, pool: LocalPool, *triggers: str) -> None:
        self.events: list[Event] = []
        self.responses: dict[str, Mapping[str, Any] | Exception | Callable[[Event], Any]] = {}
        for trigger in triggers:
            pool.set_trigger(trigger, self)

    def __call__(self, event: Event) -> Event:
        self.events.append(event)
        answer = self.responses.get(event["triggerSource"], {})
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            answer = answer(event)
        event["response"] |= answer
        return event

    @property
    def sources(self) -> list[str]:
        return [event["triggerSource"] for event in self.events]

    def only(self, source: str) -> Event:
        (event,) = [event for event in self.events if event["triggerSource"] == source]
        return event

    def last(self, source: str) -> Event:
        return [event for event in self.events if event["triggerSource"] == source][-1]
