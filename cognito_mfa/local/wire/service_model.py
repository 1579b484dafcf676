"""The input shapes of botocore's service model for cognito-idp, read from its data file.

Importing botocore would cost the server a quarter of a second and 40 MB. This module only reads what the
validator needs, and checks no values.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

MODEL = "data/cognito-idp/2016-04-18/service-2.json"
UNUSED = frozenset({"documentation", "errors", "examples"})

#: Operations that some supported versions of botocore lack, and an operation with the same input.
SAME_INPUT = {
    "AdminDeleteSoftwareToken": "AdminGetUser",
    "AdminGetUserAuthFactors": "AdminGetUser",
    "GetUserAuthFactors": "GetUser",
}

Shape = Mapping[str, Any]

#: Patterns of shapes that accept more at the service than in its model. Passwords may contain spaces, and
#: the error text quotes this pattern: see "Limits of input" in docs/cognito-behavior.md. The model's pattern
#: for domains has no dots, but custom domains do: see "Domains" there.
PATTERNS = {"PasswordType": r"^[\S]+.*[\S]+$", "DomainType": r"[\S]+"}


@cache
def _model() -> Mapping[str, Any]:
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:
        raise RuntimeError("the local Cognito reads botocore's service model: install botocore")
    path = Path(spec.origin).parent / MODEL
    packed = path.with_name(path.name + ".gz")
    raw = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    model: Mapping[str, Any] = json.loads(raw, object_pairs_hook=_without_prose)
    for name, pattern in PATTERNS.items():
        model["shapes"][name]["pattern"] = pattern
    return model


def _without_prose(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # No member in this model has the name "errors" or "documentation".
    return {name: value for name, value in pairs if name not in UNUSED}


def operations() -> frozenset[str]:
    """Return every operation that the installed botocore knows."""
    return frozenset(_model()["operations"])


def describes(operation: str) -> bool:
    """Return whether the model has the input of an operation."""
    return operation in SAME_INPUT or operation in _model()["operations"]


def input_shape(operation: str) -> Shape:
    """Return the shape of an operation's input."""
    known = _model()["operations"]
    model = known.get(operation) or known[SAME_INPUT[operation]]
    return shape(model["input"]["shape"])


def shape(name: str) -> Shape:
    """Return a shape by its name."""
    found: Shape = _model()["shapes"][name]
    return found
