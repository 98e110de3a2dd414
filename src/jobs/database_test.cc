#include "jobs/database.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "jobs/testing.h"

namespace shijian::jobs {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int32_t kMark = 42;
constexpr std::array<std::string_view, 1> kFirst = {"CREATE TABLE notes(text TEXT) STRICT"};
constexpr std::array<std::string_view, 3> kThird = {
    kFirst[0], "ALTER TABLE notes ADD COLUMN mark INTEGER NOT NULL DEFAULT 7",
    "CREATE TABLE more(x); UPDATE notes SET mark = mark + 1"};

class DatabaseTest : public FolderTest {
 protected:
  // A database with enough rows to fill many pages.
  void make_filled() {
    ASSERT_TRUE(prepare_database(path(), kMark, kFirst).empty());
    Database database(path());
    database.run(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) "
        "INSERT INTO notes SELECT 'note ' || i FROM n");
  }

  // A database whose row is in its log alone.
  void make_with_log(int32_t mark) {
    prepare_database(path(), mark, kFirst);
    Database database(path(), Database::OnClose::kKeepLog);
    database.run("INSERT INTO notes VALUES ('precious')");
  }

  static int64_t count(Database& database, std::string_view from) {
    Statement statement = database.query(fmt::format("SELECT count(*) FROM {}", from));
    statement.step();
    return statement.integer(0);
  }

  void overwrite(int64_t offset, const std::string& bytes) {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file << bytes;
  }

  // Expects that the file is moved aside whole, and returns where it is.
  fs::path expect_moved_aside() {
    const std::string before = read_file(path(), 1 << 30);
    const std::string notice = prepare_database(path(), kMark, kFirst).english();
    EXPECT_THAT(notice, HasSubstr(path().string()));
    fs::path aside;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      const std::string name = entry.path().string();
      if (name.find(".damaged-") != std::string::npos && !name.ends_with("-wal") &&
          !name.ends_with("-shm")) {
        aside = name;
      }
    }
    EXPECT_FALSE(aside.empty());
    EXPECT_THAT(notice, HasSubstr(aside.string()));
    EXPECT_EQ(read_file(aside, 1 << 30), before);
    Database fresh(path());
    EXPECT_EQ(count(fresh, "notes"), 0);
    return aside;
  }
};

TEST_F(DatabaseTest, ValuesComeBackAsTheyWere) {
  prepare_database(path(), kMark, kFirst);
  Database database(path());
  using namespace std::string_literals;
  const std::string bytes = "a\0b 时间\n"s;
  Statement row =
      database.query("SELECT ?1, ?2, ?3, ?4, ?5", int64_t{-1} << 62, bytes, std::string_view(),
                     std::optional<int64_t>(), std::optional<std::string_view>("x"));
  ASSERT_TRUE(row.step());
  EXPECT_EQ(row.integer(0), int64_t{-1} << 62);
  EXPECT_EQ(row.text(1), bytes);
  EXPECT_FALSE(row.is_null(2));
  EXPECT_EQ(row.text(2), "");
  EXPECT_TRUE(row.is_null(3));
  EXPECT_EQ(row.text(4), "x");
  EXPECT_FALSE(row.step());
}

TEST_F(DatabaseTest, CommitsReachTheDisk) {
  prepare_database(path(), kMark, kFirst);
  Database database(path());
  Statement synchronous = database.query("PRAGMA synchronous");
  ASSERT_TRUE(synchronous.step());
  EXPECT_EQ(synchronous.integer(0), 2);  // FULL
  Statement mode = database.query("PRAGMA journal_mode");
  ASSERT_TRUE(mode.step());
  EXPECT_EQ(mode.text(0), "wal");
}

TEST_F(DatabaseTest, OnlyTheOwnerMayReadIt) {
  make_filled();
  Database open(path());
  count(open, "notes");
  for (const char* suffix : {"", "-wal"}) {
    struct stat info {};
    ASSERT_EQ(::stat((path().string() + suffix).c_str(), &info), 0) << suffix;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << suffix;
  }
}

TEST_F(DatabaseTest, ATransactionThatIsNotCommittedNeverWas) {
  prepare_database(path(), kMark, kFirst);
  Database database(path());
  {
    Transaction transaction(database, Transaction::Kind::kWrite);
    EXPECT_EQ(database.run("INSERT INTO notes VALUES (?1)", "a"), 1);
  }
  EXPECT_EQ(count(database, "notes"), 0);
  {
    Transaction transaction(database, Transaction::Kind::kWrite);
    database.run("INSERT INTO notes VALUES (?1)", "a");
    transaction.commit();
  }
  EXPECT_EQ(count(database, "notes"), 1);
}

