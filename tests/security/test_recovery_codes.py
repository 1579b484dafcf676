"""Attacks on recovery codes: other people's, used ones, many at once, guesses, and what a leak would show."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa import signals
from cognito_mfa.authenticator import links, recovery, recovery_codes, reset, username_reuse
from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.enforcement.gate import is_proven
from cognito_mfa.exceptions import BadCode
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent, MFAReset, RecoveryCode
from cognito_mfa.values.recovery_code import grouped
from cognito_mfa.values.secret_text import SecretText
from tests.factories import reading
from tests.security.during_calls import while_cognito_answers
from tests.security.successors import Ada, leave
from tests.threads import in_threads
from tests.visitor import PASSWORD, POOL_ID, Visitor

pytestmark = pytest.mark.skipif(
    not has_operation("AdminDeleteSoftwareToken"),
    reason="AdminDeleteSoftwareToken is newer than the installed botocore",
)
CODES, TEXT, SAVED, RECOVER, CHALLENGE = (
    reverse(f"cognito_mfa:{name}")
    for name in (
        "recovery_codes",
        "recovery_codes_text",
        "recovery_codes_saved",
        "recover",
        "challenge",
    )
)
SHOWN = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){3}\b")
REFUSED = "That recovery code didn’t work"


@pytest.fixture(autouse=True)
def with_codes(settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": True}


def shown(person: Visitor) -> list[str]:
    return list(dict.fromkeys(SHOWN.findall(person.text(person.get(CODES)))))


def create(person: Visitor) -> list[str]:
    person.post(CODES)
    codes = shown(person)
    assert len(codes) == 10
    person.post(SAVED)
    return codes


def after_password(person: Visitor, username: str = "newcomer") -> Visitor:
    """Return a user in another browser, who knows the password of ``username``."""
    other = Visitor(Client(), person.cognito)
    assert other.sign_in(username).url == CHALLENGE
    return other


def recover(person: Visitor, code: str) -> Any:
    return person.post(RECOVER, {"code": code})


def change_last(code: str) -> str:
    return code[:-1] + ("0" if code[-1] != "0" else "1")


@pytest.fixture
def person(pool: LocalPool, visitor: Visitor) -> Visitor:
    visitor.set_up()
    return visitor


# ------------------------------------------------------------------------------- whose codes they are


@pytest.mark.over_api
def test_another_persons_code_is_wrong(pool: LocalPool, person: Visitor) -> None:
    """``recovery_codes.check``: only rows of the identity whose password was right."""
    pool.create_user("bob", password=PASSWORD)
    bob = Visitor(Client(), person.cognito)
    bob.set_up("bob")
    codes_of_bob, own = create(bob), create(person)
    other = after_password(person)
    assert REFUSED in other.text(recover(other, codes_of_bob[0]))
    assert recover(other, own[0]).status_code == 302
    assert pool.user("bob").software_token is not None


def test_codes_of_a_former_user_are_no_good_for_the_next_one(
    pool: LocalPool, visitor: Visitor
) -> None:
    """``lost_device._certain_identity``: the name is the same, and Cognito says that the ``sub`` is gone."""
    old = Ada(pool, visitor)
    old.come()
    codes = create(old)
    leave(pool, old)
    new = Ada(pool, old)
    new.set_up_elsewhere(pool)
    other = after_password(new, "ada")
    assert REFUSED in other.text(recover(other, codes[0]))
    assert pool.user("ada").software_token is not None
    assert not MFAReset.objects.exists()
    assert not RecoveryCode.objects.exists(), "the former user's codes are over"


def test_a_row_of_another_user_under_that_name_is_not_believed(
    pool: LocalPool, person: Visitor
) -> None:
    """``lost_device._certain_identity``: Cognito's name of the ``sub`` is compared with that of the challenge."""
    pool.create_user("bob", password=PASSWORD)
    bob = Visitor(Client(), person.cognito)
    bob.set_up("bob")
    codes = create(bob)
    CognitoIdentity.objects.filter(username="bob").update(username="newcomer")
    other = after_password(person)
    assert REFUSED in other.text(recover(other, codes[0]))
    assert pool.user("bob").software_token is not None
    assert pool.user("newcomer").software_token is not None


