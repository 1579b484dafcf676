"""Redis and Celery workers in processes of their own, and waiting for what they do."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

Found = TypeVar("Found")
ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds
LOOK_EVERY = 0.02


def until(look: Callable[[], Found], what: str) -> Found:
    """Return what ``look`` returns once that is true."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE:g} seconds"
        pause.wait(LOOK_EVERY)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def given(message: str) -> dict[str, Any]:
    """Return the arguments of the task in a message, as the broker keeps it."""
    _positional, named, _embedded = json.loads(base64.b64decode(json.loads(message)["body"]))
    return dict(named)


class Process:
    """A program whose output is in a file."""

    def __init__(self, name: str, folder: Path, *command: str, **environment: str) -> None:
        self.output = folder / f"{name}.txt"
        self._command, self._environment = command, environment
        self.start()

    def start(self) -> None:
        with self.output.open("wb") as file:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self._command,
                cwd=ROOT,
                env={**os.environ, **self._environment},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def printed(self) -> str:
        return self.output.read_text()

    @property
    def children(self) -> list[int]:
        pid = self._process.pid
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def kill(self) -> None:
        """Kill it and its children, as a machine that loses power does."""
        if self.is_running:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)


class Redis(Process):
    """A server on a free port that keeps nothing."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder))
        super().__init__("redis", folder, "redis-server", *options)

    def start(self) -> None:
        super().start()
        until(lambda: "Ready to accept connections" in self.printed, "Redis starts")

    def start_anew(self) -> None:
        """Forget everything, and start again after a test that killed it."""
        if not self.is_running:
            self.start()
        with self.client() as client:
            client.flushall()

    def client(self) -> Any:
        """Return a client of it."""
        from redis import Redis as Client

        return Client.from_url(self.url, decode_responses=True)

    def queued(self) -> list[str]:
        """Return the messages that no worker has taken, as the broker keeps them."""
        with self.client() as client:
            return list(client.lrange("celery", 0, -1))


class Worker(Process):
    """A worker as an operator starts it."""

    def __init__(self, folder: Path, name: str, *, processes: int = 1, **environment: str) -> None:
        super().__init__(
            name,
            folder,
            *(sys.executable, "-m", "celery", "-A", "tests.celery.app", "worker"),
            *("--loglevel", "INFO", "--concurrency", str(processes), "--hostname", f"{name}@%h"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            DJANGO_SETTINGS_MODULE="tests.celery.settings",
            AWS_ACCESS_KEY_ID="local",
            AWS_SECRET_ACCESS_KEY="local",
            **environment,
        )

    def wait_until_it_runs(self) -> None:
        until(lambda: " ready." in self.printed, f"a worker starts:\n{self.printed}")
