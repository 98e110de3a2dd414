// Checked access to the fields of one JSON object of a configuration file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/text.h"

namespace shijian::checkpoint {

// Refers to an object that the caller keeps alive. A key whose value is null counts as absent.
// Everything that throws names the file and the full key.
class ConfigFields {
 public:
  // `value` must be a JSON object; `prefix` is "" or ends with a dot ("text_config.").
  ConfigFields(const Json& value, std::string_view file, std::string prefix = {});

  bool mentions(std::string_view key) const { return value_.contains(key); }  // null counts
  bool has(std::string_view key) const { return find(key) != nullptr; }
  const Json* find(std::string_view key) const;
  std::optional<ConfigFields> object(std::string_view key) const;

  // The value, else `absent`, else an error. Bounds are inclusive.
  int64_t integer(std::string_view key, int64_t low, int64_t high,
                  std::optional<int64_t> absent = {}) const;
  double number(std::string_view key, double low, double high,
                std::optional<double> absent = {}) const;
  bool boolean(std::string_view key, bool absent) const;
  std::string text(std::string_view key, std::string_view absent) const;

  std::optional<int64_t> maybe_integer(std::string_view key, int64_t low, int64_t high) const;
  std::optional<double> maybe_number(std::string_view key, double low, double high) const;

  // A list; at most `max_count` items. Nothing when absent.
  std::optional<std::vector<int64_t>> integers(std::string_view key, int64_t low, int64_t high,
                                               size_t max_count) const;
  std::optional<std::vector<double>> numbers(std::string_view key, double low, double high,
                                             size_t max_count) const;

  [[noreturn]] void fail(std::string_view key, const Text& what) const;         // kInvalid
  [[noreturn]] void unsupported(std::string_view key, const Text& what) const;  // kUnsupported

 private:
  int64_t checked_integer(const Json& value, std::string_view key, int64_t low, int64_t high) const;
  double checked_number(const Json& value, std::string_view key, double low, double high) const;

  const Json& value_;
  std::string file_;
  std::string prefix_;
};

}  // namespace shijian::checkpoint
