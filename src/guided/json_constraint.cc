#include "guided/json_constraint.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"

namespace shijian::guided {

TokenOrder::TokenOrder(const text::Tokenizer& tokenizer) {
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    const std::string_view bytes = tokenizer.token_bytes(id);
    if (!bytes.empty() && !tokenizer.is_added(id)) entries_.push_back({bytes, id, 0});
  }
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.bytes < b.bytes; });
  for (size_t i = 1; i < entries_.size(); ++i) {
    const std::string_view before = entries_[i - 1].bytes, bytes = entries_[i].bytes;
    const auto [end, unused] =
        std::mismatch(bytes.begin(), bytes.end(), before.begin(), before.end());
    entries_[i].shared = static_cast<uint32_t>(end - bytes.begin());
  }
}

JsonConstraint::JsonConstraint(std::shared_ptr<const AnswerForm> form, const TokenOrder& tokens,
                               const text::Tokenizer& tokenizer,
                               std::span<const int32_t> stop_tokens, std::optional<int32_t> after)
    : form_(std::move(form)),
      tokens_(tokens),
      tokenizer_(tokenizer),
      stop_tokens_(stop_tokens.begin(), stop_tokens.end()),
      after_(after),
      state_(*form_) {
  if (!form_->calls()) return;
  for (const auto& [mark, token] :
       {std::pair<const char*, int32_t*>{"<tool_call>", &call_}, {"</tool_call>", &call_end_}}) {
    const auto id = tokenizer_.token_id(mark);
    if (!id || !tokenizer_.is_added(*id)) {
      throw Error(ErrorCode::kUnsupported,
                  "force a call: the model's tokenizer has no token {}"_text(mark),
                  "leave the choice to the model: \"tool_choice\": \"auto\""_text);
    }
    *token = *id;
  }
}

void JsonConstraint::take(int32_t token) {
  if (!after_) return advance(token);
  if (token == *after_) after_.reset();
}

void JsonConstraint::edit(std::span<float> scores) {
  if (after_) return;
  if (!allowed_in_ || !(*allowed_in_ == state_)) allow_next();
  std::vector<std::pair<int32_t, float>> kept;
  kept.reserve(allowed_.size());
  for (const int32_t id : allowed_) {
    const auto at = static_cast<size_t>(id);
    if (at < scores.size()) kept.emplace_back(id, scores[at]);
  }
  std::fill(scores.begin(), scores.end(), -std::numeric_limits<float>::infinity());
  for (const auto& [id, score] : kept) scores[static_cast<size_t>(id)] = score;
}

void JsonConstraint::advance(int32_t token) {
  if (state_.mark() != AnswerState::Mark::kNone) {
    CHECK(token == mark_token(), "token {} was not allowed", token);
    state_.push_mark();
    return;
  }
  for (const char byte : tokenizer_.token_bytes(token)) {
    CHECK(state_.push(static_cast<uint8_t>(byte)), "token {} was not allowed", token);
  }
}

int32_t JsonConstraint::mark_token() const {
  return state_.mark() == AnswerState::Mark::kCall ? call_ : call_end_;
}

// Walks the tokens in order, so that what tokens have in common is looked at once.
void JsonConstraint::allow_next() {
  allowed_in_ = state_;
  allowed_.clear();
  if (state_.mark() != AnswerState::Mark::kNone) {
    allowed_ = {mark_token()};
    return;
  }
  if (state_.complete()) allowed_ = stop_tokens_;
  std::vector<AnswerState> after = {state_};  // [bytes of the token that are let through]
  for (const TokenOrder::Entry& entry : tokens_.entries()) {
    if (entry.shared >= after.size()) continue;  // it begins like one that was refused
    after.erase(after.begin() + entry.shared + 1, after.end());
    for (const char byte : entry.bytes.substr(entry.shared)) {
      AnswerState next = after.back();
      if (!next.push(static_cast<uint8_t>(byte))) break;
      after.push_back(next);
    }
    if (after.size() == entry.bytes.size() + 1) allowed_.push_back(entry.id);
  }
}

}  // namespace shijian::guided
