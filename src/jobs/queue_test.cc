#include "jobs/queue.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <set>

#include "jobs/testing.h"

namespace shijian::jobs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Outcome kYes{JobState::kDone, R"({"response":"yes"})"};

JobRequest asked_by(const std::string& client, const std::string& query, int priority = 0,
                    const std::string& group = "") {
  JobRequest request = request_for(query);
  request.client = client;
  request.priority = priority;
  request.group = group;
  return request;
}

// What a subscriber was told, as short lines: "queued", "running encoding 1/2", "whole ab" (all of
// the answer so far), "text c", "done".
class Diary {
 public:
  void write(const JobEvent& event) {
    std::string line(job_state_name(event.state));
    if (!event.text.empty()) {
      line = (event.whole ? "whole " : "text ") + event.text;
    } else if (event.state == JobState::kRunning) {
      line +=
          fmt::format(" {} {}/{}", event.progress.stage, event.progress.done, event.progress.total);
    }
    std::lock_guard lock(mutex_);
    lines_.push_back(line);
    if (event.job) last_ = event.job;
    changed_.notify_all();
  }
  JobQueue::Callback callback() {
    return [this](const JobEvent& event) { write(event); };
  }
  // Waits for that many lines, at most ten seconds.
  std::vector<std::string> lines(size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return lines_.size() >= count; });
    return lines_;
  }
  std::shared_ptr<const Job> last() const {
    std::lock_guard lock(mutex_);
    return last_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
  std::shared_ptr<const Job> last_;
};

class QueueTest : public FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    open();
  }
  void TearDown() override {
    queue_.reset();
    store_.reset();
    FolderTest::TearDown();
  }
  void open(JobQueue::Options options = {.capacity = 100, .max_batch = 3}) {
    queue_.reset();
    store_.reset();
    store_.emplace(path(), [this] { return now_.load(); });
    queue_.emplace(*store_, options);
  }
  std::string submit(const JobRequest& request) { return queue_->submit({request}).jobs.at(0).id; }
  std::string submit(const std::string& query) { return submit(request_for(query)); }
  std::vector<std::string> take() {
    std::vector<std::string> queries;
    for (const Job& job : queue_->take({})) queries.push_back(job.query);
    return queries;
  }
  // Takes and finishes everything; the queries in the order of their turns.
  std::vector<std::string> run_all() {
    std::vector<std::string> order;
    while (queue_->statistics().queued > 0) {
      for (const Job& job : queue_->take({})) {
        if (!queue_->begin(job.id)) continue;
        order.push_back(job.query);
        queue_->finish(job.id, kYes);
      }
    }
    return order;
  }

  std::atomic<int64_t> now_ = 1'700'000'000'000;
  std::optional<Store> store_;
  std::optional<JobQueue> queue_;
};

TEST_F(QueueTest, HigherPriorityFirstThenOldest) {
  submit(asked_by("a", "1"));
  submit(asked_by("a", "2", 5));
  submit(asked_by("a", "3", -5));
  submit(asked_by("a", "4", 5));
  EXPECT_THAT(run_all(), ElementsAre("2", "4", "1", "3"));
}

TEST_F(QueueTest, ClientsTakeTurns) {
  for (int i = 0; i < 4; ++i) submit(asked_by("hungry", fmt::format("h{}", i)));
  submit(asked_by("a", "a0"));
  submit(asked_by("z", "z0"));
  submit(asked_by("a", "a1"));
  EXPECT_THAT(run_all(), ElementsAre("a0", "h0", "z0", "a1", "h1", "h2", "h3"));
}

TEST_F(QueueTest, ALateClientDoesNotWaitForAnEarlyOnesBacklog) {
  for (int i = 0; i < 50; ++i) submit(asked_by("early", "e"));
  const auto finish_one = [this] {
    const Job job = queue_->take({}).at(0);
    queue_->begin(job.id);
    queue_->finish(job.id, kYes);
    return job.query;
  };
  finish_one();
  submit(asked_by("late", "l"));
  EXPECT_EQ(finish_one(), "l");
  EXPECT_EQ(finish_one(), "e");
}

