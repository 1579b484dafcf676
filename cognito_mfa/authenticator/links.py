"""Links between users of the site and users of the pool, as administrators make, move, and end them.

``sign_in.linking`` makes links at sign-ins. This module is the other way to them: by hand, for staff and superusers
as well, and the only one that moves or ends a link.

SECURITY: a person who can sign in as the pool's user is the site's user from then on. Nothing that the former link proved
survives: the generation is raised, or the row is new. The pool's user is found by ``sub``, which Cognito is asked for,
and what is compared is compared here, exactly.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError
from django.utils import timezone

from cognito_mfa.authenticator import emails, permissions, user_deletion, username_reuse
from cognito_mfa.cognito import user_directory
from cognito_mfa.cognito.types import Person
from cognito_mfa.cognito.user_directory import PoolUser
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import atomic_for, current_rows
from cognito_mfa.exceptions import LinkRefused, LinkRefusedReason
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken
from cognito_mfa.values.comparison import same

Kind = MFAEvent.Kind
Status = CognitoIdentity.Status
Reason = LinkRefusedReason

BY_HAND = "BY_HAND"  # detail of the event
POOL_CHANGED = "another user pool"  # why an unfinished reset is over


class Change(Enum):
    """The change to the links of two users; reports contain the values."""

    NONE = "unchanged"
    LINK = "linked"
    MOVE = "moved"  # the pool's user was linked to another user of the site
    REPLACE = "relinked"  # the site's user was linked to another user of the pool
    CHANGE_POOL = "moved to this pool"  # likewise, of a former pool


@dataclass(frozen=True, slots=True)
class Plan:
    """What linking a user of the site to a user of the pool would do.

    Attributes:
        user: of the site.
        pool_user: as Cognito said.
        own: the link that ``user`` has, in whatever pool.
        theirs: the link that ``pool_user`` has.
    """

    user: Any
    pool_user: PoolUser
    own: CognitoIdentity | None
    theirs: CognitoIdentity | None

    @property
    def change(self) -> Change:
        """Return what would be done."""
        if self.own is not None and self.own == self.theirs:
            return Change.NONE
        if self.theirs is not None:
            return Change.MOVE
        if self.own is None:
            return Change.LINK
        return Change.REPLACE if self.own.in_this_pool else Change.CHANGE_POOL

    @property
    def obstacle(self) -> LinkRefusedReason | None:
        """Return the existing link that would have to be moved or removed; None if there is none."""
        return {
            Change.MOVE: Reason.LINKED_TO_ANOTHER,
            Change.REPLACE: Reason.USER_LINKED,
            Change.CHANGE_POOL: Reason.LINKED_IN_ANOTHER_POOL,
        }.get(self.change)

    @property
    def is_same_as_before(self) -> bool:
        return self.change is Change.NONE


# ------------------------------------------------------------------------------- the user of the pool


def find_in_pool(*, username: str = "", email: str = "", sub: str = "") -> PoolUser:
    """Ask Cognito for the user of the pool that all the given values name.

    Args:
        username: the pool's own name; empty where it is not given.
        email: a verified address.
        sub: Cognito's lasting id.

    Raises:
        LinkRefused: there is no such user, or several; the address is not verified; the values are of several users.
        CognitoMFAError: Cognito did not answer.
    """
    if sub:
        found = user_directory.by_sub(sub)
    elif username:
        found = user_directory.by_username(username)
    else:
        found = _find_by_email(email)
    if found is None:
        raise LinkRefused(Reason.NOT_IN_POOL)
    named_otherwise = username and found.username != username
    if named_otherwise or (email and not same(found.person.email, email)):
        raise LinkRefused(Reason.POOL_USERS_DIFFER)
    return found


def _find_by_email(email: str) -> PoolUser | None:
    listed = user_directory.by_email(email) if email else []
    verified = [user for user in listed if user.person.email]
    if listed and not verified:
        raise LinkRefused(Reason.EMAIL_NOT_VERIFIED)
    if len(verified) > 1:
        raise LinkRefused(Reason.SEVERAL_IN_POOL)
    return verified[0] if verified else None


# ------------------------------------------------------------------------------------ link and unlink


def plan(user: Any, pool_user: PoolUser) -> Plan:
    """Return what linking the two would do, by the rows as they are now.

    Args:
        user: one of the site's users.
        pool_user: from ``find_in_pool``.

    Raises:
        LinkRefused: they cannot be linked, whatever becomes of other links.
    """
    return _plan(user, pool_user, lock=False)


def check(planned: Plan, *, actor: Any, move: bool = False) -> None:
    """Check that ``actor`` may do what is planned.

    Args:
        planned: from ``plan``.
        actor: the user who links; None for a command.
        move: whether links that are in the way may be moved or ended.

    Raises:
        ActionDenied: the actor may not do it to one of the site's users concerned.
        LinkRefused: a link is in the way.
    """
    permissions.require(permissions.LINK, actor, planned.user)
    if planned.change is Change.MOVE and planned.theirs is not None:
        permissions.require(permissions.LINK, actor, planned.theirs)
    if planned.obstacle is not None and not move:
        raise LinkRefused(planned.obstacle, user_pk=planned.user.pk)
    if planned.own is not None and planned.own != planned.theirs:
        check_resets(planned.own)


def link(
    user: Any,
    pool_user: PoolUser,
    *,
    actor: Any,
    reason: str,
    move: bool = False,
    notify: bool = True,
) -> Plan:
    """Link a user of the site to a user of the pool.

    Args:
        user: one of the site's users.
        pool_user: from ``find_in_pool``, just now.
        actor: the user who links; None for a command.
        reason: the reason, stored with the event.
        move: whether links that are in the way may be moved or ended.
        notify: whether the people concerned get an email.

    Returns:
        What was done. Its ``own`` is the link as it is now.

    Raises:
        ActionDenied: ``actor`` may not; nothing was done.
        LinkRefused: they cannot be linked, or a link is in the way; nothing was done.
    """
    with _overtaken(user), atomic_for(CognitoIdentity):
        planned = _plan(user, pool_user, lock=True)
        check(planned, actor=actor, move=move)
        identity = _carry_out(planned, actor=actor, reason=reason, notify=notify)
        username_reuse.retire_namesakes(pool_user.username, pool_user.sub)
        if notify and not planned.is_same_as_before:
            emails.send("linked", identity)
    return Plan(planned.user, pool_user, identity, planned.theirs)


def unlink(identity: CognitoIdentity, *, actor: Any, reason: str, notify: bool = True) -> None:
    """End a link: sessions of both users end, and the next sign-in is that of an unknown user of the pool.

    Args:
        identity: of whatever pool.
        actor: the user who ends it; None for a command.
        reason: the reason, stored with the event.
        notify: whether the user gets an email.

    Raises:
        ActionDenied: ``actor`` may not; nothing was done.
        LinkRefused: another request was faster, or a reset is unfinished; nothing was done.
    """
    with atomic_for(CognitoIdentity):
        row = _locked(pk=identity.pk)
        if row is None:
            raise LinkRefused(Reason.OVERTAKEN, user_pk=identity.user_id)
        permissions.require(permissions.LINK, actor, row)
        check_resets(row)
        _end(row, actor=actor, reason=reason, notify=notify)


def check_resets(identity: CognitoIdentity) -> None:
    """Check that no unfinished reset would be lost with the link.

    SECURITY: until it is finished, Cognito may still take the codes of a lost phone, and nothing else remembers it.

    Raises:
        LinkRefused: there is one that can be finished.
    """
    can_be_finished = identity.in_this_pool and identity.status != Status.GONE
    if can_be_finished and identity.resets.unfinished().exists():
        raise LinkRefused(Reason.RESET_UNFINISHED, user_pk=identity.user_id)


def _plan(user: Any, pool_user: PoolUser, *, lock: bool) -> Plan:
    if pool_user.federated:
        raise LinkRefused(Reason.FEDERATED, user_pk=user.pk)
    # As the table has it: what was read before may be old.
    fresh = current_rows(get_user_model()).filter(pk=user.pk).first()
    if fresh is None:
        raise LinkRefused(Reason.NOT_SAVED)
    read = _locked if lock else _row
    theirs = read(pool_id=get_conf().USER_POOL_ID, sub=pool_user.sub)
    if theirs is not None and theirs.sub != pool_user.sub:  # by the database's idea of equality
        theirs = None
    return Plan(fresh, pool_user, own=read(user=fresh), theirs=theirs)


def _row(**named: Any) -> CognitoIdentity | None:
    return CognitoIdentity.objects.select_related("user").filter(**named).first()


def _locked(**named: Any) -> CognitoIdentity | None:
    return CognitoIdentity.objects.select_for_update().filter(**named).first()


def _carry_out(planned: Plan, *, actor: Any, reason: str, notify: bool) -> CognitoIdentity:
    user, pool_user, own, theirs = planned.user, planned.pool_user, planned.own, planned.theirs
    if planned.change is Change.CHANGE_POOL and own is not None:
        change_pool(own, pool_user, actor=actor, reason=reason)
        return own
    # SECURITY: sessions that the user ended, or a reset of the password, must not come to life with a new row.
    sign_outs = max((row.sign_outs for row in (own, theirs) if row is not None), default=0)
    if own is not None and own != theirs:
        _end(own, actor=actor, reason=reason, notify=notify)
    if theirs is None:
        theirs = _create(user, pool_user, actor=actor, reason=reason)
    elif theirs.user_id != user.pk:
        if notify:
            emails.send("unlinked", theirs)
        _move(theirs, user, actor=actor, reason=reason)
    if theirs.sign_outs != sign_outs:
        theirs.sign_outs = sign_outs
        theirs.save(update_fields=["sign_outs"])
    _refresh(theirs, pool_user, actor=actor)
    return theirs


def _create(user: Any, pool_user: PoolUser, *, actor: Any, reason: str) -> CognitoIdentity:
    identity = CognitoIdentity.objects.create(
        user=user,
        pool_id=get_conf().USER_POOL_ID,
        sub=pool_user.sub,
        username=pool_user.username,
        email=pool_user.person.email,
    )
    MFAEvent.objects.record(Kind.LINKED, identity, actor=actor, reason=reason, detail=BY_HAND)
    return identity


def _move(identity: CognitoIdentity, user: Any, *, actor: Any, reason: str) -> None:
    """Give the pool user's link, with the authenticator app and its history, to another user of the site."""
    detail = f"user {identity.user_id} → user {user.pk}"
    identity.user, identity.created_at = user, timezone.now()
    identity.save(update_fields=["user", "created_at"])
    identity.invalidate_proofs(Kind.LINK_MOVED, actor=actor, reason=reason, detail=detail)


