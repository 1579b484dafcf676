"""Pages state what happened, and nothing of another case: each state of a user, and what its pages must not say."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity, SoftwareToken
from cognito_mfa.sign_in.encryption import decrypt, encrypt
from cognito_mfa.sign_in.pending import KEY, TTL
from tests.factories import make, reset_in_admin
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor, prove

SIGN_IN, SETUP, CANCEL, DEVICE, REPLACE, REMOVE, CHALLENGE = (
    reverse_name
    for reverse_name in (
        "cognito_mfa:sign_in",
        "cognito_mfa:setup",
        "cognito_mfa:setup_cancel",
        "cognito_mfa:device",
        "cognito_mfa:device_replace",
        "cognito_mfa:device_remove",
        "cognito_mfa:challenge",
    )
)
BACKEND = "cognito_mfa.backends.CognitoBackend"
Status, Unconfirmed = CognitoIdentity.Status, CognitoIdentity.Unconfirmed
OLD = ("old entry", "old app", "old phone", "both entries", "replaced", "removed", "as before")


def free(settings: Settings) -> None:
    """Leave two-step verification to the users."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False, "ALLOW_REMOVE": True}


def page_of(visitor: Visitor, name: str) -> str:
    return visitor.text(visitor.get(reverse(name)))


def assert_says(page: str, *said: str, never: tuple[str, ...] = ()) -> None:
    assert [words for words in said if words not in page] == []
    assert [words for words in never if words in page] == []


# ------------------------------------------------------------------------------------ a setup, from its start to its end


class Setup(NamedTuple):
    """One way into a setup.

    Attributes:
        mfa: of the pool.
        come: brings the visitor to the QR code.
        said: on the page with the QR code.
        never: what none of its pages says.
        canceled: after it was canceled there.
        done: on the last page.
    """

    mfa: str
    come: Callable[[Visitor, LocalPool, Settings], object]
    said: tuple[str, ...]
    never: tuple[str, ...]
    canceled: str
    done: tuple[str, ...] = ()


RESET = "Your authenticator app was reset by an administrator. Set up a new one to continue."
FIRST = "After setup, you’ll sign in to"
NEW_ENTRY = "Setup canceled. Delete the new entry from your app."
KEEP_OLD = "Canceled. The new entry wasn’t confirmed, so delete it from your app and keep using the old one."
OLD_IS_OVER = "The old entry no longer works"


def sign_in(visitor: Visitor, _pool: LocalPool, _settings: Settings) -> None:
    visitor.sign_in()


def start_from_own_page(visitor: Visitor, _pool: LocalPool, settings: Settings) -> None:
    free(settings)
    visitor.sign_in()
    page = page_of(visitor, REPLACE)
    assert_says(page, "Set up an authenticator app", never=OLD)
    visitor.post(reverse(REPLACE), {"password": PASSWORD})


def replace(visitor: Visitor, _pool: LocalPool, _settings: Settings) -> None:
    visitor.come_with_app()
    visitor.post(reverse(REPLACE), {"password": PASSWORD})
    visitor.enter_code()


def sign_in_after_reset(visitor: Visitor, _pool: LocalPool, _settings: Settings) -> None:
    visitor.come_with_app()
    reset(visitor)
    visitor.sign_in()


def replace_where_cognito_has_none(visitor: Visitor, pool: LocalPool, _settings: Settings) -> None:
    """It was deleted with another tool, and the pool asks for a setup."""
    visitor.come_with_app()
    user = pool.user("newcomer")
    user.software_token = user.preferred_factor = None
    user.enabled_factors.clear()
    visitor.post(reverse(REPLACE), {"password": PASSWORD})


def sign_in_after_lost_setup(visitor: Visitor, _pool: LocalPool, _settings: Settings) -> None:
    visitor.sign_in()
    visitor.scan()
    visitor.cognito.faults.on("VerifySoftwareToken", faults.Timeout(executed=False), times=1)
    page = visitor.text(visitor.confirm_setup())
    assert_says(page, "Keep the new entry in your app", never=OLD)
    visitor.sign_in()


