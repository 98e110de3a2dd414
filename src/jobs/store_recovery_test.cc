// What a program that was killed, or that crashed, left behind.
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>

#include "jobs/schema.h"
#include "jobs/store_fixture.h"

namespace shijian::jobs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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
    EXPECT_TRUE(store.notice().empty());
    EXPECT_EQ(store.recover().requeued, 1);
    EXPECT_EQ(store.claim("old")->query, "what?");
  }
}

TEST_F(StoreTest, ADamagedFileIsReported) {
  store_.reset();
  std::filesystem::resize_file(path(), 10);
  open();
  EXPECT_THAT(store_->notice().english(), HasSubstr("jobs.sqlite.damaged-"));
  add("works");
}

}  // namespace
}  // namespace shijian::jobs
