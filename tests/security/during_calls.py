"""What happens elsewhere while Cognito answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connections

from cognito_mfa.local import faults
from tests.visitor import Visitor


def while_cognito_answers(person: Visitor, operation: str, what: Callable[[], object]) -> None:
    main = connections["default"]

    def meanwhile(answer: dict[str, Any]) -> dict[str, Any]:
        main.inc_thread_sharing()  # Cognito is asked in a thread
        connections["default"] = main
        try:
            what()
        finally:
            del connections["default"]
            main.dec_thread_sharing()
        return answer

    person.cognito.faults.on(operation, faults.Edit(meanwhile), times=1)
