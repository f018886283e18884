"""Runs of modules: trained, forgotten from, released, verified."""

import io
import signal
import subprocess
import sys
import threading
import time

import pytest
import rescind
import torch
import zoo
from rescind import Method, Promise, Records, Sigma, _core
from rescind.torch import Training, attach, head, tangent
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset

RECORDS = 240


def data(ids=True):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(RECORDS + 60, 4, generator=generator)
    y = (x @ torch.randn(4, 3, generator=generator) + 0.5 * x.square()[:, :3]).argmax(1)
    names = [f"r{i}" for i in range(RECORDS)] if ids else None
    people = [f"person {i % 40}" for i in range(RECORDS)]
    records = Records(
        TensorDataset(x[:RECORDS], y[:RECORDS]), ids=names, subjects=people, name="made up"
    )
    return records, TensorDataset(x[RECORDS:], y[RECORDS:])


def module():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 3))


def trained(folder, device="cpu", **options):
    records, test = data()
    made = module().to(device)
    run = attach(folder, made, records, test=test, declared_by="A. Smith", **options)
    optimiser = run.projecting(torch.optim.Adam(made.parameters(), 1e-2))
    for epoch in range(5):
        for x, y in run.loader(32, seed=epoch):
            optimiser.zero_grad()
            functional.cross_entropy(made(x.to(device)), y.to(device)).backward()
            optimiser.step()
    run.trained()
    return run


def weights(of):
    return torch.cat([p.detach().reshape(-1).cpu() for p in of.parameters()])


def test_people_are_forgotten_and_the_release_is_verified(device, tmp_path):
    with trained(tmp_path / "run", device) as run:
        before = weights(run.module)
        answer = run.forget(subjects="person 7", release=Sigma(0.01))
        assert answer.forgotten == list(range(7, RECORDS, 40))
        assert answer.record["effect"]["forgotten_before"]["loss"] > 0.0
        assert len(run.retained()) == RECORDS - 6
        assert not torch.equal(weights(run.module), before)
        assert "A. Smith" in answer.model_card()
        assert answer.release.kind == "declared"
        assert "Released" in str(answer) and "<p>" in answer._repr_html_()

        released = module()
        released.load_state_dict(run.released_state_dict())
        apart = weights(released) - weights(run.module)
        assert 0.005 < float(apart.std()) < 0.02
        with pytest.raises(rescind.RescindError, match=r"not trained|forgotten"):
            run.forget(subjects="person 7")
    for how in ({}, {"run": tmp_path / "run"}):
        report = rescind.verify(answer.release.folder, **how)
        assert report.verdict == ("holds" if how else "consistent"), report.text
    edited = tmp_path / "edited.json"
    text = (answer.release.folder / "certificate.json").read_text()
    edited.write_text(text[:-40] + "A" + text[-39:])
    assert rescind.verify(edited).verdict == "does-not-hold"


def test_a_newton_step_comes_near_exact_retraining(device, tmp_path):
    """Logistic regression, against Newton's method on the records that stay, written out."""
    records, test = data()
    torch.manual_seed(2)
    made = nn.Linear(4, 3).to(device)
    penalty = 1e-2
    training = Training(epochs=300, batch=RECORDS, learning_rate=0.05, penalty=penalty)
    with attach(tmp_path / "run", made, records, test=test, training=training) as run:
        run.train()
        before = weights(made).double()
        run.forget(
            positions=range(30),
            method=Method("newton", {"damping": {"kind": "given", "value": 1e-6}}),
        )
        after = weights(made).double()
    x, y = records.dataset.tensors
    x, y = x[30:].double(), y[30:]

    def loss(flat):
        outputs = x @ flat[:12].reshape(3, 4).T + flat[12:]
        return functional.cross_entropy(outputs, y) + 0.5 * penalty * flat.square().sum()

    flat = torch.zeros(15, dtype=torch.float64)
    for _ in range(30):
        flat -= torch.linalg.solve(torch.func.hessian(loss)(flat), torch.func.grad(loss)(flat))
    assert torch.func.grad(loss)(flat).norm() < 1e-10
    moved, left = float((before - flat).norm()), float((after - flat).norm())
    assert left < 0.2 * moved, (moved, left)


