#include "engine/feature_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <numeric>
#include <stdexcept>

#include "base/hash.h"
#include "source_dir.h"

namespace shijian::engine {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kTokens = 6;
constexpr int64_t kWidth = 40;

class FeatureCacheTest : public testing::Test {
 protected:
  void TearDown() override { fs::remove_all(root_); }

  static fs::path checkpoint(const char* name) {
    return source_dir() / "tests/reference/checkpoints" / name;
  }
  // Slots [from, from + count) of one lattice.
  static SlotKeys keys(int64_t from, int64_t count, const std::string& lattice = "lattice") {
    SlotKeys keys;
    keys.lattice = lattice;
    keys.first = from;
    for (int64_t i = from; i < from + count; ++i) {
      keys.slots.push_back(content_hash(std::as_bytes(std::span(&i, 1))));
    }
    return keys;
  }
  static std::vector<int64_t> all(int64_t count) {
    std::vector<int64_t> slots(static_cast<size_t>(count));
    std::iota(slots.begin(), slots.end(), 0);
    return slots;
  }
  // Features whose values tell slot, tensor and element; slot 0 stands at place `from`.
  static model::VisionFeatures features(int64_t from, int64_t count, bool filled = true) {
    model::VisionFeatures f;
    const tensor::Shape shape = {count * kTokens, kWidth};
    f.embeddings = tensor::Tensor::zeros(tensor::DType::kF32, shape);
    for (int k = 0; k < 2; ++k)
      f.deepstack.push_back(tensor::Tensor::zeros(tensor::DType::kF32, shape));
    if (!filled) return f;
    const auto fill = [&](tensor::Tensor& tensor, int which) {
      for (int64_t i = 0; i < tensor.elements(); ++i) {
        tensor.data<float>()[i] =
            static_cast<float>(from * kTokens * kWidth + i) * 1.25f + static_cast<float>(which);
      }
    };
    fill(f.embeddings, 1);
    for (int k = 0; k < 2; ++k) fill(f.deepstack[k], k + 2);
    return f;
  }
  static void expect_slots_equal(const model::VisionFeatures& a, const model::VisionFeatures& b,
                                 const std::vector<int64_t>& slots) {
    for (const int64_t slot : slots) {
      const auto rows = [&](const tensor::Tensor& t) {
        return std::vector<float>(t.data<float>() + slot * kTokens * kWidth,
                                  t.data<float>() + (slot + 1) * kTokens * kWidth);
      };
      EXPECT_EQ(rows(a.embeddings), rows(b.embeddings)) << slot;
      for (int k = 0; k < 2; ++k) EXPECT_EQ(rows(a.deepstack[k]), rows(b.deepstack[k])) << slot;
    }
  }

  static fs::path make_folder() {
    char name[] = "/tmp/shijian-features-XXXXXX";
    return ::mkdtemp(name) == nullptr ? throw std::runtime_error("mkdtemp failed") : name;
  }

