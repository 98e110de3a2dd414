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
  const video::PatchGeometry g = media.is_image ? settings.image_geometry() : settings.video_geometry();
  return fmt::format(
      "{} reference {} grid {}x{} patch {} temporal {} merge {} mean {} std {} by {}",
      media.is_image ? "image" : "video", settings.reference == Reference::k5 ? 5 : 4,
      media.grid_height, media.grid_width, g.patch, g.temporal, g.merge, g.mean, g.std, g.rescale);
}

}  // namespace

SlotKeys slot_keys(const Media& media, const MediaSettings& settings, const std::string& content) {
  const std::string base =
      fmt::format("slot 1 {} stream {} pixels {} {}", content, media.video.stream, video::pixel_version(),
                  pixel_settings(media, settings));
  SlotKeys keys;
  if (media.is_image) {
    keys.slots = {hash_of(base)};
    keys.lattice = base;
    return keys;
  }
  const video::FramePlan& plan = media.plan;
  const int64_t temporal = settings.video_geometry().temporal;
  const auto n = static_cast<int64_t>(plan.indices.size());
  for (int64_t slot = 0; slot < media.slots; ++slot) {
    std::string name = base;
    for (int64_t i = slot * temporal; i < std::min(n, (slot + 1) * temporal); ++i) {
      name += fmt::format(" {} {:a}", plan.indices[i], media.video.frame_time(plan.indices[i]));
    }
    keys.slots.push_back(hash_of(name));
  }
  keys.last_repeats = n % temporal != 0;
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
