"""Resetting somebody's authenticator from the admin, half-done states included."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa import budget, reset
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent, MFAReset
from cognito_mfa.transport import has_operation
from tests.test_admin import make, reading
from tests.visitor import Visitor

LIST = "admin:cognito_mfa_cognitoidentity_changelist"
CONFIRM = "admin:cognito_mfa_cognitoidentity_confirm"
RESETS = "admin:cognito_mfa_mfareset_changelist"
Status = CognitoIdentity.Status


@pytest.fixture
def admin(pool: LocalPool, visitor: Visitor) -> Visitor:
    make(pool, "root", is_staff=True, is_superuser=True)
    visitor.set_up("root")
    return visitor


@pytest.fixture
def lost(pool: LocalPool, admin: Visitor) -> Visitor:
    """Somebody signed in elsewhere, whose phone is about to be lost."""
    make(pool, "ada")
    person = Visitor(Client(), admin.cognito)
    person.set_up("ada", friendly_name="Lost phone")
    return person


def ada() -> CognitoIdentity:
    return CognitoIdentity.objects.get(username="ada")


def do_reset(admin: Visitor, *who: CognitoIdentity, reason: str = "Ticket 7", **more: str) -> Any:
    data: dict[str, Any] = {
        "action": "reset_mfa",
        "_selected_action": [identity.pk for identity in who or (ada(),)],
        "confirmed": "yes",
        "reason": reason,
        **more,
    }
    return admin.client.post(reverse(LIST), data, follow=True)


def can_delete() -> bool:
    return has_operation("AdminDeleteSoftwareToken")


def test_the_live_session_meets_the_gate_and_the_next_sign_in_sets_up_anew(
    pool: LocalPool, admin: Visitor, lost: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    if not can_delete():
        pytest.skip("AdminDeleteSoftwareToken is newer than the installed botocore")
    assert lost.is_in()
    admin.cognito.forget_calls()
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        page = admin.text(do_reset(admin))

    assert "Done for 1 person" in page
    assert admin.cognito.operations() == [
        "AdminDeleteSoftwareToken",
        "AdminUserGlobalSignOut",
        reading(),
    ]
    assert not lost.is_in()
    assert (ada().status, ada().software_token) == (Status.NOT_SET_UP, None)
    assert ada().software_tokens.get().retired_because == "RESET"
    event = MFAEvent.objects.get(kind="MFA_RESET")
    assert (event.reason, event.username) == ("Ticket 7", "ada")
    assert event.actor is not None
    assert event.actor.username == "root"
    assert "Ticket 7" in LogEntry.objects.latest("pk").change_message
    assert (
        mail.outbox[-1].subject == "Example Ltd: The authenticator app of your account was removed"
    )

    lost.cognito.clock.advance(30)
    old = lost.secret
    assert lost.sign_in("ada").url == reverse("cognito_mfa:setup")
    assert lost.scan() != old
    lost.confirm_setup(friendly_name="New phone")
    assert lost.is_in()


def test_it_is_confirmed_with_a_reason_first(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
    admin.cognito.forget_calls()
    asked = admin.get(reverse(CONFIRM, args=[ada().pk, "reset_mfa"]))
    page = admin.text(asked)
    for words in ("ada@example.com", pool.id, "all their sessions end", 'name="reason"'):
        assert words in page
    assert admin.cognito.operations() == []
    for reason in ("", "   "):
        assert "This field is required" in admin.text(do_reset(admin, reason=reason))
    assert admin.cognito.operations() == []
    assert lost.is_in()


def test_no_get_and_no_foreign_form_resets(pool: LocalPool, admin: Visitor, lost: Visitor) -> None:
    """B-94."""
    query = {
        "action": "reset_mfa",
        "_selected_action": str(ada().pk),
        "confirmed": "yes",
        "reason": "x",
    }
    admin.get(reverse(LIST), query_params=query)
    admin.get(reverse(CONFIRM, args=[ada().pk, "reset_mfa"]), query_params=query)
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = admin.client.cookies
    assert careful.post(reverse(LIST), query).status_code == 403
    assert lost.is_in()
    assert not MFAReset.objects.exists()


def test_it_is_a_right_of_its_own(pool: LocalPool, admin: Visitor, lost: Visitor) -> None:
    """B-91."""
    root = User.objects.get(username="root")
    root.is_superuser = False
    root.save()
    root.user_permissions.add(Permission.objects.get(codename="view_cognitoidentity"))
    do_reset(admin)
    assert admin.get(reverse(CONFIRM, args=[ada().pk, "reset_mfa"])).status_code == 403
    assert lost.is_in()

    root.user_permissions.add(Permission.objects.get(codename="reset_mfa"))
    do_reset(admin)
    assert not lost.is_in()


def test_nobody_resets_themselves_or_a_superuser_without_being_one(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
    """B-93."""
    me = CognitoIdentity.objects.get(username="root")
    assert "cannot do this" in admin.text(do_reset(admin, me))
    User.objects.filter(username="ada").update(is_superuser=True)
    User.objects.filter(username="root").update(is_superuser=False)
    User.objects.get(username="root").user_permissions.set(
        Permission.objects.filter(codename__in=["view_cognitoidentity", "reset_mfa"])
    )
    assert "cannot do this" in admin.text(do_reset(admin))
    assert lost.is_in()
    assert not MFAReset.objects.exists()


def test_who_acts_must_have_answered_a_code_lately(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
    """B-92."""
    session = admin.client.session
    record = session["_cognito_mfa_proof"]
    session["_cognito_mfa_proof"] = {**record, "at": record["at"] - 301}
    session.save()
    response = do_reset(admin)
    assert response.redirect_chain[-1][0].startswith(reverse("cognito_mfa:sign_in") + "?again=1")
    assert lost.is_in()
    assert not MFAReset.objects.exists()


TROUBLES: dict[str, faults.Fault] = {
    "refused": faults.Error("AccessDeniedException", "arn:aws:iam::1:user/x is not authorized"),
    "throttled": faults.Error("TooManyRequestsException", "Rate exceeded"),
    "unreachable": faults.Unreachable(),
    "lost, not executed": faults.Timeout(executed=False),
    "lost, executed": faults.Timeout(executed=True),
    "rubbish": faults.Body(b"[]"),
}


@pytest.mark.parametrize("name", TROUBLES)
@pytest.mark.parametrize("step", ["delete", "sign out", "read"])
def test_what_is_half_done_is_seen_and_finished_by_the_next_run(
    pool: LocalPool, admin: Visitor, lost: Visitor, step: str, name: str
) -> None:
    if not can_delete():
        pytest.skip("AdminDeleteSoftwareToken is newer than the installed botocore")
    operation = {
        "delete": "AdminDeleteSoftwareToken",
        "sign out": "AdminUserGlobalSignOut",
        "read": reading(),
    }[step]
    admin.cognito.faults.on(operation, TROUBLES[name])
    page = admin.text(do_reset(admin))

    assert "not done yet" in page
    assert "Done for" not in page
    assert "arn:aws" not in page
    assert not lost.is_in()  # the local generation moved first
    assert ada().status == Status.ENABLED
    half = MFAReset.objects.get()
    assert half.finished_at is None
    assert half.trouble
    assert half.trouble in admin.text(admin.get(reverse(RESETS))).replace("&#x27;", "'")
    assert not MFAEvent.objects.filter(kind="MFA_RESET").exists()

    admin.cognito.faults.clear()
    data = {"action": "finish", "_selected_action": [half.pk]}
    assert "Finished 1 reset" in admin.text(admin.client.post(reverse(RESETS), data, follow=True))
    half.refresh_from_db()
    assert (half.finished_at is not None, half.trouble) == (True, "")
    assert ada().status == Status.NOT_SET_UP
    assert MFAReset.objects.count() == 1


def test_a_process_that_was_killed_leaves_a_row_that_the_next_reset_takes_up(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
    """CP-21: after the row was written, before Cognito was asked."""
    root = User.objects.get(username="root")
    left = reset.request(ada(), actor=root, reason="first try")
    assert not lost.is_in()
    do_reset(admin, reason="second try")
    left.refresh_from_db()
    assert MFAReset.objects.get() == left
    assert (left.finished_at is not None) == can_delete()


def test_a_person_who_is_gone_from_the_pool_is_said_to_be_gone(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
    admin.cognito.client().admin_delete_user(UserPoolId=pool.id, Username="ada")
    do_reset(admin)
    assert ada().status == Status.GONE
    assert MFAReset.objects.get().finished_at is not None


class OldBotocore:
    """A client like those before August 2026: its model lacks two operations."""

    NEW = frozenset({"AdminDeleteSoftwareToken", "AdminGetUserAuthFactors"})

    def __init__(self, client: Any) -> None:
        self._client = client
        names = set(client.meta.service_model.operation_names) - self.NEW
        model = type("Model", (), {"operation_names": names})
        meta = client.meta
        self.meta = type(
            "Meta",
            (),
            {"service_model": model, "endpoint_url": meta.endpoint_url, "events": meta.events},
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def old_client(**kwargs: Any) -> OldBotocore:
    from cognito_mfa.local import make_client

    return OldBotocore(make_client(**kwargs))


def test_with_an_old_boto3_a_pool_that_requires_mfa_gets_an_honest_word(
    pool: LocalPool, admin: Visitor, lost: Visitor, settings: Settings
) -> None:
    """Facts §6.3: turning it off there answers 200 and leaves the lost phone in charge."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_FACTORY": old_client}
    admin.cognito.forget_calls()
    page = admin.text(do_reset(admin))
    assert "AdminDeleteSoftwareToken is missing in the installed boto3" in page
    assert admin.cognito.operations() == ["GetUserPoolMfaConfig"]
    assert MFAReset.objects.get().finished_at is None
    assert ada().status == Status.ENABLED


