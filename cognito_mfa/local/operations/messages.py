"""The texts of emails and text messages, which a function of the pool may replace.

See "Lambda triggers" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from cognito_mfa.local.errors import InvalidLambdaResponseException
from cognito_mfa.local.operations import triggers
from cognito_mfa.local.operations.context import Context
from cognito_mfa.local.operations.triggers import (
    CODE_PLACE,
    INVITATION,
    LINK_PLACE,
    USERNAME_PLACE,
    About,
)
from cognito_mfa.local.outbox import Medium

#: The text between the number signs is that of the link.
LINK = re.compile(r"\{##(.*?)##\}", re.DOTALL)
MEMBERS: dict[Medium, str] = {"SMS": "smsMessage", "EMAIL": "emailMessage"}


@dataclass(frozen=True, slots=True)
class Letter:
    """A message with places for the code and the username."""

    template: str
    username: str
    subject: str = ""

    def text(self, code: str, link: str = "") -> str:
        """Return the message with a code in it, or a link.

        Args:
            code: The code.
            link: The URL that confirms the code; "" if the message has no link.

        Returns:
            The text.
        """
        text = self.template.replace(CODE_PLACE, code).replace(USERNAME_PLACE, self.username)
        return (
            LINK.sub(lambda found: f'<a href="{escape(link)}">{found[1]}</a>', text)
            if link
            else text
        )


def written(context: Context, about: About, source: str, medium: Medium, template: str) -> Letter:
    """Return the message to send, from the pool's function or else the pool's template.

    Args:
        context: The account, and the request.
        about: The pool, the client, and the user.
        source: The triggerSource.
        medium: ``EMAIL`` or ``SMS``.
        template: The pool's text.

    Returns:
        The message.

    Raises:
        InvalidLambdaResponseException: The function's message has no place for the code, or in an
            invitation none for the username.
    """
    response = triggers.custom_message(context, about, source)
    text = triggers.text(response, MEMBERS[medium])
    subject = triggers.text(response, "emailSubject") or "" if medium == "EMAIL" else ""
    if text is None:
        return Letter(template, about.name, subject)
    has_code = CODE_PLACE in text or LINK_PLACE in text
    if not has_code or (source == INVITATION and USERNAME_PLACE not in text):
        raise InvalidLambdaResponseException(triggers.UNRECOGNIZABLE)
    return Letter(text, about.name, subject)
