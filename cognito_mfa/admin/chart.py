"""A picture of numbers by week, drawn on the server: SVG without a style, a script or an address, so that
the strictest Content-Security-Policy lets it be. Colours come from the page's style sheet, and so do
dark ones. It must never be the only place where the numbers stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT = 720, 180  # of the drawing, in its own units
_LEFT, _BOTTOM, _TOP = 48, 24, 12  # room for the words around the bars
_GAP = 0.25  # of a bar's place


class Bar(NamedTuple):
    """One bar: ``label`` below it when ``is_labelled``, ``hint`` when the pointer rests on it."""

    label: str
    hint: str
    value: int
    is_labelled: bool = True


def bars(bars: Sequence[Bar], *, title: str, element_id: str) -> SafeString:
    """Return the picture.

    Args:
        title: what it shows, for those who do not see it.
        element_id: unlike any other on the page.
    """
    top = _round_up(max((bar.value for bar in bars), default=0))
    place = (WIDTH - _LEFT) / max(len(bars), 1)
    return format_html(
        '<svg class="cognito-mfa-chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{}">'
        '<title id="{}">{}</title>{}{}</svg>',
        WIDTH,
        HEIGHT,
        element_id,
        element_id,
        title,
        _scale(top),
        format_html_join("", "{}", ((_bar(bar, i, place, top),) for i, bar in enumerate(bars))),
    )


def _scale(top: int) -> SafeString:
    """Draw lines at nothing, half and all of ``top``, with their numbers."""
    lines = ((value, _height_of(value, top)) for value in sorted({0, top // 2, top}))
    return format_html_join(
        "",
        '<line class="cognito-mfa-chart-line" x1="{}" x2="{}" y1="{}" y2="{}"></line>'
        '<text class="cognito-mfa-chart-text" x="{}" y="{}" text-anchor="end">{}</text>',
        (
            (_LEFT, WIDTH, _number(y), _number(y), _LEFT - 6, _number(y + 4), _written(value))
            for value, y in lines
        ),
    )


def _bar(bar: Bar, index: int, place: float, top: int) -> SafeString:
    x, y = _LEFT + index * place, _height_of(bar.value, top)
    label = (
        format_html(
            '<text class="cognito-mfa-chart-text" x="{}" y="{}" text-anchor="middle">{}</text>',
            _number(x + place / 2),
            HEIGHT - 6,
            bar.label,
        )
        if bar.is_labelled
        else ""
    )
    return format_html(
        '<rect class="cognito-mfa-chart-bar" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>{}',
        _number(x + place * _GAP / 2),
        _number(y),
        _number(place * (1 - _GAP)),
        _number(HEIGHT - _BOTTOM - y),
        bar.hint,
        label,
    )


def _height_of(value: int, top: int) -> float:
    """Return the y of ``value``; a little of something is never drawn as nothing."""
    room = HEIGHT - _BOTTOM - _TOP
    height = max(room * value / top, 1.5) if value else 0.0
    return HEIGHT - _BOTTOM - height


def _number(value: float) -> str:
    """Return ``value`` as SVG wants it, whatever language the page is in."""
    return f"{value:.2f}"


def _written(value: int) -> str:
    """Return ``value`` as people write it in the language of the page."""
    return str(number_format(value, force_grouping=True))


def _round_up(value: int) -> int:
    """Return 2, 5, 10, 20, 50 and so on, whichever is the first that ``value`` does not exceed."""
    step = 2
    while step < value:
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    return step