  const fs::path root_ = make_folder();
  checkpoint::Checkpoint checkpoint_ = checkpoint::Checkpoint::open(checkpoint("dense_tied"));
  cache::DiskStore store_{{root_ / "cache", int64_t{1} << 30}};
};

TEST_F(FeatureCacheTest, GivesBackTheVeryBits) {
  FeatureCache first(store_, checkpoint_);
  const SlotKeys k = keys(0, 37);
  model::VisionFeatures out = features(0, 37, false);
  EXPECT_EQ(first.load(k, all(37), kTokens, out).size(), 37u);
  first.store(k, all(37), kTokens, features(0, 37));
  FeatureCache second(store_, checkpoint_);
  EXPECT_THAT(second.load(k, all(37), kTokens, out), IsEmpty());
  expect_slots_equal(out, features(0, 37), all(37));
}

TEST_F(FeatureCacheTest, OnlyWhatIsWantedIsCopied) {
  FeatureCache cache(store_, checkpoint_);
  cache.store(keys(0, 20), all(20), kTokens, features(0, 20));
  model::VisionFeatures out = features(0, 20, false);
  EXPECT_THAT(cache.load(keys(0, 20), std::vector<int64_t>{3, 17}, kTokens, out), IsEmpty());
  expect_slots_equal(out, features(0, 20), {3, 17});
  expect_slots_equal(out, features(0, 20, false), {0, 2, 4, 16, 18});
}

TEST_F(FeatureCacheTest, AShiftedWindowFindsTheOverlapAndAddsTheRest) {
  FeatureCache cache(store_, checkpoint_);
  cache.store(keys(5, 20), all(20), kTokens, features(5, 20));  // places 5 to 24
  model::VisionFeatures out = features(0, 40, false);
  EXPECT_THAT(
      cache.load(keys(0, 40), all(40), kTokens, out),
      ElementsAre(0, 1, 2, 3, 4, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39));
  cache.store(keys(0, 40), std::vector<int64_t>{0, 1, 2, 3, 4, 25, 26}, kTokens, features(0, 40));
  EXPECT_THAT(cache.load(keys(0, 27), all(27), kTokens, out), IsEmpty());
  expect_slots_equal(out, features(0, 40), all(27));
  EXPECT_EQ(store_.usage().entries, 3) << "two chunks and the weights' hash";
}

TEST_F(FeatureCacheTest, ASlotOfAnotherNameIsAnotherSlot) {
  FeatureCache cache(store_, checkpoint_);
  cache.store(keys(0, 4), all(4), kTokens, features(0, 4));
  SlotKeys other = keys(0, 4);
  other.slots[2] = keys(99, 1).slots[0];
  model::VisionFeatures out = features(0, 4, false);
  EXPECT_THAT(cache.load(other, all(4), kTokens, out), ElementsAre(2));
  EXPECT_EQ(cache.load(keys(0, 4, "elsewhere"), all(4), kTokens, out).size(), 4u);
}

// A window's last slot may repeat its frame where a longer window has another one.
TEST_F(FeatureCacheTest, AHalfSlotAndAWholeOneStandSideBySide) {
  FeatureCache cache(store_, checkpoint_);
  SlotKeys half = keys(0, 4);
  half.slots[3] = keys(99, 1).slots[0];
  half.last_repeats = true;
  cache.store(half, all(4), kTokens, features(50, 4));
  cache.store(keys(0, 8), all(8), kTokens, features(0, 8));
  model::VisionFeatures out = features(0, 8, false);
  EXPECT_THAT(cache.load(keys(0, 8), all(8), kTokens, out), IsEmpty());
  expect_slots_equal(out, features(0, 8), all(8));
  EXPECT_THAT(cache.load(half, all(4), kTokens, out), IsEmpty());
  expect_slots_equal(out, features(50, 4), {3});
}

TEST_F(FeatureCacheTest, AnotherEncoderIsAnotherCache) {
  const checkpoint::Checkpoint other = checkpoint::Checkpoint::open(checkpoint("dense_untied"));
  EXPECT_NE(encoder_identity(checkpoint_, store_), encoder_identity(other, store_));
  EXPECT_EQ(encoder_identity(checkpoint_, store_), encoder_identity(checkpoint_, store_));
  FeatureCache cache(store_, checkpoint_);
  cache.store(keys(0, 4), all(4), kTokens, features(0, 4));
  FeatureCache others(store_, other);
  model::VisionFeatures out = features(0, 4, false);
  EXPECT_EQ(others.load(keys(0, 4), all(4), kTokens, out).size(), 4u);
}

// A copy of a checkpoint has other files but the same weights; weights that differ in one bit,
// where no sample of Checkpoint::identity() looks, differ.
TEST_F(FeatureCacheTest, TheIdentityIsThatOfAllVisionWeights) {
  fs::copy(checkpoint("dense_tied"), root_ / "copy", fs::copy_options::recursive);
  const fs::path weights = root_ / "copy" / "model.safetensors";
  ASSERT_TRUE(fs::exists(weights));
  const std::string original = encoder_identity(checkpoint_, store_);
  uint64_t at = 0;
  {
    const checkpoint::Checkpoint copy = checkpoint::Checkpoint::open(root_ / "copy");
    EXPECT_EQ(encoder_identity(copy, store_), original);
    const tensor::TensorView& tensor = copy.tensor("model.visual.blocks.0.attn.qkv.weight");
    const auto& file = copy.files().front();
    const auto* base = static_cast<const char*>(file.tensors().front().view.data);
    at = file.bytes() - [&] {
      size_t total = 0;
      for (const auto& entry : file.tensors()) total += entry.view.bytes();
      return total;
    }();
    at += static_cast<uint64_t>(static_cast<const char*>(tensor.data) - base) + 70;
  }
  FILE* file = std::fopen(weights.c_str(), "r+b");
  ASSERT_NE(file, nullptr);
  std::fseek(file, static_cast<long>(at), SEEK_SET);
  const int byte = std::fgetc(file);
  std::fseek(file, static_cast<long>(at), SEEK_SET);
  std::fputc(byte ^ 1, file);
  std::fclose(file);
  const checkpoint::Checkpoint changed = checkpoint::Checkpoint::open(root_ / "copy");
  EXPECT_EQ(changed.identity(), checkpoint_.identity()) << "choose a byte that is no sample";
  EXPECT_NE(encoder_identity(changed, store_), original);
}

TEST_F(FeatureCacheTest, LargeSlotsComeInShorterChunks) {
  EXPECT_EQ(FeatureCache::places(kTokens * 2 * 16), 16);
  EXPECT_EQ(FeatureCache::places(int64_t{196} * 4 * 2048), 1);
  EXPECT_EQ(FeatureCache::places(int64_t{49} * 4 * 2048), 4);
}

}  // namespace
}  // namespace shijian::engine
