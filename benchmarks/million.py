"""A site with a million users, which the benchmarks of the admin share."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import django
import environ
from django.apps import apps
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent
POOL = "us-east-1_Example00"
PROCESSORS = {
    "request": "django.template",
    "auth": "django.contrib.auth",
    "messages": "django.contrib.messages",
}


def scratch(name: str) -> Path:
    """Return the folder that a benchmark keeps its data in."""
    folder = ROOT / ".bench" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def set_up(database: str, more_apps: Sequence[str] = ()) -> list[Any]:
    """Set Django up with the admin and our app on ``database``; return the list of its URLs, to be filled."""
    sys.path.insert(0, str(ROOT))
    site = ModuleType("site_urls")
    urls: list[Any] = []
    site.urlpatterns = urls  # type: ignore[attr-defined]
    sys.modules["site_urls"] = site
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
            *more_apps,
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
                        f"{home}.context_processors.{name}" for name, home in PROCESSORS.items()
                    ]
                },
            }
        ],
        # The boss comes from another backend, and only pages are measured.
        COGNITO_MFA={
            "USER_POOL_ID": POOL,
            "CLIENT_ID": "exampleclient0000000000000",
            "ENFORCEMENT": "off",
        },
    )
    django.setup()
    return urls


def defaults(table: str) -> dict[str, str]:
    """Return the defaults of the columns of ``table`` as SQL: its model may get new ones at any time."""
    models = apps.get_models(include_auto_created=True)
    (model,) = (model for model in models if model._meta.db_table == table)
    found: dict[str, str] = {}
    for field in model._meta.concrete_fields:
        value = None if field.primary_key else field.get_default()
        if isinstance(value, bool) and connection.vendor == "postgresql":
            found[str(field.column)] = str(value).lower()
        elif isinstance(value, bool | int):
            found[str(field.column)] = str(int(value))
        elif value == "":
            found[str(field.column)] = "''"
    return found


def insert(rows: int, table: str, where: str = "", **values: str) -> None:
    """Fill ``table``; values are SQL over ``i``, the number of the row from 1 to ``rows``.

    Columns that are not named get the default of their field.

    Args:
        rows: how many, or more where ``where`` leaves some out.
        table: of one of the installed models.
        where: a condition over ``i``; every row by default.
        **values: SQL by column.
    """
    values = {**defaults(table), **values}
    if connection.vendor == "postgresql":
        series = f"SELECT i FROM generate_series(1, {rows}) AS g(i)"
    else:
        series = f"SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {rows}"
    chosen = f"SELECT {', '.join(values.values())} FROM s" + (f" WHERE {where}" if where else "")
    into = f"INSERT INTO {table} ({', '.join(values)})"
    with connection.cursor() as cursor:
        cursor.execute(f"{into} WITH RECURSIVE s(i) AS ({series}) {chosen}")


def hurry() -> None:
    """Let the database take what follows without waiting for the disk."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET synchronous_commit = off")
        else:
            cursor.execute("PRAGMA synchronous = OFF")
            cursor.execute("PRAGMA cache_size = -500000")


def finish(rows: int) -> None:
    """Let the database learn what it holds, and add the boss, who looks at the pages."""
    from django.contrib.auth.models import User

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("SELECT setval(pg_get_serial_sequence('auth_user', 'id'), %s)", [rows])
        else:
            cursor.execute("ANALYZE")
    User.objects.create_superuser("boss", "boss@example.com", "x")
