"""Staff who act as another user, with django-hijack and django-impersonate themselves.

The places: ``impersonation.find`` and what it asks, ``on_started`` and ``on_ended``, ``gate._subject``,
``policy.is_required(acts_as=…)``, ``Page.as_view``, ``answers._for_impersonator``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import RemoteUserBackend
from django.contrib.auth.signals import user_logged_in
from django.db.models import F
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIRequestFactory

from cognito_mfa.api import urls as api_urls
from cognito_mfa.contrib.rest_framework import IsMFAVerified
from cognito_mfa.enforcement import impersonation, policy, proof
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent, MFAExemption
from tests import moments
from tests.enforcement.conftest import conf
from tests.enforcement.people import exempted, linked, proven, signed_in
from tests.enforcement.servers import CALLERS, Ask, Send
from tests.security.conftest import send
from tests.visitor import POOL_ID, Visitor

__all__ = ["conf", "send"]
pytestmark = pytest.mark.django_db
Conf = Callable[..., None]
THEIRS = "django.contrib.auth.backends.ModelBackend"
HIJACKS = "hijack.middleware.HijackUserMiddleware"
IMPERSONATES = "impersonate.middleware.ImpersonateMiddleware"
PACKAGES = ("hijack", "impersonate")
PAGES = ("who", "awho", "required", "arequired", "recent", "arecent")
OURS = (
    "sign_in",
    "new_password",
    "challenge",
    "setup",
    "setup_cancel",
    "setup_done",
    "device",
    "device_rename",
    "device_replace",
    "device_remove",
    "history",
    "recover",
    "recovery_codes",
    "sign_out_elsewhere",
)


@pytest.fixture(autouse=True)
def site(settings: Settings) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, HIJACKS, IMPERSONATES]


class Elsewhere(RemoteUserBackend):
    """A backend whose sign-ins ask for a second factor of their own."""


def user(name: str) -> Any:
    return get_user_model().objects.get(username=name)


def boss(**fields: Any) -> Any:
    return linked("boss", is_staff=True, is_superuser=True, **fields)


@pytest.fixture
def victim() -> Any:
    return linked("victim")


def act_as(browser: Client, package: str, whom: Any) -> Any:
    if package == "hijack":
        return browser.post("/hijack/acquire/", {"user_pk": whom.pk})
    return browser.get(f"/impersonate/{whom.pk}/")


def switch_back(browser: Client, package: str) -> Any:
    return (
        browser.post("/hijack/release/")
        if package == "hijack"
        else browser.get("/impersonate/stop/")
    )


def seen(send: Send, browser: Client, pages: Any = PAGES) -> list[tuple[int, str]]:
    answers = send(browser, [Ask(f"/{page}/", headers=CALLERS["page"]) for page in pages])
    return [(answer.status_code, answer.body.decode()[:30]) for answer in answers]


def as_(name: str, pages: Any = PAGES) -> list[tuple[int, str]]:
    return [(200, f"private page of {name}")] * len(pages)


def assert_stopped(send: Send, browser: Client, pages: Any = PAGES) -> None:
    """No page of the other user's, and no one is led to a setup."""
    for caller in CALLERS.values():
        for answer in send(browser, [Ask(f"/{page}/", headers=caller) for page in pages]):
            assert answer.status_code == 403
            assert b"private page of" not in answer.body
            assert b"setup" not in answer.body
            assert "setup" not in answer.get("HX-Redirect", "")
            assert "no-store" in answer["Cache-Control"]


# ------------------------------------------------------------------------------------- what works


@pytest.mark.parametrize("package", PACKAGES)
def test_a_whole_journey_as_another_user_and_back(
    package: str, pool: LocalPool, visitor: Visitor, victim: Any, send: Send
) -> None:
    """With a true code at the beginning. Red without ``_subject``, and with ``_keep`` or the restoring taken out."""
    visitor.set_up()
    get_user_model().objects.filter(username="newcomer").update(is_superuser=True, is_staff=True)
    before = visitor.client.session[proof.KEY]

    act_as(visitor.client, package, victim)
    assert seen(send, visitor.client) == as_("victim")
    assert CognitoIdentity.objects.get(user=victim).software_token is None

    switch_back(visitor.client, package)
    assert seen(send, visitor.client) == as_("newcomer")
    assert visitor.client.session[proof.KEY] == before  # no younger


