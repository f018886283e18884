"""Checking certificates, as ``rescind verify`` does."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rescind import _core


@dataclass(frozen=True)
class Verification:
    """What was found of a certificate.

    Attributes
    ----------
    verdict : str
        ``"holds"`` (no check failed, and the key that was named signed), ``"consistent"`` (no check
        failed, but nobody said whose key must have signed) or ``"does-not-hold"``.
    text : str
        Every check and the reading of the promise, for people.
    unchecked : list of str
        What was not checked, and why.
    """

    verdict: str
    text: str
    unchecked: list[str]

    @property
    def holds(self) -> bool:
        """Whether no check failed and the key that was named signed."""
        return self.verdict == "holds"

    def __str__(self) -> str:
        return self.text


def verify(
    certificate: str | os.PathLike[str],
    *,
    fingerprint: str | None = None,
    run: str | os.PathLike[str] | None = None,
) -> Verification:
    """Check a certificate.

    Parameters
    ----------
    certificate : path
        ``certificate.json``, or the folder of a release. What lies beside it is checked too.
    fingerprint : str, optional
        Fingerprint of the key that must have signed, got over another channel.
    run : path, optional
        The run that the release is from. Nothing is written to it.

    Returns
    -------
    Verification

    Raises
    ------
    rescind.errors.RescindError
        A file that cannot be read, or a run in use.
    """
    path = Path(certificate)
    if path.is_dir():
        path = path / "certificate.json"
    verdict, text, unchecked = _core.verify(
        path.read_bytes(),
        fingerprint,
        None if run is None else os.fspath(run),
        os.fspath(path.parent),
    )
    return Verification(verdict, text, unchecked)
