"""The receipt of a job: one page, made from the ledger: what left a participant, when, how much, under which rules and which code.

For a person who was not there: a data protection officer, an auditor. Pure but for :func:`read_receipt`: lines of a ledger in, a page out
(the HTML is made by `sandbox.pages`, from the same object). It says nothing that is not in the ledger, and the ledger holds no value of
any row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.errors import CATALOGUE, Code
from sandbox.ledger import entries, entries_of_dataset, entries_of_life
from sandbox.life_totals import LifeTotals, life_totals
from sandbox.manifest import CARD_STEP
from sandbox.statement import card_totals, count

RULE_TITLES: Final = {
    "min_rows": "enough rows with the target observed",
    "parameter_ratio": "enough rows per coefficient",
    "cell_column": "no value held by a few people only",
    "cell_cross": "no pair of values held by a few people only",
    "dominance": "no sum of squares made of one or two people",
    "dominance_cross": "no sum of products made of one or two people",
    "leverage": "nobody whom columns together single out",
    "events": "enough rows with each outcome of an own fit",
    "set_aside": "no difference of two targets made of a few people",
    "evaluations": "no more questions than a fit needs",
    "units": "centre and scale that fit the rows",
    "draw_schedule": "fills in turn, after a fit",
    "redraw": "no fill that changes a few rows only",
    "additive": "sums that are sums over rows",
    "contributors": "no sum that a few people make up",
    "difference": "no difference of two sums that a few people make up",
    "span": "no combination of sums that a few people make up",
    "lattice": "no sum that hides a value in its last digits",
    "value": "no number that is the value of a cell",
    "sum_budget": "fewer numbers than would give the rows back",
    "data_budget": "the same over all jobs on a data set",
    "life_versions": "no more versions of a file than its life allows",
    "life_numbers": "fewer numbers about a column than would give its values back, over the life of a file",
    "life_fits": "no more own fits than the life of a file allows",
    "life_change": "versions of a file that differ in enough rows",
    "life_error": "one size of error over the life of a file",
    "request_bounds": "no request that singles rows out",
    "row_state": "cells filled from their own row only",
    "estimate": "estimates that are roots of verified sums",
    "refusal_budget": "not too many refusals",
}
ACCESS: Final = {
    "blind": "the code never saw a row: the gate computed what it named",
    "reviewed": "the code saw rows, as this site's owner let exactly these bytes; its sums were verified before they left",
    "unreviewed": "the code saw rows and nobody reviewed it, as the policy lets any code; its sums were verified and left coarsely rounded",
}
"""By what the start of a job says in the ledger."""
_WORST: Final = {"pass": 0, "notice": 1, "refuse": 2}


@dataclass(frozen=True, slots=True)
class Sent:
    """What left under one name: a step and a field of it."""

    step: str
    field: str
    kind: str
    messages: int
    scalars: int
    new: int
    """Numbers that had not left in the same place before."""


@dataclass(frozen=True, slots=True)
class RuleUse:
    """How often a rule was judged, and how often it did not simply pass."""

    rule: str
    title: str
    judged: int
    notices: int
    refusals: int


@dataclass(frozen=True, slots=True)
class RefusalLine:
    """Questions that were refused for one reason."""

    code: str
    remedy: str
    count: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The displayed disclosure budget: of one job, or of one data set over all jobs."""

    jobs: int
    messages: int
    numbers: int
    new_numbers: int
    innovations: int
    """Of code that saw rows: numbers that no earlier one of the same job determines."""
    questions_at_coefficients: int
    bytes: int
    refusals: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """All that the page says."""

    job: str
    participant: str
    algorithm: str
    access: str
    """Whether the pair's code saw rows, in words."""
    chains: int
    """How many asked side by side."""
    pair: str
    contract: str
    policy: str
    dataset: str
    rows: int
    set_aside: int
    first_time: str
    last_time: str
    card: str
    """What the card that left states, in words; empty when none left."""
    sent: tuple[Sent, ...]
    rules: tuple[RuleUse, ...]
    refused: tuple[RefusalLine, ...]
    wiped: tuple[str, ...]
    totals: Totals
    dataset_totals: Totals
    life: LifeTotals | None
    """Of the file that the job used; None where it has no life: its budget is then that of the data set."""


