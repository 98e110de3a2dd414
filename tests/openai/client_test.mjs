// The official OpenAI client against the built `shijian serve`, with the default model.
// Usage: node client_test.mjs SHIJIAN SOURCE_FOLDER NODE_MODULES
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [program, source, modules] = process.argv.slice(2);
if (!existsSync(join(modules, "openai"))) {
  console.log(`skipped: ${modules} has no openai; ./test installs it`);
  process.exit(77);
}
const OpenAI = createRequire(join(modules, "x.js"))("openai");

const folder = mkdtempSync(join(tmpdir(), "shijian-openai-"));
mkdirSync(join(folder, "videos"));
copyFileSync(join(source, "samples/shapes.mp4"), join(folder, "videos/shapes.mp4"));
writeFileSync(join(folder, "keys"), "secret-key\n");
const server = spawn(program, ["serve", "--port", "0", "--log-level", "warning", "--model", join(source, "models/nano"),
  "--videos", join(folder, "videos"), "--data", join(folder, "data"), "--api-key-file", join(folder, "keys")],
  { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, XDG_CACHE_HOME: join(folder, "cache") } });

const baseURL = await new Promise((found, failed) => {
  let said = "";
  server.stdout.on("data", (bytes) => {
    said += bytes;
    const match = said.match(/shijian: http:\/\/localhost:(\d+)/);
    // By address: a chroot may have no /etc/hosts.
    if (match) found(`http://127.0.0.1:${match[1]}/v1`);
  });
  server.on("exit", (status) => failed(new Error(`shijian serve ended with ${status}`)));
});
const client = new OpenAI({ baseURL, apiKey: "secret-key", maxRetries: 0 });
const model = "nano";
const user = (...content) => [{ role: "user", content }];
const text = (words) => ({ type: "text", text: words });
// Two by two pixels.
const picture = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEUlEQVR4nGP4z8DA8B+MgBgAHfAD/dPQfSYAAAAASUVORK5CYII=";
const ask = (body, options) => client.chat.completions.create({ model, max_tokens: 8, ...body }, options);

