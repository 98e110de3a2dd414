#include "jobs/store.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>

#include "jobs/schema.h"
#include "jobs/store_faults.h"
#include "jobs/store_fixture.h"

namespace shijian::jobs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(StoreTest, AJobComesBackAsItWasSubmitted) {
  JobRequest request = request_for("When does 狗 jump?");
  request.options = R"({"seed":1})";
  request.priority = -10;
  request.client = "10.0.0.1";
  request.group = "v1/2fps";
  request.webhook_url = "https://example.org/x";
  request.webhook_secret = "s3cret";
  const std::string id = add(request).id;
  EXPECT_EQ(id.size(), 12u);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz"), std::string::npos);
  open();
  const Job job = store_->job(id);
  EXPECT_EQ(job.id, id);
  EXPECT_EQ(job.state, JobState::kQueued);
  EXPECT_EQ(job.video_id, "v1");
  EXPECT_EQ(job.video_name, "yard.mp4");
  EXPECT_EQ(job.query, request.query);
  EXPECT_EQ(job.options, request.options);
  EXPECT_EQ(job.priority, -10);
  EXPECT_EQ(job.client, "10.0.0.1");
  EXPECT_EQ(job.group, "v1/2fps");
  EXPECT_EQ(job.webhook_url, request.webhook_url);
  EXPECT_EQ(job.webhook_secret, "s3cret");
  EXPECT_EQ(job.created, now_);
  EXPECT_EQ(job.started, 0);
  EXPECT_EQ(job.attempts, 0);
  EXPECT_EQ(job.result, "");
}

TEST_F(StoreTest, ManyAreAddedOrNone) {
  JobRequest bad = request_for("b");
  bad.priority = 11;
  EXPECT_THROW(store_->add({request_for("a"), bad}, kRoom), Error);
  add("x");
  EXPECT_THROW(store_->add({request_for("a"), request_for("b")}, 2), QueueFullError);
  EXPECT_EQ(store_->jobs({}, {}).total, 1);
  EXPECT_EQ(store_->add({request_for("a"), request_for("b")}, 3).jobs.size(), 2u);
}

TEST_F(StoreTest, AJobRunsAndEnds) {
  const std::string id = add("a").id;
  now_ += 1000;
  const Job running = store_->claim(id).value();
  EXPECT_EQ(running.state, JobState::kRunning);
  EXPECT_EQ(running.started, now_);
  EXPECT_EQ(running.attempts, 1);
  EXPECT_FALSE(store_->claim(id));
  now_ += 1000;
  const Job done = store_->finish(id, 1, kDone);
  EXPECT_EQ(done.state, JobState::kDone);
  EXPECT_EQ(done.finished, now_);
  EXPECT_EQ(done.result, kDone.json);
  EXPECT_EQ(done.error, "");
  EXPECT_THROW(store_->finish(id, 1, kFailed), ConflictError);
  EXPECT_EQ(store_->job(id).result, kDone.json);
  EXPECT_THROW(store_->finish("none", 1, kDone), Error);
}

TEST_F(StoreTest, AnOlderAttemptCannotEndANewerOne) {
  const std::string id = add("a").id;
  store_->claim(id);
  store_->release(id, 1);
  EXPECT_THROW(store_->finish(id, 1, kDone), ConflictError);  // it waits
  EXPECT_EQ(store_->claim(id)->attempts, 2);
  EXPECT_THROW(store_->finish(id, 1, kDone), ConflictError);  // another's
  EXPECT_EQ(store_->finish(id, 2, kFailed).error, kFailed.json);
}

