"""The page of one user: what it answers first, and which actions it offers to whom."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from cognito_mfa.authenticator import exemptions, reset
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity, SoftwareToken
from tests.factories import make
from tests.visitor import POOL_ID, Visitor

Status = CognitoIdentity.Status
NAME = "admin:cognito_mfa_cognitoidentity"
ALL = {
    "Refresh status",
    "Reset authenticator app…",
    "Unlock code entry…",
    "Grant exemption",
    "Link to another user…",
    "Unlink…",
}


@pytest.fixture
def ada(pool: LocalPool, admin: Visitor) -> CognitoIdentity:
    """A user with an authenticator app and wrong codes."""
    identity = make(pool, "ada")
    identity.record_status(Status.ENABLED)
    fail(identity, 3)
    return identity


def fail(identity: CognitoIdentity, failures: int, *, total: int | None = None) -> None:
    CodeFailures.objects.update_or_create(
        pool_id=POOL_ID,
        sub=identity.sub,
        defaults={
            "username": identity.username,
            "failures": failures,
            "total": failures if total is None else total,
            "last_at": timezone.now(),
        },
    )


def page_of(admin: Visitor, identity: CognitoIdentity) -> str:
    return html.unescape(admin.text(admin.get(reverse(f"{NAME}_change", args=[identity.pk]))))


def offered(page: str) -> set[str]:
    """Return the actions of ours on the page."""
    items = re.findall(r'(?s)<li class="cognito-mfa-action">(.*?)</li>', page)
    return {re.sub(r"<[^>]+>", "", item).strip() for item in items}


def answer(page: str, label: str) -> str:
    """Return what the page says beside ``label``."""
    found = re.search(
        rf'(?s)<label[^>]*>{re.escape(label)}:</label>.*?<div class="readonly">(.*?)</div>', page
    )
    assert found, label
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def limit(username: str, *codenames: str) -> None:
    """Take superuser status away, and leave these permissions."""
    User.objects.filter(username=username).update(is_superuser=False)
    granted = Permission.objects.filter(codename__in=codenames)
    User.objects.get(username=username).user_permissions.set(granted)


def test_an_app_that_was_set_up_just_now_was_used_for_that(
    admin: Visitor, ada: CognitoIdentity
) -> None:
    """ "Never" contradicts the activity below it: the code of the setup signed the user in."""
    SoftwareToken.activate(ada, friendly_name="Phone")
    assert answer(page_of(admin, ada), "Last used") == "Not since setup"


def test_it_answers_first_what_support_asks(admin: Visitor, ada: CognitoIdentity) -> None:
    page = page_of(admin, ada)
    assert page.index("Sign-in problems:") < page.index("MFA required:")
    assert answer(page, "MFA required") == "Yes"
    assert answer(page, "Status").startswith("Set up (last checked: ")
    assert answer(page, "Exempt until") == "Not exempt"
    assert answer(page, "Code entry") == "Open, 3 failed attempts in a row"
    assert answer(page, "Last sign-in") == "Never"
    assert answer(page, "Unfinished reset") == "–"
    assert answer(page, "Sign-in problems") == "None known"

    User.objects.filter(pk=ada.user_id).update(is_active=False, last_login=timezone.now())
    CognitoIdentity.objects.filter(pk=ada.pk).update(disabled_at=timezone.now())
    fail(ada, 100, total=50)
    until = timezone.now() + dt.timedelta(days=2)
    exemptions.grant(ada.user, until=until, reason="In repair", actor=None)
    reset.request(ada, actor=None, reason="Lost")
    page = page_of(admin, ada)
    assert answer(page, "MFA required") == "No, because the user is exempt"
    assert answer(page, "Exempt until").endswith("(In repair)")
    assert answer(page, "Code entry") == "Locked until an administrator unlocks it"
    assert answer(page, "Last sign-in") not in ("Never", "–")
    assert answer(page, "Unfinished reset").startswith("Interrupted (requested: ")
    for problem in (
        "The account is inactive on this site.",
        "The user is disabled in the user pool.",
        "Code entry is locked after too many wrong codes.",
    ):
        assert problem in answer(page, "Sign-in problems")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"REQUIRED": False}, "No, it’s optional for this user"),
        ({"REQUIRED": "staff"}, "No, it’s optional for this user"),
        ({"REQUIRED": lambda request: request.user.username == "ada"}, "Yes"),
        ({"ENFORCEMENT": "observe"}, "No, because this site doesn’t enforce MFA"),
        ({"GRACE_PERIOD": 86400}, "From this date on: "),
    ],
    ids=["nobody", "staff", "a function of the site", "observe", "grace"],
)
def test_it_says_what_the_policy_says_of_this_user(
    admin: Visitor,
    ada: CognitoIdentity,
    settings: Settings,
    changes: dict[str, object],
    told: str,
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, **changes}
    assert answer(page_of(admin, ada), "MFA required").startswith(told)


def test_it_offers_what_applies_to_the_user(admin: Visitor, ada: CognitoIdentity) -> None:
    assert offered(page_of(admin, ada)) == ALL
    fail(ada, 0)
    assert "Unlock code entry…" not in offered(page_of(admin, ada))
    fail(ada, 5, total=100)
    page = page_of(admin, ada)
    assert "Unlock code entry…" not in offered(page)
    assert answer(page, "Code entry") == "Locked until the authenticator app is reset"
    ada.record_status(Status.NOT_SET_UP)
    assert "Reset authenticator app…" not in offered(page_of(admin, ada))
    until = timezone.now() + dt.timedelta(days=2)
    exemptions.grant(ada.user, until=until, reason="In repair", actor=None)
    assert {"Revoke exemption…", "Extend exemption"} == offered(page_of(admin, ada)) - ALL
    assert "Grant exemption" not in offered(page_of(admin, ada))
    reset.request(ada, actor=None, reason="Lost")
    shown = offered(page_of(admin, ada))
    assert "Reset authenticator app…" in shown
    assert "Unlink…" not in shown
    CognitoIdentity.objects.filter(pk=ada.pk).update(pool_id="us-east-1_Other0000")
    assert not {"Refresh status", "Reset authenticator app…"} & offered(page_of(admin, ada))


def test_nothing_is_offered_on_oneself_but_to_refresh(admin: Visitor) -> None:
    me = CognitoIdentity.objects.get(username="root")
    fail(me, 3)
    assert offered(page_of(admin, me)) == {"Refresh status"}


@pytest.mark.parametrize(
    ("codename", "label"),
    [
        ("refresh_status", "Refresh status"),
        ("reset_mfa", "Reset authenticator app…"),
        ("clear_failures", "Unlock code entry…"),
        ("grant_exemption", "Grant exemption"),
    ],
)
def test_staff_with_one_permission_see_one_action_and_none_on_a_superuser(
    admin: Visitor, ada: CognitoIdentity, codename: str, label: str
) -> None:
    limit("root", "view_cognitoidentity", codename)
    assert offered(page_of(admin, ada)) == {label}
    User.objects.filter(username="ada").update(is_superuser=True)
    assert offered(page_of(admin, ada)) == set()


def test_an_action_leads_back_to_the_page_and_so_does_cancel(
    admin: Visitor, ada: CognitoIdentity
) -> None:
    here = reverse(f"{NAME}_change", args=[ada.pk])
    confirm = reverse(f"{NAME}_confirm", args=[ada.pk, "clear_failures"])
    asked = admin.text(admin.get(confirm))
    assert f'action="{confirm}"' in asked
    assert f'<a class="closelink" href="{here}">' in asked
    done = admin.client.post(confirm, {"confirmed": "yes", "reason": "Ticket 7"}, follow=True)
    assert done.redirect_chain == [(here, 302)]
    assert "Unlocked code entry for ada." in admin.text(done)
    again = admin.get(confirm, follow=True)
    assert "User ada has no failed attempts." in admin.text(again)


def test_refreshing_is_a_post_and_leads_back(admin: Visitor, ada: CognitoIdentity) -> None:
    url, here = (reverse(f"{NAME}_{name}", args=[ada.pk]) for name in ("refresh", "change"))
    admin.cognito.forget_calls()
    assert admin.get(url).headers["Location"] == here
    assert admin.cognito.operations() == []
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = admin.client.cookies
    assert careful.post(url).status_code == 403
    assert admin.cognito.operations() == []
    done = admin.client.post(url, follow=True)
    assert done.redirect_chain == [(here, 302)]
    assert "Refreshed the status of ada." in admin.text(done)
    assert admin.cognito.operations()
    assert admin.client.post(reverse(f"{NAME}_refresh", args=[10**9])).status_code == 404


@pytest.mark.parametrize(
    ("notify", "address", "told"),
    [
        (True, "ada@example.com", "They’ll be notified by email."),
        (False, "ada@example.com", "They won’t be notified by email."),
        (True, "", "They won’t be notified by email."),
    ],
)
def test_a_confirmation_promises_no_email_that_is_not_sent(
    admin: Visitor,
    ada: CognitoIdentity,
    settings: Settings,
    notify: bool,
    address: str,
    told: str,
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "NOTIFY": notify}
    CognitoIdentity.objects.filter(pk=ada.pk).update(email=address)
    for action in ("reset_mfa", "clear_failures", "unlink"):
        page = admin.text(admin.get(reverse(f"{NAME}_confirm", args=[ada.pk, action])))
        assert told in page


def test_a_destructive_button_is_red(admin: Visitor, ada: CognitoIdentity) -> None:
    def button(action: str) -> str:
        page = admin.text(admin.get(reverse(f"{NAME}_confirm", args=[ada.pk, action])))
        found = re.search(r'<input type="submit" value="[^"]*"([^>]*)>', page[page.index("<h1>") :])
        assert found
        return found[1]

    assert "cognito-mfa-danger" in button("reset_mfa")
    assert "cognito-mfa-danger" in button("unlink")
    assert "cognito-mfa-danger" not in button("clear_failures")


def test_each_skipped_user_has_a_reason(
    pool: LocalPool, admin: Visitor, ada: CognitoIdentity
) -> None:
    others = [make(pool, name) for name in ("bea", "boss")]
    User.objects.filter(username="boss").update(is_superuser=True)
    me = CognitoIdentity.objects.get(username="root")
    for identity in (*others, me):
        fail(identity, 0 if identity.username == "bea" else 2)
    limit("root", "view_cognitoidentity", "clear_failures")
    data = {
        "action": "clear_failures",
        "_selected_action": [str(one.pk) for one in (ada, me, *others)],
    }
    asked = admin.text(admin.client.post(reverse(f"{NAME}_changelist"), data))
    skipped = asked[asked.index("Skipped") :]
    for text in (
        "User bea has no failed attempts.",
        "Only a superuser can unlock code entry for a superuser.",
        "You can’t unlock your own code entry.",
    ):
        assert text in skipped
    assert "ada" not in skipped.partition("</table>")[0]


def test_several_users_are_named_in_the_result(
    pool: LocalPool, admin: Visitor, ada: CognitoIdentity
) -> None:
    bea = make(pool, "bea")
    fail(bea, 1)
    data = {"action": "clear_failures", "confirmed": "yes", "reason": "Ticket 7"}
    done = admin.client.post(
        reverse(f"{NAME}_changelist"),
        {**data, "_selected_action": [str(ada.pk), str(bea.pk)]},
        follow=True,
    )
    assert "Unlocked code entry for 2 users: bea, ada" in admin.text(done)


def test_filters_by_what_the_users_are(
    pool: LocalPool, admin: Visitor, ada: CognitoIdentity, settings: Settings
) -> None:
    bea, carl = make(pool, "bea"), make(pool, "carl")
    for identity in (bea, carl):
        identity.record_status(Status.NOT_SET_UP)
    editors = Group.objects.create(name="Editors")
    bea.user.groups.add(editors)
    until = timezone.now() + dt.timedelta(days=2)
    exemptions.grant(carl.user, until=until, reason="x", actor=None)

    def names(page: str = f"{NAME}_changelist", **query: str) -> set[str]:
        shown = admin.text(admin.get(reverse(page), query_params=query))
        return {name for name in ("ada", "bea", "carl", "root") if f">{name}</a>" in shown}

    assert names(required="missing") == {"bea"}
    assert names("admin:auth_user_changelist", second_factor="missing") == {"bea"}
    assert names(staff="yes") == {"root"}
    assert names(staff="no") == {"ada", "bea", "carl"}
    assert names(group=str(editors.pk)) == {"bea"}
    assert names(group="x") == {"ada", "bea", "carl", "root"}
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": "staff"}
    assert names(required="missing") == set()
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": lambda _request: True}
    page = admin.text(admin.get(reverse(f"{NAME}_changelist")))
    assert "Required, not set up" not in page  # only the function knows


def test_the_page_of_a_counter_leads_to_the_user_and_unlocks(
    admin: Visitor, ada: CognitoIdentity
) -> None:
    counter = CodeFailures.objects.get(sub=ada.sub)
    name = "admin:cognito_mfa_codefailures"
    url = reverse(f"{name}_change", args=[counter.pk])
    page = admin.text(admin.get(url))
    assert offered(page) == {"Unlock code entry…"}
    assert reverse(f"{name}_confirm", args=[counter.pk, "clear_failures"]) in page
    assert reverse(f"{NAME}_change", args=[ada.pk]) in page

    fail(ada, 0, total=3)
    assert offered(admin.text(admin.get(url))) == set()
    CodeFailures.objects.update(failures=3, sub="")  # of a user who never finished a setup
    page = html.unescape(admin.text(admin.get(url)))
    assert offered(page) == {"Unlock code entry…"}
    assert answer(page, "Identity") == "–"
    limit("root", "view_codefailures")
    assert offered(admin.text(admin.get(url))) == set()


def test_an_action_without_effect_on_many_users_is_explained_in_few_lines(
    pool: LocalPool, admin: Visitor
) -> None:
    rows = [make(pool, f"user{number:02d}") for number in range(14)]
    data = {"action": "clear_failures", "_selected_action": [row.pk for row in rows]}
    page = html.unescape(
        admin.text(admin.client.post(reverse(f"{NAME}_changelist"), data, follow=True))
    )
    assert page.count("has no failed attempts.") == 10
    assert "Skipped 4 more users for reasons such as these." in page
