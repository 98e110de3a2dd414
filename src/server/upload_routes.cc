#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "http/multipart.h"
#include "server/fetch.h"
#include "server/json_fields.h"
#include "server/routes.h"
#include "server/uploads.h"

namespace shijian::server {
namespace {

struct Shared {
  explicit Shared(RouteContext& s) : context(s), uploads(s.library) {}
  RouteContext& context;
  Uploads uploads;
};

void check_size(const RouteContext& context, int64_t bytes) {
  if (bytes > context.max_upload) {
    throw http::HttpError(
        413, "a file of {} bytes, at most {} are taken"_text(bytes, context.max_upload));
  }
}

std::vector<jobs::Video> accept(RouteContext& context,
                                const std::vector<Library::Upload>& uploads) {
  std::vector<jobs::Video> videos = context.library.accept(uploads);
  for (const jobs::Video& video : videos) context.metrics.uploaded(video.size);
  return videos;
}

// Owns complete uploads until the library accepts them; removes those that it does not accept.
class Complete {
 public:
  explicit Complete(std::vector<Library::Upload> files) : files_(std::move(files)) {}
  ~Complete() {
    std::error_code ignored;
    for (const Library::Upload& file : files_) std::filesystem::remove(file.file, ignored);
  }
  Complete(const Complete&) = delete;
  Complete& operator=(const Complete&) = delete;
  std::vector<Library::Upload> take() { return std::exchange(files_, {}); }

 private:
  std::vector<Library::Upload> files_;
};

struct ReleaseAtEnd {
  Uploads::Claim* claim;  // null: none is held
  ~ReleaseAtEnd() {
    if (claim != nullptr) claim->release();
  }
};

http::HttpResponse video_response(const jobs::Video& video) {
  return json_response({{"video", video_json(video)}}, 201);
}

// PUT with the raw bytes, of the whole file or of a piece.
class RawUpload : public http::HttpUpload {
 public:
  RawUpload(std::shared_ptr<Shared> shared, const http::HttpRequest& request)
      : shared_(std::move(shared)), name_(upload_name(request.captures[0])), id_(request.id) {
    shared_->context.library.check_upload(name_);
    shared_->uploads.sweep();
    const std::string_view range = request.header("content-range");
    if (range.empty()) {
      quota_.emplace(shared_->context.library);
      file_.emplace(fresh_upload_path(shared_->context.library.partial_folder()), false);
      return;
    }
    range_ = parse_content_range(range);
    check_size(shared_->context, range_->total);
    const auto path = shared_->uploads.path_of(name_, range_->total);
    claim_ = std::make_shared<Uploads::Claim>(shared_->uploads, path);
    const int64_t received = shared_->uploads.received(name_, range_->total);
    if (range_->first > received) {
      throw http::HttpError(
          409, "the piece begins at {}, {} bytes are there"_text(range_->first, received),
          "GET /api/v1/uploads says where to go on"_text);
    }
    shared_->context.library.check_quota(range_->total - received);
    file_.emplace(path, true);
    file_->cut(range_->first);  // a piece may be sent again
  }

  // A connection that breaks off leaves the pieces that came, and nothing of a whole file.
  ~RawUpload() override {
    if (file_ && range_) try_keep();
  }

  void write(std::span<const std::byte> bytes) override {
    file_->write(bytes);
    check_size(shared_->context, file_->size());
    if (quota_) quota_->check(file_->size());
    if (range_ && file_->size() > range_->last + 1) {
      file_->cut(range_->first);
      throw http::HttpError(400, "the body is longer than its Content-Range"_text);
    }
  }

  void finish(std::shared_ptr<http::HttpReply> reply) override {
    if (range_ && file_->size() < range_->total) {
      const int64_t received = file_->size();
      try_keep();
      claim_->release();  // the client may send the next piece as soon as it has the answer
      reply->send(json_response({{"received", received}}, 202));
      return;
    }
    const auto path = file_->release();
    const auto file =
        std::make_shared<Complete>(std::vector{Library::Upload{name_, path, file_->hash()}});
    file_.reset();
    // The claim is held until the file is taken in: a piece that is sent again must not touch it.
    // It is released before the answer.
    shared_->context.executor.files.answer(
        std::move(reply), id_, [shared = shared_, file, claim = std::move(claim_)] {
          const ReleaseAtEnd release{claim.get()};
          return video_response(accept(shared->context, file->take()).front());
        });
  }

 private:
  void try_keep() {
    try {
      file_->keep();
    } catch (const Error&) {  // the piece is sent again
    }
    file_.reset();
  }

