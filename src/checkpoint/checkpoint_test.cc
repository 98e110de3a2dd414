#include "checkpoint/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace shijian::checkpoint {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kConfig = R"({"model_type": "qwen3_vl", "transformers_version": "4.57.0",
    "image_token_id": 5, "video_token_id": 6, "vision_start_token_id": 2, "vision_end_token_id": 3,
    "text_config": {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
      "num_key_value_heads": 1, "head_dim": 4, "intermediate_size": 8, "vocab_size": 16,
      "rope_theta": 10000, "eos_token_id": 7},
    "vision_config": {"depth": 1, "hidden_size": 8, "num_heads": 2, "intermediate_size": 8,
      "num_position_embeddings": 4, "out_hidden_size": 8, "deepstack_visual_indexes": [0]}})";
constexpr const char* kProcessor = R"({"size": {"shortest_edge": 4096, "longest_edge": 65536},
    "patch_size": 16, "temporal_patch_size": 2, "merge_size": 2})";

class CheckpointTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::temp_directory_path() / ("shijian_checkpoint_" + std::to_string(::getpid()));
    fs::remove_all(directory_);
    fs::create_directories(directory_);
    write("config.json", kConfig);
    write("preprocessor_config.json", kProcessor);
    write("video_preprocessor_config.json", kProcessor);
  }
  void TearDown() override { fs::remove_all(directory_); }

  void write(const std::string& name, std::string_view content) {
    write_file_atomic(directory_ / name, content);
  }
  void write_weights(const std::string& name, const std::vector<std::string>& tensors,
                     tensor::DType dtype = tensor::DType::kF32) {
    std::map<std::string, tensor::TensorView> views;
    for (const auto& tensor : tensors) views[tensor] = {values_.data(), dtype, {2, 2}};
    write_safetensors(directory_ / name, views);
  }
  std::string error() {
    try {
      Checkpoint::open(directory_);
    } catch (const Error& e) {
      return e.message() + " | " + e.hint();
    }
    return {};
  }

  fs::path directory_;
  std::vector<float> values_{1, 2, 3, 4};
};

TEST_F(CheckpointTest, OneFile) {
  write_weights("model.safetensors", {"b", "a"});
  const Checkpoint opened = Checkpoint::open(directory_);
  EXPECT_THAT(opened.names(), ElementsAre("a", "b"));
  EXPECT_EQ(opened.tensor("a").span<float>()[3], 4);
  EXPECT_EQ(opened.find("c"), nullptr);
  EXPECT_THROW(opened.tensor("c"), Error);
  EXPECT_EQ(opened.tensor_bytes(), 32u);
  EXPECT_EQ(opened.bytes_by_dtype().at(tensor::DType::kF32), 32u);
  EXPECT_EQ(opened.config().text.hidden_size, 8);
  EXPECT_THAT(opened.generation().eos_token_ids, ElementsAre(7));
  EXPECT_EQ(opened.video_processor().longest_edge, 65536);
  write("generation_config.json", R"({"eos_token_id": [7, 8]})");
  EXPECT_THAT(Checkpoint::open(directory_).generation().eos_token_ids, ElementsAre(7, 8));
}

TEST_F(CheckpointTest, Shards) {
  write_weights("model-00001-of-00002.safetensors", {"a"});
  write_weights("model-00002-of-00002.safetensors", {"b", "c"}, tensor::DType::kBF16);
  write("model.safetensors.index.json",
        R"({"metadata": {"total_size": 1}, "weight_map": {"a": "model-00001-of-00002.safetensors",
            "b": "model-00002-of-00002.safetensors", "c": "model-00002-of-00002.safetensors"}})");
  const Checkpoint opened = Checkpoint::open(directory_);
  EXPECT_THAT(opened.names(), ElementsAre("a", "b", "c"));
  EXPECT_EQ(opened.bytes_by_dtype().at(tensor::DType::kBF16), 16u);
  EXPECT_EQ(opened.files().size(), 2u);

  fs::remove(directory_ / "model-00002-of-00002.safetensors");
  EXPECT_THAT(error(), HasSubstr("shard model-00002-of-00002.safetensors is missing"));
}

