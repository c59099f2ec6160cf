#!/usr/bin/env bash
# Everything that is to be measured on a GPU, at most ten minutes per call; call it again until it says "complete".
#
#   benchmarks/gpu.sh DATA_DIR [OUT]
#
# CIFAR-10 is looked for in DATA_DIR, and downloaded to it, as docs/data.md says; results go to OUT (runs/gpu). Finished
# parts are kept and not repeated, trainings go on at their last epoch. LIMIT (seconds per call, 560), PRECISION (tf32),
# PYTHON (python) and PUBLISHED (a folder with the files of the published table, for a machine without a network) can be
# set.
set -euo pipefail
DATA=${1:?usage: benchmarks/gpu.sh DATA_DIR [OUT]}
OUT=${2:-runs/gpu}
LIMIT=${LIMIT:-560}
PRECISION=${PRECISION:-tf32}
export PYTHON=${PYTHON:-python}
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
part tests "$PYTHON" -m pytest -q -p no:benchmark "$ROOT/tests/training" "$ROOT/tests/networks" -k "cuda or gpu"
part step "$PYTHON" "$ROOT/benchmarks/train_step.py" --device cuda
part step-tf32 "$PYTHON" "$ROOT/benchmarks/train_step.py" --device cuda --precision tf32
part step-bf16 "$PYTHON" "$ROOT/benchmarks/train_step.py" --device cuda --precision bf16
part evaluation "$PYTHON" "$ROOT/benchmarks/evaluate.py" --device cuda --autoattack 200

# Seconds of whole trials, one at a time and three that share the card: what experiments/scale.py asks for.
for jobs in 1 3; do
  part "rates-$jobs" "$PYTHON" "$ROOT/benchmarks/rates.py" --device cuda --precision "$PRECISION" --architectures 12 \
    --concurrent "$jobs" --out "$OUT/rates-$jobs.json"
done

# The published training holds nothing out for validation.
TRAIN=(-m robnas train --data cifar10 --data-dir "$DATA" --validation 0 --recipe nas-robbench-201
  --precision "$PRECISION" --device cuda)

# Throughput: ten epochs of one training alone, then of three at once. Begun anew in each call, so that they overlap.
at_once() {
  local jobs=$1 out=$2 failed=0 number pids=()
  shift 2
  rm -rf "$out/throughput-$jobs"-*
  for number in $(seq "$jobs"); do
    "$PYTHON" "$@" 323133 --epochs 10 --seed "$number" --out "$out/throughput-$jobs-$number" --json >/dev/null &
    pids+=($!)
  done
  for number in "${pids[@]}"; do wait "$number" || failed=1; done
  return "$failed"
}
export -f at_once
for jobs in 1 3; do
  part "throughput-$jobs" bash -c 'at_once "$@"' at_once "$jobs" "$OUT" "${TRAIN[@]}"
done

# One full training each of three architectures that span the published range.
CODES=(323133 113023 031420)
for code in "${CODES[@]}"; do
  part "train-$code" "$PYTHON" "${TRAIN[@]}" "$code" --out "$OUT/$code"
done

# Their accuracies on all test images beside the published ones, and the ratio of the throughputs.
[ -z "${PUBLISHED:-}" ] || part published "$PYTHON" -m robnas fetch nas-robbench-201 --from "$PUBLISHED"
part report "$PYTHON" "$ROOT/benchmarks/gpu.py" "$OUT" --data-dir "$DATA" --trained "${CODES[@]}"
cat "$OUT/report.log"
echo complete
