"""What a module is trained for: outputs of a batch, and the loss of every record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Forward = Callable[[nn.Module, Any], Tensor]
Loss = Callable[[Tensor, Any], Tensor]


def _inputs(batch: Any) -> Any:
    return batch[0] if isinstance(batch, (tuple, list)) else batch


def _target(batch: Any) -> Tensor:
    return batch["labels"] if isinstance(batch, Mapping) else batch[1]


# A label that torch's cross-entropy leaves out.
LEFT_OUT = -100


def _next(batch: Any) -> Tensor:
    """The token that follows each position; none follows the last."""
    labels = _target(batch)
    return functional.pad(labels[:, 1:], (0, 1), value=LEFT_OUT)


def _outputs(module: nn.Module, batch: Any) -> Tensor:
    """Call the module with a batch's inputs, and take ``.logits`` of what has them."""
    inputs = _inputs(batch)
    if isinstance(inputs, Mapping):
        # The loss is this side's: some modules compute one of their own where labels are given.
        made = module(**{name: value for name, value in inputs.items() if name != "labels"})
    else:
        made = module(inputs)
    return made.logits if hasattr(made, "logits") else made


@dataclass(frozen=True)
class Task:
    """How outputs follow from a batch, and losses from outputs.

    Parameters
    ----------
    loss : callable
        ``loss(outputs, batch)``: a tensor with the loss of each of the n records, shape ``(n,)``.
        The objective is their mean. Not reduced: ``reduction="none"``.
    forward : callable, optional
        ``forward(module, batch)``: the outputs, one tensor whose first axis is the records. By
        default the module is called with the first element of a tuple, or with the members of a
        mapping but ``labels``, and ``.logits`` is taken of what has them.
    hits : callable, optional
        ``hits(outputs, batch)``: whether each record is right, shape ``(n,)``, for accuracies.
    target : callable, optional
        ``target(batch)``: what the outputs are compared with.
    convex : dict, optional
        What kind of loss it is, where it is convex in the outputs and bounded at outputs of zero
        (``docs/theory.md``, section 3): what :func:`rescind.tangent` and :func:`rescind.head` need.
        They train by that loss of outputs and ``target``; ``loss`` is then what is measured.

    Examples
    --------
    >>> Task.cross_entropy().hits is not None
    True
    """

    loss: Loss
    forward: Forward = _outputs
    hits: Loss | None = None
    target: Callable[[Any], Tensor] | None = None
    convex: dict[str, Any] | None = None

    @classmethod
    def cross_entropy(cls, forward: Forward = _outputs) -> Task:
        """Classification; targets are the second element of a batch, or its ``labels``: class
        numbers, shape ``(n,)``."""
        return cls(
            loss=lambda outputs, batch: functional.cross_entropy(
                outputs, _target(batch), reduction="none"
            ),
            forward=forward,
            hits=lambda outputs, batch: outputs.argmax(-1) == _target(batch),
            target=_target,
            convex={"kind": "softmax_cross_entropy"},
        )

    @classmethod
    def independent_labels(cls, forward: Forward = _outputs) -> Task:
        """Labels that may hold at once: the sum of a binary cross-entropy for each; targets are 0
        or 1, shape ``(n, labels)``. A record is right where all its labels are."""

        def loss(outputs: Tensor, batch: Any) -> Tensor:
            target = _target(batch).to(outputs.dtype).reshape(outputs.shape)
            each = functional.binary_cross_entropy_with_logits(outputs, target, reduction="none")
            return each.flatten(1).sum(1)

        return cls(
            loss=loss,
            forward=forward,
            hits=lambda outputs, batch: (
                ((outputs > 0) == (_target(batch).reshape(outputs.shape) > 0.5)).flatten(1).all(1)
            ),
            target=_target,
            convex={"kind": "independent_labels"},
        )

    @classmethod
    def squared_error(cls, forward: Forward = _outputs, bound: float | None = None) -> Task:
        """Regression: half the squared distance of outputs and target of each record.

        Parameters
        ----------
        forward : callable
            As for :class:`Task`.
        bound : float, optional
            Targets are clipped to ``[-bound, bound]``. Chosen from what the targets can be, not
            read off the records. :func:`rescind.tangent` and :func:`rescind.head` need it.
        """

        def loss(outputs: Tensor, batch: Any) -> Tensor:
            target = _target(batch).reshape(outputs.shape)
            if bound is not None:
                target = target.clamp(-bound, bound)
            return 0.5 * (outputs - target).square().flatten(1).sum(1)

        return cls(
            loss=loss,
            forward=forward,
            target=_target,
            convex=None if bound is None else {"kind": "squared_error", "bound": float(bound)},
        )

    @classmethod
    def language_model(cls, forward: Forward = _outputs) -> Task:
        """The next token: logits of shape ``(n, t, v)``, ``labels`` of shape ``(n, t)`` in which
        -100 is left out. A record's loss is the mean over its tokens, and 0 if it has none."""

        def loss(outputs: Tensor, batch: Any) -> Tensor:
            labels = _next(batch)
            each = functional.cross_entropy(
                outputs.transpose(1, 2), labels, ignore_index=LEFT_OUT, reduction="none"
            )
            return each.sum(1) / (labels != LEFT_OUT).sum(1).clamp(min=1)

        return cls(
            loss=loss,
            forward=forward,
            target=_next,
            convex={"kind": "token_cross_entropy"},
        )

    def losses(self, module: nn.Module, batch: Any) -> Tensor:
        """The loss of every record of a batch, shape ``(n,)``."""
        return self.loss(self.forward(module, batch), batch)


def moved(batch: Any, device: torch.device, dtype: torch.dtype) -> Any:
    """A batch on a device, its floating-point tensors of this type."""
    if isinstance(batch, Tensor):
        return batch.to(device, dtype if batch.is_floating_point() else None)
    if isinstance(batch, Mapping):
        return {name: moved(value, device, dtype) for name, value in batch.items()}
    if isinstance(batch, (tuple, list)):
        return tuple(moved(value, device, dtype) for value in batch)
    return batch


def count(batch: Any) -> int:
    """How many records a batch holds."""
    if isinstance(batch, Tensor):
        return batch.shape[0]
    values = batch.values() if isinstance(batch, Mapping) else batch
    return next(
        count(value) for value in values if isinstance(value, (Tensor, Mapping, tuple, list))
    )
