// One answer to a grounding question, kept to the form that its prompt asks for.
#pragma once

#include <optional>
#include <string>

#include "engine/loaded_model.h"
#include "engine/media.h"
#include "engine/request.h"
#include "grounding/answer.h"
#include "grounding/prompt.h"
#include "guided/time_constraint.h"
#include "model/generate.h"

namespace shijian::engine {

// The style that a question is asked in once more, when its answer in `style` was made up.
grounding::PromptStyle other_style(grounding::PromptStyle style);

// What one run of the model is given so that its answer names times of the part that was shown,
// in order, between the words of the style; with request.free_text or a run that ignores the stop,
// any answer comes through. One that repeats itself or cuts the video into equal parts ends there.
// Not movable; what it is given outlives it.
class FormedAnswer {
 public:
  // Sets what concerns the form in `options`, which are those of all answers of the request.
  FormedAnswer(const LocateRequest& request, LoadedModel& model, const Media& video,
               const grounding::Prompt& prompt, model::GenerateOptions options,
               const RunHooks& hooks);
  FormedAnswer(const FormedAnswer&) = delete;
  FormedAnswer& operator=(const FormedAnswer&) = delete;

  const model::GenerateOptions& options() const { return options_; }
  const RunHooks& hooks() const { return hooks_; }
  bool made_up() const { return made_up_; }  // so far

 private:
  void constrain(LoadedModel& model, const grounding::Prompt& prompt, double precision);
  bool judge(const grounding::GeneratedToken& next);  // false ends the answer

  model::GenerateOptions options_;
  RunHooks hooks_;
  std::optional<guided::TimeConstraint> constraint_;
  grounding::AnswerOptions reading_;
  std::string text_;
  bool made_up_ = false;
};

}  // namespace shijian::engine
