"""Makes and finds links between users of the pool and the site's users."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Iterable
from enum import Enum
from functools import cache, partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.http import HttpRequest
from django.utils.module_loading import import_string

from cognito_mfa.authenticator import identity_lookup, username_reuse, wrong_code_alerts
from cognito_mfa.cognito.types import Person
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import atomic_for, roll_back
from cognito_mfa.exceptions import ConfirmationNeeded, LinkRefused, LinkRefusedReason
from cognito_mfa.models import CognitoIdentity, CognitoIdentityQuerySet, MFAEvent, SoftwareToken
from cognito_mfa.monitoring import log_events
from cognito_mfa.sign_in import site_code, usernames
from cognito_mfa.sign_in.linking import new_users
from cognito_mfa.sign_in.linking.linkability import (
    check_linkable,
    check_linkable_by_address,
    linked_to,
    users_with_address,
)
from cognito_mfa.sign_in.linking.refusals import recording_refusals
from cognito_mfa.sign_in.linking.resolvers import by_signed_in_user, signed_in
from cognito_mfa.values.comparison import same

logger = logging.getLogger(__name__)

Kind = MFAEvent.Kind
Status = CognitoIdentity.Status
# Of an identity that ``identities_of`` read: Cognito's name of its active software token, None without one.
KNOWN_APP = "known_app"
Reason = LinkRefusedReason

# What a faster request of the same user may have caused.
MAYBE_OVERTAKEN = frozenset(
    {Reason.USER_NOT_CREATED, Reason.USERNAME_TAKEN, Reason.LINKED_TO_ANOTHER}
)


class Consent(Enum):
    """Whether the user who signs in confirmed that they are also the signed-in user."""

    UNASKED = "nothing yet"
    GIVEN = "both accounts are theirs"
    WITHHELD = "they sign in as another user"


def link(
    person: Person,
    *,
    request: HttpRequest | None,
    status: CognitoIdentity.Status = Status.NOT_SET_UP,
    consent: Consent = Consent.UNASKED,
    rows: list[CognitoIdentity] | None = None,
) -> CognitoIdentity:
    """Return the identity of ``person``, making identity and user where the settings allow it.

    Args:
        person: of the pool, as Cognito's tokens say.
        request: at which they sign in; None outside one.
        status: of a new user. Tokens without a challenge, which is how new people come to our own
            sign-in, say that nothing is set up; tokens of Cognito's own pages say nothing.
        consent: what the person said of the user who is signed in at ``request``.
        rows: what ``identities_of`` returned just now; by default they are read.

    Raises:
        ConfirmationNeeded: that user would be linked, and the person was not asked yet.
        LinkRefused: this site has no user for the person, and must not make one; or the user that the
            resolver found must not be linked; or the site's own user model refuses.
    """
    rows = identities_of(person) if rows is None else rows
    # Whatever becomes of the link.
    username_reuse.retire_namesakes(person.username, person.sub, rows=rows)
    with recording_refusals(person):
        identity = own_of(person, rows) or _make_or_find(
            partial(_link_new_person, person, request, status, consent), person
        )
    _update_labels(identity, person)
    if identity.status == CognitoIdentity.Status.GONE:  # so it was recorded, but the user is here
        identity.record_status(status)
    return identity


def link_signed_in(person: Person, user: Any) -> CognitoIdentity:
    """Return the identity of ``person``, whom another package's sign-in at Cognito made ``user``.

    That sign-in decides who the user is here; it never moves an existing link.

    Args:
        person: the pool's user, from Cognito's tokens.
        user: the site's user, whom the other package signed in.

    Raises:
        LinkRefused: see ``check_signed_in``.
    """
    with recording_refusals(person):
        identity = linked_to(person, known(person), user)
        if identity is None:
            fit = check_linkable_by_address(person, user)
            identity = _make_or_find(
                partial(_link_existing_user, person, fit, Status.UNKNOWN, "SIGN_IN"), person
            )
        if identity.user_id != user.pk:  # another request was faster, with another user
            raise LinkRefused(Reason.LINKED_TO_ANOTHER, user_pk=user.pk)
    _update_labels(identity, person)
    if identity.status == CognitoIdentity.Status.GONE:
        identity.record_status(CognitoIdentity.Status.UNKNOWN)
    identity.record_enabled()
    issued = person.claims.get("iat")
    if isinstance(issued, int):  # an hour ago, perhaps, and another user may have the name by now
        told_at = dt.datetime.fromtimestamp(max(0, min(issued, time.time())), tz=dt.UTC)
        username_reuse.retire_namesakes(person.username, person.sub, told_at=told_at)
    return identity


def check_signed_in(person: Person, user: Any) -> None:
    """Check that ``person`` is linked to ``user``, or may be linked.

    Args:
        person: the pool's user, from Cognito's tokens.
        user: the site's user, who is signed in.

    Raises:
        LinkRefused: the person, or the user, is linked to another already; the user must be linked by hand;
            or has an email address by which the package may have taken the person for that user, although
            it is not the one that the pool has verified.
    """
    with recording_refusals(person):
        if linked_to(person, known(person), user) is None:
            check_linkable_by_address(person, user)


def identities_of(person: Person) -> list[CognitoIdentity]:
    """Return the identities of the person's ``sub`` and of their name, which others may have had before."""
    named = models.Q(sub=person.sub) | models.Q(username=person.username)
    return list(_with_user_app_and_newest_kind().filter(named, pool_id=get_conf().USER_POOL_ID))


