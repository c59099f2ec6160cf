#!/usr/bin/env bash
# Everything that is to be measured on a GPU, at most ten minutes per call; call it again until it says "complete".
#
#   benchmarks/gpu.sh DATA_DIR [OUT]
#
# DATA_DIR holds cifar-10-batches-py; results go to OUT (runs/gpu). Finished parts are kept and not repeated, trainings go
# on at their last epoch. LIMIT (seconds per call, 560), PRECISION (tf32) and PYTHON (python) can be set.
set -euo pipefail
DATA=${1:?usage: benchmarks/gpu.sh DATA_DIR [OUT]}
OUT=${2:-runs/gpu}
LIMIT=${LIMIT:-560}
PRECISION=${PRECISION:-tf32}
PYTHON=${PYTHON:-python}
ROOT=$(cd "$(dirname "$0")/.." && pwd)
END=$((SECONDS + LIMIT))
mkdir -p "$OUT"

# part NAME COMMAND…: run unless OUT/NAME.done is there, with what time is left
part() {
  local name=$1 left=$((END - SECONDS))
  shift
  [ -e "$OUT/$name.done" ] && return 0
  if [ "$left" -lt 20 ]; then
    echo "time is up before $name: call again"
    exit 0
  fi
  echo "== $name"
  local code=0
  timeout "$left" "$@" > >(tee -a "$OUT/$name.log") 2>&1 || code=$?
  if [ "$code" -eq 124 ]; then
    echo "time is up in $name: call again"
    exit 0
  fi
  [ "$code" -eq 0 ] || { echo "$name failed with $code, see $OUT/$name.log"; exit "$code"; }
  touch "$OUT/$name.done"
}

part machine nvidia-smi
part tests "$PYTHON" -m pytest -q "$ROOT/tests/training" "$ROOT/tests/networks" -k "cuda or gpu"
part step "$PYTHON" "$ROOT/benchmarks/train_step.py" --device cuda --json
part step-tf32 "$PYTHON" "$ROOT/benchmarks/train_step.py" --device cuda --precision tf32 --json
part step-bf16 "$PYTHON" "$ROOT/benchmarks/train_step.py" --device cuda --precision bf16 --json
part evaluation "$PYTHON" "$ROOT/benchmarks/evaluate.py" --device cuda --autoattack 200 --json

part rates "$PYTHON" "$ROOT/benchmarks/rates.py" --device cuda --precision "$PRECISION" --out "$OUT/rates.json"

# One full training each of three architectures that span the published range, then their accuracies.
for code in 323133 113023 031420; do
  part "train-$code" "$PYTHON" -m robnas train "$code" --data cifar10 --data-dir "$DATA" --recipe nas-robbench-201 \
    --precision "$PRECISION" --device cuda --out "$OUT/$code"
  part "evaluate-$code" "$PYTHON" -m robnas evaluate "$OUT/$code" --suite nas-robbench-201 --split test \
    --data-dir "$DATA" --device cuda --limit-test 1000 --json
done

# Throughput of one against three trainings at once on one card: the same plan with 1 and with 3 workers.
cat >"$OUT/plan.toml" <<PLAN
name = "throughput"
seeds = [0, 1, 2]
[space]
kind = "list"
architectures = ["323133"]
[data]
name = "cifar10"
limit_train = 20000
[recipe]
preset = "nas-robbench-201"
epochs = 3
precision = "$PRECISION"
[evaluation]
splits = ["test"]
images = {test = 1000}
checks = false
attacks = []
PLAN
for jobs in 1 3; do
  part "throughput-$jobs" bash -c "time '$PYTHON' -m robnas build '$OUT/plan.toml' \
    --store 'sqlite:///$OUT/throughput-$jobs.db' --data-dir '$DATA' --device cuda --jobs $jobs"
done
echo complete
