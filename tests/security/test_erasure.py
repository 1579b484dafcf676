"""A user can be deleted, with everything that names them but the trace that it was done."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cognito_mfa.authenticator import exemptions
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import (
    BlockedRequest,
    CognitoIdentity,
    MFAEvent,
    MFAExemption,
    MFAReset,
    SoftwareToken,
)
from tests.factories import make
from tests.visitor import POOL_ID, Visitor

USERS = "admin:auth_user_changelist"
DELETE = "admin:auth_user_delete"
OURS = (CognitoIdentity, SoftwareToken, MFAReset, MFAExemption, BlockedRequest)


@pytest.fixture
def root(pool: LocalPool, visitor: Visitor) -> Visitor:
    make(pool, "root", is_staff=True, is_superuser=True)
    visitor.set_up("root")
    return visitor


def with_everything(pool: LocalPool, name: str = "ada") -> User:
    """A user about whom there is a row of every kind."""
    identity = make(pool, name)
    user = identity.user
    SoftwareToken.activate(identity, friendly_name="Phone")
    MFAReset.objects.create(identity=identity, reason="x", actor=user)
    until = timezone.now() + dt.timedelta(days=1)
    exemptions.grant(user, until=until, reason="x", actor=None)
    BlockedRequest.objects.create(user=user)
    MFAEvent.objects.record(MFAEvent.Kind.RENAMED, identity, actor=user, detail="Phone")
    MFAEvent.objects.record(MFAEvent.Kind.EVENTS_EXPORTED, None, actor=user)
    return user


def by_page(client: Client, user: User) -> Any:
    page = client.get(reverse(DELETE, args=[user.pk]))
    assert "would require deleting" not in page.content.decode()
    return client.post(reverse(DELETE, args=[user.pk]), {"post": "yes"})


def by_action(client: Client, user: User) -> Any:
    data = {"action": "delete_selected", "_selected_action": [user.pk]}
    assert "Are you sure" in client.post(reverse(USERS), data).content.decode()
    return client.post(reverse(USERS), {**data, "post": "yes"})


def by_code(_client: Client, user: User) -> Any:
    user.delete()


def by_query(_client: Client, user: User) -> Any:
    User.objects.filter(pk=user.pk).delete()


@pytest.mark.parametrize(
    ("delete", "actor"),
    [(by_page, "root"), (by_action, "root"), (by_code, None), (by_query, None)],
)
def test_a_user_is_deleted_and_the_trace_stays(
    pool: LocalPool, root: Visitor, delete: Any, actor: str | None
) -> None:
    """The permission: ``changelists.deletes_others``; the trace: ``user_deletion.record_deletion``."""
    user = with_everything(pool)
    sub, key = user.cognito_identity.sub, user.pk
    delete(root.client, user)
    assert not User.objects.filter(username="ada").exists()
    for model in OURS:
        of_root = (
            {"user__username": "root"}
            if hasattr(model, "user_id")
            else {"identity__user__username": "root"}
        )
        assert model.objects.exclude(**of_root).count() == 0, model
    event = MFAEvent.objects.get(kind="USER_DELETED")
    assert (event.username, event.sub, event.identity) == ("ada", sub, None)
    assert event.detail == f"user {key}, ada ({POOL_ID})"
    assert (event.actor and event.actor.get_username()) == actor
    kept = MFAEvent.objects.get(kind="RENAMED")
    assert (kept.username, kept.sub, kept.identity, kept.actor) == ("ada", sub, None, None)


def test_staff_with_the_permission_for_users_may_and_without_it_not(
    pool: LocalPool, root: Visitor
) -> None:
    user = with_everything(pool)
    User.objects.filter(username="root").update(is_superuser=False)
    me = User.objects.get(username="root")
    me.user_permissions.set(Permission.objects.filter(codename="view_user"))
    assert root.post(reverse(DELETE, args=[user.pk]), {"post": "yes"}).status_code == 403
    me.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "delete_user"]))
    by_page(root.client, user)
    assert not User.objects.filter(pk=user.pk).exists()


def test_who_deletes_themselves_leaves_a_trace_too(pool: LocalPool, root: Visitor) -> None:
    me = User.objects.get(username="root")
    other = with_everything(pool)
    data = {"action": "delete_selected", "_selected_action": [me.pk, other.pk], "post": "yes"}
    root.client.post(reverse(USERS), data)
    assert not User.objects.exists()
    events = MFAEvent.objects.filter(kind="USER_DELETED")
    assert {(event.username, event.actor) for event in events} == {("root", None), ("ada", None)}


def test_our_own_pages_delete_nothing_and_menus_show_no_more_than_before(
    pool: LocalPool, root: Visitor
) -> None:
    user = with_everything(pool)
    rows = {
        "cognitoidentity": user.cognito_identity.pk,
        "mfareset": MFAReset.objects.get().pk,
        "mfaexemption": MFAExemption.objects.get().pk,
        "mfaevent": MFAEvent.objects.latest("pk").pk,
    }
    for name, key in rows.items():
        model = f"admin:cognito_mfa_{name}"
        assert root.post(reverse(f"{model}_delete", args=[key]), {"post": "yes"}).status_code == 403
        data = {"action": "delete_selected", "_selected_action": [key], "post": "yes"}
        root.client.post(reverse(f"{model}_changelist"), data)
        assert "deletelink" not in root.text(root.get(reverse(f"{model}_change", args=[key])))
    assert CognitoIdentity.objects.count() == 2
    assert MFAReset.objects.exists()
    assert MFAExemption.objects.exists()

    User.objects.filter(username="root").update(is_superuser=False)
    me = User.objects.get(username="root")
    codes = ["view_user", "delete_user", "view_mfaevent"]
    me.user_permissions.set(Permission.objects.filter(codename__in=codes))
    for url in (reverse("admin:index"), reverse(DELETE, args=[user.pk])):
        menus = root.text(root.get(url)).partition("Summary")[0]
        assert "MFA events" in menus
        assert "Cognito identities" not in menus


def test_an_identity_alone_is_said_to_be_that(pool: LocalPool, db: None) -> None:
    identity = make(pool, "ada")
    identity.delete()
    event = MFAEvent.objects.get(kind="UNLINKED")
    assert (event.username, event.detail) == ("ada", f"user {identity.user_id} ({POOL_ID})")
    assert not MFAEvent.objects.filter(kind="USER_DELETED").exists()


def test_on_a_site_of_another_name_as_well(pool: LocalPool, root: Visitor) -> None:
    """``model_admin`` of the view: no name of an address is looked at."""
    from django.contrib.admin import AdminSite, ModelAdmin
    from django.test import RequestFactory
    from django.urls import ResolverMatch

    site = AdminSite("another")
    for model in (CognitoIdentity, MFAReset, MFAExemption):
        site.register(model, admin.site.get_model_admin(model).__class__)  # no stand-in
    site.register(User, ModelAdmin)
    users = site.get_model_admin(User)
    views = {pattern.name: pattern.callback for pattern in users.get_urls() if pattern.name}
    request = RequestFactory().get("/")
    request.user = User.objects.get(username="root")
    request.resolver_match = ResolverMatch(views["auth_user_delete"], (), {})
    user = with_everything(pool)
    assert users.get_deleted_objects([user], request)[2] == set()
    request.resolver_match = ResolverMatch(views["auth_user_change"], (), {})
    assert users.get_deleted_objects([user], request)[2] != set()

    ours = site.get_model_admin(CognitoIdentity)
    own_views = {pattern.name: pattern.callback for pattern in ours.get_urls() if pattern.name}
    delete = own_views["cognito_mfa_cognitoidentity_delete"]
    request.resolver_match = ResolverMatch(delete, (), {})
    assert not ours.has_delete_permission(request)
