#include "http/exchange.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace shijian::http {

namespace {

// Closes the stream when its last writer is gone.
class StreamHandle : public HttpStream {
 public:
  explicit StreamHandle(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  ~StreamHandle() override { exchange_->close_stream(); }
  bool write(std::string piece) override { return exchange_->write(std::move(piece)); }
  void close() override { exchange_->close_stream(); }

 private:
  std::shared_ptr<Exchange> exchange_;
};

// What send() gives to whoever wanted a stream when the request is answered already.
class NoStream : public HttpStream {
 public:
  bool write(std::string) override { return false; }
  void close() override {}
};

class ReplyHandle : public HttpReply {
 public:
  explicit ReplyHandle(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}
  ~ReplyHandle() override {
    exchange_->send_error(Error(ErrorCode::kInternal, "the handler dropped its reply"_text));
  }
  std::shared_ptr<HttpStream> send(HttpResponse response) override {
    return exchange_->send(std::move(response));
  }
  std::stop_token disconnected() const override { return exchange_->disconnected(); }
  void on_disconnect(std::function<void()> callback) override {
    exchange_->on_disconnect(std::move(callback));
  }

 private:
  std::shared_ptr<Exchange> exchange_;
};

// Nothing when there is no memory.
MHD_Response* library_response(Response& answer, MHD_ContentReaderCallback read_stream,
                               std::shared_ptr<Exchange> exchange) {
  if (answer.stream) {
    constexpr size_t kBlock = 4096;  // used for HTTP/1.0 clients alone
    auto* owner = new std::shared_ptr<Exchange>(std::move(exchange));
    return MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, kBlock, read_stream, owner,
        [](void* self) { delete static_cast<std::shared_ptr<Exchange>*>(self); });
  }
  if (answer.file.get() >= 0 && answer.size > 0)
    return MHD_create_response_from_fd_at_offset64(answer.size, answer.file.release(),
                                                   answer.offset);
  return MHD_create_response_from_buffer(answer.body.size(), answer.body.data(),
                                         MHD_RESPMEM_MUST_COPY);
}

}  // namespace

std::shared_ptr<HttpReply> make_reply(std::shared_ptr<Exchange> exchange) {
  return std::make_shared<ReplyHandle>(std::move(exchange));
}

Exchange::Exchange(MHD_Connection* connection, std::string id) : connection_(connection) {
  request.id = std::move(id);
}

std::shared_ptr<HttpStream> Exchange::send(HttpResponse response) {
  const bool stream = response.stream;
  Response answer;
  try {
    answer = make_response(std::move(response), request);
  } catch (const Error& error) {
    answer = make_response(error_response(error, request.id), request);
  }
  const std::lock_guard lock(mutex_);
  if (!answered_ && !ended_) {
    answered_ = true;
    stream_ = answer.stream;
    outcome_.status = answer.status;
    outcome_.bytes = request.method == "HEAD" ? 0 : static_cast<int64_t>(answer.size);
    outcome_.problem = std::move(answer.problem);
    answer_ = std::move(answer);
    wake();
    if (stream_) return std::make_shared<StreamHandle>(shared_from_this());
  }
  return stream ? std::make_shared<NoStream>() : nullptr;
}

void Exchange::send_error(const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    if (answered_ || ended_) return;
  }
  send(error_response(error, request.id));
}

void Exchange::on_disconnect(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_) {
      disconnect_callbacks_.push_back(std::move(callback));
      return;
    }
    if (!outcome_.disconnected) return;
  }
  callback();
}

bool Exchange::write(std::string piece) {
  const std::lock_guard lock(mutex_);
  if (ended_ || stream_closed_ || piece.size() > kMaxWaiting - waiting_) return false;
  if (piece.empty()) return true;
  waiting_ += piece.size();
  pieces_.push_back(std::move(piece));
  wake();
  return true;
}

void Exchange::close_stream() {
  const std::lock_guard lock(mutex_);
  stream_closed_ = true;
  wake();
}

void Exchange::client_left() {
  std::unique_lock lock(mutex_);
  if (ended_ || (answered_ && !stream_)) return;
  end_disconnected(std::move(lock));
}

void Exchange::abandon() {
  std::unique_lock lock(mutex_);
  if (!ended_) end_disconnected(std::move(lock));
}

