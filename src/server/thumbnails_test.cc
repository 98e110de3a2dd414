// Thumbnails of a part of a video: which frames they are, and that they are those frames.
#include "server/thumbnails.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "server/server_fixture.h"
#include "video/image.h"

namespace shijian::server {
namespace {

using ::testing::ElementsAre;

// A frame a second for `seconds`, a key frame at each tenth.
video::VideoInfo steady(int64_t seconds) {
  video::VideoInfo info;
  info.width = 160;
  info.height = 90;
  info.frame_count = seconds;
  info.frame_rate = {1, 1};
  info.time_base = {1, 1};
  info.duration = static_cast<double>(seconds);
  for (int64_t i = 0; i < seconds; ++i) info.frame_pts.push_back(i);
  for (int64_t i = 0; i < seconds; i += 10) info.key_frames.push_back({i, i, i});
  return info;
}

TEST(ThumbnailPlan, TakesTheFrameInTheMiddleOfAShortSlot) {
  const video::FramePlan plan = thumbnail_plan(steady(7200), {3600, 3612, 4, 90});
  EXPECT_THAT(plan.indices, ElementsAre(3601, 3604, 3607, 3610));
  EXPECT_EQ(plan.width, 160);
}

TEST(ThumbnailPlan, TakesAKeyFrameOfALongSlotAndNoneOfAnother) {
  EXPECT_THAT(thumbnail_plan(steady(7200), {0, 7200, 4, 90}).indices,
              ElementsAre(900, 2700, 4500, 6300));
  EXPECT_THAT(thumbnail_plan(steady(7200), {0, 100, 4, 90}).indices, ElementsAre(10, 40, 60, 90));
  // No key frame within half of six seconds from 15: the very frame.
  EXPECT_THAT(thumbnail_plan(steady(7200), {12, 24, 2, 90}).indices, ElementsAre(15, 20));
}

TEST(ThumbnailPlan, IsEvenInTimeWhereTheRateIsNot) {
  video::VideoInfo info = steady(4);  // three frames in the first second, one until the hundredth
  info.variable_rate = true;
  info.time_base = {1, 10};
  info.frame_pts = {0, 3, 6, 10};
  info.duration = 100;
  info.key_frames = {{0, 0, 0}};
  EXPECT_THAT(thumbnail_plan(info, {0, 4, 4, 90}).indices, ElementsAre(1, 3, 3, 3));
}

TEST(ThumbnailPlan, HasFewerSlotsWhereAPictureIsTooWide) {
  video::VideoInfo info = steady(100);
  info.width = 9000;
  EXPECT_EQ(thumbnail_plan(info, {0, 100, 100, 90}).indices.size(), 7U);
}

TEST(LruCache, ForgetsWhatWasNotUsedForLongest) {
  LruCache<int> recent(10);
  recent.put("a", std::make_shared<const int>(1), 4);
  recent.put("b", std::make_shared<const int>(2), 4);
  EXPECT_EQ(*recent.find("a"), 1);
  recent.put("c", std::make_shared<const int>(3), 4);
  recent.put("d", std::make_shared<const int>(4), 11);
  EXPECT_EQ(recent.find("b"), nullptr);
  EXPECT_EQ(recent.find("d"), nullptr);
  EXPECT_EQ(*recent.find("a") + *recent.find("c"), 4);
}

class ThumbnailRoute : public Server {
 protected:
  // [height, width, 3]
  tensor::Tensor picture(const http::TestAnswer& answer) {
    std::ofstream(folder_ / "strip.jpg", std::ios::binary) << answer.body;
    return video::load_image(folder_ / "strip.jpg").rgb;
  }
};

TEST_F(ThumbnailRoute, ShowsThePartThatIsAskedFor) {
  const std::string base = "/api/v1/videos/" + video_id();
  const http::TestAnswer strip = call("GET", base + "/thumbnails?from=4&to=7&count=6&height=60");
  ASSERT_EQ(strip.status, 200) << strip.body;
  EXPECT_EQ(strip.headers.at("x-frame-times"), "4.233,4.733,5.233,5.733,6.233,6.733");
  EXPECT_EQ(strip.headers.at("cache-control"), "private, max-age=86400");
  EXPECT_EQ(picture(strip).dim(1), 6 * 80);
  // The same frame by itself is the same picture.
  const http::TestAnswer one = call("GET", base + "/thumbnails?from=5&to=5.5&count=1&height=60");
  EXPECT_EQ(one.headers.at("x-frame-times"), "5.233");
  const tensor::Tensor all = picture(strip), single = picture(one);
  int64_t difference = 0;
  for (int64_t y = 0; y < 60; ++y) {
    for (int64_t x = 0; x < 80 * 3; ++x) {
      difference += std::abs(all.data<uint8_t>()[y * 6 * 80 * 3 + 2 * 80 * 3 + x] -
                             single.data<uint8_t>()[y * 80 * 3 + x]);
    }
  }
  EXPECT_LT(difference, 60 * 80 * 3 * 4);  // the pictures beside it change a JPEG a little

  EXPECT_EQ(call("GET", base + "/thumbnails?from=4&to=7&count=6&height=60").body, strip.body);
  EXPECT_EQ(call("GET", base + "/thumbnails?from=15&to=20").status, 422);
  EXPECT_EQ(call("GET", base + "/thumbnails?from=7&to=4").status, 422);
  EXPECT_EQ(call("GET", base + "/thumbnails?from=nan&to=4").status, 400);
  EXPECT_EQ(call("GET", base + "/thumbnails?from=-1&to=4").status, 422);
}

TEST_F(ThumbnailRoute, TellsTheTimesOfFrames) {
  const std::string base = "/api/v1/videos/" + video_id() + "/frame-times";
  const Json part = json(call("GET", base + "?from=1&to=1.1"));
  EXPECT_EQ(part["times"], Json::parse("[1.0, 1.033, 1.067, 1.1]"));
  EXPECT_EQ(part["rate"], Json::parse("[30, 1]"));
  EXPECT_EQ(part["constant_rate"], true);
  EXPECT_EQ(part["start"], 0);
  EXPECT_TRUE(part["next"].is_null());
  const Json first = json(call("GET", base + "?limit=2"));
  EXPECT_EQ(first["times"].size(), 2U);
  EXPECT_EQ(first["next"], 0.067);
  EXPECT_EQ(first["frames"], 447);
  EXPECT_EQ(json(call("GET", base + "?from=99"))["times"].size(), 0U);
  EXPECT_EQ(json(call("GET", base + "?from=1&to=1"))["times"].size(), 1U);
  EXPECT_EQ(call("GET", base + "?from=3&to=2").status, 422);
  EXPECT_EQ(call("GET", base + "?limit=0").status, 400);
}

TEST(Cuts, StandOutFromWhatGoesOnAroundThem) {
  const std::vector<double> calm(9, 1.0);
  std::vector<double> one = calm;
  one[4] = 40;
  EXPECT_THAT(cuts_among(one), ElementsAre(4));
  one[4] = 8;  // too little of the picture
  EXPECT_THAT(cuts_among(one), ElementsAre());
  EXPECT_THAT(cuts_among(std::vector<double>(9, 40.0)), ElementsAre());  // everything moves
  EXPECT_THAT(cuts_among({}), ElementsAre());
}

TEST_F(ThumbnailRoute, FindsCuts) {
  // MENU comes and goes; another background at 7.0, 9.3 and 12.133 s.
  const std::string base = "/api/v1/videos/" + video_id() + "/cuts";
  EXPECT_EQ(json(call("GET", base + "?from=0&to=14.9"))["cuts"],
            Json::parse("[4.567, 6.6, 7.0, 9.3, 12.133]"));
  EXPECT_EQ(json(call("GET", base + "?from=7&to=8"))["cuts"], Json::parse("[7.0]"));
  EXPECT_EQ(json(call("GET", base + "?from=1&to=3"))["cuts"], Json::array());
  EXPECT_EQ(call("GET", base + "?from=0&to=21").status, 422);
  EXPECT_EQ(call("GET", base + "?from=3&to=3").status, 422);
  EXPECT_EQ(call("GET", base + "?from=3").status, 400);
}

TEST_F(ThumbnailRoute, KeepsThousandsOfCorrections) {
  const std::string body = R"({"video_path": "shapes.mp4", "query": "When is MENU on screen?"})";
  const std::string id = json(call("POST", "/api/v1/inference", body))["job_id"];
  Json events = Json::array();
  for (int i = 0; i < 10000; ++i) {
    events.push_back({{"start", i / 1000.0}, {"end", 14}, {"label", std::string(100, 'x')}});
  }
  const std::string path = "/api/v1/jobs/" + id + "/corrections";
  EXPECT_EQ(json(call("PUT", path, Json{{"events", events}}.dump()))["corrections"].size(), 10000U);
  events.push_back(events[0]);
  EXPECT_EQ(call("PUT", path, Json{{"events", events}}.dump()).status, 400);
}

}  // namespace
}  // namespace shijian::server
