"""The policy of controls allows everything that a policy can allow, and nobody gets it by a name or a file."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from policies import Policy, PolicyError, built_in, load_policy, parse_policy
from policies.policy import NARROWS, ORDERED, is_narrower
from policies.wide_open import MACHINE, MANY, wide_open

RULES = sorted(NARROWS.keys() - MACHINE)


@pytest.mark.parametrize("key", RULES)
def test_every_rule_is_at_its_widest(key: str) -> None:
    value = getattr(wide_open(), key)
    assert is_narrower(key, getattr(built_in("research"), key), value)
    assert value == (ORDERED[key][0] if key in ORDERED else MANY if NARROWS[key] == "down" else 0)
    assert type(value) is type(getattr(built_in("research"), key))


@pytest.mark.parametrize("key", sorted(MACHINE))
def test_what_protects_the_machine_stays(key: str) -> None:
    assert getattr(wide_open(), key) == getattr(built_in("research"), key)


def test_only_keys_under_isolation_and_limits_are_about_the_machine() -> None:
    # The order of the fields is that of their headings: from the first one about the machine on, all are.
    fields = list(Policy.__struct_fields__)
    assert set(fields[fields.index("minimum_isolation") :]) == MACHINE


def test_no_name_and_no_base_of_a_file_leads_to_it(tmp_path: Path) -> None:
    for name in (wide_open().name, "wide_open", "policies.wide_open"):
        with pytest.raises(PolicyError):
            load_policy(name)
        with pytest.raises(PolicyError):
            parse_policy(f'extends = "{name}"\n', "site.toml")


def test_it_travels_as_any_policy_does() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(wide_open()), type=Policy) == wide_open()
