"""The example as a stranger walks through it: every page it links, and every journey it suggests.

The journeys share one example, because they are its users' one after the other, and each ends where it should. What
the terminal shows in the meantime is read at the end.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator

import pytest

from tests.example.process import Example, User, running

NEW_PASSWORD = "Brand-New-Horse-7"
FOR_ANYONE = {
    "/": "Example site with two-step verification",
    "/app/": "Front end",
    "/support/": "Get help",
    "/emails/": "Emails",
    "/account/sign-in/": "Sign in",
    "/account/password/reset/": "Reset your password",
}


@pytest.fixture(scope="module", params=["ON", "OPTIONAL"])
def example(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Example]:
    state = tmp_path_factory.mktemp("example") / "state"
    with running(state, "--pool-mfa", request.param, "--verbose") as started:
        yield started
    shown = started.printed
    assert '"GET / HTTP/1.1" 200' in shown
    assert "Traceback" not in shown
    assert [line for line in shown.splitlines() if line.startswith(("ERROR", "CRITICAL"))] == []
    assert re.findall(r'"(?:GET|POST) (?!/emails/9)[^"]*" (?:404|500).*', shown) == []


@pytest.fixture
def user(example: Example) -> User:
    return User(example)


def links_of(user: User) -> Iterator[str]:
    user.open("/")
    yield from sorted({link for link in user.links() if link.startswith("/")})


def test_every_link_of_the_start_page_leads_a_visitor_to_a_page_or_the_sign_in(user: User) -> None:
    links = list(links_of(user))
    assert len(links) > 20
    for link in links:
        user.open(link)
        assert user.status == 200
        assert (link, user.heading) == (link, FOR_ANYONE.get(link, "Sign in"))


def test_every_page_has_a_strict_policy_and_an_icon(user: User) -> None:
    for path in ["/", "/account/sign-in/", "/emails/"]:
        page = user.open(path)
        assert "default-src 'self'" in user.headers["Content-Security-Policy"]
        assert "form-action 'self'" in user.headers["Content-Security-Policy"]
        assert "unsafe" not in user.headers["Content-Security-Policy"]
        assert 'rel="icon"' in page
        assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", page)
    user.open("/favicon.ico")
    assert (user.status, user.headers["Content-Type"]) == (200, "image/svg+xml")


@pytest.mark.parametrize("digits", [1, 20, 300, 4301])
def test_an_email_that_does_not_exist_is_not_found(user: User, digits: int) -> None:
    user.open(f"/emails/{'9' * digits}/")
    assert user.status == 404


def test_newcomer_sets_up_an_app_and_reads_the_confirmation(user: User) -> None:
    user.sign_in("newcomer", "Newcomer-1")
    assert user.heading == "Set up an authenticator app"
    user.submit(code=user.codes("newcomer")[-1], friendly_name="My phone")
    assert user.path == "/account/setup/done/"
    user.open("/private/")
    assert user.heading == "Private page"
    assert "with your password and a code" in user.page

    user.open("/emails/")
    number = next(link for link in user.links() if re.fullmatch(r"/emails/\d+/", link))
    assert "newcomer@example.com" in user.page
    user.open(number)
    assert "My phone" in user.page
    html = user.open(f"{number}html/")
    assert "My phone" in html
    assert "sandbox" in user.headers["Content-Security-Policy"]


def test_invited_loses_the_phone_and_comes_back_with_a_recovery_code(user: User) -> None:
    user.sign_in("invited", "Invited-1")
    user.submit(new_password1=NEW_PASSWORD, new_password2=NEW_PASSWORD)
    user.submit(code=user.codes("invited")[-1], friendly_name="Laptop")
    assert user.path == "/account/setup/done/"
    page = User(user.example).open("/")
    assert "Invited-1" not in page
    assert "the one you chose" in page
    user.submit("/account/recovery-codes/")
    codes = re.findall(r"(?:\w{4}-){3}\w{4}", user.page)
    assert len(set(codes)) == 10
    user.submit("/account/sign-out/")

    user.sign_in("invited", NEW_PASSWORD)
    assert "/account/recover/" in user.page
    user.open("/account/recover/")
    user.submit(code=codes[0])
    user.submit(username="invited", password=NEW_PASSWORD)
    assert user.heading == "Set up an authenticator app"
    user.submit(code=user.codes("invited")[-1], friendly_name="New laptop")
    assert user.path == "/account/setup/done/"


def test_regular_opens_every_page_of_their_own_and_resets_a_forgotten_password(user: User) -> None:
    user.sign_in("regular", "Regular-1")
    assert user.heading == "Enter your code"
    code = user.codes("regular")[0]
    user.submit(code=code)
    assert user.heading == "Private page"
    for link in list(links_of(user)):
        user.open(link)
        assert user.status == 200
        if link.startswith("/account/") and link != "/account/sign-in/":
            assert user.path == link
        if link.startswith("/admin/"):  # and the way back
            assert user.path == "/account/sign-in/"
            assert "that account can’t access this page" in user.page
            assert "/" in user.links()
    # The walk can take longer than a code lasts.
    assert "used, next code in" in user.open("/") or user.codes("regular")[0] != code
    _reset_password(User(user.example))


def _reset_password(user: User) -> None:
    user.open("/account/password/reset/")
    user.submit(username="regular")
    sent = re.search(r'class="example-sent">.*?(\d{6})', User(user.example).open("/"), re.DOTALL)
    assert sent
    user.submit(code=sent[1], new_password1=NEW_PASSWORD, new_password2=NEW_PASSWORD)
    user.sign_in("regular", NEW_PASSWORD)
    assert user.heading == "Enter your code"


def test_admin_sees_the_status_of_users_and_no_django_passwords(user: User) -> None:
    user.sign_in("admin", "Administrator-1", then="/admin/")
    user.submit(code=user.codes("admin")[-1], friendly_name="Key ring")
    for link in links_of(user):
        user.open(link)
        assert (link, user.status) == (link, 200)
        if link.startswith("/admin/"):
            assert user.path == link
    page = user.open("/admin/auth/user/")
    assert "MFA status" in page
    assert "/password_change/" not in page
    change = next(
        link for link in user.links() if re.fullmatch(r"/admin/auth/user/\d+/change/.*", link)
    )
    assert "password/" not in user.open(change)
    added = user.open("/admin/auth/user/add/")
    assert set(re.findall(r'name="(\w*password\w*)"', added)) == set()
    overview = user.open("/admin/cognito_mfa/overviewsnapshot/")
    assert "can’t be counted" not in overview


def test_optional_needs_only_a_password_where_the_pool_leaves_it_to_the_site(
    example: Example, user: User
) -> None:
    is_there = "Optional-1" in user.open("/")
    assert is_there == ("MFA optional" in example.printed)
    if not is_there:
        pytest.skip("this pool requires MFA of every user")
    user.sign_in("optional", "Optional-1")
    assert user.heading == "Private page"
    assert "with your password only" in user.page
    assert "No, it’s optional" not in user.open("/account/device/")
    assert "Two-step verification is optional" in user.page
    user.open("/account/device/replace/")
    user.submit(password="Optional-1")
    code = user.codes("optional")[-1]
    user.submit(code=code, friendly_name="Phone")
    assert user.path == "/account/setup/done/"
    user.open("/private/")
    assert "although the policy doesn’t require a code" in user.page
    user.open("/account/device/remove/")
    user.submit(password="Optional-1")
    assert user.heading == "Turn off two-step verification"  # the next code, 30 seconds later
    start = User(example)
    # The walk can take longer than a code lasts.
    assert "used, next code in" in start.open("/") or start.codes("optional")[-1] != code


@pytest.mark.parametrize("language", ["de", "ar"])
def test_the_example_says_its_pages_are_english(user: User, language: str) -> None:
    for path in ["/", "/support/", "/emails/"]:
        assert '<html lang="en" dir="ltr">' in user.open(path, {"Accept-Language": language})
