"""The pool that calls of these tests reach."""

from __future__ import annotations

import pytest

from cognito_mfa.local import LocalCognito
from tests.visitor import CLIENT_ID, POOL_ID


@pytest.fixture
def pool(cognito: LocalCognito) -> None:
    cognito.create_pool(POOL_ID, mfa="ON").create_client(CLIENT_ID)
