"""The cases of LangChain."""

from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from client import case, main

try:
    from langchain_anthropic import ChatAnthropic
except ImportError:
    # The previous set has no version that works with its SDK.
    ChatAnthropic = None


def dump(message):
    """A message without the number of its run, which LangChain draws."""
    return {name: value for name, value in message.model_dump(mode="json").items() if name != "id"}


def whole(model, text):
    return {"answer": dump(model.invoke(text))}


def streamed(model, text):
    chunks = list(model.stream(text))
    joined = chunks[0]
    for chunk in chunks[1:]:
        joined += chunk
    return {"answer": dump(joined), "events": [dump(chunk) for chunk in chunks]}


def openai_model(turn):
    return ChatOpenAI(model="scripted", base_url=turn.base + "/v1", api_key=turn.key, max_retries=0)


@case()
def openai_chat(turn):
    return whole(openai_model(turn), "What is the capital of Norway?")


@case()
def openai_stream(turn):
    return streamed(openai_model(turn), "Tell a story of two sailors.")


@case()
def openai_embeddings(turn):
    model = OpenAIEmbeddings(model="scripted-embedding", base_url=turn.base + "/v1", api_key=turn.key,
                             check_embedding_ctx_length=False)
    return {"answer": model.embed_documents(["a first text", "a second text"])}


if ChatAnthropic:
    def anthropic_model(turn):
        return ChatAnthropic(model="scripted", base_url=turn.base, api_key=turn.key, max_retries=0, max_tokens=100)

    @case()
    def anthropic_chat(turn):
        return whole(anthropic_model(turn), "What is the capital of Norway?")

    @case()
    def anthropic_stream(turn):
        return streamed(anthropic_model(turn), "Tell a story of two sailors.")


if __name__ == "__main__":
    main()
