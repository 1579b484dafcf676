"""An index that Django's ``istartswith`` can use, on the databases where a plain one cannot."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Columns, Statement, Table

# What Django asks on each: UPPER(x::text) LIKE UPPER('a%'), and x LIKE 'a%', which ignores case.
_EXPRESSIONS = {
    "postgresql": "UPPER(%(column)s::text) text_pattern_ops",
    "sqlite": "%(column)s COLLATE NOCASE",
}


class PrefixIndex(models.Index):
    """An index on one text column for searches that begin at its beginning, whatever the case."""

    def create_sql(
        self,
        model: type[models.Model],
        schema_editor: BaseDatabaseSchemaEditor,
        using: str = "",
        **kwargs: Any,
    ) -> Statement:
        expression = _EXPRESSIONS.get(schema_editor.connection.vendor)
        if expression is None:
            return super().create_sql(model, schema_editor, using=using, **kwargs)
        quote, table = schema_editor.quote_name, model._meta.db_table
        field: Any = model._meta.get_field(self.fields[0])
        # References instead of text: SQLite renames tables while it changes them.
        column = Columns(table, [field.column], quote)
        return Statement(
            "CREATE INDEX %(name)s ON %(table)s (%(expression)s)",
            name=quote(str(self.name)),
            table=Table(table, quote),
            expression=Statement(expression, column=column),
        )
