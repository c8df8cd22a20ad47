"""One mistake or attack per folder of `bad`: each is stopped by the rule that its `expects.txt` names, at a site, before anything leaves.

The same data pass with the pairs in `good`, so it is the pair that is stopped and not the rows.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.errors import Code, TidegateError

pytestmark = pytest.mark.asyncio(loop_scope="package")
BAD = sorted(path for path in (Path(__file__).parent / "bad").iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", BAD, ids=lambda folder: folder.name)
async def test_a_bad_pair_is_stopped_by_the_rule_it_names(run_pair, folder: Path) -> None:
    expected = Code((folder / "expects.txt").read_text(encoding="utf-8").strip())
    with pytest.raises(TidegateError) as stopped:
        await run_pair(folder)
    assert stopped.value.code is expected
