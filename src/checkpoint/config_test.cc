#include "checkpoint/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace shijian::checkpoint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// As 4.57 saves a dense model.
Json era4() {
  return Json::parse(R"({
    "architectures": ["Qwen3VLForConditionalGeneration"], "model_type": "qwen3_vl",
    "transformers_version": "4.57.0.dev0", "tie_word_embeddings": true,
    "image_token_id": 905, "video_token_id": 906, "vision_start_token_id": 902,
    "vision_end_token_id": 903,
    "text_config": {"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
      "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 128, "vocab_size": 1024,
      "rms_norm_eps": 1e-06, "max_position_embeddings": 262144, "tie_word_embeddings": true,
      "rope_theta": 5000000, "hidden_act": "silu", "attention_bias": false,
      "rope_scaling": {"mrope_interleaved": true, "mrope_section": [4, 2, 2],
                       "rope_type": "default"},
      "bos_token_id": 900, "eos_token_id": 901},
    "vision_config": {"depth": 4, "hidden_size": 32, "num_heads": 2, "intermediate_size": 48,
      "patch_size": 16, "temporal_patch_size": 2, "spatial_merge_size": 2, "in_channels": 3,
      "num_position_embeddings": 36, "out_hidden_size": 64,
      "deepstack_visual_indexes": [0, 1, 3], "hidden_act": "gelu_pytorch_tanh"}})");
}

// As 5.x saves a mixture of experts.
Json era5() {
  Json config = era4();
  config["model_type"] = "qwen3_vl_moe";
  config["transformers_version"] = "5.23.0";
  config["tie_word_embeddings"] = false;
  Json& text = config["text_config"];
  text.erase("rope_theta");
  text.erase("rope_scaling");
  text["rope_parameters"] = {
      {"rope_type", "yarn"}, {"factor", 2.0}, {"rope_theta", 1e6}, {"mrope_section", {4, 2, 2}}};
  text["num_local_experts"] = 8;
  text["num_experts_per_tok"] = 2;
  text["moe_intermediate_size"] = 24;
  text["mlp_only_layers"] = {2};
  text["eos_token_id"] = nullptr;
  return config;
}

ModelConfig parse(const Json& config) { return parse_model_config(config.dump(), "config.json"); }

// The error's message, or "" when the configuration is accepted.
std::string error_of(const Json& config, ErrorCode* code = nullptr) {
  try {
    parse(config);
  } catch (const Error& e) {
    if (code != nullptr) *code = e.code();
    return e.message();
  }
  return {};
}

TEST(Config, ReadsTheOlderForm) {
  const ModelConfig config = parse(era4());
  EXPECT_EQ(config.text.hidden_size, 64);
  EXPECT_EQ(config.text.num_layers, 4);
  EXPECT_EQ(config.text.num_heads, 4);
  EXPECT_EQ(config.text.num_kv_heads, 2);
  EXPECT_EQ(config.text.head_dim, 16);
  EXPECT_EQ(config.text.rope.theta, 5e6);
  EXPECT_EQ(config.text.rope.type, RopeType::kDefault);
  EXPECT_THAT(config.text.rope.mrope_section, ElementsAre(4, 2, 2));
  EXPECT_TRUE(config.text.tie_word_embeddings);
  EXPECT_FALSE(config.is_moe());
  EXPECT_FALSE(config.text.is_sparse_layer(0));
  EXPECT_EQ(config.vision.position_side, 6);
  EXPECT_THAT(config.vision.deepstack_visual_indexes, ElementsAre(0, 1, 3));
  EXPECT_EQ(config.image_token_id, 905);
  EXPECT_THAT(config.eos_token_ids, ElementsAre(901));
  EXPECT_EQ(config.bos_token_id, 900);
  EXPECT_EQ(config.pad_token_id, std::nullopt);
}

TEST(Config, ReadsTheNewerForm) {
  const ModelConfig config = parse(era5());
  EXPECT_EQ(config.text.rope.theta, 1e6);
  EXPECT_EQ(config.text.rope.type, RopeType::kYarn);
  EXPECT_EQ(config.text.rope.original_max_position, 262144);
  EXPECT_DOUBLE_EQ(config.text.rope.attention_factor, 0.1 * std::log(2.0) + 1);
  EXPECT_EQ(config.text.moe.num_experts, 8);
  EXPECT_EQ(config.text.moe.experts_per_token, 2);
  EXPECT_TRUE(config.text.is_sparse_layer(1));
  EXPECT_FALSE(config.text.is_sparse_layer(2));
  EXPECT_TRUE(config.eos_token_ids.empty());
}

