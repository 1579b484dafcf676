"""Identity providers, with which users of a pool can sign in.

They are only stored. On managed login, a form replaces the provider's own pages.

See "Identity providers" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cognito_mfa.local.errors import (
    DuplicateProviderException,
    InvalidParameterException,
    ResourceNotFoundException,
)
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.paging import page_start, page_token
from cognito_mfa.local.rules import attribute_schema, certificates
from cognito_mfa.local.rules.state import IdentityProvider, UserPool

LARGEST_PAGE = 50
SOCIAL = ("Facebook", "Google", "LoginWithAmazon", "SignInWithApple")
OWN_NAME = "COGNITO"
#: The details that a provider needs, by type. SAML needs one of two.
REQUIRED_DETAILS: Mapping[str, tuple[str, ...]] = {
    "Facebook": ("client_id", "client_secret", "authorize_scopes"),
    "Google": ("client_id", "client_secret", "authorize_scopes"),
    "LoginWithAmazon": ("client_id", "client_secret", "authorize_scopes"),
    "OIDC": ("client_id", "attributes_request_method", "oidc_issuer", "authorize_scopes"),
    "SAML": (),
    "SignInWithApple": ("client_id", "team_id", "key_id", "private_key", "authorize_scopes"),
}
METADATA = ("MetadataURL", "MetadataFile")
#: The details that Cognito adds when it describes a provider.
KNOWN_DETAILS: Mapping[str, Mapping[str, str]] = {
    "Facebook": {
        "attributes_url": "https://graph.facebook.com/{api_version}/me?fields=",
        "attributes_url_add_attributes": "true",
        "authorize_url": "https://www.facebook.com/{api_version}/dialog/oauth",
        "token_request_method": "GET",
        "token_url": "https://graph.facebook.com/{api_version}/oauth/access_token",
    },
    "Google": {
        "attributes_url": "https://people.googleapis.com/v1/people/me?personFields=",
        "attributes_url_add_attributes": "true",
        "authorize_url": "https://accounts.google.com/o/oauth2/v2/auth",
        "oidc_issuer": "https://accounts.google.com",
        "token_request_method": "POST",
        "token_url": "https://www.googleapis.com/oauth2/v4/token",
    },
    "LoginWithAmazon": {
        "attributes_url": "https://api.amazon.com/user/profile",
        "attributes_url_add_attributes": "false",
        "authorize_url": "https://www.amazon.com/ap/oa",
        "token_request_method": "POST",
        "token_url": "https://api.amazon.com/auth/o2/token",
    },
    "OIDC": {"attributes_url_add_attributes": "false"},
    "SAML": {},
    "SignInWithApple": {
        "attributes_url_add_attributes": "false",
        "authorize_url": "https://appleid.apple.com/auth/authorize",
        "oidc_issuer": "https://appleid.apple.com",
        "token_request_method": "POST",
        "token_url": "https://appleid.apple.com/auth/token",
    },
}
FACEBOOK_VERSION = "v17.0"
NEVER_DESCRIBED = ("private_key",)
#: The claim that becomes the username if the mapping does not name one.
USERNAME_CLAIMS = {
    "Facebook": "id",
    "Google": "sub",
    "LoginWithAmazon": "user_id",
    "OIDC": "sub",
    "SignInWithApple": "sub",
}


def create_identity_provider(context: Context, parameters: Parameters) -> Payload:
    """Add an identity provider to a pool."""
    pool, name, kind = context.pool(parameters), parameters["ProviderName"], _kind(parameters)
    if name in pool.identity_providers:
        raise DuplicateProviderException(f"{name} already exists in user pool {pool.id}")
    now = context.clock.now()
    provider = IdentityProvider(name=name, type=kind, created_at=now, modified_at=now)
    _configure(pool, provider, {"AttributeMapping": {}, **parameters})
    pool.identity_providers[name] = provider
    attribute_schema.add_identities(pool)
    return {"IdentityProvider": _described(pool, provider)}


def update_identity_provider(context: Context, parameters: Parameters) -> Payload:
    """Change an identity provider. Members that are left out stay."""
    pool, provider = _provider(context, parameters)
    _configure(pool, provider, parameters)
    provider.modified_at = context.clock.now()
    return {"IdentityProvider": _described(pool, provider)}


def describe_identity_provider(context: Context, parameters: Parameters) -> Payload:
    """Return one identity provider."""
    pool, provider = _provider(context, parameters)
    return {"IdentityProvider": _described(pool, provider)}


def get_signing_certificate(context: Context, parameters: Parameters) -> Payload:
    """Return the certificate by which SAML providers trust a pool. A year later, it is a new one."""
    pool = context.pool(parameters)
    return {"Certificate": certificates.newest(pool, context.clock.now())}


def get_identity_provider_by_identifier(context: Context, parameters: Parameters) -> Payload:
    """Return the identity provider that has an identifier."""
    pool, identifier = context.pool(parameters), parameters["IdpIdentifier"]
    for provider in pool.identity_providers.values():
        if identifier in provider.identifiers:
            return {"IdentityProvider": _described(pool, provider)}
    raise ResourceNotFoundException(f"Identity provider {identifier} does not exist.")


def delete_identity_provider(context: Context, parameters: Parameters) -> Payload:
    """Delete an identity provider. Its users stay."""
    pool, provider = _provider(context, parameters)
    del pool.identity_providers[provider.name]
    return {}


def list_identity_providers(context: Context, parameters: Parameters) -> Payload:
    """Return a page of a pool's identity providers."""
    pool = context.pool(parameters)
    providers = list(pool.identity_providers.values())
    start = page_start(parameters.get("NextToken"), "ListIdentityProviders", pool.id)
    end = start + min(parameters.get("MaxResults") or LARGEST_PAGE, LARGEST_PAGE)
    page: Payload = {"Providers": [_listed(one) for one in providers[start:end]]}
    if len(providers) > end:
        page["NextToken"] = page_token(end, "ListIdentityProviders", pool.id)
    return page


