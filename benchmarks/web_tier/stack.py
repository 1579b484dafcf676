"""Starts what a site needs: PostgreSQL, Redis, the local Cognito, and gunicorn or uvicorn.

Everything listens on free ports of 127.0.0.1, writes into one temporary folder, and ends with the ``with`` block.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
POOL, APP_CLIENT = "us-east-1_Example00", "exampleclient0000000000000"
OURS, ALLAUTH = "ours", "allauth"
PATIENCE = 60.0  # seconds
ESTABLISHED = "01"  # in /proc/net/tcp


@dataclass(frozen=True)
class Options:
    """How the stack is started.

    Attributes:
        workers: of gunicorn or uvicorn.
        threads: of each gunicorn worker.
        sessions: a module of ``django.contrib.sessions.backends``.
        atomic: whether each request is a transaction.
        conn_max_age: seconds that a database connection is kept.
        preload: gunicorn loads the site before it forks.
        max_requests: after which gunicorn replaces a worker; 0 for never.
        latency: milliseconds before each answer of Cognito.
        logs: a folder where the servers' logs are kept.
        users: with an authenticator app.
        newcomers: without one.
    """

    workers: int = 3
    threads: int = 8
    sessions: str = "cache"
    atomic: bool = False
    conn_max_age: int = 0
    preload: bool = False
    max_requests: int = 0
    latency: int = 50
    logs: Path | None = None
    users: int = 600
    newcomers: int = 60


def free_port() -> int:
    """Return a port that no one listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Cognito:
    """The local Cognito's process."""

    def __init__(self, options: Options) -> None:
        given = [str(options.users), str(options.newcomers), str(options.latency)]
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "cognito_process.py"), *given],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        greeting = self._read()
        self.url: str = greeting["url"]
        self.users: list[dict[str, Any]] = greeting["users"]

    def fail(self, kind: str) -> None:
        """Be ``dead``, ``hanging``, ``slow``, or ``throttling`` until ``recover``."""
        self._ask(do="fault", kind=kind)

    def recover(self) -> None:
        """Answer as before."""
        self._ask(do="recover")

    def truth(self) -> list[dict[str, Any]]:
        """Return what it knows about each user."""
        known: list[dict[str, Any]] = self._ask(do="truth")
        return known

    def stop(self) -> None:
        """Close its input, at which it ends."""
        self._process.communicate()

    def _ask(self, **question: Any) -> Any:
        assert self._process.stdin
        self._process.stdin.write(f"{json.dumps(question)}\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the local Cognito's process failed")
        return json.loads(line)


@dataclass
class Server:
    """gunicorn or uvicorn with its workers.

    Attributes:
        name: of the program.
        port: that it listens on.
        process: the one that started the workers.
        log: what it and the site wrote.
    """

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def workers(self) -> list[int]:
        """Return the ids of the workers' processes."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        found = [int(pid) for pid in children.split() if _is_worker(pid)]
        return found or [self.process.pid]  # uvicorn with one worker is the worker

    def kill_worker(self) -> int:
        """Kill one worker with SIGKILL, and return the id of its process."""
        worker = random.choice(self.workers())
        os.kill(worker, signal.SIGKILL)
        return worker

    def complaints(self) -> list[str]:
        """Return the lines of the log that name an exception or an error."""
        marks = ("Traceback", "ERROR", "CRITICAL", "Exception", "Error:")
        lines = self.log.read_text().splitlines()
        own = "was sent SIGKILL"  # by us
        return [line for line in lines if any(mark in line for mark in marks) and own not in line]


def _is_worker(pid: str) -> bool:
    """Return whether a child is one: no tracker of multiprocessing's, nor a killed one that no one has waited for yet."""
    with suppress(OSError):
        command = Path(f"/proc/{pid}/cmdline").read_text()
        return bool(command) and "resource_tracker" not in command
    return False


@dataclass
class Stack:
    """What was started."""

    options: Options
    folder: Path
    postgresql: int
    redis: int
    cognito: Cognito
    _closing: ExitStack = field(repr=False)

    def environment(self, site: str) -> dict[str, str]:
        """Return the environment of a process of ``site``."""
        given = {
            "site": site,
            "postgresql": self.postgresql,
            "redis": self.redis,
            "cognito": self.cognito.url,
            "pool": POOL,
            "client": APP_CLIENT,
            "sessions": self.options.sessions,
            "atomic": self.options.atomic,
            "conn_max_age": self.options.conn_max_age,
        }
        return {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "DJANGO_SETTINGS_MODULE": "web_settings",
            "PYTHONPATH": f"{HERE}{os.pathsep}{ROOT}",
            "WEB_TIER": json.dumps(given),
        }

    def run(self, site: str, *command: str, given: Any = None) -> str:
        """Run a program of the benchmark in the environment of ``site``, and return what it printed.

        Args:
            site: whose settings it has.
            command: a script of this folder and its arguments; or ``-m`` and so on.
            given: what it reads, as JSON.
        """
        return subprocess.run(
            [sys.executable, *command],
            env=self.environment(site),
            input=json.dumps(given),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd=HERE,
        ).stdout

    def serve(self, name: str, site: str) -> Server:
        """Start gunicorn (WSGI) or uvicorn (ASGI), and wait until it answers.

        Args:
            name: of the program.
            site: that it serves.
        """
        port, log = free_port(), self.folder / f"{name}-{site}.log"
        command = _gunicorn(self.options) if name == "gunicorn" else _uvicorn(self.options)
        bound = ["--bind", f"127.0.0.1:{port}"] if name == "gunicorn" else ["--port", f"{port}"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *command, *bound],
                env=self.environment(site),
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=HERE,
            )
        self._closing.callback(stop, process)
        server = Server(name, port, process, log)
        wait_until(lambda: _answers(port), f"{name} does not answer: see {log}")
        wait_until(lambda: len(server.workers()) >= self.options.workers, f"{name} has few workers")
        return server

    def session_keys(self) -> list[str]:
        """Return the keys of all sessions that Redis has."""
        name = "django.contrib.sessions.cache"
        command = ["redis-cli", "-p", f"{self.redis}", "-n", "0", "--scan", "--pattern"]
        done = subprocess.run(
            [*command, f"*{name}*"], stdout=subprocess.PIPE, text=True, check=True
        )
        return [line.partition(name)[2] for line in done.stdout.split()]