@pytest.mark.parametrize("package", PACKAGES)
def test_who_signs_out_everywhere_else_ends_what_they_do_as_another(
    package: str, victim: Any, send: Send, conf: Conf
) -> None:
    """``gate._is_signed_out``: where no one is asked for a code, nothing else would end it, here or after the way back."""
    conf(REQUIRED=False)
    who = boss()
    browser = signed_in(who)
    act_as(browser, package, victim)
    assert seen(send, browser, ["who"]) == as_("victim", ["who"])
    CognitoIdentity.objects.filter(user=who).update(sign_outs=1)
    page = Ask("/who/", headers=CALLERS["page"])
    (answer,) = send(browser, [page])
    # django-hijack's session is the other user's: it only leads back. The other package's is who acts as them.
    assert answer.status_code == (403 if package == "hijack" else 302)
    switch_back(browser, package)
    (answer,) = send(browser, [page])
    assert b"private page of boss" not in answer.body
    assert "_auth_user_id" not in browser.session


@pytest.mark.parametrize("package", PACKAGES)
def test_who_signed_out_everywhere_else_before_may_act_as_another_and_come_back(
    package: str, victim: Any, send: Send, conf: Conf
) -> None:
    """``Records.sign_outs``, kept and given back: a session without a record is one of before."""
    conf(REQUIRED=False)
    who = boss()
    CognitoIdentity.objects.filter(user=who).update(sign_outs=1)
    browser = signed_in(user("boss"))
    act_as(browser, package, victim)
    assert seen(send, browser, ["who"]) == as_("victim", ["who"])
    switch_back(browser, package)
    assert seen(send, browser, ["who"]) == as_("boss", ["who"])


@pytest.mark.parametrize("package", PACKAGES)
def test_the_policy_about_who_acts_decides(package: str, victim: Any, send: Send) -> None:
    """A user with an exemption acts as a user without one."""
    who, until = boss(), timezone.now() + timedelta(days=1)
    MFAExemption.objects.create(user=who, reason="x", expires_at=until, for_superuser=True)
    browser = signed_in(who)
    act_as(browser, package, victim)
    assert seen(send, browser, ["who", "awho"]) == as_("victim", ["who", "awho"])
    assert_stopped(send, browser, ["required", "arequired"])


def anybody(**_people: Any) -> bool:
    return True


def test_an_ordinary_exemption_excuses_no_one_who_acts_as_a_superuser(
    send: Send, settings: Settings
) -> None:
    """Which only a superuser may grant. Red without ``for_superuser`` in ``policy._exemptions``."""
    settings.HIJACK_PERMISSION_CHECK = f"{__name__}.anybody"
    browser = exempted()
    act_as(browser, "hijack", linked("plain"))
    assert seen(send, browser, ["who", "awho"]) == as_("plain", ["who", "awho"])
    switch_back(browser, "hijack")
    act_as(browser, "hijack", linked("root", is_superuser=True))
    assert_stopped(send, browser, ["who", "awho"])


@pytest.mark.parametrize("package", PACKAGES)
def test_a_trusted_sign_in_of_who_acts_counts(
    package: str, victim: Any, send: Send, conf: Conf, settings: Settings
) -> None:
    """Its backend is the impersonator's, and says nothing of the other user."""
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, f"{__name__}.Elsewhere"]
    conf(TRUSTED_BACKENDS={f"{__name__}.Elsewhere": "elsewhere"})
    browser = signed_in(boss(), backend=f"{__name__}.Elsewhere")
    act_as(browser, package, victim)
    assert seen(send, browser, ["who", "awho"]) == as_("victim", ["who", "awho"])


