"""What it costs that the core drives: a Newton request beside the same written in PyTorch.

    python benches/driving.py [--records 128] [--products 10] [--repeats 3]
    torchrun --nproc-per-node 2 benches/driving.py --distributed

For each model a request of a run, and beside it what one would write by hand: the gradients that
the request measures, the same Gauss-Newton products (`rescind.torch.products`), conjugate gradients
on a flat tensor, the step. Both take as many products. Printed: seconds of each by the wall's
clock and of the processor, the least of all repeats, which alternate; their ratio, of the whole
request and of the solve alone; by how much memory grows during a request, above what one Hessian
product takes, in vectors of the model's size.

With `--distributed` the records are shared among the processes: printed is the processor time that
a request takes of each rank beside that of one process alone, all with one thread.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rescind
import torch
import torch.distributed as dist
from rescind.torch.computing import computing
from rescind.torch.drawing import trainable
from rescind.torch.products import gauss_newton_by_duals, gradient, hessian_product
from torch import nn
from torch.utils.data import TensorDataset

DAMPING = 0.05
CLASSES = 10
CHUNK = 64


def resnet(records: int) -> tuple[nn.Module, TensorDataset]:
    """torchvision's ResNet-18 with group norm, and made-up pictures of 32 x 32."""
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.resnet18(
        num_classes=CLASSES, norm_layer=lambda width: nn.GroupNorm(8, width)
    )
    pictures = torch.randn(records, 3, 32, 32)
    return model, TensorDataset(pictures, torch.randint(0, CLASSES, (records,)))


def lora(records: int) -> tuple[nn.Module, TensorDataset]:
    """LoRA on a sentence encoder of MiniLM's shape (6 blocks of 384), and made-up sentences."""
    from peft import LoraConfig, get_peft_model
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536,
        num_labels=CLASSES,
    )  # fmt: skip
    config._attn_implementation = "eager"
    made = get_peft_model(
        BertForSequenceClassification(config),
        LoraConfig(r=4, target_modules=["query", "value"], modules_to_save=["classifier"]),
    )
    with torch.no_grad():
        # At 0 LoRA's B leaves A without a gradient.
        for name, parameter in made.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0.0, 0.02)
    tokens = torch.randint(1000, 20_000, (records, 32))
    return made, TensorDataset(tokens, torch.randint(0, CLASSES, (records,)))


MODELS = {"ResNet-18": resnet, "MiniLM with LoRA": lora}
TASK = rescind.Task.cross_entropy()


class ByHand:
    """The request as one would write it."""

    def __init__(self, model: nn.Module, data: TensorDataset, forgotten: int) -> None:
        self.model = model.eval()
        self.names, parameters = zip(*trainable(model), strict=True)
        self.parameters = list(parameters)
        self.sizes = [p.numel() for p in parameters]
        self.retained = list(range(forgotten, len(data)))
        self.forgotten = list(range(forgotten))
        self.chunks = {
            which: [data[at[i : i + CHUNK]] for i in range(0, len(at), CHUNK)]
            for which, at in (("retained", self.retained), ("forgotten", self.forgotten))
        }

    def over(self, which: str, compute: Callable[[Any], Any]) -> torch.Tensor:
        """The mean over these records of what is computed of each chunk."""
        total = 0.0
        for batch in self.chunks[which]:
            total = total + torch.cat([part.reshape(-1) for part in compute(batch)])
        return total / len(getattr(self, which))

    def gradient(self, which: str) -> torch.Tensor:
        return self.over(which, lambda b: gradient(self.model, TASK, self.parameters, b)[1])

    def product(self, v: torch.Tensor) -> torch.Tensor:
        parts = [
            part.reshape(p.shape)
            for part, p in zip(v.split(self.sizes), self.parameters, strict=True)
        ]
        curved = self.over(
            "retained", lambda b: gauss_newton_by_duals(self.model, TASK, self.names, b, parts)
        )
        return curved + DAMPING * v

    def request(self, products: int) -> tuple[float, float]:
        """Forget; return what the solve took. The weights are put back."""
        with computing(self.model):
            share = len(self.forgotten) / len(self.retained)
            self.gradient("retained")
            b = share * self.gradient("forgotten")
            start = Both()
            x, r = torch.zeros_like(b), b.clone()
            p, rr = r.clone(), r @ r
            for _ in range(products):
                bp = self.product(p)
                step = rr / (p @ bp)
                x += step * p
                r -= step * bp
                before, rr = rr, r @ r
                p = r + (rr / before) * p
            seconds = start.since()
            with torch.no_grad():
                moved = [
                    part.reshape(q.shape)
                    for part, q in zip(x.split(self.sizes), self.parameters, strict=True)
                ]
                for q, part in zip(self.parameters, moved, strict=True):
                    q.add_(part)
            self.gradient("retained")
            with torch.no_grad():
                for q, part in zip(self.parameters, moved, strict=True):
                    q.sub_(part)
        return seconds


def driven(place: Path, model: nn.Module, data: TensorDataset, forgotten: int, products: int):
    """The same as a request of a run, which is new each time."""
    with rescind.attach(
        place, model, rescind.Records(data), task=TASK, radius=1000.0, chunk=CHUNK
    ) as run:
        run.trained()
        solve = Solve(run)
        with Peak() as peak:
            start = Both()
            answer = run.forget(positions=range(forgotten), method=method(products))
            seconds = start.since()
    # One more, with which the solver looks at its answer.
    assert answer.record["method"]["solve"]["products"] == products + 1 == solve.products
    return seconds, solve.took, peak.bytes


