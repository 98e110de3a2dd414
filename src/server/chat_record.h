// Log record of a chat: writes one line when the chat ends for any reason, never its content.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "engine/engine.h"

namespace shijian::server {

// Record that is created when the chat is queued for the model and ends with its last reference. A
// chat that is dropped while queued counts as cancelled. Used by one thread at a time.
class ChatRecord {
 public:
  ChatRecord(std::string request_id, std::string client);
  ~ChatRecord();  // writes the line
  ChatRecord(const ChatRecord&) = delete;
  ChatRecord& operator=(const ChatRecord&) = delete;

  void refused() { silent_ = true; }  // it never waited: its request's line says why
  void begin();                       // the model works for it from now on
  void token() { ++generated_; }
  void done(const grounding::Usage& usage);
  void failed(const Error& error);  // of kCancelled: it is cancelled

 private:
  using Clock = std::chrono::steady_clock;

  const std::string request_id_;
  const std::string client_;
  const Clock::time_point came_ = Clock::now();
  Clock::time_point begun_{};  // the epoch: not yet
  bool silent_ = false;
  int64_t generated_ = 0;
  OrderedJson outcome_ = OrderedJson::object();  // what the line says besides
  std::string_view state_ = "cancelled";
};

}  // namespace shijian::server
