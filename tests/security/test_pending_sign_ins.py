"""What was begun before a reset, a replacement or a removal is over: at every step, in every purpose, with
every boto3, and whatever the clocks of the site's servers say."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa.authenticator import exemptions, links, reset, status, transitions
from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.exceptions import LinkRefused
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import (
    CodeFailures,
    CognitoIdentity,
    MFAEvent,
    MFAReset,
    SoftwareToken,
    new_nonce,
)
from tests.security import old_boto3
from tests.security.during_calls import while_cognito_answers
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor
from tests.ways_in import WAYS, ByApi, use_api

pytestmark = pytest.mark.django_db
SIGN_IN, NEW_PASSWORD, CHALLENGE, SETUP, DEVICE, REPLACE, REMOVE = (
    f"cognito_mfa:{name}"
    for name in (
        "sign_in", "new_password", "challenge", "setup", "device", "device_replace", "device_remove"
    )
)  # fmt: skip
DAY = 86400
EPOCH = dt.datetime.fromtimestamp(0, tz=dt.UTC)
ADDRESS = "newcomer@example.com"
TEMPORARY, CHOSEN = "Temporary-Horse-8", "My-own-Horse-9"

Finish = Callable[[], Any]
Begin = Callable[["Person"], Finish]


def make_pool(cognito: LocalCognito, mfa: str) -> LocalPool:
    """A pool in which people sign in by their verified address as well."""
    pool = cognito.create_pool(POOL_ID, mfa=mfa, alias_attributes=["email"])
    pool.create_client(CLIENT_ID)
    attributes = {"email": ADDRESS, "email_verified": "true"}
    pool.create_user("newcomer", password=PASSWORD, attributes=attributes)
    return pool


@pytest.fixture(params=["ON", "OPTIONAL"])
def pool(request: pytest.FixtureRequest, cognito: LocalCognito) -> LocalPool:
    return make_pool(cognito, request.param)


class Person(Visitor):
    """A user on a site whose policy the test changes."""

    site: Settings

    @property
    def pool_requires(self) -> bool:
        return self.cognito.pool(POOL_ID).state.mfa == "ON"

    def site_requires(self, rule: object) -> None:
        self.site.COGNITO_MFA = {**self.site.COGNITO_MFA, "REQUIRED": rule}


class PersonByApi(Person, ByApi):
    """The same with a front end."""


def new_person(cognito: LocalCognito, settings: Settings, way: str = "pages") -> Person:
    use_api(way, settings)
    person = (PersonByApi if way == "api" else Person)(Client(), cognito)
    person.site = settings
    return person


@pytest.fixture
def person(
    request: pytest.FixtureRequest,
    db: None,
    pool: LocalPool,
    cognito: LocalCognito,
    settings: Settings,
) -> Person:
    """A user with an authenticator, signed in; the site leaves removing it to people."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "ALLOW_REMOVE": True}
    person = new_person(cognito, settings, getattr(request, "param", "pages"))
    person.come_with_app(friendly_name="Old phone")
    return person


# -------------------------------------------------------------------------------- each step, begun


def at_the_code(visitor: Person, *, name: str = "newcomer", **query: str) -> Finish:
    visitor.sign_out()
    sign_in = reverse(SIGN_IN)
    answer = visitor.post(sign_in, {"username": name, "password": PASSWORD, **query})
    assert answer.url == reverse(CHALLENGE)
    return visitor.enter_code


def at_the_code_by_address(visitor: Person) -> Finish:
    return at_the_code(visitor, name=ADDRESS)


def at_the_code_to_set_up(visitor: Person) -> Finish:
    return at_the_code(visitor, setup="1")


def at_the_new_password(visitor: Person) -> Finish:
    visitor.sign_out()
    pool = visitor.cognito.pool(POOL_ID)
    visitor.cognito.client().admin_set_user_password(
        UserPoolId=pool.id, Username="newcomer", Password=TEMPORARY, Permanent=False
    )
    assert visitor.sign_in(password=TEMPORARY).url == reverse(NEW_PASSWORD)
    data = {"new_password1": CHOSEN, "new_password2": CHOSEN}
    return lambda: visitor.post(reverse(NEW_PASSWORD), data)


