"""What staff may do to other people's second factors: one table of every action, wherever it begins.

Each action is tried through its own page or command, and each rule is tried on each of them.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa.authenticator import exemptions, permissions, reset, status
from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import (
    CodeFailures,
    CognitoIdentity,
    MFAEvent,
    MFAExemption,
    MFAReset,
    OverviewSnapshot,
)
from tests import moments
from tests.factories import make
from tests.visitor import PASSWORD, POOL_ID, Visitor, prove

VIEWS = ("view_cognitoidentity", "view_mfaevent", "view_mfareset", "view_codefailures")
PEOPLE, USERS, COUNTERS, RESETS, EXEMPTIONS = (
    f"admin:{name}_changelist"
    for name in (
        "cognito_mfa_cognitoidentity",
        "auth_user",
        "cognito_mfa_codefailures",
        "cognito_mfa_mfareset",
        "cognito_mfa_mfaexemption",
    )
)
REASON = {"confirmed": "yes", "reason": "Ticket 7"}

pytestmark = pytest.mark.skipif(
    not has_operation("AdminDeleteSoftwareToken"),
    reason="AdminDeleteSoftwareToken is newer than the installed botocore",
)


def identity(name: str = "ada") -> CognitoIdentity:
    return CognitoIdentity.objects.get(user__username=name)


def counter(name: str = "ada") -> CodeFailures:
    return CodeFailures.objects.get(username=name)


def act(client: Client, url_name: str, action: str, row: Any, **more: str) -> Any:
    data = {"action": action, "_selected_action": [row.pk], **more}
    return client.post(reverse(url_name), data)


def confirm(client: Client, url_name: str, action: str, row: Any) -> Any:
    url = reverse(url_name.replace("_changelist", "_confirm"), args=[row.pk, action])
    return client.post(url, REASON)


def grant(client: Client, user: User) -> Any:
    data = {"user": user.pk, "reason": "Ticket 7", **moments.form_fields()}
    return client.post(reverse("admin:cognito_mfa_mfaexemption_add"), data)


def an_exemption(name: str) -> MFAExemption:
    found = MFAExemption.objects.filter(user__username=name).first()
    if found is not None:
        return found
    until = timezone.now() + dt.timedelta(days=1)
    return exemptions.grant(identity(name).user, until=until, reason="x", actor=None)


def a_reset(name: str) -> MFAReset:
    return reset.request(identity(name), actor=None, reason="x")


@dataclass(frozen=True)
class Door:
    """One way to one action.

    Attributes:
        right: which the code gives it.
        use: goes through it, to do it to the user of a name.
        done: what is there once it is done.
        begin: what must be there before it can be done.
    """

    right: permissions.Right
    use: Callable[[Client, str], Any]
    done: Callable[[str], Any]
    begin: Callable[[str], Any] = lambda _name: None


def event(kind: str) -> Callable[[str], bool]:
    """Return what tells whether it happened to a user, or to no one in particular."""
    return lambda name: MFAEvent.objects.filter(kind=kind, username__in=(name, "")).exists()


def checked(name: str) -> bool:
    return identity(name).checked_at is not None


def revoked(name: str) -> bool:
    return MFAExemption.objects.filter(user__username=name).exclude(revoked_at=None).exists()


RIGHTS = permissions
DOORS = {
    "reset from the list": Door(
        RIGHTS.RESET,
        lambda client, name: act(client, PEOPLE, "reset_mfa", identity(name), **REASON),
        event("MFA_RESET"),
    ),
    "reset from the page of one": Door(
        RIGHTS.RESET,
        lambda client, name: confirm(client, PEOPLE, "reset_mfa", identity(name)),
        event("MFA_RESET"),
    ),
    "reset from the site's own users": Door(
        RIGHTS.RESET,
        lambda client, name: act(client, USERS, "reset_mfa", identity(name).user, **REASON),
        event("MFA_RESET"),
    ),
    "reset of all that match": Door(
        RIGHTS.RESET,
        lambda client, name: client.post(
            reverse(PEOPLE, query={"q": name}),
            {
                "action": "reset_mfa",
                "_selected_action": [identity(name).pk],
                "select_across": "1",
                **REASON,
            },
        ),
        event("MFA_RESET"),
    ),
    "finish a reset": Door(
        RIGHTS.FINISH,
        lambda client, name: act(client, RESETS, "finish", MFAReset.objects.get()),
        event("MFA_RESET"),
        a_reset,
    ),
    "clear from the list": Door(
        RIGHTS.CLEAR,
        lambda client, name: act(client, PEOPLE, "clear_failures", identity(name), **REASON),
        event("FAILURES_CLEARED"),
    ),
    "clear from the page of one": Door(
        RIGHTS.CLEAR,
        lambda client, name: confirm(client, PEOPLE, "clear_failures", identity(name)),
        event("FAILURES_CLEARED"),
    ),
    "clear from the site's own users": Door(
        RIGHTS.CLEAR,
        lambda client, name: act(client, USERS, "clear_failures", identity(name).user, **REASON),
        event("FAILURES_CLEARED"),
    ),
    "clear a counter": Door(
        RIGHTS.CLEAR,
        lambda client, name: act(client, COUNTERS, "clear_failures", counter(name), **REASON),
        event("FAILURES_CLEARED"),
    ),
    "clear a counter from its page": Door(
        RIGHTS.CLEAR,
        lambda client, name: confirm(client, COUNTERS, "clear_failures", counter(name)),
        event("FAILURES_CLEARED"),
    ),
    "refresh": Door(
        RIGHTS.REFRESH,
        lambda client, name: act(client, PEOPLE, "refresh_status", identity(name)),
        checked,
    ),
    "refresh from the page of one": Door(
        RIGHTS.REFRESH,
        lambda client, name: client.post(
            reverse("admin:cognito_mfa_cognitoidentity_refresh", args=[identity(name).pk])
        ),
        checked,
    ),
    "refresh from the site's own users": Door(
        RIGHTS.REFRESH,
        lambda client, name: act(client, USERS, "refresh_status", identity(name).user),
        checked,
    ),
    "grant": Door(
        RIGHTS.GRANT,
        lambda client, name: grant(client, identity(name).user),
        event("EXEMPTION_GRANTED"),
    ),
    "revoke": Door(
        RIGHTS.REVOKE,
        lambda client, name: act(client, EXEMPTIONS, "revoke", an_exemption(name), **REASON),
        revoked,
        an_exemption,
    ),
    "revoke from its page": Door(
        RIGHTS.REVOKE,
        lambda client, name: confirm(client, EXEMPTIONS, "revoke", an_exemption(name)),
        revoked,
        an_exemption,
    ),
    "unlink from the list": Door(
        RIGHTS.LINK,
        lambda client, name: act(client, PEOPLE, "unlink", identity(name), **REASON),
        event("UNLINKED"),
    ),
    "unlink from the page of one": Door(
        RIGHTS.LINK,
        lambda client, name: confirm(client, PEOPLE, "unlink", identity(name)),
        event("UNLINKED"),
    ),
    "unlink from the site's own users": Door(
        RIGHTS.LINK,
        lambda client, name: act(client, USERS, "unlink", identity(name).user, **REASON),
        event("UNLINKED"),
    ),
    "export": Door(
        RIGHTS.EXPORT,
        lambda client, _name: client.post(
            reverse("admin:cognito_mfa_mfaevent_export"), {"format": "csv"}
        ),
        event("EVENTS_EXPORTED"),
    ),
    "count": Door(
        RIGHTS.COUNT,
        lambda client, _name: client.post(reverse("admin:cognito_mfa_overviewsnapshot_count")),
        lambda _name: OverviewSnapshot.objects.exists(),
    ),
}
ABOUT_SOMEBODY = [
    name for name, door in DOORS.items() if door.right not in (RIGHTS.EXPORT, RIGHTS.COUNT)
]
WITH_FRESH_CODE = [name for name in DOORS if name != "count"]
OTHERS_ONLY = [name for name in ABOUT_SOMEBODY if not name.startswith(("refresh", "revoke"))]
BY_POWER = [name for name in ABOUT_SOMEBODY if not name.startswith("revoke")]
OF_ONE_POOL = [
    name for name in ABOUT_SOMEBODY if not name.startswith(("grant", "revoke", "link", "unlink"))
]


class Staff:
    """A user of the help desk with a browser, who answered a code just now."""

    def __init__(self, pool: LocalPool, cognito: LocalCognito) -> None:
        self.cognito, self.pool = cognito, pool
        self.identity = make(pool, "helpdesk", is_staff=True)
        self.client = Client()
        self.sign_in()
        CodeFailures.objects.create(
            pool_id=POOL_ID, username="helpdesk", sub=self.identity.sub, failures=7
        )

    def sign_in(self, *, seconds_ago: float | None = 0) -> None:
        user = User.objects.get(username="helpdesk")
        self.client.force_login(user, backend="cognito_mfa.backends.CognitoBackend")
        if seconds_ago is not None:
            prove(self.client, identity("helpdesk"), seconds_ago=seconds_ago)

    def may(self, *codes: str) -> None:
        wanted = Permission.objects.filter(codename__in=codes)
        self.identity.user.user_permissions.set(wanted)

    def is_allowed(self, right: permissions.Right, *more: str) -> None:
        self.may(*VIEWS, "view_user", right.permission.partition(".")[2], *more)

    def becomes(self, name: str = "helpdesk", **columns: Any) -> None:
        User.objects.filter(username=name).update(**columns)


@pytest.fixture
def staff(pool: LocalPool, visitor: Visitor) -> Staff:
    """The help desk, and Ada with an authenticator and wrong codes."""
    ada = make(pool, "ada")
    pool.register_software_token("ada")
    CodeFailures.objects.create(pool_id=POOL_ID, username="ada", sub=ada.sub, failures=7)
    return Staff(pool, visitor.cognito)


def refusals() -> list[tuple[str, str | None, str]]:
    """Return what was refused, to whom, about whom."""
    return [
        (row.detail, row.actor.get_username() if row.actor else None, row.username)
        for row in MFAEvent.objects.filter(kind="PERMISSION_DENIED")
    ]


def test_every_action_of_the_admin_has_its_doors_in_the_table() -> None:
    rights = {value for value in vars(permissions).values() if isinstance(value, RIGHTS.Right)}
    assert {door.right for door in DOORS.values()} == rights


# Of every action that changes something for a user: its event, and the subject of the mail to them.
TRACES = {
    RIGHTS.RESET: ("MFA_RESET", "Your authenticator app was removed"),
    RIGHTS.FINISH: ("MFA_RESET", "Your authenticator app was removed"),
    RIGHTS.CLEAR: ("FAILURES_CLEARED", "You can enter codes again"),
    RIGHTS.GRANT: ("EXEMPTION_GRANTED", "Your account is exempt from two-step verification"),
    RIGHTS.REVOKE: (
        "EXEMPTION_REVOKED",
        "Your account is no longer exempt from two-step verification",
    ),
    RIGHTS.LINK: ("UNLINKED", "Your account was unlinked from a sign-in"),
    RIGHTS.EXPORT: ("EVENTS_EXPORTED", ""),
    RIGHTS.REFRESH: ("STATUS_CHANGED", ""),
    RIGHTS.COUNT: ("", ""),
}


@pytest.mark.parametrize("name", DOORS)
def test_staff_with_the_permission_and_a_recent_code_may_and_leave_a_trace(
    staff: Staff, name: str, django_capture_on_commit_callbacks: Any
) -> None:
    """The event with who and why, the admin's own log, and the mail: in each of the functions that do it."""
    door = DOORS[name]
    staff.is_allowed(door.right)
    door.begin("ada")
    mail.outbox.clear()
    logged = LogEntry.objects.count()
    with django_capture_on_commit_callbacks(execute=True):
        door.use(staff.client, "ada")
    assert door.done("ada")
    assert refusals() == []
    kind, subject = TRACES[door.right]
    assert [message.subject for message in mail.outbox] == [f"Example Ltd: {subject}"] * bool(
        subject
    )
    if kind:
        row = MFAEvent.objects.get(kind=kind)
        # A reset that is finished is that of who asked for it, with their reason.
        begun_by_others = door.right == RIGHTS.FINISH
        assert row.actor == (None if begun_by_others else staff.identity.user)
        if door.right in (RIGHTS.RESET, RIGHTS.CLEAR, RIGHTS.GRANT, RIGHTS.REVOKE):
            assert row.reason == "Ticket 7"
    if door.right not in (RIGHTS.COUNT, RIGHTS.REFRESH):
        assert LogEntry.objects.count() > logged


