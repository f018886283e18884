"""Heads on the features of a backbone, and released models as they are loaded."""

import copy
import shutil

import pytest
import rescind
import torch
from rescind import Promise, Records, Sigma, Task
from rescind.torch import Head, Linearised, attach, head, load, tangent
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset

N, CLASSES = 150, 3
PENALTY, GRADIENT = 1e-2, 1e-8


def backbone(seed=5):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 10), nn.ReLU())


def data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N, 6, generator=generator)
    y = (x[:, :CLASSES] + 0.3 * torch.randn(N, CLASSES, generator=generator)).argmax(1)
    return x, y


def records():
    return Records(TensorDataset(*data()), subjects=[i % 25 for i in range(N)], name="made up")


def minimum(keep, device):
    """Softmax regression on features computed anew of these records alone, by Newton's method."""
    x, y = (part[keep] for part in data())
    with torch.no_grad():
        there = backbone().to(device)
        made = torch.cat([functional.normalize(there(one[None]), dim=1) for one in x.to(device)])
    wide = torch.cat([made.cpu(), torch.ones(len(x), 1)], dim=1).double()

    def loss(w):
        penalty = 0.5 * PENALTY * w.square().sum()
        return functional.cross_entropy(wide @ w.reshape(CLASSES, -1).T, y) + penalty

    w = torch.zeros(CLASSES * wide.shape[1], dtype=torch.float64)
    for _ in range(30):
        w = w - torch.linalg.solve(torch.func.hessian(loss)(w), torch.func.grad(loss)(w))
    assert float(torch.func.grad(loss)(w).norm()) < 1e-12
    w = w.reshape(CLASSES, -1)
    return w[:, :-1], w[:, -1]


def test_a_head_forgets_as_near_retraining_as_proved(device, tmp_path):
    options = {"outputs": CLASSES, "penalty": PENALTY, "gradient": GRADIENT}
    with head(
        tmp_path / "run", backbone().to(device), records(), test=TensorDataset(*data()), **options
    ) as run:
        run.train()
        answer = run.forget(subjects=["3", "9"], release=Promise(1.0))
        keep = torch.tensor([i for i in range(N) if i % 25 not in (3, 9)])
        weight, bias = minimum(keep, device)
        layer = copy.deepcopy(run.model.layer).cpu()
        squares = (layer.weight - weight).square().sum() + (layer.bias - bias).square().sum()
        # Weights are rounded to float32 besides.
        assert float(squares.sqrt()) < 2 * GRADIENT / PENALTY + 1e-6
        assert answer.release.kind == "assumed"
        figures = run.evaluate()
        assert figures["released"]["test"]["accuracy"] > 0.7
        x, y = (part.to(device) for part in data())
        right = float((run.released()(x).argmax(1) == y).float().mean())
        assert right == pytest.approx(figures["released"]["test"]["accuracy"])
        outputs = run.released()(x)
    assert rescind.verify(answer.release.folder, run=tmp_path / "run").verdict == "holds"
    loaded = load(answer.release.folder, backbone().to(device))
    assert isinstance(loaded, Head) and torch.equal(loaded(x), outputs)
    with pytest.raises(rescind.errors.OtherModel, match="frozen"):
        load(answer.release.folder, backbone(6))

    # The run opens again around the same features, and around no others.
    with pytest.raises(rescind.errors.OtherModel):
        head(tmp_path / "run", backbone(6), records(), **options)
    with head(tmp_path / "run", backbone().to(device), records(), **options) as run:
        assert run.forget(positions=[0]).forgotten == [0]


def test_features_may_be_given(tmp_path):
    x, _ = data()
    values = x @ torch.randn(6, 2, generator=torch.Generator().manual_seed(1))
    with head(
        tmp_path / "run",
        None,
        TensorDataset(x, values),
        outputs=2,
        task=Task.squared_error(bound=4.0),
        unit_length=False,
        declared_by="A. Smith",
    ) as run:
        run.train()
        answer = run.forget(positions=range(5), release=Promise(1.0))
        assert answer.release.kind == "declared"
        error = (run.model(x) - values.clamp(-4.0, 4.0)).square().mean()
        assert float(error) < 0.1 * float(values.square().mean())
    loaded = load(answer.release.folder, None)
    assert torch.equal(loaded(x), run_outputs(loaded, x))


def run_outputs(loaded, x):
    return functional.linear(x, loaded.layer.weight, loaded.layer.bias)


def test_releases_of_each_kind_are_loaded(device, tmp_path):
    x, y = data()
    there = x.to(device)

    def module():
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, CLASSES)).to(device)

    with tangent(tmp_path / "t", module(), TensorDataset(x, y), gradient=1e-5) as run:
        run.train()
        answer = run.forget(positions=[1], release=Sigma(0.01))
        outputs = run.released()(there)
    loaded = load(answer.release.folder, module())
    assert isinstance(loaded, Linearised) and torch.allclose(loaded(there), outputs, atol=1e-6)

    made = module()
    with attach(tmp_path / "a", made, TensorDataset(x, y)) as run:
        run.trained()
        answer = run.forget(positions=[1], release=Sigma(0.01))
        state = run.released_state_dict()
    loaded = load(answer.release.folder, module())
    assert all(torch.equal(state[name], part) for name, part in loaded.state_dict().items())
    with pytest.raises(rescind.errors.OtherModel, match="parameters"):
        load(answer.release.folder, nn.Linear(6, CLASSES))

    # Nothing is loaded of which the certificate does not speak.
    copied = tmp_path / "copied"
    shutil.copytree(answer.release.folder, copied)
    weights = (copied / "weights.safetensors").read_bytes()
    (copied / "weights.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    with pytest.raises(rescind.errors.OtherModel, match="certificate"):
        load(copied, module())