TEST_F(QueueTest, QuestionsOfOneGroupRunTogether) {
  submit(asked_by("a", "1", 0, "v1"));
  submit(asked_by("b", "2", 0, "v2"));
  submit(asked_by("b", "3", 0, "v1"));
  submit(asked_by("c", "4", -3, "v1"));
  submit(asked_by("c", "5", -2, "v1"));
  submit(asked_by("d", "6"));
  submit(asked_by("d", "7"));
  EXPECT_THAT(take(), ElementsAre("1", "3", "5"));  // at most three, by priority
  EXPECT_THAT(run_all(), ElementsAre("2", "6", "1", "3", "5", "7", "4"));
}

TEST_F(QueueTest, TheQueueIsBounded) {
  open({.capacity = 2, .max_batch = 3});
  const std::string id = submit("1");
  EXPECT_THROW(queue_->submit({request_for("2"), request_for("3")}), QueueFullError);
  submit("2");
  EXPECT_THROW(submit("3"), QueueFullError);
  queue_->take({});
  queue_->begin(id);  // what runs does not wait
  submit("3");
  EXPECT_THROW(submit("4"), QueueFullError);
  EXPECT_EQ(queue_->statistics().queued, 2);
}

TEST_F(QueueTest, TakeWaitsForAJob) {
  auto taken = std::async(std::launch::async, [this] { return take(); });
  EXPECT_EQ(taken.wait_for(std::chrono::milliseconds(150)), std::future_status::timeout);
  submit("1");
  EXPECT_THAT(taken.get(), ElementsAre("1"));
}

TEST_F(QueueTest, TakeCanBeCancelled) {
  std::stop_source source;
  auto taken = std::async(std::launch::async, [&] { return queue_->take(source.get_token()); });
  source.request_stop();
  EXPECT_THAT(taken.get(), IsEmpty());
}

