"""Runs programs of clients against a provider, then twice through nearhitd, and compares what they saw.

check.py --bin FOLDER --packages FOLDER [PROGRAM[/SET]...]   scripts/check-clients installs the packages first
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import provider

HERE = os.path.dirname(os.path.abspath(__file__))
SETS = ("current", "previous")
# Program -> its file and the sets of packages that it runs with.
PROGRAMS = {
    "openai-python": ("openai_client.py", SETS),
    "anthropic-python": ("anthropic_client.py", SETS),
    "langchain": ("langchain_client.py", SETS),
    "openai-node": ("openai_client.mjs", SETS),
    "anthropic-node": ("anthropic_client.mjs", SETS),
    "vercel-ai": ("vercel_client.mjs", SETS),
}
START_SECONDS = 30
CASE_SECONDS = 60
STOP_SECONDS = 30
SETTLE_SECONDS = 5
# What a proxy may set itself.
OWN_HEADERS = ("host", "connection", "accept-encoding", "content-length")
TURNS = ("without the gateway", "through the gateway", "through it again")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Gateway:
    """A nearhitd with a data directory of its own, in front of the provider."""

    def __init__(self, binaries, upstream, folder):
        self.http, grpc = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        self.log = os.path.join(folder, "nearhitd.log")
        command = [os.path.join(binaries, "nearhitd"), "--listen", grpc, "--http-listen", self.http, "--upstream", upstream,
                   "--data", os.path.join(folder, "data"), "--model-folder", ""]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait()
        # The built-in embedder compares words: no model is needed.
        subprocess.run([os.path.join(binaries, "nearhit"), "--target", grpc, "ns", "update", "gateway", "--embedder",
                        "lexical", "--reembed"], check=True, stdout=subprocess.DEVNULL)

    def _wait(self):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"http://{self.http}/readyz", timeout=5).close()
                return
            except OSError:
                time.sleep(0.05)
        with open(self.log, encoding="utf-8") as log:
            sys.exit(f"nearhitd did not start: {log.read()}")

    def stored(self):
        with urllib.request.urlopen(f"http://{self.http}/metrics", timeout=5) as answer:
            return sum(map(int, re.findall(r"^nearhit_stores_total{.*} (\d+)", answer.read().decode(), re.M)))

    def wait_for_stores(self, before):
        """An answer is stored after it was sent: waits until something was, and a moment for more of it."""
        settle(lambda: self.stored() > before)
        time.sleep(0.1)

    def stop(self):
        """Whether it still ran, and ended well. Otherwise it shows its log."""
        ran = self.process.poll() is None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        if code or not ran:
            with open(self.log, encoding="utf-8") as log:
                print(log.read())
            print(f"nearhitd ended {'with' if ran else 'too early, with'} {code}")
        return ran and code == 0


class Client:
    """A running program of cases."""

    def __init__(self, file, packages):
        environment = {name: value for name, value in os.environ.items()
                       if not re.match(r"(OPENAI|ANTHROPIC|LANGCHAIN|LANGSMITH|AI|HTTPS?|ALL)_|https?_proxy|all_proxy", name)}
        if file.endswith(".py"):
            environment.update(PYTHONPATH=packages, PYTHONDONTWRITEBYTECODE="1")
            # Without the packages of the system: only those of the set count.
            command = [sys.executable, "-S", os.path.join(HERE, file)]
        else:
            # Node looks for packages from the folder of the program upwards.
            for name in os.listdir(HERE):
                if name.endswith(".mjs"):
                    shutil.copy(os.path.join(HERE, name), packages)
            command = ["node", os.path.join(packages, file)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
                                        encoding="utf-8")
        self.cases = self._read()

    def _read(self):
        timer = threading.Timer(CASE_SECONDS, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            raise EOFError(f"the program ended, or had no result after {CASE_SECONDS} s")
        return json.loads(line)

    def run(self, **asked):
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return self._read()

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
        self.process.wait(STOP_SECONDS)


def settle(condition):
    until = time.monotonic() + SETTLE_SECONDS
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)


def shown(value):
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) < 1500 else text[:1500] + " …"


def first_difference(one, other, path=""):
    """The path of the first difference of two JSON values, and both sides there."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            if one.get(name, KeyError) != other.get(name, KeyError):
                if name not in one or name not in other:
                    return f"{path}.{name}: {shown(one.get(name, '(absent)'))} became {shown(other.get(name, '(absent)'))}"
                return first_difference(one[name], other[name], f"{path}.{name}")
    if isinstance(one, list) and isinstance(other, list):
        for index, (left, right) in enumerate(zip(one, other)):
            if left != right:
                return first_difference(left, right, f"{path}[{index}]")
        return f"{path}: {len(one)} elements became {len(other)}"
    return f"{path}: {shown(one)} became {shown(other)}"


