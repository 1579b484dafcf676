"""A boto3 of before 2026: it knows neither AdminDeleteSoftwareToken nor AdminGetUserAuthFactors."""

from __future__ import annotations

from typing import Any

from cognito_mfa.local import make_client as make_new_one

NEWER = {"AdminDeleteSoftwareToken", "AdminGetUserAuthFactors"}
FACTORY = f"{__name__}.make_client"


def make_client(**kwargs: Any) -> Any:
    """Make a client whose service model lacks the newer operations."""
    client: Any = make_new_one(**kwargs)
    model = client.meta.service_model
    model.__dict__["operation_names"] = [
        name for name in model.operation_names if name not in NEWER
    ]
    return client
