"""The cases of OpenAI's Python SDK."""

import asyncio
import functools

import openai
from pydantic import BaseModel

from client import PIXEL, attempt, case, dump, join_chat, main, until_raised

TOOLS = [{"type": "function", "function": {
    "name": "forecast", "description": "The weather of the next days", "strict": True,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                   "required": ["city", "days"], "additionalProperties": False}}}]


class Weather(BaseModel):
    city: str
    temperature: float
    digest: str


@functools.cache
def client_of(base, key, **options):
    return openai.OpenAI(base_url=base + "/v1", api_key=key, **options)


def client(turn, **options):
    """Connections stay open from case to case, as in a program that runs for long."""
    return client_of(turn.base, turn.key, **{"max_retries": 0, **options})


def ask(text, model="scripted", **rest):
    return {"model": model, "messages": [{"role": "user", "content": text}], **rest}


def streamed(turn, request):
    chunks = [dump(chunk) for chunk in client(turn).chat.completions.create(**request, stream=True)]
    return {"answer": join_chat(chunks), "events": chunks}


@case()
def chat(turn):
    answer = client(turn).chat.completions.create(**ask("What is the capital of Norway?"))
    return {"answer": dump(answer), "events": answer._request_id}


@case(statuses=["miss", "exact"])
def chat_raw(turn):
    raw = client(turn).chat.completions.with_raw_response.create(**ask("Name a river of Asia."), temperature=0.5, seed=7)
    return {"answer": dump(raw.parse()), "statuses": [raw.headers.get("x-nearhit-status")]}


@case(statuses=["miss", "semantic"])
def chat_reworded(turn):
    text = "How many legs does a spider have?" if turn.number < 2 else "how many legs does a SPIDER have"
    raw = client(turn).chat.completions.with_raw_response.create(**ask(text))
    return {"answer": dump(raw.parse()), "statuses": [raw.headers.get("x-nearhit-status")]}


@case()
def chat_system(turn):
    messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Who are you?", "name": "ann"}]
    return {"answer": dump(client(turn).chat.completions.create(model="scripted", messages=messages, max_tokens=50))}


@case()
def chat_turns(turn):
    messages = [{"role": "user", "content": "I am Ann."}, {"role": "assistant", "content": "Hello, Ann."},
                {"role": "user", "content": "Who am I?"}]
    return {"answer": dump(client(turn).chat.completions.create(model="scripted", messages=messages))}


@case()
def chat_stream(turn):
    return streamed(turn, ask("Tell a story of two sailors."))


@case()
def chat_stream_usage(turn):
    return streamed(turn, ask("Sing of the green fields.", stream_options={"include_usage": True}))


@case()
def chat_then_stream(turn):
    request = ask("Explain the tides to a child.")
    if turn.number < 2:
        return {"answer": client(turn).chat.completions.create(**request).choices[0].message.content}
    return {"answer": streamed(turn, request)["answer"]["choices"][0]["content"]}


@case()
def stream_then_chat(turn):
    request = ask("Why is the sky blue at noon?")
    if turn.number == 2:
        return {"answer": client(turn).chat.completions.create(**request).choices[0].message.content}
    return {"answer": streamed(turn, request)["answer"]["choices"][0]["content"]}


@case()
def chat_stream_helper(turn):
    with client(turn).chat.completions.stream(**ask("List three metals.")) as stream:
        events = [event.type for event in stream]
        return {"answer": dump(stream.get_final_completion()), "events": events}


@case(calls=(2, 2, 0))
def chat_async(turn):
    async def both():
        async with openai.AsyncOpenAI(base_url=turn.base + "/v1", api_key=turn.key) as calls:
            whole = await calls.chat.completions.create(**ask("Which moon is the largest?"))
            stream = await calls.chat.completions.create(**ask("Count the keys of a piano."), stream=True)
            return dump(whole), join_chat([dump(chunk) async for chunk in stream])
    return {"answer": asyncio.run(both())}


@case(calls=(3, 1, 0))
def chat_at_once(turn):
    async def all_of_them():
        async with openai.AsyncOpenAI(base_url=turn.base + "/v1", api_key=turn.key) as calls:
            request = ask("What do three clients ask at once?", "scripted-slow")
            return [dump(answer) for answer in await asyncio.gather(
                *(calls.chat.completions.create(**request) for _ in range(3)))]
    return {"answer": asyncio.run(all_of_them())}


