"""What the documents say is so: settings, pages, signals, and links that lead somewhere."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest
from django.apps import apps
from django.dispatch import Signal

from cognito_mfa import signals, urls
from cognito_mfa.cognito.errors import MEANINGS
from cognito_mfa.conf import SETTINGS
from cognito_mfa.monitoring import log_events, metrics

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
PAGES = sorted(DOCS.glob("*.md"))
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *PAGES, *sorted((ROOT / "benchmarks").glob("**/*.md"))]
TEMPLATES = ROOT / "cognito_mfa" / "templates" / "cognito_mfa"
MOST_WORDS_IN_README = 900


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def first_cells(page: str) -> list[str]:
    """Return the names in the first cells of the tables of a page in ``docs/``."""
    cells = re.findall(r"^\| ([^|]+) \|", (DOCS / page).read_text(), re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_every_setting_is_on_its_page_once() -> None:
    assert sorted(first_cells("settings.md")) == sorted(SETTINGS)


def test_every_signal_is_on_its_page() -> None:
    names = {name for name, value in vars(signals).items() if isinstance(value, Signal)}
    assert set(first_cells("signals.md")) == names


def test_every_url_is_on_its_page() -> None:
    text = (DOCS / "templates.md").read_text().split("\n## Link to the pages\n", 1)[1]
    section = text.split("\n## ", 1)[0]
    assert {str(pattern.name) for pattern in urls.urlpatterns} <= set(
        re.findall(r"`(\w+)`", section)
    )


def test_every_template_is_on_its_page_with_its_blocks() -> None:
    base = blocks_of("base.html")
    rows = re.findall(
        r"^\| `([\w/]+\.html)` \| ([^|]+) \|(?: ([^|]*)\|)?",
        (DOCS / "templates.md").read_text(),
        re.MULTILINE,
    )
    told = {name: re.findall(r"`(\w+)`", blocks) for name, _page, blocks in rows}
    pages = {path.name: blocks_of(path.name) for path in TEMPLATES.glob("*.html")}
    partials: dict[str, list[str]] = {
        f"partials/{path.name}": [] for path in (TEMPLATES / "partials").glob("*.html")
    }
    own = {name: [block for block in found if block not in base] for name, found in pages.items()}
    del own["base.html"]
    assert told == {**own, **partials}
    for block in base:
        assert f"`{block}`" in (DOCS / "templates.md").read_text()


def blocks_of(template: str) -> list[str]:
    return re.findall(r"{% block (\w+) %}", (TEMPLATES / template).read_text())


def test_every_email_is_on_its_page() -> None:
    emails = {path.name[: -len("_subject.txt")] for path in TEMPLATES.glob("email/*_subject.txt")}
    table = (DOCS / "authenticator.md").read_text().split("\n## Emails\n", 1)[1]
    assert set(re.findall(r"^\| [^|]+ \| `(\w+)` \|$", table, re.MULTILINE)) == emails


def test_every_command_is_on_its_page() -> None:
    folder = ROOT / "cognito_mfa" / "management" / "commands"
    commands = {path.stem for path in folder.glob("cognito_mfa_*.py")}
    assert commands <= set(first_cells("administration.md"))


def test_every_page_is_in_the_index() -> None:
    linked = set(re.findall(r"\]\(([\w-]+\.md)", (DOCS / "README.md").read_text()))
    assert linked == {page.name for page in PAGES} - {"README.md"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_begins_with_its_contents(page: Path) -> None:
    """Each section is linked before the first one; pages of three sections need no list."""
    text = without_code(page.read_text())
    sections = [anchor(title) for title in re.findall(r"^## (.+)$", text, re.MULTILINE)]
    sections = [section for section in sections if section != "contents"]
    if len(sections) <= 3 or page.name == "README.md":
        return
    first = re.search(r"^## (?!Contents$)", text, re.MULTILINE)
    assert first
    linked = re.findall(r"\]\(#([^)]+)\)", text[: first.start()])
    assert [name for name in linked if name in sections] == sections


def without_code(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_and_pictures_lead_somewhere(document: Path) -> None:
    text = without_code(document.read_text())
    for target in re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text):
        address = "".join(target)
        if re.match(r"[a-z]+:", address) or address.startswith("../../actions/"):
            continue
        name, _hash, section = address.partition("#")
        found = document.parent / name if name else document
        assert found.exists(), address
        if section:
            assert section in anchors(found), address


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_pictures_have_a_text_and_a_dark_twin(document: Path) -> None:
    """Screenshots are taken in both modes; a reader who cannot see one reads what it shows."""
    text = without_code(document.read_text())
    assert re.findall(r"!\[[^\]]*\]\((?!http|\.\./\.\./actions)[^)]+\)", text) == []
    for picture in re.findall(r"<picture>.*?</picture>", text, re.DOTALL):
        assert 'media="(prefers-color-scheme: dark)"' in picture
        assert re.search(r'<img src="[^"]+-light\.png" alt="[^"]{20,}">', picture), picture
    assert text.count("<img ") == text.count("<picture>")


def test_requirements_of_pages_name_tests_that_exist() -> None:
    """Each row names the file and the test that holds it."""
    rows = re.findall(
        r"^\| [^|]+ \| [^|]+ \| ([^|]+) \|$",
        (DOCS / "user-experience.md").read_text(),
        re.MULTILINE,
    )
    held = [re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row) for row in rows[2:]]
    assert len(held) >= 12
    for tests in held:
        assert tests
        for file, test in tests:
            assert re.search(rf"^def {test}\(", (ROOT / file).read_text(), re.MULTILINE), test


def test_every_screenshot_is_shown() -> None:
    shown = "".join(document.read_text() for document in DOCUMENTS)
    pictures = [path.name for path in (DOCS / "screenshots").iterdir()]
    assert [name for name in pictures if f"screenshots/{name}" not in shown] == []


def test_readme_is_a_front_door() -> None:
    assert len(README.split()) <= MOST_WORDS_IN_README


def test_the_threat_model_names_tests_and_modules_that_exist() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text()
    named = set(re.findall(r"`((?:\w+/)*\w+\.py)`", text)) - {"settings.py"}
    tests = {name for name in named if name.startswith("tests/")}
    assert len(tests) >= 25
    assert len(named - tests) >= 20
    assert [name for name in tests if not (ROOT / name).is_file()] == []
    assert [name for name in named - tests if not (ROOT / "cognito_mfa" / name).is_file()] == []
    for name, module in re.findall(r"`(\w+)` in `((?:\w+/)*\w+\.py)`", text):
        source = (ROOT / "cognito_mfa" / module).read_text()
        assert re.search(rf"^(?:def|class) {name}\b", source, re.MULTILINE), name


def test_code_names_sections_about_cognito_that_exist() -> None:
    """Comments name a section as ``"Wire protocol" in docs/cognito-behavior.md``, or behind the page."""
    text = (ROOT / "docs" / "cognito-behavior.md").read_text()
    headings = set(re.findall(r"^#+ (.+)$", text, re.MULTILINE))
    named = {
        (section, path.relative_to(ROOT).as_posix())
        for folder in ("cognito_mfa", "tests", "benchmarks", "example_project")
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__)
        for section in sections_named_in(path.read_text())
    }
    assert len(named) >= 20
    assert {(section, path) for section, path in named if section not in headings} == set()


def sections_named_in(source: str) -> list[str]:
    """Return the sections of docs/cognito-behavior.md that comments in ``source`` name."""
    if "cognito-behavior.md" not in source:
        return []
    line = re.sub(r"\s*\n\s*(?:#:? )?", " ", source)
    page = r"`*docs/cognito-behavior\.md`*"
    before = re.findall(rf'((?:"[^"]+"(?:, | and |, and | under )?)+) (?:in|of) {page}', line)
    behind = re.findall(rf'{page}, ((?:"[^"]+"(?:, | and |, and | under )?)+)', line)
    return [name for names in (*before, *behind) for name in re.findall(r'"([^"]+)"', names)]


def test_comments_name_code_that_exists() -> None:
    """``module.name`` or ``Class.name``, where we have the module or class, and each private ``_name``."""
    members = members_by_owner(sorted((ROOT / "cognito_mfa").rglob("*.py")))
    members["cognito_mfa"].add("events")  # the logger
    members["settings"].add("COGNITO_MFA")
    named = {
        (path.relative_to(ROOT).as_posix(), owner, name)
        for folder in ("cognito_mfa", "tests", "benchmarks", "example_project")
        for path in (ROOT / folder).rglob("*.py")
        for owner, name in re.findall(
            r"(?<!`)``(?:(\w+)\.)?(\w+)(?:\(\))?``(?!`)", path.read_text()
        )
        if (owner in members and name != "py") or (not owner and re.match("_[a-z]", name))
    }
    assert len(named) >= 100
    every = set().union(*members.values())
    assert {one for one in named if one[2] not in members.get(one[1], every)} == set()


def members_by_owner(sources: list[Path]) -> dict[str, set[str]]:
    """Return the names in each module, package and class, by its own name; those of namesakes together."""
    members: dict[str, set[str]] = defaultdict(set)
    for path in sources:
        owner = path.parent.name if path.stem == "__init__" else path.stem
        members[path.parent.name].add(path.stem)
        members[path.parent.parent.name].add(path.parent.name)
        tree = ast.parse(path.read_text())
        scopes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        for name, scope in ((owner, tree), *((scope.name, scope) for scope in scopes)):
            members[name] |= {text for node in ast.walk(scope) if (text := name_in(node))}
    return members


def name_in(node: ast.AST) -> str:
    """Return the name that ``node`` defines, imports or sets; empty for any other."""
    match node:
        case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
            return name
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name):
            return name
        case ast.alias(name, asname):
            return (asname or name).rpartition(".")[2]
    return ""


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_dotted_paths_in_documents_exist(document: Path) -> None:
    """A path is that of a module, of a name in one, of a permission, of a check, of a logger, or of a metric."""
    known = permissions() | {log_events.LOGGER, *metrics.METRICS, *metrics.ATTRIBUTES}
    paths = re.findall(r"(?<!/)\bcognito_mfa(?:\.[A-Za-z_]\w*)+", document.read_text())
    for path in set(paths):
        if path in known or re.fullmatch(r"cognito_mfa\.[EW](?:\d{3})?", path):
            continue
        source, name = split_path(path)
        assert not name or re.search(rf"\b{name}\b", source.read_text()), path


def permissions() -> set[str]:
    """Return the app's permissions as ``user.has_perm`` takes them."""
    return {
        f"cognito_mfa.{codename}"
        for model in apps.get_app_config("cognito_mfa").get_models()
        for codename in (
            *(codename for codename, _label in model._meta.permissions),
            *(f"{action}_{model._meta.model_name}" for action in model._meta.default_permissions),
        )
    }


