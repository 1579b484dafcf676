"""A user's authenticator app: its rows, events, counters, and emails.

Also the actions of administrators: permissions, resets, and exemptions.
"""

from __future__ import annotations
