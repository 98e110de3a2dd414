#include "server/worker.h"

#include <chrono>

#include "base/error.h"
#include "base/log.h"
#include "engine/chat_parts.h"
#include "engine/description_json.h"
#include "jobs/job_error.h"
#include "server/executor.h"
#include "server/job_options.h"
#include "server/views.h"

namespace shijian::server {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kBetweenReports = std::chrono::milliseconds(50);

void log_ended(const jobs::Job& job, const jobs::Outcome& outcome, double seconds) {
  OrderedJson fields = {{"job", job.id},
                        {"video", job.video_name},
                        {"state", jobs::job_state_name(outcome.state)},
                        {"seconds", thousandths(seconds)}};
  const bool failed = outcome.state == jobs::JobState::kFailed;
  if (failed) {
    fields.update(job_error_json(jobs::read_job_error(outcome.json), Language::kEnglish));
  }
  log_event(failed ? LogLevel::kWarning : LogLevel::kInfo, "job_ended", fields);
}

}  // namespace

Worker::Worker(engine::Engine& engine, jobs::JobQueue& queue, EngineCalls& calls, Library& library,
               Finished finished, CrashNote* crash_note)
    : engine_(engine),
      queue_(queue),
      calls_(calls),
      library_(library),
      finished_(std::move(finished)),
      crash_note_(crash_note),
      thread_([this](const std::stop_token& stop) { loop(stop); }) {}

Worker::~Worker() {
  thread_.request_stop();
  calls_.stop();
  thread_.join();
}

void Worker::loop(const std::stop_token& stop) {
  const SignalStack signal_stack;
  Backoff backoff;
  while (!stop.stop_requested()) {
    try {
      take_turns(stop);
      backoff.reset();
    } catch (const std::exception& error) {
      pause(error, backoff, stop);
    }
  }
}

// A call waits for one job at most, and a job for one call: neither kind can starve the other.
void Worker::take_turns(const std::stop_token& stop) {
  const std::vector<jobs::Job> jobs = queue_.take(stop, [this] { return calls_.waiting(); });
  calls_.run_next();
  for (const jobs::Job& waiting : jobs) {
    if (stop.stop_requested()) return;
    // Jobs of one batch share a video and its sampling: the engine's caches keep what the first
    // has computed for the others.
    if (const auto begun = queue_.begin(waiting.id)) run(begun->job, begun->cancel, stop);
    calls_.run_next();
  }
}

// Calls need no store: they are answered meanwhile.
void Worker::pause(const std::exception& error, Backoff& backoff, const std::stop_token& stop) {
  const auto duration = backoff.next();
  log_event(LogLevel::kError, "jobs_wait",
            {{"message", error.what()}, {"milliseconds", duration.count()}});
  const auto end = Clock::now() + duration;
  while (calls_.wait_until(end, stop) && Clock::now() < end) calls_.run_next();
}

// Writes to the store until it takes it. When the program stops first, the job is queued again at
// the next start.
void Worker::settle(const jobs::Job& job, const std::stop_token& stop,
                    const std::function<void()>& write) {
  Backoff backoff;
  do {
    try {
      write();
      return;
    } catch (const jobs::StoreError& error) {
      if (error.code() == ErrorCode::kInternal) throw;  // it would be refused for ever
      pause(error, backoff, stop);
    } catch (const jobs::ConflictError& error) {  // it has ended otherwise
      log_event(LogLevel::kWarning, "job_not_ended",
                {{"job", job.id}, {"message", error.message()}});
      return;
    }
  } while (!stop.stop_requested());
}

