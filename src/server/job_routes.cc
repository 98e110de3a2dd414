#include <algorithm>
#include <mutex>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "server/export.h"
#include "server/job_options.h"
#include "server/job_request.h"
#include "server/json_fields.h"
#include "server/media_files.h"
#include "server/routes.h"
#include "server/views.h"

namespace shijian::server {
namespace {

constexpr size_t kMaxCorrections = 10000;
constexpr size_t kMaxCorrectionBytes = size_t{8} << 20;

OrderedJson jobs_json(const std::vector<jobs::Job>& jobs, const jobs::JobQueue& queue,
                      Language language) {
  OrderedJson list = OrderedJson::array();
  for (const jobs::Job& job : jobs) {
    OrderedJson json = job_json(job, queue.progress(job.id), language);
    // A page of answers stays small; the job itself has the times and the curve.
    if (const auto sampling = json["result"].find("sampling"); sampling != json["result"].end()) {
      sampling->erase("times");
      json["result"].erase("evidence");
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

struct Caller {
  explicit Caller(const http::HttpRequest& request)
      : client(request.client),
        request_id(request.id),
        language(request.language()),
        key(request.header("idempotency-key")) {}

  std::string client, request_id;
  Language language;
  std::string key;  // of idempotency; empty: none
};

http::HttpResponse submit(RouteContext& context, const std::string& text, const Caller& caller) {
  const auto answer = [&](const std::vector<jobs::Job>& jobs) {
    return json_response({{"jobs", jobs_json(jobs, context.queue, caller.language)}}, 202);
  };
  std::optional<jobs::IdempotencyKey> once;
  if (!caller.key.empty()) {
    once = {caller.key, caller.client, content_hash(std::as_bytes(std::span(text)))};
    // Looks up the key before validating the body, whose video may have been deleted since.
    if (const auto jobs = context.store.repeated(*once)) return answer(*jobs);
  }
  http::HttpRequest request;
  request.body = text;
  const std::vector<jobs::JobRequest> jobs =
      read_jobs(json_object(request), context, caller.client);
  const jobs::Store::Added added = context.queue.submit(jobs, once);
  if (!added.repeated) log_submitted(added.jobs, caller.request_id);
  return answer(added.jobs);
}

jobs::JobFilter read_filter(const http::HttpRequest& request) {
  jobs::JobFilter filter;
  if (const std::string state = query_text(request, "state"); !state.empty()) {
    filter.state = jobs::parse_job_state(state);
    if (!filter.state) {
      throw http::HttpError(400, "'state' is '{}'"_text(state),
                            "there are queued, running, done, failed and cancelled"_text);
    }
  }
  filter.video_id = query_text(request, "video");
  filter.search = query_text(request, "search");
  return filter;
}

// What a person says the events are: [{start, end, label}]; null takes that back.
OrderedJson read_corrections(const Json& body) {
  JsonFields fields(body, "corrections");
  const Json* events = fields.any("events");
  fields.done();
  if (events == nullptr) {
    if (body.contains("events")) return {};
    throw http::HttpError(400, "corrections: they have no 'events'"_text,
                          "null takes corrections back"_text);
  }
  if (!events->is_array() || events->size() > kMaxCorrections) {
    throw http::HttpError(
        400, "corrections: 'events' is no list of at most {} events"_text(kMaxCorrections));
  }
  OrderedJson kept = OrderedJson::array();
  for (const Json& item : *events) {
    JsonFields event(item, "event");
    const auto start = event.number("start", 0, 1e9), end = event.number("end", 0, 1e9);
    const std::string label = event.text("label").value_or("");
    event.done();
    if (!start || !end || *start > *end) {
      throw Error(ErrorCode::kUsage, "event: 'start' and 'end' are seconds, in that order"_text);
    }
    kept.push_back({{"start", thousandths(*start)}, {"end", thousandths(*end)}, {"label", label}});
  }
  return kept;
}

// `events` with ends that are not past that of the job's video. An answer in words alone does not
// say where that is.
OrderedJson within_video(OrderedJson events, const jobs::Job& job) {
  const Json result =
      job.result.empty() ? Json::object() : parse_json(job.result, "the database"_text);
  const double length = thousandths(result.value("video", Json::object()).value("duration", 0.0));
  if (length == 0) return events;
  for (size_t i = 0; i < events.size(); ++i) {
    const double start = events[i]["start"], end = events[i]["end"];
    if (start > length) {
      throw Error(ErrorCode::kUsage,
                  "corrections: event {} begins at {:.3f} s, and the video ends at {:.3f} s"_text(
                      i + 1, start, length),
                  "give times within the video"_text);
    }
    events[i]["end"] = std::min(end, length);
  }
  return events;
}

// The moments that `sampling` of an answer lists, at its size. They may be those of several
// windows.
void set_seen(const Json& sampling, engine::Media& media) {
  constexpr double kHalfDigit = 0.0005;  // seconds: the answer's times are rounded to thousandths
  video::FramePlan& plan = media.plan;
  plan.times = sampling.at("times").get<std::vector<double>>();
  plan.width = sampling.at("width").get<int>();
  plan.height = sampling.at("height").get<int>();
  plan.indices.clear();
  for (const double time : plan.times) {
    plan.indices.push_back(media.video.frame_at(time + kHalfDigit));
  }
  std::sort(plan.indices.begin(), plan.indices.end());
}

// What the model saw of the video. kConflict when the job is not done.
engine::Media seen_media(RouteContext& context, const std::string& id,
                         const std::stop_token& cancel) {
  const jobs::Job job = context.store.job(id);
  if (job.state != jobs::JobState::kDone) {
    throw Error(ErrorCode::kConflict,
                "job {}: it is {}, not done"_text(id, jobs::job_state_text(job.state)),
                "ask for the frames when it is done"_text);
  }
  JobOptions options =
      read_job_options(job.options.empty() ? Json() : parse_json(job.options, "the database"_text));
  options.sampling.adaptive = false;  // what was seen stands in the answer
  const jobs::Video video = context.library.get(job.video_id);
  engine::Media media =
      context.engine.plan(context.library.file_of(video), options.sampling, cancel);
  const Json result = parse_json(job.result, "the database"_text);
  // An answer in words alone has none: planned again, it is what was seen.
  const auto sampling = result.find("sampling");
  if (sampling != result.end() && sampling->contains("times")) set_seen(*sampling, media);
  return media;
}

// The frames that the model saw, decoded again.
http::HttpResponse seen_frames(RouteContext& context, const std::string& id, int64_t first,
                               int64_t count, const std::stop_token& cancel) {
  try {
    const engine::Media media = seen_media(context, id, cancel);
    const auto total = static_cast<int64_t>(media.plan.indices.size());
    if (first >= total) {
      throw Error(ErrorCode::kUsage, "'from' is {}, the model saw {} frames"_text(first, total));
    }
    http::HttpResponse response = strip_response(planned_frames(media, first, count, cancel));
    response.headers.emplace_back("X-Frame-Count", std::to_string(total));
    return response;
  } catch (const Error& error) {
    throw without_folder(error, context.library.folder());
  }
}

// When each of those frames is on screen: all of them, whatever one picture can hold.
http::HttpResponse seen_times(RouteContext& context, const std::string& id,
                              const std::stop_token& cancel) {
  try {
    OrderedJson times = OrderedJson::array();
    for (const double time : seen_media(context, id, cancel).plan.times) {
      times.push_back(thousandths(time));
    }
    return json_response({{"times", std::move(times)}});
  } catch (const Error& error) {
    throw without_folder(error, context.library.folder());
  }
}

// Calls back once, when the job has ended.
void when_ended(jobs::JobQueue& queue, const std::string& id,
                std::function<void(const jobs::Job&)> callback) {
  struct Wait {
    std::mutex mutex;
    std::optional<int64_t> subscription;
    bool ended = false;
  };
  auto wait = std::make_shared<Wait>();
  const int64_t subscription = queue.subscribe(
      id, [&queue, wait, callback = std::move(callback)](const jobs::JobEvent& event) {
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

void add_job_routes(http::HttpServer& http, RouteContext& context) {
  http.route("POST", "/api/v1/jobs", [&context](const http::HttpRequest& request, auto reply) {
    context.executor.submits.answer(std::move(reply), request.id,
                                    [&context, body = request.body, caller = Caller(request)] {
                                      return submit(context, body, caller);
                                    });
  });
  http.route("GET", "/api/v1/jobs", [&context](const http::HttpRequest& request, auto reply) {
    const jobs::PageRequest page{static_cast<int>(query_integer(request, "limit", 50, 1, 1000)),
                                 query_text(request, "cursor")};
    context.executor.jobs.answer(
        std::move(reply), request.id,
        [&context, page, filter = read_filter(request), language = request.language()] {
          const jobs::Page<jobs::Job> jobs = context.store.jobs(filter, page);
          return json_response(
              {{"jobs", jobs_json(jobs.items, context.queue, language)},
               {"next", jobs.next.empty() ? OrderedJson() : OrderedJson(jobs.next)},
               {"total", jobs.total}});
        });
  });
  // Answers with the job that `act` returns; what was asked is done though the client has left.
  const auto job_route =
      [&](const char* method, const char* pattern, http::HttpRouteOptions options,
          const std::function<std::function<jobs::Job()>(const http::HttpRequest&)>& act) {
        http.route(
            method, pattern,
            [&context, act](const http::HttpRequest& request,
                            std::shared_ptr<http::HttpReply> reply) {
              context.executor.jobs.run([&context, reply = std::move(reply), id = request.id,
                                         language = request.language(), act_now = act(request)] {
                answer_now(*reply, id, [&] {
                  const jobs::Job job = act_now();
                  return json_response(job_json(job, context.queue.progress(job.id), language));
                });
              });
            },
            options);
      };
  job_route("GET", "/api/v1/jobs/{}", {}, [&context](const http::HttpRequest& request) {
    return [&context, id = request.captures[0]] { return context.store.job(id); };
  });
  job_route("POST", "/api/v1/jobs/{}/cancel", {.json = false},
            [&context](const http::HttpRequest& request) {
              return [&context, id = request.captures[0]] { return context.queue.cancel(id); };
            });
  job_route("POST", "/api/v1/jobs/{}/retry", {.json = false},
            [&context](const http::HttpRequest& request) {
              return [&context, id = request.captures[0]] { return context.queue.retry(id); };
            });
  job_route(
      "PUT", "/api/v1/jobs/{}/corrections", {.max_body = kMaxCorrectionBytes},
      [&context](const http::HttpRequest& request) {
        return [&context, id = request.captures[0],
                events = read_corrections(json_object(request))] {
          return context.store.set_corrections(
              id, events.is_null() ? "" : write_json(within_video(events, context.store.job(id))));
        };
      });
  http.route(
      "GET", "/api/v1/jobs/{}/frames", [&context](const http::HttpRequest& request, auto reply) {
        const int64_t first = query_integer(request, "from", 0, 0, 1000000);
        const int64_t count = query_integer(request, "count", 100, 1, 1000000);
        const std::stop_token cancel = reply->disconnected();
        context.executor.files.answer(std::move(reply), request.id,
                                      [&context, id = request.captures[0], first, count, cancel] {
                                        return seen_frames(context, id, first, count, cancel);
                                      });
      });
  http.route("GET", "/api/v1/jobs/{}/frame-times",
             [&context](const http::HttpRequest& request, auto reply) {
               const std::stop_token cancel = reply->disconnected();
               context.executor.files.answer(std::move(reply), request.id,
                                             [&context, id = request.captures[0], cancel] {
                                               return seen_times(context, id, cancel);
                                             });
             });
  http.route("GET", "/api/v1/jobs/{}/export",
             [&context](const http::HttpRequest& request, auto reply) {
               context.executor.jobs.answer(
                   std::move(reply), request.id,
                   [&context, id = request.captures[0], format = query_text(request, "format")] {
                     return export_job(context.store.job(id), format);
                   });
             });
  http.route("GET", "/api/v1/export", [&context](const http::HttpRequest& request, auto reply) {
    context.executor.jobs.answer(
        std::move(reply), request.id,
        [&context, all = query_text(request, "ids"), format = query_text(request, "format")] {
          std::vector<jobs::Job> jobs;
          std::istringstream ids(all);
          for (std::string id; std::getline(ids, id, ',');) jobs.push_back(context.store.job(id));
          if (jobs.empty()) throw http::HttpError(400, "'ids' names no job"_text, "ids=A,B"_text);
          return export_jobs(jobs, format);
        });
  });
  http.route("DELETE", "/api/v1/jobs/{}", [&context](const http::HttpRequest& request, auto reply) {
    context.executor.jobs.run(
        [&context, reply = std::move(reply), request_id = request.id, id = request.captures[0]] {
          answer_now(*reply, request_id, [&] {
            context.queue.remove(id);
            http::HttpResponse response;
            response.status = 204;
            return response;
          });
        });
  });
}

// A call that waits is a job like any other; whoever waits is told by a subscription.
void add_inference_route(http::HttpServer& http, RouteContext& context) {
  http.route("POST", "/api/v1/inference", [&context](const http::HttpRequest& request, auto reply) {
    context.executor.submits.run([&context, reply = std::move(reply), id = request.id,
                                  body = request.body, client = request.client]() {
      try {
        http::HttpRequest copy;
        copy.body = body;
        const std::vector<jobs::JobRequest> jobs = read_jobs(json_object(copy), context, client);
        if (jobs.size() != 1)
          throw http::HttpError(400, "inference answers one question at a time"_text);
        const jobs::Store::Added added = context.queue.submit(jobs);
        log_submitted(added.jobs, id);
        const jobs::Job& job = added.jobs.front();
        reply->on_disconnect([&context, job_id = job.id] {
          context.executor.jobs.run([&context, job_id] {
            try {
              context.queue.cancel(job_id);
            } catch (const jobs::ConflictError&) {  // it has ended
            }
          });
        });
        when_ended(context.queue, job.id, [reply, id](const jobs::Job& ended) {
          reply->send(ended_job_response(ended, id));
        });
      } catch (...) {
        reply->send(caught_response(id));
      }
    });
  });
}

}  // namespace shijian::server
