#include "server/background.h"

#include <exception>
#include <new>

namespace shijian {

Background::Background(int threads, size_t capacity) : capacity_(capacity) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { loop(); });
}

Background::~Background() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    tasks_.clear();
  }
  arrived_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Background::loop() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

void Background::run(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || tasks_.size() >= capacity_) {
      throw HttpError(429, "the server is busy with other files", "try again in a moment", 1);
    }
    tasks_.push_back(std::move(task));
  }
  arrived_.notify_one();
}

void Background::answer(std::shared_ptr<HttpReply> reply, std::string request_id,
                        std::function<HttpResponse()> work) {
  run([reply = std::move(reply), id = std::move(request_id), work = std::move(work)] {
    if (!reply->gone().cancelled()) answer_now(*reply, id, work);
  });
}

Error caught_error(std::string_view what, std::string hint) {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {ErrorCode::kNoMemory, fmt::format("{} needs more memory than there is", what),
            std::move(hint)};
  } catch (const std::exception& error) {
    return {ErrorCode::kInternal, error.what()};
  }
}

HttpResponse caught_response(const std::string& request_id, const std::string& param) {
  try {
    throw;
  } catch (const Error& error) {  // as it is: it may have a status of its own
    return error_response(error, request_id, param);
  } catch (...) {
    return error_response(caught_error("this"), request_id);
  }
}

void answer_now(HttpReply& reply, const std::string& request_id,
                const std::function<HttpResponse()>& work) {
  HttpResponse response;
  try {
    response = work();
  } catch (...) {
    response = caught_response(request_id);
  }
  reply.send(std::move(response));
}

}  // namespace shijian
