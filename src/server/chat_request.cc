#include "server/chat_request.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/error.h"
#include "base/text_file.h"
#include "server/chat_media.h"
#include "server/chat_tools.h"
#include "server/json_fields.h"

namespace shijian::server {
namespace {

constexpr size_t kMaxMessages = 1000;
constexpr size_t kMaxParts = 1000;    // of one message
constexpr size_t kMaxText = 1000000;  // bytes of one part
constexpr size_t kMaxStops = 4;
constexpr size_t kMaxStop = 1000;  // bytes of one
constexpr size_t kMaxTools = 128;
constexpr int64_t kMaxTokens = 65536;

// Unsupported fields of the OpenAI API, of vLLM and of DashScope, each with the values that equal
// the behaviour of this server and are therefore accepted.
constexpr std::pair<const char*, const char*> kNeutralValues[] = {
    {"logit_bias", "[{}]"},
    {"modalities", R"([["text"]])"},
    {"functions", "[[]]"},
    {"function_call", R"(["none", "auto"])"},
    {"audio", "[]"},
    {"moderation", "[]"},
    {"web_search_options", "[]"},
    {"best_of", "[1]"},
    {"min_p", "[0]"},
    {"min_tokens", "[0]"},
    {"length_penalty", "[1]"},
    {"use_beam_search", "[false]"},
    {"ignore_eos", "[false]"},
    {"echo", "[false]"},
    {"stop_token_ids", "[[]]"},
    {"skip_special_tokens", "[true]"},
    {"include_stop_str_in_output", "[false]"},
    {"add_generation_prompt", "[true]"},
    {"continue_final_message", "[false]"},
    {"enable_thinking", "[false]"},
    {"enable_search", "[false]"},
    {"vl_high_resolution_images", "[false]"},
    {"priority", "[0]"},
    {"include_reasoning", "[true]"},
    {"return_token_ids", "[false]"},
    {"return_tokens_as_token_ids", "[false]"},
    {"add_special_tokens", "[false]"},
    {"bad_words", "[[]]"},
    {"detokenize", "[true]"},
    {"incremental_output", "[false]"},
    {"result_format", R"(["message"])"},
};

// Those that are hints or labels and change no answer here, whatever they say.
constexpr const char* kWithoutEffect[] = {
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prediction",
    "prompt_cache_options",
    "prompt_cache_retention",
    "verbosity",
    "reasoning_effort",
    "spaces_between_special_tokens",
    "chat_template_kwargs",
    "request_id",
};

const OrderedJson& list_of(const OrderedJson* value, const std::string& where, size_t most) {
  if (value == nullptr || !value->is_array())
    throw http::HttpError(400, "{} is no list"_text(where));
  if (value->size() > most) {
    refuse_chat("{} has {} entries, at most {} are allowed"_text(where, value->size(), most));
  }
  return *value;
}

// Reads the messages, and the media in them into `request.describe.media`.
class MessagesReader {
 public:
  MessagesReader(ChatRequest& request, const ChatSources& sources, const ChatSampling& sampling,
                 std::string& param)
      : request_(request), media_(request, sources, sampling), where_(param) {}

  void read(const OrderedJson* messages) {
    const OrderedJson& list = list_of(messages, "messages", kMaxMessages);
    for (size_t i = 0; i < list.size(); ++i) {
      where_ = fmt::format("messages[{}]", i);
      request_.describe.messages.push_back(message(list[i]));
    }
    where_ = "messages";
  }

 private:
  text::Message message(const OrderedJson& json) {
    OrderedJsonFields fields(json, where_);
    text::Message message;
    message.role = fields.text("role").value_or("");
    if (message.role == "developer") message.role = "system";
    fields.any("name");  // the chat template has no place for it
    if (message.role == "assistant") {
      read_echo(fields);
      const auto newer = fields.text("reasoning", kMaxText);  // as later vLLM calls it
      message.reasoning = fields.text("reasoning_content", kMaxText).value_or(newer.value_or(""));
      if (const OrderedJson* calls = fields.any("tool_calls")) {
        message.tool_calls = tool_calls(*calls);
      }
    }
    if (message.role == "tool") fields.any("tool_call_id");
    const OrderedJson* content = fields.any("content");
    if (content != nullptr) {
      message.parts = parts(*content);
    } else if (message.role != "assistant") {
      refuse_chat("{} has no content"_text(where_));
    }
    fields.done();
    return message;
  }

  // What an answer has besides its words when a client sends it back.
  void read_echo(OrderedJsonFields& fields) {
    for (const char* key : {"refusal", "annotations"}) fields.any(key);
    for (const char* key : {"audio", "function_call"}) {
      if (fields.any(key) == nullptr) continue;
      refuse_chat("{}: '{}' is not supported"_text(where_, key), "leave it out"_text);
    }
  }

