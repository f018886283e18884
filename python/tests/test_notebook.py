"""The tutorial runs as it stands, from an empty kernel."""

import pathlib

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
pytest.importorskip("pandas")
PATH = pathlib.Path(__file__).parents[2] / "examples" / "python" / "tutorial.ipynb"


def shown(notebook):
    """Everything that the cells print or show, by type."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    told = "".join(output.text for output in outputs if output.output_type == "stream")
    found = {"text/plain": told}
    for output in outputs:
        for kind, content in output.get("data", {}).items():
            found[kind] = found.get(kind, "") + content + "\n"
    return found


def test_the_tutorial_runs_from_top_to_bottom(tmp_path):
    notebook = nbformat.read(PATH, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert len(code) >= 8
    # It is kept without what it shows.
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=600, resources=resources).execute()
    found = shown(notebook)
    for told in ("The module will do.", "'holds'", "Nothing was found that breaks the promise"):
        assert told in found["text/plain"]
    assert found["text/html"].count("<th>epsilon</th><td>1</td>") == 2
    for what in ("strongly convex", "noisy fine tuning", "<summary>certificate</summary>"):
        assert what in found["text/html"]
    assert "epsilon" in found["text/markdown"] and "<svg" in found["image/svg+xml"]
