"""What the terminal shows, and who gets its Ctrl+C."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from example_project.demo_users import Shown

BOLD, GREEN, CYAN, RED, DIM = "1", "1;32", "1;36", "1;31", "2"
LABEL = 16


def under_tox() -> bool:
    """Return whether tox started this process."""
    return "TOX_ENV_NAME" in os.environ


def styled(text: str, style: str, stream: TextIO) -> str:
    """Return ``text`` in a style, unless the stream is no terminal or the user wants no colors.

    Args:
        text: what is shown.
        style: the parameters of an SGR escape sequence.
        stream: where it is shown.
    """
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb" or not stream.isatty()
    return text if plain else f"\033[{style}m{text}\033[0m"


def refuse(*sentences: str) -> int:
    """Print why the example does not start, and return the exit code.

    Below an error, tox would print that its evaluation failed. The sentences say what to do, so it is not told.
    """
    print(f"\n  {styled(sentences[0], RED, sys.stderr)}", file=sys.stderr)
    for sentence in sentences[1:]:
        print(f"  {sentence}", file=sys.stderr)
    print(file=sys.stderr, flush=True)
    return 0 if under_tox() else 1


def banner(site_url: str, cognito_url: str, pool_mfa: str, users: Sequence[Shown]) -> str:
    """Return what is printed when the site and the local Cognito run.

    Args:
        site_url: the address of the site.
        cognito_url: the address of the local Cognito.
        pool_mfa: whether the pool requires MFA.
        users: the demo users.
    """
    wide = max(len(user.username) for user in users) + 2
    lines = [
        _title("django-cognito-mfa: the example site is running"),
        _label("Open", styled(site_url, CYAN, sys.stdout)),
        _label("", "The page has the current codes, the emails, and what to try."),
        "",
        _title("Demo users and passwords"),
        *(
            f"  {user.username:<{wide}}{user.password or '(yours)':<17}{_dim(user.expectation)}"
            for user in users
        ),
        "",
        _title("Local Cognito"),
        _label("Endpoint", cognito_url),
        _label("User pool", f"us-east-1_Example00, MFA {_pool_words(pool_mfa)}"),
        _label("Data", "is kept between runs; use --fresh to start over"),
        "",
        _title("Commands to try in another terminal"),
        *(f"  {command}" for command in commands(cognito_url)),
        "",
        f"  Press {styled('Ctrl+C', BOLD, sys.stdout)} to stop. {_options_hint()}",
    ]
    return "\n" + "\n".join(lines) + "\n"


def banner_of_own_pool(site_url: str, pool_id: str, place: str) -> str:
    """Return what is printed when the site runs against a pool of the user's own.

    Args:
        site_url: the address of the site.
        pool_id: the user pool.
        place: where the pool is.
    """
    lines = [
        _title("django-cognito-mfa: the example site is running"),
        _label("Open", styled(site_url, CYAN, sys.stdout)),
        _label("User pool", f"{pool_id} at {place}"),
        "",
        "  COGNITO_USER_POOL_ID is set, so no local Cognito is started. Sign in as a user in that pool.",
        "  The app client must allow USER_PASSWORD_AUTH.",
        "  To use the admin, set EXAMPLE_SUPERUSER to the sub of a user in the pool.",
        "",
        f"  Press {styled('Ctrl+C', BOLD, sys.stdout)} to stop. {_options_hint()}",
    ]
    return "\n" + "\n".join(lines) + "\n"


def commands(cognito_url: str) -> list[str]:
    """Return commands that work as they are printed, while the example runs.

    Args:
        cognito_url: the address of the local Cognito.
    """
    manage = f"{_short(sys.executable)} {_short(str(Path(__file__).with_name('manage.py')))}"
    aws = (
        "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local aws cognito-idp list-users "
        f"--user-pool-id us-east-1_Example00 --region us-east-1 --endpoint-url {cognito_url}"
    )
    return [f"{manage} cognito_mfa_report", f"{manage} cognito_mfa_doctor", aws]


@contextmanager
def ctrl_c_to_this_process_only() -> Generator[None]:
    """Keep Ctrl+C from tox, which would report a crash. Where there is no terminal or no tox, do nothing.

    A terminal sends Ctrl+C to its foreground process group, and tox is in ours. So this process gets a group of
    its own, and puts that in the foreground, as a shell does with a program. At the end, tox is back there.
    """
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC) if under_tox() else None
    except OSError:
        terminal = None
    if terminal is None:
        yield
        return
    before = os.getpgrp()
    if os.tcgetpgrp(terminal) != before:  # in the background
        os.close(terminal)
        yield
        return
    # A shell would not know how to wake a program that it did not stop, and the change itself must not stop us.
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.setpgid(0, 0)
    os.tcsetpgrp(terminal, os.getpgrp())
    try:
        yield
    finally:
        os.tcsetpgrp(terminal, before)
        os.close(terminal)


def _title(text: str) -> str:
    return f"  {styled(text, GREEN, sys.stdout)}"


def _label(label: str, text: str) -> str:
    return f"  {label:<{LABEL}}{text}"


def _dim(text: str) -> str:
    return styled(text, DIM, sys.stdout)


def _pool_words(pool_mfa: str) -> str:
    other = "OPTIONAL" if pool_mfa == "ON" else "ON"
    words = {"ON": "required", "OPTIONAL": "optional"}
    return f"{words[pool_mfa]} (--pool-mfa {other} makes it {words[other]})"


def _options_hint() -> str:
    return f"All options: {_short(sys.executable)} -m example_project --help"


def _short(path: str) -> str:
    """Return a path as it is typed from here."""
    place = Path(path)
    here = Path.cwd()
    return shlex.quote(str(place.relative_to(here) if place.is_relative_to(here) else place))
