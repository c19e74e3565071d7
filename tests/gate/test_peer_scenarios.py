"""The peer's answers to the gate's scenarios, so that what is claimed about it stays true."""

from __future__ import annotations

import pytest

from tests.gate.peer_scenarios import NOTHING
from tests.gate.side_by_side import BY_NUMBER, DOCUMENT, OURS_ALONE, WIRINGS, SideBySide, document

pytestmark = [pytest.mark.tfx, pytest.mark.slow]

OURS = {
    "37": "raises ConfigError",
    "37b": "raises ConfigError",
    "39": "raises ConfigError",
    "39b": "raises ModelError",
    "43c": "NOT_BLESSED",
}
"""Our answer where only the artifacts make the scenario."""

DIFFERENT = {
    "5c": "NOT_BLESSED: binary_accuracy_diff on Overall is 0.1",  # 0.9 - 0.8 < 0.1 in floating point
    "9": "NOT_BLESSED: mean_prediction_diff on Overall is 0.25",  # divides by the signed baseline
    "9b": "same: mean_prediction_diff on Overall is 0.25",
    "10": "NOT_BLESSED: mean_prediction_diff on Overall is 0.375",  # divides by 0
    "12": NOTHING,
    "15": NOTHING,
    "17": "same",  # earlier versions refused, as they still do in 19b
    "19": "NOT_BLESSED: binary_accuracy on a=y Metric not found.",
    "19b": "NOT_BLESSED: binary_accuracy on a=y Metric not found.",  # although the threshold is on a=x
    "21": "NOT_BLESSED: no slice for colour",
    "21b": "BLESSED",
    "25": "NOT_BLESSED: binary_accuracy on a=1234 is 0",  # "01234" and "1234" are one slice or the other
    "27": "NOT_BLESSED: binary_accuracy on a=y Metric not found.",
    "29": "BLESSED",
    "30": "NOT_BLESSED: confusion_matrix_plot on Overall Metric not found.; no slice for Overall",
    "30b": "raises TypeError",
    "31": "raises KeyError: 'model'",
    "32": "NOT_BLESSED: binary_acuracy on Overall Metric not found.; no slice for Overall",
    "23": "NOT_BLESSED",  # a threshold on a pair of slices is never met
    "37": "raises ValueError: There can be only one candidate model",
    "37b": "raises ValueError: There can be only one baseline model",
    "39": "BLESSED",
    "39b": "raises RuntimeError: add_input failed",
    "41": "BLESSED",  # splits are flattened
    "43c": "raises OSError",
    "44": NOTHING,
}
"""What the peer's column begins with where it does not come to the same verdict, or for the same reason."""

FAILURES = {"11": 1, "11b": 2, "11c": 1}
"""How many failures the peer has on record."""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> SideBySide:
    return SideBySide(tmp_path_factory.mktemp("side-by-side"))


@pytest.mark.parametrize("number", SideBySide.numbers)
def test_scenario(number: str, both: SideBySide):
    row = both.row(number)
    print(row)
    scenario = BY_NUMBER.get(number)
    if scenario is None:
        assert row.ours.outcome == OURS[number]
    elif number not in WIRINGS and (scenario.error or scenario.preflight_error):
        assert row.ours.outcome == "raises ConfigError"
    else:
        assert row.ours.outcome == ("BLESSED" if scenario.blessed else "NOT_BLESSED")
    if number in OURS_ALONE:
        return
    assert row.peer_column.startswith(DIFFERENT.get(number, "same"))
    assert number not in FAILURES or len(row.peer.details) == FAILURES[number]


def test_the_document_is_up_to_date(both: SideBySide):
    """`python -m tests.gate.side_by_side` writes it."""
    assert document(map(both.row, both.numbers)) == DOCUMENT.read_text(encoding="utf-8")
