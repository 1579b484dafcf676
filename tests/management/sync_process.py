"""``cognito_mfa_sync`` in a process of its own, with a file for its database: small batches, and one call at a time."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cognito_mfa.local import faults
from cognito_mfa.local.wire.messages import WireResponse

SYNC = """
import json, sys
from django.conf import settings
users, batch, url, database, *arguments = sys.argv[1:]
settings.configure(
    SECRET_KEY="x" * 50,
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "cognito_mfa"],
    MIGRATION_MODULES=dict.fromkeys(("auth", "contenttypes", "cognito_mfa")),
    COGNITO_MFA={"USER_POOL_ID": "us-east-1_Example00", "CLIENT_ID": "exampleclient0000000000000", "ENDPOINT_URL": url},
)
import django
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command, execute_from_command_line
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.pool_sync import synchronization
synchronization.BATCH, synchronization.WRITE_EVERY = int(batch), 600.0
subs = json.loads(users)
if subs:
    call_command("migrate", run_syncdb=True, verbosity=0)
    for name, sub in subs.items():
        user = User.objects.create(username=name)
        CognitoIdentity.objects.create(user=user, pool_id=settings.COGNITO_MFA["USER_POOL_ID"], sub=sub, username=name)
options = ["--rate", "1000", "--concurrency", "1", "--skip-checks"]
execute_from_command_line(["manage.py", "cognito_mfa_sync", *options, *arguments])
"""
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}


def start_sync(
    users: dict[str, str],
    url: str,
    database: Path,
    batch: int,
    *arguments: str,
    redirection: str = "",
) -> subprocess.Popen[str]:
    """Start a run, as an operator does in a shell.

    Args:
        users: the subs by username of those who are made first, with the database.
        url: of Cognito.
        database: the file.
        batch: users whose answers are written together.
        *arguments: of the command.
        redirection: of its output, for the shell.
    """
    given = [json.dumps(users), str(batch), url, str(database), *arguments]
    command = shlex.join([sys.executable, "-c", SYNC, *given])
    begin = "set -o pipefail; " if "|" in redirection else "exec "
    return subprocess.Popen(  # noqa: S603 - our own command
        ["/bin/bash", "-c", f"{begin}{command} {redirection}"],
        env={**os.environ, **CREDENTIALS},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def rows(database: Path, condition: str) -> int:
    """Return how many identities there are in the file that meet a condition."""
    connection = sqlite3.connect(database)
    query = f"SELECT count(*) FROM cognito_mfa_cognitoidentity WHERE {condition}"  # noqa: S608
    number = int(connection.execute(query).fetchone()[0])
    connection.close()
    return number


@dataclass
class Meanwhile:
    """The ordinary answer, and then something happens before it arrives."""

    act: Callable[[], object]
    name: str = "Meanwhile"

    def play(self, execute: faults.Execute) -> WireResponse:
        response = execute().response()
        self.act()
        return response
