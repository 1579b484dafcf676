"""Start the example: ``python -m example_project``.

Creates what it needs, starts the local Cognito unless the environment names a pool, and runs the site.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
SITE_PORT, COGNITO_PORT = 8000, 9229
PORTS_TRIED = 20

DESCRIPTION = "Run the example site of django-cognito-mfa with a local Cognito."
EPILOG = """\
With COGNITO_USER_POOL_ID and COGNITO_CLIENT_ID in the environment, the site uses that user pool instead, and no local
Cognito is started. COGNITO_CLIENT_SECRET is the secret of the app client, and COGNITO_ENDPOINT_URL the address of
another emulator. EXAMPLE_SUPERUSER is the sub of the user who may use the admin."""


class CannotStart(Exception):
    """The example cannot start; the arguments say why and what to do."""


def main() -> int:
    """Run the example until it is interrupted, and return the exit code."""
    options = _options()
    with ExitStack() as running:
        try:
            text = _start(options, running)
        except CannotStart as refusal:
            from example_project import terminal

            return terminal.refuse(*refusal.args)
        signals = running.enter_context(_signals())
        print(text, flush=True)
        signals.recv(1)
    print("\n  Stopped.", flush=True)
    return 0


def _start(options: argparse.Namespace, running: ExitStack) -> str:
    """Start everything, and return what to print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    own_pool = bool(os.environ.get("COGNITO_USER_POOL_ID"))
    if own_pool and not os.environ.get("COGNITO_CLIENT_ID"):
        raise CannotStart(
            "COGNITO_USER_POOL_ID is set, but COGNITO_CLIENT_ID is not.",
            "Set it to the id of an app client of that user pool.",
        )
    site = _free_port("--port", options.port, SITE_PORT)
    cognito = 0 if own_pool else _free_port("--cognito-port", options.cognito_port, COGNITO_PORT)
    chosen = {
        "EXAMPLE_SITE_URL": f"http://{HOST}:{site}",
        "EXAMPLE_COGNITO_URL": f"http://{HOST}:{cognito}",
        "EXAMPLE_POOL_MFA": options.pool_mfa,
    }
    os.environ.update(chosen, EXAMPLE_VERBOSE=str(options.verbose))
    from example_project import settings

    running.enter_context(_alone(settings.STATE, settings.RUN, fresh=options.fresh))
    settings.RUN.write_text("".join(f"{name}={value}\n" for name, value in chosen.items()))
    _prepare_database()
    from example_project import server, terminal

    text = _own_pool_text() if own_pool else _start_cognito(cognito, running)
    running.enter_context(server.serve(HOST, site))
    running.enter_context(terminal.ctrl_c_to_this_process_only())
    return text


@contextmanager
def _alone(state: Path, run: Path, *, fresh: bool) -> Generator[None]:
    """Keep a second example away from the same data, and delete the data if that was asked for."""
    state.parent.mkdir(parents=True, exist_ok=True)
    with state.with_suffix(".lock").open("a+") as lock:
        if not _locked(lock):
            raise CannotStart(
                "The example is already running.",
                f"Open {_last_url(run)}, or press Ctrl+C in its terminal and start again.",
            )
        if fresh:
            shutil.rmtree(state, ignore_errors=True)
        state.mkdir(exist_ok=True)
        yield


def _last_url(run: Path) -> str:
    lines = dict(line.split("=", 1) for line in run.read_text().splitlines())
    return lines["EXAMPLE_SITE_URL"]


def _locked(file: Any) -> bool:
    try:
        import fcntl
    except ImportError:  # not on Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _prepare_database() -> None:
    import django
    from django.core.management import call_command
    from django.core.management.base import BaseCommand, SystemCheckError

    django.setup()
    try:
        BaseCommand().check()
    except SystemCheckError as error:
        raise CannotStart("The settings are not valid.", str(error).strip()) from None
    with _readable_data():
        call_command("migrate", verbosity=0)


@contextmanager
def _readable_data() -> Generator[None]:
    """Say what to do about data of another version."""
    from django.db import DatabaseError

    from cognito_mfa.local.persistence import StateFileError

    try:
        yield
    except (DatabaseError, StateFileError, LookupError) as error:
        raise CannotStart(
            "The example’s data is from another version, or incomplete.",
            "Use --fresh to start over.",
            f"({type(error).__name__}: {error})",
        ) from error


def _start_cognito(port: int, running: ExitStack) -> str:
    from cognito_mfa.local import LocalCognito
    from example_project import demo_users, settings, terminal

    with _readable_data():
        cognito = running.enter_context(
            LocalCognito(state_file=settings.STATE / "pool.json", calls_kept=0)
        )
        demo_users.prepare(cognito)
    url = running.enter_context(cognito.serve(port, HOST)).url
    return terminal.banner(settings.SITE_URL, url, settings.POOL_MFA, demo_users.shown())


def _own_pool_text() -> str:
    from cognito_mfa.conf import get_conf
    from example_project import own_pool, settings, terminal

    with _readable_data():
        own_pool.link_superuser()
    conf = get_conf()
    place = conf.ENDPOINT_URL or f"AWS, {conf.REGION}"
    return terminal.banner_of_own_pool(settings.SITE_URL, conf.USER_POOL_ID, place)


@contextmanager
def _signals() -> Generator[socket.socket]:
    """Give a socket that receives a byte for each Ctrl+C, and for the end that tox or a terminal asks for.

    Other ways of waiting may sleep through a signal that comes just before them. A second one changes nothing while
    both servers are being closed.
    """
    receiver, sender = socket.socketpair()
    with receiver, sender:
        sender.setblocking(False)
        signal.set_wakeup_fd(sender.fileno())
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, lambda *_: None)
        try:
            yield receiver
        finally:
            signal.set_wakeup_fd(-1)


def _free_port(flag: str, wanted: int | None, default: int) -> int:
    """Return the port that was asked for, or the first free one from the default on."""
    if wanted is None:
        candidates = range(default, default + PORTS_TRIED)
        return next((port for port in candidates if not _is_taken(port)), default)
    if _is_taken(wanted):
        raise CannotStart(
            f"Port {wanted} is already in use.",
            f"Stop the other process or choose another port with {flag}.",
        )
    return wanted


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return True
    return False


def _options() -> argparse.Namespace:
    under_tox = "TOX_ENV_NAME" in os.environ
    parser = argparse.ArgumentParser(
        prog="tox run -e example --" if under_tox else "python -m example_project",
        description=DESCRIPTION,
        epilog=EPILOG,
    )
    parser.add_argument(
        "--port", type=int, help=f"port of the site (default: {SITE_PORT}, or the next free one)"
    )
    parser.add_argument(
        "--cognito-port",
        type=int,
        help=f"port of the local Cognito (default: {COGNITO_PORT}, or the next free one)",
    )
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="delete all users, authenticator apps, and sessions first",
    )
    parser.add_argument(
        "--pool-mfa",
        choices=("ON", "OPTIONAL"),
        default="ON",
        help="whether the local user pool requires MFA; OPTIONAL keeps its own data, and adds a demo user "
        "who does not need MFA (default: %(default)s)",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="also print each request and the app's log"
    )
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # while starting
        sys.exit(0)
