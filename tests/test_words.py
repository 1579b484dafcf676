"""The language of the product: one term for one thing, and no term that reads as translated.

Each area has the terms that must not appear in it, with what to say instead. A text that is translated is checked where it
is written, so that the rule holds before any catalog does.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.translation import template

ROOT = Path(__file__).parent.parent

# In every text: pages, emails, admin, checks, commands, logs, docs, docstrings, and comments.
ANYWHERE = {
    r"whoever|nobody|somebody|everybody|anybody": "name the user, the administrator, or “no one”, “someone”, “anyone”",
    r"second steps?": "two-step verification",
    r"e-mails?": "email",
    r"user names?": "username",
    r"set-ups?": "setup (noun), set up (verb)",
    r"(?:log|sign)-?ons?|logins? page|log (?:in|out)": "sign in, sign-in, sign out",
    r"(?:the )?people who run (?:the|this) site|the people who run it": "site administrator; support",
    r"once more": "again",
    r"at hand|lately|meanwhile|as ever|anyway|alike": "leave it out, or say it plainly",
    r"deeds?|census(?:es)?|roll-outs?|broken off|time-outs?": "action, snapshot, rollout, interrupted, timeout",
    r"speaks? of|gives? up on": "name, stop",
    r"(?:un)?(?:organi|recogni|authori|initiali|seriali|normali|locali|synchroni|summari)s(?:e|ed|es|ing|ation|ations)"
    r"|colours?|behaviours?|cancell(?:ed|ing)|enrolments?|honour(?:s|ed)?|favour(?:s|ed)?|catalogues?|licence": (
        "American spelling"
    ),
    r"e\.g\.|i\.e\.|etc\.": "for example, such as",
    r"said plainly": "Limitations",
}
# What people read on pages and in emails.
PAGES = ANYWHERE | {
    r"second factors?|2FA|MFA|TOTP|OTP|one-time passwords?": "two-step verification, code",
    r"barcodes?|pictures?(?! URL)": "QR code",
    r"seeds?|secrets?": "setup key",
    r"staff|operators?": "administrator",
    r"(?:can|do|does|did|is|are|was|were|has|have|could|would|should)(?: not|not)\b(?! only)": "a contraction with ’",
    r"(?:you|we|they) (?:are|will|have (?:not |already |just )?(?:\w+ed|been|had|made|set|seen))\b": (
        "a contraction with ’"
    ),
    r"does(?:n’t| not) fit": "didn’t work",
    r"[;]|!(?! or %)|\w'\w": "no exclamation mark, no semicolon; the typographic apostrophe",
    r"friendly names?": "device name",
    r"user pools?|Cognito": "the sign-in service",
    r"%\((?:when|at|date|until|deadline)\)s\.": "no period after a date, which may end in one",
}
# What administrators read in the admin besides.
ADMIN = ANYWHERE | {
    r"second factors?|2FA": "MFA",
    r"people|persons?": "user",
    r"[;]|!(?! or %)|\w'\w": "no exclamation mark, no semicolon; the typographic apostrophe",
    r"(?:can|do|does|did|is|are|was|were|has|have|could|would|should)(?: not|not)\b(?! only)": "a contraction with ’",
}
# What developers and operators read.
DEVELOPERS = ANYWHERE | {
    r"\w+n['’]t|\w+['’](?:re|ve|ll)|(?:it|that|what|here|there)['’]s": "no contraction in checks, commands, and logs",
}

# What the manual says besides.
MANUAL = ANYWHERE | {
    r"(?-i:websockets?)": "WebSocket",
    r"switch(?:es|ed|ing)? (?:on|off)": "turn on, turn off",
    r"mails?(?! (?:program|server))": "email",
    r"likewise|beforehand": "leave it out, or say it plainly",
    r"emulator of one's own|lets? past|lets? nobody": "say what the middleware does",
    r"\d{1,2} (?:January|February|March|April|May|June|July|August|September|October|November|December)": "November 27",
}

TRANSLATING = {
    "_",
    "gettext",
    "gettext_lazy",
    "ngettext",
    "ngettext_lazy",
    "pgettext",
    "pgettext_lazy",
    "gettext_noop",
}
APP = ROOT / "cognito_mfa"
IN_ADMIN = ("admin", "apps.py", "models.py", "contrib/admin_site.py", "management")


def python_files(*folders: str) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "migrations" not in path.parts
    )


def translated(path: Path) -> Iterator[tuple[int, str]]:
    """Give each literal that a module hands to gettext, with its line."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            for argument in node.args if name in TRANSLATING else ():
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    yield argument.lineno, argument.value


