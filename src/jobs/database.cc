#include "jobs/database.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace shijian::jobs {
namespace {

namespace fs = std::filesystem;

constexpr int kBusyMilliseconds = 10'000;

// The files that SQLite keeps beside a database; the write-ahead log holds committed data.
constexpr std::array<std::string_view, 4> kSuffixes = {"-wal", "-shm", "-journal", ""};

fs::path with_suffix(fs::path path, std::string_view suffix) { return path += suffix; }

StoreError sqlite_error(const Text& operation, int code, const char* reason) {
  ErrorCode kind = ErrorCode::kInternal;
  Text hint;
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      kind = ErrorCode::kIo;
      hint = "another process holds the file: stop it or try again"_text;
      break;
    case SQLITE_FULL:
      kind = ErrorCode::kIo;
      hint = "free some disk space"_text;
      break;
    case SQLITE_IOERR:
      kind = ErrorCode::kIo;
      hint = "check the disk"_text;
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      kind = ErrorCode::kInvalid;
      hint = "start the program again: it moves a damaged file aside"_text;
      break;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      kind = ErrorCode::kPermission;
      hint = "check that the file and its folder may be written"_text;
      break;
    case SQLITE_NOMEM:
      kind = ErrorCode::kNoMemory;
      break;
    default:
      break;
  }
  return {kind, "{}: {}"_text(operation, Text::words(reason)), std::move(hint)};
}

int64_t pragma(Database& database, std::string_view name) {
  Statement statement = database.query(fmt::format("PRAGMA {}", name));
  return statement.step() ? statement.integer(0) : 0;
}

// What is wrong with the file; empty when it can be used.
Text find_damage(const fs::path& path, int32_t application, size_t newest_version) {
  const auto size = [&path](std::string_view suffix) {
    std::error_code missing;
    const auto bytes = fs::file_size(with_suffix(path, suffix), missing);
    return missing ? 0 : bytes;
  };
  if (size("") == 0) {
    // SQLite would delete the log of an empty file, and with it what was committed last.
    if (size("-wal") > 0) return "it is empty, but its journal is not"_text;
    return {};
  }
  require_regular_file(path, "job database"_text);
  Database database(path, Database::OnClose::kKeepLog);
  try {
    Statement check = database.query("PRAGMA quick_check(1)");
    if (check.step() && check.text(0) != "ok") return Text::words(check.text(0));
    const int64_t mark = pragma(database, "application_id");
    Statement count = database.query("SELECT count(*) FROM sqlite_master");
    count.step();
    // A database whose creation was interrupted has neither application id nor tables.
    if (mark != application && (mark != 0 || count.integer(0) > 0)) {
      return "it belongs to another program"_text;
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalid) throw;
    return error.message_text();
  }
  const int64_t version = pragma(database, "user_version");
  if (version > static_cast<int64_t>(newest_version)) {
    throw Error(ErrorCode::kUnsupported,
                "open job database {}: its version is {}, this program knows 1 to {}"_text(
                    path.string(), version, newest_version),
                "use the newer program that wrote it, or another data folder"_text);
  }
  return {};
}

// The database goes last: a kill in between leaves it damaged still, or its journals standing
// alone, and both are found at the next start.
Text move_aside(const fs::path& path, const Text& damage) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const std::string stem = fmt::format("{}.damaged-{:%Y%m%d-%H%M%S}", path.string(), now);
  std::string aside = stem;
  const auto taken = [&aside] {
    for (std::string_view suffix : kSuffixes) {
      if (fs::exists(with_suffix(aside, suffix))) return true;
    }
    return false;
  };
  for (int i = 2; taken(); ++i) aside = fmt::format("{}-{}", stem, i);
  for (std::string_view suffix : kSuffixes) {
    const fs::path from = with_suffix(path, suffix);
    if (::rename(from.c_str(), with_suffix(aside, suffix).c_str()) != 0 && errno != ENOENT) {
      throw system_error("move aside the damaged job database {}"_text(from.string()), errno);
    }
  }
  return "the job database {} cannot be read ({}): it is kept as {}, a new one is used"_text(
      path.string(), damage, aside);
}

}  // namespace

