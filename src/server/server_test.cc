// The routes of docs/api.md, chats apart, as clients call them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "base/file.h"
#include "server/export.h"
#include "server/server_fixture.h"
#include "server/webhooks.h"
#include "video/image.h"
#include "video/probe.h"

namespace shijian::server {
namespace {

namespace fs = std::filesystem;

const fs::path kSource = SHIJIAN_SOURCE_DIR;

TEST_F(Server, AnswersTheScriptThatUsersKnow) {
  const http::TestAnswer answer =
      call("POST", "/api/v1/inference",
           R"({"video_path": "/app/videos/shapes.mp4", "query": "When does the scene cut?",
               "options": {"enable_temporal_grounding": true, "return_reasoning": true,
                           "output_format": "HH:MM:SS.sss", "frame_sampling_rate": 1,
                           "max_context_length": "16K"}})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json body = json(answer);
  EXPECT_TRUE(body["response"].is_string());
  EXPECT_TRUE(body["events"].is_array());
  EXPECT_EQ(body.contains("timestamp_range"), !body["events"].empty());
  EXPECT_EQ(body["video"]["path"], "shapes.mp4");
  const Json job = ended(body["job_id"].get<std::string>());
  EXPECT_EQ(job["state"], "done");
  EXPECT_NE(body["notes"].dump().find("no_reasoning"), std::string::npos) << "it was asked for";
  // Every moment that was looked at; lists of jobs stay small.
  EXPECT_EQ(body["sampling"]["times"].size(), body["sampling"]["frames"]);
  EXPECT_EQ(job["result"]["sampling"]["times"], body["sampling"]["times"]);
  const Json listed = json(call("GET", "/api/v1/jobs?limit=1"))["jobs"][0]["result"];
  EXPECT_EQ(listed["sampling"]["frames"], body["sampling"]["frames"]);
  EXPECT_FALSE(listed["sampling"].contains("times"));
}

TEST_F(Server, WordsWithoutGrounding) {
  const http::TestAnswer answer = call("POST", "/api/v1/inference",
                                 R"({"video_path": "shapes.mp4", "query": "What is there?",
        "options": {"enable_temporal_grounding": false, "max_new_tokens": 4}})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_FALSE(json(answer).contains("events"));
}

TEST_F(Server, RefusesWhatLeavesTheLibrary) {
  fs::create_symlink("/etc/passwd", folder_ / "videos" / "link.mp4");
  fs::create_symlink("/etc", folder_ / "videos" / "etc");
  for (const char* path :
       {"../jobs.db", "/etc/passwd", "a/../../jobs.db", "link.mp4", "etc/passwd",
        "/app/videos/../../jobs.db", "a\\\\b", "a\\u0000b", ".uploads/x", "a//b"}) {
    const http::TestAnswer answer = call("POST", "/api/v1/inference",
                                   fmt::format(R"({{"video_path": "{}", "query": "x"}})", path));
    EXPECT_EQ(answer.status, 403) << path << answer.body;
    EXPECT_EQ(answer.body.find(folder_.string()), std::string::npos);
  }
}

TEST_F(Server, TheLogSaysWhyAndNotWhatWasAsked) {
  call("POST", "/api/v1/inference", R"({"video_path": "../x", "query": "secret words"})");
  const http::AccessRecord refused = logged(403);
  EXPECT_EQ(refused.route, "/api/v1/inference");
  EXPECT_NE(refused.problem.find("leaves the library"), std::string::npos) << refused.problem;
  call("GET", "/api/v1/jobs?search=secret%20words&state=none");
  const http::AccessRecord wrong = logged(400);
  EXPECT_EQ(wrong.path, "/api/v1/jobs");
  EXPECT_EQ(wrong.problem.find("secret"), std::string::npos);
}

