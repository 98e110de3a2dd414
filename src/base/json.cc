#include "base/json.h"

#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "base/file.h"

namespace shijian {
namespace {

template <typename Value>
Value parse(std::string_view text, std::string_view name) {
  constexpr int kMaxDepth = 64;
  bool too_deep = false;
  auto limit_depth = [&](int depth, typename Value::parse_event_t, Value&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  try {
    Value value = Value::parse(text, limit_depth);
    if (too_deep) {
      throw Error(ErrorCode::kInvalid,
                  fmt::format("parse {}: nested deeper than {}", name, kMaxDepth));
    }
    return value;
  } catch (const Json::exception& e) {
    throw Error(ErrorCode::kInvalid, fmt::format("parse {}: {}", name, e.what()));
  }
}

}  // namespace

Json parse_json(std::string_view text, std::string_view name) { return parse<Json>(text, name); }

OrderedJson parse_ordered_json(std::string_view text, std::string_view name) {
  return parse<OrderedJson>(text, name);
}

double thousandths(double value) {
  return std::isfinite(value) ? std::round(value * 1000) / 1000 : 0.0;
}

Json read_json_file(const std::filesystem::path& path) {
  return parse_json(read_file(path, size_t{16} << 20), path.string());
}

}  // namespace shijian
