// Tells the owners of jobs that they have ended: signed posts, tried again until they are taken.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/cancel.h"
#include "http/outgoing.h"
#include "jobs/store.h"

namespace shijian {

// "sha256=" and HMAC-SHA256 (RFC 2104) of `timestamp`, a point and `body`, in hexadecimal.
std::string webhook_signature(std::string_view secret, std::string_view timestamp,
                              std::string_view body);

class Webhooks {
 public:
  // Starts the thread that delivers what the store says is due, also from before a restart. `store`
  // outlives this.
  Webhooks(Store& store, AllowedHosts hosts);
  ~Webhooks();  // gives up what is on its way; it is due again at the next start
  Webhooks(const Webhooks&) = delete;
  Webhooks& operator=(const Webhooks&) = delete;

 private:
  void loop();
  void deliver(const Webhook& webhook);

  Store& store_;
  const AllowedHosts hosts_;
  CancelSource stop_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::thread thread_;
};

}  // namespace shijian
