"""Transactions, reads, and columns on the right database, for sites with several.

The site's router decides where rows are written, and they are read from there. A replica that lags could accept a
session that a reset has just ended, or lose a wrong code. ``transaction.atomic()`` and ``on_commit()`` use the database
named ``default``, which may not have our tables, so this package only uses the functions below.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar, TypeVar

from django.core.checks import CheckMessage
from django.db import connections, router, transaction
from django.db.models import ForeignKey, GeneratedField, Model, OneToOneField, QuerySet
from django.db.models.fields.related_descriptors import (
    ForwardManyToOneDescriptor,
    ForwardOneToOneDescriptor,
)

AnyModel = TypeVar("AnyModel", bound=Model)
View = TypeVar("View", bound=Callable[..., Any])


def atomic_for(model: type[Model], *, durable: bool = False) -> transaction.Atomic:
    """Return a transaction of the database to which rows of ``model`` are written.

    Args:
        model: of the rows that are written together.
        durable: it must be the outermost transaction, so that its end is a commit.
    """
    return transaction.atomic(using=router.db_for_write(model), durable=durable)


def in_transaction(model: type[Model]) -> bool:
    """Return whether other code has opened a transaction, so that ``atomic_for(durable=True)`` would fail.

    Args:
        model: of the rows that are written.
    """
    blocks = transaction.get_connection(router.db_for_write(model)).atomic_blocks
    return bool(blocks) and not blocks[-1]._from_testcase  # noqa: SLF001 - as Django asks


def roll_back(model: type[Model]) -> None:
    """Mark the open transaction of ``atomic_for(model)`` for rollback."""
    transaction.set_rollback(True, using=router.db_for_write(model))


def on_commit_of(model: type[Model], act: Callable[[], object]) -> None:
    """Call ``act`` once what was written is committed; at once where no transaction is open.

    Args:
        model: of the rows that ``act`` is about.
        act: takes no arguments.
    """
    transaction.on_commit(act, using=router.db_for_write(model))


def current(rows: QuerySet[AnyModel]) -> QuerySet[AnyModel]:
    """Return ``rows`` read from the database where they are written, never from a replica.

    Our own models need no call: see ``CurrentQuerySet``.
    """
    alias = router.db_for_write(rows.model)
    # Naming a database copies the queryset, which costs more than asking the router.
    return rows if rows.db == alias else rows.using(alias)


def current_rows(model: type[AnyModel]) -> QuerySet[AnyModel]:
    """Return all rows of one of the site's models from the database where they are written."""
    return current(model._default_manager.all())


def own_transactions(view: View) -> View:
    """Exempt a view that opens its own transactions from ATOMIC_REQUESTS of every database.

    No transaction may stay open while Cognito responds, and what is written before the call must survive a crash.
    """
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


@contextmanager
def request_transactions() -> Generator[None]:
    """Open a transaction in each database that sets ATOMIC_REQUESTS."""
    with ExitStack() as opened:
        for connection in connections.all():
            if connection.settings_dict["ATOMIC_REQUESTS"]:
                opened.enter_context(transaction.atomic(using=connection.alias))
        yield


class _CurrentForeign(ForwardManyToOneDescriptor):
    def get_queryset(self, **hints: Any) -> QuerySet[Any]:
        return current(super().get_queryset(**hints))


class _CurrentOneToOne(_CurrentForeign, ForwardOneToOneDescriptor):
    pass


class _SameInMigrations:
    """A field that appears in migrations as Django's own field."""

    in_migrations: ClassVar[str]

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()  # type: ignore[misc]
        return name, f"django.db.models.{self.in_migrations}", args, kwargs


class StoredGeneratedField(_SameInMigrations, GeneratedField):
    """A generated column that is stored, as every database of Django can.

    Django 6.1 connects to PostgreSQL to check whether it can. Builds run ``manage.py check`` where there is no database.
    """

    in_migrations = "GeneratedField"

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return super().check(**{**kwargs, "databases": None})


class CurrentForeignKey(_SameInMigrations, ForeignKey):
    """A foreign key to a model of the site, read from the database where the row is written."""

    in_migrations = "ForeignKey"
    forward_related_accessor_class = _CurrentForeign


class CurrentOneToOneField(_SameInMigrations, OneToOneField):
    """A one-to-one field to a model of the site, read from the database where the row is written."""

    in_migrations = "OneToOneField"
    forward_related_accessor_class = _CurrentOneToOne


class CurrentQuerySet(QuerySet[AnyModel]):
    """The queryset of all our models, which reads rows from the database where they are written.

    Their models name it twice: by ``objects``, and as ``base_manager_name``, through which Django follows a relation
    to a single row.
    """

    @property
    def db(self) -> str:
        """Return the database that the query would read or write now, as ``QuerySet.db`` does."""
        # No name is kept in the queryset: a subquery must be readable wherever the query around it is.
        alias: str = self._db or router.db_for_write(self.model, **self._hints)  # type: ignore[attr-defined]
        return alias
