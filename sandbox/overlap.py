"""Earlier jobs on the same file about other rows: their answers and this job's can differ by a few rows. Pure: lines of a ledger in.

A gate knows of no other job, so the host asks its ledger at every upload. It finds names, not rows: which rows differ nobody can tell from
them, so a site is told, and decides (`rule.other_rows`, a notice).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def jobs_on_other_rows(lines: Iterable[Mapping[str, Any]], upload: Mapping[str, Any]) -> list[str]:
    """Jobs that answered about other rows of the same file, in the order of the ledger.

    Args:
        lines: of the ledger about the file (`sandbox.ledger.entries_of_dataset`).
        upload: the line of the new upload.
    """
    rows: dict[str, Mapping[str, Any]] = {}
    answered: list[str] = []
    for line in lines:
        job = str(line.get("job", ""))
        if job == upload.get("job"):
            continue
        if line.get("kind") == "upload":
            rows[job] = _names(line)
        elif line.get("kind") == "release" and job not in answered:
            answered.append(job)
    new = _names(upload)
    return [job for job in answered if any(rows.get(job, {}).get(target, name) != name for target, name in new.items())]


def _names(line: Mapping[str, Any]) -> Mapping[str, Any]:
    names = line.get("rows_named")
    return names if isinstance(names, dict) else {}
