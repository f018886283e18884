"""The package as such: its errors, its stubs, its names."""

import ast
import doctest
import importlib
import inspect
import pathlib
import pkgutil

import pytest
import rescind
from rescind import _core, errors

PACKAGE = pathlib.Path(rescind.__file__).parent


def test_every_code_has_a_class_of_its_kind():
    kinds = {
        "usage": rescind.UsageError,
        "refused": rescind.Refused,
        "nothing": rescind.NothingToDo,
    }
    codes = _core.codes()
    assert len(codes) > 50
    for code, kind, meaning in codes:
        made = errors.of(code, "what happened")
        assert made.code == code and str(made) == "what happened"
        assert isinstance(made, kinds.get(kind, rescind.RescindError))
        assert type(made).__doc__ == meaning
        assert getattr(errors, type(made).__name__) is type(made)


def test_the_stub_is_the_module():
    tree = ast.parse((PACKAGE / "_core.pyi").read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            assert_same(node, getattr(_core, node.name))
        if isinstance(node, ast.ClassDef):
            own = getattr(_core, node.name)
            stubbed = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
            there = {name for name in vars(own) if not name.startswith("_")}
            assert stubbed == there
            for part in node.body:
                if isinstance(part, ast.FunctionDef):
                    assert_same(part, getattr(own, part.name))
    named = {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    assert named == {name for name in dir(_core) if not name.startswith("_")}


def assert_same(stub, made):
    names = [argument.arg for argument in stub.args.args]
    assert names == list(inspect.signature(made).parameters), stub.name


def test_every_public_name_is_there_and_documented():
    for name in rescind.__all__:
        thing = getattr(rescind, name)
        if name not in ("__version__", "errors"):
            assert inspect.getdoc(thing), name
    torch_part = importlib.import_module("rescind.torch")
    for name in torch_part.__all__:
        thing = getattr(torch_part, name)
        assert inspect.getdoc(thing), name
        for member, function in inspect.getmembers(thing, inspect.isfunction):
            # Other libraries write methods of theirs into torch's modules.
            if not member.startswith("_") and function.__module__.startswith("rescind"):
                assert inspect.getdoc(function), f"{name}.{member}"
    with pytest.raises(AttributeError):
        rescind.nothing  # noqa: B018
    assert (PACKAGE / "py.typed").exists()


def test_the_examples_of_the_docstrings_run():
    tried = 0
    for info in pkgutil.walk_packages(rescind.__path__, "rescind."):
        if info.name.rpartition(".")[2] in ("__main__", "_core"):
            continue
        done = doctest.testmod(importlib.import_module(info.name))
        assert done.failed == 0, info.name
        tried += done.attempted
    tried += doctest.testmod(rescind).attempted
    assert tried >= 3
