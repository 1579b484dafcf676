"""Ways back in a real browser: what it makes of an address, and where the button on the last page leads."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import pytest

from cognito_mfa.local.pool import LocalPool
from tests.browser.person import Person
from tests.security.addresses import GOOD, HOSTILE
from tests.security.whatwg import origin

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

ORIGIN = """([texts, base]) => texts.map(text => {
    const link = document.createElement("a");
    link.href = text;
    return ["http:", "https:", "ws:", "wss:", "ftp:"].includes(link.protocol)
        ? link.protocol + "//" + link.host : link.protocol;
})"""


def test_our_idea_of_a_browser_is_right(chromium: Browser) -> None:
    """What it calls home is home in Chromium too, on a page of http and on one of https."""
    page = chromium.new_page()
    page.route(
        "**/*", lambda route: route.fulfill(body="<title>x</title>", content_type="text/html")
    )
    # Half a pair cannot be sent to Chromium.
    texts = [text for text in (*HOSTILE, *GOOD) if not set(text) & {"\ud800"}]
    for base in ("http://testserver", "https://testserver"):
        page.goto(base)
        found = page.evaluate(ORIGIN, [texts, base])
        wrong = {
            text: (says, origin(text, base))
            for text, says in zip(texts, found, strict=True)
            if (says == base) != (origin(text, base) == base)
        }
        assert not wrong
    page.close()


@pytest.mark.parametrize(
    "way_back",
    [
        "/\n//evil.example/x",
        "/\t/evil.example/x",
        "//evil.example/x",
        "/\\evil.example/x",
        "javascript:document.title='x'",
    ],
)
def test_the_last_button_stays_on_the_site(pool: LocalPool, person: Person, way_back: str) -> None:
    """Cause: ``redirects.destination``, and ``href`` in setup_done.html."""
    person.open("/account/sign-in/?next=" + quote(way_back, safe=""))
    person.sign_in()
    person.set_up()
    assert urlsplit(person.page.url).netloc == urlsplit(person.site).netloc
    assert person.path == "/"
    person.open("/account/setup/done/?next=" + quote(way_back, safe=""))
    person.follow("Continue")
    assert person.page.url == person.site + "/"
