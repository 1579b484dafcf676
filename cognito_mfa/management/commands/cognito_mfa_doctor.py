"""Check the user pool, the app client, the AWS permissions, and the clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cognito_mfa.cognito import circuit_breaker, doctor
from cognito_mfa.cognito.clients import endpoint
from cognito_mfa.cognito.doctor import Finding, Level
from cognito_mfa.exceptions import CognitoMFAError, Misconfigured, Unavailable
from cognito_mfa.management.lookup import NOT_DONE, REFUSED

# Plain words for the errors that botocore raises when it cannot connect.
REASONS = {
    "EndpointConnectionError": "connection failed",
    "ConnectTimeoutError": "connection timed out",
    "ProxyConnectionError": "connection to the proxy failed",
    "ReadTimeoutError": "no response in time",
    "ConnectionClosedError": "connection closed",
    "SSLError": "TLS certificate not accepted",
}


class Command(BaseCommand):
    help = (
        "Checks the user pool, the app client, the AWS permissions, and this machine's clock. Changes nothing. Exits with "
        "1 if it finds a problem and with 3 if Cognito cannot be reached."
    )
    # The tag of our own checks, which do not read the database.
    requires_system_checks = (Tags.security,)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--format",
            choices=("text", "json"),
            default="text",
            help="output format (default: %(default)s)",
        )
        parser.add_argument(
            "--fail-level",
            choices=("warning", "error"),
            default="error",
            help="lowest level that makes the command exit with 1 (default: %(default)s)",
        )
        parser.add_argument(
            "--iam-policy",
            action="store_true",
            help="print the minimal IAM policy for the site's AWS credentials instead of contacting Cognito",
        )

    def handle(self, *, format: str, fail_level: str, iam_policy: bool, **_options: Any) -> None:  # noqa: A002 - the option's name
        if iam_policy:
            self._print_policy()
            return
        findings: list[Finding] = []
        failure: CognitoMFAError | None = None
        try:
            with circuit_breaker.bypassed():  # operators want to know the current state
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
            Level.NOTE: str,  # Django shows notices in the style of errors
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
    """Return why the command stopped, and what to check."""
    if not isinstance(failure, Unavailable) or failure.sent == "yes":
        return f"Stopped: {failure}. {failure.hint}".strip()
    reached = "Cannot reach Cognito" if failure.sent == "no" else "No response from Cognito"
    reason = REASONS.get(failure.error) or failure.error or failure.detail
    return f"{reached} at {endpoint()} ({reason}). Check the network, the proxy, REGION, and ENDPOINT_URL."


def _fail_on_findings(findings: list[Finding], fail_level: Level) -> None:
    bad = sum(finding.level >= fail_level for finding in findings)
    if bad:
        problems = "1 problem" if bad == 1 else f"{bad} problems"
        raise CommandError(f"{problems} found.", returncode=REFUSED)
