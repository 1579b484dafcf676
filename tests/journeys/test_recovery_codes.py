"""A lost device: recovery codes are created, one is used instead of the app's code, and a new app is set up."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent, MFAReset, RecoveryCode
from tests.factories import reading
from tests.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.skipif(
    not has_operation("AdminDeleteSoftwareToken"),
    reason="AdminDeleteSoftwareToken is newer than the installed botocore",
)
in_every_flow = pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH")

CODES, TEXT, SAVED, RECOVER, DEVICE, CHALLENGE = (
    f"cognito_mfa:{name}"
    for name in (
        "recovery_codes",
        "recovery_codes_text",
        "recovery_codes_saved",
        "recover",
        "device",
        "challenge",
    )
)
SHOWN = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){3}\b")


@pytest.fixture(autouse=True)
def with_codes(auth_flow: str, settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": True}


def identity() -> CognitoIdentity:
    return CognitoIdentity.objects.get()


def create(person: Visitor) -> list[str]:
    """Create a set of codes as the person does, save it, and return it."""
    person.post(reverse(CODES))
    codes = list(dict.fromkeys(SHOWN.findall(person.text(person.get(reverse(CODES))))))
    assert len(codes) == 10
    person.post(reverse(SAVED))
    return codes


def lose_device(person: Visitor) -> Visitor:
    """Return the same person in another browser, after the password, at the page that asks for the lost device's code."""
    elsewhere = Visitor(Client(), person.cognito)
    assert elsewhere.sign_in(next_url="/private/").url == reverse(CHALLENGE)
    return elsewhere


def recover(person: Visitor, code: str) -> Any:
    return person.post(reverse(RECOVER), {"code": code})


def set_up_anew(person: Visitor) -> None:
    person.cognito.clock.advance(30)
    assert person.sign_in(next_url="/private/").url == reverse("cognito_mfa:setup")
    person.scan()
    assert person.confirm_setup(friendly_name="New phone").status_code == 302
    assert person.is_in()


@pytest.fixture(params=["ON", "OPTIONAL"])
def person(request: pytest.FixtureRequest, visitor: Visitor) -> Visitor:
    """A user with an authenticator app, in a pool that requires MFA and in one that leaves it to the site."""
    request.getfixturevalue("pool" if request.param == "ON" else "optional_pool")
    visitor.set_up()
    return visitor


