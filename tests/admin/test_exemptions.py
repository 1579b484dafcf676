"""Exemptions: granted with reason and end, listed, revoked, and over by themselves."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from cognito_mfa import signals
from cognito_mfa.authenticator import exemptions
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import MFAEvent, MFAExemption
from tests import moments
from tests.factories import make
from tests.visitor import Visitor

LIST, ADD = (f"admin:cognito_mfa_mfaexemption_{name}" for name in ("changelist", "add"))


def grant(
    admin: Visitor,
    user: User,
    *,
    days: int = 3,
    reason: str = "Phone in repair",
    by_name: bool = False,
) -> Any:
    data = {
        "user": user.get_username() if by_name else user.pk,
        "reason": reason,
        **moments.form_fields(days),
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


def test_who_grants_or_revokes_must_have_answered_a_code_recently(
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


def test_no_one_excuses_themselves(pool: LocalPool, admin: Visitor) -> None:
    page = admin.text(grant(admin, User.objects.get(username="root")))
    assert "You can’t grant yourself an exemption." in page
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
    page = admin.text(grant(admin, User.objects.get(username="local"), by_name=True))
    assert "Only a superuser can exempt a superuser." in page
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
    assert grant(admin, user, by_name=True).status_code == 200
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


def test_it_is_granted_from_the_page_of_the_user_with_a_preset(
    pool: LocalPool, admin: Visitor
) -> None:
    ada = make(pool, "ada")
    page_of_ada = reverse("admin:cognito_mfa_cognitoidentity_change", args=[ada.pk])
    add = f"{reverse(ADD)}?user={ada.user_id}"
    assert f'<a href="{add}">Grant exemption</a>' in admin.text(admin.get(page_of_ada))
    asked = admin.text(admin.get(add))
    assert f'<option value="{ada.user_id}" selected>ada</option>' in asked
    assert '<option value="86400" selected>1 day</option>' in asked
    assert "Kept in the log." in asked
    assert "Cognito still asks for a code" in asked
    # Some themes put the button outside of the form.
    assert re.search(r'<form [^>]*id="mfaexemption_form"', asked)
    assert re.search(r'<input type="submit" [^>]*form="mfaexemption_form"', asked)

    data = {"user": str(ada.user_id), "duration": "604800", "reason": "Phone in repair"}
    done = admin.client.post(add, data, follow=True)

    assert done.redirect_chain[-1][0] == page_of_ada
    granted = MFAExemption.objects.get()
    left = granted.expires_at - timezone.now()
    assert dt.timedelta(days=6, hours=23) < left <= dt.timedelta(days=7)
    page = admin.text(done)
    assert "Exempted ada from MFA until" in page
    assert "notified by email." in page
    assert "Phone in repair)" in page  # exempt until
    assert "Revoke exemption…" in page
    assert "Grant exemption" not in page
    assert f'<a href="{add}">Extend exemption</a>' in page


def test_revoking_an_extended_exemption_leaves_none(
    pool: LocalPool,
    admin: Visitor,
    mailoutbox: list[Any],
    django_capture_on_commit_callbacks: Any,
) -> None:
    """The page and the email say that the policy applies again, whichever of the rows was chosen."""
    ada = make(pool, "ada")
    for days in (3, 9):
        grant(admin, ada.user, days=days)
    first, last = MFAExemption.objects.order_by("expires_at")
    mailoutbox.clear()
    confirm = reverse("admin:cognito_mfa_mfaexemption_confirm", args=[last.pk, "revoke"])
    with django_capture_on_commit_callbacks(execute=True):
        admin.client.post(confirm, {"confirmed": "yes", "reason": "Phone is back"})
    assert not MFAExemption.objects.valid().exists()
    events = MFAEvent.objects.filter(kind="EXEMPTION_REVOKED", reason="Phone is back")
    assert events.count() == 2
    assert [email.to for email in mailoutbox] == [["ada@example.com"]]
    first.refresh_from_db()
    assert first.revoked_at is not None


def test_no_preset_is_longer_than_the_site_allows(
    pool: LocalPool, admin: Visitor, settings: Settings
) -> None:
    ada = make(pool, "ada").user
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "GRANT_MAX_AGE": dt.timedelta(days=5)}
    page = admin.text(admin.get(reverse(ADD)))
    assert "3 days" in page
    assert "1 week" not in page
    assert "Latest possible end:" in page
    data = {"user": str(ada.pk), "duration": "604800", "reason": "x"}
    assert "Select a valid choice" in admin.text(admin.client.post(reverse(ADD), data))
    data = {"user": str(ada.pk), "duration": "", "reason": "x"}
    told = admin.text(admin.client.post(reverse(ADD), data))
    assert "Choose a duration, or enter a date and a time." in told
    assert "can last until" in admin.text(grant(admin, ada, days=6))
    assert not MFAExemption.objects.exists()


def test_who_may_not_see_users_names_one(pool: LocalPool, admin: Visitor, local: Visitor) -> None:
    root = User.objects.get(username="root")
    root.is_superuser = False
    root.save()
    root.user_permissions.set(Permission.objects.filter(codename="grant_exemption"))
    local_user = User.objects.get(username="local")
    query = {"user": str(local_user.pk)}
    asked = admin.text(admin.get(reverse(ADD), query_params=query))
    assert 'name="user" class="vTextField"' in asked, "a name that they may not look up"
    data = {"user": "stranger", "duration": "86400", "reason": "x"}
    told = admin.text(admin.client.post(reverse(ADD), data))
    assert "There is no user with this username." in told
    assert "Exempted local" in admin.text(grant(admin, local_user, by_name=True))


@pytest.mark.parametrize("key", ["9" * 5000, "9" * 30, "-1", "٣", "x", "", "\0"], ids=ascii)
def test_a_user_that_does_not_exist_is_an_empty_field(
    pool: LocalPool, admin: Visitor, key: str
) -> None:
    assert admin.get(reverse(ADD), query_params={"user": key}).status_code == 200
    data = {"user": key, "duration": "86400", "reason": "x"}
    assert admin.client.post(reverse(ADD), data).status_code == 200
    assert not MFAExemption.objects.exists()
