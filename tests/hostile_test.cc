// The whole server against files and requests that mean harm: it answers each and goes on, and a
// second round of the same costs it nothing more.
//
// SHIJIAN_HOSTILE=all takes every damaged file and request; else a part of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/json.h"
#include "base/sanitized.h"
#include "command.h"
#include "damage.h"
#include "http/test_client.h"
#include "served.h"
#include "source_dir.h"

namespace shijian {
namespace {

namespace fs = std::filesystem;
using testing::AnyOf;
using testing::HasSubstr;

constexpr const char* kJson = "Content-Type: application/json\r\n";

int share_of(int all, int usual, int sanitized) {
  if (std::getenv("SHIJIAN_HOSTILE") != nullptr) return all;
  return kSanitized ? sanitized : usual;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<pid_t> children_of(pid_t process) {
  std::vector<pid_t> children;
  std::error_code ignored;
  for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", process), ignored)) {
    std::istringstream numbers(bytes_of(task.path() / "children"));
    for (pid_t child; numbers >> child;) children.push_back(child);
  }
  return children;
}

class HostileTest : public testing::Test {
 protected:
  http::TestAnswer ask(const std::string& method, const std::string& target,
                       const std::string& headers, const std::string& body = {}) {
    http::TestClient client(server_.port());
    return client.ask(method, target, headers, body);
  }
  bool serves() { return runs() && ask("GET", "/healthz", "").status == 200; }
  static std::string text(const Json& json, const char* key) {
    return json.is_object() ? json.value(key, "") : "";
  }

  // The attack once to warm up, then again: memory and descriptors stay as they are.
  template <typename Attack>
  void twice(const Attack& attack) {
    attack();
    const auto is_quiet = [&] { return decoders().empty() && connections_are_closed(); };
    ASSERT_TRUE(http::becomes_true(is_quiet));
    const int64_t memory = resident_bytes();
    attack();
    ASSERT_TRUE(http::becomes_true(is_quiet));
    if (!kSanitized) {
      EXPECT_LE(resident_bytes(), memory + (5 << 20));
    }
    EXPECT_TRUE(serves());
  }
  bool connections_are_closed() const { return descriptors() <= descriptors_; }

  bool runs() const {
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(server_.process()), &ended, WEXITED | WNOHANG | WNOWAIT);
    return ended.si_pid == 0;
  }
  std::string log() const { return bytes_of(folder_ / "log"); }
  int64_t resident_bytes() const {
    std::istringstream statm(bytes_of(fmt::format("/proc/{}/statm", server_.process())));
    int64_t size = 0, resident = 0;
    statm >> size >> resident;
    return resident * ::sysconf(_SC_PAGESIZE);
  }
  int64_t descriptors() const {
    const fs::path folder = fmt::format("/proc/{}/fd", server_.process());
    return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
  }
  // Processes that decode at this moment.
  std::vector<pid_t> decoders() const {
    std::vector<pid_t> found;
    for (const pid_t process : children_of(server_.process())) {
      for (const pid_t child : children_of(process)) found.push_back(child);
    }
    return found;
  }
  // How much there is of the clip that is being cut; it has no name.
  uintmax_t clip_bytes() const {
    std::error_code ignored;
    for (const auto& entry :
         fs::directory_iterator(fmt::format("/proc/{}/fd", server_.process()), ignored)) {
      if (fs::read_symlink(entry.path(), ignored).string().find("/clip-") == std::string::npos) {
        continue;
      }
      const uintmax_t size = fs::file_size(entry.path(), ignored);
      return ignored ? 0 : size;
    }
    return 0;
  }

