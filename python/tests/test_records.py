"""Who a record is follows from its content or its id, and from nothing else."""

import numpy
import pandas
import pytest
import rescind
import torch
from rescind.identity import identity_of
from rescind.torch.records import Records, content_identity
from torch.utils.data import TensorDataset


def test_contents_that_differ_are_other_records():
    different = [
        None,
        True,
        1,
        1.5,
        "1",
        b"1",
        [1],
        [1, 1],
        [[1], 1],
        {"1": 1},
        torch.tensor(1),
        torch.tensor([1]),
        torch.tensor([1.0]),
        torch.tensor([1.0], dtype=torch.float64),
        torch.tensor([1.0], dtype=torch.bfloat16),
        torch.tensor([[1.0]]),
        numpy.array([1, 2]),
        (torch.tensor([1.0]), 0),
        (torch.tensor([1.0]), 1),
        ("ab", "c"),
        ("a", "bc"),
    ]
    identities = [content_identity(record) for record in different]
    assert len(set(identities)) == len(different)
    assert all(isinstance(one, bytes) and len(one) == 32 for one in identities)


def test_the_same_content_is_the_same_record():
    a = {"x": torch.arange(4.0).reshape(2, 2).T, "y": 3}
    b = {"y": 3, "x": torch.tensor([[0.0, 2.0], [1.0, 3.0]])}
    assert content_identity(a) == content_identity(b)


def test_somebody_elses_missing_value_makes_nobody_another():
    whole = pandas.DataFrame({"who": [5, 6, 7], "x": [1, 2, 3], "y": [0, 1, 0]})
    missing = pandas.DataFrame({"who": [5, 6, None], "x": [1, 2, None], "y": [0, 1, 0]})
    assert whole["x"].dtype != missing["x"].dtype
    first, second = Records(whole), Records(missing)
    assert first.identities[:2] == second.identities[:2]
    named = Records(missing.iloc[:2], subjects="who")
    assert named.subjects == Records(whole.iloc[:2], subjects="who").subjects == ["5", "6"]
    assert content_identity({"x": float("inf")}) != content_identity({"x": 1})


def test_ids_are_compared_as_people_read_them():
    assert identity_of("caf\u00e9 ") == identity_of(" cafe\u0301")
    assert identity_of(7) == identity_of("7")
    assert identity_of("7") != identity_of("07")


class Augmented(TensorDataset):
    def __getitem__(self, i):
        x, y = super().__getitem__(i)
        return x + torch.rand_like(x), y


def test_what_is_another_each_time_is_refused():
    plain = (torch.randn(10, 3), torch.arange(10))
    with pytest.raises(rescind.UsageError, match="augmentation"):
        Records(Augmented(*plain))
    # An id says who a record is and not what: nothing could be computed with it twice.
    with pytest.raises(rescind.UsageError, match="augmentation"):
        Records(Augmented(*plain), ids=range(10))


class Endless(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter([])


def test_what_is_no_set_of_records_is_refused():
    with pytest.raises(rescind.UsageError, match="no len"):
        Records(Endless())
    with pytest.raises(rescind.UsageError, match="no record"):
        Records(TensorDataset(torch.zeros(0, 3)))


@pytest.mark.parametrize(
    "ids",
    [
        range(4),
        numpy.arange(4),
        torch.arange(4),
        (str(i) for i in range(4)),
        [numpy.int64(i) for i in range(4)],
        numpy.arange(4.0),
    ],
    ids=["ints", "numpy", "torch", "generated", "scalars", "floats"],
)
def test_ids_are_the_same_whatever_holds_them(ids):
    data = TensorDataset(torch.randn(4, 3), torch.arange(4))
    made = Records(data, ids=ids)
    assert made.identities == [identity_of(i) for i in range(4)]


@pytest.mark.parametrize(
    "nobody", [None, float("nan"), numpy.float64("nan"), pandas.NA, pandas.NaT], ids=str
)
def test_what_is_missing_is_no_id_and_nobodys_name(nobody):
    data = TensorDataset(torch.randn(4, 3), torch.arange(4))
    for what in ("ids", "subjects"):
        with pytest.raises(rescind.UsageError, match="one of its own"):
            Records(data, **{what: [nobody, "a", "b", "c"]})


def test_ids_are_one_records_alone_and_one_for_each():
    data = TensorDataset(torch.randn(4, 3), torch.arange(4))
    with pytest.raises(rescind.UsageError, match="same id"):
        Records(data, ids=["a", "b", "c", "a "])
    with pytest.raises(rescind.UsageError, match="3 elements"):
        Records(data, ids=["a", "b", "c"])
    with pytest.raises(rescind.UsageError, match="subjects"):
        Records(data, subjects=["a"])


def test_what_cannot_be_read_is_named():
    with pytest.raises(rescind.UsageError, match="a record holds a object"):
        content_identity((torch.zeros(2), object()))
