#include "model/packed_kv.h"

#include <algorithm>
#include <bit>

#include "base/error.h"

namespace shijian::model {
namespace {

constexpr int64_t kGroup = 32;
constexpr int64_t kGrain = 64;  // rows
constexpr float kMost = 127;
// A smaller group is zero: the inverse of its scale would not be finite.
constexpr float kLeastMagnitude = 1e-30f;
// Added to a small float, it leaves the nearest integer in the lowest bits.
constexpr float kRounder = 12582912;  // 1.5 * 2^23

int64_t groups_of(int64_t width) { return (width + kGroup - 1) / kGroup; }

// Loops over bits, which compilers turn into vectors where they must not for floats.
float pack_group(const float* from, int64_t count, int8_t* codes) {
  uint32_t top = 0;
  for (int64_t i = 0; i < count; ++i) {
    top = std::max(top, std::bit_cast<uint32_t>(from[i]) & 0x7fffffffu);
  }
  const float magnitude = std::bit_cast<float>(top);
  const bool zero = magnitude < kLeastMagnitude;
  const float inverse = zero ? 0 : kMost / magnitude;
  for (int64_t i = 0; i < count; ++i) {
    codes[i] = static_cast<int8_t>(std::bit_cast<int32_t>(from[i] * inverse + kRounder));
  }
  return zero ? 0 : magnitude / kMost;
}

void unpack_group(const int8_t* codes, int64_t count, float scale, float* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(codes[i]) * scale;
}

}  // namespace

// Calls body(values, count, codes, scale) for every group of the first `tokens` tokens.
template <typename Body>
void PackedKv::each_group(ThreadPool& pool, int64_t tokens, KvCache& cache,
                          const Body& body) const {
  for (int64_t plane = 0; plane < planes_; ++plane) {
    const tensor::Matrix rows = cache.plane(plane, 0, tokens);
    pool.parallel_for(tokens, kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        int8_t* codes = codes_.get() + (plane * length_ + row) * width_;
        float* scales = scales_.get() + (plane * length_ + row) * groups_;
        for (int64_t group = 0; group < groups_; ++group) {
          const int64_t first = group * kGroup;
          body(rows.row(row) + first, std::min(kGroup, width_ - first), codes + first,
               scales[group]);
        }
      }
    });
  }
}

PackedKv::PackedKv(ThreadPool& pool, KvCache& from)
    : planes_(from.planes()),
      width_(from.width()),
      groups_(groups_of(width_)),
      length_(from.length()),
      codes_(std::make_unique_for_overwrite<int8_t[]>(
          static_cast<size_t>(planes_ * length_ * width_))),
      scales_(std::make_unique_for_overwrite<float[]>(
          static_cast<size_t>(planes_ * length_ * groups_))) {
  each_group(pool, length_, from, [](float* values, int64_t count, int8_t* codes, float& scale) {
    scale = pack_group(values, count, codes);
  });
}

void PackedKv::unpack(ThreadPool& pool, int64_t tokens, KvCache& to) const {
  CHECK(tokens >= 0 && tokens <= length_ && to.length() == 0 && to.planes() == planes_ &&
            to.width() == width_,
        "{} of {} tokens", tokens, length_);
  each_group(pool, tokens, to, [](float* values, int64_t count, const int8_t* codes, float scale) {
    unpack_group(codes, count, scale, values);
  });
  to.extend(tokens);
}

int64_t PackedKv::bytes_for(int64_t layers, int64_t width, int64_t tokens) {
  return layers * 2 * tokens * (width + groups_of(width) * static_cast<int64_t>(sizeof(float)));
}

}  // namespace shijian::model
