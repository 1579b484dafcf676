"""Report whether pool, app client, AWS permissions and clock are as this site needs them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cognito_mfa.cognito import doctor
from cognito_mfa.cognito.clients import endpoint
from cognito_mfa.cognito.doctor import Finding, Level
from cognito_mfa.exceptions import CognitoMFAError, Misconfigured, Unavailable
from cognito_mfa.management.lookup import NOT_DONE, REFUSED


class Command(BaseCommand):
    help = (
        "Asks Cognito whether the user pool, the app client, the AWS permissions and this machine's clock are as the site "
        "needs them, and changes nothing. Exits with 1 when something is wrong, and with 3 when Cognito does not answer."
    )
    # Ours are among them. Nothing reads the database.
    requires_system_checks = (Tags.security,)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=("text", "json"), default="text")
        parser.add_argument(
            "--fail-level",
            choices=("warning", "error"),
            default="error",
            help="exit with 1 from this level on (default: %(default)s)",
        )
        parser.add_argument(
            "--iam-policy",
            action="store_true",
            help="print the least that the site's AWS credentials must be allowed instead; Cognito is not asked",
        )

    def handle(self, *, format: str, fail_level: str, iam_policy: bool, **_options: Any) -> None:  # noqa: A002 - the option's name
        if iam_policy:
            self._print_policy()
            return
        findings: list[Finding] = []
        failure: CognitoMFAError | None = None
        try:
            for finding in doctor.examine():
                findings.append(finding)
                if format == "text":
                    self._print_finding(finding)
        except CognitoMFAError as error:
            failure = error
        if format == "json":
            self._print_json(findings)
        if failure is not None:
            raise CommandError(_stopped(failure), returncode=NOT_DONE)
        _fail_on_findings(findings, Level[fail_level.upper()])

    def _print_policy(self) -> None:
        try:
            policy = doctor.iam_policy()
        except Misconfigured as error:
            raise CommandError(f"{error}. {error.hint}".strip(), returncode=REFUSED) from None
        self.stdout.write(json.dumps(policy, indent=2))

    def _print_finding(self, finding: Finding) -> None:
        paint: dict[Level, Callable[[str], str]] = {
            Level.OK: self.style.SUCCESS,
            Level.NOTE: str,  # Django's style for notices is that of errors
            Level.WARNING: self.style.WARNING,
            Level.ERROR: self.style.ERROR,
        }
        mark = paint[finding.level](f"{finding.level.name:<7}")
        self.stdout.write(f"{mark}  {finding.about}: {finding.text}")
        if finding.hint:
            self.stdout.write(f"{'':<7}  -> {finding.hint}")

    def _print_json(self, findings: list[Finding]) -> None:
        rows = [
            {
                "level": finding.level.name,
                "about": finding.about,
                "text": finding.text,
                "hint": finding.hint,
            }
            for finding in findings
        ]
        self.stdout.write(json.dumps(rows, indent=2))


def _stopped(failure: CognitoMFAError) -> str:
    """Return why there are no more findings, and what to look at."""
    if not isinstance(failure, Unavailable) or failure.sent == "yes":
        return f"The examination was broken off: {failure}. {failure.hint}".strip()
    reached = "Cannot reach Cognito" if failure.sent == "no" else "Cognito does not answer"
    reason = failure.error or failure.detail
    return f"{reached} at {endpoint()} ({reason}). Check the network, a proxy, REGION, and ENDPOINT_URL."


def _fail_on_findings(findings: list[Finding], fail_level: Level) -> None:
    bad = sum(finding.level >= fail_level for finding in findings)
    if bad:
        told = "1 finding" if bad == 1 else f"{bad} findings"
        raise CommandError(f"{told} to mend.", returncode=REFUSED)
