#include "model/decoder.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/cancellable_loops.h"
#include "kernels/attention.h"
#include "kernels/rows.h"
#include "model/sparse_mlp.h"

namespace shijian::model {

struct Decoder::Workspace {
  int64_t rows;
  tensor::Tensor x;     // [rows, hidden]
  tensor::Tensor norm;  // [rows, hidden]: a layer's normed input, later its output
  tensor::Tensor q;     // [rows, heads * head_dim]
  tensor::Tensor attn;  // [rows, heads * head_dim]
  tensor::Tensor gate;  // [rows, intermediate]
  tensor::Tensor up;    // [rows, intermediate]
  tensor::Tensor cos;   // [rows, head_dim / 2]
  tensor::Tensor sin;   // [rows, head_dim / 2]
  std::optional<SparseMlp> sparse;

  Workspace(const checkpoint::TextConfig& c, int64_t row_count)
      : rows(row_count),
        x(tensor::DType::kF32, {rows, c.hidden_size}),
        norm(tensor::DType::kF32, {rows, c.hidden_size}),
        q(tensor::DType::kF32, {rows, c.num_heads * c.head_dim}),
        attn(tensor::DType::kF32, {rows, c.num_heads * c.head_dim}),
        gate(tensor::DType::kF32, {rows, c.intermediate_size}),
        up(tensor::DType::kF32, {rows, c.intermediate_size}),
        cos(tensor::DType::kF32, {rows, c.head_dim / 2}),
        sin(tensor::DType::kF32, {rows, c.head_dim / 2}) {
    if (c.moe.num_experts > 0) sparse.emplace(c, rows);
  }
};

Decoder::Decoder(const checkpoint::TextConfig& config, const TextWeights& weights, ThreadPool& pool)
    : config_(config), weights_(weights), pool_(pool), rope_(config) {}

Decoder::~Decoder() = default;

KvCache Decoder::make_cache(int64_t capacity) const {
  return {config_.num_layers, config_.num_kv_heads * config_.head_dim, capacity};
}

int64_t Decoder::workspace_bytes(const checkpoint::TextConfig& c, int64_t chunk) {
  const int64_t floats = chunk * (2 * c.hidden_size + 2 * c.num_heads * c.head_dim +
                                  2 * c.intermediate_size + c.head_dim) +
                         c.vocab_size;
  return 4 * floats + (c.moe.num_experts > 0 ? SparseMlp::workspace_bytes(c, chunk) : 0);
}

void Decoder::check_input(const DecoderInput& input, const KvCache& cache) const {
  const auto tokens = static_cast<int64_t>(input.tokens.size());
  CHECK(cache.layers() == config_.num_layers &&
            cache.width() == config_.num_kv_heads * config_.head_dim,
        "cache of {} x {}", cache.layers(), cache.width());
  CHECK(input.positions.size() == tokens, "{} positions of {} tokens", input.positions.size(),
        tokens);
  if (tokens > cache.capacity() - cache.length())
    throw Error(ErrorCode::kUsage,
                "run decoder: {} tokens after {} exceed the cache's {}"_text(tokens, cache.length(),
                                                                             cache.capacity()),
                "ask for a longer context or a shorter prompt"_text);
  for (int32_t token : input.tokens) {
    if (token < 0 || token >= config_.vocab_size)
      throw Error(ErrorCode::kInvalid,
                  "run decoder: token {} outside the vocabulary of "
                  "{}"_text(token, config_.vocab_size));
  }
  int64_t end = 0;
  for (const VisualRows& v : input.visual) {
    const int64_t rows = v.features->embeddings.dim(0);
    if (v.first < end || v.count < 0 || v.count > tokens - v.first || v.feature_row < 0 ||
        v.feature_row > rows || v.count > rows - v.feature_row ||
        v.features->embeddings.dim(1) != config_.hidden_size ||
        static_cast<int64_t>(v.features->deepstack.size()) > config_.num_layers)
      throw Error(ErrorCode::kInvalid,
                  "run decoder: feature rows {}+{} of {} at token {} of {}"_text(
                      v.feature_row, v.count, rows, v.first, tokens));
    end = v.first + v.count;
  }
}

namespace {

// Calls body(row of x, feature row, count) for the part of each block that lies in the chunk.
template <typename Body>
void for_visual_rows(const DecoderInput& input, int64_t first, int64_t rows, const Body& body) {
  for (const VisualRows& v : input.visual) {
    const int64_t begin = std::max(v.first, first);
    const int64_t end = std::min(v.first + v.count, first + rows);
    if (begin < end) body(v, begin - first, v.feature_row + begin - v.first, end - begin);
  }
}

}  // namespace

void Decoder::embed(const DecoderInput& input, int64_t first, tensor::Matrix x) const {
  kernels::gather_rows(weights_.embedding, input.tokens.data() + first, x);
  for_visual_rows(input, first, x.rows,
                  [&](const VisualRows& v, int64_t row, int64_t feature, int64_t count) {
                    std::copy_n(v.features->embeddings.data<float>() + feature * x.cols,
                                count * x.cols, x.row(row));
                  });
}

void Decoder::add_deepstack(const DecoderInput& input, int64_t first, size_t index,
                            tensor::Matrix x) const {
  for_visual_rows(
      input, first, x.rows, [&](const VisualRows& v, int64_t row, int64_t feature, int64_t count) {
        if (index >= v.features->deepstack.size()) return;
        const float* f = v.features->deepstack[index].data<float>();
        kernels::add(pool_, {f + feature * x.cols, count, x.cols}, {x.row(row), count, x.cols});
      });
}

void Decoder::attend(const DecoderLayerWeights& layer, int64_t index, tensor::Matrix x,
                     KvCache& cache, Readout* readout, int64_t read) {
  const int64_t past = cache.length();
  const int64_t head_dim = config_.head_dim;
  const int64_t heads = config_.num_heads;
  const int64_t kv_heads = config_.num_kv_heads;
  const auto eps = static_cast<float>(config_.rms_norm_eps);
  const tensor::Matrix norm(work_->norm.data<float>(), x.rows, x.cols);
  const tensor::Matrix q(work_->q.data<float>(), x.rows, heads * head_dim);
  const tensor::Matrix attn(work_->attn.data<float>(), x.rows, heads * head_dim);
  const tensor::Matrix k = cache.keys(index, past, x.rows);
  const tensor::Matrix v = cache.values(index, past, x.rows);
  kernels::rms_norm(pool_, x, layer.input_norm.data(), eps, norm);
  kernels::matmul(pool_, norm, layer.q_proj.weight, nullptr, q);
  kernels::matmul(pool_, norm, layer.k_proj.weight, nullptr, k);
  kernels::matmul(pool_, norm, layer.v_proj.weight, nullptr, v);
  const auto norm_and_rotate = [&](tensor::Matrix rows, int64_t count,
                                   const std::vector<float>& weight) {
    const tensor::Matrix per_head(rows.data, rows.rows * count, head_dim);
    kernels::rms_norm(pool_, per_head, weight.data(), eps, per_head);
    kernels::rotary(pool_, rows, count, head_dim,
                    {work_->cos.data<float>(), rows.rows, head_dim / 2},
                    {work_->sin.data<float>(), rows.rows, head_dim / 2});
  };
  norm_and_rotate(q, heads, layer.q_norm);
  norm_and_rotate(k, kv_heads, layer.k_norm);

  kernels::AttentionArgs args;
  args.q = q.data;
  args.k = cache.keys(index, 0, past + x.rows).data;
  args.v = cache.values(index, 0, past + x.rows).data;
  args.out = attn.data;
  args.queries = x.rows;
  args.keys = past + x.rows;
  args.heads = heads;
  args.kv_heads = kv_heads;
  args.head_dim = head_dim;
  args.q_stride = args.out_stride = heads * head_dim;
  args.k_stride = args.v_stride = kv_heads * head_dim;
  args.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(head_dim)));
  args.causal = true;
  kernels::attention(pool_, args);
  if (read > 0) {
    add_attention(pool_, {index, q, cache.keys(index, 0, past + x.rows), head_dim, kv_heads, read},
                  *readout);
  }
  kernels::matmul(pool_, attn, layer.o_proj.weight, nullptr, norm);
  kernels::add(pool_, norm, x);
}

