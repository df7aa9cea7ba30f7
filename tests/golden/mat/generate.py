"""Annotation files as PF-PASCAL has them, written by scipy.io.savemat (scipy 1.17.1)."""

import pathlib

import numpy
from scipy.io import savemat

folder = pathlib.Path(__file__).parent
variables = {
    "note": "text is passed over",
    "kps": numpy.array([[1.5, 2.0], [numpy.nan, numpy.nan], [300.25, 4.0]]),
    "nested": {"field": numpy.arange(3)},
    "complex": numpy.array([[1 + 2j]]),
    "bbox": numpy.array([[10, 20, 310, 260]], dtype="uint16"),
    "x": numpy.array([[7]], dtype="uint8"),
}
savemat(folder / "plain.mat", variables, do_compression=False)
savemat(folder / "compressed.mat", variables, do_compression=True)
