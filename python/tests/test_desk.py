"""A deletion desk with a run of the command and one of a module, which a worker answers for."""

import json
import os
import pathlib
import re
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import pytest
import rescind
import torch
from desk_program import opened, opened_then, people
from desks import Desk, command
from rescind import errors

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "python.md"
PEOPLE = 20


POLICY = {"release": {"when": "each", "noise": {"by": "sigma", "sigma": 0.05, "delta": 1e-5}}}
STEP = {"damping": {"kind": "given", "value": 0.5}, "loss_growth": None}
METHOD = {"kind": "newton", "settings": STEP}


@pytest.fixture
def desk(request, tmp_path, monkeypatch):
    """With a run of a module, `module`; where asked for, one of the command of the same people,
    `native`."""
    monkeypatch.chdir(tmp_path)
    models = ["--model", "module=module", "--policy", "module=slow.json"]
    if getattr(request, "param", "") == "native":
        make_native()
        models += ["--model", "native=native", "--policy", "native=policy.json"]
    with opened("module") as run:
        run.train()
    pathlib.Path("policy.json").write_text(json.dumps(POLICY))
    pathlib.Path("slow.json").write_text(json.dumps({**POLICY, "method": METHOD}))
    made = Desk("desk", *models)
    yield made
    made.end()


def make_native():
    lines = ["age,dose,person,outcome"]
    lines += [
        f"0.{i % 7},0.{i % 11},person-{i % PEOPLE},{'sick' if i % 5 < 2 else 'well'}"
        for i in range(3 * PEOPLE)
    ]
    pathlib.Path("people.csv").write_text("\n".join(lines) + "\n")
    source = "csv:people.csv?label=outcome&subject=person&test=0"
    words = "--tangent --model logistic --loss squared-error --mu 1e-2 --scaling none --out native"
    command("train", "--data", source, *words.split())


def environment():
    """With this folder to import from."""
    own = str(pathlib.Path(__file__).parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([own, os.environ.get("PYTHONPATH", "")])}


def worker(opener="opened"):
    """A worker's program of its own."""
    script = f"""
        import rescind
        from desk_program import opened, opened_then
        rescind.work("desk", {{"module": {opener}}})
    """
    words = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.Popen(words, env=environment(), stderr=subprocess.PIPE, text=True)


def lease():
    """Which worker has the module's model."""
    with sqlite3.connect("desk/desk.sqlite") as database:
        return database.execute("SELECT worker FROM models WHERE name = 'module'").fetchone()[0]


@pytest.mark.parametrize("desk", ["native"], indirect=True)
def test_a_person_is_forgotten_by_both_kinds_of_run(desk):
    listed = {model["name"]: model["outside"] for model in desk.call("/v1/models")}
    assert listed == {"native": False, "module": True}
    request = desk.ask("person-1")
    # The desk's own worker leaves the module's run alone, and says nothing went wrong with it.
    status, parts = desk.until(request, lambda _, parts: parts["native"]["state"] == "done")
    assert (status, parts["module"]["state"]) == ("in_progress", "waiting")
    assert desk.call("/v1/models/module")["trouble"] is None
    assert rescind.work("desk", {"module": opened}, stay=False) == 2
    status, parts = desk.story(request)
    assert status == "completed", parts
    assert {name: part["state"] for name, part in parts.items()} == dict.fromkeys(parts, "done")
    assert (parts["native"]["records"], parts["module"]["records"]) == (3, 5)
    assert parts["module"]["release"] == parts["module"]["answer"] == 1
    promises = desk.call("/v1/models/module/promises")
    assert [promise["records"] for promise in promises] == [5]
    # Nothing is left to do, and the run is free.
    assert rescind.work("desk", {"module": opened}, stay=False) == 0
    assert lease() is None
    with opened("module") as run:
        assert len(run.retained()) == 95
    assert rescind.verify("module/releases/000001", run="module").verdict == "holds"


def test_the_promise_of_the_policy_holds_for_a_module_too(desk):
    policy = {**POLICY, "method": METHOD, "promise": {"epsilon": 1e-3, "delta": 1e-5}}
    policy["promise"]["if_broken"] = "hold"
    desk.call("/v1/models/module/policy", policy, "PUT")
    request = desk.ask("person-2")
    assert rescind.work("desk", {"module": opened}, stay=False) >= 2
    _, parts = desk.story(request)
    assert (parts["module"]["state"], parts["module"]["code"]) == ("forgotten", "budget")
    assert desk.call("/v1/models/module/releases") == []


