"""Runs this engine and PyTorch side by side: same weights, records and vector, same threads.

Needs a Rust toolchain, and PyTorch in a virtual environment outside the repository:

    python -m venv torch && torch/bin/pip install torch numpy safetensors
    torch/bin/python benches/against_pytorch.py --json ratios.json

Both engines run in float32 with ReLU and softmax cross-entropy, in turn, several rounds, so that
what else the machine does falls on both; times are medians over all rounds. PyTorch's
Hessian-vector product is timed in three ways:

  double   gradient with create_graph, then the gradient of its product with the vector
  forward  forward over reverse: torch.func.jvp of torch.func.grad
  graph    double, but the gradient's graph is kept and only the second derivative is timed

The ratio (PyTorch's time over ours) takes the faster of double and forward, whose work is a whole
product; ours is timed with the primal pass kept, as a solver uses it. The column "fresh" is ours
with the linearisation included, and "graph" is PyTorch's own way to reuse a pass, for the reader
who wants like against like.

The floor is the operations of the matrix products over this machine's measured rate for them
(1024 × 1024 × 1024, on all the threads given). Convolutions are counted as direct ones; Winograd's
algorithm needs fewer multiplications, so a time may lie under this floor.

Gradient, HVP and Gauss–Newton product must agree within a relative 1e-4 (L2). Rounding moves an
occasional ReLU to the other side of zero, where the derivatives jump, so that two float32 engines
may differ by more and both be right; then the same weights and records with SiLU for ReLU must
agree within 1e-4, and those with ReLU within 1e-2. Where they do not, the script says so and exits
with status 1.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ZOO = ROOT / "crates/network/tests/golden"
LIMIT = 1e-4
LIMIT_WITH_JUMPS = 1e-2


def zoo(architecture, shape, norm, hidden=()):
    return {
        "architecture": architecture,
        "input": shape,
        "hidden": list(hidden),
        "classes": 10,
        "activation": "relu",
        "norm": norm,
    }


MLP = zoo("mlp", [1, 28, 28], "none", [32, 32])
ALLCNN = zoo("allcnn", [3, 32, 32], "none")
RESNET = zoo("resnet18", [3, 32, 32], "none")
RESNET_BATCH = zoo("resnet18", [3, 32, 32], "batch")

# Name, network, records, repeats a round, ratios asked for (HVP, gradient) or None.
CASES = [
    ("mlp-10", "MLP 784-32-32-10, batch 10", MLP, 10, 300, (25.0, 5.0)),
    ("mlp-128", "MLP 784-32-32-10, batch 128", MLP, 128, 200, (4.0, 1.0)),
    ("mlp-59000", "MLP 784-32-32-10, 59 000 at once", MLP, 59_000, 5, (2.0, 1.0)),
    ("allcnn-10", "AllCNN 32×32, batch 10", ALLCNN, 10, 4, None),
    ("allcnn-64", "AllCNN 32×32, batch 64", ALLCNN, 64, 2, (1.5, 0.8)),
    ("resnet18-10", "ResNet-18 32×32, batch 10", RESNET, 10, 3, (1.5, 0.8)),
    ("resnet18-bn-10", "ResNet-18, frozen batch norm, batch 10", RESNET_BATCH, 10, 3, None),
]


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2, help="threads of each engine (2)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each engine a case (3)")
    parser.add_argument("--json", type=pathlib.Path, help="file to write times and ratios to")
    parser.add_argument(
        "--case", action="append", choices=[case[0] for case in CASES], help="only this case"
    )
    return parser.parse_args()


def build():
    """Compiles the tasks and returns their path."""
    command = ["cargo", "build", "--release", "-p", "tools", "--message-format=json"]
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == "tools":
            return message["executable"]
    sys.exit("cargo built no tools")


class Subject:
    """PyTorch's side of one case."""

    def __init__(self, network, records):
        import torch_zoo

        torch.manual_seed(0)
        self.network = network
        self.module = torch_zoo.build(network)
        self.inputs = torch.rand(records, *network["input"])
        if network["norm"] == "batch":
            with torch.no_grad():  # frozen statistics that are not 0 and 1
                for _ in range(20):
                    self.module(torch.rand(8, *network["input"]))
        self.module.eval()
        self.labels = torch.randint(0, network["classes"], (records,))
        self.named = dict(self.module.named_parameters())
        self.direction = [torch.randn_like(p) for p in self.named.values()]

    def save(self, weights, records):
        safetensors.torch.save_file(self.module.state_dict(), weights)
        tensors = {
            "inputs": self.inputs,
            "labels": self.labels.int(),
            "direction": flatten(self.direction),
        }
        safetensors.torch.save_file(tensors, records, {"network": json.dumps(self.network)})

    def loss(self):
        return torch.nn.functional.cross_entropy(self.module(self.inputs), self.labels)

    def gradient(self, create_graph=False):
        w = list(self.named.values())
        return torch.autograd.grad(self.loss(), w, create_graph=create_graph)

    def hvp_double(self):
        return self.second_derivative(self.gradient(create_graph=True), keep=False)

    def second_derivative(self, gradient, keep):
        w = list(self.named.values())
        return torch.autograd.grad(gradient, w, self.direction, retain_graph=keep)

    def hvp_forward(self):
        gradient = torch.func.grad(
            lambda w: torch.nn.functional.cross_entropy(self.logits(w), self.labels)
        )
        return self.along(gradient)[1].values()

    def logits(self, w):
        return torch.func.functional_call(self.module, w, (self.inputs,))

    def along(self, function):
        w = {name: p.detach() for name, p in self.named.items()}
        return torch.func.jvp(function, (w,), (dict(zip(w, self.direction, strict=True)),))

    def ggn(self):
        z, dz = self.along(self.logits)

        def slope(z):
            return torch.softmax(z, 1) / len(self.labels)

        curved = torch.func.jvp(slope, (z,), (dz,))[1]
        output = self.module(self.inputs)
        return torch.autograd.grad(output, list(self.named.values()), curved)


