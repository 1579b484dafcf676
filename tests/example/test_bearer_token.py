"""The lines of the start page that call the example with a bearer token, pasted into a shell."""

from __future__ import annotations

import html
import json
import re
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.example.process import Example, User, environment, running

NO_PROXY = {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}


@pytest.fixture
def example(tmp_path: Path) -> Generator[Example]:
    with running(tmp_path / "state") as started:
        yield started


def lines(example: Example) -> str:
    page = User(example).open("/")
    found = re.search(r'<pre class="example-text"[^>]*><code>(.*?)</code>', page, re.DOTALL)
    return html.unescape(found[1]) if found else ""


def pasted(example: Example, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - lines of our own page
        ["/bin/sh", "-c", text],
        env=environment(example.state, **NO_PROXY),
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_the_lines_of_the_start_page_call_the_site_with_a_bearer_token(example: Example) -> None:
    text = lines(example)
    done = pasted(example, text)
    assert done.stderr == ""
    assert json.loads(done.stdout) == {"username": "regular", "mfa": True}

    refused = pasted(example, text.replace("Regular-1", "Wrong-1"))
    assert "Incorrect username or password." in refused.stderr
    assert "username" not in refused.stdout

    user = User(example)
    user.open("/who-am-i/", {"Authorization": "Bearer e30.e30.e30"})
    assert (user.status, json.loads(user.page)["code"]) == (401, "invalid_token")
    user.open("/who-am-i/")
    assert (user.status, user.headers["WWW-Authenticate"]) == (401, "Bearer")

    # A user who chose another password does not find lines that would fail.
    user.open("/account/password/reset/")
    user.submit(username="regular")
    sent = re.search(r'class="example-sent">.*?(\d{6})', User(example).open("/"), re.DOTALL)
    assert sent
    user.submit(code=sent[1], new_password1="Brand-New-Horse-7", new_password2="Brand-New-Horse-7")
    assert lines(example) == ""
