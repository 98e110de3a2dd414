#include "base/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/cancellable_loops.h"
#include "base/error.h"

namespace shijian {
namespace {

TEST(ThreadPoolTest, CoversTheRangeOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (int64_t count : {0, 1, 2, 7, 64, 1000}) {
      for (int64_t grain : {1, 3, 64, 5000}) {
        std::vector<std::atomic<int>> visits(count);
        pool.parallel_for(count, grain, [&](int64_t begin, int64_t end) {
          EXPECT_EQ(begin % grain, 0);
          EXPECT_LE(end - begin, grain);
          for (int64_t i = begin; i < end; ++i) ++visits[i];
        });
        for (const auto& visit : visits) ASSERT_EQ(visit, 1);
      }
    }
  }
}

TEST(ThreadPoolTest, NegativeCountIsEmpty) {
  ThreadPool pool(2);
  pool.parallel_for(-5, 1, [](int64_t, int64_t) { FAIL(); });
}

TEST(ThreadPoolTest, DefaultSizeIsTheMachine) {
  EXPECT_EQ(ThreadPool().size(), available_cores());
  EXPECT_GE(available_cores(), 1);
}

// What a loop writes is there when it returns, loop after loop.
TEST(ThreadPoolTest, RepeatedLoopsSeeEachOthersResults) {
  ThreadPool pool(3);
  std::vector<int64_t> values(97, 0);
  for (int64_t round = 0; round < 3000; ++round) {
    pool.parallel_for(97, 10, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        if (values[i] == round) ++values[i];
      }
    });
  }
  for (int64_t value : values) ASSERT_EQ(value, 3000);
}

// Workers that went to sleep between loops come back.
TEST(ThreadPoolTest, LoopsAfterAPause) {
  ThreadPool pool(2);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
    std::atomic<int64_t> sum{0};
    pool.parallel_for(100, 1, [&](int64_t begin, int64_t) { sum += begin; });
    EXPECT_EQ(sum, 4950);
  }
}

// Both threads are needed at once: each waits for the other to arrive.
TEST(ThreadPoolTest, ThreadsRunTogether) {
  ThreadPool pool(2);
  std::atomic<int> arrived{0};
  std::atomic<bool> together{true};
  pool.parallel_for(2, 1, [&](int64_t, int64_t) {
    ++arrived;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (arrived < 2) {
      std::this_thread::yield();
      if (std::chrono::steady_clock::now() > end) {
        together = false;
        return;
      }
    }
  });
  EXPECT_TRUE(together);
}

TEST(ThreadPoolTest, ExceptionsReachTheCaller) {
  for (int threads : {1, 2, 4}) {
    ThreadPool pool(threads);
    for (int round = 0; round < 50; ++round) {
      std::atomic<int> pieces{0};
      try {
        pool.parallel_for(1000, 1, [&](int64_t begin, int64_t) {
          ++pieces;
          if (begin == 5) throw Error(ErrorCode::kInvalid, "piece 5"_text);
        });
        FAIL() << "nothing thrown";
      } catch (const Error& error) {
        EXPECT_EQ(error.message(), "piece 5");
      }
      EXPECT_GE(pieces, 1);
      // The pool works on as before.
      std::atomic<int> sum{0};
      pool.parallel_for(10, 1, [&](int64_t, int64_t) { ++sum; });
      ASSERT_EQ(sum, 10);
    }
  }
}

TEST(ThreadPoolTest, AnExceptionStopsTheLoopEarly) {
  ThreadPool pool(1);
  int pieces = 0;
  EXPECT_THROW(pool.parallel_for(100, 1,
                                 [&](int64_t, int64_t) {
                                   ++pieces;
                                   throw std::runtime_error("first");
                                 }),
               std::runtime_error);
  EXPECT_EQ(pieces, 1);
}

TEST(ThreadPoolTest, ManyPoolsComeAndGo) {
  for (int i = 0; i < 100; ++i) {
    ThreadPool pool(1 + i % 5);
    std::atomic<int> sum{0};
    if (i % 2 == 0) pool.parallel_for(7, 1, [&](int64_t, int64_t) { ++sum; });
    EXPECT_EQ(sum, i % 2 == 0 ? 7 : 0);
  }
}

TEST(ThreadPoolDeathTest, Misuse) {
  EXPECT_DEATH(ThreadPool(1).parallel_for(4, 0, [](int64_t, int64_t) {}), "grain 0");
  EXPECT_DEATH(
      {
        ThreadPool pool(2);
        pool.parallel_for(
            4, 1, [&](int64_t, int64_t) { pool.parallel_for(4, 1, [](int64_t, int64_t) {}); });
      },
      "parallel_for inside parallel_for");
}

TEST(ThreadPoolTest, EndsCancellableLoopsEarly) {
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::stop_source source;
    std::atomic<int> pieces{0};
    const auto run = [&] {
      pool.parallel_for(100'000, 1, [&](int64_t, int64_t) {
        ++pieces;
        source.request_stop();
      });
    };
    {
      const CancellableLoops cancellable(source.get_token());
      EXPECT_THROW(run(), Error);
    }
    EXPECT_LE(pieces, threads);
    run();  // others are not meant
    EXPECT_GE(pieces, 100'000);
  }
}

}  // namespace
}  // namespace shijian
