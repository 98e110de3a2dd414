#include "server/export.h"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "base/json.h"
#include "base/time_code.h"
#include "exchange/formats.h"
#include "grounding/prompt.h"

namespace shijian::server {
namespace {

// "30000/1001", or what an answer of before has: three decimals of its mean rate.
EditRate read_rate(const Json& video) {
  const std::string text = video.value("edit_rate", "");
  EditRate rate;
  if (std::sscanf(text.c_str(), "%" SCNd64 "/%" SCNd64, &rate.num, &rate.den) == 2 &&
      rate.num > 0 && rate.den > 0) {
    return rate;
  }
  const double value = std::clamp(video.value("frame_rate", 25.0), 0.001, 1000.0);
  rate = {std::max<int64_t>(1, std::llround(value)), 1};
  if (std::abs(value - rate.value() * 1000 / 1001) < 0.001) rate = {rate.num * 1000, 1001};
  return rate;
}

// Converts a person's corrections to events of an answer. An event whose times equal the model's
// keeps all its fields; any other has no confidence.
OrderedJson corrected_events(const OrderedJson& model, const OrderedJson& corrections,
                             TimeFormat time_format, double frame_rate) {
  OrderedJson events = OrderedJson::array();
  for (const OrderedJson& item : corrections) {
    const double start = item.value("start", 0.0), end = item.value("end", 0.0);
    const auto same = std::find_if(model.begin(), model.end(), [&](const OrderedJson& event) {
      return std::abs(event.value("start", -1.0) - start) < 0.0005 &&
             std::abs(event.value("end", -1.0) - end) < 0.0005;
    });
    OrderedJson event =
        same != model.end()
            ? *same
            : OrderedJson{{"start", item["start"]},
                          {"end", item["end"]},
                          {"start_text", format_time(start, time_format, frame_rate)},
                          {"end_text", format_time(end, time_format, frame_rate)},
                          {"label", ""},
                          {"confidence", nullptr}};
    if (item.contains("label")) event["label"] = item["label"];
    events.push_back(std::move(event));
  }
  return events;
}

// The answer with what a person corrected: `events` and `timestamp_range` are theirs, the model's
// own stand beside them.
OrderedJson exported_result(const jobs::Job& job) {
  if (job.state != jobs::JobState::kDone) {
    throw Error(ErrorCode::kConflict,
                "export job {}: it is {}"_text(job.id, jobs::job_state_text(job.state)),
                "only finished jobs can be exported"_text);
  }
  OrderedJson result = parse_ordered_json(job.result, "the database"_text);
  if (job.corrections.empty()) return result;
  const OrderedJson corrections = parse_ordered_json(job.corrections, "the database"_text);
  const OrderedJson options = job.options.empty()
                                  ? OrderedJson::object()
                                  : parse_ordered_json(job.options, "the database"_text);
  const TimeFormat time_format =
      parse_time_format(options.value("output_format", "")).value_or(TimeFormat::kHoursMillis);
  const OrderedJson model = result.value("events", OrderedJson::array());
  const OrderedJson video = result.value("video", OrderedJson::object());
  OrderedJson events =
      corrected_events(model, corrections, time_format, video.value("frame_rate", 25.0));
  result["model_events"] = model;
  if (result.contains("timestamp_range")) {
    result["model_timestamp_range"] = result["timestamp_range"];
    result.erase("timestamp_range");
  }
  if (!events.empty()) {
    const auto before = [](const char* key) {
      return [key](const OrderedJson& a, const OrderedJson& b) {
        return a.value(key, 0.0) < b.value(key, 0.0);
      };
    };
    result["timestamp_range"] = {
        (*std::min_element(events.begin(), events.end(), before("start")))["start_text"],
        (*std::max_element(events.begin(), events.end(), before("end")))["end_text"]};
  }
  result["events"] = std::move(events);
  result["corrections"] = corrections;
  return result;
}

// What the formats need of an answer.
grounding::Answer read_result(const jobs::Job& job) {
  const OrderedJson result = exported_result(job);
  grounding::Answer answer;
  answer.question = job.query;
  answer.language = grounding::detect_language(job.query);
  answer.response = result.value("response", "");
  for (const OrderedJson& item : result.value("events", OrderedJson::array())) {
    grounding::Event event;
    event.start = item.value("start", 0.0);
    event.end = item.value("end", 0.0);
    event.label = item.value("label", "");
    if (item.contains("confidence") && item["confidence"].is_number()) {
      event.confidence = item["confidence"].get<double>();
    }
    answer.events.push_back(std::move(event));
  }
  answer.video.path = job.video_name;
  const Json video = result.value("video", OrderedJson::object());
  answer.video.duration = video.value("duration", 0.0);
  answer.video.frame_rate = video.value("frame_rate", 25.0);
  answer.video.constant_rate = video.value("constant_rate", true);
  answer.video.width = video.value("width", 0);
  answer.video.height = video.value("height", 0);
  answer.video.start_time = video.value("start_time", 0.0);
  answer.video.edit_rate = read_rate(video);
  if (video.contains("start_timecode") && video["start_timecode"].is_string()) {
    answer.video.start_timecode = video["start_timecode"];
  }
  answer.video.sound = video.value("sound", false);
  return answer;
}

std::string json_text(std::span<const jobs::Job> jobs, bool as_list) {
  OrderedJson list = OrderedJson::array();
  for (const jobs::Job& job : jobs) list.push_back(exported_result(job));
  return write_json(as_list ? list : list[0], 2) + "\n";
}

// "shijian.edl", "shijian-youtube.txt".
std::string file_name(const exchange::ExportFormat& format) {
  return format.name == format.extension
             ? fmt::format("shijian.{}", format.extension)
             : fmt::format("shijian-{}.{}", format.name, format.extension);
}

http::HttpResponse export_file(std::span<const jobs::Job> jobs, std::string_view name,
                               bool as_list) {
  const exchange::ExportFormat* format = exchange::find_export_format(name);
  if (format == nullptr) {
    throw http::HttpError(400, "'format' is '{}'"_text(name),
                          "the formats are {}"_text(
                              fmt::format("{}", fmt::join(exchange::export_format_names(), ", "))));
  }
  http::HttpResponse response;
  response.content_type = format->mime_type;
  if (format->name == "json") {
    response.body = json_text(jobs, as_list);
  } else {
    std::vector<grounding::Answer> answers;
    for (const jobs::Job& job : jobs) answers.push_back(read_result(job));
    response.body = exchange::write_export(*format, answers, {});
  }
  response.headers.emplace_back("Content-Disposition",
                                fmt::format("attachment; filename=\"{}\"", file_name(*format)));
  return response;
}

}  // namespace

std::vector<grounding::Event> exported_events(const jobs::Job& job) {
  return read_result(job).events;
}

http::HttpResponse export_jobs(std::span<const jobs::Job> jobs, std::string_view format) {
  return export_file(jobs, format, /*as_list=*/true);
}

http::HttpResponse export_job(const jobs::Job& job, std::string_view format) {
  return export_file({&job, 1}, format, /*as_list=*/false);
}

}  // namespace shijian::server
