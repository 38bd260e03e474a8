#!/usr/bin/env python3
"""Recall@10 and speed of FAISS, USearch, ScaNN, SVS and hnswlib beside nearhit, on the same vectors, one query at a time.

    index_peers.py --base BASE.npy --query QUERY.npy --bench build/release/bin/nearhit-bench [--plot curve.svg]

Peers come from the Python registry, pinned, into a virtual environment under --work; they search on one thread and are called
from Python, which costs a few microseconds a call. Vectors are normalised and compared by inner product. Each point is the
median of --repetitions. Prints JSON lines. Nothing else should run on the machine meanwhile.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import environment

PACKAGES = ["numpy==2.4.6", "faiss-cpu==1.15.1", "usearch==2.26.6", "scann==1.4.2", "scalable-vs==0.5.0", "hnswlib==0.8.0"]
K = 10
M = 16
EF_CONSTRUCTION = 200
EFS = [32, 64, 128, 256, 384, 512]


def faiss_graph(base, kind):
    import faiss
    index = faiss.index_factory(base.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = EF_CONSTRUCTION
    index.train(base)
    index.add(base)

    def search(query, ef):
        index.hnsw.efSearch = ef
        return index.search(query[None], K)[1][0]
    return search, EFS


def faiss_scan(base, kind, parameters, apply):
    import faiss
    index = faiss.index_factory(base.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
    index.train(base)
    index.add(base)

    def search(query, value):
        apply(index, value)
        return index.search(query[None], K)[1][0]
    return search, parameters


def set_factor(index, factor):
    index.k_factor = factor


def set_probes(index, probes):
    import faiss
    faiss.extract_index_ivf(index.base_index).nprobe = probes
    index.k_factor = 10


def usearch_graph(base, dtype):
    import numpy as np
    from usearch.index import Index
    index = Index(ndim=base.shape[1], metric="ip", dtype=dtype, connectivity=M, expansion_add=EF_CONSTRUCTION)
    index.add(np.arange(len(base)), base, threads=1)

    def search(query, ef):
        index.expansion_search = ef
        return index.search(query, K, threads=1).keys
    return search, EFS


def scann_tree(base):
    import scann
    searcher = (scann.scann_ops_pybind.builder(base, K, "dot_product")
                .tree(num_leaves=300, num_leaves_to_search=100, training_sample_size=len(base))
                .score_ah(2, anisotropic_quantization_threshold=0.2).reorder(100).build())
    return lambda query, leaves: searcher.search(query, leaves_to_search=leaves)[0], [20, 40, 80, 120, 200]


def svs_vamana(base):
    import svs
    parameters = svs.VamanaBuildParameters(graph_max_degree=2 * M, window_size=EF_CONSTRUCTION, alpha=0.95)
    index = svs.Vamana.build(parameters, base, svs.DistanceType.MIP, num_threads=1)

    def search(query, window):
        index.search_window_size = window
        return index.search(query[None], K)[0][0]
    return search, [20, 40, 80, 160, 240, 320]


def hnswlib_graph(base):
    import hnswlib
    import numpy as np
    index = hnswlib.Index("ip", base.shape[1])
    index.init_index(len(base), M=M, ef_construction=EF_CONSTRUCTION)
    index.add_items(base, np.arange(len(base)), num_threads=1)

    def search(query, ef):
        index.set_ef(ef)
        return index.knn_query(query, K, num_threads=1)[0][0]
    return search, EFS


PEERS = {
    "faiss HNSW16": lambda base: faiss_graph(base, f"HNSW{M}"),
    "faiss HNSW16,SQ8": lambda base: faiss_graph(base, f"HNSW{M},SQ8"),
    "faiss PQx4fs,RFlat": lambda base: faiss_scan(base, f"PQ{base.shape[1] // 2}x4fs,RFlat", [2, 3, 6, 10], set_factor),
    "faiss IVF1024,PQx4fs,RFlat": lambda base: faiss_scan(base, f"IVF1024,PQ{base.shape[1] // 2}x4fs,RFlat",
                                                          [32, 64, 128, 256], set_probes),
    "usearch f32": lambda base: usearch_graph(base, "f32"),
    "usearch bf16": lambda base: usearch_graph(base, "bf16"),
    "usearch i8": lambda base: usearch_graph(base, "i8"),
    "scann": scann_tree,
    "svs vamana f32": svs_vamana,
    "hnswlib f32": hnswlib_graph,
}


def measure(name, build, base, queries, truth, repetitions):
    import numpy as np
    began = time.perf_counter()
    search, parameters = build(base)
    built = time.perf_counter() - began
    for parameter in parameters:
        found = [search(query, parameter) for query in queries]
        hits = sum(len(np.intersect1d(row, true)) for row, true in zip(found, truth))
        rates, p50s = [], []
        for _ in range(repetitions):
            times = []
            for query in queries:
                start = time.perf_counter()
                search(query, parameter)
                times.append(time.perf_counter() - start)
            rates.append(1 / statistics.mean(times))
            p50s.append(1e6 * statistics.median(times))
        yield {"engine": name, "parameter": parameter, "recall": round(hits / (K * len(queries)), 4),
               "qps": round(statistics.median(rates)), "p50_us": round(statistics.median(p50s), 1), "build_s": round(built, 1)}


def ours(args):
    """The same of nearhit, through its own benchmark."""
    command = [args.bench, "ann", "--base", args.base, "--query", args.query, "--max-queries", str(args.max_queries), "--k", str(K),
               "--engine", "nearhit,graph", "--ef", ",".join(map(str, EFS)), "--repetitions", str(args.repetitions)]
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        point = json.loads(line)
        yield {"engine": {"nearhit": "nearhit", "graph": "nearhit graph"}[point["engine"]], "parameter": point["ef"],
               **{key: point[key] for key in ("recall", "qps", "p50_us", "build_s")}}


def plot(points, path):
    """Queries a second over recall, as SVG: a line for each engine."""
    width, height, left, right, top, bottom = 760, 420, 60, 190, 20, 45
    low, fastest = 0.90, max(point["qps"] for point in points if point["recall"] >= 0.90)
    import math
    decades = (math.log10(500), math.log10(fastest * 1.2))

    def x(recall):  # by the share that is missed; all above .9995 are one
        return left + (width - left - right) * (math.log10(1 - low) - math.log10(max(1 - recall, 0.0005))) / \
            (math.log10(1 - low) - math.log10(0.0005))

    def y(qps):
        return height - bottom - (height - top - bottom) * (math.log10(qps) - decades[0]) / (decades[1] - decades[0])

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>']
    for recall in (0.90, 0.95, 0.975, 0.99, 0.995, 0.999, 1):
        out.append(f'<path d="M{x(recall):.0f} {top}V{height - bottom}" stroke="#ddd"/>'
                   f'<text x="{x(recall):.0f}" y="{height - bottom + 16}" text-anchor="middle">{recall:g}</text>')
    for qps in (500, 1000, 2000, 5000, 10000, 20000):
        if decades[0] <= math.log10(qps) <= decades[1]:
            out.append(f'<path d="M{left} {y(qps):.0f}H{width - right}" stroke="#ddd"/>'
                       f'<text x="{left - 6}" y="{y(qps) + 4:.0f}" text-anchor="end">{qps:,}</text>')
    out.append(f'<text x="{(left + width - right) / 2}" y="{height - 8}" text-anchor="middle">recall@{K}</text>'
               f'<text x="14" y="{height / 2}" transform="rotate(-90 14 {height / 2})" text-anchor="middle">queries/s, one thread'
               "</text>")
    colours = ["#d62728", "#ff7f0e", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf",
               "#000000", "#aec7e8"]
    for number, name in enumerate(dict.fromkeys(point["engine"] for point in points)):
        line = sorted((x(p["recall"]), y(p["qps"])) for p in points if p["engine"] == name and p["recall"] >= low)
        stroke = f'stroke="{colours[number % len(colours)]}" stroke-width="{3 if name.startswith("nearhit") else 1.5}"'
        if line:
            out.append(f'<polyline points="{" ".join(f"{a:.0f},{b:.0f}" for a, b in line)}" fill="none" {stroke}/>')
            out += [f'<circle cx="{a:.0f}" cy="{b:.0f}" r="3" fill="{colours[number % len(colours)]}"/>' for a, b in line]
        out.append(f'<path d="M{width - right + 12} {top + 18 * number + 6}h18" {stroke}/>'
                   f'<text x="{width - right + 36}" y="{top + 18 * number + 10}">{name}</text>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([*out, "</svg>"]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", required=True, help="npy of floats")
    parser.add_argument("--query", required=True, help="npy of floats")
    parser.add_argument("--bench", required=True, help="nearhit-bench")
    parser.add_argument("--max-queries", type=int, default=2000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="some of them")
    parser.add_argument("--plot", help="SVG to write")
    parser.add_argument("--work", default="build/peers", help="folder for the environment")
    args = parser.parse_args()
    environment.enter(args.work, PACKAGES)
    import faiss
    import numpy as np
    faiss.omp_set_num_threads(1)

    def unit(path, rows=None):
        vectors = np.load(path)[:rows].astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    base, queries = unit(args.base), unit(args.query, args.max_queries)
    truth = np.concatenate([np.argpartition(-(block @ base.T), K, axis=1)[:, :K] for block in np.array_split(queries, 20)])
    points = []
    for lines in [ours(args), *(measure(name, PEERS[name], base, queries, truth, args.repetitions)
                                for name in args.peers)]:
        for point in lines:
            print(json.dumps(point), flush=True)
            points.append(point)
    if args.plot:
        plot(points, args.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
