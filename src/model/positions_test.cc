#include "model/positions.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace shijian::model {
namespace {

using testing::ElementsAre;

constexpr int32_t kImage = 301;
constexpr int32_t kVideo = 302;

TEST(Positions, TextAdvancesAllAxes) {
  PositionIds ids;
  append_positions(ids, 3, {});
  EXPECT_THAT(ids.time, ElementsAre(0, 1, 2));
  EXPECT_EQ(ids.row, ids.time);
  EXPECT_EQ(ids.col, ids.time);
  EXPECT_EQ(ids.next, 3);
}

TEST(Positions, ABlockSpreadsRowsAndColumnsAndTextFollowsItsLargest) {
  PositionIds ids;
  const std::vector<VisualBlock> blocks = {{2, {2, 3}}};
  append_positions(ids, 9, blocks);
  EXPECT_THAT(ids.time, ElementsAre(0, 1, 2, 2, 2, 2, 2, 2, 5));
  EXPECT_THAT(ids.row, ElementsAre(0, 1, 2, 2, 2, 3, 3, 3, 5));
  EXPECT_THAT(ids.col, ElementsAre(0, 1, 2, 3, 4, 2, 3, 4, 5));
  EXPECT_EQ(ids.next, 6);
}

TEST(Positions, AppendingContinues) {
  const std::vector<int32_t> tokens = {1, kVideo, kVideo, 2, kVideo, kVideo, 3, 4};
  const std::vector<MergedGrid> slots = {{2, 1}, {1, 2}};
  PositionIds whole;
  append_positions(whole, 8, find_visual_blocks(tokens, kImage, kVideo, {}, slots));
  PositionIds parts;
  const std::vector<VisualBlock> first = {{1, {2, 1}}};
  const std::vector<VisualBlock> second = {{1, {1, 2}}};
  append_positions(parts, 3, first);
  append_positions(parts, 5, second);
  EXPECT_EQ(parts.time, whole.time);
  EXPECT_EQ(parts.row, whole.row);
  EXPECT_EQ(parts.col, whole.col);
  EXPECT_EQ(parts.next, whole.next);
}

TEST(Positions, FindsImagesAndSlotsInOrder) {
  const std::vector<int32_t> tokens = {5, kVideo, kVideo, kImage, 6, kVideo, kVideo};
  const std::vector<MergedGrid> images = {{1, 1}};
  const std::vector<MergedGrid> slots = {{1, 2}, {2, 1}};
  const auto blocks = find_visual_blocks(tokens, kImage, kVideo, images, slots);
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_EQ(blocks[0].first, 1);
  EXPECT_EQ(blocks[1].first, 3);
  EXPECT_EQ(blocks[2].first, 5);
  EXPECT_EQ(blocks[2].grid.rows, 2);
}

TEST(Positions, RefusesPadsThatDoNotMatch) {
  const std::vector<int32_t> tokens = {5, kVideo, kVideo, 6};
  const auto find = [&](std::vector<MergedGrid> images, std::vector<MergedGrid> slots) {
    return find_visual_blocks(tokens, kImage, kVideo, images, slots);
  };
  EXPECT_NO_THROW(find({}, {{1, 2}}));
  EXPECT_THROW(find({}, {}), Error);
  EXPECT_THROW(find({}, {{1, 3}}), Error);                  // runs into text
  EXPECT_THROW(find({}, {{1, 1}}), Error);                  // a pad too many
  EXPECT_THROW(find({}, {{1, 2}, {1, 1}}), Error);          // a grid too many
  EXPECT_THROW(find({{1, 1}}, {{1, 2}}), Error);            // an image too many
  EXPECT_THROW(find({}, {{0, 2}}), Error);                  // empty
  EXPECT_THROW(find({}, {{1LL << 40, 1LL << 40}}), Error);  // product overflows
}

TEST(Positions, RefusesBlocksOutsideTheSequence) {
  PositionIds ids;
  for (const VisualBlock block :
       {VisualBlock{-1, {1, 1}}, VisualBlock{3, {2, 1}}, VisualBlock{0, {1LL << 40, 1LL << 40}}}) {
    const std::vector<VisualBlock> blocks = {block};
    EXPECT_THROW(append_positions(ids, 4, blocks), Error);
  }
}

}  // namespace
}  // namespace shijian::model
