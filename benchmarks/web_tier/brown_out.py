"""Cognito dead, hanging, slow, and throttling under load: what users notice.

python benchmarks/web_tier/brown_out.py [--seconds 20] [--kinds dead hanging slow throttling]
    [--servers gunicorn uvicorn]

The stack is that of ``load.py``. Signed-in users load pages at a steady rate, and others try to sign in at a steady rate,
regardless of the outcome. Cognito fails for a while in each way, and answers in between. Each second, the script reads the
threads and connections of each worker from ``/proc``.

It prints the goals, and exits with 1 if one is missed. Longer runs, such as ``--seconds 120``, make the percentiles of the
pages steadier.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from load import Visitors, parser_of_stack, stack_options
from stack import OURS, Server, Stack, started, stop, usage_of

KINDS = ("dead", "hanging", "slow", "throttling")
SERVERS = ("gunicorn", "uvicorn")
SETTLES = 5.0  # seconds of load before anything is counted
DEADLINE = 12.0  # seconds for a sign-in, whatever Cognito does
OPENS_WITHIN = 30.0  # seconds of a failure in which the breaker opens, at most half of the period
AT_ONCE = 1.0  # seconds for a sign-in while the breaker is open
PROBE = (
    5.0  # seconds in which each worker lets one sign-in ask Cognito, to find out whether it is back
)
BACK_WITHIN = 15.0  # seconds after Cognito answers again
PAGES_MOST = 1.10  # times the pages' 99th centile of before
MORE_THREADS = 60  # of a worker, than before: as many as connections to Cognito, and some
SLACK = 0.5  # seconds of a busy machine


@dataclass
class Period:
    """A time in which Cognito did one thing.

    Attributes:
        name: what it did.
        start: when, in seconds since the epoch.
        end: likewise.
        threads: the most that a worker had.
        sockets: likewise.
        to_cognito: the most connections of a worker to Cognito.
    """

    name: str
    start: float
    end: float = 0.0
    threads: int = 0
    sockets: int = 0
    to_cognito: int = 0

    def has(self, record: dict[str, Any]) -> bool:
        """Return whether something began in it."""
        return bool(self.start <= record["at"] < self.end)

    def holds(self, record: dict[str, Any]) -> bool:
        """Return whether something began and ended in it: a sign-in takes several requests."""
        return self.has(record) and bool(record["at"] + record["seconds"] < self.end)


@dataclass
class Watch:
    """Reads each second what the workers have."""

    server: Server
    cognito_port: int
    period: Period
    _stopped: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self._stopped.wait(1):
            for pid in self.server.workers():
                usage = usage_of(pid)
                if usage is not None:
                    now = self.period
                    now.threads = max(now.threads, usage.threads)
                    now.sockets = max(now.sockets, usage.sockets)
                    now.to_cognito = max(now.to_cognito, usage.connections[self.cognito_port])

    def stop(self) -> None:
        self._stopped.set()


def play(stack: Stack, watch: Watch, options: argparse.Namespace) -> list[Period]:
    """Let Cognito fail in each way, and return the periods.

    Args:
        stack: whose Cognito it is.
        watch: on the workers.
        options: of the command line.
    """
    periods: list[Period] = []

    def spend(name: str, seconds: float) -> None:
        watch.period = Period(name, time.time())
        time.sleep(seconds)
        watch.period.end = time.time()
        periods.append(watch.period)

    time.sleep(SETTLES)
    spend("before", options.seconds)
    for kind in options.kinds:
        stack.cognito.fail(kind)
        spend(kind, options.seconds)
        stack.cognito.recover()
        spend(f"after {kind}", max(options.seconds, BACK_WITHIN + 5))
    return periods


def centile(values: list[float], percent: int) -> float:
    """Return a centile in seconds; 0 without values."""
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


class Report:
    """Prints the periods, and collects the goals that are missed."""

    def __init__(self, seen: dict[str, Any], periods: list[Period], workers: int) -> None:
        self._seen, self._periods, self._workers = seen, periods, workers
        self._before = periods[0]
        self.missed: list[str] = []

    def show(self) -> None:
        """Print each period, and check it."""
        for period in self._periods:
            pages = self._requests(period, "page")
            tries = [one for one in self._seen["sign_ins"] if period.has(one)]
            done = sum(one["outcome"] == "done" for one in tries)
            passwords = self._requests(period, "password")
            print(
                f"{period.name:17} pages {len(pages)}, p50 {1000 * centile(pages, 50):.0f} ms, "
                f"p99 {1000 * centile(pages, 99):.0f} ms | sign-ins {done} of {len(tries)}, password p50 "
                f"{centile(passwords, 50):.2f} s, most {max(passwords, default=0):.2f} s | "
                f"a worker: {period.threads} threads, {period.sockets} sockets, "
                f"{period.to_cognito} to Cognito"
            )
            checks = self._check_return if period.name.startswith("after") else self._check_failure
            if period is not self._before:
                checks(period)
                self._check_bounds(period)
        self._check_statuses()

    def _requests(self, period: Period, what: str, *, after: float = 0.0) -> list[float]:
        return [
            one["seconds"]
            for one in self._seen["requests"]
            if one["what"] == what and period.has(one) and one["at"] >= period.start + after
        ]

    def _goal(self, text: str, *, reached: bool) -> None:
        print(f"  {'reached' if reached else 'MISSED'}: {text}")
        if not reached:
            self.missed.append(text)

    def _check_failure(self, period: Period) -> None:
        before = centile(self._requests(self._before, "page"), 99)
        now = centile(self._requests(period, "page"), 99)
        ratio = now / before if before else 0.0
        self._goal(f"{period.name}: pages' p99 {ratio:.2f} times", reached=ratio <= PAGES_MOST)
        steps = [*self._requests(period, "password"), *self._requests(period, "code")]
        most = max(steps, default=0.0)
        text = f"{period.name}: the slowest answer took {most:.1f} s"
        self._goal(text, reached=most <= DEADLINE + SLACK)
        opens = min(OPENS_WITHIN, (period.end - period.start) / 2)
        late = self._requests(period, "password", after=opens)
        waited = sum(took > AT_ONCE for took in late)
        probes = self._workers * (1 + math.floor((period.end - period.start - opens) / PROBE))
        text = f"{period.name}: {len(late) - waited} of {len(late)} sign-ins at once after {opens:.0f} s"
        self._goal(f"{text}, at most {probes} asked Cognito", reached=waited <= probes)

    def _check_return(self, period: Period) -> None:
        tries = [one for one in self._seen["sign_ins"] if period.holds(one)]
        late = [one for one in tries if one["at"] >= period.start + BACK_WITHIN]
        first = min((one["at"] for one in tries if one["outcome"] == "done"), default=period.end)
        failed = sum(one["outcome"] != "done" for one in late)
        for one in tries:
            if one["outcome"] != "done":
                print(f"    {one['at'] - period.start:.1f} s: {one['outcome'][:90]}")
        text = f"{period.name}: first sign-in after {first - period.start:.1f} s, {failed} failed after 15 s"
        self._goal(text, reached=bool(late) and not failed)

    def _check_bounds(self, period: Period) -> None:
        more = period.threads - self._before.threads
        text = f"{period.name}: {more} more threads in a worker than before"
        self._goal(text, reached=more <= MORE_THREADS)

    def _check_statuses(self) -> None:
        bad = [one for one in self._seen["requests"] if one["status"] >= 500 or not one["status"]]
        whats = sorted({f"{one['what']} {one['status']}" for one in bad})
        self._goal(f"{len(bad)} requests answered 5xx or not at all {whats}", reached=not bad)
        for outcome, number in Counter(one["outcome"] for one in self._seen["sign_ins"]).items():
            print(f"  {number} times {outcome}")


def measure(stack: Stack, name: str, options: argparse.Namespace) -> list[str]:
    """Run it with one server, print it, and return the goals that were missed.

    Args:
        stack: what was started.
        name: gunicorn or uvicorn.
        options: of the command line.
    """
    stack.run(OURS, "configured.py", "fill", given=stack.cognito.users)
    server = stack.serve(name, OURS)
    names = ("username", "password", "secret")
    people = [{name: one[name] for name in names} for one in stack.cognito.users if one["secret"]]
    job = {
        "mode": "steady",
        "site": OURS,
        "users": people[options.browsers :],
        "signed_in": people[: options.browsers],
        "newcomers": [],
        "pages_a_second": options.pages,
        "sign_ins_a_second": options.sign_ins,
        "seconds": whole_time(options),
    }
    watch = Watch(server, int(stack.cognito.url.rpartition(":")[2]), Period("none", 0.0))
    visitors = Visitors(server, job)
    visitors.wait_until_ready()
    thread = threading.Thread(target=watch.run, daemon=True)
    thread.start()
    periods = play(stack, watch, options)
    watch.stop()
    report = Report(visitors.result(), periods, options.workers)
    report.show()
    stop(server.process)
    return [
        *report.missed,
        *(f"log: {line}" for line in sorted(set(server.complaints())) if "Traceback" in line),
    ]


def whole_time(options: argparse.Namespace) -> float:
    """Return how many seconds the users go on."""
    kinds, back = len(options.kinds), max(options.seconds, BACK_WITHIN + 5)
    return float(SETTLES + options.seconds + kinds * (options.seconds + back))


def main() -> int:
    parser = parser_of_stack(__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="of each failure")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=SERVERS)
    parser.add_argument("--browsers", type=int, default=20, help="with a signed-in user")
    parser.add_argument("--pages", type=float, default=20.0, help="a second")
    parser.add_argument("--sign-ins", type=float, default=2.0, help="a second")
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; {vars(options)}")
    missed = []
    for name in options.servers:
        print(f"{name}:")
        with started(stack_options(options)) as stack:
            missed += [f"{name}: {text}" for text in measure(stack, name, options)]
    for text in missed:
        print(f"MISSED: {text}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
