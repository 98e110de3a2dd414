// Reading a client's JSON object field by field, and small things that answers share.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/json.h"
#include "http/server.h"

namespace shijian::server {

// Errors are HttpError(400) for a value of the wrong type and Error(kUsage), 422, for one out of
// bounds or a key that nothing has read.
template <typename Value>  // Json or OrderedJson
class BasicJsonFields {
 public:
  // `where` stands in messages: "the body".
  BasicJsonFields(const Value& object, Text where);
  // Overload for the name of a field, which is not translated: "options".
  template <typename Name>
  requires std::convertible_to<const Name&, std::string_view> BasicJsonFields(const Value& object,
                                                                              const Name& name)
      : BasicJsonFields(object, Text::value(std::string(name))) {}

  const Value* any(const char* key);  // null when absent or null
  // Without a byte order mark at its beginning.
  std::optional<std::string> text(const char* key, size_t max_bytes = 4096);
  std::optional<bool> flag(const char* key);
  std::optional<double> number(const char* key, double low, double high);
  std::optional<int64_t> integer(const char* key, int64_t low, int64_t high);
  // Refuses keys that were not read, unless they are null: a misspelt option must not be ignored in
  // silence.
  void done() const;

 private:
  const Value& object_;
  Text where_;
  std::set<std::string, std::less<>> read_;
};
using JsonFields = BasicJsonFields<Json>;
using OrderedJsonFields = BasicJsonFields<OrderedJson>;

// The body as an object, Json or OrderedJson. HttpError(400).
template <typename Value>
Value body_object(const std::string& body);
inline Json json_object(const http::HttpRequest& request) {
  return body_object<Json>(request.body);
}

// A query parameter as an integer within bounds, else `otherwise`. HttpError(400).
int64_t query_integer(const http::HttpRequest& request, const std::string& name, int64_t otherwise,
                      int64_t low, int64_t high);
// `stream`: a video stream's index, kMainStream when absent.
int query_stream(const http::HttpRequest& request);
// The same for a number, which must be there. HttpError(400).
double query_number(const http::HttpRequest& request, const std::string& name);
std::string query_text(const http::HttpRequest& request,
                       const std::string& name);  // "" when absent

http::HttpResponse json_response(const OrderedJson& json, int status = 200);

// "2026-11-22T18:30:05.123Z"; milliseconds since 1970.
std::string rfc3339(int64_t milliseconds);

}  // namespace shijian::server