def test_later_a_release_covers_what_waits_and_the_run_opens_again(device, tmp_path):
    run = trained(tmp_path / "run", device)
    first = run.forget(ids=["r3", "r4"], key="ticket 1")
    assert run.forget(ids=["r3", "r4"], key="ticket 1").repeated
    with pytest.raises(rescind.errors.KeyReused):
        run.forget(ids=["r5"], key="ticket 1")
    private = weights(run.module)
    run.close()
    with pytest.raises(rescind.errors.OpenAgain):
        run.forget(ids=["r5"])

    records, _ = data()
    again = attach(tmp_path / "run", module().to(device), records, declared_by="A. Smith")
    assert torch.equal(weights(again.module), private)
    assert again.pending == [first.number]
    finetune = Method("noisy-finetune", {"recovery_epochs": 1})
    answer = again.forget(ids="r9", method=finetune, release=Promise(epsilon=1.0))
    assert answer.release.epsilon <= 1.0 and again.pending == []
    assert again.retrain()["records"] == RECORDS - 3
    assert again.evaluate()["retrained"]["forgotten"]["records"] == 3
    again.close()


def test_only_the_same_module_and_records_open_it(tmp_path):
    trained(tmp_path / "run").close()
    records, _ = data()
    other = nn.Sequential(nn.Linear(4, 9), nn.GELU(), nn.Linear(9, 3))
    with pytest.raises(rescind.errors.OtherModel):
        attach(tmp_path / "run", other, records)
    with pytest.raises(rescind.errors.OtherModel):
        attach(tmp_path / "run", module(), data(ids=False)[0])
    with pytest.raises(rescind.errors.OtherConfig, match="radius"):
        attach(tmp_path / "run", module(), records, radius=3.0)


class Raising(nn.Module):
    """Fails once it is told to, by an error of its own."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.broken = False

    def forward(self, x):
        if self.broken:
            raise ConnectionError("the sensor is offline")
        return self.layer(x)


def test_an_error_of_the_module_arrives_as_it_was_raised_and_nothing_happened(tmp_path):
    records, test = data()
    made = Raising()
    run = attach(tmp_path / "run", made, records, test=test)
    run.trained()
    before = weights(made)
    made.broken = True
    with pytest.raises(ConnectionError, match="the sensor is offline"):
        run.forget(ids="r1")
    made.broken = False
    assert len(run.retained()) == RECORDS and torch.equal(weights(made), before)
    assert run.forget(ids="r1").number == 1
    run.close()


@pytest.mark.parametrize("make", ["attach", "tangent", "head"])
def test_a_record_that_no_sum_can_hold_is_named(make, device, tmp_path):
    records, _ = data()
    x, y = records.dataset.tensors
    x = x.clone()
    x[200] = float("nan")
    odd = TensorDataset(x, y)
    with pytest.raises(rescind.UsageError, match="record at position 200 is not finite"):
        if make == "attach":
            run = attach(tmp_path / "run", module().to(device), odd)
            run.trained()
            run.forget(positions=[1])
        elif make == "tangent":
            tangent(tmp_path / "run", module().to(device), odd).train()
        else:
            head(tmp_path / "run", None, odd, outputs=3)


class Embedded(nn.Module):
    def __init__(self, sparse):
        super().__init__()
        self.embed = nn.Embedding(5, 4, sparse=sparse)
        self.layer = nn.Linear(4, 3)

    def forward(self, tokens):
        return self.layer(torch.tanh(self.embed(tokens)).mean(1))


@pytest.mark.parametrize("make", [attach, tangent])
def test_sparse_gradients_are_those_of_a_dense_embedding(make, device, tmp_path):
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, 5, (60, 3), generator=generator)
    found = []
    for sparse in (True, False):
        torch.manual_seed(3)
        folder = tmp_path / str(sparse)
        made = Embedded(sparse).to(device)
        with make(folder, made, TensorDataset(tokens, tokens[:, 0] % 3)) as run:
            run.train()
            run.forget(positions=[3, 4])
            found.append(run.private_state_dict())
    assert all(torch.allclose(found[0][name], part, atol=1e-5) for name, part in found[1].items())


def test_ctrl_c_is_heard_and_nothing_happened(tmp_path):
    run = trained(tmp_path / "run")

    def press(*_):
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run.forget(ids="r1", progress=press)
    assert len(run.retained()) == RECORDS
    told = []
    run.forget(ids="r1", progress=lambda *what: told.append(what))
    assert told and all(isinstance(phase, str) for phase, _, _ in told)
    run.close()


def test_ctrl_c_is_still_heard_after_a_command(tmp_path):
    """The command runs in this process, whose Ctrl-C stays Python's."""
    words = ["rescind", "train", "--out", str(tmp_path / "run"), "--epochs", "1", "--quiet"]
    assert _core.command(words) == 0
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
        time.sleep(1.0)


