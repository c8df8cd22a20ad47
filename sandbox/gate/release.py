"""What leaves: answers rounded to a grid, checked against what the manifest declares, with the ledger entry that says so.

The last digits of a double are a channel of their own, so every number is rounded to a power of two below `grid` · Σ|φ|. Rounding applies
to the copy that leaves, never to what the gate keeps. A number that is not finite refuses the whole reply. An entry never holds a value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from policies import Policy
from sandbox.errors import Code
from sandbox.gate.guard import Refusal, Verdict
from sandbox.gate.kernels import Answer
from sandbox.manifest import Manifest, Parts
from sandbox.wire.codec import encode
from sandbox.wire.messages import ChainReply, GateSetup, RoundReply, UploadReport
from sandbox.wire.values import Array, Record

STEP_PART = "loglik_step"
"""The part that tells how far a log-likelihood was rounded: a smaller change means nothing."""
_EXPONENT: Final = np.uint64(0x7FF0_0000_0000_0000)
"""The bits of a double that are neither sign nor fraction."""

_encoder = msgspec.json.Encoder(order="sorted")


def grid_step(bound: npt.ArrayLike, grid: float) -> npt.NDArray[np.float64]:
    """The rounding step for a bound on Σ|φ|: the largest power of two not above `grid` · bound; 0 means no rounding.

    A bound that is not a number is treated as an infinite one: nothing can be rounded to that, and what is not finite is refused. What is
    too small to have such a step is rounded to the smallest normal number: code that scales its sums down gets no digits for it.
    """
    sizes = np.asarray(bound, dtype=np.float64)
    coarsest = np.asarray(grid * sizes)
    # A power of two is a double without a fraction.
    step: npt.NDArray[np.float64] = (coarsest.view(np.uint64) & _EXPONENT).view(np.float64)
    return np.where((step == 0) & (sizes > 0) & (grid > 0), np.finfo(np.float64).tiny, step)


def round_to(values: npt.NDArray[np.generic], step: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """`values` on the grid of `step` (same shape), −0.0 as 0.0."""
    numbers = np.asarray(values, dtype=np.float64)
    is_rounded = step > 0
    safe = np.where(is_rounded, step, 1.0)
    # Adding 0.0 turns a negative zero, which would be one more bit, into a positive one.
    rounded: npt.NDArray[np.float64] = np.where(is_rounded, np.round(numbers / safe) * safe, numbers) + 0.0
    return rounded


def make_record(answer: Answer, declared: Parts, policy: Policy, extents: Mapping[str, int]) -> Record:
    """The parts of one field as they may leave; `extents` are those of `sandbox.manifest.PARTS`.

    Raises :class:`Refusal` for a number that is not finite or a shape not declared.
    """
    grid = policy.gram_grid
    record: Record = {}
    for part, (dtype, names) in declared.items():
        if part == STEP_PART:
            # A stand-in's is a quadratic, known to all its digits.
            values: npt.NDArray[np.generic] = grid_step(answer.bounds.get("loglik", 0.0), grid)
        elif part in answer.bounds:
            values = round_to(answer.parts[part], grid_step(answer.bounds[part], grid))
        else:
            values = answer.parts[part]
        shape = tuple(extents[name] for name in names)
        if values.shape != shape or not np.isfinite(np.asarray(values, dtype=np.float64)).all():
            raise Refusal(Code.RULE_NOT_FINITE if values.shape == shape else Code.RULE_UNDECLARED)
        record[part] = Array("<i8" if dtype == "<i8" else "<f8", shape, np.ascontiguousarray(values, dtype=dtype).tobytes())
    return record


@dataclass(frozen=True, slots=True)
class Origin:
    """Who speaks, on every ledger line."""

    job: str
    participant: str
    pair: str
    contract: str
    dataset: str = ""
    """A name for the uploaded bytes that only this participant can make: the same file gets the same name in every job."""

    def entry(self, kind: str, **more: Any) -> bytes:
        """A ledger entry, JSON without the chain."""
        line = {name: getattr(self, name) for name in self.__slots__}
        return _encoder.encode({**line, "kind": kind, **more})


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a reply: what filled it, its parts, and how many of its numbers had not left before."""

    kind: str
    record: Record
    n_new: int


