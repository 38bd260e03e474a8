"""What the programs of Python clients share. A program lists its cases, then runs the one that a line of its input names.

A case gives a dict with some of
  answer    equal without the gateway, through it, and again through it
  events    equal without the gateway and through it: what a replay may cut in other pieces, or number anew
  usage     the same, but zeros from the cache alone
  statuses  what x-nearhit-status said
  note      what went wrong, where only that it does is compared
"""

import json
import sys

CASES = []
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="


class Turn:
    """One run of a case: number 0 without the gateway, 1 and 2 through it."""

    def __init__(self, base, key, number):
        self.base, self.key, self.number = base, key, number


def case(calls=(1, 1, 0), statuses=None, broken=0):
    """calls: how many requests reach the provider in each run. broken: how many of them in each run the client leaves."""
    def add(function):
        CASES.append((function, {"name": function.__name__, "calls": calls, "statuses": statuses, "broken": broken}))
        return function
    return add


def dump(model):
    return model.model_dump(mode="json", exclude_unset=True, warnings=False)


def raised(error):
    """What a caller can see of an exception."""
    seen = {"class": type(error).__name__, "message": str(error), "cause": type(error.__cause__).__name__}
    for name in ("status_code", "code", "param", "type", "body", "request_id"):
        seen[name] = getattr(error, name, None)
    response = getattr(error, "response", None)
    if response is not None:
        seen["retry-after"] = response.headers.get("retry-after")
    return seen


def attempt(function):
    """The exception of a call; a call that comes back gives what it answered."""
    try:
        return {"no exception": repr(function())}
    except Exception as error:  # the class is what is compared
        return raised(error)


def until_raised(stream):
    """The events of a stream before its exception, and the exception."""
    events = []
    try:
        for event in stream:
            events.append(dump(event))
    except Exception as error:
        return events, raised(error)
    return events, {"no exception": len(events)}


def join_chat(chunks):
    """The choices that the chunks of a stream make, in order of their index."""
    choices = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            made = choices.setdefault(choice["index"], {"content": "", "calls": {}, "finish": None, "logprobs": []})
            made["content"] += choice["delta"].get("content") or ""
            made["finish"] = choice.get("finish_reason") or made["finish"]
            made["logprobs"] += (choice.get("logprobs") or {}).get("content") or []
            for call in choice["delta"].get("tool_calls") or []:
                known = made["calls"].setdefault(str(call["index"]), {"id": "", "name": "", "arguments": ""})
                known["id"] += call.get("id") or ""
                known["name"] += call["function"].get("name") or ""
                known["arguments"] += call["function"].get("arguments") or ""
    heads = {json.dumps({name: chunk.get(name) for name in ("id", "created", "model", "object")}) for chunk in chunks}
    usage = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    return {"choices": [choices[index] for index in sorted(choices)], "heads": sorted(heads), "usage": usage}


def join_messages(events):
    """The message that the events of a stream make: its begin, its blocks and its end."""
    blocks, made = {}, {}
    for event in events:
        if event["type"] == "message_start":
            made["message"] = event["message"]
        elif event["type"] == "content_block_start":
            blocks[event["index"]] = {"block": event["content_block"], "text": ""}
        elif event["type"] == "content_block_delta":
            blocks[event["index"]]["text"] += event["delta"].get("text") or event["delta"].get("partial_json") or ""
        elif event["type"] == "message_delta":
            made["delta"] = event
    return {**made, "blocks": [blocks[index] for index in sorted(blocks)]}


def main():
    """Runs cases until the input ends."""
    functions = {entry["name"]: function for function, entry in CASES}
    print(json.dumps([entry for _, entry in CASES]), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        turn = Turn(asked["base"], asked["key"], asked["number"])
        try:
            result = functions[asked["name"]](turn)
        except Exception as error:
            result = {"failed": raised(error)}
        print(json.dumps(result, default=str), flush=True)
