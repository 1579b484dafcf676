"""The line for the AWS CLI that the example prints, pasted as it stands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.example.process import ROOT, environment, running


def test_the_printed_line_works_as_it_is_printed(tmp_path: Path) -> None:
    """No credentials of the machine have a part in it: there are none."""
    state = tmp_path / "state"
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with running(state) as example:
        line = next(line for line in example.printed.splitlines() if " aws cognito-idp " in line)
        done = subprocess.run(  # noqa: S602 - as a user pastes it
            line,
            shell=True,
            cwd=ROOT,
            env=environment(state, PATH=programs, HOME=str(tmp_path), AWS_PAGER=""),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    users = [user["Username"] for user in json.loads(done.stdout)["Users"]]
    assert sorted(users) == ["admin", "invited", "newcomer", "regular"]