  const ScratchFolder folder_{};
  const Served server_{{"--port", "0", "--videos", folder_ / "videos", "--data", folder_ / "data",
                        "--rate", "1000000", "--no-cache"},
                       {},
                       folder_ / "log"};
  const int64_t descriptors_ = descriptors();
};

TEST_F(HostileTest, DamagedVideos) {
  const ScratchFolder clips;
  struct Base {
    const char* name;
    const char* codec;
  };
  std::vector<std::pair<std::string, std::string>> whole;  // name and bytes
  for (const Base& base :
       {Base{"a.mp4", "-c:v libx264 -preset ultrafast -bf 2 -g 12"},
        Base{"fragments.mp4",
             "-c:v libx264 -preset ultrafast -g 12 -movflags frag_keyframe+empty_moov"},
        Base{"a.mov", "-c:v mjpeg -pix_fmt yuvj422p"}, Base{"a.mkv", "-c:v mpeg4 -bf 2"},
        Base{"a.webm", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8"},
        Base{"b.webm", "-c:v libvpx -deadline realtime -cpu-used 8"},
        Base{"a.avi", "-c:v mpeg4 -bf 1"}, Base{"a.ts", "-c:v libx264 -preset ultrafast -g 12"},
        Base{"a.flv", "-c:v libx264 -preset ultrafast -g 12"}}) {
    std::vector<std::string> command = {
        "ffmpeg",   "-v",      "error",    "-f", "lavfi", "-i", "testsrc2=s=96x64:r=12:d=2",
        "-pix_fmt", "yuv420p", "-threads", "1"};  // the same files every time
    std::istringstream words(base.codec);
    command.insert(command.end(), std::istream_iterator<std::string>(words), {});
    command.push_back(clips / base.name);
    run_tool(command);
    whole.emplace_back(base.name, bytes_of(clips / base.name));
  }
  whole.emplace_back("shapes.mp4", bytes_of(source_dir() / "samples/shapes.mp4"));

  const int count = share_of(200, 60, 12);
  int taken = 0, refused = 0, cut = 0;
  const auto attack = [&] {
    std::mt19937 random(20261122);
    taken = refused = cut = 0;
    for (int i = 0; i < count; ++i) {
      const auto& [base, bytes] = whole[static_cast<size_t>(i) % whole.size()];
      const std::string name = fmt::format("{}-{}", i, base);
      const std::string damaged = damage_file(bytes, random);
      SCOPED_TRACE(name);
      const http::TestAnswer upload = ask("PUT", "/api/v1/videos/" + name, "", damaged);
      ASSERT_THAT(upload.status, AnyOf(201, 400, 415, 422)) << upload.body;
      if (upload.status == 201) {
        ++taken;
      } else {
        // So that the other routes meet it all the same.
        ++refused;
        std::ofstream(folder_.path() / "videos" / name, std::ios::binary) << damaged;
      }
      const std::string question = fmt::format(
          R"({{"video_path": "{}", "query": "x", "options": {{"max_frames": 4, "max_new_tokens": 2}}}})",
          name);
      const http::TestAnswer answer = ask("POST", "/api/v1/inference", kJson, question);
      EXPECT_THAT(answer.status, AnyOf(200, 415, 422)) << answer.body;
      EXPECT_EQ(answer.body.find(folder_.path().string()), std::string::npos) << answer.body;
      if (upload.status == 201) {
        const Json video = Json::parse(upload.body, nullptr, false).value("video", Json());
        const std::string path = "/api/v1/videos/" + text(video, "id");
        const http::TestAnswer strip = ask("GET", path + "/thumbnails?count=3&height=32", "");
        EXPECT_THAT(strip.status, AnyOf(200, 415, 422)) << strip.body;
        for (const char* mode : {"exact", "fast"}) {
          const http::TestAnswer clip = ask("GET", path + "/clip?from=0.3&to=1.7&mode=" + mode, "");
          EXPECT_THAT(clip.status, AnyOf(200, 422)) << clip.body;
          EXPECT_EQ(clip.body.find(folder_.path().string()), std::string::npos);
          cut += clip.status == 200;
        }
        EXPECT_EQ(ask("DELETE", path, "").status, 204);
      }
      fs::remove(folder_.path() / "videos" / name);
      ASSERT_TRUE(runs());
    }
  };
  twice(attack);
  // The damage is such that some files still play.
  EXPECT_GT(taken, 0);
  EXPECT_GT(refused, 0);
  EXPECT_GT(cut, 0);
  EXPECT_EQ(log().find(" @ 0x"), std::string::npos) << "libav writes to the log itself";
}

TEST_F(HostileTest, CuttersThatAreKilledOrNotWaitedFor) {
  run_tool({"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=960x540:r=25:d=60", "-c:v",
            "mpeg4", "-q:v", "31", folder_.path() / "videos/long.mp4"});
  const Json videos = Json::parse(ask("GET", "/api/v1/videos", "").body);
  const std::string target =
      fmt::format("GET /api/v1/videos/{}/clip?from=0&to=60 HTTP/1.1\r\nHost: localhost\r\n\r\n",
                  text(videos["videos"][0], "id"));
  const auto begin = [&] {
    // The clip before may still be open for a moment after its answer.
    EXPECT_TRUE(http::becomes_true([&] { return decoders().empty() && clip_bytes() == 0; }));
    http::TestClient client(server_.port());
    EXPECT_TRUE(client.send(target));
    EXPECT_TRUE(http::becomes_true([&] { return clip_bytes() > 0 && !decoders().empty(); }, 60));
    return client;
  };
  twice([&] {
    for (const int signal : {SIGKILL, SIGABRT}) {
      http::TestClient client = begin();
      for (const pid_t child : decoders()) ::kill(child, signal);
      const http::TestAnswer answer = client.read_answer();
      ASSERT_EQ(answer.status, 422);
      EXPECT_THAT(answer.body, HasSubstr(fmt::format("signal {}", signal)));
      EXPECT_EQ(answer.body.find(folder_.path().string()), std::string::npos) << answer.body;
    }
    begin().close();
    EXPECT_TRUE(http::becomes_true([&] { return decoders().empty() && clip_bytes() == 0; }));
  });
}

TEST_F(HostileTest, MalformedRequests) {
  fs::copy_file(source_dir() / "samples/shapes.mp4", folder_.path() / "videos/shapes.mp4");
  const Json videos = Json::parse(ask("GET", "/api/v1/videos", "").body);
  const std::string video = videos["videos"][0]["id"];
  const std::string question =
      R"({"video_path": "shapes.mp4", "query": "When?", "options": {"output_format": "seconds",
          "frame_sampling_rate": "1fps", "max_frames": 2, "max_new_tokens": 1, "from": 0, "to": 4}})";
  const Json jobs = Json::parse(ask("POST", "/api/v1/jobs", kJson, question).body);
  const std::string job = jobs["jobs"][0]["id"];

  const auto with_body = [](const std::string& line, const std::string& headers,
                            const std::string& body) {
    return fmt::format("{} HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: {}\r\n\r\n{}", line,
                       headers, body.size(), body);
  };
  const auto without = [&](const std::string& line, const std::string& headers = "") {
    return fmt::format("{} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", line, headers);
  };
  const std::string form =
      "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n"
      "Content-Type: video/mp4\r\n\r\nno video\r\n--edge--\r\n";
  const std::vector<std::string> seeds = {
      with_body("POST /api/v1/inference", kJson, question),
      with_body("POST /api/v1/jobs", kJson, question),
      with_body("POST /api/v1/jobs", std::string(kJson) + "Idempotency-Key: a\r\n",
                R"({"jobs": [{"video_id": ")" + video + R"(", "queries": ["a", "b"],
                 "priority": 3, "options": {"max_new_tokens": 1, "max_frames": 2}}]})"),
      with_body("POST /api/v1/jobs", kJson,
                R"({"folder": "", "queries": ["a"], "options": {"max_new_tokens": 1,
                 "max_frames": 2, "temperature": 0.5, "seed": 7}})"),
      with_body("POST /v1/chat/completions", kJson,
                R"({"model": "nano", "max_tokens": 1, "temperature": 0, "stream": false, "messages":
                 [{"role": "system", "content": "Be short."}, {"role": "user", "content": [
                 {"type": "text", "text": "What?"},
                 {"type": "video_url", "video_url": {"url": "shapes.mp4"}}]}]})"),
      without("GET /v1/models"),
      with_body("PUT /api/v1/jobs/" + job + "/corrections", kJson,
                R"({"events": [{"start": 1.5, "end": 2, "label": "x"}]})"),
      with_body("POST /api/v1/jobs/" + job + "/cancel", kJson, ""),
      with_body("POST /api/v1/videos", "Content-Type: multipart/form-data; boundary=edge\r\n",
                form),
      with_body("PUT /api/v1/videos/piece.mp4", "Content-Range: bytes 0-3/8\r\n", "ftyp"),
      with_body("PUT /api/v1/videos/whole.mp4", "", "no video"),
      without("GET /api/v1/uploads/piece.mp4?size=8"),
      without("DELETE /api/v1/uploads/piece.mp4?size=8"),
      without("GET /api/v1/videos?search=a&limit=5"),
      without("GET /api/v1/videos/" + video),
      without("GET /api/v1/videos/" + video + "/content", "Range: bytes=0-99\r\n"),
      without("GET /api/v1/videos/" + video + "/thumbnails?count=2&height=20"),
      without("GET /api/v1/videos/" + video + "/clip?from=1&to=1.2&mode=fast"),
      without("GET /api/v1/jobs?state=done&search=a&limit=3"),
      without("GET /api/v1/jobs/" + job),
      without("GET /api/v1/jobs/" + job + "/export?format=csv"),
      without("GET /api/v1/export?format=srt&ids=" + job),
      without("GET /api/v1/events", "Last-Event-ID: 5\r\n"),
      without("GET /", "Accept-Encoding: gzip\r\nIf-None-Match: \"x\"\r\n")};

  const int count = share_of(1000, 1000, 150);
  int answered = 0;
  const auto attack = [&] {
    std::mt19937 random(20240607);
    answered = 0;
    for (int i = 0; i < count; ++i) {
      const std::string request = damage_request(seeds[random() % seeds.size()], random);
      http::TestClient client(server_.port());
      client.send(request);
      client.finish_sending();
      const int status = client.read_head(20).status;
      answered += status != 0;
      EXPECT_NE(status, 500) << i << ": " << request;
      if (status == 0) {
        ASSERT_TRUE(client.closed_within(20)) << i << ": " << request;
      }
      ASSERT_TRUE(runs()) << i << ": " << request;
    }
  };
  twice(attack);
  EXPECT_GT(answered, count / 2);
}

