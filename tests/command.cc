#include "command.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace shijian {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void set_limit(__rlimit_resource resource, int64_t bytes) {
  if (bytes < 0) return;
  const rlimit limit{static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
  ::setrlimit(resource, &limit);
}

// Only system calls between fork and exec; everything they need is made before.
[[noreturn]] void exec_child(const std::vector<char*>& argv, const std::vector<char*>& envp,
                             const CommandOptions& options, const char* out, const char* err) {
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) ::_exit(126);
  set_limit(RLIMIT_FSIZE, options.limit_file_size);
  set_limit(RLIMIT_AS, options.limit_address_space);
  if (options.obey_permissions && ::geteuid() == 0) {
    ::prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE);
    ::prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH);
  }
  const int in_fd = ::open("/dev/null", O_RDONLY);
  const int out_fd = ::open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const int err_fd = ::open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  ::dup2(in_fd, 0);
  ::dup2(out_fd, 1);
  ::dup2(err_fd, 2);
  for (const int fd : {in_fd, out_fd, err_fd}) ::close(fd);
  if (options.close_standard_streams) {
    ::close(0);
    ::close(1);
  }
  ::execvpe(argv[0], argv.data(), envp.data());
  ::_exit(127);
}

// Returns when the process catches the signal, or is gone.
void wait_for_handler(pid_t process, int signal) {
  for (;;) {
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    bool seen = false;
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("State:") && line.find('Z') != std::string::npos) return;
      if (!line.starts_with("SigCgt:")) continue;
      seen = true;
      if (std::stoull(line.substr(7), nullptr, 16) >> (signal - 1) & 1) return;
    }
    if (!seen) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

CommandResult run(std::vector<std::string> arguments, const CommandOptions& options) {
  const ScratchFolder folder;
  const std::string out = options.stdout_file.empty() ? folder / "out" : options.stdout_file;
  const std::string err = folder / "err";
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  // The first of a name counts. No test reads or fills the cache of whoever runs it.
  std::vector<std::string> environment = options.environment;
  environment.push_back("XDG_CACHE_HOME=" + (folder / "cache"));
  std::vector<char*> envp;
  for (std::string& variable : environment) envp.push_back(variable.data());
  for (char** variable = environ; *variable != nullptr; ++variable) envp.push_back(*variable);
  envp.push_back(nullptr);

  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) exec_child(argv, envp, options, out.c_str(), err.c_str());
  if (options.interrupt != 0) {
    wait_for_handler(child, options.interrupt);
    ::kill(child, options.interrupt);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CommandResult result;
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (options.stdout_file.empty()) result.out = slurp(out);
  result.err = slurp(err);
  return result;
}

}  // namespace

CommandResult run_shijian(const std::vector<std::string>& arguments,
                          const CommandOptions& options) {
  std::vector<std::string> all = {SHIJIAN_PROGRAM};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run(std::move(all), options);
}

void run_tool(const std::vector<std::string>& arguments) {
  const CommandResult result = run(arguments, {});
  if (result.status != 0) throw std::runtime_error(arguments.front() + ": " + result.err);
}

void make_clip(const std::string& path) {
  run_tool({"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=6", "-pix_fmt",
            "yuv420p", path});
}

}  // namespace shijian
