"""Faults are the same in process and over HTTP, as botocore sees them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import jwt  # noqa: TID253
import pytest
from botocore.config import Config  # noqa: TID253
from botocore.exceptions import (  # noqa: TID253
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from cognito_mfa.local import LocalCognito, faults, tampering
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules.keys import jwks
from tests.local.caller import CLIENT_ID, POOL_ID, USED, Caller, members, refused
from tests.local.conftest import http_client

ONCE = {"total_max_attempts": 1, "mode": "standard"}
#: For answers that come; a slow machine must not look like a fault.
PATIENT = Config(retries=ONCE, connect_timeout=10, read_timeout=30)  # type: ignore[arg-type]
#: For answers that never come.
IMPATIENT = Config(retries=ONCE, connect_timeout=10, read_timeout=0.3)  # type: ignore[arg-type]
ANSWER = "RespondToAuthChallenge"


@pytest.fixture(params=["in process", "over HTTP"])
def caller_with(
    request: pytest.FixtureRequest, cognito: LocalCognito
) -> Iterator[Callable[..., Caller]]:
    """Makes callers with a configuration, in process and over HTTP."""
    if request.param == "in process":
        yield lambda config: Caller(cognito.client(config=config))
        return
    with cognito.serve() as server:
        yield lambda config: Caller(http_client(server.url, config=config))


@pytest.fixture
def either(caller_with: Callable[..., Caller]) -> Caller:
    """A client that never tries again, in process and over HTTP."""
    return caller_with(PATIENT)


@pytest.fixture
def impatient(caller_with: Callable[..., Caller]) -> Caller:
    """The same, and it does not wait either."""
    return caller_with(IMPATIENT)


def until(happened: Callable[[], object]) -> None:
    """Waits for what another thread is about to do; in vain, if it takes half a minute."""
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def read(caller: Caller) -> Any:
    return members(caller.boto.admin_get_user(UserPoolId=POOL_ID, Username="regular"))


def test_an_error_is_answered_and_nothing_executed(
    cognito: LocalCognito, either: Caller, pool: LocalPool
) -> None:
    cognito.faults.on(ANSWER, faults.Error("TooManyRequestsException", "Rate exceeded"))
    session = either.password("regular")["Session"]
    with refused("TooManyRequestsException", "Rate exceeded"):
        either.enter_code(session, pool.code_for("regular"))
    cognito.faults.clear()
    assert "AuthenticationResult" in either.enter_code(session, pool.code_for("regular"))


@pytest.mark.parametrize(
    "fault",
    [
        faults.Error("TooManyRequestsException"),
        faults.Body(b"{}"),
        faults.Body(b"{}", headers={"Date": "Tue, 01 Jan 2030 00:00:00 GMT"}),
    ],
    ids=["error", "body", "with a date of its own"],
)
def test_the_date_is_that_of_the_movable_clock(
    cognito: LocalCognito, either: Caller, pool: LocalPool, fault: Any
) -> None:
    """Unless a fault says another one: the app reads from it how wrong a device's clock is."""
    cognito.clock.set(1_900_000_000)
    cognito.faults.on("AdminGetUser", fault)
    seen: list[str] = []
    events = either.boto.meta.events
    events.register(
        "after-call", lambda http_response, **_: seen.append(http_response.headers["Date"])
    )
    with suppress(ClientError):
        read(either)
    own = dict(getattr(fault, "headers", {})).get("Date")
    assert seen[0] == (own or "Sun, 17 Mar 2030 17:46:40 GMT")


@pytest.mark.parametrize(
    ("code", "status"),
    [("InternalErrorException", 500), ("ThrottlingException", 400), ("Brand.New#Name", 403)],
)
def test_an_error_may_have_any_name_and_status(
    cognito: LocalCognito, either: Caller, pool: LocalPool, code: str, status: int
) -> None:
    cognito.faults.on("AdminGetUser", faults.Error(code, status=status))
    with pytest.raises(ClientError) as caught:
        read(either)
    assert caught.value.response["Error"]["Code"] == code.rpartition("#")[2]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize(
    ("fault", "exception"),
    [(faults.Timeout, ReadTimeoutError), (faults.Reset, ConnectionClosedError)],
)
def test_an_answer_that_never_comes(
    cognito: LocalCognito,
    either: Caller,
    impatient: Caller,
    pool: LocalPool,
    fault: Any,
    exception: type[Exception],
    executed: bool,
) -> None:
    """What was executed is done, although no one was told."""
    session = either.password("regular")["Session"]
    cognito.faults.on(ANSWER, fault(executed=executed), times=1)
    code = pool.code_for("regular")
    caller = impatient if fault is faults.Timeout else either
    with pytest.raises(exception):
        caller.enter_code(session, code)
    until(lambda: cognito.operations()[-1] == ANSWER)
    if executed:
        with refused("NotAuthorizedException", USED):
            either.enter_code(session, code)
        return
    assert "AuthenticationResult" in either.enter_code(session, code)


