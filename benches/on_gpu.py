"""Products, a request and a release on one device, beside plain PyTorch and curvlinops.

    python benches/on_gpu.py --out on_gpu.json [--device cuda]
    python benches/on_gpu.py --out on_cpu.json --device cpu --small

On ResNet-18 with group norm and a transformer encoder, made-up records: medians of a gradient, a
Hessian product (double backward) and a Gauss-Newton product (dual numbers) of `rescind.torch`, of
the same by `torch.func` and, where it is installed, by curvlinops; how far each is from ours, or
why it failed; seconds of a Newton request and of a release. Writes JSON. Made to take under 8
minutes on a GPU.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rescind
import torch
from rescind.torch.computing import computing
from rescind.torch.drawing import trainable
from rescind.torch.products import (
    gauss_newton_by_duals,
    gauss_newton_product,
    gradient,
    hessian_product,
)
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import TensorDataset

TASK = rescind.Task.cross_entropy()
CLASSES = 10


class Encoder(nn.Module):
    """A transformer encoder that classifies the mean over positions."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(1000, width)
        layer = nn.TransformerEncoderLayer(
            width, 4, 4 * width, activation="gelu", batch_first=True, dropout=0.0
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.layers(self.embed(tokens)).mean(1))


def resnet(small: bool) -> tuple[nn.Module, Tensor]:
    import torchvision

    model = torchvision.models.resnet18(
        num_classes=CLASSES, norm_layer=lambda width: nn.GroupNorm(8, width)
    )
    return model, torch.randn(4, 3, 8, 8) if small else torch.randn(2048, 3, 32, 32)


def encoder(small: bool) -> tuple[nn.Module, Tensor]:
    model = Encoder(32, 1) if small else Encoder(512, 6)
    shape = (16, 8) if small else (2048, 128)
    return model, torch.randint(0, 1000, shape)


MODELS = {"ResNet-18": resnet, "transformer": encoder}


def median(work: Callable[[], Any], device: torch.device, repeats: int) -> float:
    """Seconds, once it is warm."""
    times = []
    for _ in range(repeats + 1):
        wait(device)
        start = time.perf_counter()
        work()
        wait(device)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def flat(parts: Any) -> Tensor:
    return torch.cat([part.detach().reshape(-1) for part in parts])


def products(model: nn.Module, batch: Any, v: list[Tensor]) -> dict[str, Callable[[], Tensor]]:
    """Every product by name, of the sum of the losses; whoever is not there is left out."""
    named = trainable(model)
    names, parameters = [name for name, _ in named], [p for _, p in named]
    inputs, labels = batch
    own = {name: p.detach() for name, p in named}
    along = dict(zip(names, v, strict=True))

    def loss(w: dict[str, Tensor]) -> Tensor:
        made = torch.func.functional_call(model, w, (inputs,))
        return functional.cross_entropy(made, labels, reduction="sum")

    def func_gauss_newton() -> Tensor:
        def outputs(w: dict[str, Tensor]) -> Tensor:
            return torch.func.functional_call(model, w, (inputs,))

        def of_outputs(z: Tensor) -> Tensor:
            return functional.cross_entropy(z, labels, reduction="sum")

        z, pushed = torch.func.jvp(outputs, (own,), (along,))
        _, curved = torch.func.jvp(torch.func.grad(of_outputs), (z,), (pushed,))
        _, pull = torch.func.vjp(outputs, own)
        (made,) = pull(curved)
        return flat(made[name] for name in names)

    found = {
        "gradient": lambda: flat(gradient(model, TASK, parameters, batch)[1]),
        "gradient, torch.func": lambda: flat(torch.func.grad(loss)(own)[n] for n in names),
        "hessian": lambda: flat(hessian_product(model, TASK, parameters, batch, v)),
        "hessian, torch.func": lambda: flat(
            torch.func.jvp(torch.func.grad(loss), (own,), (along,))[1][n] for n in names
        ),
        "gauss-newton": lambda: flat(gauss_newton_by_duals(model, TASK, names, batch, v)),
        "gauss-newton, two vjps": lambda: flat(
            gauss_newton_product(model, TASK, parameters, batch, v)
        ),
        "gauss-newton, torch.func": func_gauss_newton,
    }
    try:
        import curvlinops
    except ModuleNotFoundError:
        return found
    criterion = nn.CrossEntropyLoss(reduction="sum")
    for name, made in (
        ("hessian", curvlinops.HessianLinearOperator),
        ("gauss-newton", curvlinops.GGNLinearOperator),
    ):
        operator = made(model, criterion, parameters, [batch], check_deterministic=False)
        found[f"{name}, curvlinops"] = lambda operator=operator: operator @ flat(v)
    return found


