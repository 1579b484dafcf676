"""Reads the body of a request: one JSON object, read strictly, with its secrets wrapped at once.

Nothing is guessed. Another media type, a key that occurs twice, a number instead of a text, and an unknown member are
errors, so that two readers of the same body never disagree about it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from django.utils.translation import gettext as _

from cognito_mfa.values.secret_text import SecretText

MAX_BYTES = 16_384
MAX_DEPTH = 4
SHOWN = 64  # characters of a member's name in an answer
# The kinds of members: a text, a secret text, a Boolean, and an object of texts.
Kind = type[str] | type[SecretText] | type[bool] | type[dict]


class BodyRefused(Exception):
    """The body cannot be read.

    Args:
        code: of the problem document.
        fields: texts by the name of the member.
    """

    def __init__(self, code: str, fields: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(code)
        self.code, self.fields = code, fields or {}


def read(request: HttpRequest, members: Mapping[str, Kind]) -> dict[str, Any]:
    """Return the members of the body; those that are missing are left out.

    Args:
        request: whose body is dropped, because it contains secrets.
        members: the kind of each known member.

    Raises:
        BodyRefused: it is not an object of these members.
    """
    if not _is_json(request):
        raise BodyRefused("unsupported_media_type")
    text = _text(request)
    found, is_valid = _parsed(text) if text else ({}, True)
    if not is_valid:
        raise BodyRefused("malformed_body")
    wrong = {
        name[:SHOWN]: _refusal(members.get(name))
        for name, value in found.items()
        if not _is_of(value, members.get(name))
    }
    if wrong:
        raise BodyRefused("invalid", {name: [words] for name, words in wrong.items()})
    return {name: _opened(value, members[name]) for name, value in found.items()}


def _opened(value: Any, kind: Kind) -> Any:
    """Return a value with its plain text, unless it is a secret."""
    if kind is str:
        return value.reveal()
    return {name: one.reveal() for name, one in value.items()} if kind is dict else value


def _is_json(request: HttpRequest) -> bool:
    charset = request.content_params.get("charset", "utf-8") if request.content_params else "utf-8"
    return request.content_type == "application/json" and charset.lower() == "utf-8"


def _text(request: HttpRequest) -> SecretText:
    """Return the body as text, and drop it from the request."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        body = request.body if length <= MAX_BYTES else None
    except (ValueError, RequestDataTooBig, UnreadablePostError):
        body = None
    request._body = b""  # noqa: SLF001 - error reports read it
    if body is None or len(body) > MAX_BYTES:
        raise BodyRefused("body_too_large")
    try:
        return SecretText(body.decode())
    except UnicodeDecodeError:
        pass
    raise BodyRefused("malformed_body")


def _parsed(text: SecretText) -> tuple[dict[str, Any], bool]:
    """Return the object with wrapped texts, and whether it is one. Errors are dropped with their frames."""
    try:
        found = json.loads(
            text.reveal(), object_pairs_hook=_object, parse_constant=_refuse, parse_float=_refuse
        )
    except (ValueError, RecursionError):
        return {}, False
    return (found, True) if isinstance(found, dict) and _depth(found) <= MAX_DEPTH else ({}, False)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _value in pairs}) < len(pairs):
        raise ValueError("a key occurs twice")
    return {_storable(name): _closed(value) for name, value in pairs}


def _closed(value: Any) -> Any:
    return SecretText(_storable(value)) if isinstance(value, str) else value


def _storable(text: str) -> str:
    text.encode()  # raises for halves of surrogate pairs
    return text


def _refuse(_number: str) -> float:
    raise ValueError("no number belongs here")


def _depth(value: Any, limit: int = MAX_DEPTH) -> int:
    if limit < 0 or not isinstance(value, (dict, list)):
        return 0
    inside = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(one, limit - 1) for one in inside), default=0)


def _is_of(value: Any, kind: Kind | None) -> bool:
    if kind in (str, SecretText):
        return isinstance(value, SecretText)
    if kind is dict:
        return isinstance(value, dict) and all(isinstance(v, SecretText) for v in value.values())
    return kind is bool and isinstance(value, bool)


def _refusal(kind: Kind | None) -> str:
    texts = {
        str: _("This must be a text."),
        SecretText: _("This must be a text."),
        bool: _("This must be true or false."),
        dict: _("This must be an object of texts."),
    }
    return texts[kind] if kind else _("There is no such value here.")