  std::shared_ptr<Shared> shared_;
  std::string name_, id_;
  std::optional<UploadQuota> quota_;  // of a whole file; what a piece needs is known beforehand
  std::optional<ContentRange> range_;
  std::shared_ptr<Uploads::Claim> claim_;
  std::optional<PartialFile> file_;
};

// POST of a form with any number of files.
class FormUpload : public http::HttpUpload, public http::MultipartSink {
 public:
  FormUpload(std::shared_ptr<Shared> shared, const http::HttpRequest& request)
      : shared_(std::move(shared)),
        id_(request.id),
        quota_(shared_->context.library),
        reader_(request.header("content-type"), *this) {
    shared_->uploads.sweep();
  }

  ~FormUpload() override {
    std::error_code ignored;
    for (const Library::Upload& upload : complete_) std::filesystem::remove(upload.file, ignored);
  }

  void write(std::span<const std::byte> bytes) override { reader_.write(bytes); }

  void begin_part(const http::MultipartPart& part) override {
    if (part.filename.empty()) return;
    name_ = upload_name(part.filename);
    shared_->context.library.check_upload(name_);
    file_.emplace(fresh_upload_path(shared_->context.library.partial_folder()), false);
  }
  void part_bytes(std::span<const std::byte> bytes) override {
    if (!file_) return;
    file_->write(bytes);
    check_size(shared_->context, file_->size());
    quota_.check(complete_bytes_ + file_->size());
  }
  void end_part() override {
    if (!file_) return;
    complete_bytes_ += file_->size();
    const auto path = file_->release();
    complete_.push_back({name_, path, file_->hash()});
    file_.reset();
  }

  void finish(std::shared_ptr<http::HttpReply> reply) override {
    reader_.finish();
    if (complete_.empty()) throw http::HttpError(400, "the form holds no file"_text);
    const auto files = std::make_shared<Complete>(std::exchange(complete_, {}));
    shared_->context.executor.files.answer(std::move(reply), id_, [shared = shared_, files] {
      OrderedJson list = OrderedJson::array();
      for (const jobs::Video& video : accept(shared->context, files->take())) {
        list.push_back(video_json(video));
      }
      return json_response({{"videos", list}}, 201);
    });
  }

 private:
  std::shared_ptr<Shared> shared_;
  std::string id_;
  UploadQuota quota_;
  http::MultipartReader reader_;
  std::string name_;
  std::optional<PartialFile> file_;
  std::vector<Library::Upload> complete_;
  int64_t complete_bytes_ = 0;
};

int64_t total_of(const http::HttpRequest& request) {
  const int64_t total = query_integer(request, "size", 0, 1, int64_t{1} << 50);
  if (total == 0)
    throw http::HttpError(400, "'size' is missing"_text,
                          "the size of the whole file, in bytes"_text);
  return total;
}

}  // namespace

void add_upload_routes(http::HttpServer& http, RouteContext& context) {
  http.route(
      "POST", "/api/v1/videos/fetch", [&context](const http::HttpRequest& request, auto reply) {
        const Json body = json_object(request);
        JsonFields fields(body, "fetch");
        const auto url = fields.text("url"), name = fields.text("name", 1000);
        fields.done();
        if (!url) throw Error(ErrorCode::kUsage, "fetch: it has no 'url'"_text);
        const std::stop_token cancel = reply->disconnected();
        context.executor.fetch.answer(
            std::move(reply), request.id, [&context, cancel, url = *url, name = name.value_or("")] {
              return video_response(fetch_video(url, name, context.fetch, context.library, cancel));
            });
      });
  const auto shared = std::make_shared<Shared>(context);
  try {
    shared->uploads.sweep(/*at_start=*/true);
  } catch (const Error& error) {
    log_event(LogLevel::kWarning, "uploads_impossible", {{"message", error.message()}});
  }
  const http::HttpUploadRunner on_uploads = [&context](std::function<void()> task) {
    context.executor.uploads.run(std::move(task));
  };
  http.upload_route(
      "PUT", "/api/v1/videos/{}",
      [shared](const http::HttpRequest& request) {
        return std::make_unique<RawUpload>(shared, request);
      },
      on_uploads);
  http.upload_route(
      "POST", "/api/v1/videos",
      [shared](const http::HttpRequest& request) {
        return std::make_unique<FormUpload>(shared, request);
      },
      on_uploads);
  http.route("GET", "/api/v1/uploads/{}", [shared](const http::HttpRequest& request, auto reply) {
    shared->context.executor.uploads.answer(
        std::move(reply), request.id,
        [shared, name = library_name(request.captures[0]), total = total_of(request)] {
          return json_response({{"received", shared->uploads.received(name, total)}});
        });
  });
  http.route("DELETE", "/api/v1/uploads/{}",
             [shared](const http::HttpRequest& request, auto reply) {
               shared->context.executor.uploads.answer(
                   std::move(reply), request.id,
                   [shared, name = library_name(request.captures[0]), total = total_of(request)] {
                     shared->uploads.forget(name, total);
                     http::HttpResponse response;
                     response.status = 204;
                     return response;
                   });
             });
}

}  // namespace shijian::server
