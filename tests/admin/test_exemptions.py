"""Exemptions: granted with reason and end, listed, revoked, and over by themselves."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone

from cognito_mfa import signals
from cognito_mfa.authenticator import exemptions
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import MFAEvent, MFAExemption
from tests.factories import make
from tests.visitor import Visitor

LIST, ADD = (f"admin:cognito_mfa_mfaexemption_{name}" for name in ("changelist", "add"))


@pytest.fixture
def admin(pool: LocalPool, visitor: Visitor) -> Visitor:
    make(pool, "root", is_staff=True, is_superuser=True)
    visitor.come_with_app("root")
    return visitor


def grant(admin: Visitor, user: User, *, days: int = 3, reason: str = "Phone in repair") -> Any:
    until = timezone.localtime() + dt.timedelta(days=days)
    data = {
        "user": user.pk,
        "expires_at_0": until.strftime("%Y-%m-%d"),
        "expires_at_1": until.strftime("%H:%M:%S"),
        "reason": reason,
    }
    return admin.client.post(reverse(ADD), data, follow=True)


@pytest.fixture
def local(db: None) -> Visitor:
    from django.test import Client

    from cognito_mfa.local import LocalCognito

    visitor = Visitor(Client(), LocalCognito())
    user = User.objects.create_user("local")
    visitor.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return visitor


def test_an_exemption_opens_the_gate_until_it_is_over(
    pool: LocalPool, admin: Visitor, local: Visitor
) -> None:
    assert not local.is_in()
    page = admin.text(grant(admin, User.objects.get(username="local")))
    assert "Phone in repair" in page
    assert local.is_in()
    exemption = MFAExemption.objects.get()
    assert exemption.granted_by == User.objects.get(username="root")
    event = MFAEvent.objects.get(kind="EXEMPTION_GRANTED")
    assert (event.reason, event.username) == ("Phone in repair", "local")

    MFAExemption.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert not local.is_in()


def revoke(admin: Visitor, **more: str) -> str:
    data = {"action": "revoke", "_selected_action": [MFAExemption.objects.get().pk], **more}
    return admin.text(admin.client.post(reverse(LIST), data, follow=True))


def test_it_is_revoked_with_a_reason_and_audited(
    pool: LocalPool, admin: Visitor, local: Visitor
) -> None:
    grant(admin, User.objects.get(username="local"))
    page = revoke(admin)
    for words in ("Phone in repair", "local", "root", 'name="reason"', "the MFA policy applies"):
        assert words in page
    assert "This field is required" in revoke(admin, confirmed="yes", reason="  ")
    assert local.is_in()
    assert MFAExemption.objects.get().revoked_at is None

    assert "Revoked the exemption of local." in revoke(
        admin, confirmed="yes", reason="Phone is back"
    )
    assert not local.is_in()
    event = MFAEvent.objects.get(kind="EXEMPTION_REVOKED")
    assert (event.reason, event.username) == ("Phone is back", "local")
    assert event.actor == User.objects.get(username="root")
    assert "Phone is back" in LogEntry.objects.latest("pk").change_message
    assert "was already revoked" in revoke(admin, confirmed="yes", reason="x")


def test_it_is_revoked_from_its_own_page(pool: LocalPool, admin: Visitor, local: Visitor) -> None:
    grant(admin, User.objects.get(username="local"))
    pk = MFAExemption.objects.get().pk
    confirm = reverse("admin:cognito_mfa_mfaexemption_confirm", args=[pk, "revoke"])
    change = reverse("admin:cognito_mfa_mfaexemption_change", args=[pk])
    assert confirm in admin.text(admin.get(change))
    assert 'name="reason"' in admin.text(admin.get(confirm))
    assert local.is_in()

    revoke(admin, confirmed="yes", reason="x")
    assert confirm not in admin.text(admin.get(change))
    assert "was already revoked" in admin.text(admin.get(confirm, follow=True))


def test_who_grants_or_revokes_must_have_answered_a_code_lately(
    pool: LocalPool, admin: Visitor, local: Visitor
) -> None:
    user = User.objects.get(username="local")
    grant(admin, user)
    session = admin.client.session
    record = session["_cognito_mfa_proof"]
    session["_cognito_mfa_proof"] = {**record, "at": record["at"] - 301}
    session.save()
    again = reverse("cognito_mfa:sign_in") + "?again=1"
    assert grant(admin, user).redirect_chain[0][0].startswith(again)
    data = {"action": "revoke", "_selected_action": [MFAExemption.objects.get().pk]}
    response = admin.client.post(reverse(LIST), {**data, "confirmed": "yes", "reason": "x"})
    assert response.headers["Location"].startswith(again)
    assert MFAExemption.objects.get().revoked_at is None


@pytest.mark.parametrize(("days", "reason"), [(-1, "x"), (3, "")])
def test_without_an_end_in_the_future_or_a_reason_there_is_none(
    pool: LocalPool, admin: Visitor, local: Visitor, days: int, reason: str
) -> None:
    grant(admin, User.objects.get(username="local"), days=days, reason=reason)
    assert not MFAExemption.objects.exists()


def test_nobody_excuses_themselves(pool: LocalPool, admin: Visitor) -> None:
    assert grant(admin, User.objects.get(username="root")).status_code == 403
    assert not MFAExemption.objects.exists()


def test_only_a_superuser_excuses_a_superuser(
    pool: LocalPool, admin: Visitor, local: Visitor
) -> None:
    """Else a staff member who knows a superuser's password could take the second factor away."""
    User.objects.filter(username="local").update(is_superuser=True)
    root = User.objects.get(username="root")
    root.is_superuser = False
    root.save()
    root.user_permissions.set(Permission.objects.filter(codename="grant_exemption"))
    assert grant(admin, User.objects.get(username="local")).status_code == 403
    assert not MFAExemption.objects.exists()
    User.objects.filter(username="root").update(is_superuser=True)
    assert grant(admin, User.objects.get(username="local")).status_code == 200


