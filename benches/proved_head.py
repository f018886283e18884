r"""Trains a proved head on the arrays of `backbone_inputs.py`, makes it forget, releases and
retrains.

    python benches/proved_head.py inputs --run run --mu 3e-5 --gradient 1e-8 \
        --json results.json --name backbone

Uses the command `rescind` (`--program` says another place). After training it forgets 1, 100 and
1000 random records, one request after another, then releases at (1, 1e-5) and retrains without
them. Each command's wall and processor seconds are those of the whole process, so that a busy
machine shows as their difference. Results are added to the JSON file under the name given. A run
that is there already is gone on with, its training's times then given by `--trained-wall` and
`--trained-processor`.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np

REQUESTS = (1, 100, 1000)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("inputs", type=Path)
    words.add_argument("--run", type=Path, required=True)
    words.add_argument("--mu", default="3e-5")
    words.add_argument("--gradient", default="1e-8")
    words.add_argument("--loss", default="squared-error")
    words.add_argument("--unprepared", action="store_true", help="no `rescind refresh`")
    words.add_argument("--program", default="rescind")
    words.add_argument("--trained-wall", type=float)
    words.add_argument("--trained-processor", type=float)
    words.add_argument("--json", type=Path, required=True)
    words.add_argument("--name", required=True)
    words = words.parse_args()
    times: dict[str, dict[str, float]] = {}

    def rescind(what: str, *arguments: str) -> Any:
        began, before = time.perf_counter(), os.times()
        done = subprocess.run(
            [words.program, *arguments, "--json"], stdout=subprocess.PIPE, check=True
        )
        after = os.times()
        processor = after.children_user + after.children_system
        processor -= before.children_user + before.children_system
        times[what] = {"wall": time.perf_counter() - began, "processor": processor}
        print(what, {k: round(v, 2) for k, v in times[what].items()}, flush=True)
        return json.loads(done.stdout)

    run, at = str(words.run), words.inputs.resolve()
    source = f"npy:{at}/x.npy?label={at}/y.npy&test_inputs={at}/tx.npy&test_label={at}/ty.npy"
    shape = np.load(at / "x.npy", mmap_mode="r").shape
    if words.run.exists():
        times["train"] = {"wall": words.trained_wall, "processor": words.trained_processor}
    else:
        training = ["train", "--data", source, "--classes", "0,1,2,3,4,5,6,7,8,9", "--tangent"]
        training += ["--model", "logistic", "--loss", words.loss, "--scaling", "none"]
        training += ["--mu", words.mu, "--until-gradient", words.gradient, "--out", run]
        rescind("train", *training)
    if not words.unprepared:
        rescind("refresh", "refresh", run)
    for index, count in enumerate(REQUESTS):
        rescind(f"forget {count}", "forget", run, "--random", str(count), "--seed", str(index))
    rescind("release", "release", run, "--epsilon", "1", "--delta", "1e-5")
    certificate = words.run / "releases" / f"{len(REQUESTS):06}" / "certificate.json"
    statement = json.loads(base64.b64decode(json.loads(certificate.read_text())["payload"]))
    row: dict[str, Any] = {
        "records": shape[0],
        "inputs": shape[1],
        "loss": words.loss,
        "mu": float(words.mu),
        "gradient": float(words.gradient),
        "certificate": {key: statement["predicate"][key] for key in ("guarantee", "noise")},
        "seconds": times,
    }

    def kept() -> None:
        row["measured"] = rescind("evaluate", "evaluate", run)
        results = json.loads(words.json.read_text()) if words.json.exists() else {}
        words.json.write_text(json.dumps(results | {words.name: row}, indent=1) + "\n")

    done = subprocess.run([words.program, "verify", str(certificate), "--run", run], check=False)
    row["verify_exit_status"] = done.returncode
    kept()
    rescind("retrain", "retrain", run)
    kept()


if __name__ == "__main__":
    main()
