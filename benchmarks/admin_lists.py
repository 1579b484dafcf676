"""The admin's lists with a million users, compared with the fastest lists of the same columns.

python benchmarks/admin_lists.py [--database postgres://…] [--rows 1000000] [--rounds 9] [--only users]

The floor of a list is the same list over one flat table that has every column, so nothing is joined or computed. It has
our count, our kind of index, and as many filters and actions, which do nothing. Our list and the floor take turns in
random order, and the figures are medians of the ratios of all rounds. SQL creates the data once, in
``.bench/admin_lists`` or in the named database. ``--refill`` creates them again.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from types import ModuleType
from typing import Any, NamedTuple

import django
import million
from django.db import connection

SCRATCH = million.scratch("admin_lists")
NAMES = ("alice", "bruno", "carla", "david", "emine", "farid", "greta", "henry", "irene", "jonas")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--database", default=f"sqlite:///{SCRATCH / 'lists.sqlite3'}")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="", help="part of a list's name")
    parser.add_argument("--refill", action="store_true")
    return parser.parse_args()


# ----------------------------------------------------------------------------------------- the data


def columns() -> dict[str, str]:
    """Return SQL for what a row holds, by the number ``i``; the same for ours and the floor."""
    case = " ".join(f"WHEN {n} THEN '{name}'" for n, name in enumerate(NAMES))
    # Scattered, so that neighbours in an index are not neighbours in the table.
    name = f"(CASE i % {len(NAMES)} {case} END || '.' || CAST((CAST(i AS BIGINT) * 7919) % 10000019 AS VARCHAR))"
    percent = "((i % 100 * 37) % 100)"
    status = (
        f"CASE WHEN {percent} < 60 THEN 'ENABLED' WHEN {percent} < 98 THEN 'NOT_SET_UP' "
        "ELSE 'UNKNOWN' END"
    )
    now = "now()" if connection.vendor == "postgresql" else "'2026-11-01 08:00:00'"
    return {
        "id": "i",
        "name": name,
        "email": f"{name} || '@example' || CAST(i % 500 AS VARCHAR) || '.com'",
        "status": status,
        "set_up": f"{percent} < 60",
        "now": now,
        "no": "false" if connection.vendor == "postgresql" else "0",
        "yes": "true" if connection.vendor == "postgresql" else "1",
        "device": "'Phone ' || CAST(i % 90 AS VARCHAR)",
        "kind": "CASE i % 5 WHEN 0 THEN 'CODE_REJECTED' ELSE 'SIGNED_IN' END",
    }


def insert(rows: int, table: str, where: str = "", **values: str) -> None:
    """Fill ``table`` with ``rows`` rows; a value is SQL, or the name of one of ``columns``."""
    sql = columns()
    chosen = {name: sql.get(value, value) for name, value in values.items()}
    million.insert(rows, table, sql.get(where, ""), **chosen)


def fill(rows: int) -> None:
    from django.core.management import call_command
    from list_sites import Happening, Person

    began = time.perf_counter()
    million.hurry()
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        for floor in (Person, Happening):
            editor.create_model(floor)
    insert(
        rows, "auth_user", id="id", username="name", email="email", password="'!'",
        is_superuser="no", is_staff="no", is_active="yes", date_joined="now",
        first_name="''", last_name="''",
    )  # fmt: skip
    insert(
        rows, "cognito_mfa_cognitoidentity", id="id", user_id="id", pool_id=f"'{million.POOL}'",
        sub="CAST(i AS VARCHAR)", username="name", email="email", status="status",
        preferred_factor="''", unconfirmed="''", checked_at="now", generation="0", language="'en'",
        created_at="now", previous_email="''", app_used_at="now",
    )  # fmt: skip
    insert(
        rows, "cognito_mfa_softwaretoken", "set_up", identity_id="id", friendly_name="device",
        cognito_name="device", verified_at="now", retired_because="''",
    )  # fmt: skip
    insert(
        rows, "cognito_mfa_mfaevent", identity_id="id", username="name", kind="kind", at="now",
        reason="''", detail="device", sub="CAST(i AS VARCHAR)",
    )  # fmt: skip
    insert(
        rows, "floor_person", id="id", username="name", email="email", status="status",
        preferred_factor="''", device="device", set_up_at="now", used_at="now", checked_at="now",
    )  # fmt: skip
    insert(
        rows, "floor_happening", username="name", kind="kind", at="now", reason="''",
        detail="device", actor="''",
    )  # fmt: skip
    million.finish(rows)
    print(f"filled in {time.perf_counter() - began:.0f} s")


# -------------------------------------------------------------------------------------- the measure


class Visit(NamedTuple):
    seconds: float
    cpu: float  # of this process alone: what a busy machine leaves as it is
    queries: int
    found: int


def visitor() -> Any:
    """Return a function that opens a page as the boss."""
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.get(username="boss"))

    def visit(url: str) -> Visit:
        statements: list[str] = []

        def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            statements.append(sql)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(count):
            began = time.perf_counter(), time.process_time()
            response = client.get(url)
            seconds, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
        assert response.status_code == 200, (url, response.status_code)
        return Visit(
            seconds, cpu, len(statements), response.content.count(b'class="action-checkbox"')
        )

    return visit


def with_query(url: str, query: str) -> str:
    return f"{url}?{query}" if query else url


def measure(each: Any, rounds: int, visit: Any) -> None:
    print(f"\n{each.name}")
    for scene, (ours, floor) in each.scenes.items():
        urls = {"ours": with_query(each.ours, ours), "floor": with_query(each.floor, floor)}
        visits: dict[str, list[Visit]] = {name: [] for name in urls}
        for url in urls.values():
            visit(url)
        for _round in range(rounds):
            order = list(urls)
            random.shuffle(order)
            for name in order:
                visits[name].append(visit(urls[name]))
        one = visits["ours"][-1], visits["floor"][-1]
        print(
            f"  {scene:26} {compare(visits, 'seconds')} · CPU {compare(visits, 'cpu')}"
            f" · queries {one[0].queries}, {one[1].queries} · rows {one[0].found}"
        )


def compare(visits: dict[str, list[Visit]], figure: str) -> str:
    """Return both medians in milliseconds, and the median of the ratios."""
    ours, floor = ([getattr(one, figure) for one in visits[name]] for name in ("ours", "floor"))
    ratio = statistics.median(a / b for a, b in zip(ours, floor, strict=True))
    milliseconds = [statistics.median(values) * 1e3 for values in (ours, floor)]
    return f"{milliseconds[0]:7.1f} ms, floor {milliseconds[1]:7.1f} ms, {ratio:4.2f} x"


def main() -> None:
    given = arguments()
    random.seed(1)
    file = SCRATCH / "lists.sqlite3"
    if given.refill and given.database.endswith(str(file)):
        file.unlink(missing_ok=True)
    sys.modules["floor"] = ModuleType("floor")
    sys.modules["floor"].__path__ = [str(SCRATCH)]
    urls = million.set_up(given.database, ["floor"])
    import list_sites

    if given.refill and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    if "floor_person" not in connection.introspection.table_names():
        fill(given.rows)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT version()" if connection.vendor == "postgresql" else "SELECT sqlite_version()"
        )
        print(connection.vendor, cursor.fetchone()[0].partition(" on ")[0], end=", ")
    print(f"Django {django.get_version()}, Python {sys.version.split()[0]}, {given.rows:,} rows")
    list_sites.mount(urls)
    visit = visitor()
    for each in (one for one in list_sites.lists() if given.only in one.name):
        measure(each, given.rounds, visit)


if __name__ == "__main__":
    main()
