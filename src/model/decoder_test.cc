#include "model/decoder.h"

#include <gmock/gmock.h>

#include <cstring>
#include <numeric>

#include "model/tiny_checkpoint.h"

namespace shijian::model {
namespace {

struct Prompt {
  std::vector<int32_t> tokens;
  PositionIds positions;
  VisionFeatures features;
  std::vector<VisualRows> visual;

  // Text, a block of 2 x 3, text, a block of 2 x 3, text: 34 tokens.
  Prompt() {
    std::vector<VisualBlock> blocks = {{4, {2, 3}}, {14, {2, 3}}};
    for (int32_t i = 0; i < 34; ++i) tokens.push_back((i * 7 + 3) % 40);
    append_positions(positions, 34, blocks);
    const auto random = [](uint64_t seed) {
      tensor::Tensor t(tensor::DType::kF32, {12, 24});
      for (int64_t i = 0; i < t.elements(); ++i)
        t.data<float>()[i] = static_cast<float>(uniform_at(seed, static_cast<uint64_t>(i))) - 0.5f;
      return t;
    };
    features.embeddings = random(1);
    features.deepstack.push_back(random(2));
    features.deepstack.push_back(random(3));
    for (size_t i = 0; i < 2; ++i)
      visual.push_back({blocks[i].first, 6, &features, static_cast<int64_t>(6 * i)});
  }
  DecoderInput input() const { return {tokens, positions, visual}; }
};

// Tokens [first, first + count) of a prompt as an input of their own; no visual block is cut.
struct Part {
  std::vector<int32_t> tokens;
  PositionIds positions;
  std::vector<VisualRows> visual;

  Part(const Prompt& prompt, int64_t first, int64_t count) {
    const auto cut = [&](const std::vector<int32_t>& all) {
      return std::vector<int32_t>(all.begin() + first, all.begin() + first + count);
    };
    tokens = cut(prompt.tokens);
    positions.time = cut(prompt.positions.time);
    positions.row = cut(prompt.positions.row);
    positions.col = cut(prompt.positions.col);
    for (VisualRows v : prompt.visual) {
      if (v.first < first || v.first >= first + count) continue;
      v.first -= first;
      visual.push_back(v);
    }
  }
  DecoderInput input() const { return {tokens, positions, visual}; }
};

struct Shapes {
  const char* name;
  int64_t experts;
  bool in_out;
  bool tied;
  bool bf16;
};

class DecoderTest : public testing::TestWithParam<Shapes> {
 protected:
  DecoderTest() {
    tiny_.experts = GetParam().experts;
    tiny_.experts_in_out = GetParam().in_out;
    tiny_.tied = GetParam().tied;
    tiny_.bf16 = GetParam().bf16;
    tiny_.make();
    tiny_.write();
    checkpoint_.emplace(checkpoint::Checkpoint::open(tiny_.directory()));
    weights_ = bind_weights(*checkpoint_);
  }
  std::vector<float> all_logits(int64_t chunk, int threads) {
    ThreadPool pool(threads);
    Decoder decoder(checkpoint_->config().text, weights_.text, pool);
    KvCache cache = decoder.make_cache(40);
    ForwardOptions options;
    options.chunk = chunk;
    options.logits = LogitRows::kAll;
    return copy(decoder.forward(prompt_.input(), cache, options));
  }
  static std::vector<float> copy(tensor::ConstMatrix m) {
    return {m.data, m.data + m.rows * m.cols};
  }

