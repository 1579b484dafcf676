"""The users: threads with one browser each, which sign in through the pages with real codes.

It reads a job as JSON, and prints what happened as JSON. Each request has its own connection, as behind a proxy that keeps
none open, so a connection that breaks was inside the killed worker.
"""

from __future__ import annotations

import http.client
import json
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import pyotp

TIMEOUT = 60.0  # seconds
STEP = 30  # seconds of a code
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
APP_LINK = re.compile(r"otpauth://[^\"]*secret=([A-Z2-7]+)")
TEXTS = re.compile(
    r'<(?:ul|p|div)[^>]*class="[^"]*error[^"]*"[^>]*>(.*?)</(?:ul|p|div)>', re.DOTALL
)
TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)
REFERENCE = re.compile(r"reference \w+")
BROKEN = 0  # instead of a status
OK = 200
PATIENCE, WAIT = 90.0, 2.0  # seconds of a user who is told to wait, and from one try to the next


@dataclass(frozen=True)
class Site:
    """Where the pages of a site are, and what their fields are called."""

    password_page: str
    code_page: str
    name_field: str


SITES = {
    "ours": Site("/account/sign-in/", "/account/challenge/", "username"),
    "allauth": Site("/accounts/login/", "/accounts/2fa/authenticate/", "login"),
}
SETUP_PAGE, TARGET = "/account/setup/", "/target/"


@dataclass
class Request:
    """One request and how it ended."""

    what: str
    at: float
    seconds: float
    status: int


@dataclass
class SignIn:
    """One sign-in and how it ended: ``done``, ``broken`` by a killed worker, or what a page said instead."""

    username: str
    at: float
    seconds: float
    outcome: str
    repeated: str = ""


@dataclass
class Person:
    """A user, and the secret of the authenticator app."""

    username: str
    password: str
    secret: str
    used: int = 0  # the number of the last step whose code was sent


class Broken(Exception):
    """The connection ended without an answer."""

    def __init__(self, what: str, repeat: Callable[[], Page]) -> None:
        super().__init__(what)
        self.what, self.repeat = what, repeat


class Refused(Exception):
    """A page led elsewhere than to the next step."""


@dataclass
class Page:
    status: int
    location: str
    text: str

    @property
    def path(self) -> str:
        return urlsplit(self.location).path


@dataclass
class Records:
    """What all threads saw."""

    requests: list[Request] = field(default_factory=list)
    sign_ins: list[SignIn] = field(default_factory=list)


class Browser:
    """Cookies, and one connection for each request."""

    def __init__(self, port: int, records: Records) -> None:
        self._port, self.records = port, records
        self.cookies: dict[str, str] = {}

    def get(self, what: str, path: str) -> Page:
        return self._send(what, "GET", path, {})

    def post(self, what: str, path: str, page: Page, fields: dict[str, str]) -> Page:
        """Submit the form on ``page``."""
        found = TOKEN.search(page.text)
        given = {"csrfmiddlewaretoken": found[1] if found else "", **fields}
        return self._send(what, "POST", path, given)

    def shown(self, answer: Page) -> str:
        """Return what the page after ``answer`` says went wrong."""
        page = self.get("after", answer.location) if answer.location else answer
        said = [re.sub(r"<[^>]+>|\s+", " ", text).strip() for text in TEXTS.findall(page.text)]
        title = TITLE.search(page.text)
        said = said or [title[1].strip() if title else ""]
        text = REFERENCE.sub("reference …", " ".join(said))
        return f"{answer.status} {answer.location.partition('&')[0]} {text}"[:300]

    def _send(self, what: str, method: str, path: str, fields: dict[str, str]) -> Page:
        at, began = time.time(), time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        try:
            connection.request(method, path, urlencode(fields) or None, self._headers(method))
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException):
            self.records.requests.append(Request(what, at, time.monotonic() - began, BROKEN))
            raise Broken(what, lambda: self._send(what, method, path, fields)) from None
        finally:
            connection.close()
        self.records.requests.append(Request(what, at, time.monotonic() - began, response.status))
        for value in response.headers.get_all("Set-Cookie") or []:
            name, _, rest = value.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return Page(response.status, response.headers.get("Location", ""), text)

    def _headers(self, method: str) -> dict[str, str]:
        given = {
            "Accept": "text/html",
            "Connection": "close",
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items() if value),
        }
        if method == "POST":
            given["Content-Type"] = "application/x-www-form-urlencoded"
            given["Origin"] = f"http://127.0.0.1:{self._port}"
        return given


