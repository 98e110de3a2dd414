#include "model/weights.h"

#include <gmock/gmock.h>

#include "model/tiny_checkpoint.h"

namespace shijian::model {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string error_of(const TinyCheckpoint& tiny) {
  try {
    tiny.write();
    const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(tiny.directory());
    bind_weights(checkpoint);
  } catch (const Error& e) {
    return e.message();
  }
  return {};
}

TEST(Weights, BindsEveryTensor) {
  TinyCheckpoint tiny;
  tiny.make();
  tiny.write();
  const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(tiny.directory());
  const ModelWeights weights = bind_weights(checkpoint);
  ASSERT_EQ(weights.vision.blocks.size(), 3u);
  ASSERT_EQ(weights.text.layers.size(), 3u);
  EXPECT_EQ(weights.vision.deepstack.size(), 2u);
  EXPECT_EQ(weights.vision.patch_embed.weight.cols, 3 * 2 * 4 * 4);
  EXPECT_EQ(weights.vision.deepstack[1].norm.bias,
            tiny.tensors["model.visual.deepstack_merger_list.1.norm.bias"].values);
  EXPECT_EQ(weights.text.layers[2].k_norm,
            tiny.tensors["model.language_model.layers.2.self_attn.k_norm.weight"].values);
  // Matrices are views into the map, the tied head the embedding's.
  const tensor::TensorView& up =
      checkpoint.tensor("model.language_model.layers.1.mlp.up_proj.weight");
  EXPECT_EQ(weights.text.layers[1].up_proj.weight.data, up.data);
  EXPECT_EQ(weights.text.lm_head.weight.data, weights.text.embedding.data);
}

TEST(Weights, NamesTheTensorThatIsMissing) {
  TinyCheckpoint tiny;
  tiny.make();
  tiny.tensors.erase("model.visual.blocks.2.attn.proj.bias");
  EXPECT_THAT(error_of(tiny),
              AllOf(HasSubstr(tiny.directory().string()),
                    HasSubstr("model.visual.blocks.2.attn.proj.bias: missing"), HasSubstr("[16]")));
}

TEST(Weights, NamesTheTensorThatIsTooMany) {
  TinyCheckpoint tiny;
  tiny.make();
  tiny.tensors["model.language_model.layers.3.mlp.up_proj.weight"] = {{1}, {0}};
  EXPECT_THAT(error_of(tiny),
              HasSubstr("model.language_model.layers.3.mlp.up_proj.weight: [1] is no part"));
}

TEST(Weights, NamesTheTensorOfAnotherShape) {
  TinyCheckpoint tiny;
  tiny.make();
  auto& proj = tiny.tensors["model.language_model.layers.0.self_attn.o_proj.weight"];
  std::swap(proj.shape[0], proj.shape[1]);
  EXPECT_THAT(error_of(tiny), AllOf(HasSubstr("layers.0.self_attn.o_proj.weight"),
                                    HasSubstr("[48, 24], expected [24, 48]")));
}

TEST(Weights, RefusesOtherElementTypes) {
  TinyCheckpoint tiny;
  tiny.make();
  tiny.write();
  std::map<std::string, tensor::TensorView> views;
  const std::vector<int32_t> zeros(40 * 24);
  for (const auto& [name, stored] : tiny.tensors)
    views[name] = {stored.values.data(), tensor::DType::kF32, stored.shape};
  views["model.language_model.embed_tokens.weight"] = {zeros.data(), tensor::DType::kI32, {40, 24}};
  checkpoint::write_safetensors(tiny.directory() / "model.safetensors", views);
  try {
    const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(tiny.directory());
    bind_weights(checkpoint);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(e.message(), HasSubstr("embed_tokens.weight holds I32"));
  }
}

TEST(Weights, ASavedHeadMustEqualTheEmbeddingItIsTiedTo) {
  TinyCheckpoint tiny;
  tiny.make();
  auto& head = tiny.tensors["lm_head.weight"];
  head = tiny.tensors["model.language_model.embed_tokens.weight"];
  EXPECT_EQ(error_of(tiny), "");
  head.values[5] += 1;
  EXPECT_THAT(error_of(tiny), HasSubstr("lm_head.weight: differs"));
}

TEST(Weights, AnUntiedHeadIsNeeded) {
  TinyCheckpoint tiny;
  tiny.tied = false;
  tiny.make();
  EXPECT_EQ(error_of(tiny), "");
  tiny.tensors.erase("lm_head.weight");
  EXPECT_THAT(error_of(tiny), HasSubstr("lm_head.weight: missing"));
}

TEST(Weights, ExpertsInBothAxisOrders) {
  for (const int64_t ffn : {20, 12, 24}) {  // 12 makes gate_up square, 24 makes down square
    for (const bool in_out : {false, true}) {
      TinyCheckpoint tiny;
      tiny.experts = 3;
      tiny.expert_ffn = ffn;
      tiny.experts_in_out = in_out;
      tiny.make();
      tiny.write();
      const checkpoint::Checkpoint checkpoint = checkpoint::Checkpoint::open(tiny.directory());
      const ModelWeights weights = bind_weights(checkpoint);
      EXPECT_TRUE(weights.text.layers[0].sparse());
      EXPECT_FALSE(weights.text.layers[1].sparse());
      EXPECT_EQ(weights.text.layers[2].gate_up.transposed, in_out) << ffn;
      EXPECT_EQ(weights.text.layers[2].down.transposed, in_out) << ffn;
      const auto expert = weights.text.layers[2].down.expert(2);
      EXPECT_EQ(expert.rows, in_out ? ffn : 24);
      EXPECT_EQ(static_cast<const float*>(expert.data)[1],
                tiny.tensors["model.language_model.layers.2.mlp.experts.down_proj"]
                    .values[static_cast<size_t>(2 * 24 * ffn + 1)]);
    }
  }
}

TEST(Weights, ExpertsOfAnotherShapeAreNamed) {
  TinyCheckpoint tiny;
  tiny.experts = 3;
  tiny.make();
  tiny.tensors["model.language_model.layers.0.mlp.experts.gate_up_proj"].shape = {24, 3, 40};
  EXPECT_THAT(error_of(tiny), AllOf(HasSubstr("layers.0.mlp.experts.gate_up_proj"),
                                    HasSubstr("expected [3, 40, 24] or [3, 24, 40]")));
}

}  // namespace
}  // namespace shijian::model
