"""Retraining a head with scikit-learn, on the records of `cargo xtask heads --folder DIR`.

The same objective: mean loss over features and a constant, plus mu/2 times the squared length of
all weights. pip install scikit-learn; python benches/heads_against_sklearn.py DIR
"""

import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path)
    words.add_argument("--mu", type=float, default=1e-3)
    words.add_argument("--tolerance", type=float, default=1e-7)
    words = words.parse_args()
    x, y = np.load(words.folder / "x.npy"), np.load(words.folder / "y.npy")
    x = np.hstack([x, np.ones((len(x), 1), x.dtype)])
    n, classes = len(x), int(y.max()) + 1
    one_hot = np.eye(classes, dtype=x.dtype)[y]

    def told(what, seconds, weights, residuals):
        gradient = residuals.T @ x.astype(np.float64) / n + words.mu * weights
        right = (x @ weights.T).argmax(1) == y
        print(
            f"{what}: {seconds:.2f} s, gradient {np.linalg.norm(gradient):.1e}, "
            f"{100 * right.mean():.1f} % right"
        )

    began = time.perf_counter()
    ridge = Ridge(alpha=n * words.mu, fit_intercept=False, solver="cholesky").fit(x, one_hot)
    seconds = time.perf_counter() - began
    weights = ridge.coef_.astype(np.float64)
    told("Ridge", seconds, weights, x @ weights.T - one_hot)

    for precision in (np.float32, np.float64):
        own = x.astype(precision)
        began = time.perf_counter()
        model = LogisticRegression(
            C=1 / (n * words.mu), fit_intercept=False, tol=words.tolerance, max_iter=10_000
        ).fit(own, y)
        seconds = time.perf_counter() - began
        weights = model.coef_.astype(np.float64)
        z = x @ weights.T
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        name = f"LogisticRegression, {np.dtype(precision).name}, {model.n_iter_[0]} iterations"
        told(name, seconds, weights, p - one_hot)


if __name__ == "__main__":
    main()
