"""Crops of a few well-known photographs, as public pictures to take constants from.

    python benches/public_crops.py DIR --count 8000

Squares of 16 pixels and more of the photographs of `patch_features.py`, anywhere and of any
size, half of them mirrored, made 32 x 32: written to DIR/train/crop/*.png, and one more to
DIR/test/crop.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from patch_features import photographs
from PIL import Image, ImageOps


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path)
    words.add_argument("--count", type=int, default=8000)
    words.add_argument("--seed", type=int, default=0)
    words = words.parse_args()
    draw = np.random.default_rng(words.seed)
    given = photographs()
    for index in range(words.count + 1):
        photograph = given[draw.integers(len(given))]
        most = min(photograph.size)
        side = round(float(np.exp(draw.uniform(np.log(16), np.log(most)))))
        left, top = (int(draw.integers(whole - side + 1)) for whole in photograph.size)
        crop = photograph.crop((left, top, left + side, top + side))
        crop = crop.resize((32, 32), Image.Resampling.BICUBIC)
        if draw.random() < 0.5:
            crop = ImageOps.mirror(crop)
        part = words.folder / ("train" if index < words.count else "test") / "crop"
        part.mkdir(parents=True, exist_ok=True)
        crop.convert("RGB").save(part / f"{index:05}.png")


if __name__ == "__main__":
    main()
