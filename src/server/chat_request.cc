#include "server/chat_request.h"

#include <algorithm>
#include <fstream>
#include <random>
#include <utility>

#include "base/error.h"
#include "server/chat_tools.h"
#include "server/data_url.h"
#include "server/json_fields.h"

namespace shijian {
namespace {

using Fields = BasicJsonFields<OrderedJson>;

constexpr size_t kMaxMessages = 1000;
constexpr size_t kMaxMedia = 100;
constexpr size_t kMaxFrames = 1000;   // of one video
constexpr size_t kMaxText = 1000000;  // bytes of one part
constexpr size_t kMaxStops = 4;
constexpr size_t kMaxStop = 1000;  // bytes of one
constexpr size_t kMaxTools = 128;
constexpr int64_t kMaxTokens = 65536;
constexpr int64_t kMaxFetched = int64_t{1} << 30;  // bytes, of all media of one request

[[noreturn]] void refuse(std::string message, std::string hint = {}) {
  throw Error(ErrorCode::kUsage, std::move(message), std::move(hint));
}

const OrderedJson& list_of(const OrderedJson* value, const std::string& where, size_t most) {
  if (value == nullptr || !value->is_array()) throw HttpError(400, where + " is no list");
  if (value->size() > most) {
    refuse(fmt::format("{} has {} entries, at most {} are allowed", where, value->size(), most));
  }
  return *value;
}

// Reads the messages, and the media in them into `request.describe.media`.
class MessagesReader {
 public:
  MessagesReader(ChatRequest& request, const ChatSources& sources, std::string& param)
      : request_(request), sources_(sources), where_(param) {}

  void read(const OrderedJson* messages) {
    const OrderedJson& list = list_of(messages, "messages", kMaxMessages);
    for (size_t i = 0; i < list.size(); ++i) {
      where_ = fmt::format("messages[{}]", i);
      request_.describe.messages.push_back(message(list[i]));
    }
    where_ = "messages";
  }

 private:
  Message message(const OrderedJson& json) {
    Fields fields(json, where_);
    Message message;
    message.role = fields.text("role").value_or("");
    if (message.role == "developer") message.role = "system";
    fields.any("name");  // the chat template has no place for it
    if (message.role == "assistant") {
      fields.any("refusal");
      message.reasoning = fields.text("reasoning_content", kMaxText).value_or("");
      if (const OrderedJson* calls = fields.any("tool_calls")) {
        message.tool_calls = tool_calls(*calls);
      }
    }
    if (message.role == "tool") fields.any("tool_call_id");
    const OrderedJson* content = fields.any("content");
    if (content != nullptr) {
      message.parts = parts(*content);
    } else if (message.role != "assistant") {
      refuse(where_ + " has no content");
    }
    fields.done();
    return message;
  }

  std::vector<ToolCall> tool_calls(const OrderedJson& json) {
    std::vector<ToolCall> calls;
    for (const OrderedJson& item : list_of(&json, where_ + ".tool_calls", kMaxTools)) {
      Fields call(item, where_ + ".tool_calls");
      call.any("id");
      call.any("type");
      const OrderedJson* function = call.any("function");
      call.done();
      if (function == nullptr) refuse(where_ + ".tool_calls: there is no 'function'");
      Fields fields(*function, where_ + ".tool_calls.function");
      calls.push_back(
          {fields.text("name").value_or(""), fields.text("arguments", kMaxText).value_or("{}")});
      fields.done();
    }
    return calls;
  }

  std::vector<Part> parts(const OrderedJson& content) {
    if (content.is_string()) {
      return {{Part::Kind::kText, content.get<std::string>(), 0}};
    }
    std::vector<Part> parts;
    const std::string message = where_;
    const OrderedJson& list = list_of(&content, where_ + ".content", kMaxFrames);
    for (size_t i = 0; i < list.size(); ++i) {
      where_ = fmt::format("{}.content[{}]", message, i);
      parts.push_back(part(list[i]));
    }
    where_ = message;
    return parts;
  }

  Part part(const OrderedJson& json) {
    Fields fields(json, where_);
    const std::string type = fields.text("type").value_or("");
    if (type == "text" || type == "refusal") {
      const auto text = fields.text(type.c_str(), kMaxText);
      fields.done();
      if (!text) refuse(fmt::format("{}: there is no '{}'", where_, type));
      return {Part::Kind::kText, *text, 0};
    }
    const bool image = type == "image_url";
    if (!image && type != "video_url" && type != "input_video" && type != "video_frames") {
      refuse(fmt::format("{}: the type is '{}'", where_, type.substr(0, 100)),
             "there are text, image_url, video_url, input_video and video_frames");
    }
    const OrderedJson* what = fields.any(type.c_str());
    fields.done();
    if (what == nullptr) refuse(fmt::format("{}: there is no '{}'", where_, type));
    auto& media = request_.describe.media;
    if (media.size() >= kMaxMedia) {
      refuse(fmt::format("{}: more than {} images and videos", where_, kMaxMedia));
    }
    Fields inner(*what, where_ + "." + type);
    if (type == "video_frames") {
      media.push_back(frames(inner));
    } else {
      const OrderedJson* url = inner.any("url");
      if (image) inner.any("detail");
      inner.done();
      media.push_back({file(url, where_, image), image, {}, {}});
    }
    return {image ? Part::Kind::kImage : Part::Kind::kVideo,
            {},
            static_cast<int64_t>(media.size()) - 1};
  }

