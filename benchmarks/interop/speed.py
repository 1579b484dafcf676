#!/usr/bin/env python
"""Start, memory, and sign-ins with a code per second of every local Cognito, over HTTP.

usage: .bench/ours/bin/python benchmarks/interop/speed.py [--state] [--only 'a;b'] [--starts 9] [--rounds 6]

Sign-ins are measured with one client and with four. The processor time of the server for each sign-in is shown with the
rate, because a busy machine changes it less. The servers take turns, in a new random order each round. The figures are
medians, with the smallest and the largest value. Each sign-in is a password and a code that was never used before, because
ours refuses a used code. So there are as many users as a round has sign-ins, and each round has its own step of 30 seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import random
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import servers
from client import Client
from people import Person, Pool, wait_for_fresh_codes
from servers import Server

#: Seconds that a round may take: longer would reach into the next step.
ENOUGH = 12.0

Figures = dict[str, dict[str, list[float]]]


def main() -> None:
    options = parser().parse_args()
    among = (servers.OURS_WITH_STATE, *servers.ALL) if options.state else servers.ALL
    chosen = servers.named(options.only, among)
    figures: Figures = {server.name: {} for server in chosen}
    measure_starts(chosen, options.starts, figures)
    measure_sign_ins(chosen, options.rounds, options.people, figures)
    report(chosen, figures)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--only", default="", help="names, separated by semicolons")
    made.add_argument("--state", action="store_true", help="ours also with a state file")
    made.add_argument("--starts", type=int, default=9)
    made.add_argument("--rounds", type=int, default=6)
    made.add_argument("--people", type=int, default=300)
    return made


def measure_starts(chosen: Sequence[Server], rounds: int, figures: Figures) -> None:
    """A first round fills the caches and is not counted."""
    for round_number in range(rounds + 1):
        for server in random.sample(chosen, len(chosen)):
            begun = time.perf_counter()
            with servers.running(server) as process, Client(server.url) as client:
                servers.first_answer(server, client)
                answered = time.perf_counter() - begun
                pool = Pool.make(client)
                pool.password(pool.add("first@example.com").username)
                signed_in = time.perf_counter() - begun
                if round_number:
                    note(figures, server, "start to first answer, s", answered)
                    note(figures, server, "start to first sign-in, s", signed_in)
                    note(figures, server, "memory after it, MB", servers.megabytes(process))


def measure_sign_ins(chosen: Sequence[Server], rounds: int, people: int, figures: Figures) -> None:
    """All servers stand ready; the one whose turn it is works, the others wait."""
    with contextlib.ExitStack() as stack:
        stands = []
        for server in chosen:
            process, client = stack.enter_context(servers.ready(server))
            stands.append((server, process, populated(client, people)))
        for round_number in range(rounds):
            for clients in (1, 4):
                for server, process, (pool, everybody) in random.sample(stands, len(stands)):
                    wait_for_fresh_codes(everybody, seconds=ENOUGH)
                    before = servers.processor_seconds(process)
                    rate = sign_ins_per_second(pool, everybody, server.url, clients)
                    spent = (servers.processor_seconds(process) - before) * 1000 / people
                    if round_number or rounds == 1:
                        note(figures, server, f"sign-ins/s, clients: {clients}", rate)
                        note(figures, server, f"processor time, ms, clients: {clients}", spent)
        for server, process, _ in stands:
            note(figures, server, "memory at the end, MB", servers.megabytes(process))


def populated(client: Client, people: int) -> tuple[Pool, list[Person]]:
    pool = Pool.make(client)
    everybody = [pool.add(f"person{number}@example.com") for number in range(people)]
    for person in everybody:
        pool.enrol(person)
    return pool, everybody


def sign_ins_per_second(pool: Pool, everybody: Sequence[Person], url: str, clients: int) -> float:
    """Everybody once, shared out among so many threads with a connection each."""
    shares = [everybody[number::clients] for number in range(clients)]
    connected = [Client(url) for _ in shares]
    for client in connected:
        client.call("ListUserPools", MaxResults=1)

    def work(client: Client, share: Sequence[Person]) -> None:
        for person in share:
            assert "AccessToken" in pool.sign_in(person, client)

    with ThreadPoolExecutor(clients) as threads:
        begun = time.perf_counter()
        list(threads.map(work, connected, shares))
        return len(everybody) / (time.perf_counter() - begun)


def note(figures: Figures, server: Server, name: str, value: float) -> None:
    figures[server.name].setdefault(name, []).append(value)


def report(chosen: Sequence[Server], figures: Figures) -> None:
    names = list(dict.fromkeys(name for one in figures.values() for name in one))
    titles = [f"{server.name} {servers.version_of(server)}" for server in chosen]
    print(f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}\n")
    print("| | " + " | ".join(titles) + " |")
    print("|---" * (len(chosen) + 1) + "|")
    for name in names:
        cells = [summary(figures[server.name].get(name, [])) for server in chosen]
        print(f"| {name} | " + " | ".join(cells) + " |")
    (servers.WORK / "speed.json").write_text(json.dumps(figures, indent=1))


def summary(values: Sequence[float]) -> str:
    if not values:
        return "-"
    shown: Any = [statistics.median(values), min(values), max(values)]
    digits = 2 if shown[0] < 10 else 0
    median, least, greatest = (f"{value:.{digits}f}" for value in shown)
    return f"{median} ({least} to {greatest})"


if __name__ == "__main__":
    main()