void Decoder::run_mlp(const DecoderLayerWeights& layer, tensor::Matrix x) {
  const tensor::Matrix norm(work_->norm.data<float>(), x.rows, x.cols);
  kernels::rms_norm(pool_, x, layer.post_norm.data(), static_cast<float>(config_.rms_norm_eps),
                    norm);
  if (layer.sparse()) {
    kernels::add(pool_, work_->sparse->run(pool_, layer, norm), x);
    return;
  }
  const tensor::Matrix gate(work_->gate.data<float>(), x.rows, config_.intermediate_size);
  const tensor::Matrix up(work_->up.data<float>(), x.rows, config_.intermediate_size);
  kernels::matmul(pool_, norm, layer.gate_proj.weight, nullptr, gate);
  kernels::matmul(pool_, norm, layer.up_proj.weight, nullptr, up);
  kernels::silu_mul(pool_, gate, up);
  kernels::matmul(pool_, gate, layer.down_proj.weight, nullptr, norm);
  kernels::add(pool_, norm, x);
}

void Decoder::run_chunk(const DecoderInput& input, int64_t first, int64_t rows, KvCache& cache,
                        const ForwardOptions& options) {
  const tensor::Matrix x(work_->x.data<float>(), rows, config_.hidden_size);
  const tensor::Matrix cos(work_->cos.data<float>(), rows, rope_.angles());
  const tensor::Matrix sin(work_->sin.data<float>(), rows, rope_.angles());
  embed(input, first, x);
  rope_.tables(input.positions, first, cos, sin);
  if (options.stages) {
    options.stages->add_rows("rope.cos", cos);
    options.stages->add_rows("rope.sin", sin);
  }
  // Rows of this chunk that are among the last ones of the input.
  const auto after = static_cast<int64_t>(input.tokens.size()) - (first + rows);
  const int64_t read =
      options.readout ? std::clamp<int64_t>(options.readout->rows - after, 0, rows) : 0;
  for (size_t i = 0; i < weights_.layers.size(); ++i) {
    throw_if_cancelled(options.cancel);
    attend(weights_.layers[i], static_cast<int64_t>(i), x, cache, options.readout, read);
    run_mlp(weights_.layers[i], x);
    add_deepstack(input, first, i, x);
    if (options.stages) options.stages->add_rows(fmt::format("hidden.{}", i), x);
  }
}

