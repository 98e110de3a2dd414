#include "server/job_request.h"

#include <optional>

#include "base/error.h"
#include "base/text_file.h"
#include "server/job_options.h"
#include "server/json_fields.h"

namespace shijian::server {
namespace {

constexpr size_t kMaxJobs = 1000;  // of one call

// "query" or "queries".
std::vector<std::string> read_queries(JsonFields& fields) {
  std::vector<std::string> queries;
  if (const auto one = fields.text("query", std::string::npos)) queries.push_back(*one);
  if (const Json* list = fields.any("queries")) {
    if (!list->is_array()) throw http::HttpError(400, "job: 'queries' is no list"_text);
    for (const Json& item : *list) {
      if (!item.is_string())
        throw http::HttpError(400, "job: 'queries' holds something that is no text"_text);
      queries.emplace_back(without_bom(item.get_ref<const std::string&>()));
    }
  }
  if (queries.empty())
    throw Error(ErrorCode::kUsage, "job: it has no 'query'"_text, "say what to look for"_text);
  for (const std::string& query : queries) grounding::check_question(query);
  return queries;
}

jobs::Video read_video(JsonFields& fields, Library& library) {
  const auto path = fields.text("video_path");
  const auto id = fields.text("video_id");
  if (path.has_value() == id.has_value()) {
    throw Error(ErrorCode::kUsage, "job: give 'video_path' or 'video_id'"_text);
  }
  return path ? library.find_soon(*path) : library.get(*id);
}

jobs::JobRequest make_job(const jobs::Video& video, const std::string& query, const Json& options,
                          const std::string& client) {
  jobs::JobRequest job;
  job.video_id = video.id;
  job.video_name = video.name;
  job.query = query;
  job.options = options.is_null() ? "" : options.dump();
  // A large new file is known by its place until somebody has read it.
  job.group = job_group(
      video.id.empty() ? fmt::format("{} {} {}", video.name, video.size, video.mtime) : video.id,
      read_job_options(options));
  job.client = client;
  return job;
}

struct Common {
  const Json* options = nullptr;  // of the item, none: the defaults
  int priority = 0;
  std::string webhook_url, webhook_secret;
};

Common read_common(JsonFields& fields, const RouteContext& context) {
  Common common;
  common.options = fields.any("options");
  // What no run could give is refused before it waits.
  if (common.options != nullptr) {
    context.engine.check_context(read_job_options(*common.options).generation);
  }
  common.priority = static_cast<int>(fields.integer("priority", -10, 10).value_or(0));
  if (const Json* webhook = fields.any("webhook")) {
    JsonFields inner(*webhook, "webhook");
    common.webhook_url = inner.text("url").value_or("");
    common.webhook_secret = inner.text("secret").value_or("");
    inner.done();
    context.webhook_hosts.check(common.webhook_url);
    if (common.webhook_secret.empty()) {
      throw Error(ErrorCode::kUsage, "webhook: it has no 'secret'"_text,
                  "any text that only the two sides know; the posts are signed with it"_text);
    }
  }
  return common;
}

void append(std::vector<jobs::JobRequest>* jobs, const jobs::Video& video, const std::string& query,
            const Common& common, const std::string& client) {
  if (jobs->size() >= kMaxJobs) {
    throw Error(ErrorCode::kUsage, "jobs: more than {} in one call"_text(kMaxJobs),
                "submit them in several calls"_text);
  }
  jobs::JobRequest job =
      make_job(video, query, common.options != nullptr ? *common.options : Json(), client);
  job.priority = common.priority;
  job.webhook_url = common.webhook_url;
  job.webhook_secret = common.webhook_secret;
  jobs->push_back(std::move(job));
}

// One question about one video or many, several about a video, or {"folder": ...}.
void read_item(const Json& item, RouteContext& context, const std::string& client,
               std::vector<jobs::JobRequest>* jobs) {
  JsonFields fields(item, "job");
  const std::vector<std::string> queries = read_queries(fields);
  if (const auto folder = fields.text("folder")) {
    const Common common = read_common(fields, context);
    fields.done();
    context.library.refresh();
    const std::string prefix = library_prefix(*folder);
    const size_t before = jobs->size();
    jobs::PageRequest page{1000, {}};
    do {
      const jobs::Page<jobs::Video> videos = context.store.videos({}, page);
      for (const jobs::Video& video : videos.items) {
        if (!video.name.starts_with(prefix)) continue;
        for (const std::string& query : queries) append(jobs, video, query, common, client);
      }
      page.cursor = videos.next;
    } while (!page.cursor.empty());
    if (jobs->size() == before) {
      throw Error(ErrorCode::kNotFound, "folder: no video in '{}'"_text(*folder),
                  "GET /api/v1/videos lists what there is"_text);
    }
    return;
  }
  const jobs::Video video = read_video(fields, context.library);
  const Common common = read_common(fields, context);
  fields.done();
  for (const std::string& query : queries) append(jobs, video, query, common, client);
}

}  // namespace

std::vector<jobs::JobRequest> read_jobs(const Json& body, RouteContext& context,
                                        const std::string& client) {
  std::vector<jobs::JobRequest> jobs;
  const auto list = body.find("jobs");
  if (list == body.end()) {
    read_item(body, context, client, &jobs);
    return jobs;
  }
  JsonFields outer(body, "the body"_text);
  outer.any("jobs");
  outer.done();
  if (!list->is_array() || list->empty())
    throw http::HttpError(400, "the body: 'jobs' is no list of jobs"_text);
  for (const Json& item : *list) read_item(item, context, client, &jobs);
  return jobs;
}

}  // namespace shijian::server