void Worker::run(const jobs::Job& job, const std::stop_token& cancel, const std::stop_token& stop) {
  std::stop_source either;
  const std::stop_callback on_cancel(cancel, [&either] { either.request_stop(); });
  const std::stop_callback on_stop(stop, [&either] { either.request_stop(); });
  engine::RunHooks hooks;
  hooks.cancel = either.get_token();
  std::string stage;
  // Not yet sent: a small model writes faster than hundreds of streams can follow.
  std::string text;
  Clock::time_point reported{}, sent{};
  const auto send_text = [&] {
    if (!text.empty()) queue_.text(job.id, text);
    text.clear();
    sent = Clock::now();
  };
  hooks.progress = [&](const engine::Progress& p) {
    text += p.text;
    const auto now = Clock::now();
    if (now - sent >= kBetweenReports) send_text();
    if (p.stage == stage && now - reported < kBetweenReports && p.done != p.total) return;
    stage = p.stage;
    reported = now;
    queue_.progress(job.id, {stage, p.done, p.total});
  };
  const auto begun = Clock::now();
  jobs::Outcome outcome;
  try {
    const CrashNote::Work work(crash_note_, job.id);
    const OrderedJson result = answer(job, hooks);
    outcome = {jobs::JobState::kDone, write_json(result)};
  } catch (
      const jobs::StoreError&) {  // no fault of the job's: it waits for the store to work again
    settle(job, stop, [&] { queue_.release(job.id); });
    throw;
  } catch (...) {
    const Error error = caught_error("the job"_text, "use fewer or smaller frames"_text);
    if (error.code() == ErrorCode::kCancelled) {
      if (stop.stop_requested() && !cancel.stop_requested()) {
        settle(job, stop, [&] { queue_.release(job.id); });
        return;
      }
      outcome = {jobs::JobState::kCancelled, {}};
    } else {
      outcome = {jobs::JobState::kFailed,
                 jobs::write_job_error(without_folder(error, library_.folder()))};
    }
  }
  send_text();
  settle(job, stop, [&] { queue_.finish(job.id, outcome); });
  log_ended(job, outcome, std::chrono::duration<double>(Clock::now() - begun).count());
}

OrderedJson Worker::answer(const jobs::Job& job, const engine::RunHooks& hooks) {
  const JobOptions options =
      read_job_options(job.options.empty() ? Json() : parse_json(job.options, "the database"_text));
  const jobs::Video video = job.video_id.empty() ? library_.find(job.video_name, hooks.cancel)
                                                 : library_.get(job.video_id, hooks.cancel);
  if (job.video_id.empty()) queue_.set_video(job.id, video.id);
  const std::filesystem::path file = library_.file_of(video);
  OrderedJson json;
  Language language = Language::kEnglish;
  if (options.grounding) {
    engine::LocateRequest request;
    request.video = file;
    request.questions = {job.query};
    request.sampling = options.sampling;
    request.prompt_style = options.prompt_style;
    request.generation = options.generation;
    request.effort = options.effort;
    request.precision = options.precision;
    request.why = options.reasoning.value_or(false);
    request.budget = options.budget;
    request.free_text = options.free_text;
    grounding::Answer answer = std::move(engine_.locate(request, hooks).answers.front());
    answer.video.path = video.name;
    if (finished_) finished_(answer.timing, answer.usage, answer.reuse);
    json = grounding::answer_json(answer, options.time_format);
    language = answer.language;
  } else {
    engine::DescribeRequest request;
    request.media = {{file, false}};
    request.messages = engine::one_turn("", job.query, request.media);
    request.sampling = options.sampling;
    request.generation = options.generation;
    const engine::Description description = engine_.describe(request, hooks);
    if (finished_) finished_(description.timing, description.usage, description.reuse);
    json = engine::description_json(description, engine_.model_name());
    language = description.language;
  }
  if (!options.reasoning.value_or(true)) {
    json.erase("reasoning");
    json.erase("reasoning_source");
  } else if (options.reasoning && !json.contains("reasoning")) {
    const grounding::Note none{grounding::NoteCode::kNoReasoning};
    for (OrderedJson& note : grounding::notes_json({&none, 1}, language))
      json["notes"].push_back(note);
  }
  json["job_id"] = job.id;
  return json;
}

}  // namespace shijian::server
