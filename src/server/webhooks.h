// Tells the owners of jobs that they have ended: signed posts, tried again until they are taken.
#pragma once

#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/cancel.h"
#include "base/json.h"
#include "http/outgoing.h"
#include "jobs/store.h"

namespace shijian::server {

// "sha256=" and HMAC-SHA256 (RFC 2104) of `timestamp`, a point and `body`, in hexadecimal.
std::string webhook_signature(std::string_view secret, std::string_view timestamp,
                              std::string_view body);

class Webhooks {
 public:
  // Starts the thread that delivers what the store says is due, also from before a restart. `store`
  // outlives this. A try that the store cannot note is remembered until it can, so that nothing is
  // posted twice by one process; while the store fails, nothing more is posted.
  Webhooks(jobs::Store& store, http::AllowedHosts hosts);
  // Gives up what is on its way; it is due again at the next start.
  ~Webhooks() = default;
  Webhooks(const Webhooks&) = delete;
  Webhooks& operator=(const Webhooks&) = delete;

 private:
  struct DeliveryAttempt {
    jobs::Webhook webhook;
    bool delivered = false;
    OrderedJson failure;  // for the log
  };
  void loop(const std::stop_token& stop);
  void deliver_due(const std::stop_token& stop);
  void deliver(const jobs::Webhook& webhook, const std::stop_token& cancel);
  void record_attempts();

  jobs::Store& store_;
  const http::AllowedHosts hosts_;
  std::mutex mutex_;
  std::vector<DeliveryAttempt> attempts_;  // not noted by the store yet; under mutex_
  std::jthread thread_;
};

}  // namespace shijian::server
