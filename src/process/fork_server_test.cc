// Real children, which give up what they do not need and then try to do it all the same.
#include "process/fork_server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/sanitized.h"
#include "base/stop_event.h"
#include "process/confine.h"

namespace shijian::process {
namespace {

constexpr const char* kCommand = "fork-server-test";
constexpr uint32_t kText = 7;
constexpr int kFileBytes = 1000;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}
std::string text_of(const Channel::Packet& packet) {
  return {reinterpret_cast<const char*>(packet.bytes.data()), packet.bytes.size()};
}

std::string outcome(long result) { return result >= 0 ? "done" : std::strerror(errno); }

// What a child does when it is told to, in what words it went.
std::string attempt(const std::string& what, int file, int writable) {
  char byte = 0;
  if (what == "read") return outcome(::pread(file, &byte, 1, 0));
  if (what == "write") return outcome(::pwrite(file, "x", 1, 0));
  if (what == "write the one") return outcome(::pwrite(writable, "x", 1, kFileBytes - 1));
  if (what == "write too much") return outcome(::pwrite(writable, "x", 1, kFileBytes));
  if (what == "open") return outcome(::open("/dev/null", O_RDONLY));
  if (what == "socket") return outcome(::socket(AF_INET, SOCK_STREAM, 0));
  if (what == "fork") return outcome(::fork());
  if (what == "kill") return outcome(::kill(::getppid(), 0));
  if (what == "exec") {
    char* arguments[] = {nullptr};
    return outcome(::execve("/bin/true", arguments, arguments));
  }
  if (what == "code") {
    void* memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return outcome(memory == MAP_FAILED ? -1 : 0);
  }
  if (what == "memory") {
    try {
      std::string large;
      large.resize(size_t{512} << 20);
      // Looked at, or clang leaves the allocation out.
      return large[what.size()] == 0 ? "done" : "";
    } catch (const std::bad_alloc&) {
      return "no memory";
    }
  }
  if (what == "thread") {
    std::string said;
    std::thread([&] { said = "done"; }).join();
    return said;
  }
  if (what == "crash") std::abort();
  for (volatile bool spin = what == "spin"; spin;) {
  }
  if (what == "sleep") ::usleep(1000000000);
  return std::getenv("FORK_SERVER_SECRET") == nullptr ? "no secret" : "secret";
}

void serve(Channel call, std::vector<Descriptor> files) {
  files.resize(2);
  const auto packet = call.receive();
  if (!packet) return;
  const std::string what = text_of(*packet);
  confine({.memory_bytes = int64_t{400} << 20,
           .cpu_seconds = 1,
           .writable = files[1].get(),
           .file_bytes = kFileBytes});
  call.send(kText, bytes_of(attempt(what, files[0].get(), files[1].get())));
}

class ForkServerTest : public testing::Test {
 protected:
  Channel begin(const std::string& what, int writable = -1) {
    Channel call =
        forks_.call(writable < 0 ? std::vector{file_.get()} : std::vector{file_.get(), writable});
    EXPECT_TRUE(call.send(kText, bytes_of(what)));
    return call;
  }
  // What the child says, or the signal that ends it.
  std::string ask(const std::string& what, int writable = -1) {
    Channel call = begin(what, writable);
    const auto packet = call.receive();
    if (!packet) return "nothing";
    if (packet->type == kText) return text_of(*packet);
    int status = 0;
    std::memcpy(&status, packet->bytes.data(), sizeof status);
    return WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status)) : "exit";
  }

  ForkServer forks_{kCommand};
  Descriptor file_{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
};

TEST_F(ForkServerTest, ChildrenAnswerAndEnd) {
  EXPECT_EQ(forks_.greeting(), "hello");
  EXPECT_EQ(ask("read"), "done");
  EXPECT_EQ(ask("thread"), "done");
  ::setenv("FORK_SERVER_SECRET", "x", 1);
  ForkServer later(kCommand);
  Channel call = later.call({file_.get()});
  call.send(kText, bytes_of("environment"));
  EXPECT_EQ(text_of(*call.receive()), "no secret");
  EXPECT_EQ(call.receive()->type, kChildEnded);
  EXPECT_FALSE(call.receive());
}

TEST_F(ForkServerTest, ChildrenCannotReachOut) {
  if (kSanitized) GTEST_SKIP() << "a sanitiser needs these calls itself";
  // The limits alone do this ...
  for (const char* what : {"open", "socket", "exec"}) EXPECT_NE(ask(what), "done") << what;
  EXPECT_EQ(ask("memory"), "no memory");
  // ... and seccomp the rest.
  if (const std::string weakness = try_confine(); !weakness.empty()) GTEST_SKIP() << weakness;
  for (const char* what : {"open", "socket", "exec", "write", "fork", "kill", "code"}) {
    EXPECT_EQ(ask(what), std::strerror(EPERM)) << what;
  }
}

TEST_F(ForkServerTest, OneFileMayBeWritten) {
  const Descriptor one(::memfd_create("one", MFD_CLOEXEC));
  EXPECT_EQ(ask("write the one", one.get()), "done");
  EXPECT_EQ(ask("write the one"), std::strerror(kSanitized ? EBADF : EPERM));
  if (kSanitized) GTEST_SKIP() << "a sanitiser needs more";
  EXPECT_EQ(ask("write too much", one.get()), fmt::format("signal {}", SIGXFSZ));
  if (!try_confine().empty()) GTEST_SKIP() << "system calls are not filtered";
  file_ = Descriptor(::memfd_create("another", MFD_CLOEXEC));
  EXPECT_EQ(ask("write", one.get()), std::strerror(EPERM));
}

TEST_F(ForkServerTest, TheWayAChildEndsIsTold) {
  EXPECT_EQ(ask("crash"), fmt::format("signal {}", SIGABRT));
  EXPECT_EQ(ask("spin"), fmt::format("signal {}", SIGXCPU));
  EXPECT_EQ(ask("read"), "done");
}

TEST_F(ForkServerTest, DroppingTheChannelKillsTheChild) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  {
    // The child holds the pipe's last writing end while it lives.
    Channel call = forks_.call({ends[1]});
    call.send(kText, bytes_of("sleep"));
    ::close(ends[1]);
  }
  char byte;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0);
  ::close(ends[0]);
}

TEST_F(ForkServerTest, AStopRequestEndsTheWait) {
  using Clock = std::chrono::steady_clock;
  Channel call = begin("sleep");
  std::stop_source source;
  const StopEvent stop(source.get_token());
  EXPECT_FALSE(call.wait(Clock::now(), stop.fd()));
  std::jthread stopper([&] { source.request_stop(); });
  EXPECT_TRUE(call.wait(Clock::time_point::max(), stop.fd()));
  Channel answers = begin("read");
  EXPECT_TRUE(answers.wait(Clock::time_point::max(), -1));
  EXPECT_EQ(text_of(*answers.receive()), "done");
}

TEST_F(ForkServerTest, ManyCallsAtOnce) {
  std::vector<Channel> calls;
  calls.reserve(20);
  for (int i = 0; i < 20; ++i) calls.push_back(begin("thread"));
  for (Channel& call : calls) EXPECT_EQ(text_of(*call.receive()), "done");
}

}  // namespace
}  // namespace shijian::process

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == shijian::process::kCommand) {
    return shijian::process::run_fork_server("hello", shijian::process::serve);
  }
  testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
