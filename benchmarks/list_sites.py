"""The lists that ``admin_lists.py`` compares: ours, and a floor for each.

Import it after Django is set up.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from django.apps import apps
from django.contrib import admin
from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db import connection, models
from django.urls import path

from cognito_mfa.admin import FastListMixin, MFAUserAdminMixin
from cognito_mfa.admin.changelists import CAP
from cognito_mfa.models import CognitoIdentity, MFAEvent, PrefixIndex

PER_PAGE = 100

# One flat table for each of our lists, with our kind of indexes.


class Person(models.Model):
    username = models.CharField(max_length=128)
    email = models.EmailField()
    status = models.CharField(max_length=16, choices=CognitoIdentity.Status.choices)
    preferred_factor = models.CharField(max_length=32, choices=CognitoIdentity.Factor.choices)
    device = models.CharField(max_length=64)
    set_up_at = models.DateTimeField()
    used_at = models.DateTimeField()
    checked_at = models.DateTimeField()

    class Meta:
        app_label = "floor"
        indexes = [
            PrefixIndex(fields=["username"], name="floor_username"),
            PrefixIndex(fields=["email"], name="floor_email"),
            models.Index(fields=["status", "id"], name="floor_status"),
        ]

    def __str__(self) -> str:
        return self.username


class Happening(models.Model):
    at = models.DateTimeField(db_index=True)
    username = models.CharField(max_length=128)
    kind = models.CharField(max_length=32, choices=MFAEvent.Kind.choices)
    detail = models.CharField(max_length=200)
    reason = models.CharField(max_length=200)
    actor = models.CharField(max_length=150)

    class Meta:
        app_label = "floor"
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["kind", "at"], name="floor_kind_at"),
            PrefixIndex(fields=["username"], name="floor_event_username"),
        ]

    def __str__(self) -> str:
        return self.username


class Nothing(SimpleListFilter):
    """A filter on the page, as many words as ours has, without effect."""

    title, parameter_name = "nothing", "nothing"

    def lookups(self, _request: Any, _admin: Any) -> list[tuple[str, str]]:
        return [(str(number), f"Some word {number}") for number in range(5)]

    def queryset(self, _request: Any, queryset: Any) -> Any:
        return queryset


class Fewer(Nothing):
    def lookups(self, _request: Any, _admin: Any) -> list[tuple[str, str]]:
        return [("1", "Not finished")]


class WithActions(ModelAdmin):
    @admin.action(description="Refresh from there")
    def one(self, _request: Any, _queryset: Any) -> None: ...

    @admin.action(description="Reset something")
    def two(self, _request: Any, _queryset: Any) -> None: ...

    @admin.action(description="Clear something")
    def three(self, _request: Any, _queryset: Any) -> None: ...

    actions = ("one", "two", "three")


class PersonAdmin(WithActions, FastListMixin):
    list_display = ("username", "status", "device", "set_up_at", "used_at", "checked_at")
    list_filter = ("status", Fewer, "preferred_factor", "checked_at")
    search_fields = ("^username", "^email")
    ordering = ("-pk",)


class HappeningAdmin(FastListMixin, ModelAdmin):
    list_display = ("at", "username", "kind", "detail", "reason", "actor")
    list_filter = ("kind", "at")
    search_fields = ("^username",)
    actions = None  # nor has ours any


class TheirUsers(FastListMixin, UserAdmin):
    list_filter: ClassVar[Any] = ("is_staff",)
    ordering = ("-pk",)
    search_fields = ("username__exact",)  # what Django's own index answers


class OurUsers(MFAUserAdminMixin, TheirUsers):
    pass


class TheirUsersWithAColumn(WithActions, TheirUsers):
    # As many columns, filters and actions, and nothing to look up.
    list_filter = (*TheirUsers.list_filter, Nothing)
    list_display = ("username", "email", "first_name", "last_name", "is_staff", "second_factor")

    @admin.display(description="second factor")
    def second_factor(self, _user: Any) -> str:
        return "-"


class PlainUsers(UserAdmin):
    pass


class OurPlainUsers(MFAUserAdminMixin, UserAdmin):
    pass


class List(NamedTuple):
    """Two lists of the same rows, and what is asked of both."""

    name: str
    ours: str
    floor: str
    scenes: dict[str, tuple[str, str]]


def mount(urls: list[Any]) -> None:
    """Add an admin site of each kind to ``urls``."""
    # Every site has the same models: their names stand on each page.
    shared: dict[type[models.Model], type[ModelAdmin]] = {
        model: admin.site.get_model_admin(model).__class__  # what a late one stands for
        for model in apps.get_app_config("cognito_mfa").get_models()
        if admin.site.is_registered(model)
    }
    shared |= {Person: PersonAdmin, Happening: HappeningAdmin}
    users_of = {
        "ours": OurUsers,
        "floor": TheirUsersWithAColumn,
        "ours_plain": OurPlainUsers,
        "plain": PlainUsers,
    }
    registered = {name: shared | {User: users} for name, users in users_of.items()}
    for name, models_and_admins in registered.items():
        site = admin.AdminSite(name=name)
        for model, base in models_and_admins.items():
            site.register(model, type(base.__name__, (base,), {"list_per_page": PER_PAGE}))
        urls.append(path(f"{name}/", site.urls))
    urls.append(path("admin/", admin.site.urls))


def lists() -> list[List]:
    """Return what is compared, with names that are in the data."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT username FROM auth_user WHERE id = 5")
        (whole,) = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM auth_user")
        last = min(cursor.fetchone()[0], CAP) // PER_PAGE
    common = {
        "page 1": ("", ""),
        f"page {last}, the last": (f"p={last}",) * 2,
        "whole name": (f"q={whole}",) * 2,
        "no match": ("q=nobody.at.all",) * 2,
    }
    prefix = {"beginning of many names": ("q=alice.12",) * 2}
    users = "auth/user/"
    only_enabled = ("second_factor=ENABLED", "is_staff__exact=0")
    return [
        List(
            "identities", "/ours/cognito_mfa/cognitoidentity/", "/floor/floor/person/",
            {**common, "filter, 60 %": ("status__exact=ENABLED",) * 2, **prefix},
        ),
        List(
            "events", "/ours/cognito_mfa/mfaevent/", "/floor/floor/happening/",
            {**common, "filter, 20 %": ("kind__exact=CODE_REJECTED",) * 2, **prefix},
        ),
        List(
            "users, with FastListMixin", f"/ours/{users}", f"/floor/{users}",
            {**common, "filter, 60 %": only_enabled},
        ),
        List(
            "users, Django's UserAdmin", f"/ours_plain/{users}", f"/plain/{users}",
            {"page 1": ("", "")},
        ),
    ]  # fmt: skip
