"""The tokens that another package's sign-in left: asked of the site's provider, kept, and read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY
from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from cognito_mfa.cognito import claims
from cognito_mfa.cognito.token_verification import is_in_force
from cognito_mfa.cognito.types import NOTHING, Person, Tokens
from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import proof
from cognito_mfa.enforcement.account_state import is_own_backend
from cognito_mfa.exceptions import BadReply, BadReplyReason, CognitoMFAError
from cognito_mfa.sign_in.encryption import decrypt, encrypt
from cognito_mfa.values.secret_text import SecretText

logger = logging.getLogger(__name__)

KEY = f"{proof.PREFIX}token"


@dataclass(frozen=True, slots=True, init=False)
class ProvidedTokens:
    """The tokens of a sign-in by another package.

    A ``TOKEN_PROVIDER`` returns them, or only the access token.

    Args:
        access_token: as Cognito gave it, in plain text; it is closed here. A value of another type counts
            as no token.
        claims: of the ID token, where a package has read it and thrown it away. SECURITY: their signature
            was not checked, so they are used only to refuse.
        id_token: as Cognito gave it; empty when it is missing. Without it and without claims, we cannot see
            whether an identity provider signed the user in, and only ``amr`` makes a proof.
    """

    access_token: SecretText
    claims: Mapping[str, Any] | None = field(default=None, repr=False)
    id_token: SecretText = NOTHING

    def __init__(
        self,
        access_token: str | SecretText,
        claims: Mapping[str, Any] | None = None,
        id_token: str | SecretText = "",
    ) -> None:
        object.__setattr__(self, "access_token", _closed(access_token))
        object.__setattr__(self, "claims", claims if isinstance(claims, Mapping) else None)
        object.__setattr__(self, "id_token", _closed(id_token))

    @classmethod
    def of(cls, access_token: str | SecretText, id_token: str | SecretText) -> ProvidedTokens:
        """Return both tokens of one sign-in.

        Args:
            access_token: as Cognito gave it.
            id_token: as Cognito gave it.
        """
        return cls(access_token, id_token=id_token)


def _closed(token: object) -> SecretText:
    return SecretText(token) if isinstance(token, (str, SecretText)) else NOTHING


# ------------------------------------------------------------------------------------- in the session


def is_active(request: HttpRequest) -> bool:
    """Return whether the signed-in user came through another package's sign-in at Cognito."""
    return request.user.is_authenticated and trust_word(request) is not None


def trust_word(request: HttpRequest) -> str | None:
    """Return the keyword in ``TRUSTED_BACKENDS`` for a sign-in at Cognito's own pages; None for any other."""
    conf, backend = get_conf(), request.session.get(BACKEND_SESSION_KEY)
    word = conf.trust_in(backend)
    ours = conf.TOKEN_PROVIDER is None or is_own_backend(backend)
    return None if ours or word == "elsewhere" else word


@sensitive_variables()
def store(request: HttpRequest, provided: ProvidedTokens, user: Any) -> None:
    """Keep the tokens in the session, encrypted, until the next sign-in or a finished setup.

    For providers whose package keeps no token of its own, or keeps it in clear.

    Args:
        request: of the sign-in.
        provided: what Cognito gave.
        user: whom the package signs in.
    """
    # login() may come after this, and empty the session of another user who was signed in before.
    request.cognito_mfa_provided = (user, provided)  # type: ignore[attr-defined]
    if request.user.is_authenticated and request.user == user:
        request.session[KEY] = encrypt({"user": str(user.pk), **asdict(provided)})


@sensitive_variables()
def store_again(request: HttpRequest, user: Any) -> None:
    """Repeat ``store`` after login(), if it was called for ``user`` in this request.

    Args:
        request: of the sign-in.
        user: who is signed in now.
    """
    meant_for, provided = getattr(request, "cognito_mfa_provided", (None, None))
    if provided is not None and meant_for == user:
        store(request, provided, user)


@sensitive_variables()
def load(request: HttpRequest) -> ProvidedTokens | None:
    """Return the tokens that ``store`` kept for the signed-in user; None when there are none."""
    payload = decrypt(request.session.get(KEY)) or {}
    # SECURITY: a sign-in that failed may have brought another user's token.
    if payload.pop("user", None) != str(request.user.pk):
        return None
    try:
        return ProvidedTokens(**payload)
    except TypeError:  # of another version of this app
        return None


# ------------------------------------------------------------------------------------ from the provider


@sensitive_variables()
def ask_provider(request: HttpRequest) -> ProvidedTokens | None:
    """Ask the site's ``TOKEN_PROVIDER``; None when it has no token, or fails."""
    provider = get_conf().TOKEN_PROVIDER
    if provider is None:
        return None
    try:
        ask: Callable[[HttpRequest], Any] = (
            import_string(provider) if isinstance(provider, str) else provider
        )
        given = ask(request)
    except Exception as error:  # noqa: BLE001 - a site's own code may fail in any way
        # Logged after the handler: a log handler may report the current error, whose frames hold tokens.
        given, failed = None, type(error).__name__
    else:
        failed = ""
    if failed:
        logger.error("token_provider_failed: %s", failed)
    provided = ProvidedTokens(given) if isinstance(given, str) else given
    del given
    if not isinstance(provided, ProvidedTokens) or not provided.access_token:
        return None
    return provided


@sensitive_variables()
def read_person(provided: ProvidedTokens, *, check_signatures: bool = True) -> Person:
    """Return the user pool user whom the tokens name.

    Args:
        provided: the tokens.
        check_signatures: False only to show a page, for which Cognito must not be asked.

    Raises:
        BadReply: the tokens are another pool's or client's, contradict each other, or are out of date.
        Unavailable: the pool's keys cannot be fetched.
        Misconfigured: likewise.
    """
    tokens = Tokens(provided.access_token, provided.id_token)
    person = claims.read_person(tokens, check_signatures=check_signatures)
    if (provided.claims or {}).get("sub", person.sub) != person.sub:
        raise BadReply(reason=BadReplyReason.CLAIMS_DISAGREE)
    if not is_in_force(person.claims):
        raise BadReply(reason=BadReplyReason.OUT_OF_DATE)
    return person


@sensitive_variables()
def unchecked_person(request: HttpRequest) -> Person | None:
    """Return the user in the session's token, its signature unchecked; None without one of this pool.

    It calls nothing, so a page may be shown by it.
    """
    try:
        provided = ask_provider(request)
        return read_person(provided, check_signatures=False) if provided else None
    except CognitoMFAError:
        return None
