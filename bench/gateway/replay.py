#!/usr/bin/env python3
"""Replays labelled questions as chat requests through a gateway: hits, wrong hits, latency and calls saved.

Usage: replay.py --gateway http://127.0.0.1:7780 --pairs pairs.tsv[.gz] [--questions 20000]

The pairs have a header with `label` (1: the same meaning) and two text columns. Each distinct text is asked once, in
the order of the file. The provider has to repeat the question as its answer, as `--serve PORT` does, so
that an answer tells which question it was given to. A hit is right or wrong when a pair labels the two texts, alone or
through other texts that pairs call the same. Needs Python 3 only.
"""

import argparse
import collections
import csv
import gzip
import http.client
import json
import statistics
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Echo(BaseHTTPRequestHandler):
    """A provider that answers a question with the question."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    calls = 0

    def do_POST(self):
        Echo.calls += 1
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = json.dumps({
            "id": "chatcmpl-echo", "object": "chat.completion", "created": 0, "model": request["model"],
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": request["messages"][-1]["content"]}}],
            "usage": {"prompt_tokens": 20, "completion_tokens": 20, "total_tokens": 40}}).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(answer)}\r\n\r\n"
        self.wfile.write(head.encode() + answer)

    def log_message(self, *_):
        pass


class Meanings:
    """Texts that pairs call the same, and those that they call different."""

    def __init__(self):
        self.parents = {}
        self.different = set()

    def root(self, text):
        while self.parents.setdefault(text, text) != text:
            self.parents[text] = self.parents[self.parents[text]]
            text = self.parents[text]
        return text

    def add(self, label, one, other):
        if label == "1":
            self.parents[self.root(one)] = self.root(other)
        else:
            self.different.add((one, other))

    def close(self):
        pairs = self.different
        self.different = {(self.root(one), self.root(other)) for one, other in pairs}

    def judge(self, asked, served):
        one, other = self.root(asked), self.root(served)
        if one == other:
            return "right"
        if (one, other) in self.different or (other, one) in self.different:
            return "wrong"
        return "unlabelled"


def read_pairs(path):
    names = [("text_a", "text_b"), ("cached", "asked"), ("question1", "question2")]
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            for one, other in names:
                if one in row:
                    yield row["label"], row[one], row[other]


def quantiles(micros):
    cuts = statistics.quantiles(micros, n=100) if len(micros) > 1 else micros * 99
    return {"p50_us": round(cuts[49]), "p99_us": round(cuts[98])}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--gateway", default="http://127.0.0.1:7780")
    options.add_argument("--pairs")
    options.add_argument("--questions", type=int, default=20000)
    options.add_argument("--serve", type=int, help="only be the provider, on this port")
    options = options.parse_args()
    if options.serve:
        ThreadingHTTPServer(("127.0.0.1", options.serve), Echo).serve_forever()
    meanings = Meanings()
    texts = {}
    for label, one, other in read_pairs(options.pairs):
        meanings.add(label, one, other)
        texts.setdefault(one)
        texts.setdefault(other)
    meanings.close()
    texts = list(texts)[:options.questions]
    gateway = http.client.HTTPConnection(urllib.parse.urlparse(options.gateway).netloc, timeout=60)
    outcomes = collections.Counter()
    micros = collections.defaultdict(list)
    for text in texts:
        body = json.dumps({"model": "m", "messages": [{"role": "system", "content": "Answer in one sentence."},
                                                      {"role": "user", "content": text}]})
        began = time.perf_counter()
        gateway.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
        answer = gateway.getresponse()
        content = answer.read()
        elapsed = (time.perf_counter() - began) * 1e6
        status = answer.getheader("x-nearhit-status")
        outcomes[status] += 1
        micros[status].append(elapsed)
        if answer.status != 200:
            raise SystemExit(f"status {answer.status}: {content[:200]}")
        if status == "semantic":
            outcomes[meanings.judge(text, json.loads(content)["choices"][0]["message"]["content"])] += 1
    hits = outcomes["exact"] + outcomes["semantic"]
    report = {"questions": len(texts), "hit_rate": round(hits / len(texts), 4), "calls_saved": hits,
              **{name: outcomes[name] for name in ("exact", "semantic", "right", "wrong", "unlabelled", "miss")}}
    labelled = outcomes["right"] + outcomes["wrong"]
    report["wrong_of_labelled"] = round(outcomes["wrong"] / labelled, 4) if labelled else None
    for status, times in sorted(micros.items()):
        report[status + "_latency"] = quantiles(times)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
