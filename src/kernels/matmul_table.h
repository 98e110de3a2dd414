// What matmul.cc asks of an instruction set. Private to this folder; plain data only.
#pragma once

#include "kernels/numerics.h"

namespace shijian::kernels {

// `rows` rows of stored elements, `stride` elements apart.
struct StoredRows {
  const void* data;
  Storage storage;
  int64_t stride;
  int64_t rows;
};

// A panel is the next `count` columns of a few rows, widened and interleaved:
// [parts, steps of 16 columns, tile rows, 16 / parts], missing rows and columns filled with 0.
// Where registers hold eight floats the two halves of each sixteen are apart (two parts).
struct MatmulTable {
  int64_t x_tile;  // rows of x in a panel
  int64_t w_tile;  // rows of w in a panel

  void (*pack_x)(const StoredRows& rows, int64_t begin, int64_t count, float* panel);
  void (*pack_w)(const StoredRows& rows, int64_t begin, int64_t count, float* panel);

  // y[m, n] (+)= x panels . w panel (+ bias): ceil(m / x_tile) panels of x one after another,
  // n <= w_tile columns. Adds to y unless `first`; bias may be null. While it runs it fetches
  // `next`, the columns [next_begin, next_begin + next_count) of rows that it is given, into cache.
  void (*multiply)(const float* x_panels, const float* w_panel, int64_t steps, bool first,
                   const float* bias, float* y, int64_t y_stride, int64_t m, int64_t n,
                   const StoredRows& next, int64_t next_begin, int64_t next_count);

  // y[m, w.rows] = x[m, k] . w^T + bias for m <= 4, reading w as it is stored.
  void (*direct)(const float* x, int64_t x_stride, int64_t m, int64_t k, const StoredRows& w,
                 const float* bias, float* y, int64_t y_stride);

  // c[m, n] (+)= a[m, k] . b[k, n], summed in order of k; n is a multiple of 16.
  void (*multiply_in_order)(const float* a, int64_t a_stride, const float* b, int64_t b_stride,
                            int64_t m, int64_t n, int64_t k, bool first, float* c,
                            int64_t c_stride);
};

extern const MatmulTable kMatmulAvx2;
extern const MatmulTable kMatmulAvx512;

}  // namespace shijian::kernels
