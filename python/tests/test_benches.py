"""The benches run, on little, and agree with what they are compared with."""

import importlib.util
import json
import pathlib

import pytest

pytest.importorskip("torchvision")
BENCHES = pathlib.Path(__file__).parents[2] / "benches"


def bench(name):
    spec = importlib.util.spec_from_file_location(name, BENCHES / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def test_on_gpu_writes_what_it_measured(device, tmp_path):
    out = tmp_path / "figures.json"
    options = ["--device", str(device), "--small", "--repeats", "1", "--products", "2"]
    bench("on_gpu").main(["--out", str(out), *options])
    found = json.loads(out.read_text())
    assert set(found["models"]) == {"ResNet-18", "transformer"}
    for figures in found["models"].values():
        # Forward over reverse is not there for every layer, and wrong for some: that is theirs.
        assert all("," in name for name in figures["failed"]), figures["failed"]
        apart = figures["relative difference"]
        assert {"gradient", "hessian", "gauss-newton"} < set(apart)
        for name in ("gradient, torch.func", "gauss-newton, two vjps"):
            assert 0.0 <= apart[name] < 1e-4, name
        assert figures["milliseconds"]["gauss-newton"] > 0.0
        assert figures["seconds"]["release"] > 0.0
        assert figures["products of the request"] == 3
