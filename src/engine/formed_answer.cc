#include "engine/formed_answer.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "engine/constrained.h"

namespace shijian::engine {
namespace {

using grounding::PromptStyle;

// What the prompts of src/grounding/prompt.cc ask for, as the default model was taught it.
guided::TimeWords words_of(const grounding::Prompt& prompt) {
  if (prompt.style == PromptStyle::kTimeLens) return guided::sentence_words(prompt.language);
  return prompt.style == PromptStyle::kTimeLens2 ? guided::pair_words() : guided::object_words();
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
  reading_ = grounding::on_clock(plan.from, plan.to, plan.clock_start, plan.clock_rate);
  reading_.starts_in_thought = model.opens_thinking();
  constrain(model, prompt, request.precision);
  hooks_.token = [this, token = hooks.token](const grounding::GeneratedToken& next,
                                             std::string_view text) {
    return (!token || token(next, text)) && judge(next);
  };
}

void FormedAnswer::constrain(LoadedModel& model, const grounding::Prompt& prompt,
                             double precision) {
  const guided::TimeRange range{reading_.from, std::max(reading_.from, reading_.to),
                                decimals_for(precision)};
  constraint_.emplace(guided::TimeForm(words_of(prompt), range), model.token_order(),
                      model.tokenizer(), options_.stop_tokens, model.thoughts_end());
  engine::constrain(options_, *constraint_);
}

bool FormedAnswer::judge(const grounding::GeneratedToken& next) {
  text_ += next.bytes;
  const bool item = next.bytes.find_first_of("]},\n") != std::string::npos;
  made_up_ = item && grounding::looks_made_up(text_, reading_);
  return !made_up_;
}

}  // namespace shijian::engine
