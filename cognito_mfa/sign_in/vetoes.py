"""The veto of other backends: ``PermissionDenied``, which stops a sign-in before a password is sent.

Packages that lock accounts, such as django-axes, are backends for the sake of that veto. Django asks backends in the
order of ``AUTHENTICATION_BACKENDS``, so those before ours are asked here.

None of them gets the password. They are called without one, which Django's own backends and those that ask another
server take for no user: so a backend that counts wrong passwords, or a server behind it, has none to count. A user
that a backend returns nevertheless is ignored.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from django.conf import settings
from django.contrib.auth import load_backend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement.account_state import is_own_backend
from cognito_mfa.exceptions import BadCredentials, BadCredentialsReason

logger = logging.getLogger(__name__)

# What a backend raises that cannot do without a password.
_NEEDS_PASSWORD = (TypeError, ValueError, AttributeError)


def check(request: HttpRequest, username: str) -> None:
    """Refuse a sign-in that a backend before ours refuses.

    Args:
        request: the one that carries the password.
        username: as typed.

    Raises:
        BadCredentials: as for a wrong password, because Django does not tell the two apart either.
    """
    path = next((path for path in _before_ours() if _denies(path, request, username)), None)
    if path is not None:
        logger.warning("sign_in_vetoed: backend %s", path)
        raise BadCredentials(reason=BadCredentialsReason.VETOED)


def _before_ours() -> Iterator[str]:
    """Yield the backends that are asked.

    Not those that sign users in by other means, as ``TRUSTED_BACKENDS`` says: one of OpenID Connect would take a
    ``code`` in the address for the end of a sign-in of its own.
    """
    earlier = takewhile(lambda path: not is_own_backend(path), settings.AUTHENTICATION_BACKENDS)
    return (path for path in earlier if path not in get_conf().TRUSTED_BACKENDS)


def _denies(path: str, request: HttpRequest, username: str) -> bool:
    authenticate = load_backend(path).authenticate
    credentials: dict[str, Any] = {"username": username, "password": None}
    try:
        inspect.signature(authenticate).bind(request, **credentials)
    except TypeError:  # for other credentials, such as a token
        return False
    failed = ""
    try:
        authenticate(request, **credentials)
    except PermissionDenied:
        return True
    except _NEEDS_PASSWORD as error:
        failed = type(error).__name__
    if failed:
        logger.error("veto_unknown: backend %s, %s", path, failed)
    return False
