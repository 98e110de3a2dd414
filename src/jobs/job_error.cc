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

Text read_text(const Json& error, const char* key) {
  if (const auto texts = error.find("texts"); texts != error.end()) {
    return text_from_json(texts->at(key));
  }
  return Text::words(error.value(key, ""));
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
  const Json error = parse_json(json, "the database");
  return {parse_code(error.value("code", "")), read_text(error, "message"),
          read_text(error, "hint")};
}

}  // namespace shijian::jobs
