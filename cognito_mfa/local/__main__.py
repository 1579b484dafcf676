"""The command ``python -m cognito_mfa.local``, which runs the local Cognito as a server.

It parses arguments and prints. ``LocalCognito`` does everything else.
"""

from __future__ import annotations

import argparse
import errno
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from cognito_mfa.local import behavior as behaviors
from cognito_mfa.local.cognito import LocalCognito
from cognito_mfa.local.persistence import StateFileError
from cognito_mfa.local.rules import lambda_config
from cognito_mfa.local.wire.server import HttpServer

CANNOT_START = 1
#: Seconds between two looks whether it should stop.
LOOKS_EVERY = 1.0
MOST_LATENCY = 60_000  # milliseconds
#: As --issuer without a URL: that of the server, which is known once it listens.
SERVED = "served"
EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 - these are looked for

DESCRIPTION = """\
Runs an Amazon Cognito emulator on this machine, with real TOTP codes, rotating sessions,
signed tokens, and Cognito's own errors. For development and tests only."""

EPILOG = """\
Any AWS SDK and the AWS CLI can use it with the endpoint that it prints, any Region, and any
credentials. To create a user pool and an app client with fixed ids:

  python -m cognito_mfa.local --pool us-east-1_Example00 \\
      --client exampleclient0000000000000 --mfa ON --state pool.json"""

STARTED = """\
The local Cognito is running at {url}
  Host names: {hosts}
  {state}
  {pools}

Use it with any credentials, for example:
  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION={region}
  aws cognito-idp list-user-pools --max-results 10 --endpoint-url {url}

In a Django site that uses django-cognito-mfa, set COGNITO_MFA["ENDPOINT_URL"] to {url}.

Codes and invitations that Cognito would have sent: {url}/outbox
Ready as soon as this answers: {url}/health
Press Ctrl+C to stop."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: the command line; by default that of the process.
    """
    options = parser().parse_args(arguments)
    if options.trigger and options.pool is None:
        return _refuse("--trigger needs --pool.")
    if options.issuer == SERVED and options.host in EVERY_ADDRESS:
        return _refuse(f"--issuer needs a URL with --host {options.host!r}, which is no address.")
    try:
        cognito = LocalCognito(
            state_file=options.state,
            region=options.region,
            calls_kept=0,
        )
        cognito.functions.update(options.function)
        _make_pool(cognito, options)
        cognito.behave(**_switches(options))
        server = cognito.serve(options.port, options.host, allow_hosts=options.allow_host)
        if options.issuer == SERVED:
            cognito.behave(issuer=server.url)
    except (StateFileError, ValueError) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(_why(error, options))
    stops: SimpleQueue[int] = SimpleQueue()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, _: stops.put(number))
    with cognito, server:
        print(_started(cognito, server, options.state), flush=True)
        _wait(stops)
    return 0


def _wait(stops: SimpleQueue[int]) -> None:
    """Wait for a signal.

    Its handler runs in this thread, so that it may interrupt any line of it: this queue can be put
    to then, and an event could not be set. A signal that comes just before the wait begins does not
    end it, which is why it ends by itself.
    """
    while True:
        with suppress(Empty):
            stops.get(timeout=LOOKS_EVERY)
            return


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m cognito_mfa.local",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    made.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="additional host name to accept besides localhost, for containers (repeatable)",
    )
    made.add_argument(
        "--port",
        type=int,
        default=9229,
        help="port to listen on; 0 for any free port (default: %(default)s)",
    )
    made.add_argument("--state", metavar="FILE", help="file in which to keep the data")
    made.add_argument("--region", default="us-east-1", help="AWS Region (default: %(default)s)")
    made.add_argument("--pool", metavar="ID", help="user pool to create if it does not exist")
    made.add_argument(
        "--client", metavar="ID", help="app client to create in the pool if it does not exist"
    )
    made.add_argument("--client-secret", metavar="TEXT", help="secret of the app client")
    made.add_argument(
        "--mfa",
        choices=["OFF", "OPTIONAL", "ON"],
        default="OPTIONAL",
        help="MFA setting of the created pool (default: %(default)s)",
    )
    made.add_argument(
        "--latency",
        metavar="MS",
        type=_milliseconds,
        help="milliseconds before each answer, as AWS and the network take (default: none)",
    )
    _add_behaviors(made)
    _add_functions(made)
    return made


