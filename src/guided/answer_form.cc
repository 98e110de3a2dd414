#include "guided/answer_form.h"

#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace shijian::guided {
namespace {
constexpr std::string_view kTail = "}\n";
}  // namespace

AnswerForm::AnswerForm(JsonGrammar json) { json_.push_back(std::move(json)); }

AnswerForm::AnswerForm(const std::vector<Tool>& tools, bool many) : many_(many) {
  CHECK(!tools.empty());
  for (const Tool& tool : tools) {
    // Letter by letter what the chat template writes for a call of the past.
    heads_.push_back(fmt::format("\n{{\"name\": {}, \"arguments\": ", write_json(tool.name)));
    json_.push_back(tool.arguments);
  }
}

AnswerState::AnswerState(const AnswerForm& form)
    : form_(&form), step_(form.calls() ? Step::kCall : Step::kJson), json_(form.json_.front()) {}

AnswerState::Mark AnswerState::mark() const {
  return step_ == Step::kCall      ? Mark::kCall
         : step_ == Step::kCallEnd ? Mark::kCallEnd
                                   : Mark::kNone;
}

void AnswerState::push_mark() {
  CHECK(mark() != Mark::kNone);
  step_ = step_ == Step::kCall ? Step::kHead : Step::kEnd;
  tool_ = length_ = 0;
}

bool AnswerState::push(uint8_t byte) {
  switch (step_) {
    case Step::kHead:
      return head(byte);
    case Step::kJson:
      if (!form_->calls() || !json_.complete()) return json_.push(byte);
      step_ = Step::kTail;
      length_ = 0;
      json_ = JsonState(form_->json_.front());
      return tail(byte);
    case Step::kTail:
      return tail(byte);
    case Step::kEnd:
      step_ = Step::kCall;
      return form_->many_ && byte == '\n';
    case Step::kCall:
    case Step::kCallEnd:
      return false;
  }
  return false;
}

bool AnswerState::complete() const {
  return form_->calls() ? step_ == Step::kEnd : json_.complete();
}

bool AnswerState::head(uint8_t byte) {
  const auto written = std::string_view(form_->heads_[tool_]).substr(0, length_);
  for (size_t i = tool_; i < form_->heads_.size(); ++i) {
    const std::string& head = form_->heads_[i];
    // No head is the beginning of another: each has a quote behind its name.
    if (!head.starts_with(written) || static_cast<uint8_t>(head[length_]) != byte) continue;
    tool_ = static_cast<uint32_t>(i);
    if (++length_ == head.size()) {
      step_ = Step::kJson;
      json_ = JsonState(form_->json_[i]);
    }
    return true;
  }
  return false;
}

bool AnswerState::tail(uint8_t byte) {
  if (static_cast<uint8_t>(kTail[length_]) != byte) return false;
  if (++length_ == kTail.size()) step_ = Step::kCallEnd;
  return true;
}

}  // namespace shijian::guided
