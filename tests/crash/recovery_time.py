"""How long a recovery takes beyond what it has to wait for: what it adds to an interruption."""
from __future__ import annotations

import json
import math
from datetime import datetime

from machine import Result

# Health and one-shots are waited for, data is copied; everything else is dockupd's own and the engine's.
MOST = 2.0  # seconds that 99 of 100 may take
WAITED_FOR = ("start ", "run ", "verify ", "snapshot ", "restore ")


def own_seconds(result: Result) -> float:
    """Of `recover --progress json`, from spawn to exit, less the time in which at least one such step was under way."""
    open_steps: dict[tuple, float] = {}
    spans = []
    for line in result.err.splitlines():
        if not line.startswith("{"):
            continue
        event = json.loads(line)
        step = event["phase"], event.get("subject"), event.get("number")
        at = datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp()
        if event["event"] == "begin" and event["text"].startswith(WAITED_FOR):
            open_steps[step] = at
        elif event["event"] == "end" and step in open_steps:
            spans.append((open_steps.pop(step), at))
    return result.seconds - covered(spans)


def covered(spans: list[tuple[float, float]]) -> float:
    """The length of their union."""
    length, until = 0.0, -math.inf
    for begin, end in sorted(spans):
        length += max(0.0, end - max(begin, until))
        until = max(until, end)
    return length


def summary(seconds: list[float]) -> str:
    return (f"{len(seconds)} recoveries, less waiting for health and copying data: median {within(seconds, .5):.2f} s, 99 % "
            f"within {within(seconds, .99):.2f} s, the longest {max(seconds):.2f} s.")


def within(seconds: list[float], share: float) -> float:
    """In how many seconds that share of them was over."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]
