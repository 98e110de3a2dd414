// kill -9 at any moment loses no accepted job and finishes none twice.
#include <algorithm>
#include <csignal>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "jobs/queue.h"
#include "jobs/testing.h"

namespace shijian::jobs {
namespace {

class CrashTest : public FolderTest {
 protected:
  // What a server does, until it is killed: one thread accepts jobs, the other runs them. It tells
  // on `out` what was accepted ("a ID") and what it finished with which result ("f ID RESULT"),
  // each after the fact.
  bool serve(int out, int life) const {
    Store store(path());
    JobQueue queue(store, {.capacity = 1'000'000, .max_batch = 4});
    const auto tell = [out](const std::string& line) {
      CHECK(::write(out, line.data(), line.size()) == static_cast<ssize_t>(line.size()), "told");
    };
    tell("r\n");  // open
    std::thread clients([&] {
      for (int i = 0;; ++i) {
        std::vector<JobRequest> requests(1 + i % 3, request_for("q"));
        for (JobRequest& request : requests) request.group = "v";
        std::string lines;
        for (const Job& job : queue.submit(requests).jobs) lines += "a " + job.id + "\n";
        tell(lines);
      }
    });
    for (int serial = 0;;) {
      for (const Job& job : queue.take({})) {
        if (!queue.begin(job.id)) continue;
        const std::string result = fmt::format(R"({{"response":"{}.{}"}})", life, ++serial);
        queue.finish(job.id, {JobState::kDone, result});
        tell("f " + job.id + " " + result + "\n");
      }
    }
  }
};

TEST_F(CrashTest, NothingAcceptedIsLostOrFinishedTwice) {
  { Store store(path()); }
  // The database itself notes each end of a job, so that none escapes that the child could not
  // tell.
  Database(path()).script(
      "CREATE TABLE ends(id TEXT); CREATE TRIGGER note_ends AFTER UPDATE OF state ON jobs "
      "WHEN NEW.state NOT IN ('queued', 'running') BEGIN INSERT INTO ends VALUES (NEW.id); END");
  std::mt19937 random(7);
  std::set<std::string> accepted;
  std::map<std::string, std::string> finished;
  for (int life = 0; life < 20; ++life) {
    int pipes[2];
    ASSERT_EQ(::pipe(pipes), 0);
    const pid_t child = start_child([&] { return serve(pipes[1], life); });
    ::close(pipes[1]);
    // A moment after some messages; in each fourth life while it is still opening and recovering.
    const auto messages = life % 4 == 0 ? 0 : 1 + random() % 20;
    std::thread killer;
    std::string told;
    char buffer[4096];
    for (;;) {
      if (!killer.joinable() &&
          static_cast<size_t>(std::count(told.begin(), told.end(), '\n')) >= messages) {
        const std::chrono::microseconds moment(random() % 10'000);
        killer = std::thread([child, moment] {
          std::this_thread::sleep_for(moment);
          ::kill(child, SIGKILL);
        });
      }
      const ssize_t got = ::read(pipes[0], buffer, sizeof buffer);
      if (got <= 0) break;
      told.append(buffer, static_cast<size_t>(got));
    }
    if (killer.joinable()) killer.join();
    ::close(pipes[0]);
    ASSERT_EQ(wait_for_child(child), -1) << "it ended by itself";
    std::istringstream lines(told);
    for (std::string kind, id, result; lines >> kind;) {
      if (kind == "a" && lines >> id) {
        EXPECT_TRUE(accepted.insert(id).second);
      }
      if (kind == "f" && lines >> id >> result) {
        EXPECT_TRUE(finished.emplace(id, result).second) << id << " was finished twice";
      }
    }
  }

  Store store(path());
  EXPECT_TRUE(store.notice().empty());
  store.recover();
  int64_t waiting = 0, done = 0;
  for (const std::string& id : accepted) {
    const Job job = store.job(id);  // throws if it was lost
    waiting += job.state == JobState::kQueued;
    done += job.state == JobState::kDone;
  }
  EXPECT_EQ(waiting + done, static_cast<int64_t>(accepted.size()));
  for (const auto& [id, result] : finished) {
    const Job job = store.job(id);
    EXPECT_EQ(job.state, JobState::kDone);
    EXPECT_EQ(job.result, result);
  }
  Database database(path());
  Statement ends = database.query("SELECT count(*), count(DISTINCT id) FROM ends");
  ASSERT_TRUE(ends.step());
  EXPECT_EQ(ends.integer(0), ends.integer(1));
  std::printf("accepted %zu: %ld done, %ld waiting; told of %zu ends of %ld\n", accepted.size(),
              done, waiting, finished.size(), ends.integer(0));
  EXPECT_GT(accepted.size(), 20u);
  EXPECT_GT(finished.size(), 10u);
}

}  // namespace
}  // namespace shijian::jobs
