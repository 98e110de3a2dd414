// Tensors: element types, shapes, an owner and a view. Nothing here computes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace shijian::tensor {

enum class DType { kF32, kF16, kBF16, kF64, kI64, kI32, kI16, kI8, kU8, kBool, kF8E4M3, kF8E5M2 };

size_t dtype_size(DType dtype);            // bytes of one element
std::string_view dtype_name(DType dtype);  // the safetensors name: "F32", "BF16", ...

template <typename T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<float>() {
  return DType::kF32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::kF64;
}
template <>
constexpr DType dtype_of<int64_t>() {
  return DType::kI64;
}
template <>
constexpr DType dtype_of<int32_t>() {
  return DType::kI32;
}
template <>
constexpr DType dtype_of<uint8_t>() {
  return DType::kU8;
}

using Shape = std::vector<int64_t>;  // outermost first; every extent >= 0

// Product of the extents. CHECKs for overflow: shapes from files are checked where they are read.
int64_t element_count(const Shape& shape);
std::string shape_string(const Shape& shape);  // "[3, 224, 224]"

// A view of dense, row-major elements that somebody else owns.
struct TensorView {
  const void* data = nullptr;
  DType dtype = DType::kF32;
  Shape shape;

  int64_t elements() const { return element_count(shape); }
  size_t bytes() const { return static_cast<size_t>(elements()) * dtype_size(dtype); }
  template <typename T>
  std::span<const T> span() const {
    CHECK(dtype == dtype_of<T>(), "tensor is {}", dtype_name(dtype));
    return {static_cast<const T*>(data), static_cast<size_t>(elements())};
  }
};

// Owns dense, row-major elements at 64-byte alignment. Move-only. Elements start uninitialised
// unless zeros() made the tensor. Throws Error(kNoMemory) when the allocation fails.
class Tensor {
 public:
  Tensor() = default;
  Tensor(DType dtype, Shape shape);
  static Tensor zeros(DType dtype, Shape shape);

  const Shape& shape() const { return shape_; }
  int64_t dim(size_t axis) const { return shape_.at(axis); }
  DType dtype() const { return dtype_; }
  int64_t elements() const { return element_count(shape_); }
  bool empty() const { return shape_.empty(); }  // default-made: holds no tensor

  template <typename T>
  T* data() {
    CHECK(dtype_ == dtype_of<T>(), "tensor is {}", dtype_name(dtype_));
    return reinterpret_cast<T*>(data_.get());
  }
  template <typename T>
  const T* data() const {
    return const_cast<Tensor*>(this)->data<T>();
  }
  std::span<float> floats() { return {data<float>(), static_cast<size_t>(elements())}; }
  std::span<const float> floats() const { return {data<float>(), static_cast<size_t>(elements())}; }
  TensorView view() const { return {data_.get(), dtype_, shape_}; }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte, Free> data_;
  DType dtype_ = DType::kF32;
  Shape shape_;
};

// Row-major matrices of floats with an explicit distance between rows, in elements. Not owning.
struct ConstMatrix {
  const float* data = nullptr;  // [rows, cols]
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;

  ConstMatrix() = default;
  ConstMatrix(const float* d, int64_t r, int64_t c, int64_t s)
      : data(d), rows(r), cols(c), stride(s) {}
  ConstMatrix(const float* d, int64_t r, int64_t c) : ConstMatrix(d, r, c, c) {}
  const float* row(int64_t i) const { return data + i * stride; }
};

struct Matrix {
  float* data = nullptr;  // [rows, cols]
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;

  Matrix() = default;
  Matrix(float* d, int64_t r, int64_t c, int64_t s) : data(d), rows(r), cols(c), stride(s) {}
  Matrix(float* d, int64_t r, int64_t c) : Matrix(d, r, c, c) {}
  float* row(int64_t i) const { return data + i * stride; }
  operator ConstMatrix() const { return {data, rows, cols, stride}; }
};

}  // namespace shijian::tensor
