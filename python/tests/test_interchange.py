"""The same network, records and settings in the core and in PyTorch; one command for both."""

import gzip
import json
import os
import pathlib
import struct

import numpy
import pytest
import rescind
import torch
from rescind import Method, Promise, Records, Sigma, Training, _core
from torch import nn
from torch.utils.data import TensorDataset

DIGITS = pathlib.Path(__file__).parents[2] / "crates" / "data" / "src" / "loaders" / "digits"
# MNIST as it is published, for the same on 60 000 records: RESCIND_MNIST=DIR.
MNIST = os.environ.get("RESCIND_MNIST")
EPOCHS, RADIUS, SEED = 5, 20.0, 3
FORGOTTEN = list(range(40))


def idx(path):
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    shape = struct.unpack(f">{content[3]}I", content[4 : 4 + 4 * content[3]])
    values = numpy.frombuffer(content, numpy.uint8, offset=4 + 4 * content[3])
    return torch.from_numpy(values.reshape(shape[0], -1).copy())


def digits():
    """The records that the core has built in, as it reads them."""
    x = idx(DIGITS / "images-idx3-ubyte.gz").float() / 16.0
    y = idx(DIGITS / "labels-idx1-ubyte.gz").reshape(-1).long()
    test = torch.arange(len(x)) // 10 % 5 == 4
    return TensorDataset(x[~test], y[~test]), TensorDataset(x[test], y[test])


def mnist():
    def part(name):
        found = {kind: next(pathlib.Path(MNIST).glob(f"{name}-{kind}*")) for kind in KINDS}
        x, y = (idx(found[kind]) for kind in KINDS)
        return TensorDataset(x.float() / 255.0, y.reshape(-1).long())

    return part("train"), part("t10k")


KINDS = ("images", "labels")
SOURCES = {"digits": ("digits", digits)} | ({"mnist": (f"mnist:{MNIST}", mnist)} if MNIST else {})


class Network(nn.Module):
    """The core's own network of one hidden layer, under its names."""

    def __init__(self, inputs):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x):
        return self.layers(x)


def command(*words):
    return _core.command(["rescind", *map(str, words), "--quiet"])


@pytest.fixture(params=list(SOURCES))
def pair(request, tmp_path):
    """Both runs, of the same weights."""
    source, read = SOURCES[request.param]
    made = command(
        "train", "--data", source, "--hidden", 32, "--epochs", EPOCHS, "--seed", SEED,
        "--radius", RADIUS, "--out", tmp_path / "native",
    )  # fmt: skip
    assert made == 0
    train, test = read()
    module = Network(train.tensors[0].shape[1])
    with (
        rescind.open(tmp_path / "native") as native,
        rescind.attach(
            tmp_path / "torch",
            module,
            Records(train, name=request.param),
            test=test,
            radius=RADIUS,
            training=Training(epochs=EPOCHS, seed=SEED),
            declared_by="A. Smith",
        ) as attached,
    ):
        module.load_state_dict(native.private_state_dict())
        attached.trained()
        yield native, attached


def apart(native, attached):
    """The greatest difference of any weight."""
    own, other = native.private_state_dict(), attached.private_state_dict()
    assert own.keys() == other.keys()
    return max(float((own[name] - other[name]).abs().max()) for name in own)


# The curvature of all records: the core draws some of its own networks' where the outputs are
# curved, and evenly of a module's.
NEWTON = Method("newton", {"check": True, "subsample": None})
METHODS = {
    "newton": (NEWTON, Sigma(0.5)),
    "newton for a promise": (NEWTON, Promise(50.0, accept_noise=True)),
    "output perturbation": (Method("output-perturbation"), Promise(50.0, accept_noise=True)),
    "noisy fine-tuning": (Method("noisy-finetune", {"recovery_epochs": 1}), Promise(1.0)),
}