def test_a_worker_that_dies_is_replaced_and_nothing_is_answered_twice(desk):
    request = desk.ask("person-3")
    killed = worker("opened_then('die')")
    killed.communicate(timeout=300)
    assert killed.returncode == -signal.SIGKILL
    assert desk.story(request)[1]["module"]["state"] == "answering"
    # Whose lease has not ended may still be at it.
    pathlib.Path("told").unlink()
    dead = lease()
    assert dead is not None
    assert rescind.work("desk", {"module": opened}, stay=False) == 0
    with sqlite3.connect("desk/desk.sqlite") as database:
        database.execute("UPDATE models SET lease_until = 1 WHERE worker = ?", [dead])
    assert rescind.work("desk", {"module": opened}, stay=False) == 1
    _, parts = desk.until(request, lambda status, _: status == "completed")
    assert (parts["module"]["records"], parts["module"]["answer"]) == (5, 1)
    with opened("module") as run:
        assert len(run.retained()) == 95
        assert len(list((run.folder / "releases").iterdir())) == 1


@pytest.mark.parametrize("computing", [False, True], ids=["idle", "computing"])
def test_a_worker_that_is_told_to_end_lets_go_at_once(desk, computing):
    if computing:
        desk.ask("person-4")
    process = worker("opened_then('wait')" if computing else "opened")
    if computing:
        while not pathlib.Path("computes").exists():
            assert process.poll() is None
            time.sleep(0.01)
    else:
        # It waits for something to do: work that comes is done.
        request = desk.ask("person-4")
        desk.until(request, lambda status, _: status == "completed")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert lease() is None
    assert desk.call("/v1/models/module")["trouble"] is None
    if computing:
        pathlib.Path("told").unlink()
        assert rescind.work("desk", {"module": opened}, stay=False) >= 1


def test_what_a_module_raises_is_tried_again_and_told_to_nobody(desk, caplog):
    request = desk.ask("person-5")
    # As it is tried when it is opened, and once it is open.
    for opener in (opened, opened_then("raise")):
        caplog.clear()
        if opener is opened:
            pathlib.Path("told").write_text("raise")
        rescind.work("desk", {"module": opener}, stay=False)
        assert "Jane Doe" in caplog.text
        trouble = desk.call("/v1/models/module")["trouble"]
        assert trouble["code"] in errors.BY_CODE and "Jane Doe" not in trouble["detail"]
        assert "Jane Doe" not in json.dumps(desk.call(f"/v1/requests/{request}"))
        pathlib.Path("told").unlink()
        desk.call("/v1/models/module/retry", {}, "POST")
    assert trouble["code"] == "model_failed" and "ValueError" in trouble["detail"]
    assert rescind.work("desk", {"module": opened}, stay=False) >= 1
    assert desk.story(request)[1]["module"]["state"] == "done"


def test_a_wrong_run_a_wrong_name_and_no_desk_are_refused(desk, tmp_path):
    with pytest.raises(errors.UnknownModel, match="shop"):
        rescind.work("desk", {"shop": opened}, stay=False)
    with pytest.raises(errors.DeskKey, match="no desk"):
        rescind.work(tmp_path / "nothing", {"module": opened}, stay=False)
    assert not (tmp_path / "nothing").exists()
    with opened("other") as run:
        run.train()
    request = desk.ask("person-6")
    assert rescind.work("desk", {"module": lambda _: opened("other")}, stay=False) == 0
    assert desk.call("/v1/models/module")["trouble"]["code"] == "other_model"
    assert desk.story(request)[1]["module"]["state"] == "waiting"
    with opened("other") as run:
        assert len(run.retained()) == 100


@pytest.mark.skipif(not torch.distributed.is_available(), reason="no torch.distributed")
def test_several_processes_answer_as_one(desk):
    request = desk.ask("person-7")
    script = """
        import rescind, torch
        from desk_program import opened
        torch.distributed.init_process_group("gloo")
        # Rank 0 alone has the desk.
        rank = torch.distributed.get_rank()
        done = rescind.work("desk" if rank == 0 else "nowhere", {"module": opened}, stay=False)
        assert done == 2, done
        torch.distributed.destroy_process_group()
    """
    pathlib.Path("ranks.py").write_text(textwrap.dedent(script))
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "ranks.py"]
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        env={**environment(), "OMP_NUM_THREADS": "1"},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert desk.story(request)[1]["module"]["state"] == "done"


def test_the_example_of_the_manual_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"<!-- run: desk -->\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 1
    with rescind.head("head", None, people, outputs=2, declared_by="A. Smith") as run:
        run.train()
    desk = Desk("rescind-desk", "--model", "shop=head")
    request = desk.ask("person-8")
    exec(compile(blocks[0], str(PAGE), "exec"), {"rescind": rescind, "people": people})
    _, parts = desk.story(request)
    desk.end()
    assert (parts["shop"]["state"], parts["shop"]["records"]) == ("forgotten", 5)
