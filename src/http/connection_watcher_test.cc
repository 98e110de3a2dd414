#include "http/connection_watcher.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>

namespace shijian::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

std::set<std::string> threads() {
  std::set<std::string> ids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task"))
    ids.insert(entry.path().filename());
  return ids;
}

class ConnectionWatcherTest : public testing::Test {
 protected:
  ConnectionWatcherTest() {
    int both[2] = {};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both), 0);
    server_ = Descriptor(both[0]);
    client_ = Descriptor(both[1]);
  }
  // Whether the client sees the end of its connection within `time`.
  bool ends_within(milliseconds time) const {
    pollfd end{.fd = client_.get(), .events = POLLRDHUP, .revents = 0};
    return poll(&end, 1, static_cast<int>(time.count())) == 1;
  }
  // How often the watcher's thread has gone to sleep.
  int64_t sleeps() const {
    for (const std::string& id : threads()) {
      if (before_.contains(id)) continue;
      std::ifstream status("/proc/self/task/" + id + "/status");
      for (std::string line; std::getline(status, line);) {
        if (line.starts_with("voluntary_ctxt_switches:")) return std::stoll(line.substr(24));
      }
    }
    return -1;
  }

  // The thread sanitiser starts a thread of its own beside the first one.
  std::jthread first_{[] {}};
  const std::set<std::string> before_ = threads();
  Descriptor server_, client_;
  ConnectionWatcher watcher_;
};

TEST_F(ConnectionWatcherTest, ADeadlineThatComesBeforeTheOthersCuts) {
  const auto now = steady_clock::now();
  const uint64_t id = watcher_.opened(server_.get(), now + std::chrono::hours(1));
  EXPECT_FALSE(ends_within(milliseconds(50)));
  watcher_.set_deadline(id, now + milliseconds(100));
  EXPECT_TRUE(ends_within(milliseconds(10'000)));
  EXPECT_GE(steady_clock::now() - now, milliseconds(100));
  watcher_.closed(id);
}

TEST_F(ConnectionWatcherTest, ADeadlineThatWasTakenBackDoesNotCut) {
  const auto now = steady_clock::now();
  const uint64_t id = watcher_.opened(server_.get(), now + milliseconds(100));
  watcher_.set_deadline(id, ConnectionWatcher::Time::max());
  EXPECT_FALSE(ends_within(milliseconds(300)));
  watcher_.closed(id);
}

TEST_F(ConnectionWatcherTest, SleepsAsLongAsNothingIsDue) {
  const uint64_t id = watcher_.opened(server_.get(), steady_clock::now() + std::chrono::hours(1));
  std::this_thread::sleep_for(milliseconds(50));
  const int64_t begin = sleeps();
  ASSERT_GE(begin, 0);
  std::this_thread::sleep_for(milliseconds(500));
  EXPECT_EQ(sleeps(), begin);
  watcher_.closed(id);
}

}  // namespace
}  // namespace shijian::http