def flatten(tensors):
    return torch.cat([t.detach().reshape(-1) for t in tensors])


def timed(times, name, repeats, work):
    for _ in range(-(-repeats // 10)):
        result = work()
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        times.setdefault(name, []).append(time.perf_counter() - start)
    return result


def time_pytorch(subject, repeats, times):
    timed(times, "gradient", repeats, subject.gradient)
    timed(times, "double", repeats, subject.hvp_double)
    timed(times, "forward", repeats, subject.hvp_forward)
    kept = subject.gradient(create_graph=True)
    timed(times, "graph", repeats, lambda: subject.second_derivative(kept, keep=True))
    timed(times, "ggn", repeats, subject.ggn)


def error(found, expected):
    expected = expected.double()
    return ((found.double() - expected).norm() / expected.norm()).item()


def compare(products, subject):
    """The relative difference of ours from PyTorch's, product by product."""
    ours = safetensors.torch.load_file(products)
    work = {"gradient": subject.gradient, "hvp": subject.hvp_double, "ggn": subject.ggn}
    return {name: error(ours[name], flatten(f())) for name, f in work.items()}


def run(tasks, key, title, network, records, repeats, options):
    subject = Subject(network, records)
    pytorch, ours, rates = {}, {}, {"one": [], "all": []}
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, f"{name}.safetensors") for name in ("w", "records", "out")]

        def engine(subject, repeats):
            subject.save(*paths[:2])
            command = [tasks, "product-times", *paths, str(options.threads), str(repeats)]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            return json.loads(answer.stdout)

        for _ in range(options.rounds):
            report = engine(subject, repeats)
            for name in ("gradient", "linearize", "hvp", "ggn"):
                ours.setdefault(name, []).extend(report[name]["all"])
            rates["one"].append(report["gemm_rate_one_thread"])
            rates["all"].append(report["gemm_rate"])
            time_pytorch(subject, repeats, pytorch)
        errors, smooth = compare(paths[2], subject), None
        if max(errors.values()) > LIMIT:
            twin = Subject(network | {"activation": "silu"}, records)
            engine(twin, 1)
            smooth = compare(paths[2], twin)

    ours = {name: statistics.median(all_) for name, all_ in ours.items()}
    pytorch = {name: statistics.median(all_) for name, all_ in pytorch.items()}
    best = min(pytorch["double"], pytorch["forward"])
    rate = max(rates["all"])
    return {
        "case": key,
        "title": title,
        "records": records,
        "parameters": report["parameters"],
        "kept_share": report["kept_share"],
        "ours": ours,
        "pytorch": pytorch,
        "ratios": {
            "hvp": best / ours["hvp"],
            "gradient": pytorch["gradient"] / ours["gradient"],
            "hvp fresh": best / (ours["linearize"] + ours["hvp"]),
            "hvp graph": pytorch["graph"] / ours["hvp"],
            "ggn": pytorch["ggn"] / ours["ggn"],
        },
        "floor": {
            "gradient": report["gradient_flops"] / rate,
            "hvp": report["hvp_flops"] / rate,
            "gemm_rate": rate,
            "gemm_rate_one_thread": max(rates["one"]),
        },
        "errors": errors,
        "errors_with_silu": smooth,
        "agree": max(errors.values()) <= (LIMIT_WITH_JUMPS if smooth else LIMIT)
        and (smooth is None or max(smooth.values()) <= LIMIT),
    }