def test_it_is_a_right_of_its_own_and_nothing_is_edited_or_deleted(
    pool: LocalPool, admin: Visitor, local: Visitor
) -> None:
    root, user = User.objects.get(username="root"), User.objects.get(username="local")
    grant(admin, user)
    pk = MFAExemption.objects.get().pk
    change = reverse("admin:cognito_mfa_mfaexemption_change", args=[pk])
    assert 'name="_save"' not in admin.text(admin.get(change))
    assert admin.post(change, {"reason": "x"}).status_code == 403
    assert (
        admin.post(reverse("admin:cognito_mfa_mfaexemption_delete", args=[pk])).status_code == 403
    )

    root.is_superuser = False
    root.save()
    root.user_permissions.set(Permission.objects.filter(codename="view_mfaexemption"))
    assert admin.get(reverse(LIST)).status_code == 200
    assert grant(admin, user).status_code == 403
    revoke(admin, confirmed="yes", reason="x")
    confirm = reverse("admin:cognito_mfa_mfaexemption_confirm", args=[pk, "revoke"])
    assert admin.get(confirm).status_code == 403
    assert MFAExemption.objects.get().revoked_at is None
    root.user_permissions.set(Permission.objects.filter(codename="grant_exemption"))
    assert grant(admin, user).status_code == 200
    assert MFAExemption.objects.count() == 2


def test_the_list_tells_valid_from_over(pool: LocalPool, admin: Visitor) -> None:
    for name, days in (("soon", 1), ("late", 9)):
        user = User.objects.create_user(name)
        exemptions.grant(
            user, until=timezone.now() + dt.timedelta(days=days), reason=name, actor=None
        )
    MFAExemption.objects.filter(reason="soon").update(expires_at=timezone.now())
    page = admin.text(admin.get(reverse(LIST), query_params={"state": "valid"}))
    assert ">late<" in page
    assert ">soon<" not in page
    over = admin.text(admin.get(reverse(LIST), query_params={"state": "over"}))
    assert ">soon<" in over


def test_receivers_are_told(db: None) -> None:
    told: list[dict[str, Any]] = []

    def keep(**kwargs: Any) -> None:
        told.append(kwargs)

    signals.exemption_granted.connect(keep)
    signals.exemption_revoked.connect(keep)
    try:
        user = User.objects.create_user("somebody")
        until = timezone.now() + dt.timedelta(days=1)
        exemption = exemptions.grant(user, until=until, reason="x", actor=None)
        exemptions.revoke(exemption, reason="y", actor=None)
    finally:
        signals.exemption_granted.disconnect(keep)
        signals.exemption_revoked.disconnect(keep)
    assert [given["exemption"] for given in told] == [exemption, exemption]
