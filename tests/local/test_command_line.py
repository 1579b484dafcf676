"""python -m cognito_mfa.local."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.__main__ import main
from tests.local.caller import CLIENT_ID, POOL_ID, Caller
from tests.local.conftest import http_client
from tests.local.processes import ROOT, finished, started
from tests.local.raw import request


@pytest.fixture
def own_signals() -> Iterator[None]:
    """main() takes the signals; this gives them back."""
    before = {name: signal.getsignal(name) for name in (signal.SIGINT, signal.SIGTERM)}
    yield
    for name, handler in before.items():
        signal.signal(name, handler)


def stop_when_it_listens(name: signal.Signals) -> None:
    """Sends the signal once main() has taken it; a moment earlier it would end the tests."""
    before = signal.getsignal(name)

    def stop() -> None:
        while signal.getsignal(name) is before:
            time.sleep(0.01)
        os.kill(os.getpid(), name)

    threading.Thread(target=stop, daemon=True).start()


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(name: signal.Signals) -> None:
    process, url = started("--pool", POOL_ID, "--client", CLIENT_ID, "--mfa", "ON")
    boto = http_client(url)
    boto.admin_create_user(UserPoolId=POOL_ID, Username="ada", MessageAction="SUPPRESS")
    boto.admin_set_user_password(
        UserPoolId=POOL_ID, Username="ada", Password="Correct-Horse-7", Permanent=True
    )
    assert Caller(boto).password("ada")["ChallengeName"] == "MFA_SETUP"
    os.kill(process.pid, name)
    assert finished(process) == 0


def test_its_greeting_tells_how_to_use_it(
    own_signals: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    state = tmp_path / "pool.json"
    stop_when_it_listens(signal.SIGINT)
    assert main(["--port", "0", "--state", str(state), "--pool", POOL_ID, "--mfa", "ON"]) == 0
    said = capsys.readouterr().out
    assert "The local Cognito is running at http://127.0.0.1:" in said
    assert f"Data is kept in {state}." in said
    assert f"User pools: {POOL_ID} (MFA ON)" in said
    assert "--endpoint-url http://127.0.0.1:" in said
    assert "/outbox" in said
    assert "/health" in said
    assert "Host names: 127.0.0.1, ::1, localhost" in said
    assert "Ctrl+C" in said


@pytest.mark.parametrize(
    "arguments", [["--function", "PreSignUp"], ["--function", "=http://x"], ["--trigger", "a="]]
)
def test_it_refuses_a_function_that_is_none(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert "must be NAME=URL" in capsys.readouterr().err


def test_it_calls_the_functions_that_it_is_given(
    own_signals: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """And says at a later start which ones are missing."""
    state = str(tmp_path / "pool.json")
    known = ["--port", "0", "--pool", POOL_ID, "--state", state]
    url = "http://127.0.0.1:9000/"
    named = "arn:aws:lambda:us-east-1:123456789012:function:us-east-1_Example00-PreTokenGeneration"
    stop_when_it_listens(signal.SIGINT)
    assert main([*known, "--trigger", f"PreTokenGeneration:V2_0={url}"]) == 0
    assert "No function" not in capsys.readouterr().out
    stop_when_it_listens(signal.SIGINT)
    assert main(known) == 0
    assert f"No function {named}: calls fail that need it" in capsys.readouterr().out
    stop_when_it_listens(signal.SIGINT)
    assert main([*known, "--function", f"{named}={url}"]) == 0
    assert "No function" not in capsys.readouterr().out


def test_it_answers_as_late_as_it_is_told() -> None:
    process, url = started("--pool", POOL_ID, "--latency", "100")
    began = time.monotonic()
    http_client(url).describe_user_pool(UserPoolId=POOL_ID)
    assert time.monotonic() - began >= 0.1
    os.kill(process.pid, signal.SIGTERM)
    assert finished(process) == 0


def test_it_behaves_as_it_is_told(tmp_path: Path) -> None:
    state = str(tmp_path / "pool.json")
    known = ["--pool", POOL_ID, "--state", state]
    arguments = ["--behavior", "acr_and_amr=true", "--behavior", "hourly_limits=false"]
    process, url = started(*known, *arguments, "--issuer", "--latency", "1")
    said = request(url, "GET", "/behaviors").json()
    assert (said["acr_and_amr"], said["hourly_limits"], said["latency"]) == (True, False, 0.001)
    found = request(url, "GET", f"/{POOL_ID}/.well-known/openid-configuration").json()
    assert found["issuer"] == f"{url}/{POOL_ID}"
    os.kill(process.pid, signal.SIGTERM)
    assert finished(process) == 0
    process, url = started(*known)
    found = request(url, "GET", f"/{POOL_ID}/.well-known/openid-configuration").json()
    assert found["issuer"] == f"https://cognito-idp.us-east-1.amazonaws.com/{POOL_ID}"
    os.kill(process.pid, signal.SIGTERM)
    assert finished(process) == 0


def test_its_issuer_is_one_of_its_names(
    own_signals: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_when_it_listens(signal.SIGINT)
    assert main(["--port", "0", "--pool", POOL_ID, "--issuer", "http://cognito.test:9229"]) == 0
    assert "Host names: 127.0.0.1, ::1, cognito.test, localhost" in capsys.readouterr().out


def test_it_lists_what_it_can_be_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--behaviors"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    for one in fields(Behavior):
        assert f"{one.name}=" in said


@pytest.mark.parametrize("text", ["nonsense=true", "acr_and_amr", "latency=soon", "issuer=x"])
def test_it_refuses_a_behavior_that_is_none(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--behavior", text])
    assert f"argument --behavior: {'there is no' if 'nonsense' in text else text[:5]}" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("latency", ["-1", "nan", "inf", "60001", "soon"])
def test_it_refuses_a_latency_that_is_none(
    latency: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([f"--latency={latency}"])
    assert "--latency" in capsys.readouterr().err


def test_it_answers_to_the_names_that_it_is_given() -> None:
    process, url = started("--allow-host", "cognito", "--allow-host", "Pool.Example")
    for host, status in [("cognito:1", 200), ("pool.example", 200), ("evil.example", 403)]:
        assert request(url, "GET", "/outbox", headers={"Host": host}).status == status
    os.kill(process.pid, signal.SIGTERM)
    assert finished(process) == 0


def test_what_the_arguments_name_is_made_once(
    own_signals: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    state = str(tmp_path / "pool.json")
    arguments = ["--port", "0", "--state", state, "--pool", POOL_ID, "--client", CLIENT_ID]
    for secret in ("first" * 6, "second" * 6):
        stop_when_it_listens(signal.SIGTERM)
        assert main([*arguments, "--client-secret", secret]) == 0
    client = LocalCognito.load(state).pool(POOL_ID).state.clients[CLIENT_ID]
    assert client.secret == "first" * 6
    assert "first" not in capsys.readouterr().out


def test_a_port_in_use_is_said(cognito: LocalCognito, capsys: pytest.CaptureFixture[str]) -> None:
    with cognito.serve() as server:
        assert main(["--port", str(server.port)]) == 1
    said = capsys.readouterr().err
    assert f"Port {server.port} on 127.0.0.1 is already in use." in said
    assert "--port" in said


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--allow-host", "http://cognito"], "'http://cognito' is not the name of a host"),
        (["--host", "no.such.host.invalid"], "Cannot start"),
        (["--issuer", "cognito:9229"], "issuer cannot be 'cognito:9229'"),
        (["--host", "0.0.0.0", "--issuer"], "--issuer needs a URL"),  # noqa: S104
        (["--state", "README.md/pool.json"], "Cannot start"),
        (["--trigger", "PreSignIn=http://127.0.0.1:9/"], "is none of PreSignUp,"),
        (["--trigger", "PreSignUp=ftp://127.0.0.1/"], "is not an HTTP address"),
    ],
)
def test_what_cannot_work_is_said(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--port", "0", "--pool", POOL_ID, *arguments]) == 1
    assert complaint in capsys.readouterr().err


def test_a_broken_state_file_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    state = tmp_path / "pool.json"
    state.write_text("{")
    assert main(["--state", str(state)]) == 1
    assert f"{state} is not a state file" in capsys.readouterr().err


def test_help_is_useful(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    for word in ("--port", "--state", "--pool", "--mfa", "For development and tests only"):
        assert word in said


def test_the_server_imports_neither_botocore_nor_django() -> None:
    """Start-up and memory: the service model is read without botocore's code."""
    program = (
        "import sys, cognito_mfa.local.__main__ as m\n"
        "from cognito_mfa.local import LocalCognito\nfrom cognito_mfa.local.wire import validation\n"
        "from cognito_mfa.local.wire.messages import WireRequest\n"
        "validation.validate('ListUserPools', {'MaxResults': 1})\n"
        "pool = LocalCognito().create_pool('us-east-1_Example00', mfa='ON')\n"
        "pool.create_client('c'); pool.create_user('ada', password='x')\n"
        "heavy = {'django', 'boto3', 'botocore', 'cryptography', 'jwt', 'pyotp'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run(  # noqa: S603 - a program of ours
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert answer.stdout.strip() == "[]"


def test_a_first_sign_in_does_not_wait_for_pyjwt() -> None:
    """It takes as long to import as a third of the server, and only verifies tokens."""
    program = (
        "import sys\nfrom cognito_mfa.local import LocalCognito\n"
        "pool = LocalCognito().create_pool('us-east-1_Example00')\n"
        "pool.create_client('c'); pool.create_user('ada', password='x')\n"
        "assert pool.issue_tokens('ada', 'c', scopes=['openid'])['IdToken'].count('.') == 2\n"
        "print('jwt' in sys.modules)"
    )
    answer = subprocess.run(  # noqa: S603 - a program of ours
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert answer.stdout.strip() == "False"


def test_without_botocore_it_says_so() -> None:
    answer = subprocess.run(
        [
            sys.executable,
            "-S",
            "-c",
            "from cognito_mfa.local.wire import service_model as m\nm.operations()",
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert "install botocore" in answer.stderr


def test_an_older_botocore_does_not_hide_newer_admin_operations(tmp_path: Path) -> None:
    """A botocore from before August 2026, whose model lacks AdminDeleteSoftwareToken."""
    from botocore.loaders import Loader

    model = Loader().load_service_model("cognito-idp", "service-2")
    for name in ("AdminDeleteSoftwareToken", "AdminGetUserAuthFactors", "GetUserAuthFactors"):
        model["operations"].pop(name, None)
    data = tmp_path / "botocore" / "data" / "cognito-idp" / "2016-04-18"
    data.mkdir(parents=True)
    (tmp_path / "botocore" / "__init__.py").write_text("")
    (data / "service-2.json").write_text(json.dumps(model))
    program = (
        "from cognito_mfa.local.wire import validation as v\n"
        "who = {'UserPoolId': 'us-east-1_A', 'Username': 'ada'}\n"
        "v.validate('AdminDeleteSoftwareToken', who)\n"
        "v.validate('AdminGetUserAuthFactors', who)\n"
        "v.validate('GetUserAuthFactors', {'AccessToken': 'x'})\n"
        "try:\n    v.validate('AdminDeleteSoftwareToken', {'UserPoolId': 'x'})\n"
        "except v.InvalidParameterException as error:\n    print(error)"
    )
    answer = subprocess.run(  # noqa: S603 - a program of ours
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
    )
    assert "Value null at 'username'" in answer.stdout
