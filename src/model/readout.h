// What the last tokens of a prompt attend to, for chosen heads (the idea of arXiv 2605.21954).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/threads.h"
#include "tensor/tensor.h"

namespace shijian::model {

// An attention head of the decoder.
struct Head {
  int64_t layer = 0;
  int64_t index = 0;
  bool operator==(const Head& other) const = default;
};

// Asked of a forward(): for each head, the attention of the last `rows` tokens of the input, their
// mean, to every token that the cache then holds.
struct Readout {
  std::vector<Head> heads;
  int64_t rows = 1;
  std::vector<std::vector<float>> attention;  // out: [heads][keys], each sums to 1
};

// The queries and keys of one layer in one chunk; q and k as in kernels::AttentionArgs.
struct ReadoutChunk {
  int64_t layer = 0;
  tensor::ConstMatrix q;  // [rows of the chunk, heads * head_dim]
  tensor::ConstMatrix k;  // [keys up to the chunk's last row, kv_heads * head_dim]
  int64_t head_dim = 0;
  int64_t kv_heads = 0;
  int64_t rows = 0;  // of the chunk's last ones that are asked about
};

// Adds what these rows attend to, divided by readout.rows.
void add_attention(ThreadPool& pool, const ReadoutChunk& chunk, Readout& readout);

}  // namespace shijian::model