TEST_F(QueueTest, TakeReturnsForOtherWorkToo) {
  std::atomic<bool> other{false};
  auto taken = std::async(std::launch::async,
                          [&] { return queue_->take({}, [&] { return other.load(); }); });
  EXPECT_EQ(taken.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  other = true;
  queue_->wake();
  EXPECT_THAT(taken.get(), IsEmpty());
  submit("1");  // jobs go before
  EXPECT_THAT(queue_->take({}, [] { return true; }), testing::SizeIs(1));
}

TEST_F(QueueTest, AQueuedJobIsCancelledAtOnce) {
  const std::string id = submit("1");
  EXPECT_EQ(take().size(), 1u);
  EXPECT_EQ(queue_->cancel(id).state, JobState::kCancelled);
  EXPECT_FALSE(queue_->begin(id));
  EXPECT_THROW(queue_->cancel(id), ConflictError);
  EXPECT_THROW(queue_->finish(id, kYes), ConflictError);
  EXPECT_THROW(queue_->cancel("none"), Error);
}

TEST_F(QueueTest, ARunningJobIsAskedToStop) {
  const std::string id = submit("1");
  const JobQueue::Begun begun = queue_->begin(id).value();
  EXPECT_FALSE(begun.cancel.stop_requested());
  EXPECT_EQ(queue_->cancel(id).state, JobState::kRunning);
  EXPECT_TRUE(begun.cancel.stop_requested());
  EXPECT_EQ(queue_->finish(id, {}).state, JobState::kCancelled);
  EXPECT_THROW(queue_->finish(id, kYes), ConflictError);
  queue_->retry(id);
  EXPECT_FALSE(queue_->begin(id)->cancel.stop_requested());  // asked of the attempt before
}

TEST_F(QueueTest, AJobThatIsPutBackComesAgain) {
  const std::string id = submit("1");
  queue_->begin(id);
  queue_->release(id);
  EXPECT_EQ(take().size(), 1u);
  EXPECT_EQ(queue_->begin(id)->job.attempts, 2);
  queue_->cancel(id);
  queue_->release(id);  // nobody wants it any more
  EXPECT_EQ(store_->job(id).state, JobState::kCancelled);
}

TEST_F(QueueTest, WhatWaitedBeforeARestartWaitsAfterIt) {
  submit("1");
  const std::string running = submit("2");
  queue_->begin(running);
  open();
  EXPECT_EQ(queue_->recovery().requeued, 1);
  EXPECT_EQ(queue_->statistics().queued, 2);
  EXPECT_THAT(run_all(), ElementsAre("1", "2"));
}

TEST_F(QueueTest, SubmittingTwiceWithOneKeyIsOnce) {
  const IdempotencyKey key{"k", "c", "h"};
  const auto first = queue_->submit({request_for("1")}, key);
  run_all();
  EXPECT_EQ(queue_->submit({request_for("1")}, key).jobs.at(0).state, JobState::kDone);
  EXPECT_EQ(queue_->statistics().queued, 0);
}

TEST_F(QueueTest, CountsForTheMetrics) {
  submit("1");
  now_ += 2500;
  const std::string running = submit("2"), cancelled = submit("3"), failed = submit("4");
  queue_->cancel(cancelled);
  queue_->begin(failed);
  queue_->finish(failed, {JobState::kFailed, "{}"});
  queue_->begin(running);
  const auto statistics = queue_->statistics();
  EXPECT_EQ(statistics.queued, 1);
  EXPECT_EQ(statistics.running, 1);
  EXPECT_EQ(statistics.capacity, 100);
  EXPECT_EQ(statistics.oldest_seconds, 2.5);
  EXPECT_EQ(statistics.done, 0);
  EXPECT_EQ(statistics.failed, 1);
  EXPECT_EQ(statistics.cancelled, 1);
  run_all();
  EXPECT_EQ(queue_->statistics().oldest_seconds, 0);
}

TEST_F(QueueTest, ASubscriberIsToldOfEveryChangeInOrder) {
  Diary diary;
  const std::string id = submit("1");
  queue_->subscribe(id, diary.callback());
  queue_->begin(id);
  queue_->progress(id, {"encoding", 1, 2});
  queue_->text(id, "a");
  queue_->text(id, "b");
  queue_->finish(id, kYes);
  queue_->progress(id, {"answering", 0, 0});  // too late
  queue_->text(id, "c");
  submit("another's");
  EXPECT_THAT(diary.lines(6), ElementsAre("queued", "running probing 0/0", "running encoding 1/2",
                                          "whole a", "text b", "done"));
  EXPECT_EQ(diary.last()->result, kYes.json);
}

TEST_F(QueueTest, ALateSubscriberIsToldThePresentStateFirst) {
  const std::string id = submit("1");
  queue_->begin(id);
  queue_->progress(id, {"answering", 3, 9});
  queue_->text(id, "so ");
  queue_->text(id, "far");
  EXPECT_EQ(queue_->progress(id).done, 3);
  Diary late, all;
  queue_->subscribe(id, late.callback());
  queue_->subscribe_all(all.callback());
  queue_->text(id, "!");
  EXPECT_THAT(late.lines(3), ElementsAre("running answering 3/9", "whole so far", "text !"));
  queue_->finish(id, kYes);
  EXPECT_EQ(all.lines(4).back(), "done");
  EXPECT_EQ(queue_->progress(id).stage, "");
  Diary after;
  queue_->subscribe(id, after.callback());
  EXPECT_THAT(after.lines(1), ElementsAre("done"));
  EXPECT_EQ(after.last()->id, id);
  EXPECT_THROW(queue_->subscribe("none", after.callback()), Error);
}

TEST_F(QueueTest, SubscribersHearOfRetriesAndDeletions) {
  const std::string id = submit("1");
  queue_->cancel(id);
  Diary diary;
  queue_->subscribe(id, diary.callback());
  queue_->retry(id);
  queue_->remove(id);
  EXPECT_THAT(diary.lines(3), ElementsAre("cancelled", "queued", "cancelled"));
  EXPECT_THROW(store_->job(id), Error);
  EXPECT_EQ(queue_->statistics().queued, 0);
}

TEST_F(QueueTest, ASubscriberMayLeaveFromItsOwnCallback) {
  const std::string id = submit("1");
  std::promise<int64_t> number;
  std::shared_future<int64_t> mine = number.get_future().share();
  std::atomic<int> calls = 0;
  number.set_value(queue_->subscribe_all([&, mine](const JobEvent&) {
    ++calls;
    queue_->unsubscribe(mine.get());
  }));
  Diary witness;
  queue_->subscribe_all(witness.callback());
  queue_->begin(id);
  queue_->finish(id, kYes);
  witness.lines(3);
  EXPECT_EQ(calls, 1);
  queue_->unsubscribe(mine.get());  // a second time is no harm
}

TEST_F(QueueTest, ACallbackMayUseTheQueue) {
  Diary diary;
  queue_->subscribe_all([&](const JobEvent& event) {
    diary.write(event);
    if (event.state == JobState::kDone) queue_->cancel(submit("follow-up"));
  });
  const std::string id = submit("1");
  queue_->begin(id);
  queue_->finish(id, kYes);
  EXPECT_THAT(diary.lines(5),
              ElementsAre("queued", "running probing 0/0", "done", "queued", "cancelled"));
}

TEST_F(QueueTest, ASlowSubscriberDoesNotHoldUpTheEngine) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  Diary diary;
  queue_->subscribe_all([&, released](const JobEvent& event) {
    released.wait();
    diary.write(event);
  });
  const std::string id = submit("1");
  queue_->begin(id);
  for (int i = 0; i < 1000; ++i) queue_->progress(id, {"encoding", i, 1000});
  queue_->finish(id, kYes);  // reached though the callback has not returned once
  release.set_value();
  EXPECT_EQ(diary.lines(1003).size(), 1003u);
}

