"""Figures of a run for experiment trackers."""

from __future__ import annotations

from typing import Any

from rescind.answers import Answer


def figures(answer: Answer) -> dict[str, float]:
    """What of an answer whoever may see the release may see: nothing measured without noise.

    Parameters
    ----------
    answer : Answer
        Of :meth:`rescind.Run.forget`.

    Returns
    -------
    dict of str to float
        Number of the request and of the release, epsilon and delta.
    """
    told = {"rescind/request": float(answer.number)}
    if answer.release is not None:
        told |= {
            "rescind/release": float(answer.release.number),
            "rescind/epsilon": answer.release.epsilon,
            "rescind/delta": answer.release.delta,
        }
    return told


def log_to_mlflow(answer: Answer, mlflow: Any = None) -> None:
    """Log an answer's figures, and its release as artifacts, to MLflow's active run.

    Parameters
    ----------
    answer : Answer
        Of :meth:`rescind.Run.forget`.
    mlflow : module, optional
        ``mlflow`` if absent; anything with ``log_metrics``, ``log_artifacts`` and ``set_tag``.
    """
    if mlflow is None:
        import mlflow as found

        mlflow = found
    mlflow.log_metrics(figures(answer))
    if answer.release is not None:
        mlflow.set_tag("rescind.guarantee", answer.release.kind)
        mlflow.log_artifacts(str(answer.release.folder), artifact_path="rescind")
