"""Other jobs of code that sees rows on the same file: which answered about other rows, and how much left. Pure: lines of a ledger in.

A gate knows of no other job, so the host asks its ledger at every upload. It finds names, not rows: which rows differ nobody can tell from
them, so a site is told, and decides (`rule.other_rows`, a notice). Numbers of code that saw rows add up over jobs: a budget
(`max_data_sums_per_row`, of `rule.sum_budget`) ends what a data set may tell such code.
"""

from __future__ import annotations

import json
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


def numbers_of_other_jobs(lines: Iterable[Mapping[str, Any]], job: str) -> int:
    """How many numbers about the rows of a file left in other jobs than `job`, whose code saw rows.

    Counted are those that no earlier one of the same job determines. The same answer of the same code to the same question is one answer,
    however many jobs it left in: a job that is run again tells nothing new.

    Args:
        lines: of the ledger about the file (`sandbox.ledger.entries_of_dataset`).
        job: the job that wants to start.
    """
    n_numbers, seen = 0, set[str]()
    for line in lines:
        n_new = line.get("innovation", 0)
        if line.get("kind") != "release" or line.get("job") == job or not isinstance(n_new, int):
            continue
        answer = json.dumps([line.get(key) for key in ("pair", "contract", "steps", "sha256")], sort_keys=True)
        n_numbers += 0 if answer in seen else n_new
        seen.add(answer)
    return n_numbers


def _names(line: Mapping[str, Any]) -> Mapping[str, Any]:
    names = line.get("rows_named")
    return names if isinstance(names, dict) else {}