def test_a_hijack_in_a_hijack_is_still_the_first_persons(
    victim: Any, send: Send, settings: Settings
) -> None:
    """And each way back leads one step; red when ``_keep`` or ``_who_may`` look at the last one."""
    settings.HIJACK_PERMISSION_CHECK = "hijack.permissions.superusers_and_staff"
    helper = linked("helper", is_staff=True)
    browser = proven(boss())
    act_as(browser, "hijack", helper)
    act_as(browser, "hijack", victim)
    assert seen(send, browser) == as_("victim")
    assert browser.session["hijack_history"] == [str(user("boss").pk), str(helper.pk)]

    switch_back(browser, "hijack")
    assert seen(send, browser) == as_("helper")
    switch_back(browser, "hijack")
    assert seen(send, browser) == as_("boss")

    act_as(browser, "hijack", helper)
    act_as(browser, "hijack", victim)
    get_user_model().objects.filter(username="helper").update(is_staff=False)  # in the middle
    assert_stopped(send, browser)


# --------------------------------------------------------------------------------- what proves nothing


@pytest.mark.parametrize("package", PACKAGES)
def test_who_acts_without_a_proof_is_stopped_and_never_led_to_a_set_up(
    package: str, victim: Any, send: Send, conf: Conf
) -> None:
    """Begun while the site only observed. The way back is open; what comes then is one's own setup."""
    conf(ENFORCEMENT="observe")
    browser = signed_in(boss())
    act_as(browser, package, victim)
    assert seen(send, browser, ["who", "awho"]) == as_("victim", ["who", "awho"])

    conf(ENFORCEMENT="enforce")
    assert_stopped(send, browser)
    assert switch_back(browser, package).status_code == 302
    (answer,) = send(browser, [Ask("/who/", headers=CALLERS["page"])])
    assert answer["Location"].startswith(reverse("cognito_mfa:setup"))
    assert proof.KEY not in browser.session


@pytest.mark.parametrize("package", PACKAGES)
def test_a_user_who_needs_no_code_cannot_act_as_a_user_who_needs_one(
    package: str, send: Send, conf: Conf, settings: Settings
) -> None:
    """Red without ``acts_as`` in the policy."""
    conf(REQUIRED={"groups": ["Careful"]})
    careful = linked("careful")
    careful.groups.create(name="Careful")
    browser = signed_in(boss())
    act_as(browser, package, linked("plain"))
    assert seen(send, browser, ["who", "awho"]) == as_("plain", ["who", "awho"])
    switch_back(browser, package)
    act_as(browser, package, careful)
    assert_stopped(send, browser, ["who", "awho"])


@pytest.mark.parametrize("package", PACKAGES)
def test_a_proof_of_long_ago_is_not_recent_for_who_acts(
    package: str, victim: Any, send: Send, conf: Conf
) -> None:
    """Nor does coming back make it younger."""
    browser = proven(boss())
    session = browser.session
    session[proof.KEY] = {**session[proof.KEY], "at": session[proof.KEY]["at"] - 400}
    session.save()
    act_as(browser, package, victim)
    assert seen(send, browser, ["who", "required"]) == as_("victim", ["who", "required"])
    assert_stopped(send, browser, ["recent", "arecent"])

    conf(PROOF_MAX_AGE=399)
    assert_stopped(send, browser)
    switch_back(browser, package)
    (answer,) = send(browser, [Ask("/who/")])
    assert answer.status_code == 302


def reset(who: Any) -> None:
    CognitoIdentity.objects.filter(user=who).update(generation=F("generation") + 1)


def deactivate(who: Any) -> None:
    get_user_model().objects.filter(pk=who.pk).update(is_active=False)


def demote(who: Any) -> None:
    get_user_model().objects.filter(pk=who.pk).update(is_staff=False, is_superuser=False)