  std::vector<text::ToolCall> tool_calls(const OrderedJson& json) {
    std::vector<text::ToolCall> calls;
    for (const OrderedJson& item : list_of(&json, where_ + ".tool_calls", kMaxTools)) {
      OrderedJsonFields call(item, where_ + ".tool_calls");
      for (const char* key : {"id", "type", "index"}) call.any(key);
      const OrderedJson* function = call.any("function");
      call.done();
      if (function == nullptr) refuse_chat("{}.tool_calls: there is no 'function'"_text(where_));
      OrderedJsonFields fields(*function, where_ + ".tool_calls.function");
      calls.push_back(
          {fields.text("name").value_or(""), fields.text("arguments", kMaxText).value_or("{}")});
      fields.done();
    }
    return calls;
  }

  std::vector<text::Part> parts(const OrderedJson& content) {
    if (content.is_string()) {
      return {{text::Part::Kind::kText,
               std::string(without_bom(content.get_ref<const std::string&>())), 0}};
    }
    std::vector<text::Part> parts;
    const std::string message = where_;
    const OrderedJson& list = list_of(&content, where_ + ".content", kMaxParts);
    for (size_t i = 0; i < list.size(); ++i) {
      where_ = fmt::format("{}.content[{}]", message, i);
      parts.push_back(part(list[i]));
    }
    where_ = message;
    return parts;
  }

  text::Part part(const OrderedJson& json) {
    OrderedJsonFields fields(json, where_);
    const std::string type = fields.text("type").value_or("");
    const bool refusal = type == "refusal";
    if (refusal || type == "text" || type == "input_text" || type == "output_text") {
      const auto text = fields.text(refusal ? "refusal" : "text", kMaxText);
      for (const char* label : {"annotations", "cache_control", "logprobs"}) fields.any(label);
      fields.done();
      if (!text) refuse_chat("{}: there is no '{}'"_text(where_, refusal ? "refusal" : "text"));
      return {text::Part::Kind::kText, *text, 0};
    }
    if (const auto media = media_.read(fields, type, where_)) return *media;
    refuse_chat("{}: the type is '{}'"_text(where_, type.substr(0, 100)),
                "there are text, image_url, video_url, input_video and video_frames"_text);
  }

  ChatRequest& request_;
  ChatMediaReader media_;
  std::string& where_;
};

// Each top-level part of the body on its own.
class BodyReader {
 public:
  BodyReader(const OrderedJson& body, std::string& param)
      : fields_(body, "the body"_text), param_(param) {}

  ChatRequest read(const ChatSources& sources) {
    ChatRequest request;
    param_ = "model";
    if (const auto name = fields_.text("model"); name && *name != sources.model) {
      throw http::HttpError(404, "there is no model '{}'"_text(name->substr(0, 100)),
                            "this server has '{}'"_text(sources.model));
    }
    read_generation(request.describe.generation);
    read_logprobs(request);
    read_stops(request.reading.stops);
    read_stream(request);
    read_format(request.describe.format);
    read_tools(request);
    refuse_others();
    ChatSampling sampling;
    sampling.read_loader(any("media_io_kwargs"));
    sampling.read_processor(any("mm_processor_kwargs"));
    const OrderedJson* messages = any("messages");
    param_.clear();
    fields_.done();
    // Media may have to be fetched: only when all the rest is known to be good.
    param_ = "messages";
    MessagesReader(request, sources, sampling, param_).read(messages);
    return request;
  }

 private:
  const OrderedJson* any(const char* key) {
    param_ = key;
    return fields_.any(key);
  }
  std::optional<double> number(const char* key, double low, double high) {
    param_ = key;
    return fields_.number(key, low, high);
  }
  std::optional<int64_t> integer(const char* key, int64_t low, int64_t high) {
    param_ = key;
    return fields_.integer(key, low, high);
  }
  bool flag(const char* key, bool otherwise) {
    param_ = key;
    return fields_.flag(key).value_or(otherwise);
  }

  void read_generation(engine::GenerationRequest& generation) {
    generation.max_new_tokens = integer("max_completion_tokens", 1, kMaxTokens);
    const auto older = integer("max_tokens", 1, kMaxTokens);
    if (!generation.max_new_tokens) generation.max_new_tokens = older;
    generation.temperature = number("temperature", 0, 2);
    generation.top_p = number("top_p", 0, 1);
    generation.top_k = integer("top_k", -1, 1000000);
    if (generation.top_k == -1) generation.top_k = 0;  // as others write "all"
    generation.presence_penalty = number("presence_penalty", -2, 2);
    generation.repetition_penalty = number("repetition_penalty", 0.01, 100);
    // Who names no seed wants another answer each time, if the temperature allows it.
    const auto seed = integer("seed", INT64_MIN, INT64_MAX);
    generation.seed = seed ? static_cast<uint64_t>(*seed) : std::random_device{}();
  }

  void read_logprobs(ChatRequest& request) {
    request.logprobs = flag("logprobs", false);
    const auto top = integer("top_logprobs", 0, 20);
    if (top.value_or(0) > 0 && !request.logprobs)
      refuse_chat("top_logprobs is given without logprobs"_text, "set logprobs"_text);
    request.describe.generation.logprobs = static_cast<int>(top.value_or(0));
  }