TEST_F(HostileTest, PathsThatLeaveTheLibraryAreRefusedAndLogged) {
  const fs::path videos = folder_.path() / "videos";
  fs::create_symlink("/etc/passwd", videos / "link.mp4");
  fs::create_symlink("/etc", videos / "etc");
  struct Attempt {
    const char* path;
    const char* reason;  // in the log
  };
  for (const Attempt& attempt :
       {Attempt{"../data/shijian.db", "'..'"}, Attempt{"a/../../data/shijian.db", "'..'"},
        Attempt{"/etc/passwd", "absolute"}, Attempt{"/app/videos/../../etc/passwd", "'..'"},
        Attempt{"link.mp4", "links"}, Attempt{"etc/passwd", "links"}, Attempt{"a\\u0000b", "NUL"},
        Attempt{"a\\\\b", "backslash"}}) {
    for (const char* route : {"/api/v1/inference", "/api/v1/jobs"}) {
      const http::TestAnswer answer =
          ask("POST", route, kJson,
              fmt::format(R"({{"video_path": "{}", "query": "x"}})", attempt.path));
      EXPECT_EQ(answer.status, 403) << attempt.path;
      const std::string id = answer.headers.at("x-request-id");
      const auto logged = [&] {
        const std::string all = log();
        const size_t at = all.find(id);
        const size_t end = all.find('\n', at);
        return at != std::string::npos && end != std::string::npos &&
               all.substr(at, end - at).find(attempt.reason) != std::string::npos;
      };
      EXPECT_TRUE(http::becomes_true(logged)) << attempt.path << " in " << log();
    }
  }
  for (const char* target :
       {"/api/v1/videos/..%2f..%2fx", "/api/v1/videos/a%2fb", "/api/v1/videos/a%00b",
        "/api/v1/uploads/..%5cx?size=1", "/api/v1/videos/../../x", "/api/v1/videos/.hidden"}) {
    EXPECT_EQ(ask("PUT", target, "", "x").status, 403) << target;
  }
  for (const char* name : {"../x.mp4", "/x.mp4", "a\\\\b.mp4", ".x"}) {
    const http::TestAnswer answer =
        ask("POST", "/api/v1/videos", "Content-Type: multipart/form-data; boundary=edge\r\n",
            fmt::format("--edge\r\nContent-Disposition: form-data; name=\"f\"; "
                        "filename=\"{}\"\r\n\r\nx\r\n--edge--\r\n",
                        name));
    EXPECT_EQ(answer.status, 403) << name << answer.body;
  }
  EXPECT_THAT(log(), HasSubstr("an encoded slash"));
  EXPECT_FALSE(fs::exists(folder_.path() / "x.mp4"));
}

}  // namespace
}  // namespace shijian
