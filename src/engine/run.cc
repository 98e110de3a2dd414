#include "engine/run.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "base/error.h"
#include "model/memory.h"

namespace shijian::engine {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

int64_t longest_of(std::span<const TokenSequence> prompts) {
  int64_t longest = 0;
  for (const TokenSequence& prompt : prompts) {
    longest = std::max(longest, static_cast<int64_t>(prompt.ids.size()));
  }
  return longest;
}

void check_context(const LoadedModel& model, int64_t prompt, int64_t answer,
                   const GenerationRequest& request) {
  const int64_t context = model.context_of(request);
  if (prompt + answer <= context) return;
  if (context < model.checkpoint().config().text.max_position_embeddings) {
    throw Error(ErrorCode::kUsage,
                "plan request: the prompt has {} tokens and the answer may have {}, together over "
                "the context of {}"_text(prompt, answer, context),
                "use less text, fewer or smaller frames, a shorter part or answer, or a larger "
                "context"_text);
  }
  throw Error(ErrorCode::kUsage,
              "plan request: the prompt has {} tokens and the answer may have {}, together over "
              "the model's context of {}"_text(prompt, answer, context),
              "use less text, fewer or smaller frames, a shorter part or answer"_text);
}

model::RequestSize size_of(const LoadedModel& model, std::span<const Media> media,
                           int64_t context_tokens) {
  model::RequestSize size;
  size.context_tokens = context_tokens;
  for (const Media& m : media) {
    size.visual_tokens += m.slots * m.slot_patches() / (model.merge() * model.merge());
    size.largest_slot = std::max(size.largest_slot, m.slot_patches());
    // The 8-bit frames, and in F32 the patches of a piece of them.
    const int64_t slot_values = m.slot_patches() * model.patch_width();
    const int64_t piece =
        VisionStage::piece_slots(model.checkpoint().config().vision, m.slot_patches());
    size.patch_bytes += m.slots * slot_values + std::min(m.slots, piece) * slot_values * 4;
  }
  return size;
}

// The slots of each medium that the session has to read for these prompts.
std::vector<std::set<int64_t>> wanted_slots(std::span<const TokenSequence> prompts,
                                            const Session& session, size_t media) {
  // What all of them share with the session, each shares with the one before it too.
  int64_t known = kNoLimit;
  for (const TokenSequence& prompt : prompts) known = std::min(known, session.known(prompt));
  std::vector<std::set<int64_t>> wanted(media);
  for (const TokenSequence& prompt : prompts) {
    for (const PlacedBlock& placed : prompt.blocks) {
      if (placed.block.first >= known) wanted[placed.media].insert(placed.slot());
    }
  }
  return wanted;
}

}  // namespace

Session open_session(EngineState& state, const PlannedMedia& planned,
                     std::span<const TokenSequence> prompts, const model::GenerateOptions& options,
                     const GenerationRequest& request) {
  LoadedModel& model = state.model;
  PrefixCache& prefixes = state.caches.prefixes();
  const int64_t longest = longest_of(prompts);
  check_context(model, longest, options.max_new_tokens, request);
  const int64_t capacity = longest + options.max_new_tokens;
  const checkpoint::ModelConfig& config = model.checkpoint().config();
  const model::RequestSize size = size_of(model, planned.media, capacity);
  // Kept prefixes make room where need be.
  const int64_t free = model::available_memory();
  model::check_request(config, size, static_cast<int64_t>(model.checkpoint().tensor_bytes()),
                       free + std::min(kNoLimit - free, prefixes.bytes()));
  if (!planned.kept) {
    return Session(model.decoder(), model.tokenizer(), {model.decoder().make_cache(capacity), {}},
                   nullptr);
  }
  const int64_t bytes = model::memory_need(config, size).total();
  return Session(model.decoder(), model.tokenizer(),
                 prefixes.take(prompts.front(), capacity, bytes), &prefixes);
}

MediaFeatures read_media(EngineState& state, PlannedMedia& planned,
                         std::span<const TokenSequence> prompts, Session& session, bool keep_frames,
                         const RunHooks& hooks) {
  const std::vector<std::set<int64_t>> wanted =
      wanted_slots(prompts, session, planned.media.size());
  MediaFeatures read;
  for (size_t i = 0; i < planned.media.size(); ++i) {
    Media& m = planned.media[i];
    VisionJob job{m, i, planned.keys[i], {wanted[i].begin(), wanted[i].end()}, keep_frames};
    job.state = planned.states[i];
    if (planned.kept) job.cache = state.caches.features();
    VisionOutcome outcome = state.model.vision_stage().run(job, hooks, read.costs.timing);
    if (!outcome.features_valid) session.forget();
    planned.damaged = planned.damaged || m.video.damaged || !outcome.features_valid;
    read.costs.reuse.encoded_slots += outcome.encoded;
    read.costs.reuse.slots += m.slots - outcome.encoded;
    read.features.push_back(std::move(outcome.features));
  }
  return read;
}

}  // namespace shijian::engine