def measured(name: str, words: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    """A model's figures."""
    torch.manual_seed(0)
    model, inputs = MODELS[name](words.small)
    model = model.to(device).eval()
    labels = torch.randint(0, CLASSES, (len(inputs),))
    chunk = min(256, len(inputs))
    batch = (inputs[:chunk].to(device), labels[:chunk].to(device))
    v = [torch.randn_like(p) for _, p in trainable(model)]
    figures: dict[str, Any] = {
        "parameters": sum(p.numel() for _, p in trainable(model)),
        "records of a product": chunk,
        "records of the run": len(inputs),
        "milliseconds": {},
        "relative difference": {},
        "failed": {},
    }
    with computing(model):
        made = products(model, batch, v)
        for key, product in made.items():
            try:
                found = product()
                seconds = median(product, device, words.repeats)
            except Exception as error:
                figures["failed"][key] = f"{type(error).__name__}: {error}".splitlines()[0]
                continue
            ours = made[key.partition(",")[0]]()
            apart = float((found - ours).norm() / ours.norm())
            figures["milliseconds"][key] = 1e3 * seconds
            figures["relative difference"][key] = apart
    figures |= run_of(model, TensorDataset(inputs, labels), chunk, words)
    if device.type == "cuda":
        figures["gigabytes at most"] = 1e-9 * torch.cuda.max_memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
    return figures


def run_of(
    model: nn.Module, data: TensorDataset, chunk: int, words: argparse.Namespace
) -> dict[str, Any]:
    """Seconds of a Newton request and of a release."""
    count = max(1, len(data) // 20)
    solver = {"relative_tolerance": 1e-12, "max_products": words.products}
    method = rescind.Method(
        "newton",
        {
            "damping": {"kind": "given", "value": 0.05},
            "loss_growth": None,
            "solver": {"kind": "cg", "stopping": solver},
            "preconditioning": {"kind": "none"},
            "subsample": None,
        },
    )
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "run"
        start = time.perf_counter()
        with rescind.attach(place, model, data, radius=1000.0, chunk=chunk) as run:
            run.trained()
            attached = time.perf_counter() - start
            start = time.perf_counter()
            answer = run.forget(positions=range(count), method=method)
            forgotten = time.perf_counter() - start
            start = time.perf_counter()
            run.release(rescind.Sigma(0.01))
            released = time.perf_counter() - start
    taken = answer.record["method"]
    return {
        "seconds": {
            "attach": attached,
            "forget": forgotten,
            "solve": taken["details"]["solve_seconds"],
            "release": released,
        },
        "products of the request": taken["solve"]["products"],
    }


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", required=True, type=Path, help="the JSON file to write")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--small", action="store_true", help="models and records for a CPU")
    parser.add_argument("--products", type=int, default=20, help="of the request")
    parser.add_argument("--repeats", type=int, default=10)
    words = parser.parse_args(arguments)
    device = torch.device(words.device)
    cuda = device.type == "cuda"
    found = {
        "device": torch.cuda.get_device_name(device) if cuda else platform.processor(),
        "torch": torch.__version__,
        "rescind": rescind.__version__,
        "models": {name: measured(name, words, device) for name in MODELS},
    }
    words.out.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
