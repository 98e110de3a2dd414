// What becomes of files that clients send: the quota, names, broken forms, a folder that may only
// be read.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "base/file.h"
#include "server/server_fixture.h"
#include "server/test_videos.h"
#include "server/uploads.h"

namespace shijian::server {
namespace {

namespace fs = std::filesystem;

class Upload : public Server {
 protected:
  void set_quota(int64_t bytes) {
    library_.emplace(LibraryOptions{folder_ / "videos", bytes}, *store_);
  }
  http::TestAnswer put(const std::string& name, const std::string& bytes,
                       const std::string& headers = "") {
    return call("PUT", "/api/v1/videos/" + name, bytes, headers);
  }
  http::TestAnswer post(const std::vector<std::pair<std::string, std::string>>& files) {
    std::string body;
    for (const auto& [name, bytes] : files) {
      body += fmt::format(
          "--edge\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{}\"\r\n\r\n{}\r\n",
          name, bytes);
    }
    return call("POST", "/api/v1/videos", body + "--edge--\r\n",
                "Content-Type: multipart/form-data; boundary=edge\r\n");
  }
  bool nothing_is_left() { return fs::is_empty(library_->partial_folder()); }
  size_t videos() { return json(call("GET", "/api/v1/videos"))["videos"].size(); }
};

TEST_F(Upload, TheQuotaHoldsForEveryWayIn) {
  const std::string one = another_video("one"), two = another_video("two");
  const auto size = static_cast<int64_t>(one.size());
  set_quota(2 * size + 1000);  // the sample is there already
  EXPECT_EQ(post({{"one.mp4", one}, {"two.mp4", two}}).status, 413);
  EXPECT_TRUE(nothing_is_left());
  EXPECT_EQ(videos(), 1u);
  EXPECT_EQ(put("one.mp4", one).status, 201);
  EXPECT_EQ(put("two.mp4", two).status, 413);
  EXPECT_EQ(post({{"two.mp4", two}}).status, 413);
  EXPECT_EQ(put("two.mp4", two.substr(0, 10000),
                fmt::format("Content-Range: bytes 0-9999/{}\r\n", two.size()))
                .status,
            413);
  EXPECT_TRUE(nothing_is_left());
  EXPECT_EQ(videos(), 2u);
  EXPECT_EQ(put("again.mp4", "").status, 415);
}

TEST_F(Upload, TheSameContentTakesNoRoom) {
  set_quota(2 * static_cast<int64_t>(sample_video().size()) + 1000);
  EXPECT_EQ(videos(), 1u);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(put("same.mp4", sample_video()).status, 201);
  EXPECT_EQ(videos(), 1u);
  EXPECT_TRUE(nothing_is_left());
}

TEST_F(Upload, AFormIsTakenInWholeOrNotAtAll) {
  EXPECT_EQ(post({{"one.mp4", another_video("one")}, {"bad.mp4", "no video"}}).status, 415);
  EXPECT_EQ(videos(), 1u);
  EXPECT_TRUE(nothing_is_left());
  const http::TestAnswer answer =
      post({{"one.mp4", another_video("one")}, {"same.mp4", another_video("one")}});
  EXPECT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(json(answer)["videos"][0]["id"], json(answer)["videos"][1]["id"]);
  EXPECT_EQ(videos(), 2u);
}

TEST_F(Upload, NamesThatNoFileSystemTakesAreRefused) {
  std::string chinese;
  for (int i = 0; i < 90; ++i) chinese += "%E8%A7%86";  // 视, 270 bytes
  EXPECT_EQ(put(chinese + ".mp4", another_video("one")).status, 422);
  EXPECT_EQ(post({{std::string(300, 'a') + ".mp4", another_video("one")}}).status, 422);
  EXPECT_EQ(put(std::string(236, 'a') + ".mp4", another_video("one")).status, 201);
  EXPECT_EQ(put(std::string(236, 'a') + ".mp4", another_video("two")).status, 201);
  EXPECT_TRUE(nothing_is_left());
}

TEST_F(Upload, NoLinkLeadsAFileOutOfTheLibrary) {
  const fs::path outside = folder_ / "outside";
  fs::create_directories(outside);
  fs::create_directory_symlink(outside, folder_ / "videos" / "link");
  context_->fetch.hosts = http::AllowedHosts({"127.0.0.1"});
  for (const char* name : {"link/x.mp4", "link%2Fx.mp4", "link%2Fnew%2Fx.mp4"}) {
    const int status = put(name, another_video("one")).status;
    EXPECT_TRUE(status == 403 || status == 404 || status == 405) << name << status;
    const int piece = put(name, "ab", "Content-Range: bytes 0-1/100\r\n").status;
    EXPECT_TRUE(piece == 403 || piece == 404 || piece == 405) << name << piece;
  }
  EXPECT_EQ(put("link%2Fx.mp4", another_video("one")).status, 403);
  EXPECT_EQ(post({{"ok.mp4", another_video("two")}, {"link/x.mp4", another_video("one")}}).status,
            403);
  const std::string there =
      fmt::format("http://127.0.0.1:{}/api/v1/videos/{}/content", http_->port(), video_id());
  EXPECT_EQ(call("POST", "/api/v1/videos/fetch",
                 fmt::format(R"({{"url": "{}", "name": "link/x.mp4"}})", there))
                .status,
            403);
  EXPECT_TRUE(fs::is_empty(outside));
  EXPECT_TRUE(nothing_is_left());
  EXPECT_EQ(videos(), 1u);
  fs::remove_all(folder_ / "videos" / ".uploads");
  fs::create_directory_symlink(outside, folder_ / "videos" / ".uploads");
  EXPECT_EQ(put("one.mp4", another_video("one")).status, 403);
  EXPECT_TRUE(fs::is_empty(outside));
}

// While the first is taken in, which takes as long as the threads for files are busy.
// Each is sent as soon as the one before it is answered.
TEST_F(Upload, PiecesFollowEachOtherAtOnce) {
  const std::string bytes = another_video("many");
  constexpr size_t kPieces = 100;
  const size_t step = bytes.size() / kPieces + 1;
  for (size_t at = 0; at < bytes.size(); at += step) {
    const size_t end = std::min(at + step, bytes.size());
    const http::TestAnswer answer =
        put("many.mp4", bytes.substr(at, end - at),
            fmt::format("Content-Range: bytes {}-{}/{}\r\n", at, end - 1, bytes.size()));
    ASSERT_EQ(answer.status, end == bytes.size() ? 201 : 202) << at << answer.body;
  }
  EXPECT_EQ(videos(), 2u);
}

TEST_F(Upload, ALastPieceThatIsSentAgainLosesNothing) {
  const std::string whole = another_video("pieces");
  const size_t half = whole.size() / 2;
  const auto piece = [&](size_t begin, size_t end) {
    return put("pieces.mp4", whole.substr(begin, end - begin),
               fmt::format("Content-Range: bytes {}-{}/{}\r\n", begin, end - 1, whole.size()));
  };
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(piece(0, half).status, 202);
    std::atomic<bool> go{false};
    std::atomic<int> busy{0};
    for (int i = 0; i < 2; ++i) {
      context_->executor.files.run([&] {
        ++busy;
        while (!go) usleep(1000);
      });
    }
    EXPECT_TRUE(http::becomes_true([&] { return busy == 2; }));
    http::TestClient first(http_->port());
    first.send(fmt::format("PUT /api/v1/videos/pieces.mp4 HTTP/1.1\r\nHost: localhost\r\n"
                           "Content-Range: bytes {}-{}/{}\r\nContent-Length: {}\r\n\r\n",
                           half, whole.size() - 1, whole.size(), whole.size() - half) +
               whole.substr(half));
    EXPECT_TRUE(http::becomes_true([&] {
      return json(call("GET", fmt::format("/api/v1/uploads/pieces.mp4?size={}",
                                          whole.size())))["received"] == whole.size();
    }));
    EXPECT_EQ(piece(half, whole.size()).status, 409);
    go = true;
    EXPECT_EQ(first.read_answer(60).status, 201);
    EXPECT_EQ(piece(half, whole.size()).status, 409);  // it has been taken in
    EXPECT_EQ(read_file(folder_ / "videos" / "pieces.mp4", size_t{1} << 24), whole);
    EXPECT_TRUE(nothing_is_left());
    const Json all = json(call("GET", "/api/v1/videos?search=pieces"))["videos"];
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(call("DELETE", "/api/v1/videos/" + all[0]["id"].get<std::string>()).status, 204);
  }
}

// As in a container whose volume belongs to somebody else.
TEST_F(Upload, ALibraryThatMayOnlyBeReadIsServed) {
  fs::remove_all(folder_ / "videos" / ".uploads");
  std::ofstream(folder_ / "videos" / ".uploads") << "no folder";
  const http::TestAnswer answer = put("one.mp4", another_video("one"));
  EXPECT_GE(answer.status, 400);
  EXPECT_EQ(answer.body.find(folder_.string()), std::string::npos) << answer.body;
  EXPECT_EQ(videos(), 1u);
  EXPECT_EQ(
      call("GET", fmt::format("/api/v1/videos/{}/clip?from=1&to=2&mode=fast", video_id())).status,
      200);
}

TEST_F(Upload, WhatWasBrokenOffGoesAfterADay) {
  const fs::path old = library_->partial_folder() / "piece-old";
  const fs::path fresh = library_->partial_folder() / "piece-fresh";
  for (const fs::path& path : {old, fresh}) std::ofstream(path) << "a piece";
  fs::last_write_time(old, fs::file_time_type::clock::now() - std::chrono::hours(25));
  EXPECT_EQ(put("one.mp4", another_video("one")).status, 201);
  EXPECT_FALSE(fs::exists(old));
  EXPECT_TRUE(fs::exists(fresh));
}

TEST_F(Upload, TheStateOfAnUploadNeedsItsSize) {
  EXPECT_EQ(call("GET", "/api/v1/uploads/a.mp4").status, 400);
  EXPECT_EQ(json(call("GET", "/api/v1/uploads/a.mp4?size=100"))["received"], 0);
}

TEST(LibraryPrefix, IsTheSameHoweverAFolderIsWritten) {
  for (const char* all : {"", "/app/videos", "/app/videos/"}) EXPECT_EQ(library_prefix(all), "");
  for (const char* sub : {"sub", "sub/", "/app/videos/sub", "/app/videos/sub//", "./sub"})
    EXPECT_EQ(library_prefix(sub), "sub/");
  for (const char* bad : {"/", "..", "sub/..", "/etc", "/app/videos/../x"})
    EXPECT_THROW(library_prefix(bad), Error) << bad;
}

}  // namespace
}  // namespace shijian::server