def delete(who: Any) -> None:
    CognitoIdentity.objects.filter(user=who).delete()
    get_user_model().objects.filter(pk=who.pk).delete()


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("happens", [reset, deactivate, demote, delete])
def test_what_ends_the_impersonators_rights_ends_the_impersonation(
    package: str, happens: Callable[[Any], None], victim: Any, send: Send
) -> None:
    """From the next request. Red when ``_who_may`` asks less, or ``_kept_for`` believes an older row."""
    who = boss()
    browser = proven(who)
    act_as(browser, package, victim)
    assert seen(send, browser, ["who"]) == as_("victim", ["who"])
    happens(who)
    for answer in send(browser, [Ask(f"/{page}/") for page in PAGES]):
        assert b"private page of victim" not in answer.body


def test_a_session_that_merely_says_it_is_a_hijack_proves_nothing(victim: Any, send: Send) -> None:
    """Whatever of the keys a user could bring into it, without a proof of the person who is named."""
    who = boss()
    other = proven(linked("other"))
    record = other.session[proof.KEY]
    for kept in (
        None,
        [],
        "x",
        [str(who.pk)],
        [str(who.pk), THEIRS, record, None],
        [str(user("other").pk), THEIRS, record, None],
        [None, None, record, None],
    ):
        browser = signed_in(victim)
        session = browser.session
        session["hijack_history"] = [str(who.pk)]
        session[impersonation.KEPT] = kept
        session.save()
        assert_stopped(send, browser, ["who", "awho"])
    for history in (["x"], [None], "1", 7, [[who.pk]], {"a": 1}):
        session["hijack_history"] = history
        session.save()
        for answer in send(browser, [Ask("/who/"), Ask("/awho/")]):
            assert b"private page" not in answer.body


def test_what_was_kept_for_one_is_good_for_no_other(victim: Any, send: Send) -> None:
    """A history that names another first, and a proof that was kept for who is proven."""
    proven_boss = proven(boss())
    act_as(proven_boss, "hijack", victim)
    kept = proven_boss.session[impersonation.KEPT]
    browser = signed_in(victim)
    session = browser.session
    session["hijack_history"] = [str(linked("deputy", is_superuser=True).pk)]
    session[impersonation.KEPT] = kept
    session.save()
    assert_stopped(send, browser, ["who", "awho"])


def test_a_proven_person_whose_session_says_impersonate_gets_no_other_user(
    victim: Any, send: Send
) -> None:
    """Without the right to: the package leaves the request with the session's user."""
    browser = proven(linked("plain"))
    session = browser.session
    session["_impersonate"] = victim.pk
    session.save()
    assert seen(send, browser, ["who", "awho"]) == as_("plain", ["who", "awho"])


@pytest.mark.parametrize("package", PACKAGES)
def test_another_user_whom_a_token_names_has_no_part_in_it(
    package: str, victim: Any, settings: Settings
) -> None:
    """Of a request to an API, say. Red when ``of`` does not ask whose session it is."""
    browser = proven(boss())
    act_as(browser, package, victim)
    request: Any = APIRequestFactory().get("/")
    request.session = browser.session
    request.user, request.impersonator = linked("third"), user("boss")
    assert impersonation.find(request, request.user) is None
    assert impersonation.find(request, victim) is not None


def test_a_sign_in_of_the_sites_own_ends_what_was_kept(victim: Any, send: Send) -> None:
    """Also one as the very user: it keeps the session, and the package's key in it."""
    browser = proven(boss())
    act_as(browser, "hijack", victim)
    browser.force_login(victim, backend=THEIRS)
    assert impersonation.KEPT not in browser.session
    assert_stopped(send, browser, ["who"])


