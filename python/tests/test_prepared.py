"""Requests that read no other record: heads, and modules whose last layer alone is trained."""

import json

import pytest
import rescind
import torch
from rescind import Promise, Records, Task, _core
from rescind.torch import attach, head, tangent
from rescind.torch.layer import LayerModel, final_layer
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import TensorDataset

N, OUTPUTS, PENALTY, GRADIENT = 400, 3, 1e-2, 1e-6

TASKS = {
    "classes": Task.cross_entropy(),
    "labels": Task.independent_labels(),
    "values": Task.squared_error(bound=1.5),
}


def backbone():
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(6, 10), nn.Tanh()).requires_grad_(False)


def data(kind):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N, 6, generator=generator)
    y = x[:, :OUTPUTS] + 0.5 * torch.randn(N, OUTPUTS, generator=generator)
    return x, {"classes": y.argmax(1), "labels": (y > 0).float(), "values": y}[kind]


def a_head(folder, kind, x, y, device="cpu"):
    return head(
        folder,
        backbone().to(device),
        Records(TensorDataset(x, y), ids=range(N)),
        outputs=OUTPUTS,
        task=TASKS[kind],
        penalty=PENALTY,
        gradient=GRADIENT,
        declared_by="A. Smith",
    )


def a_last_layer(folder, kind, x, y, device="cpu", seed=4):
    torch.manual_seed(seed)
    return tangent(
        folder,
        nn.Sequential(backbone(), nn.Linear(10, OUTPUTS)).to(device),
        Records(TensorDataset(x, y), ids=range(N)),
        task=TASKS[kind],
        penalty=PENALTY,
        gradient=GRADIENT,
        declared_by="A. Smith",
    )


def gradient(run, kind, x, y, keep):
    """Of the objective over these records, computed from all of them in float64."""
    model = run._model
    wide = model._wide(list(range(N)))[keep].double()
    centre = torch.frombuffer(bytearray(model.centre), dtype=torch.float32).double()
    v = model._matrix(exact(run) - centre).clone().requires_grad_()
    batch = (None, y[keep] if y.dim() == 1 else y[keep].double())
    loss = TASKS[kind].loss(wide @ v.T, batch).mean() + 0.5 * PENALTY * v.square().sum()
    (slope,) = torch.autograd.grad(loss, v)
    return float(slope.norm()), v.detach()


def exact(run):
    """The private weights in double precision, as they are kept."""
    newest = max((run.folder / "private" / "state").glob("*/exact.safetensors"))
    named = load_file(newest)
    order = [tensor["name"] for tensor in json.loads(run._session.description())["tensors"]]
    return torch.cat([named[name].reshape(-1) for name in order])


def minimum(run, kind, y, keep):
    """By Newton's method in float64."""
    wide = run._model._wide(list(range(N)))[keep].double()
    batch = (None, y[keep] if y.dim() == 1 else y[keep].double())

    def objective(v):
        outputs = wide @ v.reshape(OUTPUTS, -1).T
        return TASKS[kind].loss(outputs, batch).mean() + 0.5 * PENALTY * v.square().sum()

    v = torch.zeros(OUTPUTS * wide.shape[1], dtype=torch.float64)
    for _ in range(30):
        v = v - torch.linalg.solve(torch.func.hessian(objective)(v), torch.func.grad(objective)(v))
    assert float(torch.func.grad(objective)(v).norm()) < 1e-12
    return v.reshape(OUTPUTS, -1)


def was_prepared(answer):
    return answer.record["method"]["details"]["prepared"]


