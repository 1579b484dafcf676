"""Reads from the tokens' claims who signed in, and decides which address is verified."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.views.decorators.debug import sensitive_variables

from cognito_mfa.cognito import token_verification
from cognito_mfa.cognito.types import Person, Provider, Tokens
from cognito_mfa.conf import get_conf
from cognito_mfa.exceptions import BadReply, BadReplyReason
from cognito_mfa.values import untrusted
from cognito_mfa.values.comparison import ascii_lower

# What an access token says about itself; the same names in the other token would hide that they are missing.
_OF_ACCESS = frozenset(
    {"auth_time", "client_id", "cognito:groups", "exp", "iat", "nbf", "scope", "username"}
)


@sensitive_variables()
def read_person(tokens: Tokens, *, username: str = "", check_signatures: bool = False) -> Person:
    """Return the user that the tokens' claims name.

    Args:
        tokens: as Cognito gave them.
        username: the stored username, when a challenge carried it; empty when unknown.
        check_signatures: False only for tokens that Cognito has just sent us over TLS. Tokens that another
            package fetched must be signed by the pool, be in force, and belong together.

    Raises:
        BadReply: they are another pool's or client's, or contradict each other or the challenge.
        Unavailable: the pool's keys cannot be fetched.
        Misconfigured: likewise.
    """
    conf = get_conf()
    access = token_verification.read(
        tokens.access, conf, use="access", check_signature=check_signatures
    )
    told = None
    if tokens.id:
        told = token_verification.read(tokens.id, conf, use="id", check_signature=check_signatures)
    person = person_of(access, told, trusts=conf.TRUST_POOL_EMAIL)
    disagree = username and username not in (person.username, person.sub)
    if disagree or (
        check_signatures and not token_verification.belong_together(tokens.access, told or {})
    ):
        raise BadReply(reason=BadReplyReason.CLAIMS_DISAGREE)
    return person


def person_of(access: Mapping[str, Any], told: Mapping[str, Any] | None, *, trusts: bool) -> Person:
    """Return the user that the claims name, with an address only if it is verified.

    Args:
        access: claims of the access token.
        told: claims of the ID token, or the user's attributes; None when there are none.
        trusts: whether every address and phone number of the pool is taken for verified (``TRUST_POOL_EMAIL``).

    Raises:
        BadReply: the claims name no user, or two different ones.
    """
    sub, name = access.get("sub"), access.get("username")
    said = {key: value for key, value in (told or {}).items() if key not in _OF_ACCESS}
    if not (untrusted.is_sub(sub) and untrusted.is_username(name)):
        raise BadReply(reason=BadReplyReason.CLAIMS_DISAGREE)
    if said.get("sub", sub) != sub:
        raise BadReply(reason=BadReplyReason.CLAIMS_DISAGREE)
    address = untrusted.address(said.get("email"))
    verified = trusts or _is_verified(said, "email")
    if not (verified and address):
        said.pop("email", None)
    number = untrusted.phone_number(said.get("phone_number"))
    if not (number and (trusts or _is_verified(said, "phone_number"))):
        number = ""
        said.pop("phone_number", None)
    return Person(
        str(sub),
        str(name),
        email=address,
        email_verified=verified,
        claims={**said, **access},
        email_told=told is not None,
        phone_number=number,
    )


def _is_verified(said: Mapping[str, Any], name: str) -> bool:
    flag = said.get(f"{name}_verified")
    return flag is True or flag == "true"  # tokens say true, GetUser says "true"


def providers_in(identities: object) -> tuple[Provider, ...]:
    """Return the identity providers that ``identities`` names: a claim, or an attribute as JSON text."""
    if isinstance(identities, str):
        try:
            identities = json.loads(identities)
        except (ValueError, RecursionError):
            identities = None
    entries = identities if isinstance(identities, list) else []
    # The claim says it as text, and the attribute as a Boolean.
    return tuple(
        Provider(str(entry.get("providerName")), entry.get("primary") in (True, "true"))
        for entry in entries
        if isinstance(entry, dict)
    )


def owning_provider(username: str, providers: tuple[Provider, ...]) -> str:
    """Return the identity provider that owns an account; empty for one of the pool's own users.

    By username and claim together: a stranger may choose a username that looks like a provider's, and a
    user of the pool's own may have a provider linked. A user with both still has a password.

    Args:
        username: the stored username, such as ``Google_1138``.
        providers: that the account's ``identities`` name.
    """
    # SECURITY: a user who is taken for a provider's may be let in without a code.
    name = ascii_lower(username)
    owners = (one.name for one in providers if one.made_account)
    return next((one for one in owners if name.startswith(f"{ascii_lower(one)}_")), "")
