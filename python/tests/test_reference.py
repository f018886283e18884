"""The API reference is what the docstrings say: UPDATE_DOCS=1 writes it anew."""

import inspect
import os
import pathlib
import re

import pytest
import rescind
import rescind.torch
from rescind import tracking

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "python-api.md"

SECTIONS = ("Parameters", "Returns", "Raises", "Attributes", "Examples")


def names():
    """Every public name with the object."""
    for name in rescind.__all__:
        if name not in ("errors", "__version__"):
            yield f"rescind.{name}", getattr(rescind, name)
    for name in rescind.torch.__all__:
        if name not in rescind.__all__:
            yield f"rescind.torch.{name}", getattr(rescind.torch, name)
    yield "rescind.tracking.figures", tracking.figures
    yield "rescind.tracking.log_to_mlflow", tracking.log_to_mlflow
    for module in ("hf", "lightning"):
        made = pytest.importorskip(f"rescind.{module}")
        yield f"rescind.{module}.Callback", made.Callback


def signature(thing):
    """As one would call it, without types: the text says these."""
    found = inspect.signature(thing)
    own = [p.replace(annotation=p.empty) for p in found.parameters.values() if p.name != "self"]
    shown = str(found.replace(parameters=own, return_annotation=found.empty))
    return re.sub(r"<(function|class) ([^>]*?)( at 0x[0-9a-f]+)?>", r"\2", shown)


def text(thing):
    """A docstring as Markdown."""
    lines = (inspect.getdoc(thing) or "").replace("``", "`").splitlines()
    out = []
    section = ""
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if line in SECTIONS and set(after) == {"-"}:
            section = line
            out.append(f"*{line}*")
        elif line and set(line) == {"-"}:
            out.append("")
        elif section in ("Parameters", "Attributes", "Raises", "Returns") and line[:1].strip():
            out.append(f"- **{line}**")
        elif section and line.startswith("    ") and section != "Examples":
            out.append(f"  {line.strip()}")
        elif section == "Examples" and line.startswith(">>>"):
            out.append(f"`{line}`")
        else:
            out.append(line)
    return re.sub(r":\w+:`~?([^`]+)`", r"`\1`", "\n".join(out)).strip()


def methods(thing):
    """Public methods and properties of a class, its own and inherited from the package."""
    for name, member in inspect.getmembers(thing):
        home = getattr(inspect.unwrap(getattr(member, "fget", member)), "__module__", "") or ""
        if not name.startswith("_") and home.startswith("rescind"):
            yield name, member


def page():
    """The whole page."""
    out = [
        "# Python API",
        "",
        "Made of the docstrings. Errors are in [errors.md](errors.md), each code a class of",
        "`rescind.errors`; what it is all for is in [python.md](python.md).",
        "",
    ]
    for name, thing in names():
        if inspect.isclass(thing):
            plain = issubclass(thing, Exception)
            out += [f"## {name}" if plain else f"## {name}{signature(thing)}", "", text(thing), ""]
            for method, member in [] if plain else methods(thing):
                head = method if isinstance(member, property) else f"{method}{signature(member)}"
                out += [f"### {name.rpartition('.')[2]}.{head}", "", text(member), ""]
        else:
            out += [f"## {name}{signature(thing)}", "", text(thing), ""]
    return "\n".join(out).rstrip() + "\n"


def test_the_reference_says_what_the_docstrings_say():
    made = page()
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(made)
    assert PAGE.read_text() == made, "UPDATE_DOCS=1 pytest python/tests/test_reference.py"


def test_everything_public_is_documented():
    for name, thing in names():
        assert inspect.getdoc(thing), name
        own = inspect.getdoc(thing) or ""
        callable_itself = inspect.isfunction(thing)
        if callable_itself:
            asked = [p for p in inspect.signature(thing).parameters]
            missing = [p for p in asked if not re.search(rf"(^|, ){p}(,| :|$)", own, re.M)]
            assert not missing, (name, missing)
        if inspect.isclass(thing) and not issubclass(thing, Exception):
            for method, member in methods(thing):
                assert inspect.getdoc(member), f"{name}.{method}"