def method(products: int) -> rescind.Method:
    """Newton by conjugate gradients, as many products as are allowed."""
    stopping = {"relative_tolerance": 1e-12, "max_products": products}
    return rescind.Method(
        "newton",
        {
            "damping": {"kind": "given", "value": DAMPING},
            "loss_growth": None,
            "solver": {"kind": "cg", "stopping": stopping},
            "preconditioning": {"kind": "none"},
            "subsample": None,
        },
    )


class Both:
    """Seconds since it was made, by the wall's clock and of the processor's time: other work on the
    machine lengthens the first."""

    def __init__(self) -> None:
        self._wall, self._own = time.perf_counter(), time.process_time()

    def since(self) -> tuple[float, float]:
        return time.perf_counter() - self._wall, time.process_time() - self._own


class Solve:
    """What a run's solve takes: from its first product to the end of its last."""

    def __init__(self, run: Any) -> None:
        self.products, self.took = 0, (0.0, 0.0)
        model, start = run._model, []
        product = model.product

        def counted(*given: Any) -> None:
            if not start:
                start.append(Both())
            product(*given)
            self.products, self.took = self.products + 1, start[0].since()

        model.product = counted


class Peak:
    """The most memory of this process while it lives, above what it had, in bytes."""

    def __enter__(self) -> Peak:
        # What was freed before and is still held would hide what is taken now.
        gc.collect()
        if sys.platform == "linux":
            ctypes.CDLL(None).malloc_trim(0)
        self._before = self._most = resident()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self.bytes = self._most - self._before

    def _watch(self) -> None:
        while not self._end.wait(0.002):
            self._most = max(self._most, resident())


def resident() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def beside(name: str, words: argparse.Namespace) -> dict[str, Any]:
    """A model's figures."""
    model, data = MODELS[name](words.records)
    forgotten, d = words.records // 8, sum(p.numel() for _, p in trainable(model))
    hand = ByHand(model, data, forgotten)
    with computing(model):
        v = [torch.randn_like(p) for p in hand.parameters]
        batch = hand.chunks["retained"][0]
        hessian_product(model, TASK, hand.parameters, batch, v)
        with Peak() as one:
            hessian_product(model, TASK, hand.parameters, batch, v)
        gauss_newton_by_duals(model, TASK, hand.names, batch, v)
        with Peak() as curved:
            gauss_newton_by_duals(model, TASK, hand.names, batch, v)
    times: dict[str, list[float]] = {}
    peak = 0
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(words.repeats):
            with Peak() as own:
                start = Both()
                solve = hand.request(words.products + 1)
                by_hand = start.since()
            place = Path(folder) / str(repeat)
            request, solved, grown = driven(place, model, data, forgotten, words.products)
            peak = max(peak, grown)
            for key, value in (
                ("hand", by_hand[0]), ("hand processor", by_hand[1]),
                ("hand solve", solve[0]), ("hand solve processor", solve[1]),
                ("run", request[0]), ("run processor", request[1]),
                ("run solve", solved[0]), ("run solve processor", solved[1]),
            ):  # fmt: skip
                times.setdefault(key, []).append(value)
    least = {key: min(values) for key, values in times.items()}
    return {
        "model": name,
        "parameters": d,
        "records": words.records,
        "products": words.products,
        "seconds": least,
        "ratio": least["run"] / least["hand"],
        "ratio of processor time": least["run processor"] / least["hand processor"],
        "ratio of the solve": least["run solve"] / least["hand solve"],
        "ratio of the solve's processor time": (
            least["run solve processor"] / least["hand solve processor"]
        ),
        "megabytes": {
            "one vector": 4e-6 * d,
            "one Hessian product": 1e-6 * one.bytes,
            "one Gauss-Newton product": 1e-6 * curved.bytes,
            "run": 1e-6 * peak,
            "by hand": 1e-6 * own.bytes,
        },
        "vectors above one Hessian product": (peak - one.bytes) / (4 * d),
        "the same by hand": (own.bytes - one.bytes) / (4 * d),
    }


def shared(name: str, words: argparse.Namespace) -> dict[str, Any] | None:
    """Processor time of a request on every rank, and of one process alone."""
    model, data = MODELS[name](words.records)
    forgotten = words.records // 8

    with tempfile.TemporaryDirectory() as folder:
        box = [folder]
        dist.broadcast_object_list(box, src=0)
        place = Path(box[0])
        (_, own), *_ = driven(place / "all", model, data, forgotten, words.products)
        ranks: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(ranks, own)
        first = dist.get_rank() == 0
        dist.destroy_process_group()
        if not first:
            return None
        (_, alone), *_ = driven(place / "one", model, data, forgotten, words.products)
    return {"model": name, "alone": alone, "ranks": ranks, "share": max(ranks) / alone}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--records", type=int, default=128)
    parser.add_argument("--products", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--distributed", action="store_true", help="under torchrun")
    words = parser.parse_args()
    if words.distributed:
        torch.set_num_threads(1)
        dist.init_process_group("gloo")
        found = shared(words.models[0], words)
        if found is not None:
            print(json.dumps(found))
        return
    for name in words.models:
        print(json.dumps(beside(name, words)), flush=True)


if __name__ == "__main__":
    main()
