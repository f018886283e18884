"""The circumstances under which a module is computed with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def computing(module: nn.Module) -> Iterator[None]:
    """Evaluation mode, gradients on, no autocast, full float32 products, attention written out.

    Fused attention has no second derivative, cuDNN's recurrent layers none in evaluation mode, and
    TF32 is too coarse for solves.
    """
    modes = [(part, part.training) for part in module.modules()]
    tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    module.eval()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    devices = {parameter.device.type for parameter in module.parameters()}
    try:
        with (
            torch.enable_grad(),
            sdpa_kernel(SDPBackend.MATH),
            torch.backends.cudnn.flags(enabled=not _recurrent(module), deterministic=True),
            torch.autocast(next(iter(devices), "cpu"), enabled=False),
        ):
            yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = tf32
        for part, mode in modes:
            part.training = mode


def _recurrent(module: nn.Module) -> bool:
    return any(isinstance(part, nn.RNNBase) for part in module.modules())
