"""Features of pictures that nobody trained: patches of a few well-known photographs as filters.

    pip install torch openvino timm pillow scikit-image scikit-learn
    python benches/patch_features.py DIR --filters 2000 --out patches.npz

DIR holds train/CLASS/*.jpg and test/CLASS/*.jpg, 32 x 32. Filters are patches of 6 x 6 pixels of
seven photographs that come with scikit-image and scikit-learn, whitened by these photographs'
own covariance, as Coates and Ng (2011) take them of the records. A picture's patches are brought
to mean zero and one contrast, whitened, brought to length one and compared with all filters;
what exceeds a threshold, either sign apart, is averaged over each of `--grid` squared parts of
the picture, its square root taken, and the vector brought to length one. Nothing is computed
from more than one picture of DIR. Written: x_train, y_train, x_test, y_test.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import skimage.data
import torch
from backbone_features import SIDE, pictures
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images
from torch.nn import functional

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
WIDTHS = (32, 48, 64, 96, 128, 192)
CONTRAST = 10.0


def photographs() -> list[Image.Image]:
    own = [getattr(skimage.data, name)() for name in PHOTOGRAPHS]
    left, _, _ = skimage.data.stereo_motorcycle()
    return [Image.fromarray(a) for a in [*own, left, *load_sample_images().images]]


def patches(size: int, count: int, seed: int) -> NDArray[np.float32]:
    """Patches (count, 3 size^2) of the photographs made small, channel by channel."""
    draw = np.random.default_rng(seed)
    small = []
    for photograph in photographs():
        for width in WIDTHS:
            height = max(size, round(width * photograph.height / photograph.width))
            resized = photograph.resize((width, height), Image.Resampling.BICUBIC)
            small.append(np.asarray(resized, np.float32).transpose(2, 0, 1))
    places = np.array([(a.shape[1] - size + 1) * (a.shape[2] - size + 1) for a in small])
    out = np.empty((count, 3 * size * size), np.float32)
    for row, which in enumerate(draw.choice(len(small), count, p=places / places.sum())):
        a = small[which]
        i, j = (draw.integers(a.shape[k] - size + 1) for k in (1, 2))
        out[row] = a[:, i : i + size, j : j + size].reshape(-1)
    return out


def normalised(x: NDArray[np.float32]) -> NDArray[np.float32]:
    x = x - x.mean(1, keepdims=True)
    return x / np.sqrt(x.var(1, keepdims=True) + CONTRAST)


class Patches:
    """Pictures of bytes, (3, 32, 32), to 2 filters grid^2 numbers."""

    def __init__(self, words: argparse.Namespace) -> None:
        size = words.size
        public = normalised(patches(size, 200_000, words.seed))
        mean = public.mean(0)
        values, vectors = np.linalg.eigh(np.cov(public.T).astype(np.float64))
        whiten = ((vectors / np.sqrt(values + 0.1)) @ vectors.T).astype(np.float32)
        chosen = (normalised(patches(size, 4 * words.filters, words.seed + 1)) - mean) @ whiten
        lengths = np.linalg.norm(chosen, axis=1)
        chosen = (chosen / lengths[:, None])[lengths > 1.0][: words.filters]
        self.size, self.threshold = size, words.threshold
        self.precision = torch.bfloat16 if words.precision == "bf16" else torch.float32
        self.mean, self.whiten = torch.from_numpy(mean), torch.from_numpy(whiten)
        self.filters = torch.from_numpy(chosen.T.copy()).to(self.precision)
        side = SIDE - size + 1
        part = np.arange(side) * words.grid // side
        part = (part[:, None] * words.grid + part).reshape(-1)
        pool = (part == np.arange(words.grid**2)[:, None]).astype(np.float32)
        self.pool = torch.from_numpy(pool / pool.sum(1, keepdims=True)).to(self.precision)

    def __call__(self, x: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            x = torch.from_numpy(x.transpose(2, 0, 1).astype(np.float32))[None]
            all_patches = functional.unfold(x, self.size)[0].T
            all_patches = all_patches - all_patches.mean(1, keepdim=True)
            spread = all_patches.square().mean(1, keepdim=True) + CONTRAST
            white = (all_patches / spread.sqrt() - self.mean) @ self.whiten
            white = functional.normalize(white).to(self.precision)
            answer = white @ self.filters
            over = self.pool @ (answer - self.threshold).relu_()
            under = self.pool @ answer.neg_().sub_(self.threshold).relu_()
            return torch.cat([over, under], 1).float().numpy().reshape(-1)


def features(of: Patches, x: NDArray[np.uint8], mirrored: bool) -> NDArray[np.float16]:
    """All pictures' features, those of the mirrored pictures averaged in if so said."""

    def one(picture: NDArray[np.uint8]) -> NDArray[np.float16]:
        made = of(picture)
        if mirrored:
            made = (made + of(picture[:, ::-1].copy())) / 2
        made = np.sqrt(made)
        return (made / np.linalg.norm(made)).astype(np.float16)

    with ThreadPoolExecutor(2) as pool:
        return np.stack(list(pool.map(one, x)))


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path)
    words.add_argument("--filters", type=int, default=2000)
    words.add_argument("--size", type=int, default=6)
    words.add_argument("--grid", type=int, default=2)
    words.add_argument("--threshold", type=float, default=0.15)
    words.add_argument("--precision", default="f32", choices=("f32", "bf16"))
    words.add_argument(
        "--mirrored", action="store_true", help="averaged with the mirrored picture's"
    )
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--some", type=int, help="so many training and half as many test pictures")
    words.add_argument("--out", type=Path, required=True)
    words = words.parse_args()
    torch.set_num_threads(1)
    of = Patches(words)
    written = {}
    for part, some in (("train", words.some), ("test", words.some and words.some // 2)):
        x, y = pictures(words.folder / part)
        if some:
            drawn = np.random.default_rng(0).permutation(len(y))[:some]
            x, y = x[drawn], y[drawn]
        began = time.perf_counter()
        written[f"x_{part}"] = features(of, x, words.mirrored)
        written[f"y_{part}"] = y
        print(f"{part}: {len(y)} pictures, {time.perf_counter() - began:.0f} s", flush=True)
    np.savez(words.out, **written)


if __name__ == "__main__":
    main()
