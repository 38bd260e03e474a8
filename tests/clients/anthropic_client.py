"""The cases of Anthropic's Python SDK."""

import functools

import anthropic

from client import PIXEL, attempt, case, dump, join_messages, main, until_raised

TOOLS = [{"name": "forecast", "description": "The weather of the next days", "input_schema": {
    "type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]}}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "digest": {"type": "string"},
                                           "temperature": {"type": "number"}},
          "required": ["city", "digest", "temperature"], "additionalProperties": False}


@functools.cache
def client_of(base, key, **options):
    return anthropic.Anthropic(base_url=base, api_key=key, **options)


def client(turn, **options):
    """Connections stay open from case to case, as in a program that runs for long."""
    return client_of(turn.base, turn.key, **{"max_retries": 0, **options})


def ask(text, model="scripted", **rest):
    return {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": text}], **rest}


def streamed(turn, request):
    events = [dump(event) for event in client(turn).messages.create(**request, stream=True)]
    return {"answer": join_messages(events), "events": events}


@case()
def messages(turn):
    answer = client(turn).messages.create(**ask("What is the capital of Norway?"))
    return {"answer": dump(answer), "events": answer._request_id}


@case(statuses=["miss", "exact"])
def messages_raw(turn):
    raw = client(turn).messages.with_raw_response.create(**ask("Name a river of Asia."))
    return {"answer": dump(raw.parse()), "statuses": [raw.headers.get("x-nearhit-status")]}


@case(statuses=["miss", "semantic"])
def messages_reworded(turn):
    text = "How many legs does a spider have?" if turn.number < 2 else "how many legs does a SPIDER have"
    raw = client(turn).messages.with_raw_response.create(**ask(text))
    return {"answer": dump(raw.parse()), "statuses": [raw.headers.get("x-nearhit-status")]}


@case()
def messages_system(turn):
    system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    return {"answer": dump(client(turn).messages.create(**ask("Who are you?"), system=system))}


@case()
def messages_prefill(turn):
    request = ask("Count to three.")
    request["messages"].append({"role": "assistant", "content": "One,"})
    return {"answer": dump(client(turn).messages.create(**request))}


@case()
def messages_stream(turn):
    return streamed(turn, ask("Tell a story of two sailors."))


@case()
def messages_then_stream(turn):
    request = ask("Explain the tides to a child.")
    if turn.number < 2:
        return {"answer": client(turn).messages.create(**request).content[0].text}
    return {"answer": streamed(turn, request)["answer"]["blocks"][0]["text"]}


@case()
def stream_then_messages(turn):
    request = ask("Why is the sky blue at noon?")
    if turn.number == 2:
        return {"answer": client(turn).messages.create(**request).content[0].text}
    return {"answer": streamed(turn, request)["answer"]["blocks"][0]["text"]}


@case()
def stream_helper(turn):
    with client(turn).messages.stream(**ask("List three metals.")) as stream:
        text = "".join(stream.text_stream)
        return {"answer": [text, dump(stream.get_final_message())]}


@case()
def beta(turn):
    answer = client(turn).beta.messages.create(**ask("What is new?"), betas=["context-1m-2025-08-07"])
    return {"answer": dump(answer)}


@case()
def count_tokens(turn):
    asked = [{"role": "user", "content": "How long is this?"}]
    return {"answer": dump(client(turn).messages.count_tokens(model="scripted", messages=asked))}


@case()
def tools_offered(turn):
    return {"answer": dump(client(turn).messages.create(**ask("No tool is needed here.", tools=TOOLS)))}


@case(calls=(1, 1, 1))
def tools_called(turn):
    return {"answer": dump(client(turn).messages.create(**ask("Weather in Zurich?", "scripted-tools", tools=TOOLS)))}


@case(calls=(1, 1, 1))
def tools_called_stream(turn):
    with client(turn).messages.stream(**ask("Weather, as a stream?", "scripted-tools", tools=TOOLS)) as stream:
        events = [event.type for event in stream]
        return {"answer": dump(stream.get_final_message()), "events": events}


@case()
def tools_result(turn):
    request = ask("Weather?", tools=TOOLS)
    request["messages"] += [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "forecast", "input": {"city": "Rom"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "It rains."}]}]
    return {"answer": dump(client(turn).messages.create(**request))}


