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
#include "base/error.h"
#include "i18n/chinese.h"
#include "video/sandbox.h"

namespace {

// For errors that have no way out of their own.
std::string_view usual_hint(shijian::ErrorCode code) {
  if (code == shijian::ErrorCode::kNoMemory) return shijian::kMemoryHint;
  if (code == shijian::ErrorCode::kInternal) return "this is a bug: please report it";
  return "";
}

int report(const shijian::Error& error) {
  const std::string_view hint = error.hint().empty() ? usual_hint(error.code()) : error.hint();
  shijian::say(error.message(), hint);
  return error.code() == shijian::ErrorCode::kUsage ? 2 : 1;
}

// What the command line lacks or has too much.
int report(const CLI::ParseError& error, const CLI::App& app) {
  std::string words = error.what();
  std::replace(words.begin(), words.end(), '\n', ' ');
  const std::vector<std::string> unknown = app.remaining();
  if (app.get_subcommands().empty() && !unknown.empty()) {
    words = fmt::format("'{}' is neither a command nor an option", unknown.front());
  }
  std::string command = "shijian";
  for (const CLI::App* sub : app.get_subcommands()) command += " " + sub->get_name();
  return report({shijian::ErrorCode::kUsage, words, command + " --help names what there is"});
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
  if (argc == 2 && std::string_view(argv[1]) == shijian::video::kDecodeWorker) {
    return shijian::video::run_decode_worker();
  }
  open_standard_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file over the limit is an error of its write()
  shijian::interrupt_token();     // from here on Ctrl-C cancels
  CLI::App app("", "shijian");
  app.set_version_flag("--version", "shijian " SHIJIAN_VERSION);
  shijian::add_commands(app, SHIJIAN_VERSION);
  if (shijian::i18n::reads_chinese()) shijian::help_in_chinese(app);
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return report(error, app);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const shijian::Error& error) {
    return report(error);
  } catch (const std::bad_alloc&) {
    return report({shijian::ErrorCode::kNoMemory, "out of memory"});
  } catch (const std::system_error& error) {
    const shijian::Error known = shijian::system_error("", "", error.code().value());
    return report({known.code(), error.what(), known.hint()});
  } catch (const std::exception& error) {
    return report({shijian::ErrorCode::kInternal, error.what()});
  }
}