void Exchange::end_disconnected(std::unique_lock<std::mutex> lock) {
  ended_ = true;
  outcome_.disconnected = true;
  pieces_.clear();
  const auto callbacks = std::exchange(disconnect_callbacks_, {});
  wake();
  lock.unlock();
  // Runs the callbacks of whoever works on the answer, which may call this object again.
  disconnect_source_.request_stop();
  for (const auto& callback : callbacks) {
    try {
      callback();
    } catch (const std::exception&) {  // such as too many tasks: it ends no thread of the library
    }
  }
}

void Exchange::wait() {
  MHD_suspend_connection(connection_);
  suspended_ = true;
}

void Exchange::wake() {
  if (!suspended_) return;
  suspended_ = false;
  MHD_resume_connection(connection_);
}

void Exchange::begin_work() {
  const std::lock_guard lock(mutex_);
  working_ = true;
}

void Exchange::end_work() {
  const std::lock_guard lock(mutex_);
  working_ = false;
  wake();
}

bool Exchange::waits_for_work() {
  const std::lock_guard lock(mutex_);
  if (!working_ || ended_) return false;
  wait();
  return true;
}

bool Exchange::has_ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

MHD_Result Exchange::proceed() {
  Response answer;
  MHD_Connection* connection = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return MHD_NO;
    if (!answer_) {
      wait();
      return MHD_YES;
    }
    answer = std::move(*answer_);
    answer_.reset();
    connection = connection_;
  }
  MHD_Response* response = library_response(answer, &read_stream_callback, shared_from_this());
  if (!response) return MHD_NO;
  for (const auto& [name, value] : answer.headers)
    MHD_add_response_header(response, name.c_str(), value.c_str());
  const MHD_Result result =
      MHD_queue_response(connection, static_cast<unsigned>(answer.status), response);
  MHD_destroy_response(response);
  return result;
}

void Exchange::write_answer(int socket) {
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    if (!answer_) return;
    text = wire_text(*answer_);
    answer_.reset();
  }
  // A few hundred bytes into an empty send buffer.
  (void)::send(socket, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

ssize_t Exchange::read_stream_callback(void* self, uint64_t, char* into, size_t size) {
  return (*static_cast<std::shared_ptr<Exchange>*>(self))->read_stream(std::span(into, size));
}

ssize_t Exchange::read_stream(std::span<char> into) {
  const std::lock_guard lock(mutex_);
  if (ended_) return close_from_reader(MHD_CONTENT_READER_END_WITH_ERROR);
  if (pieces_.empty()) {
    if (stream_closed_) {
      return chunks ? MHD_CONTENT_READER_END_OF_STREAM
                    : close_from_reader(MHD_CONTENT_READER_END_OF_STREAM);
    }
    wait();
    return 0;
  }
  size_t filled = 0;
  while (filled < into.size() && !pieces_.empty()) {
    const std::string& piece = pieces_.front();
    const size_t count = std::min(piece.size() - piece_at_, into.size() - filled);
    std::memcpy(into.data() + filled, piece.data() + piece_at_, count);
    filled += count;
    piece_at_ += count;
    if (piece_at_ == piece.size()) {
      pieces_.pop_front();
      piece_at_ = 0;
    }
  }
  waiting_ -= filled;
  outcome_.bytes += static_cast<int64_t>(filled);
  return static_cast<ssize_t>(filled);
}

// A connection that the library closes because of what its reader says (an error, or the end of an
// answer without chunks) is released when the library next looks at it. But it is on no list of
// those that are ready any more, and the list by age is gone through only up to the first
// connection that lives: behind a quiet one that is older, it would stay, with its socket, until
// its idle time is over (libmicrohttpd 0.9.75 to 1.0). A resumed connection is looked at in the
// next round, whatever has become of it.
ssize_t Exchange::close_from_reader(ssize_t how) {
  MHD_suspend_connection(connection_);
  MHD_resume_connection(connection_);
  return how;
}

void Exchange::completed(bool complete) {
  std::unique_lock lock(mutex_);
  connection_ = nullptr;
  suspended_ = false;
  if (ended_) return;
  // A stream that nobody closed was cut, or left out (HEAD): its writer has to hear of it.
  if (!complete || (stream_ && !stream_closed_)) {
    end_disconnected(std::move(lock));
    return;
  }
  ended_ = true;
  const auto callbacks = std::exchange(disconnect_callbacks_, {});
  lock.unlock();  // what the callbacks hold may lock something of its own when it goes
}

Exchange::Outcome Exchange::outcome() const {
  const std::lock_guard lock(mutex_);
  return outcome_;
}

}  // namespace shijian::http
