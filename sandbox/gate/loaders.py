"""The files of a result that are text: loaders for R, Stata and Python, and what is in the zip. Pure.

Column names and tokens come from the upload, so every one of them is quoted by the rules of the language it goes into. Files are written
as the upload was, so the loaders say how that is; columns whose text means more than a number (codes with leading zeros) stay text.
"""

from __future__ import annotations

import json
from typing import Final

from sandbox.contract import Contract
from sandbox.gate.dialect import COMMA, TAB
from sandbox.gate.marks import SPACES
from sandbox.gate.reading import Reading
from sandbox.gate.text import MARK, UTF8, UTF16_BE, UTF16_LE, WINDOWS

_README: Final = """The result of a Tidegate job.

imputed_001.csv ...  One completed data set each: your upload with the missing cells of the targets filled in. Every other cell is there
                     byte for byte; lines that held no value are not.
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

The files are written as your upload: {form}. The loaders know.

Analyse each completed data set on its own and combine the estimates with Rubin's rules; never average the data sets. Rows with a missing
predictor could not be imputed; run.json says how many there are.
"""


_R_NUMBERS: Final = """
# Numbers with decimal commas or marked thousands.
as_number <- function(text, decimal) {
  text <- gsub(if (decimal == ",") "[^0-9eE+,-]" else "[^0-9eE+.-]", "", text)
  as.numeric(sub(decimal, ".", text, fixed = TRUE))
}
"""
_PYTHON_NUMBERS: Final = '''
def _numbers(text, decimal):
    """Numbers with decimal commas or marked thousands."""
    text = text.str.replace(r"[^0-9eE+,-]" if decimal == "," else r"[^0-9eE+.-]", "", regex=True)
    return pd.to_numeric(text.str.replace(decimal, ".", regex=False))

'''


def readme(reading: Reading) -> str:
    """What is in the zip, and how the files are written."""
    return _README.format(form=reading.in_words)


def load_r(contract: Contract, reading: Reading) -> str:
    """The loader for R."""
    tokens = ", ".join(_r(token) for token in dict.fromkeys(("NA", *contract.missing)))
    has_mark = reading.preface.startswith(MARK)
    encodings = {UTF8: "UTF-8-BOM", WINDOWS: "CP1252", UTF16_LE: "UTF-16LE", UTF16_BE: "UTF-16BE"}
    encoding = "UTF-16" if has_mark and reading.encoding != UTF8 else encodings[reading.encoding]
    options = [f"na.strings = c({tokens})", f"fileEncoding = {_r(encoding)}"]
    if reading.dialect.separator != COMMA:
        options.append(f"sep = {_r(reading.dialect.separator_text)}")
    before, n_long = 2 + reading.n_before, 2 + reading.n_before + len(contract.columns)
    if reading.texts:
        places = ", ".join(str(before + index) for index in reading.texts)
        options.append(f'colClasses = replace(rep(NA, {n_long}), c({places}), "character")')
    changes = ["  long <- long[-3]  # row names"] if reading.n_before else []
    if reading.is_renamed:
        changes.append(f"  names(long) <- c({', '.join(_r(name) for name in ('.imp', '.id', *(c.name for c in contract.columns)))})")
    for index, decimal in reading.marked:
        changes.append(f"  long[[{2 + index}]] <- as_number(long[[{2 + index}]], {_r(decimal)})")
    changes += [
        f"  long[[{_r(column.name)}]] <- factor(long[[{_r(column.name)}]], levels = c({', '.join(map(_r, column.levels))}))"
        for column in contract.columns
        if column.role == "target" and column.levels is not None
    ]
    lines = [
        "# The result of a Tidegate job as a mids object of mice.",
        '#   source("load.R"); fit <- with(imputed, lm(y ~ x)); summary(mice::pool(fit))',
        "library(mice)",
        _R_NUMBERS if reading.marked else "",
        'read_imputed <- function(file = "imputed_long.csv") {',
        f"  long <- read.csv(file, check.names = FALSE, {', '.join(options)})",
        *changes,
        "  as.mids(long)",
        "}",
        "",
        "imputed <- read_imputed()",
    ]
    return "\n".join(lines) + "\n"


