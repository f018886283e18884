"""The examples, on a little data and a small encoder."""

import importlib.util
import pathlib

import pytest
import rescind
import torch

pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")
PATH = pathlib.Path(__file__).parents[2] / "examples" / "python" / "text_classifier.py"


def example():
    spec = importlib.util.spec_from_file_location("text_classifier", PATH)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


class Words:
    """A tokenizer of known words."""

    def __call__(self, texts, **options):
        rows = [[1 + sum(map(ord, word)) % 38 for word in text.split()][:12] for text in texts]
        ids = torch.tensor([row + [0] * (12 - len(row)) for row in rows])
        return {"input_ids": ids, "attention_mask": (ids > 0).long()}


@pytest.mark.parametrize("way", ["head", "last block", "lora"])
def test_sentences_are_classified_and_forgotten(way, tmp_path):
    made = example()
    lines = [f"{i % 2}\t{'good fine' if i % 2 else 'bad poor'} film number {i}" for i in range(120)]
    path = tmp_path / "train.tsv"
    path.write_text("label\tsentence\n" + "\n".join(lines) + "\n")
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.BertConfig(vocab_size=40, intermediate_size=32, **shape)
    config._attn_implementation = "eager"
    encoder = transformers.BertModel(config)
    given = made.sentences(str(path), 1000)
    assert given[1][:2] == [0, 1] and given[0][1] == "good fine film number 1"
    train = rescind.Records(made.Tokens(Words(), given))
    # Noise for epsilon = 1 would drown so small a model but for the head's proved bound.
    made.PROMISE = rescind.Promise(1.0) if way == "head" else rescind.Sigma(0.05)
    # On a random encoder LoRA learns slowly.
    made.LORA_EPOCHS = 40
    made.METHODS = {"lora": rescind.Method("noisy-finetune", {"recovery_epochs": 20})}
    figures = made.tried(way, tmp_path / "runs", encoder, train, made.Tokens(Words(), given))
    assert figures["trained"] > 0.8
    assert figures["kind"] == "declared"
    assert abs(figures["unlearned"] - figures["retrained"]) < 0.2
