"""The pool's public documents."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from cognito_mfa.cognito import deadline, public_documents
from cognito_mfa.exceptions import BadReply, Unavailable
from cognito_mfa.local import LocalCognito
from cognito_mfa.local.wire.client import make_client
from tests.visitor import POOL_ID

pytestmark = pytest.mark.usefixtures("pool")


def test_a_document_comes_from_where_cognito_answers(cognito: LocalCognito) -> None:
    found = public_documents.fetch_document(f"{POOL_ID}/.well-known/jwks.json")
    assert b'"RS256"' in found.body
    assert cognito.operations() == []
    with pytest.raises(BadReply):
        public_documents.fetch_document("us-east-1_Nowhere0/.well-known/jwks.json")
    with deadline.within(0.0), pytest.raises(Unavailable):
        public_documents.fetch_document(f"{POOL_ID}/.well-known/jwks.json")


def test_documents_of_aws_come_from_its_own_host_whatever_the_calls_go_to(
    settings: Settings, cognito: LocalCognito
) -> None:
    """Endpoints for FIPS and of a private network take calls alone."""
    asked: list[str] = []

    def factory(**kwargs: Any) -> Any:
        client: Any = make_client(**kwargs)
        client.meta.events.register_first(
            "before-send.cognito-identity-provider", lambda request, **_: asked.append(request.url)
        )
        return client

    for endpoint in ("https://vpce-1.cognito-idp.us-east-1.vpce.amazonaws.com", None):
        more = {"CLIENT_FACTORY": factory, "ENDPOINT_URL": endpoint}
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, **more}
        public_documents.fetch_document(f"{POOL_ID}/.well-known/jwks.json")
    address = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL_ID}/.well-known/jwks.json"
    assert asked == [address] * 2
