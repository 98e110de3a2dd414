// SQLite: connections, statements, transactions, and files that are checked before they are used.
//
// Every failure is a StoreError: kIo (disk, or another process held the file for ten seconds),
// kInvalid (damaged), kPermission, kNoMemory, kInternal (our SQL is wrong). Messages name the
// file's name but not its folder, so that they may reach a client, except those of
// prepare_database(), which are for the person who starts the program.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace shijian::jobs {

class Database;

// Failure of the store itself: the disk is full or missing, or the file is damaged or locked by
// another process. A later retry may succeed.
class StoreError : public Error {
 public:
  using Error::Error;
};

// One prepared statement on its way through its rows. Must end before its Database does.
class Statement {
 public:
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;

  // Back to the start with other values.
  template <typename... Values>
  void restart(const Values&... values) {
    reset();
    int place = 0;
    (bind(++place, values), ...);
  }
  // True while there is a row; the column functions read from it. Columns count from 0.
  bool step();
  int64_t integer(int column) const;   // 0 for NULL
  std::string text(int column) const;  // empty for NULL
  bool is_null(int column) const;

 private:
  friend class Database;
  Statement(Database& database, std::string_view sql);
  void reset();
  void bind(int place, int64_t value);
  void bind(int place, int value) { bind(place, static_cast<int64_t>(value)); }
  void bind(int place, std::string_view value);
  void bind(int place, std::nullopt_t);
  template <typename Value>
  void bind(int place, const std::optional<Value>& value) {
    value ? bind(place, *value) : bind(place, std::nullopt);
  }

  Database* database_;
  sqlite3_stmt* statement_ = nullptr;
};

// One connection, in WAL mode with synchronous=FULL: what a transaction has committed survives a
// kill and a power cut. For one thread at a time.
class Database {
 public:
  // The last connection to close moves the write-ahead log into the file, or keeps it apart.
  enum class OnClose { kMergeLog, kKeepLog };
  // The file must exist: prepare_database() makes it.
  explicit Database(const std::filesystem::path& path, OnClose on_close = OnClose::kMergeLog);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // `sql` is one statement with ?1, ?2, … for the values: integers, text (any bytes), optionals of
  // both (empty: NULL).
  template <typename... Values>
  Statement query(std::string_view sql, const Values&... values) {
    Statement statement(*this, sql);
    statement.restart(values...);
    return statement;
  }
  // Runs it to its end and returns how many rows it inserted, changed or deleted.
  template <typename... Values>
  int64_t run(std::string_view sql, const Values&... values) {
    Statement statement = query(sql, values...);
    while (statement.step()) {
    }
    return changes();
  }
  // Any number of statements without values.
  void script(const std::string& sql);

  // Steps of SQLite's virtual machine in ended statements: work done, whatever the clock says.
  int64_t steps() const { return steps_; }

 private:
  friend class Statement;
  friend class Transaction;
  int64_t changes() const;
  [[noreturn]] void fail_query(int code) const;

  std::string name_;  // the file's, without its folder
  sqlite3* connection_ = nullptr;
  int64_t steps_ = 0;
};

// Rolls back unless commit() was reached. kWrite waits for other writers at once, so that nothing
// that was read inside can be out of date when it is written; kRead sees one state throughout.
class Transaction {
 public:
  enum class Kind { kRead, kWrite };
  Transaction(Database& database, Kind kind);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

// Makes `path` ready for connections, before any is open: creates it (readable by its owner alone)
// when it is missing, checks every page, and brings its schema up to date. `steps` is the schema's
// history: step i leads from version i to i + 1, each in a transaction of its own; the version is
// in the file. `application` (not 0) marks files as ours.
// A file that is damaged, no database, or another program's is renamed, with its journals, to
// `path`.damaged-TIME and a new one made; the return value, empty otherwise, is the line that tells
// the user so. Error(kUnsupported), the file untouched, when its version is above steps.size().
Text prepare_database(const std::filesystem::path& path, int32_t application,
                      std::span<const std::string_view> steps);

}  // namespace shijian::jobs
