#include <algorithm>
#include <mutex>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text_file.h"
#include "server/export.h"
#include "server/job_options.h"
#include "server/json_fields.h"
#include "server/media_files.h"
#include "server/routes.h"
#include "server/views.h"

namespace shijian::server {
namespace {

constexpr size_t kMaxJobs = 1000;  // of one call
constexpr size_t kMaxCorrections = 10000;
constexpr size_t kMaxCorrectionBytes = size_t{8} << 20;

// "query" or "queries".
std::vector<std::string> read_queries(JsonFields& fields) {
  std::vector<std::string> queries;
  if (const auto one = fields.text("query", std::string::npos)) queries.push_back(*one);
  if (const Json* list = fields.any("queries")) {
    if (!list->is_array()) throw http::HttpError(400, "job: 'queries' is no list");
    for (const Json& item : *list) {
      if (!item.is_string()) throw http::HttpError(400, "job: 'queries' holds something that is no text");
      queries.emplace_back(without_bom(item.get_ref<const std::string&>()));
    }
  }
  if (queries.empty())
    throw Error(ErrorCode::kUsage, "job: it has no 'query'", "say what to look for");
  for (const std::string& query : queries) grounding::check_question(query);
  return queries;
}

jobs::Video read_video(JsonFields& fields, Library& library) {
  const auto path = fields.text("video_path");
  const auto id = fields.text("video_id");
  if (path.has_value() == id.has_value()) {
    throw Error(ErrorCode::kUsage, "job: give 'video_path' or 'video_id'");
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

Common read_common(JsonFields& fields, const Service& service) {
  Common common;
  common.options = fields.any("options");
  // What no run could give is refused before it waits.
  if (common.options != nullptr) {
    service.engine.check_context(read_job_options(*common.options).generation);
  }
  common.priority = static_cast<int>(fields.integer("priority", -10, 10).value_or(0));
  if (const Json* webhook = fields.any("webhook")) {
    JsonFields inner(*webhook, "webhook");
    common.webhook_url = inner.text("url").value_or("");
    common.webhook_secret = inner.text("secret").value_or("");
    inner.done();
    service.webhook_hosts.check(common.webhook_url);
    if (common.webhook_secret.empty()) {
      throw Error(ErrorCode::kUsage, "webhook: it has no 'secret'",
                  "any text that only the two sides know; the posts are signed with it");
    }
  }
  return common;
}

void append(std::vector<jobs::JobRequest>* jobs, const jobs::Video& video, const std::string& query,
            const Common& common, const std::string& client) {
  if (jobs->size() >= kMaxJobs) {
    throw Error(ErrorCode::kUsage, fmt::format("jobs: more than {} in one call", kMaxJobs),
                "submit them in several calls");
  }
  jobs::JobRequest job =
      make_job(video, query, common.options != nullptr ? *common.options : Json(), client);
  job.priority = common.priority;
  job.webhook_url = common.webhook_url;
  job.webhook_secret = common.webhook_secret;
  jobs->push_back(std::move(job));
}

// One question about one video or many, several about a video, or {"folder": ...}.
void read_item(const Json& item, Service& service, const std::string& client,
               std::vector<jobs::JobRequest>* jobs) {
  JsonFields fields(item, "job");
  const std::vector<std::string> queries = read_queries(fields);
  if (const auto folder = fields.text("folder")) {
    const Common common = read_common(fields, service);
    fields.done();
    service.library.refresh();
    const std::string prefix = library_prefix(*folder);
    const size_t before = jobs->size();
    jobs::PageRequest page{1000, {}};
    do {
      const jobs::Page<jobs::Video> videos = service.store.videos({}, page);
      for (const jobs::Video& video : videos.items) {
        if (!video.name.starts_with(prefix)) continue;
        for (const std::string& query : queries) append(jobs, video, query, common, client);
      }
      page.cursor = videos.next;
    } while (!page.cursor.empty());
    if (jobs->size() == before) {
      throw Error(ErrorCode::kNotFound, fmt::format("folder: no video in '{}'", *folder),
                  "GET /api/v1/videos lists what there is");
    }
    return;
  }
  const jobs::Video video = read_video(fields, service.library);
  const Common common = read_common(fields, service);
  fields.done();
  for (const std::string& query : queries) append(jobs, video, query, common, client);
}

// {"jobs": [...]}, or one item by itself.
std::vector<jobs::JobRequest> read_jobs(const Json& body, Service& service, const std::string& client) {
  std::vector<jobs::JobRequest> jobs;
  const auto list = body.find("jobs");
  if (list == body.end()) {
    read_item(body, service, client, &jobs);
    return jobs;
  }
  JsonFields outer(body, "the body");
  outer.any("jobs");
  outer.done();
  if (!list->is_array() || list->empty())
    throw http::HttpError(400, "the body: 'jobs' is no list of jobs");
  for (const Json& item : *list) read_item(item, service, client, &jobs);
  return jobs;
}

OrderedJson jobs_json(const std::vector<jobs::Job>& jobs, const jobs::JobQueue& queue) {
  OrderedJson list = OrderedJson::array();
  for (const jobs::Job& job : jobs) {
    OrderedJson json = job_json(job, queue.progress(job.id));
    // A page of answers stays small; the job itself has the times.
    if (const auto sampling = json["result"].find("sampling"); sampling != json["result"].end()) {
      sampling->erase("times");
    }
    list.push_back(std::move(json));
  }
  return list;
}

// Ties the job to the request that it came from.
void log_submitted(const std::vector<jobs::Job>& jobs, const std::string& request_id) {
  for (const jobs::Job& job : jobs) {
    log_event(LogLevel::kInfo, "job_queued",
              {{"job", job.id}, {"request", request_id}, {"video", job.video_name}});
  }
}

http::HttpResponse submit(Service& service, const std::string& text, const std::string& client,
                    const std::string& key, const std::string& request_id) {
  const auto answer = [&](const std::vector<jobs::Job>& jobs) {
    return json_response({{"jobs", jobs_json(jobs, service.queue)}}, 202);
  };
  std::optional<jobs::IdempotencyKey> once;
  if (!key.empty()) {
    once = {key, client, content_hash(std::as_bytes(std::span(text)))};
    // Before the body is looked at: its video may have gone since.
    if (const auto jobs = service.store.repeated(*once)) return answer(*jobs);
  }
  http::HttpRequest request;
  request.body = text;
  const std::vector<jobs::JobRequest> jobs = read_jobs(json_object(request), service, client);
  const jobs::Store::Added added = service.queue.submit(jobs, once);
  if (!added.repeated) log_submitted(added.jobs, request_id);
  return answer(added.jobs);
}

jobs::JobFilter read_filter(const http::HttpRequest& request) {
  jobs::JobFilter filter;
  if (const std::string state = query_text(request, "state"); !state.empty()) {
    filter.state = jobs::parse_job_state(state);
    if (!filter.state) {
      throw http::HttpError(400, fmt::format("'state' is '{}'", state),
                      "there are queued, running, done, failed and cancelled");
    }
  }
  filter.video_id = query_text(request, "video");
  filter.search = query_text(request, "search");
  return filter;
}

// What a person says the events are: [{start, end, label}], kept as they were written; null takes
// that back.
std::string read_corrections(const Json& body) {
  JsonFields fields(body, "corrections");
  const Json* events = fields.any("events");
  fields.done();
  if (events == nullptr) {
    if (body.contains("events")) return "";
    throw http::HttpError(400, "corrections: they have no 'events'", "null takes corrections back");
  }
  if (!events->is_array() || events->size() > kMaxCorrections) {
    throw http::HttpError(
        400, fmt::format("corrections: 'events' is no list of at most {} events", kMaxCorrections));
  }
  OrderedJson kept = OrderedJson::array();
  for (const Json& item : *events) {
    JsonFields event(item, "event");
    const auto start = event.number("start", 0, 1e9), end = event.number("end", 0, 1e9);
    const std::string label = event.text("label").value_or("");
    event.done();
    if (!start || !end || *start > *end) {
      throw Error(ErrorCode::kUsage, "event: 'start' and 'end' are seconds, in that order");
    }
    kept.push_back({{"start", thousandths(*start)}, {"end", thousandths(*end)}, {"label", label}});
  }
  return write_json(kept);
}

// What the model saw of the video, planned again. kConflict when the job is not done, or when the
// plan has changed since.
engine::Media seen_media(Service& service, const std::string& id, const CancelToken& gone) {
  const jobs::Job job = service.store.job(id);
  if (job.state != jobs::JobState::kDone) {
    throw Error(ErrorCode::kConflict,
                fmt::format("job {}: it is {}, not done", id, jobs::job_state_name(job.state)),
                "ask for the frames when it is done");
  }
  const JobOptions options =
      read_job_options(job.options.empty() ? Json() : parse_json(job.options, "the database"));
  const jobs::Video video = service.library.get(job.video_id);
  engine::Media media = service.engine.plan(service.library.file_of(video), options.sampling, gone);
  const Json result = parse_json(job.result, "the database");
  if (const auto sampling = result.find("sampling");
      sampling != result.end() &&
      (sampling->value("frames", size_t{0}) != media.plan.indices.size() ||
       sampling->value("width", 0) != media.plan.width ||
       sampling->value("height", 0) != media.plan.height)) {
    throw Error(ErrorCode::kConflict,
                fmt::format("job {}: the server's model samples otherwise than the job's", id),
                "ask the question again");
  }
  return media;
}

// The frames that the model saw, decoded again.
http::HttpResponse seen_frames(Service& service, const std::string& id, int64_t first, int64_t count,
                         const CancelToken& gone) {
  try {
    const engine::Media media = seen_media(service, id, gone);
    const auto total = static_cast<int64_t>(media.plan.indices.size());
    if (first >= total) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("'from' is {}, the model saw {} frames", first, total));
    }
    http::HttpResponse response = strip_response(planned_frames(media, first, count, gone));
    response.headers.emplace_back("X-Frame-Count", std::to_string(total));
    return response;
  } catch (const Error& error) {
    throw without_folder(error, service.library.folder());
  }
}

// When each of those frames is on screen: all of them, whatever one picture can hold.
http::HttpResponse seen_times(Service& service, const std::string& id, const CancelToken& gone) {
  try {
    OrderedJson times = OrderedJson::array();
    for (const double time : seen_media(service, id, gone).plan.times) {
      times.push_back(thousandths(time));
    }
    return json_response({{"times", std::move(times)}});
  } catch (const Error& error) {
    throw without_folder(error, service.library.folder());
  }
}

// Calls back once, when the job has ended.
void when_ended(jobs::JobQueue& queue, const std::string& id, std::function<void(const jobs::Job&)> callback) {
  struct Wait {
    std::mutex mutex;
    std::optional<int64_t> subscription;
    bool ended = false;
  };
  auto wait = std::make_shared<Wait>();
  const int64_t subscription =
      queue.subscribe(id, [&queue, wait, callback = std::move(callback)](const jobs::JobEvent& event) {
        if (!event.job) return;
        callback(*event.job);
        const std::lock_guard lock(wait->mutex);
        wait->ended = true;
        if (wait->subscription) queue.unsubscribe(*wait->subscription);
      });
  const std::lock_guard lock(wait->mutex);
  wait->subscription = subscription;
  if (wait->ended) queue.unsubscribe(subscription);
}

}  // namespace

void add_job_routes(http::HttpServer& http, Service& service) {
  const auto json_of = [&service](const jobs::Job& job) {
    return job_json(job, service.queue.progress(job.id));
  };
  http.route("POST", "/api/v1/jobs", [&service](const http::HttpRequest& request, auto reply) {
    service.executor.submits.answer(
        std::move(reply), request.id,
        [&service, body = request.body, client = request.client, id = request.id,
         key = std::string(request.header("idempotency-key"))] {
          return submit(service, body, client, key, id);
        });
  });
  http.route("GET", "/api/v1/jobs", [&service](const http::HttpRequest& request, auto reply) {
    const jobs::PageRequest page{static_cast<int>(query_integer(request, "limit", 50, 1, 1000)),
                           query_text(request, "cursor")};
    service.executor.jobs.answer(
        std::move(reply), request.id, [&service, page, filter = read_filter(request)] {
          const jobs::Page<jobs::Job> jobs = service.store.jobs(filter, page);
          return json_response(
              {{"jobs", jobs_json(jobs.items, service.queue)},
               {"next", jobs.next.empty() ? OrderedJson() : OrderedJson(jobs.next)},
               {"total", jobs.total}});
        });
  });
  // Answers with the job that `act` returns; what was asked is done though the client has left.
  const auto job_route = [&](const char* method, const char* pattern, http::HttpRouteOptions options,
                             const std::function<std::function<jobs::Job()>(const http::HttpRequest&)>& act) {
    http.route(
        method, pattern,
        [&service, json_of, act](const http::HttpRequest& request, std::shared_ptr<http::HttpReply> reply) {
          service.executor.jobs.run(
              [json_of, reply = std::move(reply), id = request.id, job = act(request)] {
                answer_now(*reply, id, [&] { return json_response(json_of(job())); });
              });
        },
        options);
  };
  job_route("GET", "/api/v1/jobs/{}", {}, [&service](const http::HttpRequest& request) {
    return [&service, id = request.captures[0]] { return service.store.job(id); };
  });
  job_route("POST", "/api/v1/jobs/{}/cancel", {.json = false},
            [&service](const http::HttpRequest& request) {
              return [&service, id = request.captures[0]] { return service.queue.cancel(id); };
            });
  job_route("POST", "/api/v1/jobs/{}/retry", {.json = false},
            [&service](const http::HttpRequest& request) {
              return [&service, id = request.captures[0]] { return service.queue.retry(id); };
            });
  job_route("PUT", "/api/v1/jobs/{}/corrections", {.max_body = kMaxCorrectionBytes},
            [&service](const http::HttpRequest& request) {
              return [&service, id = request.captures[0],
                      corrections = read_corrections(json_object(request))] {
                return service.store.set_corrections(id, corrections);
              };
            });
  http.route("GET", "/api/v1/jobs/{}/frames", [&service](const http::HttpRequest& request, auto reply) {
    const int64_t first = query_integer(request, "from", 0, 0, 1000000);
    const int64_t count = query_integer(request, "count", 100, 1, 1000000);
    const CancelToken gone = reply->gone();
    service.executor.files.answer(std::move(reply), request.id,
                                  [&service, id = request.captures[0], first, count, gone] {
                                    return seen_frames(service, id, first, count, gone);
                                  });
  });
  http.route(
      "GET", "/api/v1/jobs/{}/frame-times", [&service](const http::HttpRequest& request, auto reply) {
        const CancelToken gone = reply->gone();
        service.executor.files.answer(
            std::move(reply), request.id,
            [&service, id = request.captures[0], gone] { return seen_times(service, id, gone); });
      });
  http.route("GET", "/api/v1/jobs/{}/export", [&service](const http::HttpRequest& request, auto reply) {
    service.executor.jobs.answer(
        std::move(reply), request.id,
        [&service, id = request.captures[0], format = query_text(request, "format")] {
          return export_job(service.store.job(id), format);
        });
  });
  http.route("GET", "/api/v1/export", [&service](const http::HttpRequest& request, auto reply) {
    service.executor.jobs.answer(
        std::move(reply), request.id,
        [&service, all = query_text(request, "ids"), format = query_text(request, "format")] {
          std::vector<jobs::Job> jobs;
          std::istringstream ids(all);
          for (std::string id; std::getline(ids, id, ',');) jobs.push_back(service.store.job(id));
          if (jobs.empty()) throw http::HttpError(400, "'ids' names no job", "ids=A,B");
          return export_jobs(jobs, format);
        });
  });
  http.route("DELETE", "/api/v1/jobs/{}", [&service](const http::HttpRequest& request, auto reply) {
    service.executor.jobs.run(
        [&service, reply = std::move(reply), request_id = request.id, id = request.captures[0]] {
          answer_now(*reply, request_id, [&] {
            service.queue.remove(id);
            http::HttpResponse response;
            response.status = 204;
            return response;
          });
        });
  });
}

// A call that waits is a job like any other; whoever waits is told by a subscription.
void add_inference_route(http::HttpServer& http, Service& service) {
  http.route("POST", "/api/v1/inference", [&service](const http::HttpRequest& request, auto reply) {
    service.executor.submits.run([&service, reply = std::move(reply), id = request.id,
                                  body = request.body, client = request.client]() {
      try {
        http::HttpRequest copy;
        copy.body = body;
        const std::vector<jobs::JobRequest> jobs = read_jobs(json_object(copy), service, client);
        if (jobs.size() != 1) throw http::HttpError(400, "inference answers one question at a time");
        const jobs::Store::Added added = service.queue.submit(jobs);
        log_submitted(added.jobs, id);
        const jobs::Job& job = added.jobs.front();
        reply->on_gone([&service, job_id = job.id] {
          service.executor.jobs.run([&service, job_id] {
            try {
              service.queue.cancel(job_id);
            } catch (const jobs::ConflictError&) {  // it has ended
            }
          });
        });
        when_ended(service.queue, job.id,
                   [reply, id](const jobs::Job& ended) { reply->send(ended_job_response(ended, id)); });
      } catch (...) {
        reply->send(caught_response(id));
      }
    });
  });
}

}  // namespace shijian::server
