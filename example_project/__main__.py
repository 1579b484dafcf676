"""Start the example: ``python -m example_project``.

Makes what it needs, starts the local Cognito unless the environment names a pool, and runs the site.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import sys
from contextlib import ExitStack

HOST = "127.0.0.1"


def main() -> int:
    options = _options()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")
    os.environ["EXAMPLE_COGNITO_URL"] = f"http://{HOST}:{options.cognito_port}"
    own_pool = bool(os.environ.get("COGNITO_USER_POOL_ID"))
    ports = {"--port": options.port} | (
        {} if own_pool else {"--cognito-port": options.cognito_port}
    )
    for flag, port in ports.items():
        if _is_taken(port):
            print(
                f"Port {port} is in use. Stop what runs there, or choose another with {flag}.",
                file=sys.stderr,
            )
            return 1
    with ExitStack() as running:
        _run(options, running, own_pool=own_pool)
    return 0


def _run(options: argparse.Namespace, running: ExitStack, *, own_pool: bool) -> None:
    import django
    from django.core.management import call_command

    from example_project.settings import STATE

    if options.fresh:
        shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(exist_ok=True)
    django.setup()
    call_command("migrate", verbosity=0)
    if own_pool:
        from example_project.policy import link_superuser

        link_superuser()
        _say_own_pool(options)
    else:
        _start_cognito(options, running)
    # tox hands on the Ctrl-C that the terminal has sent already; the second must not stop the first.
    running.callback(signal.signal, signal.SIGINT, signal.SIG_IGN)
    call_command("runserver", f"{HOST}:{options.port}", use_reloader=False)


def _start_cognito(options: argparse.Namespace, running: ExitStack) -> None:
    from cognito_mfa.local import LocalCognito
    from example_project import local_people
    from example_project.settings import COGNITO_MFA, STATE

    # Botocore signs administrators' calls; the local Cognito takes any credentials.
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "local")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "local")
    cognito = LocalCognito(state_file=STATE / "pool.json")
    pool = local_people.settle(
        cognito,
        pool_id=COGNITO_MFA["USER_POOL_ID"],
        client_id=COGNITO_MFA["CLIENT_ID"],
        mfa=options.pool_mfa,
    )
    local_people.link(pool)
    door = running.enter_context(cognito.serve(options.cognito_port, HOST))
    print(_banner(options, door.url, local_people.DEMOS), flush=True)


def _banner(
    options: argparse.Namespace, cognito_url: str, demos: tuple[tuple[str, str, str], ...]
) -> str:
    people = "\n".join(f"    {name:<9} {password:<16} {what}" for name, password, what in demos)
    return f"""
  The example site   http://{HOST}:{options.port}
  The local Cognito  {cognito_url}   (state survives a restart; --fresh forgets it)

  People, their passwords, and what to try:
{people}

  Open http://{HOST}:{options.port}/private/ as each of them. The start page says more.
  With the AWS CLI:  aws cognito-idp list-users --user-pool-id us-east-1_Example00 \\
                       --region us-east-1 --endpoint-url {cognito_url}
  Ctrl-C stops both.
"""


def _say_own_pool(options: argparse.Namespace) -> None:
    from cognito_mfa.conf import get_conf

    conf = get_conf()
    where = conf.ENDPOINT_URL or f"AWS, {conf.REGION}"
    print(
        f"\n  The example site  http://{HOST}:{options.port}\n"
        f"  The user pool     {conf.USER_POOL_ID} at {where}; no local Cognito is started\n\n"
        "  Sign in with somebody of that pool. The app client must allow USER_PASSWORD_AUTH.\n"
        "  For the admin, set EXAMPLE_SUPERUSER to the sub of somebody in the pool.\n",
        flush=True,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m example_project",
        description="Run the example site of django-cognito-mfa with a local Cognito.",
        epilog="With COGNITO_USER_POOL_ID and COGNITO_CLIENT_ID in the environment it uses that pool instead.",
    )
    parser.add_argument("--port", type=int, default=8000, help="of the site (default: %(default)s)")
    parser.add_argument(
        "--cognito-port", type=int, default=9229, help="of the local Cognito (default: %(default)s)"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="forget people, authenticators and sessions"
    )
    parser.add_argument(
        "--pool-mfa",
        choices=("OPTIONAL", "ON"),
        default="OPTIONAL",
        help="what the pool itself asks for; ON shows the MFA_SETUP challenge (takes effect with --fresh)",
    )
    return parser.parse_args()


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(0)
