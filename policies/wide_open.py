"""A policy without rules, for controls: an attack that finds nobody here would find nobody anywhere.

No name and no file leads to it. It is made here, and only `tidegate probe --central FILE --open` asks for it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from policies.policy import NARROWS, ORDERED, Policy, built_in

MACHINE: Final = frozenset(
    {
        *("minimum_isolation", "max_source_bytes", "max_line_bytes", "max_frame_bytes", "max_rows_bytes", "worker_data_bytes"),
        *("worker_cpu_seconds", "step_seconds", "job_seconds", "max_messages", "max_messages_per_step"),
    }
)
"""Keys about the machine. They protect it and not a patient, so they stay as `research` has them; every other key is a rule."""
MANY: Final = 10**9
"""In place of infinity, which has no floor."""


def wide_open() -> Policy:
    """`research` with every disclosure rule and every error at its widest. Keys that are added later are covered by their direction."""
    research = built_in("research")
    return msgspec.structs.replace(research, name="open", **{key: _widest(research, key) for key in NARROWS if key not in MACHINE})


def _widest(policy: Policy, key: str) -> object:
    """The value of a key that allows the most, of the type that the key has."""
    if key in ORDERED:
        return ORDERED[key][0]
    bound = MANY if NARROWS[key] == "down" else 0
    return type(getattr(policy, key))(bound)
