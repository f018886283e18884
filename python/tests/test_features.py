"""Features have the bits that they have alone, in batches or not."""

import pytest
import torch
from rescind import Records
from rescind.torch.features import AT_ONCE, features, joined
from torch import nn
from torch.utils.data import TensorDataset

N = 100


def records(width=16):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N, width, generator=generator)
    return Records(TensorDataset(x, torch.arange(N)))


class Counted:
    def __init__(self, of):
        self.of, self.calls = of, []

    def __call__(self, batch):
        self.calls.append(len(batch[0]))
        with torch.no_grad():
            return self.of(batch[0])


def each(x):
    """Computed element by element: a record comes out the same wherever it lies."""
    return torch.tanh(x * x.flip(1)) + x


def alone(of, given):
    with torch.no_grad():
        return torch.cat([of(given.batch([i])[0]) for i in range(len(given))])


def test_batches_are_used_where_a_record_comes_out_of_them_as_alone():
    given, counted, told = records(), Counted(each), []
    made = features(counted, given, lambda *progress: told.append(progress))
    assert torch.equal(made, alone(each, given))
    # One shape for all batches, the last one filled up; single records only to compare with.
    assert set(counted.calls) == {AT_ONCE, 1} and len(counted.calls) < N // 4
    assert told[-1] == ("features", N, N)


@pytest.mark.parametrize(
    "dependent",
    [
        lambda x: x - x.mean(0),
        lambda x: x + 1e-7 * x.shape[0],
        # The last place of a batch comes out otherwise.
        lambda x: torch.cat([x[:1], 1.5 * x[1:]]) if x.shape[0] > 1 else x,
        nn.BatchNorm1d(16, track_running_stats=False),
        # What only shows when a certain record is among them.
        lambda x: x + 1e-6 * float((x[:, 0] > 2.0).any() and x.shape[0] > 1),
    ],
)
def test_records_are_computed_one_by_one_where_batches_tell(dependent):
    if isinstance(dependent, nn.Module):
        dependent.eval()
        given = Records(TensorDataset(torch.rand(N, 16, 3), torch.arange(N)))
    else:
        given = records()
    assert torch.equal(features(Counted(dependent), given), alone(dependent, given))


def test_real_modules_have_the_bits_of_single_records(device):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(16, 40), nn.GELU(), nn.LayerNorm(40), nn.Linear(40, 5))
    there = module.to(device)
    given = records()

    def computed(x):
        return there(x.to(device)).cpu()

    assert torch.equal(features(Counted(computed), given), alone(computed, given))


def test_what_has_no_one_shape_is_computed_one_by_one():
    class Uneven(torch.utils.data.Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, i):
            return {"x": torch.ones(2 + i % 2), "text": "some words"}

    given = Records(Uneven(), ids=range(5))
    made = features(lambda batch: batch["x"].sum(1, keepdim=True), given)
    assert made.flatten().tolist() == [2.0, 3.0, 2.0, 3.0, 2.0]
    assert joined([{"a": torch.ones(1, 2)}, {"b": torch.ones(1, 2)}]) is None
    assert joined([torch.ones(1, 2), torch.ones(1, 2).double()]) is None