TEST_F(CheckpointTest, IndexAndShardsMustAgree) {
  write_weights("x.safetensors", {"a"});
  write_weights("y.safetensors", {"b"});
  const auto index = [&](const std::string& map) {
    write("model.safetensors.index.json", "{\"weight_map\": " + map + "}");
    return error();
  };
  EXPECT_EQ(index(R"({"a": "x.safetensors", "b": "y.safetensors"})"), "");
  EXPECT_THAT(index(R"({"a": "y.safetensors", "b": "x.safetensors"})"),
              HasSubstr("tensor a is in x.safetensors, but the index says y.safetensors"));
  EXPECT_THAT(index(R"({"a": "x.safetensors", "b": "y.safetensors", "c": "x.safetensors"})"),
              HasSubstr("tensor c is not in x.safetensors"));
  EXPECT_THAT(index(R"({"a": "x.safetensors", "d": "y.safetensors"})"),
              HasSubstr("tensor b is in y.safetensors, but the index does not name it"));
  for (const char* escape :
       {"../x.safetensors", "/etc/x.safetensors", "sub/x.safetensors", "..\\\\x.safetensors",
        ".safetensors", "x.bin", "", ".x.safetensors"}) {
    EXPECT_THAT(index("{\"a\": \"" + std::string(escape) + "\"}"), HasSubstr("beside the index"));
  }
  for (const char* bad : {"{}", "[]", "3", R"({"a": 3})", "null"}) {
    EXPECT_THAT(index(bad), HasSubstr("model.safetensors.index.json")) << bad;
  }
}

TEST_F(CheckpointTest, WrongDirectories) {
  EXPECT_THAT(error(), HasSubstr("neither model.safetensors nor"));
  write("model.safetensors", "12");
  EXPECT_THAT(error(), HasSubstr("too few"));
  fs::remove(directory_ / "model.safetensors");
  fs::create_directory(directory_ / "model.safetensors");
  EXPECT_THAT(error(), HasSubstr("a directory"));
  fs::remove(directory_ / "model.safetensors");
  write_weights("model.safetensors", {"a"});
  EXPECT_EQ(error(), "");

  fs::remove(directory_ / "preprocessor_config.json");
  EXPECT_THAT(error(), HasSubstr("holds no preprocessor_config.json"));
  write("processor_config.json", R"({"image_processor": {"patch_size": 16}})");
  EXPECT_EQ(error(), "");
  write("processor_config.json", R"({"image_processor": {"patch_size": 14}})");
  EXPECT_THAT(error(), HasSubstr("patch_size is 14, but config.json's vision_config has 16"));
  fs::remove(directory_ / "config.json");
  EXPECT_THAT(error(), HasSubstr("holds no config.json"));
  EXPECT_THAT(error(), HasSubstr("a checkpoint directory holds"));

  const fs::path directory = directory_;
  directory_ = directory / "preprocessor";
  EXPECT_THAT(error(), HasSubstr("no such directory"));
  directory_ = directory / "model.safetensors";
  EXPECT_THAT(error(), HasSubstr("not a directory"));
  directory_ = directory;
}

TEST_F(CheckpointTest, VideoProcessorFallsBackToTheImageFile) {
  write_weights("model.safetensors", {"a"});
  fs::remove(directory_ / "video_preprocessor_config.json");
  EXPECT_EQ(Checkpoint::open(directory_).video_processor().longest_edge, 65536);
}

TEST_F(CheckpointTest, Fp8IsUnsupported) {
  write_weights("model.safetensors", {"a", "a_scale_inv"}, tensor::DType::kF8E4M3);
  try {
    Checkpoint::open(directory_);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(e.message(), HasSubstr("F8_E4M3"));
  }
}

TEST_F(CheckpointTest, IdentityFollowsContentAndNotPlace) {
  write_weights("model.safetensors", {"a"});
  const std::string before = Checkpoint::open(directory_).identity();
  EXPECT_EQ(before.size(), 32u);
  EXPECT_EQ(Checkpoint::open(directory_).identity(), before);
  const fs::path moved = directory_.string() + "_moved";
  fs::copy(directory_, moved, fs::copy_options::recursive);
  EXPECT_EQ(Checkpoint::open(moved).identity(), before);
  fs::remove_all(moved);
  values_[3] = 5;
  write_weights("model.safetensors", {"a"});
  const std::string changed = Checkpoint::open(directory_).identity();
  EXPECT_NE(changed, before);
  write_weights("model.safetensors", {"z"});
  EXPECT_NE(Checkpoint::open(directory_).identity(), changed);
}

}  // namespace
}  // namespace shijian::checkpoint
