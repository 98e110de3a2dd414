// Records as the API shows them (docs/api.md).
#pragma once

#include "base/json.h"
#include "http/server.h"
#include "jobs/queue.h"

namespace shijian::server {

// `language` is that of its error.
OrderedJson job_json(const jobs::Job& job, const jobs::JobProgress& progress, Language language);
// What event streams say of a change: {"id", "state", "stage", "done", "total"}.
OrderedJson job_event_json(const jobs::JobEvent& event);
// {"code", "message", "hint"}, without a request's id.
OrderedJson job_error_json(const Error& error, Language language);

// What whoever waited for the job is answered: its result or its error.
http::HttpResponse ended_job_response(const jobs::Job& job, const std::string& request_id);

}  // namespace shijian::server
