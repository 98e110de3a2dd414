#include "engine/look.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "engine/answer_record.h"
#include "engine/attention_reader.h"
#include "engine/formed_answer.h"
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

// The video, then the prompt, as the user's turn.
TokenSequence locate_sequence(const grounding::Prompt& prompt, const LoadedModel& model,
                              const PlannedMedia& planned) {
  const text::Part video{text::Part::Kind::kVideo, {}, 0};
  const text::Part text{text::Part::Kind::kText, prompt.text, 0};
  return model.tokens({{"user", {video, text}, {}, {}}}, {}, planned.media, planned.keys);
}

model::GenerateOptions locate_options(const GenerationRequest& request, const LoadedModel& model) {
  model::GenerateOptions options = model.generate_options(request, DefaultSampling::kGreedy);
  options.sampling.top_logprobs = std::max(options.sampling.top_logprobs, kDigitAlternatives);
  return options;
}

// Adds the numbers of questions whose answers were made up to `made_up`.
LocateResult look_once(EngineState& state, const LocateRequest& request, const MediaFile& video,
                       const RunHooks& hooks, Prompts kept, std::vector<size_t>& made_up) {
  auto start = Clock::now();
  LoadedModel& model = state.model;
  const std::vector<grounding::Prompt> prompts = make_prompts(request, model);
  PlannedMedia planned = plan_request_media({video}, request.sampling, state, hooks);
  std::vector<TokenSequence> sequences;
  for (const auto& prompt : prompts) sequences.push_back(locate_sequence(prompt, model, planned));
  const model::GenerateOptions options = locate_options(request.generation, model);
  Session session = open_session(state, planned, sequences, options, request.generation);
  if (kept == Prompts::kForgotten) session.forget();
  MediaFeatures read = read_media(state, planned, sequences, session, request.keep_frames, hooks);
  const AnswerRecord record(request, model, planned, options);
  const Media& shown = planned.media.front();
  const bool first_look = kept == Prompts::kKept && hooks.stages == nullptr;
  AttentionReader attention(model, hooks, shown.slots, first_look);

  LocateResult result;
  // The first question pays for what all of them share.
  const Costs shared{{}, {shown.slots, 0, 0}};
  for (size_t i = 0; i < sequences.size(); ++i) {
    const double before = seconds_since(start);
    const FormedAnswer formed(request, model, shown, prompts[i], options, hooks);
    Reply reply = session.ask(sequences[i], read.features, formed.options(), formed.hooks(),
                              attention.readout());
    attention.add(sequences[i], prompts[i].language);
    if (formed.made_up()) made_up.push_back(i);
    add_reply(read.costs, reply, before);
    result.answers.push_back(
        record.answer(i, prompts[i], sequences[i], std::move(reply), read.costs));
    result.answers.back().timing.total = seconds_since(start);
    read.costs = shared;
    start = Clock::now();
  }
  const auto no_question = [&](Language language) {
    const auto prompt = grounding::empty_prompt(language, prompts.front().style);
    return locate_sequence(prompt, model, planned);
  };
  attention.finish(session, read.features, no_question, result.answers);
  result.media = std::move(planned.media.front());
  return result;
}

// Asks the question of a made-up answer in another style; an answer that is no better is left out.
void ask_again(EngineState& state, LocateRequest request, const MediaFile& video,
               const RunHooks& hooks, Prompts kept, grounding::Answer& answer) {
  request.questions = {answer.question};
  request.prompt_style = other_style(request.prompt_style.value_or(state.model.prompt_style()));
  request.keep_frames = false;
  RunHooks quiet;
  quiet.cancel = hooks.cancel;
  std::vector<size_t> made_up;
  LocateResult again = look_once(state, request, video, quiet, kept, made_up);
  grounding::Answer& other = again.answers.front();
  if (!made_up.empty()) return add_costs(other, answer);
  add_costs(answer, other);
  other.notes.push_back({grounding::NoteCode::kAskedAgain});
  answer = std::move(other);
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
  std::vector<size_t> made_up;
  LocateResult result = look_once(state, request, video, hooks, kept, made_up);
  for (const size_t i : made_up) ask_again(state, request, video, hooks, kept, result.answers[i]);
  return result;
}

}  // namespace shijian::engine
