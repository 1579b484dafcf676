"""The admin's lists over a million people, beside the fastest lists of the same columns.

python benchmarks/admin_lists.py [--database postgres://…] [--rows 1000000] [--rounds 9] [--only users]

The floor of a list is the same list, with our count and our kind of index, over one flat table that
holds every column itself: no join, nothing computed. Ours and the floor take turns in random order,
scene by scene, and ratios are taken round by round before the median. The data are made by SQL, once,
in ``.bench/admin_lists`` or in the database named; ``--refill`` makes them anew.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import django
import environ
from django.apps import apps
from django.conf import settings
from django.db import connection, models

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / ".bench" / "admin_lists"
PER_PAGE = 100
URLS: list[Any] = []
NAMES = ("alice", "bruno", "carla", "david", "emine", "farid", "greta", "henry", "irene", "jonas")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--database", default=f"sqlite:///{SCRATCH / 'lists.sqlite3'}")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="", help="part of a list's name")
    parser.add_argument("--refill", action="store_true")
    return parser.parse_args()


def configure(database: str) -> None:
    SCRATCH.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(ROOT))
    site = ModuleType("site_urls")
    sys.modules["site_urls"] = site
    sys.modules["floor"] = ModuleType("floor")
    sys.modules["floor"].__path__ = [str(SCRATCH)]
    settings.configure(
        SECRET_KEY="x" * 50,
        ROOT_URLCONF="site_urls",
        USE_TZ=True,
        STATIC_URL="/static/",
        ALLOWED_HOSTS=["testserver"],
        DATABASES={"default": environ.Env.db_url_config(database)},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        INSTALLED_APPS=[
            "cognito_mfa.apps.MFAAdminConfig",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "cognito_mfa",
            "floor",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "cognito_mfa.middleware.RequireMFAMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        COGNITO_MFA={
            "USER_POOL_ID": "us-east-1_Example00",
            "CLIENT_ID": "exampleclient0000000000000",
            "ENFORCEMENT": "off",  # the lists are measured, and the boss comes from another backend
        },
    )
    django.setup()
    site.urlpatterns = URLS  # type: ignore[attr-defined]


# ----------------------------------------------------------------------------------------- the data


def series(rows: int) -> str:
    """Return the beginning of a statement that has the numbers from 1 to ``rows`` as ``s.i``."""
    if connection.vendor == "postgresql":
        return f"SELECT {{}} FROM generate_series(1, {rows}) AS s(i)"
    numbers = f"WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {rows})"
    return numbers + " SELECT {} FROM s"


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
    chosen = ", ".join(sql.get(value, value) for value in values.values())
    statement = series(rows).format(chosen) + (f" WHERE {sql[where]}" if where else "")
    target = f"INSERT INTO {table} ({', '.join(values)})"
    with connection.cursor() as cursor:
        cursor.execute(f"{target} {statement}")


def fill(rows: int, floors: tuple[type[models.Model], ...]) -> None:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    began = time.perf_counter()
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET synchronous_commit = off")
        else:
            cursor.execute("PRAGMA synchronous = OFF")
            cursor.execute("PRAGMA cache_size = -500000")
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        for floor in floors:
            editor.create_model(floor)
    insert(
        rows, "auth_user", id="id", username="name", email="email", password="'!'",
        is_superuser="no", is_staff="no", is_active="yes", date_joined="now",
        first_name="''", last_name="''",
    )  # fmt: skip
    insert(
        rows, "cognito_mfa_cognitoidentity", id="id", user_id="id", pool_id="'us-east-1_Example00'",
        sub="CAST(i AS VARCHAR)", username="name", email="email", status="status",
        preferred_factor="''", unconfirmed="''", checked_at="now", generation="0", language="'en'",
        created_at="now",
    )  # fmt: skip
    insert(
        rows, "cognito_mfa_softwaretoken", "set_up", identity_id="id", friendly_name="device",
        cognito_name="device", verified_at="now", last_used_at="now", retired_because="''",
    )  # fmt: skip
    insert(
        rows, "cognito_mfa_mfaevent", identity_id="id", username="name", kind="kind", at="now",
        reason="''", detail="device",
    )  # fmt: skip
    insert(
        rows, "floor_person", id="id", username="name", email="email", status="status",
        preferred_factor="''", device="device", set_up_at="now", used_at="now", checked_at="now",
    )  # fmt: skip
    insert(
        rows, "floor_happening", username="name", kind="kind", at="now", reason="''",
        detail="device", actor="''",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
        if connection.vendor == "postgresql":
            cursor.execute("SELECT setval(pg_get_serial_sequence('auth_user', 'id'), %s)", [rows])
    User.objects.create_superuser("boss", "boss@example.com", "x")
    print(f"filled in {time.perf_counter() - began:.0f} s")


def floor_tables() -> tuple[type[models.Model], type[models.Model]]:
    """Return one flat table for each of our lists, with our kind of indexes."""
    from cognito_mfa.indexes import PrefixIndex
    from cognito_mfa.models import CognitoIdentity, MFAEvent

    class Person(models.Model):
        username = models.CharField(max_length=128)
        email = models.EmailField()
        status = models.CharField(max_length=16, choices=CognitoIdentity.Status.choices)
        preferred_factor = models.CharField(max_length=32, choices=CognitoIdentity.Factor.choices)
        device = models.CharField(max_length=64)
        set_up_at = models.DateTimeField()
        used_at = models.DateTimeField()
        checked_at = models.DateTimeField()

        class Meta:
            app_label = "floor"
            indexes = [
                PrefixIndex(fields=["username"], name="floor_username"),
                PrefixIndex(fields=["email"], name="floor_email"),
                models.Index(fields=["status", "id"], name="floor_status"),
            ]

        def __str__(self) -> str:
            return self.username

    class Happening(models.Model):
        at = models.DateTimeField(db_index=True)
        username = models.CharField(max_length=128)
        kind = models.CharField(max_length=32, choices=MFAEvent.Kind.choices)
        detail = models.CharField(max_length=200)
        reason = models.CharField(max_length=200)
        actor = models.CharField(max_length=150)

        class Meta:
            app_label = "floor"
            ordering = ["-pk"]
            indexes = [
                models.Index(fields=["kind", "at"], name="floor_kind_at"),
                PrefixIndex(fields=["username"], name="floor_event_username"),
            ]

        def __str__(self) -> str:
            return self.username

    return Person, Happening


# ---------------------------------------------------------------------------------------- the lists


class List(NamedTuple):
    """Two lists of the same rows, and what is asked of both."""

    name: str
    ours: str
    floor: str
    scenes: dict[str, tuple[str, str]]


def mount(person: type[models.Model], happening: type[models.Model]) -> list[List]:
    from django.contrib import admin
    from django.contrib.admin import ModelAdmin
    from django.contrib.auth.admin import UserAdmin
    from django.contrib.auth.models import User
    from django.urls import path

    from cognito_mfa.admin import MFAUserAdminMixin
    from cognito_mfa.admin_lists import CAP, FastListMixin

    class PersonAdmin(FastListMixin, ModelAdmin):
        list_display = ("username", "status", "device", "set_up_at", "used_at", "checked_at")
        list_filter = ("status", "preferred_factor", "checked_at")
        search_fields = ("^username", "^email")
        ordering = ("-pk",)

    class HappeningAdmin(FastListMixin, ModelAdmin):
        list_display = ("at", "username", "kind", "detail", "reason", "actor")
        list_filter = ("kind", "at")
        search_fields = ("^username",)
        actions = None  # nor has ours any

    class TheirUsers(FastListMixin, UserAdmin):
        list_filter = ("is_staff",)
        ordering = ("-pk",)
        search_fields = ("username__exact",)  # what Django's own index answers

    class OurUsers(MFAUserAdminMixin, TheirUsers):
        pass

    class TheirUsersWithAColumn(TheirUsers):
        # As many columns, and nothing to look up.
        list_display = ("username", "email", "first_name", "last_name", "is_staff", "second_factor")

        @admin.display(description="second factor")
        def second_factor(self, _user: Any) -> str:
            return "-"

    class PlainUsers(UserAdmin):
        pass

    class OurPlainUsers(MFAUserAdminMixin, UserAdmin):
        pass

    # Every site has the same models: their names stand on each page.
    shared: dict[type[models.Model], type[ModelAdmin]] = {
        model: admin.site.get_model_admin(model).__class__  # what a late one stands for
        for model in apps.get_app_config("cognito_mfa").get_models()
        if admin.site.is_registered(model)
    }
    shared |= {person: PersonAdmin, happening: HappeningAdmin}
    users_of = {
        "ours": OurUsers,
        "floor": TheirUsersWithAColumn,
        "ours_plain": OurPlainUsers,
        "plain": PlainUsers,
    }
    registered = {name: shared | {User: users} for name, users in users_of.items()}
    for name, models_and_admins in registered.items():
        site = admin.AdminSite(name=name)
        for model, base in models_and_admins.items():
            site.register(model, type(base.__name__, (base,), {"list_per_page": PER_PAGE}))
        URLS.append(path(f"{name}/", site.urls))
    URLS.append(path("admin/", admin.site.urls))

    with connection.cursor() as cursor:
        cursor.execute("SELECT username FROM auth_user WHERE id = 5")
        (whole,) = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM auth_user")
        last = min(cursor.fetchone()[0], CAP) // PER_PAGE
    common = {
        "page 1": ("", ""),
        f"page {last}, the last": (f"p={last}",) * 2,
        "whole name": (f"q={whole}",) * 2,
        "no match": ("q=nobody.at.all",) * 2,
    }
    prefix = {"beginning of many names": ("q=alice.12",) * 2}
    users = "auth/user/"
    only_enabled = ("second_factor=ENABLED", "is_staff__exact=0")
    return [
        List(
            "identities", "/ours/cognito_mfa/cognitoidentity/", "/floor/floor/person/",
            {**common, "filter, 60 %": ("status__exact=ENABLED",) * 2, **prefix},
        ),
        List(
            "events", "/ours/cognito_mfa/mfaevent/", "/floor/floor/happening/",
            {**common, "filter, 20 %": ("kind__exact=CODE_REJECTED",) * 2, **prefix},
        ),
        List(
            "users, with FastListMixin", f"/ours/{users}", f"/floor/{users}",
            {**common, "filter, 60 %": only_enabled},
        ),
        List(
            "users, Django's UserAdmin", f"/ours_plain/{users}", f"/plain/{users}",
            {"page 1": ("", "")},
        ),
    ]  # fmt: skip


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


def measure(each: List, rounds: int, visit: Any) -> None:
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


def measure_overview(rounds: int, visit: Any) -> None:
    from django.urls import reverse

    from cognito_mfa import census

    began = time.perf_counter()
    census.take()
    taken = time.perf_counter() - began
    visits = [visit(reverse("admin:cognito_mfa_census_changelist")) for _round in range(rounds)]
    seconds = statistics.median(one.seconds for one in visits)
    print(
        f"\noverview {seconds * 1e3:.1f} ms, queries {visits[-1].queries}; "
        f"the count behind it, by a command, {taken:.1f} s"
    )


def main() -> None:
    given = arguments()
    random.seed(1)
    file = SCRATCH / "lists.sqlite3"
    if given.refill and given.database.endswith(str(file)):
        file.unlink(missing_ok=True)
    configure(given.database)
    floors = floor_tables()
    if given.refill and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    if "floor_person" not in connection.introspection.table_names():
        fill(given.rows, floors)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT version()" if connection.vendor == "postgresql" else "SELECT sqlite_version()"
        )
        print(connection.vendor, cursor.fetchone()[0].partition(" on ")[0], end=", ")
    print(f"Django {django.get_version()}, Python {sys.version.split()[0]}, {given.rows:,} rows")
    lists, visit = mount(*floors), visitor()
    for each in (one for one in lists if given.only in one.name):
        measure(each, given.rounds, visit)
    measure_overview(given.rounds, visit)


if __name__ == "__main__":
    main()