def _kind(parameters: Parameters) -> str:
    """Return the type. The names of social providers are reserved for their types."""
    name, kind = parameters["ProviderName"], str(parameters["ProviderType"])
    reserved = name in SOCIAL or name.upper() == OWN_NAME
    if name != kind and (reserved or kind in SOCIAL):
        raise InvalidParameterException(f"Provider {name} cannot be of type {kind}.")
    return kind


def _provider(context: Context, parameters: Parameters) -> tuple[UserPool, IdentityProvider]:
    pool, name = context.pool(parameters), parameters["ProviderName"]
    if name not in pool.identity_providers:
        raise ResourceNotFoundException(f"Identity provider {name} does not exist.")
    return pool, pool.identity_providers[name]


def _configure(pool: UserPool, provider: IdentityProvider, parameters: Parameters) -> None:
    """Set the members that a request has, or none of them if one is refused."""
    details = parameters.get("ProviderDetails")
    mapping = parameters.get("AttributeMapping")
    identifiers = parameters.get("IdpIdentifiers", provider.identifiers)
    acr_mapping = parameters.get("AcrMapping", provider.acr_mapping)
    if details is not None:
        _check_details(provider.type, details)
    _check_mapping(pool, mapping or {})
    _check_identifiers(pool, provider, identifiers)
    if acr_mapping and provider.type != "OIDC":
        raise InvalidParameterException("AcrMapping is only supported for OIDC identity providers.")
    if details is not None:
        provider.details = _completed(provider.type, details)
    if mapping is not None:
        claim = USERNAME_CLAIMS.get(provider.type)
        provider.attribute_mapping = {**({"username": claim} if claim else {}), **mapping}
    provider.identifiers, provider.acr_mapping = list(identifiers), dict(acr_mapping)


def _check_details(kind: str, details: Mapping[str, str]) -> None:
    if kind == "SAML" and not any(details.get(name) for name in METADATA):
        raise InvalidParameterException(
            "At least one of the MetadataURL or MetadataFile should be provided."
        )
    missing = [name for name in REQUIRED_DETAILS[kind] if not details.get(name)]
    if missing:
        raise InvalidParameterException(f"ProviderDetails of type {kind} lacks {missing[0]}.")


def _check_mapping(pool: UserPool, mapping: Iterable[str]) -> None:
    for name in mapping:
        attribute = attribute_schema.attribute_named(pool, name)
        if name != "username" and (attribute is None or name in attribute_schema.COGNITOS_OWN):
            raise InvalidParameterException(
                f"Invalid attribute mapping: {name} is not an attribute of the user pool."
            )


def _check_identifiers(
    pool: UserPool, provider: IdentityProvider, identifiers: Iterable[str]
) -> None:
    others = [one for one in pool.identity_providers.values() if one is not provider]
    taken = {identifier for other in others for identifier in other.identifiers}
    for identifier in identifiers:
        if identifier in taken:
            raise InvalidParameterException(f"The identifier {identifier} is already in use.")


def _completed(kind: str, details: Mapping[str, str]) -> dict[str, str]:
    """Return the details with those that Cognito adds."""
    version = {"api_version": FACEBOOK_VERSION} if kind == "Facebook" else {}
    given = {**version, **details}
    return {**{k: v.format_map(given) for k, v in KNOWN_DETAILS[kind].items()}, **given}


def _described(pool: UserPool, provider: IdentityProvider) -> dict[str, Any]:
    details = {k: v for k, v in provider.details.items() if k not in NEVER_DESCRIBED}
    optional = {
        "AttributeMapping": provider.attribute_mapping,
        "AcrMapping": provider.acr_mapping,
    }
    return {
        "UserPoolId": pool.id,
        **_listed(provider),
        "ProviderDetails": details,
        "IdpIdentifiers": provider.identifiers,
        **{name: value for name, value in optional.items() if value},
    }


def _listed(provider: IdentityProvider) -> dict[str, Any]:
    return {
        "ProviderName": provider.name,
        "ProviderType": provider.type,
        "CreationDate": provider.created_at,
        "LastModifiedDate": provider.modified_at,
    }
