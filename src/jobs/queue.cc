#include "jobs/queue.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.h"

namespace shijian::jobs {
namespace {

constexpr const char* kWaitingStage = "queued";
constexpr const char* kFirstStage = "probing";

JobEvent event_of_ended(const Job& job) {
  JobEvent event;
  event.id = job.id;
  event.state = job.state;
  event.job = std::make_shared<const Job>(job);
  return event;
}

}  // namespace

JobQueue::JobQueue(Store& store, Options options) : store_(store), options_(std::move(options)) {
  CHECK(options_.capacity > 0 && options_.max_batch > 0, "capacity {}, max_batch {}",
        options_.capacity, options_.max_batch);
  recovery_ = store_.recover(options_.crashed);
  PageRequest request{.limit = 1000, .cursor = {}};
  do {
    const Page<Job> page =
        store_.jobs({.state = JobState::kQueued, .video_id = {}, .search = {}}, request);
    set_queued(page.items);
    request.cursor = page.next;
  } while (!request.cursor.empty());
  deliverer_ = std::jthread([this](const std::stop_token& stop) { deliver(stop); });
}

Store::Added JobQueue::submit(const std::vector<JobRequest>& requests,
                              const std::optional<IdempotencyKey>& key) {
  std::lock_guard change(change_mutex_);
  Store::Added added = store_.add(requests, options_.capacity, key);
  if (!added.repeated) set_queued(added.jobs);
  return added;
}

Job JobQueue::cancel(const std::string& id) {
  std::lock_guard change(change_mutex_);
  if (auto job = store_.cancel_queued(id)) {
    set_ended(*job);
    return *std::move(job);
  }
  Job job = store_.job(id);
  if (has_ended(job.state)) {
    throw ConflictError("cancel job {}: it is {}"_text(id, job_state_text(job.state)));
  }
  std::stop_source running(std::nostopstate);
  {
    std::lock_guard lock(mutex_);
    if (const auto live = live_.find(id); live != live_.end()) running = live->second.cancel;
  }
  // Calls back whoever works on it. Still under change_mutex_, so that no release() comes between
  // and queues the job again: what is called back must not change the queue's jobs.
  running.request_stop();
  return job;
}

Job JobQueue::retry(const std::string& id) {
  std::lock_guard change(change_mutex_);
  Job job = store_.retry(id, options_.capacity);
  set_queued({job});
  return job;
}

void JobQueue::remove(const std::string& id) {
  std::lock_guard change(change_mutex_);
  Job job = store_.remove(id);
  if (has_ended(job.state)) return;
  job.state = JobState::kCancelled;
  job.finished = store_.now();
  set_ended(job);
}

JobProgress JobQueue::progress(const std::string& id) const {
  std::lock_guard lock(mutex_);
  const auto live = live_.find(id);
  return live == live_.end() ? JobProgress{} : live->second.progress;
}

int64_t JobQueue::subscribe(const std::string& id, Callback callback) {
  auto subscriber = std::make_shared<Subscriber>(Subscriber{id, std::move(callback)});
  {
    std::lock_guard lock(mutex_);
    if (live_.contains(id)) return add_subscriber(std::move(subscriber));
  }
  std::lock_guard change(change_mutex_);
  const auto stored = std::make_shared<const JobEvent>(event_of_ended(store_.job(id)));
  std::lock_guard lock(mutex_);
  if (!live_.contains(id)) deliveries_.push_back({subscriber, stored});
  return add_subscriber(std::move(subscriber));
}

int64_t JobQueue::subscribe_all(Callback callback) {
  std::lock_guard lock(mutex_);
  return add_subscriber(std::make_shared<Subscriber>(Subscriber{"", std::move(callback)}));
}

// Under mutex_: nothing can change between the present state and the first change.
int64_t JobQueue::add_subscriber(std::shared_ptr<Subscriber> subscriber) {
  const auto tell = [&](const std::string& id, const Live& live) {
    JobEvent event = event_of(id, live);
    deliveries_.push_back({subscriber, std::make_shared<const JobEvent>(event)});
    if (live.text.empty()) return;
    event.text = live.text;
    event.whole = true;
    deliveries_.push_back({subscriber, std::make_shared<const JobEvent>(std::move(event))});
  };
  if (subscriber->id.empty()) {
    for (const auto& [id, live] : live_) tell(id, live);
  } else if (const auto live = live_.find(subscriber->id); live != live_.end()) {
    tell(live->first, live->second);
  }
  pending_.notify_one();
  subscribers_.emplace(next_subscription_, std::move(subscriber));
  return next_subscription_++;
}

void JobQueue::unsubscribe(int64_t subscription) {
  std::shared_ptr<Subscriber> last;  // what the callback owns goes after the lock
  std::lock_guard lock(mutex_);
  const auto found = subscribers_.find(subscription);
  if (found == subscribers_.end()) return;
  last = std::move(found->second);
  last->gone = true;
  subscribers_.erase(found);
}

JobQueue::Statistics JobQueue::statistics() const {
  const int64_t now = store_.now();
  std::lock_guard lock(mutex_);
  Statistics result = counted_;
  result.capacity = options_.capacity;
  int64_t oldest = now;
  for (const auto& [id, live] : live_) {
    if (live.state == JobState::kRunning) {
      ++result.running;
    } else {
      ++result.queued;
      oldest = std::min(oldest, live.created);
    }
  }
  result.oldest_seconds = static_cast<double>(now - oldest) / 1000;
  return result;
}

std::vector<Job> JobQueue::take(const std::stop_token& stop,
                                const std::function<bool()>& other_work) {
  while (!stop.stop_requested()) {
    uint64_t seen = 0;
    {
      std::lock_guard lock(mutex_);
      seen = arrivals_;
    }
    std::vector<Job> batch = store_.choose(last_client_, options_.max_batch);
    if (!batch.empty()) {
      last_client_ = batch.front().client;
      return batch;
    }
    if (other_work && other_work()) return {};
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, stop, [&] { return arrivals_ != seen; });
  }
  return {};
}

