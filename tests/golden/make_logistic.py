"""Makes logistic_{central,site1,site2}.csv (2,000 rows) and logistic.json: `python tests/golden/make_logistic.py`.

The maximum likelihood fit is found by plain Newton steps on the pooled complete rows in long double, independent of the product's code.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
SPLIT = {"central": 500, "site1": 600, "site2": 900}
SEED = 2026


def main() -> None:
    rng = np.random.default_rng(SEED)
    n = sum(SPLIT.values())
    x = np.column_stack([rng.normal(50, 12, n), rng.normal(0, 1, n), rng.integers(0, 2, n), rng.normal(120, 15, n)]).round(3)
    eta = -0.4 + 0.03 * (x[:, 0] - 50) + 0.6 * x[:, 1] - 0.8 * x[:, 2] + 0.01 * (x[:, 3] - 120)
    y = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    missing = rng.random(n) < 0.1 + 0.2 * (x[:, 1] > 0)
    start = 0
    for name, rows in SPLIT.items():
        part = range(start, start + rows)
        lines = ["event,age,z,sex,pressure"]
        lines += [",".join(["NA" if missing[i] else str(y[i]), *(f"{v:g}" for v in x[i])]) for i in part]
        (FOLDER / f"logistic_{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        start += rows
    beta, information = maximum_likelihood(x[~missing], y[~missing])
    result = {"source": Path(__file__).name, "n": int((~missing).sum()), "beta": beta.tolist(), "information": information.tolist()}
    (FOLDER / "logistic.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def maximum_likelihood(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """β (intercept last) and the information in raw units, by Newton steps to the last digit."""
    centre, scale = x.mean(axis=0), x.std(axis=0)
    z = np.column_stack([(x - centre) / scale, np.ones(len(x))]).astype(np.longdouble)
    beta = np.zeros(z.shape[1], dtype=np.longdouble)
    for _ in range(30):
        p = 1 / (1 + np.exp(-(z @ beta)))
        hessian = (z * (p * (1 - p))[:, None]).T @ z
        beta = beta + np.linalg.solve(hessian.astype(float), (z.T @ (y - p)).astype(float))
    raw = beta / np.append(scale, 1.0)
    raw[-1] = beta[-1] - (beta[:-1] * centre / scale).sum()
    design = np.column_stack([x, np.ones(len(x))])
    p = 1 / (1 + np.exp(-(design @ raw.astype(float))))
    return raw.astype(float), (design * (p * (1 - p))[:, None]).T @ design


if __name__ == "__main__":
    main()
