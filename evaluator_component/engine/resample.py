"""Evaluated examples drawn anew, with replacement."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from evaluator_component.engine.evaluated import Evaluated
from evaluator_component.engine.hashing import hash_names
from evaluator_component.slicing.codes import Membership

Index = npt.NDArray[np.intp]
UInt64 = npt.NDArray[np.uint64]

_MIX = np.uint64(0x9E3779B97F4A7C15)


def units(batch: Evaluated) -> UInt64:
    """What is drawn together, by a hash: a cluster, else a query, else each example by itself."""
    if batch.clusters is not None:
        return batch.clusters
    if batch.queries:
        return hash_names(next(iter(batch.queries.values())))
    return batch.units


def draw(batch: Evaluated, seed: int) -> Evaluated:
    """A resample: each unit as often as a Poisson variable of mean 1 says, by its hash and the seed alone."""
    uniform = _uniform(units(batch), seed)
    # The inverse of the Poisson distribution function, whose values beyond 12 have a chance of less than 1e-10.
    steps = np.cumsum([np.exp(-1.0) / np.prod(np.arange(1.0, k + 1)) for k in range(12)])
    counts = np.searchsorted(steps, uniform).astype(np.intp)
    return repeat(batch, counts)


def repeat(batch: Evaluated, counts: Index) -> Evaluated:
    """Each example so many times; the copies of one are units of their own."""
    rows = np.repeat(np.arange(batch.size), counts)
    copy = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    own = counts[batch.slices.rows]
    within = np.arange(int(own.sum())) - np.repeat(np.cumsum(own) - own, own)
    first = (np.cumsum(counts) - counts)[batch.slices.rows]
    slices = Membership(
        (np.repeat(first, own) + within).astype(np.int32), np.repeat(batch.slices.codes, own), batch.slices.names
    )
    place = pa.array(rows)
    return Evaluated(
        slices,
        {name: labels[rows] for name, labels in batch.labels.items()},
        {key: predictions[rows] for key, predictions in batch.predictions.items()},
        {name: weights[rows] for name, weights in batch.weights.items()},
        len(rows),
        {name: values[rows] for name, values in batch.features.items()},
        {name: _named_apart(ids.take(place), copy) for name, ids in batch.queries.items()},
        {source: lists.take(place) for source, lists in batch.records.items()},
        _apart(batch.units[rows], copy),
        None if batch.clusters is None else _apart(batch.clusters[rows], copy),
    )


def _uniform(hashes: UInt64, seed: int) -> npt.NDArray[np.float64]:
    """A number in [0, 1) for each hash. (Steele 2014)"""
    with np.errstate(over="ignore"):
        mixed = hashes + np.uint64(seed + 1) * _MIX
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53


def _apart(hashes: UInt64, copy: Index) -> UInt64:
    with np.errstate(over="ignore"):
        return hashes + copy.astype(np.uint64) * _MIX


def _named_apart(ids: pa.BinaryArray, copy: Index) -> pa.BinaryArray:
    return pa.compute.binary_join_element_wise(
        ids, pa.array(copy).cast(pa.string()).cast(pa.binary()), pa.scalar(b"#", pa.binary())
    )