def test_with_an_old_boto3_an_optional_pool_turns_it_off(
    pool: LocalPool, admin: Visitor, lost: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_FACTORY": old_client}
    pool.state.mfa = "OPTIONAL"
    admin.cognito.forget_calls()
    assert "Done for 1 person" in admin.text(do_reset(admin))
    assert admin.cognito.operations() == [
        "GetUserPoolMfaConfig",
        "AdminSetUserMFAPreference",
        "AdminUserGlobalSignOut",
        "AdminGetUser",
    ]
    assert ada().status == Status.NOT_SET_UP
    lost.cognito.clock.advance(30)
    assert lost.sign_in("ada").url == reverse("cognito_mfa:setup")


def test_wrong_codes_are_forgotten_with_a_reason(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
    CodeFailures.objects.update_or_create(
        pool_id=pool.id, username="ada", defaults={"failures": budget.HARD_STOP}
    )
    lost.sign_in("ada")
    assert lost.enter_code().status_code == 403
    data = {
        "action": "clear_failures",
        "_selected_action": [ada().pk],
        "confirmed": "yes",
        "reason": "Called back",
    }
    admin.client.post(reverse(LIST), data)
    event = MFAEvent.objects.get(kind="FAILURES_CLEARED")
    assert (event.reason, event.detail) == ("Called back", "100")
    lost.enter_code()
    assert lost.is_in()
