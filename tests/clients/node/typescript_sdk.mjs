// Drives the TypeScript SDK against a bridge and prints what it made of the answers, as JSON.
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ baseURL: process.env.BRIDGE, apiKey: "any", maxRetries: 0 });
const model = "claude-opus-5-5";
const messages = [{ role: "user", content: "Say hello" }];
const tools = [{ name: "f", input_schema: { type: "object", properties: { a: { type: "integer" } } } }];

async function failure(action) {
  try {
    await action();
    return null;
  } catch (error) {
    return { name: error.constructor.name, status: error.status ?? null, type: error.type ?? null };
  }
}

const jobs = {
  create: () => client.messages.create({ model, max_tokens: 100, messages, tools }),
  stream: () =>
    client.messages
      .stream({ model, max_tokens: 100, messages, tools, thinking: { type: "adaptive", display: "summarized" } })
      .finalMessage(),
  stop: () => client.messages.stream({ model, max_tokens: 100, messages, stop_sequences: ["STOP"] }).finalMessage(),
  count: () => client.messages.countTokens({ model, messages }),
  parse: () =>
    client.messages.parse({
      model,
      max_tokens: 100,
      messages,
      output_config: {
        format: {
          type: "json_schema",
          schema: {
            type: "object",
            properties: { title: { type: "string" } },
            required: ["title"],
            additionalProperties: false,
          },
        },
      },
    }),
  models: async () => {
    const names = [];
    for await (const one of client.models.list({ limit: 5 })) names.push(one.id);
    return { names, one: await client.models.retrieve(model) };
  },
  unknown: () => failure(() => client.models.retrieve("claude-none-9")),
  refused: () => failure(() => client.messages.create({ model, max_tokens: 100, messages })),
  cut: () => failure(() => client.messages.stream({ model, max_tokens: 100, messages }).finalMessage()),
};

console.log(JSON.stringify(await jobs[process.argv[2]]()));
