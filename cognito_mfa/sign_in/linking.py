"""Which Django user a person of the pool is.

The link is the pool's id and the person's ``sub``, which Cognito never gives to anybody else. Names
and e-mail addresses can be changed, reused and chosen by a stranger: the default links by none of
them. A site that wants its existing users linked names another resolver in
``COGNITO_MFA["USER_RESOLVER"]``; three stand here, or it writes its own.

SECURITY: a link lasts, and whoever gets one is the user from then on. So each way to one leads through
``_check_linkable``, whatever a resolver or another package says: staff, and whoever has any permission, are linked
by hand only (the README says how). Whoever is signed in is asked before an account of the pool becomes
theirs. Every refusal is an event with its reason, a ``LinkRefusedReason``.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
import unicodedata
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from enum import Enum
from functools import partial
from typing import Any, NoReturn

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import FieldError, ValidationError
from django.core.validators import validate_email
from django.db import DatabaseError, IntegrityError, models
from django.http import HttpRequest
from django.utils.module_loading import import_string

from cognito_mfa.authenticator import identity_lookup, username_reuse
from cognito_mfa.cognito.types import Person
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import atomic_for, current, current_rows
from cognito_mfa.exceptions import (
    CognitoMFAError,
    ConfirmationNeeded,
    LinkRefused,
    LinkRefusedReason,
)
from cognito_mfa.models import CognitoIdentity, MFAEvent, identity_of
from cognito_mfa.values.comparison import certainly_differ, same, spellings

logger = logging.getLogger(__name__)

Kind = MFAEvent.Kind
Status = CognitoIdentity.Status

# What a query or a column raises for a value that is not of its kind.
INVALID_VALUE_ERRORS = (
    DatabaseError,
    FieldError,
    ValidationError,
    ValueError,
    TypeError,
    OverflowError,
)


class Consent(Enum):
    """What the person at the browser said of being the user who is signed in there."""

    UNASKED = "nothing yet"
    GIVEN = "both accounts are theirs"
    WITHHELD = "they sign in as somebody else"


# ----------------------------------------------------------------------------------------- resolvers


def by_pool_and_sub(person: Person, *, request: HttpRequest | None) -> AbstractBaseUser | None:
    """Link nobody who is not linked already: the default.

    Args:
        person: the pool's user, from Cognito's tokens.
        request: where they sign in; None outside a request.
    """
    return None


def by_username(person: Person, *, request: HttpRequest | None) -> AbstractBaseUser | None:
    """Link the Django user of exactly the same name.

    SECURITY: only for pools in which nobody can choose that name: administrators create the users.

    Args:
        person: the pool's user, from Cognito's tokens.
        request: where they sign in; None outside a request.
    """
    field = get_user_model().USERNAME_FIELD
    proposed = current_rows(get_user_model()).filter(**{field: person.username})
    found: AbstractBaseUser | None = _single(
        user for user in proposed if user.get_username() == person.username
    )
    return found


def by_verified_email(person: Person, *, request: HttpRequest | None) -> AbstractBaseUser | None:
    """Link the one Django user with the same e-mail address, when the pool has verified it.

    SECURITY: only where Django's addresses were verified too.

    Args:
        person: the pool's user, from Cognito's tokens.
        request: where they sign in; None outside a request.
    """
    if not person.email:
        return None
    field = get_user_model().get_email_field_name()
    wanted = models.Q(**{field: person.email}) | models.Q(**{f"{field}__iexact": person.email})
    proposed = current_rows(get_user_model()).filter(wanted)
    found: AbstractBaseUser | None = _single(
        user for user in proposed if same(_email_of(user), person.email)
    )
    return found


def by_signed_in_user(person: Person, *, request: HttpRequest | None) -> AbstractBaseUser | None:
    """Link whoever is signed in already by another backend, once they say on a page that they are both.

    SECURITY: somebody who stole such a session can link a pool account of their own to it, as they
    could set up an authenticator with any site that lets people do so after a password alone.

    Args:
        person: the pool's user, from Cognito's tokens.
        request: where they sign in; None outside a request.
    """
    user: AbstractBaseUser | None = _signed_in(request)
    return user if identity_of(user) is None else None


# --------------------------------------------------------------------------------------------- links


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
        status: of somebody new. Tokens without a challenge, which is how new people come to our own
            sign-in, say that nothing is set up; tokens of Cognito's own pages say nothing.
        consent: what the person said of the user who is signed in at ``request``.
        rows: what ``identities_of`` returned just now; by default they are read.

    Raises:
        ConfirmationNeeded: that user would be linked, and the person was not asked yet.
        LinkRefused: this site has no user for the person, and must not make one; or the user that the
            resolver found must not be linked.
    """
    rows = identities_of(person) if rows is None else rows
    # Whatever becomes of the link.
    username_reuse.retire_namesakes(person.username, person.sub, rows=rows)
    with _recording_refusals(person):
        identity = own_of(person, rows) or _link_new_person(person, request, status, consent)
    _update_labels(identity, person)
    if identity.status == CognitoIdentity.Status.GONE:  # as somebody thought: here the person is
        identity.record_status(status)
    return identity


