#include "model/vision_encoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/cancellable_loops.h"
#include "kernels/attention.h"
#include "kernels/rows.h"
#include "model/rope.h"

namespace shijian::model {

namespace {

constexpr float kNormEps = 1e-6f;
// Small slots are encoded together up to this many patches; a large slot goes through the blocks in
// pieces of this many, so that only its states, keys and values are held whole.
constexpr int64_t kBatchPatches = 2048;

int64_t merge_unit(const checkpoint::VisionConfig& config) {
  return config.spatial_merge_size * config.spatial_merge_size;
}

// Rows computed at a time: whole merge blocks.
int64_t piece_rows(const checkpoint::VisionConfig& config) {
  const int64_t unit = merge_unit(config);
  return std::max<int64_t>(1, kBatchPatches / unit) * unit;
}

// `count` output rows of a fused Linear, from output `first`.
Linear slice(const Linear& fused, int64_t first, int64_t count) {
  Linear part;
  part.weight = fused.weight;
  part.weight.rows = count;
  part.weight.data =
      static_cast<const std::byte*>(fused.weight.data) +
      static_cast<size_t>(first * fused.weight.stride) * tensor::dtype_size(fused.weight.dtype);
  if (!fused.bias.empty())
    part.bias.assign(fused.bias.begin() + first, fused.bias.begin() + first + count);
  return part;
}

// Point i of torch.linspace(0, last, count): from both ends towards the middle.
float linspace(float last, int64_t count, int64_t i) {
  if (count == 1) return 0;
  const float step = last / static_cast<float>(count - 1);
  return i < count / 2 ? step * static_cast<float>(i)
                       : last - step * static_cast<float>(count - i - 1);
}

}  // namespace

struct VisionEncoder::SlotTables {
  int64_t patches = 0;  // of one slot
  int64_t slots = 0;    // in a full batch
  // Four learned positions for each patch of a slot and their weights.
  std::vector<int32_t> corner_ids;    // [patches, 4]
  std::vector<float> corner_weights;  // [patches, 4]
  // The rotary tables of a slot, repeated for each slot of a batch.
  tensor::Tensor cos;  // [slots * patches, head_dim / 2]
  tensor::Tensor sin;  // [slots * patches, head_dim / 2]
};

struct VisionEncoder::Workspace {
  tensor::Tensor x;     // [batch patches, hidden]
  tensor::Tensor kv;    // [batch patches, 2 * hidden]
  tensor::Tensor norm;  // [piece, hidden]
  tensor::Tensor q;     // [piece, hidden]
  tensor::Tensor attn;  // [piece, hidden]
  tensor::Tensor mlp;   // [piece, intermediate]

