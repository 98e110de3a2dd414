#include "app/calibrate_command.h"

#include <fmt/format.h>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/flags.h"
#include "app/interrupt.h"
#include "app/progress.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "eval/annotations.h"
#include "eval/calibrate.h"
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

struct CalibrateFlags {
  std::vector<std::string> sets;
  std::string out;
  std::string dataset = "synth";
  std::string kinds;
  std::string videos;
  ModelFlags model;
  EffortFlags effort;
};

std::string calibration_json(const grounding::Calibration& calibration,
                             const eval::CalibrationData& data) {
  const OrderedJson json = {{"confidence", calibration.weights},
                            {"uncertainty", calibration.uncertainty},
                            {"events", data.events},
                            {"right", data.right},
                            {"boundaries", data.boundaries}};
  return write_json(json, 2) + "\n";
}

void calibrate(const CalibrateFlags& flags) {
  engine::EngineOptions engine_options = flags.model.engine_options();
  engine_options.calibrated = false;
  engine::Engine engine(engine_options);
  warn_of_memory(engine);
  engine::LocateRequest request;
  flags.effort.set(request);
  engine::RunHooks hooks;
  hooks.cancel = interrupt_token();

  eval::Calibrator calibrator;
  for (const std::string& set : flags.sets) {
    std::vector<eval::EvalItem> items =
        eval::read_annotations(*eval::parse_dataset(flags.dataset), set);
    if (!flags.kinds.empty()) items = eval::keep_kinds(std::move(items), flags.kinds);
    const eval::AnswerVideo answer = [&](const fs::path& video,
                                         std::span<const eval::EvalItem* const> asked) {
      request.video = video;
      request.questions.clear();
      for (const eval::EvalItem* item : asked) request.questions.push_back(item->query);
      std::vector<grounding::Answer> answers = engine.locate(request, hooks).answers;
      for (size_t i = 0; i < answers.size(); ++i) calibrator.add(*asked[i], answers[i]);
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
  const grounding::Calibration calibration = calibrator.fit();
  const eval::CalibrationData data = calibrator.data();
  write_file_atomic(flags.out, calibration_json(calibration, data));
  write_output(
      fmt::format("{}: of {} events {} were right; {} boundaries, uncertainties times {:.2f}\n",
                  flags.out, data.events, data.right, data.boundaries, calibration.uncertainty));
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
  flags->model.add_to(*command);
  flags->effort.add_to(*command);
  command->callback([flags] { calibrate(*flags); });
}

}  // namespace shijian::app