@cache  # to resolve the annotations costs as much as the query itself
def _with_user_app_and_newest_kind() -> CognitoIdentityQuerySet:
    active = SoftwareToken.objects.active().filter(identity=models.OuterRef("pk"))
    rows: CognitoIdentityQuerySet = wrong_code_alerts.with_newest_kind().annotate(
        **{KNOWN_APP: models.Subquery(active.values("cognito_name")[:1])}
    )
    return rows.select_related("user")


def own_of(person: Person, rows: Iterable[CognitoIdentity]) -> CognitoIdentity | None:
    """Return the one of ``rows`` that is of the person's ``sub``.

    Args:
        person: the pool's user, from Cognito's tokens.
        rows: identities of this pool.
    """
    return next((row for row in rows if row.sub == person.sub), None)


def known(person: Person) -> CognitoIdentity | None:
    """Return the identity of ``person``, None if they have none yet."""
    return identity_lookup.by_sub(person.sub)


def foresee(person: Person) -> Any:
    """Return the site's user to whom the first sign-in of ``person`` would link them; None for a new user.

    Nothing is written, even if the resolver would. The resolver is called without a request, as if no user were signed in.
    A new user is not tried: ``save()`` and its receivers may write and send what no rollback undoes.

    Raises:
        LinkRefused: the sign-in would be refused.
    """
    model = get_user_model()
    with atomic_for(model):
        try:
            user = _resolve_user(person, None, Consent.UNASKED)
            if user is None:
                _check_new_user(person)
                _check_values(person)
        finally:
            roll_back(model)
    return user


# ------------------------------------------------------------------------------------------ resolving


def _resolve_user(person: Person, request: HttpRequest | None, consent: Consent) -> Any:
    """Return the user that the site's resolver names, checked; None if it names none."""
    answer = _call_resolver(person, request, consent)
    present = signed_in(request)
    if consent is Consent.GIVEN and (
        answer is None or present is None or getattr(answer, "pk", None) != present.pk
    ):
        raise LinkRefused(Reason.ANOTHER_USER, user_pk=getattr(present, "pk", None))
    if answer is None:
        return None
    user = check_linkable(answer)
    if present is None or user.pk != present.pk or consent is Consent.GIVEN:
        return user
    if consent is Consent.WITHHELD:
        raise LinkRefused(Reason.SIGNED_IN_AS_ANOTHER_USER, user_pk=user.pk)
    raise ConfirmationNeeded


def _call_resolver(person: Person, request: HttpRequest | None, consent: Consent) -> Any:
    """Ask the site's resolver. If it fails, the link is refused: whom it would have named is unknown."""
    resolver = get_conf().USER_RESOLVER
    resolve: Callable[..., Any] = import_string(resolver) if isinstance(resolver, str) else resolver
    if resolve is by_signed_in_user and consent is Consent.WITHHELD:
        return None
    ask = partial(resolve, person, request=request)
    return site_code.run(ask, reason=Reason.RESOLVER_FAILED, of=[get_user_model()])


# ------------------------------------------------------------------------------------------- new rows


def _make_or_find(make: Callable[[], CognitoIdentity], person: Person) -> CognitoIdentity:
    """Make the rows, or find those that another request of the same person just made.

    Raises:
        LinkRefused: neither.
    """
    written = (get_user_model(), CognitoIdentity)
    try:
        return site_code.run(make, reason=Reason.USER_NOT_CREATED, of=written)
    except LinkRefused as refusal:
        identity = known(person) if refusal.reason in MAYBE_OVERTAKEN else None
        if identity is None:
            raise
        return identity


