// OpenTimelineIO's JSON: one track that holds the moments one after the other.
#include "base/json.h"
#include "exchange/timeline.h"
#include "exchange/writers.h"

namespace shijian::exchange {
namespace {

OrderedJson rational_time(int64_t frames, const EditRate& rate) {
  return {{"OTIO_SCHEMA", "RationalTime.1"},
          {"rate", rate.value()},
          {"value", static_cast<double>(frames)}};
}

OrderedJson time_range(int64_t start, int64_t frames, const EditRate& rate) {
  return {{"OTIO_SCHEMA", "TimeRange.1"},
          {"duration", rational_time(frames, rate)},
          {"start_time", rational_time(start, rate)}};
}

OrderedJson item(const char* schema, const std::string& name) {
  return {
      {"OTIO_SCHEMA", schema},   {"metadata", OrderedJson::object()}, {"name", name},
      {"source_range", nullptr}, {"effects", Json::array()},          {"markers", Json::array()},
      {"enabled", true}};
}

OrderedJson clip(const EditTimeline& timeline, const EditMoment& moment) {
  const EditMedia& media = timeline.of(moment);
  OrderedJson json = item("Clip.1", moment.label);
  OrderedJson facts = {{"question", moment.question}, {"start", moment.start}, {"end", moment.end}};
  if (moment.confidence) facts["confidence"] = *moment.confidence;
  json["metadata"]["shijian"] = std::move(facts);
  json["source_range"] =
      time_range(media.start.frame + moment.in, moment.out - moment.in, media.rate);
  json["media_reference"] = {
      {"OTIO_SCHEMA", "ExternalReference.1"},
      {"metadata", OrderedJson::object()},
      {"name", media.name},
      {"available_range", time_range(media.start.frame, media.frames, media.rate)},
      {"target_url", media.url}};
  return json;
}

}  // namespace

std::string write_otio(std::span<const grounding::Answer> answers, const ExportOptions& options) {
  const EditTimeline timeline = edit_timeline(answers, options.folder);
  OrderedJson track = item("Track.1", "moments");
  track["kind"] = "Video";
  track["children"] = OrderedJson::array();
  for (const EditMoment& moment : timeline.moments) {
    track["children"].push_back(clip(timeline, moment));
  }
  OrderedJson stack = item("Stack.1", "tracks");
  stack["children"] = OrderedJson::array({std::move(track)});
  const OrderedJson document = {
      {"OTIO_SCHEMA", "Timeline.1"},
      {"metadata", OrderedJson::object()},
      {"name", timeline.media.empty() ? "Shijian" : timeline.media[0].name},
      {"global_start_time", nullptr},
      {"tracks", std::move(stack)}};
  return document.dump(2) + "\n";
}

}  // namespace shijian::exchange