TEST_F(DatabaseTest, AFullDiskIsAnErrorAndChangesNothing) {
  make_filled();
  Database database(path());
  database.script("PRAGMA max_page_count = 1");  // no lower than what is there
  try {
    database.run("INSERT INTO notes VALUES (?1)", std::string(100'000, 'x'));
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_THAT(error.message(), HasSubstr("full"));
    EXPECT_EQ(error.message().find(folder_.string()), std::string::npos);
  }
  EXPECT_EQ(count(database, "notes"), 5000);
}

TEST_F(DatabaseTest, AWriterWaitsForAnother) {
  prepare_database(path(), kMark, kFirst);
  Database first(path());
  auto transaction = std::make_unique<Transaction>(first, Transaction::Kind::kWrite);
  first.run("INSERT INTO notes VALUES ('a')");
  std::thread other([this] {
    Database second(path());
    second.run("INSERT INTO notes VALUES ('b')");
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  transaction->commit();
  other.join();
  EXPECT_EQ(count(first, "notes"), 2);
}

TEST_F(DatabaseTest, MigratesFromEveryVersion) {
  for (size_t from = 0; from <= kThird.size(); ++from) {
    fs::remove_all(folder_);
    fs::create_directory(folder_);
    if (from > 0) {
      prepare_database(path(), kMark, std::span(kThird).first(from));
      Database database(path());
      database.run("INSERT INTO notes(text) VALUES ('kept')");
    }
    EXPECT_TRUE(prepare_database(path(), kMark, kThird).empty());
    EXPECT_TRUE(prepare_database(path(), kMark, kThird).empty());  // once is enough
    Database database(path());
    EXPECT_EQ(count(database, "more"), 0);
    EXPECT_EQ(count(database, "notes WHERE text = 'kept' AND mark = 8"), from > 0 && from < 3);
    EXPECT_EQ(count(database, "notes WHERE text = 'kept' AND mark = 7"), from == 3);
  }
}

TEST_F(DatabaseTest, AStepThatFailsLeavesTheVersionBefore) {
  make_filled();
  constexpr std::array<std::string_view, 2> kBad = {kFirst[0],
                                                    "DELETE FROM notes; CREATE TABLE notes(x)"};
  EXPECT_THROW(prepare_database(path(), kMark, kBad), Error);
  EXPECT_TRUE(prepare_database(path(), kMark, kFirst).empty());
  Database database(path());
  EXPECT_EQ(count(database, "notes"), 5000);
}

TEST_F(DatabaseTest, ANewerSchemaIsRefusedAndLeftAlone) {
  prepare_database(path(), kMark, kThird);
  const std::string before = read_file(path(), 1 << 20);
  try {
    prepare_database(path(), kMark, kFirst);
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.message(), HasSubstr("version is 3"));
  }
  EXPECT_EQ(read_file(path(), 1 << 20), before);
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsMovedAside) {
  std::ofstream(path()) << "dear diary";
  expect_moved_aside();
}

TEST_F(DatabaseTest, ATornHeaderIsMovedAside) {
  make_filled();
  overwrite(0, std::string(512, '\xff'));
  expect_moved_aside();
}

TEST_F(DatabaseTest, ATornPageIsMovedAside) {
  make_filled();
  overwrite(5 * 4096, std::string(4096, '\0'));
  expect_moved_aside();
}

TEST_F(DatabaseTest, ACutFileIsMovedAside) {
  make_filled();
  fs::resize_file(path(), fs::file_size(path()) / 2 / 4096 * 4096);
  expect_moved_aside();
}

TEST_F(DatabaseTest, TwoDamagedFilesAreBothKept) {
  for (int i = 0; i < 3; ++i) {
    std::ofstream(path()) << "diary " << i;
    EXPECT_FALSE(prepare_database(path(), kMark, kFirst).empty());
  }
  std::vector<std::string> kept;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().string().find(".damaged-") != std::string::npos) {
      kept.push_back(read_file(entry.path(), 100));
    }
  }
  EXPECT_THAT(kept, testing::UnorderedElementsAre("diary 0", "diary 1", "diary 2"));
}

// The program of the other file was killed: its last commits are in the log alone, and go along.
TEST_F(DatabaseTest, AForeignDatabaseIsMovedAsideWithItsLog) {
  make_with_log(kMark + 1);
  ASSERT_GT(fs::file_size(path().string() + "-wal"), 0u);
  Database aside(expect_moved_aside());
  EXPECT_EQ(count(aside, "notes WHERE text = 'precious'"), 1);
}

TEST_F(DatabaseTest, ALogWithoutItsDatabaseIsKept) {
  make_with_log(kMark);
  const std::string log = read_file(path().string() + "-wal", 1 << 20);
  ASSERT_NE(log, "");
  fs::resize_file(path(), 0);
  const fs::path aside = expect_moved_aside();
  EXPECT_EQ(read_file(aside.string() + "-wal", 1 << 20), log);
}

TEST_F(DatabaseTest, AFolderInItsPlaceIsAnError) {
  fs::create_directory(path());
  EXPECT_THROW(prepare_database(path(), kMark, kFirst), Error);
  EXPECT_THROW(prepare_database(folder_ / "missing" / "jobs", kMark, kFirst), Error);
}

}  // namespace
}  // namespace shijian::jobs