@pytest.mark.parametrize("kind", list(TASKS))
@pytest.mark.parametrize("make", [a_head, a_last_layer])
def test_bounds_of_many_requests_hold_of_all_records(make, kind, device, tmp_path):
    x, y = data(kind)
    keep = torch.ones(N, dtype=torch.bool)
    with make(tmp_path / "run", kind, x, y, device) as run:
        run.train()
        assert not run.status()["prepared"]
        made = run.refresh()
        assert (made["records"], made["features"], made["outputs"]) == (N, 11, OUTPUTS)
        assert run.status()["prepared"]
        generator = torch.Generator().manual_seed(3)
        for number in range(12):
            left = keep.nonzero().flatten()
            going = left[torch.randperm(len(left), generator=generator)[: 1 + number % 3]]
            answer = run.forget(ids=going.tolist())
            keep[going] = False
            assert was_prepared(answer), number
            claimed = answer.record["method"]["gradient_norm_after"]
            true, v = gradient(run, kind, x, y, keep)
            assert true <= claimed <= GRADIENT
            assert float((v - minimum(run, kind, y, keep)).norm()) <= GRADIENT / PENALTY
        assert float((v - minimum(run, kind, y, ~keep | keep)).norm()) > 2 * GRADIENT / PENALTY
        release = run.release(Promise(1.0))
        assert release.kind == "declared" and run.status()["prepared"]
    assert rescind.verify(release.folder, run=tmp_path / "run").verdict == "holds"


def test_what_is_prepared_is_purged_and_made_again(device, tmp_path):
    x, y = data("values")
    with a_head(tmp_path / "run", "values", x, y, device) as run:
        with pytest.raises(rescind.errors.NothingTrained):
            run.refresh()
        run.train()
        run.refresh()
        assert was_prepared(run.forget(ids=[0]))
        assert run.purge()["kept"] > 0
        assert not run.status()["prepared"]
        assert not was_prepared(run.forget(ids=[1]))
        run.refresh()
        assert was_prepared(run.forget(ids=[2]))
    # It is there when the run opens again, for the same features alone.
    with a_head(tmp_path / "run", "values", x, y, device) as run:
        assert was_prepared(run.forget(ids=[3]))
        keep = torch.arange(N) > 3
        assert gradient(run, "values", x, y, keep)[0] <= GRADIENT
    moved = x.clone()
    moved[300] += 1.0
    with a_head(tmp_path / "run", "values", moved, y, device) as run:
        assert not was_prepared(run.forget(ids=[4]))
        keep = torch.arange(N) > 4
        assert gradient(run, "values", moved, y, keep)[0] <= GRADIENT


def test_other_runs_cannot_be_prepared(tmp_path):
    x, y = data("classes")
    whole = TensorDataset(x, y)

    def module():
        return nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, OUTPUTS))

    with tangent(tmp_path / "t", module(), whole, gradient=1e-4) as run:
        run.train()
        with pytest.raises(rescind.errors.NotPrepared, match="features"):
            run.refresh()
    with attach(tmp_path / "a", module(), whole) as run:
        run.trained()
        with pytest.raises(rescind.errors.NotPrepared, match="features"):
            run.refresh()
    # The command does not have the module.
    assert _core.command(["rescind", "refresh", str(tmp_path / "t"), "--quiet"]) == 1
    with rescind.open(tmp_path / "t") as run:
        with pytest.raises(rescind.RescindError, match="in the program that has it"):
            run.refresh()


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, x):
        return self.layer(self.layer(x))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(6, 6), nn.Linear(6, 6)
        self.last.weight = self.first.weight
        self.first.bias.requires_grad_(False)
        self.last.bias.requires_grad_(False)

    def forward(self, x):
        return self.last(self.first(x))


class Logits(nn.Module):
    def __init__(self):
        super().__init__()
        self.classifier = nn.Linear(6, OUTPUTS, bias=False)

    def forward(self, x):
        return type("Output", (), {"logits": self.classifier(x)})


