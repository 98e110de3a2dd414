#include "localise/attention_curve.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

namespace shijian::localise {
namespace {

TEST(AttentionCurve, IsTheMeanOfWhatHeadsGainByTheQuestion) {
  const std::vector<SlotAttention> with = {{0.1, 0.4}, {0.2, 0.2}};
  const std::vector<SlotAttention> without = {{0.1, 0.1}, {0.2, 0.1}};
  const auto curve = attention_curve(with, without);
  ASSERT_EQ(curve.size(), 2u);
  EXPECT_NEAR(curve[0], (0.1 / 0.11 + 0.2 / 0.215) / 2, 1e-9);
  EXPECT_NEAR(curve[1], (0.4 / 0.11 + 0.2 / 0.115) / 2, 1e-9);
}

TEST(AttentionCurve, WhatNobodyLooksAtIsNoPeak) {
  const auto curve = attention_curve(std::vector<SlotAttention>{{1e-9, 0.5, 0}},
                                     std::vector<SlotAttention>{{0, 0.3, 0}});
  EXPECT_GT(curve[1], 100 * curve[0]);
  EXPECT_EQ(curve[2], 0);
}

TEST(AttentionCurve, HalfOfItLiesInTheShortestRange) {
  const auto range = [](std::vector<double> curve) {
    const SlotRange half = shortest_half(curve);
    return std::pair{half.first, half.last};
  };
  EXPECT_EQ(range({1}), (std::pair<size_t, size_t>{0, 0}));
  EXPECT_EQ(range({0, 0, 5, 0}), (std::pair<size_t, size_t>{2, 2}));
  EXPECT_EQ(range({1, 3, 4, 1}), (std::pair<size_t, size_t>{1, 2}));
  EXPECT_EQ(range({1, 1, 1, 1}), (std::pair<size_t, size_t>{0, 1}));
  EXPECT_EQ(range({0, 0, 0}), (std::pair<size_t, size_t>{0, 0}));
  std::mt19937 random(5);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<double> curve(1 + random() % 12);
    for (double& value : curve) value = random() % 5;
    const double sum = std::accumulate(curve.begin(), curve.end(), 0.0);
    size_t shortest = curve.size();
    for (size_t i = 0; i < curve.size(); ++i) {
      double part = 0;
      for (size_t j = i; j < curve.size(); ++j) {
        part += curve[j];
        if (part >= sum / 2) shortest = std::min(shortest, j - i + 1);
      }
    }
    const SlotRange half = shortest_half(curve);
    EXPECT_EQ(half.last - half.first + 1, shortest);
  }
}

}  // namespace
}  // namespace shijian::localise
