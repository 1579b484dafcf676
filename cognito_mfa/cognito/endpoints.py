"""Where Cognito answers: AWS's own hosts, and which other addresses passwords may be sent to."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings

from cognito_mfa.conf import SETTINGS, Conf

# Not any name that ends like AWS's: anyone can have a bucket or an API gateway there.
AWS_HOST = re.compile(
    r"(?:[a-z0-9-]+\.)*cognito-idp(?:-fips)?\.[a-z]{2,}(?:-[a-z0-9]+)+"
    r"(?:\.vpce)?\.(?:amazonaws\.com|amazonaws\.com\.cn|amazonaws\.eu|api\.aws)"
)
# botocore's own variable, for this service only.
ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"

# What follows the Region in the names of AWS's hosts, where it differs from most Regions.
DNS_SUFFIX = "amazonaws.com"
DNS_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "us-isof-": "csp.hci.ic.gov",
}


class EndpointRefused(Exception):
    """Calls would go to an address that was not named for Cognito."""


def aws_host(pool_id: str) -> str:
    """Return AWS's host for the pool's Region."""
    region = pool_id.partition("_")[0]
    known = (suffix for start, suffix in DNS_SUFFIXES.items() if region.startswith(start))
    return f"cognito-idp.{region}.{next(known, DNS_SUFFIX)}"


def refuse_endpoint(conf: Conf, url: str) -> None:
    """Refuse an address that is not AWS's and was not named for Cognito, or that lacks TLS.

    SECURITY: ``AWS_ENDPOINT_URL`` is often set only for a file store. A check reports it, but a server
    process runs no checks. With DEBUG on, developers may use any address.

    Args:
        conf: the app's settings.
        url: where the client sends its calls.

    Raises:
        EndpointRefused: nothing was sent.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if settings.DEBUG or (parts.scheme == "https" and AWS_HOST.fullmatch(host)):
        return
    named = conf.ENDPOINT_URL or os.environ.get(ENDPOINT_VARIABLE)
    own_factory = SETTINGS["CLIENT_FACTORY"].default != conf.CLIENT_FACTORY
    if not (named or own_factory):
        raise EndpointRefused("named for another service")
    if parts.scheme != "https" and not _is_this_machine(host):
        raise EndpointRefused("no TLS")


def _is_this_machine(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"
