"""Puts secrets on a page after the template was rendered with placeholders for them.

Anything may fail while templates, context processors, and tags run. An error report then shows their frames, the
context, and the unfinished page. None of them contains a secret.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.template.response import SimpleTemplateResponse
from django.utils.html import conditional_escape


class Placeholders:
    """The placeholders of one page; each is a long number that no filter changes and no one can guess."""

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        self._texts: dict[str, Callable[[], str]] = {}

    def stand_for(self, text: Callable[[], str]) -> str:
        """Return the placeholder of what ``text`` returns; it is called when the page is rendered."""
        placeholder = f"{secrets.randbelow(10**40):040}"
        self._texts[placeholder] = text
        return placeholder

    def fill(self, response: SimpleTemplateResponse) -> None:
        """Fill the rendered page in, escaped as Django's templates do; a callback for after rendering.

        Raises:
            RuntimeError: it failed. What failed stays here: its frames hold the secrets.
        """
        failed = ""
        try:
            response.content = self._filled(response.content.decode(response.charset))
        except Exception as error:  # noqa: BLE001 - whatever it is
            failed = type(error).__name__
        if failed:
            raise RuntimeError(f"the page cannot be filled in: {failed}")

    def _filled(self, page: str) -> str:
        for placeholder, text in self._texts.items():
            if placeholder in page:
                page = page.replace(placeholder, conditional_escape(text()))
        return page
