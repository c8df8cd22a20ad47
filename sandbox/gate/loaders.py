"""The files of a result that are text: loaders for R, Stata and Python, and what is in the zip. Pure.

Column names and tokens come from the upload, so every one of them is quoted by the rules of the language it goes into.
"""

from __future__ import annotations

import json
from typing import Final

from sandbox.contract import Contract

README: Final = """The result of a Tidegate job.

imputed_001.csv ...  One completed data set each: your upload, byte for byte, with the missing cells of the targets filled in.
imputed_long.csv     All of them below one another. Column .imp is 0 for the upload (missing cells of targets written as NA) and 1 to M
                     for the imputations; .id numbers the rows from 1.
load.R               Reads imputed_long.csv into a mids object of R's mice: source("load.R"), then with() and pool().
load.py              Reads the completed data sets into pandas: from load import imputations.
load.do              Reads imputed_long.csv into Stata's mi: do load.do, then mi estimate.
run.json             How the imputations were made: job, pair, seed, digests, columns, schedule, fits, logged events, diagnostics,
                     and the mean and variance of the imputed cells at each draw.
methods.txt          A paragraph for the methods section of a paper. Read it before you use it.
trace.svg            Mean and sd of the imputed cells after every sweep: flat, well mixed bands are good.
density.svg          Observed against imputed values. They may differ where rows with missing cells are different people.
missingness.svg      Which targets are missing together.

Analyse each completed data set on its own and combine the estimates with Rubin's rules; never average the data sets. Rows with a missing
predictor could not be imputed; run.json says how many there are.
"""


def load_r(contract: Contract) -> str:
    """The loader for R."""
    tokens = ", ".join(_r(token) for token in dict.fromkeys(("NA", *contract.missing)))
    factors = [
        f"  long[[{_r(column.name)}]] <- factor(long[[{_r(column.name)}]], levels = c({', '.join(map(_r, column.levels))}))"
        for column in contract.columns
        if column.role == "target" and column.levels is not None
    ]
    lines = [
        "# The result of a Tidegate job as a mids object of mice.",
        '#   source("load.R"); fit <- with(imputed, lm(y ~ x)); summary(mice::pool(fit))',
        "library(mice)",
        "",
        'read_imputed <- function(file = "imputed_long.csv") {',
        f"  long <- read.csv(file, check.names = FALSE, na.strings = c({tokens}), fileEncoding = {_r('UTF-8-BOM')})",
        *factors,
        "  as.mids(long)",
        "}",
        "",
        "imputed <- read_imputed()",
    ]
    return "\n".join(lines) + "\n"


def load_python(contract: Contract, n_imputations: int) -> str:
    """The loader for pandas."""
    tokens = json.dumps(list(dict.fromkeys(("NA", *contract.missing))), ensure_ascii=False)
    return f'''"""The result of a Tidegate job as pandas data frames.

    from load import imputations
    estimates = [analyse(frame) for frame in imputations()]   # then combine with Rubin's rules
"""

from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent
M = {n_imputations}
MISSING = {tokens}


def imputation(number):
    """Completed data set `number`, from 1 to M."""
    return pd.read_csv(FOLDER / f"imputed_{{number:03}}.csv", na_values=MISSING, keep_default_na=False, encoding="utf-8-sig")


def imputations():
    """All completed data sets, in order."""
    return [imputation(number) for number in range(1, M + 1)]


def long():
    """All data sets below one another; `.imp` is 0 for the upload."""
    return pd.read_csv(FOLDER / "imputed_long.csv", na_values=MISSING, keep_default_na=False, encoding="utf-8-sig")
'''


def load_stata(contract: Contract) -> str:
    """The loader for Stata. It finds variables by their place: Stata renames what is no name to it."""
    targets = " ".join(f"`: word {index + 2} of `all''" for index in contract.targets)
    lines = [
        "* The result of a Tidegate job as mi data.  do load.do, then: mi estimate: regress y x",
        "version 15",
        "import delimited using imputed_long.csv, varnames(1) case(preserve) encoding(utf-8) bindquote(strict) clear",
        "quietly ds",
        "local all `r(varlist)'",
        "rename `: word 1 of `all'' tg_imp",
        "rename `: word 2 of `all'' tg_id",
        f"local targets {targets}",
        "* NA made a variable of numbers a text; one whose levels are words becomes a labelled number.",
        "foreach target of local targets {",
        "    capture confirm string variable `target'",
        "    if !_rc {",
        '        quietly replace `target\' = "" if `target\' == "NA"',
        "        capture destring `target', replace",
        "        capture confirm string variable `target'",
        "        if !_rc {",
        "            encode `target', generate(tg_coded)",
        "            drop `target'",
        "            rename tg_coded `target'",
        "        }",
        "    }",
        "}",
        "mi import flong, m(tg_imp) id(tg_id) imputed(`targets') clear",
        "mi describe",
    ]
    return "\n".join(lines) + "\n"


def _r(text: str) -> str:
    """A string of R."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
