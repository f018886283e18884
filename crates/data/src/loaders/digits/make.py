"""Writes the embedded digits from scikit-learn's copy: python make.py

The two files are IDX, gzipped without a time stamp, so that the same data give the same bytes
(made with scikit-learn 1.9.1, Python 3.11).
"""

import gzip
import pathlib
import struct

import numpy
from sklearn.datasets import load_digits

folder = pathlib.Path(__file__).parent
digits = load_digits()
for name, array in [("images-idx3", digits.images), ("labels-idx1", digits.target)]:
    values = array.astype(numpy.uint8)
    assert (values == array).all()
    header = struct.pack(f">I{values.ndim}I", 0x0800 + values.ndim, *values.shape)
    packed = gzip.compress(header + values.tobytes(), compresslevel=9, mtime=0)
    (folder / f"{name}-ubyte.gz").write_bytes(packed)
