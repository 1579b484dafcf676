"""Lists the pool's users, each with the user whom ``USER_RESOLVER`` would link at the first sign-in."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model

from cognito_mfa.authenticator import identity_lookup
from cognito_mfa.cognito import user_directory
from cognito_mfa.cognito.user_directory import PoolUser
from cognito_mfa.databases import current_rows
from cognito_mfa.exceptions import LinkRefused, LinkRefusedReason
from cognito_mfa.pool_sync.pacing import TokenBucket
from cognito_mfa.pool_sync.plan import LIST_RATE
from cognito_mfa.reports.escaping import csv_cell, visible
from cognito_mfa.sign_in import linking

FORMATS = ("table", "csv", "json")
LINKED, LINK, NEW_USER = "already linked", "link", "new user"
# ``cognito_mfa_link --csv`` reads the first four.
COLUMNS = ("user", "username", "email", "sub", "outcome")


class Foreseen(NamedTuple):
    """The outcome that the next sign-in of a user of the pool would have.

    Attributes:
        user: the username on the site; empty if there is none.
        username: the username in the pool.
        email: the address, verified by the pool.
        sub: the ``sub`` in the pool.
        outcome: LINKED, LINK, NEW_USER, or why the sign-in would be refused.
    """

    user: str
    username: str
    email: str
    sub: str
    outcome: str


def write(out: Any, style: str) -> None:
    """Write a line for each user of the pool, and a summary after a table.

    Args:
        out: the command's output.
        style: one of ``FORMATS``.

    Raises:
        CognitoMFAError: Cognito did not respond.
    """
    writer = csv.writer(out, lineterminator="\n")
    if style == "csv":
        writer.writerow(COLUMNS)
    sums: Counter[str] = Counter()
    for one in _everyone():
        sums[one.outcome] += 1
        if style == "csv":
            writer.writerow(map(csv_cell, one))
        elif style == "json":
            out.write(json.dumps(one._asdict()))
        else:
            out.write(_line(one))
    if style == "table":
        told = ", ".join(f"{outcome}: {number}" for outcome, number in sorted(sums.items()))
        out.write(f"{told or 'The user pool has no users'}.")


def _everyone() -> Iterator[Foreseen]:
    proposed: set[object] = set()
    for pool_user in user_directory.everyone(pace=TokenBucket(LIST_RATE).acquire):
        identity = identity_lookup.by_sub(pool_user.sub)
        if identity is not None:
            yield _foreseen(pool_user, identity.user, LINKED)
        else:
            yield _outcome(pool_user, proposed)


def _outcome(pool_user: PoolUser, proposed: set[object]) -> Foreseen:
    """Return the outcome that a first sign-in would have.

    Args:
        pool_user: a user of the pool who is not linked.
        proposed: keys of the users who would be linked to others; changed here.
    """
    if pool_user.federated:
        return _foreseen(pool_user, None, LinkRefusedReason.FEDERATED)
    try:
        user = linking.foresee(pool_user.person)
    except LinkRefused as refused:
        return _foreseen(pool_user, _user_of(refused.user_pk), str(refused.reason))
    if user is None:
        return _foreseen(pool_user, None, NEW_USER)
    if user.pk in proposed:  # the first of them to sign in would be linked
        return _foreseen(pool_user, user, LinkRefusedReason.LINKED_TO_ANOTHER)
    proposed.add(user.pk)
    return _foreseen(pool_user, user, LINK)


def _foreseen(pool_user: PoolUser, user: Any, outcome: str) -> Foreseen:
    person, name = pool_user.person, "" if user is None else user.get_username()
    return Foreseen(name, person.username, person.email, person.sub, outcome)


def _user_of(key: Any) -> Any:
    return None if key is None else current_rows(get_user_model()).filter(pk=key).first()


def _line(one: Foreseen) -> str:
    address = f" ({one.email})" if one.email else ""
    user = f" {one.user}" if one.user else ""
    return visible(f"{one.username}{address}: {one.outcome}{user}")