def link_signed_in(person: Person, user: Any) -> CognitoIdentity:
    """Return the identity of ``person``, whom another package's sign-in at Cognito made ``user``.

    That sign-in decides who somebody is here; a link once made is never moved by it.

    Args:
        person: the pool's user, from Cognito's tokens.
        user: the site's user, whom the other package signed in.

    Raises:
        LinkRefused: see ``check_signed_in``.
    """
    with _recording_refusals(person):
        identity = _linked_to(person, user)
        if identity is None:
            fit = _check_linkable_by_address(person, user)
            identity = _create_or_find(
                partial(_link_existing_user, person, fit, Status.UNKNOWN, "SIGN_IN"), person
            )
        if identity.user_id != user.pk:  # another request was faster, with another user
            raise LinkRefused(LinkRefusedReason.LINKED_TO_ANOTHER, user_pk=user.pk)
    _update_labels(identity, person)
    if identity.status == CognitoIdentity.Status.GONE:
        identity.record_status(CognitoIdentity.Status.UNKNOWN)
    identity.record_enabled()
    issued = person.claims.get("iat")
    if isinstance(issued, int):  # an hour ago, perhaps, and the name is somebody else's by now
        told_at = dt.datetime.fromtimestamp(max(0, min(issued, time.time())), tz=dt.UTC)
        username_reuse.retire_namesakes(person.username, person.sub, told_at=told_at)
    return identity


def check_signed_in(person: Person, user: Any) -> None:
    """Check that ``person`` is linked to ``user``, or may be.

    Args:
        person: the pool's user, from Cognito's tokens.
        user: the site's user, who is signed in.

    Raises:
        LinkRefused: the person, or the user, is linked to another already; the user must be linked by hand;
            or has an e-mail address by which the package may have taken the person for that user, although
            it is not the one that the pool has verified.
    """
    with _recording_refusals(person):
        if _linked_to(person, user) is None:
            _check_linkable_by_address(person, user)


def record_refusal(person: Person, user: Any, reason: LinkRefusedReason) -> None:
    """Write down why ``person`` was not linked to ``user``, who is signed in.

    Args:
        person: the pool's user, from Cognito's tokens.
        user: the site's user, who is signed in.
        reason: one of ``LinkRefusedReason``.
    """
    _record_refusal(person, LinkRefused(reason, user_pk=user.pk))


def refuse(person: Person, user: Any, reason: LinkRefusedReason) -> NoReturn:
    """Refuse to link ``person`` to ``user`` for a reason that the caller knows, and write it down.

    Args:
        person: the pool's user, from Cognito's tokens.
        user: the site's user, who is signed in.
        reason: one of ``LinkRefusedReason``.

    Raises:
        LinkRefused: always.
    """
    with _recording_refusals(person):
        raise LinkRefused(reason, user_pk=user.pk)


