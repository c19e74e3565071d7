"""Keeps the start-up chatter of TensorFlow and Beam about what is absent off the terminal of a command."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_CHATTER = re.compile(
    rb"All log messages before absl::InitializeLog|cudart_stub\.cc|cuda_platform\.cc|cuda_executor\.cc|"
    rb"cpu_feature_guard\.cc|To enable the following instructions|oneDNN custom operations|TF-TRT Warning|"
    rb"computation_placer\.cc|Unable to register cu"
)


def start_tensorflow() -> None:
    """Imports TensorFlow and starts its devices; lines about missing accelerators are dropped, others are kept."""
    logging.getLogger().addFilter(lambda record: "apitools not found" not in record.getMessage())  # Beam without GCP
    with _filtered_stderr():
        import tensorflow as tf

        tf.config.list_logical_devices()


@contextmanager
def _filtered_stderr() -> Iterator[None]:
    """Holds back what native code writes to file descriptor 2, then writes it without the chatter."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            kept = b"".join(line for line in held if not _CHATTER.search(line))
            if kept.strip():
                os.write(2, kept)