class People:
    """Users who take turns; each signs in at most once in 30 seconds, since a code works once."""

    def __init__(self, given: list[dict[str, Any]]) -> None:
        self.everyone = [Person(**one) for one in given]
        self._waiting = deque(sorted(self.everyone, key=lambda person: person.used))
        self._lock = threading.Lock()
        self.starved = 0.0  # seconds without a user who has a new code

    def take(self, ends_at: float) -> Person | None:
        """Return the next user with a new code; None when there is none until the end."""
        while time.time() < ends_at:
            with self._lock:
                if self._waiting and self._waiting[0].used < step_now():
                    return self._waiting.popleft()
            self.starved += 0.1
            time.sleep(0.1)
        return None

    def give_back(self, person: Person) -> None:
        with self._lock:
            self._waiting.append(person)


def step_now() -> int:
    return int(time.time()) // STEP


def code_of(person: Person) -> str:
    """Return the code that the app shows now, which is used from here on."""
    person.used = step_now()
    return pyotp.TOTP(person.secret).at(person.used * STEP)


def sign_in(browser: Browser, site: Site, person: Person) -> None:
    """Go through the pages until the page for signed-in users shows.

    Raises:
        Broken: a connection ended without an answer.
        Refused: a page led elsewhere.
    """
    page = browser.get("password page", site.password_page)
    fields = {site.name_field: person.username, "password": person.password}
    answer = browser.post("password", site.password_page, page, fields)
    if answer.path == SETUP_PAGE and not person.secret:
        answer = set_up(browser, person)
    elif answer.path == site.code_page and person.secret:
        page = browser.get("code page", site.code_page)
        answer = browser.post("code", site.code_page, page, {"code": code_of(person)})
    if answer.status not in (302, 303) or answer.path not in (TARGET, "/account/setup/done/"):
        raise Refused(browser.shown(answer))
    if browser.get("target", TARGET).status != 200:
        raise Refused("the page for signed-in users does not open")


def set_up(browser: Browser, person: Person) -> Page:
    """Scan the QR code, and confirm it."""
    page = browser.get("setup page", SETUP_PAGE)
    found = APP_LINK.search(page.text)
    if not found:
        raise Refused("no QR code")
    person.secret = found[1]
    fields = {"code": code_of(person), "friendly_name": "Phone"}
    return browser.post("setup", SETUP_PAGE, page, fields)


class Visit:
    """One thread's loop: a sign-in, a few pages, and the next user."""

    def __init__(self, job: dict[str, Any], people: list[People], records: Records) -> None:
        self._job, self._people, self._records = job, people, records
        self._site = SITES[job["site"]]

    def run(self, number: int) -> None:
        ends_at, count = self._job["ends_at"], number
        while time.time() < ends_at:
            count += 1
            users, newcomers = self._people
            every = self._job["newcomer_every"]
            is_new = every > 0 and count % every == 0
            people = newcomers if is_new and newcomers.everyone else users
            person = people.take(ends_at)
            if person is None:
                return
            browser = Browser(self._job["port"], self._records)
            self.sign_in(browser, person)
            users.give_back(person)  # who was a newcomer has an app now
            for _page in range(self._job["pages"]):
                try:
                    browser.get("page", TARGET)
                except Broken:
                    continue

    def sign_in(self, browser: Browser, person: Person) -> None:
        at, began, repeated = time.time(), time.monotonic(), ""
        try:
            sign_in(browser, self._site, person)
            outcome = "done"
        except Broken as error:
            outcome, repeated = f"broken: {error.what}", self.repeat(browser, error)
        except Refused as error:
            outcome = f"refused: {error}"
        took = time.monotonic() - began
        self._records.sign_ins.append(SignIn(person.username, at, took, outcome, repeated))

    @staticmethod
    def repeat(browser: Browser, error: Broken) -> str:
        """Return what a user sees who sends the same request again, for as long as the page asks for patience."""
        began = time.monotonic()
        try:
            answer = error.repeat()
            while "wait=1" in answer.location and time.monotonic() - began < PATIENCE:
                browser.get("after", answer.location)
                time.sleep(WAIT)
                answer = error.repeat()
            waited = f" after {time.monotonic() - began:.0f} s"
            if answer.status == OK:
                return f"the page shows{waited}"
            return f"signed in{waited}" if answer.path == TARGET else browser.shown(answer) + waited
        except Broken:
            return "broken again"


