"""Recovery codes: ten at a time, shown once, stored as hashes, each used once.

They are look-up secrets as in NIST SP 800-63B-4 section 3.1.2. Cognito has none, so they are ours, and a right one does
what an administrator does for a lost device: it resets the authenticator in Cognito. It never replaces the code at a
sign-in, and it never replaces the password.

The first character of a code says which one of the set it is, so that one hash is checked and not ten. The other
fifteen are secret: 75 bits.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from typing import NamedTuple

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.http import HttpRequest
from django.utils import timezone

from cognito_mfa import signals
from cognito_mfa.authenticator import emails
from cognito_mfa.databases import atomic_for
from cognito_mfa.enforcement import proof
from cognito_mfa.exceptions import (
    BadCode,
    BadCodeReason,
    Busy,
    BusyReason,
    ChallengeLost,
    ChallengeLostReason,
)
from cognito_mfa.models import CognitoIdentity, MFAEvent, RecoveryCode
from cognito_mfa.values import clocks
from cognito_mfa.values.recovery_code import ALPHABET, LENGTH
from cognito_mfa.values.secret_text import SecretText

Kind = MFAEvent.Kind

METHOD = (
    "RECOVERY_CODE"  # beside Cognito's names of challenges, where attempts at codes are counted
)
NUMBER = 10  # codes in a set
FEW = 3  # left, from which on the user is warned
SETS_PER_HOUR = 10


class _Hasher(PBKDF2PasswordHasher):
    """Django's hasher for secrets that no list of passwords contains.

    The site's own ``PASSWORD_HASHERS`` are made for what people think up: ten of these would take seconds, and a hasher
    that is later removed from the list would make every code invalid.
    """

    iterations = 50_000


_hasher = _Hasher()


class CodeSet(NamedTuple):
    """A set of codes that was created just now.

    Attributes:
        codes: in normal form; they can never be read again.
        id: as in ``set_id``, read while no other set could take its place.
    """

    codes: list[SecretText]
    id: int | None


def create(
    request: HttpRequest,
    identity: CognitoIdentity,
    *,
    keep: Callable[[CodeSet], object],
) -> None:
    """Create a new set of codes, which ends the old one.

    Args:
        request: of the user, whose session has a proof.
        identity: the user's.
        keep: keeps the set, whose codes can never be read again, for the user's pages. In the same transaction,
            so that no old set ends for a new one that no one has seen.

    Raises:
        Busy: too many sets in the last hour.
        ChallengeLost: a reset or another change ended the session's proof in the meantime.
    """
    _refuse_if_too_many(identity)
    codes = [_new_code(position) for position in range(NUMBER)]
    rows = [
        RecoveryCode(identity=identity, position=position, digest=_digest(code))
        for position, code in enumerate(codes)
    ]
    with atomic_for(RecoveryCode):
        current = CognitoIdentity.objects.select_for_update().filter(pk=identity.pk).first()
        # SECURITY: under the lock, so that a session which a reset ends leaves no codes behind.
        if current is None or not proof.holds(request.session.get(proof.KEY), current):
            raise ChallengeLost(reason=ChallengeLostReason.OVERTAKEN)
        # Again, because requests at the same time pass the first check together.
        _refuse_if_too_many(identity)
        identity.recovery_codes.all().delete()
        RecoveryCode.objects.bulk_create(rows)
        created = CodeSet(codes, set_id(identity))
        MFAEvent.objects.record(Kind.RECOVERY_CODES_CREATED, identity)
        keep(created)
        emails.send("recovery_codes_created", identity)
    signals.send(signals.recovery_codes_created, request=request, identity=identity)


def check(identity: CognitoIdentity | None, code: SecretText) -> RecoveryCode:
    """Return the recovery code of ``identity`` that ``code`` is.

    Whether it was used already is for ``claim`` to say.

    It takes the same time whether there is such an identity, such a position, or neither.

    Args:
        identity: the user's; None for a user that this site does not know.
        code: in normal form.

    Raises:
        BadCode: wrong, or of an earlier set.
    """
    position = ALPHABET.index(code.reveal()[0])
    found = identity.recovery_codes.filter(position=position).first() if identity else None
    right = _matches(code, found)
    if found is None or not right:
        raise BadCode(reason=BadCodeReason.RECOVERY_CODE)
    return found


def claim(code: RecoveryCode) -> None:
    """Use ``code`` up.

    Raises:
        BadCode: it was used before, or a new set has taken its place.
    """
    if not RecoveryCode.objects.unused().filter(pk=code.pk).update(used_at=timezone.now()):
        raise BadCode(reason=BadCodeReason.RECOVERY_CODE)


def left(identity: CognitoIdentity) -> int:
    """Return how many codes of the user still work."""
    return identity.recovery_codes.unused().count()


def notify_of_use(identity: CognitoIdentity, *, finished: bool) -> None:
    """Tell the user by email that a code was used, and how many are left.

    Args:
        identity: the user's.
        finished: whether Cognito confirmed that the authenticator is reset.
    """
    remaining = left(identity)
    few = remaining <= FEW
    emails.send("recovery_code_used", identity, left=remaining, few=few, finished=finished)


def set_id(identity: CognitoIdentity) -> int | None:
    """Return what tells the user's set of codes from every other one; None where there is none."""
    rows = identity.recovery_codes.order_by("pk")
    return rows.values_list("pk", flat=True).first()


def _refuse_if_too_many(identity: CognitoIdentity) -> None:
    """Refuse a set too many: each one is an email and ten hashes."""
    since = timezone.now() - dt.timedelta(hours=1)
    made = identity.events.filter(kind=Kind.RECOVERY_CODES_CREATED)
    if made.filter(at__gte=since, at__lte=clocks.latest()).count() >= SETS_PER_HOUR:
        raise Busy(reason=BusyReason.TOO_MANY_SETS, retry_after=3600)


def _new_code(position: int) -> SecretText:
    return SecretText(
        ALPHABET[position] + "".join(secrets.choice(ALPHABET) for _ in range(LENGTH - 1))
    )


def _digest(code: SecretText) -> str:
    return _hasher.encode(code.reveal(), _hasher.salt())


def _matches(code: SecretText, found: RecoveryCode | None) -> bool:
    if found is None:
        _digest(code)  # as long as the check of one would take
        return False
    return _hasher.verify(code.reveal(), found.digest)