def test_ctrl_c_stops_a_command_with_its_state_saved(tmp_path):
    words = ["rescind", "train", "--out", str(tmp_path / "run"), "--epochs", "100000", "--quiet"]
    timer = threading.Timer(1.0, signal.raise_signal, [signal.SIGINT])
    timer.start()
    status = _core.command(words)
    timer.join()
    assert status == 1
    assert _core.command(["rescind", "status", str(tmp_path / "run"), "--quiet"]) == 0


def test_a_second_thread_is_told_that_the_run_works(tmp_path):
    run = trained(tmp_path / "run")
    raised = []

    def meanwhile(*_):
        def ask():
            try:
                run.retained()
            except rescind.errors.Busy as busy:
                raised.append(busy)

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()

    run.forget(ids="r1", progress=meanwhile)
    assert raised
    run.close()


def test_a_module_that_changed_is_noticed(tmp_path):
    run = trained(tmp_path / "run")
    run.module[0].bias.requires_grad_(False)
    with pytest.raises(rescind.errors.OtherModel, match="requires_grad"):
        run.forget(ids="r1")
    run.module[0].bias.requires_grad_(True)
    run.module.register_buffer("extra", torch.zeros(1))
    with pytest.raises(rescind.errors.OtherModel, match="buffers"):
        run.forget(ids="r1")
    run.close()


@pytest.mark.parametrize("write", ["in place", "through data", "through numpy", "another tensor"])
def test_frozen_tensors_that_changed_are_noticed(write, device, tmp_path):
    if write == "through numpy" and device.type != "cpu":
        pytest.skip("numpy reads the memory of the CPU")
    records, _ = data()
    made = module().to(device)
    made[0].requires_grad_(False)
    run = attach(tmp_path / "run", made, records)
    run.trained()
    run.forget(ids="r1")
    with torch.no_grad():
        if write == "in place":
            made[0].bias.add_(1.0)
        elif write == "through data":
            made[0].bias.data += 1.0
        elif write == "through numpy":
            made[0].bias.numpy()[0] += 1.0
        else:
            made[0].bias = nn.Parameter(made[0].bias + 1.0, requires_grad=False)
    with pytest.raises(rescind.errors.OtherModel, match="frozen"):
        run.forget(ids="r2")
    run.close()


def test_weights_outside_the_ball_are_refused_and_projected(device, tmp_path):
    records, _ = data()
    made = module().to(device)
    run = attach(tmp_path / "run", made, records, radius=1.0)
    assert float(weights(made).norm()) > 1.0
    with pytest.raises(rescind.errors.StartOutsideBall):
        run.trained()
    assert run.project() > 1.0
    run.trained()
    run.close()


def test_a_centre_needs_somebody_who_vouches_for_it(tmp_path):
    records, _ = data()
    made = module()
    centre = {name: p.detach().clone() for name, p in made.named_parameters()}
    with pytest.raises(rescind.Refused):
        attach(tmp_path / "a", module(), records, centre=centre, radius=2.0)
    options = {"centre": centre, "radius": 2.0, "declared_by": "A. Smith"}
    run = attach(tmp_path / "run", made, records, **options)
    assert run.project() == 0.0
    run.trained()
    run.close()
    attach(tmp_path / "run", module(), records, **options).close()
    with pytest.raises(rescind.errors.OtherConfig, match="centre"):
        attach(tmp_path / "run", module(), records, radius=2.0, declared_by="A. Smith")


