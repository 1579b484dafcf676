"""Finds the user of a request by the access token in its Authorization header."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from cognito_mfa.bearer import memory, second_factor, users
from cognito_mfa.bearer.header import bearer_token
from cognito_mfa.cognito import deadline, token_verification
from cognito_mfa.cognito.claims import person_of
from cognito_mfa.cognito.types import Person
from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import verified
from cognito_mfa.enforcement.account_state import access_lost
from cognito_mfa.enforcement.identity_state import state_of
from cognito_mfa.exceptions import (
    BadReplyReason,
    CognitoMFAError,
    LinkRefused,
    UserFacingError,
)
from cognito_mfa.managed_login import evidence
from cognito_mfa.managed_login.judgment import PATIENCE
from cognito_mfa.monitoring import calls, log_events
from cognito_mfa.values.secret_text import SecretText

OF_TOKENS = frozenset(
    {
        BadReplyReason.ANOTHER_USER,
        BadReplyReason.CLAIMS_DISAGREE,
        BadReplyReason.FOREIGN_TOKEN,
        BadReplyReason.NOT_SIGNED,
        BadReplyReason.OUT_OF_DATE,
    }
)
RETRY_AFTER = 5  # seconds


@dataclass(frozen=True)
class Refusal:
    """Why a token is not accepted.

    Attributes:
        code: for scripts; it never changes. ``invalid_token`` and ``insufficient_scope`` are codes of RFC 6750.
        status: of the HTTP response.
        title: the reason, for people.
    """

    code: str
    status: int
    title: Any


INVALID_TOKEN = Refusal("invalid_token", 401, _("The access token isn’t valid."))
USER_REFUSED = Refusal("user_refused", 401, _("This account can’t use this site."))
INSUFFICIENT_SCOPE = Refusal(
    "insufficient_scope", 403, _("The access token lacks a scope that this request requires.")
)
UNAVAILABLE = Refusal(
    "temporarily_unavailable", 503, _("The sign-in service isn’t responding. Try again.")
)


class BearerRefused(Exception):
    """The request carries a token that is not accepted.

    Args:
        refusal: why.
        scopes: that the request requires, for ``insufficient_scope``.

    Attributes:
        code: for scripts; it never changes.
        status: of the HTTP response.
    """

    def __init__(self, refusal: Refusal, scopes: Collection[str] = ()) -> None:
        super().__init__(refusal.code)
        self.refusal, self.code, self.status = refusal, refusal.code, refusal.status
        self.scopes = tuple(scopes)

    @property
    def detail(self) -> str:
        """The reason, in the language of the request."""
        return str(self.refusal.title)

    @property
    def retry_after(self) -> int | None:
        """Seconds to wait; None if waiting does not help."""
        return RETRY_AFTER if self.refusal is UNAVAILABLE else None

    @property
    def challenge(self) -> str:
        """Return the value of the header WWW-Authenticate (RFC 6750, section 3).

        Empty if the token is not at fault.
        """
        if self.refusal is UNAVAILABLE:
            return ""
        error = "insufficient_scope" if self.refusal is INSUFFICIENT_SCOPE else "invalid_token"
        scope = f', scope="{" ".join(self.scopes)}"' if self.scopes else ""
        return f'Bearer error="{error}"{scope}'

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a response with this refusal."""
        given = {"WWW-Authenticate": self.challenge, "Retry-After": str(self.retry_after or "")}
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, eq=False)
class BearerSignIn:
    """The sign-in at Cognito that a request's access token comes from.

    Attributes:
        user: of this site, who may sign in here.
        claims: of the access token, whose signature was verified.
    """

    user: Any
    claims: Mapping[str, Any] = field(repr=False)
    _person: Person = field(repr=False)
    _token: SecretText = field(repr=False)

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes of the token."""
        return frozenset(str(self.claims.get("scope") or "").split())

    def is_remembered(self) -> bool:
        """Return whether this sign-in is remembered as sufficient. Never calls Cognito."""
        return _recalled(self.user, self._person) in second_factor.GOOD

    def suffices(self) -> bool:
        """Return whether this sign-in passed MFA or is exempt (``FEDERATED``). May call Cognito."""
        return self._word in second_factor.GOOD

    def is_mfa_verified(self) -> bool:
        """Return whether this sign-in passed MFA. Calls Cognito if the answer is not remembered."""
        return self._word == memory.VERIFIED

    @cached_property
    def _word(self) -> str:
        return second_factor.judge(self._token, self._person, self.user)


@sensitive_variables()
def authenticate(request: HttpRequest, *, scopes: Collection[str] = ()) -> BearerSignIn | None:
    """Return the sign-in that the request's access token comes from; None for a request without one.

    This does not decide whether it passed MFA; ``decide`` does.

    Args:
        request: any; only its Authorization header is read.
        scopes: that the token must have, all of them.

    Raises:
        BearerRefused: the token is not accepted, or cannot be checked now.
    """
    token = bearer_token(request)
    if token is None:
        return None
    calls.forget()
    found = _sign_in(token)
    if not found.scopes.issuperset(scopes):
        log_events.write("token_refused", user=found.user.pk, reason=INSUFFICIENT_SCOPE.code)
        raise BearerRefused(INSUFFICIENT_SCOPE, scopes)
    setattr(request, verified.BEARER, found)
    return found


async def aauthenticate(
    request: HttpRequest, *, scopes: Collection[str] = ()
) -> BearerSignIn | None:
    """Async version of ``authenticate``.

    Args:
        request: any; only its Authorization header is read.
        scopes: that the token must have, all of them.
    """
    return await sync_to_async(authenticate)(request, scopes=scopes)


@sensitive_variables()
def _sign_in(token: SecretText) -> BearerSignIn:
    # SECURITY: raised after the handlers, so that no error report shows the frames below, which hold claims.
    try:
        with deadline.within(PATIENCE):
            return _verified_sign_in(token)
    except BearerRefused as refused:
        refusal = refused.refusal
        log_events.write("token_refused", reason=refusal.code)
    except LinkRefused:  # recorded where it was refused
        refusal = USER_REFUSED
    except CognitoMFAError as error:
        refusal = _refusal_for(error)
    raise BearerRefused(refusal)


def _refusal_for(error: CognitoMFAError) -> Refusal:
    """Return the refusal for an error: the token is wrong, or it cannot be checked now. Log it."""
    if isinstance(error, UserFacingError) or error.reason in OF_TOKENS:
        # Not at the error's own level, because any stranger can cause these lines.
        log_events.write("token_refused", cause=error, level=logging.INFO)
        return INVALID_TOKEN
    log_events.write("token_not_verified", cause=error, level=logging.WARNING)
    return UNAVAILABLE


@sensitive_variables()
def _verified_sign_in(token: SecretText) -> BearerSignIn:
    conf = get_conf()
    clients = conf.API_CLIENT_IDS or (conf.CLIENT_ID,)
    claims = token_verification.read(
        token, conf, use="access", check_signature=True, clients=clients
    )
    person = person_of(claims, None, trusts=False)
    signed_in_at = evidence.auth_time(person)
    if signed_in_at is None:
        raise BearerRefused(INVALID_TOKEN)
    user = users.user_of(token, person, signed_in_at)
    # SECURITY: the backend does not load such a user for a session either.
    if not user.is_active or access_lost(state_of(user)) is not None:
        raise BearerRefused(USER_REFUSED)
    return BearerSignIn(user, claims, person, token)


def _recalled(user: Any, person: Person) -> str:
    identity = state_of(user)
    return "" if identity is None else second_factor.recall(person, identity)
