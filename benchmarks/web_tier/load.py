"""Sign-ins through the pages of a whole site, with workers killed, compared with django-allauth.

python benchmarks/web_tier/load.py [--seconds 30] [--clients 8] [--servers gunicorn uvicorn] [--workers 3]

The stack is PostgreSQL, Redis (cache and sessions), gunicorn (WSGI) or uvicorn (ASGI) with several workers, and the local
Cognito in a separate process, which answers after 50 milliseconds. A sign-in is five requests: both pages, the password, the
code, and the page for signed-in users. A few more pages follow. Codes are real, and each is used once.

First, the sites take turns for the ratio. Then three of our workers are killed with SIGKILL, one after another, and every
user whose sign-in was interrupted signs in again. Every tenth user of this part is new and sets up an authenticator app. At
the end, each row is compared with Cognito, and each session with what Cognito has authenticated. The script exits with 1 if
a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from stack import ALLAUTH, HERE, OURS, Options, Server, Stack, started, stop

TURNS = 2
PAGES = 3  # after each sign-in


class Visitors:
    """The process of the users, for one period."""

    def __init__(self, server: Server, job: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "visitors.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        json.dump({**job, "port": server.port}, self._process.stdin)
        self._process.stdin.close()

    def wait_until_ready(self) -> None:
        """Wait for the line that says that the steady load begins."""
        assert self._process.stdout
        if not self._process.stdout.readline():
            raise SystemExit("the users' process failed")

    def result(self) -> dict[str, Any]:
        """Wait for the end, and return what they saw."""
        assert self._process.stdout
        seen: dict[str, Any] = json.loads(self._process.stdout.read())
        self._process.wait()
        return seen


class Run:
    """What happens on one kind of server."""

    def __init__(self, stack: Stack, options: argparse.Namespace) -> None:
        self._stack, self._options = stack, options
        people = [
            {name: one[name] for name in ("username", "password", "secret")}
            for one in stack.cognito.users
        ]
        users = [one for one in people if one["secret"]]
        newcomers = [one for one in people if not one["secret"]]
        self._people: dict[str, list[list[dict[str, Any]]]] = {
            OURS: [users, newcomers],
            ALLAUTH: [users, []],
        }
        self.sign_ins: list[dict[str, Any]] = []  # of ours

    def visit(
        self, server: Server, site: str, *, seconds: float, kills: bool = False
    ) -> dict[str, Any]:
        """Let the users sign in for a while.

        Args:
            server: of the site.
            site: ours or the peer.
            seconds: how long.
            kills: whether workers are killed.
        """
        users, newcomers = self._people[site]
        job = {
            "site": site,
            "seconds": seconds,
            "clients": self._options.clients,
            "pages": PAGES,
            "newcomer_every": 10 if kills else 0,  # the peer's users set nothing up
            "users": users,
            "newcomers": newcomers,
            "repair": kills,
        }
        visitors = Visitors(server, job)
        for _kill in range(self._options.kills if kills else 0):
            time.sleep(seconds / (self._options.kills + 1))
            print(f"  killed worker {server.kill_worker()}")
        seen = visitors.result()
        self._people[site] = seen["people"]
        if site == OURS:
            self.sign_ins += seen["sign_ins"]
        return {**seen, "seconds": seconds}

    def compare(self) -> dict[str, Any]:
        """Return what does not agree between the site and Cognito."""
        done = Counter(one["username"] for one in self.sign_ins if one["outcome"] == "done")
        given = {
            "truth": self._stack.cognito.truth(),
            "sessions": self._stack.session_keys(),
            "done": done,
        }
        found: dict[str, Any] = json.loads(
            self._stack.run(OURS, "configured.py", "consistency", given=given)
        )
        return found


def rate(seen: dict[str, Any]) -> float:
    """Return how many sign-ins were done in a second."""
    done = [one for one in seen["sign_ins"] if one["outcome"] == "done" and not one["repeated"]]
    return len(done) / float(seen["seconds"])


def centiles(values: list[float]) -> str:
    """Return the 50th, 95th, and 99th centile in milliseconds."""
    if len(values) < 2:
        return "–"
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return " / ".join(f"{1000 * cuts[at]:.0f}" for at in (49, 94, 98))


def show(name: str, seen: dict[str, Any]) -> None:
    """Print what one period was like."""
    print(f"{name}: {rate(seen):.1f} sign-ins a second", end="")
    print(f" (starved {seen['starved']:.0f} s)" if seen["starved"] > 1 else "")
    done = [one["seconds"] for one in seen["sign_ins"] if one["outcome"] == "done"]
    print(f"  whole sign-in, ms p50 / p95 / p99: {centiles(done)}")
    for what in ("password", "code", "setup", "page"):
        took = [one["seconds"] for one in seen["requests"] if one["what"] == what]
        print(f"  {what}: {centiles(took)}")
    statuses = Counter(one["status"] for one in seen["requests"])
    print(f"  statuses: {dict(sorted(statuses.items()))} (0: the connection broke)")
    for (outcome, repeated), number in Counter(
        (one["outcome"], one["repeated"]) for one in seen["sign_ins"] if one["outcome"] != "done"
    ).items():
        print(f"  {number} times {outcome}" + (f" → when repeated: {repeated}" if repeated else ""))


def faults_of(seen: dict[str, Any], *, may_break: bool) -> list[str]:
    """Return what must not happen.

    Args:
        seen: by the users.
        may_break: workers were killed.
    """
    found = [
        f"{one['what']} answered {one['status']}"
        for one in seen["requests"]
        if one["status"] >= 500 or (one["status"] == 0 and not may_break)
    ]
    found += [one["outcome"] for one in seen["sign_ins"] if "refused" in one["outcome"]]
    return found


def measure(stack: Stack, name: str, options: argparse.Namespace) -> list[str]:
    """Run all of it on one server, print it, and return the goals that were missed.

    Args:
        stack: what was started.
        name: gunicorn or uvicorn.
        options: of the command line.
    """
    run = Run(stack, options)
    missed: list[str] = []
    rates: dict[str, list[float]] = {}
    for site in options.sites:
        stack.run(site, "configured.py", "fill", given=stack.cognito.users)
    servers = {site: stack.serve(name, site) for site in options.sites}
    for site, server in servers.items():
        run.visit(server, site, seconds=3)  # warm-up
    for turn in range(TURNS if len(servers) > 1 else 1):
        for site, server in servers.items():
            seen = run.visit(server, site, seconds=options.seconds / TURNS)
            rates.setdefault(site, []).append(rate(seen))
            show(f"{name}, {site}, turn {turn + 1}", seen)
            missed += faults_of(seen, may_break=False)
    seen = run.visit(servers[OURS], OURS, seconds=options.seconds, kills=True)
    show(f"{name}, {OURS}, workers killed", seen)
    missed += faults_of(seen, may_break=True)
    compared = run.compare()
    print(f"  compared: {compared['figures']}")
    missed += compared["faults"]
    for server in servers.values():
        missed += [f"{name}'s log: {line}" for line in server.complaints()]
        stop(server.process)
    if ALLAUTH in rates:
        pairs = zip(rates[OURS], rates[ALLAUTH], strict=True)
        ratios = [ours / theirs for ours, theirs in pairs if theirs] or [0.0]
        print(f"{name}: sign-ins a second, ours / django-allauth: {statistics.median(ratios):.2f}")
    return missed


def parser() -> argparse.ArgumentParser:
    made = parser_of_stack(__doc__.splitlines()[0])
    made.add_argument("--seconds", type=float, default=30.0, help="of each part")
    made.add_argument("--clients", type=int, default=8, help="at the same time")
    made.add_argument("--kills", type=int, default=3, help="workers that are killed")
    made.add_argument("--servers", nargs="+", default=["gunicorn", "uvicorn"])
    made.add_argument("--sites", nargs="+", default=[OURS, ALLAUTH])
    return made


def parser_of_stack(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options of the stack."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--workers", type=int, default=3)
    made.add_argument("--threads", type=int, default=8, help="of each gunicorn worker")
    made.add_argument("--users", type=int, default=600)
    made.add_argument("--sessions", choices=["cache", "cached_db", "db"], default="cache")
    made.add_argument("--atomic", action="store_true", help="ATOMIC_REQUESTS")
    made.add_argument("--conn-max-age", type=int, default=0, help="seconds")
    made.add_argument("--logs", type=Path, help="folder where the servers' logs are kept")
    made.add_argument("--preload", action="store_true", help="gunicorn forks a loaded site")
    made.add_argument("--max-requests", type=int, default=0, help="gunicorn replaces workers")
    return made


def stack_options(given: argparse.Namespace) -> Options:
    """Return how the command line wants the stack."""
    return Options(
        workers=given.workers,
        threads=given.threads,
        sessions=given.sessions,
        atomic=given.atomic,
        conn_max_age=given.conn_max_age,
        preload=given.preload,
        max_requests=given.max_requests,
        logs=given.logs,
        users=given.users,
        newcomers=max(1, given.users // 10),
    )


def main() -> int:
    options, missed = parser().parse_args(), []
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; {vars(options)}")
    for name in options.servers:
        with started(stack_options(options), options.sites) as stack:
            missed += measure(stack, name, options)
    for text, number in Counter(missed).most_common():
        print(f"MISSED ({number} times): {text}")
    goal = "nothing lost, no 5xx, and every account as at Cognito"
    print(f"goal: {goal}: {'missed' if missed else 'reached'}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
