"""Solves one damped Newton system twice: the base paper's way in PyTorch, and this library's way.

Needs a Rust toolchain, MNIST's files, and PyTorch in a virtual environment outside the repository:

    python -m venv torch && torch/bin/pip install torch numpy safetensors
    torch/bin/python benches/lissa_against_cg.py --mnist DIR

A 784-32-32-10 MLP is trained with a squared L2 penalty, and 1000 records are forgotten with
`rescind forget --curvature hessian --right-hand-side retain-gradient --damping 1`, so by CG: with
the Hessian of all records that stay, and again with that of some of them, drawn where the outputs are
curved and weighted to make up for it (`--subsample`). At the same weights, for the same right-hand
side, LiSSA (Agarwal et al. 2017) runs in PyTorch as the paper sets it: chains of steps, each with the
Hessian of a fresh minibatch by double backward, scaled, averaged. All answers' residuals are those of
the system over all records that stay, computed in float64 by PyTorch. Printed: time (drawing the
records included) and relative residual of each, LiSSA's over ours, and JSON.
"""

import argparse
import gzip
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy
import torch
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
DAMPING = 1.0
PENALTY = 5e-4


def images(folder, name, header):
    path = folder / name
    packed = folder / f"{name}.gz"
    data = gzip.open(packed).read() if packed.exists() else path.read_bytes()
    return numpy.frombuffer(data, numpy.uint8, offset=header)


def positions(selection):
    """Positions of a selection as runs write it: ranges such as "0-4,7"."""
    found = []
    for part in selection.split(","):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def newest(run):
    return max((run / "private" / "state").iterdir())


def loss(parameters, x, y):
    """Mean cross-entropy of the MLP plus the penalty on the squared norm."""
    h = x
    count = len(parameters) // 2
    for layer in range(count):
        h = torch.nn.functional.linear(h, parameters[2 * layer], parameters[2 * layer + 1])
        if layer + 1 < count:
            h = torch.relu(h)
    square = sum((p * p).sum() for p in parameters)
    return torch.nn.functional.cross_entropy(h, y) + 0.5 * PENALTY * square


def gradient(parameters, x, y, graph=False):
    return torch.autograd.grad(loss(parameters, x, y), parameters, create_graph=graph)


def product(parameters, x, y, v):
    inner = sum((g * w).sum() for g, w in zip(gradient(parameters, x, y, True), v))
    return torch.autograd.grad(inner, parameters)


def lissa(parameters, x, y, b, chains, depth, minibatch, scale):
    total = [torch.zeros_like(g) for g in b]
    for _ in range(chains):
        v = [g.clone() for g in b]
        for _ in range(depth):
            at = torch.randint(len(x), (minibatch,))
            hv = product(parameters, x[at], y[at], v)
            v = [g + w - (h + DAMPING * w) / scale for g, w, h in zip(b, v, hv)]
        total = [t + w / (scale * chains) for t, w in zip(total, v)]
    return total


def residual(parameters, x, y, answer):
    """Relative residual of (H + λI) x = ∇F, in float64, in blocks of records."""
    exact = [p.detach().double().requires_grad_() for p in parameters]
    wide = [a.double() for a in answer]
    rhs = [torch.zeros_like(p) for p in exact]
    lhs = [torch.zeros_like(p) for p in exact]
    for block in torch.arange(len(x)).split(5000):
        share = len(block) / len(x)
        inputs, labels = x[block].double(), y[block]
        for total, part in zip(rhs, gradient(exact, inputs, labels)):
            total += share * part
        for total, part in zip(lhs, product(exact, inputs, labels, wide)):
            total += share * part
    left = sum(((b - h - DAMPING * a) ** 2).sum() for b, h, a in zip(rhs, lhs, wide))
    return float((left / sum((b**2).sum() for b in rhs)).sqrt())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=pathlib.Path, required=True, help="folder of MNIST's files")
    parser.add_argument("--rescind", default=str(ROOT / "target/release/rescind"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--chains", type=int, default=10)
    parser.add_argument("--depth", type=int, default=1000)
    parser.add_argument("--minibatch", type=int, default=10)
    parser.add_argument("--scale", type=float, default=1000.0)
    parser.add_argument("--subsample", type=int, default=12000)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)

    with tempfile.TemporaryDirectory() as folder:
        run = pathlib.Path(folder) / "run"

        def rescind(*words):
            command = [arguments.rescind, *map(str, words), "--quiet", "--json"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            return json.loads(done.stdout)

        source = f"mnist:{arguments.mnist.resolve()}"
        rescind("train", "--data", source, "--epochs", 31, "--penalty", PENALTY, "--out", run)
        before = load_file(newest(run) / "weights.safetensors")
        answers = {}
        for name, subsample, tolerance in (
            ("cg", 0, 1e-3), ("cg, subsample", arguments.subsample, 3e-3),
        ):
            copy = pathlib.Path(folder) / name
            shutil.copytree(run, copy)
            told = rescind(
                "forget", copy, "--random", 1000, "--curvature", "hessian",
                "--right-hand-side", "retain-gradient", "--damping", DAMPING, "--loss-growth", "any",
                "--subsample", subsample, "--tolerance", tolerance, "--preconditioner", 0,
            )
            answers[name] = told, load_file(newest(copy) / "weights.safetensors")
            retained = json.loads((newest(copy) / "state.json").read_text())["retained"]

    mnist = arguments.mnist
    x = images(mnist, "train-images-idx3-ubyte", 16).reshape(-1, 784).astype(numpy.float32) / 255
    y = images(mnist, "train-labels-idx1-ubyte", 8).astype(numpy.int64)
    kept = positions(retained["positions"])
    x, y = torch.from_numpy(x[kept]), torch.from_numpy(y[kept])
    order = sorted(before, key=lambda name: (int(name.split(".")[1]), name.endswith("bias")))
    parameters = [before[name].requires_grad_() for name in order]

    b = [g.detach() for g in gradient(parameters, x, y)]
    started = time.perf_counter()
    theirs = lissa(
        parameters, x, y, b,
        arguments.chains, arguments.depth, arguments.minibatch, arguments.scale,
    )
    seconds = time.perf_counter() - started
    figures = {"lissa": {"seconds": seconds, "residual": residual(parameters, x, y, theirs)}}
    for name, (told, after) in answers.items():
        ours = [before[key].detach() - after[key] for key in order]
        figures[name] = {
            "seconds": told["prepare_seconds"] + told["solve_seconds"],
            "products": told["products"],
            "residual": residual(parameters, x, y, ours),
        }
    for name, row in figures.items():
        for key in ("seconds", "residual"):
            row[f"{key}_ratio"] = figures["lissa"][key] / row[key]
        print(
            f"{name:14} {row['seconds']:9.3f} s   relative residual {row['residual']:.2e}   "
            f"ratios {row['seconds_ratio']:6.1f}, {row['residual_ratio']:.1f}"
        )
    json.dump(figures, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
