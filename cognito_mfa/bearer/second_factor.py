"""Decides whether the sign-in that an access token comes from passed MFA.

A token with ``amr`` says so itself. Without ``amr``, Cognito is asked whether it required a code, by the rules of
``managed_login.evidence``. Users of identity providers are exempt by the same rule as on pages (``FEDERATED``): Cognito
must say that a provider owns the account, which no access token does.

Tokens are used for longer than a minute after the sign-in, so there is another case. For an older sign-in, the
authenticator app must have been known here before it and still be enabled at Cognito, or the sign-in must have been
judged when it was fresh.

Cognito also refuses a token that was revoked. If ``amr`` decides, Cognito is not called, so a revoked token stays valid
until it expires, as wherever tokens are verified only by their signature.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from django.views.decorators.debug import sensitive_variables

from cognito_mfa.bearer import memory
from cognito_mfa.cognito import admin_api, deadline
from cognito_mfa.cognito.claims import owning_provider
from cognito_mfa.cognito.types import SOFTWARE_TOKEN_MFA, OwnAccount, Person
from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement.account_state import is_check_overdue
from cognito_mfa.enforcement.identity_state import Identity, state_of
from cognito_mfa.exceptions import CognitoMFAError
from cognito_mfa.managed_login import evidence
from cognito_mfa.managed_login.evidence import Doubt, Evidence
from cognito_mfa.managed_login.judgment import PATIENCE
from cognito_mfa.models import CognitoIdentity, identity_of
from cognito_mfa.values.clocks import seconds_since
from cognito_mfa.values.secret_text import SecretText

logger = logging.getLogger(__name__)

FEDERATED = "federated"  # an identity provider signed the user in, which ``FEDERATED`` exempts
GOOD = (memory.VERIFIED, FEDERATED)


def recall(person: Person, identity: Identity) -> str:
    """Return the remembered result for the sign-in, without calling Cognito; empty if none is valid.

    Args:
        person: whom the token's claims name.
        identity: of the user.
    """
    recalled = None if _is_over(person, identity) else memory.recall(identity, person.claims)
    if recalled is None or not _is_recent(recalled):
        return ""
    return _counting(recalled[0], person)


@sensitive_variables()
def judge(token: SecretText, person: Person, user: Any) -> str:
    """Return ``VERIFIED``, ``FEDERATED``, or the reason why the sign-in proves nothing.

    Calls Cognito at most once in five minutes.

    Args:
        token: whose signature was verified.
        person: whom its claims name.
        user: of this site, who is linked to them.
    """
    identity = state_of(user)
    if identity is None or _is_over(person, identity):
        return ""
    recalled = memory.recall(identity, person.claims)
    if recalled is not None and _is_recent(recalled):
        return _counting(recalled[0], person)
    was_verified = recalled is not None and recalled[0] == memory.VERIFIED
    try:
        with deadline.within(PATIENCE):
            word = _judge(token, person, user, was_verified=was_verified)
    except CognitoMFAError as error:
        logger.warning("token_proves_nothing: user %s, error %s", identity.user_id, error)
        return ""
    memory.remember(identity, person.claims, word)
    if word not in GOOD:
        logger.info("token_proves_nothing: user %s, reason %s", identity.user_id, word)
    return _counting(word, person)


def _is_recent(recalled: tuple[str, float]) -> bool:
    return recalled[1] <= memory.REMEMBERED


def _is_over(person: Person, identity: Identity) -> bool:
    """Return whether the sign-in was ended, or Cognito must be called for the user.

    This only reads what is already loaded.
    """
    at = evidence.auth_time(person)
    if at is None or is_check_overdue(identity):
        return True
    # Cognito's times are whole seconds. Within the same second, it is not known which came first.
    ended = identity.proofs_ended_at
    return ended is not None and ended.timestamp() >= at


def _counting(word: str, person: Person) -> str:
    """Return ``word``; empty for a proof that is too old. An exemption is not a proof, and does not age.

    Args:
        word: the result for the sign-in.
        person: whom the token's claims name.
    """
    if word == FEDERATED:
        return word if _exempts_federated_users() else ""  # the setting may have changed since
    at = evidence.auth_time(person)
    age = None if at is None else seconds_since(at)
    return word if age is not None and age <= get_conf().PROOF_MAX_AGE else ""


@sensitive_variables()
def _judge(token: SecretText, person: Person, user: Any, *, was_verified: bool) -> str:
    """Return ``VERIFIED``, ``FEDERATED``, or why the sign-in proves nothing.

    Raises:
        CognitoMFAError: Cognito was called, and did not answer.
    """
    methods = person.claims.get("amr")
    if evidence.says_mfa(methods):
        return memory.VERIFIED
    known = Evidence(token, person)
    if _may_be_exempt(person):
        account = evidence.ask(known)
        if owning_provider(person.username, account.providers):
            return FEDERATED
        known = replace(known, account=account)
    if methods is not None:
        return Doubt.NO_CODE
    if "device_key" in person.claims:
        return Doubt.REMEMBERED_DEVICE
    account = evidence.ask(known)
    if account.providers:
        return Doubt.LINKED_PROVIDER
    found = _doubt(replace(known, account=account), account, user, was_verified)
    return memory.VERIFIED if found is None else found


def _may_be_exempt(person: Person) -> bool:
    """Return whether an identity provider may own the account, and the site exempts its users.

    Cognito names their accounts such as ``Google_1138``. The attribute ``identities`` must say the same.
    """
    return _exempts_federated_users() and "_" in person.username


def _exempts_federated_users() -> bool:
    return get_conf().FEDERATED == "exempt"


def _doubt(asked: Evidence, account: OwnAccount, user: Any, was_verified: bool) -> Doubt | None:
    at = evidence.auth_time(asked.person)
    mode = admin_api.pool_factors().mode
    if mode == "OFF":  # users keep their factors, but Cognito does not ask for them
        return Doubt.NOT_ASKED
    if mode == "ON" and at is not None and evidence.is_fresh(at):
        return evidence.doubt_of_factors(asked)
    if SOFTWARE_TOKEN_MFA not in account.factors:
        return Doubt.NOT_ASKED
    return (
        None if was_verified or _was_known_before(identity_of(user), at) else Doubt.UNKNOWN_BEFORE
    )


def _was_known_before(identity: CognitoIdentity | None, at: float | None) -> bool:
    """Return whether the authenticator app was known here before the sign-in, and nothing changed since."""
    if identity is None:
        return False
    known = identity.status == CognitoIdentity.Status.ENABLED and identity.software_token
    return bool(known) and at is not None and not evidence.changed_since(identity, at, None)
