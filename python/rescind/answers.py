"""What a run answers."""

from __future__ import annotations

import decimal
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Release:
    """Noised weights with their certificate.

    Attributes
    ----------
    folder : pathlib.Path
        Where both lie: ``weights.safetensors``, ``certificate.json`` and its renderings.
    certificate : dict
        What is promised, and all that it rests on (``docs/formats.md``).
    text : str
        The certificate for people.
    """

    folder: Path
    certificate: dict[str, Any]
    text: str
    _markdown: str

    @property
    def number(self) -> int:
        """Number of the release."""
        return int(self.certificate["release"])

    @property
    def epsilon(self) -> float:
        """Epsilon of this release, at :attr:`delta`."""
        return float(self.certificate["guarantee"]["epsilon"])

    @property
    def delta(self) -> float:
        """Delta of this release."""
        return float(self.certificate["guarantee"]["delta"])

    @property
    def kind(self) -> str:
        """What the promise rests on: ``"proved"``, ``"probabilistic"``, ``"declared"``,
        ``"estimated"`` or ``"assumed"``."""
        return str(self.certificate["guarantee"]["kind"])

    def model_card(self) -> str:
        """A section for a model card, in Markdown."""
        return self._markdown

    def __str__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        guarantee = self.certificate["guarantee"]
        rows = {
            "release": self.number,
            "epsilon": _upward(self.epsilon),
            "delta": _upward(self.delta),
            "kind of promise": self.kind,
            "rests on": str(guarantee["binding"]).replace("_", " "),
            "noise on every weight": f"{self.certificate['noise']['sigma']:.4g}",
        }
        return f"{_table(rows)}<details><summary>certificate</summary>{_pre(self.text)}</details>"


@dataclass(frozen=True)
class Answer:
    """The answer to a request.

    Attributes
    ----------
    number : int
        Number of the request.
    forgotten : list of int
        Positions of the records that were forgotten.
    release : Release or None
        The release, if one was asked for.
    repeated : bool
        Whether an earlier request of the same key was answered again.
    record : dict
        Everything measured. Private: it carries no noise.
    """

    number: int
    forgotten: list[int] = field(repr=False)
    release: Release | None
    repeated: bool
    record: dict[str, Any] = field(repr=False)

    @property
    def seconds(self) -> float:
        """Seconds from the request to the new private weights, before release."""
        return float(self.record["seconds"])

    def model_card(self) -> str:
        """A section for a model card, in Markdown; empty where nothing was released."""
        return self.release.model_card() if self.release else ""

    def __str__(self) -> str:
        method = self.record["method"]["method"]
        told = f"Request {self.number}: {len(self.forgotten)} records forgotten by {method}."
        if self.release is None:
            return told + " Not released yet."
        epsilon, delta = _upward(self.release.epsilon), _upward(self.release.delta)
        return f"{told} Released at epsilon = {epsilon}, delta = {delta} ({self.release.kind})."

    def _repr_html_(self) -> str:
        told = f"<p>{html.escape(str(self))}</p>"
        return told if self.release is None else told + self.release._repr_html_()


@dataclass(frozen=True)
class Audit:
    """What an audit found: lower bounds on what a release tells, by its behaviour.

    Attributes
    ----------
    holds : bool
        Whether nothing was found that breaks the promise; that is no proof.
    pairs : int
        Pairs of releases drawn.
    epsilon, promised_epsilon : float
        At least this much, and what was promised.
    distance, bound : float
        Between the unlearned and the retrained weights before noise, and what the promise allows.
    figures : dict
        Everything, as ``rescind audit --json`` prints it.
    """

    holds: bool
    pairs: int
    epsilon: float
    promised_epsilon: float
    distance: float
    bound: float
    figures: dict[str, Any]

    def __str__(self) -> str:
        told = (
            "Nothing was found that breaks the promise" if self.holds else "THE PROMISE IS BROKEN"
        )
        return (
            f"{told}: {self.pairs} pairs show epsilon at least {self.epsilon:.4g} of "
            f"{self.promised_epsilon:.4g} promised; weights {self.distance:.4g} apart, "
            f"{self.bound:.4g} allowed."
        )


@dataclass(frozen=True)
class Decision:
    """What the models of a run make of one input.

    Attributes
    ----------
    line : int or None
        Of a table, the line that the input is from.
    label : str
        The private model's class.
    distance : float
        How far other weights must lie from the private ones, at least, to answer another class.
    settled : bool
        Whether every model trained without the forgotten records answers the same.
    released, original : str or None
        The class of the newest release, where it covers all requests, and of the model before any
        request, where it was kept.
    """

    line: int | None
    label: str
    distance: float
    settled: bool
    released: str | None
    original: str | None


@dataclass(frozen=True)
class Decisions:
    """Which decisions forgetting provably left as they are.

    Attributes
    ----------
    within : float
        No model trained without the forgotten records lies farther from the private weights.
    kind : str
        What that rests on: as a certificate of the same bound would say.
    classes : list of str
        The classes, in the order of the model's outputs.
    inputs : list of Decision
        One for each input, in order.
    """

    within: float
    kind: str
    classes: list[str]
    inputs: list[Decision]

    @property
    def settled(self) -> int:
        """How many of the inputs are settled."""
        return sum(decision.settled for decision in self.inputs)

    def __str__(self) -> str:
        within = _upward(self.within)
        return (
            f"{self.settled} of {len(self.inputs)} settled: every model trained without the "
            f"forgotten records decides them so, as none lies farther than {within} from the "
            f"private weights ({self.kind})."
        )


def _upward(value: float) -> str:
    """Six digits, never less than the value: no reader is promised more than was computed."""
    nearest = f"{value:.6g}"
    if float(nearest) >= value:
        return nearest
    up = decimal.Context(prec=6, rounding=decimal.ROUND_CEILING).create_decimal_from_float(value)
    return f"{float(up):.6g}"


def _table(rows: Mapping[str, Any]) -> str:
    made = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in rows.items()
    )
    return f"<table>{made}</table>"


def _pre(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>"


def audit_of(told: dict[str, Any]) -> Audit:
    """The audit that the core told of."""
    return Audit(
        holds=told["holds"],
        pairs=told["pairs"],
        epsilon=told["epsilon"]["value"],
        promised_epsilon=told["claim"]["epsilon"],
        distance=told["distance"]["measured"],
        bound=told["distance"]["bound"],
        figures=told,
    )


def decisions_of(told: dict[str, Any]) -> Decisions:
    """The decisions that the core told of."""
    classes = told["classes"]

    def name(number: int | None) -> str | None:
        return None if number is None else classes[number]

    inputs = [
        Decision(
            line=one["line"],
            label=classes[one["class"]],
            distance=one["distance"],
            settled=one["settled"],
            released=name(one["released"]),
            original=name(one["original"]),
        )
        for one in told["inputs"]
    ]
    return Decisions(told["within"], told["kind"], classes, inputs)


def release_of(folder: Path, told: Mapping[str, Any]) -> Release:
    """The release that the core told of, in the run of this folder."""
    certificate = dict(told["certificate"])
    place = folder / "releases" / f"{certificate['release']:06}"
    return Release(place, certificate, told["text"], told["markdown"])


def answer_of(folder: Path, told: str) -> Answer:
    """The answer that the core told of."""
    answer = json.loads(told)
    release = answer["release"]
    return Answer(
        number=answer["record"]["number"],
        forgotten=answer["forgotten"],
        release=None if release is None else release_of(folder, release),
        repeated=answer["repeated"],
        record=answer["record"],
    )
