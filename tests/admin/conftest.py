"""What the tests of the admin have in common."""

from __future__ import annotations

import pytest

from cognito_mfa.local.pool import LocalPool
from tests.factories import make
from tests.visitor import Visitor


@pytest.fixture
def admin(pool: LocalPool, visitor: Visitor) -> Visitor:
    """A superuser who came in through our sign-in, with both factors."""
    make(pool, "root", is_staff=True, is_superuser=True)
    visitor.come_with_app("root")
    return visitor
