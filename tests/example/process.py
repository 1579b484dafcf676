"""The example in a process of its own, as `tox run -e example` starts it, and a user with a plain HTTP client."""

from __future__ import annotations

import html
import http.cookiejar
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from email.message import Message
from http.client import HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit

ROOT = Path(__file__).parents[2]
UNSET = ("COGNITO_", "EXAMPLE_", "AWS_", "TOX_", "DJANGO_")
STOPS_WITHIN = 20


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def environment(state: Path, **more: str) -> dict[str, str]:
    """Return the environment of a stranger, whose own data is in ``state``."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith(UNSET)}
    return {**ours, "EXAMPLE_STATE": str(state), "PYTHONUNBUFFERED": "1", **more}


def run(state: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the example to its end, with an environment of ``more`` variables."""
    return subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-W", "error", "-m", "example_project", *arguments],
        env=environment(state, **more),
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )


class Example:
    """A running example: its addresses, and what it printed."""

    def __init__(self, state: Path, *arguments: str, **more: str) -> None:
        self.port, self.cognito_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.state = state
        ports = ["--port", str(self.port), "--cognito-port", str(self.cognito_port)]
        self.output = state.with_suffix(".txt")
        self._file: IO[bytes] = self.output.open("wb")
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-W", "error", "-m", "example_project", *ports, *arguments],
            env=environment(state, **more),
            cwd=ROOT,
            stdout=self._file,
            stderr=subprocess.STDOUT,
        )

    @property
    def printed(self) -> str:
        return self.output.read_text()

    def wait_until_it_runs(self) -> None:
        while "Press Ctrl+C" not in self.printed:
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(self.printed)

    def stop(self, by: int = signal.SIGINT) -> int:
        self.process.send_signal(by)
        code = self.process.wait(STOPS_WITHIN)
        self._file.close()
        return code


@contextmanager
def running(state: Path, *arguments: str, **more: str) -> Generator[Example]:
    example = Example(state, *arguments, **more)
    try:
        example.wait_until_it_runs()
        yield example
    finally:
        if example.process.poll() is None:
            example.stop()


class User:
    """A user at the example site, who reads codes off its start page as anyone would."""

    def __init__(self, example: Example) -> None:
        self.example = example
        self.url = example.url
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)
        self.page = ""
        self.status = 0
        self.headers = Message()

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def heading(self) -> str:
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.page, re.DOTALL)
        return html.unescape(found[1]).strip() if found else ""

    def open(self, path: str, headers: Mapping[str, str] | None = None) -> str:
        """Follow an address to the page that it ends at."""
        return self._go(
            urllib.request.Request(urljoin(self.url, path), headers=dict(headers or {}))  # noqa: S310
        )

    def submit(self, action: str = "", **fields: str) -> str:
        """Send the form of this page, or the one with ``action``, as the browser would."""
        forms = re.findall(r"<form\b.*?</form>", self.page, re.DOTALL)
        form = next(form for form in forms if self._action(form) == (action or self.path))
        hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form))
        data = urlencode({**{k: html.unescape(v) for k, v in hidden.items()}, **fields}).encode()
        url = urljoin(self.url, action or self.url)
        return self._go(urllib.request.Request(url, data, {"Referer": self.url}))  # noqa: S310

    def links(self) -> list[str]:
        found = re.findall(r'<a\b[^>]*\bhref="([^"]+)"', self.page)
        return [html.unescape(link) for link in found]

    def sign_in(self, username: str, password: str, *, then: str = "/private/") -> str:
        """Open a page that needs a sign-in, and enter the password."""
        self.open(then)
        return self.submit(username=username, password=password)

    def codes(self, username: str) -> list[str]:
        """Return the codes of a user as the start page shows them, the one to confirm a setup last."""
        page = User(self.example).open("/")
        cell = re.search(rf'data-example-user="{username}">(.*?)</td>', page, re.DOTALL)
        assert cell, page
        return re.findall(r"<code>([\d ]+)</code>", cell[1])

    def _action(self, form: str) -> str:
        tag = form[: form.index(">")]
        found = re.search(r'action="([^"]*)"', tag)
        return urlsplit(urljoin(self.url, html.unescape(found[1]))).path if found else self.path

    def _go(self, request: urllib.request.Request) -> str:
        try:
            response: HTTPResponse = self._opener.open(request, timeout=20)
        except HTTPError as error:
            response = error  # type: ignore[assignment]
        with response:
            self.page = response.read().decode()
            self.url, self.status = response.geturl(), response.status
            self.headers = response.headers
        return self.page
