#include "kernels/attention.h"

#include "base/error.h"
#include "kernels/scalar.h"

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

}  // namespace

void attention(ThreadPool& pool, const AttentionArgs& args) {
  if (args.queries == 0) return;
  check(args);
  pool.parallel_for(args.queries * args.heads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      scalar::attention(args, i / args.heads, i % args.heads);
    }
  });
}

}  // namespace shijian::kernels
