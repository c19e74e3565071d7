"""The messages of configs and results, generated from ``proto/`` by ``tools/generate_protos.sh``."""
