#include "model/kv_cache.h"

#include <sys/mman.h>

#include <utility>

#include "base/error.h"

namespace shijian::model {

namespace {
constexpr int64_t kPageFloats = 4096 / sizeof(float);
constexpr int64_t kMaxBytes = int64_t{1} << 46;  // x86-64 user space is 2^47 bytes
}  // namespace

KvCache::KvCache(int64_t layers, int64_t width, int64_t capacity)
    : layers_(layers), width_(width), capacity_(capacity) {
  int64_t floats = 0;
  int64_t bytes = 0;
  if (layers < 1 || width < 1 || capacity < 1 || __builtin_mul_overflow(width, capacity, &floats) ||
      floats > kMaxBytes || __builtin_mul_overflow((floats + kPageFloats) * 8, layers, &bytes) ||
      bytes > kMaxBytes)
    throw Error(ErrorCode::kUsage,
                "reserve key/value cache: {} layers of width {} for {} tokens"_text(layers, width,
                                                                                    capacity),
                "ask for a shorter context"_text);
  plane_stride_ = (floats + kPageFloats - 1) / kPageFloats * kPageFloats;
  bytes = plane_stride_ * 2 * layers * static_cast<int64_t>(sizeof(float));
  void* memory = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    throw Error(
        ErrorCode::kNoMemory,
        "reserve key/value cache: {} bytes of address space for {} tokens"_text(bytes, capacity),
        "ask for a shorter context or raise the limit on virtual memory"_text);
  data_ = static_cast<float*>(memory);
}

KvCache::~KvCache() { release(); }

KvCache::KvCache(KvCache&& other) noexcept { *this = std::move(other); }

KvCache& KvCache::operator=(KvCache&& other) noexcept {
  if (this != &other) {
    release();
    data_ = std::exchange(other.data_, nullptr);
    layers_ = std::exchange(other.layers_, 0);
    width_ = std::exchange(other.width_, 0);
    capacity_ = std::exchange(other.capacity_, 0);
    length_ = std::exchange(other.length_, 0);
    plane_stride_ = std::exchange(other.plane_stride_, 0);
  }
  return *this;
}

void KvCache::release() {
  if (data_) munmap(data_, static_cast<size_t>(plane_stride_ * planes()) * sizeof(float));
}

tensor::Matrix KvCache::plane(int64_t plane, int64_t first, int64_t rows) {
  CHECK(plane >= 0 && plane < planes() && first >= 0 && rows >= 0 && first + rows <= capacity_,
        "plane {} rows {}+{} of {}", plane, first, rows, capacity_);
  return {data_ + plane * plane_stride_ + first * width_, rows, width_};
}

tensor::Matrix KvCache::keys(int64_t layer, int64_t first, int64_t rows) {
  return plane(layer * 2, first, rows);
}

tensor::Matrix KvCache::values(int64_t layer, int64_t first, int64_t rows) {
  return plane(layer * 2 + 1, first, rows);
}

void KvCache::extend(int64_t tokens) {
  CHECK(tokens >= 0);
  if (tokens > capacity_ - length_)
    throw Error(
        ErrorCode::kUsage,
        "extend key/value cache: {} + {} tokens exceed its {}"_text(length_, tokens, capacity_),
        "ask for a longer context or a shorter prompt"_text);
  length_ += tokens;
}

void KvCache::truncate(int64_t length) {
  CHECK(length >= 0 && length <= length_, "{} of {}", length, length_);
  const int64_t first = (length * width_ + kPageFloats - 1) / kPageFloats * kPageFloats;
  const int64_t last = (length_ * width_ + kPageFloats - 1) / kPageFloats * kPageFloats;
  if (last > first) {
    for (int64_t plane = 0; plane < planes(); ++plane)
      madvise(data_ + plane * plane_stride_ + first,
              static_cast<size_t>(last - first) * sizeof(float), MADV_DONTNEED);
  }
  length_ = length;
}

int64_t KvCache::bytes_for(int64_t layers, int64_t width, int64_t tokens) {
  return layers * 2 * width * tokens * static_cast<int64_t>(sizeof(float));
}

}  // namespace shijian::model
