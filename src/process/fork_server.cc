#include "process/fork_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

#include "base/error.h"

namespace shijian::process {
namespace {

constexpr int kControl = 3;  // the descriptor by which the forking process hears of calls
constexpr uint32_t kGreeting = 1;
constexpr uint32_t kCall = 2;

// Secrets of the environment are none of a child's affair.
std::vector<char*> small_environment() {
  std::vector<char*> kept;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    const std::string_view name = text.substr(0, text.find('='));
    if (name == "LD_LIBRARY_PATH" || name.ends_with("SAN_OPTIONS")) kept.push_back(*variable);
  }
  kept.push_back(nullptr);
  return kept;
}

struct Child {
  pid_t process;  // 0: it could not be started, -1: and whoever called knows
  Channel call;

  void kill() const {
    if (process > 0) ::kill(process, SIGKILL);
  }
};

// The forking process. One thread, so that a fork copies a whole and quiet process.
class Forks {
 public:
  explicit Forks(const ServeCall& serve) : serve_(serve), control_(Descriptor(kControl)) {
    for (const int ignored : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(ignored, SIG_IGN);
    sigset_t ended;
    ::sigemptyset(&ended);
    ::sigaddset(&ended, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &ended, nullptr);
    ended_ = Descriptor(::signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  void run(std::string_view greeting) {
    control_.send(kGreeting, std::as_bytes(std::span(greeting)));
    while (turn()) {
    }
    for (const Child& child : children_) child.kill();
  }

 private:
  bool turn() {
    std::vector<pollfd> watched = {{control_.fd(), POLLIN, 0}, {ended_.get(), POLLIN, 0}};
    for (const Child& child : children_) watched.push_back({child.call.fd(), 0, 0});
    if (::poll(watched.data(), watched.size(), -1) < 0) return errno == EINTR;
    // Whoever dropped the channel does not want the answer any more.
    for (size_t i = 2; i < watched.size(); ++i) {
      if (watched[i].revents == 0) continue;
      Child& child = children_[i - 2];
      child.kill();
      if (child.process == 0) child.process = -1;
    }
    std::erase_if(children_, [](const Child& child) { return child.process < 0; });
    if (watched[1].revents != 0) reap();
    return watched[0].revents == 0 || begin();
  }

  void reap() {
    signalfd_siginfo info;
    while (::read(ended_.get(), &info, sizeof info) > 0) {
    }
    int status = 0;
    for (pid_t process; (process = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      std::erase_if(children_, [&](const Child& child) {
        if (child.process != process) return false;
        child.call.try_send(kChildEnded, std::as_bytes(std::span(&status, 1)));
        return true;
      });
    }
  }

  bool begin() {
    auto packet = control_.receive();
    if (!packet || packet->files.empty()) return false;
    Channel call(std::move(packet->files[0]));
    const pid_t process = ::fork();
    if (process == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      control_ = Channel(Descriptor());
      ended_ = Descriptor();
      children_.clear();
      packet->files.erase(packet->files.begin());
      serve_(std::move(call), std::move(packet->files));
      ::_exit(0);
    }
    if (process < 0) {
      const int reason = errno;
      call.try_send(kNotStarted, std::as_bytes(std::span(&reason, 1)));
    }
    // Also where none was started: closing the channel now could overtake what was just sent.
    children_.push_back({std::max(process, 0), std::move(call)});
    return true;
  }

  const ServeCall& serve_;
  Channel control_;
  Descriptor ended_;
  std::vector<Child> children_;
};

}  // namespace

ForkServer::ForkServer(std::string command) : command_(std::move(command)) { start(); }

ForkServer::~ForkServer() { end(); }

void ForkServer::start() {
  auto [ours, theirs] = Channel::make_pair();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, theirs.fd(), kControl);
  std::string name = "shijian";
  char* arguments[] = {name.data(), const_cast<char*>(command_.c_str()), nullptr};
  const int failed = ::posix_spawn(&process_, "/proc/self/exe", &actions, nullptr, arguments,
                                   small_environment().data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    throw Error(ErrorCode::kIo,
                "start the process '{}': {}"_text(command_, Text::words(std::strerror(failed))),
                "the system must allow processes, and /proc must be there"_text);
  }
  control_.emplace(std::move(ours));
}

void ForkServer::end() {
  control_.reset();
  if (process_ > 0) ::waitpid(std::exchange(process_, -1), nullptr, 0);
}

Channel ForkServer::call(std::vector<int> files) {
  auto [ours, theirs] = Channel::make_pair();
  files.insert(files.begin(), theirs.fd());
  const std::lock_guard lock(mutex_);
  for (int tries = 0; tries < 2; ++tries) {
    if (control_ && control_->send(kCall, {}, files)) return std::move(ours);
    end();
    start();
  }
  throw Error(ErrorCode::kIo, "the process '{}' ends as soon as it starts"_text(command_),
              kMemoryHint);
}

const std::string& ForkServer::greeting() {
  const std::lock_guard lock(mutex_);
  if (!greeting_) {
    if (!control_) start();
    const auto packet = control_->receive();
    if (!packet || packet->type != kGreeting) {
      throw Error(ErrorCode::kIo, "the process '{}' did not start"_text(command_), kMemoryHint);
    }
    greeting_.emplace(reinterpret_cast<const char*>(packet->bytes.data()), packet->bytes.size());
  }
  return *greeting_;
}

int run_fork_server(std::string_view greeting, const ServeCall& serve) {
  ::close_range(kControl + 1, ~0u, 0);
  // Where memory runs out, the system shall end a child rather than the program.
  std::ofstream("/proc/self/oom_score_adj") << 1000;
  Forks(serve).run(greeting);
  return 0;
}

}  // namespace shijian::process