TEST_F(Server, RunsJobsAndTellsAboutThem) {
  const std::string body = fmt::format(
      R"({{"video_id": "{}", "queries": ["When is MENU on screen?", "什么时候切换?"]}})",
      video_id());
  const std::string headers = "Content-Type: application/json\r\nIdempotency-Key: k1\r\n";
  const http::TestAnswer first = call("POST", "/api/v1/jobs", body, headers);
  ASSERT_EQ(first.status, 202) << first.body;
  const Json jobs = json(first)["jobs"];
  ASSERT_EQ(jobs.size(), 2u);
  const Json again = json(call("POST", "/api/v1/jobs", body, headers));
  EXPECT_EQ(again["jobs"][0]["id"], jobs[0]["id"]);
  EXPECT_EQ(
      call("POST", "/api/v1/jobs", R"({"video_path": "shapes.mp4", "query": "else"})", headers)
          .status,
      409);
  const std::string id = jobs[0]["id"];
  const Json done = ended(id);
  EXPECT_EQ(done["state"], "done") << done;
  EXPECT_TRUE(done["result"]["events"].is_array());
  ended(jobs[1]["id"]);
  EXPECT_EQ(json(call("GET", "/api/v1/jobs?state=done"))["total"], 2);
  EXPECT_EQ(json(call("GET", "/api/v1/jobs?search=menu"))["total"], 1);
  EXPECT_EQ(call("GET", "/api/v1/jobs?state=over").status, 400);
  EXPECT_EQ(call("POST", "/api/v1/jobs/" + id + "/cancel").status, 409);
  EXPECT_EQ(call("POST", "/api/v1/jobs/" + id + "/retry").status, 409);

  const std::string path = "/api/v1/jobs/" + id + "/corrections";
  EXPECT_EQ(
      json(
          call("PUT", path,
               R"({"events": [{"start": 1, "end": 2.5, "label": "x"}]})"))["corrections"][0]["end"],
      2.5);
  EXPECT_EQ(call("PUT", path, R"({"events": [{"start": 3, "end": 2}]})").status, 422);
  EXPECT_EQ(call("PUT", path, "{}").status, 400);
  EXPECT_EQ(json(call("GET", "/api/v1/jobs/" + id))["corrections"].size(), 1u);
  EXPECT_TRUE(json(call("PUT", path, R"({"events": null})"))["corrections"].is_null());

  const int seen = done["result"]["sampling"]["frames"];
  const http::TestAnswer frames = call("GET", "/api/v1/jobs/" + id + "/frames?from=1&count=3");
  ASSERT_EQ(frames.status, 200) << frames.body;
  EXPECT_EQ(frames.headers.at("x-frame-count"), std::to_string(seen));
  EXPECT_EQ(frames.headers.at("x-frame-size"),
            fmt::format("{}x{}", done["result"]["sampling"]["width"].get<int>(),
                        done["result"]["sampling"]["height"].get<int>()));
  std::ofstream(folder_ / "strip.jpg", std::ios::binary) << frames.body;
  const tensor::Tensor strip = video::load_image(folder_ / "strip.jpg").rgb;
  EXPECT_EQ(fmt::format("{}x{}", strip.dim(1) / 3, strip.dim(0)),
            frames.headers.at("x-frame-size"));
  const video::FramePlan plan = engine_->plan(folder_ / "videos" / "shapes.mp4", {}).plan;
  EXPECT_EQ(frames.headers.at("x-frame-times"),
            fmt::format("{:.3f},{:.3f},{:.3f}", plan.times[1], plan.times[2], plan.times[3]));
  EXPECT_EQ(call("GET", fmt::format("/api/v1/jobs/{}/frames?from={}", id, seen)).status, 422);
  const Json times = json(call("GET", "/api/v1/jobs/" + id + "/frame-times"))["times"];
  ASSERT_EQ(times.size(), plan.times.size());
  for (size_t i = 0; i < times.size(); ++i) EXPECT_NEAR(times[i], plan.times[i], 0.0006);

  const http::TestAnswer cut = call("GET", "/api/v1/jobs/" + id + "/clip?mode=fast");
  if (done["result"]["events"].empty()) {
    EXPECT_EQ(cut.status, 409);
  } else {
    EXPECT_EQ(cut.headers.at("x-clip-parts"), std::to_string(done["result"]["events"].size()));
  }
  const http::TestAnswer events = call("GET", "/api/v1/jobs/" + id + "/events");
  EXPECT_NE(events.body.find(R"("state":"done")"), std::string::npos) << events.body;
  const std::string other = jobs[1]["id"];
  const auto exported = [&](const std::string& where) {
    return json(call("GET", "/api/v1/" + where));
  };
  EXPECT_TRUE(exported("jobs/" + id + "/export?format=json").is_object());
  EXPECT_EQ(exported("export?format=json&ids=" + id).size(), 1u);
  EXPECT_TRUE(exported("export?format=json&ids=" + id).is_array());
  EXPECT_EQ(exported("export?format=json&ids=" + id + "," + other)[1],
            exported("jobs/" + other + "/export?format=json"));

  EXPECT_EQ(call("DELETE", "/api/v1/jobs/" + id).status, 204);
  EXPECT_EQ(call("GET", "/api/v1/jobs/" + id).status, 404);
}

