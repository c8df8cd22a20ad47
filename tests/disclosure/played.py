"""A site's real gate that a hostile central plays with: real policy, real rounds, and a worker of blind code, which only names kernels.

Central's freedom is everything that the manifest of SIMICE lets it ask, in any order and with any numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from policies import Policy
from sandbox.contract import Column, Contract
from sandbox.job import check_job, job_from_table
from sandbox.manifest import Pair, load_pair
from sandbox.wire.messages import (
    Acknowledged,
    Begin,
    CallStep,
    ChainReply,
    Constants,
    GateSetup,
    KernelCall,
    RoundResult,
    RunRound,
    StepCall,
    StepDone,
    UploadReport,
    round_reply,
)
from sandbox.wire.values import floats
from tests.one_chain import answer, asks
from tests.sandbox.gate.conftest import GateUnderTest

PAIR = load_pair(Path(__file__).parents[2] / "algorithms" / "SIMICE")
Values = npt.NDArray[np.float64]


def honest(call: CallStep) -> StepDone:
    """What SIMICERemote.py makes of a call."""
    target, beta = call.request["target"], call.request.get("beta")
    match call.step:
        case "moments":
            return StepDone((KernelCall("gram", target),), {"moments": 0})
        case "score":
            return StepDone((KernelCall("glm_score", target, "binomial", beta),), {"score": 0})
        case "impute_continuous":
            return StepDone((KernelCall("draw", target, "gaussian", beta, call.request["sigma"]),))
        case _:
            return StepDone((KernelCall("draw", target, "binomial", beta),))


class Site:
    """One upload of one job. Columns are numbers; those named in `targets` are targets, by type."""

    def __init__(
        self,
        gate: GateUnderTest,
        columns: Mapping[str, Values],
        targets: Mapping[str, str],
        policy: Policy,
        sweeps: int = 2,
        missing: tuple[str, ...] = ("NA",),
        ignored: Sequence[str] = (),
        pair: Pair = PAIR,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.names = list(columns)
        self._gate = gate
        self._number = 0
        job = {
            "imputations": 1,
            "seed": 1,
            "targets": [{"column": name, "type": type_} for name, type_ in targets.items()],
            "parameters": dict(parameters or {}),
        }
        if pair.manifest.capabilities.targets == "many":
            job |= {"iteration_before_first_imputation": sweeps, "iteration_between_imputations": 1}
        self.contract = Contract(
            tuple(
                Column(
                    name,
                    "target" if name in targets else "ignored" if name in ignored else "predictor",
                    targets.get(name),
                    ("0", "1") if targets.get(name) == "binary" else None,
                )
                for name in columns
            ),
            missing,
        )
        spec = check_job(job_from_table(job), pair.manifest)
        gate.pipe.send(
            GateSetup("job", "site", False, policy, spec, pair.manifest_bytes, pair.digest, self.contract, b"a secret of the site, long")
        )
        self.report: UploadReport = gate.upload(as_csv(columns))

    @property
    def codes(self) -> list[str]:
        """Codes of what the pre-flight found."""
        return sorted({finding.code.value for finding in self.report.findings})

    def begin(
        self,
        centre: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        mean: Sequence[float] | None = None,
        worker: Any = honest,
    ) -> ChainReply:
        """Attach a worker, ask for the margins, fix the units (raw ones when none are given) and the start values (the centres)."""
        assert self.report.is_clean, self.codes
        assert self._gate.attach(worker) == Acknowledged()
        margins, _ = self._round(0, StepCall("margins"))
        n = len(self.contract.model)
        middle, width = centre or [0.0] * n, scale or [1.0] * n
        starts = mean or [
            0.5 if self.contract.column(index).is_binary else start for index, start in zip(self.contract.model, middle, strict=True)
        ]
        answer = self._gate.ask(Begin(Constants(floats(middle), floats(width), floats(starts))))
        assert answer == Acknowledged(), answer
        return margins

    def ask(self, *calls: StepCall) -> tuple[ChainReply, dict[str, Any]]:
        """One round: its reply and its ledger entry."""
        self._number += 1
        return self._round(self._number, *calls)

    def moments(self, target: str, *tells: StepCall) -> tuple[ChainReply, dict[str, Any]]:
        """The Gram of a target."""
        return self.ask(*tells, StepCall("moments", {"target": self.index(target)}))

    def score(self, target: str, beta: Sequence[float], *tells: StepCall) -> tuple[ChainReply, dict[str, Any]]:
        """A question at coefficients."""
        return self.ask(*tells, StepCall("score", {"target": self.index(target), "beta": floats(beta)}))

    def draw(self, target: str, beta: Sequence[float], sigma: float | None = None) -> StepCall:
        """A tell that draws a target."""
        request: dict[str, Any] = {"target": self.index(target), "beta": floats(beta)}
        if sigma is None:
            return StepCall("impute_binary", request, is_tell=True)
        return StepCall("impute_continuous", {**request, "sigma": sigma}, is_tell=True)

    def index(self, name: str) -> int:
        """1-based."""
        return self.names.index(name) + 1

    def _round(self, number: int, *calls: StepCall) -> tuple[ChainReply, dict[str, Any]]:
        result = self._gate.ask(RunRound(number, asks(*calls)))
        assert isinstance(result, RoundResult), result
        return answer(round_reply.decode(result.body)), json.loads(result.entry)


def part(reply: ChainReply, field: str, name: str) -> Values:
    """One part of an answer, as an array."""
    assert reply.refused is None, reply.refused
    array = reply.fields[field][name]
    return np.array(array.numbers()).reshape(array.shape)


def as_csv(columns: Mapping[str, Values]) -> str:
    """A file of numbers; NaN becomes NA."""
    lines = [",".join(columns)]
    for row in zip(*columns.values(), strict=True):
        lines.append(",".join("NA" if np.isnan(cell) else repr(float(cell)) if cell % 1 else str(int(cell)) for cell in row))
    return "\n".join(lines) + "\n"
