"""The package's types and its form, by the tools that read them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "words", [["mypy"], ["ruff", "check", "python"], ["ruff", "format", "--check", "python"]]
)
def test_it_is_as_they_want_it(words):
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
