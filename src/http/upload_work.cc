#include "http/upload_work.h"

#include <exception>
#include <string>
#include <utility>

#include "base/error.h"

namespace shijian::http {

bool answer_errors(Exchange& exchange, const std::function<void()>& call) {
  try {
    call();
    return true;
  } catch (const Error& error) {
    exchange.send_error(error);
  } catch (const std::exception& error) {
    exchange.send_error(Error(ErrorCode::kInternal, Text::words(error.what())));
  } catch (...) {
    exchange.send_error(Error(ErrorCode::kInternal, "the handler threw what is no exception"_text));
  }
  return false;
}

void UploadWork::begin() {
  post([this] { upload_ = route_.upload(exchange_->request); }, true);
}

void UploadWork::write(std::span<const std::byte> bytes) {
  if (!route_.runner) {
    post([this, bytes] { upload_->write(bytes); }, false);
    return;
  }
  post([this, copy = std::string(reinterpret_cast<const char*>(bytes.data()),
                                 bytes.size())] { upload_->write(std::as_bytes(std::span(copy))); },
       true);
}

void UploadWork::finish(std::shared_ptr<HttpReply> reply) {
  post(
      [this, reply = std::move(reply)] {
        upload_->finish(reply);
        upload_.reset();
      },
      false);
}

void UploadWork::drop() {
  try {
    post([this] { upload_.reset(); }, false);
  } catch (const Error&) {  // the runner is full: the destructor destroys the upload
  }
}

void UploadWork::post(Call call, bool is_work) {
  auto guarded = [this, call = std::move(call)] {
    if (refused_) return;
    answer_errors(*exchange_, [&] {
      try {
        call();
      } catch (...) {
        refused_ = true;
        upload_.reset();  // what it has made is gone before the client hears
        throw;
      }
    });
  };
  if (!route_.runner) {
    guarded();
    return;
  }
  if (is_work) exchange_->begin_work();
  const std::lock_guard lock(mutex_);
  calls_.push_back([this, is_work, guarded = std::move(guarded)] {
    guarded();
    if (is_work) exchange_->end_work();
  });
  if (running_) return;
  try {
    route_.runner([self = shared_from_this()] { self->run(); });
    running_ = true;
  } catch (...) {
    calls_.pop_back();
    refused_ = true;
    if (is_work) exchange_->end_work();
    throw;
  }
}

void UploadWork::run() {
  for (;;) {
    Call call;
    {
      const std::lock_guard lock(mutex_);
      if (calls_.empty()) {
        running_ = false;
        return;
      }
      call = std::move(calls_.front());
      calls_.pop_front();
    }
    call();
  }
}

}  // namespace shijian::http
