#include "engine/formed_answer.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace shijian::engine {
namespace {

using grounding::PromptStyle;

guided::TimeWords sentence(Language language) {
  guided::TimeWords words;
  const bool chinese = language == Language::kChinese;
  words.denial = chinese ? "视频中没有出现该事件。" : "The event does not occur in the video.";
  words.open = chinese ? "事件发生在 " : "The event happens in ";
  words.between = " - ";
  words.next = ", ";
  words.close = chinese ? " 秒。" : " seconds.";
  return words;
}

guided::TimeWords pairs() {
  guided::TimeWords words;
  words.denial = "[]";
  words.open = "[[";
  words.between = ", ";
  words.close_item = "]";
  words.next = ", [";
  words.close = "]";
  return words;
}

guided::TimeWords objects() {
  guided::TimeWords words;
  words.denial = "[]";
  words.open = "[{\"start\": ";
  words.between = ", \"end\": ";
  words.label = ", \"label\": \"";
  words.close_item = "\"}";
  words.next = ", {\"start\": ";
  words.close = "]";
  words.prose = true;
  return words;
}

// What the prompts of src/grounding/prompt.cc ask for, as the default model was taught it.
guided::TimeWords words_of(const grounding::Prompt& prompt) {
  if (prompt.style == PromptStyle::kTimeLens) return sentence(prompt.language);
  return prompt.style == PromptStyle::kTimeLens2 ? pairs() : objects();
}

// More than a request has a use for would be guessed.
int decimals_for(double precision) { return precision >= 0.1 ? 1 : precision >= 0.01 ? 2 : 3; }

}  // namespace

PromptStyle other_style(PromptStyle style) {
  return style == PromptStyle::kTimeLens ? PromptStyle::kTimeLens2 : PromptStyle::kTimeLens;
}

FormedAnswer::FormedAnswer(const LocateRequest& request, LoadedModel& model, const Media& video,
                           const grounding::Prompt& prompt, model::GenerateOptions options,
                           const RunHooks& hooks)
    : options_(std::move(options)), hooks_(hooks) {
  if (request.free_text || request.generation.ignore_stop) return;
  const video::FramePlan& plan = video.plan;
  reading_.from = std::max(0.0, plan.from - plan.clock_start) * plan.clock_rate;
  reading_.to = std::max(reading_.from, (plan.to - plan.clock_start) * plan.clock_rate);
  reading_.starts_in_thought = model.opens_thinking();
  constrain(model, prompt, request.precision);
  hooks_.token = [this, token = hooks.token](const grounding::GeneratedToken& next,
                                             std::string_view text) {
    return (!token || token(next, text)) && judge(next);
  };
}

void FormedAnswer::constrain(LoadedModel& model, const grounding::Prompt& prompt,
                             double precision) {
  const guided::TimeRange range{reading_.from, reading_.to, decimals_for(precision)};
  constraint_.emplace(guided::TimeForm(words_of(prompt), range), model.token_order(),
                      model.tokenizer(), options_.stop_tokens, model.thoughts_end());
  options_.forced = [this](auto so_far) {
    take(so_far);
    return constraint_->forced();
  };
  options_.constrain = [this](auto so_far, auto scores) {
    take(so_far);
    constraint_->edit(scores);
  };
}

void FormedAnswer::take(std::span<const model::TokenChoice> so_far) {
  for (; taken_ < so_far.size(); ++taken_) constraint_->take(so_far[taken_].token);
}

bool FormedAnswer::judge(const grounding::GeneratedToken& next) {
  text_ += next.bytes;
  const bool item = next.bytes.find_first_of("]},\n") != std::string::npos;
  made_up_ = item && grounding::looks_made_up(text_, reading_);
  return !made_up_;
}

}  // namespace shijian::engine
