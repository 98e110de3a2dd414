// The kernels' name for a dtype. Private to this folder.
#pragma once

#include "kernels/numerics.h"
#include "tensor/tensor.h"

namespace shijian::kernels {

// Of F32, F16 or BF16.
inline Storage storage_of(tensor::DType dtype) {
  return dtype == tensor::DType::kF32   ? Storage::kF32
         : dtype == tensor::DType::kF16 ? Storage::kF16
                                        : Storage::kBF16;
}

}  // namespace shijian::kernels
