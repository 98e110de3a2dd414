#include "server/webhooks.h"

#include <gnutls/crypto.h>

#include <array>
#include <exception>

#include "base/backoff.h"
#include "base/error.h"
#include "base/log.h"
#include "server/views.h"

namespace shijian::server {
namespace {

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

Webhooks::Webhooks(jobs::Store& store, http::AllowedHosts hosts)
    : store_(store),
      hosts_(std::move(hosts)),
      thread_([this](const std::stop_token& stop) { loop(stop); }) {}

void Webhooks::loop(const std::stop_token& stop) {
  Backoff backoff;
  while (!stop.stop_requested()) {
    try {
      const uint64_t seen = store_.webhooks_due();
      record_attempts();
      deliver_due(stop);
      record_attempts();
      backoff.reset();
      store_.wait_for_webhook(seen, stop);
    } catch (const std::exception& error) {
      const auto pause = backoff.next();
      log_event(LogLevel::kWarning, "webhooks_wait",
                {{"message", error.what()}, {"milliseconds", pause.count()}});
      sleep_unless_stopped(stop, pause);
    }
  }
}

void Webhooks::deliver_due(const std::stop_token& stop) {
  const std::vector<jobs::Webhook> due = store_.due_webhooks(kAtOnce);
  std::vector<std::jthread> deliveries;
  deliveries.reserve(due.size());
  for (const jobs::Webhook& webhook : due) {
    deliveries.emplace_back([this, webhook, stop] { deliver(webhook, stop); });
  }
}

// Posts a webhook and appends the attempt to attempts_. Appends nothing when it was cancelled or
// the store could not be read; the webhook then stays due.
void Webhooks::deliver(const jobs::Webhook& webhook, const std::stop_token& cancel) {
  DeliveryAttempt tried{webhook, false, {{"job", webhook.job_id}}};
  try {
    const http::AllowedUrl to = hosts_.check(webhook.url);
    tried.failure["host"] = to.host;  // the rest of a URL may be a secret
    const std::string body =
        write_json(job_json(store_.job(webhook.job_id), {}, Language::kEnglish));
    const std::string timestamp = std::to_string(store_.now() / 1000);
    const int status = http::post_json(
        to, body,
        {{"X-Shijian-Timestamp", timestamp},
         {"X-Shijian-Signature", webhook_signature(webhook.secret, timestamp, body)}},
        cancel);
    tried.delivered = status >= 200 && status < 300;
    tried.failure["status"] = status;
  } catch (const jobs::StoreError& error) {
    log_event(LogLevel::kWarning, "webhook_put_off", {{"message", error.message()}});
    return;
  } catch (const std::exception& error) {
    if (cancel.stop_requested()) return;
    tried.failure["cause"] = error.what();
  }
  const std::lock_guard lock(mutex_);
  attempts_.push_back(std::move(tried));
}

// Throws, and keeps what is left, when the store refuses.
void Webhooks::record_attempts() {
  const std::lock_guard lock(mutex_);
  while (!attempts_.empty()) {
    const DeliveryAttempt& tried = attempts_.back();
    if (store_.webhook_tried(tried.webhook, tried.delivered)) {
      OrderedJson failure = tried.failure;
      failure["tries"] = tried.webhook.tries + 1;
      log_event(LogLevel::kWarning, "webhook_failed", failure);
    }
    attempts_.pop_back();
  }
}

}  // namespace shijian::server