def at_the_choice(visitor: Person) -> Finish:
    """Cognito asks which of two factors; the choice leads to a code."""
    visitor.sign_out()
    user = visitor.cognito.pool(POOL_ID).user("newcomer")
    visitor.cognito.pool(POOL_ID).state.sms = True
    user.attributes |= {"phone_number": "+15555550123", "phone_number_verified": "true"}
    user.enabled_factors.append("SMS_MFA")
    user.preferred_factor = None
    assert visitor.sign_in().url == reverse(CHALLENGE)
    return lambda: visitor.post(reverse(CHALLENGE), {"factor": "SOFTWARE_TOKEN_MFA"})


def replacing_at_the_code(visitor: Person) -> Finish:
    assert visitor.post(reverse(REPLACE), {"password": PASSWORD}).url == reverse(CHALLENGE)
    return visitor.enter_code


def replacing_at_the_picture(visitor: Person) -> Finish:
    replacing_at_the_code(visitor)()
    visitor.scan()
    return lambda: visitor.confirm_setup(friendly_name="Another phone")


def removing_at_the_code(visitor: Person) -> Finish:
    visitor.site_requires(False)
    assert visitor.post(reverse(REMOVE), {"password": PASSWORD}).url == reverse(CHALLENGE)
    return visitor.enter_code


BEGUN: list[Begin] = [
    at_the_code,
    at_the_code_by_address,
    at_the_code_to_set_up,
    at_the_new_password,
    at_the_choice,
    replacing_at_the_code,
    replacing_at_the_picture,
    removing_at_the_code,
]


# --------------------------------------------------------------------------------- what happens in the meantime


def identity() -> CognitoIdentity:
    return CognitoIdentity.objects.get(username="newcomer")


def reset_with_the_newest_boto3(visitor: Person) -> None:
    if not has_operation("AdminDeleteSoftwareToken"):
        pytest.skip("the installed boto3 is not the newest")
    assert reset.run(reset.request(identity(), actor=None, reason="lost")).finished_at


def reset_with_an_old_boto3(visitor: Person) -> None:
    """In a pool that requires MFA it cannot be finished, which is shown; it counts all the same."""
    before = visitor.site.COGNITO_MFA
    visitor.site.COGNITO_MFA = {**before, "CLIENT_FACTORY": old_boto3.FACTORY}
    assert not has_operation("AdminDeleteSoftwareToken")
    assert not has_operation("AdminGetUserAuthFactors")
    done = reset.run(reset.request(identity(), actor=None, reason="lost"))
    required = visitor.pool_requires
    assert (done.finished_at is None) == required
    visitor.site.COGNITO_MFA = before


def reset_that_is_only_asked_for(visitor: Person) -> None:
    reset.request(identity(), actor=None, reason="lost")


def replaced_in_another_browser(visitor: Person) -> None:
    other = in_another_browser(visitor)
    other.post(reverse(REPLACE), {"password": PASSWORD})
    other.cognito.clock.advance(30)
    other.enter_code()
    other.scan()
    other.cognito.clock.advance(30)
    assert other.confirm_setup(friendly_name="New phone").url == reverse("cognito_mfa:setup_done")


def removed_in_another_browser(visitor: Person) -> None:
    if visitor.pool_requires:
        pytest.skip("a pool that requires MFA lets nobody remove it")
    other = in_another_browser(visitor)
    visitor.site_requires(False)
    other.post(reverse(REMOVE), {"password": PASSWORD})
    other.cognito.clock.advance(30)
    assert other.enter_code().url == reverse(DEVICE)
    visitor.site_requires("everyone")


