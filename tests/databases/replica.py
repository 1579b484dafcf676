"""A copy for reading that lags by hours: what decides is read from where it is written.

Django refuses every query to the copy in these tests, so that they also fail where something else than the decision
was read from there.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from cognito_mfa.authenticator import exemptions
from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.factories import make, reset_in_admin
from tests.management.command_line import run
from tests.visitor import Visitor

needs_delete = pytest.mark.skipif(
    not has_operation("AdminDeleteSoftwareToken"),
    reason="AdminDeleteSoftwareToken is newer than the installed botocore",
)
pytestmark = pytest.mark.django_db(databases=["default"])


def test_a_sign_in_and_the_next_one(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    assert visitor.is_in()
    identity = CognitoIdentity.objects.get()
    assert identity.user.username == "newcomer"
    visitor.sign_out()
    visitor.sign_in()
    assert visitor.enter_code().status_code == 302
    assert visitor.is_in()


@needs_delete
@pytest.mark.django_db(databases=["default", "replica"])
def test_a_reset_is_valid_at_the_very_next_request(pool: LocalPool, visitor: Visitor) -> None:
    """Red where the gate reads the user from the copy, as Django reads permissions and the menus of the admin."""
    make(pool, "root", is_staff=True, is_superuser=True)
    make(pool, "ada")
    admin = Visitor(Client(), visitor.cognito)
    admin.come_with_app("root")
    visitor.come_with_app("ada")
    assert visitor.is_in()
    reset_in_admin(admin, CognitoIdentity.objects.get(username="ada"))
    assert not visitor.is_in()


def test_wrong_codes_are_counted(pool: LocalPool, visitor: Visitor) -> None:
    visitor.come_with_app()
    visitor.sign_out()
    visitor.sign_in()
    for _try in range(5):
        visitor.enter_code(visitor.wrong_code())
    assert CognitoIdentity.objects.get().code_failures == 5
    assert MFAEvent.objects.filter(kind="CODE_REJECTED").count() == 5
    assert visitor.enter_code().answered == 429


def test_an_exemption_is_valid_and_over_at_once(pool: LocalPool, client: Client) -> None:
    user = User.objects.create_user("local")
    client.force_login(user, backend="cognito_mfa.backends.CognitoBackend")
    assert client.get("/private/").status_code == 302
    exemption = exemptions.grant(
        user, until=exemptions.latest_end(), reason="Phone in repair", actor=None
    )
    assert client.get("/private/").status_code == 200
    exemptions.revoke(exemption, reason="Repaired", actor=None)
    assert client.get("/private/").status_code == 302


def test_a_name_that_was_taken_just_now_is_taken(pool: LocalPool, visitor: Visitor) -> None:
    taken = User.objects.create_user("newcomer")
    visitor.set_up()
    assert CognitoIdentity.objects.get().user_id != taken.pk


def test_staff_of_a_moment_ago_are_linked_to_no_one(
    pool: LocalPool, visitor: Visitor, settings: Any
) -> None:
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "USER_RESOLVER": "cognito_mfa.sign_in.linking.by_username",
    }
    User.objects.create_user("newcomer", is_staff=True)
    visitor.sign_in()
    visitor.scan()
    assert visitor.confirm_setup().answered == 403
    assert MFAEvent.objects.get(kind="LINK_REFUSED").reason == "staff"


def test_commands_see_what_was_written_just_now(pool: LocalPool, visitor: Visitor) -> None:
    make(pool, "ada")
    assert run("sync")[0] == 0
    assert run("report")[0] == 0
    assert run("report", "--preview")[0] == 0
    assert run("reset", "ada", "--reason", "Ticket 7", "--dry-run")[0] == 0
    tomorrow = (timezone.now() + dt.timedelta(days=1)).isoformat()
    assert run("exempt", "ada", "--until", tomorrow, "--reason", "Ticket 7")[0] == 0
    assert run("exempt", "--list")[0] == 0
    assert run("exempt", "ada", "--revoke", "--reason", "Ticket 8")[0] == 0
    assert run("purge", "--older-than", "1000")[0] == 0
