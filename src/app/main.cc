// The program: reads the command line and turns an Error into a message and an exit status.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "app/chinese_help.h"
#include "app/commands.h"
#include "app/interrupt.h"
#include "app/say.h"
#include "app/usage_error.h"
#include "base/error.h"
#include "i18n/translate.h"
#include "video/sandbox.h"

namespace shijian::app {
namespace {

// For errors that have no way out of their own.
Text usual_hint(ErrorCode code) {
  if (code == ErrorCode::kNoMemory) return kMemoryHint;
  if (code == ErrorCode::kInternal) return "this is a bug: please report it"_text;
  return {};
}

int report(const Error& error) {
  const Text& hint = error.hint_text();
  say(error.message_text(), hint.empty() ? usual_hint(error.code()) : hint);
  return error.code() == ErrorCode::kUsage ? 2 : 1;
}

// No file of ours shall become a standard stream that whoever started us closed. What stands in for
// standard output refuses what is written: an answer must not vanish.
void open_standard_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    ::open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);  // takes the lowest number
  }
}

int run(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == video::kDecodeWorker) {
    return video::run_decode_worker();
  }
  open_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file over the limit is an error of its write()
  interrupt_token();              // from here on Ctrl-C cancels
  CLI::App app("", "shijian");
  app.set_version_flag("--version", "shijian " SHIJIAN_VERSION);
  add_commands(app, SHIJIAN_VERSION);
  if (i18n::reader_language() == Language::kChinese) help_in_chinese(app);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return report(usage_error(error, app));
  }
}

int run_program(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const Error& error) {
    return report(error);
  } catch (const std::bad_alloc&) {
    return report({ErrorCode::kNoMemory, "out of memory"_text});
  } catch (const std::system_error& error) {
    const Error known = system_error({}, error.code().value());
    return report({known.code(), Text::words(error.what()), known.hint_text()});
  } catch (const std::exception& error) {
    return report({ErrorCode::kInternal, Text::words(error.what())});
  }
}

}  // namespace
}  // namespace shijian::app

int main(int argc, char** argv) { return shijian::app::run_program(argc, argv); }