def reset(visitor: Visitor) -> None:
    admin = Visitor(Client(), visitor.cognito)
    boss = make(visitor.cognito.pool(POOL_ID), "boss", is_staff=True, is_superuser=True)
    admin.client.force_login(boss.user, backend=BACKEND)
    prove(admin.client, boss)
    reset_in_admin(admin, CognitoIdentity.objects.get(username="newcomer"))
    token = SoftwareToken.objects.get(identity__username="newcomer")
    assert token.retired_because == SoftwareToken.Retired.RESET


SETUPS = {
    "first sign-in": Setup("ON", sign_in, (FIRST,), (*OLD, RESET), NEW_ENTRY),
    "first sign-in, optional": Setup("OPTIONAL", sign_in, (FIRST,), (*OLD, RESET), NEW_ENTRY),
    "own page": Setup("OPTIONAL", start_from_own_page, (FIRST,), (*OLD, RESET), NEW_ENTRY),
    "replacement": Setup("OPTIONAL", replace, ("Keep the old entry",), (FIRST, RESET, "Nothing has changed"), KEEP_OLD, (OLD_IS_OVER,)),
    "replacement, required": Setup("ON", replace, ("Keep the old entry",), (FIRST, RESET, "Nothing has changed"), KEEP_OLD, (OLD_IS_OVER,)),
    "reset": Setup("ON", sign_in_after_reset, (RESET, FIRST), OLD, NEW_ENTRY),
    "reset, optional": Setup("OPTIONAL", sign_in_after_reset, (RESET, FIRST), OLD, NEW_ENTRY),
    "deleted elsewhere": Setup("ON", replace_where_cognito_has_none, (FIRST,), (RESET, "Keep the old entry"), NEW_ENTRY),
    "lost setup": Setup("ON", sign_in_after_lost_setup, (FIRST, "Your last setup wasn’t completed."), (*OLD, RESET), NEW_ENTRY),
}  # fmt: skip


@pytest.mark.parametrize("name", SETUPS)
def test_each_page_of_a_setup_is_about_the_case(
    cognito: LocalCognito, visitor: Visitor, settings: Settings, name: str
) -> None:
    case = SETUPS[name]
    pool = cognito.create_pool(POOL_ID, mfa=case.mfa)
    pool.create_client(CLIENT_ID)
    pool.create_user("newcomer", password=PASSWORD)

    case.come(visitor, pool, settings)
    assert_says(page_of(visitor, SETUP), *case.said, never=case.never)
    canceled = visitor.post(reverse(CANCEL))
    assert_says(visitor.text(visitor.get(canceled.url)), case.canceled, never=case.never)


@pytest.mark.parametrize("name", SETUPS)
def test_the_last_page_of_a_setup_is_about_the_case(
    cognito: LocalCognito, visitor: Visitor, settings: Settings, name: str
) -> None:
    case = SETUPS[name]
    pool = cognito.create_pool(POOL_ID, mfa=case.mfa)
    pool.create_client(CLIENT_ID)
    pool.create_user("newcomer", password=PASSWORD)

    case.come(visitor, pool, settings)
    visitor.scan()
    done = visitor.confirm_setup()
    never = () if name == "deleted elsewhere" else case.never
    assert_says(visitor.text(visitor.get(done.url)), "From now on", *case.done, never=never)


