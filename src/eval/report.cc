#include "eval/report.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/utf8.h"

namespace shijian::eval {

namespace {

double rounded(double value) { return std::round(value * 10000) / 10000; }

// "r1@0.3" and so on, then "miou".
void add_recalls(OrderedJson& json, const Recalls& r1, double miou) {
  for (size_t i = 0; i < r1.size(); ++i) {
    json[fmt::format("r1@{}", kRecallThresholds[i])] = rounded(r1[i]);
  }
  json["miou"] = rounded(miou);
}

OrderedJson summary_json(const Summary& summary) {
  OrderedJson json = {{"questions", summary.questions},
                      {"occurring", summary.occurring},
                      {"absent", summary.absent}};
  add_recalls(json, summary.r1, summary.miou);
  json.update({{"set_iou", rounded(summary.set_iou)},
               {"map", rounded(summary.map)},
               {"several", summary.several},
               {"several_f1", rounded(summary.several_f1)},
               {"boundary_median_ms", rounded(summary.boundary_median * 1000)},
               {"boundary_p90_ms", rounded(summary.boundary_p90 * 1000)},
               {"coverage", rounded(summary.coverage)},
               {"calibration_error", rounded(summary.calibration_error)},
               {"absent_rejected", rounded(summary.absent_rejected)},
               {"occurring_rejected", rounded(summary.occurring_rejected)},
               {"unparsed", rounded(summary.unparsed)},
               {"failed", rounded(summary.failed)},
               {"vision_tokens", rounded(summary.vision_tokens)},
               {"first_tokens", rounded(summary.first_tokens)},
               {"seconds_per_question", rounded(summary.seconds_per_question)}});
  return json;
}

OrderedJson constant_json(const ConstantAnswer& answer, bool has_interval) {
  OrderedJson json;
  if (has_interval) {
    json["start"] = rounded(answer.start);
    json["end"] = rounded(answer.end);
  }
  add_recalls(json, answer.r1, answer.miou);
  return json;
}

std::string row(std::string_view name, size_t questions, const Recalls& r1, double miou,
                const std::string& rest) {
  std::string shares;
  for (const double share : r1) shares += fmt::format("{:>8.1f}", share * 100);
  return fmt::format("{:<22}{:>10}{}{:>8.1f}{}\n", name, questions, shares, miou * 100, rest);
}

std::string summary_row(std::string_view name, const Summary& s) {
  const std::string rejected =
      s.absent > 0 ? fmt::format("{:.1f}", s.absent_rejected * 100) : std::string("-");
  if (s.occurring == 0) {  // a kind that never occurs has no interval to score
    std::string none;
    for (size_t i = 0; i <= s.r1.size(); ++i) none += fmt::format("{:>8}", "-");
    return fmt::format("{:<22}{:>10}{}{:>10}{:>10.1f}\n", name, s.questions, none, rejected,
                       s.unparsed * 100);
  }
  return row(name, s.questions, s.r1, s.miou,
             fmt::format("{:>10}{:>10.1f}", rejected, s.unparsed * 100));
}

}  // namespace

EvalReport make_report(std::span<const EvalResult> results) {
  EvalReport report;
  std::vector<ItemScore> scores;
  std::vector<EvalItem> items;
  std::map<std::string, std::vector<ItemScore>> kinds, languages;
  for (const EvalResult& result : results) {
    scores.push_back(result.score);
    items.push_back(result.item);
    kinds[result.item.kind].push_back(result.score);
    languages[result.item.language].push_back(result.score);
  }
  report.overall = summarize(scores);
  for (const auto& [name, group] : kinds) report.by_kind[name] = summarize(group);
  for (const auto& [name, group] : languages) report.by_language[name] = summarize(group);
  report.constant_fraction = best_constant_fraction(items);
  report.constant_seconds = best_constant_seconds(items);
  report.question_only = question_only(items);
  return report;
}

OrderedJson report_json(const EvalReport& report) {
  OrderedJson json = {{"dataset", report.dataset},
                      {"annotations", to_valid_utf8(report.annotations)},
                      {"model", to_valid_utf8(report.model)},
                      {"overall", summary_json(report.overall)}};
  OrderedJson kinds = OrderedJson::object(), languages = OrderedJson::object();
  for (const auto& [name, summary] : report.by_kind) kinds[name] = summary_json(summary);
  for (const auto& [name, summary] : report.by_language) languages[name] = summary_json(summary);
  json["by_kind"] = std::move(kinds);
  json["by_language"] = std::move(languages);
  OrderedJson ceiling;
  add_recalls(ceiling, report.overall.ceiling_r1, report.overall.ceiling_miou);
  json["baselines"] = {{"constant_fraction", constant_json(report.constant_fraction, true)},
                       {"constant_seconds", constant_json(report.constant_seconds, true)},
                       {"question_only", constant_json(report.question_only, false)},
                       {"sampling_ceiling", std::move(ceiling)}};
  return json;
}

std::string report_table(const EvalReport& report) {
  const std::string rule(92, '-');
  std::string recalls;
  for (const double at : kRecallThresholds)
    recalls += fmt::format("{:>8}", fmt::format("R1@{}", at));
  std::string out = fmt::format("{:<22}{:>10}{}{:>8}{:>10}{:>10}\n{}\n", "percent", "questions",
                                recalls, "mIoU", "rejected", "unparsed", rule);
  out += summary_row("overall", report.overall);
  if (report.by_language.size() > 1) {
    for (const auto& [name, summary] : report.by_language) {
      out += summary_row("  language " + name, summary);
    }
  }
  if (report.by_kind.size() > 1) {
    for (const auto& [name, summary] : report.by_kind) out += summary_row("  " + name, summary);
  }
  const size_t occurring = report.overall.occurring;
  out += rule + "\n";
  out += row("sampling ceiling", occurring, report.overall.ceiling_r1, report.overall.ceiling_miou,
             "");
  out += row("question only", occurring, report.question_only.r1, report.question_only.miou, "");
  const ConstantAnswer& fraction = report.constant_fraction;
  out += row("constant, of clip", occurring, fraction.r1, fraction.miou,
             fmt::format("   {:.0f}% - {:.0f}%", fraction.start * 100, fraction.end * 100));
  const ConstantAnswer& seconds = report.constant_seconds;
  out += row("constant, seconds", occurring, seconds.r1, seconds.miou,
             fmt::format("   {:.1f} - {:.1f} s", seconds.start, seconds.end));
  out += fmt::format(
      "{}\nboundaries: median error {:.0f} ms, 90% within {:.0f} ms; within their uncertainty "
      "{:.1f}%\nconfidence: expected calibration error {:.3f}\n",
      rule, report.overall.boundary_median * 1000, report.overall.boundary_p90 * 1000,
      report.overall.coverage * 100, report.overall.calibration_error);
  if (report.overall.several > 0) {
    out += fmt::format("several spans: {} questions, F1 {:.1f}\n", report.overall.several,
                       report.overall.several_f1 * 100);
  }
  out += fmt::format(
      "mAP {:.1f}   set IoU {:.1f}   wrongly rejected {:.1f}   failed {:.1f}   "
      "{:.0f} vision tokens ({:.0f} in first looks) and {:.2f} s a question\n",
      report.overall.map * 100, report.overall.set_iou * 100,
      report.overall.occurring_rejected * 100, report.overall.failed * 100,
      report.overall.vision_tokens, report.overall.first_tokens,
      report.overall.seconds_per_question);
  return out;
}

}  // namespace shijian::eval
