"""Run Python with DATABASE_URL naming a PostgreSQL server; say so and stop where there is none.

python tests/on_postgresql.py -m pytest
"""

from __future__ import annotations

import os
import subprocess
import sys


def main(arguments: list[str]) -> int:
    url = os.environ.get("COGNITO_MFA_TEST_DATABASE_URL")
    if url:
        environment = {**os.environ, "DATABASE_URL": url}
        return subprocess.run([sys.executable, *arguments], env=environment, check=False).returncode  # noqa: S603
    print(
        "Skipped: COGNITO_MFA_TEST_DATABASE_URL names no PostgreSQL, as in postgres://me@localhost/mfa."
    )  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
