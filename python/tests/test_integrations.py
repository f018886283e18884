"""Libraries that people train with."""

import math

import pytest
import rescind
import torch
from rescind import Promise, Records, Sigma
from rescind.torch import AttachedRun, attach, draw, tangent
from torch import nn
from torch.utils.data import TensorDataset

N = 60


def vectors():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N, 4, generator=generator)
    return TensorDataset(x, (x[:, 0] > 0).long())


class Sentences(torch.utils.data.Dataset):
    """Made-up sentences of tokens, as a tokenizer leaves them."""

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.tokens = torch.randint(5, 40, (N, 9), generator=generator)
        self.labels = (self.tokens[:, :4].float().mean(1) > 22).long()

    def __len__(self):
        return N

    def __getitem__(self, i):
        return {
            "input_ids": self.tokens[i],
            "attention_mask": torch.ones(9, dtype=torch.long),
            "labels": self.labels[i],
        }


def bert(classes=2):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.BertConfig(
        vocab_size=40, intermediate_size=32, num_labels=classes, **shape
    )
    config._attn_implementation = "eager"
    return transformers.BertForSequenceClassification(config)


def test_transformers_trains_inside_the_ball(tmp_path):
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    from rescind.hf import Callback

    made = bert()
    records = Records(Sentences(), subjects=[i % 10 for i in range(N)])
    radius = 0.05
    start = {n: p.detach().clone() for n, p in made.named_parameters()}
    with attach(
        tmp_path / "run", made, records, radius=radius, centre=start, declared_by="A. Smith"
    ) as run:
        arguments = transformers.TrainingArguments(
            output_dir=str(tmp_path / "out"),
            num_train_epochs=1,
            per_device_train_batch_size=16,
            learning_rate=1e-2,
            report_to=[],
            use_cpu=True,
            save_strategy="no",
            disable_tqdm=True,
        )
        transformers.Trainer(
            made, arguments, train_dataset=run.retained(), callbacks=[Callback(run)]
        ).train()
        assert run.is_trained
        moved = [(p - start[n]).double().square().sum() for n, p in made.named_parameters()]
        assert 0.5 * radius < float(torch.stack(moved).sum().sqrt()) <= radius
        answer = run.forget(subjects=["3"], release=Sigma(1e-3))
        assert len(answer.forgotten) == 6


def test_lightning_trains_inside_the_ball(tmp_path):
    lightning = pytest.importorskip("lightning.pytorch")
    from rescind.lightning import Callback

    class Model(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            torch.manual_seed(1)
            self.net = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))

        def training_step(self, batch, _):
            return nn.functional.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=10.0)

    model = Model()
    with attach(tmp_path / "run", model.net, vectors(), radius=2.0) as run:
        loader = torch.utils.data.DataLoader(run.retained(), batch_size=20)
        trainer = lightning.Trainer(
            max_epochs=2,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[Callback(run)],
        )
        trainer.fit(model, loader)
        assert run.is_trained
        length = sum(float(p.double().square().sum()) for p in model.net.parameters()) ** 0.5
        assert 1.5 < length <= 2.0
        assert run.forget(positions=[0]).forgotten == [0]


def lora():
    peft = pytest.importorskip("peft")
    return peft.get_peft_model(
        bert(), peft.LoraConfig(r=2, target_modules=["query", "value"], modules_to_save=[])
    )


def test_lora_is_forgotten_from_and_the_rest_stays(tmp_path):
    made = lora()
    trained = [n for n, p in made.named_parameters() if p.requires_grad]
    assert trained and all("lora" in name for name in trained)
    frozen = {n: p.clone() for n, p in made.named_parameters() if not p.requires_grad}
    records = Records(Sentences(), subjects=[i % 10 for i in range(N)])
    with attach(tmp_path / "run", made, records, declared_by="A. Smith") as run:
        optimiser = run.projecting(torch.optim.Adam([p for p in made.parameters()], 1e-2))
        for batch in run.loader(20):
            optimiser.zero_grad()
            logits = made(
                input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
            ).logits
            nn.functional.cross_entropy(logits, batch["labels"]).backward()
            optimiser.step()
        run.trained()
        before = [p.clone() for p in made.parameters() if p.requires_grad]
        run.forget(subjects=["4"])
        after = [p for p in made.parameters() if p.requires_grad]
        assert any(not torch.equal(a, b) for a, b in zip(before, after, strict=True))
        now = dict(made.named_parameters())
        assert all(torch.equal(part, now[name]) for name, part in frozen.items())


def test_lora_is_linearised_at_a_drawn_point(tmp_path):
    made = lora()
    records = Records(Sentences(), subjects=[i % 10 for i in range(N)])
    # At PEFT's own start B is 0 and A learns nothing to first order; drawn values move both.
    with tangent(tmp_path / "run", made, records, penalty=1e-2, gradient=1e-5) as run:
        run.train()
        answer = run.forget(subjects=["4"], release=Promise(1.0))
        assert answer.release.certificate["guarantee"]["binding"] == "strongly_convex"
        moved = {
            name: part for name, part in zip(run.model.names, run.model.direction, strict=True)
        }
        assert all(float(part.norm()) > 0.0 for part in moved.values())


