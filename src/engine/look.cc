#include "engine/look.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "engine/answer_record.h"
#include "engine/planned_media.h"
#include "engine/run.h"
#include "engine/seconds.h"
#include "engine/session.h"

namespace shijian::engine {
namespace {

// Alternatives of each token that the boundaries' uncertainty is worked out from: ten digits.
constexpr int64_t kDigitAlternatives = 10;

std::vector<grounding::Prompt> make_prompts(const LocateRequest& request,
                                            const LoadedModel& model) {
  check_questions(request);
  const grounding::PromptStyle style = request.prompt_style.value_or(model.prompt_style());
  std::vector<grounding::Prompt> prompts;
  for (const std::string& question : request.questions) {
    prompts.push_back(grounding::make_prompt(question, style));
  }
  return prompts;
}

// The video, then the prompt: a user's turn for each.
std::vector<TokenSequence> locate_sequences(const std::vector<grounding::Prompt>& prompts,
                                            const LoadedModel& model, const PlannedMedia& planned) {
  std::vector<TokenSequence> sequences;
  for (const grounding::Prompt& prompt : prompts) {
    const text::Part video{text::Part::Kind::kVideo, {}, 0};
    const text::Part text{text::Part::Kind::kText, prompt.text, 0};
    sequences.push_back(
        model.tokens({{"user", {video, text}, {}, {}}}, {}, planned.media, planned.keys));
  }
  return sequences;
}

model::GenerateOptions locate_options(const GenerationRequest& request, const LoadedModel& model) {
  model::GenerateOptions options = model.generate_options(request, DefaultSampling::kGreedy);
  options.sampling.top_logprobs = std::max(options.sampling.top_logprobs, kDigitAlternatives);
  return options;
}

}  // namespace

void check_questions(const LocateRequest& request) {
  if (request.questions.empty()) {
    throw Error(ErrorCode::kUsage, "locate: no question was asked"_text,
                "say what to look for"_text);
  }
  for (const std::string& question : request.questions) grounding::check_question(question);
}

LocateResult look(EngineState& state, const LocateRequest& request, const MediaFile& video,
                  const RunHooks& hooks, Prompts kept) {
  auto start = Clock::now();
  const LoadedModel& model = state.model;
  const std::vector<grounding::Prompt> prompts = make_prompts(request, model);
  PlannedMedia planned = plan_request_media({video}, request.sampling, state, hooks);
  const std::vector<TokenSequence> sequences = locate_sequences(prompts, model, planned);
  const model::GenerateOptions options = locate_options(request.generation, model);
  Session session = open_session(state, planned, sequences, options, request.generation);
  if (kept == Prompts::kForgotten) session.forget();
  MediaFeatures read = read_media(state, planned, sequences, session, request.keep_frames, hooks);
  const AnswerRecord record(request, model, planned, options);

  LocateResult result;
  // The first question pays for what all of them share.
  const Costs shared{{}, {planned.media.front().slots, 0, 0}};
  for (size_t i = 0; i < sequences.size(); ++i) {
    const double before = seconds_since(start);
    Reply reply = session.ask(sequences[i], read.features, options, hooks);
    add_reply(read.costs, reply, before);
    result.answers.push_back(
        record.answer(i, prompts[i], sequences[i], std::move(reply), read.costs));
    result.answers.back().timing.total = seconds_since(start);
    read.costs = shared;
    start = Clock::now();
  }
  result.media = std::move(planned.media.front());
  return result;
}

}  // namespace shijian::engine
