#include "eval/annotations.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/error.h"

namespace shijian::eval {
namespace {

namespace fs = std::filesystem;

class Annotations : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / fmt::format("shijian-annotations-{}", ::getpid());
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }
  fs::path write(const std::string& name, const std::string& content) {
    std::ofstream(root_ / name, std::ios::binary) << content;
    return root_ / name;
  }
  std::vector<EvalItem> read(Dataset dataset, const std::string& content) {
    return read_annotations(dataset, write("a", content));
  }
  void expect_refused(Dataset dataset, const std::string& content, const std::string& words) {
    try {
      read(dataset, content);
      FAIL() << "accepted " << content;
    } catch (const Error& error) {
      EXPECT_NE(error.message().find(words), std::string::npos) << error.message();
      EXPECT_EQ(error.message().find('\n'), std::string::npos);
    }
  }
  fs::path root_;
};

TEST_F(Annotations, Synth) {
  write(
      "annotations.jsonl",
      R"({"video":"videos/00000.mp4","duration":23.4,"query":"When is the red circle visible?","spans":[[3.127,6.48]],"kind":"visible","language":"en"})"
      "\n"
      R"({"video":"videos/00000.mp4","duration":23.4,"query":"数字 7 什么时候出现？","spans":[],"kind":"absent","language":"zh"})"
      "\n\n");
  const auto items = read_annotations(Dataset::kSynth, root_);
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].id, "000000");
  EXPECT_EQ(items[0].video, "videos/00000.mp4");
  EXPECT_DOUBLE_EQ(items[0].duration, 23.4);
  EXPECT_EQ(items[0].kind, "visible");
  EXPECT_DOUBLE_EQ(items[0].spans.at(0).end, 6.48);
  EXPECT_TRUE(items[1].spans.empty());
  EXPECT_EQ(items[1].language, "zh");
}

TEST_F(Annotations, CharadesText) {
  const auto items = read(Dataset::kCharades,
                          "3MSZA 24.3 30.4##person turn a light on.\r\n"
                          "3MSZA 0.0 10.1##a person walks  in.\n");
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].video, "3MSZA");
  EXPECT_EQ(items[0].query, "person turn a light on.");
  EXPECT_DOUBLE_EQ(items[0].spans[0].start, 24.3);
  EXPECT_EQ(items[0].kind, "charades");
  EXPECT_EQ(items[0].language, "en");
  EXPECT_EQ(items[0].duration, 0);
  expect_refused(Dataset::kCharades, "3MSZA 24.3##x", "VIDEO start end##sentence");
  expect_refused(Dataset::kCharades, "3MSZA 24.3 30.4 x", "no ##");
  expect_refused(Dataset::kCharades, "3MSZA 24.3 nan##x", "not finite");
  expect_refused(Dataset::kCharades, "3MSZA 30 12##x", "reversed");
  expect_refused(Dataset::kCharades, "3MSZA 3O 40##x", "'3O' is not a number");
}

TEST_F(Annotations, CharadesJson) {
  const auto list =
      read(Dataset::kCharades,
           R"([{"video":"3MSZA.mp4","duration":31,"caption":"a","timestamp":[1,2]}])");
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].video, "3MSZA.mp4");
  const auto map =
      read(Dataset::kCharades,
           R"({"3MSZA":{"duration":31,"timestamps":[[1,2],[3,4]],"sentences":["a","b"]}})");
  ASSERT_EQ(map.size(), 2u);
  EXPECT_EQ(map[1].query, "b");
  EXPECT_DOUBLE_EQ(map[1].spans.at(0).start, 3);
}

TEST_F(Annotations, ActivityNetOnOneLineOrMany) {
  const std::string one =
      R"({"v_a":{"duration":82.73,"timestamps":[[0.83,19.86],[17.37,60.81]],"sentences":["A man.","He runs."]},"v_b":{"duration":10,"timestamps":[[0,4]],"sentences":["B"]}})"
      "\n";
  const auto items = read(Dataset::kActivityNet, one);
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[1].video, "v_a");
  EXPECT_EQ(items[2].id, "000002");
  EXPECT_EQ(
      read(Dataset::kActivityNet,
           "{\n \"v_b\": {\"duration\": 10,\n \"timestamps\": [[0,4]], \"sentences\": [\"B\"]}\n}")
          .size(),
      1u);
  expect_refused(Dataset::kActivityNet,
                 R"({"v":{"duration":1,"timestamps":[[0,1]],"sentences":["a","b"]}})",
                 "lists of one length");
}