TEST(Config, TheWriterDecidesWhichTyingCounts) {
  Json config = era5();  // 5.x: the one beside text_config
  EXPECT_FALSE(parse(config).text.tie_word_embeddings);
  config["transformers_version"] = "4.57.6";
  EXPECT_TRUE(parse(config).text.tie_word_embeddings);
  config.erase("transformers_version");
  EXPECT_THAT(error_of(config), HasSubstr("tie_word_embeddings"));
  config["text_config"].erase("tie_word_embeddings");
  EXPECT_FALSE(parse(config).text.tie_word_embeddings);
}

TEST(Config, YarnAttentionFactorFollowsTheReference) {
  Json config = era5();
  Json& rope = config["text_config"]["rope_parameters"];
  rope["mscale"] = 1.0;
  rope["mscale_all_dim"] = 0.5;
  EXPECT_DOUBLE_EQ(parse(config).text.rope.attention_factor,
                   (0.1 * std::log(2.0) + 1) / (0.05 * std::log(2.0) + 1));
  rope["attention_factor"] = 1.25;
  EXPECT_EQ(parse(config).text.rope.attention_factor, 1.25);
  rope["original_max_position_embeddings"] = 131072;
  EXPECT_EQ(parse(config).text.rope.original_max_position, 131072);
}

TEST(Config, ThetaMayStandInsideOrBesideButNotNowhere) {
  Json config = era4();
  config["text_config"]["rope_scaling"]["rope_theta"] = 5000000;
  EXPECT_EQ(parse(config).text.rope.theta, 5e6);
  config["text_config"]["rope_scaling"]["rope_theta"] = 10000;
  EXPECT_THAT(error_of(config), HasSubstr("rope_theta"));
  config["text_config"].erase("rope_theta");
  EXPECT_EQ(parse(config).text.rope.theta, 10000);
  config["text_config"]["rope_scaling"].erase("rope_theta");
  EXPECT_THAT(error_of(config), HasSubstr("text_config.rope_theta is missing"));
}

TEST(Config, AbsentKeysTakeTheDefaultsOnWhichTheReferencesAgree) {
  Json config = era4();
  for (const char* key : {"head_dim", "vocab_size", "rms_norm_eps", "max_position_embeddings"}) {
    config["text_config"].erase(key);
  }
  for (const char* key : {"image_token_id", "video_token_id"}) config.erase(key);
  const ModelConfig dense = parse(config);
  EXPECT_EQ(dense.text.head_dim, 128);
  EXPECT_EQ(dense.text.vocab_size, 151936);
  EXPECT_EQ(dense.text.max_position_embeddings, 128000);
  EXPECT_EQ(dense.video_token_id, 151656);
  config = era5();
  config["text_config"].erase("head_dim");
  EXPECT_EQ(parse(config).text.head_dim, 16);
  config = era4();
  config["text_config"]["num_key_value_heads"] = nullptr;
  EXPECT_EQ(parse(config).text.num_kv_heads, 4);
}

struct Bad {
  const char* pointer;  // JSON pointer of the value to replace
  const char* value;    // JSON; "" erases
  const char* message;
  ErrorCode code = ErrorCode::kInvalid;
};

