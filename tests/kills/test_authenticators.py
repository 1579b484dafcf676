"""A process that ends while an authenticator app is set up, used, renamed, reset, or turned off."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAReset
from tests.factories import reset_in_admin
from tests.kills.conftest import How
from tests.kills.ending import Process, Way, each_end
from tests.kills.people import CODES, Person
from tests.visitor import PASSWORD, POOL_ID, prove

needs_deletion = pytest.mark.skipif(
    not has_operation("AdminDeleteSoftwareToken"),
    reason="AdminDeleteSoftwareToken is newer than the installed botocore",
)


def check_settled(person: Person) -> None:
    """Check that what the site knows is what Cognito knows."""
    row, known = person.row, person.cognito.pool(POOL_ID).user(person.name)
    # The call that turns it on may be lost. Cognito asks for its code all the same where the pool requires MFA.
    is_asked = known.enabled_factors or person.cognito.account.pools[POOL_ID].mfa == "ON"
    is_on = bool(known.software_token and is_asked)
    assert (row.status == "ENABLED") == is_on
    assert (row.software_token is not None) == is_on
    assert row.unconfirmed == ""
    assert not row.resets.unfinished().exists()


def test_a_first_setup(how: How, any_pool: LocalPool, cognito: LocalCognito) -> None:
    """Who comes for the first time gets one user here, and one link, however often it is tried."""
    for name, process in each_end(cognito, how.way):
        person = Person.new(cognito, name, posts_to=how.posts_to)
        person.sign_in(name)
        person.scan()
        person.forget()
        with process.running():
            person.confirm_setup(friendly_name="Phone")
        person.come_back(same_browser=process.last % 2 == 0 and how.posts_to == "pages")
        check_settled(person)
        person.check_emails(process)
        assert User.objects.filter(username__startswith=name).count() == 1


def link_by_address(person: Any, *, request: Any) -> User | None:
    """Return the user with the address; a ``USER_RESOLVER``."""
    return User.objects.filter(email=person.email).first()


def test_a_link_to_a_user_who_was_here_before(
    way: Way, pool: LocalPool, cognito: LocalCognito, settings: Settings
) -> None:
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "USER_RESOLVER": "tests.kills.test_authenticators.link_by_address",
    }
    for name, process in each_end(cognito, way):
        user = User.objects.create_user(f"old-{name}", f"{name}@example.com")
        person = Person.new(cognito, name)
        person.secret = pool.register_software_token(name, friendly_name="Phone")
        person.sign_in(name)
        person.forget()
        with process.running():
            person.enter_code()
        person.come_back()
        assert person.row.user == user
        assert person.events.count("LINKED") == 1
        assert User.objects.filter(username__endswith=name).count() == 1


def test_a_sign_in(how: How, pool: LocalPool, cognito: LocalCognito) -> None:
    """A code was right for Cognito: no session that the browser has is signed in by it, and none is counted as wrong."""
    for name, process in each_end(cognito, how.way):
        person = Person.with_app(cognito, name, posts_to=how.posts_to)
        person.sign_out()
        person.wait(30)
        person.sign_in(name)
        before = person.client.session.session_key
        with process.running():
            person.enter_code()
        if person.client.session.session_key == before:
            assert not person.is_in()
        person.come_back(same_browser=process.last % 2 == 0 and how.posts_to == "pages")
        check_settled(person)


@needs_deletion
def test_a_recovery_code(how: How, any_pool: LocalPool, cognito: LocalCognito) -> None:
    """It resets the app once, whenever the process ended, and the other one is left."""
    for name, process in each_end(cognito, how.way):
        owner = Person.with_app(cognito, name)
        owner.give_codes()
        person = Person(cognito, name, posts_to=how.posts_to)
        person.sign_in(name)
        person.forget()
        with process.running():
            person.post(reverse("cognito_mfa:recover"), {"code": CODES[0]})
        was_used = not owner.row.recovery_codes.unused().filter(position=0).exists()
        assert owner.is_in() != was_used
        person = again_with(CODES[0], owner, was_used=was_used)
        person.come_back()

        check_settled(person)
        person.check_emails(process)
        assert person.row.recovery_codes.unused().count() == 1
        assert person.events.count("RECOVERY_CODE_USED") == 1
        assert person.events.count("MFA_RESET") == 1
        assert MFAReset.objects.filter(identity=person.row).count() == 1


def again_with(code: str, owner: Person, *, was_used: bool) -> Person:
    """Try the code again in another browser: it is asked for only while it was not used."""
    person = Person(owner.cognito, owner.name)
    person.wait(90)
    page = person.sign_in(owner.name).url
    assert page.startswith(reverse("cognito_mfa:setup")) == was_used
    if not was_used:
        done = person.post(reverse("cognito_mfa:recover"), {"code": code})
        assert done.url.startswith(reverse("cognito_mfa:sign_in"))
    return person


def test_new_recovery_codes(how: How, pool: LocalPool, cognito: LocalCognito) -> None:
    """``shown_recovery_codes.create``: the old set ends when the user can see the new one, and not before."""
    page = reverse("cognito_mfa:recovery_codes")
    for name, process in each_end(cognito, how.way):
        person = Person.with_app(cognito, name, posts_to=how.posts_to)
        person.give_codes()
        person.forget()
        with process.running():
            person.post(page)
        are_new = person.row.recovery_codes.count() == 10
        shown = person.text(person.get(page))
        assert (reverse("cognito_mfa:recovery_codes_text") in shown) == are_new
        assert person.events.count("RECOVERY_CODES_CREATED") == are_new
        person.check_emails(process)


def test_another_name(how: How, pool: LocalPool, cognito: LocalCognito) -> None:
    for name, process in each_end(cognito, how.way):
        person = Person.with_app(cognito, name, posts_to=how.posts_to)
        with process.running():
            person.post(reverse("cognito_mfa:device_rename"), {"friendly_name": "Blue phone"})
        token = person.row.software_token
        assert token is not None
        assert (token.friendly_name == "Blue phone") == ("RENAMED" in person.events)
        person.come_back()
        check_settled(person)


def test_turning_it_off(
    how: How, optional_pool: LocalPool, cognito: LocalCognito, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    for name, process in each_end(cognito, how.way):
        person = Person.with_app(cognito, name, posts_to=how.posts_to)
        person.start_change("device_remove")
        person.forget()
        with process.running():
            person.enter_code()
        other = person.elsewhere()
        other.wait(90)
        if "challenge" in other.sign_in(name).url:
            other.enter_code()
        check_settled(person)
        person.check_emails(process)


@pytest.mark.parametrize("with_password", [False, True])
def test_signing_out_elsewhere(
    how: How, pool: LocalPool, cognito: LocalCognito, with_password: bool
) -> None:
    """``sign_out_elsewhere``: sessions end before Cognito is asked, and the browser that ended them can sign in."""
    page = reverse("cognito_mfa:sign_out_elsewhere")
    for name, process in each_end(cognito, how.way):
        person = Person.with_app(cognito, name, posts_to=how.posts_to)
        other = person.come_back()
        person.wait(600)
        if with_password:
            person.post(page, {"password": PASSWORD})
        person.forget()
        with process.running():
            person.enter_code() if with_password else person.post(page)
        was_ended = "SIGNED_OUT_ELSEWHERE" in person.events
        assert other.is_in() != was_ended
        assert was_ended or "AdminUserGlobalSignOut" not in cognito.operations()
        person.check_emails(process)
        person.come_back(same_browser=process.last % 2 == 0 and how.posts_to == "pages")


class Staff(Person):
    """A superuser, who is signed in with a code."""

    @classmethod
    def at_work(cls, cognito: LocalCognito, name: str) -> Staff:
        user = User.objects.create_superuser(f"staff-{name}")
        row = CognitoIdentity.objects.create(
            user=user, pool_id=POOL_ID, sub=user.username, username=user.username, status="ENABLED"
        )
        staff = cls(cognito, user.username)
        staff.client.force_login(user, backend="cognito_mfa.backends.CognitoBackend")
        prove(staff.client, row)
        return staff

    def reset(self, person: Person, process: Process | None = None) -> None:
        if process is None:
            reset_in_admin(self, person.row)
            return
        with process.running():
            reset_in_admin(self, person.row)

    def act(self, person: Person, action: str, process: Process, **more: Any) -> None:
        """Confirm an action of the admin about the user."""
        data = {"action": action, "_selected_action": [person.row.pk], "confirmed": "yes", **more}
        url = reverse("admin:cognito_mfa_cognitoidentity_changelist")
        with process.running():
            self.client.post(url, data, follow=True)


@needs_deletion
def test_an_administrators_reset(way: Way, any_pool: LocalPool, cognito: LocalCognito) -> None:
    """It is done, or shown as not done, and the command finishes it."""
    for name, process in each_end(cognito, way):
        person = Person.with_app(cognito, name)
        staff = Staff.at_work(cognito, name)
        person.forget()
        staff.reset(person, process)
        was_begun = "RESET_REQUESTED" in person.events
        assert person.is_in() != was_begun
        assert was_begun or "AdminDeleteSoftwareToken" not in cognito.operations()
        call_command("cognito_mfa_sync", "--finish-resets", "--verbosity=0", stderr=io.StringIO())
        assert person.events.count("MFA_RESET") == was_begun
        person.check_emails(process)
        person.come_back()
        check_settled(person)


def delete(person: Person) -> None:
    """Delete the user in the pool."""
    person.cognito.client().admin_delete_user(UserPoolId=POOL_ID, Username=person.row.sub)


def test_a_refresh_in_the_admin(way: Way, pool: LocalPool, cognito: LocalCognito) -> None:
    """A user who is gone from the pool: all of it is recorded, or nothing."""
    for name, process in each_end(cognito, way):
        person = Person.with_app(cognito, name)
        staff = Staff.at_work(cognito, name)
        delete(person)
        staff.act(person, "refresh_status", process)
        is_gone = person.row.status == "GONE"
        assert (person.row.software_token is None) == is_gone
        assert person.events.count("STATUS_CHANGED") == is_gone
        assert person.is_in() != is_gone
