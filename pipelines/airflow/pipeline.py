"""The taxi pipeline as an Airflow DAG: name this folder as Airflow's folder of DAGs, or link this file into yours.

Needs `tfx[airflow]`. The environment variables TAXI_DATA (folder of CSV files with trips) and TAXI_HOME (folder for
everything that the pipeline makes) say where things are. TFX is imported while Airflow reads this file, so set
AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT=300.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "taxi"))

if TYPE_CHECKING:
    from airflow.models import DAG

_NAME = "taxi"
_DAG = {"schedule": None, "start_date": dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc), "catchup": False}


def build_dag(home: Path, data_root: Path) -> DAG:
    """Returns the DAG; the artifacts, ML Metadata and the pushed models lie in `home`."""
    from taxi_pipeline import create_pipeline
    from tfx.orchestration.airflow.airflow_dag_runner import AirflowDagRunner, AirflowPipelineConfig

    taxi = create_pipeline(
        _NAME,
        root=str(home / "pipeline"),
        data_root=str(data_root),
        serving_dir=str(home / "serving"),
        metadata_path=str(home / "metadata.db"),
    )
    return AirflowDagRunner(AirflowPipelineConfig(airflow_dag_config=_DAG)).run(taxi)


if "TAXI_HOME" in os.environ:  # Airflow finds a DAG as a global variable of this file
    DAG_TAXI = build_dag(Path(os.environ["TAXI_HOME"]), Path(os.environ["TAXI_DATA"]))
