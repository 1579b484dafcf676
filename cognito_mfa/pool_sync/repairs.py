"""Finishes interrupted resets and restores lost preferences, if the plan says so."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cognito_mfa.authenticator import observation, reset, transitions
from cognito_mfa.cognito import admin_api
from cognito_mfa.conf import get_conf
from cognito_mfa.exceptions import UserGone
from cognito_mfa.models import CognitoIdentity, MFAReset
from cognito_mfa.pool_sync.asking import Answer
from cognito_mfa.pool_sync.pacing import TokenBucket
from cognito_mfa.pool_sync.plan import Counts, Plan

REMOVAL = CognitoIdentity.Unconfirmed.REMOVAL  # the user may have turned it off

GIVE_UP_AFTER = 3  # unfinished resets in a row; Cognito or the permissions are the likely cause


def finish_resets(
    plan: Plan, counts: Counts, pace: TokenBucket, must_end: Callable[[], bool] = lambda: False
) -> None:
    """Finish the interrupted resets of this shard's users.

    Args:
        plan: of the run.
        counts: where they are counted.
        pace: of the operations that change a user.
        must_end: returns whether the rest is left to another run.
    """
    rows = MFAReset.objects.unfinished().filter(identity__pool_id=get_conf().USER_POOL_ID)
    in_a_row = 0
    for pk, identity in list(rows.order_by("pk").values_list("pk", "identity")):
        if identity % plan.shard.of != plan.shard.number - 1:
            continue
        row = rows.select_related("identity__user", "actor").filter(pk=pk).first()
        if row is None:  # finished by another process
            continue
        if plan.dry_run or in_a_row == GIVE_UP_AFTER or must_end():
            counts.open_resets += 1
            continue
        pace.acquire()
        if reset.run(row).finished_at is not None:
            counts.resets, in_a_row = counts.resets + 1, 0
        else:
            counts.open_resets, in_a_row = counts.open_resets + 1, in_a_row + 1


def can_set_preference(answer: Answer) -> bool:
    """Return whether Cognito lists no factor although an authenticator app was set up here.

    Then the reply to a setup's last call was lost, or another tool turned the app off. A user who was disabled or
    enabled since is left to the next run, because that must be written first.
    """
    known, factors = answer.known, answer.factors
    if factors is None or known.token is None or known.unconfirmed == REMOVAL:
        return False
    if answer.enabled is not None and answer.enabled == bool(known.disabled_at):
        return False
    return not (factors.listed or factors.preferred)


def set_preference(answer: Answer, pace: TokenBucket) -> bool:
    """Make Cognito ask for the codes of the user's authenticator app again, and record that.

    Args:
        answer: one for which ``can_set_preference`` is true.
        pace: of the operations that change a user.

    Returns:
        False if nothing was done, because the row has changed or Cognito has no such authenticator app.

    Raises:
        CognitoMFAError: Cognito refused, or did not answer.
    """
    pace.acquire()
    identity = CognitoIdentity.objects.filter(pk=answer.known.pk).first()
    token = identity.software_token if identity else None
    if identity is None or token is None or token.pk != answer.known.token:
        return False
    # SECURITY: if a reset could only turn the app off, this would make the codes of the lost phone work again.
    if transitions.was_removed_or_reset(identity) or identity.unconfirmed == REMOVAL:
        return False
    known = next(observation.read(CognitoIdentity.objects.filter(pk=identity.pk)), None)
    try:
        ask = partial(admin_api.prefer_software_token, identity.sub)
        if not transitions.switch_on(identity, ask):
            return False
        factors = admin_api.read_factors(identity.sub)
    except UserGone:
        return False
    if known is not None:
        seen = observation.observe(known, factors, lambda: True)
        observation.record(identity, known, seen)
    return True
