"""Reads the CSV file of ``cognito_mfa_link``, as written by spreadsheets and scripts."""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.core.management.base import CommandError

from cognito_mfa.reports.escaping import visible
from cognito_mfa.values import typed

# As ``escaping.csv_cell`` writes them.
_ESCAPED = re.compile("^\\s*'(?=\\s*[=+\\-@＝＋－＠])")  # noqa: RUF001
MAX_BYTES = 20_000_000  # far more than a run links
SEPARATORS = ",;\t|"
USER = "user"
# Functions that normalize a value to its form in the pool.
POOL_COLUMNS = {"username": typed.username, "email": typed.email, "sub": typed.sub}


@dataclass(frozen=True, slots=True)
class Row:
    """A user of the site and the matching user of the pool.

    Attributes:
        line: the line in the file, for the report; 0 on the command line.
        user: the username on the site.
        username: the username in the pool; empty if not given.
        email: the address, verified by the pool; empty if not given.
        sub: the ``sub`` in the pool; empty if not given.
    """

    line: int
    user: str
    username: str = ""
    email: str = ""
    sub: str = ""

    @property
    def names_pool_user(self) -> bool:
        """Return whether the row names a user of the pool."""
        return bool(self.username or self.email or self.sub)


def row(line: int, given: Mapping[str, str | None]) -> Row:
    """Return a row with normalized values.

    Args:
        line: the line in the file; 0 on the command line.
        given: the values by column.
    """
    cells = {name: tidy(given.get(name) or "") for name, tidy in POOL_COLUMNS.items()}
    return Row(line, typed.line(given.get(USER) or ""), **cells)


def read(path: str, *, needs_pool_user: bool) -> list[Row]:
    """Return the rows of a file, without blank ones.

    Args:
        path: the path of the file; ``-`` for standard input.
        needs_pool_user: whether a column must name users of the pool.

    Raises:
        CommandError: the file cannot be read or is not valid.
    """
    text = _decoded(_content(path))
    try:
        lines = list(_lines(text))
    except csv.Error as error:
        raise CommandError(f"{visible(path)} is not a CSV file: {error}.", returncode=2) from None
    if not lines:
        raise CommandError(f"{visible(path)} is empty.", returncode=2)
    columns = _columns(lines[0][1], needs_pool_user=needs_pool_user)
    return [row(number, _cells(cells, columns)) for number, cells in lines[1:]]


def _content(path: str) -> bytes:
    try:
        if path == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "not a valid path"
        raise CommandError(f"Cannot read {visible(path)}: {why}.", returncode=2) from None
    if len(content) > MAX_BYTES:
        raise CommandError(f"{visible(path)} is larger than {MAX_BYTES} bytes.", returncode=2)
    return content


def _decoded(content: bytes) -> str:
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        raise CommandError("The file is not UTF-8. Save it as CSV UTF-8.", returncode=2) from None


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the cells of each line that is not blank."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=head.count)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, strict=True, skipinitialspace=True
    )
    for cells in reader:
        if any(map(typed.line, cells)):
            yield reader.line_num, cells


def _columns(header: Sequence[str], *, needs_pool_user: bool) -> dict[str, int]:
    """Return the index of each known column; other columns are ignored."""
    names = [typed.line(cell).lower() for cell in header]
    wanted = (USER, *POOL_COLUMNS)
    twice = [name for name in wanted if names.count(name) > 1]
    if twice:
        raise CommandError(f"The first line has the column {twice[0]} twice.", returncode=2)
    found = {name: names.index(name) for name in wanted if name in names}
    if USER not in found:
        raise CommandError("The first line must have the column user.", returncode=2)
    if needs_pool_user and len(found) == 1:
        raise CommandError(
            "The first line must have one of the columns username, email, or sub.", returncode=2
        )
    return found


def _cells(cells: Sequence[str], columns: dict[str, int]) -> dict[str, str | None]:
    """Return the known cells of a line, without the apostrophe that our reports put before a formula."""
    return {
        name: _ESCAPED.sub("", cells[index])
        for name, index in columns.items()
        if index < len(cells)
    }
