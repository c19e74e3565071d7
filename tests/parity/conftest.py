"""Both evaluations, run once for all tests of this folder."""

from __future__ import annotations

import warnings

import pytest

from tests.parity.families import Families
from tests.parity.families import run_both as run_families
from tests.parity.records import Records
from tests.parity.records import run_both as run_records
from tests.parity.taxi import Taxi, run_both


@pytest.fixture(scope="session")
def taxi(tmp_path_factory: pytest.TempPathFactory) -> Taxi:
    """The results of the peer and of this package on the same trips."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the peer and its dependencies warn of is not ours to mend
        import tfx.v1  # noqa: F401  (the peer is complete only after it)

        return run_both(tmp_path_factory.mktemp("taxi"))


@pytest.fixture(scope="session")
def families(tmp_path_factory: pytest.TempPathFactory) -> Families:
    """The results of the peer and of this package on classes, queries and two models."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tfx.v1  # noqa: F401

        return run_families(tmp_path_factory.mktemp("families"))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Records:
    """The results of the peer and of this package on several labels, numbers, sets, texts, boxes and masks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tfx.v1  # noqa: F401

        return run_records(tmp_path_factory.mktemp("records"))