def test_no_action_and_no_page_of_the_admin_is_without_a_right() -> None:
    """A new one fails here until it has a right in ``rights`` or ``confirmed_actions``, and doors in the table."""
    deeds, pages = set(), set()
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label == "cognito_mfa" or model is User:
            deeds |= {(model, action) for action in model_admin.actions or ()}
            deeds -= {(model, action) for action in getattr(model_admin, "rights", ())}
            deeds |= {
                (model, action.name)
                for action in getattr(model_admin, "confirmed_actions", ())
                if action.right != getattr(model_admin, "rights", {})[action.name]
            }
        if model._meta.app_label == "cognito_mfa":
            pages |= {(pattern.name or "").rpartition("_")[2] for pattern in model_admin.get_urls()}
    assert deeds == set()
    usual = {"", "changelist", "add", "history", "delete", "change"}
    # That page has two steps, and tests of its own: tests/admin/test_link_page.py.
    assert pages - usual == {"confirm", "export", "count", "link", "refresh"}


@pytest.mark.parametrize("name", DOORS)
def test_who_may_only_look_is_refused_and_that_is_written_down(
    staff: Staff, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The permission, of every action: ``permissions.denial_reason``, its first rule; the event: ``permissions.record_denial``."""
    door = DOORS[name]
    door.begin("ada")
    staff.may(*VIEWS, "view_user", "view_mfaexemption")
    assert door.use(staff.client, "ada").status_code == 403
    assert not door.done("ada")
    # The form for an exemption is not shown at all, so that no one is named in it yet.
    about = "ada" if name in ABOUT_SOMEBODY and name != "grant" else ""
    assert refusals() == [(f"{door.right.name}: no permission", "helpdesk", about)]
    assert "permission_denied" in caplog.text


@pytest.mark.parametrize("key", ["x", "", "\0", "9" * 30, "9" * 5000], ids=ascii)
@pytest.mark.parametrize(
    ("url_name", "action"),
    [(PEOPLE, "reset_mfa"), (USERS, "link_user"), (COUNTERS, "clear_failures")],
)
def test_no_odd_key_hides_a_refusal(staff: Staff, url_name: str, action: str, key: str) -> None:
    """``ConfirmedActionsMixin._not_permitted``: a number that no column holds was a server error, without an event."""
    staff.may(*VIEWS, "view_user")
    data = {"action": action, "_selected_action": [key]}
    assert staff.client.post(reverse(url_name), data).status_code == 403
    assert [who for _what, who, _about in refusals()] == ["helpdesk"]


def test_merely_looking_is_no_refusal(staff: Staff) -> None:
    staff.may(*VIEWS, "view_user", "view_mfaexemption")
    for url_name in (PEOPLE, USERS, COUNTERS, RESETS, EXEMPTIONS):
        assert staff.client.get(reverse(url_name)).status_code == 200
        assert staff.client.post(reverse(url_name), {"action": ""}).status_code == 200
    assert (
        staff.client.get(reverse("admin:cognito_mfa_overviewsnapshot_changelist")).status_code
        == 403
    )
    assert refusals() == []


def test_why_someone_is_exempt_is_for_who_may_see_exemptions(staff: Staff) -> None:
    """``UserState.exempt_until``: the page of a user shows no more of another list than that list would."""
    until = timezone.now() + dt.timedelta(days=1)
    exemptions.grant(identity().user, until=until, reason="Broken wrist", actor=None)
    page = reverse("admin:cognito_mfa_cognitoidentity_change", args=[identity().pk])
    for more, is_shown in (
        ([], False),
        (["view_mfaexemption"], True),
        (["grant_exemption"], True),
    ):
        staff.may("view_cognitoidentity", *more)
        shown = staff.client.get(page).content.decode()
        assert "the user is exempt" in shown
        assert ("Broken wrist" in shown) is is_shown, more


@pytest.mark.parametrize(
    ("url_name", "right"),
    [
        ("admin:cognito_mfa_mfaexemption_add", RIGHTS.GRANT),
        ("admin:cognito_mfa_cognitoidentity_link", RIGHTS.LINK),
    ],
)
def test_a_form_names_no_user_of_its_address_to_who_may_see_none(
    staff: Staff, url_name: str, right: permissions.Right
) -> None:
    """``user_choice.named``: counting up the keys in the address would list the users."""
    code = right.permission.partition(".")[2]
    for query in (f"user={identity().user_id}", f"identity={identity().pk}"):
        for more in ([], ["view_user"], ["view_cognitoidentity"]):
            staff.may(code, *more)
            shown = staff.client.get(f"{reverse(url_name)}?{query}")
            assert shown.status_code == 200
            content = shown.content.decode()
            if not more:
                assert "ada" not in content, query
                assert identity().sub not in content, query
            elif query.startswith("user="):
                assert "ada" in content, more


def test_a_stranger_makes_no_rows(staff: Staff) -> None:
    for client in (Client(), staff.client):
        staff.becomes(is_staff=False)
        for name, door in DOORS.items():
            if name not in ("revoke", "revoke from its page", "finish a reset"):
                door.use(client, "ada")
    assert refusals() == []


@pytest.mark.parametrize("name", OTHERS_ONLY)
def test_no_one_does_it_to_themselves(staff: Staff, name: str) -> None:
    """``permissions.denial_reason``, the rule of ONESELF."""
    door = DOORS[name]
    staff.is_allowed(door.right)
    door.begin("helpdesk")
    staff.sign_in()
    door.use(staff.client, "helpdesk")
    assert not door.done("helpdesk")
    assert refusals() == [(f"{door.right.name}: oneself", "helpdesk", "helpdesk")]


@pytest.mark.parametrize("rank", ["a superuser", "change_user", "change_group"])
@pytest.mark.parametrize("name", BY_POWER)
def test_no_one_does_it_to_a_more_powerful_user(staff: Staff, name: str, rank: str) -> None:
    """``permissions.denial_reason``, the rule of POWER: or a right of the help desk would be a way to every right."""
    door = DOORS[name]
    staff.is_allowed(door.right)
    if rank == "a superuser":
        staff.becomes("ada", is_superuser=True)
    else:
        change = Permission.objects.get(codename=rank)
        User.objects.get(username="ada").user_permissions.add(change)
    door.begin("ada")
    door.use(staff.client, "ada")
    assert not door.done("ada")
    assert refusals() == [(f"{door.right.name}: a more powerful user", "helpdesk", "ada")]

    staff.becomes(is_superuser=True)
    door.use(staff.client, "ada")
    assert door.done("ada")


@pytest.mark.parametrize("name", OF_ONE_POOL)
def test_no_one_does_it_to_a_user_of_another_pool(staff: Staff, name: str) -> None:
    """``permissions.denial_reason``, the rule of POOL: another user may have that name there."""
    door = DOORS[name]
    staff.is_allowed(door.right)
    door.begin("ada")
    CognitoIdentity.objects.filter(username="ada").update(pool_id="us-east-1_Old000000")
    CodeFailures.objects.filter(username="ada").update(pool_id="us-east-1_Old000000")
    staff.cognito.forget_calls()
    door.use(staff.client, "ada")
    assert not door.done("ada")
    assert staff.cognito.operations() == []
    assert refusals() == [(f"{door.right.name}: another user pool", "helpdesk", "ada")]


def exempt(_settings: Settings) -> None:
    helpdesk = User.objects.get(username="helpdesk")
    until = timezone.now() + dt.timedelta(days=1)
    exemptions.grant(helpdesk, until=until, reason="x", actor=None)


# Every way in which the policy asks no second factor of a user.
UNASKED: dict[str, Callable[[Settings], Any] | dict[str, Any]] = {
    "exempt": exempt,
    "observing": {"ENFORCEMENT": "observe"},
    "off": {"ENFORCEMENT": "off"},
    "grace": {"GRACE_PERIOD": 86400},
    "not yet": {"REQUIRED_FROM": "2999-01-01"},
    "not required": {"REQUIRED": False},
}


def ask_nothing(settings: Settings, unasked: str) -> None:
    how = UNASKED[unasked]
    if callable(how):
        how(settings)
    else:
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, **how}


@pytest.mark.parametrize("unasked", UNASKED)
@pytest.mark.parametrize("name", WITH_FRESH_CODE)
def test_a_password_alone_does_nothing_to_others(
    staff: Staff, settings: Settings, name: str, unasked: str
) -> None:
    """``permissions.required_step``: it asks every user who acts, whatever the policy asks of them."""
    door = DOORS[name]
    staff.is_allowed(door.right)
    door.begin("ada")
    ask_nothing(settings, unasked)
    staff.sign_in(seconds_ago=None)
    answer = door.use(staff.client, "ada")
    assert not door.done("ada")
    assert answer.status_code == 302
    assert answer.url.startswith(reverse("cognito_mfa:sign_in") + "?setup=1&next=")
    assert refusals() == []


@pytest.mark.parametrize("name", WITH_FRESH_CODE)
def test_a_code_of_long_ago_does_nothing_to_others(staff: Staff, name: str) -> None:
    """``permissions.required_step``, its last line."""
    door = DOORS[name]
    staff.is_allowed(door.right)
    door.begin("ada")
    staff.sign_in(seconds_ago=301)
    answer = door.use(staff.client, "ada")
    assert not door.done("ada")
    assert answer.url.startswith(reverse("cognito_mfa:sign_in") + "?again=1&next=")


@pytest.mark.parametrize("name", [name for name in OTHERS_ONLY if name != "finish a reset"])
def test_without_a_reason_nothing_is_done(
    staff: Staff, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REASON, "reason", "  ")
    door = DOORS[name]
    staff.is_allowed(door.right)
    if name != "grant":
        door.use(staff.client, "ada")
        assert not door.done("ada")


@pytest.mark.parametrize("name", DOORS)
def test_a_refusal_outlives_a_site_with_one_transaction_for_each_request(
    staff: Staff, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``confirmation.refused``: it answers, since an exception would take the event back."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    door = DOORS[name]
    door.begin("ada")
    staff.may(*VIEWS, "view_user", "view_mfaexemption")
    door.use(staff.client, "ada")
    assert len(refusals()) == 1
    if name == "grant":
        staff.is_allowed(door.right)
        told = grant(staff.client, staff.identity.user).content.decode()
        assert "You can’t grant yourself an exemption." in told
        assert len(refusals()) == 2


def test_some_of_the_selected_are_left_out_and_that_is_written_down_once(staff: Staff) -> None:
    staff.is_allowed(RIGHTS.CLEAR)
    data = {
        "action": "clear_failures",
        "_selected_action": [identity("ada").pk, identity("helpdesk").pk],
    }
    asked = staff.client.post(reverse(PEOPLE), data)
    assert "Skipped" in asked.content.decode()
    assert refusals() == []
    staff.client.post(reverse(PEOPLE), {**data, **REASON})
    assert MFAEvent.objects.get(kind="FAILURES_CLEARED").username == "ada"
    assert refusals() == [("clear_failures: oneself", "helpdesk", "helpdesk")]


# ------------------------------------------------------------------------------- the way to a code


def test_staff_without_an_authenticator_set_one_up_come_back_and_act(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """``permissions.required_step``: a sign-in that asks for no code would lead there again and again."""
    pool.state.mfa = "OPTIONAL"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "ENFORCEMENT": "observe"}
    make(pool, "root", is_staff=True, is_superuser=True)
    make(pool, "ada")
    visitor.sign_in("root")
    page = reverse(PEOPLE.replace("_changelist", "_confirm"), args=[identity().pk, "reset_mfa"])
    way = visitor.get(page)
    assert way.url.startswith(reverse("cognito_mfa:sign_in") + "?setup=1")
    assert visitor.get(way.url).status_code == 200
    data = {"username": "root", "password": PASSWORD, "next": page, "setup": "1"}
    assert visitor.post(way.url, data).url == reverse("cognito_mfa:setup")
    visitor.scan()
    visitor.confirm_setup()
    assert 'name="reason"' in visitor.text(visitor.get(page))
    visitor.post(page, REASON)
    assert MFAEvent.objects.filter(kind="MFA_RESET", username="ada").exists()


def test_staff_with_an_authenticator_whom_no_one_asked_for_a_code_are_asked(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    make(pool, "root", is_staff=True, is_superuser=True)
    make(pool, "ada")
    visitor.come_with_app("root")
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    visitor.client.logout()
    root = User.objects.get(username="root")
    visitor.client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    page = reverse(PEOPLE.replace("_changelist", "_confirm"), args=[identity().pk, "reset_mfa"])
    way = visitor.get(page).url
    assert "setup=1" in way
    data = {"username": "root", "password": PASSWORD, "next": page, "setup": "1"}
    assert visitor.post(way, data).url == reverse("cognito_mfa:challenge")
    assert visitor.enter_code().url == page
    assert 'name="reason"' in visitor.text(visitor.get(page))


def test_a_sign_in_that_proves_itself_elsewhere_is_believed_at_any_age(
    staff: Staff, settings: Settings
) -> None:
    """A decision: no one can tell how old it is. It is about its own user alone."""
    backend = "django.contrib.auth.backends.ModelBackend"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "TRUSTED_BACKENDS": {backend: "elsewhere"}}
    staff.is_allowed(RIGHTS.RESET)
    staff.client.force_login(staff.identity.user, backend=backend)
    DOORS["reset from the list"].use(staff.client, "ada")
    assert MFAEvent.objects.filter(kind="MFA_RESET").exists()


# ------------------------------------------------------------------------------------ exemptions


def is_in(name: str) -> bool:
    client = Client()
    user = User.objects.get(username=name)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return all(client.get(path).status_code == 200 for path in ("/private/", "/async-private/"))


def test_no_exemption_survives_that_its_holder_becomes_a_superuser(
    staff: Staff, settings: Settings
) -> None:
    """``MFAExemptionQuerySet.valid`` for the gate, and for lists and counts; ``is_valid`` for one row."""
    staff.is_allowed(RIGHTS.GRANT)
    grant(staff.client, identity().user)
    row = MFAExemption.objects.get()
    assert is_in("ada")
    assert row.is_valid
    assert list(exemptions.by_expiry()) == [row]

    staff.becomes("ada", is_superuser=True)
    assert not is_in("ada")
    row = MFAExemption.objects.get()
    assert not row.is_valid
    assert list(exemptions.by_expiry()) == []
    staff.becomes(is_superuser=True)
    for state, shown in (("valid", False), ("over", True)):
        page = staff.client.get(reverse(EXEMPTIONS), query_params={"state": state})
        assert ("Ticket 7" in page.content.decode()) is shown
    from cognito_mfa.enforcement import rollout
    from cognito_mfa.reports import overview

    assert overview.measure().exempted == 0
    assert "ada" in [user.get_username() for user in rollout.preview()]
    # It can be revoked all the same: the user may be no superuser again one day.
    act(staff.client, EXEMPTIONS, "revoke", row, **REASON)
    assert MFAExemption.objects.exclude(revoked_at=None).exists()


def test_a_superuser_excuses_a_superuser(staff: Staff) -> None:
    staff.becomes("ada", is_superuser=True)
    staff.becomes(is_superuser=True)
    grant(staff.client, identity().user)
    assert is_in("ada")
    assert MFAExemption.objects.get().is_valid
    assert exemptions.by_expiry().count() == 1


@pytest.mark.parametrize(("days", "granted"), [(364, True), (366, False), (2_900_000, False)])
def test_no_exemption_is_longer_than_a_year(
    staff: Staff, days: int, granted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form: ``ExemptionForm._check_end``; the command: ``_grant``; code: ``exemptions.grant``."""
    until = moments.noon(days)
    staff.is_allowed(RIGHTS.GRANT)
    data = {"user": identity().user_id, "reason": "x", **moments.form_fields(days)}
    answer = staff.client.post(reverse("admin:cognito_mfa_mfaexemption_add"), data)
    assert MFAExemption.objects.exists() is granted
    assert ("at the longest" in answer.content.decode()) is not granted
    MFAExemption.objects.all().delete()

    arguments = ("ada", "--until", until.isoformat(), "--reason", "x")
    if granted:
        call_command("cognito_mfa_exempt", *arguments, stdout=io.StringIO())
        return
    with pytest.raises(CommandError, match="GRANT_MAX_AGE"):
        call_command("cognito_mfa_exempt", *arguments)
    with pytest.raises(ValueError, match="GRANT_MAX_AGE"):
        exemptions.grant(identity().user, until=until, reason="x", actor=None)
    assert not MFAExemption.objects.exists()


@pytest.mark.parametrize(
    ("granted", "holds"),
    [
        (dt.timedelta(days=-6), True),
        (dt.timedelta(days=-8), False),
        (dt.timedelta(days=300), False),
    ],
    ids=["in time", "under a longer limit", "by a clock that was ahead"],
)
def test_no_exemption_holds_longer_than_the_site_allows_now(
    staff: Staff, settings: Settings, granted: dt.timedelta, holds: bool
) -> None:
    """However it came to be: red without ``_granted_since`` and ``latest`` in ``_is_in_time`` and ``MFAExemption.is_valid``."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "GRANT_MAX_AGE": dt.timedelta(days=7)}
    now, ada = timezone.now(), identity().user
    row = MFAExemption.objects.create(
        user=ada, reason="x", granted_at=now + granted, expires_at=now + dt.timedelta(days=400)
    )
    assert row.is_valid is holds
    assert exemptions.by_expiry().exists() is holds
    client = Client()
    client.force_login(ada, backend="cognito_mfa.backends.CognitoBackend")
    assert (client.get("/private/").status_code == 200) is holds


# -------------------------------------------------------------------------------------- commands

COMMANDS = {
    "reset": (RIGHTS.RESET, ("reset", "ada", "--reason", "x"), event("MFA_RESET")),
    "finish": (RIGHTS.FINISH, ("reset", "--unfinished"), event("MFA_RESET")),
    "grant": (
        RIGHTS.GRANT,
        (
            "exempt",
            "ada",
            "--until",
            moments.noon(3).isoformat(),
            "--reason",
            "x",
        ),
        event("EXEMPTION_GRANTED"),
    ),
    "revoke": (RIGHTS.REVOKE, ("exempt", "ada", "--revoke", "--reason", "x"), revoked),
}


def run(command: str, *arguments: str) -> int:
    out = io.StringIO()
    try:
        call_command(f"cognito_mfa_{command}", *arguments, stdout=out, stderr=out)
    except CommandError as error:
        return error.returncode
    return 0


@pytest.mark.parametrize("name", COMMANDS)
def test_with_by_a_command_keeps_the_same_rules(staff: Staff, name: str) -> None:
    """``management.lookup.require``, at each command."""
    right, arguments, done = COMMANDS[name]
    if name == "finish":
        a_reset("ada")
    if name == "revoke":
        an_exemption("ada")
    assert run(*arguments, "--by", "helpdesk") in (1, 3)
    # Nothing can be finished without the permission, so that no one is meant yet.
    assert refusals() == [
        (f"{right.name}: no permission", "helpdesk", "" if name == "finish" else "ada")
    ]
    staff.is_allowed(right)
    if right.limited_by_rank:
        staff.becomes("ada", is_superuser=True)
        assert run(*arguments, "--by", "helpdesk") in (1, 3)
        assert refusals()[0] == (f"{right.name}: a more powerful user", "helpdesk", "ada")
        staff.becomes("ada", is_superuser=False)
    assert not done("ada")
    assert run(*arguments, "--by", "helpdesk") == 0
    assert done("ada")


def test_whom_a_user_may_not_reset_does_not_keep_others_waiting(staff: Staff) -> None:
    """``_refusal`` of the command: three failures in a row mean that Cognito is down, and refusals do not."""
    staff.is_allowed(RIGHTS.FINISH)
    a_reset("ada")  # the newest come first
    for number in range(4):
        boss = make(staff.pool, f"boss{number}").user
        User.objects.filter(pk=boss.pk).update(is_superuser=True)
        a_reset(f"boss{number}")
    assert run("reset", "--unfinished", "--by", "helpdesk") == 3
    left = MFAReset.objects.filter(finished_at=None)
    assert sorted(row.identity.username for row in left) == ["boss0", "boss1", "boss2", "boss3"]


def test_a_dry_run_writes_no_refusal_down(staff: Staff) -> None:
    assert run("reset", "ada", "--reason", "x", "--by", "helpdesk", "--dry-run") == 1
    assert refusals() == []


@pytest.mark.parametrize("act_on", ["reset", "finish", "clear", "refresh", "grant", "revoke"])
def test_the_functions_themselves_refuse(staff: Staff, act_on: str) -> None:
    """Whatever page of a site's own calls them: ``permissions.require`` in each."""
    ada, helpdesk = identity().user, staff.identity.user
    until = timezone.now() + dt.timedelta(days=1)
    exemption = an_exemption("ada")
    calls: dict[str, Callable[[], Any]] = {
        "reset": lambda: reset.request(identity(), actor=helpdesk, reason="x"),
        "clear": lambda: status.clear_failures(
            "ada", sub=identity().sub, actor=helpdesk, reason="x"
        ),
        "refresh": lambda: status.refresh_status(identity(), actor=helpdesk),
        "finish": lambda: reset.run_again(a_reset("ada"), actor=helpdesk),
        "grant": lambda: exemptions.grant(ada, until=until, reason="x", actor=helpdesk),
        "revoke": lambda: exemptions.revoke(exemption, reason="x", actor=helpdesk),
    }
    with pytest.raises(permissions.ActionDenied):
        calls[act_on]()


# ------------------------------------------------------------------------- counters without identity


@pytest.mark.parametrize("name", ["helpdesk.local", "boss"])
def test_a_counter_of_a_name_alone_is_that_of_the_user_of_that_name(
    staff: Staff, name: str
) -> None:
    """``permissions._users_counted_by``: neither one's own counter nor a superuser's, linked or not."""
    staff.is_allowed(RIGHTS.CLEAR)
    User.objects.create_superuser("boss")
    CognitoIdentity.objects.filter(username="helpdesk").update(username="other")
    staff.becomes(username="helpdesk.local")
    CodeFailures.objects.create(pool_id=POOL_ID, username=name, failures=100)
    DOORS["clear a counter"].use(staff.client, name)
    assert counter(name).failures == 100
    assert len(refusals()) == 1
