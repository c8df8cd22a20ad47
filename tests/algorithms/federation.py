"""A federation in memory: real pair modules over plain NumPy rows, so that a statistician can step through a job.

`MemorySite` does what a gate does, without its rules: standardise, compute the kernels a remote step names, impute.
`MemoryFederation` is the `Line` that a central module's `job` and `sites` speak through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy import special

from sandbox.contract import Column, Contract
from sandbox.gate import likelihoods
from sandbox.job import JobSpec, Target, check_job
from sandbox.manifest import Pair, load_pair
from sandbox.wire.messages import (
    Ask,
    CallStep,
    Constants,
    Failed,
    Finished,
    FitRecord,
    Impute,
    KeepNow,
    KernelCall,
    Message,
    Program,
    Replies,
    StepDone,
    Tell,
)
from sandbox.wire.values import Array, Record, Value, floats
from sandbox.worker.arrays import from_numpy, to_numpy
from sandbox.worker.compilation import Module
from sandbox.worker.program import ENTRY, load, steps
from sandbox.worker.runner import run_impute, run_step

ALGORITHMS = Path(__file__).parents[2] / "algorithms"


def pair(name: str) -> Pair:
    """A pair of this repository."""
    return load_pair(ALGORITHMS / name)


class MemorySite:
    """Rows of one participant: `raw` of shape (n, columns), NaN where missing."""

    def __init__(self, raw: np.ndarray, contract: Contract, *, is_central: bool, central_intercept: bool, seed: int | list[int]) -> None:
        self.raw = raw
        self.contract = contract
        self.missing = np.isnan(raw)
        self.completed = raw.copy()
        self._is_central = is_central
        self._central_intercept = central_intercept
        self._rng = np.random.default_rng(seed)
        self._at = {column: position for position, column in enumerate(contract.model)}

    def begin(self, constants: Constants) -> None:
        """Standardise and fill start values."""
        self._centre, self._scale = to_numpy(constants.centre), to_numpy(constants.scale)
        for column in self.contract.targets:
            holes = self.missing[:, column - 1]
            mean = self._centre[self._at[column]]
            is_binary = self.contract.column(column).is_binary
            self.completed[holes, column - 1] = self._rng.random(holes.sum()) < mean if is_binary else mean

    def design(self, target: int) -> np.ndarray:
        """The design of `target`, shape (n, q)."""
        parts = [(self.completed[:, c - 1] - self._centre[self._at[c]]) / self._scale[self._at[c]] for c in self.contract.design(target)]
        if self._central_intercept:
            parts.append(np.full(len(self.raw), float(self._is_central)))
        return np.column_stack([*parts, np.ones(len(self.raw))])

    def response(self, target: int) -> np.ndarray:
        """The target, standardised unless binary, shape (n,)."""
        y = self.completed[:, target - 1]
        if self.contract.column(target).is_binary:
            return y
        return (y - self._centre[self._at[target]]) / self._scale[self._at[target]]

    def compute(self, call: KernelCall) -> Record:
        """The answer of one kernel."""
        observed = ~self.missing[:, call.target - 1]
        X, y = self.design(call.target)[observed], self.response(call.target)[observed]
        if call.kernel == "gram":
            return {"n": _count(len(y)), "XX": from_numpy(X.T @ X), "Xy": from_numpy(X.T @ y), "yy": from_numpy(y @ y)}
        if call.kernel == "glm_score":
            assert call.beta is not None
            eta = X @ to_numpy(call.beta)
            p = special.expit(eta)
            loglik = float((y * eta - np.logaddexp(0, eta)).sum())
            H = (X * (p * (1 - p))[:, None]).T @ X
            parts = {"H": from_numpy(H), "g": from_numpy(X.T @ (y - p)), "loglik": floats([loglik], ()), "loglik_step": floats([0], ())}
            return {"n": _count(len(y)), **parts}
        if call.kernel == "glm_gradient":
            assert call.beta is not None
            eta = X @ to_numpy(call.beta)
            residual = y - (special.expit(eta) if call.family == "binomial" else eta)
            return {"n": _count(len(y)), "g": from_numpy(X.T @ residual)}
        if call.kernel == "glm_fit":
            return self._own_fit(call, X, y)
        if call.kernel == "selection_score":
            return self._selection_score(call, observed)
        assert call.kernel == "draw"
        if call.theta is not None:
            self._draw_selection(call, ~observed)
        else:
            self._draw(call, ~observed)
        return {}

    def _own_fit(self, call: KernelCall, X: np.ndarray, y: np.ndarray) -> Record:
        n, q = X.shape
        diagonal = np.full(q, call.ridge)
        diagonal[q - 1 - int(self._central_intercept) :] = 0
        beta, sse = np.zeros(q), 0.0
        if call.family == "gaussian":
            information = X.T @ X + np.diag(diagonal)
            # A gate would refuse a singular fit; here it is central that sees it.
            beta = np.linalg.lstsq(information, X.T @ y, rcond=None)[0] if n else beta
            sse = float(((y - X @ beta) ** 2).sum())
        else:
            for _ in range(25):
                p = special.expit(X @ beta)
                information = (X * (p * (1 - p))[:, None]).T @ X + np.diag(diagonal)
                step = np.linalg.solve(information, X.T @ (y - p) - diagonal * beta) if n else np.zeros(q)
                beta = beta + step
                if np.abs(step).max() < 1e-9:
                    break
        return {"n": _count(n), "beta": from_numpy(beta), "information": from_numpy(information), "sse": floats([sse], ())}

    def _selection_score(self, call: KernelCall, observed: np.ndarray) -> Record:
        """Score and information assembled as J'u and J'wJ, where J has the derivatives of (a, b, log σ, atanh ρ) by θ."""
        assert call.theta is not None
        theta, Z, x = to_numpy(call.theta), self.design(call.target), self._outcome_columns(call)
        a, b, y = Z @ theta[: Z.shape[1]], Z[:, x] @ theta[Z.shape[1] : -2], self.response(call.target)
        seen = likelihoods.binary(a[observed], b[observed], y[observed], theta[-1])
        if call.family == "gaussian":
            seen = likelihoods.continuous(a[observed], b[observed], y[observed], theta[-2], theta[-1])
        unseen = likelihoods.not_selected(a[~observed])
        blocks = [Z[observed], Z[observed][:, x], np.ones((observed.sum(), 1)), np.ones((observed.sum(), 1))]
        g = np.concatenate([block.T @ seen.first[i] for i, block in enumerate(blocks)])
        H = -np.block([[(left * seen.second[i, j][:, None]).T @ right for j, right in enumerate(blocks)] for i, left in enumerate(blocks)])
        q = Z.shape[1]
        g[:q] += Z[~observed].T @ unseen.first[0]
        H[:q, :q] -= (Z[~observed] * unseen.second[0, 0][:, None]).T @ Z[~observed]
        loglik = float(seen.loglik.sum() + unseen.loglik.sum())
        return {
            "n": _count(len(Z)),
            "n_selected": _count(int(observed.sum())),
            "H": from_numpy(H),
            "g": from_numpy(g),
            "loglik": floats([loglik], ()),
            "loglik_step": floats([0], ()),
        }

    def _draw_selection(self, call: KernelCall, holes: np.ndarray) -> None:
        assert call.theta is not None
        theta, Z, x = to_numpy(call.theta), self.design(call.target)[holes], self._outcome_columns(call)
        a, b, rho = Z @ theta[: Z.shape[1]], Z[:, x] @ theta[Z.shape[1] : -2], np.tanh(theta[-1])
        u = special.ndtri_exp(np.log(self._rng.random(len(a))) + special.log_ndtr(-a))
        latent = b + np.exp(theta[-2]) * (rho * u + np.sqrt(1 - rho**2) * self._rng.normal(size=len(a)))
        position = self._at[call.target]
        is_binary = call.family == "binomial"
        self.completed[holes, call.target - 1] = latent > 0 if is_binary else self._centre[position] + self._scale[position] * latent

    def _outcome_columns(self, call: KernelCall) -> np.ndarray:
        assert call.exclusion is not None
        width = len(self.contract.design(call.target)) + 1 + int(self._central_intercept)
        return np.delete(np.arange(width), self.contract.design(call.target).index(call.exclusion))

    def _draw(self, call: KernelCall, holes: np.ndarray) -> None:
        assert call.beta is not None
        eta = self.design(call.target)[holes] @ to_numpy(call.beta)
        if call.family == "binomial":
            drawn = (self._rng.random(len(eta)) < special.expit(eta)).astype(float)
        else:
            assert call.sigma is not None
            position = self._at[call.target]
            drawn = self._centre[position] + self._scale[position] * (eta + call.sigma * self._rng.normal(size=len(eta)))
        self.completed[holes, call.target - 1] = drawn


@dataclass
class MemoryFederation:
    """Participants, central first, running one pair."""

    pair: Pair
    sites: list[MemorySite]
    notes: list[Message] = field(default_factory=list)
    frames: list[list[str]] = field(default_factory=list)
    """Per question: the steps that travelled with it, tells first."""
    kept: list[np.ndarray] = field(default_factory=list)
    _told: list[Tell] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._steps = steps(compiled(self.pair, "remote"), self.pair.manifest)

    def ask(self, question: Ask | KeepNow) -> Replies:
        """Tell what was to be told, then ask; as the round engine does."""
        told, self._told = self._told, []
        if isinstance(question, KeepNow):
            for site in self.sites:
                for tell in told:
                    self._run(site, tell.step, tell.request)
            self.kept.append(self.sites[0].completed.copy())
            return Replies()
        self.frames.append([tell.step for tell in told] + [question.step])
        replies = []
        for index, site in enumerate(self.sites):
            for tell in told:
                self._run(site, tell.step, tell.request)
            if question.mode == "all" or index == 0:
                replies.append(self._run(site, question.step, question.request))
        return Replies(tuple(replies))

    def note(self, message: Message) -> None:
        """Buffer tells, remember the rest."""
        if isinstance(message, Tell):
            self._told.append(message)
        else:
            self.notes.append(message)

    def fits(self) -> dict[int, FitRecord]:
        """The reported fits by target."""
        return {note.target: note for note in self.notes if isinstance(note, FitRecord)}

    def _run(self, site: MemorySite, step: str, request: dict[str, Value]) -> dict[str, Record]:
        done = run_step(self._steps, CallStep(step, request))
        assert isinstance(done, StepDone)
        answers = [site.compute(call) for call in done.calls]
        return {name: answers[index] for name, index in done.fields.items()}


def contract_of(names: Sequence[str], targets: dict[str, str]) -> Contract:
    """A contract in which every column that is not a target is a predictor."""
    return Contract(
        tuple(
            Column(name, "target", targets[name], ("0", "1") if targets[name] == "binary" else None)  # type: ignore[arg-type]
            if name in targets
            else Column(name, "predictor")
            for name in names
        )
    )


def constants_of(raws: Sequence[np.ndarray], contract: Contract) -> Constants:
    """Pooled centre and scale of the observed cells of every column in the model."""
    pooled = np.vstack(raws)[:, [column - 1 for column in contract.model]]
    mean, sd = np.nanmean(pooled, axis=0), np.nanstd(pooled, axis=0)
    return Constants(floats(mean), floats(np.where(sd > 0, sd, 1)), floats(mean))


def make(pair_: Pair, raws: Sequence[np.ndarray], contract: Contract, row_seed: int = 0, **job: Any) -> tuple[MemoryFederation, Impute]:
    """A federation that is ready to run, and the job it runs."""
    targets = tuple(Target(column.name, column.type) for column in contract.columns if column.type is not None)
    spec = check_job(JobSpec(targets, **{"seed": 11, **job}), pair_.manifest)
    constants = constants_of(raws, contract)
    intercept, seed = spec.parameters.get("central_intercept", False), [row_seed, spec.seed or 0]
    sites = [
        MemorySite(raw, contract, is_central=not index, central_intercept=intercept, seed=[*seed, index]) for index, raw in enumerate(raws)
    ]
    for site in sites:
        site.begin(constants)
    names = ("central", *(f"site{index}" for index in range(1, len(raws))))
    return MemoryFederation(pair_, sites), Impute(spec, contract, constants, names, contract.digest, pair_.digest)


def run(pair_: Pair, raws: Sequence[np.ndarray], contract: Contract, **job: Any) -> tuple[MemoryFederation, Finished | Failed]:
    """Run a job to its end."""
    federation, start = make(pair_, raws, contract, **job)
    return federation, finish(federation, start)


def finish(federation: MemoryFederation, start: Impute) -> Finished | Failed:
    """Run the central module of a federation's pair."""
    pair_ = federation.pair
    return run_impute(compiled(pair_, "central").functions[ENTRY], start, pair_.manifest, federation)


def compiled(pair_: Pair, module: Literal["central", "remote"]) -> Module:
    """A module of a pair, compiled once per process."""
    key = (pair_.digest, module)
    if key not in _COMPILED:
        source = pair_.central_source if module == "central" else pair_.remote_source
        _COMPILED[key] = load(Program(module, source, pair_.manifest_bytes, 262_144), pair_.manifest)
        assert _COMPILED[key].findings == ()
    return _COMPILED[key]


_COMPILED: dict[tuple[str, str], Module] = {}


def _count(n: int) -> Array:
    return Array("<i8", (), n.to_bytes(8, "little"))
