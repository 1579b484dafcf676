"""Which step of how many a page is, for its title and above its heading."""

from __future__ import annotations

from typing import NamedTuple

from cognito_mfa.sign_in.pending import PendingSignIn, Purpose, Step

# What follows the password, as far as it is the same for every user who has an authenticator app.
CHANGES = {
    Purpose.REPLACE: (Step.START, Step.CHALLENGE, Step.SETUP),
    Purpose.REMOVE: (Step.START, Step.CHALLENGE),
    Purpose.CHANGE_PASSWORD: (Step.START, Step.CHALLENGE, Step.PASSWORD_CHANGE),
}


class Progress(NamedTuple):
    """Where a user is on the way, such as step 2 of 3."""

    number: int
    total: int


def progress_of(pending: PendingSignIn, step: Step) -> Progress | None:
    """Return where a page is on its way; None if the next step is not known yet.

    Args:
        pending: the sign-in or the change.
        step: of the page.
    """
    steps = CHANGES.get(pending.purpose, ())
    if not pending.uses_app and step is not Step.CHALLENGE:
        steps = tuple(one for one in steps if one is not Step.CHALLENGE)
    if step in steps and step is not Step.START:
        return Progress(steps.index(step) + 1, len(steps))
    if step is Step.SETUP and not pending.signed_in_already:
        before = 2 if pending.chose_password else 1
        return Progress(before + 1, before + 1)  # nothing follows
    return None


def first_step_of(purpose: Purpose, *, has_app: bool) -> Progress | None:
    """Return where the page is that a change begins with.

    Args:
        purpose: of the change.
        has_app: whether the user has an authenticator app, whose code is asked for.
    """
    steps = [one for one in CHANGES.get(purpose, ()) if has_app or one is not Step.CHALLENGE]
    return Progress(1, len(steps)) if len(steps) > 1 else None
