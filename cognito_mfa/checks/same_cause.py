"""Leaves out our messages whose cause Django's own checks report.

Ours are for sites where Django's checks are silent, for example because of the site's own session middleware.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from django.contrib.admin.checks import check_dependencies
from django.core.checks import CheckMessage
from django.core.checks.security import sessions


class Said(NamedTuple):
    """Messages of a check of Django's.

    Attributes:
        by: the check.
        ids: of the messages.
    """

    by: Callable[..., Iterable[CheckMessage]]
    ids: Collection[str]


BY_DJANGO: Mapping[str, Said] = {
    "cognito_mfa.W012": Said(
        sessions.check_session_cookie_secure, ("security.W010", "security.W011", "security.W012")
    ),
    "cognito_mfa.W013": Said(
        sessions.check_session_cookie_httponly, ("security.W013", "security.W014", "security.W015")
    ),
    "cognito_mfa.E018": Said(check_dependencies, ("admin.E403",)),
    "cognito_mfa.W044": Said(check_dependencies, ("admin.E408",)),
}


def is_said_by_django(message: CheckMessage) -> bool:
    """Return whether one of Django's own checks reports the cause of ``message``."""
    said = BY_DJANGO.get(str(message.id))
    return said is not None and any(one.id in said.ids for one in said.by(app_configs=None))
