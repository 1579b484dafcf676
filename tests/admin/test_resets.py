"""Resetting a user's authenticator from the admin, half-done states included."""

from __future__ import annotations

import html
import io
import re
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core import mail
from django.core.management import call_command
from django.db import connections, router
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.authenticator import code_attempts, reset
from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent, MFAReset
from tests.factories import make, reading
from tests.urls import PersonAdmin
from tests.visitor import Visitor

LIST = "admin:cognito_mfa_cognitoidentity_changelist"
DETAIL = "admin:cognito_mfa_cognitoidentity_change"
CONFIRM = "admin:cognito_mfa_cognitoidentity_confirm"
RESETS = "admin:cognito_mfa_mfareset_changelist"
Status = CognitoIdentity.Status


@pytest.fixture
def lost(pool: LocalPool, admin: Visitor) -> Visitor:
    """A user signed in elsewhere, whose phone is about to be lost."""
    make(pool, "ada")
    person = Visitor(Client(), admin.cognito)
    person.come_with_app("ada", friendly_name="Lost phone")
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


needs_delete = pytest.mark.skipif(
    not has_operation("AdminDeleteSoftwareToken"),
    reason="AdminDeleteSoftwareToken is newer than the installed botocore",
)


def refuse(*_args: object, **_kwargs: object) -> int:
    raise ConnectionRefusedError


@needs_delete
@pytest.mark.parametrize(
    ("outcome", "said", "unsaid"),
    [
        ("accepted", "of ada. They were notified by email.", "Not notified"),
        ("refused", "Not notified by email: ada", "They were notified"),
        ("no address", "Not notified by email: ada", "They were notified"),
        ("off", "Reset the authenticator app of ada.", "otified"),
        ("not committed", "of ada. They’ll be notified by email.", "They were notified"),
    ],
)
def test_the_result_says_whether_the_user_was_notified(
    pool: LocalPool,
    admin: Visitor,
    lost: Visitor,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    outcome: str,
    said: str,
    unsaid: str,
) -> None:
    if outcome != "not committed":
        monkeypatch.setattr("django.db.transaction.on_commit", lambda act, using: act())
    if outcome == "refused":
        monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
    if outcome == "no address":
        CognitoIdentity.objects.update(email="")
        User.objects.update(email="")
    if outcome == "off":
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, "NOTIFY": False}
    page = admin.text(do_reset(admin))
    assert said in page
    assert unsaid not in page