def split_path(path: str) -> tuple[Path, str]:
    """Return the file of the longest module in ``path``, and the name in it, which may be empty."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        base = ROOT.joinpath(*parts[:length])
        for source in (base.with_suffix(".py"), base / "__init__.py"):
            if source.is_file():
                return source, ".".join(parts[length : length + 1])
    raise AssertionError(path)


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of ``document``."""
    text = without_code(document.read_text())
    return {anchor(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def anchor(heading: str) -> str:
    """Return the anchor that GitHub gives ``heading``."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


TROUBLESHOOTING = ROOT / "docs" / "troubleshooting.md"


def test_troubleshooting_has_each_reason_of_the_table() -> None:
    text = TROUBLESHOOTING.read_text()
    reasons = {str(meaning.reason) for meaning in MEANINGS if meaning.reason}
    reasons -= {"context"}  # of which the line client_context_refused tells
    assert {
        reason for reason in reasons if f"`{reason}`" not in text and f" {reason}`" not in text
    } == set()


def test_pages_name_lines_that_the_log_has() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "cognito_mfa").rglob("*.py"))
    endings = "failed|interrupted|missing|not_attributed|not_sent|omitted|refused|skipped"
    named = re.findall(
        rf"`(?:WARNING )?([a-z]+(?:_[a-z]+)*_(?:{endings}))\b(?=[:` ])", TROUBLESHOOTING.read_text()
    )
    table = (DOCS / "administration.md").read_text().split("\n## What is recorded\n", 1)[1]
    for line in re.findall(r"^\| [^|]+ \| [^|]* \| ([^|]*) \| [^|]* \| ", table, re.MULTILINE):
        named += re.findall(r"`(\w+)`", line)
    assert len(set(named)) >= 20
    assert {name for name in named if not re.search(rf"\"{name}\b", source)} == set()


def test_troubleshooting_quotes_texts_that_pages_have() -> None:
    """Headings in quotation marks are what users read."""
    app = ROOT / "cognito_mfa"
    sources = [*app.rglob("*.py"), *app.rglob("*.html")]
    said = straight("".join(path.read_text() for path in sources))
    lines = re.findall(r'^### (".+")$', TROUBLESHOOTING.read_text(), re.MULTILINE)
    headings = [text for line in lines for text in re.findall(r'"([^"]+)"', line)]
    assert len(headings) >= 6
    assert [text for text in headings if straight(text) not in said] == []


def straight(text: str) -> str:
    """Return ``text`` with straight quotes, and without the line breaks of source code."""
    joined = re.sub(r'"\s*\n\s*"', "", text)
    return joined.replace("’", "'").replace("“", '"').replace("”", '"')
