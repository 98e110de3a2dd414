#include "grounding/calibration.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

namespace shijian::grounding {
namespace {

using Vector = CalibrationWeights;
constexpr size_t kInputs = std::tuple_size_v<Vector>;

double logit(double p) {
  p = std::clamp(p, 0.001, 0.999);
  return std::log(p / (1 - p));
}

Vector inputs(const Evidence& evidence, int windows, bool surest) {
  return {1,
          logit(evidence.presence.value_or(evidence.times)),
          logit(evidence.times),
          std::log(static_cast<double>(std::max(windows, 1))),
          surest ? 1.0 : 0.0,
          evidence.agreement.value_or(0)};
}

double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

// The solution of a positive definite system, by elimination.
Vector solve(std::array<Vector, kInputs> matrix, Vector right) {
  for (size_t i = 0; i < kInputs; ++i) {
    for (size_t row = i + 1; row < kInputs; ++row) {
      const double share = matrix[row][i] / matrix[i][i];
      for (size_t column = i; column < kInputs; ++column) {
        matrix[row][column] -= share * matrix[i][column];
      }
      right[row] -= share * right[i];
    }
  }
  for (size_t i = kInputs; i-- > 0;) {
    for (size_t column = i + 1; column < kInputs; ++column)
      right[i] -= matrix[i][column] * right[column];
    right[i] /= matrix[i][i];
  }
  return right;
}

}  // namespace

const Event* surest_event(std::span<const Event> events) {
  const auto sureness = [](const Event& event) {
    return event.evidence ? event.evidence->times * event.evidence->presence.value_or(1) : -1;
  };
  const auto surest =
      std::max_element(events.begin(), events.end(),
                       [&](const Event& a, const Event& b) { return sureness(a) < sureness(b); });
  return surest == events.end() || !surest->evidence ? nullptr : &*surest;
}

double calibrated_confidence(const Calibration& calibration, const Evidence& evidence, int windows,
                             bool surest) {
  const double p = logistic(dot(calibration.weights, inputs(evidence, windows, surest)));
  return std::min(p, evidence.trust);
}

CalibrationWeights fit_weights(std::span<const Judged> events) {
  constexpr double kVariance = 100;
  const auto right =
      std::count_if(events.begin(), events.end(), [](const Judged& event) { return event.right; });
  if (right == 0 || right == std::ssize(events)) return Calibration{}.weights;
  Vector weights{};
  for (int step = 0; step < 50; ++step) {
    Vector gradient;
    std::array<Vector, kInputs> curvature{};
    for (size_t i = 0; i < kInputs; ++i) {
      gradient[i] = -weights[i] / kVariance;
      curvature[i][i] = 1 / kVariance;
    }
    for (const Judged& event : events) {
      const Vector x = inputs(event.evidence, event.windows, event.surest);
      const double p = logistic(dot(weights, x));
      for (size_t i = 0; i < kInputs; ++i) {
        gradient[i] += ((event.right ? 1 : 0) - p) * x[i];
        for (size_t j = 0; j < kInputs; ++j) curvature[i][j] += p * (1 - p) * x[i] * x[j];
      }
    }
    const Vector change = solve(curvature, gradient);
    // A bounded step: far from the best the curvature misleads.
    const double length = std::sqrt(dot(change, change));
    const double share = std::min(1.0, 2 / std::max(length, 1e-12));
    for (size_t i = 0; i < kInputs; ++i) weights[i] += share * change[i];
    if (length < 1e-9) break;
  }
  return weights;
}

}  // namespace shijian::grounding