def template_texts(path: Path) -> Iterator[tuple[int, str]]:
    """Give each text that a template hands to gettext, with its line."""
    source = template.templatize(path.read_text(), origin=str(path))
    pattern = r"""\b(?:gettext|ngettext|pgettext|npgettext|_)\s*\(\s*u?((?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))"""
    for found in re.finditer(pattern, source):
        yield source[: found.start()].count("\n") + 1, str(ast.literal_eval(found[1]))


def lines(path: Path) -> Iterator[tuple[int, str]]:
    yield from enumerate(path.read_text().splitlines(), start=1)


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Give each string of a module that is no docstring and not handed to gettext."""
    tree = ast.parse(path.read_text())
    expressions = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    handed = {line for line, _text in translated(path)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            continue
        if id(node) not in expressions and node.lineno not in handed and " " in node.value:
            yield node.lineno, node.value


def is_admin(path: Path) -> bool:
    place = path.relative_to(APP).as_posix()
    return place.startswith(IN_ADMIN) or "templates/admin" in place


def page_texts() -> Iterator[tuple[Path, int, str]]:
    for path in [
        *python_files("cognito_mfa"),
        *sorted((APP / "templates").rglob("*.html")),
        *sorted((APP / "templates").rglob("*.txt")),
    ]:
        if not is_admin(path):
            for line, text in translated(path) if path.suffix == ".py" else template_texts(path):
                yield path, line, text


def admin_texts() -> Iterator[tuple[Path, int, str]]:
    for path in [*python_files("cognito_mfa"), *sorted((APP / "templates").rglob("*.html"))]:
        if is_admin(path):
            for line, text in translated(path) if path.suffix == ".py" else template_texts(path):
                yield path, line, text


def developer_texts() -> Iterator[tuple[Path, int, str]]:
    for path in python_files(
        "cognito_mfa/checks",
        "cognito_mfa/management",
        "cognito_mfa/cognito",
        "cognito_mfa/conf.py",
        "cognito_mfa/values/setting_readers.py",
    ):
        for line, text in literals(path):
            yield path, line, text


def all_lines(*names: str) -> Iterator[tuple[Path, int, str]]:
    for name in names:
        found = sorted(ROOT.glob(name))
        assert found, name
        for path in found:
            if not {"locale", "migrations", "node_modules", ".bench"} & set(path.parts):
                for line, text in lines(path):
                    yield path, line, text


def notes_of_tests() -> Iterator[tuple[Path, int, str]]:
    """Give the docstrings and comments of the tests, and their names in words; usernames such as "nobody" are data."""
    for path in python_files("tests"):
        if path != Path(__file__):
            for line, text in notes(path):
                yield path, line, text


def notes(path: Path) -> Iterator[tuple[int, str]]:
    source = path.read_text()
    docstrings = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node) is not None:
                docstrings.add(node.body[0].lineno)
            if not isinstance(node, ast.Module) and node.name.startswith("test_"):
                yield node.lineno, node.name.replace("_", " ")
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            is_docstring = token.type == tokenize.STRING and token.start[0] in docstrings
            if is_docstring or token.type == tokenize.COMMENT:
                yield (
                    token.start[0],
                    re.sub(r"``[^`]*``|(?<!\")\"[^\"\n]+\"(?!\")", "", token.string),
                )


AREAS = {
    "pages": (PAGES, page_texts),
    "admin": (ADMIN, admin_texts),
    "developers": (DEVELOPERS, developer_texts),
    "app": (ANYWHERE, lambda: all_lines("cognito_mfa/*.py", "cognito_mfa/[!l]*/**/*.py")),
    "local": (
        ANYWHERE,
        lambda: all_lines("cognito_mfa/local/**/*.py"),
    ),
    "templates": (
        ANYWHERE,
        lambda: all_lines(
            "cognito_mfa/templates/**/*.html",
            "cognito_mfa/templates/**/*.txt",
            "cognito_mfa/static/**/*.css",
            "cognito_mfa/static/**/*.js",
        ),
    ),
    "example": (
        ANYWHERE,
        lambda: all_lines("example_project/**/*.py", "example_project/**/*.html"),
    ),
    "tests": (ANYWHERE, notes_of_tests),
    "docs": (
        ANYWHERE,
        lambda: all_lines("*.md", "docs/*.md", "benchmarks/*.md", "pyproject.toml", "tox.ini"),
    ),
    "docs manual": (
        MANUAL,
        lambda: all_lines("[!CH]*.md", "docs/*.md", "benchmarks/**/*.md"),
    ),
}
# (file, term) where the term is somebody else's: a field, a path, or a quotation.
OTHERS_WORDS: set[tuple[str, str]] = {
    ("docs/enforcement.md", "websocket"),  # a key of ASGI's
    ("cognito_mfa/cognito/errors.py", "user name"),  # Cognito's text
}


def pattern(term: str) -> str:
    return rf"(?<![\w/.-])(?:{term})(?![\w/-])" if term[0] != "[" else term


@pytest.mark.parametrize("area", AREAS)
def test_terms_that_never_appear(area: str) -> None:
    terms, texts = AREAS[area]
    patterns = {term: pattern(term) for term in terms}
    # Most lines have none of the terms, which one pattern finds out several times sooner than one for each.
    of_any = re.compile("|".join(patterns.values()), re.IGNORECASE)
    found = []
    for path, line, text in texts():
        if not of_any.search(text):
            continue
        for term, instead in terms.items():
            for hit in re.finditer(patterns[term], text, re.IGNORECASE):
                place = path.relative_to(ROOT).as_posix()
                if (place, hit[0].lower()) not in OTHERS_WORDS:
                    found.append(f"{place}:{line}: {hit[0]!r}: {instead}")
    assert not found, f"{len(found)} of them\n" + "\n".join(found)


# Links whose words name the way and not the page: back, out, or on in the middle of a step.
WAYS = {
    "Back",
    "Back to sign-in",
    "Back to two-step verification",
    "Cancel",
    "Check now",
    "Enter a code from your app instead",
    "Forgot your password?",
    "Sign in again",
    "Sign in on this site",
    "Use a different username",
    "View all activity",
}
TEXT = re.compile(r"""{%\s*translate\s+"([^"]+)"\s*%}""")
LINK = re.compile(r"""<a\b[^>]*href="{% url 'cognito_mfa:(\w+)' %}[^>]*>(.*?)</a>""", re.DOTALL)
TITLE = re.compile(r"{% block title %}(.*?){% endblock title %}", re.DOTALL)


def test_a_link_carries_the_title_of_the_page_that_it_opens() -> None:
    pages = APP / "templates" / "cognito_mfa"
    links = [
        (path.name, name, text)
        for path in sorted(pages.rglob("*.html"))
        for name, content in LINK.findall(path.read_text())
        for text in TEXT.findall(content)
        if text not in WAYS
    ]
    assert len(links) > 5
    others = [
        link
        for link in links
        for title in TITLE.findall((pages / f"{link[1]}.html").read_text())
        if link[2] not in TEXT.findall(title)
    ]
    assert not others


def test_the_heading_is_the_title() -> None:
    """Each page shows its title as its heading."""
    for path in sorted((APP / "templates" / "cognito_mfa").glob("*.html")):
        source = path.read_text()
        headings = {
            text
            for found in re.findall(r"<h1[^>]*>(.*?)</h1>", source, re.DOTALL)
            for text in TEXT.findall(found)
        }
        titles = {text for found in TITLE.findall(source) for text in TEXT.findall(found)}
        assert path.name == "base.html" or headings == titles, path.name
