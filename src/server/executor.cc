#include "server/executor.h"

#include <exception>
#include <new>

#include "base/log.h"

namespace shijian::server {

Lane::Lane(int threads, size_t capacity) : capacity_(capacity) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { loop(stop); });
  }
}

void Lane::loop(const std::stop_token& stop) {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, stop, [this] { return !tasks_.empty(); });
      if (stop.stop_requested()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    try {
      task();
    } catch (...) {
      log_event(LogLevel::kError, "task_failed",
                {{"message", caught_error("a task"_text).message()}});
    }
  }
}

void Lane::run(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    if (tasks_.size() >= capacity_) {
      throw http::HttpError(429, "the server is busy with other files"_text,
                            "try again in a moment"_text, 1);
    }
    tasks_.push_back(std::move(task));
  }
  arrived_.notify_one();
}

void Lane::answer(std::shared_ptr<http::HttpReply> reply, std::string request_id,
                  std::function<http::HttpResponse()> work) {
  run([reply = std::move(reply), id = std::move(request_id), work = std::move(work)] {
    if (!reply->disconnected().stop_requested()) answer_now(*reply, id, work);
  });
}

Error caught_error(const Text& what, const Text& hint) {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {ErrorCode::kNoMemory, "{} needs more memory than there is"_text(what), hint};
  } catch (const std::exception& error) {
    return {ErrorCode::kInternal, Text::words(error.what())};
  } catch (...) {
    return {ErrorCode::kInternal, "the handler threw what is no exception"_text};
  }
}

http::HttpResponse caught_response(const std::string& request_id, const std::string& param) {
  try {
    throw;
  } catch (const Error& error) {  // as it is: it may have a status of its own
    return http::error_response(error, request_id, param);
  } catch (...) {
    return http::error_response(caught_error("this"_text), request_id);
  }
}

void answer_now(http::HttpReply& reply, const std::string& request_id,
                const std::function<http::HttpResponse()>& work) {
  http::HttpResponse response;
  try {
    response = work();
  } catch (...) {
    response = caught_response(request_id);
  }
  reply.send(std::move(response));
}

}  // namespace shijian::server