def make_receipt(
    lines: Iterable[dict[str, Any]], dataset_lines: Iterable[dict[str, Any]], life_lines: Iterable[dict[str, Any]] = ()
) -> Receipt | None:
    """The receipt of one job; None when the ledger has no line about it.

    Args:
        lines: of the ledger about the job, in order.
        dataset_lines: of the ledger about the data set the job used (see :func:`dataset_of`), in whatever job.
        life_lines: of the ledger about the life of that file (see :func:`life_of`), in whatever job.
    """
    found = list(lines)
    if not found:
        return None
    upload: dict[str, Any] = next((line for line in reversed(found) if line.get("kind") == "upload"), {})
    last = found[-1]
    return Receipt(
        job=str(last.get("job", "")),
        participant=str(last.get("participant", "")),
        algorithm=str(upload.get("algorithm", "")),
        access=_access(found),
        chains=int(upload.get("chains", 1)),
        pair=str(last.get("pair", "")),
        contract=str(last.get("contract", "")),
        policy=str(upload.get("policy", "")),
        dataset=dataset_of(found),
        rows=int(upload.get("rows", 0)),
        set_aside=int(upload.get("set_aside", 0)),
        first_time=str(found[0].get("time", "")),
        last_time=str(last.get("time", "")),
        card=_card(found),
        sent=_sent(found),
        rules=_rules(found),
        refused=_refused(found),
        wiped=tuple(_wipe(line) for line in found if line.get("kind") in ("wipe", "failure")),
        totals=_totals(found),
        dataset_totals=_totals(list(dataset_lines)),
        life=life_totals(list(life_lines)),
    )


def read_receipt(ledger: Path, job_id: str, participant: str = "") -> Receipt | None:
    """The receipt of a job from the files of a ledger. Blocking; reads them up to three times.

    Args:
        ledger: the newest file.
        job_id: the job.
        participant: one of several that share a ledger; empty: whoever wrote the last line.
    """
    lines = list(entries(ledger, job_id))
    chosen = participant or next((line.get("participant") for line in reversed(lines)), "")
    lines = [line for line in lines if line.get("participant") == chosen]
    dataset, life = dataset_of(lines), life_of(lines)
    # A release by the owner names no participant. Participants of a simulation may have the same file.
    of_life = (line for line in (entries_of_life(ledger, life) if life else ()) if line.get("participant", chosen) == chosen)
    return make_receipt(lines, entries_of_dataset(ledger, dataset) if dataset else (), of_life)


def dataset_of(lines: Iterable[dict[str, Any]]) -> str:
    """The name of the data set that a job used last; empty when none was uploaded."""
    return next((line["dataset"] for line in reversed(list(lines)) if line.get("dataset")), "")


def life_of(lines: Iterable[dict[str, Any]]) -> str:
    """The name of the life of the file that a job used last; empty when it has none."""
    return next((line["life"] for line in reversed(list(lines)) if line.get("life")), "")


def as_text(receipt: Receipt) -> str:
    """The page as text, at most 100 columns wide in its fixed parts."""
    totals = receipt.totals
    lines = [
        f"RECEIPT of job {receipt.job} at {receipt.participant}",
        "",
        f"From {receipt.first_time} to {receipt.last_time}",
        f"Algorithm         {receipt.algorithm or '–'}" + (f", {receipt.chains} chains side by side" if receipt.chains > 1 else ""),
        f"Access            {receipt.access}",
        f"  approved bytes  {receipt.pair}",
        f"Data contract     {receipt.contract or '–'}",
        f"Policy            {receipt.policy or '–'}",
        f"Data set          {receipt.dataset or '–'} ({receipt.rows} rows in the file, {receipt.set_aside} set aside)",
        "",
        "WHAT LEFT",
        f"  {totals.messages} messages, {totals.numbers} numbers ({totals.new_numbers} new ones), {totals.bytes} bytes. No row, no text.",
    ]
    if receipt.card:
        lines.append(f"  The card of the file: {receipt.card}.")
    lines += [
        f"  {sent.step} / {sent.field} ({sent.kind}): {sent.messages} messages, {sent.scalars} numbers, {sent.new} new"
        for sent in receipt.sent
    ]
    lines += _budget_as_text(receipt)
    lines += ["", "RULES"]
    lines += [
        f"  {rule.rule:<16} {rule.title}: judged {rule.judged} times, {rule.refusals} refusals, {rule.notices} notices"
        for rule in receipt.rules
    ] or ["  None was judged."]
    lines += ["", "WHAT WAS REFUSED"]
    lines += [f"  {line.count} × {line.code}: {line.remedy}" for line in receipt.refused] or ["  Nothing."]
    lines += ["", "WHAT WAS WIPED"]
    lines += [f"  {line}" for line in receipt.wiped] or ["  Nothing yet: the job is not over."]
    return "\n".join(lines) + "\n"