# ------------------------------------------------------------------------------- pages of ours, and ways out


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("is_proven", [True, False])
def test_no_page_of_ours_is_for_another_user(
    package: str, is_proven: bool, victim: Any, send: Send, conf: Conf
) -> None:
    """By GET and by POST; red without ``Page.as_view``."""
    conf(ENFORCEMENT="observe")
    browser = proven(boss()) if is_proven else signed_in(boss())
    act_as(browser, package, victim)
    conf(ENFORCEMENT="enforce", ALLOW_REMOVE=True)
    for method in ("GET", "POST"):
        asks = [Ask(reverse(f"cognito_mfa:{name}"), method, CALLERS["page"]) for name in OURS]
        for ask, answer in zip(asks, send(browser, asks), strict=True):
            if (
                answer.status_code == 303
            ):  # our page redirects a browser to one that says so; the gate does not
                assert (method, answer["Location"]) == ("POST", reverse("cognito_mfa:device")), ask
                continue
            assert answer.status_code == 403, ask
            assert b"Switch back" in answer.body, ask
            assert b'name="password"' not in answer.body
            assert b"otpauth" not in answer.body
    assert not MFAEvent.objects.filter(identity__user=victim).exists()


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("is_proven", [True, False])
def test_nothing_of_the_api_is_for_another_user(
    package: str, is_proven: bool, victim: Any, conf: Conf
) -> None:
    """But where things stand, and the way out; red without ``ApiView.refuse_early``."""
    conf(ENFORCEMENT="observe")
    browser = proven(boss()) if is_proven else signed_in(boss())
    act_as(browser, package, victim)
    conf(ENFORCEMENT="enforce", ALLOW_REMOVE=True)
    for one in api_urls.urlpatterns:
        if one.name in ("openapi", "session", "sign_out"):
            continue
        for method in ("GET", "POST", "PATCH"):
            address = reverse(f"cognito_mfa_api:{one.name}")
            answer: Any = browser.generic(method, address, "{}", content_type="application/json")
            assert (answer.status_code, answer.json()["code"]) == (403, "impersonating"), address
    stands = browser.get(reverse("cognito_mfa_api:session")).json()
    assert (stands["signed_in"], stands["username"]) == (True, "victim")
    assert stands["mfa"]["verified"] is is_proven
    assert not MFAEvent.objects.filter(identity__user=victim).exists()
    out = browser.post(reverse("cognito_mfa_api:sign_out"), content_type="application/json")
    assert out.json()["signed_in"] is False


@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_names_the_way_back_and_out(package: str, victim: Any, conf: Conf) -> None:
    conf(ENFORCEMENT="observe")
    browser = signed_in(boss())
    act_as(browser, package, victim)
    conf(ENFORCEMENT="enforce")
    page = browser.get("/who/", headers=CALLERS["page"]).content.decode()
    way = "/hijack/release/" if package == "hijack" else "/impersonate/stop/"
    assert way in page
    assert reverse("cognito_mfa:sign_out") in page
    assert browser.post(reverse("cognito_mfa:sign_out")).status_code == 302
    assert "_auth_user_id" not in browser.session


@pytest.mark.parametrize("package", PACKAGES)
def test_the_admin_asks_for_the_proof_of_who_acts(
    package: str, send: Send, settings: Settings, conf: Conf
) -> None:
    """With and without the middleware, once the proof is gone."""
    settings.HIJACK_PERMISSION_CHECK = "hijack.permissions.superusers_only"
    settings.IMPERSONATE = {"URI_EXCLUSIONS": ()}
    browser = proven(boss())
    act_as(browser, package, linked("clerk", is_staff=True))
    (answer,) = send(browser, [Ask("/admin/")])
    assert b"Site administration" in answer.body
    reset(user("boss"))
    for _ in range(2):
        (answer,) = send(browser, [Ask("/admin/")])
        assert b"Site administration" not in answer.body
        settings.MIDDLEWARE = [entry for entry in settings.MIDDLEWARE if "cognito_mfa" not in entry]