def identities_of(person: Person) -> list[CognitoIdentity]:
    """Return the identities of the person's ``sub`` and of their name, which others may have had before."""
    rows = CognitoIdentity.objects.in_pool().select_related("user")
    return list(rows.filter(models.Q(sub=person.sub) | models.Q(username=person.username)))


def own_of(person: Person, rows: Iterable[CognitoIdentity]) -> CognitoIdentity | None:
    """Return the one of ``rows`` that is of the person's ``sub``.

    Args:
        person: the pool's user, from Cognito's tokens.
        rows: identities of this pool.
    """
    return next((row for row in rows if row.sub == person.sub), None)


def known(person: Person) -> CognitoIdentity | None:
    """Return the identity of ``person``, who may be nobody here yet."""
    return identity_lookup.by_sub(person.sub)


# ------------------------------------------------------------------------------------ who may be linked


def _check_linkable(user: Any) -> AbstractBaseUser:
    """Return ``user`` as the database has it, who may be linked without an administrator.

    Raises:
        LinkRefused: anything else.
    """
    model = get_user_model()
    if not isinstance(user, model):
        raise LinkRefused(LinkRefusedReason.NOT_A_USER)
    row = _stored_user(user.pk)
    if row is None:
        raise LinkRefused(LinkRefusedReason.NOT_SAVED)
    if identity_of(row) is not None:
        raise LinkRefused(LinkRefusedReason.LINKED_TO_ANOTHER, user_pk=row.pk)
    if not row.is_active:
        raise LinkRefused(LinkRefusedReason.INACTIVE, user_pk=row.pk)
    if getattr(row, "is_staff", False) or getattr(row, "is_superuser", False):
        raise LinkRefused(LinkRefusedReason.STAFF, user_pk=row.pk)
    if _has_any_permission(row):
        raise LinkRefused(LinkRefusedReason.PERMISSIONS, user_pk=row.pk)
    found: AbstractBaseUser = row
    return found


def _stored_user(key: Any) -> Any:
    """Return the user of ``key`` as the database has it; None also for what can be nobody's key."""
    if key is None:
        return None
    try:
        with atomic_for(get_user_model()):
            return current_rows(get_user_model()).filter(pk=key).first()
    except INVALID_VALUE_ERRORS:
        return None


def _has_any_permission(user: Any) -> bool:
    """Tell whether ``user`` has any permission, alone or through a group.

    Not by asking the backends where rows tell: one of them may give everybody something.
    """
    if hasattr(user, "user_permissions") and hasattr(user, "groups"):
        groups = user.groups.filter(permissions__isnull=False)
        return current(user.user_permissions.all()).exists() or current(groups).exists()
    asks = getattr(user, "has_module_perms", None)
    return asks is not None and any(asks(config.label) for config in apps.get_app_configs())


def _check_linkable_by_address(person: Person, user: Any) -> AbstractBaseUser:
    found = _check_linkable(user)
    # SECURITY: the package may have found the user by the address that the person gave as theirs, and by
    # what the database takes for equal to it.
    address, verified = _email_of(found), person.email
    if address and not same(address, verified) and not certainly_differ(address, verified):
        differs, unverified = LinkRefusedReason.EMAIL_DIFFERS, LinkRefusedReason.EMAIL_NOT_VERIFIED
        reason = differs if verified else unverified
        raise LinkRefused(reason, user_pk=found.pk)
    return found


def _linked_to(person: Person, user: Any) -> CognitoIdentity | None:
    """Return the identity that both have; None when neither has one.

    Raises:
        LinkRefused: one of them has another.
    """
    theirs, own = known(person), CognitoIdentity.objects.filter(user=user).first()
    if theirs != own:
        raise LinkRefused(LinkRefusedReason.LINKED_TO_ANOTHER, user_pk=user.pk)
    return theirs