def _end(identity: CognitoIdentity, *, actor: Any, reason: str, notify: bool) -> None:
    detail = f"user {identity.user_id} ({identity.pool_id})"
    identity.invalidate_proofs(Kind.UNLINKED, actor=actor, reason=reason, detail=detail)
    if notify and identity.status != Status.GONE:  # the address may belong to someone else by now
        emails.send("unlinked", identity)
    setattr(identity, user_deletion.ENDED, True)
    identity.delete()


def _refresh(identity: CognitoIdentity, pool_user: PoolUser, *, actor: Any) -> None:
    """Record what Cognito just said of the user: that it is there, its labels, and whether it is enabled."""
    person = pool_user.person
    if identity.status == Status.GONE:
        detail = f"{Status.GONE} → {Status.UNKNOWN}"
        MFAEvent.objects.record(Kind.STATUS_CHANGED, identity, actor=actor, detail=detail)
        identity.record_status(Status.UNKNOWN)
    _write_labels(identity, person)
    fields = ["username", "email", "previous_email"]
    if not pool_user.enabled and identity.disabled_at is None:
        identity.invalidate_proofs(Kind.DISABLED, actor=actor)
        identity.disabled_at = timezone.now()
        fields.append("disabled_at")
    identity.save(update_fields=fields)


