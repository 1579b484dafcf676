"""An older copy of the database: generations and keys of rows go back, and old proofs must not be valid again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import serializers
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa.authenticator import exemptions
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent, MFAExemption, RecoveryCode
from tests.management.command_line import run
from tests.visitor import POOL_ID, Visitor, prove

pytestmark = pytest.mark.django_db
Kind = MFAEvent.Kind


def backup() -> str:
    """Return a copy of the identities; the sessions are somewhere else, such as in a cache."""
    return str(serializers.serialize("json", CognitoIdentity.objects.all()))


def restore(copy: str) -> None:
    CognitoIdentity.objects.all().delete()
    for row in serializers.deserialize("json", copy):
        row.save()


def identity() -> CognitoIdentity:
    return CognitoIdentity.objects.get()


@pytest.mark.over_api
@pytest.mark.usefixtures("pool")
def test_a_generation_that_comes_a_second_time_is_another_one(visitor: Visitor) -> None:
    """A reset since the copy ended a stolen session; after the next reset the number is the same again."""
    visitor.set_up()
    copy, at_the_time = backup(), identity()
    at_the_time.invalidate_proofs(Kind.MFA_RESET)
    stolen = Client()
    stolen.force_login(at_the_time.user, backend="cognito_mfa.backends.CognitoBackend")
    prove(stolen, identity())
    assert stolen.get("/private/").status_code == 200

    restore(copy)
    assert stolen.get("/private/").status_code == 302
    now = identity()
    now.invalidate_proofs(Kind.MFA_RESET)
    assert (now.pk, now.generation) == (at_the_time.pk, at_the_time.generation)
    assert now.nonce != at_the_time.nonce
    assert stolen.get("/private/").status_code == 302


def test_a_row_that_gets_an_old_key_is_another_one() -> None:
    """A link since the copy is gone, and with it its key, which the next row gets."""
    user = User.objects.create_user("ada")
    values: Any = {"user": user, "pool_id": POOL_ID, "sub": "s-1", "username": "ada"}
    old = CognitoIdentity.objects.create(**values)
    stolen = Client()
    stolen.force_login(user, backend="cognito_mfa.backends.CognitoBackend")
    prove(stolen, old)
    key, generation = old.pk, old.generation
    assert stolen.get("/private/").status_code == 200
    old.delete()
    again = CognitoIdentity.objects.create(pk=key, **values)
    assert again.generation == generation
    assert stolen.get("/private/").status_code == 302


@pytest.mark.usefixtures("pool")
def test_the_command_ends_what_the_copy_brought_back(visitor: Visitor) -> None:
    """A session that a reset ended after the copy was made is proven again, until the command is run."""
    visitor.set_up()
    RecoveryCode.objects.create(identity=identity(), position=0, digest="x")
    copy = backup()
    identity().invalidate_proofs(Kind.MFA_RESET)
    assert not visitor.is_in()
    restore(copy)
    RecoveryCode.objects.create(identity=identity(), position=0, digest="x")
    assert visitor.is_in()  # why the manual tells to run it

    code, text = run("restored", "--dry-run")
    assert (code, visitor.is_in()) == (0, True)
    until = timezone.now() + timedelta(days=1)
    exemptions.grant(identity().user, until=until, reason="Lost phone", actor=None)
    review = "Next: end all sessions, run cognito_mfa_sync, and review 1 valid exemption."
    assert run("restored", "--dry-run")[1].splitlines()[1] == review
    MFAExemption.objects.all().delete()
    assert text.startswith("Would make 1 user pass MFA again, and delete 1 recovery code.")

    code, text = run("restored")
    assert code == 0
    assert text.splitlines() == [
        "Made 1 user pass MFA again, and deleted 1 recovery code.",
        "Next: end all sessions, and run cognito_mfa_sync.",
    ]
    assert not visitor.is_in()
    assert (
        visitor.get("/private/", follow=True).redirect_chain[-1][0].startswith("/account/sign-in/")
    )
    assert not RecoveryCode.objects.exists()
    assert MFAEvent.objects.filter(kind=Kind.STATUS_CHANGED, detail="RESTORED").count() == 1

    visitor.cognito.clock.advance(30)
    visitor.sign_in()
    visitor.enter_code()
    assert visitor.is_in()


@pytest.mark.parametrize("offered", [False, True])
def test_recovery_codes_are_named_only_where_there_are_any(
    visitor: Visitor, pool: LocalPool, settings: Settings, *, offered: bool
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": offered}
    for options in (["--dry-run"], []):
        assert ("0 recovery codes" in run("restored", *options)[1]) is offered
