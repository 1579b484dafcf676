"""Finds the Django user of an access token, and updates the user's groups and staff status from it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.views.decorators.debug import sensitive_variables

from cognito_mfa.bearer import memory
from cognito_mfa.cognito import user_api
from cognito_mfa.cognito.claims import person_of
from cognito_mfa.cognito.types import Person
from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement.identity_state import load_user_of
from cognito_mfa.exceptions import (
    BadReply,
    BadReplyReason,
    LinkRefused,
    LinkRefusedReason,
    ScopeMissing,
    TokenRejected,
)
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.sign_in import linking, user_updates
from cognito_mfa.values.secret_text import SecretText

ENDED_LINKS = (MFAEvent.Kind.UNLINKED, MFAEvent.Kind.USER_DELETED)


@sensitive_variables()
def user_of(token: SecretText, person: Person, signed_in_at: float) -> Any:
    """Return the user whom a verified access token names, with the state of their identity.

    A linked user costs one query. Any other user is linked as at a sign-in. For that, Cognito is asked for the user's email
    address, which an access token does not have.

    Args:
        token: whose signature was verified.
        person: whom its claims name.
        signed_in_at: when the user signed in at Cognito, in seconds since the epoch.

    Raises:
        LinkRefused: this site has no user for them.
        SignInRefused: the user's groups or staff status cannot be stored.
        CognitoMFAError: Cognito was called, and refused or did not answer.
    """
    user = load_user_of(person.sub)
    if user is None:
        return _link(token, person, signed_in_at)
    if user_updates.are_wanted() and memory.is_first_sight(user, person.claims):
        user_updates.apply(user.cognito_identity, user, person, request=None)
    return user


@sensitive_variables()
def _link(token: SecretText, person: Person, signed_in_at: float) -> Any:
    if (reason := memory.refused_link(person.claims)) is not None:
        raise LinkRefused(LinkRefusedReason(reason))
    try:
        with linking.recording_refusals(person):
            _check_not_unlinked(person, signed_in_at)
            person = _with_attributes(token, person)
        identity = linking.link(person, request=None, status=CognitoIdentity.Status.UNKNOWN)
    except LinkRefused as refusal:
        memory.remember_refused_link(person.claims, refusal.reason)
        raise
    user_updates.apply(identity, identity.user, person, request=None)
    return identity.user


def _check_not_unlinked(person: Person, signed_in_at: float) -> None:
    """Refuse a token from before the user was unlinked.

    SECURITY: after that, the user has to sign in again. An older token must not restore the link.
    """
    since = dt.datetime.fromtimestamp(signed_in_at, tz=dt.UTC)
    ended = MFAEvent.objects.filter(kind__in=ENDED_LINKS, sub=person.sub, at__gte=since)
    if ended.exists():
        raise LinkRefused(LinkRefusedReason.SIGN_IN_EXPIRED)


@sensitive_variables()
def _with_attributes(token: SecretText, person: Person) -> Person:
    """Ask Cognito for the attributes that an access token lacks, such as the verified address (GetUser).

    Raises:
        LinkRefused: the token lacks the scope that GetUser requires, or Cognito no longer accepts it.
    """
    try:
        account = user_api.own_account(token)
    except ScopeMissing:
        raise LinkRefused(LinkRefusedReason.ATTRIBUTES_UNKNOWN) from None
    except TokenRejected:
        raise LinkRefused(LinkRefusedReason.SIGN_IN_EXPIRED) from None
    if account.sub != person.sub:
        raise BadReply("GetUser", reason=BadReplyReason.ANOTHER_USER)
    return person_of(person.claims, account.told, trusts=get_conf().TRUST_POOL_EMAIL)
