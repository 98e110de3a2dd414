// Finished jobs as files for other programs.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grounding/event.h"
#include "http/server.h"
#include "jobs/records.h"

namespace shijian::server {

// `format`: a name of export_formats() (docs/formats.md). What a person corrected stands instead of
// the model's events; the JSON has both. HttpError(400) for another format; Error(kConflict) for a
// job that is not done. The JSON of jobs is a list, however many they are; that of a job is an
// object.
http::HttpResponse export_jobs(std::span<const jobs::Job> jobs, std::string_view format);
http::HttpResponse export_job(const jobs::Job& job, std::string_view format);

// The events of a done job, as corrected. Error(kConflict) for one that is not done.
std::vector<grounding::Event> exported_events(const jobs::Job& job);

}  // namespace shijian::server
