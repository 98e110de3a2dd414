#include "jobs/history.h"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "jobs/testing.h"

namespace shijian::jobs {
namespace {

using testing::ElementsAre;

constexpr int64_t kDay = int64_t{24} * 3600 * 1000;
constexpr int64_t kNever = 0;  // no job ended before

class HistoryTest : public FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    store_.emplace(path(), [this] { return now_.load(); });
  }
  std::string add(const std::string& query, const std::string& webhook = {}) {
    JobRequest request = request_for(query);
    request.webhook_url = webhook;
    return store_->add({request}, 1'000'000).jobs.at(0).id;
  }
  // A moment after the one before.
  std::string ended(const std::string& query, const std::string& webhook = {}) {
    const std::string id = add(query, webhook);
    ++now_;
    EXPECT_TRUE(store_->cancel_queued(id));
    return id;
  }
  std::vector<std::string> left() const {  // oldest first
    std::vector<std::string> queries;
    for (const Job& job : store_->jobs({}, {.limit = 1000, .cursor = {}}).items) {
      queries.insert(queries.begin(), job.query);
    }
    return queries;
  }

  std::atomic<int64_t> now_{1'700'000'000'000};
  std::optional<Store> store_;
};

TEST_F(HistoryTest, TheFirstToEndGoFirst) {
  const std::string a = add("a");
  for (const char* query : {"b", "c", "d"}) ended(query);
  add("waits");
  const std::string runs = add("runs");
  ASSERT_TRUE(store_->claim(runs));
  ++now_;
  store_->cancel_queued(a);  // submitted first, ended last
  EXPECT_EQ(store_->prune(10, kNever, 100), 0);
  EXPECT_EQ(store_->prune(4, kNever, 100), 0);
  EXPECT_EQ(store_->prune(3, kNever, 100), 1);
  EXPECT_THAT(left(), ElementsAre("a", "c", "d", "waits", "runs"));
  EXPECT_EQ(store_->prune(0, kNever, 2), 2);
  EXPECT_THAT(left(), ElementsAre("a", "waits", "runs"));
  store_->retry(a, 100);  // it has not ended any more
  EXPECT_EQ(store_->prune(0, now_ + kDay, 100), 0);
}

TEST_F(HistoryTest, WhatIsTooOldGoes) {
  ended("a");
  ended("b");
  now_ += kDay;
  ended("c");
  EXPECT_EQ(store_->prune(100, now_ - kDay, 1), 1);
  EXPECT_EQ(store_->prune(100, now_ - kDay, 100), 1);
  EXPECT_EQ(store_->prune(100, now_ - kDay, 100), 0);
  EXPECT_THAT(left(), ElementsAre("c"));
}

TEST_F(HistoryTest, AJobWhosePostIsDueStays) {
  ended("a", "https://example.org/hook");
  ended("b");
  ended("c");
  EXPECT_EQ(store_->prune(2, kNever, 100), 1);
  EXPECT_THAT(left(), ElementsAre("a", "c"));
  store_->webhook_tried(store_->due_webhooks(1).at(0), true);
  EXPECT_EQ(store_->prune(1, kNever, 100), 1);
  EXPECT_THAT(left(), ElementsAre("c"));
}

TEST_F(HistoryTest, DeletesInTheBackgroundUntilTheRestIsKept) {
  for (int i = 0; i < 250; ++i) ended(std::to_string(i));
  const auto waits_for = [&](size_t count) {
    for (int i = 0; i < 1000 && left().size() != count; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return left().size() == count;
  };
  const History history(*store_, {.jobs = 7, .between_looks = std::chrono::milliseconds(20)});
  EXPECT_TRUE(waits_for(7));
  EXPECT_EQ(left().front(), "243");
  ended("new");
  EXPECT_TRUE(waits_for(7));
  EXPECT_EQ(left().back(), "new");
  { const History all(*store_, {.jobs = 0}); }
  const History young(*store_,
                      {.jobs = 0, .days = 3, .between_looks = std::chrono::milliseconds(20)});
  now_ += 3 * kDay;
  ended("newer");
  EXPECT_TRUE(waits_for(1));
}

}  // namespace
}  // namespace shijian::jobs