def _budget_as_text(receipt: Receipt) -> list[str]:
    life, over_all = receipt.life, receipt.dataset_totals
    if life is not None:
        words = {"version": life.versions, "number": life.numbers, "own fit": life.own_fits, "point": life.points}
        stated = ", ".join(count(number, word) for word, number in words.items()) + ", as its budget counts them"
        released = [f"  {release}" for release in life.releases] or ["  Nothing was released after a stop."]
        return ["", "LIFE OF THIS FILE, OVER ALL JOBS IN THIS LEDGER", f"  {life.life}", f"  {stated}", *released]
    counts = (
        f"  {over_all.jobs} jobs, {over_all.messages} messages, {over_all.numbers} numbers ({over_all.new_numbers} new), "
        f"{over_all.innovations} by code that saw rows, {over_all.questions_at_coefficients} questions at coefficients, "
        f"{over_all.refusals} refusals"
    )
    return ["", "BUDGET OF THIS DATA SET, OVER ALL JOBS IN THIS LEDGER", counts]


def _access(lines: list[dict[str, Any]]) -> str:
    start = next((line for line in reversed(lines) if line.get("kind") == "start"), None)
    return "no code was started" if start is None else ACCESS.get(str(start.get("sees_rows", "blind")), "–")


def _card(lines: list[dict[str, Any]]) -> str:
    return card_totals([field for line in _of_kind(lines, "release") for field in line.get("fields", []) if field.get("step") == CARD_STEP])


def _sent(lines: list[dict[str, Any]]) -> tuple[Sent, ...]:
    found: dict[tuple[str, str, str], list[int]] = {}
    for line in _of_kind(lines, "release"):
        steps = line.get("steps", [])
        last = str(steps[-1].get("step", "")) if steps else ""
        in_message = set()
        for field in line.get("fields", []):
            # Chains may be at different steps; lines that were written before there were chains have one.
            key = str(field.get("step", last)), str(field.get("name", "")), str(field.get("kind", ""))
            counts = found.setdefault(key, [0, 0, 0])
            counts[0] += key not in in_message
            in_message.add(key)
            counts[1] += int(field.get("scalars", 0))
            counts[2] += int(field.get("new", 0))
    return tuple(Sent(*key, *counts) for key, counts in found.items())


def _rules(lines: list[dict[str, Any]]) -> tuple[RuleUse, ...]:
    verdicts = Counter((rule, verdict) for line in lines for rule, verdict in line.get("rules", {}).items() if verdict in _WORST)
    rules = {rule for rule, _ in verdicts}
    order = [*RULE_TITLES, *sorted(rules - RULE_TITLES.keys())]
    return tuple(
        RuleUse(
            rule,
            RULE_TITLES.get(rule, rule),
            sum(verdicts[rule, verdict] for verdict in _WORST),
            verdicts[rule, "notice"],
            verdicts[rule, "refuse"],
        )
        for rule in order
        if rule in rules
    )


def _refused(lines: list[dict[str, Any]]) -> tuple[RefusalLine, ...]:
    codes = Counter(str(refusal.get("code", "")) for refusal in (*_refusals(lines), *_of_kind(lines, "stop")))
    codes.update(
        str(finding.get("code", ""))
        for line in _of_kind(lines, "upload")
        for finding in line.get("findings", [])
        if finding.get("severity") == "stop"
    )
    return tuple(RefusalLine(code, _remedy(code), count) for code, count in sorted(codes.items()))


def _remedy(code: str) -> str:
    """What to do about a code."""
    known = {member.value: member for member in Code}
    return CATALOGUE[known[code]].remedy if code in known else ""


def _wipe(line: dict[str, Any]) -> str:
    n_bytes = line.get("wiped_bytes")
    how = f"{n_bytes} bytes overwritten with zeros" if n_bytes is not None else "the process was killed; its memory went back to the kernel"
    reason = f" after a failure ({line['code']})" if line.get("kind") == "failure" and "code" in line else ""
    return f"{line.get('time', '')}: {how}{reason}"


def _totals(lines: list[dict[str, Any]]) -> Totals:
    releases, refusals = _of_kind(lines, "release"), _of_kind(lines, "refusal")
    fields = [field for line in releases for field in line.get("fields", [])]
    return Totals(
        jobs=len({line.get("job") for line in lines}),
        messages=len(releases) + len(refusals),
        numbers=sum(int(field.get("scalars", 0)) for field in fields),
        new_numbers=sum(int(field.get("new", 0)) for field in fields),
        innovations=sum(int(line.get("innovation", 0)) for line in releases),
        questions_at_coefficients=sum(field.get("kind") in ("glm_score", "selection_score", "point") for field in fields),
        bytes=sum(int(line.get("bytes", 0)) for line in (*releases, *refusals)),
        refusals=len(_refusals(lines)),
    )


def _refusals(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was refused in each message: a list, for several chains may be; in older lines the line itself."""
    answered = (*_of_kind(lines, "release"), *_of_kind(lines, "refusal"))
    return [refusal for line in answered for refusal in line.get("refused", [line] if line.get("kind") == "refusal" else [])]


def _of_kind(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line for line in lines if line.get("kind") == kind]
