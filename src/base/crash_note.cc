#include "base/crash_note.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

#include "base/error.h"

namespace shijian {
namespace {

constexpr size_t kNoteBytes = CrashNote::kMaxWork + 1;  // padded with NULs
constexpr std::array<int, 5> kCrashes = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr size_t kStackBytes = size_t{64} << 10;

// What a handler may use: no memory is allocated, no lock taken.
struct Armed {
  std::atomic<int> file{-1};
  std::atomic<bool> at_work{false};
  std::array<char, kNoteBytes> work{};
  std::array<struct sigaction, kCrashes.size()> before{};
};
Armed armed;

extern "C" void note_crash(int signal, siginfo_t*, void*) {
  if (armed.at_work.exchange(false)) {
    // The bytes are there already: a full disk takes them, too.
    (void)!::pwrite(armed.file, armed.work.data(), armed.work.size(), 0);
  }
  for (size_t i = 0; i < kCrashes.size(); ++i) {
    if (kCrashes[i] == signal) ::sigaction(signal, &armed.before[i], nullptr);
  }
  ::raise(signal);  // comes when this returns, to whoever handled it before
}

std::string read_note(const std::filesystem::path& file) {
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::array<char, kNoteBytes> note{};
  if (descriptor.get() < 0 || ::pread(descriptor.get(), note.data(), kNoteBytes - 1, 0) < 0) {
    return {};
  }
  return note.data();
}

}  // namespace

CrashNote::CrashNote(std::filesystem::path file)
    : file_(std::move(file)), found_(read_note(file_)) {}

void CrashNote::arm() {
  descriptor_ = Descriptor(::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  const std::array<char, kNoteBytes> nothing{};
  if (descriptor_.get() < 0 || ::pwrite(descriptor_.get(), nothing.data(), nothing.size(), 0) !=
                                   static_cast<ssize_t>(nothing.size())) {
    throw system_error("write {}"_text(file_.string()), errno);
  }
  armed.file = descriptor_.get();
  struct sigaction action {};
  action.sa_sigaction = &note_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (size_t i = 0; i < kCrashes.size(); ++i) {
    ::sigaction(kCrashes[i], &action, &armed.before[i]);
  }
}

CrashNote::~CrashNote() {
  if (descriptor_.get() < 0) return;
  armed.at_work = false;
  for (size_t i = 0; i < kCrashes.size(); ++i) {
    ::sigaction(kCrashes[i], &armed.before[i], nullptr);
  }
  armed.file = -1;
}

CrashNote::Work::Work(CrashNote* note, std::string_view work)
    : named_(note != nullptr && note->descriptor_.get() >= 0) {
  if (!named_) return;
  CHECK(work.size() <= kMaxWork, "{}", work);
  armed.work.fill('\0');
  std::copy(work.begin(), work.end(), armed.work.begin());
  armed.at_work = true;
}

CrashNote::Work::~Work() {
  if (named_) armed.at_work = false;
}

SignalStack::SignalStack() {
  stack_t now{};
  if (::sigaltstack(nullptr, &now) != 0 || (now.ss_flags & SS_DISABLE) == 0) return;
  memory_.resize(kStackBytes);
  const stack_t own{.ss_sp = memory_.data(), .ss_flags = 0, .ss_size = memory_.size()};
  ::sigaltstack(&own, nullptr);
}

SignalStack::~SignalStack() {
  if (memory_.empty()) return;
  const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
  ::sigaltstack(&none, nullptr);
}

}  // namespace shijian
