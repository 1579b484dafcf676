"""Handles operations that an older botocore, a Region, an emulator, or an IAM policy may lack.

botocore says what it knows; whether the service has it, and the AWS credentials may call it, only a call tells. What
is missing is remembered for the process and logged once, and the older operation takes its place. Where that cannot
take its place nothing is remembered, so that a new permission helps at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from django.core.signals import setting_changed

from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.conf import NAME
from cognito_mfa.exceptions import Misconfigured, PermissionMissing, UserFacingError

logger = logging.getLogger(__name__)

# How a service says that it does not have an operation, in AWS's several protocols.
NOT_HERE = frozenset(
    {
        "UnknownOperationException", "UnknownOperation", "InvalidAction", "InvalidActionException",
        "OperationNotEnabledException",
    }
)  # fmt: skip

_Answer = TypeVar("_Answer")
_missing: dict[str, Misconfigured] = {}


def is_available(operation: str) -> bool:
    """Return whether ``operation`` may be called, as far as is known.

    Raises:
        Misconfigured: no client can be made, such as for a profile that does not exist.
    """
    return has_operation(operation) and operation not in _missing


def call_or_fall_back(
    operation: str,
    newer: Callable[[], _Answer],
    older: Callable[[Misconfigured | None], _Answer],
) -> _Answer:
    """Return the result of ``newer`` or, if the service lacks ``operation``, the result of ``older``.

    Args:
        operation: that ``newer`` calls.
        newer: does it with that operation.
        older: does it without, given why the service refused it; None where the installed botocore lacks it.

    Raises:
        CognitoMFAError: of either. Where neither is permitted, that of ``newer``: it is the one to permit.
    """
    if not is_available(operation):
        return older(_missing.get(operation))
    try:
        return newer()
    except Misconfigured as error:
        if not _is_absence(error):
            raise
        refused = error
    try:
        answer = older(refused)
    except PermissionMissing:
        raise refused from None
    except UserFacingError:  # an answer about a user
        remember(operation, refused)
        raise
    remember(operation, refused)
    return answer


def remember(operation: str, error: Misconfigured) -> None:
    """Remember that the service does not execute ``operation``, and log it once.

    Args:
        operation: that was refused.
        error: as what.
    """
    if operation not in _missing:
        _missing[operation] = error.with_traceback(None)  # whose frames are not kept
        logger.warning("operation_missing: %s %s An older one is used.", error, error.hint)


def _is_absence(error: Misconfigured) -> bool:
    return isinstance(error, PermissionMissing) or error.error in NOT_HERE


def forget(*, setting: str = NAME, **_kwargs: object) -> None:
    """Ask again: the settings changed, and may name another Region or other credentials."""
    if setting == NAME:
        _missing.clear()


setting_changed.connect(forget, dispatch_uid="cognito_mfa.cognito.newer_operations")
