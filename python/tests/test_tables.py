"""Records of tables."""

import pytest
import rescind
import torch
from rescind import Records, Task, head

pandas = pytest.importorskip("pandas")
pyarrow = pytest.importorskip("pyarrow")

N = 60


def frame():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N, 3, generator=generator)
    return pandas.DataFrame(
        {
            "customer": [f" C{i % 20} " for i in range(N)],
            "row": [f"r{i}" for i in range(N)],
            "a": x[:, 0].numpy(),
            "b": x[:, 1].numpy(),
            "c": range(N),
            "churned": (x[:, 0] + x[:, 1] > 0).long().numpy(),
        }
    )


@pytest.mark.parametrize("kind", ["pandas", "arrow", "hugging face"])
def test_a_table_is_records_by_its_columns(kind, tmp_path):
    table = frame()
    if kind == "arrow":
        table = pyarrow.Table.from_pandas(table)
    elif kind == "hugging face":
        table = pytest.importorskip("datasets").Dataset.from_pandas(table)
    records = Records.table(
        table, target="churned", features=["a", "b"], ids="row", subjects="customer"
    )
    reference = Records.table(frame(), target="churned", features=["a", "b"], ids="row")
    assert records.identities == reference.identities
    x, y = records.batch([0, 1])
    assert x.shape == (2, 2) and x.dtype == torch.float32 and y.dtype == torch.int64
    with head(tmp_path / "run", None, records, outputs=2, task=Task.cross_entropy()) as run:
        run.train()
        assert run.forget(subjects="C7").forgotten == [7, 27, 47]
        assert run.forget(ids="r0").forgotten == [0]


def test_rows_are_mappings_with_the_same_content_whoever_reads_them():
    by_pandas = Records(frame()[["a", "row", "c"]])
    by_arrow = Records(pyarrow.Table.from_pandas(frame()[["a", "row", "c"]]))
    assert by_arrow.dataset[3] == by_pandas.dataset[3]
    assert by_arrow.identities == by_pandas.identities
    assert len(set(by_arrow.identities)) == N


def test_what_is_no_number_or_no_column_is_named():
    with pytest.raises(rescind.RescindError, match="'customer' holds ' C0 '"):
        Records.table(frame(), target="churned")
    with pytest.raises(rescind.RescindError, match="no column 'name': the columns are customer"):
        Records(frame(), ids="name")
    with pytest.raises(rescind.RescindError, match="'row' holds 'r0': a target is a class"):
        Records.table(frame(), target="row", features=["a"])
    gap = frame()
    gap.loc[4, "a"] = None
    with pytest.raises(rescind.RescindError, match="column 'a' holds nan"):
        Records.table(gap, target="churned", features=["a"])
