"""Gradients and products of every kind of module against central differences, in float64."""

import struct

import pytest
import torch
import zoo
from rescind import Records, Task, check
from rescind.torch.module import TorchModel
from rescind.torch.task import moved
from torch.utils.data import Dataset

STEP = 1e-6


class Batch(Dataset):
    """The records of one batch, one by one."""

    def __init__(self, batch):
        self.batch = batch

    def __len__(self):
        values = self.batch.values() if isinstance(self.batch, dict) else self.batch
        return len(next(iter(values)))

    def __getitem__(self, i):
        if isinstance(self.batch, dict):
            return {name: value[i] for name, value in self.batch.items()}
        return tuple(value[i] for value in self.batch)


def model_of(name, device):
    module, task, batch = zoo.modules()[name]
    made = TorchModel(module.to(device), Records(Batch(batch)), None, task, chunk=4)
    made.try_duals()
    return made


def weights_of(model):
    flat = torch.frombuffer(bytearray(model.flat.vector()), dtype=torch.float32)
    return flat.double()


def packed(vector):
    return bytearray(vector.double().numpy().tobytes())


RECORDS = bytearray(struct.pack("<5q", 5, 0, 1, 2, 4))


def gradient(model, w):
    out = bytearray(8 * len(w))
    loss = model.gradient("double", [packed(w)], RECORDS, out)
    return loss, torch.frombuffer(out, dtype=torch.float64)


def product(model, which, w, v):
    out = bytearray(8 * len(w))
    model.product("double", which, [packed(w)], RECORDS, packed(v), out)
    return torch.frombuffer(out, dtype=torch.float64)


def direction(w):
    v = torch.randn(len(w), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return v / v.norm()


@pytest.mark.parametrize("name", list(zoo.modules()))
def test_gradients_and_products_are_those_of_the_loss(name, device):
    model = model_of(name, device)
    w = weights_of(model)
    v = direction(w)
    loss, slope = gradient(model, w)
    above, below = gradient(model, w + STEP * v), gradient(model, w - STEP * v)
    assert float(slope @ v) == pytest.approx((above[0] - below[0]) / (2 * STEP), rel=1e-6, abs=1e-8)
    curved = (above[1] - below[1]) / (2 * STEP)
    found = product(model, "hessian", w, v)
    assert (found - curved).norm() <= 1e-6 * curved.norm()
    # The mean over records: a record's own gradient, taken alone.
    only = bytearray(8 * len(w))
    alone = model.gradient("double", [packed(w)], RECORDS[:8], only)
    assert alone > 0.0 and loss != alone


@pytest.mark.parametrize("name", list(zoo.modules()))
def test_gauss_newton_is_the_jacobian_twice(name, device):
    model = model_of(name, device)
    module, task, _ = zoo.modules()[name]
    w = weights_of(model)
    v = direction(w)
    positions = [5, 0, 1, 2, 4]
    batch = model.records.batch(positions)
    batch = moved(batch, device, torch.float64)
    # J by rows, and the Hessian of the losses in the outputs, written out.
    module = module.double().to(device).eval()
    parameters = [p for p in module.parameters() if p.requires_grad]
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        outputs = task.forward(module, batch)
        rows = []
        for element in outputs.reshape(-1):
            row = torch.autograd.grad(
                element, parameters, retain_graph=True, materialize_grads=True, allow_unused=True
            )
            rows.append(torch.cat([part.reshape(-1) for part in row]))
    jacobian = torch.stack(rows)
    inner = torch.func.hessian(lambda z: task.loss(z, batch).sum())(outputs.detach())
    size = outputs.numel()
    dense = jacobian.T @ inner.reshape(size, size) @ jacobian / len(positions)
    found = product(model, "gauss-newton", w, v)
    dense = dense.cpu()
    assert (found - dense @ v).norm() <= 1e-9 * (dense @ v).norm()


@pytest.mark.parametrize("name", list(zoo.modules()))
def test_what_is_tried_here_will_do_and_is_left_as_it_was(name, device):
    module, task, batch = zoo.modules()[name]
    module = module.to(device)
    module.train()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    report = check(module, batch, task)
    assert report.ok, str(report)
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert [part.training for part in module.modules()] == modes


def test_a_product_that_is_wrong_is_found():
    """The probe sees a second derivative that somebody wrote down wrongly."""

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            context.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(context, grad):
            # The derivative as a constant: right once, and without a derivative of its own.
            (x,) = context.saved_tensors
            return grad * x.detach().cos()

    class Layer(torch.nn.Module):
        def forward(self, x):
            return Wrong.apply(x)

    module = torch.nn.Sequential(torch.nn.Linear(4, 5), Layer(), torch.nn.Linear(5, 3))
    batch = (torch.randn(6, 4), torch.randint(0, 3, (6,)))
    report = check(module, batch)
    assert not report.ok and "Hessian" in report.problems[0].reason
    assert Task.cross_entropy().hits is not None
