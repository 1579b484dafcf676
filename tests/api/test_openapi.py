"""The OpenAPI document names what there is: the same addresses, methods, codes, words, and members of bodies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse

from cognito_mfa.api import problems, state, urls
from cognito_mfa.api.openapi import document
from cognito_mfa.enforcement.view_marks import unwrap_all_known
from tests.api.frontend import FrontEnd

DOCUMENT = document()
SCHEMAS = DOCUMENT["components"]["schemas"]
KINDS = {"str": "string", "SecretText": "string", "bool": "boolean", "dict": "object"}


def view_classes() -> Iterator[tuple[str, Any]]:
    for pattern in urls.urlpatterns:
        view: Any = pattern.callback
        while not hasattr(view, "view_class"):
            view = unwrap_all_known(view)
        yield f"/{pattern.pattern}", view.view_class


def methods(view_class: Any) -> set[str]:
    return {
        name
        for name in view_class.http_method_names
        if hasattr(view_class, name) and name not in ("head", "options")
    }


def test_addresses_and_methods() -> None:
    found = {path: methods(view_class) for path, view_class in view_classes()}
    assert {path: set(operations) for path, operations in DOCUMENT["paths"].items()} == found


@pytest.mark.parametrize(("path", "view_class"), list(view_classes()), ids=str)
def test_members_of_bodies(path: str, view_class: Any) -> None:
    for method in methods(view_class) - {"get"}:
        body = DOCUMENT["paths"][path][method]["requestBody"]["content"]["application/json"]
        told = {name: one["type"] for name, one in body["schema"]["properties"].items()}
        assert told == {name: KINDS[one.__name__] for name, one in view_class.members.items()}
        assert body["schema"]["additionalProperties"] is False


def test_codes_are_exactly_those_of_the_tables() -> None:
    assert set(SCHEMAS["Problem"]["properties"]["code"]["enum"]) == problems.codes()


def test_words_of_steps_and_purposes() -> None:
    steps = {*state.STEPS.values(), state.SELECT_CHALLENGE}
    assert set(SCHEMAS["Session"]["properties"]["step"]["enum"]) == steps
    assert set(SCHEMAS["Problem"]["properties"]["step"]["enum"]) == steps
    purposes = SCHEMAS["StepData"]["properties"]["purpose"]["enum"]
    assert set(purposes) == set(state.PURPOSES.values())


def test_it_is_served_with_the_address_of_the_site(front_end: FrontEnd) -> None:
    served = front_end.see("openapi").body
    assert served == DOCUMENT
    assert DOCUMENT["servers"][0]["url"] + "/session/" == reverse("cognito_mfa_api:session")