def test_where_cognito_does_not_say_whose_name_it_is_no_code_is_looked_at(
    pool: LocalPool, visitor: Visitor
) -> None:
    """``lost_device._certain_identity`` raises, and nothing is counted or used."""
    old = Ada(pool, visitor)
    old.come()
    codes = create(old)
    leave(pool, old)
    new = Ada(pool, old)
    new.set_up_elsewhere(pool)
    other = after_password(new, "ada")
    for operation in ("AdminGetUserAuthFactors", "AdminGetUser"):
        other.cognito.faults.on(operation, faults.Error("AccessDeniedException", "no"))
    assert recover(other, codes[0]).answered == 503
    assert old.row.recovery_codes.unused().count() == 10
    assert pool.user("ada").software_token is not None


def test_no_one_gets_there_without_the_password(pool: LocalPool, person: Visitor) -> None:
    """``StepView.dispatch``: there is no challenge, so there is no page."""
    codes = create(person)
    stranger = Visitor(Client(), person.cognito)
    person.cognito.forget_calls()
    assert stranger.get(RECOVER).url.startswith(reverse("cognito_mfa:sign_in"))
    assert recover(stranger, codes[0]).url.startswith(reverse("cognito_mfa:sign_in"))
    stranger.sign_in("newcomer", "Wrong-Horse-7")
    assert recover(stranger, codes[0]).url.startswith(reverse("cognito_mfa:sign_in"))
    assert "AdminDeleteSoftwareToken" not in person.cognito.operations()
    assert person.is_in()


@pytest.mark.over_api
def test_a_code_is_no_sign_in(pool: LocalPool, person: Visitor) -> None:
    """``lost_device.recover`` ends the sign-in; the next one begins with the password."""
    codes = create(person)
    other = after_password(person)
    recover(other, codes[0])
    assert "_auth_user_id" not in other.client.session
    assert other.get(CHALLENGE).url.startswith(reverse("cognito_mfa:sign_in"))
    assert other.get(reverse("cognito_mfa:setup")).url.startswith(reverse("cognito_mfa:sign_in"))


# -------------------------------------------------------------------------------------- when they end


def by_staff(identity: CognitoIdentity) -> None:
    reset.request(identity, actor=None, reason="x")


def by_link(identity: CognitoIdentity) -> None:
    user = type(identity.user).objects.create_user("another")
    links._move(identity, user, actor=None, reason="x")


def by_leaving(identity: CognitoIdentity) -> None:
    username_reuse.retire(identity)


def by_deletion(identity: CognitoIdentity) -> None:
    identity.user.delete()


@pytest.mark.parametrize("end", [by_staff, by_link, by_leaving, by_deletion])
def test_what_ends_them_ends_them_at_once(
    person: Visitor, end: Callable[[CognitoIdentity], None]
) -> None:
    """``CognitoIdentity.invalidate_proofs`` and ``retire_token``."""
    create(person)
    end(CognitoIdentity.objects.get())
    assert not RecoveryCode.objects.exists()


def test_a_reset_while_the_code_is_on_its_way_wins(pool: LocalPool, person: Visitor) -> None:
    """``MFAEvent.ENDS_RECOVERY_CODES``: while Cognito was asked whose name it is, the codes ended."""
    codes = create(person)
    other = after_password(person)
    identity = CognitoIdentity.objects.get()
    while_cognito_answers(other, reading(), lambda: by_staff(identity))
    assert REFUSED in other.text(recover(other, codes[0]))
    assert MFAReset.objects.get().by_recovery_code is False
    assert pool.user("newcomer").software_token is not None


