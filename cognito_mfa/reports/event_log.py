"""Exports the event log as CSV or JSON Lines.

Rows are read in pages, so that memory does not grow with the log, in any database.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from cognito_mfa.models import MFAEvent
from cognito_mfa.reports.escaping import csv_cell

COLUMNS = ("id", "at", "username", "kind", "detail", "reason", "actor")
CHUNK = 1000  # rows in memory, and in one piece of the answer

# Without it, spreadsheets do not recognize UTF-8.
BYTE_ORDER_MARK = "\ufeff"


def as_csv(events: QuerySet[MFAEvent]) -> Iterator[bytes]:
    """Yield pieces of a CSV file (RFC 4180, UTF-8 with byte order mark), latest event first."""
    yield (BYTE_ORDER_MARK + _csv_rows([COLUMNS])).encode()
    for chunk in _chunks(events):
        yield _csv_rows([map(csv_cell, _values(event)) for event in chunk]).encode()


def as_json_lines(events: QuerySet[MFAEvent]) -> Iterator[bytes]:
    """Yield pieces of a file with one JSON object a line (UTF-8), latest event first."""
    for chunk in _chunks(events):
        objects = (dict(zip(COLUMNS, _values(event), strict=True)) for event in chunk)
        yield "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in objects).encode()


FORMATS = {
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "jsonl": (as_json_lines, "application/jsonl"),
}


def _chunks(events: QuerySet[MFAEvent]) -> Iterator[list[MFAEvent]]:
    """Yield lists of events by descending key, because some drivers load a cursor's whole result."""
    rows = events.select_related("actor").order_by("-pk")
    chunk = list(rows[:CHUNK])
    while chunk:
        yield chunk
        chunk = list(rows.filter(pk__lt=chunk[-1].pk)[:CHUNK])


def _values(event: MFAEvent) -> tuple[Any, ...]:
    actor = event.actor.get_username() if event.actor else ""
    return (
        event.pk,
        _in_utc(event.at),
        event.username,
        event.kind,
        event.detail,
        event.reason,
        actor,
    )


def _in_utc(at: dt.datetime) -> str:
    """Return ``at`` by ISO 8601; in UTC, where the site's times know their zone."""
    return (at.astimezone(dt.UTC) if timezone.is_aware(at) else at).isoformat()


def _csv_rows(rows: list[Any]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
