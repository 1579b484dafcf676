"""Decides what a sign-in by another package proves, once, when it happens.

Users are linked here and only here, after the pool's signature was checked.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from cognito_mfa.authenticator import wrong_code_alerts
from cognito_mfa.cognito import deadline, user_api
from cognito_mfa.cognito.claims import owning_provider, person_of, providers_in
from cognito_mfa.cognito.types import OwnAccount, Person, Provider
from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import proof
from cognito_mfa.enforcement.account_state import own_backend
from cognito_mfa.exceptions import BadReply, BadReplyReason, CognitoMFAError, LinkRefusedReason
from cognito_mfa.managed_login import evidence, tokens
from cognito_mfa.managed_login.evidence import Doubt, Evidence
from cognito_mfa.managed_login.tokens import ProvidedTokens
from cognito_mfa.models import CognitoIdentity, MFAEvent, identity_of
from cognito_mfa.monitoring import calls, log_events
from cognito_mfa.sign_in import linking, user_updates

logger = logging.getLogger(__name__)

MANAGED_LOGIN = (
    "MANAGED_LOGIN"  # the method in proofs and events: Cognito does not say which factor
)
DOUBT_KEY = f"{proof.PREFIX}doubt"
REDIRECTED_KEY = f"{proof.PREFIX}sent"
# After these, another sign-in there may end in the same way. A user with an authenticator app may sign in here.
ENDS_THE_SAME = frozenset(
    {
        Doubt.NO_ANSWER,
        Doubt.STALE,
        Doubt.REMEMBERED_DEVICE,
        Doubt.LINKED_PROVIDER,
        Doubt.NO_ID_TOKEN,
    }
)
PATIENCE = 8.0  # seconds that judging a sign-in may take; after that it continues without a proof


# --------------------------------------------------------------------------------- before the sign-in


def record_redirect(request: HttpRequest) -> None:
    """Record in the session that this browser is now redirected to a sign-in."""
    request.session[REDIRECTED_KEY] = time.time()


def carry_redirect(request: HttpRequest | None) -> None:
    """Keep what ``record_redirect`` wrote on the request, because the sign-in clears it from the session."""
    session = getattr(request, "session", None)
    if session is not None:
        request.cognito_mfa_redirected_at = session.get(REDIRECTED_KEY)  # type: ignore[union-attr]


def may_sign_in_here(request: HttpRequest) -> bool:
    """Return whether to offer our own sign-in page, because Cognito's may lead to the same doubt again."""
    return own_backend() is not None and last_doubt(request) in ENDS_THE_SAME


def last_doubt(request: HttpRequest) -> str:
    """Return why the signed-in user's last sign-in proved nothing; empty when it did."""
    record = request.session.get(DOUBT_KEY)
    if not isinstance(record, dict) or record.get("user") != str(request.user.pk):
        return ""
    return str(record.get("why") or "")


# ------------------------------------------------------------------------------------- at the sign-in


def on_signed_in(
    *, request: HttpRequest | None = None, user: Any = None, **_kwargs: object
) -> None:
    """Judge a sign-in, if it happened at Cognito's own pages.

    Receives Django's ``user_logged_in``. A sign-in in doubt proves nothing, but is never stopped here.

    Args:
        request: of the sign-in.
        user: who was signed in.
    """
    if request is None or not hasattr(request, "session"):
        return
    trust = tokens.trust_word(request)
    if trust is None:
        return
    tokens.store_again(request, user)
    calls.forget()
    try:
        with deadline.within(PATIENCE):
            _judge(request, user, everyone=trust == "everyone")
    except CognitoMFAError as error:
        _record_doubt(request, user, Doubt.NO_ANSWER)
        logger.warning("sign_in_proves_nothing: user %s, error %s", user.pk, error)


@sensitive_variables()
def _judge(request: HttpRequest, user: Any, *, everyone: bool) -> None:
    provided = tokens.ask_provider(request)
    if provided is None:
        return
    person = tokens.read_person(provided)
    account = None if provided.id_token else _ask_cognito(provided, person)
    if account is not None:
        person = _with_attributes(person, account)
    provider = owning_provider(person.username, providers_in(person.claims.get("identities")))
    if provider:
        proof.record_federated_sign_in(request.session, user, provider=provider)
        return
    if not provided.id_token and account is None and identity_of(user) is None:
        # We do not even know whether the address was verified.
        linking.refuse(person, user, LinkRefusedReason.ATTRIBUTES_UNKNOWN)
    identity = linking.link_signed_in(person, user)
    user_updates.apply(identity, user, person, request=request)
    proof.record_link(request.session, identity)
    redirected_at = getattr(request, "cognito_mfa_redirected_at", None)
    providers = _linked_providers(provided, person)
    known = Evidence(provided.access_token, person, providers, account, redirected_at)
    found = evidence.doubt(known, identity, everyone=everyone)
    if found is None:
        _prove(request, identity, person)
    else:
        _record_doubt(request, user, found)
        logger.info("sign_in_proves_nothing: user %s, reason %s", user.pk, found)


@sensitive_variables()
def _ask_cognito(provided: ProvidedTokens, person: Person) -> OwnAccount | None:
    """Ask Cognito about the user, where there is no ID token that could be checked."""
    try:
        account = user_api.own_account(provided.access_token)
    except CognitoMFAError as error:
        logger.warning("attributes_unknown: %s", error)
        return None
    if account.sub != person.sub:
        raise BadReply("GetUser", reason=BadReplyReason.ANOTHER_USER)
    return account


def _with_attributes(person: Person, account: OwnAccount) -> Person:
    return person_of(person.claims, account.told, trusts=get_conf().TRUST_POOL_EMAIL)


def _linked_providers(provided: ProvidedTokens, person: Person) -> tuple[Provider, ...] | None:
    """Return the providers that were linked when the ID token was made; None without an ID token."""
    if provided.id_token:
        return providers_in(person.claims.get("identities"))
    return None if provided.claims is None else providers_in(provided.claims.get("identities"))


def _record_doubt(request: HttpRequest, user: Any, why: Doubt) -> None:
    request.session[DOUBT_KEY] = {"user": str(user.pk), "why": why.value}


def _prove(request: HttpRequest, identity: CognitoIdentity, person: Person) -> None:
    # SECURITY: the time is Cognito's, so that returning by managed login's cookie makes no proof younger.
    at = evidence.auth_time(person) or 0.0
    proof.write(request.session, identity, method=MANAGED_LOGIN, at=min(at, time.time()))
    identity.app_used_at = timezone.now()
    identity.save(update_fields=["app_used_at"])
    wrong_code_alerts.show_since_last_sign_in(request, identity)
    MFAEvent.objects.record(MFAEvent.Kind.SIGNED_IN, identity, detail=MANAGED_LOGIN)
    log_events.write("signed_in", user=identity.user_id, method=MANAGED_LOGIN)