def show(result, wanted):
    ours, theirs, floor, ratios = (result[k] for k in ("ours", "pytorch", "floor", "ratios"))
    ms = {k: {n: f"{1e3 * t:.3f}" for n, t in result[k].items()} for k in ("ours", "pytorch")}

    def line(name, ours, theirs, ratio="", wanted="", floor=""):
        print(f"  {name:<36}{ours:>11}{theirs:>11}{ratio:>8}{wanted:>8}{floor:>11}")

    def against(name, wanted):
        if wanted is None:
            return {"ratio": f"{ratios[name]:.2f}"}
        mark = "" if ratios[name] >= wanted else " !"
        return {"ratio": f"{ratios[name]:.2f}{mark}", "wanted": f"≥ {wanted:g}"}

    hvp, gradient = wanted or (None, None)
    print(f"\n{result['title']} ({result['parameters']} parameters)")
    line("milliseconds, medians", "ours", "PyTorch", "ratio", "asked", "floor")
    floors = {name: f"{1e3 * floor[name]:.3f}" for name in ("gradient", "hvp")}
    line(
        "gradient",
        ms["ours"]["gradient"],
        ms["pytorch"]["gradient"],
        **against("gradient", gradient),
        floor=floors["gradient"],
    )
    best = min(("double", "forward"), key=theirs.get)
    line(
        f"HVP ({best})",
        ms["ours"]["hvp"],
        ms["pytorch"][best],
        **against("hvp", hvp),
        floor=floors["hvp"],
    )
    other = "forward" if best == "double" else "double"
    line(f"  PyTorch's other way ({other})", "", ms["pytorch"][other])
    fresh = f"{1e3 * (ours['linearize'] + ours['hvp']):.3f}"
    for name, ours_ms, theirs_ms, ratio in [
        ("  fresh: with the linearisation", fresh, ms["pytorch"][best], "hvp fresh"),
        ("  graph: both reuse the pass", ms["ours"]["hvp"], ms["pytorch"]["graph"], "hvp graph"),
        ("Gauss–Newton product", ms["ours"]["ggn"], ms["pytorch"]["ggn"], "ggn"),
    ]:
        line(name, ours_ms, theirs_ms, **against(ratio, None))
    if result["kept_share"] < 1:
        print(f"  the primal pass was kept for {result['kept_share']:.0%} of the records")
    verdict = "agree" if result["agree"] else "DISAGREE"
    print(f"  products {verdict}: {listed(result['errors'])}")
    if result["errors_with_silu"]:
        print(f"    with SiLU, whose derivatives have no jumps: {listed(result['errors_with_silu'])}")
    sys.stdout.flush()


def listed(errors):
    return ", ".join(f"{name} {error:.1e}" for name, error in errors.items())


def main():
    options = arguments()
    # Only now: --help works without PyTorch.
    global torch, safetensors
    import safetensors.torch
    import torch

    sys.path.insert(0, str(ZOO))
    torch.set_num_threads(options.threads)
    tasks = build()
    print(f"PyTorch {torch.__version__}, {options.threads} threads each, float32")
    results = []
    for key, title, network, records, repeats, wanted in CASES:
        if options.case and key not in options.case:
            continue
        result = run(tasks, key, title, network, records, repeats, options)
        show(result, wanted)
        asked = dict(zip(("hvp", "gradient"), wanted, strict=True)) if wanted else None
        results.append(result | {"asked": asked})
    one, both = (
        max(r["floor"][name] for r in results) / 1e9
        for name in ("gemm_rate_one_thread", "gemm_rate")
    )
    print(f"\nMatrix products ran at up to {one:.0f} GFLOP/s on one thread, {both:.0f} on all.")
    print("The floor counts convolutions as direct; Winograd's algorithm may be under it.")
    if options.json:
        content = {"pytorch": torch.__version__, "threads": options.threads, "cases": results}
        options.json.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    wrong = [r["title"] for r in results if not r["agree"]]
    if wrong:
        sys.exit("PRODUCTS DISAGREE: " + "; ".join(wrong))


if __name__ == "__main__":
    main()