TEST(Config, BadValuesAreErrorsThatNameFileAndKey) {
  const ErrorCode unsupported = ErrorCode::kUnsupported;
  const std::vector<Bad> cases = {
      {"/model_type", "\"llama\"", "model_type is \"llama\"", unsupported},
      {"/model_type", "", "model_type is \"\"", unsupported},
      {"/model_type", "7", "model_type is 7"},
      {"/quantization_config", R"({"quant_method":"fp8"})", "fp8", unsupported},
      {"/text_config", "", "text_config is missing"},
      {"/text_config", "[]", "text_config is a list"},
      {"/vision_config", "null", "vision_config is missing"},
      {"/text_config/hidden_size", "0", "text_config.hidden_size is 0"},
      {"/text_config/hidden_size", "-64", "is -64"},
      {"/text_config/hidden_size", "64.0", "is 64.0"},
      {"/text_config/hidden_size", "\"64\"", "is \"64\""},
      {"/text_config/hidden_size", "true", "is true"},
      {"/text_config/hidden_size", "[64]", "is a list"},
      {"/text_config/hidden_size", "1e30", "is 1e+30"},
      {"/text_config/hidden_size", "18446744073709551615", "is 18446744073709551615"},
      {"/text_config/hidden_size", "9223372036854775807", "expected an integer from 1"},
      {"/text_config/hidden_size", "128", "vision_config.out_hidden_size is 64"},
      {"/text_config/num_hidden_layers", "100000", "num_hidden_layers"},
      {"/text_config/num_attention_heads", "5", "does not divide 5"},
      {"/text_config/num_key_value_heads", "3", "does not divide"},
      {"/text_config/num_key_value_heads", "0", "num_key_value_heads is 0"},
      {"/text_config/head_dim", "15", "expected an even number"},
      {"/text_config/vocab_size", "900", "outside the vocabulary of 900"},
      {"/text_config/vocab_size", "100000000000", "vocab_size"},
      {"/text_config/rms_norm_eps", "0", "rms_norm_eps is 0"},
      {"/text_config/rms_norm_eps", "-1e-6", "rms_norm_eps"},
      {"/text_config/rms_norm_eps", "\"1e-6\"", "expected a number"},
      {"/text_config/hidden_act", "\"gelu\"", "hidden_act", unsupported},
      {"/text_config/attention_bias", "true", "attention_bias", unsupported},
      {"/text_config/rope_theta", "0", "rope_theta is 0"},
      {"/text_config/rope_scaling", "3", "rope_scaling is 3"},
      {"/text_config/rope_scaling/rope_type", "\"llama3\"", "llama3", unsupported},
      {"/text_config/rope_scaling/rope_type", "\"yarn\"", "rope_scaling.factor is missing"},
      {"/text_config/rope_scaling/mrope_section", "[4, 4]", "mrope_section has not 3"},
      {"/text_config/rope_scaling/mrope_section", "[4, 2, -2]", "mrope_section is -2"},
      {"/text_config/rope_scaling/mrope_interleaved", "false", "mrope_interleaved", unsupported},
      {"/text_config/rope_parameters", R"({"rope_type":"default"})", "both present and differ"},
      {"/text_config/eos_token_id", "[901, \"x\"]", "eos_token_id is \"x\""},
      {"/text_config/eos_token_id", "-1", "eos_token_id is -1"},
      {"/vision_config/depth", "0", "vision_config.depth is 0"},
      {"/vision_config/num_heads", "3", "not a multiple of 4 times 3"},
      {"/vision_config/hidden_size", "36", "not a multiple"},
      {"/vision_config/in_channels", "4", "in_channels is 4"},
      {"/vision_config/patch_size", "[16, 16]", "patch_size is a list"},
      {"/vision_config/num_position_embeddings", "35", "not a square"},
      {"/vision_config/deepstack_visual_indexes", "[0, 4]", "deepstack_visual_indexes is 4"},
      {"/vision_config/deepstack_visual_indexes", "[1, 1]", "ascending"},
      {"/vision_config/deepstack_visual_indexes", "5", "expected a list"},
      {"/vision_config/hidden_act", "\"quick_gelu\"", "quick_gelu", unsupported},
      {"/image_token_id", "1024", "image_token_id is 1024"},
  };
  for (const Bad& bad : cases) {
    Json config = era4();
    const Json::json_pointer pointer(bad.pointer);
    if (*bad.value == '\0') {
      config.erase(pointer.back());
    } else {
      config[pointer] = Json::parse(bad.value);
    }
    ErrorCode code = ErrorCode::kInternal;
    const std::string message = error_of(config, &code);
    EXPECT_THAT(message, HasSubstr("config.json")) << bad.pointer << " " << bad.value;
    EXPECT_THAT(message, HasSubstr(bad.message)) << bad.pointer << " " << bad.value;
    EXPECT_EQ(code, bad.code) << message;
  }
}

