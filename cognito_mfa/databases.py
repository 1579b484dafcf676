"""Which database: where a site has several, each transaction and each read that decides something goes to the right one.

The site's router says where rows are written, and that is where we read them. A copy that lags, which the router may
name for reading, would let a session in that a reset ended a second ago, or count wrong codes anew. Django's own
``transaction.atomic()`` means the database named ``default``, where none of our rows need be: nothing in this package
uses it, nor ``on_commit()``, but by what stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from django.db import connections, router, transaction
from django.db.models import ForeignKey, Model, OneToOneField, QuerySet
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


def roll_back(model: type[Model]) -> None:
    """Let the open transaction of ``atomic_for(model)`` end with a rollback."""
    transaction.set_rollback(True, using=router.db_for_write(model))


def on_commit_of(model: type[Model], act: Callable[[], object]) -> None:
    """Call ``act`` once what was written is committed; at once where no transaction is open.

    Args:
        model: of the rows that ``act`` is about.
        act: takes no arguments.
    """
    transaction.on_commit(act, using=router.db_for_write(model))


def current(rows: QuerySet[AnyModel]) -> QuerySet[AnyModel]:
    """Return ``rows`` as they are read from where they are written, never from a copy that lags.

    Our own models need no call: see ``CurrentQuerySet``.
    """
    alias = router.db_for_write(rows.model)
    # To name a database copies the queryset, which costs more than to ask where it would be read.
    return rows if rows.db == alias else rows.using(alias)


def current_rows(model: type[AnyModel]) -> QuerySet[AnyModel]:
    """Return all rows of one of the site's models, such as its users, from where they are written."""
    return current(model._default_manager.all())


def own_transactions(view: View) -> View:
    """Keep every database's ATOMIC_REQUESTS from a view that opens its own transactions.

    None may stay open while Cognito answers, and what is written before Cognito is asked must outlive a killed process.
    """
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view


@contextmanager
def request_transactions() -> Generator[None]:
    """Open the transactions in which ATOMIC_REQUESTS wants a request, one in each database that says so."""
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
    """A field that is Django's own in migrations, where nothing is read through it."""

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()  # type: ignore[misc]
        return name, f"django.db.models.{type(self).__name__.removeprefix('Current')}", args, kwargs


class CurrentForeignKey(_SameInMigrations, ForeignKey):
    """A foreign key whose row is read from where it is written, though its model is the site's."""

    forward_related_accessor_class = _CurrentForeign


class CurrentOneToOneField(_SameInMigrations, OneToOneField):
    """The same, one to one."""

    forward_related_accessor_class = _CurrentOneToOne


class CurrentQuerySet(QuerySet[AnyModel]):
    """Reads rows from where they are written: the querysets of all our models are of this class.

    Their models name it twice: by ``objects``, and as ``base_manager_name``, through which Django follows a relation
    to a single row.
    """

    @property
    def db(self) -> str:
        """Return the database that the query would read or write now, as ``QuerySet.db`` does."""
        # No name is kept in the queryset: a subquery must be readable wherever the query around it is.
        alias: str = self._db or router.db_for_write(self.model, **self._hints)  # type: ignore[attr-defined]
        return alias
