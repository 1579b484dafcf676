"""Which Django user a user of the pool is: finding, making, and refusing links.

The link is the pool's id and the user's ``sub``, which Cognito never gives to another user. Names
and email addresses can be changed, reused and chosen by a stranger: the default links by none of
them. A site that wants its existing users linked names another resolver in
``COGNITO_MFA["USER_RESOLVER"]``; three are here (``resolvers``), or it writes its own.

SECURITY: a link lasts, and the linked person is that user from then on. So each way to one leads through
``linkability``, whatever a resolver or another package says: staff, and users with any permission, are linked
by hand only (the README says how). A user who is signed in is asked before an account of the pool becomes
theirs. Every refusal is an event with its reason, a ``LinkRefusedReason``.
"""

from __future__ import annotations

from cognito_mfa.sign_in.linking.links import (
    KNOWN_APP,
    Consent,
    check_signed_in,
    foresee,
    identities_of,
    known,
    link,
    link_signed_in,
    own_of,
)
from cognito_mfa.sign_in.linking.refusals import record_refusal, recording_refusals, refuse
from cognito_mfa.sign_in.linking.resolvers import (
    by_pool_and_sub,
    by_signed_in_user,
    by_username,
    by_verified_email,
)

__all__ = [
    "KNOWN_APP",
    "Consent",
    "by_pool_and_sub",
    "by_signed_in_user",
    "by_username",
    "by_verified_email",
    "check_signed_in",
    "foresee",
    "identities_of",
    "known",
    "link",
    "link_signed_in",
    "own_of",
    "record_refusal",
    "recording_refusals",
    "refuse",
]