@dataclass(slots=True)
class Part:
    """What one chain is answered in a round: its fields, or why it was refused."""

    chain: int
    steps: list[dict[str, Any]] = field(default_factory=list)
    """As the ledger shows them."""
    fields: Mapping[str, Field] = field(default_factory=dict)
    stand_ins: dict[str, dict[str, Record]] = field(default_factory=dict)
    """At central: the same fields, as the cards of sites answer them."""
    refusal: Refusal | None = None
    innovation: int | None = None
    """Of code that sees rows, which runs in one chain: how many numbers about the rows are new (:class:`verification.SumBudget`)."""


@dataclass(frozen=True, slots=True)
class Release:
    """One reply as it leaves, and its ledger entry."""

    body: bytes
    entry: bytes
    is_refused: bool


def release(origin: Origin, number: int, parts: Sequence[Part], rules: Mapping[str, Verdict], max_bytes: int) -> Release:
    """The reply of a round. A refusal leaves as its outward code; the reason and the line of the pair stay in the ledger.

    Raises :class:`Refusal` when answers make the reply larger than a frame may be.
    """
    body = encode(RoundReply(number, tuple(_reply(part) for part in parts)))
    if len(body) > max_bytes and any(part.refusal is None for part in parts):
        raise Refusal(Code.LIMIT_FRAME)
    refused = [_described_refusal(part, part.refusal) for part in parts if part.refusal is not None]
    innovation = next((part.innovation for part in parts if part.innovation is not None), None)
    entry = origin.entry(
        "refusal" if len(refused) == len(parts) else "release",
        round=number,
        steps=[{**step, **_chain(part)} for part in parts for step in part.steps],
        fields=[_described_field(part, name, found) for part in parts for name, found in part.fields.items()],
        **({"refused": refused} if refused else {}),
        **({} if innovation is None else {"innovation": innovation}),
        rules=dict(rules),
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
    )
    return Release(body, entry, bool(refused))


def upload_entry(
    origin: Origin,
    setup: GateSetup,
    manifest: Manifest,
    report: UploadReport,
    standing: Mapping[str, Verdict],
    names: Mapping[str, str],
) -> bytes:
    """The ledger line about an upload: how many rows, under which rules, for which pair, and the codes of what was found."""
    return origin.entry(
        "upload",
        policy=setup.policy.name,
        algorithm=f"{manifest.name} {manifest.version}",
        chains=setup.spec.chains,
        is_clean=report.is_clean,
        rows=report.n_rows,
        set_aside=report.n_set_aside,
        rows_named=dict(names),
        findings=[{"code": found.code.value, "severity": found.severity, "index": found.column} for found in report.findings],
        rules=dict(standing),
    )


def _reply(part: Part) -> ChainReply:
    if part.refusal is not None:
        return ChainReply(part.chain, refused=part.refusal.outward, refused_by=part.refusal.of_card)
    return ChainReply(part.chain, {name: found.record for name, found in part.fields.items()}, stand_ins=part.stand_ins)


def _described_field(part: Part, name: str, found: Field) -> dict[str, Any]:
    record = found.record
    data = b"".join(array.data for array in record.values())
    return {
        **_chain(part),
        "step": part.steps[-1]["step"],
        "name": name,
        "kind": found.kind,
        "shape": {name: list(array.shape) for name, array in record.items()},
        "scalars": sum(array.size for array in record.values()),
        "new": found.n_new,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _described_refusal(part: Part, refusal: Refusal) -> dict[str, Any]:
    more = {name: value for name, value in (("line", refusal.line), ("card", refusal.of_card)) if value}
    return {**_chain(part), "code": refusal.code.value, **more}


def _chain(part: Part) -> dict[str, int]:
    """Chains are counted from 1 for people."""
    return {"chain": part.chain + 1}