def compare(case, results):
    """Yields what differs between the three results of a case."""
    for turn, result in zip(TURNS, results):
        if "failed" in result:
            yield f"{turn} the case failed: {shown(result['failed'])}"
            return
    direct = results[0]
    for turn, result in zip(TURNS[1:], results[1:]):
        if result["answer"] != direct["answer"]:
            yield f"{turn}, answer" + first_difference(direct["answer"], result["answer"])
    if results[1].get("events") != direct.get("events"):
        yield f"{TURNS[1]}, events" + first_difference(direct.get("events"), results[1].get("events"))
    if "usage" in direct:
        if results[1]["usage"] != direct["usage"]:
            yield f"{TURNS[1]}, usage" + first_difference(direct["usage"], results[1]["usage"])
        if any(results[2]["usage"].values()):
            yield f"{TURNS[2]}, usage {shown(results[2]['usage'])} is not zero"
    for wanted, turn, result in zip(case.get("statuses") or [], TURNS[1:], results[1:]):
        if result["statuses"] != [wanted]:
            yield f"{turn}, x-nearhit-status is {shown(result['statuses'])} and not {wanted}"


def run_case(client, case, key, upstream, gateway, counts):
    """Runs a case three times. Returns what is wrong, and the results."""
    results, problems, headers = [], [], []
    for number, calls in enumerate(case["calls"]):
        calls_before, broken_before, stored_before = counts.calls, counts.broken, gateway.stored()
        base = upstream if number == 0 else f"http://{gateway.http}"
        results.append(client.run(name=case["name"], base=base, key=key, number=number))
        settle(lambda: counts.broken - broken_before >= (case.get("broken") or 0))
        headers.append({name: value for name, value in counts.headers.items() if name not in OWN_HEADERS})
        if counts.calls - calls_before != calls:
            problems.append(f"{TURNS[number]} the provider had {counts.calls - calls_before} calls and not {calls}")
        if counts.broken - broken_before != (case.get("broken") or 0):
            problems.append(f"{TURNS[number]} the provider saw {counts.broken - broken_before} clients go early")
        if number == 1 and case["calls"][2] < calls:
            gateway.wait_for_stores(stored_before)
    if case["calls"][1] and headers[1] != headers[0]:
        problems.append(f"{TURNS[1]}, headers at the provider" + first_difference(headers[0], headers[1]))
    return list(compare(case, results)) + problems, results


def run_program(name, packages_set, options, upstream, gateway, counts):
    """Returns how many checks were made, and how many of them failed."""
    file = PROGRAMS[name][0]
    kind = "python" if file.endswith(".py") else "node"
    client = Client(file, os.path.join(options.packages, f"{kind}-{packages_set}"))
    made = failed = 0
    for case in client.cases:
        began = time.monotonic()
        try:
            problems, results = run_case(client, case, f"key-{name}-{packages_set}", upstream, gateway, counts)
        except (EOFError, OSError) as error:
            problems, results = [f"{error}; the cases after this one did not run"], []
        made += 1
        failed += bool(problems)
        seconds = time.monotonic() - began
        print(f"{'FAIL' if problems else 'ok  '} {name}/{packages_set} {case['name']} {seconds:.1f} s", flush=True)
        for problem in problems:
            print(f"       {problem}")
        for turn, result in zip(TURNS, results):
            if "note" in result and options.verbose:
                print(f"       {turn}: {shown(result['note'])}")
        if not results:
            break
    client.stop()
    return made, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bin", required=True)
    parser.add_argument("--packages", required=True)
    parser.add_argument("--verbose", action="store_true", help="show what is not compared")
    parser.add_argument("programs", nargs="*", help="names like openai-python or openai-python/current; all unless said")
    options = parser.parse_args()
    port, counts = provider.start()
    upstream = f"http://127.0.0.1:{port}"
    made = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        gateway = Gateway(options.bin, upstream, folder)
        try:
            for name, (_, sets) in PROGRAMS.items():
                for packages_set in sets:
                    if options.programs and not {name, f"{name}/{packages_set}"} & set(options.programs):
                        continue
                    counted, wrong = run_program(name, packages_set, options, upstream, gateway, counts)
                    made, failed = made + counted, failed + wrong
        finally:
            ended_well = gateway.stop()
    print(f"{made} checks, {failed} failed")
    return 0 if made and not failed and ended_well else 1


if __name__ == "__main__":
    sys.exit(main())