TEST_F(Annotations, QvHighlights) {
  const auto items = read(
      Dataset::kQvHighlights,
      R"({"qid": 2579, "query": "A girl stands.", "duration": 150, "vid": "x_210.0_360.0", "relevant_clip_ids": [41], "relevant_windows": [[82, 138], [140, 150]]})");
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].id, "2579");
  EXPECT_EQ(items[0].video, "x_210.0_360.0");
  EXPECT_EQ(items[0].spans.size(), 2u);
  expect_refused(Dataset::kQvHighlights, R"({"qid":1,"query":"a","duration":150,"vid":"x"})",
                 "no spans");
}

TEST_F(Annotations, TimeLensBench) {
  const auto items = read(
      Dataset::kTimeLens,
      R"({"3MSZA": {"duration": 30.96, "spans": [[24.3, 30.4]], "queries": [" person  turn a light on. "]}})");
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].query, "person turn a light on");
  const auto lines = read(
      Dataset::kTimeLens,
      R"({"source":"s","video_path":"a/b.mp4","duration":9,"events":[{"query":"x","span":[[1,2]]},{"query":"y","span":[[3,4],[5,6]]}]})"
      "\n");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[1].spans.size(), 2u);
}

TEST_F(Annotations, RefusesWhatIsNone) {
  expect_refused(Dataset::kSynth, "", "empty");
  expect_refused(Dataset::kSynth, "[]", "no question");
  expect_refused(Dataset::kSynth, "[1]", "entry 1");
  expect_refused(Dataset::kSynth, R"([{"video":"a","query":"q","spans":[[1]]}])", "pair");
  expect_refused(Dataset::kSynth, R"([{"video":"a","query":" ","spans":[]}])", "query is empty");
  expect_refused(Dataset::kSynth, R"([{"query":"q","spans":[]}])", "no video");
  expect_refused(Dataset::kSynth, R"([{"video":"a","query":"q","spans":[],"duration":-1}])",
                 "duration");
  EXPECT_THROW(read(Dataset::kSynth, "{\"a\": "), Error);
  EXPECT_THROW(read_annotations(Dataset::kSynth, root_ / "none"), Error);
}

TEST_F(Annotations, KeepsKinds) {
  auto items = read(Dataset::kSynth, R"([{"video":"a","query":"q","spans":[],"kind":"absent"},)"
                                     R"({"video":"a","query":"r","spans":[[0,1]],"kind":"text"},)"
                                     R"({"video":"b","query":"s","spans":[[0,1]],"kind":"move"}])");
  const auto kept = keep_kinds(items, "text,absent");
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[1].id, items[1].id);
  EXPECT_THROW(keep_kinds(items, "text,fly"), Error);
}

TEST_F(Annotations, IdsAreUnique) {
  const auto items = read(Dataset::kQvHighlights,
                          R"([{"qid":1,"vid":"a","query":"q","relevant_windows":[[0,1]]},)"
                          R"({"qid":1,"vid":"b","query":"r","relevant_windows":[[0,1]]}])");
  EXPECT_NE(items.at(0).id, items.at(1).id);
}

TEST_F(Annotations, FindsVideosByNameOrExtension) {
  write("clip.webm", "x");
  EXPECT_EQ(find_video(root_, "clip"), root_ / "clip.webm");
  EXPECT_EQ(find_video(root_, "clip.webm"), root_ / "clip.webm");
  std::ofstream(root_ / "film.vob") << "x";
  EXPECT_EQ(find_video(root_, "film"), root_ / "film.vob");
  EXPECT_THROW(find_video(root_, "other"), Error);
}

TEST(Dataset, NamesGoBothWays) {
  for (Dataset dataset : {Dataset::kSynth, Dataset::kCharades, Dataset::kActivityNet,
                          Dataset::kQvHighlights, Dataset::kTimeLens}) {
    EXPECT_EQ(parse_dataset(dataset_name(dataset)), dataset);
  }
  EXPECT_FALSE(parse_dataset("coco"));
}

}  // namespace
}  // namespace shijian::eval
