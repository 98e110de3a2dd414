// Errors as clients see them: a status and the JSON shape of docs/api.md.
#include <utility>

#include "base/json.h"
#include "http/server.h"
#include "i18n/translate.h"

namespace shijian::http {

namespace {

ErrorCode code_of(int status) {
  switch (status) {
    case 403:
      return ErrorCode::kPermission;
    case 404:
      return ErrorCode::kNotFound;
    case 503:
      return ErrorCode::kCancelled;
    default:
      return status >= 500 ? ErrorCode::kInternal : ErrorCode::kUsage;
  }
}

int status_of(const Error& error) {
  if (const auto* http = dynamic_cast<const HttpError*>(&error)) return http->status();
  switch (error.code()) {
    case ErrorCode::kUsage:
    case ErrorCode::kUnsupported:
    case ErrorCode::kInvalid:
      return 422;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kPermission:
      return 403;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kBusy:
      return 429;
    case ErrorCode::kNoMemory:
    case ErrorCode::kCancelled:
      return 503;
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

const char* name_of(int status) {
  switch (status) {
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 405:
      return "method_not_allowed";
    case 409:
      return "conflict";
    case 413:
    case 431:
      return "too_large";
    case 415:
      return "unsupported_media_type";
    case 416:
      return "range_not_satisfiable";
    case 422:
      return "unprocessable";
    case 429:
      return "busy";
    case 503:
      return "unavailable";
    default:
      return status >= 500 ? "internal" : "bad_request";
  }
}

// The word by which clients of the OpenAI API tell errors apart.
const char* type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

// What went wrong inside names files and states that are not for clients.
constexpr auto kInternalMessage = "the server failed to answer this request"_text;
constexpr auto kInternalHint = "its log has the reason under the request id"_text;

// When to ask again where nobody knows better: memory comes back when other work is done.
constexpr int kUnavailableSeconds = 5;

}  // namespace

HttpError::HttpError(int status, const Text& message, Text hint, int retry_after)
    : Error(code_of(status), message, std::move(hint)),
      status_(status),
      retry_after_(retry_after) {}

std::string error_json(const ErrorBody& error, Language language) {
  OrderedJson body;
  body["error"] = {{"code", error.code},
                   {"message", i18n::translate(error.message, language)},
                   {"hint", i18n::translate(error.hint, language)},
                   {"type", error.type},
                   {"param", error.param.empty() ? OrderedJson() : OrderedJson(error.param)},
                   {"request_id", error.request_id}};
  return write_json(body);
}

HttpResponse error_response(const Error& error, const std::string& request_id,
                            const std::string& param) {
  HttpResponse response;
  response.status = status_of(error);
  response.problem = error.message();
  const bool shown = response.status != 500;
  response.error = ErrorBody{.code = name_of(response.status),
                             .message = shown ? error.message_text() : Text(kInternalMessage),
                             .hint = shown ? error.hint_text() : Text(kInternalHint),
                             .type = type_of(response.status),
                             .param = param,
                             .request_id = request_id};
  const auto* http = dynamic_cast<const HttpError*>(&error);
  const int retry_after = http != nullptr ? http->retry_after() : 0;
  const int least = response.status == 429 ? 1 : response.status == 503 ? kUnavailableSeconds : 0;
  if (const int seconds = retry_after > 0 ? retry_after : least; seconds > 0)
    response.headers.emplace_back("Retry-After", std::to_string(seconds));
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace shijian::http
