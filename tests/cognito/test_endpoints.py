"""Which hosts are AWS's."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from cognito_mfa.cognito import clients
from cognito_mfa.cognito.endpoints import aws_host, is_aws, partition_of
from cognito_mfa.conf import Conf

BOTOCORE = Path(str(find_spec("botocore").origin)).parent  # type: ignore[union-attr]
PARTITIONS = json.loads((BOTOCORE / "data/partitions.json").read_text(encoding="utf-8"))
REGIONS = [
    (partition["id"], region, partition["outputs"])
    for partition in PARTITIONS["partitions"]
    for region in partition["regions"]
    if not region.endswith("-global")
]


@pytest.mark.parametrize(("partition", "region", "names"), REGIONS)
def test_every_region_that_botocore_knows(partition: str, region: str, names: Any) -> None:
    known = partition_of(region)
    assert known.arn == partition
    assert (known.suffix, known.dual_stack) == (names["dnsSuffix"], names["dualStackDnsSuffix"])
    assert aws_host(region) == f"cognito-idp.{region}.{names['dnsSuffix']}"


@pytest.mark.parametrize("fips", [False, True])
@pytest.mark.parametrize("dual_stack", [False, True])
@pytest.mark.parametrize(
    "region",
    [
        "eu-west-1",
        "us-gov-west-1",
        "cn-north-1",
        "eusc-de-east-1",
        "us-iso-east-1",
        "us-isob-east-1",
    ],
)
def test_where_botocore_goes_is_known_and_aws(region: str, fips: bool, dual_stack: bool) -> None:
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    options: dict[str, Any] = {
        "use_fips_endpoint": fips,
        "use_dualstack_endpoint": dual_stack,
        "ignore_configured_endpoint_urls": True,
    }
    config = Config(**options)
    keys: dict[str, Any] = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    session = botocore.session.get_session()
    try:
        client = session.create_client("cognito-idp", region_name=region, config=config, **keys)
    except BotoCoreError:
        pytest.skip("no such endpoint")
    called = url_of_a_call(client)
    assert clients.url_of(client) == called
    assert is_aws(called)


class _Kept(Exception):
    """Raised instead of sending a request."""


def url_of_a_call(client: Any) -> str:
    """Return where botocore would send a call."""
    kept: list[str] = []

    def keep(request: Any, **_kwargs: object) -> None:
        kept.append(request.url.rstrip("/"))
        raise _Kept

    client.meta.events.register("before-send", keep)
    with pytest.raises(_Kept):
        client.list_users(UserPoolId="us-east-1_x")
    return kept[0]


@pytest.mark.parametrize(
    "url",
    [
        "https://cognito-idp.s3.amazonaws.com",
        "https://files.s3.eu-west-1.amazonaws.com",
        "https://cognito-idp.eu-west-1.amazonaws.com.evil.example",
        "https://cognito-idp.eu-west-1.api.aws.evil.example",
        "https://evil.example/cognito-idp.eu-west-1.amazonaws.com",
        "https://cognito-idp.eu-west-1.amazonaws.com@evil.example",
        "http://localhost:9229",
        "",
    ],
)
def test_what_only_looks_like_aws_is_not(url: str) -> None:
    assert not is_aws(url)


def test_a_cloud_that_is_younger_than_our_list_is_aws(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No endpoint of one's own is configured: where boto3 goes by itself is AWS's."""
    made: list[Any] = []

    def make(**options: Any) -> Any:
        made.append(options)
        client: Any = type("Client", (), {})()
        client.meta = type("Meta", (), {"endpoint_url": "https://cognito-idp.moon-1.aws.moon"})()
        return client

    monkeypatch.setattr(clients, "make_client", make)
    given = {"USER_POOL_ID": "moon-1_x", "CLIENT_ID": "x"}
    url = "https://cognito-idp.moon-1.aws.moon"
    assert clients._is_where_boto3_goes(Conf(given), url)
    assert made[0]["config"].ignore_configured_endpoint_urls
    assert not clients._is_where_boto3_goes(Conf(given), "https://files.example")
    named = {**given, "ENDPOINT_URL": url}
    assert not clients._is_where_boto3_goes(Conf(named), url)
