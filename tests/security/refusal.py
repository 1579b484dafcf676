"""What "refused" means, the same for every attack."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from tests.enforcement.site import SECRET


def assert_refused(answer: Any) -> None:
    """The gate's answer: in the caller's form, with nothing of the page, and not to be stored."""
    assert SECRET.encode() not in answer.body, answer
    assert SECRET not in str(answer.headers)
    assert "no-store" in answer["Cache-Control"]
    assert answer.status_code in (302, 403), answer
    if answer.status_code == 302:
        assert answer["Location"].startswith(reverse("cognito_mfa:setup"))
    elif "HX-Redirect" in answer:
        assert answer.body == b""
    elif answer.body:
        assert answer.json()["code"] == "mfa_required"


def assert_nothing_shown(answer: Any) -> None:
    """Refused, or there is no such page; in any case no error of the server, and nothing protected."""
    assert SECRET.encode() not in answer.body, answer
    assert answer.status_code < 500
    assert answer.status_code != 200