def test_unreachable_refuses_the_connection_in_process(
    cognito: LocalCognito, pool: LocalPool
) -> None:
    cognito.faults.on("AdminGetUser", faults.Unreachable())
    with pytest.raises(EndpointConnectionError):
        read(Caller(cognito.client(config=PATIENT)))
    assert cognito.operations() == []


def test_unreachable_resets_an_open_connection_over_http(
    cognito: LocalCognito, pool: LocalPool
) -> None:
    cognito.faults.on("AdminGetUser", faults.Unreachable())
    with cognito.serve() as server, pytest.raises(ConnectionClosedError):
        read(Caller(http_client(server.url, config=PATIENT)))
    assert cognito.operations() == []


def test_a_server_can_be_down_for_a_while(cognito: LocalCognito, pool: LocalPool) -> None:
    with cognito.serve() as server:
        caller = Caller(http_client(server.url, config=PATIENT))
        assert read(caller)
        with server.down(), pytest.raises(EndpointConnectionError):
            read(caller)
        assert read(caller)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", {}),
        (b"{}", {}),
        (b"<html>gateway</html>", {}),
        (b'{"Username": "regu', {}),
        (b'{"Username": "somebody"}', {"Username": "somebody"}),
        (b"[1, 2]", AttributeError),
        (b"null", AttributeError),
        (b"\xff\xfe{}", UnicodeDecodeError),
    ],
)
def test_a_body_reaches_botocores_parser_as_it_is(
    cognito: LocalCognito, either: Caller, pool: LocalPool, body: bytes, expected: Any
) -> None:
    """For botocore a 200 with rubbish is an empty success, or no error of its own at all."""
    cognito.faults.on("AdminGetUser", faults.Body(body))
    if isinstance(expected, dict):
        assert read(either) == expected
        return
    with pytest.raises(expected):
        read(either)


def test_a_body_has_any_status_and_headers(
    cognito: LocalCognito, either: Caller, pool: LocalPool
) -> None:
    page = faults.Body(b"<html>", 503, {"content-type": "text/html", "x-amzn-RequestId": None})
    cognito.faults.on("AdminGetUser", page)
    with pytest.raises(ClientError) as caught:
        read(either)
    metadata = caught.value.response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == 503
    assert metadata["HTTPHeaders"]["content-type"] == "text/html"
    assert "x-amzn-requestid" not in metadata["HTTPHeaders"]


def test_a_body_without_its_length_ends_with_the_connection(
    cognito: LocalCognito, either: Caller, pool: LocalPool
) -> None:
    cut = faults.Body(b'{"Username": "regu', headers={"Content-Length": None})
    cognito.faults.on("AdminGetUser", cut)
    assert read(either) == {}


def test_a_truncated_body_was_executed_all_the_same(
    cognito: LocalCognito, either: Caller, pool: LocalPool
) -> None:
    """With today's botocore it is an empty success."""
    session = either.password("regular")["Session"]
    cognito.faults.on(ANSWER, faults.Truncated(), times=1)
    with suppress(ConnectionClosedError):  # botocore before 1.43.127, over HTTP
        assert members(either.enter_code(session, pool.code_for("regular"))) == {}
    with refused("NotAuthorizedException", USED):
        either.enter_code(session, pool.code_for("regular"))


def test_a_reply_stands_in_for_the_answer(
    cognito: LocalCognito, either: Caller, pool: LocalPool
) -> None:
    session = either.password("regular")["Session"]
    cognito.faults.on(ANSWER, faults.Reply({"ChallengeName": "MFA_SETUP"}), times=1)
    answer = members(either.enter_code(session, pool.code_for("regular")))
    assert answer == {"ChallengeName": "MFA_SETUP"}
    with refused("NotAuthorizedException", USED):
        either.enter_code(session, pool.code_for("regular"))


def test_a_reply_need_not_execute(cognito: LocalCognito, either: Caller, pool: LocalPool) -> None:
    cognito.faults.on("AdminDisableUser", faults.Reply({}, executed=False))
    either.boto.admin_disable_user(UserPoolId=POOL_ID, Username="regular")
    assert read(either)["Enabled"] is True


