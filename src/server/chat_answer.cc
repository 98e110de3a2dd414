#include "server/chat_answer.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/utf8.h"
#include "grounding/output.h"
#include "http/sse.h"
#include "server/json_fields.h"

namespace shijian::server {
namespace {

constexpr double kLeastLogprob = -9999;  // JSON has no infinity

text::ChatReading reading_of(const ChatRequest& request, const ChatModel& model) {
  text::ChatReading reading = request.reading;
  reading.starts_in_thought = model.starts_in_thought;
  return reading;
}

OrderedJson token_json(std::string_view bytes, double logprob) {
  OrderedJson numbers = OrderedJson::array();
  for (const char byte : bytes) numbers.push_back(static_cast<uint8_t>(byte));
  return {{"token", to_valid_utf8(bytes)},
          {"logprob", std::max(logprob, kLeastLogprob)},
          {"bytes", numbers}};
}

OrderedJson usage_json(const engine::Description& description) {
  const grounding::Usage& usage = description.usage;
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.generated_tokens},
          {"total_tokens", usage.prompt_tokens + usage.generated_tokens},
          {"prompt_tokens_details", {{"cached_tokens", description.reuse.prefix_tokens}}}};
}

OrderedJson text_or_null(const std::string& text) {
  return text.empty() ? OrderedJson() : OrderedJson(text);
}

}  // namespace

ChatAnswer::ChatAnswer(const ChatRequest& request, ChatModel model,
                       std::shared_ptr<http::HttpReply> reply, std::string request_id,
                       Language language)
    : request_(request),
      model_(std::move(model)),
      id_(std::move(request_id)),
      language_(language),
      created_(std::time(nullptr)),
      reply_(std::move(reply)),
      reader_(reading_of(request, model_)) {}

bool ChatAnswer::token(const grounding::GeneratedToken& token, std::string_view text) {
  if (request_.logprobs) tokens_.push_back(token);
  take(reader_.push(text));
  return !reader_.ended() && !stream_broken_;
}

void ChatAnswer::finish(const engine::Description& description) {
  take(reader_.finish());
  const char* reason = !whole_.calls.empty()                   ? "tool_calls"
                       : description.finish_reason == "length" ? "length"
                                                               : "stop";
  const OrderedJson notes = grounding::notes_json(description.notes, description.language);
  if (request_.stream) {
    send_chunk(OrderedJson::object(), reason, notes);
    if (request_.include_usage) {
      OrderedJson json = head("chat.completion.chunk");
      json["choices"] = OrderedJson::array();
      json["usage"] = usage_json(description);
      send_event(json);
    }
    end_stream("[DONE]");
    return;
  }
  OrderedJson message = {{"role", "assistant"},
                         {"content", whole_.calls.empty() ? OrderedJson(whole_.content)
                                                          : text_or_null(whole_.content)},
                         {"refusal", nullptr}};
  if (!whole_.reasoning.empty()) message["reasoning_content"] = whole_.reasoning;
  if (!whole_.calls.empty()) message["tool_calls"] = calls_json(whole_.calls, false);
  OrderedJson json = head("chat.completion");
  json["choices"] = OrderedJson::array({{{"index", 0},
                                         {"message", message},
                                         {"logprobs", logprobs_json()},
                                         {"finish_reason", reason}}});
  json["usage"] = usage_json(description);
  if (!notes.empty()) json["notes"] = notes;
  reply_->send(json_response(json));
}

void ChatAnswer::fail(const Error& error) {
  http::HttpResponse response = http::error_response(error, id_);
  if (stream_) {
    end_stream(http::error_json(*response.error, language_));
  } else {
    reply_->send(std::move(response));
  }
}

void ChatAnswer::take(const text::ChatPiece& piece) {
  whole_.reasoning += piece.reasoning;
  whole_.content += piece.content;
  whole_.calls.insert(whole_.calls.end(), piece.calls.begin(), piece.calls.end());
  if (!request_.stream) return;
  OrderedJson delta = OrderedJson::object();
  if (!piece.reasoning.empty()) delta["reasoning_content"] = piece.reasoning;
  if (!piece.content.empty()) delta["content"] = piece.content;
  if (!piece.calls.empty()) delta["tool_calls"] = calls_json(piece.calls, true);
  if (!delta.empty()) send_chunk(delta, nullptr);
}

void ChatAnswer::send_chunk(const OrderedJson& delta, const char* finish_reason,
                            const OrderedJson& notes) {
  OrderedJson json = head("chat.completion.chunk");
  json["choices"] = OrderedJson::array(
      {{{"index", 0},
        {"delta", delta},
        {"logprobs", logprobs_json()},
        {"finish_reason", finish_reason == nullptr ? OrderedJson() : OrderedJson(finish_reason)}}});
  if (!notes.empty()) json["notes"] = notes;
  send_event(json);
}

void ChatAnswer::send_event(const OrderedJson& json) {
  if (!stream_) {
    http::HttpResponse response;
    response.content_type = std::string(http::kEventStreamType);
    response.stream = true;
    stream_ = reply_->send(std::move(response));
    OrderedJson first = head("chat.completion.chunk");
    first["choices"] = OrderedJson::array({{{"index", 0},
                                            {"delta", {{"role", "assistant"}, {"content", ""}}},
                                            {"logprobs", nullptr},
                                            {"finish_reason", nullptr}}});
    stream_->write(http::sse_event("", write_json(first)));
  }
  if (stream_broken_ || stream_->write(http::sse_event("", write_json(json)))) return;
  // The client has gone or reads too slowly: an answer with a gap must not look whole.
  stream_broken_ = true;
  stream_->close();
}

void ChatAnswer::end_stream(std::string_view last) {
  if (stream_broken_) return;
  stream_->write(http::sse_event("", last));
  stream_->close();
}

OrderedJson ChatAnswer::head(const char* object) const {
  return {{"id", "chatcmpl-" + id_},
          {"object", object},
          {"created", created_},
          {"model", model_.name},
          {"system_fingerprint", "shijian-" + model_.version}};
}

OrderedJson ChatAnswer::calls_json(const std::vector<text::ToolCall>& calls, bool numbered) {
  OrderedJson list = OrderedJson::array();
  for (const text::ToolCall& call : calls) {
    OrderedJson json;
    if (numbered) json["index"] = calls_;
    json["id"] = fmt::format("call_{}_{}", id_, calls_++);
    json["type"] = "function";
    json["function"] = {{"name", call.name}, {"arguments", call.arguments}};
    list.push_back(std::move(json));
  }
  return list;
}

// Of the tokens since the last time, thoughts and held-back ones among them.
OrderedJson ChatAnswer::logprobs_json() {
  if (!request_.logprobs) return nullptr;
  OrderedJson list = OrderedJson::array();
  for (const grounding::GeneratedToken& token : std::exchange(tokens_, {})) {
    OrderedJson json = token_json(token.bytes, token.logprob);
    json["top_logprobs"] = OrderedJson::array();
    for (const grounding::TokenAlternative& other : token.top) {
      json["top_logprobs"].push_back(token_json(other.bytes, other.logprob));
    }
    list.push_back(std::move(json));
  }
  return {{"content", list}, {"refusal", nullptr}};
}

}  // namespace shijian::server
