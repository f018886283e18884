"""Linearised modules: derivatives, and forgetting against retraining from scratch."""

import math

import pytest
import rescind
import torch
import zoo
from rescind import Promise, Records, Task
from rescind.torch import Linearised, attach, draw, tangent
from rescind.torch.computing import computing
from rescind.torch.drawing import trainable
from rescind.torch.duals import dual_numbers_serve
from rescind.torch.products import pull, push, push_dual
from torch import nn
from torch.utils.data import TensorDataset

PENALTY, GRADIENT = 1e-2, 1e-7


def double(name):
    torch.manual_seed(1)
    module, task, batch = zoo.modules()[name]
    module = module.double()
    wide = (
        [b.double() if b.is_floating_point() else b for b in batch]
        if name != "language model"
        else batch
    )
    return module, task, tuple(wide) if isinstance(wide, list) else wide


@pytest.mark.parametrize("name", list(zoo.modules()))
def test_pushes_and_pulls_are_derivatives_of_the_outputs(name):
    module, task, batch = double(name)
    parameters = [p for _, p in trainable(module)]
    names = [n for n, _ in trainable(module)]
    v = [torch.randn_like(p) for p in parameters]
    with computing(module):
        outputs = task.forward(module, batch).detach()
        u = torch.randn_like(outputs)
        pushed = push(module, task, parameters, batch, v)
        pulled = pull(module, task, parameters, batch, u)

        def at(step):
            with torch.no_grad():
                for p, part in zip(parameters, v, strict=True):
                    p.add_(part, alpha=step)
                made = task.forward(module, batch).clone()
                for p, part in zip(parameters, v, strict=True):
                    p.sub_(part, alpha=step)
            return made

        difference = (at(1e-6) - at(-1e-6)) / 2e-6
        scale = float(difference.abs().max())
        assert float((pushed - difference).abs().max()) < 1e-6 * scale
        across = sum(float((a * b).sum()) for a, b in zip(pulled, v, strict=True))
        assert across == pytest.approx(float((u * pushed).sum()), rel=1e-9)
        if dual_numbers_serve(module, task, batch):
            dual = push_dual(module, task, names, batch, v)
            assert float((dual - pushed).abs().max()) < 1e-9 * scale


def test_dual_numbers_serve_where_they_are_right():
    served = {name: dual_numbers_serve(*double(name)) for name in zoo.modules()}
    assert served["mlp"] and served["convolutions"], served


def data(task):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(120, 3, generator=generator)
    y = x[:, :2] + 0.5 * torch.randn(120, 2, generator=generator)
    if task.convex["kind"] == "softmax_cross_entropy":
        y = y.argmax(1)
    elif task.convex["kind"] == "independent_labels":
        y = (y > 0).float()
    return x, y


def module():
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))


def minimum(task, centre, x, y):
    """The minimum over these records by Newton's method in float64, J written out."""
    made = module().double()
    made.load_state_dict(centre)
    names = [n for n, _ in trainable(made)]
    parameters = {n: p.detach() for n, p in trainable(made)}
    jacobian = torch.func.jacrev(lambda w: torch.func.functional_call(made, w, (x.double(),)))(
        parameters
    )
    j = torch.cat([jacobian[n].reshape(len(x), 2, -1) for n in names], dim=2)

    def loss(flat):
        outputs = j @ flat
        target = y if y.dim() == 1 else y.double()
        return task.loss(outputs, (x, target)).mean() + 0.5 * PENALTY * flat.square().sum()

    flat = torch.zeros(j.shape[2], dtype=torch.float64)
    for _ in range(40):
        flat = flat - torch.linalg.solve(
            torch.func.hessian(loss)(flat), torch.func.grad(loss)(flat)
        )
    assert float(torch.func.grad(loss)(flat).norm()) < 1e-11
    start = torch.cat([parameters[n].reshape(-1) for n in names])
    return start + flat


TASKS = {
    "classes": Task.cross_entropy(),
    "labels": Task.independent_labels(),
    "values": Task.squared_error(bound=1.0),
}


