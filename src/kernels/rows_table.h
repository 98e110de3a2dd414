// What rows.cc asks of an instruction set: each operation on one row of `count` elements; rows.h
// says what it does. Private to this folder; plain data only.
#pragma once

#include "kernels/numerics.h"

namespace shijian::kernels {

struct RowsTable {
  void (*rms_norm)(const float* x, const float* weight, float eps, float* y, int64_t count);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps, float* y,
                     int64_t count);
  void (*silu_mul)(float* gate, const float* up, int64_t count);
  void (*gelu_tanh)(float* x, int64_t count);
  void (*gelu_erf)(float* x, int64_t count);
  void (*add)(const float* x, float* y, int64_t count);
  void (*rotary)(float* x, int64_t heads, int64_t head_dim, const float* cos, const float* sin);
  void (*softmax)(float* x, int64_t count);
  void (*widen)(const void* source, Storage storage, int64_t count, float* target);
};

extern const RowsTable kRowsScalar;
extern const RowsTable kRowsAvx2;
extern const RowsTable kRowsAvx512;

const RowsTable& active_rows_table();

}  // namespace shijian::kernels
