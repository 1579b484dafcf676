"""What administrators do, on a site with its own users. ``tests/test_custom_user.py`` runs this."""

from __future__ import annotations

import html
import io
import re
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAExemption, MFAReset
from tests import moments
from tests.visitor import PASSWORD, Visitor

PEOPLE = "admin:custom_user_person_changelist"


@pytest.fixture
def admin(pool: LocalPool, visitor: Visitor) -> Visitor:
    for name in ("root", "ada"):
        pool.create_user(
            name,
            password=PASSWORD,
            attributes={"email": f"{name}@example.com", "email_verified": "true"},
        )
    visitor.set_up("root")
    Visitor(Client(), visitor.cognito).set_up("ada")
    return visitor


def ada() -> Any:
    return get_user_model().objects.get(email="ada@example.com")


def test_column_filter_and_actions(pool: LocalPool, admin: Visitor) -> None:
    page = admin.text(admin.get(reverse(PEOPLE)))
    assert page.count("> Set up</") == 2
    filtered = admin.get(reverse(PEOPLE), query_params={"second_factor": "never"})
    assert "ada@example.com" not in admin.text(filtered)
    data = {"action": "reset_mfa", "_selected_action": [ada().pk]}
    asked = admin.text(admin.client.post(reverse(PEOPLE), data))
    assert "ada@example.com" in asked
    admin.client.post(reverse(PEOPLE), {**data, "confirmed": "yes", "reason": "x"})
    assert MFAReset.objects.get().identity == ada().cognito_identity


def test_every_page_of_ours_opens(pool: LocalPool, admin: Visitor) -> None:
    admin.post(reverse("admin:cognito_mfa_overviewsnapshot_count"))
    for model in (
        "cognitoidentity",
        "codefailures",
        "overviewsnapshot",
        "mfaevent",
        "mfaexemption",
        "mfareset",
    ):
        page = admin.get(reverse(f"admin:cognito_mfa_{model}_changelist"), follow=True)
        assert page.status_code == 200, model
    identity = CognitoIdentity.objects.get(username="ada")
    detail = reverse("admin:cognito_mfa_cognitoidentity_change", args=[identity.pk])
    assert "ada@example.com" in admin.text(admin.get(detail))


def test_exemptions(pool: LocalPool, admin: Visitor) -> None:
    data = {
        "user": "ada@example.com",  # by name: this site's page of users cannot complete it
        "reason": "x",
        **moments.form_fields(),
    }
    added = admin.client.post(reverse("admin:cognito_mfa_mfaexemption_add"), data, follow=True)
    assert "ada@example.com" in admin.text(added)
    assert MFAExemption.objects.get().user == ada()


def test_links(pool: LocalPool, admin: Visitor) -> None:
    """Users whose key is no number, and whose name is an address."""
    pool.create_user("zoe", password=PASSWORD)
    user = get_user_model().objects.create(email="zoe@example.com")
    out = io.StringIO()
    named = ["zoe@example.com", "--username", "zoe", "--reason", "x"]
    call_command("cognito_mfa_link", *named, stdout=out)
    call_command("cognito_mfa_link", "--preview", stdout=out)
    call_command("cognito_mfa_report", "--unlinked", stdout=out)
    assert "Linked zoe@example.com to zoe" in out.getvalue()
    assert "0 users are not linked." in out.getvalue()

    page = reverse("admin:cognito_mfa_cognitoidentity_link")
    other = get_user_model().objects.create(email="other@example.com")
    shown = admin.text(admin.get(page, query_params={"user": str(other.pk)}))
    assert "other@example.com" in shown
    data = {"user": "other@example.com", "by": "username", "value": "zoe", "reason": "x"}
    shown = admin.text(admin.post(page, data))
    confirmed = re.search(r'name="confirmed" value="([^"]+)"', shown)
    assert confirmed
    admin.post(page, {**data, "confirmed": html.unescape(confirmed[1])})
    assert CognitoIdentity.objects.get(username="zoe").user == other
    assert not CognitoIdentity.objects.filter(user=user).exists()


def test_commands(pool: LocalPool, admin: Visitor) -> None:
    out = io.StringIO()
    until = moments.noon(30).isoformat()
    for arguments in (
        ["cognito_mfa_report"],
        ["cognito_mfa_reset", "ada@example.com", "--reason", "x", "--dry-run"],
        ["cognito_mfa_reset", "ada", "--reason", "x", "--dry-run", "--by", "root@example.com"],
        ["cognito_mfa_exempt", "ada", "--until", until, "--reason", "x"],
        ["cognito_mfa_exempt", "--list"],
    ):
        call_command(*arguments, stdout=out)
    text = out.getvalue()
    assert "all       2      2" in text
    assert "staff" not in text  # no column tells
    assert text.count("Would reset ada@example.com (ada in the user pool).") == 2
    assert "Exempted ada@example.com" in text
