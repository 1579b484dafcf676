"""Each page of a sign-in names the account: a browser may have several, and so may an authenticator app."""

from __future__ import annotations

import re

from django.urls import reverse

from cognito_mfa.local.pool import LocalPool
from tests.visitor import PASSWORD, Visitor


def named(visitor: Visitor, page: str) -> str:
    """Return the account that the page names, without the characters that isolate it."""
    text = visitor.text(visitor.get(reverse(f"cognito_mfa:{page}")))
    (shown,) = re.findall(r'<dl class="cognito-mfa-account">.*?<dd>(.*?)</dd>', text)
    return re.sub(r"<[^>]*>|[\u2066-\u2069]", "", shown)


def test_the_setup_and_the_code_page_name_the_account(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    assert named(visitor, "setup") == "newcomer"
    visitor.sign_out()
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in()
    assert named(visitor, "challenge") == "newcomer"


def test_a_tab_of_before_names_who_signs_in_now(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    pool.create_user("grace", password=PASSWORD)
    visitor.sign_in("grace")
    response = visitor.post(reverse("cognito_mfa:challenge"), {"code": "123456"})
    assert response.headers["Location"] == reverse("cognito_mfa:setup")
    assert named(visitor, "setup") == "grace"


def test_a_name_is_text(pool: LocalPool, visitor: Visitor) -> None:
    pool.create_user("<b>ada", password=PASSWORD)
    visitor.sign_in("<b>ada")
    assert named(visitor, "setup") == "&lt;b&gt;ada"
