"""Small modules of many kinds, each with a task and a batch."""

from __future__ import annotations

import torch
from rescind import Task
from rescind.torch import freeze_batch_norm
from torch import nn

CLASSES = 3


class Residual(nn.Module):
    def __init__(self, width: int, norm: type[nn.Module]) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.norm = norm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.tanh(self.norm(self.first(x)))


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(self.embed(tokens)).mean(1))


class Language(nn.Module):
    """A causal language model with tied weights."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 8)
        self.mix = nn.TransformerEncoderLayer(8, 2, 16, activation="gelu", batch_first=True)
        self.head = nn.Linear(8, 11, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(input_ids.shape[1]).to(
            self.embed.weight.dtype
        )
        return self.head(self.mix(self.embed(input_ids), src_mask=mask))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(5, 7, batch_first=True)
        self.head = nn.Linear(7, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x)[0][:, -1])


def _images() -> torch.Tensor:
    return torch.randn(6, 2, 6, 6)


def _labels(n: int = 6) -> torch.Tensor:
    return torch.randint(0, CLASSES, (n,))


def modules() -> dict[str, tuple[nn.Module, Task, object]]:
    """By name: a module, its task and a batch; the same every time."""
    torch.manual_seed(0)
    group = lambda width: nn.GroupNorm(2, width)  # noqa: E731
    convolutional = lambda norm: nn.Sequential(  # noqa: E731
        nn.Conv2d(2, 4, 3), Residual(4, norm), nn.AvgPool2d(4), nn.Flatten(), nn.Linear(4, CLASSES)
    )
    frozen = convolutional(nn.BatchNorm2d)
    frozen(_images())
    tokens = torch.randint(0, 11, (6, 5))
    return {
        "mlp": (
            nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Dropout(0.5), nn.Linear(8, CLASSES)),
            Task.cross_entropy(),
            (torch.randn(6, 4), _labels()),
        ),
        "convolutions": (convolutional(group), Task.cross_entropy(), (_images(), _labels())),
        "frozen batch norm": (
            freeze_batch_norm(frozen),
            Task.cross_entropy(),
            (_images(), _labels()),
        ),
        "encoder": (Encoder(), Task.cross_entropy(), (tokens, _labels())),
        "language model": (
            Language(),
            Task.language_model(),
            {"input_ids": tokens, "labels": tokens.clone()},
        ),
        "recurrent": (Recurrent(), Task.cross_entropy(), (torch.randn(6, 3, 5), _labels())),
        "regression": (
            nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)),
            Task.squared_error(),
            (torch.randn(6, 4), torch.randn(6, 2)),
        ),
    }
