"""Checks an app client's settings together, before any of them changes, with Cognito's error texts.

The rules read the parameters of CreateUserPoolClient and UpdateUserPoolClient. ``scopes`` checks scopes
and identity providers.

See "Settings of an app client" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cognito_mfa.local.errors import (
    FeatureUnavailableInTierException,
    InvalidOAuthFlowException,
    InvalidParameterException,
)
from cognito_mfa.local.rules import attribute_schema
from cognito_mfa.local.rules.pool_settings import LITE
from cognito_mfa.local.rules.scopes import RESERVED, check_providers, check_scopes
from cognito_mfa.local.rules.state import AppClient, UserPool

Parameters = Mapping[str, Any]

DEFAULT_FLOWS = ("ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH")
CLIENT_CREDENTIALS = "client_credentials"
BY_REDIRECT = frozenset({"code", "implicit"})
NEVER_WRITTEN = {*attribute_schema.COGNITOS_OWN, *attribute_schema.VERIFIED_FLAGS}
#: Cognito's own role. Cognito describes the analytics of an application with an ARN by this role, and
#: accepts what it described.
OWN_ROLE = "aws-service-role/cognito-idp.amazonaws.com/AWSServiceRoleForAmazonCognitoIdp"
#: Plain HTTP is only allowed for the machine itself.
INSECURE = re.compile(r"http://(?!(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/|\?|$))", re.IGNORECASE)
ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:.+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a kind of token is valid, in seconds, and the unit if a request names none."""

    default: int
    unit: str
    shortest: int
    longest: int


LIFETIMES = {
    "AccessToken": Lifetime(3600, "hours", 300, 86400),
    "IdToken": Lifetime(3600, "hours", 300, 86400),
    "RefreshToken": Lifetime(30 * 86400, "days", 3600, 315360000),
}
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}


def check(pool: UserPool, client: AppClient, parameters: Parameters, *, verb: str) -> None:
    """Check the settings of an app client.

    Args:
        pool: The user pool.
        client: The app client, whose secret is set already.
        parameters: The members of the request.
        verb: ``creating`` or ``updating``, for Cognito's texts.

    Raises:
        InvalidParameterException: Settings contradict each other, or one of them needs another.
        InvalidOAuthFlowException: OAuth flows contradict each other, or need another setting.
        ScopeDoesNotExistException: The pool does not have a scope.
        FeatureUnavailableInTierException: The tier of the pool does not have a flow.
    """
    _check_flows(pool, parameters.get("ExplicitAuthFlows", DEFAULT_FLOWS))
    _check_oauth(client, parameters)
    check_scopes(pool, parameters.get("AllowedOAuthScopes", []))
    check_providers(pool, parameters.get("SupportedIdentityProviders", []))
    _check_urls(parameters)
    _check_attributes(pool, parameters, verb)
    lifetimes(parameters)
    _check_propagation(client, parameters)
    _check_analytics(parameters.get("AnalyticsConfiguration", {}))


def lifetimes(parameters: Parameters) -> tuple[int, int, int]:
    """Return how long access, ID, and refresh tokens are valid, in seconds.

    Raises:
        InvalidParameterException: A token would be valid for too short or too long.
    """
    access, identity, refresh = (_seconds(parameters, token) for token in LIFETIMES)
    if max(access, identity) > refresh:
        raise InvalidParameterException(
            "Access and Id Token expiration times must be less than or equal to refresh token "
            "expiration times."
        )
    return access, identity, refresh


def _seconds(parameters: Parameters, token: str) -> int:
    """Return how long a kind of token is valid. In a request, 0 means the default."""
    lifetime = LIFETIMES[token]
    given = parameters.get(f"{token}Validity")
    if not given:
        return lifetime.default
    unit = parameters.get("TokenValidityUnits", {}).get(token, lifetime.unit)
    seconds: int = given * SECONDS[unit]
    if not lifetime.shortest <= seconds <= lifetime.longest:
        raise InvalidParameterException("Invalid range for token validity.")
    return seconds


