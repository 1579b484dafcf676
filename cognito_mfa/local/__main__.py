"""python -m cognito_mfa.local: a Cognito user pool for any program on this machine, until it is
interrupted. It parses arguments and prints; everything else is LocalCognito's.
"""

from __future__ import annotations

import argparse
import errno
import signal
import sys
import threading
from collections.abc import Sequence

from cognito_mfa.local.cognito import LocalCognito
from cognito_mfa.local.persistence import StateFileError
from cognito_mfa.local.wire.server import HttpServer

CANNOT_START = 1

DESCRIPTION = """\
Runs an Amazon Cognito user pool on this machine: true TOTP codes, rotating sessions,
signed tokens, and Cognito's own errors. For development and tests only."""

EPILOG = """\
Any AWS SDK or the AWS CLI can use it: give it the endpoint below, any region and any
credentials. To begin with a pool and an app client of fixed ids, as settings need them:

  python -m cognito_mfa.local --pool us-east-1_Example00 \\
      --client exampleclient0000000000000 --mfa ON --state pool.json"""

STARTED = """\
A local Cognito listens on {url}
  and answers to the names {hosts}
  {state}
  {pools}

Use it with any credentials, for example:
  export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION={region}
  aws cognito-idp list-user-pools --max-results 10 --endpoint-url {url}
  COGNITO_ENDPOINT_URL={url}   (for a site that runs the cognito_mfa example settings)

Codes and invitations that Cognito would have sent are at {url}/outbox
Press Ctrl-C to stop."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, or the process's own, and return its exit code."""
    options = parser().parse_args(arguments)
    try:
        cognito = LocalCognito(state_file=options.state, region=options.region, calls_kept=0)
        _make_pool(cognito, options)
        server = cognito.serve(options.port, options.host, allow_hosts=options.allow_host)
    except (StateFileError, ValueError) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(_why(error, options))
    stopping = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopping.set())
    with server:
        print(_started(cognito, server, options.state), flush=True)
        stopping.wait()
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    made = argparse.ArgumentParser(
        prog="python -m cognito_mfa.local",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--host", default="127.0.0.1", help="where to listen (default: %(default)s)")
    made.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="answer to this name too, besides localhost; for containers (repeatable)",
    )
    made.add_argument("--port", type=int, default=9229, help="default: %(default)s; 0 is any")
    made.add_argument("--state", metavar="FILE", help="keep everything in this file")
    made.add_argument("--region", default="us-east-1", help="default: %(default)s")
    made.add_argument("--pool", metavar="ID", help="make sure that this pool exists")
    made.add_argument("--client", metavar="ID", help="make sure that it has this app client")
    made.add_argument("--client-secret", metavar="TEXT", help="the secret of that client")
    made.add_argument("--mfa", choices=["OFF", "OPTIONAL", "ON"], default="OPTIONAL")
    return made


def _make_pool(cognito: LocalCognito, options: argparse.Namespace) -> None:
    """What the arguments name and the state does not have yet."""
    if options.pool is None:
        return
    if options.pool not in cognito.account.pools:
        cognito.create_pool(options.pool, mfa=options.mfa)
    pool = cognito.pool(options.pool)
    if options.client is not None and options.client not in pool.state.clients:
        pool.create_client(options.client, secret=options.client_secret)


def _started(cognito: LocalCognito, server: HttpServer, state: str | None) -> str:
    pools = ", ".join(f"{pool.id} (MFA {pool.state.mfa})" for pool in cognito.pools())
    return STARTED.format(
        url=server.url,
        hosts=server.hosts,
        region=cognito.account.region,
        state=f"State is kept in {state}." if state else "State is forgotten at the end (--state).",
        pools=f"Pools: {pools}" if pools else "There is no pool yet: create-user-pool, or --pool.",
    )


def _why(error: OSError, options: argparse.Namespace) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {options.port} on {options.host} is in use. Stop what listens there, "
            "or choose another with --port."
        )
    return str(error)


def _refuse(text: str) -> int:
    print(f"The local Cognito cannot start: {text}", file=sys.stderr)
    return CANNOT_START


if __name__ == "__main__":
    sys.exit(main())
