// What /metrics tells Prometheus: counters and histograms that others feed, and the state of queue,
// caches and process as they are when somebody asks. The names are in docs/api.md.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <string>

#include "engine/engine.h"
#include "http/server.h"
#include "jobs/queue.h"

namespace shijian::server {

// Thread-safe.
class Metrics {
 public:
  Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void request(const http::AccessRecord& record);
  void answered(const grounding::Timing& timing, const grounding::Usage& usage,
                const grounding::Reuse& reuse);  // one job
  void uploaded(int64_t bytes);                  // one file

  // All of it in Prometheus' text format.
  std::string text(const jobs::JobQueue::Statistics& queue, const engine::CacheReport& caches,
                   const http::HttpServer::Statistics& http) const;

 private:
  void add_tokens(const char* kind, int64_t tokens);

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Histogram>& request_seconds_;
  prometheus::Family<prometheus::Histogram>& stage_seconds_;
  prometheus::Family<prometheus::Counter>& tokens_;
  prometheus::Counter& uploads_;
  prometheus::Counter& upload_bytes_;
};

}  // namespace shijian::server
