"""Knows AWS's hosts for Cognito, and which other endpoints passwords may be sent to."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.core import mail

from cognito_mfa.conf import SETTINGS, Conf


class Partition(NamedTuple):
    """One of AWS's separate clouds; botocore's list of them is compared with these by a test.

    Attributes:
        regions: how the names of its Regions begin.
        arn: its name in ARNs.
        suffix: what follows the Region in the names of hosts.
        dual_stack: likewise, where a host has IPv6 as well.
    """

    regions: str
    arn: str
    suffix: str
    dual_stack: str


PARTITIONS = (
    Partition("cn-", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    Partition("eusc-", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"),
    Partition("us-gov-", "aws-us-gov", "amazonaws.com", "api.aws"),
    Partition("us-iso-", "aws-iso", "c2s.ic.gov", "api.aws.ic.gov"),
    Partition("us-isob-", "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"),
    Partition("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    Partition("us-isof-", "aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
    Partition("", "aws", "amazonaws.com", "api.aws"),  # every other Region
)
_SUFFIXES = {suffix for one in PARTITIONS for suffix in (one.suffix, one.dual_stack)}
# Not any name that ends like AWS's: anyone can have a bucket or an API gateway there.
_AWS_HOST = re.compile(
    r"(?:[a-z0-9-]+\.)*cognito-idp(?:-fips)?\.[a-z]{2,}(?:-[a-z0-9]+)+"
    rf"(?:\.vpce)?\.(?:{'|'.join(map(re.escape, sorted(_SUFFIXES)))})"
)
# botocore's own variable, for this service only.
ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"


LOCAL_MARK = "cognito_mfa_local"  # of a client that the local Cognito answers in this process
LOCAL_CHECK = "cognito_mfa.E011"


class EndpointRefused(Exception):
    """Calls would go to an address that was not named for Cognito."""


class LocalCognitoRefused(Exception):
    """The local Cognito would answer a real site."""


def partition_of(region: str) -> Partition:
    """Return the partition of an AWS Region."""
    return next(one for one in PARTITIONS if region.startswith(one.regions))


def aws_host(region: str) -> str:
    """Return AWS's host for a Region."""
    return f"cognito-idp.{region}.{partition_of(region).suffix}"


def is_aws(url: str) -> bool:
    """Return whether ``url`` leads to one of AWS's hosts for Cognito.

    They are regional, FIPS, dual-stack, or VPC endpoints.
    """
    return _AWS_HOST.fullmatch(urlsplit(url).hostname or "") is not None


def refuse_endpoint(conf: Conf, url: str, *, from_aws: bool) -> None:
    """Refuse an address that is not AWS's and was not named for Cognito, or that lacks TLS.

    SECURITY: ``AWS_ENDPOINT_URL`` is often set only for a file store. A check reports it, but a server
    process runs no checks. With DEBUG on, developers may use any address.

    Args:
        conf: the app's settings.
        url: where the client sends its calls.
        from_aws: whether that is AWS, by its name or because boto3 goes there by itself.

    Raises:
        EndpointRefused: nothing was sent.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if settings.DEBUG or (parts.scheme == "https" and from_aws):
        return
    named = conf.ENDPOINT_URL or os.environ.get(ENDPOINT_VARIABLE)
    own_factory = SETTINGS["CLIENT_FACTORY"].default != conf.CLIENT_FACTORY
    if not (named or own_factory):
        raise EndpointRefused("named for another service")
    if parts.scheme != "https" and not _is_this_machine(host):
        raise EndpointRefused("no TLS")


def refuse_local(client: Any) -> None:
    """Refuse a client that the local Cognito answers, except while developing and in tests.

    SECURITY: the check E011 says so, but a server process runs no checks. A site that silences it means it.

    Args:
        client: as the site's factory made it, whatever it is called.

    Raises:
        LocalCognitoRefused: it was not asked.
    """
    is_allowed = (
        settings.DEBUG
        or LOCAL_CHECK in settings.SILENCED_SYSTEM_CHECKS
        or hasattr(mail, "outbox")  # which only Django's test environment has
    )
    if getattr(client, LOCAL_MARK, False) and not is_allowed:
        raise LocalCognitoRefused


def _is_this_machine(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"
