"""Every page of the admin writes values as people read them: the rule, on each page of each model, in two languages."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Iterator

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from cognito_mfa.admin import PAGES
from cognito_mfa.admin.confirmation import ConfirmedOnePerson
from cognito_mfa.authenticator import exemptions, reset
from cognito_mfa.exceptions import LinkRefusedReason
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import (
    BlockedRequest,
    CodeFailures,
    CognitoIdentity,
    MFAEvent,
    MFAReset,
    OverviewSnapshot,
    RecoveryCode,
    SoftwareToken,
)
from tests.factories import make
from tests.visitor import Visitor

Kind = MFAEvent.Kind
Status = CognitoIdentity.Status
# What must not be on any page, and why.
RAW = {
    r"\bNone\b(?! known| available|\.)": "a dash, or a word",
    r"\b(?:True|False)\b": "a word or a picture",
    r"\d{4}-\d\d-\d\d": "a date in the language of the page",
    r"\+00:00": "a time in the site's zone",
    r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|\b[A-Z]{5,}\b": "a label instead of a constant",
    rf"\b(?:{'|'.join(reason for reason in LinkRefusedReason if '_' in reason)})\b": "a reason in words",
    r"\b\d+[.,]\d(?![\d%])(?!\xa0?%)": "a percentage with its sign",
}
# What a site's own data may look like.
NAMES = ("us-east-1_Example00", "us-east-1_Other0000")


@pytest.fixture
def busy_site(pool: LocalPool, visitor: Visitor, settings: Settings) -> Visitor:
    """A superuser, and users in every state, with each kind of event, and rows of every model."""
    locale = "django.middleware.locale.LocaleMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:2], locale, *settings.MIDDLEWARE[2:]]
    root = make(pool, "root", is_staff=True, is_superuser=True)
    visitor.come_with_app("root")
    now = timezone.now()
    for status in Status:
        make(pool, f"p{status.lower().replace('_', '')}").record_status(status)
    ada, bea = make(pool, "ada"), make(pool, "bea")
    ada.user.groups.add(Group.objects.create(name="Editors"))
    ada.record_status(Status.ENABLED, preferred_factor="SOFTWARE_TOKEN_MFA")
    CognitoIdentity.objects.filter(pk=bea.pk).update(
        pool_id="us-east-1_Other0000", unconfirmed="REMOVAL", disabled_at=now
    )
    SoftwareToken.activate(ada, friendly_name="Old phone")
    SoftwareToken.activate(ada, friendly_name="")
    RecoveryCode.objects.create(identity=ada, position=1, digest="x")
    for kind in Kind:
        MFAEvent.objects.record(kind, ada, detail="", reason="Ticket 7", actor=root.user)
    for kind, detail in details():
        MFAEvent.objects.record(kind, ada, detail=detail)
    for reason in LinkRefusedReason:
        MFAEvent.objects.record(Kind.LINK_REFUSED, ada, reason=reason)
    MFAEvent.objects.record(Kind.EVENTS_EXPORTED, None, detail="csv")
    CodeFailures.objects.create(
        pool_id=pool.id, username="ada", sub=ada.sub, failures=6, total=6, last_at=now
    )
    CodeFailures.objects.create(pool_id=pool.id, username="stranger", failures=100, total=100)
    until = now + dt.timedelta(days=2)
    valid = exemptions.grant(ada.user, until=until, reason="In repair", actor=root.user)
    exemptions.revoke(
        exemptions.grant(ada.user, until=until, reason="x", actor=None), reason="y", actor=None
    )
    assert valid.is_valid
    reset.request(ada, actor=None, reason="Lost")
    MFAReset.objects.create(
        identity=ada, actor=root.user, reason="Lost", finished_at=now, token_deleted_at=now
    )
    BlockedRequest.objects.create(user=ada.user)
    visitor.post(reverse("admin:cognito_mfa_overviewsnapshot_count"))
    return visitor


def details() -> list[tuple[Kind, str]]:
    """Return each form of detail that the app writes."""
    return [
        (Kind.SIGNED_IN, "SOFTWARE_TOKEN_MFA"),
        (Kind.SIGNED_IN, "MFA_SETUP"),
        (Kind.SIGNED_IN, "MANAGED_LOGIN"),
        (Kind.SIGNED_IN, "EMAIL_OTP"),
        (Kind.CODE_REJECTED, "SMS_MFA, told by mail"),
        (Kind.STATUS_CHANGED, "NOT_SET_UP → ENABLED"),
        (Kind.STATUS_CHANGED, "DISABLED → UNKNOWN"),
        (Kind.STATUS_CHANGED, "switched on"),
        (Kind.STATUS_CHANGED, "switching on"),
        (Kind.STATUS_CHANGED, "RESTORED"),
        (Kind.LINKED, "BY_HAND"),
        (Kind.LINKED, "RESOLVER"),
        (Kind.LINKED, "CONFIRMED"),
        (Kind.LINKED, "NEW_USER · user 7 has the name"),
        (Kind.SIGN_IN_REFUSED, "SIGN_IN"),
        (Kind.PERMISSION_DENIED, "reset_mfa: oneself"),
        (Kind.PERMISSION_DENIED, "clear_failures: a more powerful user"),
        (Kind.FAILURES_CLEARED, "7"),
        (Kind.RENAMED, "Old → "),
    ]


def addresses() -> Iterator[str]:
    """Yield every page: the lists, each row, its confirmations and history, and the pages of our own."""
    for model, page in PAGES.items():
        name = f"admin:cognito_mfa_{model._meta.model_name}"
        yield reverse(f"{name}_changelist")
        if model is OverviewSnapshot:
            continue
        for number, row in enumerate(rows(model)):
            yield reverse(f"{name}_change", args=[row.pk])
            if number == 0 or str(row.pk) in logged(model):  # without entries, all say the same
                yield reverse(f"{name}_history", args=[row.pk])
            if issubclass(page, ConfirmedOnePerson):
                for action in page.confirmed_actions:
                    yield reverse(f"{name}_confirm", args=[row.pk, action.name])
    yield reverse("admin:cognito_mfa_mfaexemption_add")
    yield reverse("admin:cognito_mfa_mfaevent_export")
    yield reverse("admin:cognito_mfa_cognitoidentity_link")
    for user in User.objects.all():
        yield reverse("admin:auth_user_change", args=[user.pk])
        yield reverse("admin:auth_user_delete", args=[user.pk])
    yield reverse("admin:auth_user_changelist")
    yield reverse("admin:index")


def rows(model: type[Model]) -> list[Model]:
    """Return the rows of a model; of events that say the same, one."""
    if model is MFAEvent:
        events = MFAEvent.objects.all()
        return list({(event.kind, event.detail, event.reason): event for event in events}.values())
    return list(model._default_manager.all())


def logged(model: type[Model]) -> set[str | None]:
    """Return the keys of the rows about which the admin's log has entries."""
    kind = ContentType.objects.get_for_model(model)
    return set(LogEntry.objects.filter(content_type=kind).values_list("object_id", flat=True))


