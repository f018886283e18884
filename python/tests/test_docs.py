"""The examples of the manual run as they stand."""

import pathlib
import re

import pytest

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "python.md"


def test_the_examples_run_one_after_another(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"<!-- run: first -->\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 4
    names = {}
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    told = capsys.readouterr().out
    assert "epsilon = 1, delta = 1e-05 (declared)" in told
    assert told.endswith("holds\ndeclared strongly_convex\nTrue\n")


def test_every_name_of_the_manual_is_there():
    import rescind
    import rescind.torch

    named = set(re.findall(r"rescind\.((?:torch\.)?[A-Za-z_.]+)", PAGE.read_text()))
    named -= {"RescindError."}
    for name in named:
        thing = rescind
        for part in name.rstrip(".").split("."):
            if not hasattr(thing, part):
                # What needs more than torch is a module of its own.
                pytest.importorskip(f"{thing.__name__}.{part}")
            thing = getattr(thing, part)
    assert len(named) >= 6
    with pytest.raises(AttributeError):
        rescind.torch.nothing  # noqa: B018
