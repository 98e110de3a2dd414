// Fresh processes on demand, for the price of a fork: a small process that does nothing else is
// started once, and forks one child for each call. It never reads what its children read.
//
//   the program  --call-->  the forking process  --fork-->  a child: serve(channel, files)
//        '------------------- a channel of its own --------------'
#pragma once

#include <sys/types.h>

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "process/channel.h"

namespace shijian::process {

// The last packet on a call's channel, of the forking process: the status of waitpid(). It may be
// missing when there was no room for it.
inline constexpr uint32_t kChildEnded = 0xffffffff;

// The only packet on a call's channel when no child could be started: the errno of fork().
inline constexpr uint32_t kNotStarted = 0xfffffffe;

// Runs this very program again, with `command` as its one argument, upon which its main() has to
// call run_fork_server(). Thread-safe.
class ForkServer {
 public:
  // Returns at once. Throws Error(kIo) when the process cannot be started.
  explicit ForkServer(std::string command);
  ~ForkServer();  // ends that process and all its children
  ForkServer(const ForkServer&) = delete;
  ForkServer& operator=(const ForkServer&) = delete;

  // The channel to a fresh child that has duplicates of the descriptors `files`, at most two.
  // Dropping the channel kills the child. Throws Error(kIo); a forking process that is gone is
  // started anew.
  Channel call(std::vector<int> files);
  // What run_fork_server() was given to say. Waits for it.
  const std::string& greeting();

 private:
  void start();
  void end();

  const std::string command_;
  std::mutex mutex_;
  pid_t process_ = -1;
  std::optional<Channel> control_;
  std::optional<std::string> greeting_;
};

// The other side; returns the exit status for main() when the program has gone. `serve` runs in
// the children, each of which ends with it.
using ServeCall = std::function<void(Channel call, std::vector<Descriptor> files)>;
int run_fork_server(std::string_view greeting, const ServeCall& serve);

}  // namespace shijian::process
