"""Lists over more people than anyone pages through."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.db import connection
from django.urls import path
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from cognito_mfa.admin import FastListMixin, MFAUserAdminMixin
from cognito_mfa.admin.changelists import CAP
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests import urls
from tests.factories import make
from tests.visitor import POOL_ID, Visitor

Status = CognitoIdentity.Status

OTHER_SITE = admin.AdminSite(name="many")


class ManyUsersAdmin(MFAUserAdminMixin, FastListMixin, UserAdmin):
    """As the documentation says for sites with very many users."""


OTHER_SITE.register(User, ManyUsersAdmin)


class WithManyUsers:
    urlpatterns = [*urls.urlpatterns, path("many/", OTHER_SITE.urls)]


HOW_MANY = {Status.ENABLED: CAP + 1, Status.NOT_SET_UP: 120, Status.UNKNOWN: 3, Status.GONE: 0}


@pytest.fixture
def boss(pool: LocalPool, visitor: Visitor, settings: Settings) -> Visitor:
    """A user in the admin of a site with ``HOW_MANY`` users of each status, and five of none."""
    settings.ROOT_URLCONF = WithManyUsers
    make(pool, "root", is_staff=True, is_superuser=True)
    visitor.come_with_app("root")
    states = [status for status, number in HOW_MANY.items() for _ in range(number)]
    names = [f"p{number:05}" for number in range(len(states))]
    people = User.objects.bulk_create([User(username=name, password="!") for name in names])
    CognitoIdentity.objects.bulk_create(
        CognitoIdentity(
            user=user, pool_id=POOL_ID, sub=f"sub-of-{name}", username=name, status=status
        )
        for user, name, status in zip(people, names, states, strict=True)
    )
    User.objects.bulk_create([User(username=f"local{n}", password="!") for n in range(5)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as any database does by itself, but not within a transaction
    return visitor


def shown(boss: Visitor, address: str, **query: str) -> tuple[str, int]:
    """Return how many there are, in the page's words, and how many it shows."""
    page = boss.get(address, query_params=query)
    assert page.status_code == 200, page.headers
    changes: Any = page.context["cl"]
    return str(changes.result_count), len(changes.result_list)


def test_many_are_counted_and_paged_to_a_cap_few_exactly(boss: Visitor) -> None:
    users = "/many/auth/user/"

    def filtered(status: str, **query: str) -> tuple[str, int]:
        return shown(boss, users, second_factor=status, **query)

    assert shown(boss, users) == ("10,000+", 50)
    assert filtered("ENABLED") == ("10,000+", 50)
    assert filtered("ENABLED", p="200") == ("10,000+", 50)
    assert filtered("ENABLED", q="p00007") == ("1", 1)
    assert filtered("NOT_SET_UP") == ("120", 50)
    assert filtered("NOT_SET_UP", p="3") == ("120", 20)
    assert filtered("NOT_SET_UP", all="1") == ("120", 120)
    assert filtered("UNKNOWN") == ("3", 3)
    assert filtered("UNKNOWN", o="-7") == ("3", 3)  # sorted by the column itself
    assert filtered("UNKNOWN", is_staff__exact="1") == ("0", 0)
    assert filtered("GONE") == ("0", 0)
    assert filtered("never") == ("5", 5)

    identities = "/admin/cognito_mfa/cognitoidentity/"
    assert shown(boss, identities) == ("10,000+", 50)
    assert shown(boss, identities, status__exact="UNKNOWN") == ("3", 3)

    beyond = boss.get(users, query_params={"p": "201"})
    assert (beyond.status_code, beyond["Location"]) == (302, f"{users}?e=1")


def test_one_query_to_count_and_one_for_the_rows(
    boss: Visitor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for status in ("ENABLED", "NOT_SET_UP", "UNKNOWN", "GONE"):
        address, query = "/many/auth/user/", {"second_factor": status}
        boss.get(address, query_params=query)
        # The session, the boss, the names for the filter by group of UserAdmin; then the count and the rows.
        with django_assert_num_queries(5):
            boss.get(address, query_params=query)
