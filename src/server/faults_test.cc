// A store that fails ends no thread, blames no job and repeats no post.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <atomic>
#include <cstdlib>
#include <fstream>

#include "jobs/history.h"
#include "jobs/store_faults.h"
#include "server/server_fixture.h"
#include "server/webhooks.h"

namespace shijian::server {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBody =
    R"({"video_path": "shapes.mp4", "query": "When does the scene cut?"})";
constexpr const char* kChat =
    R"({"max_tokens": 2, "messages": [{"role": "user", "content": "Hello"}]})";

class FailingStore : public Server {
 protected:
  ~FailingStore() override { jobs::StoreFaults::full = jobs::StoreFaults::broken = false; }

  // Fills the disk once the job runs.
  int64_t fill_when_running() {
    return queue_->subscribe_all([](const jobs::JobEvent& event) {
      if (event.state == jobs::JobState::kRunning) jobs::StoreFaults::full = true;
    });
  }
  std::string submit() {
    const http::TestAnswer answer = call("POST", "/api/v1/jobs", kBody);
    EXPECT_EQ(answer.status, 202) << answer.body;
    return json(answer)["jobs"][0]["id"].get<std::string>();
  }

  jobs::StoreFaults faults_;
};

TEST_F(FailingStore, AJobThatEndsOnAFullDiskIsDoneWhenThereIsRoom) {
  const int64_t subscription = fill_when_running();
  const std::string id = submit();
  EXPECT_TRUE(http::becomes_true([] { return jobs::StoreFaults::refused > 2; }, 30));
  EXPECT_EQ(call("GET", "/healthz").status, 200);
  EXPECT_EQ(call("POST", "/v1/chat/completions", kChat).status, 200);
  EXPECT_EQ(json(call("GET", "/api/v1/jobs/" + id))["state"], "running");
  EXPECT_GE(call("POST", "/api/v1/jobs", kBody).status, 500);
  queue_->unsubscribe(subscription);
  jobs::StoreFaults::full = false;
  EXPECT_EQ(ended(id)["state"], "done");
  EXPECT_EQ(ended(submit())["state"], "done");
}

TEST_F(FailingStore, AJobThatCannotBeginWaits) {
  std::atomic<bool> busy{false}, go{false};
  calls_->add({"c", {}, [&] {
                 busy = true;
                 while (!go) usleep(1000);
               }});
  EXPECT_TRUE(http::becomes_true([&] { return busy.load(); }));
  const std::string id = submit();
  jobs::StoreFaults::full = true;
  go = true;
  EXPECT_TRUE(http::becomes_true([] { return jobs::StoreFaults::refused > 2; }, 30));
  EXPECT_EQ(json(call("GET", "/api/v1/jobs/" + id))["state"], "queued");
  jobs::StoreFaults::full = false;
  EXPECT_EQ(ended(id)["state"], "done");
}

// The video's row cannot be written, or nothing be read of it: that is no fault of the job's.
TEST_F(FailingStore, AJobIsNotBlamedForTheStore) {
  const std::string id = submit();
  ended(id);
  fs::last_write_time(folder_ / "videos" / "shapes.mp4", fs::file_time_type::clock::now());
  const int64_t subscription = fill_when_running();
  const std::string again = submit();
  EXPECT_TRUE(http::becomes_true([] { return jobs::StoreFaults::refused > 1; }, 30));
  queue_->unsubscribe(subscription);
  jobs::StoreFaults::full = false;
  EXPECT_EQ(ended(again)["state"], "done");
}

TEST_F(FailingStore, WhatWasDeliveredIsPostedOnce) {
  http::HttpOptions options;
  options.port = 0;
  http::HttpServer owner(options);
  std::atomic<int> posts{0};
  owner.route("POST", "/hook", [&](const http::HttpRequest&, auto reply) {
    ++posts;
    jobs::StoreFaults::full = true;
    http::HttpResponse response;
    response.status = 204;
    reply->send(std::move(response));
  });
  owner.start();
  context_->webhook_hosts = http::AllowedHosts({"127.0.0.1"});
  const Webhooks webhooks(*store_, context_->webhook_hosts);
  const http::TestAnswer answer =
      call("POST", "/api/v1/jobs",
           fmt::format(R"({{"video_path": "shapes.mp4", "query": "When does the scene cut?",
                            "webhook": {{"url": "http://127.0.0.1:{}/hook", "secret": "s"}}}})",
                       owner.port()));
  ASSERT_EQ(answer.status, 202) << answer.body;
  EXPECT_TRUE(http::becomes_true([&] { return posts == 1; }, 60));
  EXPECT_TRUE(http::becomes_true([] { return jobs::StoreFaults::refused > 3; }, 30));
  EXPECT_LT(jobs::StoreFaults::refused, 40);  // it waits longer and longer
  EXPECT_TRUE(store_->next_webhook().has_value());
  jobs::StoreFaults::full = false;
  EXPECT_TRUE(http::becomes_true([&] { return !store_->next_webhook().has_value(); }, 30));
  EXPECT_EQ(posts, 1);
}