def _check_flows(pool: UserPool, flows: Iterable[str]) -> None:
    modern = {flow.startswith("ALLOW_") for flow in flows}
    if len(modern) > 1:
        raise InvalidParameterException(
            "Auth flow name with prefix 'ALLOW' cannot be used with legacy auth flow names."
        )
    if "ALLOW_USER_AUTH" in flows and pool.settings.get("UserPoolTier") == LITE:
        raise FeatureUnavailableInTierException(
            "The following feature is not available for the LITE pricing tier configured: "
            "ALLOW_USER_AUTH"
        )


def _check_oauth(client: AppClient, parameters: Parameters) -> None:
    flows = set(parameters.get("AllowedOAuthFlows", []))
    scopes = parameters.get("AllowedOAuthScopes", [])
    if parameters.get("AllowedOAuthFlowsUserPoolClient") and not (flows and scopes):
        raise InvalidParameterException(
            "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed "
            "to use OAuth flows."
        )
    if CLIENT_CREDENTIALS in flows:
        _check_machine(client, flows, scopes)
    elif flows and not parameters.get("CallbackURLs"):
        raise InvalidOAuthFlowException(
            "CallbackUrls can not be empty when code flow or implicit flow is selected"
        )


def _check_machine(client: AppClient, flows: set[str], scopes: Iterable[str]) -> None:
    if flows & BY_REDIRECT:
        raise InvalidOAuthFlowException(
            "client_credentials flow can not be selected along with code flow or implicit flow."
        )
    if client.secret is None:
        raise InvalidOAuthFlowException(
            "client_credentials flow can not be selected if client does not have a client secret."
        )
    for scope in scopes:
        if scope in RESERVED:
            raise InvalidOAuthFlowException(
                f"{scope} is not supported with client_credentials flow"
            )


def _check_urls(parameters: Parameters) -> None:
    callbacks = parameters.get("CallbackURLs", [])
    for url in (*callbacks, *parameters.get("LogoutURLs", [])):
        if INSECURE.match(url):
            raise InvalidParameterException(f"{url} cannot use the HTTP protocol.")
        if not ABSOLUTE.fullmatch(url):
            raise InvalidParameterException(f"{url} is not an absolute URI")
    for url in callbacks:
        if "#" in url:
            raise InvalidParameterException(f"{url} cannot use fragment")
    default = parameters.get("DefaultRedirectURI")
    if default and default not in callbacks:
        raise InvalidParameterException(
            f"The default redirect URI {default} is not in the callback URIs list."
        )


def _check_attributes(pool: UserPool, parameters: Parameters, verb: str) -> None:
    schema = attribute_schema.attributes(pool)
    if not schema.keys() >= set(parameters.get("ReadAttributes", [])):
        raise InvalidParameterException(f"Invalid read attributes specified while {verb} a client")
    written = set(parameters.get("WriteAttributes", []))
    writable = schema.keys() - NEVER_WRITTEN
    required = {one.name for one in schema.values() if one.required} - NEVER_WRITTEN
    if written and not required <= written <= writable:
        raise InvalidParameterException(f"Invalid write attributes specified while {verb} a client")


def _check_propagation(client: AppClient, parameters: Parameters) -> None:
    if parameters.get("EnablePropagateAdditionalUserContextData") and client.secret is None:
        raise InvalidParameterException(
            "Client Secret is required to set EnablePropagateAdditionalUserContextData as true"
        )


def _check_analytics(configuration: Parameters) -> None:
    by_arn = bool(configuration.get("ApplicationArn"))
    given = {k: v for k, v in configuration.items() if not (by_arn and str(v).endswith(OWN_ROLE))}
    by_id = [bool(given.get(one)) for one in ("ApplicationId", "RoleArn", "ExternalId")]
    if configuration and (any(by_id) if by_arn else not all(by_id)):
        raise InvalidParameterException(
            "Invalid analytics configuration given, either <application arn> or "
            "<application id, role arn, external id> are valid"
        )
