"""The local Cognito in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def started(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """A server of its own process, and where it listens."""
    process = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", "cognito_mfa.local", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first.startswith("The local Cognito is running at "), first
    return process, first.split()[-1]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A server that is expected not to start."""
    return subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "cognito_mfa.local", "--port", "0", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=30,
    )


def finished(process: subprocess.Popen[str]) -> Any:
    """The exit code, once the pipes are closed."""
    process.communicate(timeout=10)
    return process.returncode
