"""Checks, before botocore parses an answer, that it is complete and comes from Cognito."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

MAX_BODY = 1_000_000  # bytes


class Unbelievable(Exception):
    """An answer is incomplete, or not from Cognito; raised through botocore."""


def refuse_unbelievable(
    response_dict: Mapping[str, Any], *, from_aws: bool, **_kwargs: object
) -> None:
    """Refuse an answer that is cut short, too long, or not Cognito's.

    botocore takes an empty, truncated or foreign body with status 200 for success. The answers of
    operations such as SetUserMFAPreference have no members that could be missed.

    Args:
        response_dict: status, headers and body, as botocore's event ``before-parse`` passes them.
        from_aws: whether the client calls AWS itself, which names each request.

    Raises:
        Unbelievable: the answer must not be parsed.
    """
    # The headers are botocore's, which find any case of a name.
    headers, body = response_dict["headers"], response_dict["body"]
    if len(body) > MAX_BODY:
        raise Unbelievable("too long")
    length = headers.get("content-length")
    if length is None and "chunked" not in str(headers.get("transfer-encoding", "")).lower():
        raise Unbelievable("no length")
    if length is not None and str(length) != str(len(body)):
        raise Unbelievable("cut short")
    if response_dict["status_code"] != HTTPStatus.OK:
        return
    if from_aws and not headers.get("x-amzn-requestid"):
        raise Unbelievable("no request id")
    # An empty body is how some AWS services say "done"; anything else must be a JSON object.
    if body and not isinstance(json.loads(body), dict):
        raise Unbelievable("no object")
