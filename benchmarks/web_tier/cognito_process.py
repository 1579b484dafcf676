"""The local Cognito of the benchmarks, in a separate process.

python cognito_process.py USERS NEWCOMERS LATENCY_MS

It answers each line with a line of JSON. ``{"do": "fault", "kind": "hang"}`` makes it fail until ``{"do": "recover"}``.
``{"do": "truth"}`` returns what it knows about each user, and how often it has authenticated them.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cognito_mfa.local import Behavior, LocalCognito, faults
from cognito_mfa.local.protocol import witnessed
from cognito_mfa.local.wire.messages import Answer

POOL, APP_CLIENT, PASSWORD = "us-east-1_Example00", "exampleclient0000000000000", "Correct-Horse-7"
SLOW = 8  # seconds
FAULTS: dict[str, faults.Fault] = {
    "hanging": faults.Timeout(executed=False),
    "slow": faults.Delay(SLOW),
    "throttling": faults.Error("TooManyRequestsException", "Rate exceeded"),
}


class Authentications:
    """How often each user got tokens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.by_sub: Counter[str] = Counter()

    def __call__(self, operation: str, answer: Answer) -> None:
        result = answer.payload.get("AuthenticationResult") if answer.error is None else None
        if result:
            import jwt

            claims = jwt.decode(result["AccessToken"], options={"verify_signature": False})
            with self._lock:
                self.by_sub[claims["sub"]] += 1


def make_users(cognito: LocalCognito, users: int, newcomers: int) -> list[dict[str, Any]]:
    """Create the users; the newcomers among them have no authenticator app yet.

    Args:
        cognito: where they are created.
        users: how many have an authenticator app.
        newcomers: how many have none.
    """
    pool = cognito.create_pool(POOL, mfa="ON")
    pool.create_client(APP_CLIENT)
    made = []
    for number in range(users + newcomers):
        name = f"user{number:05d}" if number < users else f"newcomer{number - users:05d}"
        sub = pool.create_user(name, password=PASSWORD).sub
        secret = pool.register_software_token(name, friendly_name="Phone") if number < users else ""
        made.append({"username": name, "password": PASSWORD, "sub": sub, "secret": secret})
    return made


def truth(cognito: LocalCognito, seen: Authentications) -> list[dict[str, Any]]:
    """Return what Cognito knows about each user."""
    users = cognito.pool(POOL).state.users.values()
    return [
        {
            "username": user.username,
            "sub": user.sub,
            "has_token": user.software_token is not None,
            "friendly_name": user.software_token.friendly_name if user.software_token else "",
            "authentications": seen.by_sub[user.sub],
        }
        for user in users
    ]


def main() -> None:
    users, newcomers, latency = (int(given) for given in sys.argv[1:])
    cognito = LocalCognito(behavior=Behavior(latency=latency / 1000), calls_kept=0)
    made, seen, down = make_users(cognito, users, newcomers), Authentications(), ExitStack()
    with cognito.serve(0) as server, witnessed(seen), down:
        print(json.dumps({"url": server.url, "users": made}), flush=True)
        for line in sys.stdin:
            asked, answer = json.loads(line), None
            if asked["do"] == "truth":
                answer = truth(cognito, seen)
            elif asked["do"] == "recover":
                cognito.faults.clear()
                down.close()
            elif asked["kind"] == "dead":
                down.enter_context(server.down())
            else:
                cognito.faults.on("*", FAULTS[asked["kind"]])
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
