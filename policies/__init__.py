"""What is allowed: the policy of a site and its three built-in forms. Pure."""

from policies.policy import (
    ISOLATION_TIERS,
    ROWS_ACCESS,
    Isolation,
    Points,
    Policy,
    PolicyError,
    RowsAccess,
    built_in,
    load_policy,
    parse_policy,
    tighten,
)

__all__ = [
    "ISOLATION_TIERS",
    "ROWS_ACCESS",
    "Isolation",
    "Points",
    "Policy",
    "PolicyError",
    "RowsAccess",
    "built_in",
    "load_policy",
    "parse_policy",
    "tighten",
]
