#include "engine/vision_stage.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "cache/content_hashes.h"

namespace shijian::engine {
namespace {

using Clock = std::chrono::steady_clock;

// Slots are encoded and stored in pieces, so that a run that ends early has not worked in vain. A
// piece has at least this many patches, enough to keep the encoder busy.
constexpr int64_t kPiecePatches = 4096;

double seconds_between(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

// The rows of a slot, from row `first` of one tensor to row `at` of another.
void copy_rows(const tensor::Tensor& from, int64_t first, int64_t rows, tensor::Tensor& to, int64_t at) {
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

}  // namespace

VisionStage::VisionStage(const checkpoint::VisionConfig& config, const model::VisionEncoder& encoder,
                         const MediaSettings& settings, ThreadPool& pool)
    : config_(config), encoder_(encoder), settings_(settings), pool_(pool) {}

int64_t VisionStage::piece_slots(const checkpoint::VisionConfig& config, int64_t slot_patches) {
  const int64_t tokens = slot_patches / (config.spatial_merge_size * config.spatial_merge_size);
  const auto tensors = static_cast<int64_t>(config.deepstack_visual_indexes.size()) + 1;
  // Pieces end where chunks end: both are powers of two.
  int64_t slots = FeatureCache::places(tokens * tensors * config.out_hidden_size);
  while (slots * slot_patches < kPiecePatches) slots *= 2;
  return slots;
}

VisionOutcome VisionStage::run(const VisionJob& job, const RunHooks& hooks, grounding::Timing& timing) const {
  Media& m = job.media;
  const auto start = Clock::now();
  VisionOutcome outcome;
  // A picture that stays on screen for long is encoded once.
  const DistinctSlots slots = distinct(job.keys, job.slots);
  std::vector<int64_t> missing = slots.first;
  const int64_t tokens = encoder_.merged({1, m.grid_height, m.grid_width}).tokens();
  if (!missing.empty()) {
    const tensor::Shape shape = {m.slots * tokens, config_.out_hidden_size};
    outcome.features.embeddings = tensor::Tensor(tensor::DType::kF32, shape);
    for (size_t k = 0; k < config_.deepstack_visual_indexes.size(); ++k) {
      outcome.features.deepstack.emplace_back(tensor::DType::kF32, shape);
    }
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
    outcome.sound = m.frames.notes.empty() && !changed;
  }
  const auto decoded = Clock::now();
  if (!missing.empty()) encode(job, missing, hooks, outcome);
  const auto repeat = [&](tensor::Tensor& features) {
    for (const auto& [slot, same] : slots.repeated) {
      copy_rows(features, same * tokens, tokens, features, slot * tokens);
    }
  };
  repeat(outcome.features.embeddings);
  for (tensor::Tensor& tensor : outcome.features.deepstack) repeat(tensor);
  m.patches = tensor::Tensor();
  if (!job.all_frames) m.frames = video::Frames();
  timing.decode += seconds_between(looked_up, decoded);
  timing.vision += seconds_between(start, looked_up) + seconds_between(decoded, Clock::now());
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

void VisionStage::encode(const VisionJob& job, std::span<const int64_t> missing,
                         const RunHooks& hooks, VisionOutcome& outcome) const {
  const Media& m = job.media;
  const Overrides* given = hooks.overrides;
  const tensor::Tensor* pixels =
      given != nullptr && given->pixels.contains(job.index) ? given->pixels.at(job.index) : nullptr;
  const int64_t slot_patches = m.slot_patches();
  const int64_t tokens = encoder_.merged({1, m.grid_height, m.grid_width}).tokens();
  const int64_t stretch = piece_slots(config_, slot_patches);
  const auto total = static_cast<int64_t>(missing.size());
  // Patches lie in the order of the slots that were loaded.
  const auto place = [&](int64_t i) { return job.all_frames ? missing[i] : i; };

  model::EncodeOptions options;
  options.cancel = hooks.cancel;
  options.stages = hooks.stages;
  for (int64_t first = 0; first < total;) {
    int64_t last = first + 1;
    while (last < total && place(last) == place(last - 1) + 1 &&
           (job.keys.first + missing[last]) / stretch ==
               (job.keys.first + missing[first]) / stretch) {
      ++last;
    }
    if (hooks.progress) {
      options.progress = [&](int64_t done, int64_t) {
        hooks.progress({"encoding", first + done, total, {}});
      };
    }
    const model::PatchGrid grid{last - first, m.grid_height, m.grid_width};
    tensor::Tensor storage;
    const tensor::ConstMatrix patches =
        pixels == nullptr
            ? cut_patches(m, place(first), last - first, settings_, pool_, storage)
            : tensor::ConstMatrix{pixels->data<float>() + place(first) * slot_patches * pixels->dim(1),
                          grid.patches(), pixels->dim(1)};
    const model::VisionFeatures piece = encoder_.encode(patches, {&grid, 1}, options);
    for (int64_t i = first; i < last; ++i) {
      const int64_t from = (i - first) * tokens;
      const int64_t at = missing[i] * tokens;
      copy_rows(piece.embeddings, from, tokens, outcome.features.embeddings, at);
      for (size_t k = 0; k < piece.deepstack.size(); ++k) {
        copy_rows(piece.deepstack[k], from, tokens, outcome.features.deepstack[k], at);
      }
    }
    outcome.encoded += last - first;
    if (job.cache != nullptr && outcome.sound) {
      job.cache->store(job.keys, missing.subspan(first, last - first), tokens, outcome.features);
    }
    first = last;
  }
}

}  // namespace shijian::engine