  MediaFile frames(Fields& fields) {
    const std::string where = where_ + ".video_frames";
    const OrderedJson& pictures = list_of(fields.any("frames"), where + ".frames", kMaxFrames);
    const OrderedJson& times = list_of(fields.any("times"), where + ".times", kMaxFrames);
    fields.done();
    if (pictures.size() != times.size()) {
      refuse(fmt::format("{} has {} frames and {} times", where, pictures.size(), times.size()),
             "give the time of each frame in seconds");
    }
    MediaFile video;
    video.path = where_;
    for (size_t i = 0; i < pictures.size(); ++i) {
      if (!times[i].is_number()) throw HttpError(400, where + ".times holds what is no number");
      video.frames.push_back({file(&pictures[i], fmt::format("{}.frames[{}]", where_, i), true),
                              times[i].get<double>()});
    }
    if (video.frames.empty()) refuse(where + " has no frames");
    return video;
  }

  // The file that a URL means; messages call it `name` unless it is in the library.
  std::filesystem::path file(const OrderedJson* json, const std::string& name, bool image) {
    if (json == nullptr || !json->is_string()) throw HttpError(400, name + ": 'url' is no string");
    const auto& url = json->get_ref<const std::string&>();
    const bool data = is_data_url(url);
    if (!data && url.find("://") == std::string::npos) {
      const std::string known = library_name(url);
      Library& library = sources_.library;
      return image ? library.file(known) : library.file_of(library.find(known));
    }
    const AllowedUrl from = data ? AllowedUrl{} : check_fetching(url, sources_.fetch);
    if (!request_.files) request_.files = std::make_shared<TemporaryFolder>();
    std::filesystem::path path = request_.files->path() / name;
    std::ofstream out(path, std::ios::binary);
    if (data) {
      out << decode_data_url(url);
    } else {
      download(
          from, sources_.fetch.hosts, std::min(sources_.fetch.max_bytes, kMaxFetched - fetched_),
          [&](std::span<const std::byte> bytes) {
            out.write(reinterpret_cast<const char*>(bytes.data()),
                      static_cast<std::streamsize>(bytes.size()));
            fetched_ += static_cast<int64_t>(bytes.size());
          },
          sources_.cancel);
    }
    out.close();
    if (!out) throw Error(ErrorCode::kIo, fmt::format("write {}: the disk is full", path.string()));
    return path;
  }

  ChatRequest& request_;
  const ChatSources& sources_;
  int64_t fetched_ = 0;  // bytes
  std::string& where_;
};

// Each top-level part of the body on its own.
class BodyReader {
 public:
  BodyReader(const OrderedJson& body, std::string& param)
      : fields_(body, "the body"), param_(param) {}

