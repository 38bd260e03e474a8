"""What the provider answers: for each interface the whole answer, and the same as the events of a stream."""

import array
import base64
import json
import math
import random
import re

CREATED = 1700000000
DIMENSIONS = 64
ERRORS = {400: ("invalid_request_error", "invalid_value"), 401: ("authentication_error", "invalid_api_key"),
          403: ("permission_error", None), 404: ("not_found_error", None), 409: ("conflict_error", None),
          422: ("invalid_request_error", None), 429: ("rate_limit_error", "rate_limit_exceeded"),
          500: ("api_error", None), 503: ("api_error", "unavailable"), 529: ("overloaded_error", None)}


def error(status, anthropic, request_id):
    kind, code = ERRORS.get(status, ("api_error", None))
    message = f"The script says {status}: naïve — “no”."
    if anthropic:
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_" + request_id}
    return {"error": {"message": message, "type": kind, "param": "model" if status == 400 else None, "code": code}}


def last_text(content):
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content or ""


def pieces(text):
    return re.findall(r"\S+\s*", text)


def wants_json(body):
    form = body.get("response_format") or (body.get("text") or {}).get("format") or \
        (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    return form.get("type") == "json_schema"


def text_for(body, request_id, choice=0):
    """The request's digest is in the text, so a request that was changed on its way gives another answer."""
    if wants_json(body):
        return json.dumps({"city": "Zürich", "digest": request_id, "temperature": 21.5})
    asked = last_text((body.get("messages") or [{}])[-1].get("content") or body.get("prompt") or body.get("input"))
    return f"Answer {choice} to “{asked}”:\n\tgrüße, 你好 🙂 \\ \"quoted\" {request_id}"


def first_tool(body):
    """The first tool offered, and the arguments of a call as the pieces of its JSON."""
    tool = body["tools"][0]
    name = tool.get("name") or tool["function"]["name"]
    return name, ['{"city":', ' "Zürich",', ' "days": 3', "}"]


def wants_tool(body):
    return body["model"] == "scripted-tools" and bool(body.get("tools"))


def logprobs(parts):
    entry = {}
    for i, part in enumerate(parts):
        token = {"token": part, "logprob": -0.125 * (i + 1), "bytes": list(part.encode())}
        entry.setdefault("content", []).append({**token, "top_logprobs": [token]})
    return {"content": entry["content"], "refusal": None}


def chat_usage(count):
    return {"prompt_tokens": 12, "completion_tokens": count, "total_tokens": 12 + count,
            "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0}}


def chat_choice(body, request_id, index):
    """The message of a choice, the deltas that make it, and why it ended."""
    if wants_tool(body):
        name, parts = first_tool(body)
        call = {"id": "call_" + request_id, "type": "function", "function": {"name": name, "arguments": "".join(parts)}}
        begin = {**call, "index": 0, "function": {"name": name, "arguments": ""}}
        deltas = [{"role": "assistant", "content": None, "tool_calls": [begin]}]
        deltas += [{"tool_calls": [{"index": 0, "function": {"arguments": part}}]} for part in parts]
        return {"role": "assistant", "content": None, "refusal": None, "tool_calls": [call]}, deltas, "tool_calls"
    text = text_for(body, request_id, index)
    deltas = [{"role": "assistant", "content": "", "refusal": None}] + [{"content": part} for part in pieces(text)]
    return {"role": "assistant", "content": text, "refusal": None, "annotations": []}, deltas, "stop"


def chat(body, request_id):
    base = {"id": "chatcmpl-" + request_id, "created": CREATED, "model": body["model"] + "-2026-01-01",
            "service_tier": "default", "system_fingerprint": "fp_1"}
    made = [chat_choice(body, request_id, i) for i in range(body.get("n") or 1)]
    usage = chat_usage(sum(len(deltas) for _, deltas, _ in made))
    with_usage = (body.get("stream_options") or {}).get("include_usage")
    rest = {"usage": None} if with_usage else {}

    def known(parts):
        return logprobs(parts) if body.get("logprobs") and parts else None

    def events():
        for step in range(max(len(deltas) for _, deltas, _ in made)):
            for index, (_, deltas, _) in enumerate(made):
                if step < len(deltas):
                    choice = {"index": index, "delta": deltas[step], "logprobs": known([deltas[step].get("content")]
                              if deltas[step].get("content") else []), "finish_reason": None}
                    yield "", {**base, "object": "chat.completion.chunk", "choices": [choice], **rest}
        for index, (_, _, reason) in enumerate(made):
            choice = {"index": index, "delta": {}, "logprobs": None, "finish_reason": reason}
            yield "", {**base, "object": "chat.completion.chunk", "choices": [choice], **rest}
        if with_usage:
            yield "", {**base, "object": "chat.completion.chunk", "choices": [], "usage": usage}
        yield "", "[DONE]"
    choices = [{"index": index, "message": message, "logprobs": known(pieces(message["content"] or "")),
                "finish_reason": reason} for index, (message, _, reason) in enumerate(made)]
    return {**base, "object": "chat.completion", "choices": choices, "usage": usage}, events()


def text_completion(body, request_id):
    base = {"id": "cmpl-" + request_id, "object": "text_completion", "created": CREATED, "model": body["model"]}
    text = text_for(body, request_id)

    def choice(part, reason):
        return [{"text": part, "index": 0, "logprobs": None, "finish_reason": reason}]

    def events():
        for part in pieces(text):
            yield "", {**base, "choices": choice(part, None)}
        yield "", {**base, "choices": choice("", "stop")}
        if (body.get("stream_options") or {}).get("include_usage"):
            yield "", {**base, "choices": [], "usage": chat_usage(len(pieces(text)))}
        yield "", "[DONE]"
    return {**base, "choices": choice(text, "stop"), "usage": chat_usage(len(pieces(text)))}, events()


def message(body, request_id):
    if wants_tool(body):
        name, parts = first_tool(body)
        reason, delta = "tool_use", "input_json_delta"
        block = {"type": "tool_use", "id": "toolu_" + request_id, "name": name, "input": json.loads("".join(parts))}
        begin, member = {**block, "input": {}}, "partial_json"
    else:
        parts = pieces(text_for(body, request_id))
        reason, delta = "end_turn", "text_delta"
        block = {"type": "text", "text": "".join(parts)}
        begin, member = {**block, "text": ""}, "text"
    usage = {"input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 4, "output_tokens": 1,
             "service_tier": "standard"}
    whole = {"id": "msg_" + request_id, "type": "message", "role": "assistant", "model": body["model"],
             "content": [block], "stop_reason": reason, "stop_sequence": None,
             "usage": {**usage, "output_tokens": len(parts)}}

    def events():
        start = {**whole, "content": [], "stop_reason": None, "usage": usage}
        yield "message_start", {"message": start}
        yield "content_block_start", {"index": 0, "content_block": begin}
        yield "ping", {}
        for part in parts:
            yield "content_block_delta", {"index": 0, "delta": {"type": delta, member: part}}
        yield "content_block_stop", {"index": 0}
        yield "message_delta", {"delta": {"stop_reason": reason, "stop_sequence": None},
                                "usage": {"output_tokens": len(parts)}}
        yield "message_stop", {}
    return whole, ((name, {"type": name, **data}) for name, data in events())


def count_tokens(body, _):
    return {"input_tokens": len(json.dumps(body["messages"]))}, []


def response(body, request_id):
    text = text_for(body, request_id)
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    item = {"id": "msg_" + request_id, "type": "message", "status": "completed", "role": "assistant", "content": [part]}
    whole = {"id": "resp_" + request_id, "object": "response", "created_at": CREATED, "status": "completed",
             "error": None, "incomplete_details": None, "instructions": body.get("instructions"), "metadata": {},
             "model": body["model"], "output": [item], "parallel_tool_calls": True, "temperature": 1.0, "top_p": 1.0,
             "tool_choice": "auto", "tools": [], "service_tier": "default",
             "usage": {"input_tokens": 12, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 8,
                       "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 20}}

    def steps():
        begun = {**whole, "status": "in_progress", "output": [], "usage": None}
        place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
        yield "response.created", {"response": begun}
        yield "response.in_progress", {"response": begun}
        yield "response.output_item.added", {"output_index": 0, "item": {**item, "status": "in_progress", "content": []}}
        yield "response.content_part.added", {**place, "part": {**part, "text": ""}}
        for piece in pieces(text):
            yield "response.output_text.delta", {**place, "delta": piece, "logprobs": []}
        yield "response.output_text.done", {**place, "text": text, "logprobs": []}
        yield "response.content_part.done", {**place, "part": part}
        yield "response.output_item.done", {"output_index": 0, "item": item}
        yield "response.completed", {"response": whole}
    return whole, ((name, {"type": name, "sequence_number": i, **data}) for i, (name, data) in enumerate(steps()))


def shortest(value):
    """The shortest decimal that reads back to the same float32, as providers write it."""
    for digits in range(1, 10):
        number = float(f"{value:.{digits}g}")
        if array.array("f", [number])[0] == value:
            return number
    return value


def embeddings(body, _):
    inputs = body["input"]
    if not isinstance(inputs, list) or (inputs and isinstance(inputs[0], int)):
        inputs = [inputs]
    data = []
    for index, text in enumerate(inputs):
        draw = random.Random(json.dumps([body["model"], text]))
        numbers = [draw.gauss(0, 1) for _ in range(body.get("dimensions") or DIMENSIONS)]
        length = math.sqrt(sum(x * x for x in numbers))
        vector = array.array("f", [x / length for x in numbers])
        encoded = base64.b64encode(vector.tobytes()).decode() if body.get("encoding_format") == "base64" else \
            [shortest(x) for x in vector]
        data.append({"object": "embedding", "index": index, "embedding": encoded})
    tokens = sum(len(text) if isinstance(text, list) else len(pieces(text)) for text in inputs)
    return {"object": "list", "data": data, "model": body["model"],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}, []
