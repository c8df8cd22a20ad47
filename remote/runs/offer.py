"""Is an offer of central what it says it is? Pure. The bytes are hashed here, not believed."""

from __future__ import annotations

from policies import Policy
from sandbox.contract import Column, Contract, check_names
from sandbox.errors import Code, TidegateError
from sandbox.job import JobSpec, check_job, draft_contract
from sandbox.manifest import Pair, make_pair
from sandbox.wire.link import JobOffer


def read_offer(offer: JobOffer, site_id: str, policy: Policy) -> tuple[Pair | None, Code | None]:
    """The pair in an offer and None, or what is wrong with it: then nothing of it can be approved."""
    if max(len(offer.central_source), len(offer.remote_source), len(offer.manifest)) > policy.max_source_bytes:
        return None, Code.PAIR_SOURCE
    try:
        pair = make_pair(offer.manifest, offer.central_source, offer.remote_source)
        check_job(offer.spec, pair.manifest)
    except TidegateError as error:
        return None, error.code
    if pair.digest != offer.digest:
        return None, Code.PAIR_DIGEST
    if offer.spec.chains > policy.max_chains:
        return pair, Code.LIMIT_CHAINS
    if site_id not in offer.participants:
        return pair, Code.JOB_PARTICIPANTS
    if offer.contract is not None and not (offer.contract.is_frozen and is_contract_of(offer.contract, offer.spec)):
        return pair, Code.JOB_INVALID
    return pair, None


def is_contract_of(contract: Contract, spec: JobSpec) -> bool:
    """Whether a contract says what the job says: the owner reads both, the gate obeys the contract."""
    names = [column.name for column in contract.columns]
    if check_names(names) or contract.missing != spec.tokens:
        return False
    try:
        draft = draft_contract(spec, names)
    except TidegateError:
        return False
    return all(_is_completed(drafted, column) for drafted, column in zip(draft.columns, contract.columns, strict=True))


def _is_completed(draft: Column, column: Column) -> bool:
    """Whether central decided no more than its data may: a role or type that was open, levels, and which of them is the reference."""
    if column.missing != draft.missing or (draft.levels is not None and (column.levels, column.reference) != (draft.levels, 0)):
        return False
    if draft.role is None and column.role == "ignored":
        return column.type in (None, "id", "date") and column.levels is None
    if column.role != (draft.role or "predictor") or (column.levels is not None and not column.has_levels):
        return False
    is_open = draft.type is None and draft.role != "target" and column.type in (None, "binary", "categorical")
    return is_open or column.type == draft.type


def is_other_job(old: JobOffer, new: JobOffer) -> bool:
    """Whether an upload made for `old` may not be used for `new`: another pair, specification or contract.

    The bytes are compared, not only the digest that central claims for them: a start may be under way.
    """
    return _decisive(old) != _decisive(new)


def _decisive(offer: JobOffer) -> tuple[object, ...]:
    return offer.digest, offer.manifest, offer.remote_source, offer.central_source, offer.spec, offer.contract
