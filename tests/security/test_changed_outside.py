"""A user's authenticator is changed outside this site, and the password alone is typed on our own page.

The same at Cognito's own pages is in ``tests/other_sign_ins``.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import MFAEvent
from tests.other_sign_ins import outside as elsewhere
from tests.other_sign_ins.outside import LET_IN, Outside
from tests.visitor import Visitor

PROOF = "_cognito_mfa_proof"


@pytest.fixture
def outside(visitor: Visitor, optional_pool: LocalPool) -> Outside:
    return Outside(visitor.cognito, optional_pool)


@pytest.mark.over_api
@pytest.mark.parametrize("required", ["everyone", False])
@pytest.mark.parametrize("done", LET_IN)
def test_the_password_alone_proves_nothing(
    visitor: Visitor,
    outside: Outside,
    settings: Settings,
    done: Callable[[Outside], None],
    required: object,
) -> None:
    """``completion.complete_sign_in``: a proof is written for the method that was answered, and for none otherwise."""
    visitor.set_up()
    done(outside)
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": required}
    proofs = MFAEvent.objects.filter(kind="SIGNED_IN").count()
    thief = Visitor(Client(), visitor.cognito)
    thief.sign_in()
    assert PROOF not in thief.client.session
    assert MFAEvent.objects.filter(kind="SIGNED_IN").count() == proofs
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": "everyone"}
    assert not thief.is_in()


def test_a_code_that_was_asked_for_goes_on_being_a_proof(
    visitor: Visitor, outside: Outside
) -> None:
    visitor.set_up()
    elsewhere.admin_prefers_off(outside)
    again = Visitor(Client(), visitor.cognito)
    again.secret = visitor.secret
    again.sign_in()  # our page switches it on, and asks
    visitor.cognito.clock.advance(30)
    again.enter_code()
    assert again.is_in()
