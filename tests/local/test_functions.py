"""The functions of a pool: callables and HTTP addresses, what they get, and how they fail."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server
from typing import Any

import pytest

from cognito_mfa.local import Behavior, Clock, LocalCognito
from cognito_mfa.local.functions import (
    MOST_RESPONSE,
    FunctionFailed,
    Functions,
    FunctionUnavailable,
    NoJson,
)
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, access_token, refused
from tests.local.conftest import START, http_client, populated

DISABLED = ("NotAuthorizedException", "User is disabled.")
NO_USER = ("NotAuthorizedException", "User does not exist.")
NO_CLIENT = ("ResourceNotFoundException", f"User pool client {CLIENT_ID} does not exist.")
ARN = "arn:aws:lambda:us-east-1:123456789012:function:greet"
EMULATOR = "/2015-03-31/functions/function/invocations"
Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def functions() -> Functions:
    return Functions(Clock(START, ticking=False))


class Wordless(Exception):
    def __str__(self) -> str:
        raise LookupError


def result(size: int) -> str:
    return json.dumps({"a": "x" * size}, separators=(",", ":"))


def loads(size: int) -> Any:
    return json.loads(result(size))


@contextmanager
def answering(answer: Callable[[str, Any], Answer]) -> Iterator[str]:
    """A server that answers a path and an event."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, content = answer(self.path, json.loads(body))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def call(functions: Functions, event: Any = None, seconds: float | None = 5.0) -> Any:
    return functions.call(ARN, event or {"n": 1}, seconds=seconds)


class TestNames:
    @pytest.mark.parametrize("name", [ARN, "greet"])
    @pytest.mark.parametrize("asked", [ARN, f"{ARN}:live"])
    def test_an_arn_or_the_name_in_it(self, functions: Functions, name: str, asked: str) -> None:
        functions[name] = str.upper
        found = functions.find(asked)
        assert (found is None) == (name == ARN and asked != ARN)

    @pytest.mark.parametrize("function", [
            "greet", "ftp://example.com/", "http://", "/path", "http://h:99999/", "http://h:abc/",
            "http://[::1/", "http://h/a b", "http://h/\r\n", "http://user:password@h/", "http://h:0/",
        ],
    )  # fmt: skip
    def test_text_that_is_no_address_is_refused(self, functions: Functions, function: str) -> None:
        with pytest.raises(ValueError, match="is not an HTTP address"):
            functions["greet"] = function

    def test_what_is_no_function_is_refused(self, functions: Functions) -> None:
        with pytest.raises(TypeError, match="neither a callable nor"):
            functions["greet"] = 3  # type: ignore[assignment]

    def test_they_are_a_mapping(self, functions: Functions) -> None:
        functions.update(greet=str.upper, other=str.lower)
        del functions["other"]
        assert dict(functions) == {"greet": str.upper}
        assert len(functions) == 1

    def test_one_that_is_not_there_says_how_to_add_it(self, functions: Functions) -> None:
        with pytest.raises(FunctionUnavailable, match="or with --function"):
            call(functions)