def deeds(boss: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return what staff may do to others and not to themselves, and the export, which names who took it."""
    people = "admin:cognito_mfa_cognitoidentity_changelist"
    row = {"_selected_action": [boss.cognito_identity.pk], "confirmed": "yes", "reason": "x"}
    exempt = {"user": boss.pk, "reason": "x", **moments.form_fields()}
    return {
        "reset": (people, {"action": "reset_mfa", **row}),
        "clear": (people, {"action": "clear_failures", **row}),
        "refresh": (people, {"action": "refresh_status", **row}),
        "grant": ("admin:cognito_mfa_mfaexemption_add", exempt),
        "export": ("admin:cognito_mfa_mfaevent_export", {"format": "csv"}),
    }


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("deed", ["reset", "clear", "refresh", "grant", "export"])
def test_impersonation_does_not_let_users_act_on_themselves(
    package: str, deed: str, pool: LocalPool, settings: Settings
) -> None:
    """As another superuser, whom the event log would name. Red without the question in ``way_to_a_code``."""
    settings.IMPERSONATE = {"ALLOW_SUPERUSER": True, "URI_EXCLUSIONS": ()}
    who = boss()
    CodeFailures.objects.create(
        pool_id=POOL_ID, username="boss", sub=who.cognito_identity.sub, failures=7
    )
    browser = proven(who)
    act_as(browser, package, linked("deputy", is_staff=True, is_superuser=True))
    assert browser.get("/who/").content == b"private page of deputy"
    url_name, data = deeds(who)[deed]
    answer = browser.post(reverse(url_name), data)
    assert answer.status_code == 403
    assert b"Switch back" in answer.content
    assert CodeFailures.objects.get().failures == 7
    assert not MFAExemption.objects.exists()
    assert not MFAEvent.objects.exists()

    switch_back(browser, package)
    own = browser.post(reverse(url_name), data)
    assert own.streaming or b"Switch back" not in own.content


def test_an_api_says_that_a_user_acts(victim: Any, conf: Conf) -> None:
    """And names no setup."""
    browser = proven(boss())
    act_as(browser, "hijack", victim)
    request: Any = APIRequestFactory().get("/")
    request.session, request.user = browser.session, victim

    class Framework:
        user, auth, _request = victim, None, request

    permission: Any = IsMFAVerified()
    assert permission.has_permission(Framework, None)
    reset(user("boss"))
    vars(request).pop(impersonation.ASKED)
    assert not permission.has_permission(Framework, None)
    assert permission.message["code"] == "impersonating"
    assert "setup_url" not in permission.message


def test_what_a_hijack_seems_to_prove_of_the_other_user_is_dropped(victim: Any, conf: Conf) -> None:
    """As a provider of tokens may say. Red without ``drop_all`` in ``on_started``."""

    def prove(*, request: Any, user: Any, **_given: Any) -> None:
        proof.write(request.session, user.cognito_identity, method="SOFTWARE_TOKEN_MFA")

    browser = proven(boss())
    user_logged_in.connect(prove)
    try:
        act_as(browser, "hijack", victim)
    finally:
        user_logged_in.disconnect(prove)
    assert proof.KEY not in browser.session


def test_what_is_kept_for_another_user_is_nothing_at_all(victim: Any) -> None:
    """Red without the comparison in ``_kept_for``."""
    kept = ["1234567", THEIRS, {"owner": []}, {"user": "x"}]
    assert impersonation._kept_for(kept, victim) == impersonation.Records()
    kept[0] = str(victim.pk)
    assert impersonation._kept_for(kept, victim) != impersonation.Records()
    assert impersonation._kept_for(kept, None) == impersonation.Records()


def test_the_banner_about_days_that_are_left_is_not_shown_to_who_acts(
    victim: Any, conf: Conf
) -> None:
    """It leads to a setup. Red without the question in the template tag."""
    conf(GRACE_PERIOD=86400)
    request: Any = APIRequestFactory().get("/")
    request.session, request.user = signed_in(victim).session, victim
    assert policy.is_required(request, victim) is False
    banner = Template("{% load cognito_mfa %}{% mfa_banner %}")
    assert "setup=1" in banner.render(Context({"request": request}))
    request.session["hijack_history"] = ["1"]
    assert "setup=1" not in banner.render(Context({"request": request}))
