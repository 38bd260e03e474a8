// The cases of OpenAI's Node SDK.

import OpenAI from "openai";

import { PIXEL, addCase, attempt, joinChat, main, read, untilRaised } from "./client.mjs";

const TOOLS = [{
  type: "function",
  function: {
    name: "forecast",
    description: "The weather of the next days",
    strict: true,
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
      required: ["city", "days"],
      additionalProperties: false,
    },
  },
}];
const SCHEMA = {
  type: "object",
  properties: { city: { type: "string" }, digest: { type: "string" }, temperature: { type: "number" } },
  required: ["city", "digest", "temperature"],
  additionalProperties: false,
};
const ALWAYS = [1, 1, 1];

const client = (turn, options) =>
  new OpenAI({ baseURL: turn.base + "/v1", apiKey: turn.key, maxRetries: 0, ...options });
const ask = (text, rest) => ({ model: "scripted", messages: [{ role: "user", content: text }], ...rest });

async function create(turn, request) {
  const answer = await client(turn).chat.completions.create(request);
  return { answer, events: answer._request_id };
}

async function streamed(turn, request) {
  const events = await read(await client(turn).chat.completions.create({ ...request, stream: true }));
  return { answer: joinChat(events), events };
}

async function withStatus(turn, request) {
  const { data, response } = await client(turn).chat.completions.create(request).withResponse();
  return { answer: data, statuses: [response.headers.get("x-nearhit-status")] };
}

addCase("chat", (turn) => create(turn, ask("What is the capital of Norway?")));
addCase("chat_raw", (turn) => withStatus(turn, ask("Name a river of Asia.", { temperature: 0.5, seed: 7 })),
  { statuses: ["miss", "exact"] });
addCase("chat_turns", (turn) => create(turn, { model: "scripted", messages: [
  { role: "developer", content: "Be brief." }, { role: "user", content: "I am Ann." },
  { role: "assistant", content: "Hello, Ann." }, { role: "user", content: "Who am I?" }] }));
addCase("chat_stream", (turn) => streamed(turn, ask("Tell a story of two sailors.")));
addCase("chat_stream_usage",
  (turn) => streamed(turn, ask("Sing of the green fields.", { stream_options: { include_usage: true } })));
addCase("chat_then_stream", async (turn) => {
  const request = ask("Explain the tides to a child.");
  const text = turn.number < 2 ? (await create(turn, request)).answer.choices[0].message.content
    : (await streamed(turn, request)).answer.choices[0].content;
  return { answer: text };
});
addCase("chat_stream_helper", async (turn) => {
  const stream = client(turn).chat.completions.stream(ask("List three metals."));
  return { answer: await stream.finalChatCompletion() };
});
addCase("tools_offered", (turn) => create(turn, ask("No tool is needed here.", { tools: TOOLS })));
addCase("tools_called", (turn) => create(turn, ask("Weather in Zurich?", { model: "scripted-tools", tools: TOOLS })),
  { calls: ALWAYS });
addCase("tools_called_stream",
  (turn) => streamed(turn, ask("Weather in Zurich, as a stream?", { model: "scripted-tools", tools: TOOLS })),
  { calls: ALWAYS });
addCase("json_schema", async (turn) => ({
  answer: await client(turn).chat.completions.parse(ask("Weather as JSON, please.", {
    response_format: { type: "json_schema", json_schema: { name: "weather", strict: true, schema: SCHEMA } } })),
}));
addCase("n_2", (turn) => create(turn, ask("Two answers, please.", { n: 2 })));
addCase("n_2_stream", (turn) => streamed(turn, ask("Two answers as a stream.", { n: 2 })));
addCase("logprobs", (turn) => create(turn, ask("How likely is rain?", { logprobs: true, top_logprobs: 1 })));
addCase("logprobs_stream",
  (turn) => streamed(turn, ask("How likely is a stream?", { logprobs: true, top_logprobs: 1 })));

const image = (url) => ({ model: "scripted", messages: [{ role: "user", content: [
  { type: "text", text: "What is in this image?" }, { type: "image_url", image_url: { url } }] }] });