TEST_F(StoreTest, OfManyThreadsOneClaimsAndOneFinishes) {
  Store second(path());
  for (int round = 0; round < 20; ++round) {
    const std::string id = add("a").id;
    std::atomic<int> claimed = 0, finished = 0, refused = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        Store& store = i % 2 == 0 ? *store_ : second;
        if (store.claim(id)) ++claimed;
        try {
          store.finish(id, 1, kDone);
          ++finished;
        } catch (const ConflictError&) {
          ++refused;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(claimed, 1);
    EXPECT_EQ(finished, 1);
    EXPECT_EQ(refused, 3);
  }
}

TEST_F(StoreTest, OfTwoProcessesOneFinishesEachJob) {
  constexpr int kJobs = 40;
  std::vector<std::string> ids;
  for (int i = 0; i < kJobs; ++i) {
    ids.push_back(add("a").id);
    store_->claim(ids.back());
  }
  store_.reset();
  int pipes[2];
  ASSERT_EQ(::pipe(pipes), 0);
  pid_t children[2];
  for (int self = 0; self < 2; ++self) {
    children[self] = start_child([&, self] {
      Store store(path());
      const Outcome mine{JobState::kDone, fmt::format(R"({{"by":{}}})", self)};
      for (const std::string& id : ids) {
        try {
          store.finish(id, 1, mine);
          if (::write(pipes[1], self == 0 ? "0" : "1", 1) != 1) return false;
        } catch (const ConflictError&) {
        }
      }
      return true;
    });
  }
  for (const pid_t child : children) EXPECT_EQ(wait_for_child(child), 0);
  ::close(pipes[1]);
  std::string told(1000, ' ');
  told.resize(static_cast<size_t>(::read(pipes[0], told.data(), told.size())));
  ::close(pipes[0]);
  open();
  const auto by_zero = std::count(told.begin(), told.end(), '0');
  int64_t stored_by_zero = 0;
  for (const std::string& id : ids) stored_by_zero += store_->job(id).result == R"({"by":0})";
  EXPECT_EQ(told.size(), static_cast<size_t>(kJobs));
  EXPECT_EQ(by_zero, stored_by_zero);
}

TEST_F(StoreTest, RetryPutsAnEndedJobBack) {
  EXPECT_THROW(store_->retry(finished("a").id, kRoom), ConflictError);
  const Job failed = finished("b", kFailed);
  add("c");
  EXPECT_THROW(store_->retry(failed.id, 1), QueueFullError);
  const Job again = store_->retry(failed.id, 2);
  EXPECT_EQ(again.state, JobState::kQueued);
  EXPECT_EQ(again.error, "");
  EXPECT_EQ(again.finished, 0);
  EXPECT_EQ(store_->claim(again.id)->attempts, 2);
  EXPECT_THROW(store_->retry("none", kRoom), Error);
}

TEST_F(StoreTest, DeletesWhatDoesNotRun) {
  const std::string id = add("a").id;
  store_->claim(id);
  EXPECT_THROW(store_->remove(id), ConflictError);
  store_->finish(id, 1, kDone);
  EXPECT_EQ(store_->remove(id).result, kDone.json);
  EXPECT_THROW(store_->job(id), Error);
  try {
    store_->remove(id);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  }
}

TEST_F(StoreTest, KeepsCorrections) {
  const std::string id = finished("a").id;
  EXPECT_EQ(store_->set_corrections(id, R"({"events":[]})").corrections, R"({"events":[]})");
  EXPECT_EQ(store_->job(id).result, kDone.json);
  EXPECT_EQ(store_->set_corrections(id, "").corrections, "");
  EXPECT_THROW(store_->set_corrections("none", "{}"), Error);
}

TEST_F(StoreTest, ARepeatedKeyGivesTheFirstJobs) {
  const IdempotencyKey key{"k", "client", "hash"};
  const auto first = store_->add({request_for("a"), request_for("b")}, 2, key);
  EXPECT_FALSE(first.repeated);
  open();
  const auto again =
      store_->add({request_for("a"), request_for("b")}, 2, key);  // though it is full
  EXPECT_TRUE(again.repeated);
  ASSERT_EQ(again.jobs.size(), 2u);
  EXPECT_EQ(again.jobs[0].id, first.jobs[0].id);
  EXPECT_EQ(again.jobs[1].id, first.jobs[1].id);
  EXPECT_THROW(store_->add({request_for("c")}, kRoom, IdempotencyKey{"k", "client", "other"}),
               ConflictError);
  EXPECT_FALSE(
      store_->add({request_for("c")}, kRoom, IdempotencyKey{"k", "another", "other"}).repeated);
  store_->remove(first.jobs[0].id);
  EXPECT_EQ(store_->add({}, kRoom, key).jobs.size(), 1u);
  now_ += kIdempotencyMilliseconds;
  EXPECT_FALSE(store_->repeated(key));
  EXPECT_FALSE(store_->add({request_for("c")}, kRoom, key).repeated);
}

TEST_F(StoreTest, AKeyOfARefusedRequestIsNotKept) {
  const IdempotencyKey key{"k", "client", "hash"};
  add(request_for("first"));
  EXPECT_THROW(store_->add({request_for("a")}, 1, key), QueueFullError);
  EXPECT_FALSE(store_->add({request_for("a")}, 2, key).repeated);
}

// Waiting would not help.
TEST_F(StoreTest, MoreThanTheWholeQueueIsNotAFullQueue) {
  try {
    store_->add({request_for("a"), request_for("b"), request_for("c")}, 2);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage) << error.message();
  }
}

TEST_F(StoreTest, AFullDiskLosesNothing) {
  const StoreFaults faults;
  const Job job = store_->claim(add("a").id).value();
  StoreFaults::full = true;
  EXPECT_THROW(store_->finish(job.id, job.attempts, kDone), StoreError);
  EXPECT_THROW(add("b"), StoreError);
  EXPECT_THROW(store_->release(job.id, job.attempts), StoreError);
  EXPECT_EQ(store_->job(job.id).state, JobState::kRunning);
  EXPECT_GT(StoreFaults::refused, 2);
  StoreFaults::full = false;
  EXPECT_EQ(store_->finish(job.id, job.attempts, kDone).state, JobState::kDone);
}

}  // namespace
}  // namespace shijian::jobs