def _write_labels(identity: CognitoIdentity, person: Person) -> None:
    """Set username and address of an identity, without saving it.

    The address before is kept, which is told of changes as well.
    """
    identity.username = person.username
    if identity.email and not same(identity.email, person.email):
        identity.previous_email = identity.email
    identity.email = person.email


# ------------------------------------------------------------------------------------ change of pools


def change_pool(identity: CognitoIdentity, pool_user: PoolUser, *, actor: Any, reason: str) -> None:
    """Link the user of a former pool's row to the same human being in the pool that the settings name.

    The row stays, with its events; its exemptions are the user's. The authenticator app does not: a pool never
    gives its secret away, so the new one has none.

    Args:
        identity: of a former pool, locked by the caller.
        pool_user: a user of this pool who is not linked.
        actor: the user who links; None for a command.
        reason: the reason, stored with the event.
    """
    before = f"{identity.pool_id} {identity.sub}"
    person, now = pool_user.person, timezone.now()
    identity.retire_token(SoftwareToken.Retired.ANOTHER_POOL)
    identity.resets.unfinished().update(finished_at=now, trouble=POOL_CHANGED)
    identity.pool_id, identity.sub = get_conf().USER_POOL_ID, person.sub
    _write_labels(identity, person)
    identity.status, identity.preferred_factor, identity.unconfirmed = Status.UNKNOWN, "", ""
    identity.checked_at = None
    identity.disabled_at = None if pool_user.enabled else now
    identity.save()
    detail = f"{before} → {identity.pool_id}"
    identity.invalidate_proofs(Kind.LINK_MOVED, actor=actor, reason=reason, detail=detail)


# -------------------------------------------------------------------------------------------- helpers


@contextmanager
def _overtaken(user: Any) -> Generator[None]:
    """Raise ``LinkRefused`` if a sign-in creates the same rows at the same moment."""
    try:
        yield
    except IntegrityError:
        failed = True
    else:
        failed = False
    if failed:  # outside: the database's text quotes values
        raise LinkRefused(Reason.OVERTAKEN, user_pk=user.pk)