addCase("image_data", (turn) => create(turn, image("data:image/png;base64," + PIXEL)));
addCase("image_url", (turn) => withStatus(turn, image("https://images.example.com/cat.png")),
  { calls: ALWAYS, statuses: ["bypass", "bypass"] });

addCase("responses", async (turn) => ({
  answer: await client(turn).responses.create({ model: "scripted", input: "A bird in one sentence?" }),
}));
addCase("responses_stream", async (turn) => {
  const events = await read(await client(turn).responses.create({ model: "scripted", input: "A fish?", stream: true }));
  const text = events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta).join("");
  return { answer: [text, events.at(-1).response], events };
});
addCase("models", async (turn) => ({ answer: await read(client(turn).models.list()) }), { calls: [0, 0, 0] });

async function embedded(turn, request) {
  const answer = await client(turn).embeddings.create({ model: "scripted-embedding", ...request });
  return { answer: [answer.data, answer.model], usage: answer.usage };
}
addCase("embeddings", (turn) => embedded(turn, { input: ["a first text", "a second text", "größer 🙂"] }));
addCase("embeddings_float", async (turn) => {
  const { answer } = await embedded(turn, { input: ["a second text", "a first text"], encoding_format: "float" });
  return { answer };
}, { calls: [1, 0, 0] });
addCase("embeddings_one_text", (turn) => embedded(turn, { input: "a text alone", dimensions: 16 }));

for (const status of [400, 401, 403, 404, 409, 422, 429, 500, 503]) {
  addCase(`error_${status}`, async (turn) => {
    const request = ask("This fails.", { model: `scripted-${status}` });
    const calls = client(turn).chat.completions;
    return { answer: [await attempt(() => calls.create(request)),
      await attempt(async () => read(await calls.create({ ...request, stream: true })))] };
  }, { calls: [2, 2, 2] });
}
addCase("error_event", async (turn) => {
  const request = ask("An error comes in the middle.", { model: "scripted-error-event", stream: true });
  const [events, error] = await untilRaised(await client(turn).chat.completions.create(request));
  return { answer: error, events };
}, { calls: ALWAYS });
addCase("cut_stream", async (turn) => {
  const request = ask("This breaks off.", { model: "scripted-cut", stream: true });
  const [events, error] = await untilRaised(await client(turn).chat.completions.create(request));
  return { answer: "class" in error, events, note: error };
}, { calls: ALWAYS });
addCase("cut_answer", async (turn) => {
  const error = await attempt(() => create(turn, ask("Half of an answer.", { model: "scripted-cut" })));
  return { answer: "class" in error, note: error };
}, { calls: ALWAYS });
addCase("cut_responses_stream", async (turn) => {
  const request = { model: "scripted-cut", input: "This breaks off too.", stream: true };
  const [events, error] = await untilRaised(await client(turn).responses.create(request));
  return { answer: "class" in error, events, note: error };
}, { calls: ALWAYS });

const tries = (turn, maxRetries, model) =>
  client(turn, { maxRetries }).chat.completions.create(ask("Try until it works.", { model }));
addCase("retries_429", async (turn) => ({ answer: await attempt(() => tries(turn, 2, "scripted-429")) }),
  { calls: [3, 3, 3] });
addCase("retries_500", async (turn) => ({ answer: await attempt(() => tries(turn, 1, "scripted-500")) }),
  { calls: [2, 2, 2] });
addCase("retries_then_answer", async (turn) => ({ answer: await tries(turn, 2, "scripted-retry") }),
  { calls: [2, 2, 0] });
addCase("timeout", async (turn) => {
  const calls = client(turn, { timeout: 400 }).chat.completions;
  return { answer: await attempt(() => calls.create(ask("Do not hurry.", { model: "scripted-slow" }))) };
}, { calls: ALWAYS, broken: 1 });
addCase("cancelled", async (turn) => {
  const calls = client(turn).chat.completions;
  const request = ask("A long stream that nobody reads to its end.", { model: "scripted-long", stream: true });
  const first = [];
  for await (const chunk of await calls.create(request)) {
    first.push(chunk);
    if (first.length === 3) break;
  }
  return { answer: [first, await calls.create(ask("The next request is served."))] };
}, { calls: [2, 2, 1], broken: 1 });

await main();
