// `shijian serve` as a process: its settings, and what remains when it is killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <thread>

#include "command.h"
#include "served.h"
#include "source_dir.h"

namespace shijian {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

constexpr int kJobs = 30;
constexpr int kKills = 20;

class Serve : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    films_ = new ScratchFolder;
    fs::copy_file(source_dir() / "samples" / "shapes.mp4", *films_ / "shapes.mp4");
    for (const char* size : {"160x120", "128x160"}) {
      run_tool({"ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                std::string("testsrc2=r=10:d=5:s=") + size, "-pix_fmt", "yuv420p",
                *films_ / (std::string(size) + ".mp4")});
    }
  }
  static void TearDownTestSuite() { delete films_; }

  // Those of a server with everything under `name`.
  std::vector<std::string> settings(const std::string& name) const {
    const std::string folder = scratch_ / name;
    return {"--port",      "0",
            "--videos",    *films_ / "",
            "--data",      folder + "/data",
            "--cache-dir", folder + "/cache",
            "--model",     (source_dir() / "models/nano").string(),
            "--rate",      "10000",
            "--log-level", "warning"};
  }

  static std::string batch() {
    json jobs = json::array();
    for (int i = 0; i < kJobs; ++i) {
      const char* films[] = {"shapes.mp4", "160x120.mp4", "128x160.mp4"};
      jobs.push_back({{"video_path", films[i % 3]},
                      {"query", "When is the number " + std::to_string(i) + " on screen?"},
                      {"priority", i % 4},
                      {"options", {{"logprobs", 2}}}});
    }
    return json{{"jobs", jobs}}.dump();
  }
  // Answers by question, without what differs from run to run.
  static std::map<std::string, json> answers(const Served& server) {
    std::map<std::string, json> by_query;
    const json page = server.json("GET", "/api/v1/jobs?limit=1000");
    for (const json& job : page["jobs"]) {
      EXPECT_EQ(job["state"], "done") << job;
      json result = job["result"];
      for (const char* key : {"timing", "reused", "encoded_slots", "job_id"}) result.erase(key);
      EXPECT_TRUE(by_query.emplace(job["query"], result).second) << job["query"];
    }
    return by_query;
  }
  static int done(const Served& server) {
    return server.json("GET", "/api/v1/jobs?state=done&limit=1")["total"];
  }
  static void wait_for(const Served& server, int count) {
    while (done(server) < count) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

  static const ScratchFolder* films_;
  ScratchFolder scratch_;
};
const ScratchFolder* Serve::films_ = nullptr;

void execute(const std::string& database, const char* sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(database.c_str(), &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 10000);
  EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
}

// The database itself counts how often a job ends.
TEST_F(Serve, KilledTwentyTimesItLosesNothingAndFinishesNothingTwice) {
  std::map<std::string, json> undisturbed;
  {
    const Served server(settings("calm"));
    server.json("POST", "/api/v1/jobs", batch());
    wait_for(server, kJobs);
    undisturbed = answers(server);
  }
  ASSERT_EQ(undisturbed.size(), static_cast<size_t>(kJobs));

  const std::vector<std::string> here = settings("storm");
  auto server = std::make_unique<Served>(here);
  execute(scratch_ / "storm/data/shijian.db",
          "CREATE TABLE ends(id TEXT UNIQUE);"
          "CREATE TRIGGER count_ends AFTER UPDATE OF state ON jobs WHEN NEW.finished > 0 AND "
          "NEW.state <> OLD.state BEGIN INSERT INTO ends VALUES (NEW.id); END;");
  EXPECT_EQ(server->json("POST", "/api/v1/jobs", batch())["jobs"].size(), size_t{kJobs});
  std::mt19937 random(7);
  int interrupted = 0;
  for (int i = 0; i < kKills; ++i) {
    // Each life ends at least one job: one that three crashes interrupt counts as their cause.
    wait_for(*server, std::min(kJobs, done(*server) + 1));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 25000));
    server->kill();
    server = std::make_unique<Served>(here);
    interrupted += done(*server) < kJobs;
  }
  EXPECT_GT(interrupted, kKills / 2);  // else nothing was tried
  wait_for(*server, kJobs);
  EXPECT_EQ(answers(*server), undisturbed);
  EXPECT_EQ(server->json("GET", "/api/v1/jobs")["total"], kJobs);
  server->kill();
  execute(scratch_ / "storm/data/shijian.db",
          "CREATE TEMP TABLE t(n CHECK (n = 30)); INSERT INTO t SELECT COUNT(*) FROM ends;");
}

// A kill of the whole server says nothing about the job that it was at; a crash does, the second
// time.
TEST_F(Serve, OnlyCrashesCountAgainstAJob) {
  const std::vector<std::string> here = settings("crashes");
  auto server = std::make_unique<Served>(here);
  const json submitted = server->json("POST", "/api/v1/jobs", R"({"video_path": "shapes.mp4",
      "query": "When?", "options": {"frame_sampling_rate": 30, "max_frames": 600,
                                    "enable_temporal_grounding": false, "max_new_tokens": 400}})");
  const std::string path = "/api/v1/jobs/" + submitted["jobs"][0]["id"].get<std::string>();
  // Ends it at work, and starts it again.
  const auto end_by = [&](int signal) {
    for (std::string stage; stage.empty() || stage == "queued" || stage == "probing";) {
      const json job = server->json("GET", path);
      ASSERT_TRUE(job.contains("progress")) << job;
      stage = job["progress"]["stage"];
    }
    ::kill(server->process(), signal);
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(server->process()), &ended, WEXITED | WNOWAIT);
    server->kill();
    server = std::make_unique<Served>(here);
  };
  for (int i = 0; i < 4; ++i) ASSERT_NO_FATAL_FAILURE(end_by(SIGKILL));
  ASSERT_NO_FATAL_FAILURE(end_by(SIGSEGV));
  ASSERT_NO_FATAL_FAILURE(end_by(SIGABRT));
  const json job = server->json("GET", path);
  EXPECT_EQ(job["state"], "failed");
  EXPECT_THAT(job["error"]["message"].get<std::string>(), HasSubstr("crashed twice"));
  EXPECT_EQ(job["attempts"], 6);
}