def test_an_edit_is_a_hostile_server(
    cognito: LocalCognito, either: Caller, pool: LocalPool
) -> None:
    """Tokens and a challenge together."""

    def both(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "AuthenticationResult": {"AccessToken": "x"}}

    cognito.faults.on("InitiateAuth", faults.Edit(both))
    answer = either.password("regular")
    assert answer["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    assert answer["AuthenticationResult"] == {"AccessToken": "x"}


def test_an_edit_leaves_errors_alone(
    cognito: LocalCognito, either: Caller, pool: LocalPool
) -> None:
    cognito.faults.on("InitiateAuth", faults.Edit(lambda _: {}))
    with refused("NotAuthorizedException"):
        either.password("regular", "Wrong-Horse-7")


def test_a_delay_is_waited_for(cognito: LocalCognito, either: Caller, pool: LocalPool) -> None:
    cognito.faults.on("AdminGetUser", faults.Delay(0.1))
    started = time.monotonic()
    assert read(either)
    assert time.monotonic() - started >= 0.1


def test_a_long_delay_is_a_timeout(
    cognito: LocalCognito, impatient: Caller, pool: LocalPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cognito_mfa.local.wire.client.time", time)  # other tests have none
    cognito.faults.on("AdminGetUser", faults.Delay(2))
    with pytest.raises(ReadTimeoutError):
        read(impatient)


def test_a_drip_is_no_timeout_however_long_it_takes(
    cognito: LocalCognito, either: Caller, pool: LocalPool
) -> None:
    """Each piece is in time, so no timeout of a socket ends it."""
    cognito.faults.on("AdminGetUser", faults.Drip(0.5))
    started = time.monotonic()
    assert read(either)["Username"] == "regular"
    assert time.monotonic() - started >= 0.5


def test_a_duplicate_is_executed_twice(
    cognito: LocalCognito, either: Caller, pool: LocalPool
) -> None:
    """The second copy is what the caller hears of."""
    session = either.password("regular")["Session"]
    cognito.faults.on(ANSWER, faults.Duplicate())
    cognito.forget_calls()
    with refused("NotAuthorizedException", USED):
        either.enter_code(session, pool.code_for("regular"))
    assert [call.error for call in cognito.calls] == [None, "NotAuthorizedException"]


class TestWhich:
    def test_only_the_operation_named(self, cognito: LocalCognito, boto: Any, pool: Any) -> None:
        cognito.faults.on("AdminGetUser", faults.Error("InternalErrorException"))
        assert boto.list_users(UserPoolId=POOL_ID)["Users"]

    def test_every_operation(self, cognito: LocalCognito, boto: Any, pool: LocalPool) -> None:
        cognito.faults.on("*", faults.Error("ThrottlingException"))
        with refused("ThrottlingException"):
            boto.list_users(UserPoolId=POOL_ID)

    def test_the_nth_call_and_so_often(self, cognito: LocalCognito, pool: LocalPool) -> None:
        caller = Caller(cognito.client(config=PATIENT))
        cognito.faults.on("AdminGetUser", faults.Error("ThrottlingException"), times=2, skip=1)
        outcomes = []
        for _ in range(5):
            try:
                read(caller)
                outcomes.append("ok")
            except ClientError:
                outcomes.append("throttled")
        assert outcomes == ["ok", "throttled", "throttled", "ok", "ok"]

    def test_the_first_that_matches(self, cognito: LocalCognito, boto: Any, pool: Any) -> None:
        cognito.faults.on("ListUsers", faults.Error("ThrottlingException"), times=1)
        cognito.faults.on("*", faults.Error("InternalErrorException", status=500))
        with refused("ThrottlingException"):
            boto.list_users(UserPoolId=POOL_ID)
        with refused("InternalErrorException"):
            boto.list_users(UserPoolId=POOL_ID)

    def test_for_so_long(self, cognito: LocalCognito, pool: LocalPool) -> None:
        """A burst of throttling, by the local Cognito's clock."""
        caller = Caller(cognito.client(config=PATIENT))
        burst = faults.Error("TooManyRequestsException")
        cognito.faults.on("AdminGetUser", burst, seconds=60, skip=1)
        assert read(caller)
        for _ in range(2):
            with refused("TooManyRequestsException"):
                read(caller)
        cognito.clock.advance(60)
        assert read(caller)

    def test_an_unknown_operation_is_a_mistake(self, cognito: LocalCognito) -> None:
        with pytest.raises(ValueError, match="no operation named 'VerifyToken'"):
            cognito.faults.on("VerifyToken", faults.Error("x"))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.Error("ThrottlingException"), "ThrottlingException"),
        (faults.Timeout(executed=False), "Timeout"),
        (faults.Timeout(executed=True), None),
        (faults.Reset(executed=False), "Reset"),
        (faults.Body(b"{}"), "Body"),
        (faults.Body(b"{}", executed=True), None),
        (faults.Reply({}), None),
        (faults.Truncated(), None),
    ],
)
def test_the_log_tells_what_became_of_a_call(
    cognito: LocalCognito, pool: LocalPool, fault: Any, error: str | None
) -> None:
    """So that sends can be counted."""
    cognito.faults.on("AdminGetUser", fault)
    with suppress(Exception):  # whatever the fault makes of it
        read(Caller(cognito.client(config=IMPATIENT)))
    assert [(call.operation, call.error) for call in cognito.calls] == [("AdminGetUser", error)]


