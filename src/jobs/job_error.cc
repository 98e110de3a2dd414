#include "jobs/job_error.h"

#include "base/json.h"
#include "base/text_json.h"

namespace shijian::jobs {
namespace {

ErrorCode parse_code(const std::string& name) {
  for (int i = 0; i < static_cast<int>(ErrorCode::kInternal); ++i) {
    if (error_code_name(static_cast<ErrorCode>(i)) == name) return static_cast<ErrorCode>(i);
  }
  return ErrorCode::kInternal;
}

std::string read_string(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

Text read_text(const Json& error, const char* key) {
  try {
    if (const auto texts = error.find("texts"); texts != error.end()) {
      return text_from_json(texts->at(key));
    }
  } catch (const Error&) {  // the English is there as well
  } catch (const Json::exception&) {
  }
  return Text::words(read_string(error, key));
}

// Nothing where the row is none of ours.
Json read_object(const std::string& json) {
  try {
    Json object = parse_json(json, "the database"_text);
    if (object.is_object()) return object;
  } catch (const Error&) {
  }
  return Json::object();
}

}  // namespace

std::string write_job_error(const Error& error) {
  return write_json(
      {{"code", error_code_name(error.code())},
       {"message", error.message()},
       {"hint", error.hint()},
       {"texts",
        {{"message", text_json(error.message_text())}, {"hint", text_json(error.hint_text())}}}});
}

Error read_job_error(const std::string& json) {
  const Json error = read_object(json);
  return {parse_code(read_string(error, "code")), read_text(error, "message"),
          read_text(error, "hint")};
}

}  // namespace shijian::jobs