def _link_new_person(
    person: Person,
    request: HttpRequest | None,
    status: CognitoIdentity.Status,
    consent: Consent,
) -> CognitoIdentity:
    user = _resolve_user(person, request, consent)
    if user is not None:
        how = "CONFIRMED" if consent is Consent.GIVEN else "RESOLVER"
        return _link_existing_user(person, user, status, how)
    _check_new_user(person)
    return _link_new_user(person, status)


def _check_new_user(person: Person) -> None:
    """Check that a new user may be created for ``person``.

    SECURITY: not beside that of the same person in a former pool. Whether it is the same person, an administrator knows. A new account is empty, and the link to it would be in
    the way of the right one.
    """
    former = identity_lookup.in_another_pool(person.username, person.email)
    if former is not None:
        raise LinkRefused(Reason.LINKED_IN_ANOTHER_POOL, user_pk=former.user_id)
    if not get_conf().CREATE_USERS:
        raise LinkRefused(Reason.NO_USER)


def _check_values(person: Person) -> None:
    """Check that a name is left for a new user, and that no other user has the address where it is unique."""
    holders = [usernames.holder_of(name) for name in new_users.candidate_names(person)]
    if None not in holders:
        raise LinkRefused(Reason.USERNAME_TAKEN, user_pk=holders[-1])
    holder = new_users.holder_of_unique_address(person)
    if holder is not None:
        raise LinkRefused(Reason.USER_NOT_CREATED, user_pk=holder)


def _link_new_user(person: Person, status: CognitoIdentity.Status) -> CognitoIdentity:
    holder = None
    same_address = _user_with_address(person)
    for name in new_users.candidate_names(person):
        others = usernames.holder_of(name)
        holder = others or holder
        if others is not None:
            continue
        make = partial(_create_identity_and_user, person, name, status, holder, same_address)
        try:
            return site_code.run(
                make, reason=Reason.USER_NOT_CREATED, of=(get_user_model(), CognitoIdentity)
            )
        except LinkRefused:  # another sign-in may have taken the name just now
            others = usernames.holder_of(name)
            if others is None:
                raise
            holder = others
    raise LinkRefused(Reason.USERNAME_TAKEN, user_pk=holder)


def _user_with_address(person: Person) -> Any:
    """Return the key of a user who already has the person's verified address; None if there is none.

    A hint for the operator, who may have wanted them linked: it decides nothing, so that no failure counts.
    """
    model = get_user_model()
    if model.get_email_field_name() == model.USERNAME_FIELD:  # who has it has the name
        return None
    try:
        with atomic_for(model):
            return next((user.pk for user in users_with_address(person.email)), None)
    except site_code.INVALID_VALUE_ERRORS as error:
        logger.debug("address_not_looked_up: %s", site_code.describe(error))
        return None


def _link_existing_user(
    person: Person, user: Any, status: CognitoIdentity.Status, how: str
) -> CognitoIdentity:
    """Link ``user``, who already existed on the site."""
    identity = _create_identity(person, user, status)
    MFAEvent.objects.record(Kind.LINKED, identity, detail=how)
    return identity


def _create_identity_and_user(
    person: Person,
    name: object,
    status: CognitoIdentity.Status,
    holder: object,
    same_address: object,
) -> CognitoIdentity:
    """Create both, and log a user who already has the person's name (``holder``) or address: two accounts."""
    identity = _create_identity(person, new_users.create(person, name), status)
    log_events.write("user_created", user=identity.user_id, sub=person.sub)
    other, what = (same_address, "address") if holder is None else (holder, "name")
    if other is not None:
        detail = f"NEW_USER · user {other} has the {what}"
        MFAEvent.objects.record(Kind.LINKED, identity, detail=detail)
        logger.warning(
            "second_account: user %s, sub %s, same %s as user %s. To link that user instead, run "
            "cognito_mfa_link --move (see docs/existing-sites.md).",
            identity.user_id,
            person.sub,
            what,
            other,
        )
    return identity


def _create_identity(person: Person, user: Any, status: CognitoIdentity.Status) -> CognitoIdentity:
    return CognitoIdentity.objects.create(
        user=user,
        pool_id=get_conf().USER_POOL_ID,
        sub=person.sub,
        username=person.username,
        email=person.email,
        status=status,
    )


def _update_labels(identity: CognitoIdentity, person: Person) -> None:
    """Write down the person's name and verified address, and keep the address before it.

    The earlier address is notified of changes as well: an attacker who took over the account chose the new one.
    """
    changed = []
    if identity.username != person.username:
        identity.username = person.username
        changed.append("username")
    if person.email_told and identity.email != person.email:
        if identity.email and not same(identity.email, person.email):
            identity.previous_email = identity.email
            changed.append("previous_email")
        identity.email = person.email
        changed.append("email")
    if changed:
        identity.save(update_fields=changed)