def test_botocores_retries_are_counted(cognito: LocalCognito, pool: LocalPool) -> None:
    """Standard mode sends three times, total_max_attempts=1 once."""
    cognito.faults.on("AdminGetUser", faults.Error("InternalErrorException", status=500))
    for attempts in (1, 3):
        cognito.forget_calls()
        config = Config(retries={"total_max_attempts": attempts, "mode": "standard"})
        with refused("InternalErrorException"):
            read(Caller(cognito.client(config=config)))
        assert cognito.operations() == ["AdminGetUser"] * attempts


class Bug:
    """A fault that is broken itself."""

    name = "Bug"

    def play(self, execute: faults.Execute) -> Any:
        raise ZeroDivisionError


def test_a_bug_is_answered_and_logged_over_http(
    cognito: LocalCognito, pool: LocalPool, caplog: pytest.LogCaptureFixture
) -> None:
    cognito.faults.on("AdminGetUser", Bug())
    with cognito.serve() as server, refused("InternalErrorException"):
        read(Caller(http_client(server.url, config=PATIENT)))
    assert "the local Cognito failed" in caplog.text


def test_a_bug_surfaces_in_process(cognito: LocalCognito, pool: LocalPool) -> None:
    cognito.faults.on("AdminGetUser", Bug())
    with pytest.raises(ZeroDivisionError):
        read(Caller(cognito.client(config=PATIENT)))


class TestTampering:
    """A Cognito that lies: well formed, and not to be believed."""

    def said(self, token: str) -> Any:
        return jwt.decode(token, options={"verify_signature": False})

    def test_tokens_and_a_challenge(
        self, cognito: LocalCognito, either: Caller, pool: LocalPool
    ) -> None:
        cognito.faults.on("*", tampering.tokens_and_challenge(pool, "newcomer", CLIENT_ID))
        answer = either.password("regular")
        assert {"ChallengeName", "Session", "AuthenticationResult"} <= set(answer)

    def test_another_users_tokens(
        self, cognito: LocalCognito, either: Caller, optional_pool: LocalPool
    ) -> None:
        lie = tampering.tokens_of(optional_pool, "regular", CLIENT_ID)
        cognito.faults.on("InitiateAuth", lie)
        token = either.password("newcomer")["AuthenticationResult"]["AccessToken"]
        assert self.said(token)["username"] == "regular"
        assert either.boto.get_user(AccessToken=token)["Username"] == "regular"

    @pytest.mark.parametrize("tokens", [("AccessToken",), ("IdToken",), tampering.TOKENS])
    def test_another_sub_with_a_real_signature(
        self,
        cognito: LocalCognito,
        either: Caller,
        optional_pool: LocalPool,
        tokens: tuple[str, ...],
    ) -> None:
        lie = tampering.claims_changed(optional_pool, {"sub": "another"}, tokens=tokens)
        cognito.faults.on("InitiateAuth", lie)
        result = either.password("newcomer")["AuthenticationResult"]
        for name in tampering.TOKENS:
            assert (self.said(result[name])["sub"] == "another") is (name in tokens)
        published = jwt.PyJWKSet.from_dict(jwks(optional_pool.state))
        header = jwt.get_unverified_header(result["AccessToken"])
        key = published[header["kid"]]
        assert jwt.decode(
            result["AccessToken"], key, algorithms=["RS256"], options={"verify_exp": False}
        )

    def test_a_claim_can_be_taken_away(
        self, cognito: LocalCognito, either: Caller, optional_pool: LocalPool
    ) -> None:
        cognito.faults.on("InitiateAuth", tampering.claims_changed(optional_pool, {"sub": None}))
        result = either.password("newcomer")["AuthenticationResult"]
        assert "sub" not in self.said(result["IdToken"])

    def test_a_challenge_passes_as_it_is(
        self, cognito: LocalCognito, either: Caller, pool: LocalPool
    ) -> None:
        cognito.faults.on("InitiateAuth", tampering.claims_changed(pool, {"sub": "another"}))
        assert either.password("regular")["ChallengeName"] == "SOFTWARE_TOKEN_MFA"


def test_every_call_that_arrived_can_be_counted(
    cognito: LocalCognito, either: Caller, pool: LocalPool
) -> None:
    session = either.password("regular")["Session"]
    either.enter_code(session, pool.code_for("regular"))
    assert cognito.operations() == ["InitiateAuth", ANSWER]
    assert cognito.calls[-1].parameters["Session"] == session
    assert session not in repr(cognito.calls)
    cognito.forget_calls()
    assert cognito.operations() == []
