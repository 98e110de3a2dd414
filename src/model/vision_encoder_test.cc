#include "model/vision_encoder.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>

#include "model/tiny_checkpoint.h"

namespace shijian::model {
namespace {

constexpr int64_t kPatchWidth = 3 * 2 * 4 * 4;

std::vector<float> random_patches(int64_t count) {
  std::vector<float> patches(static_cast<size_t>(count * kPatchWidth));
  for (size_t i = 0; i < patches.size(); ++i)
    patches[i] = static_cast<float>(2 * uniform_at(11, i) - 1);
  return patches;
}

class VisionEncoderTest : public testing::Test {
 protected:
  VisionEncoderTest() { load(3); }
  void load(int64_t depth) {
    tiny_.depth = depth;
    tiny_.bf16 = true;
    tiny_.tensors.clear();
    tiny_.make();
    tiny_.write();
    checkpoint_.emplace(checkpoint::Checkpoint::open(tiny_.directory()));
    weights_ = bind_weights(*checkpoint_);
  }
  VisionFeatures encode(std::span<const float> patches, std::vector<PatchGrid> grids,
                        int threads = 2, const EncodeOptions& options = {}) {
    ThreadPool pool(threads);
    const VisionEncoder encoder(checkpoint_->config().vision, weights_.vision, pool);
    return encoder.encode(
        {patches.data(), static_cast<int64_t>(patches.size()) / kPatchWidth, kPatchWidth}, grids,
        options);
  }

  TinyCheckpoint tiny_;
  std::optional<checkpoint::Checkpoint> checkpoint_;
  ModelWeights weights_;
};

// Rows [first, first + part's rows) of `whole` equal `part` to the bit.
void expect_rows_equal(const tensor::Tensor& whole, int64_t first, const tensor::Tensor& part) {
  ASSERT_LE(first + part.dim(0), whole.dim(0));
  EXPECT_EQ(std::memcmp(whole.data<float>() + first * whole.dim(1), part.data<float>(),
                        static_cast<size_t>(part.elements()) * sizeof(float)),
            0);
}

TEST_F(VisionEncoderTest, ASlotIsTheSameToTheBitInAnyCompany) {
  const std::vector<float> patches = random_patches(24 * 3 + 16 + 8);
  const std::vector<PatchGrid> grids = {{3, 4, 6}, {1, 4, 4}, {1, 2, 4}};
  const VisionFeatures all = encode(patches, grids);
  ASSERT_EQ(all.embeddings.shape(), (tensor::Shape{24, 24}));
  ASSERT_EQ(all.deepstack.size(), 2u);
  const std::span<const float> view(patches);
  for (int threads : {1, 3}) {
    const auto alone = [&](int64_t first, int64_t count, PatchGrid grid) {
      return encode(view.subspan(static_cast<size_t>(first * kPatchWidth),
                                 static_cast<size_t>(count * kPatchWidth)),
                    {grid}, threads);
    };
    const VisionFeatures second = alone(24, 24, {1, 4, 6});
    expect_rows_equal(all.embeddings, 6, second.embeddings);
    expect_rows_equal(all.deepstack[0], 6, second.deepstack[0]);
    expect_rows_equal(all.deepstack[1], 6, second.deepstack[1]);
    expect_rows_equal(all.embeddings, 18, alone(72, 16, {1, 4, 4}).embeddings);
    expect_rows_equal(all.embeddings, 22, alone(88, 8, {1, 2, 4}).embeddings);
  }
}

TEST_F(VisionEncoderTest, ALargeSlotInPiecesEqualsItsNeighboursToTheBit) {
  // 2116 patches pass through the block in two pieces; two equal slots must agree, and so must
  // small slots whichever batch they fall into.
  load(2);
  const int64_t slot = 46 * 46;
  std::vector<float> patches = random_patches(slot);
  patches.insert(patches.end(), patches.begin(), patches.end());
  const VisionFeatures twice = encode(patches, {{2, 46, 46}});
  const int64_t half = slot / 4;
  const float* first = twice.embeddings.data<float>();
  EXPECT_TRUE(std::equal(first, first + half * 24, first + half * 24));

  const VisionFeatures many = encode(patches, {{1, 2, 4}, {264, 4, 4}});
  expect_rows_equal(
      many.embeddings, 2 + 4 * 140,
      encode(std::span(patches).subspan((8 + 140 * 16) * kPatchWidth, 16 * kPatchWidth),
             {{1, 4, 4}})
          .embeddings);
}

TEST_F(VisionEncoderTest, NeighbouringSlotsMatterNotButNeighbouringPatchesDo) {
  std::vector<float> patches = random_patches(32);
  const VisionFeatures before = encode(patches, {{2, 4, 4}});
  patches[17 * kPatchWidth] += 0.5f;  // in the second slot
  const VisionFeatures after = encode(patches, {{2, 4, 4}});
  expect_rows_equal(after.embeddings, 0,
                    encode(std::span(patches).first(16 * kPatchWidth), {{1, 4, 4}}).embeddings);
  for (int64_t token = 4; token < 8; ++token)
    EXPECT_NE(before.embeddings.data<float>()[token * 24],
              after.embeddings.data<float>()[token * 24]);
}

TEST_F(VisionEncoderTest, ReportsProgressAndRecordsStages) {
  StageRecorder stages;
  std::vector<int64_t> done;
  EncodeOptions options;
  options.stages = &stages;
  options.progress = [&](int64_t slots, int64_t total) {
    EXPECT_EQ(total, 3);
    done.push_back(slots);
  };
  encode(random_patches(48), {{2, 4, 4}, {1, 4, 4}}, 2, options);
  EXPECT_THAT(done, testing::ElementsAre(2, 3));
  EXPECT_EQ(stages.tensors().at("vision.embeddings").shape, (tensor::Shape{12, 24}));
  EXPECT_EQ(stages.tensors().at("vision.deepstack.1").shape, (tensor::Shape{12, 24}));
}

TEST_F(VisionEncoderTest, CanBeCancelled) {
  std::stop_source source;
  EncodeOptions options;
  options.cancel = source.get_token();
  options.progress = [&](int64_t, int64_t) { source.request_stop(); };
  try {
    encode(random_patches(32), {{1, 4, 4}, {1, 4, 4}}, 2, options);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kCancelled);
  }
}

TEST_F(VisionEncoderTest, RefusesGridsThatDoNotFit) {
  const std::vector<float> patches = random_patches(16);
  for (const PatchGrid& grid :
       {PatchGrid{1, 4, 2}, PatchGrid{2, 4, 4}, PatchGrid{1, 1, 16}, PatchGrid{0, 4, 4},
        PatchGrid{1, -4, -4}, PatchGrid{1LL << 40, 1LL << 40, 2}})
    EXPECT_THROW(encode(patches, {grid}), Error);
  EXPECT_NO_THROW(encode(patches, {{1, 4, 4}}));
  EXPECT_EQ(encode({}, {}).embeddings.dim(0), 0);
}

}  // namespace
}  // namespace shijian::model
