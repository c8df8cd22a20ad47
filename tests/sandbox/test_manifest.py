from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.errors import Code, InputError
from sandbox.manifest import load_pair, make_pair, parse_manifest
from sandbox.scaffold import CENTRAL, MANIFEST, REMOTE, ROWS_MANIFEST
from sandbox.scaffold import make_pair as scaffold

GOOD = MANIFEST.format(name="MyMI")
ROWS = ROWS_MANIFEST.format(name="MyMI")
PAIRS = Path(__file__).parents[1] / "pairs"


def test_the_digest_covers_each_of_the_three_files() -> None:
    files = {"manifest": GOOD.encode(), "central": CENTRAL.encode(), "remote": REMOTE.encode()}
    digests = {make_pair(**files).digest}
    for name in files:
        digests.add(make_pair(**{**files, name: files[name] + b"\n"}).digest)
    assert len(digests) == 4


def test_bytes_moved_from_one_file_to_another_change_the_digest() -> None:
    first = make_pair(GOOD.encode(), b"a", b"bc")
    second = make_pair(GOOD.encode(), b"ab", b"c")
    assert first.digest != second.digest


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('name = "MyMI"', 'name = "My/MI"', "name"),
        ('version = "0.1.0"', 'version = "1"', "version"),
        ('access = "blind"', 'access = "all"', "access"),
        ("[steps.impute.reply]", "[steps.Impute2.reply]", "steps.Impute2"),
        ("[steps.impute.reply]", "[steps.margins.reply]", "steps.margins"),
        ('kind = "gram"', 'kind = "rows"', "moments.kind"),
        ('sigma = { type = "float" }', 'rows = { type = "float" }', "steps.impute.request.rows"),
        ('sigma = { type = "float" }', 'sigma = { type = "int", shape = ["q"] }', "steps.impute.request.sigma"),
        ('shape = ["q"]', 'shape = ["n"]', "steps"),
        ('title = "Ridge, in standardised units"\n', "", "parameters.properties.ridge"),
        ("minimum = 0.0", 'minimum = "x"', "parameters.properties.ridge"),
        ('title = "One', 'colour = "red"\ntitle = "One', "colour"),
        ('name = "MyMI"', "name = ", "(syntax)"),
    ],
)
def test_a_wrong_manifest_names_its_key(old: str, new: str, key: str) -> None:
    assert old in GOOD
    with pytest.raises(InputError) as caught:
        parse_manifest(GOOD.replace(old, new).encode())
    assert caught.value.code is Code.MANIFEST_INVALID
    assert key in str(caught.value)


CHAINS = '[parameters.properties.chains]\ntype = "integer"\ndefault = 1\nminimum = 1\ntitle = "Chains"\n'


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        (GOOD, "", ""),
        (ROWS, 'targets = "one"', 'targets = "many"'),
    ],
    ids=["of one target", "of code that sees rows"],
)
def test_a_pair_that_cannot_run_chains_cannot_have_the_parameter(text: str, old: str, new: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_manifest((text.replace(old, new) + CHAINS).encode())
    assert "parameters.properties.chains" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new"), [('"integer"', '"number"'), ("default = 1", "default = 4"), ("minimum = 1", "minimum = 2"), ("minimum = 1\n", "")]
)
def test_the_parameter_chains_is_a_whole_number_from_1(old: str, new: str) -> None:
    chained = GOOD.replace('targets = "one"', 'targets = "many"')
    assert "chains" in parse_manifest((chained + CHAINS).encode()).parameters.properties
    with pytest.raises(InputError) as caught:
        parse_manifest((chained + CHAINS.replace(old, new)).encode())
    assert "parameters.properties.chains" in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('access = "rows"', 'access = "blind"', "steps.moments.reply.n.kind"),
        ('n = { kind = "count" }', 'n = { kind = "gram" }', "steps.moments.reply.n.kind"),
        ('n = { kind = "count" }', 'n = { kind = "count", shape = ["q"] }', "steps.moments.reply.n.shape"),
        ('shape = ["q", "q"]', 'shape = ["q", "q", "q"]', "steps.moments.reply.XX.shape"),
        ('shape = ["q", "q"]', 'shape = ["n", "q"]', "steps.moments.reply.XX"),
        ('yy = { kind = "sum" }', 'yy = { kind = "estimate" }', "steps.moments.reply.yy.score"),
        ('yy = { kind = "sum" }', 'yy = { kind = "sum", score = "impute" }', "steps.moments.reply.yy.score"),
        ('yy = { kind = "sum" }', 'yy = { kind = "estimate", score = "impute" }', "steps.moments.reply"),
        ('fills = "target"', 'fills = "beta"', "steps.impute.fills"),
        ('fills = "target"', 'fills = "other"', "steps.impute.fills"),
        ('fills = "target"\n', "", "steps.impute.draws"),
        ('fills = "target"\ndraws = "normal"\n', "", "steps.impute"),
        ('draws = "normal"', 'draws = "cauchy"', "steps"),
    ],
)
def test_a_wrong_manifest_of_code_that_sees_rows_names_its_key(old: str, new: str, key: str) -> None:
    assert old in ROWS
    with pytest.raises(InputError) as caught:
        parse_manifest(ROWS.replace(old, new).encode())
    assert caught.value.code is Code.MANIFEST_INVALID
    assert key in str(caught.value)


def test_an_estimate_needs_a_score_that_takes_what_it_takes_and_beta() -> None:
    text = (PAIRS / "good" / "PlainAVGMMI" / "manifest.toml").read_text(encoding="utf-8")
    assert parse_manifest(text.encode()).steps["fit"].reply["fit"].score == "score"
    for old, new, key in [
        ('beta = { type = "float", shape = ["q"] }\n[steps.score.reply]', "[steps.score.reply]", "steps.score.request"),
        ('gradient = { kind = "sum", shape = ["q"] }', 'gradient = { kind = "sum" }', "steps.score.reply"),
        ('score = "score"', 'score = "fit"', "steps.fit.request"),
    ]:
        assert old in text
        with pytest.raises(InputError, match=key.replace(".", r"\.")):
            parse_manifest(text.replace(old, new).encode())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = scaffold("MyMI", tmp_path)
    assert load_pair(folder).manifest.name == "MyMI"
    (folder / "MyMIRemote.py").unlink()
    with pytest.raises(InputError, match=r"MyMIRemote\.py"):
        load_pair(folder)


def test_a_scaffold_does_not_overwrite(tmp_path: Path) -> None:
    scaffold("MyMI", tmp_path)
    with pytest.raises(InputError, match="already exists"):
        scaffold("MyMI", tmp_path)


def test_source_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(InputError, match="UTF-8"):
        make_pair(GOOD.encode(), b"\xff", b"")