def test_a_last_layer_is_one_that_outputs_come_out_of():
    x, y = data("classes")
    batch = (x[:2].abs(), y[:2])
    last = nn.Linear(6, OUTPUTS)
    positive = nn.Linear(6, OUTPUTS)
    with torch.no_grad():
        positive.weight.abs_()
        positive.bias.abs_()
    hooked = nn.Linear(6, OUTPUTS)
    hooked.register_forward_hook(lambda *_: None)
    half = nn.Linear(6, OUTPUTS)
    half.weight.requires_grad_(False)
    cases = {
        "itself": (last, ""),
        "of frozen features": (nn.Sequential(nn.Linear(6, 6).requires_grad_(False), last), "1"),
        "with its logits": (Logits(), "classifier"),
        # Outputs that are positive all the same: nothing would differ on this batch.
        "before an activation": (nn.Sequential(positive, nn.ReLU()), None),
        "before one in place": (nn.Sequential(positive, nn.ReLU(inplace=True)), None),
        "before dropout": (nn.Sequential(last, nn.Dropout(0.5)), ""),
        "twice": (Twice(), None),
        "tied": (Tied(), None),
        "two": (nn.Sequential(nn.Linear(6, 6), last), None),
        "hooked": (hooked, None),
        "half trained": (half, None),
        "of every position": (nn.Sequential(nn.Unflatten(1, (1, 6)), last, nn.Flatten()), None),
    }
    for name, (module, expected) in cases.items():
        found = final_layer(module, batch, Task.cross_entropy())
        if name == "before dropout":
            # In evaluation mode it hands on what it is given.
            assert found is not None and found.name == "0"
            continue
        assert (None if found is None else found.name) == expected, name


@pytest.mark.parametrize("bias", [True, False])
def test_products_of_a_last_layer_are_those_of_the_module(bias, tmp_path):
    """Its features take the place of a pass through the module."""
    from rescind.torch.layer import of_final_layer
    from rescind.torch.linear_model import LinearModel

    x, y = data("values")
    torch.manual_seed(2)
    module = nn.Sequential(backbone(), nn.Linear(10, OUTPUTS, bias=bias))
    records, task = Records(TensorDataset(x, y)), TASKS["values"]
    centre = {name: p.detach().clone() for name, p in module.named_parameters() if p.requires_grad}
    final = final_layer(module, records.batch([0, 1]), task)
    layer = of_final_layer(module, final, centre, records, None, task, None)
    plain = LinearModel(module, centre, records, None, task, 64)
    assert isinstance(layer, LayerModel) and layer.description() == plain.description()
    assert layer.centre == plain.centre and layer.linear() == plain.linear()
    some = [3, 4, 5, 90, 7]
    positions = bytearray(torch.tensor(some).numpy().tobytes())
    size = len(layer.centre) // 4

    def numbers(count, precision):
        kind = torch.float32 if precision == "single" else torch.float64
        generator = torch.Generator().manual_seed(count)
        return bytearray(torch.randn(count, generator=generator).to(kind).numpy().tobytes())

    for precision, tolerance in (("single", 1e-5), ("double", 1e-6)):
        kind = torch.float32 if precision == "single" else torch.float64
        for name, given, length in (
            ("push", size, len(some) * OUTPUTS),
            ("pull", len(some) * OUTPUTS, size),
            ("rows", len(some) * OUTPUTS, len(some) * size),
        ):
            made = []
            for model in (layer, plain):
                out = bytearray(length * kind.itemsize)
                getattr(model, name)(precision, positions, numbers(given, precision), out)
                made.append(torch.frombuffer(out, dtype=kind))
            assert torch.allclose(*made, rtol=tolerance, atol=tolerance), (precision, name)
            assert float(made[1].abs().max()) > 0.1


def test_the_same_last_layer_on_any_device(device, tmp_path):
    x, y = data("classes")
    with a_last_layer(tmp_path / "run", "classes", x, y, device) as run:
        run.train()
        run.refresh()
        answer = run.forget(ids=[1, 2], release=Promise(1.0))
        assert was_prepared(answer)
        outputs = run.model(x[:5].to(device)).cpu()
        wide = run._model._wide(list(range(5)))
        centre = torch.frombuffer(bytearray(run._model.centre), dtype=torch.float32)
        v = run._model._matrix(exact(run).float() - centre)
        assert torch.allclose(outputs, wide @ v.T, atol=1e-5)