Database::Database(const fs::path& path, OnClose on_close) : name_(path.filename().string()) {
  // Not through a mutex of SQLite's own: a connection is for one thread at a time.
  const int code = sqlite3_open_v2(path.c_str(), &connection_,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) {
    const StoreError error =
        sqlite_error("open job database {}"_text(name_), code, sqlite3_errmsg(connection_));
    sqlite3_close(connection_);
    throw error;
  }
  sqlite3_busy_timeout(connection_, kBusyMilliseconds);
  sqlite3_db_config(connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
                    on_close == OnClose::kKeepLog ? 1 : 0, nullptr);
  sqlite3_exec(connection_, "PRAGMA synchronous = FULL", nullptr, nullptr, nullptr);
}

Database::~Database() { sqlite3_close(connection_); }

void Database::script(const std::string& sql) {
  const int code = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    throw sqlite_error("change job database {}"_text(name_), code, sqlite3_errmsg(connection_));
  }
}

int64_t Database::changes() const { return sqlite3_changes64(connection_); }

void Database::fail_query(int code) const {
  throw sqlite_error("query job database {}"_text(name_), code, sqlite3_errmsg(connection_));
}

Statement::Statement(Database& database, std::string_view sql) : database_(&database) {
  const int code = sqlite3_prepare_v2(database.connection_, sql.data(),
                                      static_cast<int>(sql.size()), &statement_, nullptr);
  if (code != SQLITE_OK) database.fail_query(code);
}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  database_->steps_ += sqlite3_stmt_status(statement_, SQLITE_STMTSTATUS_VM_STEP, 0);
  sqlite3_finalize(statement_);
}

void Statement::reset() { sqlite3_reset(statement_); }

void Statement::bind(int place, int64_t value) {
  const int code = sqlite3_bind_int64(statement_, place, value);
  if (code != SQLITE_OK) database_->fail_query(code);
}

void Statement::bind(int place, std::string_view value) {
  const char* bytes = value.empty() ? "" : value.data();  // a null pointer would be NULL
  const int code =
      sqlite3_bind_text64(statement_, place, bytes, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) database_->fail_query(code);
}

void Statement::bind(int place, std::nullopt_t) {
  const int code = sqlite3_bind_null(statement_, place);
  if (code != SQLITE_OK) database_->fail_query(code);
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code != SQLITE_ROW && code != SQLITE_DONE) database_->fail_query(code);
  return code == SQLITE_ROW;
}

int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (bytes == nullptr) return {};
  return std::string(bytes, static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Transaction::Transaction(Database& database, Kind kind) : database_(database) {
  database_.script(kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
  // After some errors SQLite has rolled back by itself, and says so here.
  if (open_) sqlite3_exec(database_.connection_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  database_.script("COMMIT");
  open_ = false;
}

Text prepare_database(const fs::path& path, int32_t application,
                      std::span<const std::string_view> steps) {
  Text notice;
  const Text damage = find_damage(path, application, steps.size());
  if (!damage.empty()) notice = move_aside(path, damage);

  // Jobs hold people's questions and the secrets of webhooks.
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) throw system_error("create job database {}"_text(path.string()), errno);
  ::close(fd);

  Database database(path);
  Statement mode = database.query("PRAGMA journal_mode = WAL");
  if (!mode.step() || mode.text(0) != "wal") {
    throw Error(ErrorCode::kIo,
                "open job database {}: no write-ahead log is possible there"_text(path.string()),
                "name a data folder on a local disk"_text);
  }
  while (mode.step()) {
  }
  for (;;) {
    Transaction transaction(database, Transaction::Kind::kWrite);
    const int64_t version = pragma(database, "user_version");
    if (version >= static_cast<int64_t>(steps.size())) return notice;
    database.script(std::string(steps[version]));
    database.script(fmt::format("PRAGMA user_version = {}; PRAGMA application_id = {}", version + 1,
                                application));
    transaction.commit();
  }
}

}  // namespace shijian::jobs
