#include "app/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "i18n/translate.h"

namespace shijian::app {
namespace {
constexpr auto kPatience = std::chrono::seconds(2);
constexpr auto kInterval = std::chrono::milliseconds(100);
}  // namespace

ProgressLine::ProgressLine(bool enabled) : enabled_(enabled), terminal_(isatty(STDERR_FILENO)) {}

ProgressLine::~ProgressLine() { finish(); }

void ProgressLine::show(const engine::Progress& progress) {
  const auto now = Clock::now();
  if (!enabled_ || now - start_ < kPatience) return;
  const bool new_stage = progress.stage != stage_;
  if (!new_stage && (!terminal_ || now - last_ < kInterval)) return;
  last_ = now;
  stage_ = progress.stage;
  std::string words =
      i18n::translate(Text::words(std::string(progress.stage)), i18n::reader_language());
  if (progress.total > 0) words += fmt::format(" {}/{}", progress.done, progress.total);
  if (!terminal_) {
    fmt::print(stderr, "shijian: {} ...\n", words);
    return;
  }
  fmt::print(stderr, "\r\033[K{}", words);
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressLine::finish() {
  if (drawn_) {
    fmt::print(stderr, "\r\033[K");
    std::fflush(stderr);
  }
  drawn_ = false;
}

}  // namespace shijian::app
