"""Every rule has a page: its policy keys, cause and remedy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from policies import Policy
from policies.disclosure import Rule
from sandbox.errors import Code

RULES = Path(__file__).parents[2] / "policies" / "rules"
CODES = sorted(code.value for code in Code if code.value.startswith("rule."))


def test_pages_and_codes_are_the_same_set_and_every_rule_has_a_code() -> None:
    assert sorted(path.stem for path in RULES.glob("*.md")) == CODES
    assert {f"rule.{rule}" for rule in get_args(Rule)} <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_page_tells_cause_and_remedy_and_names_policy_keys_that_exist(code: str) -> None:
    text = (RULES / f"{code}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {code}\n")
    cause, remedy = text.split("## Cause")[1].split("## Remedy")
    assert len(cause.split()) > 10
    assert len(remedy.split()) > 5
    key_line = next(line for line in text.splitlines() if line.startswith("Policy key: "))
    assert set(re.findall(r"`([a-z_0-9]+)`", key_line)) <= set(Policy.__struct_fields__)
