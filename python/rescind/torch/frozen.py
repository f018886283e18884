"""What decides a module's outputs besides its trained parameters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rescind import _core
from rescind.torch.drawing import trainable

_FROZEN = "rescind 2026 python frozen tensors v1"


class Frozen:
    """The digest of a module's frozen parameters and buffers.

    It is taken again where one of them is another tensor, was written to, or has another checksum:
    to hash all at every call takes several times longer.

    Parameters
    ----------
    module : torch.nn.Module
        The module.
    """

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        # The tensors are held, so that no other can take their place in memory.
        self._seen: list[tuple[str, Tensor, int, int, int]] = []
        self._digest = ""

    def digest(self) -> str:
        """In hexadecimal."""
        trained = {name for name, _ in trainable(self._module)}
        now = [
            (name, tensor, tensor.data_ptr(), tensor._version, _checksum(tensor))
            for name, tensor in _all(self._module)
            if name not in trained
        ]
        same = len(now) == len(self._seen) and all(
            own[0] == other[0] and own[1] is other[1] and own[2:] == other[2:]
            for own, other in zip(now, self._seen, strict=True)
        )
        if not same or not self._digest:
            self._digest, self._seen = digest_of_tensors(self._module, trained), now
        return self._digest


def _checksum(tensor: Tensor) -> int:
    """The sum of a tensor's bits: ``.data`` and numpy write past torch's count of versions."""
    flat = tensor.detach().contiguous().reshape(-1).view(torch.uint8)
    words = flat.view(torch.int32) if flat.numel() % 4 == 0 and flat.data_ptr() % 4 == 0 else flat
    return int(words.sum(dtype=torch.int64))


def _all(module: nn.Module) -> list[tuple[str, Tensor]]:
    named = [*module.named_parameters(), *module.named_buffers()]
    return [(name, tensor) for name, tensor in named if not name.endswith("num_batches_tracked")]


def digest_of_tensors(module: nn.Module, trained: set[str]) -> str:
    """What decides the outputs besides the trained parameters: the other tensors, bit for bit, in
    hexadecimal."""
    parts = []
    for name, tensor in _all(module):
        if name in trained:
            continue
        content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        parts.append(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        parts.append(content.numpy().tobytes())
    return _core.digest(_FROZEN, b"".join(parts)).hex()