class TestCallables:
    def test_a_handler_may_take_the_context_too(self, functions: Functions) -> None:
        functions["greet"] = lambda event, context: {
            "name": context.function_name,
            "arn": context.invoked_function_arn,
            "left": context.get_remaining_time_in_millis(),
        }
        assert call(functions) == {"name": "greet", "arn": ARN, "left": 5000}

    def test_it_gets_a_copy(self, functions: Functions) -> None:
        event = {"response": {"a": [1]}}
        functions["greet"] = lambda event: event["response"]["a"].append(2) or event
        assert call(functions, event) == {"response": {"a": [1, 2]}}
        assert event == {"response": {"a": [1]}}

    def test_its_error_is_its_words(self, functions: Functions) -> None:
        def fail(event: Any) -> None:
            raise ValueError("Not today")

        functions["greet"] = fail
        with pytest.raises(FunctionFailed, match=r"^Not today$"):
            call(functions)

    @pytest.mark.parametrize(
        ("error", "text"),
        [
            (Wordless(), "Wordless"),
            (SystemExit(3), "Runtime exited with error: exit status 3"),
            (ValueError(), ""),
        ],
    )
    def test_an_error_of_any_kind_is_the_functions(
        self, functions: Functions, error: BaseException, text: str
    ) -> None:
        def fail(event: Any) -> None:
            raise error

        functions["greet"] = fail
        with pytest.raises(FunctionFailed) as failed:
            call(functions)
        assert str(failed.value) == text

    @pytest.mark.parametrize("place", ["callable", "address"])
    def test_a_response_is_as_long_as_lambda_allows(self, functions: Functions, place: str) -> None:
        size = MOST_RESPONSE - len('{"a":""}')
        with answering(lambda path, event: (200, {}, result(event["n"]).encode())) as url:
            functions["greet"] = url if place == "address" else lambda event: loads(event["n"])
            assert len(call(functions, {"n": size})["a"]) == size
            with pytest.raises(FunctionFailed, match="exceeded maximum allowed payload size"):
                call(functions, {"n": size + 1})

    def test_nothing_is_no_json(self, functions: Functions) -> None:
        functions["greet"] = lambda event: None
        with pytest.raises(NoJson):
            call(functions)

    def test_what_json_does_not_have_is_an_error_of_the_function(
        self, functions: Functions
    ) -> None:
        functions["greet"] = lambda event: {"when": object()}
        with pytest.raises(FunctionFailed, match="Unable to marshal response"):
            call(functions)

    def test_a_slow_one_is_called_three_times(self) -> None:
        """It takes six seconds by the clock that tests move."""
        clock = Clock(START, ticking=False)
        functions = Functions(clock)
        calls: list[Any] = []

        def greet(event: Any) -> Any:
            calls.append(event)
            clock.advance(6)
            return event

        functions["greet"] = greet
        with pytest.raises(FunctionUnavailable, match="Socket timeout while invoking"):
            call(functions)
        assert len(calls) == 3
        assert call(functions, seconds=None) == {"n": 1}

    def test_one_that_comes_in_time_at_last_is_heard(self, functions: Functions) -> None:
        tries = iter([TimeoutError, TimeoutError, None])

        def greet(event: Any) -> Any:
            late = next(tries)
            if late is not None:
                raise late
            return event

        functions["greet"] = greet
        assert call(functions) == {"n": 1}


