#include "server/json_fields.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

#include "base/error.h"
#include "base/text_file.h"
#include "video/probe.h"

namespace shijian::server {
namespace {

[[noreturn]] void wrong_type(const Text& where, const char* key, const Text& wanted) {
  throw http::HttpError(400, "{}: '{}' is not {}"_text(where, key, wanted));
}

}  // namespace

template <typename Value>
BasicJsonFields<Value>::BasicJsonFields(const Value& object, Text where)
    : object_(object), where_(std::move(where)) {
  if (!object_.is_object()) throw http::HttpError(400, "{}: not a JSON object"_text(where_));
}

template <typename Value>
const Value* BasicJsonFields<Value>::any(const char* key) {
  read_.insert(key);
  const auto found = object_.find(key);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

template <typename Value>
std::optional<std::string> BasicJsonFields<Value>::text(const char* key, size_t max_bytes) {
  const Value* value = any(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) wrong_type(where_, key, "a string"_text);
  const auto& text = value->template get_ref<const std::string&>();
  if (text.size() > max_bytes) {
    throw Error(ErrorCode::kUsage, "{}: '{}' has {} bytes, at most {} are allowed"_text(
                                       where_, key, text.size(), max_bytes));
  }
  return std::string(without_bom(text));
}

template <typename Value>
std::optional<bool> BasicJsonFields<Value>::flag(const char* key) {
  const Value* value = any(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) wrong_type(where_, key, "true or false"_text);
  return value->template get<bool>();
}

template <typename Value>
std::optional<double> BasicJsonFields<Value>::number(const char* key, double low, double high) {
  const Value* value = any(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) wrong_type(where_, key, "a number"_text);
  const double number = value->template get<double>();
  if (!(number >= low && number <= high)) {
    throw Error(ErrorCode::kUsage,
                "{}: '{}' is {}, not within {} and {}"_text(where_, key, number, low, high));
  }
  return number;
}

template <typename Value>
std::optional<int64_t> BasicJsonFields<Value>::integer(const char* key, int64_t low, int64_t high) {
  const auto rough = number(key, static_cast<double>(low), static_cast<double>(high));
  if (!rough) return std::nullopt;
  if (*rough != std::floor(*rough)) wrong_type(where_, key, "a whole number"_text);
  // Beyond 2^53 a double is not the number that was written.
  const Value& value = *any(key);
  if (value.is_number_unsigned()) {
    return static_cast<int64_t>(
        std::min(value.template get<uint64_t>(), static_cast<uint64_t>(INT64_MAX)));
  }
  if (value.is_number_integer()) return value.template get<int64_t>();
  return *rough < 0x1p63 ? static_cast<int64_t>(*rough) : INT64_MAX;
}

template <typename Value>
void BasicJsonFields<Value>::done() const {
  for (const auto& item : object_.items()) {
    if (read_.contains(item.key()) || item.value().is_null()) continue;
    std::string known;
    for (const std::string& key : read_) known += (known.empty() ? "" : ", ") + key;
    throw Error(ErrorCode::kUsage, "{}: '{}' is unknown"_text(where_, item.key().substr(0, 100)),
                "there are {}"_text(known));
  }
}

template class BasicJsonFields<Json>;
template class BasicJsonFields<OrderedJson>;

template <typename Value>
Value body_object(const std::string& body) {
  Value json;
  try {
    if constexpr (std::same_as<Value, OrderedJson>) {
      json = parse_ordered_json(body, "the body"_text);
    } else {
      json = parse_json(body, "the body"_text);
    }
  } catch (const Error& error) {
    throw http::HttpError(400, error.message_text(), "the body is one JSON object"_text);
  }
  if (!json.is_object()) throw http::HttpError(400, "the body is no JSON object"_text);
  return json;
}

template Json body_object(const std::string& body);
template OrderedJson body_object(const std::string& body);

int64_t query_integer(const http::HttpRequest& request, const std::string& name, int64_t otherwise,
                      int64_t low, int64_t high) {
  const std::string text = query_text(request, name);
  if (text.empty()) return otherwise;
  int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value < low || value > high) {
    throw http::HttpError(400, "'{}' is not a whole number from {} to {}"_text(name, low, high));
  }
  return value;
}

int query_stream(const http::HttpRequest& request) {
  return static_cast<int>(query_integer(request, "stream", video::kMainStream, 0, 1000000));
}

double query_number(const http::HttpRequest& request, const std::string& name) {
  const std::string text = query_text(request, name);
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    throw http::HttpError(400, "'{}' is not a number"_text(name));
  }
  return value;
}

std::string query_text(const http::HttpRequest& request, const std::string& name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? "" : std::string(without_bom(found->second));
}

http::HttpResponse json_response(const OrderedJson& json, int status) {
  http::HttpResponse response;
  response.status = status;
  response.body = write_json(json) + "\n";
  return response;
}

std::string rfc3339(int64_t milliseconds) {
  const std::time_t seconds = milliseconds / 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), milliseconds % 1000);
}

}  // namespace shijian::server