@needs_delete
def test_the_live_session_meets_the_gate_and_the_next_sign_in_sets_up_anew(
    pool: LocalPool, admin: Visitor, lost: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    assert lost.is_in()
    admin.cognito.forget_calls()
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        page = admin.text(do_reset(admin))

    assert "Reset the authenticator app of ada." in page
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
    assert mail.outbox[-1].subject == "Example Ltd: Your authenticator app was removed"

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
    for words in ("ada@example.com", pool.id, "ends all their sessions", 'name="reason"'):
        assert words in page
    assert admin.cognito.operations() == []
    for reason in ("", "   "):
        assert "This field is required" in admin.text(do_reset(admin, reason=reason))
    assert admin.cognito.operations() == []
    assert lost.is_in()


def test_no_get_and_no_foreign_form_resets(pool: LocalPool, admin: Visitor, lost: Visitor) -> None:
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


def test_no_one_resets_themselves_or_a_superuser_without_being_one(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
    me = CognitoIdentity.objects.get(username="root")
    assert "You can’t reset your own authenticator app." in admin.text(do_reset(admin, me))
    User.objects.filter(username="ada").update(is_superuser=True)
    User.objects.filter(username="root").update(is_superuser=False)
    User.objects.get(username="root").user_permissions.set(
        Permission.objects.filter(codename__in=["view_cognitoidentity", "reset_mfa"])
    )
    assert "Only a superuser can reset a superuser." in admin.text(do_reset(admin))
    assert lost.is_in()
    assert not MFAReset.objects.exists()


def test_who_acts_must_have_answered_a_code_recently(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
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


STEPS = {
    "delete": lambda: "AdminDeleteSoftwareToken",
    "sign out": lambda: "AdminUserGlobalSignOut",
    "read": reading,
}


@needs_delete
@pytest.mark.parametrize("name", TROUBLES)
@pytest.mark.parametrize("step", ["delete", "sign out", "read"])
def test_what_is_half_done_is_seen_and_finished_by_the_next_run(
    pool: LocalPool, admin: Visitor, lost: Visitor, step: str, name: str
) -> None:
    admin.cognito.faults.on(STEPS[step](), TROUBLES[name])
    if (step, name) == ("read", "refused"):  # nor is the older operation allowed
        admin.cognito.faults.on("AdminGetUser", TROUBLES[name])
    page = admin.text(do_reset(admin))

    assert "The reset of ada isn’t finished." in page
    is_removed = MFAReset.objects.get().token_deleted_at is not None
    removed, may_work = (
        "The authenticator app was removed.",
        "The authenticator app may still work.",
    )
    assert (removed in page, may_work in page) == (is_removed, not is_removed)
    assert "Reset the authenticator app" not in page
    assert "arn:aws" not in page
    assert not lost.is_in()  # the local generation moved first
    assert ada().status == Status.ENABLED
    half = MFAReset.objects.get()
    assert half.finished_at is None
    assert half.trouble
    for url in (reverse(RESETS), reverse(DETAIL, args=[ada().pk])):
        assert half.trouble in html.unescape(admin.text(admin.get(url)))
    assert "reset unfinished" in admin.text(admin.get(reverse(LIST)))
    assert not MFAEvent.objects.filter(kind="MFA_RESET").exists()

    admin.cognito.faults.clear()
    data = {"action": "finish", "_selected_action": [half.pk]}
    finished = (
        "Finished the reset of ada. They’ll be notified by email."  # after the test’s transaction
    )
    assert finished in admin.text(admin.client.post(reverse(RESETS), data, follow=True))
    half.refresh_from_db()
    assert (half.finished_at is not None, half.trouble) == (True, "")
    assert ada().status == Status.NOT_SET_UP
    assert MFAReset.objects.count() == 1


def test_the_page_of_a_reset_leads_to_the_user_and_to_its_end(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
    admin.cognito.faults.on(STEPS["sign out"](), faults.Unreachable())
    do_reset(admin)
    half = MFAReset.objects.get()
    url = reverse("admin:cognito_mfa_mfareset_change", args=[half.pk])
    page = admin.text(admin.get(url))
    assert reverse(DETAIL, args=[ada().pk]) in page
    button = re.search(r'(?s)<li class="cognito-mfa-action">(.*?)</li>', page)
    assert button
    assert "Finish in Cognito" in button[1]
    form = re.search(r'(?s)<form [^>]*id="cognito-mfa-button-1">(.*?)</form>', page)
    assert form
    sent = dict(re.findall(r'name="(\w+)" value="(\w+)"', form[1]))
    sent.pop("csrfmiddlewaretoken", None)

    admin.cognito.faults.clear()
    done = admin.client.post(reverse(RESETS), sent, follow=True)

    assert "Finished the reset of ada." in admin.text(done)
    assert "Finish in Cognito" not in admin.text(admin.get(url))


def test_without_an_app_there_is_nothing_to_reset(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
    ada().record_status(Status.NOT_SET_UP)
    page = html.unescape(admin.text(do_reset(admin)))
    assert "User ada hasn’t set up an authenticator app." in page
    assert "Reset the authenticator app" not in page
    assert not MFAReset.objects.exists()
    assert lost.is_in()

    half = reset.request(ada(), actor=None, reason="Lost")  # but one that is not finished goes on
    do_reset(admin)
    half.refresh_from_db()
    assert half.finished_at is not None


def test_resets_are_filtered_by_their_state(pool: LocalPool, admin: Visitor, lost: Visitor) -> None:
    do_reset(admin)
    for state, count in (("unfinished", 0), ("finished", 1), ("other", 1)):
        page = admin.get(reverse(RESETS), query_params={"state": state})
        assert page.context["cl"].result_count == count, state


class Killed(BaseException):
    """The process ends here: nothing in the app may catch it."""


@dataclass(frozen=True)
class Kill:
    """The process is killed before or after Cognito executes the call, by a signal as it would be."""

    executed: bool
    name: str = "Kill"
    arrived: threading.Event = field(default_factory=threading.Event)

    def play(self, execute: Any) -> Any:
        if self.executed:
            execute()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
        self.arrived.wait(10)
        # No one listens any more; an answer that botocore does not ask for a second time.
        return faults.Error("AccessDeniedException").play(execute)


@pytest.fixture
def kill() -> Iterator[Callable[..., Kill]]:
    """Let a fault kill what runs, which is the test's own thread."""
    made: list[Kill] = []

    def die(*_args: Any) -> None:
        for fault in made:
            fault.arrived.set()
        raise Killed

    def make_kill(*, executed: bool) -> Kill:
        made.append(Kill(executed))
        return made[-1]

    before = signal.signal(signal.SIGUSR1, die)
    yield make_kill
    signal.signal(signal.SIGUSR1, before)


@needs_delete
@pytest.mark.parametrize("executed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["delete", "sign out", "read"])
def test_a_process_that_is_killed_between_the_steps_leaves_a_reset_that_is_seen_and_finished(
    admin: Visitor, lost: Visitor, kill: Any, step: str, executed: bool
) -> None:
    """Each step is written down before the next one begins."""
    admin.cognito.faults.on(STEPS[step](), kill(executed=executed))
    with pytest.raises(Killed):
        do_reset(admin)

    assert not lost.is_in()
    assert ada().status == Status.ENABLED  # as Cognito last said
    half = MFAReset.objects.get()
    assert half.finished_at is None
    assert (half.token_deleted_at is not None) == (step != "delete")
    assert (half.signed_out_at is not None) == (step == "read")
    assert not MFAEvent.objects.filter(kind="MFA_RESET").exists()
    assert "reset unfinished" in admin.text(admin.get(reverse(LIST)))
    assert "Interrupted (requested:" in admin.text(admin.get(reverse(DETAIL, args=[ada().pk])))
    assert ">ada<" in admin.text(admin.get(reverse(LIST), query_params={"reset": "unfinished"}))

    admin.cognito.faults.clear()
    call_command("cognito_mfa_reset", "--unfinished", stdout=io.StringIO())
    assert MFAReset.objects.get().finished_at is not None
    assert ada().status == Status.NOT_SET_UP
    assert MFAEvent.objects.filter(kind="MFA_RESET").count() == 1
    assert "reset unfinished" not in admin.text(admin.get(reverse(LIST)))
    assert "(requested:" not in admin.text(admin.get(reverse(DETAIL, args=[ada().pk])))
    lost.cognito.clock.advance(30)
    assert lost.sign_in("ada").url == reverse("cognito_mfa:setup")


@needs_delete
def test_a_killed_process_loses_nothing_in_a_site_with_one_transaction_for_each_request(
    pool: LocalPool, admin: Visitor, lost: Visitor, kill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connections[router.db_for_write(User)]
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    admin.cognito.faults.on("AdminUserGlobalSignOut", kill(executed=False))
    with pytest.raises(Killed):
        do_reset(admin)
    assert MFAReset.objects.get().token_deleted_at is not None
    assert not lost.is_in()

    admin.cognito.faults.clear()
    data = {"action": "finish", "_selected_action": [MFAReset.objects.get().pk]}
    assert "Finished the reset of ada." in admin.text(
        admin.client.post(reverse(RESETS), data, follow=True)
    )


def test_other_actions_stay_in_the_transaction_of_the_request(
    pool: LocalPool, admin: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mixin must not take from the site's own list of users what ATOMIC_REQUESTS gives it."""
    connection = connections[router.db_for_write(User)]
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    before = len(connection.savepoint_ids)
    inside: list[int] = []

    def look(*_args: Any, **_kwargs: Any) -> None:
        inside.append(len(connection.savepoint_ids))

    monkeypatch.setattr(PersonAdmin, "clear_failures", look)
    for action in ("clear_failures", "reset_mfa"):
        data = {"action": action, "_selected_action": [User.objects.get(username="root").pk]}
        admin.client.post(reverse("admin:auth_user_changelist"), data)
    assert inside == [before + 1]


@needs_delete
def test_a_second_run_after_a_trouble_goes_all_the_way(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
    """What stopped the last run must not stop this one."""
    admin.cognito.faults.on("AdminDeleteSoftwareToken", faults.Error("TooManyRequestsException"))
    do_reset(admin, reason="first try")
    admin.cognito.faults.clear()
    admin.cognito.forget_calls()
    assert "Reset the authenticator app of ada." in admin.text(do_reset(admin, reason="second try"))
    assert admin.cognito.operations() == [
        "AdminDeleteSoftwareToken",
        "AdminUserGlobalSignOut",
        reading(),
    ]
    assert MFAReset.objects.get().trouble == ""
    assert MFAEvent.objects.filter(kind="MFA_RESET").count() == 1


@needs_delete
def test_sessions_that_began_in_the_meantime_end_when_it_is_asked_for_again(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
    admin.cognito.faults.on("AdminDeleteSoftwareToken", faults.Error("TooManyRequestsException"))
    do_reset(admin)
    lost.cognito.clock.advance(30)
    lost.sign_in("ada")
    lost.enter_code()
    assert lost.is_in()  # Cognito still has the old authenticator
    do_reset(admin)
    assert not lost.is_in()


@needs_delete
def test_an_authenticator_that_was_set_up_in_the_meantime_is_kept(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
    """Deleted, not finished, and the person was faster than the next run."""
    admin.cognito.faults.on("AdminUserGlobalSignOut", faults.Error("TooManyRequestsException"))
    do_reset(admin)
    lost.cognito.clock.advance(30)
    lost.sign_in("ada")
    lost.scan()
    lost.confirm_setup(friendly_name="New phone")
    admin.cognito.faults.clear()

    do_reset(admin)

    assert MFAReset.objects.get().finished_at is not None
    assert ada().status == Status.ENABLED
    token = ada().software_token
    assert token is not None
    assert token.friendly_name == "New phone"
    lost.cognito.clock.advance(30)
    assert lost.sign_in("ada").url == reverse("cognito_mfa:challenge")
    lost.enter_code()
    assert lost.is_in()


@needs_delete
def test_two_runs_at_once_tell_of_one_reset(
    pool: LocalPool, admin: Visitor, lost: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    row = reset.request(ada(), actor=None, reason="x")
    other = MFAReset.objects.get(pk=row.pk)
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        for run in (row, other):
            assert reset.run(run).finished_at is not None
    assert MFAEvent.objects.filter(kind="MFA_RESET").count() == 1
    assert len(mail.outbox) == 1


def test_a_user_of_the_same_name_in_another_pool_is_unchanged(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
    """After a change of pools the old row names another user."""
    CognitoIdentity.objects.filter(username="ada").update(pool_id="us-east-1_Old000000")
    admin.cognito.forget_calls()
    for action in ("reset_mfa", "clear_failures", "refresh_status"):
        data = {"action": action, "_selected_action": [ada().pk], "confirmed": "1", "reason": "x"}
        page = admin.text(admin.client.post(reverse(LIST), data, follow=True))
        assert "User ada belongs to another user pool." in page, action
        assert "of ada." not in page
    assert admin.cognito.operations() == []
    assert not MFAReset.objects.exists()


def test_finishing_asks_for_a_fresh_code_and_is_logged(
    pool: LocalPool, admin: Visitor, lost: Visitor
) -> None:
    row = reset.request(ada(), actor=None, reason="x")
    data = {"action": "finish", "_selected_action": [row.pk]}
    session = admin.client.session
    record = session["_cognito_mfa_proof"]
    session["_cognito_mfa_proof"] = {**record, "at": record["at"] - 301}
    session.save()
    admin.cognito.forget_calls()
    response = admin.client.post(reverse(RESETS), data)
    assert response.headers["Location"].startswith(reverse("cognito_mfa:sign_in") + "?again=1")
    assert admin.cognito.operations() == []
    session["_cognito_mfa_proof"] = record
    session.save()
    admin.client.post(reverse(RESETS), data)
    assert admin.cognito.operations()
    assert LogEntry.objects.latest("pk").change_message == "Reset run again"


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
        known = client.meta.service_model.operation_model
        model = type(
            "Model", (), {"operation_names": names, "operation_model": staticmethod(known)}
        )
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
    """Turning it off there answers 200 and leaves the lost phone in charge."""
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
    assert "Reset the authenticator app of ada." in admin.text(do_reset(admin))
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
        pool_id=pool.id, username="ada", defaults={"failures": code_attempts.MAX_ATTEMPTS}
    )
    lost.sign_in("ada")
    assert lost.enter_code().answered == 403
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


def test_a_user_who_was_stopped_before_the_first_set_up_gets_codes_again(
    pool: LocalPool, admin: Visitor
) -> None:
    """They have no identity here yet, and so stand in no other list."""
    CodeFailures.objects.create(
        pool_id=pool.id, username="newcomer", failures=code_attempts.MAX_ATTEMPTS
    )
    person = Visitor(Client(), admin.cognito)
    person.sign_in("newcomer")
    person.scan()
    person.confirm_setup()
    assert not person.is_in()

    counters = reverse("admin:cognito_mfa_codefailures_changelist")
    page = admin.text(admin.get(counters, query_params={"state": "stopped"}))
    assert ">newcomer<" in page
    data = {
        "action": "clear_failures",
        "_selected_action": [CodeFailures.objects.get(username="newcomer").pk],
    }
    asked = admin.text(admin.client.post(counters, data, follow=True))
    assert 'name="reason"' in asked
    assert f'action="{counters}"' in asked
    told = {**data, "confirmed": "yes", "reason": "Called back"}
    done = admin.text(admin.client.post(counters, told, follow=True))
    assert "Unlocked code entry for newcomer." in done
    event = MFAEvent.objects.get(kind="FAILURES_CLEARED")
    assert (event.username, event.identity, event.reason, event.detail) == (
        "newcomer",
        None,
        "Called back",
        "100",
    )
    person.sign_in("newcomer")
    person.scan()
    person.confirm_setup()
    assert person.is_in()


def test_no_one_clears_their_own_counter_nor_without_the_right(
    pool: LocalPool, admin: Visitor
) -> None:
    counters = reverse("admin:cognito_mfa_codefailures_changelist")
    for username in ("root", "ada"):
        CodeFailures.objects.update_or_create(
            pool_id=pool.id, username=username, defaults={"failures": 7}
        )

    def clear(username: str) -> int:
        row = CodeFailures.objects.get(username=username)
        data = {"action": "clear_failures", "_selected_action": [row.pk]}
        admin.client.post(counters, {**data, "confirmed": "yes", "reason": "x"})
        row.refresh_from_db()
        return row.failures

    assert clear("root") == 7
    root = User.objects.get(username="root")
    root.is_superuser = False
    root.save()
    root.user_permissions.set(Permission.objects.filter(codename="view_codefailures"))
    assert clear("ada") == 7
    root.user_permissions.add(Permission.objects.get(codename="clear_failures"))
    assert clear("ada") == 0