def read(page: str) -> str:
    """Return what is read on the page: no markup, and nothing that is typed into a field."""
    main = page[page.index("<body") :]
    shown = re.sub(r"(?s)<(script|style|svg|select|textarea)\b.*?</\1>|<[^>]+>", " ", main)
    text = html.unescape(shown)
    for name in NAMES:
        text = text.replace(name, "")
    return text


@pytest.mark.parametrize("language", ["en", "de"])
def test_no_page_shows_a_raw_value(busy_site: Visitor, language: str) -> None:
    seen, found = 0, []
    for address in addresses():
        response = busy_site.get(address, headers={"Accept-Language": language}, follow=True)
        assert response.status_code == 200, address
        assert f'<html lang="{language}"' in busy_site.text(response)
        seen += 1
        text = read(busy_site.text(response))
        for raw, instead in RAW.items():
            for hit in re.finditer(raw, text):
                around = " ".join(text[max(hit.start() - 40, 0) : hit.end() + 40].split())
                found.append(f"{address}: {hit[0]!r} in {around!r}: {instead}")
    assert seen > 100
    assert not found, f"{len(found)} of them\n" + "\n".join(found)


def test_no_row_repeats_its_own_name_above_it(busy_site: Visitor) -> None:
    ada = CognitoIdentity.objects.get(username="ada")
    page = busy_site.text(
        busy_site.get(reverse("admin:cognito_mfa_cognitoidentity_change", args=[ada.pk]))
    )
    assert 'class="original"' not in page
    assert str(MFAEvent.objects.filter(identity=ada).latest("pk")) not in html.unescape(page)
    assert "Unnamed device" in page
