"""The overview over a million people: what a page view costs, and what a count costs.

python benchmarks/overview.py [--database postgres://…] [--rows 1000000] [--rounds 15]

The data are made by SQL, once, in ``.bench/overview`` or in the database named, which must be empty.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import django
import environ
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

ROOT = Path(__file__).resolve().parent.parent
SCRATCH = ROOT / ".bench" / "overview"
POOL = "us-east-1_Example00"
GOAL = 1.0  # seconds for a page view


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--database", default=f"sqlite:///{SCRATCH / 'overview.sqlite3'}")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    return parser.parse_args()


def configure(database: str) -> None:
    SCRATCH.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(ROOT))
    sys.modules["site_urls"] = ModuleType("site_urls")
    processors = ("request", "auth", "messages")
    homes = {
        "request": "django.template",
        "auth": "django.contrib.auth",
        "messages": "django.contrib.messages",
    }
    settings.configure(
        SECRET_KEY="x" * 50,
        ROOT_URLCONF="site_urls",
        USE_TZ=True,
        STATIC_URL="/static/",
        ALLOWED_HOSTS=["testserver"],
        DATABASES={"default": environ.Env.db_url_config(database)},
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        INSTALLED_APPS=[
            "cognito_mfa.apps.MFAAdminConfig",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "cognito_mfa",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "cognito_mfa.middleware.RequireMFAMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": [f"{homes[name]}.context_processors.{name}" for name in processors]},
            }
        ],
        # The boss comes from another backend, and only the page is measured.
        COGNITO_MFA={"USER_POOL_ID": POOL, "CLIENT_ID": "exampleclient0000000000000", "ENFORCEMENT": "off"},
    )  # fmt: skip
    django.setup()
    from django.contrib import admin
    from django.urls import include, path

    sys.modules["site_urls"].urlpatterns = [  # type: ignore[attr-defined]
        path("account/", include("cognito_mfa.urls")),
        path("admin/", admin.site.urls),
    ]


def insert(rows: int, table: str, where: str = "true", **values: str) -> None:
    """Fill ``table``; values are SQL over ``i``, the number of the row."""
    chosen = f"SELECT {', '.join(values.values())} FROM s WHERE {where}"
    if connection.vendor == "postgresql":
        series = f"SELECT i FROM generate_series(1, {rows}) AS g(i)"
    else:
        series = f"SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {rows}"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(values)}) WITH RECURSIVE s(i) AS ({series}) {chosen}"
        )


def fill(rows: int) -> None:
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    if User.objects.exists():
        return
    began = time.perf_counter()
    on_postgresql = connection.vendor == "postgresql"
    days = (
        "now() - (i % 300) * interval '1 day'"
        if on_postgresql
        else "datetime('now', '-' || (i % 300) || ' days')"
    )
    coming = days.replace("- (", "+ (").replace("'-'", "'+'")
    now = "CURRENT_TIMESTAMP"
    no, name = ("false" if on_postgresql else "0"), "'person-' || i"
    first_group = Group.objects.create(name="0").pk
    Group.objects.bulk_create([Group(name=str(number)) for number in range(1, 20)])
    insert(
        rows, "auth_user", id="i", username=name, email="''", password="'!'", is_superuser=no, is_staff="i % 50 = 0",
        is_active="i % 33 <> 0", date_joined=now, first_name="''", last_name="''",
    )  # fmt: skip
    status = (
        "CASE WHEN i % 10 < 6 THEN 'ENABLED' WHEN i % 10 < 9 THEN 'NOT_SET_UP' ELSE 'UNKNOWN' END"
    )
    insert(
        rows, "cognito_mfa_cognitoidentity", "i % 11 <> 0", id="i", user_id="i", pool_id=f"'{POOL}'",
        sub="'sub-' || i", username=name, email="''", status=status, preferred_factor="''", checked_at=days,
        generation="0", language="''", created_at=now, unconfirmed="''",
    )  # fmt: skip
    insert(
        rows, "cognito_mfa_softwaretoken", "i % 11 <> 0 AND i % 10 < 6", id="i", identity_id="i",
        friendly_name="'Phone'", verified_at=days, retired_because="''", cognito_name="''",
    )  # fmt: skip
    kind = "CASE WHEN i % 2 = 0 THEN 'SIGNED_IN' ELSE 'CODE_REJECTED' END"
    insert(
        rows, "cognito_mfa_mfaevent", "i % 11 <> 0", identity_id="i", username=name, kind=kind, at=days,
        reason="''", detail="''",
    )  # fmt: skip
    insert(
        rows, "cognito_mfa_codefailures", pool_id=f"'{POOL}'", username=name, last_at=now,
        failures="CASE WHEN i % 5000 = 0 THEN 100 ELSE 0 END",
    )  # fmt: skip
    insert(rows, "auth_user_groups", "i % 3 = 0", user_id="i", group_id=f"{first_group} + i % 20")
    insert(
        rows, "cognito_mfa_mfaexemption", "i % 500 = 0", user_id="i", reason="'x'", granted_at=now, expires_at=coming,
    )  # fmt: skip
    insert(
        rows, "cognito_mfa_mfareset", "i % 11 <> 0 AND i % 20011 = 0", identity_id="i", reason="'x'",
        requested_at=days, trouble="''",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if on_postgresql else "ANALYZE")
        if on_postgresql:
            cursor.execute("SELECT setval(pg_get_serial_sequence('auth_user', 'id'), %s)", [rows])
    User.objects.create_superuser("boss", "boss@example.com", "x")
    print(f"filled in {time.perf_counter() - began:.0f} s")


def timed(act: Callable[[], object], rounds: int) -> str:
    """Return median, least and most of ``rounds`` times, in milliseconds."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        act()
        took.append(1000 * (time.perf_counter() - began))
    return f"{statistics.median(took):7.0f} ms ({min(took):.0f} to {max(took):.0f})"


def main() -> int:
    options = arguments()
    configure(options.database)
    fill(options.rows)
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import reverse

    from cognito_mfa import census

    print(f"{connection.vendor}, {options.rows:,} people")
    print(f"a count      {timed(census.take, 3)}")
    client = Client()
    client.force_login(
        User.objects.get(username="boss"), "django.contrib.auth.backends.ModelBackend"
    )
    url = reverse("admin:cognito_mfa_census_changelist")
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    asked = len(queries)
    view = timed(lambda: client.get(url), options.rounds)
    print(f"a page view  {view}, {asked} queries")
    return 0 if float(view.split()[0]) < 1000 * GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