@pytest.mark.parametrize("kind", list(TASKS))
def test_forgetting_ends_as_near_retraining_as_proved(kind, device, tmp_path):
    task = TASKS[kind]
    x, y = data(task)
    records = Records(TensorDataset(x, y), ids=range(120), subjects=[i % 30 for i in range(120)])
    made = module().to(device)
    with tangent(
        tmp_path / "run",
        made,
        records,
        task=task,
        test=TensorDataset(x, y),
        penalty=PENALTY,
        gradient=GRADIENT,
        declared_by="A. Smith",
    ) as run:
        run.train()
        centre = draw(made, 42)
        proved = 2 * GRADIENT / PENALTY

        def distance(keep):
            flat = torch.frombuffer(run._session.private_weights(), dtype=torch.float32)
            return float((flat.double() - minimum(task, centre, x[keep], y[keep])).norm())

        everybody = torch.arange(120)
        assert distance(everybody) < proved
        answer = run.forget(subjects=["7", "11"], release=Promise(1.0))
        keep = everybody[(everybody % 30 != 7) & (everybody % 30 != 11)]
        assert distance(keep) < proved
        assert distance(everybody) > 100 * proved
        assert answer.release.kind == "declared" and len(answer.forgotten) == 8
        assert answer.release.certificate["guarantee"]["binding"] == "strongly_convex"
        figures = run.evaluate()
        zero = float(task.loss(torch.zeros(120, 2), (x, y)).mean())
        assert figures["current"]["test"]["loss"] < 0.9 * zero
        assert figures["current"]["retained"]["records"] == 112
        released, private = run.released(), run.model
    report = rescind.verify(answer.release.folder, run=tmp_path / "run")
    assert report.verdict == "holds", report.text

    # What is released computes what it is said to: J(x; c)(w - c).
    weights = {
        n: t.cpu() for n, t in zip([n for n, _ in trainable(made)], private.direction, strict=True)
    }
    outputs = private(x[:5].to(device)).cpu()
    own = module()
    exact = torch.func.jvp(
        lambda w: torch.func.functional_call(own, w, (x[:5],)),
        (centre,),
        ({n: t.detach() for n, t in weights.items()},),
    )[1]
    assert torch.allclose(outputs, exact, atol=1e-5)
    there = x.to(device)
    assert float((released(there) - private(there)).abs().max()) < 0.1

    # The run opens again, with what it was made with alone.
    common = {"task": task, "declared_by": "A. Smith"}
    with pytest.raises(rescind.RescindError, match="penalty"):
        tangent(tmp_path / "run", made, records, penalty=0.5, gradient=GRADIENT, **common)
    with tangent(
        tmp_path / "run", made, records, penalty=PENALTY, gradient=GRADIENT, **common
    ) as run:
        assert run.is_trained and run.forget(ids=[0]).forgotten == [0]


class Language(nn.Module):
    """A causal language model of two layers, with tied weights."""

    def __init__(self, vocabulary=7, width=4):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 2, 6, activation="gelu", batch_first=True)
            for _ in range(2)
        )
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, input_ids):
        mask = nn.Transformer.generate_square_subsequent_mask(input_ids.shape[1])
        states = self.embed(input_ids)
        for layer in self.layers:
            states = layer(states, src_mask=mask.to(states.dtype))
        return self.head(states)


class Documents(torch.utils.data.Dataset):
    """Made-up documents of one to six tokens, and one without any."""

    def __init__(self, count=48, length=6):
        generator = torch.Generator().manual_seed(5)
        start = torch.randint(0, 7, (count, 1), generator=generator)
        self.tokens = (start + 3 * torch.arange(length)) % 7
        self.labels = self.tokens.clone()
        lengths = torch.randint(1, length + 1, (count, 1), generator=generator)
        self.labels[torch.arange(length) >= lengths] = -100
        self.labels[9] = -100

    def __len__(self):
        return len(self.tokens)

    def __getitem__(self, i):
        return {"input_ids": self.tokens[i], "labels": self.labels[i]}


def language_minimum(made, centre, documents, keep):
    """The minimum over these documents by Newton's method in float64, J written out."""
    made = Language().double().eval()
    with torch.no_grad():
        for name, parameter in trainable(made):
            parameter.copy_(centre[name])
    parameters = {n: p.detach() for n, p in trainable(made)}
    tokens, labels = documents.tokens[keep], documents.labels[keep]
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        jacobian = torch.func.jacrev(lambda w: torch.func.functional_call(made, w, (tokens,)))(
            parameters
        )
    shape = (*tokens.shape, 7, -1)
    j = torch.cat([jacobian[n].reshape(shape) for n in parameters], dim=-1)

    def loss(flat):
        logits = (j @ flat)[:, :-1]
        each = torch.stack(
            [
                nn.functional.cross_entropy(z[y != -100], y[y != -100])
                for z, y in zip(logits, labels[:, 1:], strict=True)
                if (y != -100).any()
            ]
        )
        return each.sum() / len(keep) + 0.5 * PENALTY * flat.square().sum()

    flat = torch.zeros(j.shape[-1], dtype=torch.float64)
    for _ in range(40):
        flat = flat - torch.linalg.solve(
            torch.func.hessian(loss)(flat), torch.func.grad(loss)(flat)
        )
    assert float(torch.func.grad(loss)(flat).norm()) < 1e-11
    return torch.cat([p.reshape(-1) for p in parameters.values()]) + flat


