"""Runs the benchmarks. Each module of this package with a function `rows` is one: add a file, nothing else.

`rows() -> Iterator[Row]` yields its measurements; the first line of its docstring is its title. Exit status 1 when a promise is broken.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import resource
import sys
from types import ModuleType
from typing import Any

import tests.benchmarks
from tests.benchmarks.row import Row


def benchmarks(names: list[str]) -> dict[str, ModuleType]:
    """The modules with a function `rows`, by name; those named, or all."""
    found = {}
    for info in pkgutil.iter_modules(tests.benchmarks.__path__):
        if info.name != "__main__" and (not names or info.name in names):
            module = importlib.import_module(f"tests.benchmarks.{info.name}")
            if hasattr(module, "rows"):
                found[info.name] = module
    unknown = set(names) - set(found)
    if unknown:
        raise SystemExit(f"no benchmark named {', '.join(sorted(unknown))}")
    return found


def line(row: Row) -> str:
    verdict = "" if not row.promise else ("  ok" if row.passes else "  BROKEN")
    return f"| {row.what} | {row.value:.4g} {row.unit} | {row.against}: {row.baseline:.4g} | {row.ratio:.3g} | {row.promise}{verdict} |"


def main() -> None:
    as_json = "--json" in sys.argv
    report: dict[str, Any] = {}
    is_kept = True
    for name, module in benchmarks([word for word in sys.argv[1:] if not word.startswith("-")]).items():
        title = (module.__doc__ or name).splitlines()[0]
        if not as_json:
            sys.stdout.write(f"\n**{title}** ({name})\n\n| | measured | baseline | ratio | promised |\n|---|---|---|---|---|\n")
        rows = []
        for row in module.rows():
            rows.append(row)
            if not as_json:
                sys.stdout.write(line(row) + "\n")
                sys.stdout.flush()
        is_kept = is_kept and all(row.passes for row in rows)
        report[name] = [row.as_dict() for row in rows]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if as_json:
        sys.stdout.write(json.dumps({"benchmarks": report, "host_peak_mb": round(peak, 1), "promises_kept": is_kept}) + "\n")
    else:
        sys.stdout.write(f"\npeak memory of this process {peak:.0f} MB\n")
    sys.exit(not is_kept)


if __name__ == "__main__":
    main()
