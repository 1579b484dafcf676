"""What a test in another language changes over HTTP: the clock, the behavior, and the faults.

Who may ask is in tests/security/test_local_server.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, EXPIRED, POOL_ID, Caller, refused
from tests.local.conftest import START, http_client
from tests.local.raw import Response, request


class Program:
    """Something that is not Python."""

    def __init__(self, url: str) -> None:
        self.url = url

    def read(self, path: str) -> Any:
        answer = request(self.url, "GET", path)
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        return answer.json()

    def send(self, path: str, values: Any, kind: str = "application/json") -> Response:
        body = values if isinstance(values, bytes) else json.dumps(values)
        return request(self.url, "POST", path, body, {"Content-Type": kind})


@pytest.fixture
def program(cognito: LocalCognito, pool: LocalPool) -> Iterator[Program]:
    with cognito.serve() as server:
        yield Program(server.url)


class TestTheClock:
    def test_a_session_expires_when_it_is_moved(self, program: Program) -> None:
        caller = Caller(http_client(program.url))
        session = caller.password()["Session"]
        assert program.send("/clock", {"advance": 181}).status == 200
        with refused("NotAuthorizedException", EXPIRED):
            caller.associate(session)

    def test_it_says_what_time_it_is(self, program: Program) -> None:
        said = program.read("/clock")
        assert said == {"now": START, "time": "2026-05-28T20:26:40.000+00:00", "ticking": False}
        assert program.send("/clock", {"set": 0}).json()["time"] == "1970-01-01T00:00:00.000+00:00"
        assert program.send("/clock", {"advance": 1.5}).json()["now"] == 1.5
        assert program.send("/clock", {"advance": -0.5}).json()["now"] == 1.0

    def test_it_can_stand_still_and_go_on(self, program: Program, cognito: LocalCognito) -> None:
        assert program.send("/clock", {"ticking": True, "set": 60}).json()["ticking"] is True
        first = cognito.clock.now()
        while cognito.clock.now() == first:
            pass
        assert program.send("/clock", {"ticking": False}).json()["ticking"] is False
        assert 60 <= cognito.clock.now() == cognito.clock.now()

    @pytest.mark.parametrize(
        "values",
        [
            {},
            {"advance": "30"},
            {"advance": True},
            {"advance": None},
            {"advance": 1e300},
            {"advance": -1e12},
            {"set": -1},
            {"set": 1, "advance": 1},
            {"ticking": "yes"},
            {"advanced": 30},
            {"advance": 30, "x": 1},
            [30],
            b"",
            b"{",
            b'{"advance": NaN}',
            b'{"advance": Infinity}',
            b"[" * 100_000,
        ],
    )
    def test_what_is_no_move_moves_nothing(
        self, program: Program, cognito: LocalCognito, values: Any
    ) -> None:
        answer = program.send("/clock", values)
        assert answer.status == 400
        assert answer.json()["error"]
        assert (cognito.clock.now(), cognito.clock.ticking) == (START, False)

    @pytest.mark.parametrize(
        "kind",
        [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/plain; charset=application/json",
            "application/jsonp",
            "",
        ],
    )
    def test_a_body_of_another_type_is_refused(
        self, program: Program, cognito: LocalCognito, kind: str
    ) -> None:
        """These are what a page can send to another site without asking first."""
        assert program.send("/clock", {"advance": 30}, kind).status == 415
        assert cognito.clock.now() == START
        kind = "Application/JSON; charset=utf-8"
        assert program.send("/clock", {"advance": 30}, kind).status == 200


class TestTheBehavior:
    def test_it_is_that_of_the_account_and_of_every_pool(
        self, program: Program, cognito: LocalCognito
    ) -> None:
        other = cognito.create_pool("us-east-1_Other0000", behavior=Behavior(code_after_setup=True))
        answer = program.send("/behaviors", {"acr_and_amr": True, "latency": 0})
        assert answer.json() == asdict(cognito.behavior) == program.read("/behaviors")
        assert other.state.behavior == Behavior(acr_and_amr=True, code_after_setup=True)
        assert cognito.pool(POOL_ID).state.behavior.acr_and_amr is True
        assert cognito.create_pool("us-east-1_Newer0000").state.behavior.acr_and_amr is True

    def test_the_next_call_behaves_so(self, program: Program) -> None:
        boto = http_client(program.url)
        program.send("/behaviors", {"existence_errors_cover_admin_sign_in": True})
        program.send("/behaviors", {"password_failures_before_lock": 1})
        caller = Caller(boto, CLIENT_ID)
        with refused("NotAuthorizedException", "Incorrect username or password."):
            caller.password(password="Wrong-Horse-7")
        with refused("NotAuthorizedException", "Password attempts exceeded"):
            caller.password()

    @pytest.mark.parametrize(
        "values",
        [
            {"nonsense": True},
            {"acr_and_amr": 1},
            {"acr_and_amr": "true"},
            {"latency": -1},
            {"latency": 61},
            {"latency": None},
            {"secret_bytes": 9},
            {"secret_bytes": 32.5},
            {"password_failures_before_lock": True},
            {"password_failures_before_lock": -1},
            {"issuer": "x"},
            {"acr_and_amr": True, "latency": "slow"},
            {"self": 1},
            [],
        ],
    )
    def test_what_is_no_behavior_changes_nothing(
        self, program: Program, cognito: LocalCognito, values: Any
    ) -> None:
        answer = program.send("/behaviors", values)
        assert answer.status == 400
        assert answer.json()["error"]
        assert cognito.behavior == Behavior()
        assert cognito.pool(POOL_ID).state.behavior == Behavior()


class TestFaults:
    def test_a_call_fails_as_often_as_it_was_asked(
        self, program: Program, cognito: LocalCognito
    ) -> None:
        arguments = {"code": "TooManyRequestsException", "message": "Rate exceeded"}
        fault = {"operation": "ListUsers", "fault": "Error", "arguments": arguments, "times": 1}
        left = {"operation": "ListUsers", "fault": "Error", "times": 1, "skip": 0, "until": None}
        assert program.send("/faults", fault).json() == {"faults": [left]}
        boto = http_client(program.url)
        with refused("TooManyRequestsException", "Rate exceeded"):
            boto.list_users(UserPoolId=POOL_ID)
        assert len(boto.list_users(UserPoolId=POOL_ID)["Users"]) == 2
        assert program.read("/faults") == {"faults": []}

    def test_they_end(self, program: Program, cognito: LocalCognito) -> None:
        boto = http_client(program.url)
        fault = {"operation": "*", "fault": "Reply", "arguments": {"payload": {}}, "seconds": 60}
        program.send("/faults", {**fault, "skip": 1})
        assert boto.list_users(UserPoolId=POOL_ID)["Users"]
        assert "Users" not in boto.list_users(UserPoolId=POOL_ID)
        cognito.clock.advance(60)
        assert program.read("/faults") == {"faults": []}
        assert boto.list_users(UserPoolId=POOL_ID)["Users"]
        program.send("/faults", fault)
        assert request(program.url, "DELETE", "/faults").json() == {"faults": []}
        assert boto.list_users(UserPoolId=POOL_ID)["Users"]

    @pytest.mark.parametrize(
        "changes",
        [
            {"operation": "Nonsense"},
            {"operation": None},
            {"fault": "Edit"},
            {"fault": None},
            {"arguments": []},
            {"arguments": {}},
            {"arguments": {"code": "x", "color": "red"}},
            {"arguments": {"code": 5}},
            {"arguments": {"code": "x\r\nSet-Cookie: y"}},
            {"arguments": {"code": "x", "status": 99}},
            {"arguments": {"code": "x", "status": True}},
            {"fault": "Delay", "arguments": {"seconds": 601}},
            {"fault": "Delay", "arguments": {"seconds": "1"}},
            {"fault": "Timeout", "arguments": {"executed": "no"}},
            {"fault": "Reply", "arguments": {"payload": []}},
            {"times": -1},
            {"times": "1"},
            {"skip": True},
            {"seconds": "1"},
            {"more": 1},
        ],
    )
    def test_what_is_no_fault_is_refused(
        self, program: Program, cognito: LocalCognito, changes: dict[str, Any]
    ) -> None:
        fault = {"operation": "ListUsers", "fault": "Error", "arguments": {"code": "x"}}
        answer = program.send("/faults", {**fault, **changes})
        assert answer.status == 400
        assert answer.json()["error"]
        assert cognito.faults.listed() == []