const tests = {
  async "models are listed"() {
    const models = await client.models.list();
    assert.deepEqual(models.data.map((m) => m.id), [model]);
    assert.equal((await client.models.retrieve(model)).owned_by, "shijian");
  },

  async "a plain chat"() {
    const answer = await ask({ messages: user(text("Hello")), logprobs: true, top_logprobs: 3 });
    const [choice] = answer.choices;
    assert.equal(answer.object, "chat.completion");
    assert.equal(typeof choice.message.content, "string");
    assert.ok(["stop", "length"].includes(choice.finish_reason));
    assert.equal(choice.logprobs.content.length, answer.usage.completion_tokens);
    assert.equal(choice.logprobs.content[0].top_logprobs.length, 3);
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  },

  async "a stream says what the whole answer does"() {
    const body = { messages: user(text("Hello")), temperature: 0 };
    const whole = await ask(body);
    let content = "", reason = null, usage = null;
    for await (const chunk of await ask({ ...body, stream: true, stream_options: { include_usage: true } })) {
      content += chunk.choices[0]?.delta.content ?? "";
      reason = chunk.choices[0]?.finish_reason ?? reason;
      usage = chunk.usage ?? usage;
    }
    assert.equal(content, whole.choices[0].message.content);
    assert.equal(reason, whole.choices[0].finish_reason);
    assert.deepEqual(usage.completion_tokens, whole.usage.completion_tokens);
  },

  async "pictures, videos and frames are seen"() {
    const tokens = async (...parts) => (await ask({ messages: user(...parts, text("What?")) })).usage.prompt_tokens;
    const words = await tokens();
    const image = await tokens({ type: "image_url", image_url: { url: picture } });
    const video = await tokens({ type: "video_url", video_url: { url: "shapes.mp4" } });
    const bytes = readFileSync(join(source, "samples/shapes.mp4")).toString("base64");
    const input = { type: "input_video", input_video: { url: `data:video/mp4;base64,${bytes}` } };
    const frames = { type: "video_frames", video_frames: { frames: [picture, picture], times: [1, 2.5] } };
    assert.ok(words < image && image < video);
    assert.equal(await tokens(input), video);
    assert.ok(await tokens(frames) > image);
  },

  async "videos in data URLs as browsers write them"() {
    const tokens = async (url) => (await ask({ messages: user({ type: "video_url", video_url: { url } }, text("What?")) }))
      .usage.prompt_tokens;
    const video = await tokens("shapes.mp4");
    const bytes = readFileSync(join(source, "samples/shapes.mp4")).toString("base64");
    for (const head of ["data:video/mp4;codecs=avc1.640014,mp4a.40.2;base64,",
      'data:video/mp4;codecs="avc1.42E01E, mp4a.40.2";base64,', "DATA:Video/MP4;BASE64,"]) {
      assert.equal(await tokens(head + bytes), video);
    }
    assert.equal(await tokens(`data:video/mp4;base64,${bytes.replace(/.{76}/g, "$&\r\n")}`), video);
    assert.equal(await tokens(`data:video/mp4;base64,${encodeURIComponent(bytes)}`), video);
  },

  async "fields that ask for nothing"() {
    const answer = await ask({ messages: [...user(text("Hello")), { role: "assistant", content: "Hi", refusal: null,
      annotations: [], audio: null, function_call: null }, ...user(text("Again"))],
      audio: null, functions: null, function_call: null, logit_bias: {}, metadata: {}, modalities: ["text"], n: 1,
      parallel_tool_calls: true, prediction: null, presence_penalty: 0, reasoning_effort: null, response_format:
      { type: "text" }, seed: null, service_tier: "auto", stop: [], store: false, stream_options: null, tool_choice:
      "none", tools: [], top_logprobs: null, user: "me", verbosity: null });
    assert.equal(answer.object, "chat.completion");
  },

  async "sampling as clients of Qwen and vLLM ask for it"() {
    const tokens = async (part, body) => (await ask({ messages: user(
      { type: "video_url", video_url: { url: "shapes.mp4" }, ...part }, text("What?")), ...body })).usage.prompt_tokens;
    const usual = await tokens({}, {});
    const slow = await tokens({ fps: 1 }, {});
    assert.ok(slow < 0.6 * usual);
    assert.equal(await tokens({}, { mm_processor_kwargs: { fps: 1, do_sample_frames: true } }), slow);
    assert.ok(await tokens({ nframes: 4 }, {}) < slow);
    const jpegs = { type: "video_url", video_url: { url: `data:video/jpeg;base64,${picture.split(",")[1]},${picture.split(",")[1]}` } };
    assert.ok((await ask({ messages: user(jpegs, text("What?")) })).usage.prompt_tokens > 0);
  },

  async "tools and their results"() {
    const tools = [{ type: "function", function: { name: "now", description: "The time",
      parameters: { type: "object", properties: {} } } }];
    const messages = [{ role: "user", content: "How late is it?" },
      { role: "assistant", content: null,
        tool_calls: [{ id: "call_1", type: "function", function: { name: "now", arguments: "{}" } }] },
      { role: "tool", tool_call_id: "call_1", content: "noon" }];
    const none = await ask({ messages, tools, tool_choice: "none" });
    const auto = await ask({ messages, tools, tool_choice: "auto" });
    assert.ok(auto.usage.prompt_tokens > none.usage.prompt_tokens);
  },

  async "answers are JSON of a schema"() {
    const schema = { type: "object", additionalProperties: false, required: ["events"],
      properties: { events: { type: "array", maxItems: 3, items: { type: "object",
        required: ["start", "end"], additionalProperties: false,
        properties: { start: { type: "number" }, end: { type: "number" }, kind: { enum: ["cut", "fade"] } } } } } };
    const answer = await ask({ max_tokens: 400, temperature: 0, messages: user(text("When?")),
      response_format: { type: "json_schema", json_schema: { name: "events", strict: true, schema } } });
    const { events } = JSON.parse(answer.choices[0].message.content);
    for (const event of events) assert.equal(typeof event.start, "number");
    const object = await ask({ max_tokens: 1, messages: user(text("When?")),
      response_format: { type: "json_object" } });
    assert.match(object.choices[0].message.content, /^\{?/);
  },

  async "errors are the client's"() {
    await assert.rejects(client.models.retrieve("gpt"), OpenAI.NotFoundError);
    await assert.rejects(ask({ messages: user({ type: "video_url", video_url: { url: "../keys" } }) }),
      OpenAI.PermissionDeniedError);
    await assert.rejects(ask({ messages: user(text("x")), n: 2 }), (error) => {
      assert.ok(error instanceof OpenAI.UnprocessableEntityError);
      assert.equal(error.param, "n");
      assert.equal(error.type, "invalid_request_error");
      assert.equal(error.code, "unprocessable");
      assert.equal(error.requestID, error.error.request_id);
      return true;
    });
    const stranger = new OpenAI({ baseURL, apiKey: "wrong", maxRetries: 0 });
    await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  },

  async "a stream that nobody reads ends"() {
    const schema = { type: "array", items: { type: "integer" }, minItems: 100000 };
    const stream = await ask({ max_tokens: 15000, messages: user(text("Count.")), stream: true,
      response_format: { type: "json_schema", json_schema: { name: "numbers", schema } } });
    for await (const chunk of stream) {
      if (chunk.choices[0].delta.content) break;
    }
    assert.equal((await ask({ messages: user(text("x")) })).object, "chat.completion");
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
}
server.removeAllListeners("exit");
const ended = new Promise((done) => server.on("exit", done));
server.kill("SIGINT");
const status = await ended;
rmSync(folder, { recursive: true, force: true });
if (status !== 0) console.log(`FAILED  shijian serve ended with ${status}`);
process.exit(failed > 0 || status !== 0 ? 1 : 0);