TEST(Config, BadExpertsAreErrors) {
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, Json>>{{"num_local_experts", 0},
                                                 {"num_experts_per_tok", 9},
                                                 {"moe_intermediate_size", -1},
                                                 {"decoder_sparse_step", 0},
                                                 {"mlp_only_layers", {4}},
                                                 {"norm_topk_prob", false}}) {
    Json config = era5();
    config["text_config"][key] = value;
    EXPECT_THAT(error_of(config), HasSubstr("text_config." + key));
  }
}

TEST(Config, TextThatIsNotJsonIsAnError) {
  for (const char* text : {"", "{", "[]", "NaN", "{\"a\":NaN}", "\xff", "null"}) {
    EXPECT_THROW(parse_model_config(text, "config.json"), Error) << text;
    EXPECT_THROW(parse_generation_config(text, "g.json"), Error) << text;
  }
}

TEST(Config, GenerationDefaults) {
  const auto official = parse_generation_config(
      R"({"bos_token_id":151643,"pad_token_id":151643,"do_sample":true,"eos_token_id":[151645,151643],
          "top_k":20,"top_p":0.8,"repetition_penalty":1.0,"temperature":0.7,
          "transformers_version":"4.56.0"})",
      "generation_config.json");
  EXPECT_TRUE(official.do_sample);
  EXPECT_EQ(official.top_k, 20);
  EXPECT_EQ(official.temperature, 0.7);
  EXPECT_THAT(official.eos_token_ids, ElementsAre(151645, 151643));
  const auto bare = parse_generation_config("{}", "generation_config.json");
  EXPECT_FALSE(bare.do_sample);
  EXPECT_EQ(bare.top_k, 50);
  EXPECT_TRUE(bare.eos_token_ids.empty());
  for (const char* bad : {R"({"temperature":-1})", R"({"top_p":1.5})", R"({"top_k":1.5})",
                          R"({"repetition_penalty":0})", R"({"eos_token_id":"x"})"}) {
    EXPECT_THROW(parse_generation_config(bad, "generation_config.json"), Error) << bad;
  }
}

TEST(Config, ProcessorsInTheirOwnFileOrInOneForBoth) {
  const auto image = parse_image_processor(
      R"({"size":{"longest_edge":16777216,"shortest_edge":65536},"patch_size":16,
          "temporal_patch_size":2,"merge_size":2,"image_mean":[0.5,0.5,0.5],
          "image_std":[0.5,0.5,0.5],"processor_class":"Qwen3VLProcessor"})",
      "preprocessor_config.json");
  EXPECT_EQ(image.longest_edge, 16777216);
  EXPECT_EQ(image.mean[2], 0.5);
  const char* both = R"({"image_processor":{"patch_size":16,"min_pixels":1024,"max_pixels":4096},
      "video_processor":{"size":{"longest_edge":25165824,"shortest_edge":4096},"fps":4,
                         "max_frames":100,"cap_pixels_per_frame":true,"resample":3}})";
  EXPECT_EQ(parse_image_processor(both, "p").longest_edge, 4096);
  const auto video = parse_video_processor(both, "p");
  EXPECT_EQ(video.shortest_edge, 4096);
  EXPECT_EQ(video.fps, 4);
  EXPECT_EQ(video.max_frames, 100);
  EXPECT_EQ(video.cap_pixels_per_frame, true);
  const auto bare = parse_video_processor("{}", "p");
  EXPECT_EQ(bare.longest_edge, 32 * 32 * 768);
  EXPECT_EQ(bare.fps, 2);
  EXPECT_EQ(bare.cap_pixels_per_frame, std::nullopt);
  for (const char* bad :
       {R"({"size":{"longest_edge":5}})", R"({"size":{"longest_edge":5,"shortest_edge":6}})",
        R"({"size":4})", R"({"image_mean":[0.5]})", R"({"image_std":[0,1,1]})", R"({"resample":2})",
        R"({"patch_size":0})", R"({"fps":0})", R"({"do_resize":false})",
        R"({"min_frames":9,"max_frames":8})", R"({"fps":"2"})", R"({"video_processor":[]})"}) {
    EXPECT_THROW(parse_video_processor(bad, "p"), Error) << bad;
  }
}

}  // namespace
}  // namespace shijian::checkpoint