def _gunicorn(options: Options) -> list[str]:
    command = ["gunicorn", "web_server:wsgi", "--worker-class", "gthread", "--timeout", "60"]
    command += ["--workers", f"{options.workers}", "--threads", f"{options.threads}"]
    command += ["--max-requests", f"{options.max_requests}", "--log-level", "warning"]
    return [*command, "--preload"] if options.preload else command


def _uvicorn(options: Options) -> list[str]:
    command = ["uvicorn", "web_server:asgi", "--lifespan", "off", "--no-access-log"]
    return [*command, "--workers", f"{options.workers}", "--log-level", "warning"]


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process that the benchmark started."""
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(is_so: Any, otherwise: str) -> None:
    """Wait until something is so.

    Args:
        is_so: says whether it is.
        otherwise: what the error says when it takes too long.
    """
    ends_at = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > ends_at:
            raise SystemExit(otherwise)
        time.sleep(0.05)


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextmanager
def started(options: Options, sites: Sequence[str] = (OURS,)) -> Generator[Stack]:
    """Start PostgreSQL, Redis, and the local Cognito, with the tables and users of the sites.

    Args:
        options: how.
        sites: whose databases are made.
    """
    folder = Path(tempfile.mkdtemp(prefix="web-tier-", dir="/tmp"))
    with ExitStack() as closing:
        closing.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        postgresql = _start_postgresql(folder, closing)
        redis = _start_redis(folder, closing)
        cognito = Cognito(options)
        closing.callback(cognito.stop)
        stack = Stack(options, folder, postgresql, redis, cognito, closing)
        for site in sites:
            _make_database(folder, postgresql, site)
            stack.run(site, "-m", "django", "migrate", "--verbosity=0")
        yield stack
        if options.logs is not None:
            for log in folder.glob("*.log"):
                shutil.copy(log, options.logs)


def _find_program(name: str) -> str:
    found = shutil.which(name)
    if found:
        return found
    there = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not there:
        raise SystemExit(f"{name} is not installed")
    return str(there[-1])


def _unprivileged(folder: Path, *command: str) -> None:
    """Run a program of PostgreSQL, which refuses to run as root."""
    as_nobody = ["runuser", "-u", "nobody", "--"] if os.getuid() == 0 else []
    program = [*as_nobody, _find_program(command[0]), *command[1:]]
    subprocess.run(program, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _start_postgresql(folder: Path, closing: ExitStack) -> int:
    port, home = free_port(), folder / "postgresql"
    home.mkdir()
    if os.getuid() == 0:
        shutil.chown(home, "nobody")
    cluster = f"{home}/cluster"
    given = [f"--pgdata={cluster}", "--username=bench", "--auth=trust", "--encoding=UTF8"]
    _unprivileged(home, "initdb", *given, "--no-sync")
    # Without fsync, because the disk of a shared machine is not what is measured. 100 connections are the default.
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {home} -c fsync=off"
    control = ["pg_ctl", f"--pgdata={cluster}", f"--log={home}/log"]
    _unprivileged(home, *control, f"--options={options}", "start")
    closing.callback(_unprivileged, home, *control, "--mode=immediate", "stop")
    return port


def _make_database(folder: Path, port: int, name: str) -> None:
    home = folder / "postgresql"
    _unprivileged(home, "createdb", "--host=127.0.0.1", f"--port={port}", "--username=bench", name)


def _start_redis(folder: Path, closing: ExitStack) -> int:
    port = free_port()
    command = [_find_program("redis-server"), "--port", f"{port}", "--bind", "127.0.0.1"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    closing.callback(stop, process)
    wait_until(lambda: _answers(port), "redis-server does not answer")
    return port


# ----------------------------------------------------------------------------------- what a worker has


@dataclass(frozen=True)
class Usage:
    """What a process has at one moment.

    Attributes:
        threads: all of them.
        connections: established connections by the port at the other end.
        sockets: open sockets of any kind.
    """

    threads: int
    connections: Counter[int]
    sockets: int


def usage_of(pid: int) -> Usage | None:
    """Return what a process has; None when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        threads = int(status.partition("Threads:")[2].split()[0])
        links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
        table = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    except OSError:
        return None
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    ports: Counter[int] = Counter()
    for row in table:
        columns = row.split()
        if columns[3] == ESTABLISHED and columns[9] in inodes:
            ports[int(columns[2].rpartition(":")[2], 16)] += 1
    return Usage(threads, ports, len(inodes))
