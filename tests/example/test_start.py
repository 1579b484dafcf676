"""The example in the terminal: what it prints, how it ends, and what it says where it cannot start."""

from __future__ import annotations

import io
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from cognito_mfa.local import LocalCognito
from example_project import __main__ as start
from example_project import terminal
from tests.example.process import ROOT, Example, User, environment, free_port, run, running

ESCAPE = "\033["
# Of a visitor: what administrators do is signed, and neither a profile that does not exist nor a proxy that does not
# answer has a part in it.
THEIRS = {"AWS_PROFILE": "no-such-profile", "http_proxy": "http://127.0.0.1:9"}
# What tox does: the example is in its process group, and it would report what Ctrl+C does to itself.
LIKE_TOX = """\
import subprocess, sys
try:
    print("ended with", subprocess.call([sys.executable, "-m", "example_project", *sys.argv[1:]]))
except KeyboardInterrupt:
    print("interrupted like a crash")
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Generator[Example]:
    with running(tmp_path_factory.mktemp("example") / "state", **THEIRS) as started:
        yield started


def printed_commands(example: Example) -> list[str]:
    found = re.search(r"Commands to try in another terminal\n(.*?)\n\n", example.printed, re.DOTALL)
    assert found, example.printed
    return [line.strip() for line in found[1].splitlines()]


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_first_lines_say_what_to_open(example: Example) -> None:
    lines = example.printed.split("\n")
    assert lines[1:3] == [
        "  django-cognito-mfa: the example site is running",
        f"  Open            {example.url}",
    ]
    assert "newcomer  Newcomer-1 " in example.printed
    assert "optional" not in example.printed.replace("makes it optional", "")


def test_output_that_is_no_terminal_has_no_colors(example: Example) -> None:
    assert ESCAPE not in example.printed


def test_a_journey_prints_nothing(example: Example) -> None:
    user = User(example)
    user.sign_in("newcomer", "Newcomer-1")
    user.submit(code="12")
    user.submit(code=user.codes("newcomer")[-1], friendly_name="Phone")
    assert user.path == "/account/setup/done/"
    user.open("/no-such-page/")
    assert user.status == 404
    assert example.printed.endswith("--help\n\n")


@pytest.mark.parametrize("command", ["cognito_mfa_report", "cognito_mfa_doctor"])
def test_the_printed_commands_work_as_they_are_printed(example: Example, command: str) -> None:
    line = next(line for line in printed_commands(example) if line.endswith(command))
    done = subprocess.run(  # noqa: S602 - as a user pastes it
        line,
        shell=True,
        cwd=ROOT,
        env=environment(example.state, **THEIRS),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


def test_a_command_before_the_first_start_says_what_to_do(state: Path) -> None:
    done = subprocess.run(
        [sys.executable, "example_project/manage.py", "cognito_mfa_report"],
        cwd=ROOT,
        env=environment(state),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Start the example first: .venv/bin/tox run -e example\n"


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_both_servers_end_quietly(state: Path, stop: int) -> None:
    with running(state) as example:
        assert is_open(example.port)
        assert is_open(example.cognito_port)
        before = example.printed
        assert example.stop(stop) == 0
        assert not is_open(example.port)
        assert not is_open(example.cognito_port)
        assert example.printed.removeprefix(before) == "\n  Stopped.\n"


def test_data_is_kept_for_each_kind_of_pool_until_a_fresh_start(state: Path) -> None:
    with running(state) as example:
        user = User(example)
        user.sign_in("newcomer", "Newcomer-1")
        user.submit(code=user.codes("newcomer")[-1], friendly_name="Phone")
        assert user.path == "/account/setup/done/"
    for arguments, heading in [
        ([], "Enter your code"),
        (["--pool-mfa", "OPTIONAL"], "Set up an authenticator app"),
        (["--fresh"], "Set up an authenticator app"),
    ]:
        with running(state, *arguments) as example:
            user = User(example)
            user.sign_in("newcomer", "Newcomer-1")
            assert (arguments, user.heading) == (arguments, heading)
    for broken in ["mfa-on/pool.json", "mfa-on/db.sqlite3"]:
        (state / broken).write_text("of another version")
        done = run(state, *ports())
        assert done.returncode == 1
        assert "Use --fresh to start over." in done.stderr
        assert "Traceback" not in done.stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "colored"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_colors_are_for_terminals_whose_users_want_them(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, environ: dict[str, str], colored: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, text in environ.items():
        monkeypatch.setenv(name, text)
    assert (ESCAPE in terminal.styled("Open", terminal.BOLD, stream)) == colored


def in_terminal(command: list[str], env: dict[str, str]) -> str:
    """Run a command in a terminal of its own, press Ctrl+C when the example runs, and return what it shows."""
    child, screen = pty.fork()
    if child == 0:  # pragma: no cover - another process
        os.chdir(ROOT)
        os.execvpe(command[0], command, env)  # noqa: S606 - our own module
    shown, stop = b"", True
    while True:
        try:
            piece = os.read(screen, 65536)
        except OSError:  # Linux says so that the other end was closed
            piece = b""
        if not piece:
            break
        shown += piece
        if stop and b"Ctrl+C" in shown and b"--help" in shown:
            stop = False
            os.write(screen, b"\x03")
    os.waitpid(child, 0)
    os.close(screen)
    return shown.decode().replace("\r\n", "\n")


def ports() -> list[str]:
    return ["--port", str(free_port()), "--cognito-port", str(free_port())]


def test_ctrl_c_is_no_crash_for_the_tox_around_it(state: Path) -> None:
    env = environment(state, TOX_ENV_NAME="example", TERM="xterm")
    env.pop("NO_COLOR", None)
    shown = in_terminal([sys.executable, "-c", LIKE_TOX, *ports()], env)
    assert shown.endswith("\n  Stopped.\nended with 0\n")
    assert "Traceback" not in shown
    assert ESCAPE in shown


@pytest.mark.parametrize("flag", ["--port", "--cognito-port"])
def test_a_port_in_use_says_what_to_do(state: Path, flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(state, flag, str(port))
        under_tox = run(state, flag, str(port), TOX_ENV_NAME="example")
    said = (
        f"\n  Port {port} is already in use.\n"
        f"  Stop the other process or choose another port with {flag}.\n\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", said)
    assert (under_tox.returncode, under_tox.stderr) == (0, said)  # or tox says "evaluation failed"


def test_the_next_free_port_is_used_where_none_was_asked_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert start._free_port("--port", None, port) > port


def test_a_second_example_with_the_same_data_names_the_first(example: Example) -> None:
    done = run(example.state, *ports())
    assert done.returncode == 1
    assert "The example is already running." in done.stderr
    assert f"Open {example.url}," in done.stderr
    assert "Traceback" not in done.stderr


def test_help_lists_the_options_as_they_are_typed(state: Path) -> None:
    assert run(state, "--help").stdout.startswith("usage: python -m example_project ")
    shown = run(state, "--help", TOX_ENV_NAME="example").stdout
    assert shown.startswith("usage: tox run -e example -- ")
    for name in (
        "--port",
        "--cognito-port",
        "--fresh",
        "--pool-mfa",
        "--verbose",
        "COGNITO_USER_POOL_ID",
    ):
        assert name in shown


def test_a_pool_of_ones_own_is_used_and_named(state: Path, cognito: LocalCognito) -> None:
    pool = cognito.create_pool("eu-west-1_OwnPool00", mfa="ON")
    pool.create_client("ownclient00000000000000000", secret="a-secret-of-the-client")
    pool.create_user("ada", password="Correct-Horse-7", attributes={"email": "ada@example.com"})
    sub = pool.user("ada").sub
    with cognito.serve() as server:
        own = {
            "COGNITO_USER_POOL_ID": pool.id,
            "COGNITO_CLIENT_ID": "ownclient00000000000000000",
            "COGNITO_CLIENT_SECRET": "a-secret-of-the-client",
            "COGNITO_ENDPOINT_URL": server.url,
            "EXAMPLE_SUPERUSER": sub,
        }
        with running(state, **own) as example:
            assert f"{pool.id} at {server.url}" in example.printed
            assert "no local Cognito is started" in example.printed
            assert not is_open(example.cognito_port)
            user = User(example)
            page = user.open("/")
            assert pool.id in page
            assert "Newcomer-1" not in page
            for path in ["/support/", "/emails/", "/account/sign-in/"]:
                page = user.open(path)
                assert "start page</a>." not in page
                assert "From Cognito" not in page
                assert "help desk: sign in" not in page
            user.sign_in("ada", "Correct-Horse-7", then="/admin/")
            user.submit(code=pool.pending_code_for("ada"), friendly_name="Phone")
            user.open("/admin/")
            assert user.path == "/admin/"
            assert "ERROR" not in example.printed


def test_a_pool_of_ones_own_needs_its_app_client(state: Path) -> None:
    done = run(state, COGNITO_USER_POOL_ID="eu-west-1_OwnPool00")
    assert done.returncode == 1
    assert "COGNITO_CLIENT_ID is not" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_that_are_wrong_are_named(state: Path) -> None:
    done = run(state, COGNITO_USER_POOL_ID="no pool id!", COGNITO_CLIENT_ID="client")
    assert done.returncode == 1
    assert "cognito_mfa.E" in done.stderr
    assert "Traceback" not in done.stderr
