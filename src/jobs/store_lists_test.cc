// Lists of jobs.
#include <gmock/gmock.h>

#include "jobs/store_fixture.h"

namespace shijian::jobs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

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
