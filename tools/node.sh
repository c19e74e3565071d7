#!/usr/bin/env bash
# Installs Debian's Node.js and npm where there are none.
set -euo pipefail
command -v npm >/dev/null || "$(dirname "$0")/system_packages.sh" nodejs npm
