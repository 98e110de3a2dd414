// Threads for work that HTTP threads must not block on: the disk, other servers, decoders, and the
// parsing of requests for the engine.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "http/server.h"

namespace shijian::server {

// A few threads and the tasks that wait for them.
class Lane {
 public:
  // At most `capacity` tasks wait; more are refused with HttpError(429).
  Lane(int threads, size_t capacity);
  // Waits for the tasks that run, drops those that wait.
  ~Lane() = default;
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // Runs `work` and sends what it returns; an Error becomes the answer. Skipped when the client has
  // gone by then. `request_id` stands in an error's body.
  void answer(std::shared_ptr<http::HttpReply> reply, std::string request_id,
              std::function<http::HttpResponse()> work);
  // A task without an answer. What it throws is logged.
  void run(std::function<void()> task);

 private:
  void loop(const std::stop_token& stop);

  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable_any arrived_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::jthread> threads_;
};

// Every route that waits for something has its lane, so that what is slow holds up its own kind
// alone.
struct Executor {
  Lane files{2, 200};       // videos of the library: listing, probing
  Lane thumbnails{2, 200};  // decoding for the page
  Lane jobs{2, 500};        // the store: jobs and their history
  Lane submits{2, 200};     // jobs on their way in, whose videos are looked at
  Lane uploads{2, 2000};    // pieces of uploads
  Lane chat{4, 50};         // chats on their way in, whose media may have to be fetched
  Lane fetch{4, 50};        // downloads
  Lane clips{1, 20};        // cutting
};

// Converts the exception being handled in a catch block to an Error. For exhausted memory the
// message says that `what` needs more, with `hint`.
Error caught_error(const Text& what, const Text& hint = {});
// Converts the exception being handled to an answer; `param` names the invalid part of the request.
http::HttpResponse caught_response(const std::string& request_id, const std::string& param = {});

// Sends what `work` returns, or the Error that it throws, as the answer.
void answer_now(http::HttpReply& reply, const std::string& request_id,
                const std::function<http::HttpResponse()>& work);

}  // namespace shijian::server
