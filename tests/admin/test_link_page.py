"""The admin's page that links a user of the site to a user of the pool."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.core import mail
from django.test import Client
from django.urls import reverse

from cognito_mfa.authenticator import reset
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.factories import make
from tests.visitor import PASSWORD, Visitor

LINK = "admin:cognito_mfa_cognitoidentity_link"
WHY = "Ticket 7"


@pytest.fixture
def helpdesk(pool: LocalPool, visitor: Visitor) -> Visitor:
    """Staff who may link, and no more."""
    identity = make(pool, "helpdesk", is_staff=True)
    codes = ("link_user", "view_cognitoidentity", "view_user")
    identity.user.user_permissions.set(Permission.objects.filter(codename__in=codes))
    visitor.come_with_app("helpdesk")
    return visitor


def look_up(who: Visitor, user: User, value: str, *, by: str = "username", **more: str) -> Any:
    data = {"user": str(user.pk), "by": by, "value": value, "reason": WHY, **more}
    return who.post(reverse(LINK), data, follow=True)


def confirm(who: Visitor, shown: Any) -> Any:
    """Press the button of the page that shows whom Cognito found."""
    inputs = re.findall(
        r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown.content.decode()
    )
    data = {name: html.unescape(value) for name, value in inputs}
    return who.post(reverse(LINK), data, follow=True)


def link_in_two_steps(who: Visitor, user: User, value: str, **more: str) -> Any:
    return confirm(who, look_up(who, user, value, **more))


def link_of(user: User) -> CognitoIdentity | None:
    return CognitoIdentity.objects.filter(user=user).first()


def test_it_shows_whom_cognito_found_and_links_them_then(
    pool: LocalPool, admin: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    anna = User.objects.create_user("anna.l", email="anna@site.example")
    person = pool.create_user(
        "anna", attributes={"email": "anna@example.com", "email_verified": "true"}
    )
    admin.cognito.forget_calls()
    shown = look_up(admin, anna, " anna\u200e")
    page = admin.text(shown)
    for words in ("anna.l", "anna@example.com", person.sub, WHY):
        assert words in page
    assert link_of(anna) is None
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        done = confirm(admin, shown)
    assert "Linked anna.l to anna. They’ll be notified by email." in admin.text(done)
    identity = link_of(anna)
    assert identity is not None
    assert (identity.sub, identity.username, identity.status) == (person.sub, "anna", "UNKNOWN")
    event = MFAEvent.objects.get(kind="LINKED")
    assert event.actor is not None
    assert (event.actor.get_username(), event.reason) == ("root", WHY)
    assert WHY in LogEntry.objects.latest("pk").change_message
    assert [message.to for message in mail.outbox] == [["anna@example.com"], ["anna@site.example"]]
    assert set(admin.cognito.operations()) == {"ListUsers"}


def test_a_get_asks_nothing_and_links_no_one(pool: LocalPool, admin: Visitor) -> None:
    anna = User.objects.create_user("anna")
    admin.cognito.forget_calls()
    query = {"user": str(anna.pk), "by": "username", "value": "newcomer", "reason": WHY}
    assert admin.get(reverse(LINK), query_params=query).status_code == 200
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = admin.client.cookies
    assert careful.post(reverse(LINK), query).status_code == 403
    assert admin.cognito.operations() == []
    assert link_of(anna) is None


@pytest.mark.parametrize("key", ["9" * 5000, "9" * 30, "-1", "٣", "²", "x", ""], ids=ascii)
def test_a_key_that_no_one_has_is_an_empty_form(pool: LocalPool, admin: Visitor, key: str) -> None:
    """Python reads no number of more than 4300 digits."""
    for name in ("identity", "user"):
        assert admin.get(reverse(LINK), query_params={name: key}).status_code == 200


def test_from_the_lists_and_from_the_page_of_one(pool: LocalPool, admin: Visitor) -> None:
    identity = make(pool, "ada")
    page = admin.text(
        admin.get(reverse("admin:cognito_mfa_cognitoidentity_change", args=[identity.pk]))
    )
    assert f"{reverse(LINK)}?identity={identity.pk}" in page
    assert identity.sub in admin.text(
        admin.get(reverse(LINK), query_params={"identity": str(identity.pk)})
    )
    assert reverse(LINK) in admin.text(
        admin.get(reverse("admin:cognito_mfa_cognitoidentity_changelist"))
    )
    users = reverse("admin:auth_user_changelist")
    one = {"action": "link_user", "_selected_action": [str(identity.user_id)]}
    assert admin.client.post(users, one).headers["Location"] == (
        f"{reverse(LINK)}?user={identity.user_id}"
    )
    both = {
        "action": "link_user",
        "_selected_action": list(User.objects.values_list("pk", flat=True)),
    }
    assert "Select one user" in admin.text(admin.client.post(users, both, follow=True))


def test_a_link_is_moved_and_the_page_says_what_ends(pool: LocalPool, admin: Visitor) -> None:
    identity = make(pool, "ada")
    person = Visitor(Client(), admin.cognito)
    person.come_with_app("ada")
    other = User.objects.create_user("ada.new")
    shown = look_up(admin, other, identity.sub, by="sub")
    assert "Their link to the previous account ends" in admin.text(shown)
    assert person.is_in()
    confirm(admin, shown)
    assert not person.is_in()
    moved = link_of(other)
    assert moved is not None
    assert moved.sub == identity.sub
    assert MFAEvent.objects.get(kind="LINK_MOVED").reason == WHY


def test_what_changed_since_it_was_shown_is_shown_again(pool: LocalPool, admin: Visitor) -> None:
    anna, bert = User.objects.create_user("anna"), User.objects.create_user("bert")
    shown = look_up(admin, anna, "newcomer")
    link_in_two_steps(admin, bert, "newcomer")
    again = confirm(admin, shown)
    assert "Their link to the previous account ends" in admin.text(again)
    assert link_of(anna) is None


def test_who_is_linked_already_is_told_so(pool: LocalPool, admin: Visitor) -> None:
    ada = make(pool, "ada")
    assert "These two are already linked." in admin.text(look_up(admin, ada.user, "ada"))
    assert not MFAEvent.objects.filter(kind="LINKED").exists()


@pytest.mark.parametrize(
    ("by", "value", "told"),
    [
        ("username", "nobody", "The user pool has no such user"),
        ("username", "\u200e", "The user pool has no such user"),
        ("email", "claimed@example.com", "isn’t verified in the user pool"),
        ("email", "twin@example.com", "Several users"),
        ("sub", "newcomer", "The user pool has no such user"),
        ("password", "newcomer", "Select a valid choice"),
    ],
)
def test_what_cannot_be_linked_is_said_at_the_field(
    pool: LocalPool, admin: Visitor, by: str, value: str, told: str
) -> None:
    anna = User.objects.create_user("anna")
    claimed = {"email": "claimed@example.com", "email_verified": "false"}
    pool.create_user("claimed", attributes=claimed)
    for name in ("twin1", "twin2"):
        twin = {"email": "twin@example.com", "email_verified": "true"}
        pool.create_user(name, attributes=twin)
    assert told in admin.text(look_up(admin, anna, value, by=by))
    assert link_of(anna) is None


def test_cognito_that_does_not_answer_is_a_page(pool: LocalPool, admin: Visitor) -> None:
    anna = User.objects.create_user("anna")
    fault = faults.Error("AccessDeniedException", "arn:aws:iam::1:user/x")
    admin.cognito.faults.on("ListUsers", fault)
    page = admin.text(look_up(admin, anna, "newcomer"))
    assert "AccessDeniedException" in page
    assert "arn:aws" not in page


# ------------------------------------------------------------------------------------ who may do it


def refusals() -> list[str]:
    return list(MFAEvent.objects.filter(kind="PERMISSION_DENIED").values_list("detail", flat=True))


def own_customer_account(pool: LocalPool) -> str:
    """Return a user of the pool whose password the help desk knows."""
    return pool.create_user("mallory", password=PASSWORD).username


@pytest.mark.parametrize("rights", ["superuser", "staff", "permission", "group", "inactive"])
def test_no_one_takes_over_an_account_with_rights_that_they_lack(
    pool: LocalPool, helpdesk: Visitor, rights: str
) -> None:
    """The help desk links a pool user of its own to an account that may do more."""
    boss = User.objects.create_user(
        "boss",
        is_superuser=rights == "superuser",
        is_staff=rights in ("staff", "superuser"),
        is_active=rights != "inactive",
    )
    permission = Permission.objects.get(codename="delete_group")
    if rights == "group":
        group = Group.objects.create(name="bosses")
        group.permissions.add(permission)
        boss.groups.add(group)
    elif rights != "superuser":
        boss.user_permissions.add(permission)
    page = look_up(helpdesk, boss, own_customer_account(pool))
    assert "permissions that you don’t have" in helpdesk.text(page)
    assert link_of(boss) is None
    assert refusals() == ["link_user: a more powerful user"]


def test_nor_do_they_move_the_link_of_such_an_account(pool: LocalPool, helpdesk: Visitor) -> None:
    boss = make(pool, "boss", is_superuser=True)
    anna = User.objects.create_user("anna")
    look_up(helpdesk, anna, "boss")
    link_in_two_steps(helpdesk, anna, boss.sub, by="sub")
    assert link_of(boss.user) == boss
    assert set(refusals()) == {"link_user: a more powerful user"}


def test_no_one_acts_on_themselves(pool: LocalPool, helpdesk: Visitor) -> None:
    me = User.objects.get(username="helpdesk")
    anna = User.objects.create_user("anna")
    own = link_of(me)
    assert own is not None
    assert "your own link" in helpdesk.text(look_up(helpdesk, me, own_customer_account(pool)))
    assert "your own link" in helpdesk.text(look_up(helpdesk, anna, own.sub, by="sub"))
    assert link_of(me) == own
    assert refusals() == ["link_user: oneself"] * 2


def test_whom_they_may_help_they_link(pool: LocalPool, helpdesk: Visitor) -> None:
    anna = User.objects.create_user("anna")
    link_in_two_steps(helpdesk, anna, "newcomer")
    assert link_of(anna) is not None


def test_a_user_who_became_powerful_in_the_meantime_is_not_linked(
    pool: LocalPool, helpdesk: Visitor
) -> None:
    anna = User.objects.create_user("anna")
    shown = look_up(helpdesk, anna, "newcomer")
    User.objects.filter(pk=anna.pk).update(is_superuser=True)
    confirm(helpdesk, shown)
    assert link_of(anna) is None


def test_it_is_a_right_of_its_own(pool: LocalPool, helpdesk: Visitor) -> None:
    me = User.objects.get(username="helpdesk")
    me.user_permissions.set(Permission.objects.filter(codename__in=["reset_mfa", "view_user"]))
    anna = User.objects.create_user("anna")
    assert look_up(helpdesk, anna, "newcomer").status_code == 403
    users = reverse("admin:auth_user_changelist")
    one = {"action": "link_user", "_selected_action": [str(anna.pk)]}
    assert helpdesk.client.post(users, one).status_code == 403
    assert refusals() == ["link_user: no permission"] * 2


def test_it_wants_a_fresh_code(pool: LocalPool, admin: Visitor) -> None:
    anna = User.objects.create_user("anna")
    session = admin.client.session
    record = session["_cognito_mfa_proof"]
    session["_cognito_mfa_proof"] = {**record, "at": record["at"] - 301}
    session.save()
    admin.cognito.forget_calls()
    response = look_up(admin, anna, "newcomer")
    assert response.redirect_chain[-1][0].startswith(reverse("cognito_mfa:sign_in") + "?again=1")
    assert admin.cognito.operations() == []
    assert link_of(anna) is None


def test_a_link_with_an_unfinished_reset_is_not_ended(pool: LocalPool, admin: Visitor) -> None:
    ada = make(pool, "ada")
    reset.request(ada, actor=None, reason="Lost")
    data = {
        "action": "unlink",
        "_selected_action": str(ada.pk),
        "confirmed": "yes",
        "reason": WHY,
    }
    users = reverse("admin:cognito_mfa_cognitoidentity_changelist")
    page = admin.text(admin.post(users, data, follow=True))
    assert "would be lost with the link" in page
    assert "would be lost with the link" in admin.text(look_up(admin, ada.user, "newcomer"))
    assert link_of(ada.user) == ada