TEST_F(Server, AStreamBeginsWithAllOfTheAnswerSoFar) {
  worker_.reset();  // the test is the engine
  const std::string body = R"({"video_path": "shapes.mp4", "query": "When?"})";
  const std::string id = json(call("POST", "/api/v1/jobs", body))["jobs"][0]["id"];
  queue_->begin(id);
  queue_->text(id, "From 3 ");
  queue_->text(id, "to ");
  for (const std::string& of : {std::string(), "/jobs/" + id}) {
    http::TestClient client(http_->port());
    client.send("GET /api/v1" + of + "/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_FALSE(client.read_to(R"("stage":"probing")").empty()) << of;
    client.read_to("event: text");
    EXPECT_NE(client.read_to("}").find(R"("text":"From 3 to ","whole":true})"), std::string::npos);
    queue_->text(id, "5");
    client.read_to("event: text");
    EXPECT_NE(client.read_to("}").find(R"("text":"5"})"), std::string::npos);
    queue_->release(id);  // another attempt
    queue_->begin(id);
    queue_->text(id, "From 3 ");
    queue_->text(id, "to ");
    client.read_to("event: text");
    EXPECT_NE(client.read_to("}").find(R"("text":"From 3 ","whole":true})"), std::string::npos);
  }
}

TEST_F(Server, AStreamEndsWhereItWouldHaveAGap) {
  worker_.reset();  // the test is the engine
  const std::string body = R"({"video_path": "shapes.mp4", "query": "When?"})";
  const std::string id = json(call("POST", "/api/v1/jobs", body))["jobs"][0]["id"];
  queue_->begin(id);
  const std::string ask = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
  http::TestClient slow(http_->port());
  slow.send(ask);
  ASSERT_EQ(slow.read_head().status, 200);
  EXPECT_NE(slow.read_chunk().find("probing"), std::string::npos);
  // Far more than the system and the server keep for it.
  constexpr int kEvents = 300;
  std::atomic<bool> all{false};
  const int64_t watching = queue_->subscribe(
      id, [&all](const jobs::JobEvent& event) { all = event.progress.done == kEvents; });
  for (int i = 1; i <= kEvents; ++i) queue_->progress(id, {std::string(64 << 10, 'x'), i, kEvents});
  EXPECT_TRUE(http::becomes_true([&] { return all.load(); }, 60));
  queue_->unsubscribe(watching);
  std::string told;
  for (std::string chunk = slow.read_chunk(2); !chunk.empty(); chunk = slow.read_chunk(2))
    told += chunk;
  EXPECT_TRUE(told.ends_with("\n\n"));
  int events = 0;
  for (size_t at = 0; (at = told.find("\"done\":", at)) != told.npos; ++at) {
    EXPECT_EQ(std::atoi(told.c_str() + at + 7), ++events);
  }
  EXPECT_LT(events, kEvents);
  EXPECT_EQ(slow.ask("GET", "/healthz").status, 200);  // it has ended, it does not only pause
  slow.send(ask);
  EXPECT_NE(slow.read_to("\"total\"").find(fmt::format("\"done\":{},", kEvents)),
            std::string::npos);
}

TEST_F(Server, ACallerWhoLeavesCancelsTheJob) {
  std::string id;
  {
    http::TestClient client(http_->port());
    const std::string body = R"({"video_path": "shapes.mp4", "query": "When?",
        "options": {"frame_sampling_rate": 30, "max_frames": 400, "enable_temporal_grounding": false}})";
    client.send(
        fmt::format("POST /api/v1/inference HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                    "application/json\r\nContent-Length: {}\r\n\r\n{}",
                    body.size(), body));
    while (store_->jobs({}, {1, {}}).items.empty()) usleep(5000);
    id = store_->jobs({}, {1, {}}).items[0].id;
  }
  EXPECT_EQ(ended(id)["state"], "cancelled");
}

