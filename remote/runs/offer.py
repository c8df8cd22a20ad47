"""Is an offer of central what it says it is? Pure. The bytes are hashed here, not believed."""

from __future__ import annotations

from policies import Policy
from sandbox.errors import Code, TidegateError
from sandbox.job import check_job
from sandbox.manifest import Pair, make_pair
from sandbox.wire.messages import JobOffer


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
    if site_id not in offer.participants:
        return pair, Code.JOB_PARTICIPANTS
    if offer.contract is not None and not offer.contract.is_frozen:
        return pair, Code.JOB_INVALID
    return pair, None


def is_other_job(old: JobOffer, new: JobOffer) -> bool:
    """Whether an upload made for `old` may not be used for `new`: another pair, specification or contract."""
    return (old.digest, old.manifest, old.spec, old.contract) != (new.digest, new.manifest, new.spec, new.contract)
