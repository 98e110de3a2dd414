#include "base/accept.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

namespace shijian {
namespace {

std::string_view trim(std::string_view text) {
  const size_t first = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

double number_of(std::string_view text) {
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return 0;
  return std::clamp(value, 0.0, 1.0);
}

// Of the parameters behind a value: ";q=0.5".
double weight_of(std::string_view parameters) {
  while (!parameters.empty()) {
    parameters.remove_prefix(1);  // the semicolon
    const size_t end = std::min(parameters.find(';'), parameters.size());
    const std::string_view one = trim(parameters.substr(0, end));
    parameters.remove_prefix(end);
    if (one.starts_with("q=") || one.starts_with("Q=")) return number_of(trim(one.substr(2)));
  }
  return 1;
}

bool is(std::string_view value, const char* name) {
  return strcasecmp(std::string(value).c_str(), name) == 0;
}

}  // namespace

std::vector<AcceptEntry> read_accept(std::string_view header) {
  std::vector<AcceptEntry> entries;
  while (!header.empty()) {
    const size_t comma = std::min(header.find(','), header.size());
    const std::string_view entry = header.substr(0, comma);
    header.remove_prefix(std::min(comma + 1, header.size()));
    const size_t semicolon = std::min(entry.find(';'), entry.size());
    const std::string_view value = trim(entry.substr(0, semicolon));
    if (!value.empty()) entries.push_back({value, weight_of(entry.substr(semicolon))});
  }
  return entries;
}

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<double> gzip, identity, other;
  for (const AcceptEntry& entry : read_accept(accept_encoding)) {
    if (is(entry.value, "gzip") || is(entry.value, "x-gzip")) gzip = entry.weight;
    if (is(entry.value, "identity")) identity = entry.weight;
    if (entry.value == "*") other = entry.weight;
  }
  const double weight = gzip.value_or(other.value_or(0));
  return weight > 0 && weight >= identity.value_or(0);
}

}  // namespace shijian