TEST_F(Serve, AnswersWithSixtyFourDescriptors) {
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit few{64, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const Served server(settings("few"));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  std::vector<std::unique_ptr<http::TestClient>> silent;
  for (int i = 0; i < 100; ++i) {
    silent.push_back(std::make_unique<http::TestClient>(server.port()));
    if (i % 2 == 0) silent.back()->send("GET /healthz HTTP/1.1\r\n");
  }
  // Those that are cut need a moment to go.
  EXPECT_TRUE(http::becomes_true([&] { return server.call("GET", "/healthz").status == 200; }));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(server.call("GET", "/healthz").status, 200) << i;
  EXPECT_EQ(server
                .call("POST", "/api/v1/inference",
                      R"({"video_path": "shapes.mp4", "query": "When does the scene cut?"})")
                .status,
            200);
}

TEST_F(Serve, TakesSettingsFromFileEnvironmentAndCommandLine) {
  std::ofstream(scratch_ / "serve.toml")
      << "port = 0\nvideos = \"" << *films_ / ""
      << "\"\nqueue = 5\nkeep-jobs = 2\nlog-level = \"warning\"\nno-cache = true\n";
  std::vector<std::string> arguments = {"--config", scratch_ / "serve.toml", "--model",
                                        (source_dir() / "models/nano").string()};
  const auto capacity = [&](const std::vector<std::string>& environment) {
    std::vector<std::string> all = environment;
    all.push_back("SHIJIAN_DATA=" + (scratch_ / "data"));
    const Served server(arguments, all);
    EXPECT_THAT(server.greeting(), HasSubstr(*films_ / ""));
    return server.json("GET", "/api/v1/queue")["capacity"].get<int>();
  };
  EXPECT_EQ(capacity({}), 5);
  EXPECT_EQ(capacity({"SHIJIAN_QUEUE=6"}), 6);
  arguments.insert(arguments.end(), {"--queue", "7"});
  EXPECT_EQ(capacity({"SHIJIAN_QUEUE=6"}), 7);
  EXPECT_TRUE(fs::exists(scratch_ / "data/shijian.db"));
  const Served threads(arguments, {"SHIJIAN_THREADS=3", "SHIJIAN_DATA=" + (scratch_ / "data")});
  EXPECT_EQ(threads.json("GET", "/api/v1/model")["threads"], 3);

  std::ofstream(scratch_ / "wrong.toml") << "ports = 7\n";
  const CommandResult wrong = run_shijian({"serve", "--config", scratch_ / "wrong.toml"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("ports"));
}

TEST_F(Serve, RefusesAPartThatIsNone) {
  const Served server(settings("here"));
  for (const char* part :
       {R"({"from": 1, "to": 1})", R"({"from": 5})", R"({"to": 0})", R"({"from": 3, "to": 2})"}) {
    const http::TestAnswer answer = server.call(
        "POST", "/api/v1/inference",
        R"({"video_path": "160x120.mp4", "query": "x", "options": )" + std::string(part) + "}");
    EXPECT_EQ(answer.status, 422) << part << answer.body;
    EXPECT_THAT(answer.body, HasSubstr("5.000 s long"));
  }
}

TEST_F(Serve, DoesNotOpenItselfToOthersByAccident) {
  std::vector<std::string> arguments = settings("open");
  arguments.insert(arguments.begin(), "serve");
  arguments.insert(arguments.end(), {"--host", "0.0.0.0"});
  const CommandResult refused = run_shijian(arguments);
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("--api-key-file"));
  std::vector<std::string> meant = settings("open");
  meant.insert(meant.end(), {"--host", "0.0.0.0", "--no-auth"});
  EXPECT_EQ(Served(meant).call("GET", "/healthz").status, 200);
}

TEST_F(Serve, KnowsTheKeysOfItsFile) {
  std::ofstream(scratch_ / "keys.txt") << "# of the lab\n  first \t\r\n \n\tsecond\n  # third\n";
  std::vector<std::string> arguments = settings("keys");
  arguments.insert(arguments.end(), {"--api-key-file", scratch_ / "keys.txt"});
  const Served server(arguments);
  const auto status = [&](const std::string& key) {
    return server.call("GET", "/api/v1/queue", "", "Authorization: Bearer " + key + "\r\n").status;
  };
  EXPECT_EQ(status("first"), 200);
  EXPECT_EQ(status("second"), 200);
  for (const char* none : {"third", "", "#", "# of the lab"}) EXPECT_EQ(status(none), 401) << none;
}

TEST_F(Serve, EndsInOrder) {
  Served server(settings("end"));
  server.json("POST", "/api/v1/jobs", batch());
  EXPECT_EQ(server.interrupt(), 0);
  const Served again(settings("end"));
  wait_for(again, kJobs);
  const json page = again.json("GET", "/api/v1/jobs?limit=100");
  for (const json& job : page["jobs"]) {
    EXPECT_LE(job["attempts"], 2) << job;
  }
}

}  // namespace
}  // namespace shijian
