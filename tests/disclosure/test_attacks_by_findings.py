"""What the findings of an upload tell whoever wrote the contract: they answer questions about rows, and no budget counts them.

Central chooses which numbers are read as missing. A number that few people have is a finding, so each contract asks whether one of its
tokens is somebody's value, whatever else stops the file. The owner is told; to others the file is one word.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable
from typing import cast

import msgspec
import numpy as np

from central.jobs.model import Job
from central.jobs.room import Room
from policies import built_in
from remote.approvals.model import Approval
from remote.runs.run import Run
from sandbox.contract import Contract, Finding
from sandbox.errors import Code
from sandbox.gate.ingest import Ingest
from sandbox.gate.region import Region
from sandbox.rounds.local import LocalParticipant
from sandbox.wire.codec import encode
from sandbox.wire.link import JobState, SiteStatus
from sandbox.wire.messages import GateSetup, UploadReport
from tests.remote.offers import CONTRACT, offer, simice

DEFAULT = built_in("default")
AGES = range(70, 102)
"""Of whom the attacker looks for; all other people are younger, and of each age there are many."""
VICTIMS = 20
Asks = Callable[[tuple[str, ...]], bool]
"""Whether one of some ages is that of a few people, as far as the attacker can tell."""


def ward(age: int, seed: int) -> bytes:
    """600 people and one of a certain age. One cell holds text, so that the file never passes."""
    random = np.random.default_rng(seed)
    ages = [*random.permutation(np.repeat(np.arange(50, 70), 30)).tolist(), age]
    lines = [f"{years},{random.normal(5, 1):.2f},{random.normal(70, 9):.2f}" for years in ages]
    return "\n".join(["age,dose,score", *lines, "60,see letter,71.5"]).encode() + b"\n"


def upload(data: bytes, contract: Contract) -> UploadReport:
    """What the gate of a site finds in a file."""
    asked, pair = offer(contract=contract), simice()
    setup = GateSetup("j1", "site-a", False, DEFAULT, asked.spec, pair.manifest_bytes, pair.digest, contract, b"a secret of the site, long")
    ingest = Ingest(setup, Region(mmap.mmap(-1, 16 << 20)))
    ingest.feed(data)
    assert ingest.finish() is None
    return UploadReport(findings=tuple(ingest.findings))


def owner(data: bytes, tokens: tuple[str, ...]) -> Run:
    """A site whose owner has uploaded a file to a job that reads some numbers as missing."""
    asked = offer(contract=msgspec.structs.replace(CONTRACT, missing=("NA", *tokens)))
    run = Run("site-a", DEFAULT, asked, Approval(digest=asked.digest, spec_digest=asked.spec.digest))
    assert asked.contract is not None
    run.upload_begins()
    run.uploaded(upload(data, asked.contract))
    return run


def board(run: Run, status: SiteStatus) -> tuple[bytes, tuple[Finding, ...]]:
    """What central's room tells everybody of a site that says `status`, and what it tells central."""
    room = Room(Job(id="j1", name="", state=JobState.WAITING, participants=["site-a"], spec={}, pair_digest=simice().digest), simice(), {})
    room.gate_opened(cast(LocalParticipant, None)).uploaded(UploadReport(contract=run.offer.contract))
    room.site_said("site-a", status)
    return encode(room.update(lambda _: True)), room.told_by("site-a")


def search(asks: Asks) -> int:
    """The age that is left after halving the range five times."""
    ages = list(AGES)
    while len(ages) > 1:
        half = ages[: len(ages) // 2]
        ages = half if asks(tuple(map(str, half))) else ages[len(ages) // 2 :]
    return ages[0]


def tells_few(findings: tuple[Finding, ...]) -> bool:
    return any((finding.code, finding.column) == (Code.RULE_MISSING_TOKEN, 1) for finding in findings)


def test_findings_tell_the_age_of_somebody_alone_and_on_the_board_they_do_not() -> None:
    n_by_codes, n_by_board, leaves = 0, 0, set()
    for seed in range(VICTIMS):
        age = int(np.random.default_rng([seed, 1]).choice(AGES))
        data = ward(age, seed)

        def by_codes(tokens: tuple[str, ...], data: bytes = data) -> bool:
            # As codes and columns were shown to all: the control, and what the owner still sees.
            return tells_few(tuple(finding.outward() for finding in cast(UploadReport, owner(data, tokens).report).findings))

        def by_board(tokens: tuple[str, ...], data: bytes = data) -> bool:
            run = owner(data, tokens)
            status = run.news()
            assert status is not None
            seen, told = board(run, status)
            leaves.add((encode(status), seen))
            return tells_few(told)

        n_by_codes += search(by_codes) == age
        n_by_board += search(by_board) == age
    assert n_by_codes == VICTIMS
    assert n_by_board <= 3, "the last age of the range, by chance"
    assert len(leaves) == 1, "to others all files that do not pass are the same word"


def test_a_file_that_does_not_pass_is_the_same_word_as_no_file() -> None:
    run = owner(ward(85, 1), ())
    nothing = offer(contract=run.offer.contract)
    empty = Run("site-a", DEFAULT, nothing, run.approval)
    assert run.status() == empty.status()
    assert not run.status().is_ready


def test_what_an_owner_tells_is_what_was_shown_and_each_code_and_column_once() -> None:
    run = owner(ward(85, 1), ("84", "85"))
    report = cast(UploadReport, run.report)
    run.uploaded(msgspec.structs.replace(report, findings=report.findings * 3))
    shown = [(finding.code.value, finding.column) for finding in run.stops]
    assert shown == [("rule.missing_token", 1), ("data.not_numeric", 2)]
    run.told_central(shown)
    status = run.status()
    _, told = board(run, status)
    assert told == status.told == (Finding(Code.RULE_MISSING_TOKEN, column=1), Finding(Code.DATA_NOT_NUMERIC, column=2))
    assert not any(finding.details for finding in told)
    run.upload_begins()
    assert run.status().told == ()
