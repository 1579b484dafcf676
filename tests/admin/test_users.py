"""The site's own list of users, with our column, filter and actions."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from cognito_mfa.admin import MFAUserAdminMixin
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.factories import make
from tests.visitor import Visitor

LIST = "admin:auth_user_changelist"


def test_a_column_for_every_user_also_those_who_never_came(pool: LocalPool, admin: Visitor) -> None:
    make(pool, "ada").record_status(CognitoIdentity.Status.NOT_SET_UP)
    User.objects.create_user("local")
    page = admin.text(admin.get(reverse(LIST)))
    icon = '<img src="/static/admin/img/icon-no.svg" alt="">'
    assert f'<span class="cognito-mfa-status">{icon} Not set up</span></td>' in page
    assert '<td class="field-second_factor">–</td>' in page


def test_no_query_for_each_row(
    pool: LocalPool, admin: Visitor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    admin.get(reverse(LIST))
    with django_assert_num_queries(7, exact=False) as few:  # type: ignore[call-arg]
        admin.get(reverse(LIST))
    for number in range(15):
        make(pool, f"p{number}")
    with django_assert_num_queries(len(few.captured_queries)):
        admin.get(reverse(LIST))


def test_the_filter(pool: LocalPool, admin: Visitor) -> None:
    make(pool, "ada").record_status(CognitoIdentity.Status.NOT_SET_UP)
    User.objects.create_user("local")

    def names(value: str) -> set[str]:
        page = admin.text(admin.get(reverse(LIST), query_params={"second_factor": value}))
        return {name for name in ("ada", "local", "root") if f">{name}</a>" in page}

    assert names("NOT_SET_UP") == {"ada"}
    assert names("ENABLED") == {"root"}
    assert names("never") == {"local"}
    CognitoIdentity.objects.filter(username="ada").update(pool_id="us-east-1_Other0000")
    assert names("another_pool") == {"ada"}
    assert names("NOT_SET_UP") == set()
    assert names("never") == {"local"}
    page = admin.text(admin.get(reverse(LIST)))
    assert "Not set up</span>" not in page  # what a former pool said says nothing of this one


def test_the_actions_work_from_here_too(pool: LocalPool, admin: Visitor) -> None:
    ada = make(pool, "ada")
    pool.register_software_token("ada")
    data: dict[str, Any] = {"action": "refresh_status", "_selected_action": [ada.user_id]}
    assert "Refreshed the status of ada." in admin.text(
        admin.client.post(reverse(LIST), data, follow=True)
    )
    data["action"] = "reset_mfa"
    page = admin.text(admin.client.post(reverse(LIST), data, follow=True))
    assert 'name="reason"' in page
    assert reverse(LIST) in page
    done = admin.client.post(
        reverse(LIST), {**data, "confirmed": "yes", "reason": "x"}, follow=True
    )
    ada.refresh_from_db()
    assert "Reset the authenticator app of ada." in admin.text(done)
    assert LogEntry.objects.latest("pk").object_id == str(ada.user_id)


def test_the_mixin_on_another_list_than_that_of_the_users_says_so() -> None:
    class GroupAdmin(MFAUserAdminMixin):
        pass

    with pytest.raises(
        ImproperlyConfigured, match=r"the site's users \(auth\.User\), not auth\.Group"
    ):
        GroupAdmin(Group, AdminSite())


def page_of(admin: Visitor, user: User) -> str:
    return admin.text(admin.get(reverse("admin:auth_user_change", args=[user.pk])))


def test_the_page_of_one_user_leads_to_the_link(pool: LocalPool, admin: Visitor) -> None:
    ada = make(pool, "ada")
    local = User.objects.create_user("local")
    identity = reverse("admin:cognito_mfa_cognitoidentity_change", args=[ada.pk])
    assert f'<a href="{identity}">ada (us-east-1_Example00)</a>' in page_of(admin, ada.user)
    link = f"{reverse('admin:cognito_mfa_cognitoidentity_link')}?user={local.pk}"
    assert f'<a href="{link}">Not linked</a>' in page_of(admin, local)
    saved = admin.get(reverse("admin:auth_user_add"))
    assert saved.status_code == 200

    root = User.objects.get(username="root")
    root.is_superuser = False
    root.save()
    root.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    assert "Not linked" not in page_of(admin, local)


def test_a_user_is_saved_as_before(pool: LocalPool, admin: Visitor) -> None:
    local = User.objects.create_user("local")
    form = admin.get(reverse("admin:auth_user_change", args=[local.pk])).context["adminform"].form
    data = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    data = {name: value for name, value in data.items() if isinstance(value, str) and value}
    joined = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    data |= {"username": "renamed", "is_active": "on", **joined}
    done = admin.post(reverse("admin:auth_user_change", args=[local.pk]), data)
    assert done.status_code == 302
    local.refresh_from_db()
    assert local.username == "renamed"


def test_a_plain_admin_of_users_shows_it_once(pool: LocalPool, admin: Visitor) -> None:
    class Plain(MFAUserAdminMixin, ModelAdmin):
        """Without ``fieldsets``: Django puts every readonly field into one."""

    request = RequestFactory().get("/")
    request.user = User.objects.get(username="root")
    fieldsets = Plain(User, AdminSite()).get_fieldsets(request, request.user)
    assert [options["fields"].count("user_pool_link") for _title, options in fieldsets] == [1]
