#!/usr/bin/env python3
"""Exact hits while many connections are open: latency, and the memory of an idle one.

Usage: connections.py --nearhitd build/release/bin/nearhitd [--idle 5000] [--streams 1000] [--requests 5000]

Starts a provider whose streams send an event a second, and nearhitd in front of it with an empty data directory. Then
it measures exact hits one after the other: alone, with idle connections, and with streams as well. A connection counts
as idle after its first answer. Needs Python 3 only, and two file descriptors for each connection.
"""

import argparse
import asyncio
import http.client
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import tempfile
import time

GATEWAY_PORT, PROVIDER_PORT = 9780, 9781
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def answer(content):
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}}


def event(content):
    return b"data: " + json.dumps({
        "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": "m",
        "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": None}]}).encode() + b"\n\n"


def question(text, stream):
    return json.dumps({"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}).encode()


async def read_head(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    for line in head.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


async def provide(reader, writer):
    try:
        while True:
            request = json.loads(await reader.readexactly(await read_head(reader)))
            if not request.get("stream"):
                writer.write(HEAD % b"application/json" + chunk(json.dumps(answer("Hello.")).encode()) + chunk(b""))
                continue
            writer.write(HEAD % b"text/event-stream")
            while True:
                writer.write(chunk(event("word ")))
                await writer.drain()
                await asyncio.sleep(1)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def serve_provider():
    async def serve():
        server = await asyncio.start_server(provide, "127.0.0.1", PROVIDER_PORT, backlog=4096)
        await server.serve_forever()
    asyncio.run(serve())


def hold(idle, streams, ready, counts):
    """Opens connections and keeps them. Counts events and errors of the streams."""
    async def open_idle():
        reader, writer = await asyncio.open_connection("127.0.0.1", GATEWAY_PORT)
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: g\r\n\r\n")
        await reader.readexactly(await read_head(reader))
        return writer

    async def read_stream(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", GATEWAY_PORT)
        body = question(f"stream {number}", True)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nx-nearhit-cache: exact\r\n"
                     b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        try:
            while line := await reader.readline():
                counts[0] += line.startswith(b"data: ")
            counts[1] += 1
        except ConnectionError:
            counts[1] += 1

    async def run():
        kept = []
        for _ in range(idle):
            kept.append(await open_idle())
        tasks = [asyncio.create_task(read_stream(i)) for i in range(streams)]
        while counts[0] < streams:
            await asyncio.sleep(0.05)
        ready.set()
        await asyncio.sleep(3600)
        return kept, tasks
    asyncio.run(run())


def hits(requests):
    connection = http.client.HTTPConnection("127.0.0.1", GATEWAY_PORT)
    micros = []
    for i in range(requests + 100):
        began = time.perf_counter()
        connection.request("POST", "/v1/chat/completions", question("the same", False),
                           {"content-type": "application/json", "x-nearhit-cache": "exact"})
        reply = connection.getresponse()
        reply.read()
        if i >= 100:
            micros.append((time.perf_counter() - began) * 1e6)
            assert reply.getheader("x-nearhit-status") == "exact"
    cuts = statistics.quantiles(micros, n=100)
    return {"p50_us": round(cuts[49]), "p99_us": round(cuts[98])}


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--nearhitd", default="build/release/bin/nearhitd")
    options.add_argument("--idle", type=int, default=5000)
    options.add_argument("--streams", type=int, default=1000)
    options.add_argument("--requests", type=int, default=5000)
    options = options.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    provider = multiprocessing.Process(target=serve_provider, daemon=True)
    provider.start()
    with tempfile.TemporaryDirectory() as folder:
        daemon = subprocess.Popen(
            [options.nearhitd, "--listen", "127.0.0.1:9782", "--http-listen", f"127.0.0.1:{GATEWAY_PORT}",
             "--upstream", f"http://127.0.0.1:{PROVIDER_PORT}", "--data", os.path.join(folder, "data")],
            stderr=subprocess.DEVNULL)
        holders = []

        def open_connections(idle, streams):
            ready, counts = multiprocessing.Event(), multiprocessing.Array("q", 2)
            holders.append((multiprocessing.Process(target=hold, args=(idle, streams, ready, counts), daemon=True),
                            counts))
            holders[-1][0].start()
            ready.wait()

        try:
            time.sleep(2)
            report = {"idle": options.idle, "streams": options.streams, "alone": hits(options.requests)}
            before = resident_kib(daemon.pid)
            open_connections(options.idle, 0)
            report["kib_per_idle"] = round((resident_kib(daemon.pid) - before) / options.idle, 2)
            report["with_idle"] = hits(options.requests)
            before = resident_kib(daemon.pid)
            open_connections(0, options.streams)
            report["kib_per_stream"] = round((resident_kib(daemon.pid) - before) / options.streams, 2)
            report["with_streams"] = hits(options.requests)
            report["stream_events"], report["stream_errors"] = holders[-1][1][:]
            report["p99_ratio"] = round(report["with_streams"]["p99_us"] / report["alone"]["p99_us"], 2)
            print(json.dumps(report))
        finally:
            for process, _ in holders:
                process.kill()
            daemon.kill()
            daemon.wait()


if __name__ == "__main__":
    main()
