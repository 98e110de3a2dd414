#include "server/webhooks.h"

#include <gnutls/crypto.h>

#include <array>
#include <chrono>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "server/views.h"

namespace shijian {
namespace {

constexpr auto kBetweenLooks = std::chrono::milliseconds(250);
constexpr int kAtOnce = 8;  // a host that does not answer holds up no more than its own

}  // namespace

std::string webhook_signature(std::string_view secret, std::string_view timestamp,
                              std::string_view body) {
  const std::string text = fmt::format("{}.{}", timestamp, body);
  std::array<unsigned char, 32> digest;
  const int code = gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret.data(), secret.size(), text.data(),
                                    text.size(), digest.data());
  CHECK(code == 0, "HMAC-SHA256: {}", code);
  std::string hex = "sha256=";
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

Webhooks::Webhooks(Store& store, AllowedHosts hosts)
    : store_(store), hosts_(std::move(hosts)), thread_([this] { loop(); }) {}

Webhooks::~Webhooks() {
  stop_.cancel();
  { const std::lock_guard lock(mutex_); }
  stopped_.notify_all();
  thread_.join();
}

void Webhooks::loop() {
  const CancelToken stopped = stop_.token();
  while (!stopped.cancelled()) {
    std::vector<std::thread> deliveries;
    try {
      for (const Webhook& webhook : store_.due_webhooks(kAtOnce)) {
        deliveries.emplace_back([this, webhook] { deliver(webhook); });
      }
    } catch (const Error&) {  // the disk is full or gone: what is due stays due
    }
    for (std::thread& delivery : deliveries) delivery.join();
    std::unique_lock lock(mutex_);
    if (deliveries.empty()) {
      stopped_.wait_for(lock, kBetweenLooks, [&] { return stopped.cancelled(); });
    }
  }
}

void Webhooks::deliver(const Webhook& webhook) {
  bool delivered = false;
  OrderedJson failure = {{"job", webhook.job_id}};
  try {
    const AllowedUrl to = hosts_.check(webhook.url);
    failure["host"] = to.host;  // the rest of a URL may be a secret
    const std::string body = write_json(job_json(store_.job(webhook.job_id), {}));
    const std::string timestamp = std::to_string(store_.now() / 1000);
    const int status =
        post_json(to, body,
                  {{"X-Shijian-Timestamp", timestamp},
                   {"X-Shijian-Signature", webhook_signature(webhook.secret, timestamp, body)}},
                  stop_.token());
    delivered = status >= 200 && status < 300;
    failure["status"] = status;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kCancelled) return;
    failure["cause"] = error.message();
  }
  try {
    if (store_.webhook_tried(webhook, delivered)) {
      failure["tries"] = webhook.tries + 1;
      log_event(LogLevel::kWarning, "webhook_failed", failure);
    }
  } catch (const Error&) {  // the disk is full: it is posted once more
  }
}

}  // namespace shijian
