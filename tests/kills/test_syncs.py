"""A process that ends while a sync turns lost preferences on again."""

from __future__ import annotations

import pytest
from django.utils import timezone

from cognito_mfa.cognito import circuit_breaker, retry_budget
from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.pool_sync.plan import Plan
from cognito_mfa.pool_sync.synchronization import synchronize
from tests.kills.ending import Process, Way, each_end
from tests.kills.people import Person
from tests.visitor import POOL_ID

TURNED_ON = ("switching on", "switched on")


def lose_preference(person: Person) -> None:
    """Let Cognito know the app and not ask for its codes; of all users, only this one is due."""
    known = person.cognito.pool(POOL_ID).user(person.name)
    known.preferred_factor = None
    known.enabled_factors.clear()
    CognitoIdentity.objects.exclude(pk=person.row.pk).update(checked_at=timezone.now())
    CognitoIdentity.objects.filter(pk=person.row.pk).update(checked_at=None)


def run(plan: Plan, process: Process) -> None:
    """Run a sync in a process that ends; what was told to exit writes what it has."""
    is_over = (lambda: bool(process.ended_at)) if process.way is not Way.TOLD_TO_EXIT else None
    with process.running():
        synchronize(plan, stop=is_over)
    circuit_breaker.reset()
    retry_budget.reset()


@pytest.mark.parametrize("lists", [True, False])
def test_a_preference_that_is_set_again(
    way: Way,
    lists: bool,
    optional_pool: LocalPool,
    cognito: LocalCognito,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever Cognito was made to do is written, no proof ends, and the next run does the rest."""
    monkeypatch.setattr("cognito_mfa.pool_sync.writing.PAUSE", 0.0)
    for name, process in each_end(cognito, way):
        person = Person.with_app(cognito, name)
        before, began = person.row, timezone.now()
        lose_preference(person)
        plan = Plan(rate=1000.0, concurrency=1, set_preference=True, list_pool=lists, before=began)
        run(plan, process)
        known = cognito.pool(POOL_ID).user(name)
        details = set(before.events.values_list("detail", flat=True))
        assert not known.enabled_factors or details.intersection(TURNED_ON), process.ended_at
        synchronize(plan)
        assert known.enabled_factors
        assert (person.row.status, person.row.generation) == ("ENABLED", before.generation)
        assert person.row.software_token == before.software_token
