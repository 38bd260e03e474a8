#!/usr/bin/env python3
"""Sentence embedding on a processor: ONNX Runtime (float32 and dynamic int8) beside nearhit-encode, in one run.

    embedding_peers.py --model DIR --texts questions.txt.gz --vectors reference.npy --encode build/release/bin/nearhit-encode

DIR has config.json, tokenizer.json and model.safetensors of a BERT encoder with mean pooling. Line i of the texts has row
i of the vectors, any float type. Makes a virtual environment with pinned packages under --work, and there the ONNX models
and the token ids. Prints JSON lines. Nothing else should run on the machine meanwhile.
"""

import argparse
import gzip
import json
import os
import subprocess
import time

import environment

PACKAGES = ["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0", "safetensors==0.8.0", "tokenizers==0.23.3"]
MAX_TOKENS = 256
BATCH_SIZES = [1, 8, 16, 32, 64, 128]
ROUNDS = 5


def make_graph(config, tensors):
    """BERT in the operators that ONNX Runtime runs fastest: its own fused attention, GELU and layer norm."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper
    nodes, weights = [], []
    eps, heads = config["layer_norm_eps"], config["num_attention_heads"]

    def constant(name, value):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(kind, inputs, output, domain="", outputs=(), **attributes):
        nodes.append(helper.make_node(kind, inputs, [output, *outputs], name=output + "_node", domain=domain, **attributes))
        return output

    def norm(name):
        return [constant(name + ".weight", tensors[name + ".weight"]), constant(name + ".bias", tensors[name + ".bias"])]

    table = "embeddings.{}_embeddings.weight"
    fused = "com.microsoft"
    hidden = node("EmbedLayerNormalization",
                  ["ids", "types", *[constant(table.format(t), tensors[table.format(t)])
                                     for t in ("word", "position", "token_type")],
                   *norm("embeddings.LayerNorm"), "mask"], "embedded", fused, ["mask_index"], epsilon=eps)
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}."
        qkv = [at + f"attention.self.{part}." for part in ("query", "key", "value")]
        attended = node("Attention", [
            hidden, constant(at + "qkv.weight", np.concatenate([tensors[p + "weight"].T for p in qkv], axis=1)),
            constant(at + "qkv.bias", np.concatenate([tensors[p + "bias"] for p in qkv])), "mask_index"],
            at + "attended", fused, num_heads=heads)
        dense = at + "attention.output.dense."
        out = node("MatMul", [attended, constant(dense + "weight", tensors[dense + "weight"].T)], at + "projected")
        hidden = node("SkipLayerNormalization", [out, hidden, *norm(at + "attention.output.LayerNorm"),
                                                 constant(dense + "bias", tensors[dense + "bias"])],
                      at + "middle", fused, epsilon=eps)
        dense = at + "intermediate.dense."
        wide = node("MatMul", [hidden, constant(dense + "weight", tensors[dense + "weight"].T)], at + "wide")
        wide = node("BiasGelu", [wide, constant(dense + "bias", tensors[dense + "bias"])], at + "gelu", fused)
        dense = at + "output.dense."
        out = node("MatMul", [wide, constant(dense + "weight", tensors[dense + "weight"].T)], at + "narrow")
        hidden = node("SkipLayerNormalization", [out, hidden, *norm(at + "output.LayerNorm"),
                                                 constant(dense + "bias", tensors[dense + "bias"])],
                      at + "hidden", fused, epsilon=eps)
    shape = ["batch", "tokens"]
    return helper.make_model(helper.make_graph(
        nodes, "bert", [helper.make_tensor_value_info(name, TensorProto.INT32, shape) for name in ("ids", "types", "mask")],
        [helper.make_tensor_value_info(hidden, TensorProto.FLOAT, [*shape, config["hidden_size"]])], weights),
        opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(fused, 1)], ir_version=9)


def prepare(model_dir, work):
    """Writes float32.onnx and int8.onnx; returns the configuration."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from safetensors.numpy import load_file
    with open(os.path.join(model_dir, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    tensors = load_file(os.path.join(model_dir, "model.safetensors"))
    tensors = {name.removeprefix("bert."): value for name, value in tensors.items()}
    onnx.save(make_graph(config, tensors), os.path.join(work, "float32.onnx"))
    quantize_dynamic(os.path.join(work, "float32.onnx"), os.path.join(work, "int8.onnx"), per_channel=True,
                     weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Attention"],
                     extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
    return config


def session(path, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def encode(model, texts):
    """Mean-pooled, normalised vectors of texts (lists of ids), padded to the longest."""
    import numpy as np
    longest = max(map(len, texts))
    ids = np.zeros((len(texts), longest), np.int32)
    mask = np.zeros((len(texts), longest), np.int32)
    for row, text in enumerate(texts):
        ids[row, :len(text)] = text
        mask[row, :len(text)] = 1
    hidden = model.run(None, {"ids": ids, "types": np.zeros_like(ids), "mask": mask})[0]
    mean = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1)[:, None]
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def latency(model, text, calls):
    """p50 and minimum of single calls, in ms."""
    import numpy as np
    ids = np.array([text], np.int32)
    feed = {"ids": ids, "types": np.zeros_like(ids), "mask": np.ones_like(ids)}
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        model.run(None, feed)
        times.append((time.perf_counter() - began) * 1e3)
    return sorted(times)[calls // 2], min(times)


def bulk(model, texts, batch):
    began = time.perf_counter()
    for first in range(0, len(texts), batch):
        encode(model, texts[first:first + batch])
    return len(texts) / (time.perf_counter() - began)


def cosines(name, ours, reference):
    import numpy as np
    reference = reference.astype(np.float64)
    reference /= np.linalg.norm(reference, axis=1, keepdims=True)
    found = (ours.astype(np.float64) * reference).sum(axis=1) / np.linalg.norm(ours.astype(np.float64), axis=1)
    say(engine=name, texts=len(found), cosine_mean=round(float(found.mean()), 6), cosine_min=round(float(found.min()), 6))


def say(**values):
    print(json.dumps(values), flush=True)


def write_ids(path, texts):
    import numpy as np
    np.concatenate([np.array(text, np.int32) for text in texts]).tofile(path + ".ids")
    np.array([len(text) for text in texts], np.uint32).tofile(path + ".lengths")


def ours(args, arithmetic, what, *more):
    """Runs nearhit-encode; returns the JSON that it prints."""
    command = [args.encode, "--model", args.model, "--arithmetic", arithmetic, "--mode", what, *more]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def compare_latency(args, name, text):
    """Engines take turns; says the median of the rounds' medians, and the smallest of all: a busy machine spoils the former."""
    peers = {kind: session(os.path.join(args.work, kind + ".onnx"), 1) for kind in ("float32", "int8")}
    calls = 200 if len(text) < 64 else 30
    found = {}
    write_ids(os.path.join(args.work, name), [text])
    for _ in range(ROUNDS):
        for kind, model in peers.items():
            found.setdefault("onnxruntime " + kind, []).append(latency(model, text, calls))
        for kind in ("float32", "fast"):
            took = ours(args, kind, "latency", "--ids", os.path.join(args.work, name), "--calls", str(calls))
            found.setdefault("nearhit " + kind, []).append((took["p50_ms"], took["min_ms"]))
    for engine, rounds in found.items():
        medians = sorted(median for median, _ in rounds)
        say(measured="latency, 1 thread", tokens=len(text), engine=engine, p50_ms=round(medians[ROUNDS // 2], 3),
            min_ms=round(min(least for _, least in rounds), 3), p50_of_rounds_ms=[round(value, 3) for value in medians])


def compare_bulk(args, texts):
    """The peer gets its texts sorted by length, so that it pads little, and its best batch size; ours as they come."""
    ordered = sorted(texts, key=len)
    sample = ordered[::max(1, len(ordered) // 2000)]
    write_ids(os.path.join(args.work, "bulk"), texts)
    best = {}
    for kind in ("float32", "int8"):
        model = session(os.path.join(args.work, kind + ".onnx"), 2)
        rates = {batch: bulk(model, sample, batch) for batch in BATCH_SIZES}
        best[kind] = (model, max(rates, key=rates.get))
    for _ in range(args.bulk_rounds):
        for kind, (model, batch) in best.items():
            say(measured="bulk, 2 threads", texts=len(texts), engine="onnxruntime " + kind, batch=batch,
                texts_per_s=round(bulk(model, ordered, batch)))
        for kind in ("float32", "fast"):
            took = ours(args, kind, "bulk", "--ids", os.path.join(args.work, "bulk"), "--threads", "2")
            say(measured="bulk, 2 threads", texts=len(texts), engine="nearhit " + kind,
                texts_per_s=round(took["texts_per_s"]))


def compare_quality(args, texts, reference):
    import numpy as np
    write_ids(os.path.join(args.work, "quality"), texts)
    float32 = None
    for kind in ("float32", "int8"):
        model = session(os.path.join(args.work, kind + ".onnx"), 2)
        found = np.concatenate([encode(model, [text]) for text in texts])
        float32 = found if float32 is None else float32
        cosines(f"onnxruntime {kind} to the reference", found, reference)
        cosines(f"onnxruntime {kind} to onnxruntime float32", found, float32)
    for kind in ("float32", "fast"):
        out = os.path.join(args.work, "vectors")
        ours(args, kind, "bulk", "--ids", os.path.join(args.work, "quality"), "--threads", "2", "--out", out)
        found = np.fromfile(out, np.float32).reshape(len(texts), -1)
        cosines(f"nearhit {kind} to the reference", found, reference)
        cosines(f"nearhit {kind} to onnxruntime float32", found, float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--texts", required=True)
    parser.add_argument("--vectors", required=True)
    parser.add_argument("--encode", required=True)
    parser.add_argument("--work", default="build/embedding_peers")
    parser.add_argument("--bulk-texts", type=int, default=20000)
    parser.add_argument("--bulk-rounds", type=int, default=2)
    parser.add_argument("--quality-texts", type=int, default=2000)
    args = parser.parse_args()
    args.work = os.path.abspath(args.work)
    os.makedirs(args.work, exist_ok=True)
    environment.enter(os.path.join(args.work, "venv"), PACKAGES)

    import numpy as np
    from tokenizers import Tokenizer
    prepare(args.model, args.work)
    tokenizer = Tokenizer.from_file(os.path.join(args.model, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    opened = gzip.open if args.texts.endswith(".gz") else open
    with opened(args.texts, "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")[:max(args.bulk_texts, args.quality_texts)]
    texts = [encoding.ids for encoding in tokenizer.encode_batch(lines)]
    long_text = [id for text in texts[:400] for id in text[1:-1]][:MAX_TOKENS - 2]
    compare_quality(args, texts[:args.quality_texts], np.load(args.vectors)[:args.quality_texts])
    compare_latency(args, "short", next(text for text in texts if len(text) == 15))
    compare_latency(args, "long", [texts[0][0], *long_text, texts[0][-1]])
    compare_bulk(args, texts[:args.bulk_texts])


if __name__ == "__main__":
    main()