TEST_F(FailingStore, TheHistoryGoesOn) {
  for (int i = 0; i < 2; ++i) ended(submit());
  jobs::StoreFaults::full = true;
  const jobs::History history(*store_, {.jobs = 1, .between_looks = std::chrono::milliseconds(20)});
  EXPECT_TRUE(http::becomes_true([] { return jobs::StoreFaults::refused > 3; }, 30));
  EXPECT_EQ(store_->jobs({}, {}).total, 2);
  jobs::StoreFaults::full = false;
  EXPECT_TRUE(http::becomes_true([&] { return store_->jobs({}, {}).total == 1; }, 30));
}

// A disk of 8 MiB of its own, where the system lets us mount one.
class SmallDisk {
 protected:
  SmallDisk() {
    std::string name = (fs::temp_directory_path() / "shijian-disk-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) return;
    folder_of_disk_ = name;
    mounted_ = ::mount("none", name.c_str(), "tmpfs", 0, "size=8m") == 0;
    if (mounted_) ::setenv("TMPDIR", name.c_str(), 1);
  }
  virtual ~SmallDisk() {
    ::unsetenv("TMPDIR");
    if (mounted_) ::umount2(folder_of_disk_.c_str(), MNT_DETACH);
    std::error_code ignored;
    fs::remove(folder_of_disk_, ignored);
  }
  // Until not a byte more fits.
  void fill() const {
    std::ofstream file(folder_of_disk_ / "filler", std::ios::binary);
    for (const size_t piece : {size_t{1} << 16, size_t{1} << 10, size_t{1}}) {
      file.clear();
      while (file << std::string(piece, 'x') << std::flush) {
      }
    }
  }
  void make_room() const { fs::remove(folder_of_disk_ / "filler"); }

  fs::path folder_of_disk_;
  bool mounted_ = false;
};

class OnASmallDisk : public SmallDisk, public Server {};

TEST_F(OnASmallDisk, AFullDiskEndsNothing) {
  if (!mounted_) GTEST_SKIP() << "no file system may be mounted here";
  std::atomic<bool> filled{false};
  const int64_t subscription = queue_->subscribe_all([&](const jobs::JobEvent& event) {
    if (event.state != jobs::JobState::kRunning || filled.exchange(true)) return;
    fill();
  });
  const Json jobs = json(call("POST", "/api/v1/jobs",
                              R"({"video_path": "shapes.mp4",
                                  "queries": ["When?", "When does it begin?", "When is MENU on?"]})"))
      ["jobs"];
  ASSERT_EQ(jobs.size(), 3u);
  EXPECT_TRUE(http::becomes_true([&] { return filled.load(); }, 60));
  usleep(500'000);
  EXPECT_EQ(call("GET", "/healthz").status, 200);
  EXPECT_EQ(call("GET", "/api/v1/jobs").status, 200);
  queue_->unsubscribe(subscription);
  make_room();
  for (const Json& job : jobs) EXPECT_EQ(ended(job["id"].get<std::string>())["state"], "done");
}

}  // namespace
}  // namespace shijian::server