@pytest.mark.parametrize("name", list(zoo.modules()))
def test_every_kind_of_module_is_forgotten_from(tmp_path, name, device):
    from test_products import Batch

    made, task, batch = zoo.modules()[name]
    made = made.to(device)
    with attach(tmp_path / "run", made, Batch(batch), task=task, radius=50.0) as run:
        run.trained()
        answer = run.forget(positions=[1], release=Sigma(0.001))
        state = run.released_state_dict()
        made.load_state_dict(state)
    assert answer.release.certificate["model"]["kind"] == "torch"
    report = rescind.verify(answer.release.folder, run=tmp_path / "run")
    assert report.holds, report.text


def test_tied_weights_are_one_tensor_in_a_release(tmp_path):
    from test_products import Batch

    made, task, batch = zoo.modules()["language model"]
    with attach(tmp_path / "run", made, Batch(batch), task=task, radius=50.0) as run:
        run.trained()
        run.forget(positions=[1], release=Sigma(0.001))
        state = run.released_state_dict()
    assert torch.equal(state["embed.weight"], state["head.weight"])


def test_requests_that_name_nobody_are_told_what_to_do(tmp_path):
    run = trained(tmp_path / "run")
    with pytest.raises(rescind.errors.RequestEmpty):
        run.forget()
    with pytest.raises(rescind.errors.UnknownSubject):
        run.forget(subjects="nobody")
    with pytest.raises(rescind.errors.UnknownRecord):
        run.forget(ids="nothing")
    with pytest.raises(rescind.errors.UnknownMethod):
        run.forget(ids="r1", method="magic")
    with pytest.raises(rescind.errors.MethodSettings):
        run.forget(ids="r1", method=Method("newton", {"magic": 1}))
    with pytest.raises(rescind.errors.RequestOutOfRange):
        run.forget(positions=[RECORDS])
    assert len(run.retained()) == RECORDS
    run.close()


def test_no_reader_is_promised_more_than_was_computed(tmp_path):
    certificate = {
        "release": 1,
        "guarantee": {
            "epsilon": 33.10373233592263,
            "delta": 1.00000004e-5,
            "kind": "proved",
            "binding": "ball_diameter",
        },
        "noise": {"sigma": 0.5},
    }
    release = rescind.Release(tmp_path, certificate, "", "")
    record = {"seconds": 1.0, "method": {"method": "newton"}}
    answer = rescind.Answer(1, [3], release, False, record)
    assert "epsilon = 33.1038, delta = 1.00001e-05" in str(answer)
    assert "33.1038" in release._repr_html_() and "1.00001e-05" in release._repr_html_()


def test_a_draw_is_that_of_the_seed_alone():
    torch.manual_seed(5)
    first = rescind.draw(module(), seed=3)
    torch.manual_seed(6)
    second = rescind.draw(module(), seed=3)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert float(first["0.weight"].abs().max()) <= 0.5
    assert not torch.equal(first["0.weight"], rescind.draw(module(), seed=4)["0.weight"])


def test_the_command_comes_with_the_package(tmp_path):
    trained(tmp_path / "run").close()

    def command(*words):
        return subprocess.run(
            [sys.executable, "-m", "rescind", *words], capture_output=True, text=True, check=False
        )

    shown = command("status", str(tmp_path / "run"), "--json")
    assert shown.returncode == 0 and f'"retained": {RECORDS}' in shown.stdout, shown
    assert command("forget", str(tmp_path / "run"), "--random", "1").returncode == 1
    assert command("no-such-command").returncode == 2


def test_a_released_state_is_saved_as_any_other(tmp_path):
    with trained(tmp_path / "run") as run:
        run.forget(ids="r1", release=Sigma(0.01))
        file = io.BytesIO()
        torch.save(run.released_state_dict(), file)
    file.seek(0)
    module().load_state_dict(torch.load(file, weights_only=True))