@case()
def json_schema(turn):
    form = {"format": {"type": "json_schema", "schema": SCHEMA}}
    return {"answer": dump(client(turn).messages.create(**ask("Weather as JSON, please."), output_config=form))}


def image(source):
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is in this image?"}]
    return {"model": "scripted", "max_tokens": 100, "messages": [{"role": "user", "content": content}]}


@case()
def image_data(turn):
    source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
    return {"answer": dump(client(turn).messages.create(**image(source)))}


@case(calls=(1, 1, 1), statuses=["bypass", "bypass"])
def image_url(turn):
    raw = client(turn).messages.with_raw_response.create(**image({"type": "url", "url": "https://images.example.com/cat.png"}))
    return {"answer": dump(raw.parse()), "statuses": [raw.headers.get("x-nearhit-status")]}


def refused(status):
    def run(turn):
        request = ask("This fails.", f"scripted-{status}")
        whole = attempt(lambda: client(turn).messages.create(**request))
        stream = attempt(lambda: list(client(turn).messages.create(**request, stream=True)))
        return {"answer": [whole, stream]}
    run.__name__ = f"error_{status}"
    case(calls=(2, 2, 2))(run)


for each in (400, 401, 403, 404, 429, 500, 503, 529):
    refused(each)


@case(calls=(1, 1, 1))
def error_event(turn):
    stream = client(turn).messages.create(**ask("An error comes in the middle.", "scripted-error-event"), stream=True)
    events, error = until_raised(stream)
    return {"answer": error, "events": events}


@case(calls=(1, 1, 1))
def cut_stream(turn):
    stream = client(turn).messages.create(**ask("This breaks off.", "scripted-cut"), stream=True)
    events, error = until_raised(stream)
    return {"answer": "class" in error, "events": events, "note": error}


@case(calls=(1, 1, 1))
def cut_stream_helper(turn):
    def whole():
        with client(turn).messages.stream(**ask("The helper breaks off.", "scripted-cut")) as stream:
            return stream.get_final_message()
    error = attempt(whole)
    return {"answer": "class" in error, "note": error}


@case(calls=(1, 1, 1))
def cut_answer(turn):
    error = attempt(lambda: client(turn).messages.create(**ask("Half of an answer.", "scripted-cut")))
    return {"answer": "class" in error, "note": error}


@case(calls=(3, 3, 3))
def retries_429(turn):
    return {"answer": attempt(lambda: client(turn, max_retries=2).messages.create(**ask("Try.", "scripted-429")))}


@case(calls=(2, 2, 2))
def retries_529(turn):
    return {"answer": attempt(lambda: client(turn, max_retries=1).messages.create(**ask("Try.", "scripted-529")))}


@case(calls=(2, 2, 0))
def retries_then_answer(turn):
    return {"answer": dump(client(turn, max_retries=2).messages.create(**ask("Try until it works.", "scripted-retry")))}


@case(calls=(1, 1, 1), broken=1)
def timeout(turn):
    calls = client(turn, timeout=0.4).messages
    return {"answer": attempt(lambda: calls.create(**ask("Do not hurry.", "scripted-slow")))}


@case(calls=(2, 2, 1), broken=1)
def cancelled(turn):
    calls = client(turn).messages
    stream = calls.create(**ask("A long stream that nobody reads to its end.", "scripted-long"), stream=True)
    first = [dump(next(stream)) for _ in range(3)]
    stream.close()
    return {"answer": [first, dump(calls.create(**ask("The next request is served.")))]}


if __name__ == "__main__":
    main()
