"""Many at once: what may happen once happens once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError  # noqa: TID253

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller
from tests.local.srp_client import Person

THREADS = 8


def outcomes(calls: Sequence[Callable[[], Any]]) -> Counter[str]:
    """What came of all these calls made at the same moment: error codes, or "ok"."""
    barrier, found, lock = threading.Barrier(len(calls)), Counter[str](), threading.Lock()

    def run(call: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            call()
            outcome = "ok"
        except ClientError as error:
            outcome = error.response["Error"]["Code"]
        with lock:
            found[outcome] += 1

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_one_session_and_one_code_sign_in_once(either: Caller, pool: LocalPool) -> None:
    session, code = either.password("regular")["Session"], pool.code_for("regular")
    found = outcomes([lambda: either.enter_code(session, code)] * THREADS)
    assert found == {"ok": 1, "NotAuthorizedException": THREADS - 1}


def test_one_code_in_many_sessions_signs_in_once(either: Caller, pool: LocalPool) -> None:
    sessions = [either.password("regular")["Session"] for _ in range(THREADS)]
    code = pool.code_for("regular")
    found = outcomes([partial(either.enter_code, session, code) for session in sessions])
    assert found == {"ok": 1, "ExpiredCodeException": THREADS - 1}


def test_calls_wait_for_their_answers_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(THREADS)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        together.wait(timeout=10)

    monkeypatch.setattr("cognito_mfa.local.protocol.time.sleep", sleep)
    cognito = LocalCognito(behavior=Behavior(latency=0.05))
    cognito.create_pool(POOL_ID)
    clients = [cognito.client() for _ in range(THREADS)]
    calls = [partial(boto.describe_user_pool, UserPoolId=POOL_ID) for boto in clients]
    assert outcomes(calls) == {"ok": THREADS}
    assert waits == [0.05] * THREADS


def test_one_setup_is_verified_once(either: Caller, pool: LocalPool) -> None:
    second = either.associate(either.password()["Session"])
    code = pool.pending_code_for("newcomer")
    found = outcomes([lambda: either.verify(second["Session"], code)] * THREADS)
    assert found == {"ok": 1, "NotAuthorizedException": THREADS - 1}


def test_of_many_setups_one_registers(caller: Caller, pool: LocalPool) -> None:
    """Eight browsers, each with a secret of its own: the first to confirm is the one."""
    calls: list[Callable[[], Any]] = []
    for _ in range(THREADS):
        second = caller.associate(caller.password()["Session"])
        code = pool.pending_code_for("newcomer")
        calls.append(partial(caller.verify, second["Session"], code))
    assert outcomes(calls) == {"ok": 1, "NotAuthorizedException": THREADS - 1}


def test_one_name_is_made_once(either_boto: Any, pool: LocalPool) -> None:
    def create() -> Any:
        return either_boto.admin_create_user(
            UserPoolId=POOL_ID, Username="ada", MessageAction="SUPPRESS"
        )

    assert outcomes([create] * THREADS) == {"ok": 1, "UsernameExistsException": THREADS - 1}


def test_guesses_at_the_same_moment_are_all_counted(caller: Caller, pool: LocalPool) -> None:
    """Five are looked at, the others meet the lock."""
    sessions = [caller.password("regular")["Session"] for _ in range(THREADS)]
    near = {pool.code_for("regular", offset=offset) for offset in range(-2, 3)}
    wrong = next(code for code in ("000000", "111111", "222222") if code not in near)
    found = outcomes([partial(caller.enter_code, session, wrong) for session in sessions])
    assert found == {"CodeMismatchException": 5, "NotAuthorizedException": THREADS - 5}


def test_many_people_sign_in_at_once(
    cognito: LocalCognito, either: Caller, pool: LocalPool
) -> None:
    def whole(username: str) -> Callable[[], Any]:
        def sign_in() -> Any:
            session = either.password(username)["Session"]
            return either.enter_code(session, pool.code_for(username), username)

        return sign_in

    usernames = [f"user{number}" for number in range(THREADS)]
    for username in usernames:
        pool.create_user(username, password=PASSWORD)
        pool.register_software_token(username)
    assert outcomes([whole(username) for username in usernames]) == {"ok": THREADS}
    assert Counter(cognito.operations())["RespondToAuthChallenge"] == THREADS


def test_a_claim_of_a_password_wins_once(cognito: LocalCognito, pool: LocalPool) -> None:
    person = Person(cognito, "regular")
    values = person.claim(person.begin())
    found = outcomes([lambda: person.answer(values)] * THREADS)
    assert found == {"ok": 1, "NotAuthorizedException": THREADS - 1}


def test_a_refresh_token_without_grace_is_replaced_once(
    cognito: LocalCognito, optional_pool: LocalPool
) -> None:
    optional_pool.create_client("rotating", rotation_grace=0)
    boto = cognito.client()
    token = Caller(boto, "rotating").password()["AuthenticationResult"]["RefreshToken"]

    def refresh() -> Any:
        return boto.get_tokens_from_refresh_token(RefreshToken=token, ClientId="rotating")

    found = outcomes([refresh] * THREADS)
    assert found == {"ok": 1, "RefreshTokenReuseException": THREADS - 1}


def test_a_code_to_reset_a_password_does_it_once(
    cognito: LocalCognito, caller: Caller, pool: LocalPool
) -> None:
    pool.state.behavior = Behavior(hourly_limits=False)
    pool.user("regular").attributes["email_verified"] = "true"
    caller.boto.forgot_password(ClientId=CLIENT_ID, Username="regular")
    code = cognito.outbox[-1].code

    def confirm(password: str) -> Any:
        return caller.boto.confirm_forgot_password(
            ClientId=CLIENT_ID, Username="regular", ConfirmationCode=code, Password=password
        )

    found = outcomes([partial(confirm, f"Another-Horse-{n}") for n in range(THREADS)])
    assert found == {"ok": 1, "ExpiredCodeException": THREADS - 1}
