"""Domains of user pools, where managed login is.

The local Cognito serves managed login at its own address, regardless of a pool's domains.

See "Domains" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Any

from cognito_mfa.local.errors import (
    FeatureUnavailableInTierException,
    InvalidParameterException,
)
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.rules.state import Account, Domain, UserPool

PREFIX = r"^[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?$"
RESERVED_WORDS = ("aws", "amazon", "cognito")
CLASSIC, MANAGED_LOGIN = 1, 2


def create_user_pool_domain(context: Context, parameters: Parameters) -> Payload:
    """Add a prefix domain or a custom domain to a pool, which can have one of each."""
    pool, name = context.pool(parameters), parameters["Domain"]
    custom = parameters.get("CustomDomainConfig", {})
    _check_name(name, custom=bool(custom))
    if any(domain.is_custom == bool(custom) for domain in pool.domains.values()):
        raise InvalidParameterException("User pool already has a domain configured.")
    if _holder(context.account, name) is not None:
        raise InvalidParameterException("Domain already associated with another user pool.")
    version = _version(pool, parameters, CLASSIC)
    domain = Domain(
        name=name,
        custom=dict(custom),
        managed_login_version=version,
        created_at=context.clock.now(),
    )
    pool.domains[name] = domain
    return _changed(domain)


def update_user_pool_domain(context: Context, parameters: Parameters) -> Payload:
    """Change the certificate or the version of a domain. Members that are left out stay."""
    pool, domain = _owned(context, parameters)
    custom = parameters.get("CustomDomainConfig", {})
    if custom and not domain.is_custom:
        raise InvalidParameterException("A prefix domain has no CustomDomainConfig.")
    domain.managed_login_version = _version(pool, parameters, domain.managed_login_version)
    domain.custom = dict(custom or domain.custom)
    return _changed(domain)


def delete_user_pool_domain(context: Context, parameters: Parameters) -> Payload:
    """Delete a domain of a pool."""
    pool, domain = _owned(context, parameters)
    del pool.domains[domain.name]
    return {}


def describe_user_pool_domain(context: Context, parameters: Parameters) -> Payload:
    """Return a domain of any pool. The description of a domain that does not exist is empty."""
    pool = _holder(context.account, parameters["Domain"])
    if pool is None:
        return {"DomainDescription": {}}
    domain = pool.domains[parameters["Domain"]]
    return {
        "DomainDescription": {
            "UserPoolId": pool.id,
            "AWSAccountId": context.account.id,
            "Domain": domain.name,
            "S3Bucket": f"aws-cognito-prod-{pool.region}-assets",
            "CloudFrontDistribution": _distribution(domain),
            "Version": f"{datetime.fromtimestamp(domain.created_at, UTC):%Y%m%d%H%M%S}",
            "Status": "ACTIVE",
            "CustomDomainConfig": domain.custom,
            "ManagedLoginVersion": domain.managed_login_version,
        }
    }


def has_managed_login(pool: UserPool) -> bool:
    """Return whether a domain of the pool shows managed login, and not the classic hosted UI."""
    return any(one.managed_login_version == MANAGED_LOGIN for one in pool.domains.values())


def domains_of(pool: UserPool) -> dict[str, Any]:
    """Return the members of a pool's description that name its domains."""
    return {
        "CustomDomain" if domain.is_custom else "Domain": domain.name
        for domain in pool.domains.values()
    }


def _check_name(name: str, *, custom: bool) -> None:
    if custom:
        if "." not in name:
            raise InvalidParameterException("Custom domain is not a valid subdomain.")
        return
    if re.fullmatch(PREFIX, name) is None:
        raise InvalidParameterException(
            "The domain name contains an invalid character. Domain names can only contain "
            "lower-case letters, numbers, and hyphens. Please enter a different name that follows "
            f"this format: {PREFIX}"
        )
    for word in RESERVED_WORDS:
        if word in name:
            raise InvalidParameterException(f"Domain cannot contain reserved word: {word}")


def _holder(account: Account, name: str) -> UserPool | None:
    return next((pool for pool in account.pools.values() if name in pool.domains), None)


def _owned(context: Context, parameters: Parameters) -> tuple[UserPool, Domain]:
    pool = context.account.pools.get(parameters["UserPoolId"])
    if pool is None or parameters["Domain"] not in pool.domains:
        raise InvalidParameterException("No such domain or user pool exists.")
    return pool, pool.domains[parameters["Domain"]]


def _version(pool: UserPool, parameters: Parameters, current: int) -> int:
    version: int = parameters.get("ManagedLoginVersion", current)
    if version not in (CLASSIC, MANAGED_LOGIN):
        raise InvalidParameterException("ManagedLoginVersion must be 1 or 2.")
    if version == MANAGED_LOGIN and pool.settings.get("UserPoolTier") == "LITE":
        raise FeatureUnavailableInTierException(
            "The following feature is not available for the LITE pricing tier configured: "
            "Managed Login Version 2"
        )
    return version


def _changed(domain: Domain) -> Payload:
    target = {"CloudFrontDomain": _distribution(domain)} if domain.is_custom else {}
    return {"ManagedLoginVersion": domain.managed_login_version, **target}


def _distribution(domain: Domain) -> str:
    return f"d{hashlib.sha256(domain.name.encode()).hexdigest()[:13]}.cloudfront.net"
