// What the routes share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "engine/engine.h"
#include "http/outgoing.h"
#include "jobs/queue.h"
#include "server/engine_calls.h"
#include "server/executor.h"
#include "server/fetch.h"
#include "server/library.h"
#include "server/metrics.h"

namespace shijian::server {

// All outlive the HTTP server.
struct RouteContext {
  engine::Engine& engine;
  jobs::Store& store;
  jobs::JobQueue& queue;
  EngineCalls& calls;
  Library& library;
  Executor& executor;
  Metrics& metrics;
  std::string version;
  engine::ModelProfile profile;
  int64_t parameters = 0;                 // of the model
  int64_t max_upload = int64_t{8} << 30;  // bytes of one file
  FetchOptions fetch = {};
  http::AllowedHosts webhook_hosts = {};
  std::filesystem::path scratch = {};  // a folder for files that live as long as an answer
};

}  // namespace shijian::server