def _resolve_user(person: Person, request: HttpRequest | None, consent: Consent) -> Any:
    """Return the user that the site's resolver names, checked; None for nobody."""
    answer = _call_resolver(person, request, consent)
    signed_in = _signed_in(request)
    if consent is Consent.GIVEN and (
        answer is None or signed_in is None or getattr(answer, "pk", None) != signed_in.pk
    ):
        raise LinkRefused(LinkRefusedReason.ANOTHER_USER, user_pk=getattr(signed_in, "pk", None))
    if answer is None:
        return None
    user = _check_linkable(answer)
    if signed_in is None or user.pk != signed_in.pk or consent is Consent.GIVEN:
        return user
    if consent is Consent.WITHHELD:
        raise LinkRefused(LinkRefusedReason.SIGNED_IN_AS_ANOTHER_USER, user_pk=user.pk)
    raise ConfirmationNeeded


def _call_resolver(person: Person, request: HttpRequest | None, consent: Consent) -> Any:
    """Ask the site's resolver. One that fails is a refusal: nobody knows whom it would have named."""
    resolver = get_conf().USER_RESOLVER
    resolve: Callable[..., Any] = import_string(resolver) if isinstance(resolver, str) else resolver
    if resolve is by_signed_in_user and consent is Consent.WITHHELD:
        return None
    answer, failed = None, ""
    try:
        with atomic_for(get_user_model()):
            answer = resolve(person, request=request)
    except CognitoMFAError:
        raise
    except Exception as error:  # noqa: BLE001 - a site's own code may fail in any way
        failed = type(error).__name__
    if failed:
        # When it is over: a handler may look at the error at hand, and its frames hold the person's claims.
        logger.error("resolver_failed: %s", failed)
        raise LinkRefused(LinkRefusedReason.RESOLVER_FAILED)
    return answer


def _signed_in(request: HttpRequest | None) -> Any:
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


# ------------------------------------------------------------------------------------------- new rows


def _link_new_person(
    person: Person,
    request: HttpRequest | None,
    status: CognitoIdentity.Status,
    consent: Consent,
) -> CognitoIdentity:
    user = _resolve_user(person, request, consent)
    if user is not None:
        how = "CONFIRMED" if consent is Consent.GIVEN else "RESOLVER"
        return _create_or_find(partial(_link_existing_user, person, user, status, how), person)
    if not get_conf().CREATE_USERS:
        raise LinkRefused(LinkRefusedReason.NO_USER)
    return _link_new_user(person, status)


def _link_new_user(person: Person, status: CognitoIdentity.Status) -> CognitoIdentity:
    refusal = LinkRefused(LinkRefusedReason.USERNAME_TAKEN)
    for name in _candidate_usernames(person):
        try:
            if _is_taken(name):
                continue
            return _create_or_find(partial(_create_identity_and_user, person, name, status), person)
        except LinkRefused as error:  # somebody else may have taken the name just now
            refusal = error
    raise refusal


def _create_or_find(make: Callable[[], CognitoIdentity], person: Person) -> CognitoIdentity:
    """Make the rows, or find those that another request of the same person just made.

    Raises:
        LinkRefused: neither.
    """
    try:
        with atomic_for(CognitoIdentity):
            return make()
    except IntegrityError:
        failed = ""
    except Exception as error:  # noqa: BLE001 - the site's own model and receivers may fail in any way
        failed = type(error).__name__
    if (
        failed
    ):  # such as a value that a column of the site's own does not take; it would stand in the error
        logger.error("user_not_made: %s", failed)
        raise LinkRefused(LinkRefusedReason.USER_NOT_CREATED)
    identity = known(person)
    if identity is None:
        raise LinkRefused(LinkRefusedReason.USER_NOT_CREATED)
    return identity


def _link_existing_user(
    person: Person, user: Any, status: CognitoIdentity.Status, how: str
) -> CognitoIdentity:
    """Link ``user``, who was here before."""
    identity = _create_identity(person, user, status)
    MFAEvent.objects.record(Kind.LINKED, identity, detail=how)
    logger.info("linked: user %s, %s", user.pk, how)
    return identity