def test_both_engines_train_alike(tmp_path):
    """Drawn alike and from the same minibatches: what differs is rounding."""
    settings = ("--hidden", 32, "--epochs", EPOCHS, "--seed", SEED, "--radius", RADIUS)
    assert command("train", *settings, "--out", tmp_path / "native") == 0
    with (
        rescind.open(tmp_path / "native") as native,
        rescind.attach(
            tmp_path / "torch",
            Network(64),
            digits()[0],
            radius=RADIUS,
            training=Training(epochs=EPOCHS, seed=SEED),
        ) as attached,
    ):
        attached.train()
        assert apart(native, attached) < 1e-5
        for run in (native, attached):
            run.forget(positions=FORGOTTEN, method="retrain")
        assert apart(native, attached) < 1e-5


# What a certificate says of who computed, who signed and what was drawn.
OF_THE_ENGINE = {
    "assumptions",
    "bounds.kind",
    "data.manifest",
    "declarations",
    "guarantee.kind",
    "key.fingerprint",
    "key.public_key",
    "ledger.entries",
    "ledger.head",
    "model.configuration",
    "model.description",
    "model.kind",
    "model.rough_parts",
    "model.weights",
    "requests.commitment",
}


def differing(own, other, place=""):
    """Places in which two documents differ by more than rounding."""
    if isinstance(own, dict) and isinstance(other, dict):
        for name in own.keys() | other.keys():
            yield from differing(own.get(name), other.get(name), f"{place}.{name}".lstrip("."))
    elif isinstance(own, list) and isinstance(other, list) and len(own) == len(other):
        if place == "assumptions":
            names = [{one["name"] for one in part} for part in (own, other)]
            assert names[1] - names[0] == {"outside_model"}
            yield place
        else:
            for pair in zip(own, other, strict=True):
                yield from differing(*pair, place)
    elif isinstance(own, float) and isinstance(other, float):
        if own != pytest.approx(other, rel=1e-5):
            yield place
    elif own != other:
        yield place


@pytest.mark.parametrize("how", list(METHODS))
def test_both_engines_answer_alike(pair, how):
    native, attached = pair
    assert apart(native, attached) == 0.0
    method, release = METHODS[how]
    answers = [
        run.forget(positions=FORGOTTEN, method=method, release=release)
        for run in (native, attached)
    ]
    own, other = (answer.release.certificate for answer in answers)
    assert set(differing(own, other)) <= OF_THE_ENGINE
    assert (own["guarantee"]["kind"], other["guarantee"]["kind"]) == ("proved", "declared")
    assert own["guarantee"]["epsilon"] > 0.0 and own["noise"]["sigma"] > 0.0
    before, after = (answer.record["effect"] for answer in answers)
    same = {"rel": 1e-4}
    assert before["forgotten_before"]["loss"] == pytest.approx(
        after["forgotten_before"]["loss"], **same
    )
    if "newton" in how:
        # The noise of the others makes two draws of one distribution, no more.
        assert apart(native, attached) < 1e-5
        assert before["forgotten_after"]["loss"] == pytest.approx(
            after["forgotten_after"]["loss"], **same
        )
        own, other = (answer.record["method"] for answer in answers)
        assert own["solve"]["products"] == other["solve"]["products"] > 1
        for name in ("step_norm", "right_hand_side"):
            assert own["details"][name] == pytest.approx(other["details"][name], **same)
        residuals = [of["details"]["check"]["residual"] for of in (own, other)]
        # A small difference of large vectors.
        assert residuals[0] == pytest.approx(residuals[1], rel=1e-2)


