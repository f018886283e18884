"""Whatever fits the desk's OpenAPI document, and much that does not, is answered as it says."""

import os
import subprocess
import sys

import pytest
from desks import Desk

pytest.importorskip("schemathesis")

# What an answer must keep. Which requests are taken is the desk's own business: what is named has
# to be there.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)


def test_no_call_fails_and_every_answer_fits_the_document(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    desk = Desk("desk", "--demo", "--most-calls", "10000")
    words = ["-m", "schemathesis.cli", "run", f"{desk.at}/openapi.json"]
    words += ["-H", f"Authorization: Bearer {desk.token}", "--checks", ",".join(CHECKS)]
    words += ["--seed", "1", "--generation-deterministic", "--max-examples", "10"]
    words += ["--continue-on-failure", "--no-color"]
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONUTF8": "1"},
        timeout=180,
        check=False,
    )
    alive = desk.call("/v1/requests")
    desk.end()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    # It was not held up at the door, and has had requests received.
    assert "Tested: 25" in done.stdout, done.stdout[-3000:]
    assert alive["requests"]
