"""Operations that the oldest supported botocore cannot send.

Those whose input is that of an older operation are implemented with any botocore. The others need
one that describes their input.
"""

from __future__ import annotations

import pytest

from cognito_mfa.local.wire import service_model

_KNOWN = service_model.operations()


def _sent_by_botocore(operation: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        operation not in _KNOWN, reason=f"this botocore cannot send {operation}"
    )


deletes_tokens = _sent_by_botocore("AdminDeleteSoftwareToken")
shows_factors = _sent_by_botocore("AdminGetUserAuthFactors")
rotates_secrets = _sent_by_botocore("AddUserPoolClientSecret")
lists_sessions = _sent_by_botocore("ListUserSessions")
