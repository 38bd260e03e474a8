"""A provider for the checks of clients. An answer depends only on its request, ids and times too. The model of a request
says how it is answered; other names give a text:
  scripted-tools          a call of the first tool offered
  scripted-NNN            the HTTP status NNN
  scripted-retry          503 until the client says that it tries again
  scripted-error-event    a stream with an error in it
  scripted-cut            an answer that breaks off
  scripted-long           a stream of seconds, which only a client that goes away ends early
  scripted-slow           an answer after a while
"""

import hashlib
import json
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import answers

# What comes of a stream before its error, its break or its long part.
EVENTS_BEFORE = 5
LONG_EVENTS = 500
LONG_EVENT_SECONDS = 0.01
SLOW_SECONDS = 1.5
# Between the last event of a stream and the end of its body.
END_SECONDS = 0.05
# What the gateway may change in a request, or the client between two that mean the same.
NOT_OF_THE_ANSWER = ("stream", "stream_options", "encoding_format")


class Counts:
    """How many requests came, and how many clients went before their answer ended. Thread-safe."""

    def __init__(self):
        self.lock = threading.Lock()
        self.calls = 0
        self.broken = 0
        self.headers = {}

    def call(self, headers):
        with self.lock:
            self.calls += 1
            self.headers = {name.lower(): value for name, value in headers.items()}

    def broke(self):
        with self.lock:
            self.broken += 1


def digest(path, body):
    kept = {name: value for name, value in body.items() if name not in NOT_OF_THE_ANSWER}
    return hashlib.sha256((path + json.dumps(kept, sort_keys=True)).encode()).hexdigest()[:16]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    counts = Counts()

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.reply({"object": "list", "data": [{"id": "scripted", "object": "model", "created": 1, "owned_by": "nearhit"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        self.counts.call(self.headers)
        path = self.path.split("?")[0]
        self.request_id = digest(path, body)
        try:
            self.answer(path, body, body.get("model", ""))
        except (BrokenPipeError, ConnectionResetError):
            self.counts.broke()
            self.close_connection = True

    def answer(self, path, body, model):
        anthropic = "/messages" in path
        kind = model.removeprefix("scripted-")
        if kind == "slow":
            time.sleep(SLOW_SECONDS)
        if kind == "retry" and self.headers.get("x-stainless-retry-count", "0") == "0":
            kind = "503"
        if kind.isdigit():
            self.refuse(int(kind), anthropic)
            return
        name = path.rpartition("/")[2]
        make = {"completions": answers.chat if "/chat/" in path else answers.text_completion,
                "messages": answers.message, "count_tokens": answers.count_tokens, "responses": answers.response,
                "embeddings": answers.embeddings}.get(name)
        if make is None:
            self.refuse(404, anthropic)
            return
        whole, events = make(body, self.request_id)
        if body.get("stream"):
            self.stream(events, kind, anthropic)
        else:
            self.reply(whole, cut=kind == "cut")

    def reply(self, body, status=200, headers=(), cut=False):
        data = json.dumps(body, ensure_ascii=False).encode()
        self.begin(status, [("Content-Type", "application/json"), ("Content-Length", str(len(data))), *headers])
        self.wfile.write(data[:len(data) // 2] if cut else data)
        if cut:
            self.break_off()

    def begin(self, status, headers):
        self.send_response(status)
        name = "request-id" if "/messages" in self.path else "x-request-id"
        self.send_header(name, "req_" + getattr(self, "request_id", "none"))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def break_off(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def refuse(self, status, anthropic):
        headers = {429: [("retry-after", "1"), ("retry-after-ms", "20")], 503: [("retry-after-ms", "20")]}.get(status, [])
        self.reply(answers.error(status, anthropic, self.request_id), status, headers)

    def stream(self, events, kind, anthropic):
        self.begin(200, [("Content-Type", "text/event-stream; charset=utf-8"), ("Transfer-Encoding", "chunked")])
        for i, (name, data) in enumerate(events):
            if i == EVENTS_BEFORE and kind == "cut":
                self.break_off()
                return
            if i == EVENTS_BEFORE and kind == "error-event":
                self.event("error" if anthropic else "", answers.error(529 if anthropic else 500, anthropic, self.request_id))
                break
            repeat = LONG_EVENTS if i == EVENTS_BEFORE and kind == "long" else 1
            for _ in range(repeat):
                self.event(name, data)
                time.sleep(LONG_EVENT_SECONDS if repeat > 1 else 0)
        time.sleep(END_SECONDS)
        self.wfile.write(b"0\r\n\r\n")

    def event(self, name, data):
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        block = ((f"event: {name}\n" if name else "") + f"data: {text}\n\n").encode()
        self.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that closes its connection is no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def start():
    """Returns the port and the counts of a provider that runs until the process ends."""
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1], Handler.counts