void Decoder::head(tensor::ConstMatrix x, tensor::Matrix logits) {
  const tensor::Matrix norm(work_->norm.data<float>(), x.rows, x.cols);
  kernels::rms_norm(pool_, x, weights_.norm.data(), static_cast<float>(config_.rms_norm_eps), norm);
  kernels::matmul(pool_, norm, weights_.lm_head.weight, nullptr, logits);
}

tensor::ConstMatrix Decoder::forward(const DecoderInput& input, KvCache& cache,
                                     const ForwardOptions& options) {
  check_input(input, cache);
  CHECK(options.chunk > 0);
  const CancellableLoops cancellable(options.cancel);  // a layer of a large model takes seconds
  const auto tokens = static_cast<int64_t>(input.tokens.size());
  const int64_t chunk = std::min(options.chunk, tokens);
  if (!work_ || work_->rows < chunk) {
    work_.reset();
    work_ = std::make_unique<Workspace>(config_, chunk);
  }
  const int64_t wanted = options.logits == LogitRows::kAll    ? tokens
                         : options.logits == LogitRows::kLast ? std::min<int64_t>(tokens, 1)
                                                              : 0;
  if (wanted > 0 && (logits_.empty() || logits_.dim(0) < wanted)) {
    logits_ = tensor::Tensor();
    logits_ = tensor::Tensor(tensor::DType::kF32, {wanted, config_.vocab_size});
  }
  if (options.stages) options.stages->add_positions(input.positions);
  if (options.readout) {
    for (const Head& head : options.readout->heads) {
      CHECK(head.layer >= 0 && head.layer < config_.num_layers && head.index >= 0 &&
            head.index < config_.num_heads);
    }
    options.readout->attention.assign(options.readout->heads.size(), {});
  }
  for (int64_t first = 0; first < tokens; first += chunk) {
    const int64_t rows = std::min(chunk, tokens - first);
    run_chunk(input, first, rows, cache, options);
    cache.extend(rows);
    const float* x = work_->x.data<float>();
    if (options.logits == LogitRows::kAll)
      head({x, rows, config_.hidden_size},
           {logits_.data<float>() + first * config_.vocab_size, rows, config_.vocab_size});
    else if (wanted > 0 && first + rows == tokens)
      head({x + (rows - 1) * config_.hidden_size, 1, config_.hidden_size},
           {logits_.data<float>(), 1, config_.vocab_size});
    if (options.progress) options.progress(first + rows, tokens);
  }
  if (wanted == 0) return {nullptr, 0, config_.vocab_size};
  const tensor::ConstMatrix logits(logits_.data<float>(), wanted, config_.vocab_size);
  if (options.stages) options.stages->add_rows("logits", {logits.row(wanted - 1), 1, logits.cols});
  return logits;
}

}  // namespace shijian::model
