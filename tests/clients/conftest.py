"""Programs of others in front of the HTTP server, each as its users run it. One that is not installed
is skipped with a sentence, unless COGNITO_MFA_TEST_CLIENTS=required."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules.state import DeviceTracking
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID

REQUIRED = os.environ.get("COGNITO_MFA_TEST_CLIENTS") == "required"
PATIENCE = 120
SCRIPTS = Path(__file__).parent / "javascript"
CALLBACK, BYE = "https://site.example/callback", "https://site.example/bye"


@dataclass(frozen=True)
class Site:
    """A running local Cognito, and what a program must be told to use it."""

    cognito: LocalCognito
    pool: LocalPool
    url: str
    home: Path = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of this machine but where its programs are."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
        }

    def ask_aws(self, operation: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``aws cognito-idp`` with this operation and these arguments, at the local endpoint."""
        command = [sys.executable, "-m", "awscli", "cognito-idp", operation]
        return self.run([*command, *arguments, "--endpoint-url", self.url])

    def run(self, command: list[str], **extra: str) -> subprocess.CompletedProcess[str]:
        """The program's output, whatever its exit code."""
        return subprocess.run(  # noqa: S603 - the tests' own commands
            command,
            env={**self.environment, **extra},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )


@pytest.fixture(scope="session", autouse=True)
def programs_are_installed() -> None:
    """Skip or fail where only some of the programs are: no other run of the tests installs them."""
    if importlib.util.find_spec("awscli") is None:
        missing("The AWS CLI", "run `tox run -e clients`")


@pytest.fixture
def site(mfa: str, tmp_path: Path) -> Iterator[Site]:
    """A pool with an app client and no one in it, behind the HTTP server."""
    cognito = LocalCognito()
    tracking = DeviceTracking(replaces_mfa=True)
    pool = cognito.create_pool(POOL_ID, mfa=mfa, device_tracking=tracking)
    pool.create_client(CLIENT_ID)
    with cognito.serve() as server:
        yield Site(cognito, pool, server.url, tmp_path)


@pytest.fixture
def mfa() -> str:
    """Whether the pool asks for a second factor."""
    return "ON"


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


@pytest.fixture
def web_site(tmp_path: Path) -> Iterator[Site]:
    """A pool that requires MFA, with a user who has none yet, for clients in browsers."""
    cognito = LocalCognito()
    pool = cognito.create_pool(POOL_ID, mfa="ON")
    settings = {
        "CallbackURLs": [CALLBACK],
        "LogoutURLs": [BYE],
        "AllowedOAuthFlows": ["code"],
        "AllowedOAuthFlowsUserPoolClient": True,
        "AllowedOAuthScopes": ["openid", "email", "profile"],
    }
    pool.create_client(CLIENT_ID, settings=settings)
    address = {"email": "ada@example.com", "email_verified": "true"}
    pool.create_user("ada", password=PASSWORD, attributes=address)
    with cognito.serve() as server:
        yield Site(cognito, pool, server.url, tmp_path)


def missing(what: str, how: str) -> NoReturn:
    """Skips the test, or fails it where the clients are required."""
    text = f"{what} is not installed: {how}"
    if REQUIRED:
        pytest.fail(text)
    pytest.skip(text)


def program(name: str, how: str) -> str:
    """Where it is. Skips or fails the test where it is not."""
    return shutil.which(name) or missing(name, how)
