"""boto3 clients that a LocalCognito answers in process."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import UNSIGNED  # noqa: TID253
from botocore.config import Config  # noqa: TID253
from botocore.exceptions import EndpointConnectionError  # noqa: TID253

from cognito_mfa.local import LocalCognito, faults, make_client
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import POOL_ID, Caller, refused
from tests.local.conftest import populated


def names(boto: Any) -> list[str]:
    return [user["Username"] for user in boto.list_users(UserPoolId=POOL_ID)["Users"]]


def test_a_kept_client_follows_whatever_is_installed() -> None:
    """As a site's process-wide client must, from one test to the next."""
    kept = make_client(region_name="us-east-1")
    for name in ("first", "second"):
        cognito = LocalCognito()
        cognito.create_pool(POOL_ID).create_user(name)
        with cognito.installed():
            assert names(kept) == [name]


def test_without_one_it_says_what_to_do() -> None:
    kept = make_client(region_name="us-east-1")
    with pytest.raises(RuntimeError, match=r"No local Cognito is installed.*cognito\.install\(\)"):
        names(kept)


def test_installing_inside_another_ends_with_the_other(cognito: LocalCognito) -> None:
    outer, inner = LocalCognito(), LocalCognito()
    outer.create_pool(POOL_ID).create_user("outer")
    inner.create_pool(POOL_ID).create_user("inner")
    kept = make_client(region_name="us-east-1")
    with outer.installed():
        with inner.installed():
            assert names(kept) == ["inner"]
        assert names(kept) == ["outer"]


def test_install_stays(cognito: LocalCognito) -> None:
    populated(cognito)
    other = LocalCognito()
    with other.installed():  # so that this test leaves nothing behind
        cognito.install()
        assert names(make_client(region_name="us-east-1")) == ["newcomer", "regular"]


def test_a_failing_block_uninstalls_too(cognito: LocalCognito) -> None:
    with pytest.raises(ZeroDivisionError), cognito.installed():
        raise ZeroDivisionError
    with pytest.raises(RuntimeError):
        names(make_client(region_name="us-east-1"))


def test_config_and_endpoint_are_honored(cognito: LocalCognito, pool: LocalPool) -> None:
    cognito.faults.on("ListUsers", faults.Unreachable())
    boto: Any = make_client(
        region_name="eu-west-1",
        endpoint_url="http://localhost:9229",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=7),
    )
    assert boto.meta.config.read_timeout == 7
    assert boto.meta.region_name == "eu-west-1"
    with (
        cognito.installed(),
        pytest.raises(EndpointConnectionError, match="http://localhost:9229"),
    ):
        names(boto)


def test_an_unsigned_client_cannot_administer(cognito: LocalCognito, pool: LocalPool) -> None:
    """Without an Authorization header only public operations work."""
    boto = cognito.client(config=Config(signature_version=UNSIGNED))
    with refused("MissingAuthenticationTokenException"):
        names(boto)
    assert Caller(boto).password()["ChallengeName"] == "MFA_SETUP"


def test_nothing_asks_for_credentials_or_a_region(
    cognito: LocalCognito, pool: LocalPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert names(cognito.client()) == ["newcomer", "regular"]


def test_calls_are_logged_with_what_was_received(
    cognito: LocalCognito, caller: Caller, pool: LocalPool
) -> None:
    caller.password()
    with refused("NotAuthorizedException"):
        caller.password("regular", "Wrong-Horse-7")
    first, second = cognito.calls
    assert (first.operation, first.error, first.at) == ("InitiateAuth", None, cognito.clock.now())
    assert first.parameters["AuthParameters"]["USERNAME"] == "newcomer"
    assert second.error == "NotAuthorizedException"
    cognito.forget_calls()
    assert cognito.calls == []


def test_the_log_keeps_the_newest_calls_only() -> None:
    cognito = LocalCognito(calls_kept=2)
    boto = cognito.client()
    for _ in range(3):
        boto.list_user_pools(MaxResults=1)
    boto.create_user_pool(PoolName="mine")
    assert cognito.operations() == ["ListUserPools", "CreateUserPool"]


def test_a_pool_is_found_again(cognito: LocalCognito, pool: LocalPool) -> None:
    assert cognito.pool(POOL_ID).state is pool.state
    assert [one.id for one in cognito.pools()] == [POOL_ID]
    assert cognito.code_for("regular") == pool.code_for("regular")
    with pytest.raises(LookupError, match="no pool"):
        cognito.pool("us-east-1_Nowhere00")
    with pytest.raises(ValueError, match="already"):
        cognito.create_pool(POOL_ID)


def test_a_code_of_no_pool_in_particular(cognito: LocalCognito) -> None:
    with pytest.raises(LookupError, match="there are 0 pools"):
        cognito.code_for("regular")


def test_an_authenticator_can_be_registered_twice(pool: LocalPool) -> None:
    first, second = (pool.register_software_token("regular") for _ in range(2))
    assert first != second
    assert pool.user("regular").enabled_factors == ["SOFTWARE_TOKEN_MFA"]


def test_codes_that_no_one_could_know(pool: LocalPool) -> None:
    with pytest.raises(LookupError, match="no software token"):
        pool.code_for("newcomer")
    with pytest.raises(LookupError, match="waiting to be verified"):
        pool.pending_code_for("newcomer")