def a_status_that_says_it_is_gone(visitor: Person) -> None:
    user = visitor.cognito.pool(POOL_ID).user("newcomer")
    user.software_token, user.preferred_factor = None, None
    user.enabled_factors.clear()
    user.pending_secret = None
    if visitor.pool_requires:
        visitor.cognito.pool(POOL_ID).state.mfa = "OPTIONAL"
    assert status.refresh_status(identity()) == "NOT_SET_UP"


def the_user_was_deleted_in_the_pool_and_made_anew(visitor: Person) -> None:
    admin = visitor.cognito.client()
    admin.admin_delete_user(UserPoolId=POOL_ID, Username="newcomer")
    attributes = {"email": ADDRESS, "email_verified": "true"}
    visitor.cognito.pool(POOL_ID).create_user("newcomer", password=PASSWORD, attributes=attributes)


def the_user_was_deleted_here(visitor: Person) -> None:
    get_user_model().objects.all().delete()


def the_link_ended(visitor: Person) -> None:
    links.unlink(identity(), actor=None, reason="Ticket 7")


def the_link_moved_to_another_user(visitor: Person) -> None:
    pool_user = links.find_in_pool(username="newcomer")
    other = get_user_model().objects.create_user("other")
    links.link(other, pool_user, actor=None, reason="Ticket 7", move=True)


def the_database_was_restored(visitor: Person) -> None:
    """To a generation that has the same number, and is another one."""
    CognitoIdentity.objects.update(nonce=new_nonce())


def a_namesake_was_linked_and_reset(visitor: Person) -> None:
    """Whose row is the newest of that name, so that the code is theirs, for all that the challenge tells."""
    user = get_user_model().objects.create_user("namesake")
    names = {"pool_id": POOL_ID, "sub": "another", "username": "newcomer"}
    reset.request(CognitoIdentity.objects.create(user=user, **names), actor=None, reason="lost")


MEANWHILE: list[Callable[[Person], None]] = [
    reset_with_the_newest_boto3,
    reset_with_an_old_boto3,
    reset_that_is_only_asked_for,
    replaced_in_another_browser,
    removed_in_another_browser,
    a_status_that_says_it_is_gone,
    the_user_was_deleted_in_the_pool_and_made_anew,
    the_user_was_deleted_here,
    the_link_ended,
    the_link_moved_to_another_user,
    the_database_was_restored,
]


def in_another_browser(visitor: Person) -> Visitor:
    """The same person with the same app, signed in elsewhere."""
    user = visitor.cognito.pool(POOL_ID).user("newcomer")
    assert user.software_token
    if user.preferred_factor is None:  # the step of the choice
        user.enabled_factors.remove("SMS_MFA")
    if user.status != "CONFIRMED":
        pytest.skip("the other browser would meet the same temporary password")
    other = Visitor(Client(), visitor.cognito)
    other.secret = user.software_token.secret
    other.cognito.clock.advance(30)
    CodeFailures.objects.update(
        last_at=EPOCH
    )  # how the counter takes a clock that jumped is another test's
    other.sign_in()
    other.enter_code()
    assert other.is_in()
    other.cognito.clock.advance(30)
    return other


def rows() -> list[Any]:
    people = CognitoIdentity.objects.order_by("pk").values_list("pk", "generation", "status")
    tokens = SoftwareToken.objects.order_by("pk").values_list("pk", "retired_at", "friendly_name")
    return [*people, *tokens, MFAEvent.objects.count()]