def load_python(contract: Contract, n_imputations: int, reading: Reading) -> str:
    """The loader for pandas."""
    tokens = json.dumps(list(dict.fromkeys(("NA", *contract.missing))), ensure_ascii=False)
    names = ["Unnamed: 0"] * reading.n_before + [column.name for column in contract.columns]
    encoding = {UTF8: "utf-8-sig", WINDOWS: "cp1252"}.get(reading.encoding, reading.encoding)
    if reading.preface.startswith(MARK) and reading.encoding in (UTF16_LE, UTF16_BE):
        encoding = "utf-16"
    form = {"encoding": encoding, "sep": reading.dialect.separator_text}
    texts = {contract.column(index).name: "str" for index in reading.texts}
    # The long file has no line that names the separator.
    skipped = int(bool(reading.preface.removeprefix(MARK)))
    converted = "".join(
        f"    frame[{_python(contract.column(index).name)}] = _numbers(frame[{_python(contract.column(index).name)}], {_python(decimal)})\n"
        for index, decimal in reading.marked
    )
    return f'''"""The result of a Tidegate job as pandas data frames.

    from load import imputations
    estimates = [analyse(frame) for frame in imputations()]   # then combine with Rubin's rules
"""

from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parent
M = {n_imputations}
MISSING = {tokens}
FORM = {json.dumps(form)}
NAMES = {json.dumps(names, ensure_ascii=False)}
TEXTS = {json.dumps(texts, ensure_ascii=False)}
{_PYTHON_NUMBERS if reading.marked else ""}
def _read(name, names, skipped=0):
    frame = pd.read_csv(
        FOLDER / name, header=0, names=names, skiprows=skipped, dtype=TEXTS, na_values=MISSING, keep_default_na=False, **FORM
    )
{converted}    return frame


def imputation(number):
    """Completed data set `number`, from 1 to M."""
    return _read(f"imputed_{{number:03}}.csv", NAMES, {skipped})


def imputations():
    """All completed data sets, in order."""
    return [imputation(number) for number in range(1, M + 1)]


def long():
    """All data sets below one another; `.imp` is 0 for the upload."""
    return _read("imputed_long.csv", [".imp", ".id", *NAMES])
'''


def load_stata(contract: Contract, reading: Reading) -> str:
    """The loader for Stata. It finds variables by their place: Stata renames what is no name to it."""
    before = 2 + reading.n_before
    targets = " ".join(f"`: word {before + index} of `all''" for index in contract.targets)
    encoding = {UTF8: "utf-8", WINDOWS: "windows-1252"}.get(reading.encoding, "utf-16")
    options = f"varnames(1) case(preserve) encoding({encoding}) bindquote(strict)"
    if reading.dialect.separator != COMMA:
        mark = "\\t" if reading.dialect.separator == TAB else reading.dialect.separator_text
        options += f' delimiters("{mark}")'
    if reading.texts:
        options += f" stringcols({' '.join(str(before + index) for index in reading.texts)})"
    lines = [
        "* The result of a Tidegate job as mi data.  do load.do, then: mi estimate: regress y x",
        "version 15",
        f"import delimited using imputed_long.csv, {options} clear",
        "quietly ds",
        "local all `r(varlist)'",
        "rename `: word 1 of `all'' tg_imp",
        "rename `: word 2 of `all'' tg_id",
        f"local targets {targets}",
        *_stata_numbers(reading, before),
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


def _stata_numbers(reading: Reading, before: int) -> list[str]:
    """Numbers with decimal commas or marked thousands."""
    lines = []
    for index, decimal in reading.marked:
        name = f"`: word {before + index} of `all''"
        lines.append(f'quietly replace {name} = "" if {name} == "NA"')
        ignored = ("." if decimal == "," else ",") + SPACES
        lines.append(f'destring {name}, replace ignore("{ignored}")' + (" dpcomma" if decimal == "," else ""))
    return lines


def _python(text: str) -> str:
    """A string of Python."""
    return json.dumps(text, ensure_ascii=False)


def _r(text: str) -> str:
    """A string of R."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
