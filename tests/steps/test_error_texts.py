"""One text for one cause: no two reasons that a user can act on differently end in the same words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

import cognito_mfa
from cognito_mfa.exceptions import (
    BadCode,
    BadCodeReason,
    Busy,
    BusyReason,
    ChallengeLost,
    ChallengeLostReason,
    CognitoMFAError,
    PasswordRejected,
    Refused,
    RefusedReason,
    SignInAgain,
    SignInAgainReason,
    TokenRejected,
    TokenRejectedReason,
)
from cognito_mfa.models import PoolPolicy
from cognito_mfa.steps import error_texts
from tests.visitor import POOL_ID

TEMPLATES = Path(cognito_mfa.__file__).parent / "templates/cognito_mfa"

# Reasons with the same text on purpose, since users can do the same about each of them.
ALIKE: dict[type[StrEnum], list[set[StrEnum]]] = {
    ChallengeLostReason: [
        {ChallengeLostReason.OVERTAKEN, ChallengeLostReason.ACCOUNT_CHANGED},
        {ChallengeLostReason.NOT_OFFERED, ChallengeLostReason.UNRECOGNIZED},
    ],
    # A recovery code has a text of its own on its own page, and Cognito's status says no more than its error.
    BadCodeReason: [{BadCodeReason.STATUS_ERROR, BadCodeReason.RECOVERY_CODE}],
    BusyReason: [],
    TokenRejectedReason: [],
    SignInAgainReason: [],
    # SECURITY: which address belongs to another account, or that there is one, is not for the page.
    RefusedReason: [
        {RefusedReason.ANOTHER_POOL, RefusedReason.TOO_MANY_FAILURES, RefusedReason.TAKEN}
    ],
}
TEXTS: list[tuple[type[StrEnum], type[CognitoMFAError], Callable[[Any], str]]] = [
    (ChallengeLostReason, ChallengeLost, error_texts.challenge_lost),
    (BadCodeReason, BadCode, error_texts.wrong_code),
    (BusyReason, Busy, error_texts.busy),
    (TokenRejectedReason, TokenRejected, error_texts.token_rejected),
    (SignInAgainReason, SignInAgain, error_texts.sign_in_again),
    (RefusedReason, Refused, error_texts.refused),
]


@pytest.mark.parametrize(("reasons", "kind", "text"), TEXTS, ids=lambda one: one.__name__)
def test_each_reason_has_its_own_text(
    reasons: type[StrEnum], kind: type[Any], text: Callable[[Any], str]
) -> None:
    texts = {reason: text(kind(reason=reason)) for reason in reasons}
    for group in ALIKE[reasons]:
        assert len({texts[reason] for reason in group}) == 1
        for reason in sorted(group)[1:]:
            del texts[reason]
    assert [words for words, count in Counter(texts.values()).items() if count > 1] == []


@pytest.mark.parametrize("lost", [error_texts.change_lost, error_texts.setup_lost])
def test_a_lost_change_says_why_where_it_is_known(lost: Callable[..., str]) -> None:
    timed_out = {lost(ChallengeLostReason.TIMED_OUT), lost(TokenRejectedReason.TIMED_OUT)}
    changed = {lost(ChallengeLostReason.OVERTAKEN), lost(ChallengeLostReason.ACCOUNT_CHANGED)}
    unknown = {lost(), lost(ChallengeLostReason.UNRECOGNIZED)}
    assert [len(one) for one in (timed_out, changed, unknown)] == [1, 1, 1]
    assert len(timed_out | changed | unknown) == 3
    for text in unknown:
        assert "timed out" not in text
        assert "changed in the meantime" not in text


@pytest.mark.parametrize(
    ("seconds", "minutes"), [(60, "1 minute"), (100, "2 minutes"), (600, "10 minutes")]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_minutes_are_counted_both_ways(seconds: int, minutes: str, sign: int) -> None:
    error = BadCode(reason=BadCodeReason.TOO_EARLY if sign > 0 else BadCodeReason.TOO_LATE)
    error.seconds_off = sign * seconds
    text = error_texts.wrong_code(error)
    assert f"about {minutes} " in text
    assert ("ahead" in text) is (sign > 0)
    assert ("expired" in text) is (sign < 0)


@pytest.mark.django_db
def test_a_password_that_is_too_short_names_the_length_where_it_is_known() -> None:
    error = PasswordRejected(rules=("length",))
    assert error_texts.password_rejected(error) == ["Your password is too short."]
    PoolPolicy.objects.create(pool_id=POOL_ID, password_rules={"length": 14})
    [text] = error_texts.password_rejected(error)
    assert text == "Your password is too short. Use at least 14 characters."


def test_every_page_with_a_new_password_states_the_rules() -> None:
    texts = {path.name: path.read_text() for path in TEMPLATES.glob("*.html")}
    with_password = {
        name
        for name, text in texts.items()
        if "new_password1" in text or "form.visible_fields" in text
    }
    assert len(with_password) >= 3
    for name in with_password:
        assert "partials/password_rules.html" in texts[name], name
