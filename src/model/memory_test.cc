#include "model/memory.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace shijian::model {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// The text of the 4B model.
checkpoint::ModelConfig config_4b() {
  checkpoint::ModelConfig config;
  config.text.hidden_size = 2560;
  config.text.num_layers = 36;
  config.text.num_heads = 32;
  config.text.num_kv_heads = 8;
  config.text.head_dim = 128;
  config.text.intermediate_size = 9728;
  config.text.vocab_size = 151936;
  config.text.max_position_embeddings = 262144;
  config.vision.hidden_size = 1024;
  config.vision.num_heads = 16;
  config.vision.intermediate_size = 4096;
  config.vision.spatial_merge_size = 2;
  config.vision.out_hidden_size = 2560;
  config.vision.deepstack_visual_indexes = {5, 11, 17};
  return config;
}

TEST(Memory, CountsTheKeyValueCache) {
  RequestSize request;
  request.context_tokens = 1000;
  const MemoryNeed need = memory_need(config_4b(), request);
  EXPECT_EQ(need.kv_cache, 36LL * 2 * 8 * 128 * 4 * 1000);
  EXPECT_EQ(need.vision, 0);
  EXPECT_LT(need.decoder, 100'000'000);
  request.visual_tokens = 800;
  request.largest_slot = 3200;
  EXPECT_GT(memory_need(config_4b(), request).vision, 4LL * 800 * 2560 * 4);
}

TEST(Memory, RefusesWhatDoesNotFitAndSaysWhy) {
  RequestSize request;
  request.context_tokens = 100'000;
  EXPECT_NO_THROW(check_request(config_4b(), request, 8'880'000'000, 40'000'000'000));
  try {
    check_request(config_4b(), request, 8'880'000'000, 8'000'000'000);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kNoMemory);
    EXPECT_THAT(e.message(),
                AllOf(HasSubstr("100000 tokens"), HasSubstr("key/value cache 29.5 GB"),
                      HasSubstr("weights, 8.9 GB"), HasSubstr("8.0 GB are available")));
    EXPECT_THAT(e.hint(), HasSubstr("fewer frames"));
  }
}

TEST(Memory, RefusesMoreTokensThanPositions) {
  RequestSize request;
  request.context_tokens = 262'145;
  try {
    check_request(config_4b(), request, 8'880'000'000, 1LL << 50);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUsage);
    EXPECT_THAT(e.message(), HasSubstr("262144 positions"));
  }
}

TEST(Memory, KnowsThisMachine) {
  EXPECT_GT(available_memory(), 10'000'000);
  EXPECT_LT(available_memory(), 1LL << 50);
}

TEST(Memory, SaysBytesInWords) {
  EXPECT_EQ(bytes_text(3'240'000'000), "3.2 GB");
  EXPECT_EQ(bytes_text(845'400'000), "845 MB");
  EXPECT_EQ(bytes_text(12'000), "12 kB");
}

TEST(Memory, WarnsOfWeightsThatDoNotFit) {
  EXPECT_TRUE(weights_warning(8'000'000'000, 8'000'000'000).empty());
  const std::string warning = weights_warning(16'000'000'000, 8'000'000'000).english();
  EXPECT_NE(warning.find("16.0 GB"), std::string::npos) << warning;
  EXPECT_NE(warning.find("8.0 GB"), std::string::npos) << warning;
}

}  // namespace
}  // namespace shijian::model