  ChatRequest read(const ChatSources& sources) {
    ChatRequest request;
    param_ = "model";
    if (const auto name = fields_.text("model"); name && *name != sources.model) {
      throw HttpError(404, fmt::format("there is no model '{}'", name->substr(0, 100)),
                      fmt::format("this server has '{}'", sources.model));
    }
    read_generation(request.describe.generation);
    read_logprobs(request);
    read_stops(request.reading.stops);
    read_stream(request);
    read_format(request.describe.format);
    read_tools(request);
    refuse_others();
    const OrderedJson* messages = any("messages");
    param_.clear();
    fields_.done();
    // Media may have to be fetched: only when all the rest is known to be good.
    param_ = "messages";
    MessagesReader(request, sources, param_).read(messages);
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

  void read_generation(GenerationRequest& generation) {
    generation.max_new_tokens = integer("max_completion_tokens", 1, kMaxTokens);
    const auto older = integer("max_tokens", 1, kMaxTokens);
    if (!generation.max_new_tokens) generation.max_new_tokens = older;
    generation.temperature = number("temperature", 0, 2);
    generation.top_p = number("top_p", 0, 1);
    generation.top_k = integer("top_k", 0, 1000000);
    generation.presence_penalty = number("presence_penalty", -2, 2);
    generation.repetition_penalty = number("repetition_penalty", 0.01, 100);
    // Who names no seed wants another answer each time, if the temperature allows it.
    const auto seed = integer("seed", 0, int64_t{1} << 53);
    generation.seed = seed ? static_cast<uint64_t>(*seed) : std::random_device{}();
  }

  void read_logprobs(ChatRequest& request) {
    request.logprobs = flag("logprobs", false);
    const auto top = integer("top_logprobs", 0, 20);
    if (top && !request.logprobs) refuse("top_logprobs is given without logprobs", "set logprobs");
    request.describe.generation.logprobs = static_cast<int>(top.value_or(0));
  }

  void read_stops(std::vector<std::string>& stops) {
    const OrderedJson* stop = any("stop");
    if (stop == nullptr) return;
    const OrderedJson list = stop->is_string() ? OrderedJson::array({*stop}) : *stop;
    for (const OrderedJson& item : list_of(&list, "stop", kMaxStops)) {
      if (!item.is_string()) throw HttpError(400, "stop holds what is no string");
      stops.push_back(item.get<std::string>());
      if (stops.back().empty() || stops.back().size() > kMaxStop) {
        refuse(fmt::format("stop holds a string of {} bytes", stops.back().size()),
               fmt::format("from 1 to {} are possible", kMaxStop));
      }
    }
  }

  void read_stream(ChatRequest& request) {
    request.stream = flag("stream", false);
    const OrderedJson* options = any("stream_options");
    if (options == nullptr) return;
    if (!request.stream) refuse("stream_options is given without stream", "set stream");
    Fields fields(*options, "stream_options");
    request.include_usage = fields.flag("include_usage").value_or(false);
    fields.done();
  }

  void read_format(std::shared_ptr<const AnswerForm>& format) {
    const OrderedJson* wanted = any("response_format");
    if (wanted == nullptr) return;
    Fields fields(*wanted, "response_format");
    const std::string type = fields.text("type").value_or("");
    if (type == "json_object") {
      format = std::make_shared<AnswerForm>(JsonGrammar::any_object());
    } else if (type == "json_schema") {
      const OrderedJson* named = fields.any("json_schema");
      if (named == nullptr) refuse("response_format: there is no 'json_schema'");
      Fields inner(*named, "response_format.json_schema");
      for (const char* key : {"name", "description", "strict"}) inner.any(key);
      const OrderedJson* schema = inner.any("schema");
      if (schema == nullptr) refuse("response_format.json_schema: there is no 'schema'");
      format = std::make_shared<AnswerForm>(JsonGrammar::of_schema(*schema));
      inner.done();
    } else if (type != "text") {
      refuse(fmt::format("response_format: the type is '{}'", type.substr(0, 100)),
             "there are text, json_object and json_schema");
    }
    fields.done();
  }

  void read_tools(ChatRequest& request) {
    const ToolChoice choice = read_tool_choice(any("tool_choice"));
    request.reading.one_call = !flag("parallel_tool_calls", true) || !choice.name.empty();
    std::vector<AnswerForm::Tool> callable;
    if (const OrderedJson* tools = any("tools")) {
      for (const OrderedJson& tool : list_of(tools, "tools", kMaxTools)) {
        Fields fields(tool, "tools");
        const bool function = fields.text("type").value_or("") == "function";
        const OrderedJson* called = fields.any("function");
        if (!function || called == nullptr) {
          refuse("tools holds what is no function",
                 "write {\"type\": \"function\", \"function\": {\"name\": …}}");
        }
        request.describe.tools.push_back(tool.dump());
        if (choice.forced) add_callable(*called, choice, callable);
      }
    }
    // A model that is told of no tools calls none.
    if (choice.none) request.describe.tools.clear();
    request.reading.tools = !request.describe.tools.empty();
    if (request.reading.tools && request.describe.format) {
      refuse("tools and a JSON response_format do not go together",
             "leave one out, or set tool_choice to \"none\"");
    }
    if (!choice.forced) return;
    if (callable.empty()) {
      param_ = "tool_choice";
      refuse(choice.name.empty() ? "tool_choice asks for a call, and there are no tools"
                                 : fmt::format("tool_choice names '{}', which is not in tools",
                                               choice.name.substr(0, 100)),
             "name the functions in tools");
    }
    request.describe.format =
        std::make_shared<AnswerForm>(callable, /*many=*/!request.reading.one_call);
  }

  // What is taken as long as it changes nothing.
  void refuse_others() {
    integer("n", 1, 1);
    number("frequency_penalty", 0, 0);
    if (const OrderedJson* bias = any("logit_bias"); bias != nullptr && !bias->empty()) {
      refuse("logit_bias is not supported", "leave it out");
    }
    for (const char* key :
         {"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"}) {
      fields_.any(key);
    }
  }

  Fields fields_;
  std::string& param_;
};

}  // namespace

ChatRequest read_chat_request(const std::string& body, const ChatSources& sources,
                              std::string& param) {
  OrderedJson json;
  try {
    json = parse_ordered_json(body, "the body");
  } catch (const Error& error) {
    throw HttpError(400, error.message(), "the body is one JSON object");
  }
  if (!json.is_object()) throw HttpError(400, "the body is no JSON object");
  return BodyReader(json, param).read(sources);
}

}  // namespace shijian
