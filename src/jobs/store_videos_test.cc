// What of Store concerns videos and webhooks.
#include <gmock/gmock.h>

#include "jobs/store_fixture.h"

namespace shijian::jobs {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(StoreTest, AWebhookIsTriedSixTimes) {
  JobRequest request = request_for("a");
  request.webhook_url = "https://example.org/hook";
  request.webhook_secret = "s";
  const std::string id = add(request).id;
  finished("without a webhook");
  EXPECT_FALSE(store_->next_webhook());
  store_->claim(id);
  store_->finish(id, 1, kDone);
  EXPECT_EQ(store_->next_webhook(), now_);
  for (const int64_t delay : {1, 5, 25, 125, 625}) {
    const auto due = store_->due_webhooks(10);
    ASSERT_EQ(due.size(), 1u);
    EXPECT_EQ(due[0].job_id, id);
    EXPECT_EQ(due[0].url, "https://example.org/hook");
    EXPECT_EQ(due[0].secret, "s");
    EXPECT_FALSE(store_->webhook_tried(due[0], false));
    EXPECT_FALSE(store_->webhook_tried(due[0], false));  // counts once
    EXPECT_THAT(store_->due_webhooks(10), IsEmpty());
    EXPECT_EQ(store_->next_webhook(), now_ + delay * 1000);
    now_ += delay * 1000;
    open();
  }
  EXPECT_TRUE(store_->webhook_tried(store_->due_webhooks(1).at(0), false));  // given up
  EXPECT_FALSE(store_->next_webhook());
}

TEST_F(StoreTest, ADeliveredWebhookIsNotTriedAgain) {
  JobRequest request = request_for("a");
  request.webhook_url = "https://example.org/hook";
  const std::string id = add(request).id;
  ASSERT_TRUE(store_->cancel_queued(id));  // an end like any other
  const Webhook cancelled = store_->due_webhooks(1).at(0);
  store_->retry(id, kRoom);
  EXPECT_FALSE(store_->next_webhook());
  store_->claim(id);
  store_->finish(id, 1, kDone);
  store_->webhook_tried(cancelled, true);  // of the end before: says nothing of this one
  const auto due = store_->due_webhooks(1);
  ASSERT_EQ(due.size(), 1u);
  EXPECT_FALSE(store_->webhook_tried(due[0], true));
  EXPECT_FALSE(store_->next_webhook());
}

TEST_F(StoreTest, AVideoIsFoundUnchanged) {
  const Video video{"v1", "yard.mp4", 1000, 77, "hash", "{}", 0};
  store_->put_video(video);
  EXPECT_EQ(store_->unchanged_video("yard.mp4", 1000, 77)->hash, "hash");
  EXPECT_FALSE(store_->unchanged_video("yard.mp4", 1001, 77));
  EXPECT_FALSE(store_->unchanged_video("yard.mp4", 1000, 78));
  EXPECT_FALSE(store_->unchanged_video("other.mp4", 1000, 77));
  const int64_t created = now_;
  now_ += 1000;
  store_->put_video({"v1", "yard.mp4", 1000, 78, "hash", R"({"frames":3})", 0});  // touched
  EXPECT_EQ(store_->video("v1").created, created);
  EXPECT_EQ(store_->video("v1").probe, R"({"frames":3})");
  store_->put_video({"v2", "yard.mp4", 2000, 79, "other", "{}", 0});  // replaced
  EXPECT_EQ(store_->video("v2").created, now_);
  EXPECT_THROW(store_->video("v1"), Error);
}

TEST_F(StoreTest, ListsEachVideoOnce) {
  store_->put_video({"v1", "b.mp4", 1, 1, "h1", "{}", 0});
  store_->put_video({"v1", "Copy of b.mp4", 1, 1, "h1", "{}", 0});
  store_->put_video({"v2", "a.mp4", 1, 1, "h2", "{}", 0});
  const auto names = [this](const std::string& search, int limit, const std::string& cursor) {
    std::vector<std::string> found;
    for (const Video& video : store_->videos({search}, {limit, cursor}).items) {
      found.push_back(video.name);
    }
    return found;
  };
  EXPECT_THAT(names("", 10, ""), ElementsAre("Copy of b.mp4", "a.mp4"));
  EXPECT_EQ(store_->videos({}, {1, ""}).total, 2);
  EXPECT_THAT(names("", 1, store_->videos({}, {1, ""}).next), ElementsAre("a.mp4"));
  EXPECT_THAT(names("B.MP4", 10, ""), ElementsAre("Copy of b.mp4"));
  EXPECT_THAT(names("copy", 10, ""), ElementsAre("Copy of b.mp4"));
  EXPECT_THAT(store_->video_names("v1"), ElementsAre("Copy of b.mp4", "b.mp4"));
  EXPECT_TRUE(store_->remove_video("Copy of b.mp4"));
  EXPECT_FALSE(store_->remove_video("Copy of b.mp4"));
  EXPECT_THAT(names("", 10, ""), ElementsAre("a.mp4", "b.mp4"));
}

}  // namespace
}  // namespace shijian::jobs
