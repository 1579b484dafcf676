"""The admin: who may see it, what it shows, and what it asks Cognito."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from cognito_mfa.admin import formats
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent, SoftwareToken
from tests import moments
from tests.factories import delete_token, make, reading
from tests.visitor import POOL_ID, Visitor

LIST = "admin:cognito_mfa_cognitoidentity_changelist"
DETAIL = "admin:cognito_mfa_cognitoidentity_change"
EVENTS = "admin:cognito_mfa_mfaevent_changelist"
Status = CognitoIdentity.Status


def test_signing_in_to_the_admin_goes_through_our_sign_in(
    pool: LocalPool, visitor: Visitor
) -> None:
    make(pool, "root", is_staff=True, is_superuser=True)
    response = visitor.get("/admin/", follow=True)
    assert response.redirect_chain[-1][0] == reverse("cognito_mfa:sign_in") + "?next=%2Fadmin%2F"
    visitor.sign_in("root", next_url="/admin/")
    visitor.scan()
    done = visitor.confirm_setup()
    assert "next=%2Fadmin%2F" in done.url
    assert "Site administration" in visitor.text(visitor.get("/admin/"))


@pytest.mark.parametrize("with_middleware", [True, False])
def test_a_local_password_alone_opens_no_admin(
    pool: LocalPool, visitor: Visitor, settings: Settings, with_middleware: bool
) -> None:
    """The gate applies on the admin site itself, with or without the middleware."""
    if not with_middleware:
        gate = "cognito_mfa.middleware.RequireMFAMiddleware"
        settings.MIDDLEWARE = [entry for entry in settings.MIDDLEWARE if entry != gate]
    root = make(pool, "root", is_staff=True, is_superuser=True).user
    visitor.client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")

    for path in (
        "/admin/",
        reverse(LIST),
        "/admin/jsi18n/",
        "/admin/autocomplete/",
        "/admin/password_change/",
    ):
        response = visitor.get(path, follow=True)
        assert "Site administration" not in visitor.text(response), path
        assert response.redirect_chain[-1][0].startswith(reverse("cognito_mfa:sign_in")), path


def test_the_admins_own_password_form_is_gone(pool: LocalPool, visitor: Visitor) -> None:
    make(pool, "root", is_staff=True, is_superuser=True, password="local")
    response = visitor.post("/admin/login/", {"username": "root", "password": "local"})
    assert response.url.startswith(reverse("cognito_mfa:sign_in"))
    assert "_auth_user_id" not in visitor.client.session


def test_changing_a_password_in_the_admin_changes_the_one_that_signs_in(
    pool: LocalPool, admin: Visitor
) -> None:
    """Django's form would change a password that no sign-in checks, and say that it was changed."""
    User.objects.get(username="root").set_password("local")
    page = admin.get("/admin/password_change/")
    assert page.url == reverse("cognito_mfa:password_change")


def test_the_admin_says_where_passwords_cannot_be_changed(
    pool: LocalPool, admin: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "PASSWORD_PAGES": False}
    page = admin.get("/admin/password_change/", follow=True)
    assert page.redirect_chain[-1][0] == "/admin/"
    assert "can’t change your password on this site" in admin.text(page)


def test_a_password_of_the_sites_own_is_still_changed_in_the_admin(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    backend = "django.contrib.auth.backends.ModelBackend"
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, backend]
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    local = User.objects.create_superuser("local", password="local")
    visitor.client.force_login(local, backend=backend)
    assert "Old password" in visitor.text(visitor.get("/admin/password_change/"))


def test_people_without_the_right_are_told_and_do_not_loop(
    pool: LocalPool, visitor: Visitor
) -> None:
    make(pool, "plain")
    visitor.set_up("plain")
    response = visitor.get("/admin/", follow=True)
    assert response.status_code == 200
    assert len(response.redirect_chain) <= 3
    assert "can’t access this page" in visitor.text(response)


def test_an_unproven_person_can_leave_by_the_admins_sign_out(
    pool: LocalPool, visitor: Visitor
) -> None:
    root = make(pool, "root", is_staff=True, is_superuser=True).user
    visitor.client.force_login(root, backend="django.contrib.auth.backends.ModelBackend")
    response = visitor.post(reverse("cognito_mfa:sign_out"))
    assert response.status_code == 302
    assert "_auth_user_id" not in visitor.client.session


