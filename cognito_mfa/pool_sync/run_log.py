"""The log event of a run, which was complete, did a part, or failed."""

from __future__ import annotations

from cognito_mfa.monitoring import log_events
from cognito_mfa.pool_sync.plan import Counts


def log_run(counts: Counts, about: str = "", *, is_part: bool = False) -> None:
    """Log how a run ended.

    Args:
        counts: the results of the run.
        about: the beginning of the line, such as the shard.
        is_part: whether other runs do the rest, so that even a complete run is only a part.
    """
    trouble = counts.trouble or counts.list_trouble
    numbers = (
        f"asked {counts.asked}, failed {counts.failed}, changed {sum(counts.changes.values())}, "
        f"seconds {counts.seconds:.1f}"
    )
    text = ", ".join(filter(None, (about, numbers, trouble)))
    told: log_events.Fields = {
        "count": counts.asked,
        "failed": counts.failed,
        "seconds": round(counts.seconds, 1),
    }
    if trouble:
        told["reason"] = "asking" if counts.trouble else "list"
        log_events.write("sync_interrupted", text, **told)
    else:
        name = "sync_finished" if counts.complete and not is_part else "sync_part"
        log_events.write(name, text, **told)
