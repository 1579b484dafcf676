"""Run Python with DATABASE_URL naming a PostgreSQL; say so and stop where there is none.

python tests/on_postgresql.py -m pytest
"""

from __future__ import annotations

import os
import subprocess
import sys

SKIPPED = (
    "Skipped: there is no PostgreSQL. COGNITO_MFA_TEST_DATABASE_URL would name it, "
    "as in postgres://me:password@localhost/postgres.\n"
)


def main(arguments: list[str]) -> int:
    url = os.environ.get("COGNITO_MFA_TEST_DATABASE_URL")
    if not url:
        sys.stdout.write(SKIPPED)
        return 0
    command = [sys.executable, *arguments]
    return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