TEST_F(Server, TakesVideosInPiecesAndWhole) {
  const std::string video = read_file(kSource / "samples" / "shapes.mp4", size_t{1} << 24);
  const std::string known = video_id();
  // The same bytes under another name are the same video.
  const http::TestAnswer same = call("PUT", "/api/v1/videos/copy.mp4", video, "");
  EXPECT_EQ(same.status, 201) << same.body;
  EXPECT_EQ(json(same)["video"]["id"], known);
  EXPECT_FALSE(fs::exists(folder_ / "videos" / "copy.mp4"));
  EXPECT_EQ(call("DELETE", "/api/v1/videos/" + known).status, 204);
  EXPECT_EQ(call("GET", "/api/v1/videos/" + known).status, 404);

  const size_t half = video.size() / 2;
  const auto piece = [&](size_t begin, size_t end) {
    return call("PUT", "/api/v1/videos/pieces.mp4", video.substr(begin, end - begin),
                fmt::format("Content-Range: bytes {}-{}/{}\r\n", begin, end - 1, video.size()));
  };
  const std::string where = fmt::format("/api/v1/uploads/pieces.mp4?size={}", video.size());
  EXPECT_EQ(piece(half, video.size()).status, 409);  // the beginning is missing
  EXPECT_EQ(piece(0, half).status, 202);
  EXPECT_EQ(json(call("GET", where))["received"], half);
  const http::TestAnswer whole = piece(half, video.size());
  EXPECT_EQ(whole.status, 201) << whole.body;
  EXPECT_EQ(json(whole)["video"]["id"], known);
  EXPECT_EQ(json(call("GET", where))["received"], 0);
  EXPECT_EQ(read_file(folder_ / "videos" / "pieces.mp4", size_t{1} << 24), video);

  EXPECT_EQ(call("PUT", "/api/v1/videos/text.mp4", "no video", "").status, 415);
  EXPECT_EQ(call("PUT", "/api/v1/videos/broken.mp4", video.substr(0, 200), "").status, 415);
  EXPECT_TRUE(fs::is_empty(folder_ / "videos" / ".uploads"));
}

TEST_F(Server, ShowsVideos) {
  const std::string base = "/api/v1/videos/" + video_id();
  const http::TestAnswer strip = call("GET", base + "/thumbnails?count=4&height=60");
  EXPECT_EQ(strip.status, 200);
  EXPECT_EQ(strip.headers.at("content-type"), "image/jpeg");
  EXPECT_EQ(strip.headers.at("x-frame-size"), "80x60");
  EXPECT_EQ(strip.body.substr(0, 2), "\xff\xd8");
  const http::TestAnswer part = call("GET", base + "/content", "", "Range: bytes=4-7\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "ftyp");
  EXPECT_EQ(call("GET", base + "/thumbnails?count=0").status, 400);
}

TEST_F(Server, CutsClips) {
  const std::string clip = "/api/v1/videos/" + video_id() + "/clip";
  const auto probed = [&](const http::TestAnswer& answer) {
    const fs::path file = folder_ / "clip.mp4";
    std::ofstream(file, std::ios::binary) << answer.body;
    return video::probe(file);
  };
  const http::TestAnswer exact = call("GET", clip + "?from=2.02&to=3.02");
  ASSERT_EQ(exact.status, 200) << exact.body;
  EXPECT_EQ(exact.headers.at("content-type"), "video/mp4");
  EXPECT_EQ(exact.headers.at("x-clip-start"), "2.020");
  EXPECT_EQ(exact.headers.at("x-clip-end"), "3.020");
  EXPECT_NEAR(probed(exact).duration, 1, 0.001);
  const http::TestAnswer part = call("GET", clip + "?from=2.02&to=3.02", "", "Range: bytes=4-7\r\n");
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "ftyp");
  EXPECT_EQ(part.headers.at("etag"), exact.headers.at("etag"));
  const http::TestAnswer fast = call("GET", clip + "?from=2.02&to=3.02&mode=fast");
  ASSERT_EQ(fast.status, 200) << fast.body;
  const double from = std::stod(fast.headers.at("x-clip-start"));
  const double to = std::stod(fast.headers.at("x-clip-end"));
  EXPECT_LE(from, 2.02);
  EXPECT_GE(to, 3.02);
  EXPECT_NEAR(probed(fast).duration, to - from, 0.04);
  EXPECT_EQ(fast.headers.at("x-clip-sound"), "absent");
  const http::TestAnswer joined = call("GET", clip + "?spans=5-5.5,2.02-3.02");
  ASSERT_EQ(joined.status, 200) << joined.body;
  EXPECT_EQ(joined.headers.at("x-clip-spans"), "5.000-5.500,2.020-3.020");
  EXPECT_EQ(joined.headers.at("x-clip-parts"), "2");
  EXPECT_NEAR(probed(joined).duration, 1.5, 0.001);
  const http::TestAnswer zip =
      call("GET", "/api/v1/videos/" + video_id() + "/clips.zip?spans=5-5.5,2.02-3.02");
  ASSERT_EQ(zip.status, 200) << zip.body;
  EXPECT_EQ(zip.headers.at("content-type"), "application/zip");
  EXPECT_EQ(zip.headers.at("content-disposition"),
            "attachment; filename=\"clips.zip\"; filename*=UTF-8''shapes.zip");
  // The second file is the very clip.
  EXPECT_NE(zip.body.find("02 00.00.02.020-00.00.03.020.mp4" + exact.body), zip.body.npos);
  for (const char* query : {"", "?spans=", "?spans=1", "?spans=1-2,", "?spans=1-2;3-4",
                            "?spans=1-2,x-3", "?spans=1e2-3"}) {
    EXPECT_EQ(call("GET", "/api/v1/videos/" + video_id() + "/clips.zip" + query).status, 400)
        << query;
  }
  EXPECT_EQ(call("GET", clip + "?spans=0-400,0-400").status, 422);
  for (const char* query :
       {"?from=2&to=1", "?from=2&to=2", "?from=-1&to=1", "?from=900&to=901", "?from=0&to=5000"}) {
    EXPECT_EQ(call("GET", clip + query).status, 422) << query;
  }
  for (const char* query : {"", "?from=1", "?from=x&to=2", "?from=1&to=2&mode=best"}) {
    EXPECT_EQ(call("GET", clip + query).status, 400) << query;
  }
  EXPECT_EQ(call("GET", "/api/v1/videos/v0/clip?from=1&to=2").status, 404);
  EXPECT_TRUE(fs::is_empty(folder_ / "videos" / ".uploads"));
}