@case()
def tools_offered(turn):
    return {"answer": dump(client(turn).chat.completions.create(**ask("No tool is needed here.", tools=TOOLS)))}


@case(calls=(1, 1, 1))
def tools_called(turn):
    answer = client(turn).chat.completions.create(**ask("Weather in Zurich?", "scripted-tools", tools=TOOLS))
    return {"answer": dump(answer)}


@case(calls=(1, 1, 1))
def tools_called_stream(turn):
    return streamed(turn, ask("Weather in Zurich, as a stream?", "scripted-tools", tools=TOOLS))


@case()
def tools_result(turn):
    call = {"id": "call_1", "type": "function", "function": {"name": "forecast", "arguments": '{"city":"Zürich"}'}}
    messages = [{"role": "user", "content": "Weather?"}, {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "call_1", "content": "It rains."}]
    answer = client(turn).chat.completions.create(model="scripted", messages=messages, tools=TOOLS)
    return {"answer": dump(answer)}


@case()
def json_schema(turn):
    answer = client(turn).chat.completions.parse(**ask("Weather as JSON, please."), response_format=Weather)
    return {"answer": [dump(answer), answer.choices[0].message.parsed.model_dump()]}


@case()
def json_schema_stream(turn):
    with client(turn).chat.completions.stream(**ask("Stream the JSON."), response_format=Weather) as stream:
        return {"answer": dump(stream.until_done().get_final_completion())}


@case()
def n_2(turn):
    return {"answer": dump(client(turn).chat.completions.create(**ask("Two answers, please."), n=2))}


@case()
def n_2_stream(turn):
    return streamed(turn, ask("Two answers as a stream.", n=2))


@case()
def logprobs(turn):
    answer = client(turn).chat.completions.create(**ask("How likely is rain?"), logprobs=True, top_logprobs=1)
    return {"answer": dump(answer)}


@case()
def logprobs_stream(turn):
    return streamed(turn, ask("How likely is a stream?", logprobs=True, top_logprobs=1))


def image(url):
    content = [{"type": "text", "text": "What is in this image?"}, {"type": "image_url", "image_url": {"url": url}}]
    return {"model": "scripted", "messages": [{"role": "user", "content": content}]}


@case()
def image_data(turn):
    return {"answer": dump(client(turn).chat.completions.create(**image("data:image/png;base64," + PIXEL)))}


@case(calls=(1, 1, 1), statuses=["bypass", "bypass"])
def image_url(turn):
    raw = client(turn).chat.completions.with_raw_response.create(**image("https://images.example.com/cat.png"))
    return {"answer": dump(raw.parse()), "statuses": [raw.headers.get("x-nearhit-status")]}


@case()
def azure(turn):
    calls = openai.AzureOpenAI(azure_endpoint=turn.base, api_key=turn.key, api_version="2024-10-21", max_retries=0)
    return {"answer": dump(calls.chat.completions.create(**ask("Where do the clouds go?")))}


@case()
def completions(turn):
    return {"answer": dump(client(turn).completions.create(model="scripted", prompt="Once upon a time"))}


@case()
def completions_stream(turn):
    events = [dump(event) for event in client(turn).completions.create(model="scripted", prompt="And then", stream=True)]
    return {"answer": "".join(choice["text"] for event in events for choice in event["choices"]), "events": events}


@case()
def responses(turn):
    return {"answer": dump(client(turn).responses.create(model="scripted", input="A bird in one sentence?"))}


@case()
def responses_stream(turn):
    events = [dump(event) for event in client(turn).responses.create(model="scripted", input="A fish?", stream=True)]
    text = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    return {"answer": [text, events[-1]["response"]], "events": events}


@case(calls=(0, 0, 0))
def models(turn):
    return {"answer": [dump(model) for model in client(turn).models.list()]}


def embedded(turn, **request):
    answer = client(turn).embeddings.create(model="scripted-embedding", **request)
    return {"answer": [dump(entry) for entry in answer.data] + [answer.model], "usage": dump(answer.usage)}


