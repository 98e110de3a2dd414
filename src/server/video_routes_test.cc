// Videos over HTTP: how they come in, are shown, cut and deleted.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "server/server_fixture.h"
#include "source_dir.h"
#include "video/probe.h"

namespace shijian::server {
namespace {

namespace fs = std::filesystem;

TEST_F(Server, TakesVideosInPiecesAndWhole) {
  const std::string video = read_file(source_dir() / "samples" / "shapes.mp4", size_t{1} << 24);
  const std::string known = video_id();
  // The same bytes under another name are the same video.
  const http::TestAnswer same = call("PUT", "/api/v1/videos/copy.mp4", video, "");
  EXPECT_EQ(same.status, 201) << same.body;
  EXPECT_EQ(json(same)["video"]["id"], known);
  EXPECT_FALSE(fs::exists(folder_ / "videos" / "copy.mp4"));
  EXPECT_EQ(call("DELETE", "/api/v1/videos/" + known).status, 204);
  EXPECT_EQ(call("GET", "/api/v1/videos/" + known).status, 404);

  const size_t half = video.size() / 2;
  const auto piece = [&](size_t begin, size_t end) {
    return call("PUT", "/api/v1/videos/pieces.mp4", video.substr(begin, end - begin),
                fmt::format("Content-Range: bytes {}-{}/{}\r\n", begin, end - 1, video.size()));
  };
  const std::string where = fmt::format("/api/v1/uploads/pieces.mp4?size={}", video.size());
  EXPECT_EQ(piece(half, video.size()).status, 409);  // the beginning is missing
  EXPECT_EQ(piece(0, half).status, 202);
  EXPECT_EQ(json(call("GET", where))["received"], half);
  const http::TestAnswer whole = piece(half, video.size());
  EXPECT_EQ(whole.status, 201) << whole.body;
  EXPECT_EQ(json(whole)["video"]["id"], known);
  EXPECT_EQ(json(call("GET", where))["received"], 0);
  EXPECT_EQ(read_file(folder_ / "videos" / "pieces.mp4", size_t{1} << 24), video);

  EXPECT_EQ(call("PUT", "/api/v1/videos/text.mp4", "no video", "").status, 415);
  EXPECT_EQ(call("PUT", "/api/v1/videos/broken.mp4", video.substr(0, 200), "").status, 415);
  EXPECT_TRUE(fs::is_empty(folder_ / "videos" / ".uploads"));
}

TEST_F(Server, ShowsVideos) {
  const std::string base = "/api/v1/videos/" + video_id();
  const http::TestAnswer strip = call("GET", base + "/thumbnails?count=4&height=60");
  EXPECT_EQ(strip.status, 200);
  EXPECT_EQ(strip.headers.at("content-type"), "image/jpeg");
  EXPECT_EQ(strip.headers.at("x-frame-size"), "80x60");
  EXPECT_EQ(strip.body.substr(0, 2), "\xff\xd8");
  const http::TestAnswer part = call("GET", base + "/content", "", "Range: bytes=4-7\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "ftyp");
  EXPECT_EQ(call("GET", base + "/thumbnails?count=0").status, 400);
}

TEST_F(Server, CutsClips) {
  const std::string clip = "/api/v1/videos/" + video_id() + "/clip";
  const auto probed = [&](const http::TestAnswer& answer) {
    const fs::path file = folder_ / "clip.mp4";
    std::ofstream(file, std::ios::binary) << answer.body;
    return video::probe(file);
  };
  const http::TestAnswer exact = call("GET", clip + "?from=2.02&to=3.02");
  ASSERT_EQ(exact.status, 200) << exact.body;
  EXPECT_EQ(exact.headers.at("content-type"), "video/mp4");
  EXPECT_EQ(exact.headers.at("x-clip-start"), "2.020");
  EXPECT_EQ(exact.headers.at("x-clip-end"), "3.020");
  EXPECT_NEAR(probed(exact).duration, 1, 0.001);
  const http::TestAnswer part =
      call("GET", clip + "?from=2.02&to=3.02", "", "Range: bytes=4-7\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "ftyp");
  EXPECT_EQ(part.headers.at("etag"), exact.headers.at("etag"));
  const http::TestAnswer fast = call("GET", clip + "?from=2.02&to=3.02&mode=fast");
  ASSERT_EQ(fast.status, 200) << fast.body;
  const double from = std::stod(fast.headers.at("x-clip-start"));
  const double to = std::stod(fast.headers.at("x-clip-end"));
  EXPECT_LE(from, 2.02);
  EXPECT_GE(to, 3.02);
  EXPECT_NEAR(probed(fast).duration, to - from, 0.04);
  EXPECT_EQ(fast.headers.at("x-clip-sound"), "absent");
  const http::TestAnswer joined = call("GET", clip + "?spans=5-5.5,2.02-3.02");
  ASSERT_EQ(joined.status, 200) << joined.body;
  EXPECT_EQ(joined.headers.at("x-clip-spans"), "5.000-5.500,2.020-3.020");
  EXPECT_EQ(joined.headers.at("x-clip-parts"), "2");
  EXPECT_NEAR(probed(joined).duration, 1.5, 0.001);
  const http::TestAnswer zip =
      call("GET", "/api/v1/videos/" + video_id() + "/clips.zip?spans=5-5.5,2.02-3.02");
  ASSERT_EQ(zip.status, 200) << zip.body;
  EXPECT_EQ(zip.headers.at("content-type"), "application/zip");
  EXPECT_EQ(zip.headers.at("content-disposition"),
            "attachment; filename=\"clips.zip\"; filename*=UTF-8''shapes.zip");
  // The second file is the very clip.
  EXPECT_NE(zip.body.find("02 00.00.02.020-00.00.03.020.mp4" + exact.body), zip.body.npos);
  for (const char* query : {"", "?spans=", "?spans=1", "?spans=1-2,", "?spans=1-2;3-4",
                            "?spans=1-2,x-3", "?spans=1e2-3"}) {
    EXPECT_EQ(call("GET", "/api/v1/videos/" + video_id() + "/clips.zip" + query).status, 400)
        << query;
  }
  // Of what goes past the end only what is there counts.
  const http::TestAnswer whole = call("GET", clip + "?from=14&to=5000");
  ASSERT_EQ(whole.status, 200) << whole.body;
  EXPECT_EQ(whole.headers.at("x-clip-end"), "14.900");
  std::string spans = "0-400";
  for (int i = 0; i < 40; ++i) spans += ",0-400";
  const http::TestAnswer longer = call("GET", clip + "?spans=" + spans);
  EXPECT_EQ(longer.status, 422);
  EXPECT_EQ(json(longer)["error"]["message"], "cut clip: 610.900 seconds, at most 600 are encoded");
  for (const char* query :
       {"?from=2&to=1", "?from=2&to=2", "?from=-1&to=1", "?from=900&to=901", "?from=900&to=5000"}) {
    EXPECT_EQ(call("GET", clip + query).status, 422) << query;
  }
  for (const char* query : {"", "?from=1", "?from=x&to=2", "?from=1&to=2&mode=best"}) {
    EXPECT_EQ(call("GET", clip + query).status, 400) << query;
  }
  EXPECT_EQ(call("GET", "/api/v1/videos/v0/clip?from=1&to=2").status, 404);
  EXPECT_TRUE(fs::is_empty(folder_ / "videos" / ".uploads"));
}

TEST_F(Server, FetchesFromAllowedHostsOnly) {
  const std::string there =
      fmt::format("http://127.0.0.1:{}/api/v1/videos/{}/content", http_->port(), video_id());
  const auto fetch = [&](const std::string& name) {
    return call("POST", "/api/v1/videos/fetch",
                fmt::format(R"({{"url": "{}", "name": "{}"}})", there, name));
  };
  EXPECT_EQ(fetch("a.mp4").status, 403);  // off
  context_->fetch.hosts = http::AllowedHosts({"127.0.0.1"});
  fs::rename(folder_ / "videos" / "shapes.mp4", folder_ / "shapes.mp4");
  EXPECT_EQ(fetch("a.mp4").status, 422);  // the other side answers 404
  EXPECT_EQ(fetch("../a.mp4").status, 403);
  fs::rename(folder_ / "shapes.mp4", folder_ / "videos" / "shapes.mp4");
  context_->fetch.max_bytes = 1000;
  EXPECT_EQ(fetch("a.mp4").status, 422);
  EXPECT_TRUE(fs::is_empty(library_->partial_folder()));
  context_->fetch.max_bytes = 1 << 30;
  const http::TestAnswer answer = fetch("a.mp4");
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(json(answer)["video"]["name"], "shapes.mp4");  // the content is there already
}

}  // namespace
}  // namespace shijian::server
