"""A machine that has no AWS credentials whatever."""

from __future__ import annotations

from typing import Any

from cognito_mfa.local import make_client as make_signed_one

FACTORY = f"{__name__}.make_client"


def make_client(**kwargs: Any) -> Any:
    """Make a client that has nothing to sign with."""
    client: Any = make_signed_one(**kwargs)
    client._request_signer._credentials = None
    return client