def test_one_command_checks_and_shows_both(pair, tmp_path, capfd):
    for run in pair:
        run.forget(positions=FORGOTTEN, method=NEWTON, release=Sigma(0.5))
        run.retrain()
        assert run.evaluate()["retrained"]["forgotten"]["records"] == len(FORGOTTEN)
        # In the program that has the model everything is there.
        page = run.report(figures=tmp_path / "figures", attacks=False)
        told = page.read_text()
        assert "accuracy on test records" in told and "Accuracy against epsilon" in told
        assert any(file.suffix == ".svg" for file in (tmp_path / "figures").iterdir())
        audit = run.audit(pairs=40)
        assert audit.holds and audit.distance < audit.bound == pytest.approx(2 * RADIUS)
        assert "Nothing was found" in str(audit)
        run.close()
    figures = []
    for run in pair:
        folder = run.folder
        certificate = folder / "releases" / "000001" / "certificate.json"
        assert command("verify", certificate, "--run", folder) == 0
        assert command("status", folder) == 0
        assert command("report", folder, "--out", tmp_path / "page.html") == 0
        assert "epsilon of the newest release" in (tmp_path / "page.html").read_text()
        capfd.readouterr()
        assert command("audit", folder, "--pairs", 40, "--seed", 7, "--json") == 0
        figures.append(json.loads(capfd.readouterr().out))
    assert figures[0]["distance"]["measured"] == pytest.approx(
        figures[1]["distance"]["measured"], rel=1e-4
    )
    assert figures[0]["claim"] == pytest.approx(figures[1]["claim"])


def test_a_run_without_its_module_says_what_it_lacks(pair):
    _, attached = pair
    attached.forget(positions=[1, 2], method=NEWTON, release=Sigma(0.5))
    attached.close()
    with rescind.open(attached.folder) as alone:
        assert alone.is_trained and alone.pending == []
        with pytest.raises(rescind.RescindError, match="outside model"):
            alone.forget(positions=[3])
        with pytest.raises(rescind.RescindError, match="outside model"):
            alone.audit()  # not retrained yet
        page = alone.report().read_text()
        assert "computes in a program of its own" in page
        assert set(alone.released_state_dict()) == {
            name for name, _ in Network(64).named_parameters()
        }


def test_a_run_of_the_command_goes_on_in_python(tmp_path):
    assert command("train", "--epochs", 1, "--out", tmp_path / "run") == 0
    with rescind.open(tmp_path / "run") as run:
        with pytest.raises(rescind.errors.NotReleased):
            run.released_state_dict()
        with pytest.raises(rescind.RescindError, match="ids"):
            run.forget(ids=["a"])
        answer = run.forget(random=(5, 1))
        assert len(answer.forgotten) == 5 and run.pending == [1]
        released = run.release(Sigma(0.1))
        assert run.pending == [] and released.folder.is_dir()
    assert rescind.verify(released.folder, run=tmp_path / "run").verdict == "holds"


class Layer(nn.Module):
    """The core's own regression, under its names."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        return self.linear(x)


@pytest.mark.parametrize("loss", ["cross-entropy", "squared-error"])
def test_both_engines_answer_from_what_was_prepared(loss, tmp_path):
    gradient, penalty = 1e-6, 1e-3
    made = command(
        "train", "--tangent", "--model", "logistic", "--loss", loss, "--mu", penalty,
        "--until-gradient", gradient, "--out", tmp_path / "native",
    )  # fmt: skip
    assert made == 0
    (x, y), task = digits()[0].tensors, rescind.Task.cross_entropy()
    if loss == "squared-error":
        y, task = nn.functional.one_hot(y, 10).float(), rescind.Task.squared_error(bound=1.0)
    with (
        rescind.open(tmp_path / "native") as native,
        rescind.tangent(
            tmp_path / "torch",
            Layer(),
            TensorDataset(x, y),
            task=task,
            penalty=penalty,
            gradient=gradient,
        ) as other,
    ):
        other.train()
        near = 2 * gradient / penalty
        assert apart(native, other) < near
        for run in (native, other):
            made = run.refresh()
            assert (made["records"], made["features"], made["outputs"]) == (len(x), 65, 10)
            for positions in ([3], [4, 5, 6], [100]):
                answer = run.forget(positions=positions)
                assert answer.record["method"]["details"]["prepared"], positions
        # The same quadratic is brought down to its last digit by both.
        assert apart(native, other) < (1e-6 if loss == "squared-error" else near)
        released = [run.release(Promise(1.0)) for run in (native, other)]
        sigmas = [one.certificate["noise"]["sigma"] for one in released]
        assert sigmas[0] == pytest.approx(sigmas[1], rel=1e-12)
