"""List every view in the URLconf, and whether it requires MFA."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cognito_mfa.enforcement import url_map
from cognito_mfa.enforcement.url_map import EXEMPT, STATES, Entry
from cognito_mfa.reports.escaping import visible

HEADING = (
    "# Views that do not require MFA. Written by: manage.py cognito_mfa_urls --write\n"
    "# In CI: manage.py cognito_mfa_urls --check THIS-FILE\n"
)


class Command(BaseCommand):
    help = (
        "Lists every view in the URLconf as gated, partly gated (tokens pass), exempt (with the reason), or public. With "
        "--check, fails if a view is exempt that FILE does not list."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--format",
            choices=["text", "json"],
            default="text",
            help="output format (default: %(default)s)",
        )
        parser.add_argument("--only", choices=STATES, help="list only the views in this state")
        file = parser.add_mutually_exclusive_group()
        file.add_argument(
            "--write", type=Path, metavar="FILE", help="write the list of exempt views to FILE"
        )
        file.add_argument(
            "--check",
            type=Path,
            metavar="FILE",
            help="fail if a view is exempt that FILE does not list",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        entries = list(url_map.entries())
        if options["write"]:
            self._write(options["write"], entries)
        elif options["check"]:
            self._check(options["check"], entries)
        else:
            shown = [entry for entry in entries if options["only"] in (None, entry.state)]
            self._show(shown, options["format"])

    def _show(self, entries: list[Entry], style: str) -> None:
        if style == "json":
            self.stdout.write(json.dumps([entry._asdict() for entry in entries], indent=2))
            return
        for entry in entries:
            why = f"  ({entry.why})" if entry.why else ""
            self.stdout.write(f"{entry.state:<7} /{visible(entry.route)}  {entry.view}{why}")
        states = [entry.state for entry in entries]
        counts = (f"{states.count(state)} {state}" for state in sorted(set(states)))
        self.stdout.write(", ".join(counts) or "No views.")
        # Not part of the list, which programs read.
        self.stderr.write(url_map.NOT_SEEN, style_func=str)

    def _write(self, file: Path, entries: list[Entry]) -> None:
        exempt = sorted({entry.key for entry in entries if entry.state == EXEMPT})
        file.write_text(HEADING + "".join(f"{key}\n" for key in exempt), encoding="utf-8")
        self.stdout.write(f"Wrote {_exempt_views(len(exempt))} to {file}.")

    def _check(self, file: Path, entries: list[Entry]) -> None:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise CommandError(f"Cannot read {file}: {error.strerror}.") from error
        known = {line for line in lines if line and not line.startswith("#")}
        exempt = {entry.key: entry for entry in entries if entry.state == EXEMPT}
        for key in sorted(known - set(exempt)):
            self.stdout.write(f"No longer exempt: /{visible(key)}")
        new = [f"/{visible(key)}  ({exempt[key].why})" for key in sorted(set(exempt) - known)]
        if new:
            raise CommandError(
                "Exempt views that are not listed:\n  "
                + "\n  ".join(new)
                + f"\nIf this is intended, update the list: manage.py cognito_mfa_urls --write {file}"
            )
        self.stdout.write(f"{_exempt_views(len(exempt))}, all listed in {file}.")


def _exempt_views(number: int) -> str:
    return "1 exempt view" if number == 1 else f"{number} exempt views"
