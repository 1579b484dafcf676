"""What tokens of sign-ins elsewhere say, checked as if a stranger had typed it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from cognito_mfa.enforcement import proof
from cognito_mfa.models import CognitoIdentity
from tests.other_sign_ins.person import Person

pytestmark = pytest.mark.usefixtures("mozilla")
LONG_ADDRESS = "a" * 60 + "@" + ".".join(["b" * 60] * 4) + ".example"


@pytest.mark.parametrize("name", ["Evil\u202e\x1b[2JCorp", "\u202e", "x" * 500, "a\nb\0c"])
def test_a_provider_of_an_odd_name_signs_no_one_in(person: Person, name: str) -> None:
    """Its people are named after it. Kept by ``untrusted.is_username`` in ``claims.person_of``."""
    assert person.arrive_through(quote(name)).status_code < 500
    assert "_auth_user_id" not in person.client.session
    assert not CognitoIdentity.objects.exists()


def test_a_long_name_of_a_provider_is_cut(person: Person) -> None:
    """Kept in ``proof.record_federated_sign_in``."""
    person.arrive_through("x" * 100)
    assert person.client.session[proof.FEDERATED_KEY]["provider"] == "x" * 32
    page = person.get(reverse("cognito_mfa:setup"))
    assert page.answered == 403
    assert "x" * 33 not in person.text(page)


def test_a_provider_whose_name_cannot_be_shown_is_one_all_the_same(person: Person) -> None:
    """An empty name would read as: no one's, so that a code could be set up here."""
    person.arrive()
    user = get_user_model().objects.get()
    session: dict[str, Any] = {}
    proof.record_federated_sign_in(session, user, provider="\u202e")  # type: ignore[arg-type]
    assert proof.federated_provider(session[proof.FEDERATED_KEY], user) == proof.UNNAMED_PROVIDER


@pytest.mark.parametrize(
    "given", [LONG_ADDRESS, "nobody", "x\x1b@example.com", "a@b.example\nX: y"]
)
def test_an_odd_address_is_none(person: Person, given: str) -> None:
    """Kept by ``untrusted.address`` in ``claims.person_of``."""
    person.pool.user("newcomer").attributes |= {"email": given, "email_verified": "true"}
    person.arrive()
    assert CognitoIdentity.objects.get().email == ""
    assert person.get(reverse("cognito_mfa:setup")).status_code == 200