  TinyCheckpoint tiny_;
  std::optional<checkpoint::Checkpoint> checkpoint_;
  ModelWeights weights_;
  Prompt prompt_;
};

TEST_P(DecoderTest, ChunksAndThreadsChangeNoBit) {
  const std::vector<float> whole = all_logits(512, 2);
  ASSERT_EQ(whole.size(), 34u * 40u);
  for (int64_t chunk : {1, 5, 7, 33}) EXPECT_EQ(all_logits(chunk, 2), whole) << chunk;
  EXPECT_EQ(all_logits(16, 1), whole);
  EXPECT_EQ(all_logits(16, 3), whole);
}

TEST_P(DecoderTest, APrefixKeptInTheCacheChangesNoBit) {
  ThreadPool pool(2);
  Decoder decoder(checkpoint_->config().text, weights_.text, pool);
  KvCache cache = decoder.make_cache(40);
  const std::vector<float> whole = copy(decoder.forward(prompt_.input(), cache));
  ASSERT_EQ(whole.size(), 40u);
  ASSERT_EQ(cache.length(), 34);

  // Another ending, then the first one again on the same prefix.
  Part ending(prompt_, 21, 13);
  cache.truncate(21);
  Part other = ending;
  for (int32_t& token : other.tokens) token = (token + 1) % 40;
  EXPECT_NE(copy(decoder.forward(other.input(), cache)), whole);
  cache.truncate(21);
  EXPECT_EQ(copy(decoder.forward(ending.input(), cache)), whole);

  // A prefix without logits, then the rest, in a cache of its own.
  KvCache second = decoder.make_cache(34);
  ForwardOptions none;
  none.logits = LogitRows::kNone;
  EXPECT_EQ(decoder.forward(Part(prompt_, 0, 12).input(), second, none).rows, 0);
  EXPECT_EQ(copy(decoder.forward(Part(prompt_, 12, 22).input(), second)), whole);
}

TEST_P(DecoderTest, ReadingAttentionChangesNoBitAndNeedsNoWholePrompt) {
  ThreadPool pool(2);
  Decoder decoder(checkpoint_->config().text, weights_.text, pool);
  Readout readout;
  for (int64_t layer = 0; layer < decoder.config().num_layers; ++layer) {
    readout.heads.push_back({layer, layer % decoder.config().num_heads});
  }
  readout.rows = 4;
  std::vector<std::vector<float>> whole;
  const std::vector<float> logits = all_logits(512, 2);
  const std::vector<float> last(logits.end() - 40, logits.end());
  for (const int64_t chunk : {64, 7, 3, 1}) {
    KvCache cache = decoder.make_cache(40);
    ForwardOptions options;
    options.chunk = chunk;
    options.readout = &readout;
    EXPECT_EQ(copy(decoder.forward(prompt_.input(), cache, options)), last);
    if (whole.empty()) whole = readout.attention;
    EXPECT_EQ(readout.attention, whole) << chunk;
    cache.truncate(30);
    decoder.forward(Part(prompt_, 30, 4).input(), cache, options);
    EXPECT_EQ(readout.attention, whole) << chunk;
  }
  for (const std::vector<float>& keys : whole) {
    ASSERT_EQ(keys.size(), 34u);
    EXPECT_NEAR(std::accumulate(keys.begin(), keys.end(), 0.0), 1, 1e-5);
  }
}

TEST_P(DecoderTest, VisualRowsAndTheirDeepStackMatter) {
  const std::vector<float> whole = all_logits(512, 2);
  const auto changed = [&](float* value) {
    const float before = *value;
    *value += 0.1f;
    const std::vector<float> other = all_logits(512, 2);
    *value = before;
    // Nothing before the second block's first token, something from there on.
    const size_t first = 14 * 40;
    EXPECT_TRUE(std::equal(whole.begin(), whole.begin() + first, other.begin()));
    return !std::equal(whole.begin() + first, whole.end(), other.begin() + first);
  };
  EXPECT_TRUE(changed(prompt_.features.embeddings.data<float>() + 6 * 24));
  EXPECT_TRUE(changed(prompt_.features.deepstack[0].data<float>() + 6 * 24));
  EXPECT_TRUE(changed(prompt_.features.deepstack[1].data<float>() + 6 * 24));
}

INSTANTIATE_TEST_SUITE_P(Decoder, DecoderTest,
                         testing::Values(Shapes{"dense_tied", 0, false, true, false},
                                         Shapes{"dense_untied_bf16", 0, false, false, true},
                                         Shapes{"sparse_out_in", 5, false, false, false},
                                         Shapes{"sparse_in_out_bf16", 5, true, false, true}),
                         [](const auto& test) { return std::string(test.param.name); });

class DenseDecoderTest : public testing::Test {
 protected:
  DenseDecoderTest() {
    tiny_.make();
    tiny_.write();
    checkpoint_.emplace(checkpoint::Checkpoint::open(tiny_.directory()));
    weights_ = bind_weights(*checkpoint_);
    decoder_.emplace(checkpoint_->config().text, weights_.text, pool_);
  }

