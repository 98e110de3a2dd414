// Tests alone: a store in a folder of its own, with a clock that the test sets.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "jobs/store.h"
#include "jobs/testing.h"

namespace shijian::jobs {

inline constexpr int64_t kRoom = 1'000'000;
inline const Outcome kDone{JobState::kDone, R"({"response":"from 1 to 2 seconds"})"};
inline const Outcome kFailed{JobState::kFailed, R"({"code":"invalid","message":"no","hint":""})"};

class StoreTest : public FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    open();
  }
  void open() {
    store_.reset();
    store_.emplace(path(), [this] { return now_; });
  }
  Job add(const JobRequest& request) { return store_->add({request}, kRoom).jobs.at(0); }
  Job add(const std::string& query) { return add(request_for(query)); }
  Job finished(const std::string& query, const Outcome& outcome = kDone) {
    const Job job = store_->claim(add(query).id).value();
    return store_->finish(job.id, job.attempts, outcome);
  }
  std::vector<std::string> queries(const JobFilter& filter) const {
    std::vector<std::string> found;
    for (const Job& job : store_->jobs(filter, {}).items) found.push_back(job.query);
    return found;
  }

  int64_t now_ = 1'700'000'000'000;
  std::optional<Store> store_;
};

}  // namespace shijian::jobs
