#include "server/chat_record.h"

#include <new>
#include <utility>

#include "base/log.h"
#include "server/views.h"

namespace shijian::server {

ChatRecord::ChatRecord(std::string request_id, std::string client)
    : request_id_(std::move(request_id)), client_(std::move(client)) {}

ChatRecord::~ChatRecord() {
  if (silent_) return;
  try {
    const auto seconds = [](Clock::duration time) {
      return thousandths(std::chrono::duration<double>(time).count());
    };
    const auto now = Clock::now();
    const auto begun = begun_ == Clock::time_point{} ? now : begun_;
    OrderedJson fields = {{"request", request_id_},
                          {"client", client_},
                          {"state", state_},
                          {"seconds", seconds(now - begun)},
                          {"waited", seconds(begun - came_)},
                          {"generated_tokens", generated_}};
    fields.update(outcome_);
    log_event(state_ == "failed" ? LogLevel::kWarning : LogLevel::kInfo, "chat_ended", fields);
  } catch (...) {  // no memory, no disk: then there is no line
  }
}

void ChatRecord::begin() { begun_ = Clock::now(); }

void ChatRecord::done(const grounding::Usage& usage) {
  state_ = "done";
  outcome_ = {{"prompt_tokens", usage.prompt_tokens}};
}

void ChatRecord::failed(const Error& error) {
  if (error.code() == ErrorCode::kCancelled) return;
  state_ = "failed";
  outcome_ = job_error_json(error, Language::kEnglish);
}

}  // namespace shijian::server
