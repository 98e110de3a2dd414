// Records which work was in progress when the program crashed, for its next start.
//
// Only a crash of the program itself is noted: SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT. Who
// kills it from outside with SIGKILL, a power cut or an orderly end leaves no note.
#pragma once

#include <csignal>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"

namespace shijian {

class CrashNote {
 public:
  static constexpr size_t kMaxWork = 63;  // bytes

  // Reads what the last run left in `file`; changes nothing yet.
  explicit CrashNote(std::filesystem::path file);
  // Crashes are noted no more.
  ~CrashNote();
  CrashNote(const CrashNote&) = delete;
  CrashNote& operator=(const CrashNote&) = delete;

  // The work that a crash ended; "" for none.
  const std::string& found() const { return found_; }
  // Takes the old note back and notes crashes from now on. One object of a process at a time.
  // Throws Error when the file cannot be written.
  void arm();

  // Names the work of this process while it lives; one at a time. `note` may be null.
  class Work {
   public:
    Work(CrashNote* note, std::string_view work);
    ~Work();
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

   private:
    bool named_;
  };

 private:
  std::filesystem::path file_;
  std::string found_;
  Descriptor descriptor_;
};

// A stack of its own for the handlers of signals of this thread, so that a crash is noted that used
// up the thread's stack. Nothing where the thread has one already.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  std::vector<char> memory_;
};

}  // namespace shijian