void JobQueue::wake() {
  std::lock_guard lock(mutex_);
  ++arrivals_;
  arrived_.notify_all();
}

std::optional<JobQueue::Begun> JobQueue::begin(const std::string& id) {
  std::lock_guard change(change_mutex_);
  auto job = store_.claim(id);
  if (!job) return {};
  std::lock_guard lock(mutex_);
  Live& live = live_[id];
  live.state = JobState::kRunning;
  live.attempts = job->attempts;
  live.progress.stage = kFirstStage;
  publish(event_of(id, live));
  return Begun{*std::move(job), live.cancel.get_token()};
}

void JobQueue::progress(const std::string& id, JobProgress progress) {
  std::lock_guard lock(mutex_);
  const auto live = live_.find(id);
  if (live == live_.end() || live->second.state != JobState::kRunning) return;
  live->second.progress = std::move(progress);
  publish(event_of(id, live->second));
}

void JobQueue::text(const std::string& id, const std::string& piece) {
  std::lock_guard lock(mutex_);
  const auto live = live_.find(id);
  if (live == live_.end() || live->second.state != JobState::kRunning || piece.empty()) return;
  JobEvent event = event_of(id, live->second);
  event.text = piece;
  event.whole = live->second.text.empty();
  live->second.text += piece;
  publish(std::move(event));
}

Job JobQueue::finish(const std::string& id, const Outcome& outcome) {
  std::lock_guard change(change_mutex_);
  Job job = store_.finish(id, attempt_of(id).number, outcome);
  set_ended(job);
  return job;
}

void JobQueue::set_video(const std::string& id, const std::string& video_id) {
  store_.set_job_video(id, video_id);
}

void JobQueue::release(const std::string& id) {
  std::lock_guard change(change_mutex_);
  const Attempt attempt = attempt_of(id);
  if (attempt.cancelled) {
    set_ended(store_.finish(id, attempt.number, {.state = JobState::kCancelled, .json = {}}));
  } else {
    set_queued({store_.release(id, attempt.number)});
  }
}

JobQueue::Attempt JobQueue::attempt_of(const std::string& id) const {
  std::lock_guard lock(mutex_);
  const auto live = live_.find(id);
  if (live == live_.end() || live->second.state != JobState::kRunning) {
    throw ConflictError("end job {}: it does not run"_text(id));
  }
  return {live->second.attempts, live->second.cancel.stop_requested()};
}

void JobQueue::set_queued(const std::vector<Job>& jobs) {
  std::lock_guard lock(mutex_);
  for (const Job& job : jobs) {
    Live& live = live_[job.id] = Live{};
    live.created = job.created;
    live.progress.stage = kWaitingStage;
    publish(event_of(job.id, live));
  }
  ++arrivals_;
  arrived_.notify_all();
}

void JobQueue::set_ended(const Job& job) {
  std::lock_guard lock(mutex_);
  live_.erase(job.id);
  switch (job.state) {
    case JobState::kDone:
      ++counted_.done;
      break;
    case JobState::kFailed:
      ++counted_.failed;
      break;
    default:
      ++counted_.cancelled;
      break;
  }
  publish(event_of_ended(job));
}

JobEvent JobQueue::event_of(const std::string& id, const Live& live) {
  JobEvent event;
  event.id = id;
  event.state = live.state;
  event.progress = live.progress;
  return event;
}

void JobQueue::publish(JobEvent event) {
  const auto shared = std::make_shared<const JobEvent>(std::move(event));
  for (const auto& [number, subscriber] : subscribers_) {
    if (subscriber->id.empty() || subscriber->id == shared->id) {
      deliveries_.push_back({subscriber, shared});
    }
  }
  pending_.notify_one();
}

void JobQueue::deliver(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  for (;;) {
    pending_.wait(lock, stop, [this] { return !deliveries_.empty(); });
    if (stop.stop_requested()) return;
    Delivery delivery = std::move(deliveries_.front());
    deliveries_.pop_front();
    const bool wanted = !delivery.to->gone;
    lock.unlock();
    try {
      if (wanted) delivery.to->callback(*delivery.event);
    } catch (const std::exception& error) {
      log_event(LogLevel::kError, "event_not_told",
                {{"job", delivery.event->id}, {"message", error.what()}});
    }
    delivery = {};  // may be the last to hold what the callback owns
    lock.lock();
  }
}

}  // namespace shijian::jobs