def test_a_language_model_forgets_as_near_retraining_as_proved(device, tmp_path):
    documents, made = Documents(), Language().to(device)
    assert len(trainable(made)) == len(list(made.parameters()))
    with tangent(
        tmp_path / "run",
        made,
        Records(documents, ids=range(48), subjects=[i % 16 for i in range(48)]),
        task=Task.language_model(),
        penalty=PENALTY,
        gradient=GRADIENT,
        declared_by="A. Smith",
    ) as run:
        run.train()
        centre, proved = draw(made, 42), 2 * GRADIENT / PENALTY

        def distance(keep):
            flat = torch.frombuffer(run._session.private_weights(), dtype=torch.float32)
            minimum = language_minimum(made, centre, documents, keep)
            return float((flat.double() - minimum).norm())

        everybody = torch.arange(48)
        assert distance(everybody) < proved
        answer = run.forget(subjects=["3", "9"], release=Promise(1.0))
        keep = everybody[(everybody % 16 != 3) & (everybody % 16 != 9)]
        assert distance(keep) < proved
        assert distance(everybody) > 100 * proved
        certificate = answer.release.certificate
        assert certificate["guarantee"]["binding"] == "strongly_convex"
        radius = certificate["model"]["ball"]["radius"]
        assert radius == pytest.approx((2 * math.log(7) / PENALTY) ** 0.5, rel=1e-2)
        batch = documents[0]["input_ids"][None].to(device)
        assert float((run.released()(batch) - run.model(batch)).abs().max()) < 0.1
    assert rescind.verify(answer.release.folder, run=tmp_path / "run").verdict == "holds"


def test_documents_that_no_bound_covers_are_refused(tmp_path):
    class Uneven(Documents):
        def __getitem__(self, i):
            return {name: row[: 6 - i // 40] for name, row in super().__getitem__(i).items()}

    class Odd(Documents):
        def __getitem__(self, i):
            made = super().__getitem__(i)
            return made | {"labels": made["labels"] - 50 * (i == 30)}

    for documents, word in ((Uneven(), "pad all records"), (Odd(), "from 0, or -100")):
        folder = tmp_path / word.split()[0]
        task = Task.language_model()
        options = {"task": task, "chunk": 1}
        with tangent(folder, Language(), documents, **options) as run:
            with pytest.raises(rescind.RescindError, match=word):
                run.train()


def test_what_would_prove_nothing_is_refused(tmp_path):
    x, y = data(TASKS["classes"])
    whole = TensorDataset(x, y)
    for options, word in (
        ({"penalty": 0.0}, "penalty"),
        ({"gradient": 1e-13}, "1e-10"),
        ({"task": Task.squared_error()}, "bound"),
        ({"centre": draw(module(), 7)}, "declare"),
    ):
        with pytest.raises(rescind.RescindError, match=word):
            tangent(tmp_path / "run", module(), whole, **options)
        assert not (tmp_path / "run" / "run.json").exists()
    with pytest.raises(rescind.RescindError, match="class"):
        later = y + 7 * (torch.arange(120) > 50)
        with tangent(tmp_path / "wrong", module(), TensorDataset(x, later)) as run:
            run.train()


def test_a_part_may_be_trained_alone(device, tmp_path):
    x, y = data(TASKS["classes"])
    made = module().to(device)
    made[0].requires_grad_(False)
    with tangent(tmp_path / "run", made, TensorDataset(x, y), gradient=1e-5) as run:
        run.train()
        run.forget(positions=[1, 2])
        assert run.model.names == ["2.weight", "2.bias"]
        before = {k: v.clone() for k, v in made.state_dict().items()}
    assert all(torch.equal(before[k], v) for k, v in made.state_dict().items())


def test_a_linearised_module_is_the_module_to_first_order(device):
    made = module().to(device)
    centre = {n: p.detach().clone() for n, p in trainable(made)}
    near = {n: p + 1e-3 * torch.randn_like(p) for n, p in centre.items()}
    x = torch.randn(6, 3).to(device)
    with torch.no_grad():
        moved = torch.func.functional_call(made, near, (x,)) - made(x)
    assert torch.allclose(Linearised(made, centre, near)(x), moved, atol=1e-5)


def test_a_tangent_run_is_no_attached_one(tmp_path):
    x, y = data(TASKS["classes"])
    with tangent(tmp_path / "run", module(), TensorDataset(x, y)) as run:
        run.train()
    with pytest.raises(rescind.errors.OtherModel):
        attach(tmp_path / "run", module(), TensorDataset(x, y))
