"""The way back on the pages of people who sign in elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from cognito_mfa.local import faults
from tests.other_sign_ins.person import Person
from tests.security.addresses import HOSTILE_ON_PAGES
from tests.security.ways_back import query, stays

pytestmark = pytest.mark.usefixtures("mozilla")


@pytest.mark.parametrize("more", ["", "&switch=1", "&again=1", "&setup=1"])
def test_the_page_that_leads_elsewhere(person: Person, more: str) -> None:
    """Cause: ``SignInElsewhereView.next_url``, views.py."""
    person.arrive()
    for url in HOSTILE_ON_PAGES:
        stays(person.get(reverse("cognito_mfa:sign_in") + query(url) + more), of=url)


def test_the_page_that_begins_a_set_up(person: Person) -> None:
    """Cause: ``SetupStartView.next_url``, views.py."""
    person.arrive()
    for url in HOSTILE_ON_PAGES:
        stays(person.get(reverse("cognito_mfa:setup") + query(url)), of=url)


@pytest.mark.parametrize("url", ["/\n/evil.example/", "//evil.example/"])
def test_the_whole_way_through_a_set_up(person: Person, url: str) -> None:
    person.arrive()
    stays(person.start(next_url=url), of=url)
    person.scan()
    done = person.confirm_setup()
    stays(done, of=url)
    stays(person.get(done.url), of=url)
    stays(person.post(reverse("cognito_mfa:sign_in"), {"next": url}), of=url)


def test_an_error_of_the_page_that_begins_a_setup_is_shown(person: Person) -> None:
    """One view hands over to another there, and the first one has taken what waits."""
    person.arrive()
    path = reverse("cognito_mfa:setup")
    person.cognito.faults.on(
        "AssociateSoftwareToken", faults.Error("TooManyRequestsException", "slow")
    )
    answer: Any = person.client.post(path, {})
    assert answer.status_code == 303
    assert "Wait" in person.client.get(answer.url).content.decode()
