#include "base/crash_note.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/temporary_folder.h"

namespace shijian {
namespace {

class CrashNoteTest : public testing::Test {
 protected:
  // What a start finds after a run that ended by `signal` while it was, or had been, at work.
  std::string found_after(int signal, bool at_work) {
    const pid_t child = ::fork();
    if (child == 0) {
      // Whatever a sanitiser would say about the crash.
      std::signal(signal, SIG_DFL);
      CrashNote note(file_);
      note.arm();
      const SignalStack stack;
      if (!at_work) const CrashNote::Work done(&note, "job1");
      std::optional<CrashNote::Work> work;
      if (at_work) work.emplace(&note, "job1");
      ::kill(::getpid(), signal);
      ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == signal) << status;
    return CrashNote(file_).found();
  }

  const TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "crash-note";
};

TEST_F(CrashNoteTest, NamesTheWorkThatACrashEnded) {
  EXPECT_EQ(CrashNote(file_).found(), "");
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL})
    EXPECT_EQ(found_after(signal, true), "job1") << signal;
  CrashNote next(file_);
  EXPECT_EQ(next.found(), "job1");
  next.arm();
  EXPECT_EQ(CrashNote(file_).found(), "");
}

TEST_F(CrashNoteTest, AKillOrACrashOfSomethingElseLeavesNone) {
  EXPECT_EQ(found_after(SIGKILL, true), "");
  EXPECT_EQ(found_after(SIGSEGV, false), "");
}

}  // namespace
}  // namespace shijian
