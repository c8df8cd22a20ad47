from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import Policy, PolicyError, built_in, load_policy, parse_policy, tighten
from policies.policy import BUILT_IN, NARROWS, ORDERED, is_narrower

README = Path(__file__).parents[2] / "policies" / "README.md"


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_policy_loads_and_carries_its_name(name: str) -> None:
    assert built_in(name).name == name


def test_strict_is_nowhere_wider_than_default_nor_default_than_research() -> None:
    for wide, narrow in (("research", "default"), ("default", "strict")):
        for key in NARROWS:
            assert is_narrower(key, getattr(built_in(narrow), key), getattr(built_in(wide), key)), key


def test_every_key_can_only_be_narrowed_and_is_documented() -> None:
    assert set(NARROWS) | {"name"} == set(Policy.__struct_fields__)
    text = README.read_text(encoding="utf-8")
    for key in NARROWS:
        assert f"`{key}`" in text, key


@pytest.mark.parametrize("key", ["min_rowz", "extend"])
def test_an_unknown_key_is_an_error_that_names_file_and_key(key: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy(f'extends = "default"\n{key} = 1\n', "site.toml")
    assert (caught.value.file, caught.value.key) == ("site.toml", key)


def test_a_value_of_the_wrong_type_names_its_key() -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy('extends = "default"\nmin_rows = "many"\n', "site.toml")
    assert caught.value.key == "min_rows"


def test_a_missing_key_of_a_complete_policy_is_an_error() -> None:
    with pytest.raises(PolicyError):
        parse_policy('name = "mine"\n', "site.toml")


def test_a_name_that_is_no_policy_and_no_file_lists_the_choices() -> None:
    with pytest.raises(PolicyError, match="research, default, strict"):
        load_policy("lenient")


def test_a_site_may_narrow_but_not_widen() -> None:
    assert parse_policy('extends = "default"\nname = "ours"\nmin_rows = 80\n', "site.toml").min_rows == 80
    for widening in ("min_rows = 49", "gram_grid = 1e-11", "max_abs_eta = 11.0", 'minimum_isolation = "seccomp"'):
        with pytest.raises(PolicyError, match="more than"):
            parse_policy(f'extends = "default"\n{widening}\n', "site.toml")


def _values(key: str) -> st.SearchStrategy[object]:
    if key in ORDERED:
        return st.sampled_from(ORDERED[key])
    value = getattr(built_in("default"), key)
    if isinstance(value, bool):
        return st.booleans()
    return st.integers(0, 10**10) if isinstance(value, int) else st.floats(0, 1e3)


@given(st.data())
def test_tighten_never_allows_what_its_base_denies(data: st.DataObject) -> None:
    base = built_in(data.draw(st.sampled_from(BUILT_IN)))
    keys = data.draw(st.lists(st.sampled_from(sorted(NARROWS)), max_size=4, unique=True))
    changes = {key: data.draw(_values(key)) for key in keys}
    try:
        policy = tighten(base, changes, "site.toml")
    except PolicyError:
        assert any(not is_narrower(key, value, getattr(base, key)) for key, value in changes.items())
        return
    for key in NARROWS:
        assert is_narrower(key, getattr(policy, key), getattr(base, key))
    assert msgspec.structs.asdict(tighten(base, {}, "f")) == msgspec.structs.asdict(base)
