"""The number of a page's step and of all steps, for its title and above its heading.

Pages have numbers only where the first one knows how many follow: in a change by a signed-in user. What follows the
password of a sign-in is known to Cognito alone: nothing, a code, a new password, or a setup.
"""

from __future__ import annotations

from typing import NamedTuple

from cognito_mfa.sign_in.pending import Purpose, Step

# The pages of a change; a user without an authenticator app is asked for no code, and none is at managed login.
CHANGES = {
    Purpose.REPLACE: (Step.START, Step.CHALLENGE, Step.SETUP),
    Purpose.REMOVE: (Step.START, Step.CHALLENGE),
}


class Progress(NamedTuple):
    """Where a user is on the way, such as step 2 of 3."""

    number: int
    total: int


def progress_of(purpose: Purpose, step: Step, *, asks_code: bool) -> Progress | None:
    """Return where a page is on its way; None for a page that the first one did not count.

    Args:
        purpose: of the sign-in or change.
        step: of the page.
        asks_code: whether a code was to be expected at the first page.
    """
    steps = [one for one in CHANGES.get(purpose, ()) if asks_code or one is not Step.CHALLENGE]
    if step not in steps or len(steps) == 1:
        return None
    return Progress(steps.index(step) + 1, len(steps))
