"""Sites with several databases: the rules that keep ours right, and journeys through such sites."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.db import connection, connections
from django.db.backends.base.features import BaseDatabaseFeatures

from cognito_mfa.databases import CurrentForeignKey, CurrentOneToOneField, CurrentQuerySet
from tests.seed import SEED

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cognito_mfa"
HERE = ROOT / "tests" / "databases"
# Of Django, and they mean the database named "default" unless they are told another one.
ONE_DATABASE = {"transaction", "connection"}
# Rows of the site's models, read from wherever the site's router says.
READS = "_default_manager"
MAY_READ = {
    "databases.py": "it names the database",
    "enforcement/identity_state.py": "built once, and named when it is read",
    "enforcement/policy.py": "a subquery, read wherever the query around it is",
}
# How Django's names of what some databases cannot do end.
LACKING = ("_indexes", "_unique_constraints", "nulls_distinct_unique_constraints")
JOURNEYS = [
    "journeys/test_first_sign_in.py",
    "journeys/test_replace.py",
    "journeys/test_remove.py",
    "admin/test_resets.py",
    "admin/test_exemptions.py",
    "management/test_sync.py",
]


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith(("local/", "migrations/")):
            yield name, ast.parse(path.read_text())


@pytest.mark.django_db
def test_no_constraint_needs_what_a_database_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Django leaves such a constraint out on MariaDB, MySQL, and Oracle, and only warns about it."""
    features = [name for name in vars(BaseDatabaseFeatures) if name.endswith(LACKING)]
    assert len(features) > len(LACKING)
    for name in features:
        monkeypatch.setattr(connection.features, name, False)
    config = apps.get_app_config("cognito_mfa")
    assert run_checks(app_configs=[config], tags=["models"], databases=["default"]) == []


@pytest.mark.skipif(
    connection.vendor != "postgresql",
    reason="needs PostgreSQL: Django's check of JSON fields opens an SQLite file",
)
def test_checks_need_no_database() -> None:
    """Builds run ``manage.py check`` where no server answers. pytest-django refuses any connection here.

    Django 6.1 opens one for a generated column, and remembers the answer.
    """
    for one in connections.all():
        vars(one.features).pop("is_postgresql_18", None)
        vars(one).pop("pg_version", None)
    run_checks()


def test_nothing_assumes_the_default_database() -> None:
    """``atomic()`` and ``on_commit()`` without a name protect nothing where our tables are elsewhere."""
    found = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        if name != "databases.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("django.db")
        and (
            ONE_DATABASE & {alias.name for alias in node.names}
            or node.module == "django.db.transaction"
        )
    ]
    assert not found, "use cognito_mfa.databases"


def test_the_sites_rows_are_read_from_where_they_are_written() -> None:
    found = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == READS
    }
    assert found == set(MAY_READ), "use cognito_mfa.databases.current_rows"


def test_our_rows_are_read_from_where_they_are_written() -> None:
    """Whichever way Django finds a row: by the manager that it takes for relations, too."""
    for model in apps.get_app_config("cognito_mfa").get_models():
        for manager in (model._default_manager, model._base_manager):
            assert isinstance(manager.all(), CurrentQuerySet), model
        for field in model._meta.fields:
            if field.name == "user":  # an actor is only a name in the log
                assert isinstance(field, CurrentForeignKey | CurrentOneToOneField), model


@pytest.mark.long
@pytest.mark.sweep
@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        ("settings", ["-p", "tests.databases.plugin", *(f"tests/{name}" for name in JOURNEYS)]),
        ("settings", [str(HERE / "transactions.py")]),
        ("replica_settings", [str(HERE / "replica.py")]),
    ],
    ids=["journeys", "transactions", "replica"],
)
def test_a_site_with_several_databases(settings: str, arguments: list[str]) -> None:
    """On PostgreSQL where this run is: only there, Django refuses a lock outside of a transaction."""
    command = [sys.executable, "-m", "pytest", SEED, "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ}
    environment.pop("PYTEST_ADDOPTS", None)
    ended = subprocess.run(  # noqa: S603
        [*command, f"--ds=tests.databases.{settings}", *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
