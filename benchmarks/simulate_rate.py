"""Simulates Cognito's quotas, throttled calls, and an outage, and checks the formulas of the docs.

There is no network, no database, and no waiting: it computes events in the order of their time, from one seed. The circuit
breaker, the budget for repeats, and the pace of a sync are the app's own. Cognito and the users are models. The formulas are
in ``docs/scaling.md``.

    python benchmarks/simulate_rate.py [--seed 1] [--only sync|throttling|outage]
"""

from __future__ import annotations

import argparse
import heapq
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from cognito_mfa.cognito.circuit_breaker import CircuitBreaker, Ticket
from cognito_mfa.cognito.deadline import CALLS, QUEUE
from cognito_mfa.cognito.retry_budget import RetryBudget
from cognito_mfa.cognito.transport import PAUSE
from cognito_mfa.pool_sync.pacing import GROUP, TokenBucket
from cognito_mfa.values import clocks

LATENCY = 0.05  # seconds that Cognito takes
HANGS = 8.0  # seconds until a call without an answer fails: the timeout for reading
QUOTA = 120.0  # of UserAuthentication and of UserRead, each second
PROCESSES = 8
SIGN_IN = "InitiateAuth"


class World:
    """Events in the order of their time, and the random numbers of the run."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        self.random = random.Random(seed)
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._numbers), act))

    def run(self) -> None:
        while self._events:
            self.now, _number, act = heapq.heappop(self._events)
            act()

    def arrivals(self, rate: float, seconds: float, act: Callable[[], None]) -> None:
        """Call ``act`` at random moments, ``rate`` times a second on average."""
        at = self.random.expovariate(rate)
        while at < seconds:
            self.after(at, act)
            at += self.random.expovariate(rate)


@dataclass
class Cognito:
    """A quota that is counted as a token bucket of one second, and an outage in which every call hangs."""

    world: World
    quota: float = QUOTA
    outage: tuple[float, float] = (0.0, 0.0)
    calls: Counter[int] = field(default_factory=Counter)
    throttled: Counter[int] = field(default_factory=Counter)
    _tokens: float = 0.0
    _at: float = 0.0

    def __post_init__(self) -> None:
        self._tokens = self.quota

    def answer(self) -> str:
        now = self.world.now
        self.calls[int(now)] += 1
        if self.outage[0] <= now < self.outage[1]:
            return "hangs"
        self._tokens = min(self.quota, self._tokens + (now - self._at) * self.quota)
        self._at = now
        if self._tokens < 1:
            self.throttled[int(now)] += 1
            return "throttled"
        self._tokens -= 1
        return "works"


# ------------------------------------------------------------------------------------------ sync


def sync(seed: int, *, users: int, workers: int, rate: float, others: float) -> tuple[float, float]:
    """Return how long a sync takes, in seconds, and the share of its calls that were throttled.

    Args:
        seed: of the random numbers.
        users: to be asked about, one call each.
        workers: that share the users.
        rate: of each worker, in calls a second.
        others: calls a second of the same category by other applications.
    """
    world = World(seed)
    cognito = Cognito(world)
    left, made, done_at = [users], Counter[str](), [0.0]

    def start(pace: TokenBucket, rests: list[float]) -> None:
        pace.acquire()
        world.after(rests.pop() if rests else 0.0, lambda: ask(pace, rests))

    def ask(pace: TokenBucket, rests: list[float]) -> None:
        if left[0] <= 0:
            return
        left[0] -= 1
        answer = cognito.answer()
        made[answer] += 1
        if answer == "throttled":
            left[0] += 1
            pace.slow_down()
        else:
            done_at[0] = world.now
        start(pace, rests)

    def begin() -> None:
        rests: list[float] = []
        start(TokenBucket(rate, clock=lambda: world.now, sleep=rests.append, group=GROUP), rests)

    for number in range(workers):
        world.after(number / workers / rate, begin)
    if others:
        seconds = users / max(1.0, min(workers * rate, QUOTA - others))
        world.arrivals(others, seconds, lambda: made.update([cognito.answer()]))
    world.run()
    return done_at[0], sum(cognito.throttled.values()) / sum(cognito.calls.values())


# ------------------------------------------------------------------------------------------ sign-ins


class Process:
    """A process of the site: its circuit breaker, its budget for repeats, and its places for calls."""

    def __init__(self, world: World, *, breaker: bool, repeats: str) -> None:
        self.world = world
        self.breaker = CircuitBreaker(5 if breaker else 10**9)
        self.budget = RetryBudget()
        self.repeats = repeats
        self.running = 0
        self.queue: list[Call] = []

    def may_repeat(self) -> bool:
        return self.repeats == "always" or (self.repeats == "budget" and self.budget.take(SIGN_IN))


@dataclass
class Call:
    """The call of one attempt to sign in."""

    process: Process
    ticket: Ticket
    began: float
    told: Callable[[str, float], None]
    is_over: bool = False


class Site:
    """Users who sign in, each attempt at a process by chance; who is refused tries again some time later."""

    def __init__(self, world: World, cognito: Cognito, **options: Any) -> None:
        self.world, self.cognito = world, cognito
        self.breaker: bool = options.get("breaker", True)
        self.repeats: str = options.get("repeats", "budget")
        self.comes_back: tuple[float, float] | None = options.get("comes_back")
        self.processes = [
            Process(world, breaker=self.breaker, repeats=self.repeats) for _ in range(PROCESSES)
        ]
        self.outcomes: list[tuple[float, str, float]] = []  # when, what, and how long it took
        self.backlog = 0
        self.backlog_at: dict[int, int] = {}
        self.closed_at: list[float] = []

    def arrive(self) -> None:
        self.backlog += 1
        self.attempt()

    def attempt(self) -> None:
        process, began = self.world.random.choice(self.processes), self.world.now
        ticket = process.breaker.admit()
        if ticket is None:
            self.told("open", 0.0)
            return
        call = Call(process, ticket, began, self.told)
        if process.running < CALLS:
            self.send(call)
        else:
            process.queue.append(call)
            self.world.after(QUEUE, lambda: self.give_up(call))

    def give_up(self, call: Call) -> None:
        if call in call.process.queue:
            call.process.queue.remove(call)
            self.end(call, "too many calls", works=None)

    def send(self, call: Call) -> None:
        call.process.running += 1
        if not call.process.breaker.allows(call.ticket):
            self.finish(call, "open", works=None)
            return
        answer = self.cognito.answer()
        if answer == "hangs":
            self.world.after(HANGS, lambda: self.finish(call, "timeout", works=False))
        elif answer == "throttled":
            self.world.after(LATENCY, lambda: self.throttled(call))
        else:
            call.process.budget.add(SIGN_IN)
            self.world.after(LATENCY, lambda: self.finish(call, "works", works=True))

    def throttled(self, call: Call) -> None:
        if not call.process.may_repeat():
            self.finish(call, "throttled", works=True)
            return
        self.world.after(self.world.random.uniform(*PAUSE), lambda: self.repeat(call))

    def repeat(self, call: Call) -> None:
        answer = self.cognito.answer()
        if answer == "hangs":
            self.world.after(HANGS, lambda: self.finish(call, "timeout", works=False))
            return
        if answer == "works" and self.repeats == "budget":
            call.process.budget.give_back(SIGN_IN)
        self.world.after(LATENCY, lambda: self.finish(call, answer, works=True))

    def finish(self, call: Call, what: str, *, works: bool | None) -> None:
        call.process.running -= 1
        self.end(call, what, works=works)
        while call.process.queue and call.process.running < CALLS:
            self.send(call.process.queue.pop(0))

    def end(self, call: Call, what: str, *, works: bool | None) -> None:
        call.process.breaker.report(call.ticket, works=works)
        if call.ticket.is_probe and call.process.breaker.state == "closed":
            self.closed_at.append(self.world.now)
        self.told(what, self.world.now - call.began)

    def told(self, what: str, seconds: float) -> None:
        self.outcomes.append((self.world.now, what, seconds))
        if what == "works" or self.comes_back is None:
            self.backlog -= 1
        else:
            self.world.after(self.world.random.uniform(*self.comes_back), self.attempt)
        self.backlog_at[int(self.world.now)] = self.backlog


# ------------------------------------------------------------------------------------------ reports


def show(title: str, columns: str, rows: Iterator[tuple[object, ...]]) -> None:
    """Print a table in Markdown."""
    names = columns.split(", ")
    print(f"\n{title}\n\n| {' | '.join(names)} |\n|{'---|' * len(names)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")


def sync_rows(seed: int) -> Iterator[tuple[object, ...]]:
    """Yield how long 100,000 users take."""
    users = 100_000
    for workers, rate, others in ((1, 96, 0), (4, 24, 0), (1, 96, 60), (4, 96, 0)):
        seconds, throttled = sync(seed, users=users, workers=workers, rate=rate, others=others)
        formula = users / min(workers * rate, QUOTA - others)
        yield (
            f"{workers} x {rate}",
            others,
            f"{seconds:,.0f}",
            f"{formula:,.0f}",
            f"{throttled:.1%}",
        )


def throttling_rows(seed: int) -> Iterator[tuple[object, ...]]:
    """Yield what users get who all try once in ten minutes."""
    seconds = 600
    for rate in (110, 150, 240):
        for repeats in ("never", "always", "budget"):
            world = World(seed)
            set_clock(world)
            cognito = Cognito(world)
            site = Site(world, cognito, repeats=repeats)
            world.arrivals(rate, seconds, site.arrive)
            world.run()
            told = Counter(what for _at, what, _seconds in site.outcomes)
            refused = [took for _at, what, took in site.outcomes if what != "works"]
            yield (
                rate, repeats,
                f"{sum(cognito.calls.values()) / seconds:.0f}",
                f"{told['works'] / seconds:.0f}", f"{min(rate, QUOTA):.0f}",
                f"{len(refused) / len(site.outcomes):.1%}", f"{max(0, 1 - QUOTA / rate):.1%}",
                f"{sum(refused) / len(refused):.2f}" if refused else "–",
            )  # fmt: skip


def outage_rows(seed: int) -> Iterator[tuple[object, ...]]:
    """Yield five minutes in which Cognito hangs, at 50 sign-ins a second, and how it is afterwards."""
    rate, begins, ends, until = 50, 60.0, 360.0, 700.0
    for patience in ((20.0, 60.0), (5.0, 10.0)):
        for breaker in (True, False):
            world = World(seed)
            set_clock(world)
            cognito = Cognito(world, outage=(begins, ends))
            site = Site(world, cognito, breaker=breaker, comes_back=patience)
            world.arrivals(rate, until, site.arrive)
            world.run()
            during = [took for at, _what, took in site.outcomes if begins + 20 <= at < ends]
            backlog = site.backlog_at[int(ends)]
            gone = next(t for t in range(int(ends), int(until)) if site.backlog_at.get(t, 9) <= 3)
            after = [cognito.calls[second] for second in range(int(ends), gone)]
            throttled = [cognito.throttled[second] for second in range(int(ends), gone)]
            works = min(at for at, what, _took in site.outcomes if what == "works" and at >= ends)
            closed = max(site.closed_at, default=ends) - ends
            yield (
                f"{patience[0]:.0f} to {patience[1]:.0f}", "on" if breaker else "off",
                f"{sum(took < 0.1 for took in during) / len(during):.1%}",
                f"{sum(during) / (ends - begins - 20):.0f}",
                f"{sum(cognito.calls[t] for t in range(int(begins) + 20, int(ends))) / (ends - begins - 20):.1f}",
                f"{works - ends:.1f}", f"{closed:.1f}" if breaker else "–",
                f"{max(after)}", f"{sum(throttled) / sum(after):.0%}",
                f"{backlog:,}", gone - int(ends), f"{backlog / (QUOTA - rate):.0f}",
            )  # fmt: skip


def set_clock(world: World) -> None:
    """Let the circuit breakers live in the time of ``world``."""
    vars(clocks)["monotonic"] = lambda: world.now


REPORTS: dict[str, tuple[str, str, Callable[[int], Iterator[tuple[object, ...]]]]] = {
    "sync": (
        "A sync of 100,000 users, one call each, at 120 calls a second",
        "workers x rate, other calls/s, seconds, formula, throttled",
        sync_rows,
    ),
    "throttling": (
        "Sign-ins for ten minutes, at 120 calls a second",
        "sign-ins/s, repeats, calls/s, served/s, formula, refused, formula, seconds until refused",
        throttling_rows,
    ),
    "outage": (
        "Cognito hangs for five minutes: 50 sign-ins a second, users who try again, 8 processes",
        (
            "tries again after s, breaker, at once, requests waiting, calls/s, first after s, all closed after s, most calls/s, "
            "throttled, backlog, gone after s, formula"
        ),
        outage_rows,
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=REPORTS)
    given = parser.parse_args()
    logging.disable(logging.WARNING)  # of circuits that open
    for name in [given.only] if given.only else REPORTS:
        title, columns, rows = REPORTS[name]
        show(title, columns, rows(given.seed))


if __name__ == "__main__":
    main()
