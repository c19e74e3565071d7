#!/usr/bin/env bash
# Generates evaluator_component/proto/*_pb2.py, and the .pyi for type checkers, from proto/.
#
# The compiler is an old one on purpose: code that protoc 3.20 writes runs on protobuf 3.20 to 6, while newer
# compilers write code that asks for their own runtime. Its environment is thrown away afterwards.
# Pass a folder to write elsewhere (the freshness test does). UV_PYTHON chooses another Python 3.10.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out="${1:-.}"

uv run --isolated --no-project --python "${UV_PYTHON:-3.10}" \
  --with grpcio-tools==1.48.2 --with protobuf==3.20.3 --with mypy-protobuf==3.3.0 --with 'setuptools<80' \
  python -m grpc_tools.protoc --proto_path=proto --python_out="$out" --mypy_out=quiet:"$out" \
  proto/evaluator_component/proto/{config,metrics_for_slice,validation_result}.proto

for stub in "$out"/evaluator_component/proto/*_pb2.pyi; do
  printf '# ruff: noqa\n# fmt: off\n%s\n' "$(cat "$stub")" >"$stub"
done
