#include "server/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <fstream>
#include <utility>
#include <vector>

namespace shijian::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

// Seconds: a request is done in milliseconds, a stage over a long video in minutes.
const prometheus::Histogram::BucketBoundaries kRequestBuckets = {0.001, 0.005, 0.025, 0.1,
                                                                 0.5,   2.5,   10,    60};
const prometheus::Histogram::BucketBoundaries kStageBuckets = {0.01, 0.05, 0.25, 1,
                                                               5,    30,   120,  600};

struct Value {
  double value = 0;
  std::vector<ClientMetric::Label> labels = {};
};

MetricFamily family(MetricType type, const char* name, const char* help,
                    const std::vector<Value>& values) {
  MetricFamily family{name, help, type, {}};
  for (const Value& value : values) {
    ClientMetric& metric = family.metric.emplace_back();
    metric.label = value.labels;
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value.value;
  }
  return family;
}

MetricFamily counter(const char* name, const char* help, const std::vector<Value>& values) {
  return family(MetricType::Counter, name, help, values);
}
MetricFamily gauge(const char* name, const char* help, double value) {
  return family(MetricType::Gauge, name, help, {{value}});
}

// Bytes in memory; 0 where the system does not say.
double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double pages = 0, resident = 0;
  file >> pages >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

Metrics::Metrics()
    : requests_(prometheus::BuildCounter()
                    .Name("shijian_http_requests_total")
                    .Help("Requests answered, by route and class of status")
                    .Register(registry_)),
      request_seconds_(prometheus::BuildHistogram()
                           .Name("shijian_http_request_seconds")
                           .Help("From a request's first line to its answer's end")
                           .Register(registry_)),
      stage_seconds_(prometheus::BuildHistogram()
                         .Name("shijian_stage_seconds")
                         .Help("Work for one job, by stage")
                         .Register(registry_)),
      tokens_(prometheus::BuildCounter()
                  .Name("shijian_tokens_total")
                  .Help("Tokens of prompts and answers, by kind")
                  .Register(registry_)),
      uploads_(prometheus::BuildCounter()
                   .Name("shijian_uploads_total")
                   .Help("Files taken into the library")
                   .Register(registry_)
                   .Add({})),
      upload_bytes_(prometheus::BuildCounter()
                        .Name("shijian_upload_bytes_total")
                        .Help("Bytes of the files taken into the library")
                        .Register(registry_)
                        .Add({})) {}

void Metrics::request(const http::AccessRecord& record) {
  // Only what the server knows becomes a label: a client must not be able to make new ones.
  const bool known = !record.route.empty();
  const std::string method = known ? record.method : "other";
  const std::string route = known ? record.route : "none";
  const std::string status = record.status == 0 ? "none" : fmt::format("{}xx", record.status / 100);
  requests_.Add({{"method", method}, {"route", route}, {"status", status}}).Increment();
  request_seconds_.Add({{"route", route}}, kRequestBuckets).Observe(record.seconds);
}

void Metrics::add_tokens(const char* kind, int64_t tokens) {
  tokens_.Add({{"kind", kind}}).Increment(static_cast<double>(tokens));
}

void Metrics::answered(const grounding::Timing& timing, const grounding::Usage& usage,
                       const grounding::Reuse& reuse) {
  for (const auto& [stage, seconds] :
       {std::pair{"decode", timing.decode}, std::pair{"vision", timing.vision},
        std::pair{"prefill", timing.prefill}, std::pair{"generation", timing.generation},
        std::pair{"total", timing.total}}) {
    stage_seconds_.Add({{"stage", stage}}, kStageBuckets).Observe(seconds);
  }
  add_tokens("prompt", usage.prompt_tokens);
  add_tokens("vision", usage.vision_tokens);
  add_tokens("generated", usage.generated_tokens);
  add_tokens("reused", reuse.prefix_tokens);
}

void Metrics::uploaded(int64_t bytes) {
  uploads_.Increment();
  upload_bytes_.Increment(static_cast<double>(bytes));
}

std::string Metrics::text(const jobs::JobQueue::Statistics& queue,
                          const engine::CacheReport& caches,
                          const http::HttpServer::Statistics& http) const {
  const auto number = [](int64_t value) { return static_cast<double>(value); };
  std::vector<MetricFamily> all = registry_.Collect();
  all.push_back(gauge("shijian_jobs_queued", "Jobs that wait", number(queue.queued)));
  all.push_back(gauge("shijian_jobs_running", "Jobs that run", number(queue.running)));
  all.push_back(gauge("shijian_queue_capacity", "Jobs that may wait", number(queue.capacity)));
  all.push_back(gauge("shijian_queue_oldest_seconds", "Age of the job that waits longest",
                      queue.oldest_seconds));
  all.push_back(counter("shijian_jobs_total", "Jobs that ended since the start, by state",
                        {{number(queue.done), {{"state", "done"}}},
                         {number(queue.failed), {{"state", "failed"}}},
                         {number(queue.cancelled), {{"state", "cancelled"}}}}));
  all.push_back(counter("shijian_feature_cache_lookups_total",
                        "Chunks of vision features looked for on disk, by outcome",
                        {{number(caches.disk.hits), {{"outcome", "hit"}}},
                         {number(caches.disk.misses), {{"outcome", "miss"}}}}));
  all.push_back(counter("shijian_feature_cache_damaged_total", "Cache files that did not check out",
                        {{number(caches.disk.damaged)}}));
  all.push_back(gauge("shijian_prefix_cache_bytes", "Keys and values kept in memory",
                      number(caches.prefix_bytes)));
  all.push_back(gauge("shijian_http_connections", "Open connections", number(http.connections)));
  all.push_back(
      gauge("process_resident_memory_bytes", "Resident memory in bytes", resident_bytes()));
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace shijian::server
