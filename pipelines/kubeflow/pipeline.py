"""Compiles the taxi pipeline for Kubeflow Pipelines v2 (also Vertex AI Pipelines).

    python pipelines/kubeflow/pipeline.py --root gs://BUCKET/taxi --data-root gs://BUCKET/trips \
        --serving-dir gs://BUCKET/serving --image REGISTRY/evaluator-component --output taxi.yaml

Needs `tfx[kfp]`. The file is then uploaded with Kubeflow's own tools; the image is what docker/Dockerfile makes. While
it compiles, TFX puts the module file into the folder `--root`, so that folder must be writable from here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "taxi"))

_NAME = "taxi"


def compile_pipeline(*, root: str, data_root: str, serving_dir: str, image: str, output: Path) -> Path:
    """Writes the pipeline's specification to `output` (.yaml, or .json for a PipelineJob) and returns its path."""
    from taxi_pipeline import create_pipeline
    from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

    taxi = create_pipeline(_NAME, root=root, data_root=data_root, serving_dir=serving_dir)
    runner = KubeflowV2DagRunner(
        KubeflowV2DagRunnerConfig(display_name=_NAME, default_image=image),
        output_dir=str(output.parent),
        output_filename=output.name,
    )
    runner.run(taxi, write_out=True)
    return output


def main(arguments: Sequence[str] | None = None) -> None:
    """Compiles the pipeline as the command line says."""
    parser = argparse.ArgumentParser(description="Compile the taxi pipeline for Kubeflow Pipelines v2.")
    parser.add_argument("--root", required=True, help="folder for the artifacts")
    parser.add_argument("--data-root", required=True, help="folder of CSV files with trips")
    parser.add_argument("--serving-dir", required=True, help="folder that blessed models are pushed to")
    parser.add_argument("--image", required=True, help="image that holds TFX and this package")
    parser.add_argument("--output", type=Path, default=Path("taxi.yaml"))
    print(compile_pipeline(**vars(parser.parse_args(arguments))))


if __name__ == "__main__":
    main()
