"""A second opinion: the journeys of tests/journeys, as they stand, over HTTP against moto's server.

Where moto differs from Cognito in a way that a journey meets, ``deviations`` names it: the test must
then fail, so that a moto which has mended it is noticed. What moto does not have at all skips.

The flow is USER_PASSWORD_AUTH. moto's SECRET_BLOCK for USER_SRP_AUTH is not base64, so a client that
does real arithmetic can send it nothing. Runs where moto is installed (tox run -e moto)."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.second_opinion.deviations import DEVIATIONS
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID

if TYPE_CHECKING:
    from tests.second_opinion.moto_server import MotoCognito, MotoPool, MotoVisitor

FACTORY = "tests.second_opinion.moto_server.make_client"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and item.module.__package__ == __package__:
            reason = DEVIATIONS.get(item.name) or DEVIATIONS.get(item.originalname)
            if reason is not None:
                item.add_marker(pytest.mark.xfail(reason=f"moto: {reason}", strict=True))


@pytest.fixture(scope="session", autouse=True)
def moto_is_installed() -> None:
    """Skip where there is no moto."""
    if importlib.util.find_spec("moto") is None:
        pytest.skip("moto is not installed here: run `tox run -e moto`")


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("MOTO_COGNITO_IDP_USER_POOL_ENABLE_TOTP", "true")
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


@pytest.fixture
def cognito(
    moto_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MotoCognito]:
    from moto.cognitoidp import utils

    from tests.second_opinion.moto_server import MotoCognito, MovableTime

    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_FACTORY": FACTORY}
    clock = MovableTime()
    monkeypatch.setattr(utils, "time", clock)
    cognito = MotoCognito(moto_url, settings, clock)
    with cognito.current():
        yield cognito


@pytest.fixture
def pool(cognito: MotoCognito) -> MotoPool:
    return populated(cognito, "ON")


@pytest.fixture
def optional_pool(cognito: MotoCognito) -> MotoPool:
    return populated(cognito, "OPTIONAL")


@pytest.fixture
def visitor(db: None, cognito: Any) -> MotoVisitor:
    from tests.second_opinion.moto_server import MotoVisitor

    return MotoVisitor(Client(enforce_csrf_checks=False), cognito)


def populated(cognito: MotoCognito, mfa: str) -> MotoPool:
    pool = cognito.create_pool(POOL_ID, mfa=mfa)
    pool.create_client(CLIENT_ID)
    verified = {"email": "newcomer@example.com", "email_verified": "true"}
    pool.create_user("newcomer", password=PASSWORD, attributes=verified)
    return pool