def test_the_list_shows_state_as_icon_and_word(pool: LocalPool, admin: Visitor) -> None:
    for status in Status:
        identity = make(pool, f"p-{status.value.lower()}")
        identity.record_status(status)
    SoftwareToken.activate(
        CognitoIdentity.objects.get(username="p-enabled"), friendly_name="<b>Phone</b>"
    )
    page = admin.text(admin.get(reverse(LIST)))
    for icon, word in (
        ("yes", "Set up"),
        ("no", "Not set up"),
        ("unknown", "Unknown"),
        ("alert", "Not in the user pool"),
    ):
        assert f'<img src="/static/admin/img/icon-{icon}.svg" alt=""> {word}' in page
    assert "&lt;b&gt;Phone&lt;/b&gt;" in page


def test_the_number_of_queries_does_not_grow_with_the_people(
    pool: LocalPool, admin: Visitor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    admin.get(reverse(LIST))
    # The session, the administrator, the groups for their filter; then the count and the rows.
    with django_assert_num_queries(5) as few:
        admin.get(reverse(LIST))
    for number in range(20):
        identity = make(pool, f"p{number}")
        SoftwareToken.activate(identity, friendly_name=f"Phone {number}")
    with django_assert_num_queries(len(few.captured_queries)):
        page = admin.text(admin.get(reverse(LIST)))
    assert "Phone 19" in page


def test_filters_and_search(pool: LocalPool, admin: Visitor) -> None:
    make(pool, "ada").record_status(Status.NOT_SET_UP)
    SoftwareToken.activate(make(pool, "bea"), friendly_name="Turquoise")

    def names(**query: str) -> set[str]:
        page = admin.text(admin.get(reverse(LIST), query_params=query))
        return {name for name in ("ada", "bea", "root") if f">{name}</a>" in page}

    assert names() == {"ada", "bea", "root"}
    assert names(status__exact="NOT_SET_UP") == {"ada"}
    assert names(q="bea@example.com") == {"bea"}
    assert names(q="BE") == {"bea"}
    assert names(q="\u200ebea@example.com\ufeff\u00a0") == {"bea"}  # as it was pasted
    assert names(q="nobody") == set()


def test_the_detail_shows_the_history_and_changes_nothing(pool: LocalPool, admin: Visitor) -> None:
    identity = make(pool, "ada")
    SoftwareToken.activate(identity, friendly_name="First phone")
    SoftwareToken.activate(identity, friendly_name="Second phone")
    MFAEvent.objects.record(MFAEvent.Kind.CODE_REJECTED, identity, detail="SOFTWARE_TOKEN_MFA")
    used = [moments.noon(-day) for day in (7, 2)]
    identity.software_tokens.exclude(retired_at=None).update(final_use_at=used[0])
    CognitoIdentity.objects.filter(pk=identity.pk).update(app_used_at=used[1])
    url = reverse(DETAIL, args=[identity.pk])
    page = admin.text(admin.get(url))

    for text in ("First phone", "Second phone", "replaced", "Authenticator app", identity.sub):
        assert text in page
    # Of the app in use also above the list of apps.
    assert [page.count(formats.moment(at)) for at in used] == [1, 2]
    assert formats.day(used[1]) in admin.text(admin.get(reverse(LIST)))
    assert 'name="_save"' not in page
    assert 'name="status"' not in page
    assert admin.post(url, {"status": "ENABLED"}).status_code == 403
    assert (
        admin.post(
            reverse("admin:cognito_mfa_cognitoidentity_delete", args=[identity.pk])
        ).status_code
        == 403
    )
    assert admin.get(reverse("admin:cognito_mfa_cognitoidentity_add")).status_code == 403


def test_the_events_are_listed_and_read_only(pool: LocalPool, admin: Visitor) -> None:
    page = admin.text(admin.get(reverse(EVENTS)))
    assert "Authenticator app set up" in page
    event = MFAEvent.objects.earliest("pk")
    url = reverse("admin:cognito_mfa_mfaevent_change", args=[event.pk])
    assert admin.get(url).status_code == 200
    assert admin.post(url, {"detail": "x"}).status_code == 403


def refresh(visitor: Visitor, *identities: CognitoIdentity) -> str:
    data = {"action": "refresh_status", "_selected_action": [i.pk for i in identities]}
    return visitor.text(visitor.client.post(reverse(LIST), data, follow=True))


def test_refresh_says_what_cognito_says(pool: LocalPool, admin: Visitor) -> None:
    elsewhere, nothing, gone = (make(pool, name) for name in ("elsewhere", "nothing", "gone"))
    pool.register_software_token("elsewhere", friendly_name="x")
    admin.cognito.client().admin_delete_user(UserPoolId=POOL_ID, Username="gone")
    admin.cognito.forget_calls()

    page = refresh(admin, elsewhere, nothing, gone)

    assert "Refreshed the status of 3 users" in page
    for identity, status in ((elsewhere, "ENABLED"), (nothing, "NOT_SET_UP"), (gone, "GONE")):
        identity.refresh_from_db()
        assert identity.status == status
        assert identity.checked_at is not None
    assert set(admin.cognito.operations()) == {reading(), "ListUsers"}
    event = MFAEvent.objects.filter(identity=elsewhere, kind="STATUS_CHANGED").get()
    assert event.actor.username == "root"  # type: ignore[union-attr]


def test_a_token_that_was_deleted_in_the_pool_closes_the_sessions_it_opened(
    pool: LocalPool, admin: Visitor, settings: Settings
) -> None:
    """What other tools do to the pool is learnt, and never opens anything."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": {"groups": ["x"]}}
    pool.state.mfa = "OPTIONAL"
    identity = CognitoIdentity.objects.get(username="root")
    generation = identity.generation
    delete_token(admin, "root")

    refresh(admin, identity)

    identity.refresh_from_db()
    assert (identity.status, identity.generation) == ("NOT_SET_UP", generation + 1)
    assert identity.software_token is None
    assert identity.software_tokens.get().retired_because == "REMOVED_ELSEWHERE"


def test_a_silent_list_in_a_pool_that_requires_mfa_is_no_proof_of_nothing(
    pool: LocalPool, admin: Visitor
) -> None:
    """A token that a pool asks for at each sign-in may be in no list."""
    identity = CognitoIdentity.objects.get(username="root")
    silent = faults.Reply({"Username": "root"})
    admin.cognito.faults.on(reading(), silent)
    refresh(admin, identity)
    identity.refresh_from_db()
    assert identity.status == Status.UNKNOWN
    assert identity.software_token is not None


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (
            faults.Error("AccessDeniedException", "User: arn:aws:iam::1:user/x is not authorized"),
            "permission",
        ),
        (faults.Unreachable(), "try_later"),
        (faults.Error("TooManyRequestsException", "Rate exceeded"), "slow_down"),
        (faults.Body(b"{}"), "bad_reply"),
    ],
    ids=["denied", "unreachable", "throttled", "rubbish"],
)
def test_a_refresh_that_fails_changes_nothing_and_says_why(
    pool: LocalPool, admin: Visitor, fault: faults.Fault, told: str
) -> None:
    identity = make(pool, "ada")
    identity.record_status(Status.ENABLED)
    checked = identity.checked_at
    for operation in {reading(), "AdminGetUser"}:  # which takes its place where it is not permitted
        admin.cognito.faults.on(operation, fault)

    page = refresh(admin, identity)

    assert told in page
    assert "arn:aws" not in page
    identity.refresh_from_db()
    assert (identity.status, identity.checked_at) == (Status.ENABLED, checked)


def test_refreshing_is_a_right_of_its_own(pool: LocalPool, admin: Visitor) -> None:
    """A forged action by staff who may only look."""
    viewer = User.objects.get(username="root")
    viewer.is_superuser = False
    viewer.save()
    viewer.user_permissions.add(Permission.objects.get(codename="view_cognitoidentity"))
    identity = CognitoIdentity.objects.get()
    admin.cognito.forget_calls()

    refresh(admin, identity)
    assert admin.cognito.operations() == []
    viewer.user_permissions.add(Permission.objects.get(codename="refresh_status"))
    refresh(admin, identity)
    assert admin.cognito.operations() == [reading(), "ListUsers"]


def test_no_page_of_the_admin_shows_a_secret(pool: LocalPool, admin: Visitor) -> None:
    identity = CognitoIdentity.objects.get()
    pages = [
        admin.text(admin.get(url))
        for url in (reverse(LIST), reverse(DETAIL, args=[identity.pk]), reverse(EVENTS))
    ]
    for page in pages:
        assert admin.secret not in page
        assert "cognito-mfa-qr" not in page


def test_the_detail_page_says_how_many_recovery_codes_are_left_and_not_which(
    pool: LocalPool, admin: Visitor, settings: Settings
) -> None:
    """``CognitoIdentityAdmin.recovery_codes_left``: the number, and neither positions nor hashes."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": True}
    admin.client.post(reverse("cognito_mfa:recovery_codes"))
    identity = CognitoIdentity.objects.get()
    identity.recovery_codes.filter(position=4).update(used_at=timezone.now())
    page = admin.text(admin.get(reverse(DETAIL, args=[identity.pk])))
    assert re.search(r"ecovery codes left:.*?\b9\b", page, re.DOTALL)
    for row in identity.recovery_codes.all():
        assert row.digest not in page


