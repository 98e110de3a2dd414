// What editing programs ask of a file: its time code and the rate that they show it at.
#include "video/edit_rate.h"

#include <fmt/format.h>

#include "video/test_video.h"

namespace shijian::video {
namespace {

class TimeCodes : public TestVideos {
 protected:
  static constexpr const char* kH264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p ";
  std::string code(const std::string& name, const std::string& rate, const std::string& arguments) {
    return probe(make(name, 10, rate, arguments)).start_timecode;
  }
};

TEST_F(TimeCodes, AreThoseOfTheFile) {
  const std::string pal = std::string(kH264) + "-timecode 01:00:00:05";
  EXPECT_EQ(code("a.mov", "25", pal), "01:00:00:05");
  EXPECT_EQ(code("a.mp4", "25", pal), "01:00:00:05");
  EXPECT_EQ(code("drop.mov", "30000/1001", std::string(kH264) + "-timecode \"00:59:59;28\""),
            "00:59:59;28");
  EXPECT_EQ(code("none.mov", "25", kH264), "");
  EXPECT_EQ(code("a.mxf", "25", "-pix_fmt yuv420p -c:v mpeg2video -timecode 10:00:00:00"),
            "10:00:00:00");
  EXPECT_EQ(code("a.mkv", "25", std::string(kH264) + "-metadata timecode=02:03:04:05"),
            "02:03:04:05");
  EXPECT_EQ(code("wrong.mkv", "25", std::string(kH264) + "-metadata timecode=soon"), "");
}

TEST_F(TimeCodes, StandInGroupsOfPictures) {
  const std::string mpeg2 = "-pix_fmt yuv420p -c:v mpeg2video ";
  EXPECT_EQ(code("a.ts", "25", mpeg2 + "-timecode 03:02:01:00"), "03:02:01:00");
  EXPECT_EQ(code("drop.ts", "30000/1001", mpeg2 + "-timecode \"01:00:00;00\""), "01:00:00;00");
  EXPECT_EQ(code("none.ts", "25", mpeg2), "");  // encoders write 0 there
}

TEST(EditRates, AreThoseOfEditors) {
  VideoInfo info;
  const auto rate = [&](int64_t num, int64_t den) {
    info.frame_rate = {num, den};
    const EditRate found = edit_rate(info);
    return fmt::format("{}/{}", found.num, found.den);
  };
  EXPECT_EQ(rate(25, 1), "25/1");
  EXPECT_EQ(rate(30000, 1001), "30000/1001");
  EXPECT_EQ(rate(2997, 100), "30000/1001");
  EXPECT_EQ(rate(60000, 1001), "60000/1001");
  EXPECT_EQ(rate(10, 1), "10/1");
  EXPECT_EQ(rate(25, 2), "25/1");
  EXPECT_EQ(rate(8, 1), "24/1");
  EXPECT_EQ(rate(1, 1), "24/1");
  EXPECT_EQ(rate(29, 1), "30000/1001");
  // A screen recording: 30 a second at first, then stills.
  info.variable_rate = true;
  info.time_base = {1, 1000};
  for (int i = 0; i < 120; ++i) info.frame_pts.push_back(i * 1000 / 30);
  for (const int64_t still : {20000, 40000, 59967}) info.frame_pts.push_back(still);
  info.frame_count = std::ssize(info.frame_pts);
  EXPECT_EQ(rate(41, 20), "30/1");
  // A slow camera that once paused.
  for (const auto& [step, usual] : {std::pair{100, "10/1"}, {80, "25/1"}}) {
    info.frame_pts.clear();
    for (int i = 0; i < 60; ++i) info.frame_pts.push_back(i * step + (i < 30 ? 0 : 5000));
    info.frame_count = std::ssize(info.frame_pts);
    EXPECT_EQ(rate(11, 2), usual);
  }
}

}  // namespace
}  // namespace shijian::video