class Clock:
    """The site's clock, which jumps; Cognito's does not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cognito: LocalCognito) -> None:
        self._ahead, self._cognito, true = 0.0, cognito, time.time
        monkeypatch.setattr(time, "time", lambda: true() + self._ahead)
        monkeypatch.setattr(
            timezone, "now", lambda: dt.datetime.fromtimestamp(time.time(), tz=dt.UTC)
        )

    def jump(self, seconds: float) -> None:
        self._ahead += seconds
        self._cognito.clock.advance(-seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, cognito: LocalCognito) -> Clock:
    return Clock(monkeypatch, cognito)


ALSO_BY_API = (reset_that_is_only_asked_for, replaced_in_another_browser, the_user_was_deleted_here)
# Every step with everything that may happen; clocks and the other kind of pool with some of them.
CELLS = [
    pytest.param(
        mfa,
        way,
        begin,
        meanwhile,
        jump,
        id=f"{way}-{mfa}-{begin.__name__}-{meanwhile.__name__}-{jump}",
    )
    for begin in BEGUN
    for meanwhile in MEANWHILE
    for way, mfa, jump in (
        ("pages", "OPTIONAL", 0),
        ("api", "OPTIONAL", 0),
        ("pages", "ON", 0),
        ("pages", "OPTIONAL", DAY),
        ("pages", "OPTIONAL", -DAY),
    )
    if (mfa, jump) == ("OPTIONAL", 0) or begin in (at_the_code, replacing_at_the_picture)
    if way == "pages" or meanwhile in ALSO_BY_API
]


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("pool", "person", "begin", "meanwhile", "jump"), CELLS, indirect=["pool", "person"]
)
def test_a_step_that_was_begun_before_is_over(
    begin: Begin,
    meanwhile: Callable[[Person], None],
    jump: float,
    person: Person,
    clock: Clock,
) -> None:
    """Whatever happened, and whatever the clock of the server says on which it happened: start again, nothing
    is written down, and Cognito is not told the code.

    Turns red without the ``is_outdated`` in ``subject.check_current``.
    """
    if begin is removing_at_the_code and person.pool_requires:
        pytest.skip("a pool that requires MFA lets nobody remove it")
    finish = begin(person)
    clock.jump(jump)
    meanwhile(person)
    clock.jump(-jump)
    before = rows()
    person.cognito.clock.advance(31)
    person.cognito.forget_calls()

    answer = finish()

    assert answer.status_code == 302
    assert answer.url.startswith((reverse(SIGN_IN), reverse(DEVICE)))
    assert rows() == before
    person.site_requires("everyone")
    if meanwhile is the_user_was_deleted_in_the_pool_and_made_anew:
        # Nothing tells this site; Cognito's own session string is what refuses.
        assert person.cognito.operations() != []
        return
    assert person.cognito.operations() == []
    assert not person.is_in()


AT_A_CODE = [at_the_code, at_the_code_by_address, replacing_at_the_code, removing_at_the_code]


@pytest.mark.parametrize(
    "meanwhile",
    [reset_that_is_only_asked_for, the_link_ended, a_namesake_was_linked_and_reset],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("begin", AT_A_CODE, ids=lambda f: f.__name__)
def test_what_happens_right_before_the_code_is_counted_ends_the_sign_in(
    begin: Begin, meanwhile: Callable[[Person], None], person: Person
) -> None:
    """The condition of the count, and no row that was read before: ``ExpectedIdentity.is_current``.

    Who signs in by name or address is found by the name alone, so that a namesake counts; who changes something is known.
    """
    finish = begin(person)
    person.cognito.clock.advance(31)
    person.cognito.forget_calls()

    def happen_then(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not happened and sql.startswith('UPDATE "cognito_mfa_codefailures"'):
            happened.append(True)
            meanwhile(person)
        return execute(sql, params, many, context)

    happened: list[bool] = []
    with connection.execute_wrapper(happen_then):
        answer = finish()
    assert happened
    if meanwhile is a_namesake_was_linked_and_reset and begin not in AT_A_CODE[:2]:
        assert person.cognito.operations()[0] == "RespondToAuthChallenge"
        return
    assert answer.url.startswith((reverse(SIGN_IN), reverse(DEVICE)))
    assert person.cognito.operations() == []
    assert not CodeFailures.objects.filter(failures__gt=0).exists()


def test_the_pool_of_the_site_is_another_one_in_the_meantime(person: Person) -> None:
    finish = at_the_code(person)
    person.cognito.clock.advance(31)
    person.cognito.forget_calls()
    person.site.COGNITO_MFA = {**person.site.COGNITO_MFA, "USER_POOL_ID": "us-east-1_Other0000"}
    assert finish().url.startswith(reverse(SIGN_IN))
    assert person.cognito.operations() == []


def test_a_former_users_row_is_not_counted_for_who_has_the_name_now(person: Person) -> None:
    """A row that is recorded as gone no longer says whose code it is."""
    at_the_code(person)
    person.cognito.clock.advance(31)
    CognitoIdentity.objects.update(status=CognitoIdentity.Status.GONE)
    assert person.enter_code(person.wrong_code()).status_code == 200
    assert CodeFailures.objects.get(failures=1).sub == ""
    assert not MFAEvent.objects.filter(kind=MFAEvent.Kind.CODE_REJECTED).exists()


@pytest.mark.parametrize("meanwhile", [the_link_ended, reset_that_is_only_asked_for])
def test_a_wrong_code_counts_whatever_happened_while_cognito_looked_at_it(
    meanwhile: Callable[[Person], None], person: Person
) -> None:
    """The row is read only after the answer: ``subject.read_expected``."""
    at_the_code(person)
    person.cognito.clock.advance(31)
    person.cognito.forget_calls()

    def happen_then(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not happened and person.cognito.operations():
            happened.append(True)
            meanwhile(person)
        return execute(sql, params, many, context)

    happened: list[bool] = []
    with connection.execute_wrapper(happen_then):
        assert person.enter_code(person.wrong_code()).status_code == 200
    assert happened
    assert CodeFailures.objects.get(failures=1).sub
    rejected = MFAEvent.objects.filter(kind=MFAEvent.Kind.CODE_REJECTED)
    assert rejected.count() == (meanwhile is not the_link_ended)


@pytest.mark.parametrize("begin", BEGUN, ids=lambda f: f.__name__)
def test_an_exemption_in_the_meantime_changes_nothing(begin: Begin, person: Person) -> None:
    """It is about the policy, which is asked at the end, and about no authenticator: the step goes on."""
    if begin is removing_at_the_code and person.pool_requires:
        pytest.skip("a pool that requires MFA lets nobody remove it")
    finish = begin(person)
    until = timezone.now() + dt.timedelta(days=1)
    exemptions.grant(identity().user, until=until, reason="broken phone", actor=None)
    person.cognito.clock.advance(31)
    answer = finish()
    assert answer.status_code == 302
    assert not answer.url.startswith(reverse(SIGN_IN))


# ----------------------------------------------------------------- while Cognito answers, and new people


def a_reset() -> None:
    reset.request(identity(), actor=None, reason="lost")


@pytest.mark.parametrize(
    ("begin", "operation"),
    [
        (at_the_code, "RespondToAuthChallenge"),
        (at_the_code_by_address, "RespondToAuthChallenge"),
        (at_the_code_to_set_up, "RespondToAuthChallenge"),
        (replacing_at_the_code, "RespondToAuthChallenge"),
        (replacing_at_the_picture, "VerifySoftwareToken"),
        (replacing_at_the_picture, "SetUserMFAPreference"),
        (removing_at_the_code, "RespondToAuthChallenge"),
        (removing_at_the_code, "SetUserMFAPreference"),
    ],
)
@pytest.mark.parametrize("person", WAYS, indirect=True)
def test_a_reset_while_cognito_answers_is_not_overwritten(
    begin: Begin, operation: str, person: Person
) -> None:
    """Turns red without both comparisons in ``completion.identify``; for what is changed at Cognito already,
    without ``since`` in ``CognitoIdentity.invalidate_proofs``."""
    if begin is removing_at_the_code and person.pool_requires:
        pytest.skip("a pool that requires MFA lets nobody remove it")
    finish = begin(person)
    person.cognito.clock.advance(31)
    while_cognito_answers(person, operation, a_reset)

    finish()

    person.site_requires("everyone")
    assert not person.is_in()
    assert MFAReset.objects.get().finished_at is None
    assert not MFAEvent.objects.filter(
        kind__in=["SOFTWARE_TOKEN_REMOVED"], pk__gt=MFAEvent.objects.get(kind="RESET_REQUESTED").pk
    ).exists()


def test_a_user_deleted_here_while_cognito_answers_is_not_made_anew(person: Person) -> None:
    """Turns red without ``Snapshot.lacks`` in ``completion.identify``."""
    finish = at_the_code(person)
    person.cognito.clock.advance(31)
    while_cognito_answers(
        person, "RespondToAuthChallenge", lambda: the_user_was_deleted_here(person)
    )
    assert finish().url.startswith(reverse(SIGN_IN))
    assert not get_user_model().objects.exists()


@pytest.mark.parametrize("person", WAYS, indirect=True)
@pytest.mark.parametrize("name", ["newcomer", ADDRESS])
def test_a_reset_while_cognito_looks_at_the_password_counts(name: str, person: Person) -> None:
    """Turns red when the snapshot is taken after the answer, in ``flows.start_sign_in``."""
    person.sign_out()
    person.cognito.clock.advance(31)
    while_cognito_answers(person, "InitiateAuth", a_reset)
    person.sign_in(name)
    person.enter_code()
    assert not person.is_in()


@pytest.mark.parametrize("name", ["newcomer", ADDRESS])
@pytest.mark.parametrize("late", [False, True], ids=["before the code", "while Cognito answers"])
def test_a_first_set_up_with_the_old_password_is_over(
    name: str, late: bool, pool: LocalPool, visitor: Visitor
) -> None:
    """The owner has never signed in here, so that no row tells of it: ``Snapshot.is_outdated_for_newcomer``.

    Turns red without it in ``subject.check_current``, or in ``completion.identify``.
    """
    visitor.sign_in(name)
    visitor.scan()
    if late:
        answers = ("VerifySoftwareToken", lambda: the_owner_resets_the_password(visitor))
        while_cognito_answers(visitor, *answers)
    else:
        the_owner_resets_the_password(visitor)
    visitor.confirm_setup()
    assert not visitor.is_in()
    if not late:  # nothing of theirs is in Cognito either
        owner = Visitor(Client(), visitor.cognito)
        owner.sign_in(password=CHOSEN)
        owner.scan()
        owner.confirm_setup()
        assert owner.is_in()


@pytest.mark.parametrize("had_a_predecessor", [False, True])
def test_also_where_the_site_may_not_ask_whose_password_it_is(
    pool: LocalPool, visitor: Visitor, had_a_predecessor: bool
) -> None:
    """``password_changes.record_doubt_about_stranger``: by the username alone."""
    if had_a_predecessor:
        user = get_user_model().objects.create_user("predecessor")
        named = {"pool_id": POOL_ID, "sub": "gone", "username": "newcomer"}
        CognitoIdentity.objects.create(user=user, status=CognitoIdentity.Status.GONE, **named)
    visitor.cognito.faults.on("AdminGetUser", faults.Error("AccessDeniedException"))
    visitor.sign_in()
    visitor.scan()
    the_owner_resets_the_password(visitor)
    visitor.confirm_setup()
    assert not visitor.is_in()
    owner = Visitor(Client(), visitor.cognito)
    owner.sign_in(password=CHOSEN)
    owner.scan()
    owner.confirm_setup()
    assert owner.is_in()


def the_owner_resets_the_password(visitor: Visitor) -> None:
    owner = Visitor(Client(), visitor.cognito)
    owner.post(reverse("cognito_mfa:password_reset"), {"username": "newcomer"})
    code = visitor.cognito.outbox[-1].code
    data = {"code": code, "new_password1": CHOSEN, "new_password2": CHOSEN}
    owner.post(reverse("cognito_mfa:password_reset_confirm"), data)


@pytest.mark.parametrize("name", ["newcomer", ADDRESS])
def test_of_two_first_set_ups_the_older_is_over(
    name: str, pool: LocalPool, visitor: Visitor
) -> None:
    """No one had a row when they began: events tell. Turns red without them in ``Snapshot.is_outdated_for``."""
    visitor.sign_in(name)
    visitor.scan()
    other = Visitor(Client(), visitor.cognito)
    other.set_up()
    before = rows()
    visitor.cognito.forget_calls()

    visitor.confirm_setup(friendly_name="The older one")

    assert rows()[1:] == before[1:] or pool.state.mfa == "OPTIONAL"
    assert not visitor.is_in()
    assert SoftwareToken.objects.filter(retired_at=None).get().friendly_name == "Phone"


# --------------------------------------------------------------------------- what a reset retired


def old_reset(person: Person) -> MFAReset:
    """What an old boto3 can do: the registration stays in Cognito, and is only turned off."""
    reset_with_an_old_boto3(person)
    return MFAReset.objects.get()


@pytest.fixture
def optional(cognito: LocalCognito) -> LocalPool:
    return make_pool(cognito, "OPTIONAL")


@pytest.fixture
def free(db: None, optional: LocalPool, cognito: LocalCognito, settings: Settings) -> Person:
    """A user with an authenticator in a pool that leaves it to the site."""
    person = new_person(cognito, settings)
    person.come_with_app(friendly_name="Lost phone")
    return person


def test_a_half_done_reset_is_not_undone_by_the_next_sign_in(free: Person) -> None:
    """It turned the authenticator off and stopped before its end, so that the row says ENABLED still.

    Turns red without ``was_removed_or_reset`` in ``missing_challenge.handle``.
    """
    free.sign_out()
    free.cognito.faults.on("AdminUserGlobalSignOut", faults.Unreachable())
    before = free.site.COGNITO_MFA
    free.site.COGNITO_MFA = {**before, "CLIENT_FACTORY": old_boto3.FACTORY}
    assert reset.run(reset.request(identity(), actor=None, reason="lost")).trouble
    free.site.COGNITO_MFA = before
    user = free.cognito.pool(POOL_ID).user("newcomer")
    assert user.software_token
    assert user.enabled_factors == []

    answer = free.sign_in()

    assert answer.url == reverse(SETUP)  # another one is set up
    assert user.enabled_factors == []
    assert "SetUserMFAPreference" not in free.cognito.operations()


def test_an_unknown_status_does_not_bring_back_what_a_reset_retired(free: Person) -> None:
    """Turns red without the retired token in ``transitions.was_removed_or_reset``."""
    free.sign_out()
    assert old_reset(free).finished_at
    identity().record_status(CognitoIdentity.Status.UNKNOWN)

    assert free.sign_in().url == reverse(SETUP)

    assert free.cognito.pool(POOL_ID).user("newcomer").enabled_factors == []


def test_a_link_made_anew_does_not_bring_back_what_a_reset_retired(free: Person) -> None:
    """Turns red without ``_was_linked_before`` in ``transitions.was_removed_or_reset``."""
    free.sign_out()
    assert old_reset(free).finished_at
    user, found = identity().user, links.find_in_pool(username="newcomer")
    links.unlink(identity(), actor=None, reason="x")
    links.link(user, found, actor=None, reason="x")

    assert free.sign_in().url == reverse(SETUP)

    assert free.cognito.pool(POOL_ID).user("newcomer").enabled_factors == []


def ends_the_link() -> None:
    links.unlink(identity(), actor=None, reason="x")


def links_somebody_else() -> None:
    found = links.find_in_pool(username="other")
    links.link(identity().user, found, actor=None, reason="x", move=True)


@pytest.mark.parametrize("act", [ends_the_link, links_somebody_else])
def test_no_unfinished_reset_is_lost_with_a_link(free: Person, act: Callable[[], None]) -> None:
    """The lost phone would work again once the link is made anew. Turns red without ``links.check_resets``."""
    a_reset()
    MFAReset.objects.update(finished_at=None)
    before = identity()
    free.cognito.pool(POOL_ID).create_user("other")
    with pytest.raises(LinkRefused) as refused:
        act()
    assert refused.value.reason == "reset_unfinished"
    assert identity() == before
    before.record_status(CognitoIdentity.Status.GONE)  # then there is no lost phone's code either
    links.unlink(before, actor=None, reason="x")


def test_an_unfinished_reset_makes_no_new_authenticator_of_the_old(free: Person) -> None:
    """The lost phone's code is right as long as Cognito has it. Turns red without the look at unfinished
    resets in ``transitions.reconcile``."""
    free.sign_out()
    a_reset()
    done = MFAReset.objects.get()
    done.token_deleted_at = timezone.now()  # Cognito said so, and did not do it
    done.save()
    identity().retire_token(SoftwareToken.Retired.RESET)
    free.sign_in()
    free.enter_code()
    assert identity().software_token is None


@pytest.mark.parametrize("jump", [0, DAY, -DAY], ids=["true clock", "a day ahead", "a day behind"])
@pytest.mark.parametrize("anew", [True, False])
def test_a_reset_knows_the_new_authenticator_from_the_old_one_by_no_clock(
    anew: bool, jump: float, free: Person, clock: Clock
) -> None:
    """The reset's server has another time than the one on which the person set up.

    Turns red with ``token.verified_at > deleted_at`` in ``reset._is_set_up_anew``.
    """
    free.sign_out()
    free.cognito.faults.on("AdminUserGlobalSignOut", faults.Unreachable())
    clock.jump(jump)
    halfway = reset.run(reset.request(identity(), actor=None, reason="lost"))
    assert halfway.trouble
    clock.jump(-jump)
    free.cognito.faults.clear()
    if anew:
        free.sign_in()
        free.scan()
        free.confirm_setup(friendly_name="New phone")
    clock.jump(jump)

    assert reset.run(MFAReset.objects.get()).finished_at

    token = identity().software_token
    assert (token.friendly_name if token else None) == ("New phone" if anew else None)
    assert bool(free.cognito.pool(POOL_ID).user("newcomer").enabled_factors) == anew


def test_a_finished_reset_moves_the_generation(free: Person) -> None:
    """A user signs in with the lost phone between its beginning and its end: that session is over.

    Turns red without ``invalidate_proofs`` in ``reset._finish``.
    """
    free.sign_out()
    asked = reset.request(identity(), actor=None, reason="lost")
    free.sign_in()
    free.enter_code()
    assert free.is_in()

    assert reset.run(asked).finished_at

    assert not free.is_in()


def test_a_reset_during_the_request_ends_the_proof_that_a_lost_answer_carries_over(
    free: Person,
) -> None:
    """Turns red without ``since`` in ``proof.carry_over``."""
    request: Any = RequestFactory().post("/")
    request.session = free.client.session
    request.user = get_user_model().objects.select_related("cognito_identity").get()
    assert request.user.cognito_identity  # loaded when the request began
    reset.request(identity(), actor=None, reason="lost")

    what = CognitoIdentity.Unconfirmed.SET_UP
    transitions.record_unconfirmed(request, request.user.cognito_identity, what)
    request.session.save()

    assert not free.is_in()


def test_generation_and_event_are_never_one_without_the_other(free: Person) -> None:
    """Anyone who began before is told by one or the other; see ``snapshot``."""
    before = identity().generation
    newest = MFAEvent.objects.first()
    assert newest
    for kind in sorted(MFAEvent.INVALIDATES_PROOFS):
        identity().invalidate_proofs(MFAEvent.Kind(kind))
    identity().invalidate_proofs()
    assert identity().generation == before + len(MFAEvent.INVALIDATES_PROOFS) + 1
    assert MFAEvent.objects.filter(pk__gt=newest.pk).count() == len(MFAEvent.INVALIDATES_PROOFS) + 1
    with pytest.raises(ValueError, match="RENAMED"):
        identity().invalidate_proofs(MFAEvent.Kind.RENAMED)
    places = [
        path.name
        for path in Path("cognito_mfa").rglob("*.py")
        if re.search(r"generation=(?!None)\S*\+|F\(.generation", path.read_text())
        and "migrations" not in path.parts
    ]
    assert places in ([], ["models.py"])
