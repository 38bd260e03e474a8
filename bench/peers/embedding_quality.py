#!/usr/bin/env python3
"""Whether the fast arithmetic of a local model serves as well as float32, on labelled pairs.

    embedding_quality.py --nearhit build/release/bin/nearhit --model DIR PAIRS.tsv...

A file of pairs is what `nearhit-bench replay --pairs` reads: a header, a column label (1, 0; other lines are skipped) and
text_a text_b or cached asked; gzip or plain. Each arithmetic embeds all texts with `nearhit embed`. A hit rate is the share
of pairs that a threshold serves; precision is how many of these are labelled right. Prints JSON lines: the cosine between
both arithmetics, and their precision at the same hit rates. Makes a virtual environment with numpy under --work.
"""

import argparse
import csv
import gzip
import json
import os
import subprocess
import sys

import environment

PACKAGES = ["numpy==2.4.6"]
TEXT_COLUMNS = [("text_a", "text_b"), ("cached", "asked")]
HIT_RATES = [0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9]
ARITHMETICS = ["float32", "fast"]


def read_pairs(path):
    """Labels and the texts of each pair that has one."""
    opened = gzip.open(path, "rt", encoding="utf-8") if path.endswith(".gz") else open(path, encoding="utf-8")
    with opened as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        header = next(rows)
        label = header.index("label")
        first, second = next((header.index(a), header.index(b)) for a, b in TEXT_COLUMNS if a in header and b in header)
        return [(row[label] == "1", row[first], row[second]) for row in rows if row[label] in ("0", "1")]


def embed(args, texts, arithmetic):
    import numpy as np
    out = os.path.join(args.work, f"quality_{arithmetic}.npy")
    command = [args.nearhit, "embed", "--model", args.model, "--arithmetic", arithmetic, "--npy", out]
    code = subprocess.run(command, input="\n".join(texts) + "\n", text=True, stdout=subprocess.DEVNULL).returncode
    if code not in (0, 1):  # 1: some text has no vector; its row is zero
        sys.exit(f"nearhit embed ended with {code}")
    return np.load(out).astype(np.float64)


def compare(path, pairs, rows, vectors):
    import numpy as np
    labels = np.array([pair[0] for pair in pairs])
    first = [rows[pair[1]] for pair in pairs]
    second = [rows[pair[2]] for pair in pairs]
    name = os.path.basename(path)
    exact, fast = (vectors[arithmetic] for arithmetic in ARITHMETICS)
    there = np.linalg.norm(exact, axis=1) > 0
    cosines = (exact[there] * fast[there]).sum(axis=1)
    print(json.dumps({"pairs": name, "count": len(pairs), "right": int(labels.sum()), "texts": int(there.sum()),
                      "without_vector": int((~there).sum()), "cosine_mean": round(cosines.mean(), 6),
                      "cosine_min": round(cosines.min(), 6)}))
    order = {arithmetic: np.argsort(-(vectors[arithmetic][first] * vectors[arithmetic][second]).sum(axis=1), kind="stable")
             for arithmetic in ARITHMETICS}
    worst = 0.0
    for rate in HIT_RATES:
        hits = max(1, round(rate * len(pairs)))
        precision = {arithmetic: labels[order[arithmetic][:hits]].mean() for arithmetic in ARITHMETICS}
        difference = 100 * (precision["fast"] - precision["float32"])
        worst = min(worst, difference)
        print(json.dumps({"pairs": name, "hit_rate": rate, **{f"precision_{a}": round(p, 5) for a, p in precision.items()},
                          "points": round(difference, 3)}))
    print(json.dumps({"pairs": name, "worst_points": round(worst, 3)}), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nearhit", required=True, help="the command line program")
    parser.add_argument("--model", required=True, help="folder of the model")
    parser.add_argument("--work", default="/tmp/nearhit-quality", help="for the environment and the vectors")
    parser.add_argument("pairs", nargs="+")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    environment.enter(os.path.join(args.work, "venv"), PACKAGES)
    for path in args.pairs:
        pairs = read_pairs(path)
        texts = list(dict.fromkeys(text for pair in pairs for text in pair[1:]))
        rows = {text: row for row, text in enumerate(texts)}
        compare(path, pairs, rows, {arithmetic: embed(args, texts, arithmetic) for arithmetic in ARITHMETICS})


if __name__ == "__main__":
    main()
