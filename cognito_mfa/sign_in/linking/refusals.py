"""Records each refusal to link as a log line and an event, with the reference that the page shows."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

from cognito_mfa.authenticator import identity_lookup
from cognito_mfa.cognito.types import Person
from cognito_mfa.exceptions import LinkRefused, LinkRefusedReason, SignInRefused
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.monitoring import log_events
from cognito_mfa.sign_in import site_code

logger = logging.getLogger(__name__)

Kind = MFAEvent.Kind

BY_HAND = (
    "Only an administrator can link this user: with cognito_mfa_link, or in the admin "
    "(docs/existing-sites.md)."
)
ANOTHER_POOL = "Relink the users of the former user pool with cognito_mfa_link --from-pool (docs/existing-sites.md)."
BY_RESOLVER = (
    "A function of your own in COGNITO_MFA['USER_RESOLVER'] can find or create the user instead "
    "(docs/user-models.md)."
)
HINTS = {
    LinkRefusedReason.STAFF: BY_HAND,
    LinkRefusedReason.PERMISSIONS: BY_HAND,
    LinkRefusedReason.LINKED_IN_ANOTHER_POOL: ANOTHER_POOL,
    LinkRefusedReason.USERNAME_TAKEN: BY_RESOLVER,
    LinkRefusedReason.NO_VALID_USERNAME: BY_RESOLVER,
    LinkRefusedReason.EMAIL_NOT_VERIFIED: "Verify the address in the user pool.",
    LinkRefusedReason.SEVERAL_USERS: BY_RESOLVER,
    LinkRefusedReason.USER_NOT_CREATED: BY_RESOLVER,
}


@contextmanager
def recording_refusals(person: Person | CognitoIdentity) -> Generator[None]:
    """Record a refusal about ``person``, outside the transaction that it ended."""
    try:
        yield
    except LinkRefused as refusal:
        if not refusal.reference:
            _record(person, refusal)
        raise


def record_refusal(person: Person, user: Any, reason: LinkRefusedReason) -> None:
    """Write down why ``person`` was not linked to ``user``, who is signed in.

    Args:
        person: the pool's user, from Cognito's tokens.
        user: the site's user, who is signed in.
        reason: one of ``LinkRefusedReason``.
    """
    _record(person, LinkRefused(reason, user_pk=user.pk))


def refuse(person: Person, user: Any, reason: LinkRefusedReason) -> NoReturn:
    """Refuse to link ``person`` to ``user`` for a reason that the caller knows, and write it down.

    Args:
        person: the pool's user, from Cognito's tokens.
        user: the site's user, who is signed in.
        reason: one of ``LinkRefusedReason``.

    Raises:
        LinkRefused: always.
    """
    with recording_refusals(person):
        raise LinkRefused(reason, user_pk=user.pk)


def _record(person: Person | CognitoIdentity, refusal: LinkRefused) -> None:
    """Write the refusal to the log first, and then to the table, which the site's own code can break."""
    refusal.reference = secrets.token_hex(4)
    about = "" if refusal.user_pk is None else f"user {refusal.user_pk}"
    _log(person, refusal, about)
    _record_event(person, refusal, about)


def _log(person: Person | CognitoIdentity, refusal: LinkRefused, about: str) -> None:
    said = (refusal.reason, f"sub {person.sub}", about, refusal.cause)
    text = ", ".join(part for part in said if part)
    if hint := HINTS.get(refusal.reason):
        text = f"{text}. {hint}"
    log_events.write(
        refusal.code,
        text,
        cause=refusal,
        user=refusal.user_pk,
        sub=person.sub,
        reference=refusal.reference,
    )


def _record_event(person: Person | CognitoIdentity, refusal: LinkRefused, about: str) -> None:
    write = partial(
        MFAEvent.objects.record,
        Kind.SIGN_IN_REFUSED if isinstance(refusal, SignInRefused) else Kind.LINK_REFUSED,
        identity_lookup.by_sub(person.sub),
        sub=person.sub,
        username=person.username,
        reason=refusal.reason,
        # The reference before the cause, which may be long: the admin finds the event by it.
        detail=" · ".join(filter(None, (about, f"reference {refusal.reference}", refusal.cause))),
    )
    try:
        site_code.run(write, reason=refusal.reason, of=[MFAEvent])
    except (
        LinkRefused
    ) as failure:  # a receiver of the site's for every model, say; the line above is written
        logger.error("event_not_recorded [%s]: %s", refusal.reference, failure.cause)  # noqa: TRY400 - frames hold claims
