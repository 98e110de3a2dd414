#include "server/worker.h"

#include <chrono>

#include "base/error.h"
#include "base/log.h"
#include "engine/chat_parts.h"
#include "engine/description_json.h"
#include "server/background.h"
#include "server/job_options.h"
#include "server/views.h"

namespace shijian {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kBetweenReports = std::chrono::milliseconds(50);

void log_ended(const Job& job, const Outcome& outcome, double seconds) {
  OrderedJson fields = {{"job", job.id},
                        {"video", job.video_name},
                        {"state", job_state_name(outcome.state)},
                        {"seconds", thousandths(seconds)}};
  const bool failed = outcome.state == JobState::kFailed;
  if (failed) fields.update(parse_ordered_json(outcome.json, "the outcome"));
  log_event(failed ? LogLevel::kWarning : LogLevel::kInfo, "job_ended", fields);
}

}  // namespace

Worker::Worker(Engine& engine, JobQueue& queue, EngineCalls& calls, Library& library,
               Finished finished)
    : engine_(engine),
      queue_(queue),
      calls_(calls),
      library_(library),
      finished_(std::move(finished)),
      thread_([this] { loop(); }) {}

Worker::~Worker() {
  stop_.cancel();
  calls_.stop();
  thread_.join();
}

// A call waits for one job at most, and a job for one call: neither kind can starve the other.
void Worker::loop() {
  const CancelToken stopped = stop_.token();
  while (!stopped.cancelled()) {
    const std::vector<Job> jobs = queue_.take(stopped, [this] { return calls_.waiting(); });
    calls_.run_next();
    for (const Job& waiting : jobs) {
      if (stopped.cancelled()) break;
      // Jobs of one batch share a video and its sampling: the engine's caches keep what the first
      // has computed for the others.
      if (const auto begun = queue_.begin(waiting.id)) run(begun->job, begun->cancel);
      calls_.run_next();
    }
  }
}

void Worker::run(const Job& job, const CancelToken& cancel) {
  const CancelToken stopped = stop_.token();
  CancelSource either;
  RunHooks hooks;
  hooks.cancel = either.token();
  std::string stage;
  // Not yet sent: a small model writes faster than hundreds of streams can follow.
  std::string text;
  Clock::time_point reported{}, sent{};
  const auto send_text = [&] {
    if (!text.empty()) queue_.text(job.id, text);
    text.clear();
    sent = Clock::now();
  };
  hooks.progress = [&](const Progress& p) {
    if (cancel.cancelled() || stopped.cancelled()) either.cancel();
    text += p.text;
    const auto now = Clock::now();
    if (now - sent >= kBetweenReports) send_text();
    if (p.stage == stage && now - reported < kBetweenReports && p.done != p.total) return;
    stage = p.stage;
    reported = now;
    queue_.progress(job.id, {stage, p.done, p.total});
  };
  const auto begun = Clock::now();
  Outcome outcome;
  try {
    const OrderedJson result = answer(job, hooks);
    outcome = {JobState::kDone, write_json(result)};
  } catch (...) {
    const Error error = caught_error("the job", "use fewer or smaller frames");
    if (error.code() == ErrorCode::kCancelled) {
      if (stopped.cancelled() && !cancel.cancelled()) {
        queue_.release(job.id);
        return;
      }
      outcome = {JobState::kCancelled, {}};
    } else {
      outcome = {JobState::kFailed,
                 write_json(job_error_json(without_folder(error, library_.folder())))};
    }
  }
  send_text();
  queue_.finish(job.id, outcome);
  log_ended(job, outcome, std::chrono::duration<double>(Clock::now() - begun).count());
}

OrderedJson Worker::answer(const Job& job, const RunHooks& hooks) {
  const JobOptions options =
      read_job_options(job.options.empty() ? Json() : parse_json(job.options, "options"));
  const Video video = library_.get(job.video_id);
  const std::filesystem::path file = library_.file_of(video);
  OrderedJson json;
  if (options.grounding) {
    LocateRequest request;
    request.video = file;
    request.questions = {job.query};
    request.sampling = options.sampling;
    request.prompt_style = options.prompt_style;
    request.generation = options.generation;
    Answer answer = std::move(engine_.locate(request, hooks).answers.front());
    answer.video.path = video.name;
    if (finished_) finished_(answer.timing, answer.usage, answer.reuse);
    json = answer_json(answer, options.time_format);
  } else {
    DescribeRequest request;
    request.media = {{file, false}};
    request.messages = one_turn("", job.query, request.media);
    request.sampling = options.sampling;
    request.generation = options.generation;
    const Description description = engine_.describe(request, hooks);
    if (finished_) finished_(description.timing, description.usage, description.reuse);
    json = description_json(description, engine_.model_name());
  }
  if (!options.reasoning) {
    json.erase("reasoning");
    json.erase("reasoning_source");
  }
  json["job_id"] = job.id;
  return json;
}

}  // namespace shijian
