// Connects the code that answers a request (on any thread) with the connection that sends the
// answer (on a thread of libmicrohttpd).
//
// Suspends a connection while its answer or the next piece of its stream is not available. Until
// it is resumed, libmicrohttpd neither times it out nor notices that its client disconnects
// (connection_watcher.h does). One mutex guards all of these decisions.
#pragma once

#include <microhttpd.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "http/response.h"
#include "http/server.h"

namespace shijian::http {

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  static constexpr size_t kMaxWaiting = size_t{1} << 20;  // bytes of a stream

  Exchange(MHD_Connection* connection, std::string id);

  // Filled in on its way in, constant from then on.
  HttpRequest request;
  bool chunks = true;  // what the client of a stream understands; HTTP/1.0 does not

  // --- From any thread.

  std::shared_ptr<HttpStream> send(HttpResponse response);
  void send_error(const Error& error);
  std::stop_token disconnected() const { return disconnect_source_.get_token(); }
  void on_disconnect(std::function<void()> callback);
  bool write(std::string piece);
  void close_stream();
  // The client has closed its side. Ends the exchange unless an answer is already being sent.
  void client_left();
  // Ends the exchange now, answered or not; its connection will not wait again.
  void abandon();

  // --- From the connection's thread.

  // Marks the request as processed by another thread, from begin_work() to end_work(), which any
  // thread may call. waits_for_work() returns whether that is still the case; the connection is
  // then suspended and resumed when the work ends.
  void begin_work();
  bool waits_for_work();
  void end_work();
  bool has_ended() const;
  // Hands the answer to the library, or lets the connection wait for it. MHD_NO: close it.
  MHD_Result proceed();
  // Writes the answer by hand, where the library takes none: in the middle of a body.
  void write_answer(int socket);
  // The library is done with the request. `complete`: all of the answer is on its way.
  void completed(bool complete);

  struct Outcome {
    int status = 0;
    int64_t bytes = 0;
    bool disconnected = false;
    std::string problem;
  };
  Outcome outcome() const;  // after completed()

 private:
  ssize_t read_stream(std::span<char> into);
  ssize_t close_from_reader(ssize_t how);  // under mutex_
  static ssize_t read_stream_callback(void* self, uint64_t position, char* into, size_t size);
  void wait();                                               // under mutex_
  void wake();                                               // under mutex_
  void end_disconnected(std::unique_lock<std::mutex> lock);  // unlocks, then tells who asked

  mutable std::mutex mutex_;
  MHD_Connection* connection_;  // null when completed
  bool suspended_ = false;
  bool answered_ = false;
  bool stream_ = false;  // the answer is one
  bool stream_closed_ = false;
  bool ended_ = false;              // gone or completed
  bool working_ = false;            // from begin_work() to end_work()
  std::optional<Response> answer_;  // until the library has it
  std::deque<std::string> pieces_;  // pieces of the stream that are not sent yet
  size_t waiting_ = 0;              // unsent bytes in pieces_
  size_t piece_at_ = 0;             // offset of the next unsent byte in pieces_.front()
  std::stop_source disconnect_source_;
  std::vector<std::function<void()>> disconnect_callbacks_;
  Outcome outcome_;
};

// What a handler holds: answers 500 when it is dropped without an answer.
std::shared_ptr<HttpReply> make_reply(std::shared_ptr<Exchange> exchange);

}  // namespace shijian::http
