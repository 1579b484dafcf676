"""The AWS SDK for JavaScript v3 on Node.js, in a script as its users write one."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.conftest import PATIENCE, Site, program
from tests.local.caller import CLIENT_ID

SCRIPTS = Path(__file__).parent / "javascript"


@pytest.fixture(scope="session")
def node() -> str:
    return program("node", "Debian's package is nodejs")


@pytest.fixture(scope="session")
def project(node: str, pytestconfig: pytest.Config) -> Path:
    """The scripts beside what they import, installed once for each package.json."""
    npm = program("npm", "Debian's package is npm")
    wanted = (SCRIPTS / "package.json").read_bytes()
    folder = pytestconfig.cache.mkdir("javascript-" + hashlib.sha256(wanted).hexdigest()[:12])
    if not (folder / "installed").exists():
        (folder / "package.json").write_bytes(wanted)
        command = [
            npm,
            "install",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ]
        done = subprocess.run(  # noqa: S603 - npm, with the package.json of these tests
            command, cwd=folder, capture_output=True, text=True, timeout=5 * PATIENCE, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "installed").touch()
    for script in SCRIPTS.glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


def test_the_whole_way(site: Site, node: str, project: Path) -> None:
    def run(part: str, known: str = "") -> str:
        done = site.run(
            [node, str(project / "journey.mjs")],
            URL=site.url,
            CLIENT_ID=CLIENT_ID,
            CLOCK=str(site.cognito.clock.now()),
            PART=part,
            KNOWN=known,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    known = run("first")
    site.cognito.clock.advance(30)
    assert json.loads(run("later", known)) == {"username": "ada"}
