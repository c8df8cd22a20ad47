"""What a job wants on the cards of its sites: own fits of binary targets, or that of a selection model. Pure.

The host of a site decides by it what a card would use up of a file's life, and the gate what it states: one answer for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from policies import Policy
from sandbox.contract import Contract
from sandbox.job import JobSpec, resolve_columns
from sandbox.manifest import CARD, FieldKind, Manifest

LOGISTIC_KINDS: Final[frozenset[FieldKind]] = frozenset({"glm_score", "glm_gradient", "glm_fit"})
"""What is asked of a binary target."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The selection model of a job; both are 1-based indices."""

    target: int
    exclusion: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Own fits beside the joint Gram of all columns in the model."""

    fits: tuple[int, ...] = ()
    """Binary targets, 1-based indices."""
    selection: Selection | None = None
    grams: tuple[int, ...] = ()
    """Targets with a Gram of their own, over the rows that show them: where answers are exact."""

    @property
    def fields(self) -> frozenset[str]:
        """The fields of the card (`sandbox.manifest.CARD_PARTS`): neither one more nor one less."""
        own = [f"fit.{target}" for target in self.fits] + [f"gram.{target}" for target in self.grams]
        return frozenset([CARD, *own, *([f"selection.{self.selection.target}"] if self.selection else [])])


def wanted(manifest: Manifest, contract: Contract, spec: JobSpec, policy: Policy) -> Wanted:
    """What a job of a blind pair wants of a site with this policy, see :func:`wanted_of`."""
    return wanted_of(manifest, contract, spec, is_exact=answers_exactly(policy))


def answers_exactly(policy: Policy) -> bool:
    """Whether a site answers any question about its own rows, exactly: one that only adds errors to its card must not beside it."""
    return policy.points == "exact" and not policy.error


def wanted_of(manifest: Manifest, contract: Contract, spec: JobSpec, *, is_exact: bool) -> Wanted:
    """What a job of a blind pair wants. A site that answers exactly is asked instead, and states no own fit.

    Raises :class:`sandbox.errors.InputError` when the exclusion column is no predictor.
    """
    if is_exact:
        return Wanted(grams=contract.targets)
    kinds = {field.kind for step in manifest.steps.values() if step.at == "everywhere" for field in step.reply.values()}
    fits = tuple(index for index in contract.targets if contract.column(index).is_binary) if kinds & LOGISTIC_KINDS else ()
    if "selection_score" not in kinds:
        return Wanted(fits)
    columns = resolve_columns(spec.parameters, manifest, contract)
    (exclusion,) = (columns[name] for name in manifest.parameters.columns)
    return Wanted(fits, Selection(contract.targets[0], int(exclusion)))
