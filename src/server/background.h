// A few threads for what HTTP threads must not wait for: hashing, probing, thumbnails, exports.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "http/server.h"

namespace shijian {

class Background {
 public:
  // At most `capacity` tasks wait; more are refused with HttpError(429).
  explicit Background(int threads = 2, size_t capacity = 200);
  ~Background();  // waits for the task that runs, drops those that wait
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Runs `work` and sends what it returns; an Error becomes the answer. Skipped when the client has
  // gone by then. `request_id` stands in an error's body.
  void answer(std::shared_ptr<HttpReply> reply, std::string request_id,
              std::function<HttpResponse()> work);
  // A task without an answer; must not throw.
  void run(std::function<void()> task);

 private:
  void loop();

  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// For a catch block: what was just caught, as an Error. Of memory that ran out it says that `what`
// needs more, with `hint` as the way out.
Error caught_error(std::string_view what, std::string hint = {});
// Likewise the answer; `param` is the part of the request that is wrong, if one is.
HttpResponse caught_response(const std::string& request_id, const std::string& param = {});

// Sends what `work` returns, or the Error that it throws, as the answer.
void answer_now(HttpReply& reply, const std::string& request_id,
                const std::function<HttpResponse()>& work);

}  // namespace shijian
