#include "process/confine.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/sanitized.h"

namespace shijian::process {
namespace {

constexpr const char* kSanitizedReason = "a sanitiser is built in";

// Computing with threads, reading what is open already, answering on a socket that is.
constexpr std::array kAllowed = {SCMP_SYS(pread64),
                                 SCMP_SYS(read),
                                 SCMP_SYS(lseek),
                                 SCMP_SYS(fstat),
                                 SCMP_SYS(sendmsg),
                                 SCMP_SYS(close),
                                 SCMP_SYS(brk),
                                 SCMP_SYS(munmap),
                                 SCMP_SYS(mremap),
                                 SCMP_SYS(madvise),
                                 SCMP_SYS(futex),
                                 SCMP_SYS(set_robust_list),
                                 SCMP_SYS(rseq),
                                 SCMP_SYS(rt_sigprocmask),
                                 SCMP_SYS(rt_sigreturn),
                                 SCMP_SYS(sigaltstack),
                                 SCMP_SYS(gettid),
                                 SCMP_SYS(getpid),
                                 SCMP_SYS(sched_yield),
                                 SCMP_SYS(sched_getaffinity),
                                 SCMP_SYS(clock_gettime),
                                 SCMP_SYS(clock_nanosleep),
                                 SCMP_SYS(nanosleep),
                                 SCMP_SYS(gettimeofday),
                                 SCMP_SYS(getrandom),
                                 SCMP_SYS(membarrier),
                                 SCMP_SYS(restart_syscall),
                                 SCMP_SYS(exit),
                                 SCMP_SYS(exit_group)};

// Of a system call's argument.
constexpr scmp_arg_cmp is(unsigned argument, scmp_datum_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}
constexpr scmp_arg_cmp has(unsigned argument, scmp_datum_t mask, scmp_datum_t bits) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, bits};
}

// A stricter limit that holds already stays.
void limit(__rlimit_resource resource, int64_t soft, int64_t hard) {
  rlimit now{};
  ::getrlimit(resource, &now);
  now.rlim_max = std::min(now.rlim_max, static_cast<rlim_t>(hard));
  now.rlim_cur = std::min(now.rlim_max, static_cast<rlim_t>(soft));
  ::setrlimit(resource, &now);
}

// 0, or a negative errno.
int add_rules(scmp_filter_ctx filter, int writable) {
  int failed = 0;
  const auto add = [&](uint32_t action, int call, auto... conditions) {
    if (failed == 0) {
      failed = seccomp_rule_add(filter, action, call, sizeof...(conditions), conditions...);
    }
  };
  for (const int call : kAllowed) add(SCMP_ACT_ALLOW, call);
  if (writable >= 0) {
    add(SCMP_ACT_ALLOW, SCMP_SYS(pwrite64), is(0, static_cast<scmp_datum_t>(writable)));
  }
  // Memory that can be run stays as it is.
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    add(SCMP_ACT_ALLOW, call, has(2, PROT_EXEC, 0));
  }
  // Threads, and no processes. clone3 cannot be looked into; without it the C library takes clone.
  add(SCMP_ACT_ALLOW, SCMP_SYS(clone), has(0, CLONE_THREAD, CLONE_THREAD));
  add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
  // What the C library makes of fstat(). It tells of a path's status too, and of no content.
  add(SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), is(3, AT_EMPTY_PATH));
  // abort(), and no signal to others.
  add(SCMP_ACT_ALLOW, SCMP_SYS(tgkill), is(0, static_cast<scmp_datum_t>(::getpid())));
  add(SCMP_ACT_ALLOW, SCMP_SYS(prctl), is(0, PR_SET_NAME));
  return failed;
}

// 0, or an errno.
int filter_system_calls(int writable) {
  // What is not allowed fails, which libraries can live with, rather than ends the process.
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
  int failed = filter == nullptr ? -ENOMEM : add_rules(filter, writable);
  if (failed == 0) failed = seccomp_load(filter);
  if (filter != nullptr) seccomp_release(filter);
  return -failed;
}

std::string reason_of(int failed) {
  return failed == 0 ? "" : fmt::format("seccomp: {}", std::strerror(failed));
}

}  // namespace

std::string confine(const Confinement& limits) {
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_CORE, 0, 0);
  // These end the process by a signal that says why, whatever whoever started us had made of it.
  for (const int signal : {SIGXCPU, SIGXFSZ}) ::signal(signal, SIG_DFL);
  limit(RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 5);
  if (kSanitized) return kSanitizedReason;
  for (const int fd : {0, 1, 2}) ::close(fd);
  limit(RLIMIT_AS, limits.memory_bytes, limits.memory_bytes);
  const int64_t file_bytes = limits.writable < 0 ? 0 : limits.file_bytes;
  limit(RLIMIT_FSIZE, file_bytes, file_bytes);
  limit(RLIMIT_NOFILE, 0, 0);  // what is open stays open
  return reason_of(filter_system_calls(limits.writable));
}

std::string try_confine() {
  if (kSanitized) return kSanitizedReason;
  const pid_t child = ::fork();
  if (child == 0) ::_exit(filter_system_calls(-1));
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) < 0) {
    return fmt::format("no process can be started: {}", std::strerror(errno));
  }
  return WIFEXITED(status) ? reason_of(WEXITSTATUS(status)) : "seccomp ends the process";
}

}  // namespace shijian::process
