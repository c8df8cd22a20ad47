"""Every table, imported in one place so that the metadata is complete: for migrations and their test."""

from remote.approvals.model import Approval
from remote.config.model import CentralConfig
from remote.owner.model import Owner, OwnerSession
from remote.probes.model import Proof
from remote.runs.model import RunEvent

__all__ = ["Approval", "CentralConfig", "Owner", "OwnerSession", "Proof", "RunEvent"]
