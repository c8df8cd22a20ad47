"""Every table of central in one place, for migrations and their test."""

from __future__ import annotations

from typing import Final

from central.accounts import model as accounts
from central.jobs import model as jobs
from central.registry import model as registry
from central.sites import model as sites

TABLES: Final = (
    accounts.Account.__table__,
    accounts.SignIn.__table__,
    accounts.Mail.__table__,
    sites.SiteKey.__table__,
    registry.PairVersion.__table__,
    jobs.Job.__table__,
)
