// Model in memory and what depends on it alone: tokens of a prompt, sampling of an answer, context
// length. Caches and requests are defined in other files.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/threads.h"
#include "checkpoint/checkpoint.h"
#include "engine/conversation.h"
#include "engine/engine.h"
#include "engine/media.h"
#include "engine/slot_keys.h"
#include "engine/vision_stage.h"
#include "grounding/calibration.h"
#include "grounding/prompt.h"
#include "guided/json_constraint.h"
#include "model/decoder.h"
#include "model/generate.h"
#include "model/vision_encoder.h"
#include "model/weights.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace shijian::engine {

// Whether an answer is the likeliest one unless a request says otherwise, or is drawn as the
// checkpoint says.
enum class DefaultSampling { kGreedy, kCheckpoint };

// Owns the parts of a loaded checkpoint; not movable, since they refer to each other. constraint(),
// token_order() and loops on pool() are for one thread at a time; everything else is thread-safe.
class LoadedModel {
 public:
  // Of `options` all but the cache. Throws the errors of Checkpoint::open, Tokenizer::open,
  // ChatTemplate::open, bind_weights, read_model_profile and
  // read_calibration.
  explicit LoadedModel(const EngineOptions& options);
  LoadedModel(const LoadedModel&) = delete;
  LoadedModel& operator=(const LoadedModel&) = delete;

  const std::string& name() const { return name_; }  // the directory's
  Reference reference() const { return media_settings_.reference; }
  ThreadPool& pool() { return pool_; }
  const checkpoint::Checkpoint& checkpoint() const { return checkpoint_; }
  const text::Tokenizer& tokenizer() const { return tokenizer_; }
  model::Decoder& decoder() { return decoder_; }
  const MediaSettings& media_settings() const { return media_settings_; }
  grounding::PromptStyle prompt_style() const { return prompt_style_; }
  const std::optional<grounding::Calibration>& calibration() const { return calibration_; }
  // The heads to read, within the decoder; none where nobody chose any.
  const grounding::ReadoutHeads& readout() const { return readout_; }
  const VisionStage& vision_stage() const { return vision_stage_; }
  bool opens_thinking() const { return chat_.opens_thinking(); }  // answers begin inside <think>
  int64_t patch_width() const { return vision_.patch_width(); }   // values of a patch
  int64_t merge() const { return checkpoint_.config().vision.spatial_merge_size; }
  int threads() const { return pool_.size(); }

  // The rendered chat, its visual blocks named by what they show. `keys`: [media].
  // Throws the errors of ChatTemplate::render and build_tokens.
  TokenSequence tokens(const std::vector<text::Message>& messages,
                       const std::vector<std::string>& tools, std::span<const Media> media,
                       std::span<const SlotKeys> keys) const;

  // What the request leaves open comes from generation_config.json or, for the likeliest answer,
  // from nothing.
  model::GenerateOptions generate_options(const GenerationRequest& request,
                                          DefaultSampling choosing) const;

  // Keeps the answer of one generation, thoughts apart, to `form`. The model outlives it. Throws
  // the errors of JsonConstraint.
  guided::JsonConstraint constraint(std::shared_ptr<const guided::AnswerForm> form,
                                    std::span<const int32_t> stop_tokens);

  const guided::TokenOrder& token_order();
  // The token that an answer follows, where it begins inside <think>.
  std::optional<int32_t> thoughts_end() const;

  // Tokens of prompt and answer together, at most. Error(kUsage) when the request asks for a larger
  // context than the model has.
  int64_t context_of(const GenerationRequest& request) const;

 private:
  std::vector<int32_t> stop_tokens() const;

  std::string name_;
  ThreadPool pool_;
  checkpoint::Checkpoint checkpoint_;
  text::Tokenizer tokenizer_;
  text::ChatTemplate chat_;
  model::ModelWeights weights_;
  model::VisionEncoder vision_;
  model::Decoder decoder_;
  MediaSettings media_settings_;
  grounding::PromptStyle prompt_style_;
  std::optional<grounding::Calibration> calibration_;
  grounding::ReadoutHeads readout_;
  VisionStage vision_stage_;
  std::optional<guided::TokenOrder> token_order_;  // made when it is first needed
};

}  // namespace shijian::engine