def repair(job: dict[str, Any], people: list[People], records: Records) -> None:
    """Let each user whose sign-in was not done sign in again, with a new code, until it is done."""
    last = {one.username: one.outcome for one in records.sign_ins}
    site, everyone = SITES[job["site"]], [one for group in people for one in group.everyone]
    missing = [one for one in everyone if last.get(one.username, "done") != "done"]
    for person in missing:
        while person.used >= step_now():
            time.sleep(0.2)
        at, began = time.time(), time.monotonic()
        try:
            sign_in(Browser(job["port"], records), site, person)
            outcome = "done"
        except (Broken, Refused) as error:
            outcome = f"still refused: {error}"
        took = time.monotonic() - began
        records.sign_ins.append(SignIn(person.username, at, took, outcome, "repaired"))


class Steady:
    """Users who come at a steady rate, whatever becomes of them."""

    def __init__(self, job: dict[str, Any], records: Records) -> None:
        self._job, self._records, self._site = job, records, SITES[job["site"]]
        self._people = People(job["users"])
        self._browsers: list[Browser] = []

    def prepare(self) -> None:
        """Sign the users in who will load pages."""
        for person in (Person(**one) for one in self._job["signed_in"]):
            browser = Browser(self._job["port"], Records())
            sign_in(browser, self._site, person)
            browser.records = self._records
            self._browsers.append(browser)

    def run(self) -> None:
        self._job["ends_at"] = time.time() + self._job["seconds"]
        pages = threading.Thread(
            target=self._repeat, args=[self._load_page, self._job["pages_a_second"]]
        )
        pages.start()
        self._repeat(self._try_to_sign_in, self._job["sign_ins_a_second"])
        pages.join()

    def _repeat(self, action: Callable[[int], None], rate: float) -> None:
        """Begin an action so often a second, each in a thread of its own, until the end."""
        threads, began, number = [], time.time(), 0
        while (due := began + number / rate) < self._job["ends_at"]:
            time.sleep(max(0.0, due - time.time()))
            threads.append(threading.Thread(target=action, args=[number]))
            threads[-1].start()
            number += 1
        for thread in threads:
            thread.join()

    def _load_page(self, number: int) -> None:
        with suppress(Broken):
            self._browsers[number % len(self._browsers)].get("page", TARGET)

    def _try_to_sign_in(self, number: int) -> None:
        person = self._people.take(self._job["ends_at"])
        if person is None:
            return
        at, began, outcome = time.time(), time.monotonic(), "done"
        try:
            sign_in(Browser(self._job["port"], self._records), self._site, person)
        except (Broken, Refused) as error:
            outcome = str(error)
        took = time.monotonic() - began
        self._records.sign_ins.append(SignIn(person.username, at, took, outcome))
        self._people.give_back(person)


def main() -> None:
    job = json.load(sys.stdin)
    if job.get("mode") == "steady":
        records = Records()
        steady = Steady(job, records)
        steady.prepare()
        print("ready", flush=True)
        steady.run()
        json.dump(asdict(records), sys.stdout)
        return
    people, records = [People(job["users"]), People(job["newcomers"])], Records()
    job["ends_at"] = time.time() + job["seconds"]
    visit = Visit(job, people, records)
    threads = [threading.Thread(target=visit.run, args=[n]) for n in range(job["clients"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if job["repair"]:
        repair(job, people, records)
    everyone = [[asdict(one) for one in group.everyone] for group in people]
    starved = sum(group.starved for group in people)
    json.dump({**asdict(records), "people": everyone, "starved": starved}, sys.stdout)


if __name__ == "__main__":
    main()
