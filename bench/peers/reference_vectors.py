#!/usr/bin/env python3
"""Writes engine/model/minilm_reference.cc: vectors of a few sentences by the float32 model, in ONNX Runtime.

    reference_vectors.py --model DIR > engine/model/minilm_reference.cc; clang-format -i engine/model/minilm_reference.cc

DIR has all-MiniLM-L6-v2. Uses the virtual environment of embedding_peers.py, under --work. Components are rounded to 8
bits of the largest one: the cosine to the vector itself stays above .9999.
"""

import argparse
import hashlib
import json
import os
import sys

import embedding_peers as peers
import environment

SENTENCES = [
    "How do I reset my password?",
    "The parcel was left with a neighbour.",
    "Is the museum open on Sundays?",
    "Water boils at a lower temperature on a mountain.",
    "Please refund order 4711 (two blue cups, 19.90 each): one arrived broken!",
]

HEAD = """// Made by bench/peers/reference_vectors.py; do not edit.
#include "engine/model/minilm_reference.h"

#include <array>

namespace nearhit {
namespace {

constexpr std::string_view kWeightsSha256 = "%s";

using Row = std::array<std::int8_t, %d>;
"""

TAIL = """
}  // namespace

std::span<const ReferenceVector> ReferencesOf(std::string_view weights_sha256) {
  return weights_sha256 == kWeightsSha256 ? std::span<const ReferenceVector>(kReferences) : std::span<const ReferenceVector>();
}

}  // namespace nearhit
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", default="/tmp/peers")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    environment.enter(os.path.join(args.work, "venv"), peers.PACKAGES)
    import numpy as np
    import onnx
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer
    with open(os.path.join(args.model, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    weights = os.path.join(args.model, "model.safetensors")
    graph = os.path.join(args.work, "reference.onnx")
    onnx.save(peers.make_graph(config, load_file(weights)), graph)
    tokenizer = Tokenizer.from_file(os.path.join(args.model, "tokenizer.json"))
    tokenizer.no_padding()
    model = peers.session(graph, 1)
    with open(weights, "rb") as file:
        print(HEAD % (hashlib.file_digest(file, "sha256").hexdigest(), config["hidden_size"]))
    for number, sentence in enumerate(SENTENCES):
        vector = peers.encode(model, [tokenizer.encode(sentence).ids])[0]
        row = np.rint(vector * (127 / np.abs(vector).max())).astype(int)
        cosine = float(row @ vector / np.linalg.norm(row))
        print(f"{sentence} {cosine:.6f}", file=sys.stderr)
        print(f"constexpr Row kRow{number} = {{{', '.join(map(str, row))},}};\n")
    print("constexpr ReferenceVector kReferences[] = {")
    for number, sentence in enumerate(SENTENCES):
        print(f"    {{{json.dumps(sentence)}, kRow{number}}},")
    print("};\n" + TAIL)


if __name__ == "__main__":
    main()