def test_recovery_codes_are_mentioned_only_where_the_site_offers_them(
    pool: LocalPool, admin: Visitor, settings: Settings
) -> None:
    """Else "0 left" reads as if the user had used them up, or had forgotten to create some."""
    identity = CognitoIdentity.objects.get()
    address = reverse(DETAIL, args=[identity.pk])
    for offered in (False, True):
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": offered}
        assert ("ecovery codes left" in admin.text(admin.get(address))) is offered


def test_a_user_without_an_app_has_no_recovery_codes_to_count(
    pool: LocalPool, admin: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": True}
    make(pool, "ada")
    address = reverse(DETAIL, args=[CognitoIdentity.objects.get(username="ada").pk])
    page = admin.text(admin.get(address))
    assert re.search(r"ecovery codes left:.*?–", page, re.DOTALL)
    assert not re.search(r"ecovery codes left:[^–]*\b0\b", page, re.DOTALL)


def test_links_of_a_former_pool_are_found(pool: LocalPool, admin: Visitor) -> None:
    make(pool, "ada")
    CognitoIdentity.objects.filter(username="ada").update(pool_id="us-east-1_Other0000")

    def names(value: str) -> set[str]:
        page = admin.text(admin.get(reverse(LIST), query_params={"pool": value}))
        return {name for name in ("ada", "root") if f">{name}</a>" in page}

    assert names("this") == {"root"}
    assert names("former") == {"ada"}
    assert names("") == {"ada", "root"}


def test_support_finds_the_event_by_the_reference_that_the_user_reads_out(
    pool: LocalPool, admin: Visitor, settings: Settings
) -> None:
    """It is all that the refused user knows, and support does not read logs."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CREATE_USERS": False}
    refused = Visitor(Client(), admin.cognito)
    refused.sign_in("newcomer")
    refused.scan()
    page = refused.text(refused.confirm_setup())
    reference = re.search(r"quote reference\D*?([0-9a-f]{8})", page)
    assert reference is not None, page

    def found(query: str) -> str:
        rows = admin.text(admin.get(reverse(EVENTS), data={"q": query}))
        return rows[rows.index("result_list") :] if "result_list" in rows else ""

    for query in (reference[1], f" {reference[1].upper()}. "):
        assert "newcomer" in found(query), query
    assert "The site creates no users" in found(reference[1])
    assert "newcomer" not in found("0" * 8)


def test_who_entered_no_wrong_code_has_no_failed_attempt(admin: Visitor) -> None:
    """The counter has a row since the first right code, of which the list of failed attempts says nothing."""
    address = reverse("admin:cognito_mfa_codefailures_changelist")
    assert "0 failed attempts" in admin.text(admin.get(address))
    counter = CodeFailures.objects.get()
    page = admin.text(
        admin.get(reverse("admin:cognito_mfa_codefailures_change", args=[counter.pk]))
    )
    assert re.search(r"Last attempt:.*?–", page, re.DOTALL)
    CodeFailures.objects.update(failures=1, total=1)
    assert "1 failed-attempt counter" in admin.text(admin.get(address))


def test_the_list_of_events_has_short_dates(admin: Visitor) -> None:
    """Between both side bars, the long form of the language takes three lines of each row."""
    page = admin.text(admin.get(reverse(EVENTS)))
    assert re.search(r'class="field-when[^"]*"><a [^>]*>\d\d/\d\d/\d{4} \d+', page)
