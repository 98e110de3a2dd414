#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <memory>

namespace shijian {
namespace {

struct Log {
  std::unique_ptr<spdlog::logger> logger;  // null: nothing is written
  bool json = false;
};
Log& the_log() {
  static Log log;
  return log;
}

constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warning", "error"};
constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                spdlog::level::err};

spdlog::level::level_enum level_of(LogLevel level) { return kLevels[static_cast<size_t>(level)]; }

// Bare where it can be told apart from its neighbours, else as a JSON string.
std::string value_text(const OrderedJson& value) {
  if (!value.is_string()) return write_json(value);
  const auto& text = value.get_ref<const std::string&>();
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 127 && c != '"' && c != '=';
  });
  return plain ? text : write_json(value);
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<LogLevel>(found - kNames.begin());
}

void set_log(const LogOptions& options) {
  Log& log = the_log();
  log.json = options.json;
  log.logger = std::make_unique<spdlog::logger>("shijian",
                                                std::make_shared<spdlog::sinks::stderr_sink_mt>());
  log.logger->set_level(level_of(options.level));
  log.logger->set_pattern(options.json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})"
                                       : "%Y-%m-%dT%H:%M:%S.%eZ %l %v",
                          spdlog::pattern_time_type::utc);
}

void log_event(LogLevel level, std::string_view event, const OrderedJson& fields) {
  const Log& log = the_log();
  if (!log.logger || !log.logger->should_log(level_of(level))) return;
  log.logger->log(level_of(level), log_fields(event, fields, log.json));
}

std::string log_fields(std::string_view event, const OrderedJson& fields, bool json) {
  if (json) {
    OrderedJson line = {{"event", event}};
    line.update(fields);
    const std::string object = write_json(line);
    return object.substr(1, object.size() - 2);
  }
  std::string line(event);
  for (const auto& [name, value] : fields.items()) line += " " + name + "=" + value_text(value);
  return line;
}

}  // namespace shijian
