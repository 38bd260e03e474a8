// What the programs of Node clients share: client.py for JavaScript, with the same meaning of cases and results.

import readline from "node:readline";

const cases = [];

export const PIXEL =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

// `rest`: calls, statuses and broken, as in client.py.
export function addCase(name, run, rest = {}) {
  cases.push({ name, run, listed: { name, calls: [1, 1, 0], ...rest } });
}

// What a caller can see of an exception.
export function raised(error) {
  const seen = { class: error?.constructor?.name, name: error?.name, message: error?.message };
  for (const name of ["status", "statusCode", "code", "param", "type", "error", "requestID", "responseBody"]) {
    if (error?.[name] !== undefined) seen[name] = error[name];
  }
  const headers = error?.headers;
  if (headers?.get) seen["retry-after"] = headers.get("retry-after");
  return seen;
}

// The exception of a call; a call that comes back gives what it answered.
export async function attempt(run) {
  try {
    return { "no exception": await run() };
  } catch (error) {
    return raised(error);
  }
}

// All events of a stream.
export async function read(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

// The events of a stream before its exception, and the exception.
export async function untilRaised(stream) {
  const events = [];
  try {
    for await (const event of stream) events.push(event);
  } catch (error) {
    return [events, raised(error)];
  }
  return [events, { "no exception": events.length }];
}

// The choices that the chunks of a stream make, in order of their index.
export function joinChat(chunks) {
  const choices = [];
  for (const { index, delta, finish_reason, logprobs } of chunks.flatMap((chunk) => chunk.choices)) {
    const made = (choices[index] ??= { content: "", calls: [], finish: null, logprobs: [] });
    made.content += delta.content ?? "";
    made.finish = finish_reason ?? made.finish;
    made.logprobs.push(...(logprobs?.content ?? []));
    for (const call of delta.tool_calls ?? []) {
      const known = (made.calls[call.index] ??= { id: "", name: "", arguments: "" });
      known.id += call.id ?? "";
      known.name += call.function.name ?? "";
      known.arguments += call.function.arguments ?? "";
    }
  }
  const { id, created, model, object } = chunks[0];
  return { choices, head: { id, created, model, object }, usage: chunks.map((chunk) => chunk.usage).filter(Boolean) };
}

// The message that the events of a stream make: its begin, its blocks and its end.
export function joinMessages(events) {
  const made = { blocks: [] };
  for (const event of events) {
    if (event.type === "message_start") made.message = event.message;
    if (event.type === "content_block_start") made.blocks[event.index] = { block: event.content_block, text: "" };
    if (event.type === "content_block_delta") {
      made.blocks[event.index].text += event.delta.text ?? event.delta.partial_json ?? "";
    }
    if (event.type === "message_delta") made.delta = event;
  }
  return made;
}

// Runs cases until the input ends.
export async function main() {
  console.log(JSON.stringify(cases.map((each) => each.listed)));
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const turn = JSON.parse(line);
    let result;
    try {
      result = await cases.find((each) => each.name === turn.name).run(turn);
    } catch (error) {
      result = { failed: { ...raised(error), stack: error?.stack } };
    }
    console.log(JSON.stringify(result));
  }
  process.exit(0);
}
