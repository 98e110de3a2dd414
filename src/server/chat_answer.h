// The answer of a chat completion as it goes to the client: whole, or in chunks as it comes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "http/server.h"
#include "server/chat_request.h"

namespace shijian::server {

// What answers say and need to know of the model.
struct ChatModel {
  std::string name;
  std::string version;             // of the program
  bool starts_in_thought = false;  // its answers begin inside <think>
};

// Used on the engine's thread. One of finish() and fail() ends it.
class ChatAnswer {
 public:
  // `request` outlives it. `language` is that of its errors.
  ChatAnswer(const ChatRequest& request, ChatModel model, std::shared_ptr<http::HttpReply> reply,
             std::string request_id, Language language);

  // RunHooks::token.
  bool token(const grounding::GeneratedToken& token, std::string_view text);
  void finish(const engine::Description& description);
  void fail(const Error& error);

 private:
  void take(const text::ChatPiece& piece);
  void send_chunk(const OrderedJson& delta, const char* finish_reason,
                  const OrderedJson& notes = OrderedJson::array());
  void send_event(const OrderedJson& json);
  void end_stream(std::string_view last);  // unless it has ended with a gap
  OrderedJson head(const char* object) const;
  OrderedJson calls_json(const std::vector<text::ToolCall>& calls, bool numbered);
  OrderedJson logprobs_json();

  const ChatRequest& request_;
  const ChatModel model_;
  const std::string id_;
  const Language language_;
  const int64_t created_;
  const std::shared_ptr<http::HttpReply> reply_;
  std::shared_ptr<http::HttpStream> stream_;  // once the first token is there
  bool stream_broken_ = false;                // nobody reads the stream any more
  text::ChatReader reader_;
  text::ChatPiece whole_;                          // all so far
  std::vector<grounding::GeneratedToken> tokens_;  // whose log-probabilities were not sent yet
  int64_t calls_ = 0;                              // sent
};

}  // namespace shijian::server