@case()
def embeddings(turn):
    return embedded(turn, input=["a first text", "a second text", "größer 🙂"])


@case()
def embeddings_one_text(turn):
    return embedded(turn, input="a text alone", dimensions=16)


@case()
def embeddings_tokens(turn):
    return embedded(turn, input=[[1, 2, 3], [4, 5]])


@case(calls=(1, 0, 0))
def embeddings_float(turn):
    """The same inputs as the first case, in the other encoding."""
    return {"answer": embedded(turn, input=["a second text", "a first text"], encoding_format="float")["answer"]}


@case(statuses=["partial", "exact"])
def embeddings_partial(turn):
    raw = client(turn).embeddings.with_raw_response.create(model="scripted-embedding", input=["a first text", "a new one"])
    return {"answer": [dump(entry) for entry in raw.parse().data], "statuses": [raw.headers.get("x-nearhit-status")]}


def refused(status):
    def run(turn):
        calls = client(turn).chat.completions
        whole = attempt(lambda: calls.create(**ask("This fails.", f"scripted-{status}")))
        stream = attempt(lambda: list(calls.create(**ask("This fails.", f"scripted-{status}"), stream=True)))
        embedding = attempt(lambda: client(turn).embeddings.create(model=f"scripted-{status}", input="x"))
        return {"answer": [whole, stream, embedding]}
    run.__name__ = f"error_{status}"
    case(calls=(3, 3, 3))(run)


for each in (400, 401, 403, 404, 409, 422, 429, 500, 503):
    refused(each)


@case(calls=(1, 1, 1))
def error_event(turn):
    stream = client(turn).chat.completions.create(**ask("An error comes in the middle.", "scripted-error-event"), stream=True)
    events, error = until_raised(stream)
    return {"answer": error, "events": events}


@case(calls=(1, 1, 1))
def cut_stream(turn):
    stream = client(turn).chat.completions.create(**ask("This breaks off.", "scripted-cut"), stream=True)
    events, error = until_raised(stream)
    return {"answer": "class" in error, "events": events, "note": error}


@case(calls=(1, 1, 1))
def cut_stream_helper(turn):
    def whole():
        with client(turn).chat.completions.stream(**ask("The helper breaks off.", "scripted-cut")) as stream:
            return stream.get_final_completion()
    error = attempt(whole)
    return {"answer": "class" in error, "note": error}


@case(calls=(1, 1, 1))
def cut_answer(turn):
    error = attempt(lambda: client(turn).chat.completions.create(**ask("Half of an answer.", "scripted-cut")))
    return {"answer": "class" in error, "note": error}


@case(calls=(1, 1, 1))
def cut_responses_stream(turn):
    stream = client(turn).responses.create(model="scripted-cut", input="This breaks off too.", stream=True)
    events, error = until_raised(stream)
    return {"answer": "class" in error, "events": events, "note": error}


@case(calls=(3, 3, 3))
def retries_429(turn):
    return {"answer": attempt(lambda: client(turn, max_retries=2).chat.completions.create(**ask("Try.", "scripted-429")))}


@case(calls=(2, 2, 2))
def retries_500(turn):
    return {"answer": attempt(lambda: client(turn, max_retries=1).chat.completions.create(**ask("Try.", "scripted-500")))}


@case(calls=(2, 2, 0))
def retries_then_answer(turn):
    answer = client(turn, max_retries=2).chat.completions.create(**ask("Try until it works.", "scripted-retry"))
    return {"answer": dump(answer)}


@case(calls=(1, 1, 1), broken=1)
def timeout(turn):
    calls = client(turn, timeout=0.4).chat.completions
    return {"answer": attempt(lambda: calls.create(**ask("Do not hurry.", "scripted-slow")))}


@case(calls=(2, 2, 1), broken=1)
def cancelled(turn):
    calls = client(turn)
    stream = calls.chat.completions.create(**ask("A long stream that nobody reads to its end.", "scripted-long"), stream=True)
    first = [dump(next(stream)) for _ in range(3)]
    stream.close()
    return {"answer": [first, dump(calls.chat.completions.create(**ask("The next request is served.")))]}


if __name__ == "__main__":
    main()
