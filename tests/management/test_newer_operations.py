"""Operations that a Region, a partition, an emulator or an IAM policy does not have yet."""

from __future__ import annotations

import logging

import pytest
from pytest_django import Settings

from cognito_mfa.cognito import admin_api, newer_operations, user_api
from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.exceptions import PermissionMissing, UserGone
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.values.secret_text import SecretText
from tests.factories import make
from tests.management.command_line import run
from tests.visitor import Visitor

READ, DELETE = "AdminGetUserAuthFactors", "AdminDeleteSoftwareToken"
ABSENCES = [
    "UnknownOperationException",
    "InvalidAction",
    "OperationNotEnabledException",
    "AccessDeniedException",
]

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        "not __import__('cognito_mfa.cognito.clients', fromlist=['x']).has_operation('AdminGetUserAuthFactors')",
        reason="the operations are newer than the installed botocore",
    ),
]


@pytest.mark.parametrize("error", ABSENCES)
def test_a_status_is_read_with_the_older_operation(
    pool: LocalPool, visitor: Visitor, caplog: pytest.LogCaptureFixture, error: str
) -> None:
    sub = make(pool, "ada").sub
    visitor.cognito.faults.on(READ, faults.Error(error, "arn:aws:secret"))
    for _time in range(3):
        assert admin_api.read_factors(sub).username == "ada"
    # Remembered for the process, and logged once.
    assert visitor.cognito.operations() == [READ, *["AdminGetUser"] * 3]
    lines = [one for one in caplog.records if "operation_missing" in one.getMessage()]
    assert [one.levelno for one in lines] == [logging.WARNING]
    assert READ in lines[0].getMessage()
    assert "arn:aws" not in caplog.text


def test_a_user_who_is_gone_is_an_answer(pool: LocalPool, visitor: Visitor) -> None:
    visitor.cognito.faults.on(READ, faults.Error("UnknownOperationException"))
    for _time in range(2):
        with pytest.raises(UserGone):
            admin_api.read_factors("0f7c1c52-8cbb-4e4e-9c3c-1e8f6e8a0b11")
    assert visitor.cognito.operations().count(READ) == 1


def test_where_neither_is_permitted_the_newer_one_is_named(
    pool: LocalPool, visitor: Visitor
) -> None:
    for operation in (READ, "AdminGetUser"):
        visitor.cognito.faults.on(operation, faults.Error("AccessDeniedException"))
    with pytest.raises(PermissionMissing) as caught:
        admin_api.read_factors("x")
    assert f"cognito-idp:{READ} is not allowed" in str(caught.value)
    assert newer_operations.is_available(READ)  # nothing is given up for something worse


@pytest.mark.parametrize("error", ABSENCES)
def test_the_sync_goes_on_with_every_user(pool: LocalPool, visitor: Visitor, error: str) -> None:
    for name in ("ada", "bea", "cai"):
        make(pool, name)
    visitor.cognito.faults.on(READ, faults.Error(error))
    assert run("sync")[0] == 0
    assert not CognitoIdentity.objects.filter(checked_at=None).exists()


@pytest.mark.parametrize("error", ABSENCES)
def test_a_reset_turns_off_what_it_cannot_delete(
    optional_pool: LocalPool, visitor: Visitor, error: str
) -> None:
    make(optional_pool, "ada")
    visitor.come_with_app("ada")
    visitor.cognito.faults.on(DELETE, faults.Error(error))
    assert run("reset", "ada", "--reason", "x")[0] == 0
    assert "AdminSetUserMFAPreference" in visitor.cognito.operations()
    assert CognitoIdentity.objects.get(username="ada").status == "NOT_SET_UP"


@pytest.mark.parametrize("error", ABSENCES)
def test_where_turning_off_has_no_effect_a_reset_says_what_is_missing(
    pool: LocalPool, visitor: Visitor, error: str
) -> None:
    make(pool, "ada")
    visitor.come_with_app("ada")
    visitor.cognito.faults.on(DELETE, faults.Error(error))
    for _time in range(2):  # also where it is remembered
        code, text = run("reset", "ada", "--reason", "x")
        assert code == 3
        assert DELETE in text
        assert error in text
        assert "boto3" not in text
    assert "AdminSetUserMFAPreference" not in visitor.cognito.operations()


def test_ones_own_factors_without_the_operation(cognito: LocalCognito, settings: Settings) -> None:
    if not has_operation("GetUserAuthFactors"):
        pytest.skip("GetUserAuthFactors is newer than the installed botocore")
    cognito.faults.on("GetUserAuthFactors", faults.Error("UnknownOperationException"))
    assert user_api.has_own_software_token(SecretText("a.b.c")) is False
