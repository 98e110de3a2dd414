// Tests alone: the routes with everything real behind them: the default model, SQLite, video files,
// sockets.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "http/test_client.h"
#include "server/json_fields.h"
#include "server/routes.h"
#include "server/worker.h"
#include "source_dir.h"

namespace shijian::server {

class Server : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    engine_ = new engine::Engine({.model = source_dir() / "models" / "nano"});
  }
  static void TearDownTestSuite() {
    delete engine_;
    engine_ = nullptr;
  }

  Server() {
    std::filesystem::create_directories(folder_ / "videos");
    std::filesystem::copy_file(source_dir() / "samples" / "shapes.mp4",
                               folder_ / "videos" / "shapes.mp4");
    store_.emplace(folder_ / "jobs.db");
    queue_.emplace(*store_, jobs::JobQueue::Options{20, 4});
    library_.emplace(LibraryOptions{folder_ / "videos"}, *store_);
    executor_.emplace();
    calls_.emplace(100, [this] { queue_->wake(); });
    context_.emplace(RouteContext{
        *engine_, *store_, *queue_, *calls_, *library_, *executor_, metrics_, "test", {}, 1});
    context_->scratch = folder_;
    http::HttpOptions options;
    options.port = 0;
    options.log = [this](const http::AccessRecord& record) {
      metrics_.request(record);
      const std::lock_guard lock(log_mutex_);
      log_.push_back(record);
    };
    http_.emplace(options);
    add_routes(*http_, *context_);
    http_->start();
    worker_.emplace(
        *engine_, *queue_, *calls_, *library_,
        [this](const grounding::Timing& timing, const grounding::Usage& usage,
               const grounding::Reuse& reuse) { metrics_.answered(timing, usage, reuse); });
  }
  ~Server() override {
    http_.reset();
    worker_.reset();
    executor_.reset();
    library_.reset();
    queue_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  http::TestAnswer call(const std::string& method, const std::string& path,
                        const std::string& body = "",
                        const std::string& headers = "Content-Type: application/json\r\n") {
    http::TestClient client(http_->port());
    client.send(fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n{}Content-Length: {}\r\n\r\n{}",
                            method, path, headers, body.size(), body));
    return client.read_answer(120);
  }
  Json json(const http::TestAnswer& answer) { return Json::parse(answer.body, nullptr, false); }
  std::string video_id() {
    return json(call("GET", "/api/v1/videos"))["videos"][0]["id"].get<std::string>();
  }
  // What the log says of a request that ended in `status`.
  http::AccessRecord logged(int status) {
    for (int i = 0; i < 500; ++i, usleep(20000)) {
      const std::lock_guard lock(log_mutex_);
      for (const http::AccessRecord& record : log_) {
        if (record.status == status) return record;
      }
    }
    ADD_FAILURE() << "no request ended in " << status;
    return {};
  }
  Json ended(const std::string& id) {
    for (;;) {
      Json job = json(call("GET", "/api/v1/jobs/" + id));
      if (job["state"] != "queued" && job["state"] != "running") return job;
      usleep(20000);
    }
  }

  static inline engine::Engine* engine_ = nullptr;
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / fmt::format("shijian-server-{}", getpid());
  std::optional<jobs::Store> store_;
  std::optional<jobs::JobQueue> queue_;
  std::optional<EngineCalls> calls_;
  std::optional<Library> library_;
  Metrics metrics_;
  std::mutex log_mutex_;
  std::vector<http::AccessRecord> log_;
  std::optional<Executor> executor_;
  std::optional<RouteContext> context_;
  std::optional<http::HttpServer> http_;
  std::optional<Worker> worker_;
};

}  // namespace shijian::server
