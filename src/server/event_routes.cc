#include <map>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/backoff.h"
#include "http/sse.h"
#include "server/json_fields.h"
#include "server/routes.h"
#include "server/views.h"

namespace shijian::server {
namespace {

http::HttpResponse stream_response() {
  http::HttpResponse response;
  response.content_type = std::string(http::kEventStreamType);
  response.stream = true;
  return response;
}

std::string event_text(const jobs::JobEvent& event) {
  if (!event.text.empty()) {
    OrderedJson data = {{"id", event.id}, {"text", event.text}};
    if (event.whole) data["whole"] = true;
    return http::sse_event("text", write_json(data));
  }
  return http::sse_event("job", write_json(job_event_json(event)));
}

// Sends an event. Closes the stream of a client that reads too slowly, since a gap would go
// unnoticed; the client gets the current state when it reconnects.
void tell(http::HttpStream& stream, const jobs::JobEvent& event) {
  if (!stream.write(event_text(event))) stream.close();
}

}  // namespace

// Writes a comment to quiet streams, so that proxies and clients know that they live; ends the
// subscriptions of those whose client has gone.
class EventStreams {
 public:
  explicit EventStreams(jobs::JobQueue& queue)
      : queue_(queue), thread_([this](const std::stop_token& stop) { beat(stop); }) {}
  ~EventStreams() {
    thread_.request_stop();
    thread_.join();
    for (const auto& [subscription, stream] : streams_) queue_.unsubscribe(subscription);
  }

  void add(int64_t subscription, std::shared_ptr<http::HttpStream> stream) {
    const std::lock_guard lock(mutex_);
    streams_[subscription] = std::move(stream);
  }
  void remove(int64_t subscription) {
    queue_.unsubscribe(subscription);
    const std::lock_guard lock(mutex_);
    streams_.erase(subscription);
  }

 private:
  void beat(const std::stop_token& stop) {
    while (sleep_unless_stopped(stop, std::chrono::seconds(15))) {
      const std::lock_guard lock(mutex_);
      // A stream that takes nothing more has ended with its job or is stuck.
      std::erase_if(streams_, [this](const auto& entry) {
        if (entry.second->write(http::sse_comment("alive"))) return false;
        queue_.unsubscribe(entry.first);
        return true;
      });
    }
  }

  jobs::JobQueue& queue_;
  std::mutex mutex_;
  std::map<int64_t, std::shared_ptr<http::HttpStream>> streams_;
  std::jthread thread_;
};

void add_event_routes(http::HttpServer& http, RouteContext& context) {
  auto streams = std::make_shared<EventStreams>(context.queue);
  http.route("GET", "/api/v1/jobs/{}/events",
             [&context, streams](const http::HttpRequest& request,
                                 const std::shared_ptr<http::HttpReply>& reply) {
               context.executor.jobs.run([&context, streams, reply, id = request.captures[0],
                                          request_id = request.id] {
                 try {
                   context.store.job(id);  // kNotFound before the stream begins
                 } catch (...) {
                   reply->send(caught_response(request_id));
                   return;
                 }
                 const auto stream = reply->send(stream_response());
                 const int64_t subscription =
                     context.queue.subscribe(id, [stream](const jobs::JobEvent& event) {
                       tell(*stream, event);
                       if (event.job) stream->close();
                     });
                 streams->add(subscription, stream);
                 reply->on_disconnect([streams, subscription] { streams->remove(subscription); });
               });
             });
  http.route(
      "GET", "/api/v1/events",
      [&context, streams](const http::HttpRequest&, const std::shared_ptr<http::HttpReply>& reply) {
        const auto stream = reply->send(stream_response());
        const int64_t subscription = context.queue.subscribe_all(
            [stream](const jobs::JobEvent& event) { tell(*stream, event); });
        streams->add(subscription, stream);
        reply->on_disconnect([streams, subscription] { streams->remove(subscription); });
      });
}

}  // namespace shijian::server
