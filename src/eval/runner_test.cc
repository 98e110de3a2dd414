#include "eval/runner.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "base/error.h"
#include "base/json.h"
#include "eval/report.h"

namespace shijian::eval {
namespace {

namespace fs = std::filesystem;

class Runner : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / fmt::format("shijian-eval-{}", ::getpid());
    fs::create_directories(root_);
    for (const char* name : {"a.mp4", "b.mp4"}) std::ofstream(root_ / name) << "x";
    items_ = {make("1", "a", {{2, 4}}, "visible", "en"), make("2", "a", {}, "absent", "zh"),
              make("3", "b", {{0, 5}}, "visible", "en")};
    options_.videos = root_;
    options_.rows = root_ / "out.rows.jsonl";
    options_.run_name = "nano";
  }
  void TearDown() override { fs::remove_all(root_); }

  static EvalItem make(std::string id, std::string video, std::vector<Span> spans, std::string kind,
                       std::string language) {
    return {id, video, 10, "question " + id, spans, kind, language};
  }
  // Answers 2 - 4 where the event occurs, denies it elsewhere.
  std::vector<grounding::Answer> answer(const fs::path& video,
                                        std::span<const EvalItem* const> items) {
    ++calls_;
    asked_ += items.size();
    if (video.filename() == broken_) throw Error(ErrorCode::kInvalid, "decode: damaged"_text);
    std::vector<grounding::Answer> answers;
    for (const EvalItem* item : items) {
      grounding::Answer made;
      made.video.duration = 10;
      made.sampling.slot_times = {1, 2, 3, 4, 5};
      if (item->spans.empty()) {
        made.absent = true;
      } else {
        grounding::Event event;
        event.start = 2;
        event.end = 4;
        made.events.push_back(event);
      }
      answers.push_back(made);
    }
    return answers;
  }
  std::vector<EvalResult> run() {
    return run_eval(
        items_, [this](const auto& video, auto items) { return answer(video, items); }, options_);
  }
  std::string rows_text() const {
    std::ifstream file(options_.rows);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path root_;
  std::vector<EvalItem> items_;
  EvalOptions options_;
  std::string broken_;
  size_t calls_ = 0, asked_ = 0;
};

TEST_F(Runner, QuestionsOfOneVideoAreAskedTogether) {
  std::vector<size_t> progress;
  options_.progress = [&](size_t done, size_t total, double) {
    EXPECT_EQ(total, 3u);
    progress.push_back(done);
  };
  const auto results = run();
  EXPECT_EQ(calls_, 2u);
  EXPECT_EQ(progress, (std::vector<size_t>{2, 3}));
  ASSERT_EQ(results.size(), 3u);
  EXPECT_DOUBLE_EQ(results[0].score.iou, 1);
  EXPECT_DOUBLE_EQ(results[0].score.ceiling, 1);
  EXPECT_TRUE(results[1].score.rejected);
  EXPECT_DOUBLE_EQ(results[2].score.iou, 0.4);
  EXPECT_DOUBLE_EQ(results[2].score.ceiling, 0.8);  // 1 - 5 of 0 - 5
}

TEST_F(Runner, GoesOnWhereItStopped) {
  const auto first = run();
  EXPECT_EQ(asked_, 3u);
  const std::string full = rows_text();
  const auto second = run();
  EXPECT_EQ(asked_, 3u);  // nothing is asked again
  EXPECT_EQ(rows_text(), full);
  EXPECT_EQ(report_json(make_report(first)).dump(), report_json(make_report(second)).dump());

  // Killed in the middle of a line: the half line goes, its question is asked again.
  const size_t last_line = full.rfind('\n', full.size() - 2) + 1;
  std::ofstream(options_.rows) << full.substr(0, last_line + 20);
  run();
  EXPECT_EQ(asked_, 4u);
  const auto rows = rows_text();
  EXPECT_EQ(std::count(rows.begin(), rows.end(), '\n'), 4);

  // One of two questions of a video: only that one is asked.
  const size_t second_line = full.find('\n') + 1;
  const size_t third_line = full.find('\n', second_line) + 1;
  std::ofstream(options_.rows) << full.substr(0, third_line);
  run();
  EXPECT_EQ(asked_, 6u);
}

TEST_F(Runner, RefusesRowsOfAnotherRun) {
  run();
  options_.run_name = "another model";
  EXPECT_THROW(run(), Error);
  options_.run_name = "nano";
  items_[0].query = "something else";
  EXPECT_THROW(run(), Error);
  items_[0].query = "question 1";
  std::ofstream(options_.rows, std::ios::app) << "{\"id\": \"3\", \"query\": \"question 3\"}\n";
  EXPECT_THROW(run(), Error);  // a row without an answer
  std::ofstream(options_.rows, std::ios::app) << "oops\n";
  EXPECT_THROW(run(), Error);
}

TEST_F(Runner, AFailedVideoCountsAsAMissAndIsTriedAgain) {
  broken_ = "b.mp4";
  const auto results = run();
  EXPECT_EQ(results[2].error, "decode: damaged");
  EXPECT_TRUE(results[2].score.failed);
  EXPECT_DOUBLE_EQ(make_report(results).overall.failed, 1.0 / 3);
  EXPECT_DOUBLE_EQ(make_report(results).overall.r1[1], 0.5);
  broken_.clear();
  EXPECT_FALSE(run()[2].score.failed);
  EXPECT_EQ(asked_, 4u);
}

TEST_F(Runner, StopsOnCancelAndOnMissingVideos) {
  std::stop_source source;
  options_.cancel = source.get_token();
  source.request_stop();
  EXPECT_THROW(run(), Error);
  EXPECT_EQ(asked_, 0u);
  options_.cancel = {};
  items_.push_back(make("4", "nowhere", {}, "absent", "en"));
  try {
    run();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(error.message().find("nowhere"), std::string::npos);
  }
  EXPECT_EQ(asked_, 0u);
}

TEST_F(Runner, RanksByConfidence) {
  grounding::Answer answer;
  answer.events.resize(2);
  answer.events[0].start = 20;
  answer.events[0].end = 30;
  answer.events[0].confidence = 0.2;
  answer.events[1].start = 2;
  answer.events[1].end = 4;
  answer.events[1].confidence = 0.9;
  const ItemScore score = score_answer(items_[0], answer);
  EXPECT_DOUBLE_EQ(score.map, 1);
  EXPECT_DOUBLE_EQ(score.iou, 1);  // R1 is about the surest event
  EXPECT_DOUBLE_EQ(score.confidence, 0.9);
  EXPECT_DOUBLE_EQ(score.f1, 2.0 / 3);
  EXPECT_DOUBLE_EQ(score.set_iou, 2.0 / 12);
}

TEST_F(Runner, ReportHasTheDocumentedKeys) {
  EvalReport report = make_report(run());
  report.dataset = "synth";
  const OrderedJson json = report_json(report);
  for (const char* key : {"r1@0.3", "r1@0.5", "r1@0.7", "miou", "absent_rejected", "unparsed"}) {
    EXPECT_TRUE(json["overall"].contains(key)) << key;
    EXPECT_TRUE(json["by_kind"]["visible"].contains(key)) << key;
    EXPECT_TRUE(json["by_language"]["zh"].contains(key)) << key;
  }
  EXPECT_EQ(json["overall"]["r1@0.3"], 1.0);
  EXPECT_EQ(json["overall"]["r1@0.5"], 0.5);
  EXPECT_EQ(json["overall"]["absent_rejected"], 1.0);
  EXPECT_EQ(json["overall"]["miou"], 0.7);
  EXPECT_EQ(json["baselines"]["sampling_ceiling"]["miou"], 0.9);
  const std::string table = report_table(report);
  for (const char* word :
       {"overall", "visible", "absent", "sampling ceiling", "constant", "70.0"}) {
    EXPECT_NE(table.find(word), std::string::npos) << word << "\n" << table;
  }
}

}  // namespace
}  // namespace shijian::eval