def test_resnet_with_group_norm_and_with_frozen_batch_norm(tmp_path):
    torchvision = pytest.importorskip("torchvision")
    generator = torch.Generator().manual_seed(0)
    pictures = TensorDataset(torch.randn(6, 3, 32, 32, generator=generator), torch.arange(6) % 4)
    grouped = torchvision.models.resnet18(num_classes=4, norm_layer=lambda c: nn.GroupNorm(8, c))
    with attach(tmp_path / "g", grouped, pictures, radius=60.0, chunk=8) as run:
        assert isinstance(run, AttachedRun)
        run.project()
        run.trained()
        stopping = {"relative_tolerance": 0.5, "max_products": 20}
        settings = {
            "damping": {"kind": "given", "value": 5.0},
            "loss_growth": None,
            "curvature": "gauss-newton",
            "solver": {"kind": "cg", "stopping": stopping},
            "preconditioning": {"kind": "none"},
        }
        answer = run.forget(positions=[1], method=rescind.Method("newton", settings))
        assert answer.forgotten == [1]

    plain = torchvision.models.resnet18(num_classes=4)
    with pytest.raises(rescind.errors.ModelDoesNotFit, match="batch norm"):
        attach(tmp_path / "b", plain, pictures)
    # A new last layer on a public network whose statistics stay as they are.
    for parameter in plain.parameters():
        parameter.requires_grad_(False)
    plain.fc = nn.Linear(512, 4)
    frozen = rescind.torch.freeze_batch_norm(plain)
    with tangent(tmp_path / "b", frozen, pictures, penalty=1e-2, gradient=1e-5, chunk=8) as run:
        run.train()
        assert run.forget(positions=[2], release=Promise(1.0)).release is not None


def test_mlflow_is_told_what_may_be_shown(tmp_path):
    from rescind.tracking import log_to_mlflow

    class Recorder:
        def __init__(self):
            self.told = []

        def log_metrics(self, figures):
            self.told.append(figures)

        def set_tag(self, name, value):
            self.told.append((name, value))

        def log_artifacts(self, folder, artifact_path):
            self.told.append((folder, artifact_path))

    with rescind.head(tmp_path / "run", None, vectors(), outputs=2) as run:
        run.train()
        answer = run.forget(positions=[1, 2], release=Promise(1.0))
    recorder = Recorder()
    log_to_mlflow(answer, recorder)
    figures, tag, artifacts = recorder.told
    assert set(figures) == {
        "rescind/request",
        "rescind/release",
        "rescind/epsilon",
        "rescind/delta",
    }
    assert figures["rescind/epsilon"] <= 1.0 and tag == ("rescind.guarantee", "assumed")
    assert artifacts == (str(answer.release.folder), "rescind")


def test_bars_follow_the_phases(tmp_path):
    pytest.importorskip("tqdm")
    bars = rescind.Bars()
    seen = []

    def watch(phase, done, total):
        bars(phase, done, total)
        seen.append((phase, bars._bar.n == done))

    made = nn.Linear(4, 2)
    training = rescind.Training(epochs=3)
    with attach(tmp_path / "run", made, vectors(), training=training) as run:
        run.train(progress=watch)
    bars.close()
    assert seen and all(right for _, right in seen)


def test_a_model_drawn_from_a_seed_is_the_same_everywhere():
    torch.manual_seed(5)
    first = draw(lora(), 3)
    torch.manual_seed(6)
    second = draw(lora(), 3)
    assert all(torch.equal(first[name], second[name]) for name in first)


class Documents(torch.utils.data.Dataset):
    """Made-up documents of up to seven tokens."""

    def __init__(self):
        start = torch.arange(N)[:, None]
        self.tokens = (start + torch.arange(7) * (1 + start % 3)) % 12
        self.labels = self.tokens.masked_fill(torch.arange(7) > 3 + start % 4, -100)

    def __len__(self):
        return N

    def __getitem__(self, i):
        return {"input_ids": self.tokens[i], "labels": self.labels[i]}


def test_a_causal_language_model_of_transformers_forgets(tmp_path):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=12, n_positions=8, n_embd=8, n_layer=2, n_head=2)
    config._attn_implementation = "eager"
    made = transformers.GPT2LMHeadModel(config)
    assert made.lm_head.weight is made.transformer.wte.weight
    task = rescind.Task.language_model()
    # What is this side's loss is that library's.
    batch = {"input_ids": Documents().tokens, "labels": Documents().labels}
    with torch.no_grad():
        one = {name: column[:1] for name, column in batch.items()}
        assert float(task.losses(made.eval(), one)) == pytest.approx(
            float(made(**one).loss), rel=1e-5
        )
    training = rescind.Training(epochs=3, batch=10, learning_rate=1e-2)
    options = {"task": task, "test": Documents(), "training": training, "radius": 30.0}
    with attach(tmp_path / "run", made, Documents(), declared_by="A. Smith", **options) as run:
        run.train()
        before = run.evaluate()["current"]["test"]
        assert before["accuracy"] is None and 0.0 < before["loss"] < math.log(12)
        answer = run.forget(positions=range(5), method="newton", release=Sigma(0.01))
        effect = answer.record["effect"]
        assert effect["forgotten_after"]["loss"] > effect["forgotten_before"]["loss"]
        assert "lm_head.weight" in run.released_state_dict()
        page = run.report().read_text()
        assert "NaN" not in page
    with tangent(
        tmp_path / "tangent", made, Documents(), task=task, gradient=1e-5, penalty=1e-2
    ) as run:
        run.train()
        answer = run.forget(positions=range(5), release=Promise(1.0))
        assert answer.release.certificate["guarantee"]["binding"] == "strongly_convex"
