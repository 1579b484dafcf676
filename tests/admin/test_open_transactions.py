"""Other packages open a transaction around the admin's pages, and a reset has to be committed before Cognito is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.admin import UserAdmin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAReset
from tests.factories import make, reset_in_admin
from tests.visitor import Visitor

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not has_operation("AdminDeleteSoftwareToken"),
        reason="AdminDeleteSoftwareToken is newer than the installed botocore",
    ),
]


def around_each_request(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """Middleware that opens a transaction, as that of django-reversion."""

    def respond(request: HttpRequest) -> HttpResponse:
        with transaction.atomic():
            return get_response(request)

    return respond


@pytest.fixture
def admin(pool: LocalPool, visitor: Visitor) -> Visitor:
    make(pool, "root", is_staff=True, is_superuser=True)
    make(pool, "ada")
    pool.register_software_token("ada")
    CognitoIdentity.objects.filter(username="ada").update(status="ENABLED")
    visitor.come_with_app("root")
    return visitor


def test_a_list_of_users_with_a_transaction_around_it(
    admin: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``VersionAdmin`` of django-reversion, below ``MFAUserAdminMixin``: a server error at each reset."""
    below: Any = UserAdmin.changelist_view

    def changelist_view(*args: Any, **kwargs: Any) -> Any:
        with transaction.atomic():
            return below(*args, **kwargs)

    monkeypatch.setattr(UserAdmin, "changelist_view", changelist_view)
    user = CognitoIdentity.objects.get(username="ada").user
    data = {"action": "reset_mfa", "_selected_action": [user.pk], "reason": "Ticket 7"}
    url = reverse("admin:auth_user_changelist")
    page = admin.client.post(url, {**data, "confirmed": "yes"}, follow=True)
    assert "Reset the authenticator app of ada." in admin.text(page)
    assert MFAReset.objects.get().finished_at


def test_a_transaction_around_each_request(admin: Visitor, settings: Settings) -> None:
    """The administrator is told why, and nothing is half done."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.around_each_request"]
    admin.client.handler.load_middleware()
    admin.cognito.forget_calls()
    page = reset_in_admin(admin, CognitoIdentity.objects.get(username="ada"))
    assert "The authenticator app of ada wasn’t reset" in page
    assert not MFAReset.objects.exists()
    assert admin.cognito.operations() == []
