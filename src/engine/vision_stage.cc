#include "engine/vision_stage.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "cache/content_hashes.h"
#include "engine/seconds.h"

namespace shijian::engine {
namespace {

// Slots are encoded and stored in pieces, so that a run that ends early has not worked in vain. A
// piece has at least this many patches, enough to keep the encoder busy.
constexpr int64_t kPiecePatches = 4096;

// The rows of a slot, from row `first` of one tensor to row `at` of another.
void copy_rows(const tensor::Tensor& from, int64_t first, int64_t rows, tensor::Tensor& to,
               int64_t at) {
  const int64_t width = to.dim(1);
  std::memcpy(to.data<float>() + at * width, from.data<float>() + first * width,
              static_cast<size_t>(rows * width) * sizeof(float));
}

// Slots by what they show: the first of each name, and for the others which one that is.
struct DistinctSlots {
  std::vector<int64_t> first;                         // ascending
  std::vector<std::pair<int64_t, int64_t>> repeated;  // slot, the first of its name
};

DistinctSlots distinct(const SlotKeys& keys, std::span<const int64_t> slots) {
  DistinctSlots result;
  std::unordered_map<std::string_view, int64_t> seen;
  for (const int64_t slot : slots) {
    const auto [found, is_new] = seen.emplace(keys.slots[slot], slot);
    if (is_new) {
      result.first.push_back(slot);
    } else {
      result.repeated.emplace_back(slot, found->second);
    }
  }
  return result;
}

// Room for features: `rows` rows of each tensor.
model::VisionFeatures make_features(const checkpoint::VisionConfig& config, int64_t rows) {
  const tensor::Shape shape = {rows, config.out_hidden_size};
  model::VisionFeatures features;
  features.embeddings = tensor::Tensor(tensor::DType::kF32, shape);
  for (size_t k = 0; k < config.deepstack_visual_indexes.size(); ++k) {
    features.deepstack.emplace_back(tensor::DType::kF32, shape);
  }
  return features;
}

// `rows` rows of each tensor, as copy_rows.
void copy_features(const model::VisionFeatures& from, int64_t first, int64_t rows,
                   model::VisionFeatures& to, int64_t at) {
  copy_rows(from.embeddings, first, rows, to.embeddings, at);
  for (size_t k = 0; k < from.deepstack.size(); ++k) {
    copy_rows(from.deepstack[k], first, rows, to.deepstack[k], at);
  }
}

}  // namespace

VisionStage::VisionStage(const checkpoint::VisionConfig& config,
                         const model::VisionEncoder& encoder, const MediaSettings& settings,
                         ThreadPool& pool)
    : config_(config), encoder_(encoder), settings_(settings), pool_(pool) {}

int64_t VisionStage::piece_slots(const checkpoint::VisionConfig& config, int64_t slot_patches) {
  const int64_t tokens = slot_patches / (config.spatial_merge_size * config.spatial_merge_size);
  const auto tensors = static_cast<int64_t>(config.deepstack_visual_indexes.size()) + 1;
  // Pieces end where chunks end: both are powers of two.
  int64_t slots = FeatureCache::places(tokens * tensors * config.out_hidden_size);
  while (slots * slot_patches < kPiecePatches) slots *= 2;
  return slots;
}

VisionOutcome VisionStage::run(const VisionJob& job, const RunHooks& hooks,
                               grounding::Timing& timing) const {
  Media& m = job.media;
  const auto start = Clock::now();
  VisionOutcome outcome;
  // A picture that stays on screen for long is encoded once.
  const DistinctSlots slots = distinct(job.keys, job.slots);
  std::vector<int64_t> missing = slots.first;
  const int64_t tokens = slot_tokens(m);
  if (!missing.empty()) {
    outcome.features = make_features(config_, m.slots * tokens);
    if (job.cache != nullptr) {
      missing = job.cache->load(job.keys, missing, tokens, outcome.features);
    }
  }
  const auto looked_up = Clock::now();
  std::vector<int64_t> every(static_cast<size_t>(m.slots));
  std::iota(every.begin(), every.end(), 0);
  const std::vector<int64_t>& loaded = job.all_frames ? every : missing;
  if (!loaded.empty()) load(job, loaded, hooks);
  if (!missing.empty()) {
    const bool changed = !job.state.empty() && cache::file_state(m.path) != job.state;
    outcome.features_valid = !m.frames.damaged && !changed;
  }
  const auto decoded = Clock::now();
  if (!missing.empty()) encode(job, missing, hooks, outcome);
  for (const auto& [slot, same] : slots.repeated) {
    copy_features(outcome.features, same * tokens, tokens, outcome.features, slot * tokens);
  }
  m.patches = tensor::Tensor();
  if (!job.all_frames) m.frames = video::Frames();
  timing.decode += seconds_between(looked_up, decoded);
  timing.vision += seconds_between(start, looked_up) + seconds_since(decoded);
  return outcome;
}

void VisionStage::load(const VisionJob& job, std::span<const int64_t> slots,
                       const RunHooks& hooks) const {
  Media& m = job.media;
  const Overrides* given = hooks.overrides;
  const bool frames_given = given != nullptr && given->frames.contains(job.index);
  if (frames_given) {
    load_media_from(m, *given->frames.at(job.index), settings_, pool_);
  } else {
    video::DecodeProgress decoding;
    if (hooks.progress) {
      decoding = [&](int64_t done, int64_t total) {
        hooks.progress({"decoding", done, total, {}});
      };
    }
    load_slots(m, slots, settings_, pool_, hooks.cancel, decoding);
  }
  if (hooks.stages == nullptr) return;
  const std::string suffix = fmt::format(".{}", job.index);
  if (!frames_given) {
    hooks.stages->set("frames" + suffix, source_frames(m, pool_, hooks.cancel));
  }
  hooks.stages->set_ints("frame_indices" + suffix, m.frames.indices);
  hooks.stages->set_doubles("frame_times" + suffix, m.frames.times);
  tensor::Tensor storage;
  const auto loaded = static_cast<int64_t>(frames_given ? m.slots : slots.size());
  hooks.stages->add_rows("pixel_values" + suffix,
                         cut_patches(m, 0, loaded, settings_, pool_, storage));
}

model::VisionFeatures VisionStage::encode_piece(const VisionJob& job, int64_t first, int64_t slots,
                                                const RunHooks& hooks,
                                                const model::EncodeOptions& options) const {
  const Media& m = job.media;
  const model::PatchGrid grid{slots, m.grid_height, m.grid_width};
  const Overrides* given = hooks.overrides;
  if (given != nullptr && given->pixels.contains(job.index)) {
    const tensor::Tensor& pixels = *given->pixels.at(job.index);
    const float* from = pixels.data<float>() + first * m.slot_patches() * pixels.dim(1);
    return encoder_.encode({from, grid.patches(), pixels.dim(1)}, {&grid, 1}, options);
  }
  tensor::Tensor storage;
  return encoder_.encode(cut_patches(m, first, slots, settings_, pool_, storage), {&grid, 1},
                         options);
}

void VisionStage::encode(const VisionJob& job, std::span<const int64_t> missing,
                         const RunHooks& hooks, VisionOutcome& outcome) const {
  const int64_t tokens = slot_tokens(job.media);
  const int64_t stretch = piece_slots(config_, job.media.slot_patches());
  const auto total = static_cast<int64_t>(missing.size());
  // Patches lie in the order of the slots that were loaded.
  const auto place = [&](int64_t i) { return job.all_frames ? missing[i] : i; };
  const auto piece_of = [&](int64_t i) { return (job.keys.first + missing[i]) / stretch; };

  model::EncodeOptions options;
  options.cancel = hooks.cancel;
  options.stages = hooks.stages;
  for (int64_t first = 0; first < total;) {
    int64_t last = first + 1;
    while (last < total && place(last) == place(last - 1) + 1 && piece_of(last) == piece_of(first))
      ++last;
    if (hooks.progress) {
      options.progress = [&](int64_t done, int64_t) {
        hooks.progress({"encoding", first + done, total, {}});
      };
    }
    const model::VisionFeatures piece =
        encode_piece(job, place(first), last - first, hooks, options);
    for (int64_t i = first; i < last; ++i) {
      copy_features(piece, (i - first) * tokens, tokens, outcome.features, missing[i] * tokens);
    }
    outcome.encoded += last - first;
    if (job.cache != nullptr && outcome.features_valid) {
      job.cache->store(job.keys, missing.subspan(first, last - first), tokens, outcome.features);
    }
    first = last;
  }
}

int64_t VisionStage::slot_tokens(const Media& media) const {
  return encoder_.merged({1, media.grid_height, media.grid_width}).tokens();
}

}  // namespace shijian::engine
