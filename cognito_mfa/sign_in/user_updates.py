"""Updates the user at each sign-in: fields, groups, staff status, and the site's ``USER_UPDATER``."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.module_loading import import_string

from cognito_mfa.cognito.types import Person
from cognito_mfa.conf import get_conf
from cognito_mfa.exceptions import LinkRefusedReason, SignInRefused
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.sign_in import linking, site_code, user_fields, user_groups

Reason = LinkRefusedReason
DONE = "cognito_mfa_updated"  # on the request: one sign-in of another package comes here twice


def apply(
    identity: CognitoIdentity, user: Any, person: Person, *, request: HttpRequest | None
) -> None:
    """Update ``user`` with what Cognito says about ``person``.

    Before the policy is asked: a user who becomes staff by this sign-in must pass MFA in it.

    Args:
        identity: of both.
        user: the site's; the object that the caller continues with.
        person: the pool's user, from Cognito's tokens.
        request: of the sign-in; None outside one.

    Raises:
        SignInRefused: groups or staff status cannot be stored, so that old rights would stay; or the site's
            ``USER_UPDATER`` failed, or left no user who may sign in.
    """
    conf = get_conf()
    if getattr(request, DONE, None) == person.sub or not are_wanted():
        return
    user_fields.update(user, person)
    with linking.recording_refusals(identity):
        if conf.GROUPS or conf.STAFF_GROUPS:
            _update_rights(identity, user, person)
        if conf.USER_UPDATER is not None:
            _call_updater(user, person, request)
    if request is not None:
        setattr(request, DONE, person.sub)


def are_wanted() -> bool:
    """Return whether sign-ins update the site's users at all."""
    conf = get_conf()
    return bool(conf.USER_FIELDS or conf.GROUPS or conf.STAFF_GROUPS or conf.USER_UPDATER)


def _update_rights(identity: CognitoIdentity, user: Any, person: Person) -> None:
    changed = site_code.run(
        partial(user_groups.update, user, person),
        reason=Reason.RIGHTS_NOT_SAVED,
        of=[get_user_model()],
        user_pk=user.pk,
        refusal=SignInRefused,
    )
    if changed:
        detail = " ".join(changed)
        MFAEvent.objects.record(MFAEvent.Kind.RIGHTS_CHANGED, identity, detail=detail)


def _call_updater(user: Any, person: Person, request: HttpRequest | None) -> None:
    """Call the site's function. If it fails, refuse: it may have been about to revoke rights."""
    updater: Any = get_conf().USER_UPDATER
    key = user.pk
    update = import_string(updater) if isinstance(updater, str) else updater
    site_code.run(
        partial(update, user, person, request=request),
        reason=Reason.UPDATER_FAILED,
        of=[get_user_model()],
        user_pk=key,
        refusal=SignInRefused,
    )
    if user.pk is None or not user.is_active:
        raise SignInRefused(Reason.INACTIVE, user_pk=key, cause="USER_UPDATER left it so")
