// Jobs over HTTP: how they are submitted, followed, corrected, exported and cancelled.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>

#include "server/server_fixture.h"
#include "video/image.h"

namespace shijian::server {
namespace {

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
  // The video has 14.9 s.
  const http::TestAnswer beyond =
      call("PUT", path, R"({"events": [{"start": 1, "end": 2}, {"start": 1000, "end": 2000}]})");
  EXPECT_EQ(beyond.status, 422);
  EXPECT_EQ(json(beyond)["error"]["message"],
            "corrections: event 2 begins at 1000.000 s, and the video ends at 14.900 s");
  const Json cut_off = json(call("PUT", path, R"({"events": [{"start": 14.9, "end": 20}]})"));
  EXPECT_EQ(cut_off["corrections"][0]["start"], 14.9);
  EXPECT_EQ(cut_off["corrections"][0]["end"], 14.9);
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

}  // namespace
}  // namespace shijian::server
