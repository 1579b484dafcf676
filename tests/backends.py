"""Authentication backends of sites in the tests."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.core.exceptions import PermissionDenied

from cognito_mfa.backends import CognitoBackend


class Elsewhere(BaseBackend):
    """A sign-in that has a second factor of its own."""


class Veto:
    """Refuses every user. It is nothing but a veto, so it loads no users."""

    def authenticate(self, _request: Any, **_credentials: Any) -> None:
        raise PermissionDenied


class Permissions:
    """Grants permissions on objects, as that of django-guardian: it loads no users, and refuses none."""

    def authenticate(self, _request: Any, **_credentials: Any) -> None:
        """Sign no one in."""

    def has_perm(self, _user: Any, _permission: str, _obj: Any = None) -> bool:
        return False


class DerivedBackend(CognitoBackend):
    """A site's own backend, made of ours."""


class WidenedBackend(CognitoBackend):
    """Ours, with a claim about its sign-ins that is not so."""

    trust_words = ("elsewhere", "everyone")


def make_backend() -> CognitoBackend:
    """Stand for a backend that a function makes: Django calls whatever the setting names."""
    return DerivedBackend()


def make_djangos_backend() -> ModelBackend:
    return ModelBackend()


@wraps(Elsewhere)
def renamed() -> CognitoBackend:
    """Bear another backend's name, and make ours."""
    return DerivedBackend()