def test_the_last_page_is_none_of_a_user_without_an_app(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    identity = make(optional_pool, "ada")
    visitor.client.force_login(identity.user, backend=BACKEND)
    prove(visitor.client, identity)
    assert visitor.get(reverse("cognito_mfa:setup_done")).url == reverse(DEVICE)


def test_the_last_page_promises_no_codes_that_could_not_be_switched_on(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    visitor.sign_in()
    visitor.scan()
    refusal = faults.Error("InternalErrorException")
    visitor.cognito.faults.on("SetUserMFAPreference", refusal)
    done = visitor.text(visitor.get(visitor.confirm_setup().url))
    assert_says(done, "couldn’t confirm that codes are now required", never=("From now on",))


# ----------------------------------------------------------------------------------------------------------- canceling


@pytest.mark.parametrize(
    ("purpose", "said", "never"),
    [
        (REPLACE, "Canceled. Nothing has changed, and your authenticator app works as before.", ()),
        (REMOVE, "Canceled. Nothing has changed, and your authenticator app works as before.", ()),
    ],
)  # fmt: skip
def test_canceling_a_change_before_a_qr_code_was_shown(
    optional_pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    purpose: str,
    said: str,
    never: tuple[str, ...],
) -> None:
    free(settings)
    visitor.come_with_app()
    visitor.post(reverse(purpose), {"password": PASSWORD})
    assert_says(visitor.text(visitor.get(visitor.post(reverse(CANCEL)).url)), said, never=never)


def test_canceling_where_a_setup_was_finished_in_another_tab(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.set_up()
    canceled = visitor.post(reverse(CANCEL))
    assert canceled.url == reverse(DEVICE)
    page = visitor.text(visitor.get(canceled.url))
    assert_says(page, "There was nothing left to cancel.", never=("Setup canceled", "has changed"))


def test_canceling_where_nothing_is_pending(pool: LocalPool, visitor: Visitor) -> None:
    canceled = visitor.post(reverse(CANCEL))
    page = visitor.text(visitor.get(canceled.url))
    assert_says(page, "There was nothing left to cancel.", never=("Setup canceled", "has changed"))


# -------------------------------------------------------------------------------------------------- the user's own page

STATES: dict[str, tuple[dict[str, str], bool, str, tuple[str, ...]]] = {
    # the identity, whether it has an app, what the page says, and what it must not say
    "unknown": ({"status": "UNKNOWN"}, False, "We don’t know yet", ("only by your password", "is protected")),
    "not set up": ({"status": "NOT_SET_UP"}, False, "only by your password", ("We don’t know",)),
    "set up": ({"status": "ENABLED"}, True, "protected by an authenticator app", ("only by your password",)),
    "set up elsewhere": ({"status": "ENABLED"}, False, "a code each time you sign in", ("authenticator app.",)),
    "text message": ({"status": "NOT_SET_UP", "preferred_factor": "SMS_MFA"}, False, "sent to your phone", ("only by your",)),
    "first setup in doubt": ({"status": "UNKNOWN", "unconfirmed": "SET_UP"}, False, "Keep the new entry", (*OLD, "two authenticator apps", "didn’t respond")),
    "replacement in doubt": ({"status": "UNKNOWN", "unconfirmed": "SET_UP"}, True, "Keep both entries", ("didn’t respond",)),
    "switching on in doubt": ({"status": "UNKNOWN", "unconfirmed": "SWITCH_ON"}, True, "are required yet", (*OLD, "didn’t respond")),
    "removal in doubt": ({"status": "UNKNOWN", "unconfirmed": "REMOVAL"}, True, "is still on", (*OLD, "didn’t respond")),
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
def test_the_own_page_claims_no_more_than_is_known(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings, name: str
) -> None:
    free(settings)
    values, has_app, said, never = STATES[name]
    identity = make(optional_pool, "ada")
    CognitoIdentity.objects.filter(pk=identity.pk).update(**values)
    if has_app:
        SoftwareToken.activate(identity, friendly_name="Phone")
    visitor.client.force_login(identity.user, backend=BACKEND)
    prove(visitor.client, identity)
    assert_says(page_of(visitor, DEVICE), said, never=never)


def test_the_own_page_of_a_user_who_is_not_linked_claims_nothing(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    free(settings)
    user = User.objects.create_user("ada")
    visitor.client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    page = page_of(visitor, DEVICE)
    assert_says(page, "We don’t know yet", never=("only by your password",))


# ------------------------------------------------------------------------------------------------- a time that is over


def let_time_pass(visitor: Visitor) -> None:
    """Let the pending sign-in be older than it may get."""
    session = visitor.client.session
    pending = decrypt(session[KEY]) or {}
    session[KEY] = encrypt({**pending, "expires_at": time.time() - TTL})
    session.save()


def landed(visitor: Visitor, response: Any) -> str:
    """Return the page on which a redirect ends."""
    while response.status_code in (302, 303):
        response = visitor.get(response.url)
    return visitor.text(response)


TIMED_OUT = "Your sign-in timed out. Please enter your password again."
ELSEWHERE = "started again in another tab or window"


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_sign_in_whose_time_is_over_says_so(
    pool: LocalPool, visitor: Visitor, method: str
) -> None:
    visitor.sign_in(next_url="/private/")
    visitor.scan()
    let_time_pass(visitor)
    response = visitor.get(reverse(SETUP)) if method == "get" else visitor.confirm_setup()
    page = landed(visitor, response)
    assert_says(page, TIMED_OUT, "/private/", never=(ELSEWHERE,))
    assert TIMED_OUT not in page_of(visitor, SIGN_IN)  # said once


def test_a_change_whose_time_is_over_says_so_on_the_own_page(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    visitor.come_with_app()
    visitor.post(reverse(REPLACE), {"password": PASSWORD})
    let_time_pass(visitor)
    page = landed(visitor, visitor.enter_code())
    assert_says(page, "Your change wasn’t completed because it timed out.", never=(ELSEWHERE,))


def test_a_sign_in_that_is_no_longer_there_did_not_time_out(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.sign_in()
    visitor.scan()
    visitor.sign_in(password="Wrong-Horse-7")  # in another tab
    page = landed(visitor, visitor.confirm_setup())
    assert_says(page, ELSEWHERE, never=("timed out",))


def test_a_change_that_something_else_overtook_says_so(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    visitor.come_with_app()
    visitor.post(reverse(REPLACE), {"password": PASSWORD})
    CognitoIdentity.objects.get().invalidate_proofs()
    prove(visitor.client, CognitoIdentity.objects.get())
    page = landed(visitor, visitor.enter_code())
    assert_says(page, "your account was changed in the meantime", never=("timed out",))


# ------------------------------------------------------------------------------------------------------ no usable reply

LOST = faults.Timeout(executed=True)


@pytest.mark.parametrize(
    ("purpose", "operation", "said", "never"),
    [
        (REPLACE, "RespondToAuthChallenge", "No new app was confirmed.", ("Nothing has changed",)),
        (REMOVE, "RespondToAuthChallenge", "Nothing has changed.", ("might be off", "new app")),
        (REMOVE, "SetUserMFAPreference", "", ("new app",)),
        ("cognito_mfa:sign_out_elsewhere", "RespondToAuthChallenge", "Nothing has changed.", ("new app",)),
    ],
)  # fmt: skip
def test_a_lost_reply_is_told_for_the_change_that_it_was_about(
    optional_pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    purpose: str,
    operation: str,
    said: str,
    never: tuple[str, ...],
) -> None:
    free(settings)
    visitor.come_with_app()
    prove(visitor.client, CognitoIdentity.objects.get(), seconds_ago=4000)
    visitor.post(reverse(purpose), {"password": PASSWORD})
    visitor.cognito.faults.on(operation, LOST, times=1)
    assert_says(landed(visitor, visitor.enter_code()), said, never=never)


def test_a_lost_reply_at_a_first_setup_from_the_own_page_knows_no_old_entry(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    start_from_own_page(visitor, optional_pool, settings)
    visitor.scan()
    visitor.cognito.faults.on("VerifySoftwareToken", LOST, times=1)
    page = landed(visitor, visitor.confirm_setup())
    assert_says(page, "Keep the new entry in your app for now.", never=OLD)


def test_a_lost_reply_to_the_first_password_of_ones_own(pool: LocalPool, visitor: Visitor) -> None:
    pool.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
    visitor.sign_in("invited")
    visitor.cognito.faults.on("RespondToAuthChallenge", LOST, times=1)
    data = {"new_password1": "My-own-Horse-8", "new_password2": "My-own-Horse-8"}
    page = landed(visitor, visitor.post(reverse("cognito_mfa:new_password"), data))
    assert_says(page, "couldn’t confirm that your new password was saved", never=("your app",))


# ----------------------------------------------------------------------------------------------------- a finished reset


def test_a_finished_reset_clears_both_counters_of_wrong_codes(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.come_with_app()
    visitor.sign_out()
    visitor.sign_in()
    for _try in range(5):
        visitor.enter_code(visitor.wrong_code())
    assert visitor.enter_code().answered == 429
    CodeFailures.objects.update(total=60)

    reset(visitor)

    row = CodeFailures.objects.get(username="newcomer")
    assert (row.failures, row.total) == (0, 0)
    visitor.cognito.clock.advance(60)
    visitor.sign_in()
    visitor.scan()
    for _try in range(4):  # no wait is left over
        assert visitor.confirm_setup(visitor.wrong_code()).answered == 200
    assert visitor.confirm_setup().status_code == 302
    assert visitor.is_in()


def test_an_unfinished_reset_leaves_the_counters(pool: LocalPool, visitor: Visitor) -> None:
    visitor.come_with_app()
    visitor.sign_out()
    visitor.sign_in()
    visitor.enter_code(visitor.wrong_code())
    for operation in ("AdminDeleteSoftwareToken", "AdminSetUserMFAPreference"):
        visitor.cognito.faults.on(operation, faults.Error("InternalErrorException"))
    boss = make(pool, "boss", is_staff=True, is_superuser=True)
    admin = Visitor(Client(), visitor.cognito)
    admin.client.force_login(boss.user, backend=BACKEND)
    prove(admin.client, boss)
    reset_in_admin(admin, CognitoIdentity.objects.get(username="newcomer"))
    assert CodeFailures.objects.get(username="newcomer").failures == 1


# --------------------------------------------------------------------------------------------- codes, and turning it off


@pytest.mark.parametrize("had_app", [True, False])
def test_the_code_page_knows_an_old_entry_only_where_there_was_one(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings, had_app: bool
) -> None:
    if had_app:
        replace(visitor, optional_pool, settings)
    else:
        start_from_own_page(visitor, optional_pool, settings)
    visitor.scan()
    visitor.cognito.faults.on("VerifySoftwareToken", LOST, times=1)
    visitor.confirm_setup(friendly_name="New phone")
    identity = CognitoIdentity.objects.get()
    assert identity.unconfirmed == Unconfirmed.SET_UP
    visitor.cognito.faults.clear()
    optional_pool.user("newcomer").preferred_factor = "SOFTWARE_TOKEN_MFA"
    optional_pool.user("newcomer").enabled_factors.append("SOFTWARE_TOKEN_MFA")
    visitor.sign_out()
    visitor.cognito.clock.advance(30)
    visitor.sign_in()
    page = page_of(visitor, CHALLENGE)
    assert ("the old entry" in page) is had_app
    assert ("New phone" in page) is not had_app


@pytest.mark.parametrize(
    ("values", "has_none"),
    [
        ({"status": "NOT_SET_UP"}, True),
        ({"status": "ENABLED"}, False),  # set up where this site did not see it
        ({"status": "UNKNOWN", "unconfirmed": "SET_UP"}, False),
    ],
)
def test_only_who_certainly_has_no_app_is_told_so(
    optional_pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    values: dict[str, str],
    has_none: bool,
) -> None:
    free(settings)
    identity = make(optional_pool, "ada")
    CognitoIdentity.objects.filter(pk=identity.pk).update(**values)
    visitor.client.force_login(identity.user, backend=BACKEND)
    assert ("You don’t have an authenticator app" in page_of(visitor, REMOVE)) is has_none
