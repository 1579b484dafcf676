"""Which Django user a person of the pool is.

The link is the pool's id and the person's ``sub``, which Cognito never gives to anybody else. Names
and e-mail addresses can be changed, reused and chosen by a stranger: the default links by none of
them. A site that wants its existing users linked names another resolver in
``COGNITO_MFA["USER_RESOLVER"]``; three stand here, or it writes its own.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.module_loading import import_string

from cognito_mfa import people
from cognito_mfa.conf import get_conf
from cognito_mfa.exceptions import Refused
from cognito_mfa.gateway import Person
from cognito_mfa.models import CognitoIdentity, identity_of

logger = logging.getLogger(__name__)


def by_pool_and_sub(person: Person, *, request: HttpRequest | None) -> AbstractBaseUser | None:
    """Link nobody who is not linked already: the default."""
    return None


def by_username(person: Person, *, request: HttpRequest | None) -> AbstractBaseUser | None:
    """Link the Django user of exactly the same name.

    SECURITY: only for pools in which nobody can choose that name: administrators create the users.
    A superuser is never linked this way.
    """
    users = get_user_model()._default_manager
    return _linkable(users.filter(**{get_user_model().USERNAME_FIELD: person.username}).first())


def by_verified_email(person: Person, *, request: HttpRequest | None) -> AbstractBaseUser | None:
    """Link the one Django user with the same e-mail address, when the pool has verified it.

    SECURITY: only where Django's addresses were verified too. A superuser is never linked this way.
    """
    if not (person.email and person.email_verified):
        return None
    field = get_user_model().get_email_field_name()
    found = list(get_user_model()._default_manager.filter(**{f"{field}__iexact": person.email})[:2])
    return _linkable(found[0]) if len(found) == 1 else None


def by_signed_in_user(person: Person, *, request: HttpRequest | None) -> AbstractBaseUser | None:
    """Link whoever is signed in already by another backend: their own sign-in says who they are.

    SECURITY: somebody who stole such a session can link a pool account of their own to it, as they
    could set up an authenticator with any site that lets people do so after a password alone.
    """
    user = getattr(request, "user", None)
    return _linkable(user) if user is not None and user.is_authenticated else None


def link(
    person: Person,
    *,
    request: HttpRequest | None,
    status: CognitoIdentity.Status = CognitoIdentity.Status.NOT_SET_UP,
) -> CognitoIdentity:
    """Return the identity of ``person``, making identity and user where the settings allow it.

    Args:
        status: of somebody new. Tokens without a challenge, which is how new people come to our own
            sign-in, say that nothing is set up; tokens of Cognito's own pages say nothing.

    Raises:
        Refused: this site has no user for the person, and must not make one; or the user that the
            resolver found belongs to somebody else in the pool.
    """
    identity = _known(person)
    if identity is None:
        try:
            with transaction.atomic():
                identity = _new(person, request, status)
        except IntegrityError:  # the same person, a moment ago, in another tab
            identity = _known(person)
            if identity is None:
                raise
    _keep_up_to_date(identity, person)
    if identity.status == CognitoIdentity.Status.GONE:  # as somebody thought: here the person is
        identity.learn(status)
    people.retire_namesakes(identity)
    return identity


def link_signed_in(person: Person, user: Any) -> CognitoIdentity:
    """Return the identity of ``person``, whom another package's sign-in at Cognito made ``user``.

    That sign-in decides who somebody is here; a link once made is never moved by it.

    Raises:
        Refused: the person, or the user, is linked to another already; the user is a superuser, who is
            only ever linked by hand; or all that names the user is an e-mail address that the pool has
            not verified, which anybody can give as theirs.
    """
    check_signed_in(person, user)
    identity = _known(person)
    if identity is None:
        try:
            with transaction.atomic():
                identity = _create(person, user, CognitoIdentity.Status.UNKNOWN)
        except IntegrityError:  # the same person, a moment ago, in another tab
            check_signed_in(person, user)
            identity = CognitoIdentity.objects.get(user=user)
    if person.email:
        _keep_up_to_date(identity, person)
    issued = person.claims.get("iat")
    if isinstance(issued, int):  # an hour ago, perhaps, and the name is somebody else's by now
        told_at = dt.datetime.fromtimestamp(min(issued, time.time()), tz=dt.UTC)
        people.retire_namesakes(identity, told_at=told_at)
    return identity


def check_signed_in(person: Person, user: Any) -> None:
    """Check that ``person`` is linked to ``user``, or may be; see ``link_signed_in``."""
    known, own = _known(person), CognitoIdentity.objects.filter(user=user).first()
    if known != own:
        logger.warning("link_refused: user %s is not the one linked to this person", user.pk)
        raise Refused("link", "LinkedToAnother")
    if own is not None:
        return
    if _linkable(user) is None:
        raise Refused("link", "Superuser")
    email = getattr(user, get_user_model().get_email_field_name(), "") or ""
    same = bool(email) and email.casefold() == person.email.casefold()
    if same and not person.email_verified:
        raise Refused("link", "EmailNotVerified")


def _known(person: Person) -> CognitoIdentity | None:
    identities = CognitoIdentity.objects.select_related("user")
    return identities.filter(pool_id=get_conf().USER_POOL_ID, sub=person.sub).first()


def _new(
    person: Person, request: HttpRequest | None, status: CognitoIdentity.Status
) -> CognitoIdentity:
    conf = get_conf()
    resolve: Callable[..., Any] = (
        import_string(conf.USER_RESOLVER)
        if isinstance(conf.USER_RESOLVER, str)
        else conf.USER_RESOLVER
    )
    user = resolve(person, request=request)
    if user is not None and identity_of(user) is not None:
        logger.warning("link_refused: user %s is linked to another person of the pool", user.pk)
        raise Refused("link", "LinkedToAnother")
    if user is None:
        if not conf.CREATE_USERS:
            raise Refused("link", "NoUserHere")
        user = _create_user(person)
    return _create(person, user, status)


def _create(person: Person, user: Any, status: CognitoIdentity.Status) -> CognitoIdentity:
    return CognitoIdentity.objects.create(
        user=user,
        pool_id=get_conf().USER_POOL_ID,
        sub=person.sub,
        username=person.username,
        email=person.email,
        status=status,
    )


def _create_user(person: Person) -> AbstractBaseUser:
    model = get_user_model()
    user = model(**{model.USERNAME_FIELD: _free_name(person)})
    email_field = model.get_email_field_name()
    if person.email and email_field != model.USERNAME_FIELD and hasattr(user, email_field):
        setattr(user, email_field, person.email)
    user.set_unusable_password()
    user.save()
    return user


def _free_name(person: Person) -> str:
    """Return a name for a new Django user: the person's own, unless somebody else has it."""
    model = get_user_model()
    name_field = model._meta.get_field(model.USERNAME_FIELD)
    wanted = (
        person.email if person.username == person.sub and person.email_verified else person.username
    )
    if model.get_email_field_name() == model.USERNAME_FIELD:
        wanted = person.email or wanted
    length = getattr(name_field, "max_length", None) or 150
    name = wanted[:length]
    taken = model._default_manager.filter(**{f"{model.USERNAME_FIELD}__iexact": name}).exists()
    return person.sub[:length] if taken or len(wanted) > length else name


def _linkable(user: Any) -> AbstractBaseUser | None:
    """Return ``user`` unless it is a superuser, who is only ever linked by hand."""
    if user is None or getattr(user, "is_superuser", False):
        return None
    return user  # type: ignore[no-any-return]


def _keep_up_to_date(identity: CognitoIdentity, person: Person) -> None:
    if (identity.username, identity.email) != (person.username, person.email):
        identity.username, identity.email = person.username, person.email
        identity.save(update_fields=["username", "email"])
