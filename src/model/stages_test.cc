#include "model/stages.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "checkpoint/safetensors.h"

namespace shijian::model {
namespace {

TEST(Stages, PiecesOfRowsJoinAndTheFileHoldsEverything) {
  StageRecorder stages;
  const std::vector<float> rows = {1, 2, 3, 4, 5, 6};
  stages.add_rows("hidden.0", {rows.data(), 2, 2, 3});  // columns 0 and 1 of two rows
  stages.add_rows("hidden.0", {rows.data(), 1, 2});
  PositionIds ids;
  append_positions(ids, 2, {});
  stages.add_positions(ids);
  append_positions(ids, 1, {});
  stages.set_ints("tokens", std::vector<int64_t>{7, 8});
  stages.set_doubles("frame_times.0", std::vector<double>{0.25});
  tensor::Tensor frames(tensor::DType::kU8, {1, 1, 1, 3});
  frames.data<uint8_t>()[2] = 9;
  stages.set("frames.0", std::move(frames));

  const auto path = std::filesystem::temp_directory_path() /
                    ("shijian_stages_" + std::to_string(getpid()) + ".safetensors");
  OutputFile out(path);
  stages.write(out);
  out.commit();
  const checkpoint::SafetensorsFile file(path);
  std::filesystem::remove(path);
  EXPECT_EQ(file.tensor("hidden.0").shape, (tensor::Shape{3, 2}));
  EXPECT_THAT(file.tensor("hidden.0").span<float>(), testing::ElementsAre(1, 2, 4, 5, 1, 2));
  EXPECT_EQ(file.tensor("position_ids").shape, (tensor::Shape{3, 2}));
  EXPECT_THAT(file.tensor("position_ids").span<int64_t>(), testing::ElementsAre(0, 1, 0, 1, 0, 1));
  EXPECT_THAT(file.tensor("tokens").span<int64_t>(), testing::ElementsAre(7, 8));
  EXPECT_EQ(file.tensor("frame_times.0").span<double>()[0], 0.25);
  EXPECT_EQ(file.tensor("frames.0").span<uint8_t>()[2], 9);
}

}  // namespace
}  // namespace shijian::model
