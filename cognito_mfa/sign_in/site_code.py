"""Runs the site's own code during a sign-in: its user model, receivers, resolver, and hooks.

Any of it may fail in any way: a constraint, a column that is too short, a ``save()`` that validates, a receiver
that raises. This is the one place that turns every failure into a refusal which names the field or constraint,
and that undoes what was half done. No value is named: it may be personal, or typed by a stranger.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, contextmanager
from typing import TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, FieldError, ValidationError
from django.db import DatabaseError, DataError, connections, models, router

from cognito_mfa.databases import atomic_for, current_rows
from cognito_mfa.exceptions import CognitoMFAError, LinkRefused, LinkRefusedReason
from cognito_mfa.values import untrusted

T = TypeVar("T")

CAUSE_LENGTH = 120  # characters
# What a query or a column raises for a value that is not of its kind.
INVALID_VALUE_ERRORS = (
    DatabaseError,
    FieldError,
    ValidationError,
    ValueError,
    TypeError,
    OverflowError,
)
# Whose frames say nothing about the site.
_NOT_THE_SITE = (
    "django.",
    "cognito_mfa.",
    "contextlib",
    "functools",
    "psycopg",
    "sqlite3",
    "MySQL",
)
# What the databases say, as far as it names columns and constraints and no value. A value comes after the
# name that is wanted, or the pattern ends where the text ends, so that no value is taken for a name.
_SQLITE = re.compile(r"[A-Z ]+ constraint failed: ([\w., ':]+)")
_POSTGRESQL_COLUMNS = re.compile(r"Key \((.+?)\)=\(")
_MYSQL_KEY = re.compile(r"for key '([\w.]+)'\"?\)?$")
_MYSQL_COLUMN = re.compile(r"(?:^|\")(?:Column|Field) '(\w+)' (?:cannot be null|doesn't have)")
_MYSQL_LENGTH = re.compile(r"Data too long for column '(\w+)' at row \d+\"?\)?$")
_ORACLE = re.compile(r"^ORA-\d+: [\w ]+ \(([\w.$]+)\)")
# What Python and Django say of arguments and fields.
_ARGUMENTS = re.compile(r"(?:missing \d+ required|unexpected keyword)[\w -]* arguments?:? (.+)")
_FIELD = re.compile(r"Field '(\w+)' expected")
_QUOTED = re.compile(r"'(\w+)'")


def run(
    work: Callable[[], T],
    *,
    reason: LinkRefusedReason,
    of: Iterable[type[models.Model]] = (),
    user_pk: object = None,
    refusal: type[LinkRefused] = LinkRefused,
    spares_sessions: bool = False,
) -> T:
    """Return the result of ``work``, and store either everything that it writes or nothing.

    Args:
        work: runs code of the site.
        reason: of the refusal, when it fails.
        of: the models that it writes; each may be in a database of its own. Without any there is no transaction.
        user_pk: of the user it is about, for the log; None when there is none.
        refusal: what to raise.
        spares_sessions: a failure of the session store is none of the site's code: it is raised as it is.

    Raises:
        LinkRefused: it failed in any way; the cause names the field or constraint.
        CognitoMFAError: one of ours that it raised.
    """
    try:
        with _all_or_nothing(of):
            return work()
    except CognitoMFAError:
        raise
    except Exception as error:
        if spares_sessions and _is_of_sessions(error):
            raise
        cause = describe(error)
    # When it is over: a handler may look at the current error, and its frames hold the user's claims.
    raise refusal(reason, user_pk=user_pk, cause=cause)


def is_hidden(user: models.Model) -> bool:
    """Return whether the site's default manager does not find ``user``, as after a soft deletion.

    Costs no query where that manager finds all rows.
    """
    rows = current_rows(type(user))
    return bool(rows.query.where) and not rows.filter(pk=user.pk).exists()


def save_new(user: models.Model) -> None:
    """Save ``user``, and make sure that it is stored; inside of ``run``.

    Raises:
        LinkRefused: it is not stored, or a unique column would be empty.
    """
    cause = ""
    try:
        user.save()
        _check_deferred_constraints(user)
    except DataError as error:  # PostgreSQL does not say which column is too short
        cause = ", ".join([describe(error), *_too_long(user)])
    if not cause and (user.pk is None or user._state.adding):  # noqa: SLF001 - Django's only sign of it
        cause = "save() stored no row"
    if not cause and (empty := _empty_unique_fields(user)):
        # The first user without a value would take the empty one from all others.
        cause = f"{', '.join(empty)}: unique, and there is no value"
    if cause:
        raise LinkRefused(LinkRefusedReason.USER_NOT_CREATED, cause=cause)


def describe(error: Exception) -> str:
    """Return the class of ``error``, and where the site raised it.

    With the fields or constraints that it names.
    """
    names = ", ".join(dict.fromkeys(filter(None, _names(error))))
    parts = (type(error).__name__, names and f": {names}", _where(error))
    return untrusted.shown("".join(parts), CAUSE_LENGTH)


@contextmanager
def _all_or_nothing(of: Iterable[type[models.Model]]) -> Generator[None]:
    with ExitStack() as stack:
        for model in {router.db_for_write(model): model for model in of}.values():
            stack.enter_context(atomic_for(model))
        yield


def _check_deferred_constraints(user: models.Model) -> None:
    """Check now what the database would check at the end of a transaction that is not ours."""
    connection = connections[user._state.db or "default"]  # noqa: SLF001 - as Django's own
    if connection.savepoint_ids and connection.features.can_defer_constraint_checks:
        tables = [
            user._meta.db_table,
            *(parent._meta.db_table for parent in user._meta.all_parents),
        ]
        connection.check_constraints(table_names=tables)


def _names(error: Exception) -> Iterable[str]:
    if isinstance(error, ValidationError):
        return _validation_names(error)
    if isinstance(error, DatabaseError):
        return _database_names(error)
    text = str(error)
    if isinstance(error, TypeError) and (found := _ARGUMENTS.search(text)):
        return _QUOTED.findall(found[1])
    named = _FIELD.match(text) if isinstance(error, (TypeError, ValueError)) else None
    return [named[1]] if named else []


def _validation_names(error: ValidationError) -> Iterable[str]:
    """Return the fields with the codes of what is wrong; the messages may hold values."""
    by_field = getattr(error, "error_dict", None) or {"": error.error_list}
    for name, errors in by_field.items():
        codes = " ".join(dict.fromkeys(str(one.code or "invalid") for one in errors))
        checked = [one.params.get("unique_check", ()) for one in errors if one.params]
        fields = " ".join(str(field) for fields in checked for field in fields)
        where = fields if name == NON_FIELD_ERRORS and fields else name
        yield f"{where} ({codes})" if where else codes


def _database_names(error: DatabaseError) -> Iterable[str]:
    diagnosis = getattr(error.__cause__, "diag", None)
    if diagnosis is not None:
        columns = _POSTGRESQL_COLUMNS.match(diagnosis.message_detail or "")
        yield diagnosis.column_name or (columns[1] if columns else "")
        yield diagnosis.constraint_name or ""
        return
    text = str(error)
    for pattern in (_SQLITE, _MYSQL_KEY, _MYSQL_COLUMN, _MYSQL_LENGTH, _ORACLE):
        match = pattern.fullmatch(text) if pattern is _SQLITE else pattern.search(text)
        if match:
            yield match[1]
            return


def _where(error: Exception) -> str:
    """Return where code of the site raised ``error``, or called what raised it; empty for none."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        module = str(frame.f_globals.get("__name__", ""))
        if module and not f"{module}.".startswith(_NOT_THE_SITE):
            return f" in {module}, line {line}"
    return ""


def _is_of_sessions(error: Exception) -> bool:
    modules = (
        frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)
    )
    return any(module.startswith("django.contrib.sessions.") for module in modules)


def _too_long(user: models.Model) -> list[str]:
    return [
        f"{field.name} (at most {field.max_length} characters)"
        for field in user._meta.concrete_fields
        if field.max_length and len(str(getattr(user, field.attname) or "")) > field.max_length
    ]


def _empty_unique_fields(user: models.Model) -> list[str]:
    return [
        field.name
        for field in user._meta.concrete_fields
        if field.unique and not field.primary_key and getattr(user, field.attname) == ""
    ]
