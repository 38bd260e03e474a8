"""Writes <stream>.json for each <stream>.sse here: what the providers' own SDKs make of it.

Not part of the build: pip install openai==3.57.0 anthropic==2.14.0, then make_expected.py. The SDKs have no accumulator
for completions, whose files were written by hand. Streams that end in an error, or too early, have none.
"""

import json
import pathlib

from anthropic._models import construct_type_unchecked as construct_anthropic
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from openai import omit
from openai._models import construct_type_unchecked as construct_openai
from openai._streaming import SSEDecoder
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent


def chat(events):
    state = ChatCompletionStreamState()
    for event in events:
        if event.get("object") == "chat.completion.chunk":  # the SDK passes over Azure's others, too
            state.handle_chunk(construct_openai(type_=ChatCompletionChunk, value=event))
    body = state.current_completion_snapshot.to_dict(mode="json")
    if body["usage"] is None:
        del body["usage"]  # the SDK invents it
    for choice in body["choices"]:
        sent = {key for event in events for piece in event["choices"] if piece["index"] == choice["index"]
                for key in piece["delta"]}
        choice["message"] = {key: value for key, value in choice["message"].items() if key in sent}  # nulls, else
        for call in choice["message"].get("tool_calls") or []:
            del call["index"]  # of streams only
            call["function"].pop("parsed_arguments", None)
    return body


def messages(events):
    message, buffers = None, {}
    for event in events:
        if event["type"] != "ping":
            message = accumulate_event(event=construct_anthropic(type_=RawMessageStreamEvent, value=event),
                                       current_snapshot=message, json_bufs=buffers)
    body = json.loads(message.model_dump_json(exclude_unset=True, warnings=False))
    for block in body["content"]:
        block.pop("parsed_output", None)
    return body


def responses(events):
    state = ResponseStreamState(input_tools=omit, text_format=omit)
    for event in events:
        state.handle_event(construct_openai(type_=ResponseStreamEvent, value=event))
    body = state._completed_response.to_dict(mode="json")
    for item in body["output"]:
        for part in item.get("content") or []:
            part.pop("parsed", None)
    return body


def main():
    accumulators = {"chat": chat, "messages": messages, "responses": responses}
    folder = pathlib.Path(__file__).parent
    for stream in sorted(folder.glob("*.sse")):
        accumulate = accumulators.get(stream.stem.split("_")[0])
        datas = [sse.data for sse in SSEDecoder().iter_bytes(iter([stream.read_bytes()]))]
        events = [json.loads(data) for data in datas if data != "[DONE]"]
        is_whole = datas[-1] == "[DONE]" or events[-1].get("type") in ("message_stop", "response.completed")
        if accumulate and is_whole:
            text = json.dumps(accumulate(events), ensure_ascii=False, indent=1)
            stream.with_suffix(".json").write_text(text + "\n", encoding="utf-8")


main()
