#include "engine/slot_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace shijian::engine {
namespace {

using testing::ElementsAreArray;

MediaSettings settings() {
  MediaSettings s;
  s.video.patch_size = 16;
  s.video.temporal_patch_size = 2;
  s.video.merge_size = 2;
  s.video.mean = s.video.std = {0.5, 0.5, 0.5};
  s.image = s.video;
  return s;
}

// A plan of n frames spread from `first` to `last` as the planner does, at 25 frames a second.
Media planned(int64_t first, int64_t last, int64_t n) {
  video::VideoInfo info;
  info.frame_count = 100'000;
  info.frame_rate = {25, 1};
  info.duration = 4000;
  info.width = info.height = 64;
  video::SamplingOptions options;
  options.frames = static_cast<int>(n);
  options.from = static_cast<double>(first) / 25;
  options.to = static_cast<double>(last) / 25;
  Media media;
  media.video = info;
  media.plan = video::plan_frames(info, options, settings().video_geometry());
  media.slots = media.plan.slots;
  media.grid_height = media.grid_width = 4;
  EXPECT_EQ(media.plan.indices.front(), first);
  EXPECT_EQ(media.plan.indices.back(), last);
  return media;
}

SlotKeys keys_of(const Media& media) { return slot_keys(media, settings(), "content"); }

std::vector<std::string> part(const std::vector<std::string>& names, size_t first, size_t count) {
  return {names.begin() + static_cast<std::ptrdiff_t>(first),
          names.begin() + static_cast<std::ptrdiff_t>(first + count)};
}

TEST(SlotKeys, SlotsHaveTheirOwnNames) {
  const SlotKeys keys = keys_of(planned(0, 1000, 41));
  EXPECT_EQ(keys.slots.size(), 21u);
  EXPECT_EQ(std::set<std::string>(keys.slots.begin(), keys.slots.end()).size(), 21u);
  for (const std::string& name : keys.slots) EXPECT_EQ(name.size(), 32u);
}

// Windows that are moved by whole slots, or longer with the same step, find what they share at the
// same places.
TEST(SlotKeys, OverlapsShareNamesAndPlaces) {
  const SlotKeys base = keys_of(planned(0, 1000, 41));      // step 25, slots of 50 frames
  const SlotKeys moved = keys_of(planned(150, 1150, 41));   // three slots later
  const SlotKeys longer = keys_of(planned(150, 2150, 81));  // and twice as long
  EXPECT_EQ(base.first, 0);
  for (const SlotKeys& other : {moved, longer}) {
    EXPECT_EQ(other.lattice, base.lattice);
    EXPECT_EQ(other.first, 3);
    EXPECT_THAT(part(other.slots, 0, 17), ElementsAreArray(part(base.slots, 3, 17)));
  }
  // The last slot of an odd plan repeats its frame.
  EXPECT_NE(longer.slots[17], base.slots[20]);
  EXPECT_TRUE(base.last_repeats);
  EXPECT_FALSE(keys_of(planned(0, 975, 40)).last_repeats);
}

TEST(SlotKeys, ABrokenStepHasALatticeToo) {
  const SlotKeys base = keys_of(planned(0, 1499, 60));  // 1499/59 frames: slots begin at 50.8 k
  EXPECT_THAT(base.lattice, testing::HasSubstr("step 1499/59 phase 0"));
  const SlotKeys far = keys_of(planned(1499 * 2, 1499 * 3, 60));
  EXPECT_EQ(far.lattice, base.lattice);
  EXPECT_EQ(far.first, 59);
  // Within half a slot of the last: the same frames under the same places.
  const Media whole = planned(0, 1499 * 3, 59 * 3 + 1);
  const SlotKeys all = keys_of(whole);
  EXPECT_EQ(all.lattice, base.lattice);
  EXPECT_THAT(part(all.slots, 0, 29), ElementsAreArray(part(base.slots, 0, 29)));
  EXPECT_THAT(part(all.slots, 59, 29), ElementsAreArray(part(far.slots, 0, 29)));
}

TEST(SlotKeys, AnotherPhaseIsAnotherLattice) {
  EXPECT_NE(keys_of(planned(0, 1000, 41)).lattice, keys_of(planned(25, 1025, 41)).lattice);
  EXPECT_NE(keys_of(planned(0, 1000, 41)).lattice, keys_of(planned(0, 1000, 21)).lattice);
  // Every frame: one step, two phases.
  EXPECT_EQ(keys_of(planned(0, 99, 100)).lattice, keys_of(planned(50, 199, 150)).lattice);
  EXPECT_NE(keys_of(planned(0, 99, 100)).lattice, keys_of(planned(51, 199, 149)).lattice);
}

// Where a picture stays on screen, slots that show it have one name; moments have a lattice too.
TEST(SlotKeys, APictureThatStaysHasOneName) {
  video::VideoInfo info;
  info.frame_count = 4;
  info.variable_rate = true;
  info.time_base = {1, 1000};
  info.frame_pts = {0, 4000, 20000, 40000};
  info.frame_rate = {1, 15};
  info.duration = 60;
  info.width = info.height = 64;
  const auto keys = [&](double from, double to) {
    video::SamplingOptions options;
    options.from = from;
    options.to = to;
    Media media;
    media.video = info;
    media.plan = video::plan_frames(info, options, settings().video_geometry());
    media.slots = media.plan.slots;
    media.grid_height = media.grid_width = 4;
    return keys_of(media);
  };
  const SlotKeys whole = keys(0, 60);
  EXPECT_EQ(whole.slots.size(), 60u);
  EXPECT_EQ(std::set<std::string>(whole.slots.begin(), whole.slots.end()).size(), 4u);
  const SlotKeys later = keys(20, 60);
  EXPECT_EQ(later.lattice, whole.lattice);
  EXPECT_EQ(later.first, 20);
  EXPECT_THAT(later.slots, ElementsAreArray(part(whole.slots, 20, 40)));
}

TEST(SlotKeys, WhateverShapesPixelsIsInTheName) {
  const Media media = planned(0, 1000, 41);
  std::set<std::string> names = {keys_of(media).slots[0]};
  const auto differs = [&](const Media& m, const MediaSettings& s, const std::string& content) {
    const SlotKeys keys = slot_keys(m, s, content);
    EXPECT_NE(keys.lattice, keys_of(media).lattice);
    return names.insert(keys.slots[0]).second;
  };
  EXPECT_TRUE(differs(media, settings(), "other content"));
  Media other = planned(0, 1000, 41);
  other.grid_width = 8;
  EXPECT_TRUE(differs(other, settings(), "content"));
  MediaSettings changed = settings();
  changed.reference = Reference::k5;
  EXPECT_TRUE(differs(media, changed, "content"));
  changed = settings();
  changed.video.mean[1] = 0.48145466;
  EXPECT_TRUE(differs(media, changed, "content"));
  changed = settings();
  changed.video.rescale_factor = 1.0 / 127.5;
  EXPECT_TRUE(differs(media, changed, "content"));
  Media late = planned(0, 1000, 41);
  late.video.start_time += 1e-9;
  EXPECT_TRUE(names.insert(keys_of(late).slots[0]).second);
}

TEST(SlotKeys, ShortAndStill) {
  Media still;
  still.is_image = true;
  still.slots = 1;
  EXPECT_EQ(keys_of(still).slots.size(), 1u);
  Media one = planned(0, 1000, 41);
  one.plan.indices = {7, 7};
  one.plan.times = {0.28, 0.28};
  one.slots = 1;
  EXPECT_EQ(keys_of(one).slots.size(), 1u);
  EXPECT_EQ(keys_of(one).first, 0);
}

}  // namespace
}  // namespace shijian::engine
