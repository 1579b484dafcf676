"""The overview with a million users: the cost of a page view, and of an update.

python benchmarks/overview.py [--database postgres://…] [--rows 1000000] [--rounds 15]

SQL creates the data once, in ``.bench/overview`` or in the named database, which must be empty.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable

import million
from django.db import connection
from django.test.utils import CaptureQueriesContext

SCRATCH = million.scratch("overview")
GOAL = 1.0  # seconds for a page view


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--database", default=f"sqlite:///{SCRATCH / 'overview.sqlite3'}")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    return parser.parse_args()


def fill(rows: int) -> None:
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    if User.objects.exists():
        return
    began = time.perf_counter()
    million.hurry()
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
    million.insert(
        rows, "auth_user", id="i", username=name, email="''", password="'!'", is_superuser=no, is_staff="i % 50 = 0",
        is_active="i % 33 <> 0", date_joined=now, first_name="''", last_name="''",
    )  # fmt: skip
    status = (
        "CASE WHEN i % 10 < 6 THEN 'ENABLED' WHEN i % 10 < 9 THEN 'NOT_SET_UP' ELSE 'UNKNOWN' END"
    )
    million.insert(
        rows, "cognito_mfa_cognitoidentity", "i % 11 <> 0", id="i", user_id="i", pool_id=f"'{million.POOL}'",
        sub="'sub-' || i", username=name, email="''", status=status, preferred_factor="''", checked_at=days,
        generation="0", language="''", created_at=now, unconfirmed="''", previous_email="''",
    )  # fmt: skip
    million.insert(
        rows, "cognito_mfa_softwaretoken", "i % 11 <> 0 AND i % 10 < 6", id="i", identity_id="i",
        friendly_name="'Phone'", verified_at=days, retired_because="''", cognito_name="''",
    )  # fmt: skip
    kind = "CASE WHEN i % 2 = 0 THEN 'SIGNED_IN' ELSE 'CODE_REJECTED' END"
    million.insert(
        rows, "cognito_mfa_mfaevent", "i % 11 <> 0", identity_id="i", username=name, kind=kind, at=days,
        reason="''", detail="''", sub="'sub-' || i",
    )  # fmt: skip
    million.insert(
        rows, "cognito_mfa_codefailures", pool_id=f"'{million.POOL}'", username=name, last_at=now,
        failures="CASE WHEN i % 5000 = 0 THEN 100 ELSE 0 END", sub="'sub-' || i", total="0",
    )  # fmt: skip
    million.insert(
        rows, "auth_user_groups", "i % 3 = 0", user_id="i", group_id=f"{first_group} + i % 20"
    )
    million.insert(
        rows, "cognito_mfa_mfaexemption", "i % 500 = 0", user_id="i", reason="'x'", granted_at=now, expires_at=coming,
        for_superuser="false",
    )  # fmt: skip
    million.insert(
        rows, "cognito_mfa_mfareset", "i % 11 <> 0 AND i % 20011 = 0", identity_id="i", reason="'x'",
        requested_at=days, trouble="''",
    )  # fmt: skip
    million.finish(rows)
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
    urls = million.set_up(options.database)
    fill(options.rows)
    from django.contrib import admin
    from django.contrib.auth.models import User
    from django.test import Client
    from django.urls import include, path, reverse

    from cognito_mfa.reports import overview

    urls += [path("account/", include("cognito_mfa.urls")), path("admin/", admin.site.urls)]

    print(f"{connection.vendor}, {options.rows:,} people")
    print(f"a count      {timed(overview.count, 3)}")
    client = Client()
    client.force_login(
        User.objects.get(username="boss"), "django.contrib.auth.backends.ModelBackend"
    )
    url = reverse("admin:cognito_mfa_overviewsnapshot_changelist")
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    asked = len(queries)
    view = timed(lambda: client.get(url), options.rounds)
    print(f"a page view  {view}, {asked} queries")
    return 0 if float(view.split()[0]) < 1000 * GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