class TestAddresses:
    @pytest.mark.parametrize("path", ["", "/", "/greet?stage=dev", EMULATOR])
    def test_the_event_is_posted_there(self, functions: Functions, path: str) -> None:
        paths = []

        def answer(path: str, event: Any) -> Answer:
            paths.append(path)
            return 200, {}, json.dumps({**event, "more": True}).encode()

        with answering(answer) as url:
            functions["greet"] = url + path
            assert call(functions) == {"n": 1, "more": True}
        assert paths == [path or "/"]

    @pytest.mark.parametrize("status", [200, 400, 500])
    def test_an_error_as_lambda_reports_one(self, functions: Functions, status: int) -> None:
        body = json.dumps({"errorType": "Error", "errorMessage": "Not today"}).encode()
        with answering(lambda path, event: (status, {}, body)) as url:
            functions["greet"] = url
            with pytest.raises(FunctionFailed, match=r"^Not today$"):
                call(functions)

    @pytest.mark.parametrize(
        ("status", "body", "error"),
        [
            (404, b"not here", FunctionUnavailable),
            (302, b"", FunctionUnavailable),
            (200, b"Task timed out after 3.00 seconds", NoJson),
            (200, b"null", NoJson),
            (200, b"", NoJson),
            (200, b"[" * 100_000, NoJson),
            (200, '{"n": 1}'.encode("utf-16"), NoJson),
            (200, b'{"n": NaN}', NoJson),
            (200, b'{"errorMessage": null}', FunctionFailed),
        ],
    )
    def test_other_answers(
        self, functions: Functions, status: int, body: bytes, error: type[Exception]
    ) -> None:
        with answering(lambda path, event: (status, {"Location": "/x"}, body)) as url:
            functions["greet"] = url
            with pytest.raises(error):
                call(functions)

    def test_no_answer_in_time_is_a_timeout(self, functions: Functions) -> None:
        with create_server(("127.0.0.1", 0)) as deaf:
            functions["greet"] = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            with pytest.raises(FunctionUnavailable, match="Socket timeout"):
                call(functions, seconds=0.02)

    def test_to_drip_is_to_be_late(self, functions: Functions) -> None:
        """Each byte would begin the time of a socket anew."""
        late = threading.Event()

        class Drip(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
                while self.connection.recv(65536):
                    pass
                late.set()

        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Drip) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            functions["greet"] = f"http://127.0.0.1:{server.server_address[1]}"
            with pytest.raises(FunctionUnavailable, match="Socket timeout"):
                call(functions, seconds=0.05)
            assert late.wait(30)
            server.shutdown()

    def test_half_an_answer_is_none(self, functions: Functions) -> None:
        with answering(lambda path, event: (200, {"Content-Length": "100"}, b"{")) as url:
            functions["greet"] = url
            with pytest.raises(FunctionUnavailable, match="IncompleteRead"):
                call(functions)

    def test_no_one_there(self, functions: Functions) -> None:
        with create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        functions["greet"] = f"http://127.0.0.1:{port}"
        with pytest.raises(FunctionUnavailable, match="ConnectionRefusedError"):
            call(functions)

    def test_no_proxy_sees_an_event(
        self, functions: Functions, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        with answering(lambda path, event: (200, {}, json.dumps(event).encode())) as url:
            functions["greet"] = url
            assert call(functions) == {"n": 1}


class TestLock:
    """A function runs without the lock, so whatever it calls can be answered."""

    def test_a_function_over_http_may_call_back(self, cognito: LocalCognito) -> None:
        pool = populated(cognito, mfa="OFF")
        cognito.client().create_group(UserPoolId=POOL_ID, GroupName="staff")
        with cognito.serve() as server:
            boto = http_client(server.url)

            def add(path: str, event: Any) -> Answer:
                boto.admin_add_user_to_group(
                    UserPoolId=POOL_ID, Username=event["userName"], GroupName="staff"
                )
                return 200, {}, json.dumps(event).encode()

            with answering(add) as url:
                pool.set_trigger("PostAuthentication", url)
                assert access_token(Caller(boto).password())
                assert access_token(Caller(cognito.client()).password("regular"))
        assert pool.user("newcomer").groups == pool.user("regular").groups == ["staff"]

    def test_others_are_answered_while_it_runs(self, cognito: LocalCognito) -> None:
        pool = populated(cognito, mfa="OFF")
        boto: Any = cognito.client()
        seen = []

        def look(event: Any) -> Any:
            thread = threading.Thread(
                target=lambda: seen.append(boto.list_users(UserPoolId=POOL_ID)["Users"])
            )
            thread.start()
            thread.join(30)
            return event

        pool.set_trigger("PreAuthentication", look)
        assert access_token(Caller(boto).password())
        assert len(seen) == 1

    def test_it_may_sign_in_itself(self, cognito: LocalCognito) -> None:
        pool = populated(cognito, mfa="OFF")
        pool.create_client("inner")
        boto: Any = cognito.client()

        def again(event: Any) -> Any:
            if event["callerContext"]["clientId"] == CLIENT_ID:
                assert access_token(Caller(boto, "inner").password("regular"))
            return event

        for trigger in ("PreAuthentication", "PostAuthentication", "PreTokenGeneration"):
            pool.set_trigger(trigger, again)
        assert access_token(Caller(boto).password())

    def test_a_user_who_is_deleted_by_it_is_gone(self, cognito: LocalCognito) -> None:
        pool = populated(cognito, mfa="OFF")
        boto: Any = cognito.client()

        def delete(event: Any) -> Any:
            boto.admin_delete_user(UserPoolId=POOL_ID, Username=event["userName"])
            return event

        pool.set_trigger("PreAuthentication", delete)
        with refused("NotAuthorizedException", "Incorrect username or password."):
            Caller(boto).password()


def change_by(cognito: LocalCognito, operation: str) -> Callable[[Any], Any]:
    """A function that makes a change the first time that it is asked."""
    waiting = [operation]
    boto: Any = cognito.client()

    def function(event: Any) -> Any:
        if waiting:
            names = {"UserPoolId": POOL_ID, "Username": event["userName"], "ClientId": CLIENT_ID}
            boto._make_api_call(
                waiting.pop(), {name: names[name] for name in CHANGES[operation][1]}
            )
        return event

    return function


#: What ends a sign-in that is under way, with its members and the refusal.
CHANGES = {
    "AdminDisableUser": (DISABLED, ("UserPoolId", "Username")),
    "AdminDeleteUser": (NO_USER, ("UserPoolId", "Username")),
    "DeleteUserPoolClient": (NO_CLIENT, ("UserPoolId", "ClientId")),
    "DeleteUserPool": (NO_CLIENT, ("UserPoolId",)),
}


class TestChanges:
    """What a function, or anyone else while it runs, takes away gets no tokens any more."""

    @pytest.mark.parametrize("operation", CHANGES)
    @pytest.mark.parametrize("trigger", ["PostAuthentication", "PreTokenGeneration"])
    def test_at_a_sign_in(self, cognito: LocalCognito, trigger: str, operation: str) -> None:
        pool = populated(cognito, mfa="OFF")
        pool.set_trigger(trigger, change_by(cognito, operation))
        with refused(*CHANGES[operation][0]):
            Caller(cognito.client()).password()
        assert pool.state.families == {}

    @pytest.mark.parametrize("operation", ["AdminDeleteUser", "DeleteUserPoolClient"])
    @pytest.mark.parametrize("grace", [None, 10], ids=["plain", "rotating"])
    def test_at_a_refresh(self, cognito: LocalCognito, operation: str, grace: int | None) -> None:
        pool = populated(cognito, mfa="OFF")
        pool.state.clients[CLIENT_ID].rotation_grace = grace
        boto: Any = cognito.client()
        token = Caller(boto).password()["AuthenticationResult"]["RefreshToken"]
        pool.set_trigger("PreTokenGeneration", change_by(cognito, operation))
        with refused(*CHANGES[operation][0]):
            boto.get_tokens_from_refresh_token(ClientId=CLIENT_ID, RefreshToken=token)


def test_a_timeout_reaches_the_caller_in_cognitos_words(cognito: LocalCognito) -> None:
    pool = populated(cognito, mfa="OFF", behavior=Behavior(trigger_seconds=1.0))

    def slow(event: Any) -> Any:
        cognito.clock.advance(1.5)
        return event

    pool.set_trigger("PostAuthentication", slow)
    text = (
        "PostAuthentication invocation failed due to error Socket timeout while invoking Lambda "
        "function."
    )
    with refused("UnexpectedLambdaException", text):
        Caller(cognito.client()).password()


def test_no_request_can_add_a_function(cognito: LocalCognito, pool: LocalPool) -> None:
    """The one way to name an address is in the process; a request only names ARNs."""
    with refused("InvalidParameterException"):
        cognito.client().update_user_pool(
            UserPoolId=POOL_ID, LambdaConfig={"PreSignUp": "http://127.0.0.1:9/steal-passwords"}
        )
    assert len(cognito.functions) == 0


def test_a_password_reaches_only_the_function_that_migrates(cognito: LocalCognito) -> None:
    pool = populated(cognito, mfa="OFF")
    events: list[str] = []

    def listen(event: Any) -> Any:
        events.append(json.dumps(event))
        return event

    for trigger in ("PreAuthentication", "PostAuthentication", "PreTokenGeneration"):
        pool.set_trigger(trigger, listen)
    Caller(cognito.client()).password()
    assert len(events) == 3
    assert not any(PASSWORD in event for event in events)
