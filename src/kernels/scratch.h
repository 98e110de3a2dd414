// Scratch memory of a thread, kept from call to call. Private to this folder.
#pragma once

#include <cstdint>
#include <memory>
#include <new>

namespace shijian::kernels {

class Scratch {
 public:
  // At least `floats` floats at 64-byte alignment, content undefined; valid until the next call.
  float* reserve(int64_t floats) {
    if (floats > size_) {
      data_.reset(new (std::align_val_t{64}) float[static_cast<size_t>(floats)]);
      size_ = floats;
    }
    return data_.get();
  }

 private:
  struct Free {
    void operator()(float* p) const { ::operator delete[](p, std::align_val_t{64}); }
  };
  std::unique_ptr<float[], Free> data_;
  int64_t size_ = 0;
};

}  // namespace shijian::kernels