def test_a_change_between_the_check_and_the_use_wins(
    person: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``since`` in ``recovery.start``: the code is not used up, and the sign-in starts again."""
    codes = create(person)
    other = after_password(person)
    check = recovery_codes.check

    def change_after(identity: CognitoIdentity | None, code: SecretText) -> RecoveryCode:
        found = check(identity, code)
        CognitoIdentity.objects.get().invalidate_proofs()
        return found

    monkeypatch.setattr(recovery_codes, "check", change_after)
    assert recover(other, codes[0]).url.startswith(reverse("cognito_mfa:sign_in"))
    assert CognitoIdentity.objects.get().recovery_codes.unused().count() == 10
    assert not MFAReset.objects.exists()


def test_a_session_that_a_reset_ends_leaves_no_codes_behind(
    person: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``recovery_codes.create``: the proof is looked at again under the lock."""
    make = recovery_codes._new_code
    done: list[int] = []

    def reset_in_between(position: int) -> SecretText:
        if not done:
            done.append(position)
            by_staff(CognitoIdentity.objects.get())
        return make(position)

    monkeypatch.setattr(recovery_codes, "_new_code", reset_in_between)
    page = person.text(person.post(CODES, follow=True))
    assert "No recovery codes were created" in page
    assert not RecoveryCode.objects.exists()


def test_a_set_that_is_shown_ends_when_another_browser_makes_one(person: Visitor) -> None:
    """``shown_recovery_codes._is_current``: no one saves codes that are no good."""
    person.post(CODES)
    assert shown(person)
    other = after_password(person)
    other.secret = person.secret
    other.enter_code()
    create(other)
    assert shown(person) == []
    assert person.post(TEXT).url == CODES


def test_they_are_shown_for_minutes(person: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    person.post(CODES)
    assert shown(person)
    now = time.time
    monkeypatch.setattr("time.time", lambda: now() + 601)
    assert shown(person) == []


def test_they_are_shown_to_no_one_who_signs_in_after(pool: LocalPool, person: Visitor) -> None:
    """``proof.drop_all``, and the identity in the payload."""
    pool.create_user("bob", password=PASSWORD)
    person.post(CODES)
    secret = person.secret
    person.set_up("bob")
    assert person.secret != secret
    assert shown(person) == []


# -------------------------------------------------------------------------------------------- guesses


def test_many_guesses_end_in_a_lock(person: Visitor) -> None:
    """``code_attempts``: a hundred, whichever page they were sent to."""
    codes = create(person)
    other = after_password(person)
    CodeFailures.objects.update(failures=99, total=99)
    other.wait(3600)
    assert REFUSED in other.text(recover(other, change_last(codes[0])))
    other.wait(3600)
    assert recover(other, codes[0]).answered == 403
    assert CognitoIdentity.objects.get().recovery_codes.unused().count() == 10
    assert MFAEvent.objects.filter(kind="CODE_ENTRY_LOCKED").exists()


def test_the_owner_hears_of_guesses(
    person: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    codes = create(person)
    other = after_password(person)
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(3):
            recover(other, change_last(codes[0]))
    assert len(mail.outbox) == 1
    details = set(MFAEvent.objects.filter(kind="CODE_REJECTED").values_list("detail", flat=True))
    assert {detail.partition(",")[0] for detail in details} == {"RECOVERY_CODE"}


@pytest.mark.parametrize("first", ["9", "Z"])
def test_each_check_costs_one_hash(
    person: Visitor, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """``recovery_codes._matches``: a position that no code has takes as long as one that is there, and so does no one."""
    create(person)
    asked: list[str] = []
    encode = recovery_codes._Hasher.encode

    def counted(self: Any, password: str, *args: Any) -> str:
        asked.append(password)
        return encode(self, password, *args)

    monkeypatch.setattr(recovery_codes._Hasher, "encode", counted)
    for identity in (CognitoIdentity.objects.get(), None):
        asked.clear()
        with pytest.raises(BadCode):
            recovery_codes.check(identity, SecretText(first + "0" * 15))
        assert len(asked) == 1


@pytest.mark.real_hashes
def test_who_copies_the_database_has_to_hash_each_guess_fifty_thousand_times(
    person: Visitor,
) -> None:
    create(person)
    rounds = {tuple(row.digest.split("$")[:2]) for row in RecoveryCode.objects.all()}
    assert rounds == {("pbkdf2_sha256", "50000")}


def test_every_code_of_a_set_is_another_and_has_its_own_salt(person: Visitor) -> None:
    codes = create(person)
    assert len({code[1:] for code in codes}) == 10
    salts = {row.digest.split("$")[2] for row in RecoveryCode.objects.all()}
    assert len(salts) == 10


# ------------------------------------------------------------------------------------- many at once


@pytest.mark.over_api
def test_one_code_is_used_up_by_one_of_two_requests(person: Visitor) -> None:
    """``recovery_codes.claim``: an update of a row that is unused, and of no other."""
    create(person)
    row = RecoveryCode.objects.first()
    assert row is not None
    recovery_codes.claim(row)
    with pytest.raises(BadCode):
        recovery_codes.claim(row)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one write at a time")
@pytest.mark.django_db(transaction=True)
def test_two_browsers_send_one_code_at_the_same_time(pool: LocalPool, visitor: Visitor) -> None:
    """``recovery.start``: ``since`` under the lock of the identity, and ``claim``."""
    visitor.set_up()
    codes = create(visitor)
    browsers = [after_password(visitor) for _ in range(4)]
    answers: list[str] = []

    def post() -> None:
        answers.append(recover(browsers.pop(), codes[0]).headers.get("Location", ""))

    in_threads(4, post)
    assert MFAReset.objects.count() == 1
    assert MFAEvent.objects.filter(kind="RECOVERY_CODE_USED").count() == 1
    assert CognitoIdentity.objects.get().recovery_codes.unused().count() == 9


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite lets one write at a time")
@pytest.mark.django_db(transaction=True)
def test_sets_that_are_created_at_the_same_time_leave_one(
    pool: LocalPool, visitor: Visitor
) -> None:
    """``recovery_codes.create``: the lock of the identity, and one row for each position."""
    visitor.set_up()
    cookies = visitor.client.cookies

    def post() -> None:
        client = Client()
        client.cookies = cookies
        assert client.post(CODES).status_code == 302

    in_threads(4, post)
    assert RecoveryCode.objects.count() == 10
    assert len(set(RecoveryCode.objects.values_list("position", flat=True))) == 10


def test_no_page_shows_the_codes_of_a_set_that_another_request_replaced(person: Visitor) -> None:
    """``recovery_codes.create`` names the set under the lock: later it would be the last one's set."""
    twin = person.same_browser()

    def create_another(**_given: Any) -> None:
        signals.recovery_codes_created.disconnect(create_another)
        twin.post(CODES)

    signals.recovery_codes_created.connect(create_another)
    person.post(CODES)
    assert MFAEvent.objects.filter(kind="RECOVERY_CODES_CREATED").count() == 2
    for code in shown(person):
        recovery_codes.check(CognitoIdentity.objects.get(), SecretText(code.replace("-", "")))


def test_requests_at_the_same_time_are_limited_as_well(
    person: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``_refuse_if_too_many`` under the lock of the identity: what others created since counts."""
    make = recovery_codes._new_code

    def others_in_between(position: int) -> SecretText:
        if position == 0:
            identity = CognitoIdentity.objects.get()
            for _ in range(recovery_codes.SETS_PER_HOUR):
                MFAEvent.objects.record(MFAEvent.Kind.RECOVERY_CODES_CREATED, identity)
        return make(position)

    monkeypatch.setattr(recovery_codes, "_new_code", others_in_between)
    page = person.text(person.post(CODES, follow=True))
    assert "You’ve created recovery codes too many times" in page
    assert not RecoveryCode.objects.exists()


def test_sets_are_limited(person: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    """``recovery_codes._refuse_if_too_many``: each is an email."""
    identity = CognitoIdentity.objects.get()
    for _ in range(recovery_codes.SETS_PER_HOUR):
        MFAEvent.objects.record(MFAEvent.Kind.RECOVERY_CODES_CREATED, identity)
    assert "You’ve created recovery codes too many times" in person.text(
        person.post(CODES, follow=True)
    )
    assert not RecoveryCode.objects.exists()


# ----------------------------------------------------------------------------------- what could leak


def test_no_code_is_in_the_database_the_session_the_log_or_a_mail(
    person: Visitor, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    """``shown_recovery_codes.keep`` encrypts; everything else has hashes and numbers."""
    caplog.set_level(logging.DEBUG)
    with django_capture_on_commit_callbacks(execute=True):
        person.post(CODES)
        codes = shown(person)
        tables = dump()
        person.post(TEXT)
        person.post(SAVED)
        other = after_password(person)
        recover(other, change_last(codes[1]))
        recover(other, codes[0])
    sessions = [session.get_decoded() for session in Session.objects.all()]
    mails = "".join(f"{vars(message)}" for message in mail.outbox)
    events = "".join(map(str, MFAEvent.objects.values_list("detail", "reason")))
    everything = f"{tables}{dump()}{sessions}{mails}{events}{caplog.text}"
    assert len(codes) == 10
    for code in codes:
        for form in (code, code.replace("-", ""), code.replace("-", "").lower()):
            assert form not in everything


def dump() -> str:
    """Return every cell of every table of the site, and what sessions hold."""
    sessions = [session.get_decoded() for session in Session.objects.all()]
    tables = connection.introspection.table_names()
    cells: list[Any] = []
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - our own tables
            cells += cursor.fetchall()
    return f"{sessions}{cells}"


def test_no_url_has_a_code(person: Visitor) -> None:
    codes = create(person)
    other = after_password(person)
    done = recover(other, codes[0])
    assert not SHOWN.search(done.url)
    assert other.get(f"{RECOVER}?code={codes[1]}").status_code == 302
    assert CognitoIdentity.objects.get().recovery_codes.unused().count() == 9


def test_a_wrong_code_is_not_shown_again(person: Visitor) -> None:
    codes = create(person)
    other = after_password(person)
    page = other.text(recover(other, change_last(codes[0])))
    assert change_last(codes[0]) not in page
    assert change_last(codes[0]).replace("-", "") not in page


def test_a_report_of_a_failure_shows_no_code(
    person: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``SecretText`` on the way in, ``Placeholders`` on the way out."""
    from django.views.debug import ExceptionReporter

    person.client.raise_request_exception = False
    reports: list[str] = []

    def keep(self: Any) -> str:
        reports.append(text(self))
        return reports[-1]

    text = ExceptionReporter.get_traceback_html
    monkeypatch.setattr(ExceptionReporter, "get_traceback_html", keep)
    monkeypatch.setattr("django.conf.settings.DEBUG", True)

    def fail(*_args: Any, **_given: Any) -> Any:
        raise RuntimeError("something broke")

    person.post(CODES)
    codes = shown(person)
    with monkeypatch.context() as patch:
        patch.setattr("cognito_mfa.templatetags.cognito_mfa.register", None)
        patch.setattr("django.template.defaulttags.NowNode.render", fail)
        assert person.get(CODES).status_code == 500
        assert person.post(TEXT).status_code == 500
    other = after_password(person)
    other.client.raise_request_exception = False
    with monkeypatch.context() as patch:
        patch.setattr(recovery, "start", fail)
        assert recover(other, codes[0]).status_code == 500
    assert len(reports) == 3
    for report in reports:
        for code in codes:
            assert code not in report
            assert code.replace("-", "") not in report


def test_staff_see_no_code(person: Visitor) -> None:
    """Neither a page of the admin nor a command names one; the model has no permission of its own."""
    from django.contrib import admin
    from django.contrib.auth.models import Permission

    create(person)
    assert RecoveryCode not in admin.site._registry
    assert not Permission.objects.filter(content_type__model="recoverycode").exists()
    call_command("cognito_mfa_report", "--dry-run")


def test_groups_are_of_four() -> None:
    assert grouped("0123456789ABCDEF") == "0123-4567-89AB-CDEF"


def test_a_recovered_session_is_proven_by_nothing(person: Visitor) -> None:
    """The generation moves with the event: the session that was open is asked again."""
    codes = create(person)
    recover(after_password(person), codes[0])
    request = person.get("/private/").wsgi_request
    assert not is_proven(request, request.user)
    assert CognitoIdentity.objects.filter(pool_id=POOL_ID, status="NOT_SET_UP").count() == 1