  Workspace(const checkpoint::VisionConfig& c, int64_t patches)
      : x(tensor::DType::kF32, {patches, c.hidden_size}),
        kv(tensor::DType::kF32, {patches, 2 * c.hidden_size}),
        norm(tensor::DType::kF32, {std::min(patches, piece_rows(c)), c.hidden_size}),
        q(tensor::DType::kF32, norm.shape()),
        attn(tensor::DType::kF32, norm.shape()),
        mlp(tensor::DType::kF32, {norm.dim(0), c.intermediate_size}) {}
};

VisionEncoder::VisionEncoder(const checkpoint::VisionConfig& config, const VisionWeights& weights,
                             ThreadPool& pool)
    : config_(config), weights_(weights), pool_(pool) {}

int64_t VisionEncoder::patch_width() const {
  return config_.in_channels * config_.temporal_patch_size * config_.patch_size *
         config_.patch_size;
}

MergedGrid VisionEncoder::merged(const PatchGrid& grid) const {
  return {grid.rows / config_.spatial_merge_size, grid.cols / config_.spatial_merge_size};
}

int64_t VisionEncoder::workspace_bytes(const checkpoint::VisionConfig& config,
                                       int64_t slot_patches) {
  const int64_t batch = std::max(slot_patches, piece_rows(config));
  const int64_t head_dim = config.hidden_size / config.num_heads;
  return 4 * (batch * (3 * config.hidden_size + head_dim + 8) +
              piece_rows(config) * (3 * config.hidden_size + config.intermediate_size));
}

void VisionEncoder::check_grids(tensor::ConstMatrix patches,
                                std::span<const PatchGrid> grids) const {
  const int64_t merge = config_.spatial_merge_size;
  int64_t left = patches.rows;
  for (const PatchGrid& g : grids) {
    if (g.slots < 1 || g.rows < merge || g.cols < merge || g.rows % merge || g.cols % merge ||
        g.rows > left || g.cols > left / g.rows || g.slots > left / (g.rows * g.cols))
      throw Error(ErrorCode::kInvalid,
                  "encode vision: grid of {} x {} x {} patches with {} patches left and "
                  "merge size {}"_text(g.slots, g.rows, g.cols, left, merge));
    left -= g.patches();
  }
  if (left != 0 || (patches.rows > 0 && patches.cols != patch_width()))
    throw Error(ErrorCode::kInvalid,
                "encode vision: {} patches of {} numbers, {} beyond the grids, {} numbers "
                "expected"_text(patches.rows, patches.cols, left, patch_width()));
}

VisionEncoder::SlotTables VisionEncoder::make_tables(const PatchGrid& grid) const {
  SlotTables tables;
  tables.patches = grid.rows * grid.cols;
  tables.slots = std::clamp<int64_t>(piece_rows(config_) / tables.patches, 1, grid.slots);
  const int64_t side = config_.position_side;
  const auto last = static_cast<float>(side - 1);
  const int64_t merge = config_.spatial_merge_size;
  tables.corner_ids.reserve(static_cast<size_t>(tables.patches * 4));
  tables.corner_weights.reserve(static_cast<size_t>(tables.patches * 4));
  for (int64_t block_row = 0; block_row < grid.rows; block_row += merge) {
    for (int64_t block_col = 0; block_col < grid.cols; block_col += merge) {
      for (int64_t inside = 0; inside < merge * merge; ++inside) {
        const float r = linspace(last, grid.rows, block_row + inside / merge);
        const float c = linspace(last, grid.cols, block_col + inside % merge);
        const auto r0 = static_cast<int64_t>(r);
        const auto c0 = static_cast<int64_t>(c);
        const int64_t r1 = std::min(r0 + 1, side - 1);
        const int64_t c1 = std::min(c0 + 1, side - 1);
        const float dr = r - static_cast<float>(r0);
        const float dc = c - static_cast<float>(c0);
        for (int64_t id : {r0 * side + c0, r0 * side + c1, r1 * side + c0, r1 * side + c1})
          tables.corner_ids.push_back(static_cast<int32_t>(id));
        for (float w : {(1 - dr) * (1 - dc), (1 - dr) * dc, dr * (1 - dc), dr * dc})
          tables.corner_weights.push_back(w);
      }
    }
  }
  const int64_t head_dim = config_.hidden_size / config_.num_heads;
  tables.cos = tensor::Tensor(tensor::DType::kF32, {tables.slots * tables.patches, head_dim / 2});
  tables.sin = tensor::Tensor(tensor::DType::kF32, {tables.slots * tables.patches, head_dim / 2});
  auto* cos = tables.cos.data<float>();
  auto* sin = tables.sin.data<float>();
  vision_rope_tables(grid.rows, grid.cols, merge, head_dim, {cos, tables.patches, head_dim / 2},
                     {sin, tables.patches, head_dim / 2});
  const int64_t table = tables.patches * (head_dim / 2);
  for (int64_t s = 1; s < tables.slots; ++s) {
    std::copy_n(cos, table, cos + s * table);
    std::copy_n(sin, table, sin + s * table);
  }
  return tables;
}

VisionFeatures VisionEncoder::encode(tensor::ConstMatrix patches, std::span<const PatchGrid> grids,
                                     const EncodeOptions& options) const {
  check_grids(patches, grids);
  const int64_t tokens = patches.rows / merge_unit(config_);
  VisionFeatures features;
  features.embeddings = tensor::Tensor(tensor::DType::kF32, {tokens, config_.out_hidden_size});
  for (size_t k = 0; k < weights_.deepstack.size(); ++k)
    features.deepstack.emplace_back(tensor::DType::kF32,
                                    tensor::Shape{tokens, config_.out_hidden_size});

  int64_t slots_total = 0;
  int64_t batch_patches = 1;
  for (const PatchGrid& g : grids) {
    slots_total += g.slots;
    const int64_t slot = g.rows * g.cols;
    batch_patches =
        std::max(batch_patches, slot * std::clamp<int64_t>(piece_rows(config_) / slot, 1, g.slots));
  }
  Workspace work(config_, batch_patches);
  int64_t slots_done = 0;
  int64_t patch = 0;
  for (const PatchGrid& g : grids) {
    const SlotTables tables = make_tables(g);
    for (int64_t slot = 0; slot < g.slots; slot += tables.slots) {
      const int64_t slots = std::min(tables.slots, g.slots - slot);
      const int64_t rows = slots * tables.patches;
      encode_batch({patches.row(patch), rows, patches.cols, patches.stride}, tables, work,
                   options.cancel, patch / merge_unit(config_), features);
      patch += rows;
      slots_done += slots;
      if (options.progress) options.progress(slots_done, slots_total);
    }
  }
  if (options.stages) {
    const auto matrix = [tokens, this](const tensor::Tensor& t) {
      return tensor::ConstMatrix(t.data<float>(), tokens, config_.out_hidden_size);
    };
    options.stages->add_rows("vision.embeddings", matrix(features.embeddings));
    for (size_t k = 0; k < features.deepstack.size(); ++k)
      options.stages->add_rows(fmt::format("vision.deepstack.{}", k),
                               matrix(features.deepstack[k]));
  }
  return features;
}

void VisionEncoder::encode_batch(tensor::ConstMatrix patches, const SlotTables& tables,
                                 Workspace& work, const std::stop_token& cancel,
                                 int64_t first_token, VisionFeatures& features) const {
  throw_if_cancelled(cancel);
  const CancellableLoops cancellable(cancel);
  const int64_t hidden = config_.hidden_size;
  const int64_t count = patches.rows;
  const tensor::Matrix x(work.x.data<float>(), count, hidden);
  kernels::matmul(pool_, patches, weights_.patch_embed.weight, weights_.patch_embed.bias_data(), x);
  pool_.parallel_for(count, 64, [&](int64_t begin, int64_t end) {
    std::vector<float> corners(static_cast<size_t>(4 * hidden));  // [4, hidden]
    for (int64_t i = begin; i < end; ++i) {
      const int64_t at = i % tables.patches * 4;
      kernels::gather_rows(weights_.position_embed, tables.corner_ids.data() + at,
                           {corners.data(), 4, hidden});
      const float* w = tables.corner_weights.data() + at;
      const float* c = corners.data();
      float* row = x.row(i);
      for (int64_t j = 0; j < hidden; ++j)
        row[j] += c[j] * w[0] + c[hidden + j] * w[1] + c[2 * hidden + j] * w[2] +
                  c[3 * hidden + j] * w[3];
    }
  });

  const int64_t tokens = count / merge_unit(config_);
  const auto target = [&](tensor::Tensor& t) {
    return tensor::Matrix(t.data<float>() + first_token * config_.out_hidden_size, tokens,
                          config_.out_hidden_size);
  };
  size_t deepstack = 0;
  for (size_t b = 0; b < weights_.blocks.size(); ++b) {
    throw_if_cancelled(cancel);
    run_block(weights_.blocks[b], tables, count, work);
    if (deepstack < features.deepstack.size() &&
        config_.deepstack_visual_indexes[deepstack] == static_cast<int64_t>(b)) {
      merge(weights_.deepstack[deepstack], true, count, work,
            target(features.deepstack[deepstack]));
      ++deepstack;
    }
  }
  merge(weights_.merger, false, count, work, target(features.embeddings));
}

void VisionEncoder::run_block(const VisionBlockWeights& block, const SlotTables& tables,
                              int64_t patches, Workspace& work) const {
  const int64_t hidden = config_.hidden_size;
  const int64_t head_dim = hidden / config_.num_heads;
  const int64_t piece = work.norm.dim(0);
  const Linear query = slice(block.qkv, 0, hidden);
  const Linear key_value = slice(block.qkv, hidden, 2 * hidden);
  auto* x = work.x.data<float>();
  auto* kv = work.kv.data<float>();
  const auto rotate = [&](tensor::Matrix rows, int64_t first) {
    const int64_t half = head_dim / 2;
    kernels::rotary(pool_, rows, config_.num_heads, head_dim,
                    {tables.cos.data<float>() + first * half, rows.rows, half},
                    {tables.sin.data<float>() + first * half, rows.rows, half});
  };
  const auto normed = [&](const LayerNormWeights& norm, tensor::Matrix rows) {
    const tensor::Matrix out(work.norm.data<float>(), rows.rows, hidden);
    kernels::layer_norm(pool_, rows, norm.weight.data(), norm.bias.data(), kNormEps, out);
    return out;
  };

  // Keys and values of everything first: a piece's queries look at its whole slot.
  for (int64_t first = 0; first < patches; first += piece) {
    const int64_t rows = std::min(piece, patches - first);
    const tensor::Matrix out(kv + first * 2 * hidden, rows, 2 * hidden);
    kernels::matmul(pool_, normed(block.norm1, {x + first * hidden, rows, hidden}),
                    key_value.weight, key_value.bias_data(), out);
    rotate({out.data, rows, hidden, out.stride}, first);
  }
  for (int64_t first = 0; first < patches; first += piece) {
    const int64_t rows = std::min(piece, patches - first);
    const tensor::Matrix states(x + first * hidden, rows, hidden);
    const tensor::Matrix q(work.q.data<float>(), rows, hidden);
    const tensor::Matrix attn(work.attn.data<float>(), rows, hidden);
    kernels::matmul(pool_, normed(block.norm1, states), query.weight, query.bias_data(), q);
    rotate(q, first);
    for (int64_t row = 0; row < rows;) {
      const int64_t slot = (first + row) / tables.patches;
      const int64_t end = std::min(rows, (slot + 1) * tables.patches - first);
      kernels::AttentionArgs args;
      args.q = q.row(row);
      args.k = kv + slot * tables.patches * 2 * hidden;
      args.v = args.k + hidden;
      args.out = attn.row(row);
      args.queries = end - row;
      args.keys = tables.patches;
      args.heads = args.kv_heads = config_.num_heads;
      args.head_dim = head_dim;
      args.q_stride = args.out_stride = hidden;
      args.k_stride = args.v_stride = 2 * hidden;
      args.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(head_dim)));
      kernels::attention(pool_, args);
      row = end;
    }
    kernels::matmul(pool_, attn, block.proj.weight, block.proj.bias_data(), q);
    kernels::add(pool_, q, states);
    const tensor::Matrix mlp(work.mlp.data<float>(), rows, config_.intermediate_size);
    kernels::matmul(pool_, normed(block.norm2, states), block.fc1.weight, block.fc1.bias_data(),
                    mlp);
    kernels::gelu_tanh(pool_, mlp);
    kernels::matmul(pool_, mlp, block.fc2.weight, block.fc2.bias_data(), q);
    kernels::add(pool_, q, states);
  }
}