TEST_F(QueueTest, WhatACallbackOwnsGoesWithTheSubscription) {
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = owned;
  const int64_t number = queue_->subscribe_all([owned = std::move(owned)](const JobEvent&) {});
  EXPECT_FALSE(watch.expired());
  queue_->unsubscribe(number);
  EXPECT_TRUE(watch.expired());
}

// Clients submit, cancel, retry and watch while the engine works: every job ends, each attempt
// once, and whoever watches one job sees its ends in order.
TEST_F(QueueTest, EveryJobEndsUnderLoad) {
  constexpr int kClients = 3, kJobs = 30;
  std::atomic<int> ends_told = 0, ends_wanted = kClients * kJobs;
  queue_->subscribe_all([&](const JobEvent& event) { ends_told += event.job != nullptr; });
  std::stop_source stop;
  int finished = 0;
  std::thread engine([&] {
    for (;;) {
      const std::vector<Job> batch = queue_->take(stop.get_token());
      if (batch.empty()) return;
      for (const Job& job : batch) {
        const auto begun = queue_->begin(job.id);
        if (!begun) continue;
        queue_->progress(job.id, {"answering", 0, 1});
        queue_->text(job.id, "x");
        std::this_thread::yield();
        queue_->finish(job.id, begun->cancel.stop_requested() ? Outcome{} : kYes);
        ++finished;
      }
    }
  });
  std::atomic<int> cancelled = 0;
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&, c] {
      for (int i = 0; i < kJobs; ++i) {
        const std::string id = submit(asked_by(std::to_string(c), "q", i % 3, "v"));
        const int64_t number = queue_->subscribe(id, [](const JobEvent&) {});
        if (i % 2 == 0) {
          try {
            if (queue_->cancel(id).state == JobState::kCancelled) ++cancelled;
            if (i % 4 == 0) {
              queue_->retry(id);
              ++ends_wanted;
            }
          } catch (const ConflictError&) {  // it ended before, or has not stopped yet
          }
        }
        queue_->unsubscribe(number);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  while (queue_->statistics().queued + queue_->statistics().running > 0) std::this_thread::yield();
  stop.request_stop();
  engine.join();
  for (int i = 0; i < 1000 && ends_told < ends_wanted; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const auto statistics = queue_->statistics();
  EXPECT_EQ(ends_told, ends_wanted);
  EXPECT_EQ(finished + cancelled, ends_wanted);
  EXPECT_EQ(statistics.done + statistics.cancelled + statistics.failed, ends_wanted);
  for (const Job& job : store_->jobs({}, {1000, ""}).items) EXPECT_TRUE(has_ended(job.state));
}

}  // namespace
}  // namespace shijian::jobs
