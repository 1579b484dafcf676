"""The local Cognitos that are compared, and how each is started.

Each has its own installation under ``.bench`` (created by setup.sh), its own port, and its own folder to write into.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import function
import psutil
from client import Client, Refused

HERE = Path(__file__).resolve().parent
WORK = Path(os.environ.get("BENCH_WORK", HERE.parents[1] / ".bench"))
PATIENCE = 60.0
Result = TypeVar("Result")


@dataclass(frozen=True)
class Server:
    """One of them. ``version`` is a command that prints it."""

    name: str
    port: int
    command: Sequence[str | Path]
    version: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """What is in the folder that it is started in."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def _package_version(environment: str, package: str) -> list[str | Path]:
    program = f"from importlib.metadata import version; print(version({package!r}))"
    return [WORK / environment / "bin" / "python", "-c", program]


OURS = Server(
    "cognito_mfa.local",
    9231,
    [WORK / "ours/bin/python", "-m", "cognito_mfa.local", "--port", "9231"],
    _package_version("ours", "django-cognito-mfa"),
)
MOTO = Server(
    "moto",
    9232,
    [WORK / "moto/bin/moto_server", "-H", "127.0.0.1", "-p", "9232"],
    _package_version("moto", "moto"),
    {"MOTO_COGNITO_IDP_USER_POOL_ENABLE_TOTP": "true"},
)
MINISTACK = Server(
    "MiniStack",
    9233,
    [WORK / "ministack/bin/ministack"],
    _package_version("ministack", "ministack"),
    {"GATEWAY_PORT": "9233", "SERVICES": "cognito-idp,sts,iam"},
)
#: With cryptography beside it, MiniStack signs its tokens.
MINISTACK_SIGNING = Server(
    "MiniStack, signing",
    9235,
    [WORK / "ministack-signing/bin/ministack"],
    _package_version("ministack-signing", "ministack"),
    {"GATEWAY_PORT": "9235", "SERVICES": "cognito-idp,sts,iam"},
)
COGNITO_LOCAL = Server(
    "cognito-local",
    9234,
    ["node", WORK / "cognito-local/node_modules/cognito-local/lib/bin/start.js"],
    [
        "node",
        "-p",
        f"require('{WORK}/cognito-local/node_modules/cognito-local/package.json').version",
    ],
    {"PORT": "9234", "HOST": "127.0.0.1"},
)
#: The same with everything in a file.
OURS_WITH_STATE = Server(
    "cognito_mfa.local --state",
    9236,
    [*OURS.command[:-1], "9236", "--state", "pool.json"],
    OURS.version,
)
#: LocalStack plays Cognito in its paid image only, which no package registry has.
ALL = (OURS, MOTO, MINISTACK, MINISTACK_SIGNING, COGNITO_LOCAL)


def named(names: str, among: Sequence[Server] = ALL) -> list[Server]:
    """Those of a list with semicolons; an empty one is all of them."""
    wanted = {name.strip().lower() for name in names.split(";") if name}
    return [server for server in among if not wanted or server.name.lower() in wanted]


def prepared(server: Server) -> Server:
    """The server with the options that scenes need, where it has such options."""
    if server is OURS:
        options = ["--issuer", "--function", f"{function.NAME}={function.URL}"]
        return replace(server, command=[*server.command, *options])
    if server is COGNITO_LOCAL:
        configuration = {
            "TriggerFunctions": {"PreSignUp": function.NAME},
            "LambdaClient": {
                "credentials": {"accessKeyId": "local", "secretAccessKey": "local"},
                "endpoint": function.ENDPOINT,
                "region": "us-east-1",
            },
            "TokenConfig": {"IssuerDomain": server.url},
        }
        return replace(server, files={".cognito/config.json": json.dumps(configuration)})
    if "SERVICES" in server.environment:
        services = f"{server.environment['SERVICES']},lambda"
        return replace(server, environment={**server.environment, "SERVICES": services})
    return server


@contextmanager
def running(server: Server) -> Generator[psutil.Process]:
    """The server's process, perhaps before it listens."""
    folder = tempfile.mkdtemp(prefix="server-", dir=WORK)
    for name, text in server.files.items():
        (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
        (Path(folder) / name).write_text(text)
    log = Path(folder) / "log"
    environment = {**os.environ, "TMPDIR": folder, "HOME": folder, **server.environment}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in server.command],
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=output,
        )
        try:
            yield psutil.Process(process.pid)
        except Exception:
            sys.stderr.write(log.read_text(errors="replace")[-2000:])
            raise
        finally:
            _end(process)
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def ready(server: Server) -> Generator[tuple[psutil.Process, Client]]:
    """The server, once it answers."""
    with running(server) as process, Client(server.url) as client:
        first_answer(server, client)
        yield process, client


def first_answer(server: Server, client: Client) -> None:
    """Waits for a socket that listens, then for an answer of the API."""
    until(lambda: socket.create_connection(("127.0.0.1", server.port), 1).close())
    until(lambda: client.call("ListUserPools", MaxResults=1))


def until(attempt: Callable[[], Result]) -> Result:
    """The first result without an exception. Raises the last one when patience ends."""
    end = time.perf_counter() + PATIENCE
    while True:
        try:
            return attempt()
        except (OSError, Refused):
            if time.perf_counter() > end:
                raise
            time.sleep(0.002)


def version_of(server: Server) -> str:
    command = [str(part) for part in server.version]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def megabytes(process: psutil.Process) -> float:
    """Resident memory of a process and its children."""
    family = [process, *process.children(recursive=True)]
    return float(sum(one.memory_info().rss for one in family)) / 2**20


def processor_seconds(process: psutil.Process) -> float:
    """What a process and its children have used of the processors, in steps of 10 ms."""
    family = [process, *process.children(recursive=True)]
    return float(sum(sum(one.cpu_times()[:2]) for one in family))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
