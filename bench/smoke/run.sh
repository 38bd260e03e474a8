#!/usr/bin/env bash
# One tiny run of a subcommand, so that the bench never rots: run.sh BENCH SUBCOMMAND [NEARHITD]
# Checks that it ends well and that every line of output is a JSON object with the fields expected.
set -euo pipefail

bench=$1
subcommand=$2
daemon=${3:-}
work=$(mktemp -d)
daemon_pid=""
finish() {
  if [ -n "$daemon_pid" ]; then
    # It may have ended by itself, and ends by a signal here: what was checked is the output.
    kill "$daemon_pid" 2>/dev/null || true
    wait "$daemon_pid" || true
  fi
  rm -rf "$work"
}
trap finish EXIT

"$bench" gen --rows 600 --dim 32 --clusters 60 --seed 1 --out "$work/base.fvecs"
"$bench" gen --rows 50 --dim 32 --clusters 60 --seed 2 --out "$work/query.fvecs"
data=(--base "$work/base.fvecs" --query "$work/query.fvecs")

# expect FIELD... : every line of output has these.
expect() {
  [ -s "$work/out" ] || { echo "no output" >&2; exit 1; }
  local line field
  while read -r line; do
    for field in "$@"; do
      [[ $line == '{'*"\"$field\":"*'}' ]] || { echo "no $field in $line" >&2; exit 1; }
    done
  done < "$work/out"
}

case $subcommand in
  gen)
    [ "$(stat -c %s "$work/base.fvecs")" -eq $((600 * (4 + 32 * 4))) ]
    "$bench" gen --base "$work/base.fvecs" --rows 700 --spread .9 --out "$work/grown.fvecs"
    [ "$(stat -c %s "$work/grown.fvecs")" -eq $((700 * (4 + 32 * 4))) ]
    # A spread of a quarter leaves a cosine of .97: every query has the row that it was made of.
    "$bench" gen --base "$work/base.fvecs" --moved 40 --spread .25 --out "$work/moved.fvecs"
    "$bench" near --base "$work/base.fvecs" --query "$work/moved.fvecs" --engine flat --threshold .9 > "$work/out"
    grep -q '"with_neighbor":40,"hit_recall":1.0' "$work/out"
    ;;
  ann)
    "$bench" ann "${data[@]}" --engine nearhit,graph,flat,hnswlib --ef 0,16 --k 5 > "$work/out"
    expect engine encoding ef recall qps p50_us p99_us build_s bytes_per_vector
    "$bench" ann "${data[@]}" --metric l2 --encoding f32 --engine flat --threads 2 > "$work/out"
    expect recall
    grep -q '"recall":1.0' "$work/out"  # an exact scan
    "$bench" gen --kind Offset --rows 400 --dim 16 --out "$work/offset.fvecs"
    "$bench" ann --base "$work/offset.fvecs" --ask-base 50 --metric l2 --truth-in float64 \
      --engine flat > "$work/out"
    grep -q '"recall":1.0,"nearest":1.0' "$work/out"
    ;;
  filter)
    "$bench" filter "${data[@]}" --share .01,.5 --ef 32 > "$work/out"
    expect engine share layout recall p50_us
    ;;
  near)
    "$bench" near "${data[@]}" --engine flat,hnswlib --threshold .5,.8 > "$work/out"
    expect engine ef threshold hit_recall qps
    ;;
  mixed)
    "$bench" mixed "${data[@]}" --seconds 0.1 > "$work/out"
    expect phase p50_us p99_us writes_per_s
    "$bench" mixed "${data[@]}" --seconds 0.1 --disk > "$work/out"
    grep -q '"phase":"beside_snapshots"' "$work/out"
    "$bench" mixed "${data[@]}" --turnovers 2 --budget 400 --disk > "$work/out"
    expect turnover recall rss_ratio
    ;;
  replay)
    printf 'label\tq1\tq2\n1\thow do I reset it\thow do I reset it?\n0\tturn it on\tturn it off\n' \
      > "$work/pairs.tsv"
    "$bench" replay --pairs "$work/pairs.tsv" --threshold .6,.9 > "$work/out"
    expect protocol threshold hits wrong misses error_rate error_rate_of_hits
    printf '{"text":"how do I reset it","label":1}\n{"text":"how do I reset it","label":1}\n' \
      > "$work/stream.jsonl"
    "$bench" replay --stream "$work/stream.jsonl" --threshold .9 > "$work/out"
    expect hits
    grep -q '"hits":1,"exact_hits":1,.*"wrong":0' "$work/out"
    "$bench" replay --stream "$work/stream.jsonl" --policy labels --max-error .1 > "$work/out"
    expect labels label_hits judged_requests
    ;;
  budget)
    # Pairs of which only the cosine differs, and with it whether they serve.
    {
      printf 'label\tguard\tcosine%s\n' "$(printf '\tx%.0s' $(seq 55))"
      for i in $(seq 1 60); do
        printf '%d\t-\t0.%d%s\n' $((i % 10 < 9)) $((75 + i % 25)) "$(printf '\t0%.0s' $(seq 55))"
      done
    } > "$work/features.tsv"
    "$bench" budget --features "$work/features.tsv" --max-error .1 --requests 300 --draws 3 > "$work/out"
    expect max_error requests hit_rate error_rate over_budget over_budget_by_a_quarter
    ;;
  load)
    printf '[server]\nlisten = ""\nunix_socket = "%s/socket"\n' "$work" > "$work/config.toml"
    "$daemon" --config "$work/config.toml" --data "$work/data" 2> "$work/log" &
    daemon_pid=$!
    for _ in $(seq 100); do
      [ -S "$work/socket" ] && break
      sleep 0.05
    done
    target=(--target "unix:$work/socket" --namespace smoke --vectors "$work/base.fvecs")
    "$bench" load "${target[@]}" --fill 500 --rate 200 --seconds 1 --slices 2 --compare \
      --mix lookup=0.8,store=0.2 > "$work/out"
    grep -q '"compare":"lookup/ping"' "$work/out"
    ! grep -q '"errors":[1-9]' "$work/out"
    "$bench" load "${target[@]}" --rate 0 --seconds 0.2 > "$work/out"
    expect operation p50_us p99_us hits misses errors
    "$bench" load "${target[@]}" --rate 0 --seconds 0.4 --slices 2 --in-flight 8 --stream > "$work/out"
    grep -q '"compare":"stream/lookup"' "$work/out"
    ! grep -q '"errors":[1-9]' "$work/out"
    "$bench" load "${target[@]}" --null --rate 200 --seconds 0.2 > "$work/out"
    expect operation p50_us
    ;;
  *)
    echo "unknown subcommand $subcommand" >&2
    exit 2
    ;;
esac
