#include "server/views.h"

#include "i18n/translate.h"
#include "jobs/job_error.h"
#include "server/json_fields.h"

namespace shijian::server {
namespace {

OrderedJson time_or_null(int64_t milliseconds) {
  return milliseconds == 0 ? OrderedJson() : OrderedJson(rfc3339(milliseconds));
}

OrderedJson json_or_null(const std::string& text) {
  return text.empty() ? OrderedJson() : parse_ordered_json(text, "the database"_text);
}

}  // namespace

OrderedJson job_json(const jobs::Job& job, const jobs::JobProgress& progress, Language language) {
  OrderedJson json = {{"id", job.id},
                      {"state", jobs::job_state_name(job.state)},
                      {"video", {{"id", job.video_id}, {"name", job.video_name}}},
                      {"query", job.query},
                      {"options", json_or_null(job.options)},
                      {"priority", job.priority},
                      {"created", time_or_null(job.created)},
                      {"started", time_or_null(job.started)},
                      {"finished", time_or_null(job.finished)},
                      {"attempts", job.attempts}};
  if (!jobs::has_ended(job.state)) {
    json["progress"] = {
        {"stage", progress.stage}, {"done", progress.done}, {"total", progress.total}};
  }
  json["result"] = json_or_null(job.result);
  json["corrections"] = json_or_null(job.corrections);
  json["error"] =
      job.error.empty() ? OrderedJson() : job_error_json(jobs::read_job_error(job.error), language);
  return json;
}

OrderedJson job_event_json(const jobs::JobEvent& event) {
  return {{"id", event.id},
          {"state", jobs::job_state_name(event.state)},
          {"stage", event.progress.stage},
          {"done", event.progress.done},
          {"total", event.progress.total}};
}

OrderedJson job_error_json(const Error& error, Language language) {
  return {{"code", error_code_name(error.code())},
          {"message", i18n::translate(error.message_text(), language)},
          {"hint", i18n::translate(error.hint_text(), language)}};
}

http::HttpResponse ended_job_response(const jobs::Job& job, const std::string& request_id) {
  if (job.state == jobs::JobState::kDone) {
    http::HttpResponse response;
    response.body = job.result + "\n";
    return response;
  }
  if (job.state == jobs::JobState::kCancelled) {
    return http::error_response({ErrorCode::kConflict, "the job was cancelled"_text}, request_id);
  }
  return http::error_response(jobs::read_job_error(job.error), request_id);
}

}  // namespace shijian::server
