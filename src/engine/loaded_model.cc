#include "engine/loaded_model.h"

#include <filesystem>
#include <utility>

#include "base/error.h"
#include "engine/model_directory.h"

namespace shijian::engine {
namespace {

// Tokens of an answer, at most, where nobody says otherwise.
constexpr int64_t kLocateTokens = 512;
constexpr int64_t kDescribeTokens = 1024;
constexpr int64_t kThinkingTokens = 8192;  // thoughts come first and are long

model::SamplerOptions sampler_options(const checkpoint::GenerationDefaults& defaults,
                                      const GenerationRequest& request, DefaultSampling choosing) {
  model::SamplerOptions s;
  if (choosing == DefaultSampling::kCheckpoint) {
    if (defaults.do_sample) {
      s.temperature = defaults.temperature;
      s.top_k = defaults.top_k;
      s.top_p = defaults.top_p;
    }
    s.repetition_penalty = defaults.repetition_penalty;
  }
  s.temperature = request.temperature.value_or(s.temperature);
  s.top_k = request.top_k.value_or(s.top_k);
  s.top_p = request.top_p.value_or(s.top_p);
  s.repetition_penalty = request.repetition_penalty.value_or(s.repetition_penalty);
  s.presence_penalty = request.presence_penalty.value_or(0);
  s.seed = request.seed;
  s.top_logprobs = request.logprobs;
  return s;
}

}  // namespace

LoadedModel::LoadedModel(const EngineOptions& options)
    : name_(std::filesystem::weakly_canonical(options.model).filename().string()),
      pool_(options.threads),
      checkpoint_(checkpoint::Checkpoint::open(options.model)),
      tokenizer_(text::Tokenizer::open(options.model)),
      chat_(text::ChatTemplate::open(options.model)),
      weights_(model::bind_weights(checkpoint_)),
      vision_(checkpoint_.config().vision, weights_.vision, pool_),
      decoder_(checkpoint_.config().text, weights_.text, pool_),
      media_settings_{checkpoint_.image_processor(), checkpoint_.video_processor(),
                      read_model_profile(options.model), options.reference},
      prompt_style_(media_settings_.profile.prompt_style.value_or(
          grounding::family_prompt_style(options.model))),
      vision_stage_(checkpoint_.config().vision, vision_, media_settings_, pool_) {
  if (options.calibrated) calibration_ = read_calibration(options.model);
  readout_ = options.readout;
  if (readout_.heads.empty() && calibration_) readout_ = calibration_->readout;
  const checkpoint::TextConfig& text = checkpoint_.config().text;
  for (const auto& head : readout_.heads) {
    if (head.layer < text.num_layers && head.index < text.num_heads) continue;
    throw Error(ErrorCode::kInvalid,
                "read {}: its head {} of layer {} is none of the model's"_text(
                    (options.model / "calibration.json").string(), head.index, head.layer),
                calibrate_again());
  }
}

TokenSequence LoadedModel::tokens(const std::vector<text::Message>& messages,
                                  const std::vector<std::string>& tools,
                                  std::span<const Media> media,
                                  std::span<const SlotKeys> keys) const {
  std::vector<MediaShape> shapes;
  for (const Media& m : media) {
    shapes.push_back(
        {m.is_image, {m.grid_height / merge(), m.grid_width / merge()}, m.plan.slot_times});
  }
  TokenSequence sequence =
      build_tokens(tokenizer_, chat_.render(messages, tools), shapes, reference());
  for (PlacedBlock& placed : sequence.blocks) {
    placed.name = keys[placed.media].slots[placed.slot()];
  }
  return sequence;
}

std::vector<int32_t> LoadedModel::stop_tokens() const {
  std::vector<int32_t> tokens = checkpoint_.generation().eos_token_ids;
  if (!tokens.empty()) return tokens;
  for (const char* stop : {"<|im_end|>", "<|endoftext|>"}) {
    if (const auto id = tokenizer_.token_id(stop)) tokens.push_back(*id);
  }
  return tokens;
}

model::GenerateOptions LoadedModel::generate_options(const GenerationRequest& request,
                                                     DefaultSampling choosing) const {
  const checkpoint::GenerationDefaults& defaults = checkpoint_.generation();
  model::GenerateOptions options;
  options.sampling = sampler_options(defaults, request, choosing);
  if (!request.ignore_stop) options.stop_tokens = stop_tokens();
  const int64_t usual = opens_thinking() ? kThinkingTokens
                        : choosing == DefaultSampling::kGreedy
                            ? kLocateTokens
                            : defaults.max_new_tokens.value_or(kDescribeTokens);
  options.max_new_tokens = request.max_new_tokens.value_or(usual);
  return options;
}

guided::JsonConstraint LoadedModel::constraint(std::shared_ptr<const guided::AnswerForm> form,
                                               std::span<const int32_t> stop_tokens) {
  return guided::JsonConstraint(std::move(form), token_order(), tokenizer_, stop_tokens,
                                thoughts_end());
}

const guided::TokenOrder& LoadedModel::token_order() {
  if (!token_order_) token_order_.emplace(tokenizer_);
  return *token_order_;
}

std::optional<int32_t> LoadedModel::thoughts_end() const {
  return opens_thinking() ? tokenizer_.token_id("</think>") : std::nullopt;
}

int64_t LoadedModel::context_of(const GenerationRequest& request) const {
  const int64_t most = checkpoint_.config().text.max_position_embeddings;
  const int64_t asked = request.max_context.value_or(most);
  if (asked > most) {
    throw Error(
        ErrorCode::kUsage,
        "plan request: a context of {} tokens is asked for, the model has {}"_text(asked, most),
        "ask for a smaller context, or leave it out"_text);
  }
  return asked;
}

}  // namespace shijian::engine
