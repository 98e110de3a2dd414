#include "engine/slot_keys.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "base/hash.h"
#include "video/pixel_version.h"

namespace shijian::engine {
namespace {

constexpr double kTicks = 1e6;  // of a second, on the lattice of a variable rate

std::string hash_of(const std::string& text) {
  return content_hash(std::as_bytes(std::span(text)));
}

// Everything but the frames themselves that shapes the pixels of a slot.
std::string pixel_settings(const Media& media, const MediaSettings& settings) {
  const video::PatchGeometry g =
      media.is_image ? settings.image_geometry() : settings.video_geometry();
  return fmt::format(
      "{} reference {} grid {}x{} patch {} temporal {} merge {} mean {} std {} by {}",
      media.is_image ? "image" : "video", settings.reference == Reference::k5 ? 5 : 4,
      media.grid_height, media.grid_width, g.patch, g.temporal, g.merge, g.mean, g.std, g.rescale);
}

// Of each slot of a video: `base`, and the numbers and times of its frames.
std::vector<std::string> slot_names(const Media& media, int64_t temporal, const std::string& base) {
  const video::FramePlan& plan = media.plan;
  const auto n = static_cast<int64_t>(plan.indices.size());
  std::vector<std::string> names;
  for (int64_t slot = 0; slot < media.slots; ++slot) {
    std::string name = base;
    for (int64_t i = slot * temporal; i < std::min(n, (slot + 1) * temporal); ++i) {
      name += fmt::format(" {} {:a}", plan.indices[i], media.video.frame_time(plan.indices[i]));
    }
    names.push_back(hash_of(name));
  }
  return names;
}

// Sets the lattice of a video's sampling and the place of its first slot there.
void place_on_lattice(const Media& media, int64_t temporal, const std::string& base,
                      SlotKeys& keys) {
  const video::FramePlan& plan = media.plan;
  if (!plan.spans.empty()) {
    // No even step: who asks for the same frames finds them again.
    keys.lattice = fmt::format("{} frames {}", base, fmt::join(plan.indices, " "));
    return;
  }
  const auto n = static_cast<int64_t>(plan.indices.size());
  const bool in_time = media.video.variable_rate;
  const auto place = [&](size_t i) {
    return in_time ? std::llround(plan.times[i] * kTicks) : plan.indices[i];
  };
  // A step of moments is rounded to a tick, as their places are.
  const int64_t first = place(0);
  int64_t p = in_time && n > 1 ? place(1) - first : place(plan.indices.size() - 1) - first;
  int64_t q = in_time ? 1 : std::max<int64_t>(1, n - 1);
  int64_t phase = first;
  if (p > 0) {
    const int64_t common = std::gcd(p, q);
    p /= common;
    q /= common;
    keys.first = first * q / (temporal * p);
    phase = first * q % (temporal * p);
  }
  keys.lattice =
      fmt::format("{} {} {}/{} phase {}", base, in_time ? "moments" : "step", p, q, phase);
}

}  // namespace

SlotKeys slot_keys(const Media& media, const MediaSettings& settings, const std::string& content) {
  const std::string base =
      fmt::format("slot 1 {} stream {} pixels {} {}", content, media.video.stream,
                  video::pixel_version(), pixel_settings(media, settings));
  SlotKeys keys;
  if (media.is_image) {
    keys.slots = {hash_of(base)};
    keys.lattice = base;
    return keys;
  }
  const int64_t temporal = settings.video_geometry().temporal;
  keys.slots = slot_names(media, temporal, base);
  keys.last_repeats = static_cast<int64_t>(media.plan.indices.size()) % temporal != 0;
  place_on_lattice(media, temporal, base, keys);
  return keys;
}

SlotKeys local_slot_keys(const Media& media, size_t index) {
  SlotKeys keys;
  for (int64_t slot = 0; slot < media.slots; ++slot) {
    keys.slots.push_back(fmt::format("{}/{}", index, slot));
  }
  return keys;
}

}  // namespace shijian::engine