  void read_stops(std::vector<std::string>& stops) {
    const OrderedJson* stop = any("stop");
    if (stop == nullptr) return;
    const OrderedJson list = stop->is_string() ? OrderedJson::array({*stop}) : *stop;
    for (const OrderedJson& item : list_of(&list, "stop", kMaxStops)) {
      if (!item.is_string()) throw http::HttpError(400, "stop holds what is no string"_text);
      stops.push_back(item.get<std::string>());
      if (stops.back().empty() || stops.back().size() > kMaxStop) {
        refuse_chat("stop holds a string of {} bytes"_text(stops.back().size()),
                    "from 1 to {} are possible"_text(kMaxStop));
      }
    }
  }

  void read_stream(ChatRequest& request) {
    request.stream = flag("stream", false);
    const OrderedJson* options = any("stream_options");
    if (options == nullptr) return;
    OrderedJsonFields fields(*options, "stream_options");
    request.include_usage = fields.flag("include_usage").value_or(false);
    fields.flag("include_obfuscation");  // there is none to leave out
    fields.done();
    if (request.include_usage && !request.stream) {
      refuse_chat("stream_options asks for usage without stream"_text, "set stream"_text);
    }
  }

  void read_format(std::shared_ptr<const guided::AnswerForm>& format) {
    const OrderedJson* wanted = any("response_format");
    if (wanted == nullptr) return;
    OrderedJsonFields fields(*wanted, "response_format");
    const std::string type = fields.text("type").value_or("");
    if (type == "json_object") {
      format = std::make_shared<guided::AnswerForm>(guided::JsonGrammar::any_object());
    } else if (type == "json_schema") {
      const OrderedJson* named = fields.any("json_schema");
      if (named == nullptr) refuse_chat("response_format: there is no 'json_schema'"_text);
      OrderedJsonFields inner(*named, "response_format.json_schema");
      for (const char* key : {"name", "description", "strict"}) inner.any(key);
      const OrderedJson* schema = inner.any("schema");
      if (schema == nullptr) refuse_chat("response_format.json_schema: there is no 'schema'"_text);
      format = std::make_shared<guided::AnswerForm>(guided::JsonGrammar::of_schema(*schema));
      inner.done();
    } else if (type != "text") {
      refuse_chat("response_format: the type is '{}'"_text(type.substr(0, 100)),
                  "there are text, json_object and json_schema"_text);
    }
    fields.done();
  }

  void read_tools(ChatRequest& request) {
    const ToolChoice choice = read_tool_choice(any("tool_choice"));
    request.reading.one_call = !flag("parallel_tool_calls", true) || !choice.name.empty();
    std::vector<guided::AnswerForm::Tool> callable;
    if (const OrderedJson* tools = any("tools")) {
      for (const OrderedJson& tool : list_of(tools, "tools", kMaxTools)) {
        OrderedJsonFields fields(tool, "tools");
        const bool function = fields.text("type").value_or("") == "function";
        const OrderedJson* called = fields.any("function");
        if (!function || called == nullptr) {
          refuse_chat("tools holds what is no function"_text,
                      "write {\"type\": \"function\", \"function\": {\"name\": …}}"_text);
        }
        request.describe.tools.push_back(tool.dump());
        if (choice.forced) add_callable(*called, choice, callable);
      }
    }
    // A model that is told of no tools calls none.
    if (choice.none) request.describe.tools.clear();
    request.reading.tools = !request.describe.tools.empty();
    if (request.reading.tools && request.describe.format) {
      refuse_chat("tools and a JSON response_format do not go together"_text,
                  "leave one out, or set tool_choice to \"none\""_text);
    }
    if (!choice.forced) return;
    if (callable.empty()) {
      param_ = "tool_choice";
      refuse_chat(
          choice.name.empty()
              ? Text("tool_choice asks for a call, and there are no tools"_text)
              : "tool_choice names '{}', which is not in tools"_text(choice.name.substr(0, 100)),
          "name the functions in tools"_text);
    }
    request.describe.format =
        std::make_shared<guided::AnswerForm>(callable, /*many=*/!request.reading.one_call);
  }

  // Refuses unsupported fields unless their value equals the behaviour of this server.
  void refuse_others() {
    integer("n", 1, 1);
    number("frequency_penalty", 0, 0);
    for (const auto& [key, neutral] : kNeutralValues) {
      const OrderedJson* value = any(key);
      if (value == nullptr) continue;
      const OrderedJson allowed = OrderedJson::parse(neutral);
      if (std::find(allowed.begin(), allowed.end(), *value) != allowed.end()) continue;
      refuse_chat("{} is not supported"_text(key), "leave it out"_text);
    }
    for (const char* key : kWithoutEffect) fields_.any(key);
  }

  OrderedJsonFields fields_;
  std::string& param_;
};

}  // namespace

void refuse_chat(const Text& message, const Text& hint) {
  throw Error(ErrorCode::kUsage, message, hint);
}

ChatRequest read_chat_request(const std::string& body, const ChatSources& sources,
                              std::string& param) {
  const auto json = body_object<OrderedJson>(body);
  return BodyReader(json, param).read(sources);
}

}  // namespace shijian::server