@in_every_flow
def test_a_code_resets_the_app_and_leads_to_a_new_setup(
    person: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    """``lost_device.recover``, ``reset.complete``: the whole way."""
    codes = create(person)
    elsewhere = lose_device(person)
    page = elsewhere.text(elsewhere.get(reverse(CHALLENGE)))
    assert reverse(RECOVER) in page
    elsewhere.cognito.forget_calls()
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        done = recover(elsewhere, codes[3])
    assert done.url == reverse("cognito_mfa:sign_in") + "?setup=1&next=%2Fprivate%2F"
    assert elsewhere.cognito.operations() == [
        reading(),  # whose name it is
        "AdminDeleteSoftwareToken",
        "AdminUserGlobalSignOut",
        reading(),
    ]
    assert "set up a new one" in elsewhere.text(elsewhere.get(done.url))
    assert not elsewhere.is_in()
    assert not person.is_in()
    assert identity().status == "NOT_SET_UP"
    assert identity().software_tokens.get().retired_because == "RECOVERED"
    assert MFAReset.objects.get().finished_at is not None
    kinds = list(MFAEvent.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds[-2:] == ["RECOVERY_CODE_USED", "MFA_RESET"]
    assert [message.subject for message in mail.outbox] == [
        "Example Ltd: A recovery code was used for your account"
    ]
    assert "You have 9 recovery codes left." in mail.outbox[0].body
    assert not SHOWN.search(str(mail.outbox[0].body))
    set_up_anew(elsewhere)
    assert identity().recovery_codes.unused().count() == 9


def test_codes_are_offered_after_the_setup_and_can_wait(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.scan()
    done = visitor.confirm_setup()
    page = visitor.text(visitor.get(done.url + "?next=/private/"))
    assert "Create recovery codes" in page
    assert "Not now" in page
    made = visitor.post(reverse(CODES), {"next": "/private/"})
    assert made.url == reverse(CODES) + "?next=%2Fprivate%2F"
    shown = visitor.get(made.url)
    assert shown["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    codes = SHOWN.findall(visitor.text(shown))
    assert codes
    assert SHOWN.findall(visitor.text(visitor.get(made.url))) == codes  # loaded again
    assert visitor.post(reverse(SAVED), {"next": "/private/"}).url == "/private/"
    assert not SHOWN.search(visitor.text(visitor.get(reverse(CODES))))


def test_the_text_file_has_the_codes_and_is_not_kept(person: Visitor) -> None:
    """``RecoveryCodesTextView``: only by POST, and only while the page shows them."""
    person.post(reverse(CODES))
    codes = dict.fromkeys(SHOWN.findall(person.text(person.get(reverse(CODES)))))
    assert person.get(reverse(TEXT)).status_code == 405
    told = person.post(reverse(TEXT))
    assert told["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    assert told["Content-Type"].startswith("text/plain")
    assert "no-store" in told["Cache-Control"]
    assert dict.fromkeys(SHOWN.findall(told.content.decode())) == codes
    person.post(reverse(SAVED))
    assert person.post(reverse(TEXT)).url == reverse(CODES)


@pytest.mark.parametrize(
    "way",
    [
        str.lower,
        lambda code: code.replace("-", ""),
        lambda code: code.replace("-", " "),
        lambda code: code.replace("-", "\u2013"),
        lambda code: f"\u200b {code}\u200e\n",
        lambda code: code.replace("0", "O").replace("1", "l"),
        lambda code: "".join(chr(ord(char) + 0xFEE0) for char in code),
    ],
    ids=["lower", "no hyphens", "spaces", "dashes", "marks", "lookalikes", "full width"],
)
def test_a_code_works_however_it_is_typed(pool: LocalPool, visitor: Visitor, way: Any) -> None:
    """``typed.recovery_code``."""
    visitor.set_up()
    codes = create(visitor)
    assert recover(lose_device(visitor), way(codes[1])).status_code == 302
    assert MFAReset.objects.get().finished_at is not None


@pytest.mark.over_api
@in_every_flow
def test_a_code_works_once(person: Visitor) -> None:
    """``recovery_codes.claim``: ``unused``."""
    code = create(person)[0]
    elsewhere = lose_device(person)
    recover(elsewhere, code)
    set_up_anew(elsewhere)
    elsewhere.cognito.clock.advance(30)
    again = lose_device(elsewhere)
    assert "didn’t work" in again.text(recover(again, code))
    assert MFAReset.objects.count() == 1


def test_a_new_set_ends_the_old_one(person: Visitor) -> None:
    """``recovery_codes.create``: the old rows go."""
    old, new = create(person), create(person)
    elsewhere = lose_device(person)
    assert "didn’t work" in elsewhere.text(recover(elsewhere, old[0]))
    assert recover(elsewhere, new[0]).status_code == 302


def test_a_new_set_needs_a_recent_code(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """``RecoveryCodesView.dispatch_confirmed``: ``mfa_recent``."""
    visitor.set_up()
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REAUTH_MAX_AGE": 0.001}
    assert visitor.post(reverse(CODES)).url.startswith(reverse("cognito_mfa:sign_in"))
    assert visitor.get(reverse(CODES)).url.startswith(reverse("cognito_mfa:sign_in"))
    assert not RecoveryCode.objects.exists()


def test_a_wrong_code_is_counted_with_the_apps_own(pool: LocalPool, visitor: Visitor) -> None:
    """``lost_device.recover``: ``code_attempts.attempt``. Five wrong ones, of whatever kind, make every user wait."""
    visitor.set_up()
    codes = create(visitor)
    elsewhere = lose_device(visitor)
    wrong = codes[0][:-1] + ("0" if codes[0][-1] != "0" else "1")
    for number in range(5):
        if number % 2:
            elsewhere.enter_code(visitor.wrong_code())
        else:
            assert "didn’t work" in elsewhere.text(recover(elsewhere, wrong))
    assert identity().code_failures == 5
    assert recover(elsewhere, codes[0]).answered == 429
    assert not MFAReset.objects.exists()
    assert identity().recovery_codes.unused().count() == 10


def test_what_cannot_be_a_code_is_not_counted(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    create(visitor)
    elsewhere = lose_device(visitor)
    assert "16 letters and numbers" in elsewhere.text(recover(elsewhere, "1234"))
    assert identity().code_failures == 0


def test_a_locked_account_is_not_opened_by_a_code(pool: LocalPool, visitor: Visitor) -> None:
    """``code_attempts._refuse_if_too_many``, which asks before the code is looked at."""
    from cognito_mfa.models import CodeFailures

    visitor.set_up()
    codes = create(visitor)
    elsewhere = lose_device(visitor)
    CodeFailures.objects.update(failures=100, total=100)
    assert recover(elsewhere, codes[0]).answered == 403
    assert identity().recovery_codes.unused().count() == 10
    assert pool.user("newcomer").software_token is not None


def test_a_deactivated_user_cannot_use_a_code(pool: LocalPool, visitor: Visitor) -> None:
    """``lost_device.recover``: ``is_active``."""
    visitor.set_up()
    codes = create(visitor)
    elsewhere = lose_device(visitor)
    type(identity().user).objects.update(is_active=False)
    assert recover(elsewhere, codes[0]).answered == 403
    assert identity().recovery_codes.unused().count() == 10
    assert pool.user("newcomer").software_token is not None


@pytest.mark.over_api
def test_a_refusal_of_cognito_gives_the_code_back(pool: LocalPool, visitor: Visitor) -> None:
    """``recovery._give_back``."""
    visitor.set_up()
    codes = create(visitor)
    elsewhere = lose_device(visitor)
    elsewhere.cognito.faults.on(
        "AdminDeleteSoftwareToken", faults.Error("AccessDeniedException", "no"), times=1
    )
    refused = recover(elsewhere, codes[0])
    assert refused.answered == 503
    assert "still valid" in elsewhere.text(refused)
    assert not MFAReset.objects.exists()
    assert identity().recovery_codes.unused().count() == 10
    assert MFAEvent.objects.filter(kind="RECOVERY_CODE_RETURNED").count() == 1
    assert not visitor.is_in()  # whatever happened, sessions ended first
    again = lose_device(visitor)
    assert recover(again, codes[0]).status_code == 302
    set_up_anew(again)


@pytest.mark.over_api
@in_every_flow
@pytest.mark.parametrize("executed", [True, False])
def test_a_lost_answer_leaves_it_unfinished_and_the_next_password_finishes_it(
    person: Visitor, executed: bool, django_capture_on_commit_callbacks: Any
) -> None:
    """``recovery._was_refused`` and ``lost_device.finish_interrupted``."""
    codes = create(person)
    elsewhere = lose_device(person)
    fault = faults.Timeout(executed=executed)
    elsewhere.cognito.faults.on("AdminDeleteSoftwareToken", fault)
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        done = recover(elsewhere, codes[0])
    assert "couldn’t confirm" in elsewhere.text(elsewhere.get(done.url))
    row = MFAReset.objects.get()
    assert (row.finished_at, row.by_recovery_code) == (None, True)
    assert identity().recovery_codes.unused().count() == 9
    assert "haven’t confirmed yet" in mail.outbox[0].body
    elsewhere.cognito.faults.clear()
    set_up_anew(elsewhere)
    assert MFAReset.objects.get().finished_at is not None
    assert identity().recovery_codes.unused().count() == 9


def test_an_interrupted_one_is_finished_by_the_command(pool: LocalPool, visitor: Visitor) -> None:
    """``reset.run_again``: the row is like that of an administrator."""
    from django.core.management import call_command

    visitor.set_up()
    codes = create(visitor)
    elsewhere = lose_device(visitor)
    elsewhere.cognito.faults.on(
        "AdminUserGlobalSignOut", faults.Error("AccessDeniedException", "no")
    )
    recover(elsewhere, codes[0])
    assert MFAReset.objects.get().trouble
    elsewhere.cognito.faults.clear()
    call_command("cognito_mfa_reset", "--unfinished")
    assert MFAReset.objects.get().finished_at is not None
    assert identity().software_tokens.get().retired_because == "RECOVERED"


def test_where_the_operation_is_missing_an_optional_pool_turns_the_app_off(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    """``admin_api.remove_software_token``: no code is wasted, and the lost device is not switched on again."""
    visitor.set_up()
    codes = create(visitor)
    elsewhere = lose_device(visitor)
    denied = faults.Error("AccessDeniedException", "no")
    elsewhere.cognito.faults.on("AdminDeleteSoftwareToken", denied)
    assert recover(elsewhere, codes[0]).status_code == 302
    assert MFAReset.objects.get().finished_at is not None
    assert "SOFTWARE_TOKEN_MFA" not in optional_pool.user("newcomer").enabled_factors
    set_up_anew(elsewhere)
    assert identity().software_tokens.active().get().friendly_name == "New phone"


def test_a_reset_by_staff_ends_the_codes(pool: LocalPool, visitor: Visitor) -> None:
    """``MFAEvent.ENDS_RECOVERY_CODES``: before Cognito is asked."""
    from cognito_mfa.authenticator import reset

    visitor.set_up()
    create(visitor)
    reset.request(identity(), actor=None, reason="x")
    assert not RecoveryCode.objects.exists()


def test_turning_it_off_ends_the_codes(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    visitor.set_up()
    create(visitor)
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False, "ALLOW_REMOVE": True}
    visitor.post(reverse("cognito_mfa:device_remove"), {"password": PASSWORD})
    visitor.enter_code()
    assert identity().status == "NOT_SET_UP"
    assert not RecoveryCode.objects.exists()


def test_replacing_the_app_keeps_the_codes(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    codes = create(visitor)
    visitor.post(reverse("cognito_mfa:device_replace"), {"password": PASSWORD})
    visitor.enter_code()
    visitor.scan()
    visitor.confirm_setup()
    assert recover(lose_device(visitor), codes[5]).status_code == 302


def test_a_site_that_requires_nothing_offers_them_too(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """The purpose of the next sign-in, ``lost_device._expect_setup``: the app that was lost is set up anew."""
    visitor.set_up()
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    codes = create(visitor)
    elsewhere = lose_device(visitor)
    recover(elsewhere, codes[0])
    set_up_anew(elsewhere)
    assert identity().status == "ENABLED"


@in_every_flow
def test_a_user_who_is_signed_in_may_recover_while_replacing(
    pool: LocalPool, visitor: Visitor
) -> None:
    """``lost_device._expect_setup``: a change by a signed-in user ends, and with it their proof."""
    visitor.set_up()
    codes = create(visitor)
    visitor.post(reverse("cognito_mfa:device_replace"), {"password": PASSWORD})
    done = recover(visitor, codes[0])
    assert done.url == reverse("cognito_mfa:sign_in") + "?setup=1"
    assert not visitor.is_in()
    set_up_anew(visitor)


def test_few_codes_are_a_warning(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    create(visitor)
    assert "You have 10 recovery codes left." in visitor.text(visitor.get(reverse(DEVICE)))
    for row in identity().recovery_codes.all()[:7]:
        row.delete()
    page = visitor.text(visitor.get(reverse(DEVICE)))
    assert "You have 3 recovery codes left." in page
    assert "cognito-mfa-open" in page


@pytest.mark.parametrize("name", [CODES, TEXT, SAVED])
def test_a_site_without_them_has_no_such_pages(
    pool: LocalPool, visitor: Visitor, settings: Settings, name: str
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": False}
    visitor.set_up()
    assert visitor.post(reverse(name)).url == reverse(DEVICE)
    assert not RecoveryCode.objects.exists()
    assert "ecovery code" not in visitor.text(visitor.get(reverse(DEVICE)))
    elsewhere = lose_device(visitor)
    assert reverse(RECOVER) not in elsewhere.text(elsewhere.get(reverse(CHALLENGE)))
    assert elsewhere.get(reverse(RECOVER)).url == reverse(CHALLENGE)


def test_an_old_boto3_offers_none(pool: LocalPool, visitor: Visitor, settings: Settings) -> None:
    """``admin_api.may_delete_software_token``; and a sign-in that began before cannot go on with one."""
    visitor.set_up()
    codes = create(visitor)
    begun = lose_device(visitor)
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "CLIENT_FACTORY": "tests.security.old_boto3.make_client",
    }
    elsewhere = lose_device(visitor)
    assert reverse(RECOVER) not in elsewhere.text(elsewhere.get(reverse(CHALLENGE)))
    assert recover(begun, codes[0]).url.startswith(reverse("cognito_mfa:sign_in"))
    assert identity().recovery_codes.unused().count() == 10


def test_no_aws_credentials_offer_none(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """``clients.has_credentials``."""
    visitor.set_up()
    factory = "tests.security.no_credentials.make_client"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_FACTORY": factory}
    elsewhere = lose_device(visitor)
    assert reverse(RECOVER) not in elsewhere.text(elsewhere.get(reverse(CHALLENGE)))