def _create_identity_and_user(
    person: Person, name: str, status: CognitoIdentity.Status
) -> CognitoIdentity:
    return _create_identity(person, _create_user(person, name), status)


def _create_identity(person: Person, user: Any, status: CognitoIdentity.Status) -> CognitoIdentity:
    return CognitoIdentity.objects.create(
        user=user,
        pool_id=get_conf().USER_POOL_ID,
        sub=person.sub,
        username=person.username,
        email=person.email,
        status=status,
    )


def _create_user(person: Person, name: str) -> AbstractBaseUser:
    """Make a user without a password, who has an address only where the pool has verified it."""
    model = get_user_model()
    user = model(**{model.USERNAME_FIELD: name})
    email_field = model.get_email_field_name()
    if person.email and email_field != model.USERNAME_FIELD and hasattr(user, email_field):
        setattr(user, email_field, person.email)
    user.set_unusable_password()
    user.save()
    return user


def _candidate_usernames(person: Person) -> Iterable[str]:
    """Yield names for a new Django user, the best first: the person's own, and the ``sub``.

    A name that is an address is one only where the pool has verified it for this person.
    """
    model = get_user_model()
    length = getattr(model._meta.get_field(model.USERNAME_FIELD), "max_length", None) or 150
    wanted = person.username
    if _is_named_by_address() or wanted == person.sub:
        wanted = person.email or person.sub
    if _is_address(unicodedata.normalize("NFKC", wanted)) and not same(wanted, person.email):
        wanted = person.sub
    names = [wanted] if len(wanted) <= length else []
    return dict.fromkeys([*names, person.sub[:length]])


def _is_named_by_address() -> bool:
    """Tell whether the site's users are known by their addresses."""
    model = get_user_model()
    is_address = isinstance(model._meta.get_field(model.USERNAME_FIELD), models.EmailField)
    return is_address or model.get_email_field_name() == model.USERNAME_FIELD


def _is_address(name: str) -> bool:
    try:
        validate_email(name)
    except ValidationError:
        return False
    return True


def _is_taken(name: str) -> bool:
    """Tell whether somebody has the name, or one that may be read as it.

    Raises:
        LinkRefused: nobody can have it: the site's names are numbers, say, or keys.
    """
    field = get_user_model().USERNAME_FIELD
    alike = models.Q(**{field: name})
    for spelling in spellings(name):
        alike |= models.Q(**{f"{field}__iexact": spelling})
    failed = ""
    try:
        with atomic_for(get_user_model()):
            return bool(current_rows(get_user_model()).filter(alike).exists())
    except INVALID_VALUE_ERRORS as error:
        failed = type(error).__name__
    logger.error("user_not_made: %s", failed)
    raise LinkRefused(LinkRefusedReason.USER_NOT_CREATED)


def _update_labels(identity: CognitoIdentity, person: Person) -> None:
    """Write down the person's name and verified address, and keep the address before it.

    The address before is told of changes as well: whoever took over the account chose the new one.
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


# -------------------------------------------------------------------------------------------- helpers


@contextmanager
def _recording_refusals(person: Person) -> Generator[None]:
    """Make an event of a refusal, outside the transaction that it ended."""
    try:
        yield
    except LinkRefused as refusal:
        _record_refusal(person, refusal)
        raise


def _record_refusal(person: Person, refusal: LinkRefused) -> None:
    about = "" if refusal.user_pk is None else f"user {refusal.user_pk}"
    logger.warning("link_refused: %s %s", refusal.reason, about)
    MFAEvent.objects.record(
        Kind.LINK_REFUSED,
        known(person),
        sub=person.sub,
        username=person.username,
        reason=refusal.reason,
        detail=about,
    )


def _single(users: Iterable[Any]) -> Any:
    """Return the one user that there is; None where there are several."""
    found = list(users)
    return found[0] if len(found) == 1 else None


def _email_of(user: Any) -> str:
    return str(getattr(user, type(user).get_email_field_name(), "") or "")
