#include "server/export.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/json.h"

namespace shijian::server {
namespace {

TEST(Export, WritesWhatEditorsRead) {
  jobs::Job job;
  job.id = "j";
  job.state = jobs::JobState::kDone;
  job.query = "the cut";
  job.video_name = "a.mp4";
  job.result = R"({"response": "x", "video": {"duration": 20.0, "frame_rate": 25.0},
                   "events": [{"start": 1.5, "end": 3.0, "label": "cut", "confidence": 0.9}]})";
  EXPECT_EQ(export_job(job, "edl").body,
            "TITLE: SHIJIAN\nFCM: NON-DROP FRAME\n"
            "001  AX       V     C        00:00:01:13 00:00:03:00 00:00:00:00 00:00:01:12\n"
            "* FROM CLIP NAME: a.mp4\n* COMMENT: cut\n");
  // Frames 1000 to 1100, and 400000 (after 3.7 hours), at 30000/1001 a second.
  jobs::Job television = job;
  television.result = R"({"response": "x", "video": {"duration": 20000.0, "frame_rate": 29.970},
      "events": [{"start": 33.367, "end": 36.703}, {"start": 13346.667, "end": 13346.700}]})";
  const std::string edl = export_job(television, "edl").body;
  // Without a time code of its own, that of a television rate follows the clock.
  EXPECT_NE(edl.find("FCM: DROP FRAME\n"), edl.npos) << edl;
  EXPECT_NE(edl.find("00:00:33;10 00:00:36;20 00:00:00;00 00:00:03;10\n"), edl.npos) << edl;
  EXPECT_NE(edl.find("03:42:26;20 03:42:26;21 00:00:03;10 00:00:03;11\n"), edl.npos) << edl;
  EXPECT_NE(export_job(job, "srt").body.find("00:00:01,500 --> 00:00:03,000"), std::string::npos);
  job.corrections = R"([{"start": 2.000, "end": 4.000, "label": "mine"}])";
  EXPECT_NE(export_job(job, "csv").body.find("a.mp4,the cut,2.000,4.000"), std::string::npos)
      << export_job(job, "csv").body;
  EXPECT_EQ(Json::parse(export_job(job, "json").body)["corrections"][0]["label"], "mine");
  const Json corrected = Json::parse(export_job(job, "json").body);
  EXPECT_EQ(corrected["events"][0]["start"], 2.0);
  EXPECT_EQ(corrected["events"][0]["end_text"], "00:00:04.000");
  EXPECT_TRUE(corrected["events"][0]["confidence"].is_null());
  EXPECT_EQ(corrected["timestamp_range"], (Json{"00:00:02.000", "00:00:04.000"}));
  EXPECT_EQ(corrected["model_events"][0]["confidence"], 0.9);
  // What the model had right keeps its confidence.
  jobs::Job kept = job;
  kept.corrections = R"([{"start": 1.5, "end": 3.0, "label": "cut"}])";
  EXPECT_EQ(Json::parse(export_job(kept, "json").body)["events"][0]["confidence"], 0.9);
  const Json list = Json::parse(export_jobs(std::vector{job}, "json").body);
  ASSERT_TRUE(list.is_array());
  EXPECT_EQ(list[0]["corrections"][0]["label"], "mine");
  EXPECT_THROW(export_job(job, "pdf"), http::HttpError);
  job.state = jobs::JobState::kQueued;
  EXPECT_THROW(export_job(job, "csv"), Error);
}

TEST(Export, JsonHasWhatAPersonSetInThePlaceOfTheModelsEvents) {
  jobs::Job job;
  job.id = "j";
  job.state = jobs::JobState::kDone;
  job.options = R"({"output_format": "MM:SS.ff"})";
  job.result = R"({"response": "x", "events": [{"start": 1.5, "end": 3.0, "start_text": "00:01.50",
      "end_text": "00:03.00", "label": "cut", "confidence": 1.0, "end_uncertainty": 0.1}],
      "timestamp_range": ["00:01.50", "00:03.00"], "model": "nano",
      "video": {"duration": 200.0, "frame_rate": 25.0}})";
  EXPECT_FALSE(Json::parse(export_job(job, "json").body).contains("model_events"));
  job.corrections = R"([{"start": 100.000, "end": 140.000, "label": "late"},
                        {"start": 2.000, "end": 4.250, "label": "mine"}])";
  const OrderedJson corrected = OrderedJson::parse(export_job(job, "json").body);
  EXPECT_EQ(corrected["events"].dump(),
            R"([{"start":100.0,"end":140.0,"start_text":"01:40.00","end_text":"02:20.00",)"
            R"("label":"late","confidence":null},{"start":2.0,"end":4.25,"start_text":"00:02.00",)"
            R"("end_text":"00:04.25","label":"mine","confidence":null}])");
  EXPECT_EQ(corrected["timestamp_range"].dump(), R"(["00:02.00","02:20.00"])");
  EXPECT_EQ(corrected["model_events"][0]["start"], 1.5);
  EXPECT_EQ(corrected["model_events"][0]["confidence"], 1.0);
  EXPECT_EQ(corrected["model_timestamp_range"].dump(), R"(["00:01.50","00:03.00"])");
  EXPECT_EQ(corrected["model"], "nano");
  // A person may say that there is nothing; and a job may have asked for words alone.
  job.corrections = "[]";
  const Json none = Json::parse(export_job(job, "json").body);
  EXPECT_EQ(none["events"], Json::array());
  EXPECT_FALSE(none.contains("timestamp_range"));
  EXPECT_EQ(none["model_timestamp_range"][1], "00:03.00");
  job.result = R"({"response": "words"})";
  job.corrections = R"([{"start": 2.000, "end": 4.000, "label": ""}])";
  const Json words = Json::parse(export_job(job, "json").body);
  EXPECT_EQ(words["events"][0]["end"], 4.0);
  EXPECT_EQ(words["model_events"], Json::array());
  EXPECT_FALSE(words.contains("model_timestamp_range"));
}

}  // namespace
}  // namespace shijian::server
