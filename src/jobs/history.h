// How long ended jobs are kept.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <thread>

#include "jobs/store.h"

namespace shijian::jobs {

struct HistoryOptions {
  int64_t jobs = 10000;  // that have ended; 0: all
  int64_t days = 0;      // since they ended; 0: for ever
  std::chrono::milliseconds between_looks = std::chrono::minutes(1);
};

// Deletes the jobs that ended first, with their results, from a thread of its own and few at a
// time, so that nobody who writes to the store waits for long. What the disk refuses is tried again
// later.
class History {
 public:
  // `store` outlives this. No thread when everything is kept.
  History(Store& store, HistoryOptions options);
  History(const History&) = delete;
  History& operator=(const History&) = delete;

 private:
  void loop(const std::stop_token& stop);

  Store& store_;
  const HistoryOptions options_;
  std::jthread thread_;
};

}  // namespace shijian::jobs
