"""Faults (the security document's C.1 and C.4): alike behind both doors, as botocore sees them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore.config import Config  # noqa: TID253
from botocore.exceptions import (  # noqa: TID253
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import POOL_ID, USED, Caller, members, refused
from tests.local.conftest import http_client

IMPATIENT = Config(
    retries={"total_max_attempts": 1, "mode": "standard"}, connect_timeout=1, read_timeout=0.3
)
ANSWER = "RespondToAuthChallenge"


@pytest.fixture(params=["in process", "over HTTP"])
def either(request: pytest.FixtureRequest, cognito: LocalCognito) -> Iterator[Caller]:
    """Both doors, and a client that neither waits nor tries again."""
    if request.param == "in process":
        yield Caller(cognito.client(config=IMPATIENT))
        return
    with cognito.serve() as server:
        yield Caller(http_client(server.url, config=IMPATIENT))


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
    pool: LocalPool,
    fault: Any,
    exception: type[Exception],
    executed: bool,
) -> None:
    """What was executed is done, although nobody was told."""
    session = either.password("regular")["Session"]
    cognito.faults.on(ANSWER, fault(executed=executed), times=1)
    code = pool.code_for("regular")
    with pytest.raises(exception):
        either.enter_code(session, code)
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
        read(Caller(cognito.client(config=IMPATIENT)))
    assert cognito.operations() == []


def test_unreachable_resets_an_open_connection_over_http(
    cognito: LocalCognito, pool: LocalPool
) -> None:
    cognito.faults.on("AdminGetUser", faults.Unreachable())
    with cognito.serve() as server, pytest.raises(ConnectionClosedError):
        read(Caller(http_client(server.url, config=IMPATIENT)))
    assert cognito.operations() == []


def test_a_door_can_be_down_for_a_while(cognito: LocalCognito, pool: LocalPool) -> None:
    with cognito.serve() as server:
        caller = Caller(http_client(server.url, config=IMPATIENT))
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
    """C.1: a 200 with rubbish is an empty success, or no botocore error at all."""
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
    """C.1: with today's botocore an empty "success"."""
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


def test_a_long_delay_is_a_timeout(cognito: LocalCognito, either: Caller, pool: LocalPool) -> None:
    cognito.faults.on("AdminGetUser", faults.Delay(0.4))
    with pytest.raises(ReadTimeoutError):
        read(either)


def test_a_duplicate_is_executed_twice(
    cognito: LocalCognito, either: Caller, pool: LocalPool
) -> None:
    """N27: the second copy is what the caller hears of."""
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
        caller = Caller(cognito.client(config=IMPATIENT))
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
    """C.1: standard mode sends three times, total_max_attempts=1 once."""
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
        read(Caller(http_client(server.url, config=IMPATIENT)))
    assert "the local Cognito failed" in caplog.text


def test_a_bug_surfaces_in_process(cognito: LocalCognito, pool: LocalPool) -> None:
    cognito.faults.on("AdminGetUser", Bug())
    with pytest.raises(ZeroDivisionError):
        read(Caller(cognito.client(config=IMPATIENT)))
