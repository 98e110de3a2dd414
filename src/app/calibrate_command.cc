#include "app/calibrate_command.h"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/flags.h"
#include "app/interrupt.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "engine/model_directory.h"
#include "eval/annotations.h"
#include "eval/calibrate.h"
#include "eval/choose_heads.h"
#include "eval/runner.h"

namespace shijian::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCalibrateFooter = R"(
Examples:
  shijian synth --out clips --count 300 --seed 11 --split heldout
  shijian synth --out long --count 10 --seed 11 --seconds 300 --split heldout --questions 12
  shijian calibrate clips long --out models/nano/calibration.json

Score the model on other clips than these: shijian eval.)";

constexpr size_t kHeadQuestions = 300;  // by which heads are chosen

struct CalibrateFlags {
  std::vector<std::string> sets;
  std::string out;
  std::string dataset = "synth";
  std::string kinds;
  std::string videos;
  ModelFlags model;
  EffortFlags effort;
  int64_t readout_rows = 1;
};

OrderedJson readout_json(const grounding::ReadoutHeads& readout) {
  OrderedJson heads = OrderedJson::array();
  for (const auto& head : readout.heads) heads.push_back({head.layer, head.index});
  return {{"rows", readout.rows}, {"heads", std::move(heads)}};
}

std::string calibration_json(const grounding::Calibration& calibration,
                             const eval::CalibrationData& data) {
  OrderedJson json = {{"confidence", calibration.weights},
                      {"uncertainty", calibration.uncertainty},
                      {"events", data.events},
                      {"right", data.right},
                      {"boundaries", data.boundaries}};
  if (!calibration.readout.heads.empty()) json["readout"] = readout_json(calibration.readout);
  return write_json(json, 2) + "\n";
}

// Called with each answer to an annotated question.
using AnswerTaker = std::function<void(const eval::EvalItem&, const grounding::Answer&)>;

// Asks the questions of all sets, at most `most` of them. `asked` holds those of the video at hand
// while it is asked about.
void ask_all(const CalibrateFlags& flags, engine::Engine& engine, engine::LocateRequest request,
             engine::RunHooks hooks, size_t most, std::span<const eval::EvalItem* const>* asked,
             const AnswerTaker& take) {
  hooks.cancel = interrupt_token();
  for (const std::string& set : flags.sets) {
    std::vector<eval::EvalItem> items =
        eval::read_annotations(*eval::parse_dataset(flags.dataset), set);
    if (!flags.kinds.empty()) items = eval::keep_kinds(std::move(items), flags.kinds);
    items.resize(std::min(items.size(), most));
    most -= items.size();
    if (items.empty()) continue;
    const eval::AnswerVideo answer = [&](const fs::path& video,
                                         std::span<const eval::EvalItem* const> questions) {
      request.video = video;
      request.questions.clear();
      for (const eval::EvalItem* item : questions) request.questions.push_back(item->query);
      if (asked != nullptr) *asked = questions;
      std::vector<grounding::Answer> answers = engine.locate(request, hooks).answers;
      for (size_t i = 0; i < answers.size(); ++i) take(*questions[i], answers[i]);
      return answers;
    };
    ProgressLine line(true);
    eval::EvalOptions options;
    options.videos = flags.videos.empty() ? eval::folder_of(set) : fs::path(flags.videos);
    options.cancel = hooks.cancel;
    options.progress = [&](size_t done, size_t total, double) {
      line.show({"questions", static_cast<int64_t>(done), static_cast<int64_t>(total), {}});
    };
    eval::run_eval(items, answer, options);
  }
}

// One look at each of the first videos, in which all heads are read.
grounding::ReadoutHeads choose_heads(const CalibrateFlags& flags,
                                     engine::EngineOptions engine_options) {
  engine_options.readout.rows = flags.readout_rows;
  engine::Engine engine(engine_options);
  warn_of_memory(engine);
  engine::LocateRequest request;
  request.effort = engine::Effort::kLow;
  std::span<const eval::EvalItem* const> asked;
  eval::HeadChooser chooser;
  engine::RunHooks hooks;
  hooks.attention = [&](const engine::HeadsAttention& seen) {
    chooser.add(*asked[seen.question], seen);
  };
  ask_all(flags, engine, request, hooks, kHeadQuestions, &asked, [](const auto&, const auto&) {});
  return chooser.choose(flags.readout_rows);
}

void calibrate(const CalibrateFlags& flags) {
  engine::EngineOptions engine_options = flags.model.engine_options();
  engine_options.calibrated = false;
  engine_options.readout = choose_heads(flags, engine_options);
  engine::Engine engine(engine_options);
  engine::LocateRequest request;
  flags.effort.set(request);
  eval::Calibrator calibrator;
  ask_all(flags, engine, request, {}, std::numeric_limits<size_t>::max(), nullptr,
          [&](const eval::EvalItem& item, const grounding::Answer& answer) {
            calibrator.add(item, answer);
          });
  grounding::Calibration calibration = calibrator.fit();
  calibration.readout = engine_options.readout;
  const eval::CalibrationData data = calibrator.data();
  write_file_atomic(flags.out, calibration_json(calibration, data));
  write_output(
      fmt::format("{}: of {} events {} were right; {} boundaries, uncertainties times {:.2f}; "
                  "attention heads to read: {}\n",
                  flags.out, data.events, data.right, data.boundaries, calibration.uncertainty,
                  calibration.readout.heads.size()));
}

}  // namespace

void add_calibrate_command(CLI::App& app) {
  auto flags = std::make_shared<CalibrateFlags>();
  CLI::App* command =
      app.add_subcommand("calibrate", "Learn from annotated videos how far answers can be trusted");
  command->footer(kCalibrateFooter);
  command->add_option("PATH", flags->sets, "Annotation files, or folders that synth wrote")
      ->required();
  command
      ->add_option("--out", flags->out,
                   "Write it here: calibration.json in the model's directory is used from then on")
      ->type_name("FILE")
      ->required();
  command->add_option("--dataset", flags->dataset, "Whose annotations")
      ->check(CLI::IsMember({"synth", "charades", "activitynet", "qvhighlights", "timelens"}))
      ->capture_default_str();
  command->add_option("--videos", flags->videos, "Folder of the video files")->type_name("DIR");
  command->add_option("--kinds", flags->kinds, "Only these kinds: visible,appear,...");
  command
      ->add_option("--readout-rows", flags->readout_rows,
                   "Tokens at the end of a prompt whose attention is read")
      ->check(CLI::Range(int64_t{1}, engine::kMostReadoutRows))
      ->capture_default_str();
  flags->model.add_to(*command);
  flags->effort.add_to(*command);
  command->callback([flags] { calibrate(*flags); });
}

}  // namespace shijian::app
