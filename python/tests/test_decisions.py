"""Which decisions forgetting left as they are, from Python."""

import json

import pytest
import rescind
from rescind import Sigma, _core

CLASSES = [str(digit) for digit in range(10)]


def made(folder, *options):
    words = ["rescind", "train", "--quiet", "--out", str(folder), *options]
    assert _core.command(words) == 0
    return rescind.open(folder)


def test_settled_decisions_are_those_of_the_command(tmp_path, capfd):
    bound = ("--mu", "0.01", "--until-gradient", "0.001")
    with made(tmp_path / "run", "--tangent", "--model", "logistic", *bound) as run:
        run.forget(positions=[3, 4])
        run.release(Sigma(0.01))
        told = run.decisions()
    assert told.classes == CLASSES and len(told.inputs) == 357
    assert 0 < told.settled < len(told.inputs)
    assert told.settled == sum(one.distance > told.within for one in told.inputs)
    assert {one.label for one in told.inputs} == set(CLASSES)
    assert all(one.released in CLASSES and one.original in CLASSES for one in told.inputs)
    assert all(one.line is None for one in told.inputs)
    assert str(told).startswith(f"{told.settled} of 357 settled")
    capfd.readouterr()
    assert _core.command(["rescind", "decisions", str(tmp_path / "run"), "--json"]) == 0
    same = json.loads(capfd.readouterr().out)
    assert same["settled"] == told.settled and same["within"] == told.within
    assert same["kind"] == told.kind == "proved" and str(told).endswith("(proved).")
    assert [CLASSES[one["class"]] for one in same["inputs"]] == [one.label for one in told.inputs]


def test_inputs_of_ones_own_are_decided(tmp_path):
    rows = ["a,b,label"] + [f"{i % 7},{(3 * i) % 5},{'yn'[i % 7 > 3]}" for i in range(140)]
    (tmp_path / "table.csv").write_text("\n".join(rows))
    (tmp_path / "new.csv").write_text("a,b,label\n0,1,y\n6,1,y\n")
    options = ("--tangent", "--model", "logistic", "--scaling", "none", "--classes", "y,n")
    source = f"csv:{tmp_path / 'table.csv'}?label=label"
    with made(tmp_path / "run", "--data", source, *options) as run:
        run.forget(positions=[0])
        told = run.decisions(on=f"csv:{tmp_path / 'new.csv'}?label=label&test=0")
        with pytest.raises(rescind.UsageError):
            run.decisions(on="nothing:there")
        with pytest.raises(rescind.RescindError):
            run.decisions(on=f"csv:{tmp_path / 'none.csv'}?label=label")
    assert [(one.line, one.label, one.released) for one in told.inputs] == [
        (2, "y", None),
        (3, "n", None),
    ]


def test_what_is_not_proved_is_refused(tmp_path):
    with (
        made(tmp_path / "run", "--epochs", "1") as run,
        pytest.raises(rescind.errors.NotProvable, match="tangent"),
    ):
        run.decisions()
