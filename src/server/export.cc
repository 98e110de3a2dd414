#include "server/export.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "grounding/output.h"

namespace shijian {
namespace {

std::vector<Event> read_events(const Json& list) {
  std::vector<Event> events;
  for (const Json& item : list) {
    Event event;
    event.start = item.value("start", 0.0);
    event.end = item.value("end", 0.0);
    event.label = item.value("label", "");
    if (item.contains("confidence") && item["confidence"].is_number()) {
      event.confidence = item["confidence"].get<double>();
    }
    events.push_back(std::move(event));
  }
  return events;
}

// What the text formats need of an answer.
Answer read_result(const Job& job) {
  if (job.state != JobState::kDone) {
    throw Error(ErrorCode::kConflict,
                fmt::format("export job {}: it is {}", job.id, job_state_name(job.state)),
                "only finished jobs can be exported");
  }
  const Json result = parse_json(job.result, "the database");
  Answer answer;
  answer.question = job.query;
  answer.response = result.value("response", "");
  answer.events =
      read_events(job.corrections.empty() ? result.value("events", Json::array())
                                          : parse_json(job.corrections, "the database"));
  answer.video.path = job.video_name;
  const Json video = result.value("video", Json::object());
  answer.video.duration = video.value("duration", 0.0);
  answer.video.frame_rate = video.value("frame_rate", 25.0);
  return answer;
}

std::string json_text(std::span<const Job> jobs, bool as_list) {
  OrderedJson list = OrderedJson::array();
  for (const Job& job : jobs) {
    read_result(job);
    OrderedJson item = parse_ordered_json(job.result, "the database");
    if (!job.corrections.empty()) {
      item["corrections"] = parse_ordered_json(job.corrections, "the database");
    }
    list.push_back(std::move(item));
  }
  return write_json(as_list ? list : list[0], 2) + "\n";
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return text;
}

// HH:MM:SS:FF without drop frames.
std::string edl_time(int64_t frames, int64_t rate) {
  return fmt::format("{:02}:{:02}:{:02}:{:02}", frames / rate / 3600, frames / rate / 60 % 60,
                     frames / rate % 60, frames % rate);
}

// Answers have three decimals of it; those of television are a thousandth below a whole rate.
double exact_rate(double rate) {
  const double television = std::round(rate) * 1000 / 1001;
  return std::abs(television - rate) < 0.001 ? television : rate;
}

std::string edl_text(std::span<const Answer> answers) {
  std::string out = "TITLE: SHIJIAN\nFCM: NON-DROP FRAME\n";
  int number = 0;
  int64_t record = 0;
  for (const Answer& answer : answers) {
    // Frames are those of the video; the time code counts them at the nearest whole rate.
    const double frames = exact_rate(answer.video.frame_rate);
    const int64_t rate = std::max<int64_t>(1, std::llround(frames));
    for (const Event& event : answer.events) {
      const int64_t start = std::llround(event.start * frames);
      const int64_t end = std::max<int64_t>(start + 1, std::llround(event.end * frames));
      out += fmt::format("{:03}  AX       V     C        {} {} {} {}\n", ++number,
                         edl_time(start, rate), edl_time(end, rate), edl_time(record, rate),
                         edl_time(record + end - start, rate));
      out += fmt::format("* FROM CLIP NAME: {}\n* COMMENT: {}\n", one_line(answer.video.path),
                         one_line(event.label));
      record += end - start;
    }
  }
  return out;
}

HttpResponse export_file(std::span<const Job> jobs, std::string_view format, bool as_list) {
  HttpResponse response;
  if (format == "json") {
    response.body = json_text(jobs, as_list);
  } else {
    std::vector<Answer> answers;
    for (const Job& job : jobs) answers.push_back(read_result(job));
    if (format == "edl") {
      response.content_type = "text/plain; charset=utf-8";
      response.body = edl_text(answers);
    } else {
      const auto known = parse_output_format(format);
      if (!known || *known == OutputFormat::kText) {
        throw HttpError(400, fmt::format("'format' is '{}'", format),
                        "there are json, csv, srt, vtt and edl");
      }
      response.content_type = format == "csv"   ? "text/csv; charset=utf-8"
                              : format == "vtt" ? "text/vtt; charset=utf-8"
                                                : "application/x-subrip; charset=utf-8";
      response.body = format_answers(answers, {*known, TimeFormat::kHoursMillis});
    }
  }
  response.headers.emplace_back("Content-Disposition",
                                fmt::format("attachment; filename=\"shijian.{}\"", format));
  return response;
}

}  // namespace

HttpResponse export_jobs(std::span<const Job> jobs, std::string_view format) {
  return export_file(jobs, format, /*as_list=*/true);
}

HttpResponse export_job(const Job& job, std::string_view format) {
  return export_file({&job, 1}, format, /*as_list=*/false);
}

}  // namespace shijian
