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

TEST_F(StoreTest, ListsByFilter) {
  JobRequest other = request_for("Cat 100%");
  other.video_id = "v2";
  add(other);
  finished("dog");
  add("a_b");
  EXPECT_THAT(queries({}), ElementsAre("a_b", "dog", "Cat 100%"));
  EXPECT_THAT(queries({JobState::kQueued, "", ""}), ElementsAre("a_b", "Cat 100%"));
  EXPECT_THAT(queries({{}, "v2", ""}), ElementsAre("Cat 100%"));
  EXPECT_THAT(queries({JobState::kDone, "v2", ""}), IsEmpty());
  EXPECT_THAT(queries({{}, "", "cAT"}), ElementsAre("Cat 100%"));
  EXPECT_THAT(queries({{}, "", "%"}), ElementsAre("Cat 100%"));  // no wildcard
  EXPECT_THAT(queries({{}, "", "_"}), ElementsAre("a_b"));
  EXPECT_THAT(queries({{}, "", "1 to 2"}), ElementsAre("dog"));  // in the response
  EXPECT_THAT(queries({{}, "", "response"}), IsEmpty());         // not in the JSON around it
  EXPECT_EQ(store_->jobs({{}, "", "dog"}, {}).total, 1);
  add("狗什么时候跳?");
  EXPECT_THAT(queries({{}, "", "时候"}), ElementsAre("狗什么时候跳?"));
}

TEST_F(StoreTest, PagesStayInPlaceWhileJobsAreAddedAndDeleted) {
  std::vector<std::string> ids;
  for (int i = 0; i < 25; ++i) ids.push_back(add(std::to_string(i)).id);
  std::vector<std::string> seen;
  PageRequest page{10, ""};
  int pages = 0;
  do {
    const Page<Job> result = store_->jobs({}, page);
    for (const Job& job : result.items) seen.push_back(job.query);
    page.cursor = result.next;
    add("new " + std::to_string(pages));
    if (pages == 0) store_->remove(ids[15]);  // the one that the cursor names
    ++pages;
  } while (!page.cursor.empty());
  EXPECT_EQ(pages, 3);
  ASSERT_EQ(seen.size(), 25u);
  for (int i = 0; i < 25; ++i) EXPECT_EQ(seen[i], std::to_string(24 - i));
}

