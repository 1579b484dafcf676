"""The whole way, with each client: sign-up, setup, a code, a device that is remembered."""

from __future__ import annotations

import json
from typing import Any

from botocore import xform_name  # noqa: TID253

from tests.clients.conftest import Site
from tests.clients.journey import Person, whole_way
from tests.local.conftest import http_client


def test_boto3(site: Site) -> None:
    boto = http_client(site.url)

    def ask(operation: str, **parameters: Any) -> dict[str, Any]:
        return dict(getattr(boto, xform_name(operation))(**parameters))

    whole_way(Person(ask, site))


def test_the_aws_cli(site: Site) -> None:
    def ask(operation: str, **parameters: Any) -> dict[str, Any]:
        """Options as a person writes them; structures as JSON."""
        arguments: list[str] = []
        for name, value in parameters.items():
            text = value if isinstance(value, str) else json.dumps(value)
            arguments += [f"--{xform_name(name, '-')}", text]
        done = site.ask_aws(xform_name(operation, "-"), *arguments)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout or "{}"))

    whole_way(Person(ask, site))
