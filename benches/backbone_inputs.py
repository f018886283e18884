r"""Arrays of `backbone_features.py` and `patch_features.py`, as inputs of a head.

    python benches/backbone_inputs.py lite0.npz lite2.npz --public crops0.npz crops2.npz \
        --out inputs
    python benches/backbone_inputs.py patches.npz --out inputs

Of a backbone every depthwise layer's vector goes through the public weights of the 1 x 1
convolution that follows it there, which takes 24 176 numbers of EfficientNet-Lite 0 and 2 to
4264, and is brought to length one again. Patches stay as they are. With `--public`, features of
other, public pictures, their mean is taken off and their covariance, plus `--floor` of the
identity, made the identity over their number: constants that no record moves, after which a head
trains many times faster. Written: x.npy, y.npy (training), tx.npy, ty.npy (test), inputs in
binary32, all files' beside one another.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from backbone_features import backbone
from numpy.typing import NDArray

VERSIONS = {10240: 0, 13936: 2}


def unit(x: NDArray[np.float32]) -> NDArray[np.float32]:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)


def projections(version: int) -> list[NDArray[np.float32]]:
    """Of every depthwise layer, in order: the next 1 x 1 convolution, batch norm scaled in."""
    out = []
    for stage in backbone(version).blocks:
        for block in stage:
            inverted = hasattr(block, "conv_pwl")
            conv = block.conv_pwl if inverted else block.conv_pw
            norm = block.bn3 if inverted else block.bn2
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            out.append((conv.weight[:, :, 0, 0] * scale[:, None]).detach().numpy())
    return out


def inputs(x: NDArray[np.float16]) -> NDArray[np.float32]:
    version = VERSIONS.get(x.shape[1])
    if version is None:
        return x.astype(np.float32)
    made, at = [], 0
    for layer in projections(version):
        width = layer.shape[1]
        made.append(unit(x[:, at : at + width].astype(np.float32) @ layer.T))
        at += width
    return np.hstack(made)


def whitening(x: NDArray[np.float32], floor: float) -> NDArray[np.float32]:
    """A that makes `(x - mean) A` of covariance 1/p, where it is far above the floor."""
    values, vectors = np.linalg.eigh(np.cov(x.T, bias=True).astype(np.float64))
    made = vectors / np.sqrt((values.clip(min=0) + floor) * len(values))
    return made.astype(np.float32)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("features", type=Path, nargs="+")
    words.add_argument("--public", type=Path, nargs="*", help="features of public pictures")
    words.add_argument("--floor", type=float, default=1e-5)
    words.add_argument("--columns", type=int, help="a random choice of so many of the numbers")
    words.add_argument("--out", type=Path, required=True)
    words = words.parse_args()
    words.out.mkdir(parents=True, exist_ok=True)

    def joined(files: list[Path], part: str) -> NDArray[np.float32]:
        x = np.hstack([inputs(np.load(file)[f"x_{part}"]) for file in files])
        if words.columns:
            x = x[:, np.random.default_rng(0).permutation(x.shape[1])[: words.columns]]
        return x

    if words.public:
        public = joined(words.public, "train")
        mean, white = public.mean(0), whitening(public, words.floor)
    for part, before in (("train", ""), ("test", "t")):
        x = joined(words.features, part)
        if words.public:
            x = (x - mean) @ white
        np.save(words.out / f"{before}x.npy", x)
        np.save(words.out / f"{before}y.npy", np.load(words.features[0])[f"y_{part}"])
        print(f"{part}: {x.shape[0]} records of {x.shape[1]} inputs", flush=True)


if __name__ == "__main__":
    main()
