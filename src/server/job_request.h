// Jobs as a client asks for them (docs/api.md, "Jobs").
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "jobs/records.h"
#include "server/route_context.h"

namespace shijian::server {

// Of {"jobs": [...]}, or of one item by itself. Looks at the videos: not for HTTP threads. Errors:
// those of JsonFields, of Library and of read_job_options(), and kUsage for too many jobs.
std::vector<jobs::JobRequest> read_jobs(const Json& body, RouteContext& context,
                                        const std::string& client);

}  // namespace shijian::server
