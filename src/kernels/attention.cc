#include "kernels/attention.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/attention_table.h"
#include "kernels/isa.h"
#include "kernels/scalar.h"
#include "kernels/scratch.h"

namespace shijian::kernels {
namespace {

void check(const AttentionArgs& a) {
  CHECK(a.queries >= 0 && a.keys > 0 && a.heads > 0 && a.kv_heads > 0 && a.head_dim > 0,
        "{} queries, {} keys, {} heads, {} key heads, head_dim {}", a.queries, a.keys, a.heads,
        a.kv_heads, a.head_dim);
  CHECK(a.heads % a.kv_heads == 0, "{} heads, {} key heads", a.heads, a.kv_heads);
  CHECK(!a.causal || a.keys >= a.queries, "{} queries, {} keys", a.queries, a.keys);
  const int64_t q_row = a.heads * a.head_dim, k_row = a.kv_heads * a.head_dim;
  CHECK(a.q_stride >= q_row && a.out_stride >= q_row && a.k_stride >= k_row && a.v_stride >= k_row,
        "strides {} {} {} {}", a.q_stride, a.k_stride, a.v_stride, a.out_stride);
}

AttentionFunction function() {
  switch (active_isa()) {
    case Isa::kScalar:
      return nullptr;
    case Isa::kAvx2:
      return attention_avx2;
    case Isa::kAvx512:
      return attention_avx512;
  }
  return nullptr;
}

thread_local Scratch scratch;

}  // namespace

void attention(ThreadPool& pool, const AttentionArgs& args) {
  if (args.queries == 0) return;
  check(args);
  const AttentionFunction run = function();
  if (run == nullptr) {
    pool.parallel_for(args.queries * args.heads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        scalar::attention(args, i / args.heads, i % args.heads);
      }
    });
    return;
  }
  // A piece is a block of rows of one key head. Blocks are cut evenly, and the last ones, which
  // see most keys where attention is causal, go first.
  const int64_t group = args.heads / args.kv_heads, rows = args.queries * group;
  const int64_t wanted = (rows + kAttentionRows - 1) / kAttentionRows;
  const int64_t even = ((rows + wanted - 1) / wanted + 5) / 6 * 6;
  const int64_t block_rows = std::min(even, kAttentionRows);
  const int64_t blocks = (rows + block_rows - 1) / block_rows;
  pool.parallel_for(blocks * args.kv_heads, 1, [&](int64_t begin, int64_t end) {
    float* memory = scratch.reserve(attention_scratch(args.head_dim));
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t first = (blocks - 1 - piece / args.kv_heads) * block_rows;
      const int64_t kv_head = piece % args.kv_heads;
      const int64_t q_offset = kv_head * group * args.head_dim;
      const int64_t k_offset = kv_head * args.head_dim;
      run({.q = args.q + q_offset,
           .k = args.k + k_offset,
           .v = args.v + k_offset,
           .out = args.out + q_offset,
           .q_stride = args.q_stride,
           .k_stride = args.k_stride,
           .v_stride = args.v_stride,
           .out_stride = args.out_stride,
           .queries = args.queries,
           .keys = args.keys,
           .group = group,
           .head_dim = args.head_dim,
           .scale = args.scale,
           .causal = args.causal,
           .begin = first,
           .end = std::min(first + block_rows, rows)},
          memory);
    }
  });
}

}  // namespace shijian::kernels
