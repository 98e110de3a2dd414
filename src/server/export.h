// Finished jobs as files for other programs.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"
#include "jobs/records.h"

namespace shijian {

// `format`: json, csv, srt, vtt or edl (docs/formats.md). What a person corrected stands instead of
// the model's events. HttpError(400) for another format; Error(kConflict) for a job that is not
// done. The JSON of a list is a list, however many jobs there are; that of a span of one is the
// job's own object.
HttpResponse export_jobs(const std::vector<Job>& jobs, std::string_view format);
HttpResponse export_jobs(std::span<const Job> jobs, std::string_view format);

}  // namespace shijian
