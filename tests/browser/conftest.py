"""Chromium, a live site with a strict Content-Security-Policy, and people who use it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator
from importlib import util
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from django.conf import settings
from django.test import override_settings
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from cognito_mfa.local import LocalCognito
from tests.browser.person import Person

if TYPE_CHECKING:
    from playwright.sync_api import Browser

EXAMPLE = Path(__file__).resolve().parents[2] / "example_project"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Names of strangers that lead to this machine, as a resolver of theirs would answer.
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]
NewPerson = Callable[..., Person]


@pytest.fixture(scope="package")
def executable() -> str:
    """The path of a whole Chromium, which unlike its headless shell has a user's settings."""
    if not util.find_spec("playwright"):
        _cannot("Playwright is not installed here: run `tox run -e browser`.")
    path = os.environ.get("COGNITO_MFA_TEST_CHROMIUM") or shutil.which("chromium")
    return path or _cannot("There is no Chromium; COGNITO_MFA_TEST_CHROMIUM would name it.")


def _cannot(reason: str) -> NoReturn:
    if os.environ.get("COGNITO_MFA_TEST_BROWSER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="package")
def live_server(
    executable: str, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Generator[LiveServer]:
    """The site on a port of its own. (pytest-django's own would have started without our middleware.)"""
    changed = override_settings(
        ROOT_URLCONF="tests.browser.urls",
        STATICFILES_DIRS=[EXAMPLE / "static"],
        MIDDLEWARE=[
            "tests.browser.content_security_policy.strict",
            "corsheaders.middleware.CorsMiddleware",  # does nothing until a test names an origin
            *settings.MIDDLEWARE,
        ],
    )
    with changed, django_db_blocker.unblock():
        server = LiveServer("localhost")
    with changed:
        yield server
    server.stop()


# The scope is the folder, not the session: while Playwright runs, its event loop runs in the thread
# of the tests. Elsewhere that would break asyncio.run(); here Django must be told that it is harmless.
# It needs the server in order to be closed before it, and leave no connection behind.
@pytest.fixture(scope="package")
def chromium(executable: str, live_server: LiveServer) -> Generator[Browser]:
    """A browser without a window: Chromium's headless shell where it is installed.

    A whole Chromium draws its tabs and its menu for each new profile, although no one sees them, which takes longer
    than the pages.
    """
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        path = shutil.which("chromium-headless-shell") or executable
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def new_person(
    chromium: Browser, live_server: LiveServer, transactional_db: None, cognito: LocalCognito
) -> Generator[NewPerson]:
    """Makes people, each with a fresh browser profile; arguments are those of Playwright's new_context.

    For every user and page, the browser reports no violation, and sends requests to no host but
    the site.
    """
    contexts, people = [], []

    def make(**options: Any) -> Person:
        context = chromium.new_context(**{"locale": "en-GB", **options})
        context.set_default_timeout(60_000)  # milliseconds
        contexts.append(context)
        people.append(Person(context, cognito, live_server.url))
        return people[-1]

    yield make
    for context in contexts:
        for page in context.pages:
            page.wait_for_load_state()  # what the site still answers would meet the emptied database
        context.close()
    for person in people:
        assert person.complaints == []
        assert person.foreign_requests == []


@pytest.fixture
def person(new_person: NewPerson) -> Person:
    return new_person()


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that screenshots go to, COGNITO_MFA_SCREENSHOTS where it is set."""
    folder = os.environ.get("COGNITO_MFA_SCREENSHOTS")
    album = Path(folder) if folder else tmp_path_factory.mktemp("screenshots")
    album.mkdir(parents=True, exist_ok=True)
    return album
