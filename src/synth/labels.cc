#include "synth/labels.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "synth/shapes.h"
#include "synth/world.h"

namespace shijian::synth {
namespace {

constexpr int kSamples = 8;  // points along each side of a rectangle

bool covers(const Object& object, double x, double y) {
  if (object.identity.type != ObjectType::kShape) return std::abs(x) <= 1 && std::abs(y) <= 1;
  const int shape = object.identity.value;
  return inside_shape(
      shape == static_cast<int>(Shape::kRing) ? static_cast<int>(Shape::kCircle) : shape, x, y);
}

// What a slot's first (0) or second (1) frame shows, 0 to 15, in its half of a byte.
uint8_t pair(int half, int value) {
  CHECK(value < 16, "{}", value);
  return static_cast<uint8_t>(value << (4 * half));
}

}  // namespace

std::vector<uint8_t> make_labels(const Script& script, const std::vector<double>& times,
                                 const LabelGrid& grid) {
  CHECK(grid.slots == static_cast<int>(times.size() + 1) / 2, "{} slots for {} frames", grid.slots,
        times.size());
  const size_t cells = static_cast<size_t>(grid.rows) * grid.columns;
  const int objects = static_cast<int>(script.objects.size());
  std::vector<uint8_t> labels(grid.slots * cells * 4);
  std::vector<int> counts(cells * objects);  // sample points, [cells, objects]
  std::vector<uint8_t> colours(objects);     // 1 + colour in each of the two frames, 0 unseen
  const double unit = script.short_side() / 1000.0;
  const double step_x = script.width / unit / grid.columns / kSamples;
  const double step_y = script.height / unit / grid.rows / kSamples;
  for (int slot = 0; slot < grid.slots; ++slot) {
    std::fill(counts.begin(), counts.end(), 0);
    std::fill(colours.begin(), colours.end(), uint8_t{0});
    uint8_t scenes = 0;
    for (int half = 0; half < 2; ++half) {
      const double ms = times[std::min<size_t>(2 * slot + half, times.size() - 1)] * 1000;
      scenes |= pair(half, 1 + scene_at(script, ms));
      std::vector<std::optional<Placement>> places(objects);
      for (int i = 0; i < objects; ++i) {
        places[i] = placement_at(script.objects[i], ms);
        if (places[i]) colours[i] |= pair(half, 1 + places[i]->colour);
      }
      for (int i = 0; i < objects; ++i) {
        if (!places[i]) continue;
        const Object& object = script.objects[i];
        const int first_x =
            std::max(0, static_cast<int>((places[i]->x - object.half_width) / step_x) - 1);
        const int first_y =
            std::max(0, static_cast<int>((places[i]->y - object.half_height) / step_y) - 1);
        const int last_x =
            std::min(grid.columns * kSamples - 1,
                     static_cast<int>((places[i]->x + object.half_width) / step_x) + 1);
        const int last_y =
            std::min(grid.rows * kSamples - 1,
                     static_cast<int>((places[i]->y + object.half_height) / step_y) + 1);
        for (int y = first_y; y <= last_y; ++y) {
          const double dy = ((y + 0.5) * step_y - places[i]->y) / object.half_height;
          for (int x = first_x; x <= last_x; ++x) {
            const double dx = ((x + 0.5) * step_x - places[i]->x) / object.half_width;
            if (!covers(object, dx, dy)) continue;
            ++counts[(static_cast<size_t>(y / kSamples) * grid.columns + x / kSamples) * objects +
                     i];
          }
        }
      }
    }
    for (size_t cell = 0; cell < cells; ++cell) {
      const int* count = counts.data() + cell * objects;
      const int best = static_cast<int>(std::max_element(count, count + objects) - count);
      uint8_t* label = labels.data() + (slot * cells + cell) * 4;
      label[2] = scenes;
      if (objects == 0 || count[best] == 0) continue;
      label[0] = static_cast<uint8_t>(1 + best);
      label[1] = colours[best];
      label[3] = static_cast<uint8_t>(count[best] * 255 / (2 * kSamples * kSamples));
    }
  }
  return labels;
}

}  // namespace shijian::synth
