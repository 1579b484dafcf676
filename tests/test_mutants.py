"""Lenient Cognitos: each one forgets a single rule, and then an attack of the site's own tests must
succeed, that is: its test must fail. A rule that no test would miss is a rule that no one knows to
hold. Honest people notice nothing, or else it would not be leniency that the attack has found."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import jwt  # noqa: TID253
import pytest

from cognito_mfa.local.errors import CodeMismatchException, ExpiredCodeException
from cognito_mfa.local.operations import (
    challenge_response,
    mfa_answers,
    new_password,
    password_attempts,
    respond_to_challenge,
    sign_in,
    software_token,
)
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules import challenges, claims, directory, keys, lockout, totp
from cognito_mfa.local.rules.passwords import Password, PasswordPolicy
from cognito_mfa.local.rules.sessions import Sessions
from cognito_mfa.local.rules.state import User
from cognito_mfa.local.rules.tokens import Tokens
from tests.journeys import test_later_sign_in as later
from tests.security import test_sign_in as attacks
from tests.visitor import Visitor

Patch = pytest.MonkeyPatch
Mutant = Callable[[Patch], None]
Attack = Callable[..., None]


def any_code(patch: Patch) -> None:
    patch.setattr(totp, "matching_steps", lambda secret, code, at: [totp.step_at(at)])


def any_code_to_set_up(patch: Patch) -> None:
    verify = software_token._verify

    def lenient(context: Any, pool: Any, user: User, secret: str, asked: Any) -> Any:
        right = totp.code_at(secret, totp.step_at(context.clock.now()))
        return verify(context, pool, user, secret, {**asked, "UserCode": right})

    patch.setattr(software_token, "_verify", lenient)


def codes_work_again(patch: Patch) -> None:
    patch.setattr(mfa_answers, "_unused", lambda pool, token, steps: steps[-1])


def a_spent_code_is_merely_wrong(patch: Patch) -> None:
    unused = mfa_answers._unused

    def vague(pool: Any, token: Any, steps: Any) -> int:
        try:
            return unused(pool, token, steps)
        except ExpiredCodeException:
            raise CodeMismatchException("Invalid code received for user") from None

    patch.setattr(mfa_answers, "_unused", vague)


def the_code_of_the_set_up_works_again(patch: Patch) -> None:
    verify = software_token._verify

    def forgetful(context: Any, pool: Any, user: User, secret: str, asked: Any) -> Any:
        answer = verify(context, pool, user, secret, asked)
        if user.software_token is not None:
            user.software_token.used_steps.clear()
        return answer

    patch.setattr(software_token, "_verify", forgetful)


def a_window_of_a_quarter_of_an_hour(patch: Patch) -> None:
    patch.setattr(totp, "TOLERANCE", 30)


def one_key_for_everybody(patch: Patch) -> None:
    patch.setattr(totp, "new_secret", lambda size: "ASDF" * 13)


def old_keys_live_on(patch: Patch) -> None:
    known: set[str] = set()
    matching = totp.matching_steps

    def generous(secret: str, code: str, at: float) -> list[int]:
        known.add(secret)
        return sorted({step for one in known for step in matching(one, code, at)})

    patch.setattr(totp, "matching_steps", generous)


def sessions_work_again(patch: Patch) -> None:
    patch.setattr(Sessions, "spend", lambda self, session: None)


def sessions_never_expire(patch: Patch) -> None:
    patch.setattr(Sessions, "_expiry", lambda self, client: math.inf)


def stages_are_not_looked_at(patch: Patch) -> None:
    """The first session does for VerifySoftwareToken what the second should."""
    setup_session = software_token._setup_session

    def lenient(context: Any, token: str, purpose: str) -> Any:
        session, pool, user = setup_session(context, token, purpose)
        session.secret = session.secret or user.pending_secret or ""
        return session, pool, user

    patch.setattr(Sessions, "require", lambda self, session, purpose: None)
    patch.setattr(software_token, "_setup_session", lenient)


def a_set_up_needs_no_verification(patch: Patch) -> None:
    patch.setattr(Sessions, "require", lambda self, session, purpose: None)
    patch.setitem(
        respond_to_challenge.ANSWERS,
        "MFA_SETUP",
        lambda context, given: challenge_response.finish_with(context, given, "otp"),
    )


def the_user_is_the_requests(patch: Patch) -> None:
    def anybody(session: Any, pool: Any, client: Any, username: str, *, admin: bool) -> Any:
        return directory.user_named(pool, username)

    patch.setattr(respond_to_challenge, "_bound_user", anybody)


def any_clients_session(patch: Patch) -> None:
    bound = respond_to_challenge._bound_user

    def lenient(session: Any, pool: Any, client: Any, username: str, *, admin: bool) -> User:
        session = replace(session, client_id=client.id)
        return bound(session, pool, client, username, admin=admin)

    patch.setattr(respond_to_challenge, "_bound_user", lenient)


def a_set_up_replaces_what_is_there(patch: Patch) -> None:
    setup_session = software_token._setup_session

    def lenient(context: Any, token: str, purpose: str) -> Any:
        session = context.sessions.find(token)
        pool = context.account.pools[session.pool_id]
        user = directory.user_with_sub(pool, session.sub)
        assert user is not None
        with changed(user, software_token=None):
            return setup_session(context, token, purpose)

    patch.setattr(software_token, "_setup_session", lenient)


def required_mfa_is_not_required(patch: Patch) -> None:
    following = challenges.next_factors
    patch.setattr(challenges, "next_factors", lambda pool, user: following(pool, user) or None)


def preferences_are_not_looked_at(patch: Patch) -> None:
    following = challenges.next_factors

    def lenient(pool: Any, user: User) -> list[str] | None:
        return following(pool, user) if pool.mfa == "ON" else None

    patch.setattr(challenges, "next_factors", lenient)


def codes_are_never_locked(patch: Patch) -> None:
    patch.setattr(challenge_response, "check_code_lock", lambda context, user: None)


def nothing_is_ever_locked(patch: Patch) -> None:
    patch.setattr(lockout.Attempts, "locked", lambda self, now: False)


def any_password(patch: Patch) -> None:
    patch.setattr(Password, "matches", lambda self, pool_id, username, password: True)


def any_new_password(patch: Patch) -> None:
    patch.setattr(PasswordPolicy, "check", lambda self, password: None)


def _may_try_as(patch: Patch, **pretended: Any) -> None:
    may_try = password_attempts.check_may_try

    def lenient(context: Any, user: User) -> None:
        with changed(user, **pretended):
            may_try(context, user)

    patch.setattr(password_attempts, "check_may_try", lenient)


def _disabled_people_may_get_tokens(patch: Patch) -> None:
    check = Tokens._check_current

    def lenient(tokens: Tokens, pool: Any, client: Any, user: User) -> None:
        with changed(user, enabled=True):
            check(tokens, pool, client, user)

    patch.setattr(Tokens, "_check_current", lenient)


def disabled_people_may_answer(patch: Patch) -> None:
    _disabled_people_may_get_tokens(patch)
    bound = respond_to_challenge._bound_user

    def lenient(session: Any, pool: Any, client: Any, username: str, *, admin: bool) -> User:
        user = directory.user_named(pool, username)
        with changed(user, enabled=True) if user is not None else nullcontext():
            return bound(session, pool, client, username, admin=admin)

    patch.setattr(respond_to_challenge, "_bound_user", lenient)


def disabled_people_may_sign_in(patch: Patch) -> None:
    _may_try_as(patch, enabled=True)
    disabled_people_may_answer(patch)


def unconfirmed_people_may_sign_in(patch: Patch) -> None:
    _may_try_as(patch, status="CONFIRMED")


def invitations_never_expire(patch: Patch) -> None:
    after = password_attempts.after_password

    def lenient(context: Any, pool: Any, client: Any, user: User, **more: Any) -> Any:
        user.temporary_password_until = None
        return after(context, pool, client, user, **more)

    patch.setattr(password_attempts, "after_password", lenient)


def an_invitation_is_good_for_everybody(patch: Patch) -> None:
    answer = new_password.answer_new_password

    def lenient(context: Any, given: Any) -> Any:
        given.user.status = "FORCE_CHANGE_PASSWORD"
        return answer(context, given)

    patch.setitem(respond_to_challenge.ANSWERS, "NEW_PASSWORD_REQUIRED", lenient)


def a_clients_secret_is_not_asked_for(patch: Patch) -> None:
    for module in (sign_in, respond_to_challenge):
        patch.setattr(module, "check_secret_hash", lambda client, values, username: None)


def signatures_are_not_looked_at(patch: Patch) -> None:
    def believing(key: Any, token: str) -> Any:
        return jwt.decode(token, options={"verify_signature": False})

    patch.setattr(keys, "verified_claims", believing)


def a_code_works_once(pool: LocalPool, visitor: Visitor) -> None:
    later.test_a_code_works_once(attacks.enrolled(visitor))


def an_early_code_opens_nothing(pool: LocalPool, visitor: Visitor) -> None:
    attacks.test_a_code_of_another_time_opens_nothing(pool, visitor, steps=20)


#: Each rule that is forgotten, and the attack that must then succeed.
LENIENT: list[tuple[Mutant, Attack]] = [
    (any_code, attacks.test_a_guessed_code_opens_nothing),
    (any_code, attacks.test_another_persons_phone_opens_nothing),
    (any_code_to_set_up, attacks.test_a_guessed_code_sets_nothing_up),
    (codes_work_again, attacks.test_a_code_read_over_the_shoulder_is_spent),
    (a_spent_code_is_merely_wrong, a_code_works_once),
    (the_code_of_the_set_up_works_again, attacks.test_the_code_of_the_set_up_is_spent),
    (a_window_of_a_quarter_of_an_hour, an_early_code_opens_nothing),
    (one_key_for_everybody, attacks.test_no_two_people_get_the_same_key),
    (old_keys_live_on, attacks.test_an_old_authenticator_is_worthless_once_replaced),
    (sessions_work_again, attacks.test_a_copied_session_cannot_be_answered_again),
    (sessions_never_expire, attacks.test_a_sign_in_left_open_closes_by_itself),
    (sessions_never_expire, attacks.test_a_set_up_left_open_closes_by_itself),
    (stages_are_not_looked_at, attacks.test_a_session_from_before_the_key_verifies_nothing),
    (
        a_set_up_needs_no_verification,
        attacks.test_a_verification_that_never_happened_signs_no_one_in,
    ),
    (the_user_is_the_requests, attacks.test_an_answer_for_another_user_is_lost),
    (any_clients_session, attacks.test_a_sign_in_begun_for_another_client_starts_again),
    (
        a_set_up_replaces_what_is_there,
        attacks.test_the_password_alone_cannot_replace_the_authenticator,
    ),
    (
        required_mfa_is_not_required,
        attacks.test_a_pool_that_requires_mfa_is_enough,
    ),
    (preferences_are_not_looked_at, attacks.test_in_an_optional_pool_the_code_is_asked_for_too),
    (codes_are_never_locked, attacks.test_guessing_codes_is_slowed_down_by_cognito_as_well),
    (nothing_is_ever_locked, attacks.test_guessing_passwords_is_slowed_down),
    (any_password, attacks.test_a_wrong_password_opens_nothing),
    (any_new_password, attacks.test_a_weak_password_is_not_taken),
    (disabled_people_may_sign_in, attacks.test_a_disabled_person_stays_out),
    (
        disabled_people_may_answer,
        attacks.test_a_person_disabled_between_password_and_code_stays_out,
    ),
    (unconfirmed_people_may_sign_in, attacks.test_an_unconfirmed_person_stays_out),
    (invitations_never_expire, attacks.test_an_invitation_expires),
    (an_invitation_is_good_for_everybody, attacks.test_an_invitation_is_taken_up_once),
    (a_clients_secret_is_not_asked_for, attacks.test_a_client_that_knows_the_secret_is_needed),
    (signatures_are_not_looked_at, attacks.test_a_token_changed_on_the_way_sets_nothing_up),
]
MUTANTS = list(dict.fromkeys(mutant for mutant, _ in LENIENT))


def name(value: Any) -> str:
    return str(value.__name__)


@pytest.mark.parametrize(("mutant", "attack"), LENIENT, ids=name)
def test_a_lenient_cognito_turns_an_attack_red(
    request: pytest.FixtureRequest, monkeypatch: Patch, mutant: Mutant, attack: Attack
) -> None:
    wanted = inspect.signature(attack).parameters
    arguments = {fixture: request.getfixturevalue(fixture) for fixture in wanted}
    mutant(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        attack(**arguments)


@pytest.mark.parametrize("mutant", MUTANTS, ids=name)
def test_honest_people_do_not_notice(
    monkeypatch: Patch, pool: LocalPool, visitor: Visitor, mutant: Mutant
) -> None:
    mutant(monkeypatch)
    honest(visitor)


def test_a_cognito_that_mistakes_people_lets_no_one_in(
    monkeypatch: Patch, pool: LocalPool, visitor: Visitor
) -> None:
    """Not lenient but hostile: an access token whose subject is another user."""
    victim = pool.create_user("victim")
    attacks.enrolled(visitor)
    access = claims.access
    monkeypatch.setattr(claims, "access", lambda *given: {**access(*given), "sub": victim.sub})
    with pytest.raises(AssertionError):
        honest(visitor, known=True)
    assert not visitor.is_in()


def honest(visitor: Visitor, *, known: bool = False) -> None:
    """Set up, leave, come back."""
    if not known:
        attacks.enrolled(visitor)
    visitor.sign_in()
    visitor.enter_code()
    assert visitor.is_in()


@contextmanager
def changed(user: User, **pretended: Any) -> Generator[None]:
    """The user looks like this, for a moment."""
    before = {field: getattr(user, field) for field in pretended}
    for field, value in pretended.items():
        setattr(user, field, value)
    try:
        yield
    finally:
        for field, value in before.items():
            setattr(user, field, value)
