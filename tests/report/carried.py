"""What a document carries, read back as the browser does, but with Arrow's own reader."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pyarrow as pa


def meta(document: str) -> dict[str, Any]:
    return dict(json.loads(document)["meta"])


def tables(document: str) -> dict[str, pa.Table]:
    return {name: table(text) for name, text in json.loads(document)["tables"].items()}


def table(text: str) -> pa.Table:
    reader = pa.ipc.open_stream(gzip.decompress(base64.b64decode(text, validate=True)))
    batches = list(reader)
    assert len(batches) == 1
    return pa.Table.from_batches(batches)


def column(found: pa.Table, name: str) -> list[Any]:
    return list(found.column(name).to_pylist())
