"""A public function says what its arguments are, and which exceptions of ours it raises."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.views import View

import cognito_mfa
from cognito_mfa.local import operations

ROOT = Path(cognito_mfa.__file__).parent
OPERATIONS = set(operations.ALL.values())
TWIN = re.compile(r"Async version of ``(\w+)``")


class Function(NamedTuple):
    """A public function or method."""

    place: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    value: Any
    owner: type | None
    module: Any

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.node) or ""

    def parameters(self) -> list[str]:
        """Return the names that a caller chooses; one with an underscore is taken because it is given."""
        given = self.node.args
        names = [each.arg for each in (*given.posonlyargs, *given.args)]
        if self.owner and not isinstance(
            inspect.getattr_static(self.owner, self.node.name), staticmethod
        ):
            names = names[1:]
        names += [each.arg for each in given.kwonlyargs]
        names += [each.arg for each in (given.vararg, given.kwarg) if each]
        return [name for name in names if not name.startswith("_")]


def test_the_docstring_of_a_function_with_two_parameters_or_more_names_each(
    public_functions: list[Function],
) -> None:
    problems = []
    for function in public_functions:
        names = function.parameters()
        if len(names) < 2 or signature_is_given(function):
            continue
        told = section(function.docstring, "Args")
        problems += [
            f"{function.place}: {name}"
            for name in names
            if not re.search(rf"^ *\*{{0,2}}{name}(, \*{{0,2}}\w+)*\b", told, re.MULTILINE)
        ]
    assert not problems


def test_the_docstring_names_the_exceptions_of_ours_that_the_body_raises(
    public_functions: list[Function],
) -> None:
    problems = []
    for function in public_functions:
        if function.value in OPERATIONS:
            continue
        told = "".join(
            section(each, "Raises") for each in (function.docstring, *overridden(function))
        )
        problems += [
            f"{function.place}: {error.__name__}"
            for error in raised(function)
            if not any(re.search(rf"\b{name}\b", told) for name in own_names(error))
        ]
    assert not problems


@pytest.fixture(scope="module")
def public_functions() -> list[Function]:
    """The public functions of the package."""
    return [function for path in sorted(ROOT.rglob("*.py")) for function in functions_of(path)]


def functions_of(path: Path) -> Iterator[Function]:
    """Yield those of a module that can be imported: some need a package that is not in every environment."""
    name = ".".join((ROOT.name, *path.relative_to(ROOT).with_suffix("").parts))
    if ".migrations" in name:
        return
    try:
        module = importlib.import_module(name.removesuffix(".__init__"))
    except ModuleNotFoundError as error:
        if is_ours_by_name(error.name or ""):
            raise
        return
    yield from functions_in(
        ast.parse(path.read_text()).body, module, path.relative_to(ROOT.parent).as_posix()
    )


def functions_in(
    body: list[ast.stmt], module: Any, place: str, owner: type | None = None
) -> Iterator[Function]:
    for node in body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if node.name.startswith("_"):
            continue
        value = getattr(owner or module, node.name, None)
        if value is None:  # Django takes Meta out of a model
            continue
        if isinstance(node, ast.ClassDef):
            yield from functions_in(node.body, module, place, value)
        else:
            yield Function(f"{place}:{node.lineno} {node.name}", node, value, owner, module)


def signature_is_given(function: Function) -> bool:
    """Whether the signature is another's, who says what it means."""
    return (
        function.value in OPERATIONS
        or overrides(function)
        or is_fixture(function.value)
        or is_admin_action(function.value)
        or is_documented_twin(function)
    )


def overrides(function: Function) -> bool:
    """Whether a class further up has it, or a view's caller: Django, for each method of HTTP."""
    owner, name = function.owner, function.node.name
    is_handler = bool(owner and issubclass(owner, View) and name in View.http_method_names)
    return is_handler or any(True for _ in overridden(function))


def overridden(function: Function) -> Iterator[str]:
    """Yield the docstrings of what it overrides, also where that comes with the class that ours is mixed into."""
    owner, name = function.owner, function.node.name
    if owner is None:
        return
    for heir in (owner, *heirs(owner)):
        order = inspect.getmro(heir)
        for above in order[order.index(owner) + 1 :]:
            if name in vars(above):
                yield inspect.getdoc(vars(above)[name]) or ""


def heirs(owner: type) -> Iterator[type]:
    heir: type
    for heir in type.__subclasses__(owner):
        yield heir
        yield from heirs(heir)


def is_fixture(value: Any) -> bool:
    return type(value).__name__ == "FixtureFunctionDefinition"


def is_admin_action(value: Any) -> bool:
    return hasattr(value, "short_description")


def is_documented_twin(function: Function) -> bool:
    """Whether the docstring refers to a function of the same owner or module, which is checked itself."""
    found = TWIN.search(function.docstring)
    return bool(found and hasattr(function.owner or function.module, found.group(1)))


def raised(function: Function) -> Iterator[type]:
    """Yield the exceptions of ours that the body itself raises."""
    for node in own_nodes(function.node):
        if isinstance(node, ast.Raise) and node.exc:
            raising = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            value = named(raising, function.module)
            if inspect.isclass(value) and is_ours(value):
                yield value


def own_names(error: type) -> list[str]:
    """Return the names by which a docstring may call it: its own, or that of a family of ours."""
    return [each.__name__ for each in inspect.getmro(error) if is_ours(each)]


def is_ours(value: type) -> bool:
    return is_ours_by_name(value.__module__)


def is_ours_by_name(module: str) -> bool:
    return module.partition(".")[0] == ROOT.name


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for inner in ast.iter_child_nodes(node):
        if not isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield inner
            yield from own_nodes(inner)


def named(node: ast.expr, module: Any) -> Any:
    """Return what a name, or a name in a module, stands for; None for anything else."""
    if isinstance(node, ast.Name):
        return getattr(module, node.id, None)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return getattr(getattr(module, node.value.id, None), node.attr, None)
    return None


def section(docstring: str, title: str) -> str:
    """Return the indented lines below ``title``."""
    found = re.search(rf"^{title}:\n((?: +.*\n?|\n)*)", docstring, re.MULTILINE)
    return found.group(1) if found else ""
