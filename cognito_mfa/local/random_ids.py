"""Ids of requests, sign-ins, and tokens: random, in the form of a UUID, and no secrets."""

from __future__ import annotations

import os
import random
import uuid

# Not os.urandom(), as uuid.uuid4() does: it lets other threads run, which often costs more than the
# rest of an operation. An own generator, because tests seed the module's.
_generator = random.Random()  # noqa: S311 - a guessed id gives access to nothing
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_generator.seed)


def new_id() -> str:
    """Return an id that was not there before. What is a credential needs ``secrets`` instead."""
    return str(uuid.UUID(int=_generator.getrandbits(128), version=4))
