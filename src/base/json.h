// JSON at the edges: nlohmann::json with the limits and the error type of the project.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/text.h"

namespace shijian {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // keeps the order of keys, for what people read

// Parses one JSON value; `name` stands in the message of the Error(kInvalid).
// Refuses nesting deeper than 64.
Json parse_json(std::string_view text, const Text& name);
OrderedJson parse_ordered_json(std::string_view text, const Text& name);
// The same of a file, or of what else has one name in every language.
Json parse_json(std::string_view text, std::string_view name);
OrderedJson parse_ordered_json(std::string_view text, std::string_view name);

// A number as our JSON writes it: three decimals, so that it reads 12.3 and not
// 12.300000000000001; 0 when it is not finite.
double thousandths(double value);

// `value` as text: on one line, or with `indent` spaces a level. Every number that is not an
// integer has at least three decimals, so that all times of an answer look alike (12.300, 0.0005);
// invalid UTF-8 becomes U+FFFD.
std::string write_json(const OrderedJson& value, int indent = -1);

// Reads and parses a file of at most 16 MiB.
Json read_json_file(const std::filesystem::path& path);

}  // namespace shijian
