"""Runs over several processes, against the same run in one."""

import json
import os
import socket
import subprocess
import sys
import textwrap

import pytest
import torch

if not torch.distributed.is_available():
    pytest.skip("this PyTorch has no torch.distributed", allow_module_level=True)

COMMON = """
import json, os, sys
import torch, rescind
from torch import nn
from torch.utils.data import TensorDataset
from rescind.torch import Training, attach, tangent

torch.set_num_threads(1)
world = int(os.environ.get("WORLD_SIZE", 1))
if world > 1:
    torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank() if world > 1 else 0
generator = torch.Generator().manual_seed(0)
x = torch.randn(97, 4, generator=generator)
y = (x[:, :2] + 0.5 * torch.randn(97, 2, generator=generator)).argmax(1)
records = rescind.Records(TensorDataset(x, y), subjects=[i % 20 for i in range(97)], name="made up")

def module():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))

def tell(**figures):
    if rank == 0:
        print(json.dumps(figures))
"""

ATTACHED = """
made = module()
training = Training(epochs=2, batch=32, penalty=1e-3)
with attach(sys.argv[1], made, records, test=TensorDataset(x, y), training=training) as run:
    run.train()
    newton = rescind.Method(
        "newton", {"damping": {"kind": "given", "value": 0.5}, "loss_growth": None}
    )
    answer = run.forget(subjects=["3"], method=newton, release=rescind.Sigma(0.01))
    weights = [float(v) for p in made.parameters() for v in p.detach().reshape(-1)]
    # Every rank has the same weights and is told the same.
    if world > 1:
        all = [None] * world
        told = (weights, answer.forgotten, answer.release.epsilon, run.pending)
        torch.distributed.all_gather_object(all, told)
        assert all.count(all[0]) == world
    figures = run.evaluate()
    tell(weights=weights, loss=figures["current"]["test"]["loss"], gone=answer.forgotten)
    try:
        run.forget(subjects=["nobody"])
    except rescind.errors.UnknownSubject:
        pass
    else:
        raise SystemExit("nobody was forgotten")
"""

TANGENT = """
with tangent(sys.argv[1], module(), records, penalty=1e-2, gradient=1e-7) as run:
    run.train()
    answer = run.forget(positions=[0, 5, 96], release=rescind.Promise(1.0))
    weights = [float(v) for p in run.model.direction for v in p.reshape(-1)]
    tell(weights=weights, gone=answer.forgotten, loss=0.0)
"""


END = """
if world > 1:
    torch.distributed.destroy_process_group()
"""


def ran(tmp_path, script, processes):
    path = tmp_path / f"script{processes}.py"
    path.write_text(COMMON + textwrap.dedent(script) + END)
    words = [sys.executable]
    if processes > 1:
        words += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    words += [str(path), str(tmp_path / f"run{processes}")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        words, capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("script", [ATTACHED, TANGENT], ids=["attached", "tangent"])
def test_several_processes_do_as_one(script, tmp_path):
    alone = ran(tmp_path, script, 1)
    for processes in (2, 4):
        together = ran(tmp_path, script, processes)
        assert together["gone"] == alone["gone"]
        assert together["weights"] == pytest.approx(alone["weights"], abs=2e-5)
        assert together["loss"] == pytest.approx(alone["loss"], abs=1e-5)


def test_a_rank_that_dies_ends_the_call_and_loses_nothing(tmp_path):
    script = """
        from rescind.torch import module as computing
        made = module()
        with attach(sys.argv[1], made, records, training=Training(epochs=1)) as run:
            run.train()
            before = [p.clone() for p in made.parameters()]
            calls = []
            product = computing.TorchModel.product

            def dying(self, *given):
                calls.append(1)
                if rank == 1 and len(calls) == 3:
                    os._exit(7)
                return product(self, *given)

            computing.TorchModel.product = dying
            try:
                run.forget(positions=[1, 2])
            except Exception as error:
                print("ended:", type(error).__name__, flush=True)
                os._exit(0 if rank == 0 else 1)
    """
    path = tmp_path / "dying.py"
    path.write_text(COMMON + textwrap.dedent(script))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # By hand: torchrun ends the others as soon as one has died, whatever they are about to say.
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    ranks = [
        subprocess.Popen(
            [sys.executable, str(path), str(tmp_path / "run2")],
            env={**os.environ, **common, "RANK": str(rank), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    told = [one.communicate(timeout=300) for one in ranks]
    assert ranks[1].returncode == 7
    assert "ended:" in told[0][0], told[0]
    again = """
        made = module()
        with attach(sys.argv[1], made, records, training=Training(epochs=1)) as run:
            assert run.is_trained and len(run.retained()) == 97 and run.pending == []
            answer = run.forget(positions=[1, 2])
            tell(number=answer.number, gone=answer.forgotten)
    """
    assert ran(tmp_path, again, 2) == {"number": 1, "gone": [1, 2]}


def test_an_exception_of_one_rank_is_told_to_all_and_calls_must_agree(tmp_path):
    script = """
        made = module()
        with attach(sys.argv[1], made, records, training=Training(epochs=1)) as run:
            run.train()
            seen = []
            def failing(part, given, made):
                if rank == 1:
                    raise ValueError("the sensor is offline")
            hook = made[0].register_forward_hook(failing)
            try:
                run.forget(positions=[1])
            except RuntimeError as error:
                seen.append(str(error))
            hook.remove()
            told = [None] * world
            torch.distributed.all_gather_object(told, seen)
            assert all(len(one) == 1 and "sensor is offline" in one[0] for one in told), told
            assert run.forget(positions=[1]).number == 1
            try:
                run.pending if rank == 0 else run.is_trained
            except rescind.RescindError as error:
                assert rank == 1 and "pending" in str(error), error
            else:
                assert rank == 0
            tell(fine=True)
            os._exit(0)
    """
    assert ran(tmp_path, script, 2)["fine"]
