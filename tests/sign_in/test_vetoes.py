"""Backends of other packages that refuse a sign-in before the password goes out."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.backends import CognitoBackend
from cognito_mfa.local.pool import LocalPool
from tests.visitor import PASSWORD, Visitor

OURS = "cognito_mfa.backends.CognitoBackend"
HERE = __name__


class Recorder:
    """Keeps what backends were asked with."""

    asked: ClassVar[list[dict[str, Any]]] = []


@pytest.fixture(autouse=True)
def _forget() -> None:
    Recorder.asked.clear()


class Veto:
    """Refuses one name. Like django-axes' own, it is nothing but a veto."""

    def authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        Recorder.asked.append(credentials)
        if credentials["username"] == "newcomer":
            raise PermissionDenied


class VetoWithUsers(ModelBackend):
    """Refuses anyone who asks too often, and signs others in."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **_kwargs: Any,
    ) -> Any:
        Recorder.asked.append({"username": username, "password": password})
        if request is not None and request.META["REMOTE_ADDR"] == "127.0.0.1":
            raise PermissionDenied
        return super().authenticate(request, username, password)


class Generous(BaseBackend):
    """Signs anyone in who has a name."""

    def authenticate(self, request: HttpRequest | None, username: str = "", **_kwargs: Any) -> Any:
        return User.objects.get_or_create(username="generous")[0]


class Insistent(BaseBackend):
    """Cannot do without a password."""

    def authenticate(
        self, request: Any, username: str = "", password: Any = None, **_kwargs: Any
    ) -> None:
        password.encode()


class Own(CognitoBackend):
    """A site's own kind of ours."""


def order(settings: Settings, *names: str) -> None:
    settings.AUTHENTICATION_BACKENDS = [
        f"{HERE}.{name}" if "." not in name else name for name in names
    ]


@pytest.fixture
def failures() -> Iterator[list[dict[str, Any]]]:
    """What Django's signal tells of failed sign-ins."""
    told: list[dict[str, Any]] = []

    def receive(**given: Any) -> None:
        told.append(given)

    user_login_failed.connect(receive)
    yield told
    user_login_failed.disconnect(receive)


@pytest.mark.parametrize("name", ["Veto", "VetoWithUsers"])
@pytest.mark.parametrize("ours", [OURS, "Own"])
def test_an_earlier_backend_stops_a_right_password_before_it_goes_out(
    pool: LocalPool, visitor: Visitor, settings: Settings, failures: Any, name: str, ours: str
) -> None:
    """`jazzband/django-axes#287`, `jazzband/django-axes#321`: a sign-in that never asked the backend."""
    wrong_password = visitor.text(visitor.sign_in(password="Wrong-Horse-7"))
    visitor.cognito.forget_calls()
    failures.clear()
    order(settings, name, ours)
    page = visitor.text(visitor.sign_in())
    assert visitor.cognito.operations() == []
    assert page == wrong_password
    assert [one["credentials"] for one in failures] == [{"username": "newcomer"}]
    assert Recorder.asked == [{"username": "newcomer", "password": None}]


def test_whom_it_does_not_refuse_signs_in(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    order(settings, "Veto", OURS)
    pool.create_user("other", password=PASSWORD)
    assert visitor.sign_in("other").url == reverse("cognito_mfa:setup")


@pytest.mark.parametrize(
    "backends",
    [
        [OURS, "Veto"],
        ["Generous", OURS],
        ["Insistent", OURS],
        ["django.contrib.auth.backends.ModelBackend", OURS],
        ["django.contrib.auth.backends.RemoteUserBackend", OURS],
    ],
)
def test_other_backends_neither_stop_nor_sign_in(
    pool: LocalPool, visitor: Visitor, settings: Settings, backends: list[str]
) -> None:
    """Later ones are not asked, and whom an earlier one returns is ignored."""
    order(settings, *backends)
    assert visitor.sign_in().url == reverse("cognito_mfa:setup")
    assert not visitor.is_in()
    assert not Recorder.asked


def test_a_backend_of_managed_login_is_not_asked(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """It would take a code in the address for its own."""
    order(settings, "Veto", OURS)
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "TRUSTED_BACKENDS": {f"{HERE}.Veto": "elsewhere"},
    }
    visitor.sign_in()
    assert not Recorder.asked


def test_a_backend_that_needs_a_password_is_named_in_the_log(
    pool: LocalPool, visitor: Visitor, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    order(settings, "Insistent", OURS)
    with caplog.at_level(logging.ERROR, "cognito_mfa"):
        visitor.sign_in()
    assert "Insistent, AttributeError" in caplog.text


def test_a_change_of_the_authenticator_can_be_refused_too(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    visitor.set_up()
    order(settings, "Veto", OURS, "django.contrib.auth.backends.ModelBackend")
    visitor.post(reverse("cognito_mfa:device_replace"), {"password": PASSWORD})
    assert visitor.cognito.operations() == []


def test_django_accepts_no_password_for_a_missing_user(
    db: None, rf: RequestFactory, django_assert_num_queries: Any
) -> None:
    """What the module relies on: no query, and so no hash, which costs time."""
    with django_assert_num_queries(0):
        assert ModelBackend().authenticate(rf.post("/"), username="x", password=None) is None
