"""What keeps a module from being computed with is named before any work, with the remedy."""

import pytest
import rescind
import torch
from rescind import Task, check
from rescind.torch import freeze_batch_norm
from torch import nn

# Of other draws one in six saturates at 100, and what is lost on the way does not show.
torch.manual_seed(0)
BATCH = (torch.randn(6, 4), torch.randint(0, 3, (6,)))


def mlp(*middle: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 6), *middle, nn.Linear(6, 3))


class Noisy(nn.Module):
    def forward(self, x):
        return x + torch.rand_like(x)


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.seen += 1
        return x


class Centring(nn.Module):
    """Takes the mean of the batch away: every output depends on every record."""

    def forward(self, x):
        return x - x.mean(0)


class Checkpointing(nn.Module):
    gradient_checkpointing = True

    def forward(self, x):
        return x


class Wrapped(nn.Module):
    def __init__(self, module):
        super().__init__()
        self._orig_mod = module


class Changing(nn.Module):
    def forward(self, x):
        x *= 0.5
        return x


class Coarse(nn.Module):
    """Mixed precision of its own, out of which it comes in float32."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 6)

    def forward(self, x):
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            return self.layer(x).to(x.dtype)


class Rounding(nn.Module):
    def forward(self, x):
        return (x + 100.0).to(torch.bfloat16).to(x.dtype) if x.dtype == torch.float32 else x + 100.0


class Fixed(nn.Module):
    def forward(self, x):
        return nn.functional.linear(x, torch.ones(6, 6, device=x.device))


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return self.layer(x), x


def compiled_in_place():
    made = mlp(nn.Tanh())
    made[1].compile()
    return made


REFUSED = {
    "inputs that a pass changes": (nn.Sequential(Changing(), mlp()), "", "out of place"),
    "mixed precision inside": (mlp(Coarse()), "1.layer", "autocast"),
    "precision lost inside": (mlp(Rounding()), "", "lower precision"),
    "tensors of one type": (mlp(Fixed()), "1", "register_buffer"),
    "outputs that are several": (Pair(), "", "take the tensor out"),
    "compiled inside": (nn.Sequential(Wrapped(mlp())), "0", "_orig_mod"),
    "compiled in place": (compiled_in_place(), "1", "second derivative"),
    "scripted": (nn.Sequential(torch.jit.script(mlp())), "0", "torch.jit"),
    "without values": (mlp().to("meta"), "0.weight", "load the weights"),
    "a layer without second derivative": (mlp(nn.Hardsigmoid()), "1", "another layer"),
    "what cannot be copied": (mlp(nn.utils.weight_norm(nn.Linear(6, 6))), "", "copy.deepcopy"),
    "complex": (mlp(nn.Linear(6, 6, dtype=torch.complex64)), "1.weight", "real and imaginary"),
    "batch norm": (mlp(nn.BatchNorm1d(6)), "1", "freeze_batch_norm"),
    "batch norm without statistics": (
        mlp(nn.BatchNorm1d(6, track_running_stats=False)).eval(),
        "1",
        "group norm",
    ),
    "randomness": (mlp(Noisy()), "", "random"),
    "a buffer that a pass changes": (mlp(Counting()), "1.seen", "eval()"),
    "records that see each other": (mlp(Centring()), "", "each record by itself"),
    "checkpointing": (mlp(Checkpointing()), "1", "gradient_checkpointing_disable"),
    "compiled": (Wrapped(mlp()), "", "_orig_mod"),
    "parallel": (nn.DataParallel(mlp()), "", "module.module"),
    "half precision": (mlp().half(), "0.weight", "float32"),
    "nothing trained": (mlp().requires_grad_(False), "", "requires_grad"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_each_is_named_with_its_remedy(name, device):
    module, layer, remedy = REFUSED[name]
    if name != "without values":
        module = module.to(device)
    report = check(module, BATCH)
    assert not report.ok
    assert report.problems[0].layer == layer, str(report)
    assert remedy in str(report.problems[0])
    with pytest.raises(rescind.errors.ModelDoesNotFit, match="cannot be computed with"):
        report.raise_if_any()


@pytest.mark.parametrize(
    "batch",
    [
        (BATCH[0].to(torch.uint8), BATCH[1]),
        (BATCH[0], BATCH[1] + 3),
        {"pixels": BATCH[0], "label": BATCH[1]},
        (BATCH[0],),
    ],
    ids=[
        "of another type",
        "of classes that are not there",
        "under other names",
        "without targets",
    ],
)
def test_batches_that_do_not_fit_are_described(batch, device):
    if device.type == "cuda" and isinstance(batch, tuple) and int(batch[-1].max()) > 2:
        pytest.skip("a class that is not there brings the GPU down")
    report = check(mlp().to(device), batch)
    (problem,) = report.problems
    assert "a pass fails on the batch" in problem.reason and "the batch is" in problem.remedy
    with pytest.raises(rescind.errors.ModelDoesNotFit) as raised:
        report.raise_if_any()
    # What was raised is there for whoever wants its trace.
    assert raised.value.__cause__ is problem.cause is not None


def test_several_are_named_at_once():
    report = check(mlp(nn.BatchNorm1d(6), nn.BatchNorm1d(6)).half(), BATCH)
    assert len(report.problems) == 10


def test_losses_that_are_reduced_are_refused(device):
    task = Task(loss=lambda outputs, batch: nn.functional.cross_entropy(outputs, batch[1]))
    report = check(mlp().to(device), BATCH, task)
    assert 'reduction="none"' in str(report)


def test_frozen_batch_norm_stays_frozen(device):
    module = freeze_batch_norm(mlp(nn.BatchNorm1d(6))).to(device)
    module.train()
    before = module[1].running_mean.clone()
    module(torch.randn(50, 4).to(device) + 5.0)
    assert torch.equal(module[1].running_mean, before)
    assert check(module, BATCH).ok


def test_sharded_parameters_are_named():
    class Sharded(nn.Parameter):
        placements = ("shard",)

    made = nn.Sequential(nn.Linear(4, 3))
    made[0].weight = Sharded(made[0].weight.detach())
    report = check(made, (torch.randn(2, 4), torch.tensor([0, 1])))
    assert [problem.layer for problem in report.problems] == ["0.weight"]
    assert "FSDP2" in str(report)
