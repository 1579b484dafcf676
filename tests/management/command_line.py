"""Commands as an operator runs them."""

from __future__ import annotations

import io

from django.core.management import CommandError, call_command


def run(command: str, *arguments: str) -> tuple[int, str]:
    """Return the exit code and everything that the command wrote."""
    out = io.StringIO()
    try:
        call_command(f"cognito_mfa_{command}", *arguments, stdout=out, stderr=out, no_color=True)
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    return 0, out.getvalue()