TEST_F(StoreTest, TheLastPageSaysSo) {
  for (int i = 0; i < 4; ++i) add("a");
  const Page<Job> first = store_->jobs({}, {2, ""});
  const Page<Job> second = store_->jobs({}, {2, first.next});
  EXPECT_EQ(first.total, 4);
  EXPECT_EQ(second.items.size(), 2u);
  EXPECT_EQ(second.next, "");
  for (const char* cursor : {"x", "-1", "1x", "99999999999999999999"}) {
    EXPECT_THROW(store_->jobs({}, {2, cursor}), Error) << cursor;
  }
  EXPECT_THROW(store_->jobs({}, {0, ""}), Error);
  EXPECT_THROW(store_->jobs({}, {1001, ""}), Error);
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

TEST_F(StoreTest, AJobThatTheProgramCrashedAtIsTriedOnceMore) {
  JobRequest request = request_for("poison");
  request.webhook_url = "https://example.org";
  const std::string poison = add(request).id;
  const std::string waiting = add("innocent").id;
  const Job done = finished("done");
  EXPECT_EQ(store_->claim(poison)->attempts, 1);
  open();
  const Store::Recovery recovery = store_->recover(poison);
  EXPECT_EQ(recovery.requeued, 1);
  EXPECT_EQ(recovery.failed, 0);
  const Job job = store_->job(poison);
  EXPECT_EQ(job.state, JobState::kQueued);
  EXPECT_EQ(job.attempts, 1);
  EXPECT_EQ(job.started, 0);
  store_->claim(poison);
  open();
  EXPECT_EQ(store_->recover(poison).failed, 1);
  const Job failed = store_->job(poison);
  EXPECT_EQ(failed.state, JobState::kFailed);
  EXPECT_EQ(failed.finished, now_);
  EXPECT_THAT(failed.error, HasSubstr("crashed twice"));
  EXPECT_EQ(store_->due_webhooks(10).size(), 1u);
  EXPECT_EQ(store_->job(waiting).attempts, 0);
  EXPECT_EQ(store_->job(done.id).state, JobState::kDone);
  // A person may insist: then it has two lives again.
  store_->retry(poison, kRoom);
  store_->claim(poison);
  EXPECT_EQ(store_->recover(poison).requeued, 1);
}

// The whole server was killed, or something else in it crashed: that says nothing about the job.
TEST_F(StoreTest, AKillCountsAgainstNoJob) {
  const std::string id = add("sound").id, other = add("other").id;
  for (int kill = 1; kill <= 5; ++kill) {
    store_->claim(id);
    open();
    const Store::Recovery recovery = store_->recover(kill == 3 ? other : "");
    EXPECT_EQ(recovery.requeued, 1);
    EXPECT_EQ(recovery.failed, 0);
  }
  EXPECT_EQ(store_->job(id).state, JobState::kQueued);
}

TEST_F(StoreTest, AJobThatCrashedIsTriedAlone) {
  JobRequest request = request_for("poison");
  request.group = "one video";
  const std::string poison = add(request).id;
  add(request);
  add(request);
  EXPECT_EQ(store_->choose("", 16).size(), 3u);
  store_->claim(poison);
  store_->recover(poison);
  const std::vector<Job> alone = store_->choose("", 16);
  ASSERT_EQ(alone.size(), 1u);
  EXPECT_EQ(alone[0].id, poison);
  store_->claim(poison);
  EXPECT_EQ(store_->choose("", 16).size(), 2u);
  add(request);  // and comes with no other that is chosen first
  store_->release(poison, 2);
  for (const Job& job : store_->choose("", 16)) store_->cancel_queued(job.id);
  EXPECT_EQ(store_->choose("", 16).size(), 3u);
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

TEST_F(StoreTest, PuttingBackIsNoCrash) {
  const std::string id = add("a").id;
  for (int i = 1; i < 6; ++i) {
    store_->claim(id);
    EXPECT_EQ(store_->release(id, i).state, JobState::kQueued);
    EXPECT_EQ(store_->recover().requeued, 0);
  }
  EXPECT_THROW(store_->release(id, 5), ConflictError);
}

TEST_F(StoreTest, OneProcessRunsTheJobsUntilItIsGone) {
  store_.reset();
  int pipes[2];
  ASSERT_EQ(::pipe(pipes), 0);
  const pid_t child = start_child([&] {
    Store store(path());
    store.recover();
    if (::write(pipes[1], "r", 1) != 1) return false;
    ::pause();
    return true;
  });
  char ready = 0;
  ASSERT_EQ(::read(pipes[0], &ready, 1), 1);
  open();
  try {
    store_->recover();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
  }
  add("others may still add");
  ::kill(child, SIGKILL);
  EXPECT_EQ(wait_for_child(child), -1);
  store_->recover();
  store_->recover();  // a second time is no harm
  ::close(pipes[0]);
  ::close(pipes[1]);
}

// A file of each version that was ever released becomes today's with its jobs.
TEST_F(StoreTest, OpensFilesOfEveryVersion) {
  for (size_t version = 1; version <= job_schema().size(); ++version) {
    const auto file = folder_ / fmt::format("version{}", version);
    prepare_database(file, kJobDatabaseMark, job_schema().first(version));
    Database(file).script(
        "INSERT INTO jobs(id, state, priority, client, batch, created, webhook_url, "
        "webhook_secret, video_id, video_name, query, options) VALUES "
        "('old', 'running', 1, 'c', 'g', 5, '', '', 'v', 'v.mp4', 'what?', '{}')");
    Store store(file);
    EXPECT_EQ(store.notice(), "");
    EXPECT_EQ(store.recover().requeued, 1);
    EXPECT_EQ(store.claim("old")->query, "what?");
  }
}

TEST_F(StoreTest, ADamagedFileIsReported) {
  store_.reset();
  std::filesystem::resize_file(path(), 10);
  open();
  EXPECT_THAT(store_->notice(), HasSubstr("jobs.sqlite.damaged-"));
  add("works");
}

// Counted in steps of SQLite's machine: a scan of the table would take some 100,000.
TEST_F(StoreTest, TwentyThousandJobsAreNoBurden) {
  std::vector<JobRequest> requests;
  for (int i = 0; i < 20'000; ++i) {
    JobRequest request = request_for("question " + std::to_string(i));
    request.video_id = "v" + std::to_string(i % 500);
    request.group = request.video_id;
    request.client = "client " + std::to_string(i % 10);
    request.priority = i % 3;
    requests.push_back(request);
  }
  const std::string some = store_->add(requests, kRoom).jobs.at(9'000).id;
  const auto cost = [this](const std::function<void()>& action) {
    const int64_t before = store_->steps();
    action();
    return store_->steps() - before;
  };
  const int64_t choose = cost([&] { EXPECT_EQ(store_->choose("client 3", 16).size(), 16u); });
  const int64_t claim = cost([&] { EXPECT_TRUE(store_->claim(some)); });
  const int64_t finish = cost([&] { store_->finish(some, 1, kDone); });
  const int64_t get = cost([&] { store_->job(some); });
  std::string cursor;
  const int64_t first = cost([&] { cursor = store_->jobs({}, {50, ""}).next; });
  const int64_t next = cost([&] { store_->jobs({}, {50, cursor}); });
  const int64_t of_state = cost([&] { store_->jobs({JobState::kDone, "", ""}, {50, ""}); });
  const int64_t of_video = cost([&] { store_->jobs({{}, "v7", ""}, {50, ""}); });
  const int64_t hooks = cost([&] { store_->next_webhook(); });
  std::printf(
      "steps: choose %ld, claim %ld, finish %ld, get %ld, first page %ld, next page %ld, "
      "of a state %ld, of a video %ld, webhooks %ld\n",
      choose, claim, finish, get, first, next, of_state, of_video, hooks);
  for (const int64_t steps : {choose, claim, finish, get, first, next, of_state, of_video, hooks}) {
    EXPECT_GT(steps, 0);
    EXPECT_LT(steps, 3'000);
  }
}

}  // namespace
}  // namespace shijian::jobs
