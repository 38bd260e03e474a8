// The cases of the Vercel AI SDK.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { embedMany, generateText, streamText } from "ai";

import { addCase, main, read } from "./client.mjs";

const OPTIONS = { maxRetries: 0, maxOutputTokens: 100 };

const openai = (turn) => createOpenAI({ baseURL: turn.base + "/v1", apiKey: turn.key });
const anthropic = (turn) => createAnthropic({ baseURL: turn.base + "/v1", apiKey: turn.key });

// What a caller sees of an answer, without headers and the time it came.
async function whole(model, prompt) {
  const { text, finishReason, usage, warnings, response } = await generateText({ model, prompt, ...OPTIONS });
  return { answer: { text, finishReason, usage, warnings, id: response.id, model: response.modelId } };
}

async function streamed(model, prompt) {
  const result = streamText({ model, prompt, ...OPTIONS });
  const events = await read(result.textStream);
  const [text, finishReason, usage, response] =
    await Promise.all([result.text, result.finishReason, result.usage, result.response]);
  return { answer: { text, finishReason, usage, id: response.id, model: response.modelId }, events };
}

const MODELS = {
  openai_chat: (turn) => openai(turn).chat("scripted"),
  openai_responses: (turn) => openai(turn)("scripted"),
  anthropic: (turn) => anthropic(turn)("scripted"),
};
for (const [name, model] of Object.entries(MODELS)) {
  addCase(name, (turn) => whole(model(turn), "What is the capital of Norway?"));
  addCase(name + "_stream", (turn) => streamed(model(turn), "Tell a story of two sailors."));
}
addCase("openai_embeddings", async (turn) => {
  const { embeddings } = await embedMany(
    { model: openai(turn).embedding("scripted-embedding"), values: ["a first text", "a second text"] });
  return { answer: embeddings };
});

await main();
