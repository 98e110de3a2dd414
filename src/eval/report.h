// The result of an evaluation, for machines and for people.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "eval/baselines.h"
#include "eval/runner.h"

namespace shijian::eval {

struct EvalReport {
  std::string dataset;
  std::string annotations;  // path as given
  std::string model;
  Summary overall;
  std::map<std::string, Summary> by_kind;
  std::map<std::string, Summary> by_language;
  ConstantAnswer constant_fraction;
  ConstantAnswer constant_seconds;
  ConstantAnswer question_only;
};
EvalReport make_report(std::span<const EvalResult> results);

// docs/formats.md describes the keys. Shares are fractions, rounded to four decimals.
nlohmann::ordered_json report_json(const EvalReport& report);

// A table of at most 100 columns, percentages.
std::string report_table(const EvalReport& report);

}  // namespace shijian::eval
