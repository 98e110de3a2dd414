// Agreement with the reference, stage by stage, from the reference's own patches to the greedy
// answer.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>

#include "agreement_fixture.h"
#include "base/threads.h"
#include "checkpoint/checkpoint.h"
#include "model/decoder.h"
#include "model/positions.h"
#include "model/vision_encoder.h"
#include "model/weights.h"

namespace shijian::agreement {
namespace {

struct Case {
  const char* checkpoint;
  int reference;
};

std::string case_name(const testing::TestParamInfo<Case>& info) {
  return fmt::format("{}_ref{}", info.param.checkpoint, info.param.reference);
}

class Agreement : public testing::TestWithParam<Case> {};

TEST_P(Agreement, EveryStageOfEveryInput) {
  const Fixture fixture(GetParam().checkpoint, GetParam().reference);
  const Checkpoint checkpoint = Checkpoint::open(fixture.checkpoint_directory());
  const ModelConfig& config = checkpoint.config();
  const ModelWeights weights = bind_weights(checkpoint);
  ThreadPool pool(1);
  const VisionEncoder encoder(config.vision, weights.vision, pool);
  Decoder decoder(config.text, weights.text, pool);

  for (const Input& input : read_inputs()) {
    SCOPED_TRACE(input.name);
    StageRecorder recorder;
    std::vector<VisionFeatures> features;
    std::vector<MergedGrid> images, slots;
    struct Rows {
      size_t medium;
      int64_t first;
    };
    std::vector<Rows> image_rows, slot_rows;
    for (const Medium& medium : input.media) {
      const Tensor patches = fixture.pixel_values(medium);
      const auto& frames = fixture.frames(medium);
      // The grid's sides, from the patch count and the frames' shape: the tests' sizes leave no
      // doubt.
      const int64_t slot_count = medium.is_image ? 1 : (frames.shape[0] + 1) / 2;
      const int64_t per_slot = patches.dim(0) / slot_count;
      PatchGrid grid{slot_count, 0, 0};
      double best = 1e9;
      for (int64_t rows = 2; rows <= per_slot / 2; rows += 2)
        if (per_slot % rows == 0 && (per_slot / rows) % 2 == 0) {
          const double ratio =
              std::abs(std::log(static_cast<double>(rows * rows) / per_slot) -
                       std::log(static_cast<double>(frames.shape[1]) / frames.shape[2]));
          if (ratio < best) best = ratio, grid.rows = rows, grid.cols = per_slot / rows;
        }
      EncodeOptions options;
      options.stages = &recorder;
      features.push_back(encoder.encode({patches.data<float>(), patches.dim(0), patches.dim(1)},
                                        std::span(&grid, 1), options));
      const MergedGrid merged = encoder.merged(grid);
      for (int64_t s = 0; s < slot_count; ++s) {
        (medium.is_image ? images : slots).push_back(merged);
        (medium.is_image ? image_rows : slot_rows)
            .push_back({features.size() - 1, s * merged.tokens()});
      }
    }
    const std::vector<int32_t> prompt = fixture.prompt_tokens(input);
    const auto blocks =
        find_visual_blocks(prompt, config.image_token_id, config.video_token_id, images, slots);
    PositionIds ids;
    append_positions(ids, static_cast<int64_t>(prompt.size()), blocks);
    std::vector<int32_t> flat(ids.time);
    flat.insert(flat.end(), ids.row.begin(), ids.row.end());
    flat.insert(flat.end(), ids.col.begin(), ids.col.end());
    EXPECT_EQ(flat, fixture.position_ids(input));

    std::vector<VisualRows> visual;
    size_t image = 0, slot = 0;
    for (const VisualBlock& block : blocks) {
      const bool is_image = prompt[static_cast<size_t>(block.first)] == config.image_token_id;
      const Rows& rows = is_image ? image_rows[image++] : slot_rows[slot++];
      visual.push_back({block.first, block.grid.tokens(), &features[rows.medium], rows.first});
    }
    KvCache cache = decoder.make_cache(static_cast<int64_t>(prompt.size()) + 64);
    ForwardOptions options;
    options.stages = &recorder;
    ConstMatrix logits = decoder.forward({prompt, ids, visual}, cache, options);
    const auto recorded = recorder.tensors();
    std::string line;
    for (const std::string& stage : fixture.stages(input)) {
      const auto found = recorded.find(stage);
      if (found == recorded.end()) {
        ADD_FAILURE() << stage << " is not recorded";
        continue;
      }
      const double apart = fixture.apart(input, stage, found->second.span<float>());
      EXPECT_LE(apart, 1e-4) << stage;
      line += fmt::format(" {}={:.0e}", stage, apart);
    }
    std::cout << GetParam().checkpoint << "." << GetParam().reference << " " << input.name << line
              << "\n";

    const std::vector<int32_t> expected = fixture.tokens(input);
    std::vector<int32_t> answer;
    PositionIds next;
    int32_t position = ids.next;
    while (true) {
      const float* row = logits.row(0);
      answer.push_back(static_cast<int32_t>(std::max_element(row, row + logits.cols) - row));
      if (answer.size() == expected.size()) break;
      PositionIds one{{position}, {position}, {position}, position + 1};
      logits = decoder.forward({std::span(&answer.back(), 1), one, {}}, cache);
      ++position;
    }
    EXPECT_EQ(answer, expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, Agreement,
                         testing::Values(Case{"dense_tied", 4}, Case{"dense_tied", 5},
                                         Case{"dense_untied", 4}, Case{"dense_untied", 5},
                                         Case{"head_128", 4}, Case{"head_128", 5},
                                         Case{"head_40", 4}, Case{"head_40", 5},
                                         Case{"vision_27", 4}, Case{"vision_27", 5},
                                         Case{"yarn", 4}, Case{"yarn", 5}, Case{"f16_thinking", 4},
                                         Case{"f16_thinking", 5}, Case{"moe_4", 4},
                                         Case{"moe_5", 5}, Case{"dense_5", 5}),
                         case_name);

}  // namespace
}  // namespace shijian::agreement
