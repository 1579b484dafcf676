"""The site with django-axes, django-hijack, and django-simple-history: what these packages see of a sign-in."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from cognito_mfa.admin import PAGES
from cognito_mfa.contrib.admin_site import MFAAdminSite
from cognito_mfa.local.pool import LocalPool
from tests.factories import make
from tests.visitor import Visitor


def fail(visitor: Visitor, times: int) -> Any:
    for _try in range(times):
        response = visitor.sign_in(password="Wrong-Horse-7")
    return response


def test_a_locked_name_is_refused_before_cognito_is_asked(
    pool: LocalPool, visitor: Visitor
) -> None:
    """`jazzband/django-axes#287`, `jazzband/django-axes#321`: a sign-in of its own that never asked axes."""
    assert fail(visitor, 2).status_code == 200
    assert fail(visitor, 1).answered == 429
    visitor.cognito.forget_calls()
    elsewhere = Visitor(Client(), visitor.cognito)
    for person in (visitor, elsewhere):
        response = person.sign_in()
        assert response.answered == 429
        assert "Account locked" in person.text(response)
    assert visitor.cognito.operations() == []

    call_command("axes_reset")
    assert visitor.sign_in().url == reverse("cognito_mfa:setup")


def test_a_sign_in_forgets_the_failures(pool: LocalPool, visitor: Visitor) -> None:
    """Only when it is complete: the password alone is no sign-in."""
    fail(visitor, 2)
    visitor.sign_in()
    assert AccessAttempt.objects.get().failures_since_start == 2
    visitor.scan()
    visitor.confirm_setup()
    assert visitor.is_in()
    assert not AccessAttempt.objects.exists()
    assert AccessLog.objects.get().username == "newcomer"


def test_no_secret_is_in_what_axes_keeps(pool: LocalPool, visitor: Visitor) -> None:
    fail(visitor, 1)
    attempt = AccessAttempt.objects.get()
    assert attempt.username == "newcomer"
    kept = " ".join(str(value) for value in vars(attempt).values())
    assert "Wrong-Horse" not in kept


def test_the_password_of_a_change_counts_too(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    url = reverse("cognito_mfa:device_replace")
    for _try in range(3):
        response = visitor.post(url, {"password": "Wrong-Horse-7"})
    assert response.answered == 429
    visitor.cognito.forget_calls()
    assert visitor.post(url, {"password": "Correct-Horse-7"}).answered == 429
    assert visitor.cognito.operations() == []


def test_the_admin_is_unfolds_and_asks_for_mfa(pool: LocalPool, visitor: Visitor) -> None:
    index = reverse("admin:index")  # loads the URLconf, which registers the pages
    assert isinstance(admin.site, MFAAdminSite)
    assert isinstance(admin.site, UnfoldAdminSite)
    for model in PAGES:
        assert isinstance(admin.site._registry[model], ModelAdmin)
    User.objects.create_superuser("local", password="Correct-Horse-7")
    login = visitor.get(reverse("admin:login"))
    assert login.url.startswith(reverse("cognito_mfa:sign_in"))
    data = {"username": "local", "password": "Correct-Horse-7"}
    visitor.post(reverse("login"), data)
    assert visitor.get(index).status_code == 302


def test_who_acts_as_another_user_came_with_a_code(pool: LocalPool, visitor: Visitor) -> None:
    make(pool, "root", is_staff=True, is_superuser=True)
    ada = make(pool, "ada")
    visitor.come_with_app("root")
    visitor.post(reverse("hijack:acquire"), {"user_pk": str(ada.user_id)})
    assert "private page of ada" in visitor.text(visitor.get("/private/"))
    visitor.post(reverse("hijack:release"))
    assert "private page of root" in visitor.text(visitor.get("/private/"))


def test_the_history_names_who_changed_a_user(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    user = User.objects.get()
    history: Any = user.history  # type: ignore[attr-defined]
    assert history.filter(history_type="+").count() == 1
    assert {entry.history_user_id for entry in history.all()} <= {None, user.pk}
