#include "checkpoint/config_fields.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "base/error.h"

namespace shijian::checkpoint {
namespace {

constexpr auto kHint = "use the file as the model's repository has it"_text;

// A value as a message shows it: short, on one line, whatever bytes it holds.
Text shown(const Json& value) {
  if (value.is_object()) return "an object"_text;
  if (value.is_array()) return "a list"_text;
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return Text::value(std::move(text));
}

}  // namespace

ConfigFields::ConfigFields(const Json& value, std::string_view file, std::string prefix)
    : value_(value), file_(file), prefix_(std::move(prefix)) {
  if (!value_.is_object()) {
    throw Error(ErrorCode::kInvalid,
                prefix_.empty() ? "read {}: it is {}, expected an object"_text(file_, shown(value_))
                                : "read {}: {} is {}, expected an object"_text(
                                      file_, prefix_.substr(0, prefix_.size() - 1), shown(value_)),
                kHint);
  }
}

void ConfigFields::fail(std::string_view key, const Text& what) const {
  throw Error(ErrorCode::kInvalid, "read {}: {}{} {}"_text(file_, prefix_, key, what), kHint);
}

void ConfigFields::unsupported(std::string_view key, const Text& what) const {
  throw Error(ErrorCode::kUnsupported, "read {}: {}{} {}"_text(file_, prefix_, key, what),
              "this program runs checkpoints of the Qwen3-VL family"_text);
}

const Json* ConfigFields::find(std::string_view key) const {
  const auto found = value_.find(key);
  return found == value_.end() || found->is_null() ? nullptr : &*found;
}

std::optional<ConfigFields> ConfigFields::object(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  return ConfigFields(*value, file_, fmt::format("{}{}.", prefix_, key));
}

int64_t ConfigFields::checked_integer(const Json& value, std::string_view key, int64_t low,
                                      int64_t high) const {
  const bool fits = value.is_number_integer() &&
                    !(value.is_number_unsigned() && value.get<uint64_t>() > INT64_MAX);
  const int64_t number = fits ? value.get<int64_t>() : 0;
  if (!fits || number < low || number > high) {
    fail(key, "is {}, expected an integer from {} to {}"_text(shown(value), low, high));
  }
  return number;
}

double ConfigFields::checked_number(const Json& value, std::string_view key, double low,
                                    double high) const {
  const double number = value.is_number() ? value.get<double>() : NAN;
  if (!(number >= low && number <= high)) {
    fail(key, "is {}, expected a number from {} to {}"_text(shown(value), low, high));
  }
  return number;
}

std::optional<int64_t> ConfigFields::maybe_integer(std::string_view key, int64_t low,
                                                   int64_t high) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  return checked_integer(*value, key, low, high);
}

std::optional<double> ConfigFields::maybe_number(std::string_view key, double low,
                                                 double high) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  return checked_number(*value, key, low, high);
}

int64_t ConfigFields::integer(std::string_view key, int64_t low, int64_t high,
                              std::optional<int64_t> absent) const {
  const auto value = maybe_integer(key, low, high);
  if (!value && !absent) fail(key, "is missing"_text);
  return value ? *value : *absent;
}

double ConfigFields::number(std::string_view key, double low, double high,
                            std::optional<double> absent) const {
  const auto value = maybe_number(key, low, high);
  if (!value && !absent) fail(key, "is missing"_text);
  return value ? *value : *absent;
}

bool ConfigFields::boolean(std::string_view key, bool absent) const {
  const Json* value = find(key);
  if (value == nullptr) return absent;
  if (!value->is_boolean()) fail(key, "is {}, expected true or false"_text(shown(*value)));
  return value->get<bool>();
}

std::string ConfigFields::text(std::string_view key, std::string_view absent) const {
  const Json* value = find(key);
  if (value == nullptr) return std::string(absent);
  if (!value->is_string()) fail(key, "is {}, expected a string"_text(shown(*value)));
  return value->get<std::string>();
}

std::optional<std::vector<int64_t>> ConfigFields::integers(std::string_view key, int64_t low,
                                                           int64_t high, size_t max_count) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array() || value->size() > max_count) {
    fail(key, "is {}, expected a list of at most {} integers"_text(shown(*value), max_count));
  }
  std::vector<int64_t> out;
  for (const Json& item : *value) out.push_back(checked_integer(item, key, low, high));
  return out;
}

std::optional<std::vector<double>> ConfigFields::numbers(std::string_view key, double low,
                                                         double high, size_t max_count) const {
  const Json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_array() || value->size() > max_count) {
    fail(key, "is {}, expected a list of at most {} numbers"_text(shown(*value), max_count));
  }
  std::vector<double> out;
  for (const Json& item : *value) out.push_back(checked_number(item, key, low, high));
  return out;
}

}  // namespace shijian::checkpoint
