// The cases of Anthropic's Node SDK.

import Anthropic from "@anthropic-ai/sdk";

import { PIXEL, addCase, attempt, joinMessages, main, read, untilRaised } from "./client.mjs";

const TOOLS = [{
  name: "forecast",
  description: "The weather of the next days",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
}];
const ALWAYS = [1, 1, 1];

const client = (turn, options) => new Anthropic({ baseURL: turn.base, apiKey: turn.key, maxRetries: 0, ...options });
const ask = (text, rest) =>
  ({ model: "scripted", max_tokens: 100, messages: [{ role: "user", content: text }], ...rest });

async function create(turn, request) {
  return { answer: await client(turn).messages.create(request) };
}

async function streamed(turn, request) {
  const events = await read(await client(turn).messages.create({ ...request, stream: true }));
  return { answer: joinMessages(events), events };
}

addCase("messages", (turn) => create(turn, ask("What is the capital of Norway?")));
addCase("messages_raw", async (turn) => {
  const { data, response } = await client(turn).messages.create(ask("Name a river of Asia.")).withResponse();
  return { answer: data, statuses: [response.headers.get("x-nearhit-status")] };
}, { statuses: ["miss", "exact"] });
addCase("messages_stream", (turn) => streamed(turn, ask("Tell a story of two sailors.")));
addCase("messages_then_stream", async (turn) => {
  const request = ask("Explain the tides to a child.");
  const text = turn.number < 2 ? (await create(turn, request)).answer.content[0].text
    : (await streamed(turn, request)).answer.blocks[0].text;
  return { answer: text };
});
addCase("stream_helper", async (turn) => ({
  answer: await client(turn).messages.stream(ask("List three metals.")).finalMessage(),
}));
addCase("count_tokens", async (turn) => ({
  answer: await client(turn).messages.countTokens(
    { model: "scripted", messages: [{ role: "user", content: "How long is this?" }] }),
}));
addCase("tools_offered", (turn) => create(turn, ask("No tool is needed here.", { tools: TOOLS })));
addCase("tools_called", (turn) => create(turn, ask("Weather in Zurich?", { model: "scripted-tools", tools: TOOLS })),
  { calls: ALWAYS });
addCase("tools_called_stream",
  (turn) => streamed(turn, ask("Weather, as a stream?", { model: "scripted-tools", tools: TOOLS })), { calls: ALWAYS });
addCase("image_data", (turn) => create(turn, { model: "scripted", max_tokens: 100, messages: [{ role: "user", content: [
  { type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } },
  { type: "text", text: "What is in this image?" }] }] }));

for (const status of [400, 401, 429, 500, 503, 529]) {
  addCase(`error_${status}`, async (turn) => {
    const request = ask("This fails.", { model: `scripted-${status}` });
    return { answer: [await attempt(() => create(turn, request)), await attempt(() => streamed(turn, request))] };
  }, { calls: [2, 2, 2] });
}
addCase("error_event", async (turn) => {
  const request = ask("An error comes in the middle.", { model: "scripted-error-event", stream: true });
  const [events, error] = await untilRaised(await client(turn).messages.create(request));
  return { answer: error, events };
}, { calls: ALWAYS });
addCase("cut_stream", async (turn) => {
  const request = ask("This breaks off.", { model: "scripted-cut", stream: true });
  const [events, error] = await untilRaised(await client(turn).messages.create(request));
  return { answer: "class" in error, events, note: error };
}, { calls: ALWAYS });
addCase("cut_stream_helper", async (turn) => {
  const error = await attempt(() =>
    client(turn).messages.stream(ask("The helper breaks off.", { model: "scripted-cut" })).finalMessage());
  return { answer: "class" in error, note: error };
}, { calls: ALWAYS });

const tries = (turn, maxRetries, model) =>
  client(turn, { maxRetries }).messages.create(ask("Try until it works.", { model }));
addCase("retries_429", async (turn) => ({ answer: await attempt(() => tries(turn, 2, "scripted-429")) }),
  { calls: [3, 3, 3] });
addCase("retries_then_answer", async (turn) => ({ answer: await tries(turn, 2, "scripted-retry") }),
  { calls: [2, 2, 0] });
addCase("cancelled", async (turn) => {
  const request = ask("A long stream that nobody reads to its end.", { model: "scripted-long", stream: true });
  const first = [];
  for await (const event of await client(turn).messages.create(request)) {
    first.push(event);
    if (first.length === 3) break;
  }
  return { answer: [first, (await create(turn, ask("The next request is served."))).answer] };
}, { calls: [2, 2, 1], broken: 1 });

await main();