void VisionEncoder::merge(const MergerWeights& merger, bool join_first, int64_t patches,
                          Workspace& work, tensor::Matrix out) const {
  const int64_t unit = merge_unit(config_);
  const int64_t hidden = config_.hidden_size;
  const int64_t piece = work.norm.dim(0);
  for (int64_t first = 0; first < patches; first += piece) {
    const int64_t rows = std::min(piece, patches - first);
    // Merge blocks lie together, so joining is only another view of the same numbers.
    float* x = work.x.data<float>() + first * hidden;
    float* norm = work.norm.data<float>();
    const int64_t wide = join_first ? unit * hidden : hidden;
    const int64_t high = rows * hidden / wide;
    kernels::layer_norm(pool_, {x, high, wide}, merger.norm.weight.data(), merger.norm.bias.data(),
                        kNormEps, {norm, high, wide});
    const tensor::Matrix inner(work.attn.data<float>(), rows / unit, unit * hidden);
    kernels::matmul(pool_, {norm, rows / unit, unit * hidden}, merger.fc1.weight,
                    merger.fc1.bias_data(), inner);
    kernels::gelu_erf(pool_, inner);
    kernels::matmul(pool_, inner, merger.fc2.weight, merger.fc2.bias_data(),
                    {out.row(first / unit), rows / unit, out.cols, out.stride});
  }
}

}  // namespace shijian::model