TEST_F(Server, CountsWhatItDoes) {
  const auto value = [&](const std::string& metric) {
    const std::string text = "\n" + call("GET", "/metrics").body;
    const size_t at = text.find("\n" + metric + " ");
    return at == std::string::npos ? -1.0 : std::stod(text.substr(at + metric.size() + 2));
  };
  // A request counts when its connection is done with it, a little after its answer is read.
  const auto expect_soon = [&](const std::string& metric, double wanted) {
    for (int i = 0; i < 500 && value(metric) != wanted; ++i) usleep(20000);
    EXPECT_EQ(value(metric), wanted) << metric;
  };
  EXPECT_EQ(value("shijian_jobs_queued"), 0);
  EXPECT_EQ(value("shijian_queue_capacity"), 20);
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  const std::string lookups = "shijian_feature_cache_lookups_total{outcome=\"miss\"}";
  EXPECT_GE(value(lookups), 0);
  const std::string body = R"({"video_path": "shapes.mp4", "query": "When does it begin?"})";
  ASSERT_EQ(call("POST", "/api/v1/inference", body).status, 200);
  EXPECT_EQ(value("shijian_jobs_total{state=\"done\"}"), 1);
  EXPECT_EQ(value("shijian_stage_seconds_count{stage=\"total\"}"), 1);
  EXPECT_GT(value("shijian_tokens_total{kind=\"generated\"}"), 0);
  expect_soon(
      "shijian_http_requests_total{method=\"POST\",route=\"/api/v1/inference\","
      "status=\"2xx\"}",
      1);
  EXPECT_EQ(call("GET", "/api/v1/jobs/none/frames").status, 404);
  expect_soon(
      "shijian_http_requests_total{method=\"GET\",route=\"/api/v1/jobs/{}/frames\","
      "status=\"4xx\"}",
      1);
  // What a client makes up is no label.
  EXPECT_EQ(call("BREW", "/coffee/1").status, 404);
  EXPECT_EQ(call("GET", "/metrics").body.find("coffee"), std::string::npos);
  expect_soon("shijian_http_requests_total{method=\"other\",route=\"none\",status=\"4xx\"}", 1);
  const std::string video = read_file(kSource / "samples" / "shapes.mp4", size_t{1} << 24);
  EXPECT_EQ(call("PUT", "/api/v1/videos/copy.mp4", video, "").status, 201);
  EXPECT_EQ(value("shijian_uploads_total"), 1);
  EXPECT_EQ(value("shijian_upload_bytes_total"), video.size());
}

TEST_F(Server, SaysHowItIs) {
  EXPECT_EQ(json(call("GET", "/healthz"))["status"], "alive");
  EXPECT_EQ(json(call("GET", "/readyz"))["status"], "ready");
  EXPECT_EQ(json(call("GET", "/api/v1/model"))["name"], "nano");
  EXPECT_EQ(json(call("GET", "/api/v1/queue"))["capacity"], 20);
  const http::TestAnswer page = call("GET", "/", "", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.headers.at("content-encoding"), "gzip");
}

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

