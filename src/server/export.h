// Finished jobs as files for other programs.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "http/server.h"
#include "jobs/records.h"

namespace shijian {

// `format`: json (docs/formats.md), csv, srt, vtt or edl (CMX 3600, one cut for each event, the
// video's rate rounded to whole frames). What a person corrected stands instead of the model's
// events. HttpError(400) for another format; Error(kConflict) for a job that is not done.
HttpResponse export_jobs(std::span<const Job> jobs, std::string_view format);

}  // namespace shijian
