"""Secrets on a page: the template is rendered with placeholders, and they are filled in when it is done.

While templates, context processors and tags run, anything may fail, and then their frames, the context
and the half-finished page are what a report shows. No secret is in any of them.
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