TEST(Rfc3339, IsInUtcWithMilliseconds) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(1795372205123), "2026-11-22T18:30:05.123Z");
}

TEST_F(Server, FetchesFromAllowedHostsOnly) {
  const std::string there =
      fmt::format("http://127.0.0.1:{}/api/v1/videos/{}/content", http_->port(), video_id());
  const auto fetch = [&](const std::string& name) {
    return call("POST", "/api/v1/videos/fetch",
                fmt::format(R"({{"url": "{}", "name": "{}"}})", there, name));
  };
  EXPECT_EQ(fetch("a.mp4").status, 403);  // off
  service_->fetch.hosts = http::AllowedHosts({"127.0.0.1"});
  fs::rename(folder_ / "videos" / "shapes.mp4", folder_ / "shapes.mp4");
  EXPECT_EQ(fetch("a.mp4").status, 422);  // the other side answers 404
  EXPECT_EQ(fetch("../a.mp4").status, 403);
  fs::rename(folder_ / "shapes.mp4", folder_ / "videos" / "shapes.mp4");
  service_->fetch.max_bytes = 1000;
  EXPECT_EQ(fetch("a.mp4").status, 422);
  EXPECT_TRUE(fs::is_empty(library_->partial_folder()));
  service_->fetch.max_bytes = 1 << 30;
  const http::TestAnswer answer = fetch("a.mp4");
  ASSERT_EQ(answer.status, 201) << answer.body;
  EXPECT_EQ(json(answer)["video"]["name"], "shapes.mp4");  // the content is there already
}

TEST_F(Server, PostsEndedJobsSigned) {
  http::HttpOptions options;
  options.port = 0;
  http::HttpServer owner(options);
  std::mutex mutex;
  std::vector<http::HttpRequest> posts;
  owner.route("POST", "/hook", [&](const http::HttpRequest& request, auto reply) {
    const std::lock_guard lock(mutex);
    posts.push_back(request);
    http::HttpResponse response;
    response.status = posts.size() == 1 ? 503 : 204;  // the first time in vain
    reply->send(std::move(response));
  });
  owner.start();
  const auto submit = [&](const std::string& webhook) {
    return call("POST", "/api/v1/jobs",
                fmt::format(R"({{"video_path": "shapes.mp4", "query": "When does the scene cut?",
                                 "webhook": {}}})",
                            webhook));
  };
  const std::string url = fmt::format("http://127.0.0.1:{}/hook", owner.port());
  EXPECT_EQ(submit(fmt::format(R"({{"url": "{}", "secret": "s"}})", url)).status, 403);
  service_->webhook_hosts = http::AllowedHosts({"127.0.0.1"});
  EXPECT_EQ(submit(fmt::format(R"({{"url": "{}"}})", url)).status, 422);
  const Webhooks webhooks(*store_, service_->webhook_hosts);
  const http::TestAnswer answer = submit(fmt::format(R"({{"url": "{}", "secret": "s"}})", url));
  ASSERT_EQ(answer.status, 202) << answer.body;
  for (;;) {
    usleep(20000);
    const std::lock_guard lock(mutex);
    if (posts.size() == 2) break;
  }
  EXPECT_TRUE(http::becomes_true([&] { return !store_->next_webhook().has_value(); }));
  EXPECT_EQ(posts[0].body, posts[1].body);
  const Json body = Json::parse(posts[1].body);
  EXPECT_EQ(body["id"], json(answer)["jobs"][0]["id"]);
  EXPECT_EQ(body["state"], "done");
  EXPECT_EQ(posts[1].header("x-shijian-signature"),
            webhook_signature("s", posts[1].header("x-shijian-timestamp"), posts[1].body));
}

// RFC 4231, test case 2, whose text holds no point; the sum is that of the text with one, from
// `printf 'what do ya want .for nothing?' | openssl dgst -sha256 -hmac Jefe`.
TEST(WebhookSignature, IsHmacSha256) {
  EXPECT_EQ(webhook_signature("Jefe", "what do ya want ", "for nothing?"),
            "sha256=83fb3421ec48dc8ee8cd58e1f03bb1f80ae0110c64a82771c98a0cea22cecdd2");
}

}  // namespace
}  // namespace shijian::server
