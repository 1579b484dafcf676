"""One user's authenticator: its rows, events, counters and emails.

Also what administrators do about it: permissions, resets and exemptions.
"""

from __future__ import annotations