  TinyCheckpoint tiny_;
  std::optional<checkpoint::Checkpoint> checkpoint_;
  ModelWeights weights_;
  ThreadPool pool_{2};
  std::optional<Decoder> decoder_;
  Prompt prompt_;
};

TEST_F(DenseDecoderTest, ReportsProgressAndRecordsStages) {
  KvCache cache = decoder_->make_cache(34);
  StageRecorder stages;
  std::vector<int64_t> done;
  ForwardOptions options;
  options.chunk = 15;
  options.stages = &stages;
  options.progress = [&](int64_t tokens, int64_t total) {
    EXPECT_EQ(total, 34);
    done.push_back(tokens);
  };
  const tensor::ConstMatrix logits = decoder_->forward(prompt_.input(), cache, options);
  EXPECT_THAT(done, testing::ElementsAre(15, 30, 34));
  const auto tensors = stages.tensors();
  EXPECT_EQ(tensors.at("position_ids").shape, (tensor::Shape{3, 34}));
  EXPECT_EQ(tensors.at("position_ids").span<int64_t>()[34 + 7], prompt_.positions.row[7]);
  EXPECT_EQ(tensors.at("rope.sin").shape, (tensor::Shape{34, 6}));
  EXPECT_EQ(tensors.at("hidden.2").shape, (tensor::Shape{34, 24}));
  EXPECT_EQ(tensors.at("logits").shape, (tensor::Shape{1, 40}));
  EXPECT_EQ(tensors.at("logits").span<float>()[3], logits.row(0)[3]);
}

TEST_F(DenseDecoderTest, CancelledItKeepsTheChunksThatAreDone) {
  KvCache cache = decoder_->make_cache(34);
  std::stop_source source;
  ForwardOptions options;
  options.chunk = 10;
  options.cancel = source.get_token();
  options.progress = [&](int64_t tokens, int64_t) {
    if (tokens == 20) source.request_stop();
  };
  EXPECT_THROW(decoder_->forward(prompt_.input(), cache, options), Error);
  EXPECT_EQ(cache.length(), 20);
  KvCache fresh = decoder_->make_cache(34);
  const tensor::ConstMatrix resumed = decoder_->forward(Part(prompt_, 20, 14).input(), cache);
  const std::vector<float> kept(resumed.data, resumed.data + 40);
  const tensor::ConstMatrix whole = decoder_->forward(prompt_.input(), fresh);
  EXPECT_TRUE(std::equal(kept.begin(), kept.end(), whole.data));
}

TEST_F(DenseDecoderTest, RefusesWhatDoesNotFit) {
  KvCache small = decoder_->make_cache(33);
  EXPECT_THROW(decoder_->forward(prompt_.input(), small), Error);
  KvCache cache = decoder_->make_cache(34);
  for (const int32_t bad : {-1, 40}) {
    Prompt prompt;
    prompt.tokens[3] = bad;
    EXPECT_THROW(decoder_->forward(prompt.input(), cache), Error);
  }
  const auto refused = [&](auto change) {
    Prompt prompt;
    change(prompt.visual[1]);
    try {
      decoder_->forward(prompt.input(), cache);
    } catch (const Error& e) {
      return e.code() == ErrorCode::kInvalid;
    }
    return false;
  };
  EXPECT_TRUE(refused([](VisualRows& v) { v.first = 9; }));  // overlaps the first block
  EXPECT_TRUE(refused([](VisualRows& v) { v.first = 30; }));
  EXPECT_TRUE(refused([](VisualRows& v) { v.feature_row = 7; }));
  EXPECT_TRUE(refused([](VisualRows& v) { v.count = -1; }));
  EXPECT_EQ(cache.length(), 0);
}

}  // namespace
}  // namespace shijian::model