def _add_functions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--function",
        metavar="NAME=URL",
        type=_function,
        action="append",
        default=[],
        help="address that receives the events for a function, which LambdaConfig names by its ARN "
        "(NAME: the ARN or the name in it; repeatable)",
    )
    parser.add_argument(
        "--trigger",
        metavar="TRIGGER=URL",
        type=_function,
        action="append",
        default=[],
        help="address that receives the events for a Lambda trigger of the pool of --pool, such as "
        "PreSignUp or PreTokenGeneration:V2_0 (repeatable)",
    )


def _add_behaviors(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--issuer",
        metavar="URL",
        nargs="?",
        const=SERVED,
        help="URL that the issuer in tokens and OpenID configuration begins with, instead of that "
        "of AWS (without a URL: the one that is printed)",
    )
    parser.add_argument(
        "--behavior",
        metavar="NAME=VALUE",
        type=_switch,
        action="append",
        default=[],
        help="behavior to change, where it is not known how Cognito does (repeatable)",
    )
    parser.add_argument(
        "--behaviors", action=_ListBehaviors, nargs=0, help="list the behaviors and exit"
    )


class _ListBehaviors(argparse.Action):
    """As --help does."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(behaviors.listed())
        parser.exit()


def _function(text: str) -> tuple[str, str]:
    name, equals, url = text.partition("=")
    if not (name and equals and url):
        raise argparse.ArgumentTypeError("must be NAME=URL")
    return name, url


def _switch(text: str) -> tuple[str, Any]:
    try:
        return behaviors.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _switches(options: argparse.Namespace) -> dict[str, Any]:
    """Return the behavior that the arguments ask for. What is not named stays as the state file has
    it, but for the issuer, which is an address of this process."""
    switches = {"issuer": None, **dict(options.behavior)}
    if options.latency is not None:
        switches["latency"] = options.latency / 1000
    if options.issuer not in (None, SERVED):
        switches["issuer"] = options.issuer
    return switches


def _milliseconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= MOST_LATENCY:
        raise argparse.ArgumentTypeError(f"must be between 0 and {MOST_LATENCY}")
    return value


def _make_pool(cognito: LocalCognito, options: argparse.Namespace) -> None:
    """Create the pool and the app client that the arguments name, if they do not exist."""
    if options.pool is None:
        return
    if options.pool not in cognito.account.pools:
        cognito.create_pool(options.pool, mfa=options.mfa)
    pool = cognito.pool(options.pool)
    if options.client is not None and options.client not in pool.state.clients:
        pool.create_client(options.client, secret=options.client_secret)
    for name, url in options.trigger:
        trigger, _, version = name.partition(":")
        pool.set_trigger(trigger, url, version=version or None)


def _started(cognito: LocalCognito, server: HttpServer, state: str | None) -> str:
    pools = ", ".join(f"{pool.id} (MFA {pool.state.mfa})" for pool in cognito.pools())
    return STARTED.format(
        url=server.url,
        hosts=server.hosts,
        region=cognito.account.region,
        state=f"Data is kept in {state}." if state else "Data is lost when it stops (see --state).",
        pools=f"User pools: {pools}" if pools else "No user pools yet (see --pool).",
    ) + _missing(cognito)


def _missing(cognito: LocalCognito) -> str:
    """Say which functions the pools of a state file name and this process does not have."""
    named = {arn for pool in cognito.pools() for arn in lambda_config.arns(pool.state)}
    missing = sorted(arn for arn in named if cognito.functions.find(arn) is None)
    return "".join(
        f"\nNo function {arn}: calls fail that need it (see --function)." for arn in missing
    )


def _why(error: OSError, options: argparse.Namespace) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {options.port} on {options.host} is already in use. Stop the other process "
            "or choose another port with --port."
        )
    return str(error)


def _refuse(text: str) -> int:
    print(f"Cannot start the local Cognito: {text}", file=sys.stderr)
    return CANNOT_START


if __name__ == "__main__":
    sys.exit(main())
